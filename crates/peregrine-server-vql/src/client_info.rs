//! `client_info()`: what a server knows of a machine.

use peregrine_engine::prelude::*;

use crate::args::id;
use crate::{Stored, records};

/// Gives what the server knows of a machine, as a row of `clients()`; NULL when there is none.
#[derive(VqlArgs)]
pub struct Args {
    /// The machine.
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
        example("nobody", "client_info(client_id='C.0000000000000000')", "null"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let stored = Stored::of(scope)?;
        let found = stored.wait(stored.database.client(&id(&args.client_id)?))?;
        let mut records = records::clients(&stored, found.as_slice())?;
        Ok(records.pop().map_or(Value::Null, Value::Dict))
    }
}
