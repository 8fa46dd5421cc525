//! Keeps secret values out of a query's messages.
//!
//! Messages of functions quote their arguments: a path, a pattern, a piece of text. The server marks the
//! variables whose values are secret; these values are replaced before a message leaves the query.

use peregrine_artifacts::MARKER;
use peregrine_engine::log::{Level, LogSink};
use peregrine_proto::VqlCollectorArgs;
use std::borrow::Cow;
use std::sync::Arc;

/// Shorter values would match everywhere, and are easily guessed anyway.
const SHORTEST: usize = 4;
/// Messages quote the beginning of a long text; this many bytes of it are recognised.
const BEGINNING: usize = 16;

/// The secret values of a request.
#[derive(Clone)]
pub(crate) struct Secrets(Arc<[String]>);

impl Secrets {
    pub(crate) fn of(request: &VqlCollectorArgs) -> Secrets {
        let marked = request.env.iter().filter(|entry| entry.comment == "redacted");
        let mut values: Vec<String> = marked
            .map(|entry| entry.value.clone())
            .filter(|value| value.len() >= SHORTEST && value != MARKER)
            .collect();
        // One secret may be part of another.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Secrets(values.into())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text without the secrets.
    pub(crate) fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for secret in self.0.iter() {
            if let Some(masked) = mask(&text, secret) {
                text = Cow::Owned(masked);
            }
        }
        text
    }
}

/// `None` when there is nothing to mask.
fn mask(text: &str, secret: &str) -> Option<String> {
    let beginning = secret.get(..secret.floor_char_boundary(BEGINNING))?;
    let mut masked = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(beginning) {
        let (before, found) = rest.split_at(at);
        let shared = found.chars().zip(secret.chars()).take_while(|(a, b)| a == b);
        let length: usize = shared.map(|(letter, _)| letter.len_utf8()).sum();
        masked.push_str(before);
        masked.push_str(MARKER);
        rest = found.get(length..).unwrap_or_default();
    }
    if rest.len() == text.len() {
        return None;
    }
    masked.push_str(rest);
    Some(masked)
}

/// A log that receives messages without secrets.
pub(crate) struct MaskedLog {
    pub(crate) secrets: Secrets,
    pub(crate) log: Arc<dyn LogSink>,
}

impl LogSink for MaskedLog {
    fn log(&self, level: Level, message: &str) {
        self.log.log(level, &self.secrets.mask(message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use peregrine_proto::VqlEnv;

    #[test]
    fn secrets_and_their_beginnings_are_masked() {
        let env = |value: &str, comment: &str| VqlEnv {
            key: "A".into(),
            value: value.into(),
            comment: comment.into(),
        };
        let request = VqlCollectorArgs {
            env: vec![
                env("hunter2", "redacted"),
                env("hunter22", "redacted"),
                env("ab", "redacted"),
                env("a long secret é that is cut somewhere", "redacted"),
                env("public", ""),
            ],
            ..VqlCollectorArgs::default()
        };
        let secrets = Secrets::of(&request);
        let mask = |text| secrets.mask(text).into_owned();
        assert_eq!(
            mask("no `hunter2` in hunter22 and ab, public"),
            "no `XXXXX` in XXXXX and ab, public"
        );
        assert_eq!(mask("hunter2hunter2"), "XXXXXXXXXX");
        assert_eq!(mask("bad: a long secret é that ..."), "bad: XXXXX...");
        assert_eq!(mask("a long sec"), "a long sec");
        assert!(Secrets::of(&VqlCollectorArgs::default()).is_empty());
    }
}
