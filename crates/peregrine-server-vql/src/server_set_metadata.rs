//! `server_set_metadata()`: changes the metadata of the server.

use peregrine_base::ids::SERVER;
use peregrine_engine::prelude::*;

use crate::args::id;
use crate::metadata::{self, changes};

/// Changes the metadata of the server and returns TRUE.
///
/// Every argument that is not listed below is a name with its value, like the entries of `metadata`. NULL removes a name;
/// names that are not mentioned keep their values. The names `client_id` and `metadata` are ignored.
#[derive(VqlArgs)]
pub struct Args {
    /// Names with their values, for names that cannot be arguments.
    metadata: Option<Dict>,
    /// Names with their values.
    #[arg(rest)]
    entries: Vec<(Str, Lazy)>,
}

/// The function.
pub struct ServerSetMetadata;

impl Function for ServerSetMetadata {
    type Args = Args;
    const NAME: &'static str = "server_set_metadata";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ServerAdmin];
    const EXAMPLES: &'static [Example] = &[
        example(
            "where messages go",
            "server_set_metadata(Channel='#alerts')",
            "true",
        ),
        fails(
            "an empty name",
            "server_set_metadata(metadata=dict(` `='x'))",
            "names of metadata must not be empty",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let changes = changes(scope, args.metadata, &args.entries);
        metadata::write(scope, &id(SERVER)?, &changes)?;
        Ok(Value::Bool(true))
    }
}
