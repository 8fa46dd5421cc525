//! Turns rows as agents send them into chunks to store: every line is a JSON object, every chunk is small.
//!
//! Rows are inflated, checked and packed in pieces. [`Accounts`] bounds what a packet may grow to, whatever it claims: a
//! kilobyte can inflate to gigabytes, and a line of two bytes can become a row of sixty.

use super::accounts::{Accounts, Stop};
use flate2::bufread::ZlibDecoder;
use peregrine_proto::VqlResponse;
use peregrine_store::chunk::Chunk;
use peregrine_wire::Obfuscator;
use serde::de::IgnoredAny;
use std::io::{BufRead, BufReader, Read};

/// Bytes of text in a chunk; showing a page of a table unpacks a whole chunk.
const CHUNK: usize = 4 << 20;
/// Longest row that is kept, in bytes.
const MAX_ROW: usize = 64 << 20;
/// A packet with rows beyond this length needs a heavy turn.
const LARGE_ROW: usize = 4 << 20;
/// Cost of the row that replaces a damaged one, high enough that tiny damaged lines cannot multiply.
const DAMAGED_COST: u64 = 256;

/// Replaces a line that is not a JSON object, so that row numbers keep matching the agent's.
const DAMAGED: &[u8] = br#"{"_Error":"the agent sent a row that is not a JSON object"}"#;
/// Replaces the damaged lines that follow directly.
const DAMAGED_TOO: &[u8] = br#"{"_Error":"as before"}"#;
const TOO_LONG: &[u8] = br#"{"_Error":"the agent sent a row of more than 64 MiB, which was not kept"}"#;
const CUT: &[u8] = br#"{"_Error":"the agent sent damaged rows; what followed cannot be read"}"#;

