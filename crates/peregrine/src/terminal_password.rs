//! Reads a password without showing it.

use anyhow::Context as _;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, isatty, tcgetattr, tcsetattr};
use std::io::{BufRead, Read, Write, stderr, stdin};

/// Ctrl-C.
const INTERRUPT: u8 = 3;
/// Maximum length in bytes.
const MAX_LENGTH: u64 = 4096;

/// Asks twice on the terminal, without echo; input from a pipe is used unchanged.
pub(crate) fn ask(user: &str) -> anyhow::Result<String> {
    if !isatty(stdin()) {
        return first_line(stdin().lock());
    }
    let password = hidden(&format!("new password of {}: ", user.escape_debug()))?;
    let again = hidden("the same again: ")?;
    anyhow::ensure!(password == again, "the two are not the same; try again");
    Ok(password)
}

/// The first line, without its end.
pub(crate) fn first_line(reader: impl BufRead) -> anyhow::Result<String> {
    let mut line = String::new();
    reader
        .take(MAX_LENGTH)
        .read_line(&mut line)
        .context("reading the password")?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    anyhow::ensure!(
        !line.is_empty(),
        "there is no password to read; its first line is empty"
    );
    Ok(line.to_owned())
}

fn hidden(prompt: &str) -> anyhow::Result<String> {
    let silence = Silence::begin()?;
    let mut out = stderr();
    write!(out, "{prompt}").and_then(|()| out.flush())?;
    let line = line_or_interrupt(stdin().lock());
    drop(silence);
    writeln!(out)?;
    let line = line?.context("interrupted; nothing is changed")?;
    first_line(&line[..])
}

/// A line, or `None` if it ends with Ctrl-C.
fn line_or_interrupt(reader: impl BufRead) -> anyhow::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    for byte in reader.take(MAX_LENGTH).bytes() {
        match byte.context("reading the password")? {
            b'\n' => break,
            INTERRUPT => return Ok(None),
            byte => line.push(byte),
        }
    }
    Ok(Some(line))
}

/// Turns off the terminal's echo until it is dropped.
struct Silence(Termios);

impl Silence {
    fn begin() -> anyhow::Result<Silence> {
        let before = tcgetattr(stdin()).context("asking the terminal")?;
        let mut silent = before.clone();
        // Ctrl-C arrives as a character that ends the line, so that the echo is always restored.
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        silent.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        tcsetattr(stdin(), OptionalActions::Flush, &silent).context("silencing the terminal")?;
        Ok(Silence(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Flush, &self.0);
    }
}
