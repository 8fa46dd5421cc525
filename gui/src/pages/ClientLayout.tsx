/** The frame of one machine's pages: its name, whether it answers, and the available actions. */

import { createContext, useContext, useMemo } from 'react';
import { Link, Outlet, useNavigate, useParams } from 'react-router';
import { apiUrl, path, post } from '../api/http';
import { usePush } from '../api/push';
import { patch, useResource } from '../api/resource';
import { usePermissions } from '../api/session';
import { isActive, type Client, type FlowStarted } from '../api/types';
import { useTitle } from '../lib/hooks';
import { clientPage, flowPage } from '../lib/places';
import { clientUrl } from '../shell/Shell';
import { CopyId } from '../ui/copy';
import { Failure, Loading } from '../ui/empty';
import { OsIcon } from '../ui/icons';
import { Button, OnlineDot, Reveal } from '../ui/parts';
import { Time } from '../ui/time';
import { attempt } from '../ui/toast';
import { osName } from './Clients';
import { mayCollect } from './collect/spec';

const Current = createContext<Client | null>(null);

/** The machine whose page this is. Only below `ClientLayout`. */
export function useClient(): Client {
  const client = useContext(Current);
  if (!client) throw new Error('no machine here');
  return client;
}

export default function ClientLayout() {
  const { id = '' } = useParams();
  const url = clientUrl(id);
  const { data: client, error, reload } = useResource<Client>(url);
  const navigate = useNavigate();
  const has = usePermissions();
  const mayInterrogate = has('COLLECT_CLIENT');
  useTitle(client?.hostname ?? id);
  usePush(`client:${id},flows:${id}`, (event) => {
    if (event.kind === 'resync') reload();
    if (event.kind === 'client' && event.data.client_id === id) patch<Client>(url, (old) => ({ ...old, online: event.data.online, last_seen: event.data.last_seen }));
    if (event.kind === 'flow' && event.data.client_id === id) {
      const { flow_id } = event.data;
      const running = isActive(event.data);
      patch<Client>(url, (old) => ({ ...old, in_flight_flows: running ? [...new Set([...old.in_flight_flows, flow_id])] : old.in_flight_flows.filter((each) => each !== flow_id) }));
    }
  });
  const value = useMemo(() => client ?? null, [client]);
  if (error && !client)
    return (
      <Failure
        level={1}
        error={error}
        retry={reload}
        away={
          <Link className="button" to="/clients">
            All machines
          </Link>
        }
      />
    );
  if (!value) return <Loading what="machine" />;
  const base = clientPage(id);
  const interrogate = async () => {
    await attempt(async () => {
      const { flow_id } = await post<FlowStarted>(apiUrl(`${path('clients', id)}/interrogate`));
      void navigate(flowPage({ client_id: id, flow_id }, 'results'));
    });
  };
  return (
    <Current value={value}>
      <div className="page">
        <header className="client-head">
          <div className="client-title">
            <h1>
              <Reveal text={value.hostname || id} />
            </h1>
            <OnlineDot online={value.online} />
            {!value.online && (
              <span className="faint">
                last seen <Time value={value.last_seen} relative />
              </span>
            )}
            <span className="with-icon soft">
              <OsIcon os={value.os} /> <Reveal text={osName(value)} />
            </span>
            <CopyId id={value.client_id} />
            <span className="toolbar-space" />
            <Button icon="refresh" onClick={() => void interrogate()} disabled={!mayInterrogate} title={mayInterrogate ? 'Ask the machine again who it is' : 'You need the permission COLLECT_CLIENT'}>
              Interrogate
            </Button>
            {mayCollect(has) ? (
              <Link className="button button-primary" to={`${base}/collections/new`}>
                Collect
              </Link>
            ) : (
              <Button kind="primary" disabled title="You need the permission COLLECT_CLIENT">
                Collect
              </Button>
            )}
          </div>
        </header>
        <div className="page-body">
          <Outlet />
        </div>
      </div>
    </Current>
  );
}
