//! `expand()`: environment variables in a path.

use crate::host::environ;
use crate::prelude::*;
use peregrine_accessors::remapping::remapping;

/// Replaces `%NAME%`, `$NAME` and `${NAME}` by environment variables of this program; unknown ones are empty, `$$` is
/// a dollar sign.
///
/// Under a remapping the variables are those of its rules of type `impersonation`, whose names are compared without regard
/// to case; those of this program are not seen, and no permission is needed.
#[derive(VqlArgs)]
pub struct Args {
    /// The path.
    path: String,
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
        example("no variable", "expand(path='100 %, 5 $')", r#""100 %, 5 $""#),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        if let Some(remapping) = remapping(scope) {
            let value = |name: &str| remapping.variable(name).unwrap_or_default().to_owned();
            return Ok(Value::from(expand(&args.path, &value)));
        }
        scope.check_access(Permission::MachineState)?;
        Ok(Value::from(expand(&args.path, &|name| {
            environ::value(name).unwrap_or_default()
        })))
    }
}

fn expand(text: &str, value: &dyn Fn(&str) -> String) -> String {
    let name_length = |text: &str| {
        text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(text.len())
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['%', '$']) {
        let (before, marked) = rest.split_at(at);
        out.push_str(before);
        let (mark, after) = marked.split_at(1);
        rest = after;
        let found = match mark {
            "%" => {
                let (name, end) = after.split_at(name_length(after));
                end.strip_prefix('%')
                    .filter(|_| !name.is_empty())
                    .map(|end| (name, end))
            }
            _ if after.starts_with('$') => {
                out.push('$');
                rest = &after[1..];
                continue;
            }
            _ => match after.strip_prefix('{') {
                Some(inner) => inner.split_once('}'),
                None => Some(after.split_at(name_length(after))).filter(|(name, _)| !name.is_empty()),
            },
        };
        match found {
            Some((name, end)) => {
                out.push_str(&value(name));
                rest = end;
            }
            None => out.push_str(mark),
        }
    }
    out.push_str(rest);
    out
}
