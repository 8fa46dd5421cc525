/** Running collections: a live counter that opens a list with rows, time and a way to stop them. */

import { useEffect, useState } from 'react';
import { Link } from 'react-router';
import { cancelFlow } from '../api/flows';
import { apiUrl, get } from '../api/http';
import { usePush } from '../api/push';
import { isActive, type Flow, type SearchAnswer } from '../api/types';
import { formatDuration, parseTime, plural } from '../lib/format';
import { useNow } from '../lib/hooks';
import { flowPage } from '../lib/places';
import { FlowStateBadge } from '../ui/flow';
import { IconButton } from '../ui/parts';
import { Popover } from '../ui/popover';
import { attempt } from '../ui/toast';

const keyOf = (flow: Flow) => `${flow.client_id}/${flow.flow_id}`;
const MAX_FOLLOWED = 20;

export function RunningWork({ clientId }: { clientId: string | null }) {
  const [flows, setFlows] = useState<Map<string, Flow>>(new Map());
  const load = () => {
    get<SearchAnswer>(apiUrl('search', { q: '', limit: 50 })).then(
      (answer) => setFlows((old) => new Map([...[...old].filter(([, flow]) => !isActive(flow)), ...answer.flows.map((flow) => [keyOf(flow), flow] as const)])),
      () => undefined,
    );
  };
  useEffect(load, []);
  const running = [...flows.values()].filter(isActive).sort((a, b) => (b.created ?? '').localeCompare(a.created ?? ''));
  const followed = running.slice(0, MAX_FOLLOWED).map((flow) => `flow:${keyOf(flow)}`);
  usePush(['flows', ...(clientId ? [`flows:${clientId}`] : []), ...followed].join(','), (event) => {
    if (event.kind === 'resync') load();
    if (event.kind !== 'flow') return;
    setFlows((old) => new Map(old).set(keyOf(event.data), { ...old.get(keyOf(event.data)), ...event.data }));
  });
  return (
    <Popover
      align="end"
      panelClass="running-panel"
      className={`button button-quiet running ${running.length > 0 ? 'is-running' : ''}`}
      label={
        <>
          {running.length > 0 ? <span className="spinner" aria-hidden="true" /> : null}
          <span className="nums">{running.length === 0 ? 'Idle' : `${running.length} running`}</span>
        </>
      }
    >
      {(close) => <RunningList flows={running} onClose={close} />}
    </Popover>
  );
}

function RunningList({ flows, onClose }: { flows: Flow[]; onClose: () => void }) {
  const now = useNow();
  if (flows.length === 0) return <p className="menu-note">No collection is running. Press <kbd>n</kbd> on a machine to start one.</p>;
  return (
    <ul className="running-list">
      {flows.map((flow) => {
        const since = parseTime(flow.started ?? flow.created);
        return (
          <li key={keyOf(flow)}>
            <Link to={flowPage(flow, 'results')} onClick={onClose}>
              <strong>{flow.artifacts.join(', ')}</strong>
              <span className="faint nums">
                <FlowStateBadge flow={flow} /> {plural(flow.rows, 'row')}
                {since !== null && ` · ${formatDuration(Math.max(0, now - since))}`}
              </span>
            </Link>
            <IconButton icon="stop" label={`Cancel ${flow.artifacts.join(', ')}`} onClick={() => void attempt(() => cancelFlow(flow), 'Cancelling')} />
          </li>
        );
      })}
    </ul>
  );
}

