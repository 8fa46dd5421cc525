// Made from crates/peregrine-api: run `UPDATE=1 cargo test -p peregrine-api` after a change there. Do not edit.

/** JSON whose content this API does not define. */
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
  /** The current password. */
  current: string,
  /** The new password. */
  new: string,
};

/** Answer of `POST session`; the session cookie is set with it. */
export type SignedIn = {
  /** The user who signed in. */
  user: User,
  /** Must be sent in the header `X-CSRF-Token` with every request that changes something. */
  csrf_token: string,
};

/** Answer of `GET session`. */
export type Session = {
  /** The signed-in user. */
  user: User,
  /** Must be sent in the header `X-CSRF-Token` with every request that changes something. */
  csrf_token: string,
  /** The server that answers. */
  server: ServerVersion,
};

/** The signed-in user. */
export type User = {
  /** User name. */
  name: string,
  /** Names of roles. */
  roles: Array<string>,
  /** Names of the permissions that these roles grant. */
  permissions: Array<string>,
};

/** Name, version and start of a server. */
export type ServerVersion = {
  /** Product name, from the configuration. */
  name: string,
  /** Its version. */
  version: string,
  /** When it was started. */
  started_at: string,
};

/** Query string of `GET clients`. */
export type ClientsQuery = {
  /** The beginning of a name, an address or an id; or a verb with a pattern, such as `host:web*`, `label:none` or `recent:`. */
  search?: string,
  /** Only those that are connected (true) or not (false). */
  online?: boolean,
  /** `hostname`, `last_seen`, `first_seen` or `os`; by default `hostname`, and for `recent:` what was opened last. */
  sort?: string,
  /** Sort in descending order, unless the value is `false`. */
  desc?: string,
  /** How many to skip. */
  offset?: number,
  /** How many to return: 100 by default, at most 1000. */
  limit?: number,
};

/** Answer of `GET clients`. */
export type ClientPage = {
  /** How many match. */
  total: number,
  /** This page of them. */
  clients: Array<Client>,
};

/** An endpoint; also pushed as event `client`. */
export type Client = {
  /** `C.` and 16 hex digits. */
  client_id: string,
  /** Host name; like the members below, empty before the first interrogation. */
  hostname: string,
  /** Fully qualified name. */
  fqdn: string,
  /** `linux`, `windows` or `darwin`. */
  os: string,
  /** Platform and version. */
  os_release: string,
  /** Hardware architecture, such as `amd64`. */
  architecture: string,
  /** Name of the agent program. */
  agent_name: string,
  /** Version of the agent. */
  agent_version: string,
  /** Addresses of its network interfaces. */
  addresses: Array<string>,
  /** Address its last request came from. */
  last_ip: string,
  /** Hardware addresses of its network interfaces. */
  mac_addresses: Array<string>,
  /** Labels, sorted. */
  labels: Array<string>,
  /** Whether its agent is connected. */
  online: boolean,
  /** When it enrolled. */
  first_seen: string,
  /** When the server last heard from it. */
  last_seen: string,
  /** The interrogation that the facts above are from. */
  last_interrogate_flow_id: string | null,
  /** Collections its agent is working on. */
  in_flight_flows: Array<string>,
  /** Notes by name. */
  metadata: { [key in string]: string },
};

/** Query string of `GET clients/suggestions`. */
export type SuggestionsQuery = {
  /** What was typed so far. */
  search?: string,
  /** How many to return: 10 by default, at most 100. */
  limit?: number,
};

/** Answer of `GET clients/suggestions`. */
export type Suggestions = {
  /** Searches that continue the text. Those that end with a colon are to be continued. */
  suggestions: Array<string>,
};

/** Answer of `GET clients/{client_id}/interrogation`: what the machine reported about itself. */
export type Interrogation = {
  /** The collection; null if there was none, like the next member. */
  flow_id: string | null,
  /** When it ended. */
  finished_at: string | null,
  /** Its tables, each with its first rows. */
  tables: Array<InterrogationTable>,
};

/** A table of an interrogation. */
export type InterrogationTable = {
  /** Columns. */
  columns: Array<Column>,
  /** Number of rows in the table. */
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
  /** Labels to add. */
  add?: Array<string>,
  /** Labels to remove. */
  remove?: Array<string>,
};

/** Query string of `GET artifacts`. */
export type ArtifactsQuery = {
  /** Words from name, description or author. */
  search?: string,
  /** Only of this type, such as `client_event`. */
  type?: string,
  /** Only those for this operating system, or for any. */
  os?: string,
};

