// Made from crates/peregrine-api: run `UPDATE=1 cargo test -p peregrine-api` after a change there. Do not edit.

/** JSON whose content is somebody else's. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Body of `POST session`. */
export type Credentials = {
  /** User name. */
  username: string,
  /** Password. */
  password: string,
};

/** Body of `PUT session/password`. */
export type NewPassword = {
  /** The password until now. */
  current: string,
  /** The password from now on. */
  new: string,
};

/** Answer of `POST session`; the cookie comes with it. */
export type SignedIn = {
  /** Who is signed in. */
  user: User,
  /** Every change must carry this in the header `X-CSRF-Token`. */
  csrf_token: string,
};

/** Answer of `GET session`. */
export type Session = {
  /** Who is signed in. */
  user: User,
  /** Every change must carry this in the header `X-CSRF-Token`. */
  csrf_token: string,
  /** The server itself. */
  server: ServerVersion,
};

/** Who is signed in. */
export type User = {
  /** User name. */
  name: string,
  /** Names of roles. */
  roles: Array<string>,
  /** Names of what these roles allow together. */
  permissions: Array<string>,
};

/** Which server this is. */
export type ServerVersion = {
  /** What it calls itself. */
  name: string,
  /** Its version. */
  version: string,
  /** When it was started. */
  started_at: string,
};

/** Query string of `GET clients`. */
export type ClientsQuery = {
  /** Text of id, name or address; or `host:`, `label:`, `ip:`, `mac:` and a pattern. */
  search?: string,
  /** Only those that are connected, or not. */
  online?: boolean,
  /** `hostname`, `last_seen`, `first_seen` or `os`. */
  sort?: string,
  /** The other way round, unless it says `false`. */
  desc?: string,
  /** How many to skip. */
  offset?: number,
  /** How many to tell, at most 1000; 100 when nothing is said. */
  limit?: number,
};

/** Answer of `GET clients`. */
export type ClientPage = {
  /** How many match. */
  total: number,
  /** Those of this page. */
  clients: Array<Client>,
};

/** An endpoint; also pushed, as event `client`. */
export type Client = {
  /** `C.` and 16 hex digits. */
  client_id: string,
  /** Its name; empty before the first interrogation, as what follows. */
  hostname: string,
  /** Its full name. */
  fqdn: string,
  /** `linux`, `windows` or `darwin`. */
  os: string,
  /** Platform and version. */
  os_release: string,
  /** Such as `amd64`. */
  architecture: string,
  /** What the agent calls itself. */
  agent_name: string,
  /** Version of the agent. */
  agent_version: string,
  /** Addresses of its network cards. */
  addresses: Array<string>,
  /** Address of its last request. */
  last_ip: string,
  /** Hardware addresses of its network cards. */
  mac_addresses: Array<string>,
  /** Labels in order. */
  labels: Array<string>,
  /** It is connected. */
  online: boolean,
  /** When it first came. */
  first_seen: string,
  /** When it was last heard. */
  last_seen: string,
  /** The collection its facts are from. */
  last_interrogate_flow_id: string | null,
  /** Collections it works on. */
  in_flight_flows: Array<string>,
  /** Notes by name. */
  metadata: { [key in string]: string },
};

/** Answer of `GET clients/{client_id}/interrogation`: what the machine told about itself. */
export type Interrogation = {
  /** The collection; null when there was none, as below. */
  flow_id: string | null,
  /** When it ended. */
  finished_at: string | null,
  /** Its tables, the first rows of each. */
  tables: Array<InterrogationTable>,
};

/** A table of an interrogation. */
export type InterrogationTable = {
  /** Columns. */
  columns: Array<Column>,
  /** How many rows there are. */
  total: number,
  /** Always 0. */
  offset: number,
  /** Cells in column order. */
  rows: Array<Array<Json>>,
  /** Always true. */
  complete: boolean,
  /** `Artifact/Source`. */
  name: string,
};

