//! The SQL seam: domain operations of one organisation.

use crate::Result;
use crate::clients::*;
use crate::flows::*;
use crate::model::*;
use crate::rows::*;
use crate::servers::*;
use crate::settings::*;
use crate::users::*;
use async_trait::async_trait;
use peregrine_base::{ClientId, FlowId};
use std::collections::HashMap;
use std::sync::Arc;

/// Everything the server keeps in SQL. A returned `Ok` of a write means: durable.
pub trait Database:
    ClientStore + FlowStore + RowStore + UserStore + AuditStore + SettingStore + ServerStore
{
}
impl<T: ClientStore + FlowStore + RowStore + UserStore + AuditStore + SettingStore + ServerStore> Database
    for T
{
}

/// Endpoints and their keys.
#[async_trait]
pub trait ClientStore: Send + Sync {
    /// The public key (PKCS#1 PEM) of an enrolled client.
    async fn client_key(&self, client_id: &ClientId) -> Result<Option<String>>;
    /// Stores a key and makes the client record when missing; true when the client is new.
    async fn enrol(&self, client_id: &ClientId, key_pem: &str, now: Micros) -> Result<bool>;
    /// One client.
    async fn client(&self, client_id: &ClientId) -> Result<Option<Client>>;
    /// Lists clients.
    async fn clients(&self, query: ClientQuery) -> Result<Page<Client>>;
    /// Adds and removes labels (compared without regard to case). When anything changed, so is the time of the change (ns): it
    /// is `now`, or later if the monitoring table was sent after that by another server's clock.
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
    /// Records what a server knows of its connections, many at a time; a later claim of the same program stands. Gives those that
    /// came online by it, or went.
    async fn touch(&self, server_id: &str, touches: Vec<Touch>) -> Result<Vec<ClientId>>;
    /// Records the version of the monitoring table that was sent, and what it was made from.
    async fn set_event_table_version(&self, client_id: &ClientId, version: i64, basis: i64) -> Result<()>;
    /// Forgets a client with everything it sent.
    async fn delete_client(&self, client_id: &ClientId) -> Result<()>;
}

/// Collections and the queue of tasks.
#[async_trait]
pub trait FlowStore: Send + Sync {
    /// Stores a new flow and its tasks together.
    async fn create_flow(&self, flow: Flow, tasks: Vec<Task>) -> Result<()>;
    /// One flow.
    async fn flow(&self, client_id: &ClientId, flow_id: &FlowId) -> Result<Option<Flow>>;
    /// Lists flows.
    async fn flows(&self, query: FlowQuery) -> Result<Page<Flow>>;
    /// Ends a running flow as cancelled, drops its queued tasks and queues `task` when the agent has the flow.
    /// False when it had ended already.
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
    /// What there is for a client now. Asking for nothing costs one read. A request for a collection stays in the queue, marked,
    /// until its end is reported, so that it can be sent again if the agent says that it never came.
    async fn take_work(&self, client_id: &ClientId, poll: Poll) -> Result<Polled>;
    /// Running, delivered flows of each of these clients, in their order.
    async fn in_flight(&self, client_ids: &[ClientId]) -> Result<Vec<Vec<FlowId>>>;
    /// Files of a flow.
    async fn uploads(&self, client_id: &ClientId, flow_id: &FlowId) -> Result<Vec<Upload>>;
}