/** Answer of `GET artifacts`. */
export type ArtifactList = {
  /** Sorted by name. */
  artifacts: Array<Artifact>,
};

/** An artifact's definition, as far as clients of the API need it. */
export type Artifact = {
  /** Its name, such as `Linux.Sys.Pslist`. */
  name: string,
  /** Where it runs, such as `client`. */
  type: string,
  /** Description for analysts, in Markdown. */
  description: string,
  /** Who wrote it. */
  author: string,
  /** Whether it is part of the program. */
  built_in: boolean,
  /** Its parameters. */
  parameters: Array<Parameter>,
  /** Its sources; each produces a table. */
  sources: Array<Source>,
  /** A query that runs on the machine and decides whether the artifact applies there. */
  precondition: string | null,
  /** Where to read more. */
  references: Array<string>,
  /** How to show some of the columns. */
  column_types: Array<ColumnType>,
  /** Limits it sets; null if it sets none. */
  resources: Resources | null,
  /** Further permissions needed to launch it. */
  required_permissions: Array<string>,
  /** Whether users who only have `COLLECT_BASIC` may collect it. */
  basic: boolean,
  /** The definition as written; only if a single artifact is requested. */
  raw?: string,
};

/** A parameter of an artifact. */
export type Parameter = {
  /** Its name. */
  name: string,
  /** How the value is parsed, such as `int` or `csv`. */
  type: string,
  /** Default value; always empty for secret parameters. */
  default: string,
  /** What it does. */
  description: string,
  /** Display name; may be empty. */
  friendly_name: string,
  /** Allowed values; empty if any value is allowed. */
  choices: Array<string>,
  /** Regex the value must match; empty if there is none. */
  validating_regex: string,
};

/** A source of an artifact. */
export type Source = {
  /** Empty if it is the only source. */
  name: string,
  /** Describes its rows. */
  description: string,
};

/** How to show a column. */
export type ColumnType = {
  /** Name of the column. */
  name: string,
  /** The type, such as `timestamp`. */
  type: string,
  /** Describes its content. */
  description: string,
};

/** Limits an artifact sets; those it does not set are omitted. */
export type Resources = {
  /** Most seconds a query may take. */
  timeout?: number,
  /** Most rows of the collection. */
  max_rows?: number,
  /** Most bytes the collection may upload. */
  max_upload_bytes?: number,
  /** Deprecated form of `cpu_limit`. */
  ops_per_second?: number,
  /** Percent of one processor. */
  cpu_limit?: number,
  /** Most input and output operations per second. */
  iops_limit?: number,
  /** Most seconds before a batch of rows is sent. */
  max_batch_wait?: number,
  /** Most rows of a batch. */
  max_batch_rows?: number,
  /** Most bytes of a batch. */
  max_batch_rows_buffer?: number,
};

/** Answer of `POST artifacts/compile`, whose body is a [`CollectRequest`]: what would be sent to the agent. */
export type Compiled = {
  /** One for each source. */
  requests: Array<CompiledRequest>,
  /** Equivalent query for a notebook. */
  equivalent_vql: string,
  /** Equivalent call of this API. */
  equivalent_api: EquivalentCall,
  /** Most rows of the collection; 0 is no limit. */
  max_rows: number,
  /** Most bytes it may upload; 0 is no limit. */
  max_upload_bytes: number,
};

/** A request to the agent. */
export type CompiledRequest = {
  /** Its VQL statements, in order. */
  statements: Array<string>,
  /** Values of its variables, in order; secret ones are masked. */
  env: { [key in string]: string },
  /** Most seconds it may take. */
  timeout: number,
  /** Percent of one processor; 0 is no limit. */
  cpu_limit: number,
};

/** A call that does the same as the request. */
export type EquivalentCall = {
  /** HTTP method. */
  method: string,
  /** Path with a placeholder for the client's id. */
  path: string,
  /** Body, with secret values masked. */
  body: CollectRequest,
};

/** Body of `POST clients/{client_id}/flows` and `POST artifacts/compile`: what to collect. A limit of zero means not set. */
export type CollectRequest = {
  /** What to collect; at least one. */
  artifacts: Array<ArtifactSpec>,
  /** Use `Custom.<name>` instead of `<name>` where it exists. */
  allow_custom_overrides?: boolean,
  /** Deprecated form of `cpu_limit`. */
  ops_per_second?: number,
  /** Percent of one processor. */
  cpu_limit?: number,
  /** Most input and output operations per second. */
  iops_limit?: number,
  /** Most seconds without progress. */
  progress_timeout?: number,
  /** Most seconds a query may take. */
  timeout?: number,
  /** Most rows of the collection. */
  max_rows?: number,
  /** Most bytes the collection may upload. */
  max_upload_bytes?: number,
  /** Most log lines of the collection. */
  max_logs?: number,
  /** Goes ahead of other collections for the machine. */
  urgent?: boolean,
};