/** Body of `PUT clients/{client_id}/labels`. */
export type LabelChange = {
  /** Labels it gets. */
  add?: Array<string>,
  /** Labels it loses. */
  remove?: Array<string>,
};

/** Query string of `GET artifacts`. */
export type ArtifactsQuery = {
  /** Words of name, description or author. */
  search?: string,
  /** Only of this type, such as `client_event`. */
  type?: string,
  /** Only those made for this operating system, or for any. */
  os?: string,
};

/** Answer of `GET artifacts`. */
export type ArtifactList = {
  /** In order of their names. */
  artifacts: Array<Artifact>,
};

/** A definition, as far as those who collect it must know it. */
export type Artifact = {
  /** Its name, such as `Linux.Sys.Pslist`. */
  name: string,
  /** Where it runs, such as `client`. */
  type: string,
  /** For analysts, in Markdown. */
  description: string,
  /** Who wrote it. */
  author: string,
  /** It came with the program. */
  built_in: boolean,
  /** What can be set. */
  parameters: Array<Parameter>,
  /** What it brings: a table each. */
  sources: Array<Source>,
  /** A query that tells on the machine whether it runs there. */
  precondition: string | null,
  /** Where to read more. */
  references: Array<string>,
  /** How to show some of its columns. */
  column_types: Array<ColumnType>,
  /** Limits it asks for; null when it asks for none. */
  resources: Resources | null,
  /** What one must hold besides to launch it. */
  required_permissions: Array<string>,
  /** People with `COLLECT_BASIC` alone may collect it. */
  basic: boolean,
  /** The definition as it was written; only where one artifact is asked for. */
  raw?: string,
};

/** What can be set for a collection. */
export type Parameter = {
  /** Its name. */
  name: string,
  /** How its text is read, such as `int` or `csv`. */
  type: string,
  /** What holds when nothing is given; empty for what must not be shown. */
  default: string,
  /** What it does. */
  description: string,
  /** A name for people; may be empty. */
  friendly_name: string,
  /** What may be chosen, where that is all. */
  choices: Array<string>,
  /** What its text must match; may be empty. */
  validating_regex: string,
};

/** A table of an artifact. */
export type Source = {
  /** Empty where it is the only one. */
  name: string,
  /** What its rows are. */
  description: string,
};

/** How to show a column. */
export type ColumnType = {
  /** The column. */
  name: string,
  /** The type, such as `timestamp`. */
  type: string,
  /** What stands in it. */
  description: string,
};

/** Limits an artifact asks for; what is not set is left out. */
export type Resources = {
  /** Seconds a query may take. */
  timeout?: number,
  /** Rows of the collection. */
  max_rows?: number,
  /** Bytes uploaded by the collection. */
  max_upload_bytes?: number,
  /** Deprecated form of `cpu_limit`. */
  ops_per_second?: number,
  /** Per cent of one processor. */
  cpu_limit?: number,
  /** Input and output operations per second. */
  iops_limit?: number,
  /** Seconds before a batch of rows is sent. */
  max_batch_wait?: number,
  /** Rows of a batch. */
  max_batch_rows?: number,
  /** Bytes of a batch. */
  max_batch_rows_buffer?: number,
};

/** Answer of `POST artifacts/compile`, whose body is a [`CollectRequest`]: what would be sent to the machine. */
export type Compiled = {
  /** One for each source. */
  requests: Array<CompiledRequest>,
  /** The same as a query for a notebook. */
  equivalent_vql: string,
  /** The same as a call of this API. */
  equivalent_api: EquivalentCall,
  /** Rows the collection may bring; 0 is without limit. */
  max_rows: number,
  /** Bytes it may upload. */
  max_upload_bytes: number,
};

/** A request to the agent. */
export type CompiledRequest = {
  /** Its VQL statements, in order. */
  statements: Array<string>,
  /** Text of its variables, in their order; what must not be shown is hidden. */
  env: { [key in string]: string },
  /** Seconds it may take. */
  timeout: number,
  /** Per cent of one processor; 0 is without limit. */
  cpu_limit: number,
};

