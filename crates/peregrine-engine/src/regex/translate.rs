//! Translates RE2 patterns into the syntax of the `regex` crate.
//!
//! Differences handled: a bare `[` in a class, `\Q…\E`, octal escapes, braces that are not a repetition, the
//! ASCII meaning of `\d \w \s \b`, set operations (`&&`, `--`, `~~`) that only one side knows, repetitions
//! above 1,000.

use std::iter::Peekable;
use std::str::Chars;

/// The largest count RE2 accepts in `x{n,m}`.
const MAX_REPEAT: u32 = 1000;

/// Translates a pattern; `Err` says why RE2 would refuse it.
pub fn translate(pattern: &str) -> Result<String, String> {
    let mut translator = Translator {
        rest: pattern.chars().peekable(),
        out: String::with_capacity(pattern.len() + 8),
    };
    while let Some(c) = translator.rest.next() {
        match c {
            '\\' => translator.escape(false)?,
            '[' => translator.class()?,
            '{' => translator.brace()?,
            '}' | ']' => {
                translator.out.push('\\');
                translator.out.push(c);
            }
            c => translator.out.push(c),
        }
    }
    Ok(translator.out)
}

struct Translator<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
}

impl Translator<'_> {
    /// After a backslash.
    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let Some(c) = self.rest.next() else {
            return Err("error parsing regexp: trailing backslash at end of expression".into());
        };
        match c {
            'd' | 's' | 'w' | 'D' | 'S' | 'W' => self.out.push_str(ascii_class(c, in_class)),
            'b' if !in_class => self.out.push_str("(?-u:\\b)"),
            'B' if !in_class => self.out.push_str("(?-u:\\B)"),
            'Q' if !in_class => self.quoted(),
            'E' if !in_class => {}
            '0'..='7' => self.octal(c)?,
            'a' | 'f' | 't' | 'n' | 'r' | 'v' => {
                self.out.push('\\');
                self.out.push(c);
            }
            'x' | 'p' | 'P' => {
                self.out.push('\\');
                self.out.push(c);
                // `\x{fffd}`, `\p{Greek}`: these braces are not a repetition.
                if self.rest.peek() == Some(&'{') {
                    for c in self.rest.by_ref() {
                        self.out.push(c);
                        if c == '}' {
                            break;
                        }
                    }
                }
            }
            'A' | 'z' if !in_class => {
                self.out.push('\\');
                self.out.push(c);
            }
            c if c.is_ascii_alphanumeric() => {
                return Err(format!("error parsing regexp: invalid escape sequence: `\\{c}`"));
            }
            c => self.literal(c),
        }
        Ok(())
    }

    /// A character that stands for itself.
    fn literal(&mut self, c: char) {
        if c.is_ascii_punctuation() && !matches!(c, '_' | '<' | '>') {
            self.out.push('\\');
        }
        self.out.push(c);
    }

    /// `\Q…\E`: everything literal up to `\E` or the end.
    fn quoted(&mut self) {
        while let Some(c) = self.rest.next() {
            if c == '\\' && self.rest.peek() == Some(&'E') {
                self.rest.next();
                return;
            }
            self.literal(c);
        }
    }

    /// `\012`; a single `\1` to `\7` would be a back-reference, which RE2 refuses.
    fn octal(&mut self, first: char) -> Result<(), String> {
        let mut value = first.to_digit(8).unwrap_or(0);
        let mut digits = 1;
        while digits < 3 {
            let Some(digit) = self.rest.peek().and_then(|c| c.to_digit(8)) else {
                break;
            };
            value = value * 8 + digit;
            digits += 1;
            self.rest.next();
        }
        if first != '0' && digits == 1 {
            return Err(format!(
                "error parsing regexp: invalid escape sequence: `\\{first}`"
            ));
        }
        self.out.push_str(&format!("\\x{{{value:x}}}"));
        Ok(())
    }

    /// After `{`: a repetition is checked and kept, anything else is a literal brace.
    fn brace(&mut self) -> Result<(), String> {
        let ahead: String = self.rest.clone().take_while(|c| *c != '}').take(16).collect();
        let closed = self.rest.clone().nth(ahead.chars().count()) == Some('}');
        if !closed || !is_repetition(&ahead) {
            self.out.push_str("\\{");
            return Ok(());
        }
        if ahead
            .split(',')
            .filter_map(|n| n.parse::<u32>().ok())
            .any(|n| n > MAX_REPEAT)
        {
            return Err(format!(
                "error parsing regexp: invalid repeat count: `{{{ahead}}}`"
            ));
        }
        for _ in 0..=ahead.chars().count() {
            self.rest.next();
        }
        self.out.push('{');
        self.out.push_str(&ahead);
        self.out.push('}');
        Ok(())
    }

    /// After `[`: a class up to its `]`.
    fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some(c) = self.rest.next() else {
                return Err("error parsing regexp: missing closing ]".into());
            };
            match c {
                ']' if !first => {
                    self.out.push(']');
                    return Ok(());
                }
                '\\' => self.escape(true)?,
                '[' if self.rest.peek() == Some(&':') => self.posix_class(),
                // `-` makes ranges; everything else that has a meaning inside Rust's classes is escaped.
                '-' => {
                    let doubled = self.rest.peek() == Some(&'-');
                    let at_edge = first || self.rest.peek() == Some(&']');
                    self.out.push_str(if doubled || at_edge { "\\-" } else { "-" });
                }
                '[' | ']' | '&' | '~' | '^' => {
                    self.out.push('\\');
                    self.out.push(c);
                }
                c => self.out.push(c),
            }
            first = false;
        }
    }

    /// `[:alpha:]`, if that is what it is.
    fn posix_class(&mut self) {
        let ahead: String = self.rest.clone().take_while(|c| *c != ']').take(16).collect();
        let name = ahead.strip_prefix(':').and_then(|name| name.strip_suffix(':'));
        if name.is_some_and(|name| {
            name.trim_start_matches('^')
                .chars()
                .all(|c| c.is_ascii_lowercase())
        }) {
            self.out.push('[');
            self.out.push_str(&ahead);
            self.out.push(']');
            for _ in 0..=ahead.chars().count() {
                self.rest.next();
            }
        } else {
            self.out.push_str("\\[");
        }
    }
}

