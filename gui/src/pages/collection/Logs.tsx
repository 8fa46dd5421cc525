/** The log messages from the machine. */

import { useMemo } from 'react';
import { flowPath } from '../../api/flows';
import { isActive, type Flow } from '../../api/types';
import { DataTable } from '../../table/DataTable';
import { restSource } from '../../table/source';
import { Empty } from '../../ui/empty';

const LOG_COLUMNS = { client_time: { title: 'Time', kind: 'time', width: 200 }, level: { title: 'Level', kind: 'severity', width: 90 }, message: { title: 'Message', width: 600 } } as const;

export function Logs({ flow }: { flow: Flow }) {
  const { client_id, flow_id } = flow;
  const source = useMemo(() => restSource(flowPath({ client_id, flow_id }, 'logs')), [client_id, flow_id]);
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