/** A call that does the same. */
export type EquivalentCall = {
  /** HTTP method. */
  method: string,
  /** Path, with the client's id to be filled in. */
  path: string,
  /** Body, with what must not be shown hidden. */
  body: CollectRequest,
};

/** Body of `POST clients/{client_id}/flows` and `POST artifacts/compile`: what to collect. Limits that are zero are not set. */
export type CollectRequest = {
  /** What to collect; at least one. */
  artifacts: Array<ArtifactSpec>,
  /** Prefers `Custom.<name>` where there is one. */
  allow_custom_overrides?: boolean,
  /** Deprecated form of `cpu_limit`. */
  ops_per_second?: number,
  /** Per cent of one processor. */
  cpu_limit?: number,
  /** Input and output operations per second. */
  iops_limit?: number,
  /** Seconds without progress. */
  progress_timeout?: number,
  /** Seconds a query may take. */
  timeout?: number,
  /** Rows of the collection. */
  max_rows?: number,
  /** Bytes uploaded by the collection. */
  max_upload_bytes?: number,
  /** Log lines of the collection. */
  max_logs?: number,
  /** Jumps the queue of the machine. */
  urgent?: boolean,
};

/** An artifact with parameters and limits of its own. Limits that are zero are not set. */
export type ArtifactSpec = {
  /** `Name`, or `Name/Source` for one of its sources. */
  artifact: string,
  /** Text of parameters that differ from their defaults. */
  parameters: { [key in string]: string },
  /** Per cent of one processor. */
  cpu_limit?: number,
  /** Seconds. */
  timeout?: number,
  /** Seconds before a batch is sent. */
  max_batch_wait?: number,
  /** Rows of a batch. */
  max_batch_rows?: number,
  /** Bytes of a batch. */
  max_batch_rows_buffer?: number,
};

/** Answer of `POST clients/{client_id}/flows` and `POST clients/{client_id}/interrogate`. */
export type FlowStarted = {
  /** The collection that was made. */
  flow_id: string,
};

/** Query string of `GET clients/{client_id}/flows`. */
export type FlowsQuery = {
  /** Text of id, artifact or creator. */
  search?: string,
  /** Only those in this state; those that run cannot be told apart here. */
  state?: string,
  /** `created`, `last_active`, `rows`, `artifacts`, `state` or `creator`. */
  sort?: string,
  /** The other way round, unless it says `false`. Without `sort` the newest come first. */
  desc?: string,
  /** How many to skip. */
  offset?: number,
  /** How many to tell, at most 1000; 100 when nothing is said. */
  limit?: number,
};

/** Answer of `GET clients/{client_id}/flows`. */
export type FlowPage = {
  /** How many match. */
  total: number,
  /** Those of this page. */
  flows: Array<Flow>,
};

/** How far a collection is. */
export type FlowState = "waiting" | "in_progress" | "unresponsive" | "finished" | "error" | "cancelled";

/** A collection in short; also pushed, as event `flow`. */
export type Flow = {
  /** `F.` and letters. */
  flow_id: string,
  /** The machine. */
  client_id: string,
  /** Names of what is collected. */
  artifacts: Array<string>,
  /** How far it is. */
  state: FlowState,
  /** Why it failed, or who ended it. */
  status: string | null,
  /** Who asked for it. */
  creator: string,
  /** When it was asked for. */
  created: string,
  /** When the machine began. */
  started: string | null,
  /** When the machine last worked on it. */
  last_active: string | null,
  /** When it ended. */
  finished_at: string | null,
  /** How long the machine worked on it. */
  duration_ms: number,
  /** Rows so far. */
  rows: number,
  /** Log lines so far. */
  logs: number,
  /** Files so far. */
  uploaded_files: number,
  /** Bytes of these files. */
  uploaded_bytes: number,
  /** Tables with rows. */
  sources: Array<FlowSource>,
  /** It jumped the queue. */
  urgent: boolean,
};

