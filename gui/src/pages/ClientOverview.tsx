/** Overview of a machine: facts, labels, recent collections, the results of its last interrogation. */

import { useState } from 'react';
import { Link } from 'react-router';
import { apiUrl, path, put } from '../api/http';
import { usePush } from '../api/push';
import { patch, useResource } from '../api/resource';
import { usePermission } from '../api/session';
import { isActive, type Client, type FlowPage, type Interrogation } from '../api/types';
import { formatCount, plural } from '../lib/format';
import { clientPage, flowPage } from '../lib/places';
import { clientUrl } from '../shell/Shell';
import { StaticTable } from '../table/StaticTable';
import { CopyId } from '../ui/copy';
import { Empty, Failure, Loading } from '../ui/empty';
import { FlowStateBadge } from '../ui/flow';
import { Icon } from '../ui/icons';
import { JsonTree } from '../ui/json';
import { IconButton, Label, Reveal } from '../ui/parts';
import { Time } from '../ui/time';
import { attempt, notify } from '../ui/toast';
import { useClient } from './ClientLayout';
import { osName } from './Clients';

export default function ClientOverview() {
  const client = useClient();
  return (
    <div className="overview">
      <div className="overview-side">
        <Facts client={client} />
        <Labels client={client} />
        <Recent client={client} />
      </div>
      <div className="overview-main">
        <InterrogationTables client={client} />
      </div>
    </div>
  );
}

function Facts({ client }: { client: Client }) {
  const list = (values: string[]) =>
    values.length === 0 ? (
      <span className="faint">–</span>
    ) : (
      values.map((value) => (
        <div key={value} className="mono">
          <Reveal text={value} />
        </div>
      ))
    );
  const text = (value: string) => (value ? <Reveal text={value} /> : <span className="faint">–</span>);
  const facts: [string, React.ReactNode][] = [
    ['Host name', text(client.hostname)],
    ['FQDN', text(client.fqdn)],
    ['System', text(osName(client))],
    ['Architecture', text(client.architecture)],
    ['Agent', text(`${client.agent_name} ${client.agent_version}`.trim())],
    ['Addresses', list(client.addresses)],
    ['Connects from', <span key="ip" className="mono">{client.last_ip || '–'}</span>],
    ['MAC', list(client.mac_addresses)],
    ['First seen', <Time key="first" value={client.first_seen} />],
    ['Last seen', <span key="last"><Time value={client.last_seen} /> <span className="faint">(<Time value={client.last_seen} relative />)</span></span>],
    ['Client id', <CopyId key="id" id={client.client_id} />],
  ];
  return (
    <section>
      <h2 className="sr-only">Facts</h2>
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {Object.keys(client.metadata).length > 0 && (
        <div className="facts-more">
          <h3>Metadata</h3>
          <JsonTree value={client.metadata} />
        </div>
      )}
    </section>
  );
}

function Labels({ client }: { client: Client }) {
  const [text, setText] = useState('');
  const may = usePermission('LABEL_CLIENT');
  const change = (add: string[], remove: string[]) => {
    const url = clientUrl(client.client_id);
    const before = client.labels;
    // Shown at once; removing a label can be undone.
    patch<Client>(url, (old) => ({ ...old, labels: [...new Set([...old.labels, ...add])].filter((label) => !remove.includes(label)) }));
    void attempt(async () => {
      try {
        const answer = await put<Client>(apiUrl(`${path('clients', client.client_id)}/labels`), { add, remove });
        patch<Client>(url, (old) => ({ ...old, labels: answer.labels }));
      } catch (error) {
        patch<Client>(url, (old) => ({ ...old, labels: before }));
        throw error;
      }
      if (remove.length > 0) notify('ok', `Label “${remove.join(', ')}” removed`, { label: 'Undo', run: () => change(remove, []) });
    });
  };
  return (
    <section>
      <h2>Labels</h2>
      <div className="label-editor">
        {client.labels.map((label) =>
          may ? (
            <Label key={label} onRemove={() => change([], [label])}>
              {label}
            </Label>
          ) : (
            <Label key={label}>{label}</Label>
          ),
        )}
        {may && (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              if (text.trim()) change([text.trim()], []);
              setText('');
            }}
          >
            <input aria-label="Add a label" placeholder="Add a label" value={text} onChange={(event) => setText(event.target.value)} maxLength={100} />
            {text.trim() && <IconButton icon="plus" label="Add label" type="submit" />}
          </form>
        )}
      </div>
    </section>
  );
}

function Recent({ client }: { client: Client }) {
  const base = clientPage(client.client_id);
  const url = apiUrl(`${path('clients', client.client_id)}/flows`, { limit: 8, sort: 'created', desc: true });
  const { data, reload } = useResource<FlowPage>(url);
  usePush(`flows:${client.client_id}`, (event) => {
    if (event.kind === 'resync') reload();
    if (event.kind !== 'flow' || event.data.client_id !== client.client_id) return;
    if (data && !data.flows.some((flow) => flow.flow_id === event.data.flow_id)) reload();
    else patch<FlowPage>(url, (old) => ({ ...old, flows: old.flows.map((flow) => (flow.flow_id === event.data.flow_id ? { ...flow, ...event.data } : flow)) }));
  });
  return (
    <section>
      <h2>
        Recent collections {data && data.total > 0 && <Link to={`${base}/collections`}>all {formatCount(data.total)}</Link>}
      </h2>
      {data?.total === 0 && (
        <p className="soft">
          None yet. <Link to={`${base}/collections/new`}>Collect something</Link>
        </p>
      )}
      <ul className="recent">
        {data?.flows.map((flow) => (
          <li key={flow.flow_id}>
            <Link to={flowPage(flow, 'results')}>
              <strong>{flow.artifacts.join(', ')}</strong>
              <span className="recent-line">
                <FlowStateBadge flow={flow} />
                <span className="faint nums">
                  {plural(flow.rows, 'row')} · <Time value={flow.created} relative /> · {flow.creator}
                </span>
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

function InterrogationTables({ client }: { client: Client }) {
  const { data, error, reload } = useResource<Interrogation>(apiUrl(`${path('clients', client.client_id)}/interrogation`));
  usePush(`flows:${client.client_id}`, (event) => {
    if (event.kind === 'flow' && !isActive(event.data) && event.data.artifacts.includes('Generic.Client.Info')) reload();
  });
  if (error && !data) return <Failure error={error} retry={reload} />;
  if (!data) return <Loading what="interrogation" />;
  if (data.tables.length === 0)
    return (
      <Empty icon="info" title="Not interrogated yet" command="peregrine artifacts collect Generic.Client.Info">
        <p>An interrogation asks the machine for its system, users and addresses. It runs by itself when a machine first connects; the button above runs it again.</p>
      </Empty>
    );
  return (
    <>
      <p className="overview-note">
        <Icon name="check" size={14} /> Interrogated <Time value={data.finished_at} relative />
        {data.flow_id && <Link to={flowPage({ client_id: client.client_id, flow_id: data.flow_id }, 'results')}>open the collection</Link>}
      </p>
      {data.tables.map((table) => (
        <section key={table.name} className="overview-table">
          <h2>{table.name.split('/').pop()}</h2>
          <StaticTable label={table.name} columns={table.columns} rows={table.rows} />
        </section>
      ))}
    </>
  );
}
