/** The messages of the REST and push contract, exactly as the server sends them. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface Session {
  user: { name: string; roles: string[]; permissions: string[] };
  csrf_token: string;
  server: { name: string; version: string; started_at: string | null };
}

export interface Client {
  client_id: string;
  hostname: string;
  fqdn: string;
  os: string;
  os_release: string;
  architecture: string;
  agent_name: string;
  agent_version: string;
  addresses: string[];
  last_ip: string;
  mac_addresses: string[];
  labels: string[];
  online: boolean;
  first_seen: string | null;
  last_seen: string | null;
  last_interrogate_flow_id: string | null;
  in_flight_flows: string[];
  metadata: Record<string, Json>;
}

export interface ClientPage {
  total: number;
  clients: Client[];
}

export interface Interrogation {
  flow_id: string | null;
  finished_at: string | null;
  tables: { name: string; columns: (string | Column)[]; rows: Json[][] }[];
}

export interface Parameter {
  name: string;
  type: string;
  default: string | null;
  description: string | null;
  friendly_name: string | null;
  choices: string[] | null;
  validating_regex: string | null;
}

export interface Artifact {
  name: string;
  type: string;
  description: string | null;
  author: string | null;
  built_in: boolean;
  /** People with COLLECT_BASIC alone may collect it. */
  basic?: boolean;
  /** What one must hold besides to launch it. */
  required_permissions?: string[] | null;
  parameters: Parameter[] | null;
  sources: { name: string | null; description: string | null }[] | null;
  precondition: string | null;
  references: string[] | null;
  column_types: { name: string; type: string; description: string | null }[] | null;
  resources: Limits | null;
  raw?: string;
}

export interface ArtifactSpec {
  artifact: string;
  parameters: Record<string, string>;
}

/** Budgets of one collection; what is left out uses the artifact's or the server's default. */
export interface Limits {
  cpu_limit?: number | null;
  iops_limit?: number | null;
  timeout?: number | null;
  progress_timeout?: number | null;
  max_rows?: number | null;
  max_upload_bytes?: number | null;
  max_logs?: number | null;
}

export interface CollectRequest extends Limits {
  artifacts: ArtifactSpec[];
  urgent?: boolean;
}

export interface Compiled {
  requests: { statements: string[]; env: Record<string, Json> }[];
  equivalent_vql: string;
  equivalent_api: Json;
}

export type FlowState = 'waiting' | 'in_progress' | 'unresponsive' | 'finished' | 'error' | 'cancelled';

export interface Flow {
  flow_id: string;
  client_id: string;
  artifacts: string[];
  state: FlowState;
  status: string | null;
  creator: string;
  created: string | null;
  started: string | null;
  last_active: string | null;
  finished_at: string | null;
  duration_ms: number | null;
  rows: number;
  logs: number;
  uploaded_files: number;
  uploaded_bytes: number;
  sources: { name: string; rows: number }[];
  urgent: boolean;
  request?: CollectRequest;
  query_stats?: Json;
  limits?: Limits | null;
}

export interface FlowPage {
  total: number;
  flows: Flow[];
}

export interface Column {
  name: string;
  type?: string | null;
}

export interface TablePage {
  columns: Column[];
  total: number;
  offset: number;
  rows: Json[][];
  complete: boolean;
}

export interface Facets {
  values: { value: Json; count: number }[];
  distinct: number;
  total: number;
}

export interface ProcessNode {
  id: string;
  parent_id: string | null;
  pid: number;
  name: string | null;
  exe: string | null;
  command_line: string | null;
  username: string | null;
  start_time: string | null;
  end_time: string | null;
  exit_code: number | null;
  exited: boolean;
}

export interface ProcessFamily {
  root: string | null;
  focus: string | null;
  nodes: ProcessNode[];
  truncated: boolean;
}

export interface MonitoringTable {
  artifacts: ArtifactSpec[];
  label_events: { label: string; artifacts: ArtifactSpec[] }[];
}

export interface EventArtifact {
  name: string;
  rows: number;
  first: string | null;
  last: string | null;
}

export interface SearchAnswer {
  clients: { client_id: string; hostname: string; online: boolean }[];
  artifacts: { name: string; type: string; description: string | null }[];
  flows: Flow[];
}

export interface ServerStatus {
  connected_agents: number;
  clients: number;
  flows_running: number;
  rows_stored: number;
  /** Packets and connections that were not taken, by reason, since the start. */
  refused: Record<string, number>;
  datastore: { path: string; free_bytes: number | null; trouble?: string | null };
}

/** Events of the push stream, by name. */
export interface PushEvents {
  client: { client_id: string; online: boolean; last_seen: string | null };
  flow: Flow;
  rows: { client_id: string; flow_id: string; source: string; total_rows: number };
  resync: Record<string, never>;
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