/// The rows of a message, in the encoding it uses.
#[derive(Clone, Copy)]
pub(super) enum Payload<'a> {
    Compressed(&'a [u8]),
    Lines(&'a [u8]),
    /// One JSON list of objects, as old agents send it.
    List(&'a [u8]),
}

impl<'a> Payload<'a> {
    pub(super) fn of(response: &'a VqlResponse) -> Payload<'a> {
        if !response.compressed_json_response.is_empty() {
            Payload::Compressed(&response.compressed_json_response)
        } else if !response.jsonl_response.is_empty() || response.response.is_empty() {
            Payload::Lines(response.jsonl_response.as_bytes())
        } else {
            Payload::List(response.response.as_bytes())
        }
    }

    /// The first row, at most a megabyte of it; for rows the server itself interprets.
    pub(super) fn first_row(self) -> Vec<u8> {
        let mut line = Vec::new();
        let most = 1 << 20;
        let read = match self {
            Payload::Compressed(data) => {
                BufReader::new(ZlibDecoder::new(data).take(most)).read_until(b'\n', &mut line)
            }
            Payload::Lines(text) => text.take(most).read_until(b'\n', &mut line),
            Payload::List(text) => {
                line.extend(elements(text).next().unwrap_or_default());
                Ok(line.len())
            }
        };
        read.map(|_| line).unwrap_or_default()
    }
}

/// Receives chunks of rows, each with the number of its first row within the payload.
pub(super) type Emit<'a> = dyn FnMut(u64, Chunk) -> Result<(), Stop> + 'a;

/// Checks and packs all rows. `extra` is appended to each as its last members; `names` reveals obfuscated names.
pub(super) fn pack(
    payload: Payload<'_>,
    extra: Option<&str>,
    names: Option<&Obfuscator>,
    accounts: &mut Accounts,
    emit: &mut Emit<'_>,
) -> Result<(), Stop> {
    let mut pieces = Pieces {
        extra,
        names,
        accounts,
        emit,
        text: Vec::new(),
        rows: 0,
        sent: 0,
        was_damaged: false,
    };
    match payload {
        Payload::Compressed(data) => pieces.lines(BufReader::new(ZlibDecoder::new(data)))?,
        Payload::Lines(text) => pieces.lines_at_hand(text)?,
        Payload::List(text) => {
            for element in elements(text) {
                // Line ends within valid JSON are only whitespace.
                let line: Vec<u8> = element
                    .iter()
                    .map(|byte| {
                        if matches!(byte, b'\n' | b'\r') {
                            b' '
                        } else {
                            *byte
                        }
                    })
                    .collect();
                pieces.accounts.charge(line.len() as u64 + 1)?;
                pieces.line(&line)?;
            }
        }
    }
    pieces.flush()
}

struct Pieces<'a, 'e> {
    extra: Option<&'a str>,
    names: Option<&'a Obfuscator>,
    accounts: &'a mut Accounts,
    emit: &'a mut Emit<'e>,
    /// Lines of the chunk that is being filled.
    text: Vec<u8>,
    rows: u64,
    /// Rows in chunks that were emitted.
    sent: u64,
    was_damaged: bool,
}

impl Pieces<'_, '_> {
    fn lines(&mut self, mut reader: impl BufRead) -> Result<(), Stop> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut most = LARGE_ROW as u64;
            loop {
                match (&mut reader).take(most).read_until(b'\n', &mut line) {
                    Ok(0) if line.is_empty() => return Ok(()),
                    Ok(_) => {}
                    Err(_) => return self.push(CUT, DAMAGED_COST),
                }
                if line.last() == Some(&b'\n') || line.len() < LARGE_ROW || line.len() > MAX_ROW {
                    break;
                }
                let before = line.len() as u64;
                self.accounts.enter_gate()?;
                most = MAX_ROW as u64 + 1 - before;
                // End of the text: the last line has no line end.
                if reader.fill_buf().map_or(true, <[u8]>::is_empty) {
                    break;
                }
            }
            self.accounts.charge(line.len() as u64)?;
            if line.len() > MAX_ROW {
                line = Vec::new();
                self.skip_line(&mut reader)?;
                self.push(TOO_LONG, DAMAGED_COST)?;
                continue;
            }
            self.line(&line)?;
            if line.capacity() > LARGE_ROW {
                line = Vec::new();
            }
        }
    }

    /// As [`Self::lines`], but without copying lines.
    fn lines_at_hand(&mut self, text: &[u8]) -> Result<(), Stop> {
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            self.accounts.charge(line.len() as u64)?;
            if line.len() > LARGE_ROW {
                self.accounts.enter_gate()?;
            }
            if line.len() > MAX_ROW {
                self.push(TOO_LONG, DAMAGED_COST)?;
            } else {
                self.line(line)?;
            }
        }
        Ok(())
    }

    fn skip_line(&mut self, reader: &mut impl BufRead) -> Result<(), Stop> {
        loop {
            let Ok(buffer) = reader.fill_buf() else {
                return Ok(());
            };
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(buffer.len(), |at| at + 1);
            let is_over = end.is_some() || buffer.is_empty();
            reader.consume(count);
            self.accounts.charge(count as u64)?;
            if is_over {
                return Ok(());
            }
        }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Stop> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(());
        }
        let is_object = line.first() == Some(&b'{') && serde_json::from_slice::<IgnoredAny>(line).is_ok();
        match std::str::from_utf8(line) {
            Ok(text) if is_object => {
                self.was_damaged = false;
                match self.names {
                    // Revealed names contain only letters, digits, dots and slashes, so the text remains valid JSON.
                    Some(names) if text.contains('$') => self.push(names.reveal_within(text).as_bytes(), 0),
                    _ => self.push(line, 0),
                }
            }
            _ => {
                let row = if self.was_damaged { DAMAGED_TOO } else { DAMAGED };
                self.was_damaged = true;
                self.push(row, DAMAGED_COST)
            }
        }
    }

    fn push(&mut self, line: &[u8], cost: u64) -> Result<(), Stop> {
        self.accounts
            .charge_row(cost.max(self.extra.map_or(0, str::len) as u64))?;
        match (self.extra, line.strip_suffix(b"}")) {
            (Some(extra), Some(open)) => {
                self.text.extend_from_slice(open);
                if !open.trim_ascii_end().ends_with(b"{") {
                    self.text.push(b',');
                }
                self.text.extend_from_slice(extra.as_bytes());
                self.text.push(b'}');
            }
            _ => self.text.extend_from_slice(line),
        }
        self.text.push(b'\n');
        self.rows += 1;
        if self.text.len() >= CHUNK {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> Result<(), Stop> {
        if self.rows == 0 {
            return Ok(());
        }
        // Rows are bounded, so the text always fits a chunk; only a lack of memory fails here.
        let chunk = Chunk::pack(&self.text).map_err(|_| Stop::Spent)?;
        self.text.clear();
        self.text.shrink_to(CHUNK);
        let first = self.sent;
        self.sent += self.rows;
        self.rows = 0;
        (self.emit)(first, chunk)
    }
}

/// The elements of a JSON list as text, not validated; none if the text is not a list.
fn elements(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let inside = text
        .trim_ascii()
        .strip_prefix(b"[")
        .and_then(|text| text.strip_suffix(b"]"))
        .unwrap_or_default();
    let mut rest = Some(inside).filter(|inside| !inside.trim_ascii().is_empty());
    std::iter::from_fn(move || {
        let text = rest?;
        let (mut depth, mut in_string, mut is_escaped) = (0u64, false, false);
        for (at, byte) in text.iter().enumerate() {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if in_string => is_escaped = true,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth = depth.saturating_sub(1),
                b',' if depth == 0 => {
                    rest = text.get(at + 1..);
                    return text.get(..at).map(<[u8]>::trim_ascii);
                }
                _ => {}
            }
        }
        rest = None;
        Some(text.trim_ascii())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use peregrine_store::chunk::lines;
    use serde_json::{Value, json};

    /// Rows, first number and count of each chunk, and the result.
    type Packed = (Vec<Value>, Vec<(u64, u64)>, Result<(), Stop>);

    fn packed(payload: Payload<'_>, extra: Option<&str>) -> Packed {
        let (mut rows, mut pieces) = (Vec::new(), Vec::new());
        let outcome = pack(
            payload,
            extra,
            None,
            &mut Accounts::for_tests(64 << 20),
            &mut |first, chunk| {
                pieces.push((first, chunk.rows));
                let text = chunk.unpack().unwrap();
                rows.extend(lines(&text).map(|line| serde_json::from_slice::<Value>(line).unwrap()));
                Ok(())
            },
        );
        (rows, pieces, outcome)
    }

    #[test]
    fn lines_that_are_no_objects_keep_their_number() {
        let text = b"{\"a\":1}\nnonsense\n\n[1]\n{\"b\":}\n\xff\n{}\n";
        let (rows, ..) = packed(Payload::Lines(text), Some("\"_ts\":5"));
        assert_eq!(rows.len(), 6);
        assert_eq!(rows[0], json!({"a": 1, "_ts": 5}));
        assert!(rows[1]["_Error"].is_string() && rows[4]["_Error"].is_string());
        assert_eq!(rows[5], json!({"_ts": 5}));
    }

    #[test]
    fn a_list_is_taken_apart_like_lines() {
        let text = br#" [ {"a":"],[\"}"}, {"b":
            [1,{}]} , 7 ] "#;
        let (rows, ..) = packed(Payload::List(text), None);
        assert_eq!(rows[..2], [json!({"a": "],[\"}"}), json!({"b": [1, {}]})]);
        assert!(rows[2]["_Error"].is_string() && rows.len() == 3);
        for none in ["[]", "", "{}", "[ ]"] {
            assert!(
                packed(Payload::List(none.as_bytes()), None).0.is_empty(),
                "{none}"
            );
        }
    }

    #[test]
    fn much_becomes_several_chunks() {
        let text: String = (0..400_000).map(|n| format!("{{\"number\":{n}}}\n")).collect();
        let data = peregrine_wire::pack::compress(text.as_bytes());
        let (rows, pieces, outcome) = packed(Payload::Compressed(&data), None);
        assert!(outcome.is_ok() && pieces.len() > 1, "{pieces:?}");
        let mut next = 0;
        for (first, count) in pieces {
            assert_eq!(first, next);
            next += count;
        }
        assert_eq!(
            (rows.len(), &rows[399_999]),
            (400_000, &json!({"number": 399_999}))
        );
    }

    #[test]
    fn what_grows_without_end_is_stopped() {
        for (line, extra) in [
            ("x\n", None),
            ("{}\n", Some("\"_ts\":5")),
            ("\n", None),
            ("{\"a\":1}\n", None),
        ] {
            let data = peregrine_wire::pack::compress(line.repeat((90 << 20) / line.len()).as_bytes());
            let (mut bytes, mut count) = (0, 0);
            let outcome = pack(
                Payload::Compressed(&data),
                extra,
                None,
                &mut Accounts::for_tests(16 << 20),
                &mut |_, chunk| {
                    bytes += chunk.unpack().unwrap().len();
                    count += chunk.rows;
                    Ok(())
                },
            );
            assert_eq!(outcome, Err(Stop::Spent), "{line:?}");
            assert!(
                bytes <= 48 << 20 && count <= 4 << 20,
                "{line:?}: {count} rows, {bytes} bytes"
            );
        }
    }

    #[test]
    fn long_rows_are_kept_or_named() {
        let row = |length: usize| format!("{{\"a\":\"{}\"}}\n", "x".repeat(length));
        let text = row(10) + &row(6 << 20) + &row(MAX_ROW) + &row(11);
        let mut kinds = Vec::new();
        let outcome = pack(
            Payload::Lines(text.as_bytes()),
            None,
            None,
            &mut Accounts::for_tests(1 << 30),
            &mut |_, chunk| {
                let text = chunk.unpack().unwrap();
                kinds.extend(lines(&text).map(|line| (line.len(), line.starts_with(b"{\"_Error\""))));
                Ok(())
            },
        );
        assert!(outcome.is_ok());
        assert_eq!(kinds.len(), 4);
        assert_eq!(
            (kinds[0], kinds[1], kinds[3]),
            ((18, false), ((6 << 20) + 8, false), (19, false))
        );
        assert!(kinds[2].1);
    }

    #[test]
    fn damage_in_the_middle_keeps_what_came_before() {
        let text: String = (0..100_000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
        let mut data = peregrine_wire::pack::compress(text.as_bytes());
        data.truncate(data.len() / 2);
        let (rows, ..) = packed(Payload::Compressed(&data), None);
        assert_eq!(rows[0], json!({"n": 0}));
        assert!(rows.len() > 100 && rows[rows.len() - 1]["_Error"].is_string());
    }
}