/** A table of a collection. */
export type FlowSource = {
  /** `Artifact/Source`. */
  name: string,
  /** Its rows so far. */
  rows: number,
};

/** Answer of `GET clients/{client_id}/flows/{flow_id}`: all about a collection. */
export type FlowDetail = {
  /** Limits in force. */
  limits: FlowLimits,
  /** What the machine last said about each of its queries. */
  query_stats: Json,
  /**
   * The [`CollectRequest`] it was made from, as it was stored: with what must not be shown hidden. Empty for what was
   * not asked for here.
   */
  request: Partial<CollectRequest> | null,
  /** Files it brought. */
  uploads: Array<Upload>,
  /** `F.` and letters. */
  flow_id: string,
  /** The machine. */
  client_id: string,
  /** Names of what is collected. */
  artifacts: Array<string>,
  /** How far it is. */
  state: FlowState,
  /** Why it failed, or who ended it. */
  status: string | null,
  /** Who asked for it. */
  creator: string,
  /** When it was asked for. */
  created: string,
  /** When the machine began. */
  started: string | null,
  /** When the machine last worked on it. */
  last_active: string | null,
  /** When it ended. */
  finished_at: string | null,
  /** How long the machine worked on it. */
  duration_ms: number,
  /** Rows so far. */
  rows: number,
  /** Log lines so far. */
  logs: number,
  /** Files so far. */
  uploaded_files: number,
  /** Bytes of these files. */
  uploaded_bytes: number,
  /** Tables with rows. */
  sources: Array<FlowSource>,
  /** It jumped the queue. */
  urgent: boolean,
};

/** Limits in force; null for those a collection was stored without. */
export type FlowLimits = {
  /** Per cent of one processor; 0 is without limit, as below. */
  cpu_limit: number | null,
  /** Input and output operations per second. */
  iops_limit: number | null,
  /** Seconds a query may take. */
  timeout: number | null,
  /** Seconds without progress. */
  progress_timeout: number | null,
  /** Rows. */
  max_rows: number | null,
  /** Bytes of files. */
  max_upload_bytes: number | null,
  /** Log lines. */
  max_logs: number | null,
};

/** A file a collection brought; `GET …/uploads/{number}` gives it, counted from 0. */
export type Upload = {
  /** Where it was on the machine. */
  path: string,
  /** How it was read there. */
  accessor: string,
  /** Its size there. */
  size: number,
  /** Bytes that are stored. */
  uploaded_size: number,
  /** When the last of them came. */
  finished_at: string,
};

/** Query string of tables: `GET audit` and `GET clients/{client_id}/flows/{flow_id}/logs`. */
export type TableParams = {
  /** How many rows to skip. */
  offset?: number,
  /** How many rows to tell, at most 10,000; 200 when nothing is said. */
  limit?: number,
  /** The column to sort by; otherwise rows come as they were stored. */
  sort?: string,
  /** Descending: empty, `1`, `true` or `yes`. */
  desc?: string,
  /** A JSON list of [`Condition`]s, all of which must hold. */
  filter?: string,
};

/** Query string of `GET clients/{client_id}/flows/{flow_id}/results`. */
export type ResultsQuery = {
  /** `Artifact/Source`; otherwise the first table. */
  source?: string,
  /** As in [`TableParams`], like those below. */
  offset?: number,
  /** How many rows. */
  limit?: number,
  /** A column. */
  sort?: string,
  /** Descending. */
  desc?: string,
  /** Conditions. */
  filter?: string,
};

/** Query string of `GET clients/{client_id}/flows/{flow_id}/results/facets`. */
export type FacetsQuery = {
  /** `Artifact/Source`; otherwise the first table. */
  source?: string,
  /** The column whose values are counted. */
  column: string,
  /** As in [`TableParams`]. */
  filter?: string,
};

