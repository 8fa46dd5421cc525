//! `parse_records_with_regex()`: rows from regular expression matches.

use std::io::Read;

use peregrine_accessors::{PathList, accessor};
use peregrine_engine::prelude::*;
use peregrine_engine::regex::{Captures, Haystack};

use super::lines::{buffer_size, open_or_log};

/// Searches files for regular expressions, ignoring case, and yields the groups of each match as a row.
///
/// At each place, the first expression that matches counts. Named groups become columns of that name, others
/// `g1`, `g2`…
#[derive(VqlArgs)]
pub struct Args {
    /// The files.
    file: PathList,
    /// The regular expressions.
    regex: Vec<Str>,
    /// The accessor to read them with.
    accessor: Option<String>,
    /// Number of bytes searched at a time; the longest possible match.
    #[arg(default = 64 << 10)]
    buffer_size: i64,
}

pub struct ParseRecordsWithRegex;

impl Plugin for ParseRecordsWithRegex {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "parse_records_with_regex";
    const CATEGORY: Category = Category::Parsers;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "groups",
            r"SELECT Name, Id FROM parse_records_with_regex(accessor='data', file='bob=1, al=2', regex='(?P<Name>[a-z]+)=(?P<Id>\\d)')",
            r#"[{"Name":"bob","Id":"1"},{"Name":"al","Id":"2"}]"#,
        ),
        example(
            "several expressions",
            r"SELECT A, B FROM parse_records_with_regex(accessor='data', file='x1', regex=['(?P<A>\\d)', '(?P<B>z)'])",
            r#"[{"A":"1","B":""}]"#,
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let files = accessor(scope, args.accessor.as_deref().unwrap_or_default())
            .map_err(|error| error.to_string())?;
        let regexes: Vec<Regex> = args
            .regex
            .iter()
            .map(Regex::cached_ignoring_case)
            .collect::<Result<_, _>>()?;
        let limit = buffer_size(args.buffer_size);
        let names = names(&regexes);
        let columns = Columns::new(std::iter::once("FullPath".to_owned()).chain(names.iter().cloned()));
        for path in args.file.resolve(scope, files.as_ref()) {
            let Some(mut reader) = open_or_log(scope, Self::NAME, files.as_ref(), &path) else {
                continue;
            };
            let mut buffer = Vec::new();
            let mut is_at_end = false;
            loop {
                scope.checkpoint()?;
                let haystack = Haystack::new(&buffer);
                let mut start = 0;
                // Start of the bytes that may still belong to a match.
                let keep_from = loop {
                    let rest = haystack.tail(start);
                    let found = regexes
                        .iter()
                        .find_map(|regex| Some((regex, regex.captures(&rest)?)));
                    let length = rest.bytes().len();
                    let Some((regex, groups)) = found else {
                        break start + if length >= limit { length / 2 } else { 0 };
                    };
                    let range = groups.range(0).unwrap_or_default();
                    // A match at the end of the buffer may continue in the file, unless it fills the buffer.
                    if !is_at_end && range.end >= length && length < limit {
                        break start + range.start;
                    }
                    let cells = names.iter().map(|name| Value::str(group(regex, &groups, name)));
                    let cells = std::iter::once(Value::from(&path)).chain(cells).collect();
                    rows.push(Row::new(&columns, cells))?;
                    start += range.end + usize::from(range.is_empty());
                    if start >= buffer.len() {
                        break buffer.len();
                    }
                    scope.checkpoint()?;
                };
                if is_at_end {
                    break;
                }
                buffer.drain(..keep_from.min(buffer.len()));
                let wanted = limit.saturating_sub(buffer.len()).max(1) as u64;
                match reader.as_mut().take(wanted).read_to_end(&mut buffer) {
                    Ok(length) => is_at_end = length == 0,
                    Err(error) => {
                        let path = path.to_text();
                        scope.log_line(&format!("parse_records_with_regex: `{path}`: {error}"));
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The text of a column in a match; empty if the group does not exist or took no part.
fn group<'t>(regex: &Regex, groups: &Captures<'_, 't>, name: &str) -> &'t [u8] {
    let number = name.strip_prefix('g').and_then(|number| number.parse().ok());
    let found = match number {
        Some(number) if is_unnamed(regex, number) => groups.get(number),
        _ => groups.name(name),
    };
    found.unwrap_or_default()
}

/// The columns of all expressions, each once.
fn names(regexes: &[Regex]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for regex in regexes {
        for (number, name) in regex.capture_names().enumerate().skip(1) {
            let name = name.map_or_else(|| format!("g{number}"), str::to_owned);
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

fn is_unnamed(regex: &Regex, number: usize) -> bool {
    regex.capture_names().nth(number) == Some(None)
}
