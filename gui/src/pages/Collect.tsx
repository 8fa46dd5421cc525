/** New collection, on one page: the artifacts, their parameters, the limits; then launch. */

import { useCallback, useEffect, useRef, useState } from 'react';
import { Link, useNavigate, useSearchParams } from 'react-router';
import { ApiError, apiUrl, messageOf, path, post } from '../api/http';
import { useAnswer, useResource } from '../api/resource';
import { usePermissions, useUserName } from '../api/session';
import type { Artifact, ArtifactList, Compiled, FlowStarted } from '../api/types';
import { keepDraft, readDraftOf } from '../lib/drafts';
import { formatCount, plural } from '../lib/format';
import { useDebounced, useKeys, useTitle } from '../lib/hooks';
import { artifactPage, clientPage, flowPage } from '../lib/places';
import { shellWord } from '../lib/text';
import { Code } from '../ui/code';
import { Failure, Loading } from '../ui/empty';
import { Message } from '../ui/message';
import { Button, IconButton, OnlineDot, Segmented } from '../ui/parts';
import { notify } from '../ui/toast';
import { useClient } from './ClientLayout';
import { ArtifactPicker, summary } from './collect/ArtifactPicker';
import { ParameterField } from './collect/ParameterField';
import { type Draft, lacking, limitOf, LIMITS, obstacles, parseLimit, readDraft, toRequest, withoutSecrets, writeDraft } from './collect/spec';
import { UnknownParameters } from './collect/UnknownParameters';

interface Refusal {
  artifact: string;
  parameter: string;
  message: string;
}

function refusalOf(error: unknown): Refusal | null {
  const detail = error instanceof ApiError && error.code === 'bad_parameter' ? error.detail : null;
  if (detail === null || !('parameter' in detail) || detail.parameter === null) return null;
  const { artifact, parameter, message } = detail;
  return { artifact, parameter, message };
}