/** Query string of `GET clients/{client_id}/flows/{flow_id}/results/export`. Rows come as they were stored. */
export type ExportQuery = {
  /** `Artifact/Source`; otherwise the first table. */
  source?: string,
  /** The kind of file. */
  format: ExportFormat,
  /** Names of columns with commas between them; otherwise all. */
  columns?: string,
  /** As in [`TableParams`]. */
  filter?: string,
};

/** Kinds of files tables are exported as. */
export type ExportFormat = "csv" | "json" | "jsonl";

/** A condition of a filter. */
export type Condition = {
  /** The column; `*` is any. */
  column: string,
  /**
   * `contains`, `eq`, `regex`, `lt`, `le`, `gt`, `ge`, `is_null`, `in`, and the opposite of each: `ne`, `not_null`,
   * `not_` before the others.
   */
  op: string,
  /** What cells are compared with; a list for `in`. */
  value: Json,
};

/** A page of a table. */
export type TablePage = {
  /** Columns of these rows, those of the table's first row before others. */
  columns: Array<Column>,
  /** How many rows match, exactly. */
  total: number,
  /** How many were skipped. */
  offset: number,
  /** Cells in column order. */
  rows: Array<Array<Json>>,
  /** No more rows will come. */
  complete: boolean,
};

/** A column. */
export type Column = {
  /** Its name. */
  name: string,
  /** How to show it: declared by the artifact, else guessed from the values; left out when there is nothing to guess from. */
  type?: string,
};

/** How often each value of a column appears. */
export type Facets = {
  /** The most frequent ones, in that order. */
  values: Array<Facet>,
  /** How many different ones there are. */
  distinct: number,
  /** How many rows were counted. */
  total: number,
};

/** A value of a column. */
export type Facet = {
  /** The value. */
  value: Json,
  /** Rows that have it. */
  count: number,
};

/** Query string of `GET clients/{client_id}/process-tree`. */
export type ProcessTreeQuery = {
  /** Id or pid of a process. */
  process: string,
  /** The collection whose rows are processes. */
  flow: string,
};

/** The whole tree that holds a process. */
export type ProcessFamily = {
  /** Id of its first ancestor that is known. */
  root: string | null,
  /** Id of the process that was asked for; the latest of several with that pid. */
  focus: string | null,
  /** Parents come before their children. */
  nodes: Array<ProcessNode>,
  /** There are more than are told. */
  truncated: boolean,
};

/** A process. Cells are what the machine sent, which may be anything. */
export type ProcessNode = {
  /** Process id of the machine, which may be used again. */
  pid: number,
  /** Its name. */
  name: Json,
  /** Path of its program. */
  exe: Json,
  /** How it was called. */
  command_line: Json,
  /** Who runs it. */
  username: Json,
  /** When it began. */
  start_time: Json,
  /** When it ended. */
  end_time: Json,
  /** What it said at its end. */
  exit_code: Json,
  /** It has ended. */
  exited: boolean,
  /** Its id, which is used once. */
  id: string,
  /** Id of its parent, if that is in the tree. */
  parent_id: string | null,
};

/** Body and answer of `PUT monitoring/client`, answer of `GET monitoring/client`: what runs where. */
export type MonitoringTable = {
  /** On every client. */
  artifacts: Array<ArtifactSpec>,
  /** On clients with a label. */
  label_events: Array<LabelGroup>,
};

/** Artifacts for clients with a label. */
export type LabelGroup = {
  /** The label, in any case; `all` is every client. */
  label: string,
  /** What runs there. */
  artifacts: Array<ArtifactSpec>,
};

/** Answer of `GET clients/{client_id}/events`. */
export type EventArtifacts = {
  /** What a client sent events of. */
  artifacts: Array<EventArtifact>,
};

/** An artifact a client sent events of. */
export type EventArtifact = {
  /** `Artifact`, or `Artifact/Source`. */
  name: string,
  /** Rows kept. */
  rows: number,
  /** When the first of them came. */
  first: string | null,
  /** When the last of them came. */
  last: string | null,
};

