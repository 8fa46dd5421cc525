//! Checks that doc tests are enabled exactly in the libraries that have examples: even looking for some takes a build.

use crate::files::find;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// Lists the libraries whose examples are not run, or that enable doc tests without having examples.
pub fn faults(root: &Path) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for entry in fs::read_dir(root.join("crates"))? {
        let folder = entry?.path();
        let (manifest, source) = (folder.join("Cargo.toml"), folder.join("src"));
        if !source.join("lib.rs").is_file() {
            continue;
        }
        let manifest =
            fs::read_to_string(&manifest).with_context(|| format!("reading `{}`", manifest.display()))?;
        let mut has_example = false;
        for file in find(&source, "rs")? {
            has_example |= contains_example(&fs::read_to_string(&file)?);
        }
        let name = folder.file_name().unwrap_or_default().display();
        match (has_example, manifest.contains("doctest = false")) {
            (true, true) => faults.push(format!(
                "`{name}` has an example that is not run: remove `doctest = false`"
            )),
            (false, false) => faults.push(format!(
                "`{name}` has no example to run: say `doctest = false` in `[lib]`"
            )),
            _ => {}
        }
    }
    faults.sort();
    Ok(faults)
}

/// Whether a doc comment contains a block of Rust.
fn contains_example(text: &str) -> bool {
    let comments = text.lines().map(str::trim_start);
    let comments =
        comments.filter_map(|line| line.strip_prefix("/// ").or_else(|| line.strip_prefix("//! ")));
    // Every second fence closes a block.
    let mut openings = comments
        .filter_map(|line| line.trim_start().strip_prefix("```"))
        .step_by(2);
    openings.any(|kind| kind.is_empty() || ["rust", "no_run", "should_panic", "compile_fail"].contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::contains_example;

    #[test]
    fn an_example_is_a_block_of_rust_in_documentation() {
        let rust = "//! Reads.\n//!\n//! ```\n//! read();\n//! ```\n";
        assert!(contains_example(rust));
        assert!(contains_example(
            &rust.replace("//! ```\n//! read", "//! ```no_run\n//! read")
        ));
        assert!(!contains_example(
            &rust.replace("//! ```\n//! read", "//! ```text\n//! read")
        ));
        assert!(!contains_example(&rust.replace("//!", "//")));
    }
}