export default function Collect() {
  const client = useClient();
  const navigate = useNavigate();
  const [params, setParams] = useSearchParams();
  const key = `collect.${useUserName()}.${client.client_id}`;
  // Without one in the address, use the unfinished draft.
  const [kept] = useState(() => (params.size === 0 ? readDraftOf<string>(key) : null));
  const [draft, setDraft] = useState(() => readDraft(kept === null ? params : new URLSearchParams(kept)));
  const [isBack, setIsBack] = useState(kept !== null);
  const has = usePermissions();
  const { data, error, reload } = useResource<ArtifactList>(apiUrl('artifacts', { type: 'client' }));
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [busy, setBusy] = useState(false);
  useTitle(`Collect from ${client.hostname}`);
  const all = data?.artifacts ?? [];
  const change = (part: Partial<Draft>) => {
    setRefusal(null);
    const next = { ...draft, ...part };
    setDraft(next);
    // At once, while the address waits for a pause: leaving now keeps it.
    keepDraft(key, writeDraft(withoutSecrets(next, all)).toString() || null);
  };
  const startAfresh = () => {
    setIsBack(false);
    change({ artifacts: [], parameters: {}, limits: {}, urgent: false });
  };
  // The draft is also in the address, so that it can be sent and survives a reload; the address follows when typing pauses. The
  // address takes precedence: a restored draft is not in it yet.
  const written = useRef(params.toString());
  const address = useDebounced(writeDraft(withoutSecrets(draft, all)).toString(), 250);
  useEffect(() => {
    const now = params.toString();
    if (now === written.current) return;
    written.current = now;
    setDraft(readDraft(params));
    setIsBack(false);
  }, [params]);
  useEffect(() => {
    if (address === written.current) return;
    written.current = address;
    setParams(new URLSearchParams(address), { replace: true });
  }, [address, setParams]);
  const chosen = draft.artifacts.map((name) => all.find((artifact) => artifact.name === name)).filter((artifact) => artifact !== undefined);
  const unknown = data ? draft.artifacts.filter((name) => !all.some((artifact) => artifact.name === name)) : [];
  const toggle = (name: string) => change({ artifacts: draft.artifacts.includes(name) ? draft.artifacts.filter((each) => each !== name) : [...draft.artifacts, name] });

  // A user with only COLLECT_BASIC is offered the artifacts that permits.
  const offered = has('COLLECT_CLIENT') ? all : all.filter((artifact) => lacking(artifact, has) === null);
  const why = obstacles(draft, all, has);
  const ready = why.length === 0;

  const launch = async () => {
    if (!ready || busy) return;
    setBusy(true);
    try {
      const { flow_id } = await post<FlowStarted>(apiUrl(`${path('clients', client.client_id)}/flows`), toRequest(draft));
      keepDraft(key, null);
      void navigate(flowPage({ client_id: client.client_id, flow_id }, 'results'));
    } catch (reason) {
      const found = refusalOf(reason);
      setRefusal(found);
      notify('error', messageOf(reason));
    }
    setBusy(false);
  };
  // Values that were hidden when a collection was stored have to be typed again when it is repeated.
  const isLoaded = data !== undefined;
  useEffect(() => {
    if (isLoaded) document.querySelector<HTMLElement>('[data-type-again]')?.focus();
  }, [isLoaded]);
  useKeys((event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === 'Enter') {
      event.preventDefault();
      void launch();
    }
  });
  if (error && !data) return <Failure error={error} retry={reload} command="peregrine artifacts list" />;
  if (!data) return <Loading what="artifacts" />;
  return (
    <div className="collect">
      <section className="collect-pick" aria-label="Artifacts">
        <ArtifactPicker artifacts={offered} chosen={draft.artifacts} onToggle={toggle} os={client.os} takesKeys={draft.artifacts.length === 0} />
      </section>
      <div className="collect-main">
        {isBack && chosen.length > 0 && (
          <p className="notice notice-line" role="status">
            This is the collection you did not launch.{' '}
            <button type="button" className="link" onClick={startAfresh}>
              Start afresh
            </button>
          </p>
        )}
        {chosen.length === 0 && unknown.length === 0 ? (
          <div className="empty">
            <h2>What do you want to know?</h2>
            <div className="empty-text">
              <p>Choose one or more artifacts on the left. Their parameters, the limits and the equivalent query appear here.</p>
            </div>
            <div className="suggestions">
              {['Generic.System.Pstree', 'Linux.Search.FileFinder', 'Linux.Network.Netstat', 'Generic.Client.Info'].filter((name) => offered.some((artifact) => artifact.name === name)).map((name) => (
                <Button key={name} icon="plus" onClick={() => toggle(name)}>
                  {name}
                </Button>
              ))}
            </div>
          </div>
        ) : (
          <>
            {unknown.map((name) => (
              <p className="notice notice-error" key={name}>
                No artifact <code>{name}</code> here. <button type="button" className="link" onClick={() => toggle(name)}>Take it out</button>
              </p>
            ))}
            {chosen.map((artifact) => (
              <ArtifactSection
                key={artifact.name}
                artifact={artifact}
                values={draft.parameters[artifact.name] ?? {}}
                refusal={refusal?.artifact === artifact.name ? refusal : null}
                onRemove={() => toggle(artifact.name)}
                onChange={(values) => change({ parameters: { ...draft.parameters, [artifact.name]: values } })}
              />
            ))}
            <LimitsSection draft={draft} artifacts={chosen} change={change} />
            {chosen.length > 0 && <Review draft={draft} artifacts={chosen} clientId={client.client_id} valid={ready} />}
          </>
        )}
      </div>
      <footer className="collect-foot">
        <span className="collect-target">
          <OnlineDot online={client.online} label={false} /> {chosen.length === 0 ? 'Nothing chosen' : <>{plural(chosen.length, 'artifact')} on <strong>{client.hostname}</strong></>}
          {!client.online && <span className="faint">offline: it runs when the machine next connects</span>}
        </span>
        <span className="toolbar-space" />
        <label className="collect-urgent">
          <input type="checkbox" checked={draft.urgent} onChange={(event) => change({ urgent: event.target.checked })} /> Urgent
        </label>
        {why.length > 0 && (
          <span className="collect-why" id="launch-why">
            {why[0]}
            {why.length > 1 && <span className="faint"> And {plural(why.length - 1, 'more fault')}.</span>}
          </span>
        )}
        <Link className="button" to={clientPage(client.client_id, 'collections')} onClick={() => keepDraft(key, null)}>
          Cancel
        </Link>
        <Button kind="primary" disabled={!ready || busy} onClick={() => void launch()} title={why[0] ?? 'Ctrl Enter'} aria-describedby={why.length > 0 ? 'launch-why' : undefined}>
          {busy ? 'Launching…' : 'Launch'} <kbd>Ctrl ⏎</kbd>
        </Button>
      </footer>
    </div>
  );
}