/** An artifact with its own parameters and limits. A limit of zero means not set. */
export type ArtifactSpec = {
  /** `Name` for all sources, or `Name/Source` for one of them. */
  artifact: string,
  /** Values of parameters that differ from the defaults. */
  parameters: { [key in string]: string },
  /** Percent of one processor. */
  cpu_limit?: number,
  /** Most seconds a query may take. */
  timeout?: number,
  /** Most seconds before a batch is sent. */
  max_batch_wait?: number,
  /** Most rows of a batch. */
  max_batch_rows?: number,
  /** Most bytes of a batch. */
  max_batch_rows_buffer?: number,
};

/** Answer of `POST clients/{client_id}/flows` and `POST clients/{client_id}/interrogate`. */
export type FlowStarted = {
  /** Id of the new collection. */
  flow_id: string,
};

/** Query string of `GET clients/{client_id}/flows`. */
export type FlowsQuery = {
  /** Text in id, artifact or creator. */
  search?: string,
  /** Only those in this state; `waiting`, `in_progress` and `unresponsive` all match every running collection. */
  state?: string,
  /** `created`, `last_active`, `rows`, `artifacts`, `state` or `creator`. */
  sort?: string,
  /** Sort in descending order, unless the value is `false`. Without `sort`, the newest come first. */
  desc?: string,
  /** How many to skip. */
  offset?: number,
  /** How many to return: 100 by default, at most 1000. */
  limit?: number,
};

/** Answer of `GET clients/{client_id}/flows`. */
export type FlowPage = {
  /** How many match. */
  total: number,
  /** This page of them. */
  flows: Array<Flow>,
};

/** State of a collection. */
export type FlowState = "waiting" | "in_progress" | "unresponsive" | "finished" | "error" | "cancelled";

/** Summary of a collection; also pushed as event `flow`. */
export type Flow = {
  /** `F.` and 13 characters. */
  flow_id: string,
  /** The client it runs on. */
  client_id: string,
  /** Names of the artifacts collected. */
  artifacts: Array<string>,
  /** Its state. */
  state: FlowState,
  /** Why it failed, or who cancelled it. */
  status: string | null,
  /** The user who requested it. */
  creator: string,
  /** When it was requested. */
  created: string,
  /** When the machine started it. */
  started: string | null,
  /** When the machine last worked on it. */
  last_active: string | null,
  /** When it ended. */
  finished_at: string | null,
  /** Time the machine spent on it. */
  duration_ms: number,
  /** Rows stored so far. */
  rows: number,
  /** Log lines stored so far. */
  logs: number,
  /** Files stored so far. */
  uploaded_files: number,
  /** Bytes of those files. */
  uploaded_bytes: number,
  /** Its tables that have rows. */
  sources: Array<FlowSource>,
  /** Whether it went ahead of other collections. */
  urgent: boolean,
};

/** A table of a collection. */
export type FlowSource = {
  /** `Artifact/Source`. */
  name: string,
  /** Rows so far. */
  rows: number,
};

/** Answer of `GET clients/{client_id}/flows/{flow_id}`: everything about a collection. */
export type FlowDetail = {
  /** Limits in force. */
  limits: FlowLimits,
  /** The machine's last report about each of its queries. */
  query_stats: Json,
  /** The [`CollectRequest`] it was made from, with secret values masked. Empty if it was not requested through the API. */
  request: Partial<CollectRequest> | null,
  /** Files it uploaded. */
  uploads: Array<Upload>,
  /** `F.` and 13 characters. */
  flow_id: string,
  /** The client it runs on. */
  client_id: string,
  /** Names of the artifacts collected. */
  artifacts: Array<string>,
  /** Its state. */
  state: FlowState,
  /** Why it failed, or who cancelled it. */
  status: string | null,
  /** The user who requested it. */
  creator: string,
  /** When it was requested. */
  created: string,
  /** When the machine started it. */
  started: string | null,
  /** When the machine last worked on it. */
  last_active: string | null,
  /** When it ended. */
  finished_at: string | null,
  /** Time the machine spent on it. */
  duration_ms: number,
  /** Rows stored so far. */
  rows: number,
  /** Log lines stored so far. */
  logs: number,
  /** Files stored so far. */
  uploaded_files: number,
  /** Bytes of those files. */
  uploaded_bytes: number,
  /** Its tables that have rows. */
  sources: Array<FlowSource>,
  /** Whether it went ahead of other collections. */
  urgent: boolean,
};

