//! Ending an agent, which its service manager starts again.

use super::get;
use crate::changes::topics;
use crate::users::{Permission, Principal};
use crate::{Core, Result, audit};
use peregrine_proto::{Cancel, Message as _, VeloMessage};
use peregrine_store::{ClientId, Task};
use peregrine_wire::ids;
use serde_json::json;

/// Tells an agent to end at once, whatever it is doing. One that is away is told when it comes back.
pub async fn kill(core: &Core, principal: &Principal, client_id: &ClientId) -> Result<()> {
    principal.authorize(Permission::MachineState)?;
    get(core, client_id).await?;
    let flow_id = ids::new_flow_id()?;
    let message = VeloMessage {
        session_id: flow_id.to_string(),
        request_id: ids::request::IGNORED,
        urgent: true,
        kill_kill_kill: Some(Cancel {
            principal: principal.name.clone(),
        }),
        ..VeloMessage::default()
    };
    let task = Task {
        flow_id,
        is_flow_request: false,
        urgent: true,
        message: message.encode_to_vec(),
    };
    let detail = json!({"client_id": client_id});
    audit::record(core, &principal.name, &principal.ip, "killkillkill", detail).await?;
    core.storage.database.queue_once(client_id, task).await?;
    core.storage
        .bus
        .publish(topics::TASKS, client_id.as_str())
        .await?;
    Ok(())
}
