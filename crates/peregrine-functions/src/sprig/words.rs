//! Functions over text.

use gotmpl::{Result, Value};
use peregrine_engine::value::as_characters;

use super::args::{arg, check_length, count_at, exactly, int_at, list, new_list, new_map, text, text_at};
use super::bridge::{Bridge, string};

pub(super) const ALL: super::Table = &[
    ("hello", |_, _| Ok(string("Hello!"))),
    ("trim", |_, args| one(args, |text| text.trim().to_owned())),
    ("upper", |_, args| one(args, |text| text.to_uppercase())),
    ("lower", |_, args| one(args, |text| text.to_lowercase())),
    ("title", |_, args| one(args, |text| start_of_words(&text, true))),
    ("untitle", |_, args| {
        one(args, |text| start_of_words(&text, false))
    }),
    ("nospace", |_, args| {
        one(args, |text| text.chars().filter(|c| !c.is_whitespace()).collect())
    }),
    ("initials", |_, args| {
        one(args, |text| {
            text.split_whitespace()
                .filter_map(|word| word.chars().next())
                .collect()
        })
    }),
    ("swapcase", |_, args| {
        one(args, |text| text.chars().map(swap_case).collect())
    }),
    ("snakecase", |_, args| one(args, |text| joined_words(&text, "_"))),
    ("kebabcase", |_, args| one(args, |text| joined_words(&text, "-"))),
    ("camelcase", |_, args| one(args, |text| camel_case(&text))),
    ("trimAll", trim_all),
    ("trimall", trim_all),
    ("trimSuffix", |_, args| {
        two(args, |end, text| {
            text.strip_suffix(end).unwrap_or(text).to_owned()
        })
    }),
    ("trimPrefix", |_, args| {
        two(args, |start, text| {
            text.strip_prefix(start).unwrap_or(text).to_owned()
        })
    }),
    ("contains", |_, args| ask(args, |part, text| text.contains(part))),
    ("hasPrefix", |_, args| {
        ask(args, |part, text| text.starts_with(part))
    }),
    ("hasSuffix", |_, args| {
        ask(args, |part, text| text.ends_with(part))
    }),
    ("repeat", |_, args| {
        let [times, text] = exactly(args)?;
        let (times, text) = (super::args::int(times), super::args::text(text));
        let times = usize::try_from(times).unwrap_or(0);
        check_length(text.len().saturating_mul(times))?;
        Ok(string(text.repeat(times)))
    }),
    ("replace", |_, args| {
        let [old, new, source] = exactly(args)?;
        let (old, new, source) = (text(old), text(new), text(source));
        let found = source.matches(&*old).count();
        check_length(source.len().saturating_add(found.saturating_mul(new.len())))?;
        Ok(string(source.replace(&*old, &new)))
    }),
    ("substr", |_, args| {
        let (from, to, text) = (int_at(args, 0)?, int_at(args, 1)?, text_at(args, 2)?);
        let from = usize::try_from(from).unwrap_or(0).min(text.len());
        let to = usize::try_from(to).unwrap_or(text.len()).min(text.len());
        Ok(cut(&text, from, to))
    }),
    ("trunc", |_, args| {
        let (count, text) = (int_at(args, 0)?, text_at(args, 1)?);
        let size = usize::try_from(count.unsigned_abs())
            .unwrap_or(usize::MAX)
            .min(text.len());
        Ok(if count < 0 {
            cut(&text, text.len() - size, text.len())
        } else {
            cut(&text, 0, size)
        })
    }),
    ("abbrev", |_, args| {
        let (width, text) = (count_at(args, 0)?, text_at(args, 1)?);
        Ok(string(abbreviate(&text, 0, width)))
    }),
    ("abbrevboth", |_, args| {
        let (from, width, text) = (count_at(args, 0)?, count_at(args, 1)?, text_at(args, 2)?);
        Ok(string(abbreviate(&text, from, width)))
    }),
    ("wrap", |_, args| {
        Ok(string(wrap(&text_at(args, 1)?, count_at(args, 0)?, "\n")?))
    }),
    ("wrapWith", |_, args| {
        Ok(string(wrap(
            &text_at(args, 2)?,
            count_at(args, 0)?,
            &text_at(args, 1)?,
        )?))
    }),
    ("quote", |bridge, args| {
        let quoted: Vec<String> = args
            .iter()
            .filter(|arg| !matches!(arg, Value::Nil))
            .map(|arg| {
                let text = [bridge.value(arg).to_text(bridge.scope()).into()];
                peregrine_engine::format::format(bridge.scope(), b"%q", &text).to_string()
            })
            .collect();
        Ok(string(quoted.join(" ")))
    }),
    ("squote", |_, args| {
        let shown = args.iter().filter(|arg| !matches!(arg, Value::Nil));
        let quoted: Vec<String> = shown.map(|arg| format!("'{}'", text(arg))).collect();
        Ok(string(quoted.join(" ")))
    }),
    ("cat", |_, args| {
        let shown = args.iter().filter(|arg| !matches!(arg, Value::Nil));
        let words: Vec<String> = shown.map(text).collect();
        check_length(words.iter().map(String::len).sum())?;
        Ok(string(words.join(" ")))
    }),
    ("indent", |_, args| indent(args).map(string)),
    ("nindent", |_, args| Ok(string(format!("\n{}", indent(args)?)))),
    ("plural", |_, args| {
        let word = if int_at(args, 2)? == 1 { 0 } else { 1 };
        Ok(string(text_at(args, word)?))
    }),
    ("toString", |_, args| Ok(string(text_at(args, 0)?))),
    ("toStrings", |_, args| {
        let items = list(arg(args, 0)?)?.iter();
        new_list(
            items
                .filter(|item| !matches!(item, Value::Nil))
                .map(|item| string(text(item)))
                .collect(),
        )
    }),
    ("join", |_, args| {
        let between = text_at(args, 0)?;
        let words: Vec<String> = match arg(args, 1)? {
            Value::List(items) => {
                let shown = items.iter().filter(|item| !matches!(item, Value::Nil));
                shown.map(text).collect()
            }
            other => vec![text(other)],
        };
        let size: usize = words.iter().map(String::len).sum();
        check_length(size.saturating_add(between.len().saturating_mul(words.len())))?;
        Ok(string(words.join(&between)))
    }),
    ("splitList", |_, args| {
        let [between, text] = exactly(args)?;
        new_list(pieces(&super::args::text(text), &super::args::text(between), -1))
    }),
    ("split", |_, args| {
        let [between, text] = exactly(args)?;
        numbered(pieces(&super::args::text(text), &super::args::text(between), -1))
    }),
    ("splitn", |_, args| {
        let [between, count, text] = exactly(args)?;
        let count = super::args::int(count);
        numbered(pieces(
            &super::args::text(text),
            &super::args::text(between),
            count,
        ))
    }),
];

