//! Output to a terminal: text from endpoints and attackers is shown, never obeyed.
//!
//! A terminal obeys control characters, and characters that change the writing direction make a name look
//! like another. Both are shown escaped. Everything printed for people goes through this module.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

/// The style of a line, if colours are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Column names and titles.
    Strong,
    /// Remarks.
    Faint,
    Warning,
    Error,
}

impl Style {
    /// The escape sequence that turns it on.
    fn start(self) -> &'static str {
        match self {
            Style::Strong => "\x1b[1m",
            Style::Faint => "\x1b[2m",
            Style::Warning => "\x1b[33m",
            Style::Error => "\x1b[31m",
        }
    }

    /// The text in this style, with escape sequences if coloured.
    pub(crate) fn paint(self, text: &str, is_coloured: bool) -> String {
        if is_coloured {
            format!("{}{text}\x1b[0m", self.start())
        } else {
            text.to_owned()
        }
    }
}

/// Whether colours are wanted on this output.
pub(crate) fn is_coloured(out: &impl IsTerminal) -> bool {
    let is_wanted = |name: &str, unwanted: &str| std::env::var_os(name).is_none_or(|value| value == unwanted);
    out.is_terminal()
        && is_wanted("NO_COLOR", "")
        && std::env::var_os("TERM").is_none_or(|kind| kind != "dumb")
}

/// Prints one or more lines on standard error.
pub(crate) fn say(style: Style, text: &str) {
    let text = shown(text);
    // If standard error is closed, nobody can be told.
    let _ = writeln!(io::stderr(), "{}", style.paint(&text, is_coloured(&io::stderr())));
}

/// The text with control characters made visible; lines and tabs are kept.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        push(&mut out, c);
    }
    Cow::Owned(out)
}

fn push(out: &mut String, c: char) {
    match u32::from(c) {
        _ if !is_obeyed(c) => out.push(c),
        code @ 0..0x20 => out.extend(char::from_u32(0x2400 + code)),
        0x7f => out.push('\u{2421}'),
        // Escaped as in JSON, so that rows stay valid.
        _ => c
            .encode_utf16(&mut [0; 2])
            .iter()
            .for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
    }
}

/// Control characters except line breaks and tabs, and the format characters of Unicode: directions, joiners,
/// fillers, tags.
fn is_obeyed(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{ad}'
        | '\u{34f}'
        | '\u{600}'..='\u{605}'
        | '\u{61c}'
        | '\u{6dd}'
        | '\u{70f}'
        | '\u{8e2}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        c => c.is_control(),
    }
}

/// A writer to a terminal that does not pass on anything a terminal would obey.
pub(crate) struct Plain<W> {
    out: W,
    /// The first bytes of a character whose other bytes have not been written yet.
    begun: Vec<u8>,
    /// Colours are ours: the writer has already escaped its text.
    keeps_colours: bool,
}

impl<W: Write> Plain<W> {
    pub(crate) fn new(out: W) -> Plain<W> {
        Plain {
            out,
            begun: Vec::new(),
            keeps_colours: false,
        }
    }

    /// For a writer that colours its lines and escapes the escape character in its texts.
    pub(crate) fn with_colours(out: W) -> Plain<W> {
        Plain {
            keeps_colours: true,
            ..Plain::new(out)
        }
    }
}

impl<W: Write> Write for Plain<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = std::mem::take(&mut self.begun);
        all.extend_from_slice(bytes);
        let mut text = String::with_capacity(all.len());
        let mut rest = all.as_slice();
        loop {
            let error = match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    break;
                }
                Err(error) => error,
            };
            let (valid, after) = rest.split_at(error.valid_up_to());
            text.push_str(&String::from_utf8_lossy(valid));
            match error.error_len() {
                // At most three bytes, which the next write may complete.
                None => {
                    self.begun = after.to_vec();
                    break;
                }
                Some(length) => {
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = after.get(length..).unwrap_or_default();
                }
            }
        }
        if self.keeps_colours {
            for (at, part) in text.split('\x1b').enumerate() {
                let escape = if at == 0 { "" } else { "\x1b" };
                self.out.write_all(escape.as_bytes())?;
                self.out.write_all(shown(part).as_bytes())?;
            }
        } else {
            self.out.write_all(shown(&text).as_bytes())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A count with its noun, in the plural unless the count is 1.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_obeyed() {
        assert_eq!(shown("plain\n\tünï 鷹"), "plain\n\tünï 鷹");
        assert_eq!(shown("a\x1b[2Jb\r\x07\x7f"), "a␛[2Jb␍␇␡");
        assert_eq!(shown("\u{9b}31m \u{85}"), "\\u009b31m \\u0085");
        assert_eq!(shown("cod\u{202e}txt.exe"), "cod\\u202etxt.exe");
        assert_eq!(
            shown("\u{2066}\u{200f}\u{feff}\u{200b}\u{2028}"),
            "\\u2066\\u200f\\ufeff\\u200b\\u2028"
        );
        assert_eq!(shown("\u{e0041}"), "\\udb40\\udc41");
        // Invisible characters: two names that look alike are not equal.
        assert_eq!(
            shown("a\u{ffa0}b\u{115f}c\u{34f}d\u{e0100}"),
            "a\\uffa0b\\u115fc\\u034fd\\udb40\\udd00"
        );
        assert_eq!(
            shown("✔\u{fe0f}"),
            "✔\u{fe0f}",
            "how a sign is drawn is its own business"
        );
    }

    #[test]
    fn a_letter_may_come_in_pieces() {
        let mut out = Vec::new();
        let mut plain = Plain::new(&mut out);
        for byte in "ü\u{202e}鷹\x1b".as_bytes() {
            plain.write_all(&[*byte]).expect("memory takes it");
        }
        plain.write_all(b"\xff!").expect("memory takes it");
        assert_eq!(String::from_utf8(out).expect("text"), "ü\\u202e鷹␛\u{fffd}!");
    }

    #[test]
    fn colours_of_the_log_stay() {
        let mut out = Vec::new();
        Plain::with_colours(&mut out)
            .write_all("\x1b[32m INFO\x1b[0m a\u{202e}b\x07\n".as_bytes())
            .expect("memory takes it");
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "\x1b[32m INFO\x1b[0m a\\u202eb␇\n"
        );
    }
}
