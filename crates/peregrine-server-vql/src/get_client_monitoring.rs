//! `get_client_monitoring()`: which event artifacts run on which clients.

use peregrine_engine::prelude::*;

use crate::{Live, monitoring_table};

/// Returns the table of client monitoring: `artifacts` that run on every client, `label_events` with those of clients with a
/// label, and the `version` of the table. Secret values are hidden.
#[derive(VqlArgs)]
pub struct Args {}

/// The function.
pub struct GetClientMonitoring;

impl Function for GetClientMonitoring {
    type Args = Args;
    const NAME: &'static str = "get_client_monitoring";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const EXAMPLES: &'static [Example] = &[example_shape(
        "the artifacts on every client",
        "get_client_monitoring().artifacts.artifacts",
        Shape::Array,
    )];

    fn call(scope: &Scope, _: Args) -> VqlResult {
        let live = Live::of(scope)?;
        scope.check_access(Permission::ReadResults)?;
        live.authorize(Permission::ReadResults)?;
        monitoring_table::current(&live)
    }
}
