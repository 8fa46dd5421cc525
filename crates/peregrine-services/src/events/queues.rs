//! The server's own queues: rows that it writes itself.

use super::timestamp;
use crate::changes::{Unstored, topics};
use crate::users::{Permission, Principal};
use crate::{Core, Error, Result, audit, clients, clock, flows};
use peregrine_artifacts::{Kind, queues};
use peregrine_store::chunk::Chunk;
use peregrine_store::{ClientId, Effect, FlowId, HuntId, Micros, SetKind, Upload};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// The queue of collections that have ended.
const COMPLETION: &str = "System.Flow.Completion";
/// The queue of clients that join a hunt.
const PARTICIPATION: &str = "System.Hunt.Participation";
/// The queue of files that were stored.
const UPLOAD: &str = "System.Upload.Completion";

/// Adds a row to a queue or to the events of an artifact: of a client, or of the server under the id `server`. A queue of
/// type INTERNAL is not stored; only those who watch it at this moment see the row.
pub async fn emit(core: &Core, queue: &str, client_id: &ClientId, row: Map<String, Value>) -> Result<()> {
    let kind = kind_of(core, queue)?;
    let now = clock::now();
    if kind == Kind::Internal {
        return pass_on(core, queue, text_of(row, None, now)?).await;
    }
    let owner = match kind {
        Kind::ClientEvent => client_id.clone(),
        _ => ClientId::server(),
    };
    let client_id = (kind == Kind::ClientEvent).then_some(client_id);
    let text = text_of(row, client_id, now)?;
    let event = Effect::Events {
        source: queue.to_owned(),
        kind: SetKind::Events,
        digest: digest()?,
        at: now,
        chunk: Chunk::pack(text.as_bytes())?,
    };
    flows::store(core, &owner, vec![event]).await
}

/// Adds a row on behalf of a user, who is named in it. Refused by the server's own queues.
pub async fn send(
    core: &Core,
    principal: &Principal,
    queue: &str,
    client_id: &ClientId,
    mut row: Map<String, Value>,
) -> Result<()> {
    principal.authorize(Permission::ServerAdmin)?;
    if queues::expected_kind(queue).is_some() {
        return Err(Error::BadRequest(format!(
            "in `{queue}` the server tells what it did; it takes no rows of users"
        )));
    }
    clients::check(core, client_id).await?;
    row.insert("_Sender".to_owned(), json!(principal.name));
    emit(core, queue, client_id, row).await
}

/// As [`emit`], for what the server tells in passing: failure is only logged.
pub async fn tell(core: &Core, queue: &str, client_id: &ClientId, row: Value) {
    let Value::Object(row) = row else { return };
    if let Err(error) = emit(core, queue, client_id, row).await {
        tracing::warn!(queue, %client_id, %error, "an event was not told");
    }
}

/// Tells that a collection has ended, exactly once. `row` describes it.
pub async fn complete(
    core: &Core,
    client_id: &ClientId,
    flow_id: &FlowId,
    row: Map<String, Value>,
) -> Result<()> {
    let now = clock::now();
    let event = Effect::Completion {
        flow_id: flow_id.clone(),
        source: COMPLETION.to_owned(),
        digest: digest()?,
        at: now,
        chunk: Chunk::pack(text_of(row, Some(client_id), now)?.as_bytes())?,
    };
    flows::store(core, client_id, vec![event]).await
}

/// Collections that ended by `before` and of which that was not told.
pub async fn untold(core: &Core, before: Micros, limit: u64) -> Result<Vec<(ClientId, FlowId)>> {
    Ok(core.storage.database.untold_completions(before, limit).await?)
}

