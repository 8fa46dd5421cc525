//! `getpid()`: the id of this process.

use crate::prelude::*;

/// Returns the id of this process; 0 when that is not allowed.
#[derive(VqlArgs)]
pub struct Args {}

pub struct Getpid;

impl Function for Getpid {
    type Args = Args;
    const NAME: &'static str = "getpid";
    const CATEGORY: Category = Category::Process;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const EXAMPLES: &'static [Example] = &[example("some process", "getpid() > 0", "true")];

    fn call(scope: &Scope, _: Args) -> VqlResult {
        if let Err(error) = scope.check_access(Permission::MachineState) {
            scope.log_line(&format!("getpid: {error}"));
            return Ok(Value::from(0i64));
        }
        Ok(Value::from(std::process::id()))
    }
}
