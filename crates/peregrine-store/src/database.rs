//! The SQL seam: domain operations of one organisation.

use crate::Result;
use crate::clients::*;
use crate::favorites::*;
use crate::flows::*;
use crate::hunts::*;
use crate::model::*;
use crate::queries::*;
use crate::rows::*;
use crate::servers::*;
use crate::settings::*;
use crate::users::*;
use async_trait::async_trait;
use peregrine_base::{ClientId, FlowId, HuntId};
use std::collections::HashMap;
use std::sync::Arc;

/// Everything the server keeps in SQL. A write that returns `Ok` is durable.
pub trait Database:
    ClientStore
    + FlowStore
    + HuntStore
    + RowStore
    + UserStore
    + FavoriteStore
    + AuditStore
    + SettingStore
    + ServerStore
    + QueryStore
{
}
impl<T> Database for T where
    T: ClientStore
        + FlowStore
        + HuntStore
        + RowStore
        + UserStore
        + FavoriteStore
        + AuditStore
        + SettingStore
        + ServerStore
        + QueryStore
{
}

/// Endpoints and their keys.
#[async_trait]
pub trait ClientStore: Send + Sync {
    /// The public key (PKCS#1 PEM) of an enrolled client.
    async fn client_key(&self, client_id: &ClientId) -> Result<Option<String>>;
    /// Stores a key and creates the client record if it is missing; true if the client is new.
    async fn enrol(&self, client_id: &ClientId, key_pem: &str, now: Micros) -> Result<bool>;
    /// Creates a client that has no agent; false if there is one with its id.
    async fn create_client(&self, client: NewClient) -> Result<bool>;
    /// One client.
    async fn client(&self, client_id: &ClientId) -> Result<Option<Client>>;
    /// Lists clients.
    async fn clients(&self, query: ClientQuery) -> Result<Page<Client>>;
    /// Up to `limit` different terms that begin with `prefix`, in order: what a search for it would look at.
    async fn search_terms(&self, field: SearchField, prefix: &str, limit: u64) -> Result<Vec<String>>;
    /// Records that a user opened a client, for [`ClientFilter::Recent`].
    async fn open_client(&self, client_id: &ClientId, user: &str, now: Micros) -> Result<()>;
    /// The fully qualified names of those of these clients that exist; host names where nothing else is known.
    async fn client_names(&self, client_ids: Vec<ClientId>) -> Result<HashMap<ClientId, String>>;
    /// Adds and removes labels (compared without regard to case). If anything changed, the time of change (ns) becomes
    /// `now`, or later if another server, with a clock ahead of ours, has sent the monitoring table since.
    async fn set_labels(
        &self,
        client_id: &ClientId,
        add: &[String],
        remove: &[String],
        now: i64,
    ) -> Result<Client>;
    /// Sets (Some) or removes (None) metadata keys.
    async fn set_metadata(
        &self,
        client_id: &ClientId,
        changes: &[(String, Option<String>)],
    ) -> Result<Client>;
    /// Records what a server knows about its connections, many at a time; of two claims of the same agent process the
    /// later one wins. Returns the clients that came online or went offline by it.
    async fn touch(&self, server_id: &str, touches: Vec<Touch>) -> Result<Vec<ClientId>>;
    /// Records the version of the monitoring table that was sent, and the basis it was made from.
    async fn set_event_table_version(&self, client_id: &ClientId, version: i64, basis: i64) -> Result<()>;
    /// Deletes a client and everything it sent.
    async fn delete_client(&self, client_id: &ClientId) -> Result<()>;
}

