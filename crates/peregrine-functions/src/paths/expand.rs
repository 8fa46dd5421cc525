//! `expand()`: environment variables in a path.

use crate::host::environ;
use crate::prelude::*;
use peregrine_accessors::remapping::remapping;
use peregrine_engine::regex::lossy;

/// Replaces `%NAME%`, `$NAME` and `${NAME}` by environment variables of this program; unknown ones are empty, `$$` is
/// a dollar sign.
///
/// Under a remapping the variables are those of its rules of type `impersonation`, whose names are compared without regard
/// to case; those of this program are not seen, and no permission is needed.
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
            "bytes that are no text stay",
            "format(format='%x', args=expand(path=unhex(string='e924244afe')))",
            r#""e9244afe""#,
        ),
        example("no variable", "expand(path='100 %, 5 $')", r#""100 %, 5 $""#),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        if let Some(remapping) = remapping(scope) {
            let value = |name: &str| Str::from(remapping.variable(name).unwrap_or_default());
            return Ok(Value::str(expand(&args.path, &value)));
        }
        scope.check_access(Permission::MachineState)?;
        Ok(Value::str(expand(&args.path, &|name| {
            environ::value(name.as_bytes()).unwrap_or_default()
        })))
    }
}

fn expand(text: &[u8], value: &dyn Fn(&str) -> Str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'%' | b'$')) {
        let (before, marked) = rest.split_at(at);
        out.extend_from_slice(before);
        let (mark, after) = marked.split_at(1);
        rest = after;
        let found = match mark {
            b"%" => {
                let (name, end) = after.split_at(name_length(after));
                end.strip_prefix(b"%")
                    .filter(|_| !name.is_empty())
                    .map(|end| (name, end))
            }
            _ if after.starts_with(b"$") => {
                out.push(b'$');
                rest = &after[1..];
                continue;
            }
            _ => match after.strip_prefix(b"{") {
                Some(inner) => inner
                    .iter()
                    .position(|byte| *byte == b'}')
                    .map(|end| (&inner[..end], &inner[end + 1..])),
                None => Some(after.split_at(name_length(after))).filter(|(name, _)| !name.is_empty()),
            },
        };
        match found {
            Some((name, end)) => {
                out.extend_from_slice(&value(&lossy(name)));
                rest = end;
            }
            None => out.extend_from_slice(mark),
        }
    }
    out.extend_from_slice(rest);
    out
}

fn name_length(text: &[u8]) -> usize {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    text.iter().take_while(|byte| is_name(byte)).count()
}
