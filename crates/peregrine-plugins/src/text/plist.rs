//! `plist()`: rows from Apple's property lists.

use peregrine_accessors::{PathList, accessor};
use peregrine_engine::prelude::*;
use peregrine_functions::parse_property_list;
use std::io::Read;

use super::json_rows::row;

/// Yields the root of each property list as a row, with its keys as columns; if the root is a list, each
/// element is a row.
///
/// Property lists may be binary, XML, or in the old OpenStep text format; see the function of the same name.
#[derive(VqlArgs)]
pub struct Args {
    /// The files.
    file: PathList,
    /// The accessor to read them with.
    accessor: Option<String>,
}

pub struct Plist;

/// Maximum size of a file in bytes.
const MAX_SIZE: u64 = 64 << 20;

impl Plugin for Plist {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "plist";
    const CATEGORY: Category = Category::Parsers;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "a dict",
            "plist(accessor='data', file='<plist><dict><key>A</key><integer>1</integer></dict></plist>')",
            r#"[{"A":1}]"#,
        ),
        example(
            "a list",
            "plist(accessor='data', file='({a = 1;}, x)')",
            r#"[{"a":1},{"_value":"x"}]"#,
        ),
        fails(
            "no such file",
            "plist(file='/no/such/file')",
            "plist: `/no/such/file`",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let files = accessor(scope, args.accessor.as_deref().unwrap_or_default())
            .map_err(|error| error.to_string())?;
        for path in args.file.resolve(scope, files.as_ref()) {
            scope.checkpoint()?;
            let content = files
                .open(scope, &path)
                .map_err(|error| error.to_string())
                .and_then(|reader| {
                    let mut content = Vec::new();
                    let read = reader.take(MAX_SIZE + 1).read_to_end(&mut content);
                    read.map_err(|error| format!("`{}`: {error}", path.to_text()))?;
                    if content.len() as u64 > MAX_SIZE {
                        return Err(format!("`{}` has more than {MAX_SIZE} bytes", path.to_text()));
                    }
                    parse_property_list(&content).map_err(|error| format!("`{}`: {error}", path.to_text()))
                });
            match content {
                Ok(Value::Array(items)) => {
                    for item in items.iter() {
                        rows.push(row(item.clone()))?;
                    }
                }
                Ok(single) => rows.push(row(single))?,
                Err(error) => scope.log_line(&format!("plist: {error}")),
            }
        }
        Ok(())
    }
}