/** Query string of `GET clients/{client_id}/events/{artifact}`: a table of the rows that came between two times. */
export type EventsQuery = {
  /** Not before, RFC 3339. */
  start?: string,
  /** Before, RFC 3339. */
  end?: string,
  /** As in [`TableParams`], like those below. */
  offset?: number,
  /** How many rows. */
  limit?: number,
  /** A column. */
  sort?: string,
  /** Descending. */
  desc?: string,
  /** Conditions. */
  filter?: string,
};

/** Query string of `GET search`. */
export type SearchQuery = {
  /** What to look for; empty is everything. */
  q?: string,
  /** How many of each kind, at most 100; 20 when nothing is said. */
  limit?: number,
};

/** What was found. */
export type SearchAnswer = {
  /** Machines. */
  clients: Array<FoundClient>,
  /** Artifacts; those whose names begin with the words come first. */
  artifacts: Array<FoundArtifact>,
  /** Collections, the newest first. */
  flows: Array<Flow>,
};

/** A machine that was found. */
export type FoundClient = {
  /** Its id. */
  client_id: string,
  /** Its name. */
  hostname: string,
  /** It is connected. */
  online: boolean,
};

/** An artifact that was found. */
export type FoundArtifact = {
  /** Its name. */
  name: string,
  /** Where it runs, such as `client`. */
  type: string,
  /** The first line of its description. */
  description: string,
};

/** Answer of `GET server/status`. */
export type ServerStatus = {
  /** Agents connected to any server. */
  connected_agents: number,
  /** Clients there are. */
  clients: number,
  /** Collections that run. */
  flows_running: number,
  /** Rows of all tables. */
  rows_stored: number,
  /** The servers that work on this database, in order of their start. */
  servers: Array<ServerEntry>,
  /** Packets and connections that this server did not take, by reason, since its start. */
  refused: { [key in string]: number },
  /** Where everything is stored. */
  datastore: Datastore,
};

/** A server of the deployment. */
export type ServerEntry = {
  /** The machine it runs on. */
  host: string,
  /** When it was started. */
  started: string,
  /** Agents connected to it. */
  connected_agents: number,
  /** It is the one that answers. */
  is_this: boolean,
};

/** Where everything is stored. */
export type Datastore = {
  /** Its folder. */
  path: string,
  /** Bytes that are free there; null when that is unknown. */
  free_bytes: number | null,
  /** Why storing last failed; null when it works. */
  trouble: string | null,
};

/** A row of the table that `GET audit` pages through. */
export type AuditRow = {
  /** When it was done. */
  time: string,
  /** Who did it. */
  principal: string,
  /** What was done. */
  operation: string,
  /** To what; differs with the operation. */
  detail: Json,
  /** From where. */
  ip: string,
};

/** Query string of `GET events`. */
export type PushQuery = {
  /** `clients`, `client:C.x`, `flows`, `flows:C.x`, `flow:C.x/F.y`, with commas between them. */
  topics: string,
};

/** Event `rows`: rows were stored. */
export type RowsStored = {
  /** The machine. */
  client_id: string,
  /** The collection, or `F.Monitoring`. */
  flow_id: string,
  /** `Artifact/Source`. */
  source: string,
  /** How many there are now. */
  total_rows: number,
};

/** Event `resync`: something may have been missed, so ask again for everything. */
export type Resync = Record<string, never>;

/** Answer of every request that fails; its HTTP status is 400 or above. */
export type Failure = {
  /** What went wrong. */
  error: Fault,
};

/** What went wrong. */
export type Fault = {
  /** For programs, such as `not_found`. */
  code: string,
  /** For people. */
  message: string,
  /** What more there is to tell. */
  detail: Detail | null,
};

/** More about a refusal. */
export type Detail = {
  /** Its name, or several. */
  artifact: string,
  /** The parameter that is wrong. */
  parameter: string | null,
  /** What the user lacks. */
  permission: string | null,
  /** Why. */
  message: string,
} | {
  /** Which. */
  permission: string,
};
