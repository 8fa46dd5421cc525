/** One collection: its state and limits, its rows as they come, its log, what was asked. */

import { useMemo, useState } from 'react';
import { Link, NavLink, useNavigate, useParams } from 'react-router';
import { apiUrl, del, path, post } from '../api/http';
import { usePush } from '../api/push';
import { patch, useResource } from '../api/resource';
import { usePermission } from '../api/session';
import { isActive, shownState, type Flow, type Json } from '../api/types';
import { formatBytes, formatCount, formatDuration, parseTime, plural } from '../lib/format';
import { useAddress, useNow, useTitle } from '../lib/hooks';
import { shellWord, vqlString } from '../lib/text';
import { DataTable } from '../table/DataTable';
import type { CellContext } from '../table/cells';
import { restSource } from '../table/source';
import { Code } from '../ui/code';
import { Command, CopyId } from '../ui/copy';
import { Empty, Failure, Loading } from '../ui/empty';
import { FlowStateBadge, flowDuration, Took } from '../ui/flow';
import { Icon } from '../ui/icons';
import { JsonTree } from '../ui/json';
import { Message } from '../ui/message';
import { Button, Meter } from '../ui/parts';
import { MenuItem, Popover } from '../ui/popover';
import { Time } from '../ui/time';
import { attempt } from '../ui/toast';
import { ConfirmDialog } from '../shell/Dialog';
import { useClient } from './ClientLayout';
import { LIMITS, shareableSpec } from './collect/spec';

const TABS = [
  ['overview', 'Overview'],
  ['results', 'Results'],
  ['logs', 'Logs'],
  ['request', 'Request'],
] as const;

export default function Collection() {
  const client = useClient();
  const { flow: flowId = '', tab = 'overview' } = useParams();
  const url = apiUrl(path('clients', client.client_id, 'flows', flowId));
  const { data: flow, error, reload } = useResource<Flow>(url);
  useTitle(flow ? `${flow.artifacts.join(', ')} on ${client.hostname}` : 'Collection');
  usePush(`flow:${client.client_id}/${flowId}`, (event) => {
    if (event.kind === 'resync') reload();
    if (event.kind === 'flow' && event.data.flow_id === flowId) {
      patch<Flow>(url, (old) => ({ ...old, ...event.data, request: event.data.request ?? old.request, limits: event.data.limits ?? old.limits, query_stats: event.data.query_stats ?? old.query_stats }));
      if (!isActive(event.data)) reload();
    }
    if (event.kind === 'rows' && event.data.flow_id === flowId) {
      const { source, total_rows } = event.data;
      patch<Flow>(url, (old) => {
        const known = old.sources.some((each) => each.name === source);
        const sources = known ? old.sources.map((each) => (each.name === source ? { ...each, rows: Math.max(each.rows, total_rows) } : each)) : [...old.sources, { name: source, rows: total_rows }];
        return { ...old, sources, rows: Math.max(old.rows, sources.reduce((sum, each) => sum + each.rows, 0)) };
      });
    }
  });
  if (error && !flow) return <Failure error={error} retry={reload} />;
  if (!flow) return <Loading what="collection" />;
  return (
    <div className="collection">
      <CollectionHead flow={flow} />
      {!isActive(flow) && flow.status && <Ended flow={flow} />}
      {tab === 'overview' && <Overview flow={flow} />}
      {tab === 'results' && <Results flow={flow} />}
      {tab === 'logs' && <Logs flow={flow} />}
      {tab === 'request' && <RequestView flow={flow} />}
    </div>
  );
}