/** Limits in force; null for limits that were not recorded when the collection was stored. */
export type FlowLimits = {
  /** Percent of one processor. Here and below, 0 is no limit. */
  cpu_limit: number | null,
  /** Most input and output operations per second. */
  iops_limit: number | null,
  /** Most seconds a query may take. */
  timeout: number | null,
  /** Most seconds without progress. */
  progress_timeout: number | null,
  /** Most rows. */
  max_rows: number | null,
  /** Most bytes of files. */
  max_upload_bytes: number | null,
  /** Most log lines. */
  max_logs: number | null,
};

/** A file uploaded by a collection; download it with `GET …/uploads/{number}`, where number is its index from 0. */
export type Upload = {
  /** Path on the machine. */
  path: string,
  /** Accessor it was read with. */
  accessor: string,
  /** Size on the machine. */
  size: number,
  /** Bytes stored. */
  uploaded_size: number,
  /** When the last byte arrived. */
  finished_at: string,
};

/** Answer of `GET favorites`. */
export type FavoriteList = {
  /** Those of the user who asks, by type and name. */
  favorites: Array<Favorite>,
};

/** A collection that a user keeps; also the body of `PUT favorites`, which replaces one of the same type and name. */
export type Favorite = {
  /** Name. */
  name: string,
  /** What it is for. */
  description?: string,
  /** The artifacts with their parameters; at least one. */
  spec: Array<ArtifactSpec>,
  /** Type of the artifacts: `CLIENT`, `CLIENT_EVENT`, `SERVER` or `SERVER_EVENT`. */
  type: string,
};

/** Body of `POST hunts`: a new hunt. */
export type NewHunt = {
  /** What it is for. */
  description: string,
  /** Words to find it by. */
  tags: Array<string>,
  /** Which clients join. */
  condition: HuntCondition,
  /** Stop when this many clients have joined; 0 for no limit. */
  client_limit: number,
  /** When it stops by itself; by default after a week, or as the server is configured. */
  expires?: string,
  /** Start it at once; otherwise it is paused. */
  start?: boolean,
  /** What to collect. */
  request: CollectRequest,
};

/**
 * Which clients join a hunt. Everything that is given must hold: a label never adds machines that the operating system rules
 * out, and an excluded label always keeps a machine out.
 */
export type HuntCondition = {
  /** The client has one of these labels; empty for any client. */
  labels: Array<string>,
  /** The client has none of these labels. */
  excluded_labels: Array<string>,
  /** The client has this operating system. One whose system is not known yet joins when it is. */
  os: HuntOs | null,
};

/** Operating systems. */
export type HuntOs = "linux" | "windows" | "darwin";

/** State of a hunt. */
export type HuntState = "paused" | "running" | "stopped" | "archived";

/** Answer of `POST hunts` and `POST hunts/{hunt_id}/copy`. */
export type HuntCreated = {
  /** Id of the new hunt. */
  hunt_id: string,
};

/** Body of `PATCH hunts/{hunt_id}`: a change; members that are left out stay as they are. */
export type HuntChange = {
  /** Start, stop or archive it. */
  action?: HuntAction,
  /** The new description. */
  description?: string,
  /** The new tags; `["-"]` or an empty list removes all. */
  tags?: Array<string>,
  /** When it stops by itself. */
  expires?: string,
  /** Stop when this many clients have joined; 0 for no limit. */
  client_limit?: number,
};

/** What to do with a hunt. */
export type HuntAction = "start" | "stop" | "archive";

/** Body of `POST hunts/{hunt_id}/stop`. */
export type HuntStop = {
  /** Also end its collections: those that wait are never sent, those that run are stopped. */
  cancel: boolean,
};

/** Body of `POST hunts/{hunt_id}/clients`: a client that takes part whatever the condition, the limit and the state of the hunt. */
export type NewHuntClient = {
  /** The client. */
  client_id: string,
  /** A collection of the client that becomes the one with which it takes part; otherwise it is collected from. */
  flow_id?: string,
  /** Collect again from a client that takes part already. */
  relaunch?: boolean,
};

/** Answer of `POST hunts/{hunt_id}/clients`. */
export type HuntClientAdded = {
  /** The collection with which the client takes part. */
  flow_id: string,
};

