/** The server: its condition, and who did what. */

import { useMemo } from 'react';
import { apiUrl } from '../api/http';
import { useResource } from '../api/resource';
import { usePermission, useSession } from '../api/session';
import type { ServerStatus } from '../api/types';
import { formatBytes, formatCount, plural } from '../lib/format';
import { useTitle } from '../lib/hooks';
import { DataTable } from '../table/DataTable';
import { restSource } from '../table/source';
import { Empty, Failure } from '../ui/empty';
import { Message } from '../ui/message';
import { Button } from '../ui/parts';
import { Time } from '../ui/time';

const AUDIT = { time: { title: 'Time', kind: 'time', width: 200 }, principal: { title: 'Who', width: 130 }, operation: { title: 'What', width: 200 }, detail: { title: 'Detail', width: 460 }, ip: { title: 'From', kind: 'ip', width: 140 } } as const;

/** Why the server refuses requests, in words for its operators. */
const REFUSED: Record<string, [title: string, meaning: string]> = {
  bad_nonce: ['Of another deployment', 'Agents whose client configuration belongs to another server.'],
  bad_hmac: ['Not genuine', 'Messages that were changed on their way, or are of nobody this server knows.'],
  bad_enrolment: ['Bad requests to enrol', 'An agent asked to be let in, but its request does not fit its key.'],
  malformed: ['Not a message', 'Bytes that no agent sends: scanners, or a proxy that changes them.'],
  damaged: ['Damaged inside', 'Genuine, but what they hold cannot be read.'],
  too_large: ['Too large', 'More than one message may hold.'],
  conflict: ['Second connections', 'Two machines use one identity, as copies of one disk do.'],
  too_many: ['Too many connections', 'Strangers beyond what one address, or all together, may hold open.'],
  too_slow: ['Too slow', 'Senders that took too long to be waited for.'],
};

export default function Server() {
  useTitle('Server');
  const session = useSession();
  const admin = usePermission('SERVER_ADMIN');
  const { data: status, error, reload } = useResource<ServerStatus>(apiUrl('server/status'));
  const audit = useMemo(() => restSource('audit', { order: { sort: 'time', desc: true } }), []);
  const refused = Object.entries(status?.refused ?? {})
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a);
  const refusedTotal = refused.reduce((sum, [, count]) => sum + count, 0);
  const tiles: [string, string, string][] = status
    ? [
        ['Connected agents', formatCount(status.connected_agents), `of ${plural(status.clients, 'known machine')}`],
        ['Collections running', formatCount(status.flows_running), 'right now'],
        ['Rows stored', formatCount(status.rows_stored), 'results and events'],
        ['Free space', status.datastore.free_bytes === null ? 'unknown' : formatBytes(status.datastore.free_bytes), status.datastore.path],
        ['Refused', formatCount(refusedTotal), refused[0] ? `since the start, most: ${(REFUSED[refused[0][0]]?.[0] ?? refused[0][0]).toLowerCase()}` : 'since the start'],
      ]
    : [];
  return (
    <div className="page page-table">
      <header className="page-head">
        <h1>Server</h1>
        {session.kind === 'in' && (
          <span className="soft">
            {session.session.server.name} {session.session.server.version}, up since <Time value={session.session.server.started_at} />
          </span>
        )}
        <span className="toolbar-space" />
        <Button icon="refresh" onClick={reload}>
          Refresh
        </Button>
      </header>
      {error && !status && <Failure error={error} retry={reload} />}
      {error && status && (
        <p className="notice notice-error page-notice" role="alert">
          <Message text={error.message} />. The numbers below are from before.
        </p>
      )}
      {status?.datastore.trouble && (
        <p className="notice notice-error page-notice" role="alert">
          <Message text={status.datastore.trouble.replace(/([^.!?])$/, '$1.')} />
        </p>
      )}
      <dl className="tiles">
        {tiles.map(([title, value, note]) => (
          <div key={title}>
            <dt>{title}</dt>
            <dd className="tile-value nums">{value}</dd>
            <dd className="tile-note">{note}</dd>
          </div>
        ))}
      </dl>
      {status && status.servers.length > 1 && (
        <>
          <h2 className="page-sub">Servers and the agents each has</h2>
          <dl className="counted">
            {status.servers.map((server) => (
              <div key={`${server.host} ${server.started}`}>
                <dd className="nums">{formatCount(server.connected_agents)}</dd>
                <dt>{server.host || 'unnamed machine'}</dt>
                <dd className="soft">
                  {server.is_this ? 'this one, up since ' : 'up since '}
                  <Time value={server.started} />
                </dd>
              </div>
            ))}
          </dl>
        </>
      )}
      {refused.length > 0 && (
        <>
          <h2 className="page-sub">Refused by this server since its start</h2>
          <dl className="counted">
            {refused.map(([why, count]) => (
              <div key={why}>
                <dd className="nums">{formatCount(count)}</dd>
                <dt>{REFUSED[why]?.[0] ?? why}</dt>
                <dd className="soft">{REFUSED[why]?.[1]}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
      <h2 className="page-sub">Audit log</h2>
      {admin ? (
        <DataTable
          id="audit"
          label="Audit log"
          noun={['entry', 'entries']}
          source={audit}
          info={AUDIT}
          empty={
            <Empty icon="info" title="Nothing recorded yet">
              <p>Every change a person or a program makes is written here.</p>
            </Empty>
          }
        />
      ) : (
        <Empty icon="info" title="The audit log is for administrators">
          <p>You need the permission SERVER_ADMIN to read who did what.</p>
        </Empty>
      )}
    </div>
  );
}
