/** One collection: its state and limits, its rows as they come, its log, its request. */

import { useParams } from 'react-router';
import { flowPath } from '../api/flows';
import { apiUrl } from '../api/http';
import { usePush } from '../api/push';
import { patch, useResource } from '../api/resource';
import { isActive, type FlowDetail } from '../api/types';
import { useTitle } from '../lib/hooks';
import { Failure, Loading } from '../ui/empty';
import { useClient } from './ClientLayout';
import { CollectionHead, Ended } from './collection/CollectionHead';
import { Logs } from './collection/Logs';
import { Overview } from './collection/Overview';
import { RequestView } from './collection/RequestView';
import { Results } from './collection/Results';

export default function Collection() {
  const client = useClient();
  const { flow: flowId = '', tab = 'overview' } = useParams();
  const url = apiUrl(flowPath({ client_id: client.client_id, flow_id: flowId }));
  const { data: flow, error, reload } = useResource<FlowDetail>(url);
  useTitle(flow ? `${flow.artifacts.join(', ')} on ${client.hostname}` : 'Collection');
  usePush(`flow:${client.client_id}/${flowId}`, (event) => {
    if (event.kind === 'resync') reload();
    if (event.kind === 'flow' && event.data.flow_id === flowId) {
      patch<FlowDetail>(url, (old) => ({ ...old, ...event.data }));
      if (!isActive(event.data)) reload();
    }
    if (event.kind === 'rows' && event.data.flow_id === flowId) {
      const { source, total_rows } = event.data;
      patch<FlowDetail>(url, (old) => {
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