function CollectionHead({ flow }: { flow: Flow }) {
  const base = `/clients/${encodeURIComponent(flow.client_id)}/collections`;
  const navigate = useNavigate();
  const may = usePermission('COLLECT_CLIENT');
  const cancel = () => void attempt(() => post(apiUrl(`${path('clients', flow.client_id, 'flows', flow.flow_id)}/cancel`)), 'Cancelling');
  const [deleting, setDeleting] = useState(false);
  const remove = () =>
    attempt(async () => {
      await del(apiUrl(path('clients', flow.client_id, 'flows', flow.flow_id)));
      void navigate(base);
    }, 'Collection deleted');
  return (
    <>
    <header className="flow-head">
      <Link to={base} className="icon-button" aria-label="All collections of this machine" title="All collections of this machine">
        <Icon name="left" />
      </Link>
      <h2>{flow.artifacts.join(', ')}</h2>
      <FlowStateBadge flow={flow} />
      <Progress flow={flow} />
      <nav className="tabs tabs-small" aria-label="Collection">
        {TABS.map(([tab, title]) => (
          <NavLink key={tab} to={`${base}/${encodeURIComponent(flow.flow_id)}/${tab}`}>
            {title}
            {tab === 'results' && <span className="tab-number nums">{formatCount(flow.rows)}</span>}
            {tab === 'logs' && flow.logs > 0 && <span className="tab-number nums">{formatCount(flow.logs)}</span>}
          </NavLink>
        ))}
      </nav>
      <span className="toolbar-space" />
      {isActive(flow) && may && (
        <Button icon="stop" kind="danger" onClick={cancel}>
          Cancel
        </Button>
      )}
      <Popover label="More" icon="dots" align="end" className="button">
        {(close) => (
          <>
            <MenuItem
              icon="copy"
              onClick={() => {
                close();
                void navigate(`${base}/new?${shareableSpec(flow.request ?? { artifacts: flow.artifacts.map((artifact) => ({ artifact, parameters: {} })) })}`);
              }}
            >
              Collect again, with changes
            </MenuItem>
            <hr />
            <MenuItem
              icon="trash"
              danger
              onClick={() => {
                close();
                setDeleting(true);
              }}
            >
              Delete this collection…
            </MenuItem>
          </>
        )}
      </Popover>
    </header>
    {deleting && (
      <ConfirmDialog title="Delete this collection?" action="Delete collection" typed="delete" onConfirm={remove} onClose={() => setDeleting(false)}>
        <p>
          <strong>{flow.artifacts.join(', ')}</strong> of <Time value={flow.created} />, by {flow.creator}, <code>{flow.flow_id}</code>
        </p>
        <p>
          {isActive(flow) && 'It is still running and is stopped first. '}
          {plural(flow.rows, 'row')}, {plural(flow.logs, 'log line')}
          {flow.uploaded_files > 0 && ` and ${plural(flow.uploaded_files, 'uploaded file')} (${formatBytes(flow.uploaded_bytes)})`} are removed from the server. This cannot be undone.
        </p>
      </ConfirmDialog>
    )}
    </>
  );
}

/** Why it ended before it was done, on every tab: the rows that are there are not all there could have been. */
function Ended({ flow }: { flow: Flow }) {
  const state = shownState(flow);
  const kept = flow.rows > 0 ? `The ${plural(flow.rows, 'row')} that came before ${flow.rows === 1 ? 'is' : 'are'} kept.` : '';
  return (
    <p className={`flow-ended notice ${state === 'error' || state === 'incomplete' ? 'notice-error' : state === 'cancelled' ? 'notice-quiet' : ''}`} role={state === 'cancelled' ? 'status' : 'alert'}>
      <Message text={`${flow.status ?? ''}`.replace(/([^.!?])$/, '$1.')} /> {state !== 'finished' && kept}
    </p>
  );
}

/** What is happening, how far, for how long. */
function Progress({ flow }: { flow: Flow }) {
  const active = isActive(flow);
  const now = useNow(active ? 1_000 : 60_000);
  const since = parseTime(flow.started ?? flow.created);
  const limit = flow.limits?.timeout ?? null;
  const took = flowDuration(flow, now);
  if (!active) return <span className="faint nums flow-progress">{plural(flow.rows, 'row')}{took !== null && ` in ${formatDuration(took)}`}</span>;
  const passed = since === null ? 0 : Math.max(0, now - since);
  return (
    <span className="flow-progress nums">
      {plural(flow.rows, 'row')} · {formatDuration(passed)}
      {limit !== null && limit > 0 && (
        <span className="flow-limit" title={`stops after ${formatDuration(limit * 1_000)}`}>
          <Meter share={passed / (limit * 1_000)} />
        </span>
      )}
    </span>
  );
}

