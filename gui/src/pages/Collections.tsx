/** The collections of a machine, newest first; states and row counts update live. */

import { useMemo, useRef } from 'react';
import { Link } from 'react-router';
import { usePush } from '../api/push';
import type { Column, Flow, FlowPage, FlowState, Json } from '../api/types';
import { path } from '../api/http';
import { formatBytes, formatCount } from '../lib/format';
import { useQueryParam, useTitle } from '../lib/hooks';
import { clientPage, flowPage } from '../lib/places';
import type { ColumnInfo, RowGet } from '../table/columns';
import { DataTable } from '../table/DataTable';
import { listSource } from '../table/source';
import { valueText } from '../table/state';
import type { TableHandle } from '../table/useRowPages';
import { Empty } from '../ui/empty';
import { FlowStateBadge, Took } from '../ui/flow';
import { Message } from '../ui/message';
import { Segmented } from '../ui/parts';
import { Time } from '../ui/time';
import { useClient } from './ClientLayout';

const COLUMNS: Column[] = ['state', 'artifacts', 'rows', 'created', 'duration_ms', 'creator', 'uploaded_bytes', 'last_active', 'flow_id', 'status', 'urgent', 'started', 'finished_at'].map((name) => ({ name }));
const HIDDEN = ['urgent', 'last_active', 'started', 'finished_at'];

const textOf = (value: Json) => (typeof value === 'string' ? value : null);

const resultsOf = (client_id: string, get: RowGet) => flowPage({ client_id, flow_id: valueText(get('flow_id')) }, 'results');

const toCells = (flow: Flow): Json[] => COLUMNS.map(({ name }) => (flow[name as keyof Flow] ?? null) as Json);

export default function Collections() {
  const client = useClient();
  useTitle(`Collections of ${client.hostname}`);
  const [state, setState] = useQueryParam('state');
  const handle = useRef<TableHandle>(null);
  const source = useMemo(
    () => listSource<Flow>(`${path('clients', client.client_id)}/flows`, { state, sort: 'created', desc: true }, COLUMNS, (answer) => ({ total: (answer as FlowPage).total, items: (answer as FlowPage).flows }), toCells),
    [client.client_id, state],
  );
  const known = useRef(new Set<string>());
  usePush(`flows:${client.client_id}`, (event) => {
    if (event.kind === 'resync') handle.current?.refresh();
    if (event.kind !== 'flow' || event.data.client_id !== client.client_id) return;
    const { flow_id, state: now } = event.data;
    // A new collection or a new state may change which rows are shown; counts alone do not.
    if (!known.current.has(`${flow_id} ${now}`)) handle.current?.refresh();
    known.current.add(`${flow_id} ${now}`);
    handle.current?.patch((get) => get('flow_id') === flow_id, Object.fromEntries(COLUMNS.map(({ name }) => [name, event.data[name as keyof Flow] as Json]).filter(([, value]) => value !== undefined)) as Record<string, Json>);
  });
  const info = useMemo<Record<string, ColumnInfo>>(
    () => ({
      state: { title: 'State', width: 136, render: (value, get) => <FlowStateBadge flow={{ state: value as FlowState, status: textOf(get('status')), rows: Number(get('rows')) }} /> },
      artifacts: {
        title: 'Artifacts',
        width: 300,
        render: (value, get) => (
          <Link className="strong-link" to={resultsOf(client.client_id, get)}>
            {valueText(value)}
          </Link>
        ),
      },
      rows: { title: 'Rows', width: 88, kind: 'number', render: (value) => formatCount(Number(value)) },
      created: { title: 'Created', width: 164, kind: 'time', render: (value) => <Time value={value} /> },
      duration_ms: { title: 'Took', width: 88, kind: 'number', sortable: false, render: (value, get) => <Took flow={{ state: get('state') as FlowState, started: textOf(get('started')), finished_at: textOf(get('finished_at')), duration_ms: Number(value) }} /> },
      creator: { title: 'By', width: 150 },
      uploaded_bytes: { title: 'Uploads', width: 96, kind: 'bytes', sortable: false, render: (value) => (value ? formatBytes(Number(value)) : <span className="faint">–</span>) },
      last_active: { title: 'Last active', kind: 'time', width: 140, render: (value) => <Time value={value} relative /> },
      flow_id: { title: 'Collection id', width: 150, kind: 'mono', sortable: false, render: (value) => <code>{valueText(value)}</code> },
      status: { title: 'Message', width: 300, sortable: false, render: (value) => (value ? <Message text={valueText(value)} /> : <span className="faint">–</span>) },
      urgent: { title: 'Urgent', sortable: false },
      started: { title: 'Started', kind: 'time', width: 164, sortable: false, render: (value) => <Time value={value} /> },
      finished_at: { title: 'Finished', kind: 'time', width: 164, sortable: false, render: (value) => <Time value={value} /> },
    }),
    [client.client_id],
  );
  return (
    <DataTable
      id="flows"
      label={`Collections of ${client.hostname}`}
      noun={['collection', 'collections']}
      source={source}
      info={info}
      hidden={HIDDEN}
      handle={handle}
      rowHref={(get) => resultsOf(client.client_id, get)}
      searchPlaceholder="Artifact, id, creator"
      controls={
        <Segmented
          label="Which collections"
          value={state ?? ''}
          onChange={(value) => setState(value)}
          options={[
            ['', 'All'],
            ['running', 'Running'],
            ['finished', 'Finished'],
            ['error', 'Errors'],
            ['cancelled', 'Cancelled'],
          ]}
        />
      }
      empty={
        <Empty
          icon="collections"
          title={state ? 'No such collection' : 'Nothing collected yet'}
          action={
            <Link className="button button-primary" to={clientPage(client.client_id, 'collections', 'new')}>
              Collect
            </Link>
          }
          command="peregrine artifacts collect Generic.System.Pstree"
        >
          <p>A collection asks this machine one or more questions, called artifacts. Its rows appear here while it runs.</p>
        </Empty>
      }
    />
  );
}