fn one(args: &[Value], change: impl Fn(String) -> String) -> Result<Value> {
    let [value] = exactly(args)?;
    Ok(string(change(text(value))))
}

fn two(args: &[Value], change: impl Fn(&str, &str) -> String) -> Result<Value> {
    let [first, second] = exactly(args)?;
    Ok(string(change(&text(first), &text(second))))
}

fn ask(args: &[Value], test: impl Fn(&str, &str) -> bool) -> Result<Value> {
    let [first, second] = exactly(args)?;
    Ok(Value::Bool(test(&text(first), &text(second))))
}

fn trim_all(_: &Bridge, args: &[Value]) -> Result<Value> {
    two(args, |set, text| {
        text.trim_matches(|c| set.contains(c)).to_owned()
    })
}

/// The bytes between two positions, as text.
fn cut(text: &str, from: usize, to: usize) -> Value {
    let bytes = text.as_bytes().get(from..to).unwrap_or_default();
    string(as_characters(bytes))
}

fn start_of_words(text: &str, to_upper: bool) -> String {
    let mut is_start = true;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match (is_start, to_upper) {
            (true, true) => out.extend(c.to_uppercase()),
            (true, false) => out.extend(c.to_lowercase()),
            (false, _) => out.push(c),
        }
        is_start = !(c.is_alphanumeric() || c == '_' || c == '\'');
    }
    out
}

