//! `client_set_metadata()`: changes the metadata of a client.

use peregrine_engine::prelude::*;

use crate::args::id;
use crate::metadata::{self, changes, difference};

/// Changes the metadata of a client and returns TRUE.
///
/// Every argument that is not listed below is a name with its value, like the entries of `metadata`. NULL removes a name;
/// names that are not mentioned keep their values. The metadata of the server, under the id `server`, needs the permission
/// SERVER_ADMIN.
#[derive(VqlArgs)]
pub struct Args {
    /// The client's id, or `server`.
    client_id: String,
    /// Names with their values, for names that cannot be arguments.
    metadata: Option<Dict>,
    /// A lambda that makes all of the new metadata of the old. What it leaves unchanged is not written.
    modify: Option<Lambda>,
    /// Names with their values.
    #[arg(rest)]
    entries: Vec<(Str, Lazy)>,
}

/// The function.
pub struct ClientSetMetadata;

impl Function for ClientSetMetadata {
    type Args = Args;
    const NAME: &'static str = "client_set_metadata";
    const CATEGORY: Category = Category::Server;
    const VERSION: i64 = 3;
    const PERMISSIONS: &'static [Permission] = &[Permission::CollectClient, Permission::ServerAdmin];
    const EXAMPLES: &'static [Example] = &[
        example(
            "set one name and remove another",
            "client_set_metadata(client_id='C.00000000000000a2', rack='7', slot=NULL)",
            "true",
        ),
        example(
            "names that are not words",
            "client_set_metadata(client_id='C.00000000000000a2', metadata=dict(`cost centre`=42))",
            "true",
        ),
        example(
            "make the new of the old",
            "client_set_metadata(client_id='C.00000000000000a2', modify='old => old + dict(seen=\"yes\")')",
            "true",
        ),
        fails(
            "a lambda that returns no dict",
            "client_set_metadata(client_id='C.00000000000000a2', modify='old => 1')",
            "`modify` must return a dict, not int",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let client_id = id(&args.client_id)?;
        let changes = changes(scope, args.metadata, &args.entries);
        let Some(modify) = args.modify else {
            metadata::write(scope, &client_id, &changes)?;
            return Ok(Value::Bool(true));
        };
        if !changes.is_empty() {
            return Err("`modify` makes all of the new metadata; do not give names as well".into());
        }
        let old = metadata::read(scope, &client_id)?;
        match modify.call(scope, &[Value::Dict(old.copy())]).reduce(scope) {
            Value::Dict(new) => metadata::write(scope, &client_id, &difference(scope, &old, &new))?,
            other => return Err(format!("`modify` must return a dict, not {}", other.type_name()).into()),
        }
        Ok(Value::Bool(true))
    }
}
