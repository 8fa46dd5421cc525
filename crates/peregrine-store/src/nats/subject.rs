//! Subject names: `peregrine.<deployment>.<topic>`.

/// Kind of an incoming message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// A message on this topic.
    Topic(String),
    /// Another bus lost messages: everybody reads again from the database.
    Resync,
    /// Some bus checks whether its messages come back.
    Probe,
}

/// A last part that cannot be a topic: [`encode`] never produces a `$`.
const RESYNC: &str = "$resync";
const PROBE: &str = "$probe";

/// The subjects of one deployment; several may share a server.
#[derive(Debug)]
pub(super) struct Subjects {
    prefix: String,
}

impl Subjects {
    pub(super) fn new(deployment: &str) -> Subjects {
        Subjects {
            prefix: format!("peregrine.{}.", encode(deployment)),
        }
    }

    /// Matches all of them, for a subscription.
    pub(super) fn all(&self) -> String {
        format!("{}*", self.prefix)
    }

    pub(super) fn topic(&self, topic: &str) -> String {
        format!("{}{}", self.prefix, encode(topic))
    }

    pub(super) fn resync(&self) -> String {
        format!("{}{RESYNC}", self.prefix)
    }

    pub(super) fn probe(&self) -> String {
        format!("{}{PROBE}", self.prefix)
    }

    /// Parses a subject; `None` if this program would not have made it.
    pub(super) fn read(&self, subject: &str) -> Option<Incoming> {
        match subject.strip_prefix(&self.prefix)? {
            RESYNC => Some(Incoming::Resync),
            PROBE => Some(Incoming::Probe),
            topic => Some(Incoming::Topic(decode(topic)?)),
        }
    }
}

/// Stands for the empty text, because parts of a subject cannot be empty.
const EMPTY: &str = "%";

/// Encodes a text as one part of a subject: plain characters stay, other bytes become `%` and two digits.
fn encode(text: &str) -> String {
    if text.is_empty() {
        return EMPTY.to_owned();
    }
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn decode(encoded: &str) -> Option<String> {
    if encoded == EMPTY {
        return Some(String::new());
    }
    percent_decode(encoded)
}

/// Decodes a text in which bytes may be written as `%` and two digits.
pub(super) fn percent_decode(encoded: &str) -> Option<String> {
    let mut parts = encoded.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_one_part_of_a_subject_and_comes_back() {
        let subjects = Subjects::new("a.b");
        for topic in [
            "tasks",
            "",
            "%",
            "a.b.>",
            "* \r\n\t",
            "ü\u{0}$resync",
            "%41",
            "$probe",
        ] {
            let subject = subjects.topic(topic);
            let part = subject.strip_prefix("peregrine.a%2Eb.").unwrap();
            let is_plain = |byte: u8| byte.is_ascii_graphic() && !b".*>$".contains(&byte);
            assert!(!part.is_empty() && part.bytes().all(is_plain), "{subject}");
            assert_eq!(
                subjects.read(&subject),
                Some(Incoming::Topic(topic.to_owned())),
                "{subject}"
            );
        }
        assert_eq!(subjects.read(&subjects.resync()), Some(Incoming::Resync));
        assert_eq!(subjects.read(&subjects.probe()), Some(Incoming::Probe));
    }

    #[test]
    fn what_nobody_made_is_nothing() {
        let subjects = Subjects::new("a");
        for subject in [
            "peregrine.a.%4",
            "peregrine.a.x%zz",
            "peregrine.a.%FF",
            "peregrine.b.tasks",
        ] {
            assert_eq!(subjects.read(subject), None, "{subject}");
        }
    }
}
