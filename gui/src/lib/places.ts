/** The addresses of pages: no other module builds them. */

import { path } from '../api/http';
import type { Flow } from '../api/types';

/** The page of a machine, or one of its subpages. */
export const clientPage = (clientId: string, ...parts: string[]) => `/${path('clients', clientId, ...parts)}`;

/** One tab of a collection. */
export const flowPage = ({ client_id, flow_id }: Pick<Flow, 'client_id' | 'flow_id'>, tab: 'overview' | 'results' | 'logs' | 'request') => clientPage(client_id, 'collections', flow_id, tab);

export const artifactPage = (name: string) => `/${path('artifacts', name)}`;