/// Collections and the queue of tasks.
#[async_trait]
pub trait FlowStore: Send + Sync {
    /// Stores a new flow and its tasks in one transaction.
    async fn create_flow(&self, flow: Flow, tasks: Vec<Task>) -> Result<()>;
    /// Stores a message for the agent that is handed over once, when the agent polls the next time.
    async fn queue_once(&self, client_id: &ClientId, task: Task) -> Result<()>;
    /// One flow.
    async fn flow(&self, client_id: &ClientId, flow_id: &FlowId) -> Result<Option<Flow>>;
    /// Whether there is this flow.
    async fn has_flow(&self, client_id: &ClientId, flow_id: &FlowId) -> Result<bool>;
    /// Those of these flows that there are, each once and in any order.
    async fn these_flows(&self, flows: &[(ClientId, FlowId)]) -> Result<Vec<Flow>>;
    /// Lists flows.
    async fn flows(&self, query: FlowQuery) -> Result<Page<Flow>>;
    /// Cancels a running flow and drops its queued tasks; queues `task` if the flow was already delivered to the agent.
    /// False if the flow had already ended.
    async fn cancel_flow(
        &self,
        client_id: &ClientId,
        flow_id: &FlowId,
        status: &str,
        task: Task,
        now: Micros,
    ) -> Result<bool>;
    /// Deletes a flow with its rows, logs and upload records.
    async fn delete_flow(&self, client_id: &ClientId, flow_id: &FlowId) -> Result<()>;
    /// The work for a client that polls. With nothing to do it costs one read. A collection request stays in the queue,
    /// marked as taken, until the agent reports the end, so that it can be sent again if the agent says it never arrived.
    async fn take_work(&self, client_id: &ClientId, poll: Poll) -> Result<Polled>;
    /// Running, delivered flows of each of these clients, in the order of `client_ids`.
    async fn in_flight(&self, client_ids: &[ClientId]) -> Result<Vec<Vec<FlowId>>>;
    /// Complete files of a flow.
    async fn uploads(&self, client_id: &ClientId, flow_id: &FlowId) -> Result<Vec<Upload>>;
}

/// Hunts, and the clients that take part in them.
#[async_trait]
pub trait HuntStore: Send + Sync {
    /// Stores a new hunt.
    async fn create_hunt(&self, hunt: Hunt, payload: HuntPayload) -> Result<()>;
    /// One hunt.
    async fn hunt(&self, hunt_id: &HuntId) -> Result<Option<Hunt>>;
    /// What it sends to its clients.
    async fn hunt_payload(&self, hunt_id: &HuntId) -> Result<Option<HuntPayload>>;
    /// Lists hunts.
    async fn hunts(&self, query: HuntQuery) -> Result<Page<Hunt>>;
    /// The hunts that clients may join, also those whose time is up.
    async fn running_hunts(&self) -> Result<Vec<RunningHunt>>;
    /// Changes a hunt and returns what it is then; one that runs and has enough clients is stopped at once.
    async fn change_hunt(&self, hunt_id: &HuntId, change: HuntChange, now: Micros) -> Result<Hunt>;
    /// Stops a running hunt whose time is up; false if it is not.
    async fn expire_hunt(&self, hunt_id: &HuntId, now: Micros) -> Result<bool>;
    /// Deletes a hunt that has no clients left; false if it has some, or is gone already.
    async fn delete_hunt(&self, hunt_id: &HuntId) -> Result<bool>;
    /// Connected clients that a running hunt is for and that have not joined it.
    async fn hunt_candidates(&self, hunt_id: &HuntId, which: Candidates) -> Result<Vec<ClientId>>;
    /// How many clients match a condition.
    async fn count_matching(&self, condition: HuntCondition) -> Result<Matching>;
    /// Lets clients join, each at most once, and stores their collections and tasks, in one transaction. Clients that do not
    /// exist, have joined, or do not match are left out.
    async fn join_hunt(
        &self,
        hunt_id: &HuntId,
        clients: Vec<ClientId>,
        admission: Admission,
        now: Micros,
    ) -> Result<Joined>;
    /// Makes an existing collection the one with which its client takes part; the client joins if it has not.
    async fn attach_flow(
        &self,
        hunt_id: &HuntId,
        client_id: &ClientId,
        flow_id: &FlowId,
        now: Micros,
    ) -> Result<Attached>;
    /// Stores a new collection for a client that takes part already; false if the one it has is still running.
    async fn relaunch_in_hunt(&self, hunt_id: &HuntId, flow: Flow, task: Task) -> Result<bool>;
    /// Lists the clients of a hunt.
    async fn hunt_members(&self, query: MemberQuery) -> Result<Page<Member>>;
    /// When each of these clients last joined a hunt, as far as they did.
    async fn last_joined(&self, client_ids: &[ClientId]) -> Result<HashMap<ClientId, Micros>>;
    /// A page of clients, in the order of their ids, and the collections that the hunt started on them.
    async fn flows_of_hunt(
        &self,
        hunt_id: &HuntId,
        after: Option<ClientId>,
        limit: u64,
    ) -> Result<StartedPage>;
    /// Removes clients from a hunt that is being deleted. Their collections stay.
    async fn drop_hunt_members(&self, hunt_id: &HuntId, clients: Vec<ClientId>) -> Result<()>;
    /// The hunts in which any of these collections counts.
    async fn hunts_of_flows(&self, flows: Vec<(ClientId, FlowId)>) -> Result<Vec<HuntId>>;
    /// Counts what became of a hunt's collections and stores that. False if another server did so at the same time, and perhaps
    /// from older data: count again.
    async fn count_hunt(&self, hunt_id: &HuntId) -> Result<bool>;
    /// The tables of a hunt that have rows.
    async fn hunt_sources(&self, hunt_id: &HuntId) -> Result<Vec<HuntSource>>;
    /// The rows of all clients for one table, in the order in which they were begun.
    async fn hunt_sets(&self, hunt_id: &HuntId, source: &str) -> Result<Vec<HuntSet>>;
}