/** Query string of `GET hunts`. */
export type HuntsQuery = {
  /** Text in id, description, creator, tags or artifacts. */
  search?: string,
  /** `paused`, `running`, `stopped`, `archived` or `all`; by default all that are not archived. */
  state?: string,
  /** `created`, `started`, `expires`, `description`, `creator`, `state` or `clients`. */
  sort?: string,
  /** Sort in descending order, unless the value is `false`. Without `sort`, the newest come first. */
  desc?: string,
  /** How many to skip. */
  offset?: number,
  /** How many to return: 100 by default, at most 1000. */
  limit?: number,
};

/** Answer of `GET hunts`. */
export type HuntPage = {
  /** How many match. */
  total: number,
  /** This page of them. */
  hunts: Array<Hunt>,
};

/** Summary of a hunt; also pushed as event `hunt`. */
export type Hunt = {
  /** `H.` and 13 characters. */
  hunt_id: string,
  /** Its state. */
  state: HuntState,
  /** Why it stopped by itself. */
  stop_reason: string | null,
  /** What it is for. */
  description: string,
  /** The user who made it. */
  creator: string,
  /** Words to find it by, sorted. */
  tags: Array<string>,
  /** When it was made. */
  created: string,
  /** When it was last started. */
  started: string | null,
  /** When it stops by itself. */
  expires: string,
  /** Which clients join. */
  condition: HuntCondition,
  /** It stops when this many clients have joined; 0 for no limit. */
  client_limit: number,
  /** Names of the artifacts it collects. */
  artifacts: Array<string>,
  /** Tables its collections can have. */
  sources: Array<string>,
  /** Whether its collections go ahead of others. */
  urgent: boolean,
  /** What became of its collections, a moment ago. */
  totals: HuntTotals,
};

/** What became of a hunt's collections. */
export type HuntTotals = {
  /** Clients that take part. */
  scheduled: number,
  /** Collections that no machine has taken yet. */
  waiting: number,
  /** Collections that were handed to a machine and have not ended. */
  running: number,
  /** Collections that ended successfully. */
  finished: number,
  /** Collections that failed. */
  errors: number,
  /** Collections that a user cancelled. */
  cancelled: number,
  /** Clients whose collection was deleted. */
  deleted: number,
  /** Collections with rows or files. */
  with_results: number,
  /** Rows of all collections. */
  rows: number,
  /** Files of all collections. */
  uploaded_files: number,
  /** Bytes of those files. */
  uploaded_bytes: number,
};

/** Answer of `GET hunts/{hunt_id}`: everything about a hunt. */
export type HuntDetail = {
  /** Limits in force for each collection. */
  limits: FlowLimits,
  /** The [`CollectRequest`] it was made from, with secret values masked. */
  request: Partial<CollectRequest> | null,
  /** `H.` and 13 characters. */
  hunt_id: string,
  /** Its state. */
  state: HuntState,
  /** Why it stopped by itself. */
  stop_reason: string | null,
  /** What it is for. */
  description: string,
  /** The user who made it. */
  creator: string,
  /** Words to find it by, sorted. */
  tags: Array<string>,
  /** When it was made. */
  created: string,
  /** When it was last started. */
  started: string | null,
  /** When it stops by itself. */
  expires: string,
  /** Which clients join. */
  condition: HuntCondition,
  /** It stops when this many clients have joined; 0 for no limit. */
  client_limit: number,
  /** Names of the artifacts it collects. */
  artifacts: Array<string>,
  /** Tables its collections can have. */
  sources: Array<string>,
  /** Whether its collections go ahead of others. */
  urgent: boolean,
  /** What became of its collections, a moment ago. */
  totals: HuntTotals,
};

/** Query string of `GET hunts/{hunt_id}/clients`. */
export type HuntClientsQuery = {
  /** Text in client id or host name. */
  search?: string,
  /** Only those whose collection is in this state: one of [`FlowState`], or `deleted`. */
  state?: string,
  /** `joined`, `hostname`, `state`, `rows`, `uploaded_bytes` or `duration`. */
  sort?: string,
  /** Sort in descending order, unless the value is `false`. */
  desc?: string,
  /** How many to skip. */
  offset?: number,
  /** How many to return: 100 by default, at most 1000. */
  limit?: number,
};

/** Answer of `GET hunts/{hunt_id}/clients`. */
export type HuntClientPage = {
  /** How many match. */
  total: number,
  /** This page of them. */
  clients: Array<HuntClient>,
};

