//! Creates the skeleton of a VQL function: its file, and its two lines in the list of its folder.

use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::Path;

const FUNCTIONS: &str = "crates/peregrine-functions/src";

/// Adds `folder/name.rs` with one argument, and an example that fails until the function is written.
pub fn add(root: &Path, folder: &str, name: &str) -> Result<()> {
    ensure!(
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
        "`{name}` is not a name for a function; give small letters, digits and `_`"
    );
    let folder_path = root.join(FUNCTIONS).join(folder);
    let list_path = folder_path.join("mod.rs");
    let list = fs::read_to_string(&list_path).with_context(|| {
        format!("reading `{FUNCTIONS}/{folder}/mod.rs`; give a folder that has functions")
    })?;
    let file = folder_path.join(format!("{name}.rs"));
    ensure!(
        !file.exists(),
        "`{FUNCTIONS}/{folder}/{name}.rs` is there already"
    );
    let list = listed(&list, name)?;
    fs::write(&file, skeleton(folder, name)).with_context(|| format!("writing `{}`", file.display()))?;
    fs::write(&list_path, list).with_context(|| format!("writing `{}`", list_path.display()))
}

/// The list of a folder with one more function, in order.
fn listed(list: &str, name: &str) -> Result<String> {
    let module = format!("mod {name};");
    let entry = format!("    {name}::{},", type_name(name));
    let Some((before, after)) = list.split_once("functions![\n") else {
        bail!("its `mod.rs` has no list `functions![`, one function a line");
    };
    let Some((entries, after)) = after.split_once("\n];") else {
        bail!("the list `functions![` of its `mod.rs` has no end `];`");
    };
    let mut modules: Vec<&str> = before.lines().collect();
    let place = modules
        .iter()
        .position(|line| line.starts_with("mod ") && *line > module.as_str());
    let end = modules
        .iter()
        .rposition(|line| line.starts_with("mod "))
        .map_or(modules.len(), |last| last + 1);
    modules.insert(place.unwrap_or(end), &module);
    let mut entries: Vec<String> = entries
        .lines()
        .map(|line| format!("{},", line.trim_end_matches(',')))
        .collect();
    let place = entries
        .iter()
        .position(|line| *line > entry)
        .unwrap_or(entries.len());
    entries.insert(place, entry);
    Ok(format!(
        "{}functions![\n{}\n];{after}",
        modules.join("\n"),
        entries.join("\n")
    ))
}

/// Converts `regex_replace` to `RegexReplace`.
fn type_name(name: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('_')
        .filter(|word| !word.is_empty())
        .map(capital)
        .collect()
}

fn skeleton(folder: &str, name: &str) -> String {
    let (type_name, category) = (type_name(name), type_name(folder));
    format!(
        r##"//! `{name}()`: TODO what it does, in a few words.

use crate::prelude::*;

/// TODO What it does, for the manual.
#[derive(VqlArgs)]
pub struct Args {{
    /// TODO The string.
    string: String,
}}

pub struct {type_name};

impl Function for {type_name} {{
    type Args = Args;
    const NAME: &'static str = "{name}";
    const CATEGORY: Category = Category::{category};
    const EXAMPLES: &'static [Example] = &[example("TODO", "{name}(string='a')", r#""TODO""#)];

    fn call(_: &Scope, args: Args) -> VqlResult {{
        Ok(Value::from(args.string))
    }}
}}
"##
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "//! Strings.\n\nmod grok;\nmod strip;\n\nuse crate::prelude::*;\n\n\
                        pub(crate) const ALL: &[FunctionDef] = functions![\n    grok::Grok,\n    strip::Strip\n];\n\nfn help() {}\n";

    #[test]
    fn a_function_is_listed_in_order() {
        let middle = listed(LIST, "regex_replace").unwrap();
        assert_eq!(
            middle,
            "//! Strings.\n\nmod grok;\nmod regex_replace;\nmod strip;\n\nuse crate::prelude::*;\n\n\
             pub(crate) const ALL: &[FunctionDef] = functions![\n    grok::Grok,\n    regex_replace::RegexReplace,\n    \
             strip::Strip,\n];\n\nfn help() {}\n"
        );
        let last = listed(LIST, "upcase").unwrap();
        assert!(
            last.contains("mod strip;\nmod upcase;\n")
                && last.contains("strip::Strip,\n    upcase::Upcase,\n];"),
            "{last}"
        );
        assert!(listed("mod a;\n", "b").is_err());
    }

    #[test]
    fn nothing_that_is_there_is_overwritten() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join(FUNCTIONS).join("strings");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("mod.rs"), LIST).unwrap();
        add(root.path(), "strings", "swapcase").unwrap();
        assert!(
            fs::read_to_string(folder.join("swapcase.rs"))
                .unwrap()
                .contains("pub struct Swapcase;")
        );
        assert!(add(root.path(), "strings", "swapcase").is_err());
        assert!(add(root.path(), "strings", "../x").is_err());
        assert!(add(root.path(), "nowhere", "x").is_err());
    }
}
