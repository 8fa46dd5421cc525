/** The event artifacts of each group of machines: of all, and of those with a label. */

import { useEffect, useEffectEvent, useState } from 'react';
import { useBlocker, useSearchParams } from 'react-router';
import { apiUrl, put } from '../api/http';
import { patch, useResource } from '../api/resource';
import { usePermission, useUserName } from '../api/session';
import type { Artifact, ArtifactList, ArtifactSpec, MonitoringTable } from '../api/types';
import { keepDraft, readDraftOf } from '../lib/drafts';
import { useTitle } from '../lib/hooks';
import { ConfirmDialog } from '../shell/Dialog';
import { Empty, Failure, Loading } from '../ui/empty';
import { Button, IconButton } from '../ui/parts';
import { Popover } from '../ui/popover';
import { attempt, notify } from '../ui/toast';
import { ArtifactPicker, summary } from './collect/ArtifactPicker';
import { ParameterField } from './collect/ParameterField';
import { maskSecrets } from './collect/spec';
import { UnknownParameters } from './collect/UnknownParameters';

const URL = apiUrl('monitoring/client');

interface Group {
  /** null = all machines. */
  label: string | null;
  artifacts: ArtifactSpec[];
}

const toGroups = (table: MonitoringTable): Group[] => [{ label: null, artifacts: table.artifacts }, ...table.label_events];
const toTable = (groups: Group[]): MonitoringTable => ({
  artifacts: groups.find((group) => group.label === null)?.artifacts ?? [],
  label_events: groups.flatMap((group) => (group.label === null ? [] : [{ label: group.label, artifacts: group.artifacts }])),
});

/** A draft and the table it was made from, which reveals whether somebody else has changed that meanwhile. */
interface Kept {
  groups: Group[];
  base: string;
}