function Overview({ flow }: { flow: Flow }) {
  const base = `/clients/${encodeURIComponent(flow.client_id)}/collections/${encodeURIComponent(flow.flow_id)}`;
  const facts: [string, React.ReactNode][] = [
    ['Collection id', <CopyId key="id" id={flow.flow_id} />],
    ['By', flow.creator],
    ['Created', <Time key="created" value={flow.created} precise />],
    ['Started', <Time key="started" value={flow.started} precise />],
    ['Last active', <Time key="active" value={flow.last_active} precise />],
    ['Finished', <Time key="finished" value={flow.finished_at} precise />],
    ['Took', <Took key="took" flow={flow} />],
    ['Rows', formatCount(flow.rows)],
    ['Uploads', flow.uploaded_files === 0 ? 'none' : `${plural(flow.uploaded_files, 'file')}, ${formatBytes(flow.uploaded_bytes)}`],
    ['Urgent', flow.urgent ? 'yes' : 'no'],
  ];
  const limits = LIMITS.flatMap(({ key, title, unit }) => (flow.limits?.[key] ? [{ key, title, unit, value: flow.limits[key] }] : []));
  return (
    <div className="flow-overview">
      {isActive(flow) && flow.status && (
        <p className="notice">
          <Message text={flow.status} />
        </p>
      )}
      {flow.state === 'waiting' && <p className="notice">Waiting for the machine to pick this up. It does so within a second when it is online, else when it next connects.</p>}
      <div className="flow-columns">
        <section>
          <h2>Sources</h2>
          {flow.sources.length === 0 ? (
            <p className="soft">{isActive(flow) ? 'Rows appear here as soon as the machine sends them.' : 'No source returned a row.'}</p>
          ) : (
            <ul className="sources">
              {flow.sources.map((source) => (
                <li key={source.name}>
                  <Link to={`${base}/results?source=${encodeURIComponent(source.name)}`}>
                    <strong>{source.name}</strong>
                    <span className="nums">{plural(source.rows, 'row')}</span>
                  </Link>
                </li>
              ))}
            </ul>
          )}
          {flow.request?.artifacts.map((spec) => (
            <div key={spec.artifact} className="flow-spec">
              <h2>
                <Link to={`/artifacts/${encodeURIComponent(spec.artifact)}`}>{spec.artifact}</Link>
              </h2>
              {Object.keys(spec.parameters ?? {}).length === 0 ? (
                <p className="soft">Default parameters.</p>
              ) : (
                <dl className="facts">
                  {Object.entries(spec.parameters).map(([name, value]) => (
                    <div key={name}>
                      <dt>{name}</dt>
                      <dd className="mono">{value || <span className="faint">empty</span>}</dd>
                    </div>
                  ))}
                </dl>
              )}
            </div>
          ))}
        </section>
        <section>
          <h2>Facts</h2>
          <dl className="facts">
            {facts.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd className="nums">{value}</dd>
              </div>
            ))}
          </dl>
          <h2>Limits</h2>
          {limits.length === 0 ? (
            <p className="soft">None: it may take what it needs.</p>
          ) : (
            <dl className="facts">
              {limits.map(({ key, title, unit, value }) => (
                <div key={key}>
                  <dt>{title}</dt>
                  <dd className="nums">
                    {unit === 'B' ? formatBytes(value) : `${formatCount(value)} ${unit}`}
                  </dd>
                </div>
              ))}
            </dl>
          )}
        </section>
      </div>
    </div>
  );
}

