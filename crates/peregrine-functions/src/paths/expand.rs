//! `expand()`: environment variables in a path.

use crate::host::environ;
use crate::prelude::*;
use peregrine_accessors::remapping::remapping;
use peregrine_base::variables::expand_bytes;
use peregrine_engine::regex::lossy;

/// Replaces `%NAME%`, `$NAME` and `${NAME}` by environment variables of this program; unknown ones are empty, `$$` is
/// a dollar sign.
///
/// Under a remapping, the variables are those of its rules of type `impersonation`, whose names are compared
/// regardless of case; those of this program are not visible, and no permission is needed.
#[derive(VqlArgs)]
pub struct Args {
    /// The path.
    path: Str,
}

pub struct Expand;

impl Function for Expand {
    type Args = Args;
    const NAME: &'static str = "expand";
    const CATEGORY: Category = Category::FileSystem;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const EXAMPLES: &'static [Example] = &[
        example("a dollar sign", "expand(path='$$HOME')", r#""$HOME""#),
        example(
            "unknown",
            "expand(path='a%NO_SUCH_VARIABLE%b${NO_SUCH_VARIABLE}c')",
            r#""abc""#,
        ),
        example(
            "bytes that are not text stay",
            "format(format='%x', args=expand(path=unhex(string='e924244afe')))",
            r#""e9244afe""#,
        ),
        example("no variable", "expand(path='100 %, 5 $')", r#""100 %, 5 $""#),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        if let Some(remapping) = remapping(scope) {
            return Ok(Value::str(expand_bytes(&args.path, |name| {
                remapping.variable(&lossy(name))
            })));
        }
        scope.check_access(Permission::MachineState)?;
        Ok(Value::str(expand_bytes(&args.path, environ::value)))
    }
}