export default function Monitoring() {
  useTitle('Client monitoring');
  const { data: table, error, reload } = useResource<MonitoringTable>(URL);
  const { data: known } = useResource<ArtifactList>(apiUrl('artifacts', { type: 'client_event' }));
  const key = `monitoring.${useUserName()}`;
  const [kept, setKept] = useState<Kept | null>(() => readDraftOf<Kept>(key));
  const draft = kept?.groups ?? null;
  const [label, setLabel] = useState('');
  const [params, setParams] = useSearchParams();
  const may = usePermission('COLLECT_CLIENT');
  const groups = draft ?? (table ? toGroups(table) : null);
  const base = JSON.stringify(table);
  const setDraft = (next: Group[] | null) => {
    const now = next === null || JSON.stringify(toTable(next)) === base ? null : { groups: next, base: kept?.base ?? base };
    setKept(now);
    // Saved at once: the next click may leave the page, and the session may end. Secrets are not saved.
    const masked = now && { ...now, groups: now.groups.map((group) => ({ ...group, artifacts: group.artifacts.map((spec) => ({ ...spec, parameters: maskSecrets(known?.artifacts.find((each) => each.name === spec.artifact), spec.parameters) })) })) };
    keepDraft(key, masked);
  };
  const adding = params.get('add');
  const add = useEffectEvent((name: string) => {
    if (!known?.artifacts.some((each) => each.name === name)) notify('error', `no event artifact \`${name}\` here; nothing was added`);
    else if (groups && !groups[0]?.artifacts.some((each) => each.artifact === name)) setDraft(groups.map((group) => (group.label === null ? { ...group, artifacts: [...group.artifacts, { artifact: name, parameters: {} }] } : group)));
    setParams({}, { replace: true });
  });
  const isReady = table !== undefined && known !== undefined;
  useEffect(() => {
    if (adding && isReady) add(adding);
  }, [adding, isReady]);
  const changed = draft !== null && table !== undefined && JSON.stringify(toTable(draft)) !== base;
  const blocker = useBlocker(({ currentLocation, nextLocation }) => changed && currentLocation.pathname !== nextLocation.pathname);
  useEffect(() => {
    if (!changed) return;
    // The browser asks in its own words before the window closes.
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [changed]);
  if (error && !table) return <Failure error={error} retry={reload} />;
  if (!groups || !table) return <Loading what="monitoring" />;
  const update = (at: number, artifacts: ArtifactSpec[]) => setDraft(groups.map((group, index) => (index === at ? { ...group, artifacts } : group)));
  const save = () =>
    attempt(async () => {
      const saved = await put<MonitoringTable>(URL, toTable(groups));
      patch<MonitoringTable>(URL, () => saved);
      setKept(null);
      keepDraft(key, null);
    }, 'Monitoring saved; machines pick it up when they next report');
  const discard = () => {
    const lost = kept;
    setDraft(null);
    notify('ok', 'Changes discarded', {
      label: 'Undo',
      run: () => setDraft(lost?.groups ?? null),
    });
  };
  return (
    <div className="page">
      {blocker.state === 'blocked' && (
        <ConfirmDialog
          title="Monitoring is not saved"
          action="Save and leave"
          danger={false}
          more={
            <Button
              kind="danger"
              onClick={() => {
                setKept(null);
                keepDraft(key, null);
                blocker.proceed();
              }}
            >
              Leave without saving
            </Button>
          }
          onConfirm={async () => {
            const saved = await save();
            if (saved) blocker.proceed();
            // The dialog disappears with the page.
            return false;
          }}
          onClose={() => blocker.state === 'blocked' && blocker.reset()}
        >
          <p>Machines keep running the old table until you save your changes.</p>
        </ConfirmDialog>
      )}
      <header className="page-head">
        <h1>Client monitoring</h1>
        <span className="soft">event artifacts that run on machines all the time</span>
      </header>
      <div className="monitoring">
        {changed && kept?.base !== base && <p className="notice notice-warn">Somebody else has changed monitoring since you began. Saving replaces that by what is shown here.</p>}
        {groups.map((group, at) => (
          <section key={group.label ?? ''} className="monitor-group">
            <header>
              <h2>{group.label === null ? 'All machines' : <>Machines labelled <span className="label">{group.label}</span></>}</h2>
              <span className="toolbar-space" />
              {may && (
                <Popover label="Add artifacts" icon="plus" align="end" className="button" panelClass="monitor-picker">
                  {() => (
                    <ArtifactPicker
                      artifacts={known?.artifacts ?? []}
                      chosen={group.artifacts.map((each) => each.artifact)}
                      onToggle={(name) => update(at, group.artifacts.some((each) => each.artifact === name) ? group.artifacts.filter((each) => each.artifact !== name) : [...group.artifacts, { artifact: name, parameters: {} }])}
                    />
                  )}
                </Popover>
              )}
              {may && group.label !== null && <IconButton icon="trash" label={`Remove the group ${group.label}`} onClick={() => setDraft(groups.filter((_, index) => index !== at))} />}
            </header>
            {group.artifacts.length === 0 ? (
              <Empty title="Nothing is monitored here">
                <p>Add an event artifact, such as process executions or name lookups. Its events appear on each machine’s Events page.</p>
              </Empty>
            ) : (
              group.artifacts.map((spec, index) => (
                <SpecEditor
                  key={spec.artifact}
                  spec={spec}
                  artifact={known?.artifacts.find((each) => each.name === spec.artifact)}
                  may={may}
                  onChange={(next) => update(at, group.artifacts.map((old, position) => (position === index ? next : old)))}
                  onRemove={() => update(at, group.artifacts.filter((_, position) => position !== index))}
                />
              ))
            )}
          </section>
        ))}
        {may && (
          <form
            className="monitor-add"
            onSubmit={(event) => {
              event.preventDefault();
              const name = label.trim();
              if (name && !groups.some((group) => group.label === name)) setDraft([...groups, { label: name, artifacts: [] }]);
              setLabel('');
            }}
          >
            <input aria-label="Label" placeholder="Label of a group of machines" value={label} onChange={(event) => setLabel(event.target.value)} />
            <Button icon="plus" type="submit" disabled={!label.trim()}>
              Add group
            </Button>
          </form>
        )}
      </div>
      {changed && (
        <footer className="collect-foot">
          <strong>Not saved yet</strong>
          <span className="soft">Machines keep running the old table until you save.</span>
          <span className="toolbar-space" />
          <Button onClick={discard}>Discard changes</Button>
          <Button kind="primary" onClick={() => void save()}>
            Save monitoring
          </Button>
        </footer>
      )}
    </div>
  );
}

function SpecEditor({ spec, artifact, may, onChange, onRemove }: { spec: ArtifactSpec; artifact: Artifact | undefined; may: boolean; onChange: (spec: ArtifactSpec) => void; onRemove: () => void }) {
  const parameters = artifact?.parameters ?? [];
  const changed = Object.keys(spec.parameters).length;
  return (
    <div className="monitor-spec">
    <details>
      <summary>
        <strong>{spec.artifact}</strong>
        <span className="picker-text">{summary(artifact?.description ?? null)}</span>
        {changed > 0 && <span className="tag">{changed} changed</span>}
      </summary>
      <fieldset disabled={!may}>
        {artifact && <UnknownParameters artifact={artifact} values={spec.parameters} onChange={(next) => onChange({ ...spec, parameters: next })} />}
        {parameters.length === 0 && <p className="faint">It has no parameters.</p>}
        {parameters.map((parameter) => (
          <ParameterField
            key={parameter.name}
            parameter={parameter}
            value={spec.parameters[parameter.name]}
            keepsHidden
            onChange={(value) => {
              const next = { ...spec.parameters };
              if (value === undefined) delete next[parameter.name];
              else next[parameter.name] = value;
              onChange({ ...spec, parameters: next });
            }}
          />
        ))}
      </fieldset>
    </details>
    {may && <IconButton icon="close" label={`Stop monitoring ${spec.artifact}`} onClick={onRemove} />}
    </div>
  );
}