/// Tells that these clients have joined a hunt. As many may join at once, they are told together, and not at all if nobody can
/// watch; failure is only logged.
pub(crate) async fn tell_participation(core: &Core, hunt_id: &HuntId, clients: &[ClientId]) {
    let is_heard = core.watches.has(PARTICIPATION) || core.storage.bus.is_shared();
    if clients.is_empty() || !is_heard {
        return;
    }
    let told = async {
        let (now, mut rows) = (clock::now(), String::new());
        for client_id in clients {
            let mut row = Map::new();
            row.insert("HuntId".to_owned(), json!(hunt_id));
            rows += &text_of(row, Some(client_id), now)?;
            rows.push('\n');
        }
        pass_on(core, PARTICIPATION, rows).await
    };
    if let Err(error) = told.await {
        tracing::warn!(%hunt_id, %error, "those who watch a hunt miss clients that joined it");
    }
}

/// Passes rows that are not stored, each in a line of its own, to those who watch, on every server.
pub(crate) async fn pass_on(core: &Core, queue: &str, rows: String) -> Result<()> {
    let rows = Unstored {
        queue: queue.to_owned(),
        rows,
        server_id: core.membership.id().to_owned(),
    };
    core.watches.deliver_unstored(&rows);
    let bus = &core.storage.bus;
    if bus.is_shared() {
        let payload = serde_json::to_string(&rows).map_err(|error| Error::Internal(error.to_string()))?;
        bus.publish(topics::UNSTORED, &payload).await?;
    }
    Ok(())
}

/// What a user needs who reads the rows of a queue or an artifact: the audit log tells more than results do.
#[must_use]
pub fn permission_to_read(queue: &str) -> Permission {
    match queue {
        audit::QUEUE => Permission::ServerAdmin,
        _ => Permission::ReadResults,
    }
}

/// The type of the artifact that the rows are events of; a queue of the server needs no artifact.
fn kind_of(core: &Core, queue: &str) -> Result<Kind> {
    let name = queue.split('/').next().unwrap_or_default();
    let defined = core.artifacts.get(name).map(|artifact| artifact.kind);
    let kind = queues::expected_kind(name).or(defined);
    let kind = kind.ok_or_else(|| Error::NotFound("event artifact", queue.to_owned()))?;
    if kind.is_event() {
        Ok(kind)
    } else {
        let shown = kind.as_str().to_uppercase();
        Err(Error::BadRequest(format!(
            "`{name}` is of type {shown}, so it has no events"
        )))
    }
}

/// The row as it is stored: with the client it is about, and the time.
fn text_of(mut row: Map<String, Value>, client_id: Option<&ClientId>, now: Micros) -> Result<String> {
    if let Some(client_id) = client_id {
        row.entry("ClientId").or_insert_with(|| json!(client_id));
    }
    let time = serde_json::from_str(&timestamp(now)).map_err(|error| Error::Internal(error.to_string()))?;
    row.insert("_ts".to_owned(), time);
    serde_json::to_string(&row).map_err(|error| Error::Internal(error.to_string()))
}

/// Tells that a file was stored, in the transaction that stores it.
pub fn upload_completed(client_id: &ClientId, upload: &Upload) -> Result<Effect> {
    let row = json!({
        "Timestamp": upload.finished / 1_000_000,
        "ClientId": client_id,
        "VFSPath": upload.object,
        "UploadName": upload.vfs_path,
        "Accessor": upload.accessor,
        "Size": upload.file_size,
        "UploadedSize": upload.uploaded_size,
    });
    let Value::Object(row) = row else {
        return Err(Error::Internal("a row is an object".to_owned()));
    };
    let mut digest = [0; 16];
    digest.copy_from_slice(&Sha256::digest(upload.object.as_bytes())[..16]);
    Ok(Effect::Events {
        source: UPLOAD.to_owned(),
        kind: SetKind::Events,
        digest,
        at: upload.finished,
        chunk: Chunk::pack(text_of(row, None, upload.finished)?.as_bytes())?,
    })
}

/// For a row that is told once: identifies it.
pub fn digest() -> Result<[u8; 16]> {
    let mut digest = [0; 16];
    getrandom::fill(&mut digest).map_err(|error| Error::Internal(format!("no randomness: {error}")))?;
    Ok(digest)
}