/// Rows: results, logs, events.
#[async_trait]
pub trait RowStore: Send + Sync {
    /// Applies all effects of one packet in one transaction, in order; returns one outcome for each.
    async fn apply(&self, client_id: &ClientId, now: Micros, effects: Arc<[Effect]>) -> Result<Vec<Outcome>>;
    /// Result sets of a flow (rows and logs).
    async fn result_sets(&self, client_id: &ClientId, flow_id: &FlowId) -> Result<Vec<ResultSet>>;
    /// Result sets of each of these flows (client and flow), in the order of `flows`.
    async fn result_sets_of(&self, flows: &[(ClientId, FlowId)]) -> Result<Vec<Vec<ResultSet>>>;
    /// Event sets of a client.
    async fn event_sets(&self, client_id: &ClientId) -> Result<Vec<ResultSet>>;
    /// Chunks with rows from `from_row` on, in order: about `max_bytes` compressed, but at least one chunk if there is
    /// any.
    async fn read_chunks(&self, set: SetId, from_row: u64, max_bytes: usize) -> Result<Vec<StoredChunk>>;
    /// Chunks of several sets, in the order of set ids: about `max_bytes` compressed, but at least one chunk if there is any. Of
    /// the first of these sets only chunks with rows from `from_row` on.
    async fn read_sets(
        &self,
        sets: Vec<SetId>,
        from_row: u64,
        max_bytes: usize,
    ) -> Result<Vec<(SetId, StoredChunk)>>;
    /// Row numbers received within `[start, end)`, as a half-open range.
    async fn row_range(&self, set: SetId, start: Option<Micros>, end: Option<Micros>) -> Result<(u64, u64)>;
    /// The event rows of this artifact, of every client: of its source in `Artifact/Source`, or of all its sources.
    async fn events_of(&self, artifact: &str) -> Result<Vec<(ClientId, ResultSet)>>;
    /// Collections that ended by `before` and whose end was not told yet, oldest first.
    async fn untold_completions(&self, before: Micros, limit: u64) -> Result<Vec<(ClientId, FlowId)>>;
    /// Deletes the event rows received before `before` of some sets after `after`. Returns where to go on, or nothing at the end.
    async fn delete_events_before(&self, before: Micros, after: SetId) -> Result<Option<SetId>>;
    /// Deletes the rows of an event set of this client that were received within `[start, end)`, and the set if it has no other rows;
    /// returns the number of rows. Older rows are numbered anew, so that numbers have no gap and newer rows keep theirs.
    async fn delete_events(
        &self,
        client_id: &ClientId,
        set: SetId,
        start: Option<Micros>,
        end: Option<Micros>,
    ) -> Result<u64>;
    /// Removes row objects that no chunk refers to: those of deleted chunks and of packets that were never committed.
    /// Returns how many. Any number of servers may do this at the same time.
    async fn remove_unused_objects(&self, now: Micros) -> Result<u64>;
    /// Totals for the status page.
    async fn counts(&self) -> Result<Counts>;
}

