//! Estimates how deeply a script nests before it is parsed.
//!
//! Parser and compiler recurse on the native stack, so they must not see scripts that nest too deeply. An
//! estimate that is too high only refuses scripts nobody writes.

/// Maximum size of a script in bytes.
const MAX_SIZE: usize = 1 << 20;
/// Maximum nesting of brackets, and of the operators between them.
const MAX_DEPTH: usize = 2000;
/// Maximum number of branches of all choices together: each `elif` is nested in the one before.
const MAX_BRANCHES: usize = 2000;

/// Refuses scripts that nest too deeply.
pub(crate) fn check(code: &str) -> Result<(), String> {
    if code.len() > MAX_SIZE {
        return Err(format!("the script has more than {MAX_SIZE} bytes"));
    }
    let mut levels = vec![0usize];
    let mut branches = 0;
    let mut rest = code;
    let mut depth = 0usize;
    while let Some(c) = rest.chars().next() {
        match c {
            '#' => {
                rest = rest
                    .get(rest.find('\n').unwrap_or(rest.len())..)
                    .unwrap_or_default()
            }
            '"' | '\'' => {
                rest = after_string(rest, c);
                continue;
            }
            '(' | '[' | '{' => levels.push(1),
            ')' | ']' | '}' => {
                if levels.len() > 1 {
                    levels.pop();
                }
                // `a()()[0]`: each is nested in the next.
                add(&mut levels);
            }
            ',' | ';' => clear(&mut levels),
            '\n' if levels.len() == 1 => clear(&mut levels),
            '+' | '-' | '*' | '/' | '%' | '.' | '<' | '>' | '=' | '!' | '|' | '&' | '^' | '~' => {
                add(&mut levels)
            }
            c if c.is_alphanumeric() || c == '_' => {
                let end = rest
                    .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                    .unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                match word {
                    "not" | "if" | "lambda" | "and" | "or" | "in" | "for" => add(&mut levels),
                    "elif" => branches += 1,
                    _ => {}
                }
                rest = after;
                depth = depth.max(levels.iter().sum());
                continue;
            }
            _ => {}
        }
        depth = depth.max(levels.last().copied().unwrap_or(0) + levels.len());
        if levels.len() > MAX_DEPTH || depth > MAX_DEPTH || branches > MAX_BRANCHES {
            return Err(format!(
                "the script nests more than {MAX_DEPTH} brackets, operators or branches; split it"
            ));
        }
        let mut after = rest.chars();
        after.next();
        rest = after.as_str();
    }
    if depth > MAX_DEPTH || branches > MAX_BRANCHES {
        return Err(format!(
            "the script nests more than {MAX_DEPTH} brackets, operators or branches; split it"
        ));
    }
    Ok(())
}

fn add(levels: &mut [usize]) {
    if let Some(last) = levels.last_mut() {
        *last += 1;
    }
}

fn clear(levels: &mut [usize]) {
    if let Some(last) = levels.last_mut() {
        *last = 1;
    }
}

/// The text after a string, plain or with three quotes.
fn after_string(text: &str, quote: char) -> &str {
    let long: String = [quote; 3].iter().collect();
    let (mark, is_long) = if text.starts_with(&long) {
        (&*long, true)
    } else {
        (long.get(..1).unwrap_or_default(), false)
    };
    let mut rest = text.get(mark.len()..).unwrap_or_default();
    while let Some(c) = rest.chars().next() {
        if rest.starts_with(mark) {
            return rest.get(mark.len()..).unwrap_or_default();
        }
        if c == '\n' && !is_long {
            return rest;
        }
        let mut after = rest.chars();
        after.next();
        if c == '\\' {
            after.next();
        }
        rest = after.as_str();
    }
    rest
}
