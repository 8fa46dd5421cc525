//! `peregrine completion` and `peregrine man`: the command line, for shells and readers of manuals.

use anyhow::Context as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `completion`.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  peregrine completion bash > ~/.local/share/bash-completion/completions/peregrine\n  peregrine completion zsh > ~/.zfunc/_peregrine\n  peregrine completion fish > ~/.config/fish/completions/peregrine.fish"
)]
pub(crate) struct CompletionArgs {
    /// The shell to write for.
    shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(clap::Args)]
pub(crate) struct ManArgs {
    /// The folder to write to, such as `~/.local/share/man/man1`; it is created if it does not exist.
    dir: PathBuf,
}

/// Writes the script that completes the command line to standard output.
pub(crate) fn completion(args: &CompletionArgs, mut command: clap::Command) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "peregrine", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a manual page for the program and one for each verb.
pub(crate) fn man(args: &ManArgs, command: clap::Command) -> anyhow::Result<ExitCode> {
    let writing = || format!("writing manual pages to `{}`", args.dir.display());
    std::fs::create_dir_all(&args.dir).with_context(writing)?;
    clap_mangen::generate_to(command, &args.dir).with_context(writing)?;
    Ok(ExitCode::SUCCESS)
}