fn is_repetition(inside: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    match inside.split_once(',') {
        None => number(inside),
        Some((min, max)) => number(min) && (max.is_empty() || number(max)),
    }
}

fn ascii_class(c: char, in_class: bool) -> &'static str {
    match (c, in_class) {
        ('d', false) => "[0-9]",
        ('d', true) => "0-9",
        ('D', false) => "[^0-9]",
        ('D', true) => "[^0-9]",
        ('w', false) => "[0-9A-Za-z_]",
        ('w', true) => "0-9A-Za-z_",
        ('W', _) => "[^0-9A-Za-z_]",
        ('s', false) => "[\\t\\n\\x0C\\r ]",
        ('s', true) => "\\t\\n\\x0C\\r ",
        _ => "[^\\t\\n\\x0C\\r ]",
    }
}

#[cfg(test)]
mod tests {
    use crate::regex::Regex;

    fn check(pattern: &str, text: &str, expected: bool) {
        let regex = Regex::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        assert_eq!(regex.is_match(text.as_bytes()), expected, "{pattern} on {text}");
    }

    #[test]
    fn what_go_accepts_and_rust_does_not() {
        check("[[]", "[", true);
        check("[]a]", "]", true);
        check(r"\Qa.b\E+c", "a.bbc", true);
        check(r"\Qa.b\E", "axb", false);
        check(r"\012", "\n", true);
        check("a{", "a{", true);
        check("a{,2}", "a{,2}", true);
        check("x{2}", "xx", true);
        check("}]", "}]", true);
        check("[^[:alpha:]]", "1", true);
        check(r"^\x{e9}\p{L}[\p{Greek}\x{41}]\x41$", "ééAA", true);
        check(r"^\p{Greek}{2}$", "αβ", true);
        check(r"\P{L}", "a", false);
    }

    #[test]
    fn ascii_meaning() {
        check(r"\d", "٣", false);
        check(r"^\w$", "é", false);
        check(r"[\d_]+x", "1_x", true);
        check(r"[^\s]", " ", false);
        check(r"[\S]", "a", true);
        check(r"\bfoo\b", "a foo b", true);
        check(r"^.$", "é", true);
    }

    #[test]
    fn set_operations_are_plain_characters() {
        check("[a&&b]", "&", true);
        check("[a~~b]", "~", true);
        check("^[+--]$", "-", true);
        check("^[a-]$", "-", true);
    }

    #[test]
    fn refused() {
        for pattern in ["x{1001}", r"\1", r"\C", r"\Z", r"(?=x)", "(", "[a", "\\"] {
            assert!(Regex::new(pattern).is_err(), "{pattern}");
        }
    }
}
