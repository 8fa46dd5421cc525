//! `set_server_monitoring()`: replaces what runs on the server.

use peregrine_engine::prelude::*;
use peregrine_services::monitoring::server;

use crate::{Live, monitoring_table};

/// Replaces the event artifacts that run on the server, and returns them. `value` must have the form that
/// `get_server_monitoring()` returns; values that are hidden there stay as they are.
#[derive(VqlArgs)]
pub struct Args {
    /// The artifacts, as a dict or as JSON text.
    value: Value,
}

/// The function.
pub struct SetServerMonitoring;

impl Function for SetServerMonitoring {
    type Args = Args;
    const NAME: &'static str = "set_server_monitoring";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::CollectServer];
    const EXAMPLES: &'static [Example] = &[
        example(
            "this and nothing else",
            "set_server_monitoring(value=dict(artifacts='Server.Monitor.Health')).artifacts",
            r#"["Server.Monitor.Health"]"#,
        ),
        fails(
            "a list where a dict is expected",
            "set_server_monitoring(value=['Server.Monitor.Health'])",
            "`value` is not a monitoring table",
        ),
        fails(
            "an artifact of clients",
            "set_server_monitoring(value=dict(artifacts='Generic.Client.Stats'))",
            "`Generic.Client.Stats` is of type CLIENT_EVENT, not SERVER_EVENT",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let live = Live::of(scope)?;
        scope.check_access(Permission::CollectServer)?;
        let table = monitoring_table::parse_server(scope, args.value)?;
        let table = live.wait(server::set(&live.core, &live.principal, &table))?;
        Ok(monitoring_table::show_artifacts(&table.artifacts))
    }
}