/** A client of a hunt. */
export type HuntClient = {
  /** Its id. */
  client_id: string,
  /** Its host name. */
  hostname: string,
  /** Its fully qualified name. */
  fqdn: string,
  /** Whether it is connected. */
  online: boolean,
  /** When it joined. */
  joined: string,
  /** Its collection. */
  flow_id: string,
  /** State of the collection; null if it was deleted. */
  state: FlowState | null,
  /** Why there is no answer, if the collection has not ended. */
  waits: HuntWait | null,
  /** Why the collection failed, or who cancelled it. */
  status: string | null,
  /** When the machine started it. */
  started: string | null,
  /** When it ended. */
  finished_at: string | null,
  /** Time the machine spent on it. */
  duration_ms: number,
  /** Rows stored so far. */
  rows: number,
  /** Files stored so far. */
  uploaded_files: number,
  /** Bytes of those files. */
  uploaded_bytes: number,
};

/** Why a client has not answered. */
export type HuntWait = {
  /** The reason. */
  reason: HuntWaitReason,
  /** Since when. */
  since: string,
};

/** Reasons for which a client has not answered. */
export type HuntWaitReason = "offline" | "not_delivered" | "no_answer" | "silent";

/** Answer of `POST hunts/estimate`, whose body is a [`HuntCondition`]: how many clients match it. */
export type HuntEstimate = {
  /** All known clients that match. */
  clients: number,
  /** Those that are connected now. */
  online: number,
};

/** Answer of `DELETE hunts/{hunt_id}`: what was deleted. */
export type HuntDeleted = {
  /** Clients that took part. */
  clients: number,
  /** Collections that the hunt had started. Collections that were added to it by hand stay. */
  flows: number,
  /** Rows of those collections. */
  rows: number,
  /** Files of those collections. */
  uploaded_files: number,
  /** Bytes of those files. */
  uploaded_bytes: number,
};

/** Answer of `GET hunts/{hunt_id}/sources`: the tables of a hunt. */
export type HuntSources = {
  /** Those that can have rows, in the order of the artifacts, and others that have some. */
  sources: Array<HuntSource>,
};

/** A table over all clients of a hunt. */
export type HuntSource = {
  /** `Artifact/Source`. */
  name: string,
  /** Clients that have rows of it. */
  clients: number,
  /** Rows so far. */
  rows: number,
};

/** Query string of tables: `GET audit` and `GET clients/{client_id}/flows/{flow_id}/logs`. */
export type TableParams = {
  /** How many rows to skip. */
  offset?: number,
  /** How many rows to return: 200 by default, at most 10,000. */
  limit?: number,
  /** Column to sort by; by default rows are in the order in which they were stored. */
  sort?: string,
  /** Sort in descending order: `1`, `true`, `yes` or an empty value. */
  desc?: string,
  /** A JSON list of [`Condition`]s, all of which must hold. */
  filter?: string,
};

/** Query string of `GET clients/{client_id}/flows/{flow_id}/results`. */
export type ResultsQuery = {
  /** `Artifact/Source`; by default the first table. */
  source?: string,
  /** As in [`TableParams`], like the members below. */
  offset?: number,
  /** How many rows to return. */
  limit?: number,
  /** Column to sort by. */
  sort?: string,
  /** Sort in descending order. */
  desc?: string,
  /** Conditions, in JSON. */
  filter?: string,
};

/** Query string of `GET clients/{client_id}/flows/{flow_id}/results/facets`. */
export type FacetsQuery = {
  /** `Artifact/Source`; by default the first table. */
  source?: string,
  /** The column whose values are counted. */
  column: string,
  /** As in [`TableParams`]. */
  filter?: string,
};

/** Query string of `GET clients/{client_id}/flows/{flow_id}/results/export`. Rows are in the order they were stored. */
export type ExportQuery = {
  /** `Artifact/Source`; by default the first table. */
  source?: string,
  /** File format. */
  format: ExportFormat,
  /** Column names separated by commas; by default all columns. */
  columns?: string,
  /** As in [`TableParams`]. */
  filter?: string,
};

/** File formats of exported tables. */
export type ExportFormat = "csv" | "json" | "jsonl";

/** A condition of a filter. */
export type Condition = {
  /** Name of the column; `*` is any column. */
  column: string,
  /**
   * `contains`, `eq`, `regex`, `lt`, `le`, `gt`, `ge`, `is_null` or `in`, or the opposite: `ne`, `not_null`, or one of
   * the others with the prefix `not_`.
   */
  op: string,
  /** Value to compare cells with; a list for `in`. */
  value: Json,
};

