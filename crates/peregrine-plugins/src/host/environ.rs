//! `environ()`: the environment of this program.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use peregrine_engine::prelude::*;

/// Yields the environment variables of this program as one row.
///
/// Variables that carry the product's own configuration (`PEREGRINE_…`, `VELOCIRAPTOR_…`) are left out,
/// because they can contain secrets.
#[derive(VqlArgs)]
pub struct Args {
    /// Only these variables, NULL for those that are not set; all when left out.
    vars: Option<Vec<Str>>,
}

pub struct Environ;

impl Plugin for Environ {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "environ";
    const CATEGORY: Category = Category::Utils;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const EXAMPLES: &'static [Example] = &[
        example(
            "a missing variable is NULL",
            "environ(vars='NO_SUCH_VARIABLE')",
            r#"[{"NO_SUCH_VARIABLE":null}]"#,
        ),
        example_shape("all", "environ()", Shape::Rows),
    ];

    #[expect(
        clippy::disallowed_methods,
        reason = "the environment of this program is what is asked for"
    )]
    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        scope.check_access(Permission::MachineState)?;
        let row = Dict::new();
        match args.vars {
            Some(names) => {
                for name in names {
                    let value = std::env::var_os(OsStr::from_bytes(&name))
                        .filter(|_| is_public(&name.as_utf8_lossy()));
                    row.set(
                        name,
                        value.map_or(Value::Null, |value| {
                            Value::str(Str::new(value.as_encoded_bytes()))
                        }),
                    );
                }
            }
            None => {
                for (name, value) in std::env::vars_os() {
                    if is_public(&name.to_string_lossy()) {
                        row.set(
                            Str::new(name.as_encoded_bytes()),
                            Value::str(Str::new(value.as_encoded_bytes())),
                        );
                    }
                }
            }
        }
        rows.push(Row::from(row.ignoring_case()))?;
        Ok(())
    }
}

fn is_public(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    !name.starts_with("PEREGRINE_") && !name.starts_with("VELOCIRAPTOR_")
}
