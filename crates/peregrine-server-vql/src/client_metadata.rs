//! `client_metadata()`: the metadata of a client.

use peregrine_engine::prelude::*;

use crate::args::id;
use crate::metadata;

/// Returns the metadata of a client as a dict. The metadata of the server, under the id `server`, needs the permission
/// SERVER_ADMIN.
#[derive(VqlArgs)]
pub struct Args {
    /// The client's id, or `server`.
    client_id: String,
}

/// The function.
pub struct ClientMetadata;

impl Function for ClientMetadata {
    type Args = Args;
    const NAME: &'static str = "client_metadata";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults, Permission::ServerAdmin];
    const EXAMPLES: &'static [Example] = &[
        example(
            "whose machine it is",
            "client_metadata(client_id='C.0123456789abcdef').owner",
            r#""web team""#,
        ),
        fails(
            "no such client",
            "client_metadata(client_id='C.0000000000000000')",
            "client `C.0000000000000000` not found",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        Ok(Value::Dict(metadata::read(scope, &id(&args.client_id)?)?))
    }
}
