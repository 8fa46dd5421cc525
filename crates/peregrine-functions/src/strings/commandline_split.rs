//! `commandline_split()`: splits a command line into its arguments.

use peregrine_engine::memory;

use crate::prelude::*;

/// Splits a command line in the way of Windows programs, or of a shell.
#[derive(VqlArgs)]
pub struct Args {
    /// The command line.
    command: Str,
    /// Use the quotes, backslashes and comments of a shell.
    #[arg(default = false)]
    bash_style: bool,
}

pub struct CommandlineSplit;

impl Function for CommandlineSplit {
    type Args = Args;
    const NAME: &'static str = "commandline_split";
    const CATEGORY: Category = Category::Parsers;
    const EXAMPLES: &'static [Example] = &[
        example(
            "Windows",
            r#"commandline_split(command='''"C:\a b\x.exe" /c "say ""hi"""''')"#,
            r#"["C:\\a b\\x.exe","/c","say \"hi\""]"#,
        ),
        example(
            "a shell",
            r#"commandline_split(command="ls -l 'a b'", bash_style=TRUE)"#,
            r#"["ls","-l","a b"]"#,
        ),
        example(
            "bytes that are not text stay",
            "format(format='%x', args=commandline_split(command='a ' + unhex(string='e9'), bash_style=TRUE)[1])",
            r#""e9""#,
        ),
        example("nothing", "commandline_split(command='')", "null"),
        example(
            "an open quote",
            r#"commandline_split(command="a 'b", bash_style=TRUE)"#,
            "[]",
        ),
        fails(
            "an open quote is logged",
            r#"commandline_split(command="a 'b", bash_style=TRUE)"#,
            "not closed",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        if args.command.is_empty() {
            return Ok(Value::Null);
        }
        let split = if args.bash_style {
            shell(&args.command)
        } else {
            Ok(windows(&args.command))
        };
        let words = split.unwrap_or_else(|error| {
            scope.log_line(&format!("commandline_split: {error}"));
            Vec::new()
        });
        Ok(words.into_iter().map(Value::str).collect())
    }
}

/// Backslashes matter only before a quote: two make one, and an odd one makes the quote literal.
fn windows(command: &[u8]) -> Vec<Vec<u8>> {
    let mut split = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quoted = false;
    let mut rest = command.iter().copied().peekable();
    while let Some(c) = rest.next() {
        if !memory::has_room_in(&split) {
            break;
        }
        match c {
            b' ' | b'\t' if !quoted => split.extend(word.take()),
            b'\\' => {
                let mut count = 1;
                while rest.next_if_eq(&b'\\').is_some() {
                    count += 1;
                }
                let word = word.get_or_insert_default();
                if rest.peek() == Some(&b'"') {
                    word.extend(std::iter::repeat_n(b'\\', count / 2));
                    if count % 2 == 1 {
                        rest.next();
                        word.push(b'"');
                    }
                } else {
                    word.extend(std::iter::repeat_n(b'\\', count));
                }
            }
            b'"' => {
                let word = word.get_or_insert_default();
                // A doubled quote in a quoted run is a literal quote and ends the run.
                if quoted && rest.next_if_eq(&b'"').is_some() {
                    word.push(b'"');
                }
                quoted = !quoted;
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    split.extend(word);
    split
}

fn shell(command: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    let mut split = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut rest = command.iter().copied();
    while let Some(c) = rest.next() {
        if !memory::has_room_in(&split) {
            break;
        }
        match c {
            b'#' if word.is_none() => {
                rest.by_ref().find(|c| *c == b'\n');
            }
            b'\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next().ok_or("a single quote is not closed")? {
                        b'\'' => break,
                        c => word.push(c),
                    }
                }
            }
            b'"' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next().ok_or("a double quote is not closed")? {
                        b'"' => break,
                        b'\\' => match rest.next().ok_or("a double quote is not closed")? {
                            c @ (b'"' | b'\\' | b'$' | b'`') => word.push(c),
                            b'\n' => {}
                            c => word.extend([b'\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            b'\\' => match rest.next().ok_or("a backslash stands at the end")? {
                b'\n' => {}
                c => word.get_or_insert_default().push(c),
            },
            c if c.is_ascii_whitespace() => split.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    split.extend(word);
    Ok(split)
}
