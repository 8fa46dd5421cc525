//! `set_client_monitoring()`: replaces the table of client monitoring.

use peregrine_engine::prelude::*;
use peregrine_services::monitoring;

use crate::{Live, monitoring_table};

/// Replaces the table of client monitoring and returns it. It must have the form that `get_client_monitoring()` returns; its
/// `version` is not looked at, and values that are hidden there stay as they are.
///
/// What others changed since the table was read is lost: for one artifact `add_client_monitoring()` and
/// `rm_client_monitoring()` are better.
#[derive(VqlArgs)]
pub struct Args {
    /// The table, as a dict or as JSON text.
    value: Value,
}

/// The function.
pub struct SetClientMonitoring;

impl Function for SetClientMonitoring {
    type Args = Args;
    const NAME: &'static str = "set_client_monitoring";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::CollectClient];
    const EXAMPLES: &'static [Example] = &[
        example(
            "one artifact on every client",
            r#"set_client_monitoring(value='{"artifacts": {"artifacts": ["Generic.Client.Stats"]}}').artifacts"#,
            r#"{"artifacts":["Generic.Client.Stats"],"specs":[{"artifact":"Generic.Client.Stats","parameters":{}}]}"#,
        ),
        fails(
            "a list where a dict is expected",
            "set_client_monitoring(value=dict(artifacts=['Generic.Client.Stats']))",
            "`value` is not a monitoring table",
        ),
        fails(
            "an artifact that cannot run all the time",
            "set_client_monitoring(value=dict(artifacts=dict(artifacts=['Linux.Sys.Pslist'])))",
            "`Linux.Sys.Pslist` is of type CLIENT, not CLIENT_EVENT",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let live = Live::of(scope)?;
        scope.check_access(Permission::CollectClient)?;
        let table = monitoring_table::parse(scope, args.value)?;
        live.wait(monitoring::set(&live.core, &live.principal, &table))?;
        monitoring_table::current(&live)
    }
}
