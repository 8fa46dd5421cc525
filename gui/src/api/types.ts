/** The messages of the REST and push contract. They are defined once, in Rust (`crates/peregrine-api`); this file adds types that only the GUI uses. */

import type { Client, Flow, FlowState, Resync, RowsStored } from './generated';

export type * from './generated';

/** Events of the push stream, by name. */
export interface PushEvents {
  client: Client;
  flow: Flow;
  rows: RowsStored;
  resync: Resync;
}

/** The state of a collection as shown to people: one that failed after yielding rows differs from one without rows. */
export type ShownState = FlowState | 'incomplete';

export function shownState(flow: Pick<Flow, 'state'> & Partial<Pick<Flow, 'status' | 'rows'>>): ShownState {
  if (flow.state === 'error' && (flow.rows ?? 0) > 0) return 'incomplete';
  return flow.state;
}

const ACTIVE_STATES: readonly FlowState[] = ['waiting', 'in_progress', 'unresponsive'];

/** Whether a collection may still change without our doing. */
export function isActive(flow: Pick<Flow, 'state'>): boolean {
  return ACTIVE_STATES.includes(flow.state);
}
