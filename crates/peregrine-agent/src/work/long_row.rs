//! Shortens a row that no message can hold: long cells are cut, and the row itself says so.

use std::fmt::Write as _;

/// Bytes reserved for the notes in a row.
const NOTES: usize = 32 << 10;
/// Maximum number of columns; a row with more loses the rest.
const MAX_COLUMNS: usize = 10_000;
/// Number of cut columns that are named.
const NAMED: usize = 20;
const NAME_LENGTH: usize = 100;
/// Arrays and objects are shortened inside down to this depth.
const DEPTH: usize = 8;
/// Bytes of the shortest form of a cell without its name: `:null,`, or a few letters.
const LEAST_CELL: usize = 16;

/// A row that was cut.
pub(crate) struct CutRow {
    pub(crate) json: Vec<u8>,
    /// A description of what was cut.
    pub(crate) note: String,
}

/// Cuts a row, a JSON object without a line end, to at most `limit` bytes. It keeps as many columns as
/// possible, and short cells unchanged; `_Truncated` lists the columns that lost something, with sizes, and
/// `_Error` describes it.
pub(crate) fn cut(json: &[u8], limit: usize) -> CutRow {
    let inner = json.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
    let mut members: Vec<(&[u8], &[u8])> = Vec::new();
    let mut dropped = 0_u64;
    let budget = limit.saturating_sub(NOTES);
    let mut least = 0;
    for piece in Pieces(inner.unwrap_or_default()) {
        let member = name_and_value(piece);
        least += member.map_or(0, |(name, _)| name.len() + LEAST_CELL);
        match member {
            Some(member) if members.len() < MAX_COLUMNS && least <= budget => members.push(member),
            _ => dropped += 1,
        }
    }
    let most = longest_cell(&members, budget);
    let mut cut = Vec::with_capacity(limit.min(json.len()));
    cut.push(b'{');
    let mut losses: Vec<(&[u8], usize, usize)> = Vec::new();
    for (name, value) in members {
        cut.extend_from_slice(name);
        cut.push(b':');
        let start = cut.len();
        if value.len() <= most {
            cut.extend_from_slice(value);
        } else {
            cut_value(value, most, DEPTH, &mut cut);
            losses.push((name, value.len(), cut.len() - start));
        }
        cut.push(b',');
    }
    let note = note(json.len(), limit, &losses, dropped);
    let named: Vec<serde_json::Value> = losses
        .iter()
        .take(NAMED)
        .map(|(name, size, kept)| serde_json::json!({"Column": shown(name), "Size": size, "Kept": kept}))
        .collect();
    let truncated = serde_json::Value::from(named);
    let error = serde_json::Value::from(note.as_str());
    cut.extend_from_slice(format!("\"_Truncated\":{truncated},\"_Error\":{error}}}").as_bytes());
    CutRow { json: cut, note }
}