function Results({ flow }: { flow: Flow }) {
  const [params, change] = useAddress();
  const sources = flow.sources;
  const wanted = params.get('source');
  const source = sources.find((each) => each.name === wanted) ?? sources.find((each) => each.rows > 0) ?? sources[0];
  const name = source?.name ?? '';
  const restUrl = `${path('clients', flow.client_id, 'flows', flow.flow_id)}/results`;
  const rows = useMemo(() => restSource(restUrl, { params: { source: name }, facets: true, exports: true, vql: `source(client_id=${vqlString(flow.client_id)}, flow_id=${vqlString(flow.flow_id)}, artifact=${vqlString(name)})` }), [restUrl, name, flow.client_id, flow.flow_id]);
  // A process row leads to its family, built from these very rows.
  const context = useMemo<CellContext>(() => {
    const base = `/clients/${encodeURIComponent(flow.client_id)}/processes?flow=${encodeURIComponent(flow.flow_id)}`;
    return {
      clientId: flow.client_id,
      flowId: flow.flow_id,
      processHref: (get) => (get('Pid') !== null && get('CallChain') !== null ? `${base}&process=${encodeURIComponent(processKey(get))}` : null),
    };
  }, [flow.client_id, flow.flow_id]);
  const active = isActive(flow);
  if (!source)
    return (
      <Empty icon="collections" title={active ? 'No rows yet' : shownState(flow) === 'cancelled' ? 'It was cancelled before a row came' : flow.state === 'error' ? 'It failed before a row came' : 'No rows'}
        action={!active && <Link className="button" to="../logs" relative="path">Read its log</Link>}
      >
        <p>{active ? 'They appear here as soon as the machine sends them.' : flow.status ? <Message text={flow.status} /> : 'The collection finished without a row. Its log may say why.'}</p>
      </Empty>
    );
  return (
    <DataTable
      key={name}
      id={`results.${name}`}
      label={`Results of ${name}`}
      source={rows}
      context={context}
      arrange={chainFirst}
      liveTotal={source.rows}
      live={active}
      controls={
        sources.length > 1 ? (
          <select aria-label="Source" value={name} onChange={(event) => change({ source: event.target.value }, true)}>
            {sources.map((each) => (
              <option key={each.name} value={each.name}>
                {each.name} ({formatCount(each.rows)})
              </option>
            ))}
          </select>
        ) : undefined
      }
      empty={
        <Empty icon="collections" title={active ? 'No rows yet' : 'No rows from this source'}>
          <p>{active ? 'They appear here as soon as the machine sends them.' : 'It ran and found nothing.'}</p>
        </Empty>
      }
    />
  );
}

/** The call chain is what one reads a process list for: it stands beside the name. */
function chainFirst(names: string[]): string[] {
  if (!names.includes('CallChain') || !names.includes('Name')) return names;
  const others = names.filter((name) => name !== 'CallChain');
  others.splice(others.indexOf('Name') + 1, 0, 'CallChain');
  return others;
}

/** What names a process in a row: the tracker's id when the artifact sends one, else its number. */
export function processKey(get: (column: string) => Json): string {
  const id = get('TrackerId') ?? get('Id') ?? get('Pid');
  return typeof id === 'string' || typeof id === 'number' ? String(id) : '';
}

function Logs({ flow }: { flow: Flow }) {
  const source = useMemo(() => restSource(`${path('clients', flow.client_id, 'flows', flow.flow_id)}/logs`), [flow.client_id, flow.flow_id]);
  return (
    <DataTable
      id="logs"
      label="Log of the collection"
      noun={['line', 'lines']}
      source={source}
      info={LOG_COLUMNS}
      liveTotal={flow.logs}
      live={isActive(flow)}
      empty={
        <Empty icon="info" title="No log line">
          <p>What the machine says about running the queries is shown here.</p>
        </Empty>
      }
    />
  );
}

const LOG_COLUMNS = { client_time: { title: 'Time', kind: 'time', width: 200 }, level: { title: 'Level', kind: 'severity', width: 90 }, message: { title: 'Message', width: 600 } } as const;

const hasContent = (value: Json | undefined) => value !== undefined && value !== null && (typeof value !== 'object' || Object.keys(value).length > 0);

function RequestView({ flow }: { flow: Flow }) {
  const request = flow.request ?? null;
  const text = JSON.stringify(request, null, 2);
  const first = request?.artifacts[0];
  const args = Object.entries(first?.parameters ?? {}).map(([name, value]) => ` --args ${shellWord(`${name}=${value}`)}`);
  return (
    <div className="flow-overview">
      <h2>Request</h2>
      <Code text={text} language="json" label="request" />
      {first && (
        <>
          <h2>The same from a terminal on the machine</h2>
          <Command>{`peregrine artifacts collect ${request.artifacts.map((each) => each.artifact).join(' ')}${args.join('')}`}</Command>
        </>
      )}
      {hasContent(flow.query_stats) && (
        <>
          <h2>Query statistics</h2>
          <JsonTree value={flow.query_stats ?? null} depth={2} />
        </>
      )}
    </div>
  );
}
