//! `plist()`: Apple's property lists.

use crate::parse_property_list;
use crate::prelude::*;

/// Parses a property list: binary, XML, or the old OpenStep text format.
///
/// Keys of dicts are sorted. Dates become times, data base64 text; a list of a single dict becomes the dict.
/// Typed values of GNUstep (`<*I5>`) are not supported.
#[derive(VqlArgs)]
pub struct Args {
    /// The file.
    file: PathArg,
    /// The accessor to read it with.
    accessor: Option<String>,
}

pub struct Plist;

impl Function for Plist {
    type Args = Args;
    const NAME: &'static str = "plist";
    const CATEGORY: Category = Category::Parsers;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "XML",
            "plist(accessor='data', file='<plist version=\"1.0\"><dict><key>B</key><true/><key>A</key><integer>1</integer></dict></plist>')",
            r#"{"A":1,"B":true}"#,
        ),
        example(
            "dates and data",
            "plist(accessor='data', file='<plist><array><date>2024-01-02T03:04:05Z</date><data>aGk=</data><real>1.5</real></array></plist>')",
            r#"["2024-01-02T03:04:05Z","aGk=",1.5]"#,
        ),
        example(
            "binary",
            "plist(accessor='data', file=base64decode(string='YnBsaXN0MDDRAQJRQRAHCAsNAAAAAAAAAQEAAAAAAAAAAwAAAAAAAAAAAAAAAAAAAA8='))",
            r#"{"A":7}"#,
        ),
        example(
            "OpenStep",
            "plist(accessor='data', file='{ b = (x, \"y z\"); a = 1; }')",
            r#"{"a":1,"b":["x","y z"]}"#,
        ),
        fails(
            "cut off",
            "plist(accessor='data', file='<plist><dict>')",
            "plist: ",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let content = read_all(scope, args.accessor.as_ref(), &args.file)?;
        Ok(parse_property_list(&content)?)
    }
}
