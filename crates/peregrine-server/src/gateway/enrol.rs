//! Packets from unknown senders: only an enrolment request in them counts.

use super::refused::Reason;
use crate::shared::Shared;
use http::StatusCode;
use peregrine_services::changes::topics;
use peregrine_services::{clock, events};
use peregrine_store::ClientId;
use peregrine_wire::{Packet, enrol, ids};
use serde_json::json;

/// Stores the key of an enrolment request, if there is one. The answer is 406 even on success: the agent proves that it
/// has the key with its next packet.
pub(super) async fn consider(shared: &Shared, peer: &str, packet: &Packet) -> StatusCode {
    let Some(request) = packet.enrolment_request() else {
        return StatusCode::NOT_ACCEPTABLE;
    };
    let enrolled = match enrol::check_request(&request) {
        Ok(enrolled) => enrolled,
        Err(error) => {
            tracing::debug!(peer, %error, "enrolment refused");
            shared.gateway.refused.count(peer, Reason::BadEnrolment);
            return StatusCode::SERVICE_UNAVAILABLE;
        }
    };
    let client_id: ClientId = match ids::in_org(&enrolled.client_id, &packet.org_id).parse() {
        Ok(client_id) => client_id,
        Err(error) => {
            tracing::error!(%error, peer, "enrolment refused");
            return StatusCode::SERVICE_UNAVAILABLE;
        }
    };
    match shared
        .core
        .storage
        .database
        .enrol(&client_id, &enrolled.key.to_pem(), clock::now())
        .await
    {
        Ok(is_new) => {
            shared.gateway.unknown.lock().remove(client_id.as_str());
            // Other servers remember for a while that this client was unknown.
            let told = shared
                .core
                .storage
                .bus
                .publish(topics::ENROLLED, client_id.as_str())
                .await;
            if let Err(error) = told {
                tracing::warn!(%error, %client_id, "other servers were not told of a new client");
            }
            if is_new {
                tracing::info!(%client_id, peer, "client enrolled");
                let told = json!({"ClientId": client_id});
                events::tell(&shared.core, "Server.Internal.Enrollment", &client_id, told).await;
            }
            StatusCode::NOT_ACCEPTABLE
        }
        Err(error) => {
            tracing::error!(%client_id, %error, "enrolment not stored");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}
