//! The artifacts for servers that come with the program, collected and run on a server as users do it.

mod acting;
mod deleting;
mod parameters;
mod watching;

use std::time::Duration;

use peregrine_services::users::Role;
use peregrine_store::testing::{client_id, flow_id};
use peregrine_store::{Flow, FlowState};
use serde_json::Value as Json;

use super::server::Server;

const ADMIN: Role = Role::Administrator;
const LONGEST: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// Collects an artifact on the server, with parameters as arguments of `dict()`, and returns the rows of one of its tables as JSON
/// text, or why it failed.
fn collect(server: &Server, artifact: &str, parameters: &str, table: &str) -> Result<String, String> {
    let call = format!("collect_client(client_id='server', artifacts='{artifact}', env=dict({parameters}))");
    let (flow, log) = server.value(ADMIN, &format!("{call}.flow_id"));
    let id = flow.trim_matches('"');
    assert!(id.starts_with("F."), "{call}: {log:?}");
    let flow = ended(server, id);
    let of = format!("client_id='server', flow_id='{id}'");
    if flow.state != FlowState::Finished {
        let (messages, _) = server.query(ADMIN, &format!("SELECT message FROM flow_logs({of})"));
        return Err(format!("{:?} {messages}", flow.status));
    }
    // Without rows there is no table, which would be a message.
    let has_rows = format!("'{table}' IN get_flow({of}).artifacts_with_results");
    if server.value(ADMIN, &has_rows).0 != "true" {
        return Ok("[]".to_owned());
    }
    Ok(server
        .rows(ADMIN, &format!("flow_results({of}, artifact='{table}')"))
        .0)
}

/// The rows of an artifact with one table, which is called like it.
fn rows(server: &Server, artifact: &str, parameters: &str) -> Vec<Json> {
    let found = collect(server, artifact, parameters, artifact);
    parse(&found.unwrap_or_else(|why| panic!("{artifact}: {why}")))
}

fn parse(rows: &str) -> Vec<Json> {
    serde_json::from_str(rows).unwrap_or_else(|error| panic!("{rows}: {error}"))
}

fn ended(server: &Server, id: &str) -> Flow {
    let (client, flow) = (client_id("server"), flow_id(id));
    let database = &server.core.storage.database;
    server.runtime.block_on(async {
        let end = async {
            loop {
                match database.flow(&client, &flow).await.unwrap() {
                    Some(flow) if flow.state != FlowState::Running => return flow,
                    _ => tokio::time::sleep(PAUSE).await,
                }
            }
        };
        tokio::time::timeout(LONGEST, end).await.expect("its end")
    })
}
