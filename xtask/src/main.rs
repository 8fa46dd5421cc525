//! Automation for this repository: `cargo xtask <command>`.

mod changelog;
mod dependency_order;
mod doc_tests;
mod files;
mod new_function;
mod snapshots;
mod tidy;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "known commands:
  dependency-order            crates use only crates of lower layers
  tidy                        files are short and begin with a sentence, codes of findings have snapshots
  snapshots LIST              every snapshot is in the list of those that tests compared
  new-function FOLDER NAME    the skeleton of a VQL function, such as `new-function strings swapcase`
  changelog check             entries of `changelog.d/` have the form they need
  changelog release VERSION   moves the entries into CHANGELOG.md";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let outcome = match arguments[..] {
        ["dependency-order"] => dependency_order::check(),
        ["tidy"] => tidy::check(&root),
        ["snapshots", list] => snapshots::check_compared(&root, Path::new(list)),
        ["new-function", folder, name] => new_function::add(&root, folder, name),
        ["changelog", "check"] => changelog::check(&root),
        ["changelog", "release", version] => changelog::release(&root, version),
        _ => {
            eprintln!("unknown command `{}`; {USAGE}", arguments.join(" "));
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error:#}", arguments.join(" "));
            ExitCode::FAILURE
        }
    }
}
