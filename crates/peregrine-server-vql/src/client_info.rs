//! `client_info()`: a server's information about a client.

use peregrine_engine::prelude::*;

use crate::args::id;
use crate::{Stored, records};

/// Returns the server's information about a client, in the form of a row of `clients()`; NULL if there is no such client.
#[derive(VqlArgs)]
pub struct Args {
    /// The client's id.
    client_id: String,
}

/// The function.
pub struct ClientInfo;

impl Function for ClientInfo {
    type Args = Args;
    const NAME: &'static str = "client_info";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const EXAMPLES: &'static [Example] = &[
        example(
            "its system and labels",
            "(client_info(client_id='C.0123456789abcdef').os_info.system, client_info(client_id='C.0123456789abcdef').labels)",
            r#"["linux",["example"]]"#,
        ),
        example(
            "no such client",
            "client_info(client_id='C.0000000000000000')",
            "null",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let stored = Stored::of(scope)?;
        let found = stored.wait(stored.database.client(&id(&args.client_id)?))?;
        let mut records = records::clients(&stored, found.as_slice())?;
        Ok(records.pop().map_or(Value::Null, Value::Dict))
    }
}
