//! Destinations of files from queries: [`Uploader`] is the interface between `upload()` and the agent or the
//! command line.

use crate::OsPath;
use parking_lot::Mutex;
use peregrine_engine::prelude::{Scope, Stop, Str, VqlResult};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// Information about a file before it is sent.
#[derive(Debug, Clone)]
pub struct UploadFile {
    /// The accessor it was read with; `auto` when the query named none.
    pub accessor: String,
    /// The path to store it under.
    pub name: OsPath,
    /// The size it should have.
    pub expected_size: u64,
    /// Nanoseconds since 1970; 0 for unknown times.
    pub times: UploadTimes,
}

/// Times of a file, in nanoseconds since 1970; 0 if unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UploadTimes {
    /// Content changed.
    pub modified: i64,
    /// Content read.
    pub accessed: i64,
    /// Metadata changed.
    pub changed: i64,
    /// Created.
    pub born: i64,
}

impl UploadFile {
    /// The components of the name as text. Bytes that are not UTF-8 are percent-encoded, so that names stay
    /// distinct.
    #[must_use]
    pub fn components(&self) -> Vec<String> {
        self.name
            .components()
            .iter()
            .map(|component| text(component))
            .collect()
    }

    /// The name as text, encoded like its components.
    #[must_use]
    pub fn stored_name(&self) -> String {
        text(&self.name.to_bytes())
    }
}

