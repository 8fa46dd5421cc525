//! `rm_server_monitoring()`: ends an event artifact on the server.

use peregrine_engine::prelude::*;
use peregrine_services::Error;
use peregrine_services::monitoring::server;

use crate::{Live, monitoring_table};

/// Ends an event artifact on the server, and returns those that still run. If it does not run, nothing changes, and a warning
/// is logged.
#[derive(VqlArgs)]
pub struct Args {
    /// The artifact.
    artifact: String,
}

/// The function.
pub struct RmServerMonitoring;

impl Function for RmServerMonitoring {
    type Args = Args;
    const NAME: &'static str = "rm_server_monitoring";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::CollectServer];
    const EXAMPLES: &'static [Example] = &[
        example(
            "what was added",
            "LET Added <= add_server_monitoring(artifact='Server.Monitor.Health')
             LET Left <= rm_server_monitoring(artifact='Server.Monitor.Health')
             SELECT 'Server.Monitor.Health' IN Added.artifacts AS Was, 'Server.Monitor.Health' IN Left.artifacts AS Is FROM scope()",
            r#"[{"Was":true,"Is":false}]"#,
        ),
        example(
            "an artifact that does not run",
            "rm_server_monitoring(artifact='Server.Absent') = get_server_monitoring()",
            "true",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let live = Live::of(scope)?;
        scope.check_access(Permission::CollectServer)?;
        let removed = live.wait(async {
            match server::remove_artifact(&live.core, &live.principal, &args.artifact).await {
                Err(error @ Error::NotFound("event artifact", _)) => Ok(Err(error)),
                other => other.map(Ok),
            }
        })?;
        let table = match removed {
            Ok(table) => table,
            Err(missing) => {
                scope.log(Level::Warn, &format!("rm_server_monitoring: {missing}"));
                live.wait(server::get(&live.core))?
            }
        };
        Ok(monitoring_table::show_artifacts(&table.artifacts))
    }
}