/** A page of a table. */
export type TablePage = {
  /** Columns of these rows; those of the table's first row come first. */
  columns: Array<Column>,
  /** Exact number of matching rows. */
  total: number,
  /** Rows skipped before this page. */
  offset: number,
  /** Cells in column order. */
  rows: Array<Array<Json>>,
  /** Whether the table is final, so that no more rows will be added. */
  complete: boolean,
};

/** A column. */
export type Column = {
  /** Its name. */
  name: string,
  /** How to show it: declared by the artifact, else guessed from the values; omitted if there are none to guess from. */
  type?: string,
};

/** How often each value of a column appears. */
export type Facets = {
  /** The most frequent values, in descending order of frequency. */
  values: Array<Facet>,
  /** Number of distinct values. */
  distinct: number,
  /** Number of rows counted. */
  total: number,
};

/** A value of a column. */
export type Facet = {
  /** The value. */
  value: Json,
  /** Number of rows that have it. */
  count: number,
};

/** Query string of `GET clients/{client_id}/process-tree`. */
export type ProcessTreeQuery = {
  /** Id or pid of the process. */
  process: string,
  /** The collection whose rows are the processes. */
  flow: string,
};

/** The whole tree that contains a process. */
export type ProcessFamily = {
  /** Id of its earliest known ancestor. */
  root: string | null,
  /** Id of the requested process; of several with the same pid, the latest. */
  focus: string | null,
  /** Its processes; parents come before their children. */
  nodes: Array<ProcessNode>,
  /** Whether the tree has more processes than are listed. */
  truncated: boolean,
};

/** A process. Cells are as the machine sent them and may be anything. */
export type ProcessNode = {
  /** Process id on the machine, which the machine may reuse. */
  pid: number,
  /** Name of the process. */
  name: Json,
  /** Path of the executable. */
  exe: Json,
  /** Command line. */
  command_line: Json,
  /** User it runs as. */
  username: Json,
  /** When it started. */
  start_time: Json,
  /** When it exited. */
  end_time: Json,
  /** Exit code. */
  exit_code: Json,
  /** Whether it has exited. */
  exited: boolean,
  /** Unique id. */
  id: string,
  /** Id of its parent; null if that is not in the tree. */
  parent_id: string | null,
};

/** Body and answer of `PUT monitoring/client`, answer of `GET monitoring/client`: which artifacts run where. */
export type MonitoringTable = {
  /** Artifacts on every client. */
  artifacts: Array<ArtifactSpec>,
  /** Artifacts on clients with a label. */
  label_events: Array<LabelGroup>,
};

/** Artifacts for clients with a label. */
export type LabelGroup = {
  /** The label, compared without regard to case; `all` means every client. */
  label: string,
  /** Artifacts on the clients with this label. */
  artifacts: Array<ArtifactSpec>,
};

/** Body and answer of `PUT monitoring/server`, answer of `GET monitoring/server`: which artifacts run on the server. */
export type ServerMonitoring = {
  /** The artifacts. */
  artifacts: Array<ArtifactSpec>,
};

/** Answer of `GET clients/{client_id}/events`. */
export type EventArtifacts = {
  /** Artifacts that the client sent events of. */
  artifacts: Array<EventArtifact>,
};

/** An artifact that a client sent events of. */
export type EventArtifact = {
  /** `Artifact`, or `Artifact/Source`. */
  name: string,
  /** Rows stored. */
  rows: number,
  /** When the first of them arrived. */
  first: string | null,
  /** When the last of them arrived. */
  last: string | null,
};

/** Query string of `GET clients/{client_id}/events/{artifact}`: a table of the rows received in a time range. */
export type EventsQuery = {
  /** Start of the range (inclusive), RFC 3339. */
  start?: string,
  /** End of the range (exclusive), RFC 3339. */
  end?: string,
  /** As in [`TableParams`], like the members below. */
  offset?: number,
  /** How many rows to return. */
  limit?: number,
  /** Column to sort by. */
  sort?: string,
  /** Sort in descending order. */
  desc?: string,
  /** Conditions, in JSON. */
  filter?: string,
};

/** Query string of `GET search`. */
export type SearchQuery = {
  /** Text to search for; empty matches everything. */
  q?: string,
  /** How many of each kind to return: 20 by default, at most 100. */
  limit?: number,
};

/** Search results. */
export type SearchAnswer = {
  /** Clients. */
  clients: Array<FoundClient>,
  /** Artifacts; those whose name begins with the text come first. */
  artifacts: Array<FoundArtifact>,
  /** Collections, newest first. */
  flows: Array<Flow>,
};

/** A client found by a search. */
export type FoundClient = {
  /** Id of the client. */
  client_id: string,
  /** Host name. */
  hostname: string,
  /** Whether its agent is connected. */
  online: boolean,
};

