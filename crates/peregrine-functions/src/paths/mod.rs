//! Paths as values.

mod basename;
mod dirname;
mod expand;
mod path_join;
mod path_split;
mod pathspec;
mod relpath;

use crate::prelude::*;

pub(crate) const ALL: &[FunctionDef] = functions![
    basename::Basename,
    dirname::Dirname,
    expand::Expand,
    path_join::PathJoin,
    path_split::PathSplit,
    pathspec::Pathspec,
    relpath::Relpath,
];

/// The dialect that `path_type` names, else the one `sep` suggests, else that of this system.
fn dialect(sep: Option<&String>, path_type: Option<&String>) -> Result<Dialect, String> {
    let path_type = path_type.map_or("", String::as_str);
    match (path_type, sep.map_or("", String::as_str)) {
        ("", "\\") => Ok(Dialect::Windows),
        ("", "") if cfg!(windows) => Ok(Dialect::Windows),
        (name, _) => Dialect::from_path_type(name).ok_or_else(|| {
            format!(
                "unknown path type `{name}`; use linux, windows, ntfs, registry, zip, pathspec or generic"
            )
        }),
    }
}

/// A path unchanged, or text parsed in a dialect.
fn parse(scope: &Scope, value: Value, dialect: Dialect) -> Result<OsPath, String> {
    let value = value.reduce(scope);
    match &value {
        Value::Object(_) => match value.as_object::<OsPath>() {
            Some(path) => Ok(path.clone()),
            None => Err(format!(
                "Path should be an OSPath or string, not {}",
                value.type_name()
            )),
        },
        Value::Str(text) => OsPath::parse(dialect, text).map_err(|error| error.to_string()),
        other => Err(format!(
            "Path should be an OSPath or string, not {}",
            other.type_name()
        )),
    }
}
