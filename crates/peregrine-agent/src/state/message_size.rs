//! Decides how large a message may be: larger ones never reach the buffer, because no server would take them.
//!
//! Servers read bodies of up to twice their `max_upload_size` and websocket frames of 10 MiB, and drop or cut
//! longer ones. Texts that are too long are shortened visibly, rows are cut where they are made
//! (`row_batch`), and everything else is refused here.

use peregrine_proto::{Message, VeloMessage};
use peregrine_wire::limits;

/// With a smaller limit, not even a piece of a file would fit.
const LEAST: usize = 2 << 20;
/// The most that encryption and the surrounding packet add.
const ENVELOPE: usize = 64 << 10;
/// Bytes kept of texts in a report that is too large.
const SHORT_TEXT: usize = 256;
/// Bytes kept of the text about a failure; servers keep no more.
const LONG_TEXT: usize = 8 << 10;

/// The largest message, for the server's `max_upload_size` from the configuration. It stays below the frame
/// limit, because servers that are not configured read 10,000,000 bytes.
#[must_use]
pub fn largest(max_upload_size: u64) -> usize {
    let body = usize::try_from(max_upload_size.saturating_mul(2)).unwrap_or(usize::MAX);
    body.clamp(LEAST, limits::FRAME / 10 * 9) - ENVELOPE
}

/// The message, shortened if necessary; the error says why it cannot be sent.
pub fn fit(mut message: VeloMessage, largest: usize) -> Result<VeloMessage, String> {
    let size = message.encoded_len();
    if size <= largest {
        return Ok(message);
    }
    if let Some(stats) = &mut message.flow_stats {
        for status in &mut stats.query_status {
            shorten(&mut status.error_message, SHORT_TEXT);
            shorten(&mut status.backtrace, SHORT_TEXT);
            status.names_with_response.clear();
        }
    }
    if message.encoded_len() <= largest {
        return Ok(message);
    }
    Err(format!(
        "a message of {size} bytes is larger than the server takes ({largest} bytes)"
    ))
}

/// A text about a failure, cut to what servers keep.
pub(crate) fn short_text(text: &str) -> String {
    let mut text = text.to_owned();
    shorten(&mut text, LONG_TEXT);
    text
}

/// Cuts a text to about `most` bytes and adds how long it was.
pub(crate) fn shorten(text: &mut String, most: usize) {
    let length = text.len();
    if length > most {
        text.truncate(text.floor_char_boundary(most));
        text.push_str(&format!("… (cut, {length} bytes in all)"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use peregrine_proto::{FileBuffer, FlowStats, VeloStatus};

    #[test]
    fn a_report_is_shortened_and_other_messages_are_refused() {
        assert!(largest(0) > 1 << 20 && largest(u64::MAX) < limits::FRAME);
        let status = VeloStatus {
            error_message: "ä".repeat(5000),
            names_with_response: vec!["A/B".into(); 1000],
            ..VeloStatus::default()
        };
        let report = VeloMessage {
            flow_stats: Some(FlowStats {
                query_status: vec![status; 300],
                ..FlowStats::default()
            }),
            ..VeloMessage::default()
        };
        let fitted = fit(report, largest(0)).unwrap();
        assert!(fitted.encoded_len() <= largest(0));
        let text = &fitted.flow_stats.as_ref().unwrap().query_status[299].error_message;
        assert!(text.starts_with("ää") && text.ends_with("(cut, 10000 bytes in all)"));

        let file = VeloMessage {
            file_buffer: Some(FileBuffer {
                data: vec![0; 3 << 20],
                ..FileBuffer::default()
            }),
            ..VeloMessage::default()
        };
        assert!(fit(file, largest(0)).is_err_and(|error| error.contains("3145")));
    }
}
