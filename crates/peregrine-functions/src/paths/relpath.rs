//! `relpath()`: a path relative to another.

use crate::prelude::*;

/// Returns `path` relative to `base`, computed from their text only; empty if there is no such path.
#[derive(VqlArgs)]
pub struct Args {
    /// The path.
    path: Str,
    /// The folder to start from.
    base: Str,
    /// `/`: write the result with slashes.
    sep: Option<String>,
}

pub struct Relpath;

impl Function for Relpath {
    type Args = Args;
    const NAME: &'static str = "relpath";
    const CATEGORY: Category = Category::FileSystem;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example("below", "relpath(path='/srv/a/b', base='/srv')", r#""a/b""#),
        example("beside", "relpath(path='/x', base='/srv')", r#""../x""#),
        example("the same", "relpath(path='/srv/', base='/srv')", r#"".""#),
        example(
            "bytes that are not text",
            "format(format='%x', args=relpath(path='/srv/' + unhex(string='e9'), base='/srv'))",
            r#""e9""#,
        ),
        example("impossible", "relpath(path='/x', base='srv')", r#""""#),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        let windows = cfg!(windows);
        let [path, base] = [&args.path, &args.base].map(|text| clean(text, windows));
        let relative = relative(&path, &base, windows).unwrap_or_default();
        let slashes = !windows || args.sep.as_deref() == Some("/");
        Ok(Value::str(relative.join(if slashes { &b"/"[..] } else { b"\\" })))
    }
}

/// Whether the path is absolute, and its parts, with `.` removed and `..` resolved.
fn clean(text: &[u8], windows: bool) -> (bool, Vec<&[u8]>) {
    let is_separator = |c: &u8| *c == b'/' || windows && *c == b'\\';
    let absolute = text.first().is_some_and(is_separator) || windows && text.get(1) == Some(&b':');
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in text.split(is_separator) {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => {
                parts.pop();
            }
            b".." if absolute => {}
            part => parts.push(part),
        }
    }
    (absolute, parts)
}

fn relative<'a>(
    path: &(bool, Vec<&'a [u8]>),
    base: &(bool, Vec<&'a [u8]>),
    fold_case: bool,
) -> Option<Vec<&'a [u8]>> {
    if path.0 != base.0 {
        return None;
    }
    let same = |a: &[u8], b: &[u8]| {
        if fold_case {
            a.eq_ignore_ascii_case(b)
        } else {
            a == b
        }
    };
    let shared = path.1.iter().zip(&base.1).take_while(|(a, b)| same(a, b)).count();
    let (down, up) = (path.1.get(shared..)?, base.1.get(shared..)?);
    if up.contains(&&b".."[..]) {
        return None;
    }
    let steps: Vec<&[u8]> = up
        .iter()
        .map(|_| &b".."[..])
        .chain(down.iter().copied())
        .collect();
    Some(if steps.is_empty() { vec![&b"."[..]] } else { steps })
}
