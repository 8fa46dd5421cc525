//! `add_server_monitoring()`: has the server run an event artifact all the time.

use peregrine_engine::prelude::*;
use peregrine_services::monitoring::server;

use crate::specs::{artifact_spec, dict_of};
use crate::{Live, monitoring_table};

/// Adds an artifact of type SERVER_EVENT to those that run on the server, or replaces it there, and returns them all.
#[derive(VqlArgs)]
pub struct Args {
    /// The artifact.
    artifact: String,
    /// Its parameters, a dict. Values that are not text are encoded as the parameter's type demands.
    parameters: Option<Value>,
}

/// The function.
pub struct AddServerMonitoring;

impl Function for AddServerMonitoring {
    type Args = Args;
    const NAME: &'static str = "add_server_monitoring";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::CollectServer];
    const EXAMPLES: &'static [Example] = &[
        example(
            "the health of the server",
            "add_server_monitoring(artifact='Server.Monitor.Health')",
            r#"{"artifacts":["Server.Monitor.Health"],"specs":[{"artifact":"Server.Monitor.Health","parameters":{}}]}"#,
        ),
        fails(
            "an artifact that does not exist",
            "add_server_monitoring(artifact='Generic.Client.Stat')",
            "artifact `Generic.Client.Stat` not found; did you mean `Generic.Client.Stats`?",
        ),
        fails(
            "an artifact of clients",
            "add_server_monitoring(artifact='Generic.Client.Stats')",
            "`Generic.Client.Stats` is of type CLIENT_EVENT, not SERVER_EVENT",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let live = Live::of(scope)?;
        scope.check_access(Permission::CollectServer)?;
        let parameters = dict_of(scope, "parameters", args.parameters.unwrap_or_default())?;
        let spec = artifact_spec(scope, &live, &args.artifact, &Dict::new(), &parameters)?;
        let table = live.wait(server::put_artifact(&live.core, &live.principal, &spec))?;
        Ok(monitoring_table::show_artifacts(&table.artifacts))
    }
}