fn swap_case(c: char) -> char {
    let other = if c.is_uppercase() {
        c.to_lowercase().next()
    } else {
        c.to_uppercase().next()
    };
    other.unwrap_or(c)
}

/// `FirstName` and `first name` as `first_name`.
fn joined_words(text: &str, between: &str) -> String {
    let mut out = String::new();
    let letters: Vec<char> = text.chars().collect();
    for (i, c) in letters.iter().copied().enumerate() {
        if !c.is_alphanumeric() {
            if !out.is_empty() && !out.ends_with(between) {
                out.push_str(between);
            }
            continue;
        }
        let before = i.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(i + 1);
        let ends_word = before.is_some_and(|before| before.is_lowercase() || before.is_numeric())
            || (before.is_some_and(|before| before.is_uppercase())
                && after.is_some_and(|after| after.is_lowercase()));
        if c.is_uppercase() && ends_word && !out.ends_with(between) {
            out.push_str(between);
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// `http_server` as `HttpServer`.
fn camel_case(text: &str) -> String {
    let mut is_start = true;
    let mut out = String::new();
    for c in text.chars() {
        if matches!(c, '_' | '-' | '.') || c.is_whitespace() {
            is_start = true;
        } else if is_start {
            out.extend(c.to_uppercase());
            is_start = false;
        } else {
            out.push(c);
        }
    }
    out
}

/// Text cut to a width, with dots where something was left out.
fn abbreviate(text: &str, from: usize, width: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if width < 4 || (from > 0 && width < 7) || letters.len() <= width {
        return text.to_owned();
    }
    let taken = |from: usize, count: usize| letters.iter().skip(from).take(count).collect::<String>();
    let from = from.min(letters.len());
    if from <= 4 {
        return format!("{}...", taken(0, width - 3));
    }
    if from + width - 3 >= letters.len() {
        return format!("...{}", taken(letters.len() + 3 - width, width));
    }
    format!("...{}...", taken(from, width - 6))
}

/// Lines of at most a width, broken between words.
fn wrap(text: &str, width: usize, line_end: &str) -> Result<String> {
    check_length(text.len().saturating_mul(1 + line_end.len()))?;
    let mut out = String::new();
    let mut length = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let size = word.chars().count();
        if length > 0 && length + 1 + size > width.max(1) {
            out.push_str(line_end);
            length = 0;
        } else if length > 0 {
            out.push(' ');
            length += 1;
        }
        out.push_str(word);
        length += size;
    }
    Ok(out)
}

fn indent(args: &[Value]) -> Result<String> {
    let (count, text) = (count_at(args, 0)?, text_at(args, 1)?);
    let lines = text.split('\n').count();
    check_length(text.len().saturating_add(lines.saturating_mul(count)))?;
    let blanks = " ".repeat(count);
    Ok(format!("{blanks}{}", text.replace('\n', &format!("\n{blanks}"))))
}

/// The pieces of a text; `limit` below 0 means all, otherwise the last piece is the rest.
fn pieces(text: &str, between: &str, limit: i64) -> Vec<Value> {
    let limit = match usize::try_from(limit) {
        Ok(0) => return Vec::new(),
        Ok(limit) => limit.min(super::bridge::MAX_ITEMS),
        Err(_) => super::bridge::MAX_ITEMS,
    };
    if between.is_empty() {
        let mut letters: Vec<Value> = text.chars().take(limit).map(|c| string(c.to_string())).collect();
        if let Some((at, _)) = text.char_indices().nth(limit.saturating_sub(1))
            && letters.len() == limit
        {
            letters.pop();
            letters.push(string(text.get(at..).unwrap_or_default()));
        }
        return letters;
    }
    text.splitn(limit, between).map(string).collect()
}

/// A dict `_0`, `_1` …
fn numbered(pieces: Vec<Value>) -> Result<Value> {
    let pieces = pieces.into_iter().enumerate();
    Ok(new_map(
        pieces.map(|(i, piece)| (format!("_{i}").into(), piece)).collect(),
    ))
}
