//! `efivariables()`: variables of the firmware.

use peregrine_engine::prelude::*;
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::Path;

/// Lists the variables of a UEFI firmware, such as the boot order and the Secure Boot keys.
///
/// Yields no rows on a machine that was not booted with UEFI.
#[derive(VqlArgs)]
pub struct Args {
    /// Only variables in this name space, a GUID.
    namespace: Option<String>,
    /// Only the variable of this name.
    name: Option<String>,
    /// Also read the values.
    #[arg(default = false)]
    value: bool,
}

/// A variable.
#[derive(IntoRow)]
pub struct Row {
    /// GUID of its name space.
    namespace: String,
    /// Its name.
    name: String,
    /// Its bytes; NULL unless requested.
    value: Value,
}

pub struct Efivariables;

const FOLDER: &str = "/sys/firmware/efi/efivars";
/// Maximum number of bytes in a value.
const MAX_VALUE: u64 = 1 << 20;
/// Bytes of attributes before a value.
const ATTRIBUTES: usize = 4;

impl Plugin for Efivariables {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "efivariables";
    const CATEGORY: Category = Category::Utils;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const EXAMPLES: &'static [Example] = &[not_run(
        "is Secure Boot on",
        "SELECT Value FROM efivariables(name='SecureBoot', value=TRUE)",
    )];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        scope.check_access(Permission::MachineState)?;
        read(scope, Path::new(FOLDER), &args, rows)
    }
}

fn read(scope: &Scope, folder: &Path, args: &Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
    let entries = fs::read_dir(folder).map_err(|error| {
        format!(
            "`{}`: {error}; this machine was not started by UEFI, or does not show its variables",
            folder.display()
        )
    })?;
    let mut names: Vec<OsString> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    for file in names {
        scope.checkpoint()?;
        let shown = file.to_string_lossy();
        let Some((name, namespace)) = parse_name(&shown) else {
            continue;
        };
        let differs = |wanted: &Option<String>, found: &str| {
            wanted
                .as_ref()
                .is_some_and(|wanted| !wanted.is_empty() && !wanted.eq_ignore_ascii_case(found))
        };
        if differs(&args.name, name) || differs(&args.namespace, namespace) {
            continue;
        }
        let value = if args.value {
            read_value(scope, &folder.join(&file))
        } else {
            Value::Null
        };
        rows.push(Row {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            value,
        })?;
    }
    Ok(())
}

/// `Boot0000-8be4df61-93ca-11d2-aa0d-00e098032b8c`.
fn parse_name(file: &str) -> Option<(&str, &str)> {
    const GUID: usize = 36;
    let at = file.len().checked_sub(GUID)?;
    let guid = file
        .get(at..)
        .filter(|guid| guid.bytes().filter(|byte| *byte == b'-').count() == 4)?;
    Some((file.get(..at)?.strip_suffix('-')?, guid))
}

fn read_value(scope: &Scope, path: &Path) -> Value {
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(MAX_VALUE).read_to_end(&mut bytes));
    if let Err(error) = read {
        scope.log_line(&format!("efivariables: `{}`: {error}", path.display()));
        return Value::Null;
    }
    Value::bytes(bytes.get(ATTRIBUTES..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use peregrine_engine::context::Context;

    #[test]
    fn variables_of_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let guid = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
        fs::write(
            folder.path().join(format!("Secure-Boot-{guid}")),
            b"\x06\0\0\0\x01",
        )
        .unwrap();
        fs::write(folder.path().join("other"), b"").unwrap();
        let scope = Scope::root(&Context::builder().build(), Dict::new());
        let rows_for = |name: Option<&str>, value| {
            let args = Args {
                namespace: None,
                name: name.map(str::to_owned),
                value,
            };
            let mut rows: Vec<peregrine_engine::prelude::Row> = Vec::new();
            read(&scope, folder.path(), &args, &mut Rows::new(&mut rows)).unwrap();
            let mut shown = Vec::new();
            rows.iter()
                .for_each(|row| peregrine_engine::json::write_row(&scope, row, &mut shown));
            String::from_utf8(shown).unwrap()
        };
        assert_eq!(
            rows_for(None, true),
            format!(r#"{{"Namespace":"{guid}","Name":"Secure-Boot","Value":"AQ=="}}"#)
        );
        assert!(rows_for(Some("secure-boot"), false).contains(r#""Value":null"#));
        assert_eq!(rows_for(Some("x"), true), "");
    }
}