/// The length to which cells are cut so that all of them fit.
fn longest_cell(members: &[(&[u8], &[u8])], budget: usize) -> usize {
    let size = |most: usize| -> usize {
        members
            .iter()
            .map(|(name, value)| name.len() + 2 + value.len().min(most.max(LEAST_CELL - 2)))
            .sum()
    };
    let (mut low, mut high) = (0, budget);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if size(middle) <= budget {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

fn note(size: usize, limit: usize, losses: &[(&[u8], usize, usize)], dropped: u64) -> String {
    let mut text = format!(
        "the row of {size} bytes is larger than a message to the server may be ({limit} bytes), and was cut:"
    );
    for (name, size, kept) in losses.iter().take(NAMED) {
        let _ = write!(text, " `{}` from {size} to {kept} bytes;", shown(name));
    }
    if losses.len() > NAMED {
        let _ = write!(text, " {} more columns;", losses.len() - NAMED);
    }
    if dropped > 0 {
        let _ = write!(text, " {dropped} columns are missing;");
    }
    text.push_str(" upload() takes content of any size");
    text
}

/// A name in quotes, for messages.
fn shown(name: &[u8]) -> String {
    let name: String = serde_json::from_slice(name).unwrap_or_default();
    name.chars().take(NAME_LENGTH).collect()
}

/// A member of an object: its name in quotes, and its value.
fn name_and_value(piece: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = string_end(piece)?;
    let (name, rest) = piece.split_at_checked(end)?;
    Some((name, rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii()))
}

/// Appends as much of a value as fits into `most` bytes, as valid JSON.
fn cut_value(value: &[u8], most: usize, depth: usize, to: &mut Vec<u8>) {
    if value.len() <= most {
        to.extend_from_slice(value);
        return;
    }
    match value.first() {
        Some(b'"') if most >= 2 => {
            let text = value.get(..whole_letters(value, most - 1)).unwrap_or(b"\"");
            to.extend_from_slice(text);
            to.push(b'"');
        }
        Some(b'[') if most >= 2 && depth > 0 => cut_list(value, b']', most, depth, to),
        Some(b'{') if most >= 2 && depth > 0 => cut_list(value, b'}', most, depth, to),
        _ => to.extend_from_slice(b"null"),
    }
}

/// Appends the first elements or members that fit, and a part of the next.
fn cut_list(list: &[u8], end: u8, most: usize, depth: usize, to: &mut Vec<u8>) {
    let start = to.len();
    to.extend(list.first());
    let inner = list.get(1..list.len().saturating_sub(1)).unwrap_or_default();
    for piece in Pieces(inner) {
        let comma = usize::from(to.len() > start + 1);
        let room = most.saturating_sub(to.len() - start + comma + 1);
        if piece.len() <= room {
            to.extend(std::iter::repeat_n(b',', comma));
            to.extend_from_slice(piece);
            continue;
        }
        let (head, value) = match end {
            b']' => (&b""[..], piece),
            _ => name_and_value(piece).unwrap_or((b"", b"")),
        };
        let colon = usize::from(!head.is_empty());
        if !value.is_empty() && room >= head.len() + colon + LEAST_CELL {
            to.extend(std::iter::repeat_n(b',', comma));
            to.extend_from_slice(head);
            to.extend(std::iter::repeat_n(b':', colon));
            cut_value(value, room - head.len() - colon, depth - 1, to);
        }
        break;
    }
    to.push(end);
}

/// The end of the text of a JSON string within its first `most` bytes, such that no character and no escape
/// is cut.
fn whole_letters(string: &[u8], most: usize) -> usize {
    let mut at = 1;
    loop {
        let rest = string.get(at..).unwrap_or_default();
        let length = match rest {
            // A pair of escapes that makes one character.
            [
                b'\\',
                b'u',
                b'd' | b'D',
                b'8'..=b'9' | b'a'..=b'b' | b'A'..=b'B',
                ..,
            ] => 12,
            [b'\\', b'u', ..] => 6,
            [b'\\', ..] => 2,
            [0xf0..=0xff, ..] => 4,
            [0xe0..=0xef, ..] => 3,
            [0xc0..=0xdf, ..] => 2,
            [b'"', ..] | [] => return at,
            _ => 1,
        };
        if at + length > most {
            return at;
        }
        at += length;
    }
}

/// The end of the string at the start of a text, including its quotes.
fn string_end(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The parts of an array or object between its commas, without its brackets.
struct Pieces<'a>(&'a [u8]);

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let (mut depth, mut at) = (0_usize, 0);
        while let Some(letter) = self.0.get(at) {
            match letter {
                b'"' => {
                    at += string_end(self.0.get(at..).unwrap_or_default()).unwrap_or(self.0.len());
                    continue;
                }
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth = depth.saturating_sub(1),
                b',' if depth == 0 => break,
                _ => {}
            }
            at += 1;
        }
        let at = at.min(self.0.len());
        let (piece, rest) = self.0.split_at(at);
        self.0 = rest.strip_prefix(b",").unwrap_or(rest);
        Some(piece.trim_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const LIMIT: usize = 100_000;

    fn cut_json(row: &Value) -> (Value, String) {
        let text = row.to_string();
        let cut = cut(text.as_bytes(), LIMIT);
        assert!(cut.json.len() <= LIMIT, "{} bytes", cut.json.len());
        (serde_json::from_slice(&cut.json).unwrap(), cut.note)
    }

    #[test]
    fn long_cells_are_cut_and_short_ones_kept() {
        let list: Vec<u64> = (0..50_000).collect();
        let (row, note) = cut_json(&json!({
            "Pid": 7, "Data": "ä\n😀".repeat(40_000), "Path": "/etc, \"x\"", "List": list, "Deep": {"a": {"b": "x".repeat(300_000)}},
        }));
        assert_eq!((&row["Pid"], &row["Path"]), (&json!(7), &json!("/etc, \"x\"")));
        let data = row["Data"].as_str().unwrap();
        assert!(data.len() > 15_000 && "ä\n😀".repeat(40_000).starts_with(data));
        let kept = row["List"].as_array().unwrap();
        assert!(kept.len() > 2000 && kept[..2000] == list[..2000]);
        assert!(row["Deep"]["a"]["b"].as_str().unwrap().len() > 15_000);
        let named = row["_Truncated"].as_array().unwrap();
        assert_eq!(
            named.iter().map(|cut| &cut["Column"]).collect::<Vec<_>>(),
            ["Data", "List", "Deep"]
        );
        assert_eq!(named[2]["Size"], 300_014);
        assert!(
            note.contains("`Data` from") && note.contains("to") && row["_Error"] == note.as_str(),
            "{note}"
        );
    }

    #[test]
    fn a_row_of_too_many_columns_keeps_the_first() {
        let row: Value = (0..30_000).map(|n| (format!("column{n}"), json!(n))).collect();
        let (row, note) = cut_json(&row);
        assert_eq!(row["column1000"], 1000);
        assert!(note.contains("columns are missing"), "{note}");
        let (row, _) = cut_json(&json!({ "n".repeat(LIMIT): 1, "b": 2 }));
        assert!(row["_Error"].is_string());
    }

    proptest::proptest! {
        #[test]
        fn what_is_left_is_json_within_the_limit(
            texts in proptest::collection::vec("(\\PC|[\"\\\\\n\u{1}\u{10ffff}]){0,300}", 1..40), limit in 33_000_usize..40_000,
        ) {
            let nested = json!({"long": texts.concat().repeat(9), "list": texts, "deep": [[[texts], {"x": texts}]], "n": 1.5});
            let cut = cut(nested.to_string().as_bytes(), limit);
            proptest::prop_assert!(cut.json.len() <= limit);
            let row: Value = serde_json::from_slice(&cut.json).unwrap();
            proptest::prop_assert!(row["_Truncated"].is_array());
        }
    }
}
