/** The messages of the REST and push contract. They are defined in Rust, once (`crates/peregrine-api`); what is added here is the GUI's own. */

import type { Client, Flow, FlowState, Resync, RowsStored } from './generated';

export type * from './generated';

/** Events of the push stream, by name. */
export interface PushEvents {
  client: Client;
  flow: Flow;
  rows: RowsStored;
  resync: Resync;
}

/** What a person is told of a collection: one that failed after rows came is told from one that gave nothing. */
export type ShownState = FlowState | 'incomplete';

export function shownState(flow: Pick<Flow, 'state'> & Partial<Pick<Flow, 'status' | 'rows'>>): ShownState {
  if (flow.state === 'error' && (flow.rows ?? 0) > 0) return 'incomplete';
  return flow.state;
}

const ACTIVE_STATES: readonly FlowState[] = ['waiting', 'in_progress', 'unresponsive'];

/** Whether a collection may still change by itself. */
export function isActive(flow: Pick<Flow, 'state'>): boolean {
  return ACTIVE_STATES.includes(flow.state);
}
