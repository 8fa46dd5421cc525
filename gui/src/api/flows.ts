/** Collections in the API. */

import { apiUrl, path, post } from './http';
import type { Flow } from './types';

type Named = Pick<Flow, 'client_id' | 'flow_id'>;

/** The API path of a collection, or of one of its subpaths. */
export const flowPath = ({ client_id, flow_id }: Named, ...parts: string[]) => path('clients', client_id, 'flows', flow_id, ...parts);

export const cancelFlow = (flow: Named) => post(apiUrl(flowPath(flow, 'cancel')));