/** An artifact found by a search. */
export type FoundArtifact = {
  /** Its name. */
  name: string,
  /** Where it runs, such as `client`. */
  type: string,
  /** First line of the description. */
  description: string,
};

/** Answer of `GET server/status`. */
export type ServerStatus = {
  /** Agents connected to any server of the deployment. */
  connected_agents: number,
  /** Known clients. */
  clients: number,
  /** Running collections. */
  flows_running: number,
  /** Rows of all tables together. */
  rows_stored: number,
  /** The servers that work on this database, in order of their start. */
  servers: Array<ServerEntry>,
  /** Packets and connections that this server refused since its start, by reason. */
  refused: { [key in string]: number },
  /** Where data is stored. */
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
  /** Whether it is the server that sent this answer. */
  is_this: boolean,
};

/** Where data is stored. */
export type Datastore = {
  /** Its folder. */
  path: string,
  /** Free bytes there; null if unknown. */
  free_bytes: number | null,
  /** Why storing last failed, or a warning about the storage from the start of the server; null if all is well. */
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
  /** Details, which depend on the operation. */
  detail: Json,
  /** Address the request came from. */
  ip: string,
};

/** Query string of `GET events`. */
export type PushQuery = {
  /** `clients`, `client:C.x`, `flows`, `flows:C.x`, `flow:C.x/F.y`, `hunts` or `hunt:H.x`, separated by commas. */
  topics: string,
};

/** Event `rows`: rows were stored. */
export type RowsStored = {
  /** The client they are from. */
  client_id: string,
  /** The collection, or `F.Monitoring`. */
  flow_id: string,
  /** `Artifact/Source`. */
  source: string,
  /** Rows the table has now. */
  total_rows: number,
};

/** Event `resync`: events may have been missed, so load everything again. */
export type Resync = Record<string, never>;

/** Body of `POST queries`. The answer is a stream of [`QueryLine`]s, one JSON object per line. */
export type QueryRequest = {
  /** The statements; they share one scope. */
  vql: string,
  /** Text variables of the query. */
  env?: { [key in string]: string },
  /** Most seconds the query may take; 0 for the server's limit. */
  timeout?: number,
  /** Most rows; 0 for the server's limit. */
  max_rows?: number,
};

/** A line of the answer to a query. An empty line means that the query still runs. */
export type QueryLine = { "started": QueryStarted } | { "row": { [column: string]: Json } } | { "next": NextStatement } | { "log": QueryMessage } | { "ended": QueryEnded };

export type QueryStarted = {
  /** Names the query in the list of running ones. */
  query_id: string,
};

export type NextStatement = {
  /** The number of statements that have ended. */
  statement: number,
};

export type QueryMessage = {
  /** `DEFAULT`, `ERROR`, `WARN`, `INFO`, `DEBUG` or `ALERT`. */
  level: string, message: string,
};

export type QueryEnded = { reason: QueryEnd,
  /** Rows it yielded. */
  rows: number,
  /** Why it ended before it was complete. */
  message?: string,
};

/** Why a query ended. */
export type QueryEnd = "complete" | "cancelled" | "timed_out" | "too_many_rows" | "out_of_memory" | "failed";

/** Answer to `GET queries`: the queries that run on all servers, oldest first. */
export type RunningQueries = { queries: Array<RunningQuery>,
};

/** A query that runs on a server. One that runs on another server is listed a second after it started. */
export type RunningQuery = { query_id: string,
  /** On whose behalf it runs. */
  principal: string,
  /** Its text, perhaps shortened. */
  vql: string, started: string,
  /** The server that runs it. */
  server_id: string,
  /** Rows so far, if it runs on the server that answers. */
  rows?: number,
  /** Bytes it holds, if it runs on the server that answers. */
  memory?: number,
};

/** Answer of every failed request; the HTTP status is 400 or above. */
export type Failure = {
  /** What went wrong. */
  error: Fault,
};

/** What went wrong. */
export type Fault = {
  /** Stable name of the error for programs, such as `not_found`. */
  code: string,
  /** Message for people. */
  message: string,
  /** More about the error, if there is more to say. */
  detail: Detail | null,
};

/** More about an error. */
export type Detail = {
  /** Name of the artifact, or of several. */
  artifact: string,
  /** The invalid parameter, if it is about one. */
  parameter: string | null,
  /** The permission the user lacks, if it is about one. */
  permission: string | null,
  /** What is wrong. */
  message: string,
} | {
  /** The permission the user lacks. */
  permission: string,
};
