//! `killkillkill()`: ends an agent.

use peregrine_engine::prelude::*;
use peregrine_services::clients;

use crate::Live;
use crate::args::id;

/// Tells an agent to end at once, whatever it is doing; the service manager of its machine starts it again. An agent that is away is
/// told when it comes back. Returns the client's id.
#[derive(VqlArgs)]
pub struct Args {
    /// The client's id.
    client_id: String,
}

/// The function.
pub struct KillKillKill;

impl Function for KillKillKill {
    type Args = Args;
    const NAME: &'static str = "killkillkill";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const EXAMPLES: &'static [Example] = &[
        example(
            "an agent that is away",
            "killkillkill(client_id='C.00000000000000a1')",
            r#""C.00000000000000a1""#,
        ),
        fails(
            "no such client",
            "killkillkill(client_id='C.0000000000000000')",
            "client `C.0000000000000000` not found",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let live = Live::of(scope)?;
        scope.check_access(Permission::MachineState)?;
        let client_id = id(&args.client_id)?;
        live.wait(clients::kill(&live.core, &live.principal, &client_id))?;
        Ok(Value::from(args.client_id))
    }
}
