//! `server_metadata()`: the metadata of the server.

use peregrine_base::ids::SERVER;
use peregrine_engine::prelude::*;

use crate::args::id;
use crate::metadata;

/// Returns the metadata of the server as a dict.
#[derive(VqlArgs)]
pub struct Args {
    /// Not used.
    #[arg(name = "metadata")]
    _metadata: Option<Dict>,
}

/// The function.
pub struct ServerMetadata;

impl Function for ServerMetadata {
    type Args = Args;
    const NAME: &'static str = "server_metadata";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ServerAdmin];
    const EXAMPLES: &'static [Example] = &[example(
        "one of its values",
        "server_metadata().Site",
        r#""Bern""#,
    )];

    fn call(scope: &Scope, _: Args) -> VqlResult {
        Ok(Value::Dict(metadata::read(scope, &id(SERVER)?)?))
    }
}
