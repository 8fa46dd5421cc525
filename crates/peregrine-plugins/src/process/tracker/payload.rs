//! What the tracker keeps of a process: the dict that `Data` shows.

use peregrine_engine::Context;
use peregrine_engine::prelude::*;
use peregrine_tracker::Payload;
use std::sync::LazyLock;

/// The `data` of a process.
#[derive(Debug)]
pub(crate) struct ProcessData(pub(crate) Dict);

/// A scope for encoding plain values, which needs nothing of it.
static BARE: LazyLock<Scope> = LazyLock::new(|| Scope::root(&Context::builder().build(), Dict::new()));

/// Events keep 8 KiB of the arguments, lists more: from this length on one may be the beginning of the other.
const MAY_BE_CUT: usize = 8000;

impl ProcessData {
    /// Whether both say the same in every member.
    pub(crate) fn is_equal(&self, other: &ProcessData) -> bool {
        let encoded = |data: &ProcessData| {
            let mut bytes = Vec::new();
            data.encode(&mut bytes);
            bytes
        };
        encoded(self) == encoded(other)
    }

    pub(super) fn text(&self, name: &str) -> Option<Str> {
        let text = self.0.get(name)?.as_str().cloned();
        text.filter(|text| !text.is_empty())
    }
}

impl Payload for ProcessData {
    fn encode(&self, out: &mut Vec<u8>) {
        peregrine_engine::json::write_value(&BARE, &Value::Dict(self.0.clone()), out);
    }

    fn decode(bytes: &[u8]) -> Option<ProcessData> {
        match peregrine_engine::json::parse(bytes) {
            Ok(Value::Dict(dict)) => Some(ProcessData(dict)),
            _ => None,
        }
    }

    fn size(&self) -> usize {
        let heap: usize = self
            .0
            .values()
            .iter()
            .map(|value| value.as_str().map_or(24, |text| 24 + text.len()))
            .sum();
        128 + heap
    }

    fn is_same_image(&self, other: &ProcessData) -> bool {
        // A name alone also changes when a thread renames itself.
        let either = |name: &str, is_same: fn(&str, &str) -> bool| match (self.text(name), other.text(name)) {
            (Some(left), Some(right)) => is_same(&left.as_utf8_lossy(), &right.as_utf8_lossy()),
            _ => true,
        };
        either("Exe", is_same_file) && either("CommandLine", is_same_line)
    }
}

/// A program replaced on disk, as by an update, is shown as deleted while it runs on.
fn is_same_file(left: &str, right: &str) -> bool {
    let name = |path: &str| path.strip_suffix(" (deleted)").unwrap_or(path).len();
    left.get(..name(left)) == right.get(..name(right))
}

fn is_same_line(left: &str, right: &str) -> bool {
    let (short, long) = if left.len() <= right.len() {
        (left, right)
    } else {
        (right, left)
    };
    // A cut within a letter leaves a replacement for it.
    let short_cut = short.trim_end_matches('\u{fffd}');
    short == long || (short.len() >= MAY_BE_CUT && long.starts_with(short_cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(exe: &str, line: &str) -> ProcessData {
        ProcessData(Dict::from_pairs([("Exe", exe), ("CommandLine", line)]))
    }

    #[test]
    fn an_updated_file_and_cut_arguments_are_the_same_image() {
        let long = "x".repeat(9000);
        let sshd = data("/usr/sbin/sshd", "sshd -D");
        for (left, right, is_same) in [
            (&sshd, &data("/usr/sbin/sshd (deleted)", "sshd -D"), true),
            (&sshd, &data("/usr/sbin/ssh", "sshd -D"), false),
            (&sshd, &data("/usr/sbin/sshd", "sshd -D -e"), false),
            (&sshd, &data("", ""), true),
            (&data("", &long), &data("", &long[..8192]), true),
            (
                &data("", &long),
                &data("", &format!("{}\u{fffd}", &long[..8190])),
                true,
            ),
            (&data("", &long), &data("", &format!("{}y", &long[..8190])), false),
        ] {
            assert_eq!(left.is_same_image(right), is_same, "{right:?}");
            assert_eq!(right.is_same_image(left), is_same, "{right:?}");
            assert!(!left.is_equal(right));
        }
    }
}
