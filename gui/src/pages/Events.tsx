/** The events recorded on the machine, by artifact, in a chosen time range. */

import { useMemo, useRef } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { apiUrl, path } from '../api/http';
import { usePush } from '../api/push';
import { patch, useResource } from '../api/resource';
import type { EventArtifacts } from '../api/types';
import { formatCount, plural } from '../lib/format';
import { useAddress, useQueryParam, useTitle, withParams } from '../lib/hooks';
import { clientPage } from '../lib/places';
import { useZone } from '../lib/prefs';
import { zonedTime } from '../lib/typedTime';
import { vqlString } from '../lib/text';
import { DataTable } from '../table/DataTable';
import { restSource } from '../table/source';
import type { TableHandle } from '../table/useRowPages';
import { Empty, Failure, Loading } from '../ui/empty';
import { Button, IconButton } from '../ui/parts';
import { Time } from '../ui/time';
import { useClient } from './ClientLayout';

const RANGES: [string, number | null][] = [
  ['All time', null],
  ['Last hour', 3_600],
  ['Last day', 86_400],
  ['Last week', 604_800],
];

/** The flow id under which the server announces monitoring events. */
const MONITORING_FLOW = 'F.Monitoring';

/** Events contain the time at which the server received them as `_ts`: here it is not an internal column but the first one. The
 * time at which something happened is in the columns of the artifact. */
const EVENT_COLUMNS = { _ts: { title: 'Received', kind: 'time' } } as const;
const timeFirst = (names: string[]) => (names.includes('_ts') ? ['_ts', ...names.filter((name) => name !== '_ts')] : names);

export default function Events() {
  const client = useClient();
  const { artifact } = useParams();
  const navigate = useNavigate();
  useTitle(`Events of ${client.hostname}`);
  const url = apiUrl(`${path('clients', client.client_id)}/events`);
  const { data, error, reload } = useResource<EventArtifacts>(url);
  const [, change] = useAddress();
  const [zone] = useZone();
  const [start] = useQueryParam('start');
  const [end] = useQueryParam('end');
  const handle = useRef<TableHandle>(null);
  const [live, setLive] = useQueryParam('live');
  // Paused by a person, or looking at a range in the past.
  const follows = live !== '0' && !end;
  usePush(`flow:${client.client_id}/${MONITORING_FLOW}`, (event) => {
    if (event.kind === 'resync') reload();
    if (event.kind !== 'rows' || event.data.flow_id !== MONITORING_FLOW || event.data.client_id !== client.client_id) return;
    const { source: from, total_rows } = event.data;
    if (!data?.artifacts.some((each) => each.name === from)) reload();
    else patch<EventArtifacts>(url, (old) => ({ artifacts: old.artifacts.map((each) => (each.name === from ? { ...each, rows: Math.max(each.rows, total_rows), last: new Date().toISOString() } : each)) }));
  });
  const list = data?.artifacts ?? [];
  const current = list.find((each) => each.name === artifact) ?? (artifact ? { name: artifact, rows: 0, first: null, last: null } : list[0]);
  const name = current?.name ?? '';
  const source = useMemo(
    () => restSource(path('clients', client.client_id, 'events', name), { params: { start, end }, newestFirst: true, vql: `source(client_id=${vqlString(client.client_id)}, artifact=${vqlString(name)}, mode='CLIENT_EVENT'${start ? `, start_time=${vqlString(start)}` : ''}${end ? `, end_time=${vqlString(end)}` : ''})` }),
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
      noun={['event', 'events']}
      liveTotal={end ? undefined : current.rows}
      live={follows}
      follow={follows}
      controls={
        <>
          <select aria-label="Event artifact" value={name} onChange={(event) => void navigate(clientPage(client.client_id, 'events', event.target.value))}>
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
              change((old) => withParams(old, { start: seconds > 0 ? new Date(Date.now() - seconds * 1_000).toISOString() : null, end: null }));
            }}
          >
            {RANGES.map(([title, seconds]) => (
              <option key={title} value={seconds ?? ''}>
                {title}
              </option>
            ))}
            {(start || end) && (
              <option value="custom">
                {start ? `since ${zonedTime(start, zone)}` : 'from the beginning'} {end ? `until ${zonedTime(end, zone)}` : ''}
              </option>
            )}
          </select>
          {!end && (
            <Button aria-pressed={follows} className="toggle" onClick={() => setLive(follows ? '0' : null)} title={follows ? 'New events appear at the top as they come; click to pause' : 'Paused; click to show new events as they come'}>
              <span className={follows ? 'live-mark' : 'live-mark is-paused'} aria-hidden="true" /> Live
            </Button>
          )}
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
