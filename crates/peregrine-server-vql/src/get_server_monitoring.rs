//! `get_server_monitoring()`: which event artifacts run on the server.

use peregrine_engine::prelude::*;
use peregrine_services::monitoring::server;

use crate::{Live, monitoring_table};

/// Returns the event artifacts that run on the server: their names, and `specs` with their parameters. Secret values are hidden.
#[derive(VqlArgs)]
pub struct Args {}

/// The function.
pub struct GetServerMonitoring;

impl Function for GetServerMonitoring {
    type Args = Args;
    const NAME: &'static str = "get_server_monitoring";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const EXAMPLES: &'static [Example] = &[example_shape(
        "the artifacts",
        "get_server_monitoring().artifacts",
        Shape::Array,
    )];

    fn call(scope: &Scope, _: Args) -> VqlResult {
        let live = Live::of(scope)?;
        scope.check_access(Permission::ReadResults)?;
        live.authorize(Permission::ReadResults)?;
        let table = live.wait(server::get(&live.core))?;
        Ok(monitoring_table::show_artifacts(&table.artifacts))
    }
}
