//! `rekey()`: gives the agent a new identity.

use std::time::Duration;

use peregrine_engine::context::IdentityHandle;

use crate::prelude::*;

/// Gives this agent a new key, and with it a new client id, which is returned.
///
/// The new key replaces the old one in the agent's state at once; the old one is not kept. After `wait`
/// seconds, at least one, the agent ends its collections and event queries, sends waiting messages, and
/// connects again under the new identity, which enrols as a new machine. The process keeps running, and so
/// does the process tracker with its data. Another call in the meantime returns the same id. Messages that
/// could not be sent in time are dropped with a warning in the agent's log, except rows of event queries,
/// which are sent under the new identity.
///
/// Use it for machines that were cloned together with the state of their agent.
#[derive(VqlArgs)]
pub struct Args {
    /// Seconds until the agent connects under the new identity, so that the collection that calls this can
    /// end first.
    #[arg(default = 0)]
    wait: i64,
}

pub struct Rekey;

/// A longer wait is most likely a mistake in the unit.
const LONGEST_WAIT: u64 = 7 * 86_400;

impl Function for Rekey {
    type Args = Args;
    const NAME: &'static str = "rekey";
    const CATEGORY: Category = Category::Utils;
    const PERMISSIONS: &'static [Permission] = &[Permission::Execve];
    const EXAMPLES: &'static [Example] = &[
        fails(
            "outside of an agent",
            "rekey()",
            "only an agent has an identity to renew",
        ),
        fails("no time travel", "rekey(wait=-1)", "`wait` -1"),
        not_run("after ten seconds", "rekey(wait=10)"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::Execve)?;
        let wait = u64::try_from(args.wait).ok().filter(|wait| *wait <= LONGEST_WAIT);
        let Some(wait) = wait else {
            return Err(format!("`wait` {} is not within 0 and {LONGEST_WAIT} seconds", args.wait).into());
        };
        let Some(identity) = scope.extension::<IdentityHandle>() else {
            return Err("only an agent has an identity to renew; collect this from a machine".into());
        };
        Ok(Value::from(identity.0.renew(Duration::from_secs(wait))?))
    }
}