function ArtifactSection({ artifact, values, refusal, onRemove, onChange }: { artifact: Artifact; values: Record<string, string>; refusal: Refusal | null; onRemove: () => void; onChange: (values: Record<string, string>) => void }) {
  const parameters = (artifact.parameters ?? []).filter((parameter) => parameter.type !== 'hidden');
  return (
    <section className="collect-section">
      <header>
        <h2>{artifact.name}</h2>
        <Link to={artifactPage(artifact.name)} className="faint">
          documentation
        </Link>
        <span className="toolbar-space" />
        <IconButton icon="close" label={`Remove ${artifact.name}`} onClick={onRemove} />
      </header>
      <p className="soft">{summary(artifact.description)}</p>
      <UnknownParameters artifact={artifact} values={values} onChange={onChange} />
      {parameters.length === 0 && <p className="faint">It has no parameters.</p>}
      {parameters.map((parameter) => (
        <ParameterField
          key={parameter.name}
          parameter={parameter}
          value={values[parameter.name]}
          error={refusal?.parameter === parameter.name ? refusal.message : undefined}
          onChange={(value) => {
            const next = { ...values };
            if (value === undefined) delete next[parameter.name];
            else next[parameter.name] = value;
            onChange(next);
          }}
        />
      ))}
    </section>
  );
}

function LimitsSection({ draft, artifacts, change }: { draft: Draft; artifacts: Artifact[]; change: (part: Partial<Draft>) => void }) {
  return (
    <section className="collect-section">
      <header>
        <h2>Limits</h2>
        <span className="faint">blank: the default</span>
      </header>
      <div className="limits">
        {LIMITS.map(({ key, title, unit, hint }) => {
          const value = draft.limits[key] ?? '';
          const own = artifacts.map((artifact) => limitOf(artifact.resources, key)).find((limit) => typeof limit === 'number' && limit > 0);
          const bad = value !== '' && parseLimit(value, unit) === null;
          return (
            <label key={key}>
              {title}
              <span className="limit-input">
                <input inputMode="numeric" value={value} aria-invalid={bad || undefined} placeholder={own ? formatCount(own) : hint} onChange={(event) => change({ limits: { ...draft.limits, [key]: event.target.value } })} />
                <span className="faint">{unit}</span>
              </span>
              {bad && <span className="field-error">Expected a number{unit === 'B' ? ', such as 500M' : ''}.</span>}
            </label>
          );
        })}
      </div>
    </section>
  );
}

type ReviewTab = 'vql' | 'api' | 'cli' | 'compiled';

function Review({ draft, artifacts, clientId, valid }: { draft: Draft; artifacts: Artifact[]; clientId: string; valid: boolean }) {
  const [tab, setTab] = useState<ReviewTab>('vql');
  const request = useDebounced(JSON.stringify(toRequest(draft)), 300);
  const compile = useCallback((signal: AbortSignal) => post<Compiled>(apiUrl('artifacts/compile'), JSON.parse(request), signal), [request]);
  const { data: compiled, error } = useAnswer(valid ? compile : null);
  const shown = withoutSecrets(draft, artifacts);
  const body = JSON.stringify(toRequest(shown), null, 2);
  const args = draft.artifacts.flatMap((artifact) => Object.entries(shown.parameters[artifact] ?? {}).map(([name, value]) => ` \\\n  --args ${shellWord(`${draft.artifacts.length > 1 ? `${artifact}::` : ''}${name}=${value}`)}`));
  const views: Record<ReviewTab, React.ReactNode> = {
    vql: compiled && <Code text={compiled.equivalent_vql.replace(/client_id=(?:ClientId\b|'C\.…')/, `client_id='${clientId}'`)} language="vql" label="equivalent VQL" />,
    api: <Code text={`POST /api/v1/clients/${clientId}/flows\n\n${body}`} language="json" label="equivalent API call" />,
    cli: <Code text={`peregrine artifacts collect ${draft.artifacts.join(' ')}${args.join('')}`} language="text" label="equivalent command" />,
    compiled: compiled && <Code text={compiled.requests.map((each) => each.statements.join('\n')).join('\n\n')} language="vql" label="what is sent to the machine" />,
  };
  return (
    <section className="collect-section">
      <header>
        <h2>The same as</h2>
        <Segmented
          label="Form"
          value={tab}
          onChange={setTab}
          options={[
            ['vql', 'VQL'],
            ['api', 'API call'],
            ['cli', 'Command on the machine'],
            ['compiled', 'Sent to the machine'],
          ]}
        />
      </header>
      {error ? <p className="notice notice-error"><Message text={error.message} /></p> : (views[tab] ?? (valid ? <Loading what="query" /> : <p className="faint">It is shown once nothing stands in the way of a launch.</p>))}
    </section>
  );
}