fn text(bytes: &[u8]) -> String {
    let has_odd_bytes = std::str::from_utf8(bytes).is_err();
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        plain(chunk.valid(), has_odd_bytes, &mut text);
        for byte in chunk.invalid() {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// Appends text, with `%25` for each `%` that would read as the code of a byte that is not UTF-8: files named
/// `a%FF` and `a\xff` must not be stored under the same name. Names from web pages and the like, whose codes
/// are UTF-8, are not changed.
fn plain(valid: &str, has_odd_bytes: bool, text: &mut String) {
    let mut rest = valid;
    while let Some(at) = rest.find('%') {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let (codes, bytes) = run_of_codes(from);
        if codes == 0 {
            text.push('%');
            rest = from.strip_prefix('%').unwrap_or_default();
            continue;
        }
        let (run, after) = from.split_at(codes);
        if has_odd_bytes || std::str::from_utf8(&bytes).is_err() {
            text.push_str(&run.replace('%', "%25"));
        } else {
            text.push_str(run);
        }
        rest = after;
    }
    text.push_str(rest);
}

/// The length of the percent codes at the start of a text that could be read as bytes, and these bytes.
/// `%25FF` is encoded as `%2525FF`, so that also counts as a byte that is not UTF-8.
fn run_of_codes(text: &str) -> (usize, Vec<u8>) {
    let (mut length, mut bytes) = (0, Vec::new());
    loop {
        let rest = text.get(length..).unwrap_or_default();
        let Some(mut code) = rest.strip_prefix('%') else {
            break;
        };
        let is_escaped = code.starts_with("25");
        while let Some(after) = code.strip_prefix("25") {
            code = after;
        }
        let upper = |digit: &u8| digit.is_ascii_digit() || (b'A'..=b'F').contains(digit);
        let digits = code.get(..2).filter(|digits| digits.as_bytes().iter().all(upper));
        let Some(byte @ 0x80..) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else {
            break;
        };
        length = text.len() - code.len() + 2;
        bytes.push(if is_escaped { 0xff } else { byte });
    }
    (length, bytes)
}

/// Receives files from queries.
pub trait Uploader: Send + Sync {
    /// Starts a file.
    fn begin(&self, scope: &Scope, file: UploadFile) -> VqlResult<Box<dyn Upload>>;
}

/// A file being uploaded. If it is dropped before [`Upload::finish`], it never arrives.
pub trait Upload {
    /// Its number among the uploads, from 0.
    fn id(&self) -> i64;

    /// Sends the next piece of its content, at most [`UPLOAD_PIECE`] bytes; may wait.
    fn write(&mut self, scope: &Scope, piece: &[u8]) -> VqlResult<()>;

    /// Ends the upload. `is_whole` is false when the rest could not be read. Returns the path under which the
    /// file can now be found, if that differs from its own.
    fn finish(self: Box<Self>, scope: &Scope, is_whole: bool) -> VqlResult<Option<Str>>;
}

/// Maximum size in bytes of the pieces of an upload.
pub const UPLOAD_PIECE: usize = 1 << 20;

/// The uploader of a query, registered as an extension of its context, and the ledger of uploads made so far.
#[derive(Clone)]
pub struct UploaderHandle {
    /// Receives the files.
    pub uploader: Arc<dyn Uploader>,
    /// Remembers uploads, so that none is sent twice.
    pub ledger: Arc<UploadLedger>,
}

impl UploaderHandle {
    /// An uploader with an empty ledger.
    #[must_use]
    pub fn new(uploader: Arc<dyn Uploader>) -> UploaderHandle {
        UploaderHandle {
            uploader,
            ledger: Arc::default(),
        }
    }
}

/// The result of an upload.
#[derive(Debug, Clone)]
pub struct Uploaded {
    /// Its number.
    pub id: i64,
    /// Number of bytes sent.
    pub size: u64,
    /// Where it can be found, if not under its own path.
    pub path: Option<Str>,
    /// SHA-256 of the bytes sent.
    pub sha256: [u8; 32],
    /// MD5 of the bytes sent.
    pub md5: [u8; 16],
    /// Why the rest could not be read.
    pub error: Option<String>,
}

/// The uploads of a query or flow, by accessor and name. Entries are small, because a query may upload many
/// files.
#[derive(Default)]
pub struct UploadLedger(Mutex<HashMap<(String, Vec<u8>), Entry>>);

/// The result, and a digest of the source.
type Entry = Arc<Mutex<Option<(Uploaded, u64)>>>;

/// How often a wait for another query's upload checks whether it should end.
const PATIENCE: Duration = Duration::from_millis(100);

impl UploadLedger {
    /// The upload of this accessor and name, made by `upload` if it does not exist yet. While one query
    /// uploads a file, others that want the same one wait. A failed upload is not remembered. `source`
    /// identifies the content (its path, or the content itself): another source under the same name is not
    /// sent, and that is logged as an error.
    pub fn once(
        &self,
        scope: &Scope,
        file: &UploadFile,
        source: &[u8],
        upload: impl FnOnce() -> VqlResult<Uploaded>,
    ) -> VqlResult<Uploaded> {
        let key = (file.accessor.clone(), file.name.to_bytes());
        let entry = Arc::clone(self.0.lock().entry(key).or_default());
        let mut known = loop {
            if let Some(known) = entry.try_lock_for(PATIENCE) {
                break known;
            }
            if scope.cancellation().is_cancelled() {
                return Err(Stop.into());
            }
        };
        let source = digest(source);
        if let Some((known, from)) = known.as_ref() {
            if *from != source {
                scope.log_line(&format!(
                    "ERROR:upload: another file was sent as `{}` with the accessor `{}` before, so this one was not; give it \
                     another `name`",
                    file.stored_name(),
                    file.accessor
                ));
            }
            return Ok(known.clone());
        }
        let made = upload()?;
        *known = Some((made.clone(), source));
        Ok(made)
    }
}

fn digest(source: &[u8]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    source.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn stored_names_tell_bytes_apart_and_keep_what_is_text() {
        for (name, stored) in [
            (&b"plain 100% \xc3\xa9.txt"[..], "plain 100% é.txt"),
            (b"caf%C3%A9 %20 %2F.html", "caf%C3%A9 %20 %2F.html"),
            (b"a\xff", "a%FF"),
            (b"a%FF", "a%25FF"),
            (b"a%25FF", "a%2525FF"),
            (b"%C3%A9\xff", "%25C3%25A9%FF"),
            (b"%C3\xa9", "%25C3%A9"),
        ] {
            assert_eq!(text(name), stored);
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(4096))]
        #[test]
        fn no_two_names_are_stored_as_one(
            one in proptest::collection::vec(proptest::sample::select(b"%%25FC3A9\xff\xc3\xa9a".to_vec()), 0..7),
            other in proptest::collection::vec(proptest::sample::select(b"%%25FC3A9\xff\xc3\xa9a".to_vec()), 0..7),
        ) {
            proptest::prop_assert_eq!(one == other, text(&one) == text(&other));
            // Its stored name may be the name of another file.
            let stored = text(&one).into_bytes();
            proptest::prop_assert_eq!(stored == one, text(&stored) == text(&one));
        }
    }
}
