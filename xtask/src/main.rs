//! Automation for this repository: `cargo xtask <command>`.

mod dependency_order;

use std::process::ExitCode;

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    let outcome = match command.as_str() {
        "dependency-order" => dependency_order::check(),
        other => {
            eprintln!("unknown command `{other}`; known: dependency-order");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{command}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