/// Accounts and sessions.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// One user, by name without regard to case.
    async fn user(&self, name: &str) -> Result<Option<User>>;
    /// All users.
    async fn users(&self) -> Result<Vec<User>>;
    /// Creates a user if there are none at all; false if there already is one.
    async fn put_first_user(&self, user: User) -> Result<bool>;
    /// Creates or replaces a user.
    async fn put_user(&self, user: User) -> Result<()>;
    /// Replaces a user and ends all of that user's sessions except `except`, in one transaction.
    async fn put_user_and_end_sessions(&self, user: User, except: &[u8]) -> Result<()>;
    /// Deletes a user and all of that user's sessions.
    async fn delete_user(&self, name: &str) -> Result<()>;
    /// Stores a session.
    async fn put_session(&self, session: Session) -> Result<()>;
    /// The session with this token hash, unless it has expired.
    async fn session(&self, token_hash: &[u8], now: Micros) -> Result<Option<Session>>;
    /// Ends a session.
    async fn delete_session(&self, token_hash: &[u8]) -> Result<()>;
    /// Deletes expired sessions.
    async fn expire_sessions(&self, now: Micros) -> Result<()>;
}

/// Collections that users keep to start them again. They are shared by all organisations, like users.
#[async_trait]
pub trait FavoriteStore: Send + Sync {
    /// The favourites of a user, by type and name.
    async fn favorites(&self, user: &str) -> Result<Vec<Favorite>>;
    /// Stores a favourite, in place of one of the same type and name. False if it would be one too many.
    async fn put_favorite(&self, user: &str, favorite: Favorite, most: u64) -> Result<bool>;
    /// Deletes one; false if there is none.
    async fn delete_favorite(&self, user: &str, r#type: &str, name: &str) -> Result<bool>;
}

/// The audit log.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Appends a line, giving it the next number.
    async fn append_audit(&self, entry: AuditEntry) -> Result<()>;
    /// Lines with a number above `after`, oldest first.
    async fn read_audit(&self, after: i64, limit: u64) -> Result<Vec<AuditEntry>>;
    /// Number of the last line; lines are numbered from 1 without gaps.
    async fn audit_end(&self) -> Result<i64>;
    /// The lines before the first one written at `start` or later, and those before the first one at `end` or later: what
    /// [`RowStore::row_range`] is for event rows.
    async fn audit_range(&self, start: Option<Micros>, end: Option<Micros>) -> Result<(u64, u64)>;
}

/// Named values.
#[async_trait]
pub trait SettingStore: Send + Sync {
    /// A stored value.
    async fn setting(&self, name: &str) -> Result<Option<String>>;
    /// Stores a value.
    async fn set_setting(&self, name: &str, value: &str) -> Result<()>;
    /// Replaces `old` (`None`: no value yet) with `value`; false if the stored value is another one.
    async fn replace_setting(&self, name: &str, old: Option<&str>, value: &str) -> Result<bool>;
    /// Moves everything acknowledged out of the write-ahead log, so that a damaged log cannot lose it; called before
    /// shutdown.
    async fn checkpoint(&self) -> Result<()>;
}

/// The servers that work on this database, and which agents each of them has. A server that crashed stays on the list
/// until another one sees that its beat no longer advances and takes it off.
#[async_trait]
pub trait ServerStore: Send + Sync {
    /// Whether servers on other machines can use this database too.
    fn is_shared(&self) -> bool;
    /// Adds a server to the list; false if an entry with its id is still there.
    async fn join_servers(&self, server: ServerRecord) -> Result<bool>;
    /// All servers on the list.
    async fn servers(&self) -> Result<Vec<ServerRecord>>;
    /// Number of clients connected to each server, by server id.
    async fn clients_of_servers(&self) -> Result<HashMap<String, u64>>;
    /// A sign of life; false if the other servers have given this one up.
    async fn beat(&self, server_id: &str) -> Result<bool>;
    /// Takes a duty that no server on the list has; true if this server has it now. False also for a server that is off
    /// the list.
    async fn take_duty(&self, name: &str, server_id: &str) -> Result<bool>;
    /// Takes a server off the list; returns the clients that were connected to it, which are now offline.
    async fn leave_servers(&self, server_id: &str) -> Result<Vec<ClientId>>;
}

/// The queries that run on the servers, for those who want to see or stop them.
#[async_trait]
pub trait QueryStore: Send + Sync {
    /// Lists a query until it is removed, or its server leaves.
    async fn list_query(&self, query: QueryRecord) -> Result<()>;
    /// Removes a query that has ended.
    async fn unlist_query(&self, query_id: &str) -> Result<()>;
    /// The queries of all servers, oldest first.
    async fn listed_queries(&self) -> Result<Vec<QueryRecord>>;
}
