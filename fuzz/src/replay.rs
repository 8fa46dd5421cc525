//! Reads inputs from files, for targets that are built without libFuzzer.

use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;

/// Runs the target on each file named on the command line, or directly in a folder named there (seeds, or a fuzzer's
/// findings); without arguments, on standard input.
pub fn replay(check: fn(&[u8])) -> ExitCode {
    let mut names = std::env::args_os().skip(1).peekable();
    let outcome = if names.peek().is_none() {
        read_all(io::stdin()).map(|input| check(&input))
    } else {
        names.try_for_each(|name| replay_path(Path::new(&name), check))
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn replay_path(path: &Path, check: fn(&[u8])) -> io::Result<()> {
    let at = |error| io::Error::other(format!("`{}`: {error}", path.display()));
    if !path.is_dir() {
        check(&std::fs::read(path).map_err(at)?);
        return Ok(());
    }
    for entry in std::fs::read_dir(path).map_err(at)? {
        let entry = entry.map_err(at)?.path();
        if entry.is_file() {
            replay_path(&entry, check)?;
        }
    }
    Ok(())
}

fn read_all(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut input = Vec::new();
    from.read_to_end(&mut input)?;
    Ok(input)
}
