//! `relpath()`: a path seen from another.

use crate::prelude::*;

/// Returns `path` relative to `base`, from their text alone; empty when there is none.
#[derive(VqlArgs)]
pub struct Args {
    /// The path.
    path: String,
    /// The folder to start from.
    base: String,
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
        example("impossible", "relpath(path='/x', base='srv')", r#""""#),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        let windows = cfg!(windows);
        let [path, base] = [&args.path, &args.base].map(|text| clean(text, windows));
        let relative = relative(&path, &base, windows).unwrap_or_default();
        let slashes = !windows || args.sep.as_deref() == Some("/");
        Ok(Value::from(relative.join(if slashes { "/" } else { "\\" })))
    }
}

/// Whether the path is absolute, and its parts without `.` and with `..` resolved.
fn clean(text: &str, windows: bool) -> (bool, Vec<&str>) {
    let is_separator = |c: char| c == '/' || windows && c == '\\';
    let absolute = text.starts_with(is_separator) || windows && text.as_bytes().get(1) == Some(&b':');
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split(is_separator) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            part => parts.push(part),
        }
    }
    (absolute, parts)
}

fn relative<'a>(
    path: &(bool, Vec<&'a str>),
    base: &(bool, Vec<&'a str>),
    fold_case: bool,
) -> Option<Vec<&'a str>> {
    if path.0 != base.0 {
        return None;
    }
    let same = |a: &str, b: &str| {
        if fold_case {
            a.eq_ignore_ascii_case(b)
        } else {
            a == b
        }
    };
    let shared = path.1.iter().zip(&base.1).take_while(|(a, b)| same(a, b)).count();
    let (down, up) = (path.1.get(shared..)?, base.1.get(shared..)?);
    if up.contains(&"..") {
        return None;
    }
    let steps: Vec<&str> = up.iter().map(|_| "..").chain(down.iter().copied()).collect();
    Some(if steps.is_empty() { vec!["."] } else { steps })
}
