//! `rm_client_monitoring()`: ends an event artifact on clients.

use peregrine_engine::prelude::*;
use peregrine_services::{Error, monitoring};

use crate::Live;
use crate::monitoring_table::{self, EVERYBODY};

/// Removes an event artifact from its group in the table of client monitoring, and returns the table. If the group lacks
/// the artifact, the table stays as it is, and a warning is logged.
#[derive(VqlArgs)]
pub struct Args {
    /// The artifact.
    artifact: String,
    /// The label whose group it is removed from; by default the artifacts of all clients.
    label: Option<String>,
}

/// The function.
pub struct RmClientMonitoring;

impl Function for RmClientMonitoring {
    type Args = Args;
    const NAME: &'static str = "rm_client_monitoring";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::CollectClient];
    const EXAMPLES: &'static [Example] = &[
        example(
            "with its label",
            "LET _ <= add_client_monitoring(artifact='Generic.Client.Stats', label='removed')\n\
             SELECT * FROM foreach(row=rm_client_monitoring(artifact='Generic.Client.Stats', label='Removed').label_events)\n\
             WHERE label = 'removed'",
            "[]",
        ),
        example(
            "an artifact that is not in the group",
            "rm_client_monitoring(artifact='Linux.Events.ProcessExecutions', label='laptops') = get_client_monitoring()",
            "true",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let live = Live::of(scope)?;
        scope.check_access(Permission::CollectClient)?;
        let label = args.label.filter(|label| !label.is_empty());
        let label = label.as_deref().unwrap_or(EVERYBODY);
        let missing = live.wait(async {
            match monitoring::remove_artifact(&live.core, &live.principal, label, &args.artifact).await {
                Err(error @ Error::NotFound("event artifact", _)) => Ok(Some(error)),
                other => other.map(|_| None),
            }
        })?;
        if let Some(missing) = missing {
            scope.log(Level::Warn, &format!("rm_client_monitoring: {missing}"));
        }
        monitoring_table::current(&live)
    }
}
