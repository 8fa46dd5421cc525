/** What the machine's monitoring recorded, artifact by artifact, in a chosen range of time. */

import { useMemo, useRef } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { apiUrl, path } from '../api/http';
import { usePush } from '../api/push';
import { useResource } from '../api/resource';
import type { EventArtifact } from '../api/types';
import { formatCount, plural } from '../lib/format';
import { useQueryParam, useTitle } from '../lib/hooks';
import { vqlString } from '../lib/text';
import { DataTable, type TableHandle } from '../table/DataTable';
import { restSource } from '../table/source';
import { Empty, Failure, IconButton, Loading, Time } from '../ui/parts';
import { useClient } from './ClientLayout';

const RANGES: [string, number | null][] = [
  ['All time', null],
  ['Last hour', 3_600],
  ['Last day', 86_400],
  ['Last week', 604_800],
];

/** Events carry the server's time as `_ts`: here it is no internal column but the first. */
const EVENT_COLUMNS = { _ts: { title: 'Time', kind: 'time' } } as const;
const timeFirst = (names: string[]) => (names.includes('_ts') ? ['_ts', ...names.filter((name) => name !== '_ts')] : names);

export default function Events() {
  const client = useClient();
  const { artifact } = useParams();
  const navigate = useNavigate();
  const base = `/clients/${encodeURIComponent(client.client_id)}/events`;
  useTitle(`Events of ${client.hostname}`);
  const { data, error, reload } = useResource<{ artifacts: EventArtifact[] }>(apiUrl(`${path('clients', client.client_id)}/events`));
  const [start, setStart] = useQueryParam('start');
  const [end, setEnd] = useQueryParam('end');
  const handle = useRef<TableHandle>(null);
  usePush(`client:${client.client_id}`, (event) => {
    if (event.kind === 'resync') reload();
  });
  const list = data?.artifacts ?? [];
  const current = list.find((each) => each.name === artifact) ?? (artifact ? { name: artifact, rows: 0, first: null, last: null } : list[0]);
  const name = current?.name ?? '';
  const source = useMemo(
    () => restSource(path('clients', client.client_id, 'events', name), { params: { start, end }, vql: `source(client_id=${vqlString(client.client_id)}, artifact=${vqlString(name)}, mode='CLIENT_EVENT'${start ? `, start_time=${vqlString(start)}` : ''}${end ? `, end_time=${vqlString(end)}` : ''})` }),
    [client.client_id, name, start, end],
  );
  const context = useMemo(() => ({ clientId: client.client_id }), [client.client_id]);
  if (error && !data) return <Failure error={error} retry={reload} />;
  if (!data) return <Loading what="events" />;
  if (!current)
    return (
      <Empty
        icon="events"
        title="No events recorded"
        action={
          <Link className="button button-primary" to="/monitoring">
            Set up monitoring
          </Link>
        }
      >
        <p>Monitoring runs event artifacts on machines all the time. What they see on this machine will be listed here.</p>
      </Empty>
    );
  return (
    <DataTable
      key={name}
      id={`events.${name}`}
      label={`Events of ${name}`}
      source={source}
      handle={handle}
      info={EVENT_COLUMNS}
      arrange={timeFirst}
      context={context}
      controls={
        <>
          <select aria-label="Event artifact" value={name} onChange={(event) => void navigate(`${base}/${encodeURIComponent(event.target.value)}`)}>
            {list.map((each) => (
              <option key={each.name} value={each.name}>
                {each.name} ({formatCount(each.rows)})
              </option>
            ))}
          </select>
          <select
            aria-label="Time range"
            value={start || end ? 'custom' : ''}
            onChange={(event) => {
              const seconds = Number(event.target.value);
              setStart(seconds > 0 ? new Date(Date.now() - seconds * 1_000).toISOString() : null);
              if (!seconds) setEnd(null);
            }}
          >
            {RANGES.map(([title, seconds]) => (
              <option key={title} value={seconds ?? ''}>
                {title}
              </option>
            ))}
            {(start || end) && (
              <option value="custom">
                since {start?.slice(0, 16).replace('T', ' ') ?? 'the beginning'} {end ? `until ${end.slice(0, 16).replace('T', ' ')}` : ''}
              </option>
            )}
          </select>
          <IconButton icon="refresh" label="Fetch new events" onClick={() => { handle.current?.refresh(); reload(); }} />
        </>
      }
      empty={
        <Empty icon="events" title="No event in this range">
          <p>
            {plural(current.rows, 'event')} between <Time value={current.first} /> and <Time value={current.last} />.
          </p>
        </Empty>
      }
    />
  );
}
