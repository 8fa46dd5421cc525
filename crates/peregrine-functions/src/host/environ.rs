//! `environ()`: an environment variable.

use crate::prelude::*;
use crate::support::system_path;

/// Returns an environment variable of this program; empty when it is not set.
///
/// Variables that carry the product's own configuration (`PEREGRINE_…`, `VELOCIRAPTOR_…`) are refused,
/// because they can contain secrets.
#[derive(VqlArgs)]
pub struct Args {
    /// Its name.
    var: Str,
}

pub struct Environ;

impl Function for Environ {
    type Args = Args;
    const NAME: &'static str = "environ";
    const CATEGORY: Category = Category::Utils;
    const ON_ERROR: OnError = OnError::False;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const EXAMPLES: &'static [Example] = &[
        example("not set", "environ(var='NO_SUCH_VARIABLE')", r#""""#),
        fails("a secret", "environ(var='PEREGRINE_CONFIG')", "may not be read"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::MachineState)?;
        match value(&args.var) {
            Some(value) => Ok(Value::from(value)),
            None => Err(format!(
                "`{}` may not be read; it can hold secrets of this program",
                args.var
            )
            .into()),
        }
    }
}

/// The value of a variable, empty if it is not set; `None` for those that are refused.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment of this program is what is asked for"
)]
pub(crate) fn value(name: &[u8]) -> Option<Str> {
    let upper = name.to_ascii_uppercase();
    if upper.starts_with(b"PEREGRINE_") || upper.starts_with(b"VELOCIRAPTOR_") {
        return None;
    }
    // Names with these characters would make the system call fail.
    if name.is_empty() || name.iter().any(|byte| matches!(byte, b'=' | 0)) {
        return Some(Str::EMPTY);
    }
    Some(std::env::var_os(system_path(name)).map_or(Str::EMPTY, |value| Str::new(value.as_encoded_bytes())))
}
