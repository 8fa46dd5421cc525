/** The state of a collection, and its duration. */

import { isActive, shownState, type Flow, type ShownState } from '../api/types';
import { formatDuration, parseTime } from '../lib/format';
import { useNow } from '../lib/hooks';
import { Icon, type IconName } from './icons';

const STATES: Record<ShownState, { label: string; tone: string; icon: IconName | null; hint: string }> = {
  waiting: { label: 'Waiting', tone: 'wait', icon: 'clock', hint: 'the machine has not picked it up yet' },
  in_progress: { label: 'Running', tone: 'run', icon: null, hint: 'the machine works on it; rows appear as they come' },
  unresponsive: { label: 'Unresponsive', tone: 'warn', icon: 'warn', hint: 'the machine stopped reporting' },
  finished: { label: 'Finished', tone: 'ok', icon: 'check', hint: 'complete' },
  error: { label: 'Error', tone: 'error', icon: 'close', hint: 'it failed' },
  incomplete: { label: 'Incomplete', tone: 'error', icon: 'warn', hint: 'it failed; the rows that came before are kept' },
  cancelled: { label: 'Cancelled', tone: 'wait', icon: 'stop', hint: 'somebody stopped it; the rows that came before are kept' },
};

export const stateLabel = (flow: Parameters<typeof shownState>[0]) => STATES[shownState(flow)].label;

export function FlowStateBadge({ flow }: { flow: Parameters<typeof shownState>[0] }) {
  const state = STATES[shownState(flow)];
  return (
    <span className={`state state-${state.tone}`} title={flow.status ? `${state.hint}: ${flow.status}` : state.hint}>
      {state.icon ? <Icon name={state.icon} size={12} /> : <span className="spinner" aria-hidden="true" />}
      {state.label}
    </span>
  );
}

/** The duration of a collection; nothing while the machine has not started it. */
export function Took({ flow }: { flow: Pick<Flow, 'state' | 'started' | 'finished_at' | 'duration_ms'> }) {
  const active = isActive(flow);
  const now = useNow(active ? 1_000 : 60_000);
  const ms = flowDuration(flow, now);
  if (ms === null) return <span className="faint">–</span>;
  return <>{formatDuration(ms)}</>;
}

/** The agent reports a duration when it is done; until then, and if it never did, the clock is used. */
export function flowDuration(flow: Pick<Flow, 'state' | 'started' | 'finished_at' | 'duration_ms'>, now: number): number | null {
  const started = parseTime(flow.started);
  if (isActive(flow)) return started === null || flow.state === 'waiting' ? null : Math.max(0, now - started);
  if (flow.duration_ms) return flow.duration_ms;
  const finished = parseTime(flow.finished_at);
  return started === null || finished === null ? null : Math.max(0, finished - started);
}
