//! The interpreter's process for the tests of this crate; `peregrine` has a verb for it.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    match peregrine_starlark::worker::run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("starlark-worker: error: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
