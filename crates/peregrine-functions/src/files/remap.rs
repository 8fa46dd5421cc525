//! `remap()`: uses other files, and another machine, for the rest of the query.

use peregrine_accessors::remapping::{self, RemapError, Rules};

use crate::prelude::*;

/// Replaces the files of this machine by others, so that queries and artifacts written for a running machine
/// see a folder, such as a mounted disk image; accessors for images and archives are not available yet.
///
/// The rules are a list in YAML or JSON, or a configuration that contains them as `remappings`. A rule of
/// type `mount` makes the files of the accessor `from` appear at `on`; `shadow` keeps an accessor under the
/// same or another name, so that paths it opens are remapped, too; `impersonation` changes the results of
/// `info()` and `expand()`, and disables functions and plugins. Rules of type `permissions` are used only in
/// a remapping given to the program (`--remap`).
///
/// Accessors that are not remapped stay available unless `clear` is set; then only the accessors of the
/// rules, and those named in `copy`, exist. The remapping applies to all parts of the query until it ends.
/// Paths cannot escape a mount: absolute links are followed within the mounts, and `..` in them stops at
/// their root. Mounted files are read-only; functions that change files (`copy()`, `rm()`, `write_csv()`)
/// work only on this machine.
///
/// If the rules cannot be applied, a message is logged, the result is NULL, and no accessor is left, so that
/// the rest of the query cannot read this machine by mistake.
#[derive(VqlArgs)]
pub struct Args {
    /// The rules, as YAML or JSON text.
    config: String,
    /// Names of accessors to keep as they are on this machine.
    copy: Option<Vec<String>>,
    /// Start without accessors.
    #[arg(default = false)]
    clear: bool,
}

pub struct Remap;

impl Function for Remap {
    type Args = Args;
    const NAME: &'static str = "remap";
    const CATEGORY: Category = Category::FileSystem;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a folder in the place of the disk",
            "LET _ <= remap(clear=TRUE, config='[{type: mount, from: {accessor: file, prefix: /etc}, on: {accessor: auto}}]') \
             SELECT stat(filename='/passwd').OSPath AS Mounted, stat(filename='/etc/passwd') AS Other FROM scope()",
            r#"[{"Mounted":"/passwd","Other":null}]"#,
        ),
        example(
            "only the accessor data is left",
            "LET _ <= remap(config='remappings: []', clear=TRUE, copy='data') \
             SELECT read_file(accessor='data', filename='x') AS Data, read_file(filename='/etc/passwd') AS File FROM scope()",
            r#"[{"Data":"x","File":""}]"#,
        ),
        fails(
            "a misspelt key",
            "remap(config='[{type: mount, form: {prefix: /mnt}}]')",
            "remap: the remapping could not be read: ",
        ),
        fails(
            "an unknown type",
            "remap(config='[{type: overlay}]')",
            "remap: rule 1: Unknown remapping type: overlay",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        match apply(scope, &args) {
            Ok(answer) => Ok(answer),
            Err(error) if remapping::clear_accessors(scope) => {
                Err(format!("{error}; no accessor is left").into())
            }
            Err(error) => Err(error.to_string().into()),
        }
    }
}

fn apply(scope: &Scope, args: &Args) -> Result<Value, RemapError> {
    let rules = Rules::parse(&args.config)?;
    let count = match rules.rules().len() {
        1 => "1 rule".to_owned(),
        count => format!("{count} rules"),
    };
    scope.log(Level::Info, &format!("Applying remapping, {count}"));
    let copy = args.copy.as_deref().unwrap_or_default();
    remapping::remap(scope, &rules, copy, args.clear)?;
    let answer = rules.to_json().to_string();
    Ok(json::parse(answer.as_bytes()).unwrap_or_default())
}