/// Rows: results, logs, events.
#[async_trait]
pub trait RowStore: Send + Sync {
    /// Applies all effects of one packet in one transaction, in order; one outcome each.
    async fn apply(&self, client_id: &ClientId, now: Micros, effects: Arc<[Effect]>) -> Result<Vec<Outcome>>;
    /// Result sets of a flow (rows and logs).
    async fn result_sets(&self, client_id: &ClientId, flow_id: &FlowId) -> Result<Vec<ResultSet>>;
    /// Those of each of these flows (client and flow), in their order.
    async fn result_sets_of(&self, flows: &[(ClientId, FlowId)]) -> Result<Vec<Vec<ResultSet>>>;
    /// Event sets of a client.
    async fn event_sets(&self, client_id: &ClientId) -> Result<Vec<ResultSet>>;
    /// Chunks that hold rows from `from_row` on, in order, at least one if there is any, about `max_bytes` compressed.
    async fn read_chunks(&self, set: SetId, from_row: u64, max_bytes: usize) -> Result<Vec<StoredChunk>>;
    /// Row numbers received within `[start, end)`, as a half-open range.
    async fn row_range(&self, set: SetId, start: Option<Micros>, end: Option<Micros>) -> Result<(u64, u64)>;
    /// Deletes event chunks received before `before`; gives the number of rows.
    async fn delete_events_before(&self, before: Micros) -> Result<u64>;
    /// Removes objects with rows in them that no chunk refers to: of deleted chunks, and of packets that were not stored. Gives
    /// how many. Any number of servers may do so at the same time.
    async fn remove_unused_objects(&self, now: Micros) -> Result<u64>;
    /// Totals.
    async fn counts(&self) -> Result<Counts>;
}

/// Accounts and sessions.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// One user, by name without regard to case.
    async fn user(&self, name: &str) -> Result<Option<User>>;
    /// All users.
    async fn users(&self) -> Result<Vec<User>>;
    /// Makes a user if there is none at all; false when there is one.
    async fn put_first_user(&self, user: User) -> Result<bool>;
    /// Makes or replaces a user.
    async fn put_user(&self, user: User) -> Result<()>;
    /// Replaces a user and ends all sessions of that user but one: both, or nothing.
    async fn put_user_and_end_sessions(&self, user: User, except: &[u8]) -> Result<()>;
    /// Deletes a user with all sessions.
    async fn delete_user(&self, name: &str) -> Result<()>;
    /// Stores a session.
    async fn put_session(&self, session: Session) -> Result<()>;
    /// The session with this hash that has not expired.
    async fn session(&self, token_hash: &[u8], now: Micros) -> Result<Option<Session>>;
    /// Ends a session.
    async fn delete_session(&self, token_hash: &[u8]) -> Result<()>;
    /// Deletes what has expired.
    async fn expire_sessions(&self, now: Micros) -> Result<()>;
}

/// The audit log.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Appends a line.
    async fn append_audit(&self, entry: AuditEntry) -> Result<()>;
    /// Lines with a number above `after`, oldest first.
    async fn read_audit(&self, after: i64, limit: u64) -> Result<Vec<AuditEntry>>;
    /// Number of the last line; they count from 1 without holes.
    async fn audit_end(&self) -> Result<i64>;
}

/// Named values.
#[async_trait]
pub trait SettingStore: Send + Sync {
    /// A stored value.
    async fn setting(&self, name: &str) -> Result<Option<String>>;
    /// Stores a value.
    async fn set_setting(&self, name: &str, value: &str) -> Result<()>;
    /// Stores a value in the place of this one, or of none; false when another one is there.
    async fn replace_setting(&self, name: &str, old: Option<&str>, value: &str) -> Result<bool>;
    /// Puts everything acknowledged where damage to a log cannot reach it, as before the end of the program.
    async fn checkpoint(&self) -> Result<()>;
}

/// The servers that work on this database, and which of them has which agents. Who ended without a word stays on the list until
/// another one sees that its beat stands still and makes it leave.
#[async_trait]
pub trait ServerStore: Send + Sync {
    /// Whether servers of other machines can work on it too.
    fn is_shared(&self) -> bool;
    /// Puts a server on the list; false while it is still on it.
    async fn join_servers(&self, server: ServerRecord) -> Result<bool>;
    /// The list.
    async fn servers(&self) -> Result<Vec<ServerRecord>>;
    /// How many clients are connected to each.
    async fn clients_of_servers(&self) -> Result<HashMap<String, u64>>;
    /// A sign of life; false when the others gave the server up.
    async fn beat(&self, server_id: &str) -> Result<bool>;
    /// Takes a server off the list; gives the clients that were connected to it, and are not any more.
    async fn leave_servers(&self, server_id: &str) -> Result<Vec<ClientId>>;
}
