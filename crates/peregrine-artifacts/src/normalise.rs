//! Repairs common YAML mistakes: a missing `|` after `query:`, list items that are bare VQL.
//!
//! Only the structure of the document is repaired: the content of literal blocks is not changed.

/// The repaired text, and the origin of its lines.
pub(crate) struct Normalised {
    /// The text for the YAML parser.
    pub(crate) text: String,
    /// Lines of `text` (from 1) that were inserted, ascending.
    inserted: Vec<u32>,
}

impl Normalised {
    /// The line of the original text for a line of the repaired one, both from 1.
    pub(crate) fn original_line(&self, line: u32) -> u32 {
        let before = self.inserted.partition_point(|&inserted| inserted <= line);
        line.saturating_sub(u32::try_from(before).unwrap_or(u32::MAX))
    }
}

/// Repairs `raw`.
pub(crate) fn normalise(raw: &str) -> Normalised {
    let mut out = Normalised {
        text: String::with_capacity(raw.len() + 64),
        inserted: Vec::new(),
    };
    let mut number = 0u32;
    let mut block: Option<usize> = None;
    for line in raw.split_inclusive('\n') {
        number += 1;
        let has_end = line.ends_with('\n');
        let line = line.trim_end_matches('\n');
        let line = line.strip_suffix('\r').unwrap_or(line);
        if let Some(owner) = block {
            if line.trim().is_empty() || indent(line) > owner {
                push(&mut out.text, line, has_end);
                continue;
            }
            block = None;
        }
        if let Some(text) = bare_vql_item(line) {
            let dash = indent(line);
            push(&mut out.text, &format!("{}- |", &line[..dash]), true);
            push(&mut out.text, &format!("{}  {text}", &line[..dash]), has_end);
            out.inserted.push(number + 1);
            number += 1;
            block = Some(dash);
        } else if is_bare_vql_key(line) {
            push(&mut out.text, &format!("{} |", line.trim_end()), has_end);
            block = Some(owner_column(line));
        } else {
            push(&mut out.text, line, has_end);
            if opens_block(line) {
                block = Some(owner_column(line));
            }
        }
    }
    out
}

fn push(text: &mut String, line: &str, has_end: bool) {
    text.push_str(line);
    if has_end {
        text.push('\n');
    }
}

pub(crate) fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The VQL of `- SELECT …`, `- LET …` or `- // …`.
fn bare_vql_item(line: &str) -> Option<&str> {
    let item = line
        .trim_start_matches(' ')
        .strip_prefix("- ")?
        .trim_start_matches(' ');
    let starts = |word: &str| {
        item.get(..word.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    (starts("SELECT ") || starts("LET ") || starts("//")).then_some(item)
}

/// `query:` or `precondition:` without a value on its line.
fn is_bare_vql_key(line: &str) -> bool {
    let key = line.trim_start_matches([' ', '-']).trim_end();
    key.eq_ignore_ascii_case("query:") || key.eq_ignore_ascii_case("precondition:")
}

/// True if the line ends in the header of a literal or folded block: `key: |`, `- >-`.
pub(crate) fn opens_block(line: &str) -> bool {
    let line = line.trim_end();
    let line = line.split(" #").next().unwrap_or(line).trim_end();
    let header = line.rsplit([' ', '\t']).next().unwrap_or(line);
    let mut rest = header.chars();
    if !matches!(rest.next(), Some('|' | '>')) || !rest.all(|c| c.is_ascii_digit() || c == '+' || c == '-') {
        return false;
    }
    let before = line[..line.len() - header.len()].trim_end();
    before.ends_with(':') || before.ends_with('-')
}

/// The content of a block must be indented by more than this: the column of its key, or of the dash if it is
/// itself a list item.
pub(crate) fn owner_column(line: &str) -> usize {
    let mut column = indent(line);
    let mut rest = &line[column..];
    while let Some(after) = rest.strip_prefix("- ") {
        let after_spaces = after.trim_start_matches(' ');
        if after_spaces.starts_with(['|', '>']) {
            break;
        }
        column += rest.len() - after_spaces.len();
        rest = after_spaces;
    }
    column
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, expected: &str) {
        assert_eq!(normalise(raw).text, expected);
    }

    #[test]
    fn a_missing_bar_is_added() {
        check(
            "- query:\n    SELECT 1\nprecondition:  \n  SELECT 2\n",
            "- query: |\n    SELECT 1\nprecondition: |\n  SELECT 2\n",
        );
    }

    #[test]
    fn bare_list_items_become_blocks_and_lines_stay_known() {
        let normalised =
            normalise("queries:\r\n  - SELECT * FROM a\r\n    WHERE x\r\n  - LET x = 1\r\nname: y");
        assert_eq!(
            normalised.text,
            "queries:\n  - |\n    SELECT * FROM a\n    WHERE x\n  - |\n    LET x = 1\nname: y"
        );
        let lines: Vec<_> = (1..=7).map(|line| normalised.original_line(line)).collect();
        assert_eq!(lines, [1, 2, 2, 3, 4, 4, 5]);
    }

    #[test]
    fn blocks_are_left_alone() {
        let text = "description: |\n  - Select one\n\n  query:\nx: >-\n    - let it be\nsources:\n- query: |\n    // c\n  name: a\n";
        check(text, text);
    }

    #[test]
    fn words_that_only_begin_like_vql_are_text() {
        check("- letter\n- \"SELECT\"\n", "- letter\n- \"SELECT\"\n");
    }
}
