//! `lookupSID()`: the account of a security identifier.

use crate::prelude::*;

/// Returns the name of the account with this Windows security identifier.
///
/// Only Windows can look up accounts; elsewhere the identifier itself is returned, so that queries over
/// Windows data work on every system.
#[derive(VqlArgs)]
pub struct Args {
    /// The identifier, such as `S-1-5-18`.
    sid: Str,
}

pub struct LookupSid;

impl Function for LookupSid {
    type Args = Args;
    const NAME: &'static str = "lookupSID";
    const CATEGORY: Category = Category::Windows;
    const PLATFORMS: Platforms = Platforms::WINDOWS.or(Platforms::LINUX);
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example("off Windows", "lookupSID(sid='S-1-5-18')", r#""S-1-5-18""#),
        fails("nothing given", "lookupSID()", "Field sid is required"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::MachineState)?;
        Ok(Value::Str(args.sid))
    }
}
