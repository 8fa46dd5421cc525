/** All machines: find one with a few letters, and see at once which ones answer. */

import { useMemo, useRef } from 'react';
import { Link } from 'react-router';
import { usePush } from '../api/push';
import { useServerAnswers } from '../api/reach';
import type { Client, ClientPage, Column, Json } from '../api/types';
import { useAddress, useTitle, withParams } from '../lib/hooks';
import { clientPage } from '../lib/places';
import type { ColumnInfo } from '../table/columns';
import { DataTable } from '../table/DataTable';
import { listSource } from '../table/source';
import { valueText } from '../table/state';
import type { TableHandle } from '../table/useRowPages';
import { Empty } from '../ui/empty';
import { OsIcon } from '../ui/icons';
import { Label, OnlineDot, Reveal, Segmented } from '../ui/parts';
import { Time } from '../ui/time';

const COLUMNS: Column[] = ['hostname', 'online', 'os', 'last_seen', 'addresses', 'labels', 'agent_version', 'client_id', 'first_seen', 'fqdn', 'architecture', 'last_ip', 'mac_addresses', 'os_release'].map((name) => ({ name }));
const HIDDEN = ['fqdn', 'architecture', 'last_ip', 'mac_addresses', 'os_release'];
const OS_NAMES: Record<string, string> = { linux: 'Linux', windows: 'Windows', darwin: 'macOS' };

export const osName = (client: Pick<Client, 'os' | 'os_release'>) => client.os_release || OS_NAMES[client.os] || client.os || 'unknown';

const INFO: Record<string, ColumnInfo> = {
  hostname: {
    title: 'Host name',
    width: 190,
    render: (value, get) => (
      <Link className="strong-link" to={clientPage(valueText(get('client_id')))}>
        <Reveal text={valueText(value || get('client_id'))} />
      </Link>
    ),
  },
  online: { title: 'State', width: 92, sortable: false, render: (value) => <OnlineDot online={value === true} /> },
  os: {
    title: 'Operating system',
    width: 222,
    render: (value, get) => (
      <span className="with-icon">
        <OsIcon os={valueText(value)} /> <Reveal text={osName({ os: valueText(value), os_release: valueText(get('os_release')) })} />
      </span>
    ),
  },
  last_seen: { title: 'Last seen', width: 112, render: (value, get) => <Seen value={value} online={get('online') === true} /> },
  first_seen: { title: 'First seen', width: 164, kind: 'time', render: (value) => <Time value={value} /> },
  addresses: { title: 'Addresses', width: 170, sortable: false },
  labels: {
    title: 'Labels',
    width: 150,
    sortable: false,
    render: (value) => (Array.isArray(value) ? <span className="labels">{value.map((label) => <Label key={valueText(label)}>{valueText(label)}</Label>)}</span> : null),
  },
  agent_version: { title: 'Agent', width: 84, sortable: false },
  client_id: { title: 'Client id', width: 168, sortable: false, render: (value) => <code>{valueText(value)}</code> },
  fqdn: { title: 'FQDN', sortable: false },
  architecture: { title: 'Architecture', sortable: false },
  last_ip: { title: 'Last address', sortable: false, kind: 'ip' },
  mac_addresses: { title: 'MAC addresses', sortable: false },
  os_release: { title: 'Release', sortable: false },
};

/** For a machine that is connected, the time is redundant as long as the server answers. */
function Seen({ value, online }: { value: Json; online: boolean }) {
  const isKnown = useServerAnswers();
  return online && isKnown ? <span className="faint">now</span> : <Time value={value} relative />;
}

const toCells = (client: Client): Json[] => COLUMNS.map(({ name }) => client[name as keyof Client] as Json);

export function Clients() {
  useTitle('Machines');
  const [params, change] = useAddress();
  const online = params.get('online') ?? '';
  const search = params.get('search') ?? '';
  const handle = useRef<TableHandle>(null);
  const source = useMemo(
    () =>
      listSource<Client>('clients', { online, search, sort: 'hostname' }, COLUMNS, (answer) => ({ total: (answer as ClientPage).total, items: (answer as ClientPage).clients }), toCells),
    [online, search],
  );
  usePush('clients', (event) => {
    if (event.kind === 'resync') handle.current?.refresh();
    if (event.kind === 'client') handle.current?.patch((get) => get('client_id') === event.data.client_id, { online: event.data.online, last_seen: event.data.last_seen });
  });
  const setOnline = (value: string) => change((old) => withParams(old, { online: value }), true);
  return (
    <div className="page page-table">
      <header className="page-head">
        <h1>Machines</h1>
        {search && (
          <span className="chip">
            <span className="chip-text">
              <b>{search}</b>
            </span>
            <Link to="/clients" className="icon-button" aria-label="Show all machines">
              ×
            </Link>
          </span>
        )}
      </header>
      <DataTable
        id="clients"
        label="Machines"
        noun={['machine', 'machines']}
        source={source}
        info={INFO}
        hidden={HIDDEN}
        handle={handle}
        rowHref={(get) => clientPage(valueText(get('client_id')))}
        searchPlaceholder="Host name, address, host: label: ip: mac:"
        controls={
          <Segmented
            label="Which machines"
            value={online}
            onChange={setOnline}
            options={[
              ['', 'All'],
              ['true', 'Online'],
              ['false', 'Offline'],
            ]}
          />
        }
        empty={
          <Empty icon="machines" title={online === 'true' ? 'No machine is online' : 'No machine yet'} command="peregrine agent --config client.config.yaml">
            <p>A machine appears here as soon as its agent first connects. Copy the agent and its configuration to the machine and start it.</p>
          </Empty>
        }
      />
    </div>
  );
}
