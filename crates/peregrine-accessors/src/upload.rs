//! Where the files of a query go: [`Uploader`] is the seam between `upload()` and the agent or the command line.

use crate::OsPath;
use parking_lot::Mutex;
use peregrine_engine::prelude::{Scope, Stop, VqlResult};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// What is known of a file before it is sent.
#[derive(Debug, Clone)]
pub struct UploadFile {
    /// The accessor it was read with; `auto` when the query named none.
    pub accessor: String,
    /// The path to store it under.
    pub name: OsPath,
    /// The size it should have.
    pub expected_size: u64,
    /// Nanoseconds since 1970, 0 where a time is not known.
    pub times: UploadTimes,
}

/// Times of a file, in nanoseconds since 1970; 0 where a time is not known.
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
    /// The components of the name as text. Bytes that are not UTF-8 are percent-encoded, so that names stay apart.
    #[must_use]
    pub fn components(&self) -> Vec<String> {
        self.name
            .components()
            .iter()
            .map(|component| text(component))
            .collect()
    }

    /// The name as text, encoded as its components are.
    #[must_use]
    pub fn stored_name(&self) -> String {
        text(&self.name.to_bytes())
    }
}

fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// Takes files out of queries.
pub trait Uploader: Send + Sync {
    /// Starts a file.
    fn begin(&self, scope: &Scope, file: UploadFile) -> VqlResult<Box<dyn Upload>>;
}

/// A file on its way. Dropped before [`Upload::finish`], it never arrives.
pub trait Upload {
    /// Its number among the uploads, from 0.
    fn id(&self) -> i64;

    /// The next piece of its content, at most [`UPLOAD_PIECE`] bytes; may wait.
    fn write(&mut self, scope: &Scope, piece: &[u8]) -> VqlResult<()>;

    /// Its end. `is_whole` is false when the rest could not be read. Gives the path under which it can be found now, if
    /// that is another than its own.
    fn finish(self: Box<Self>, scope: &Scope, is_whole: bool) -> VqlResult<Option<String>>;
}

/// Files are uploaded in pieces of so many bytes.
pub const UPLOAD_PIECE: usize = 1 << 20;

/// The uploader of a query, to be put into its context as an extension, and what was uploaded already.
#[derive(Clone)]
pub struct UploaderHandle {
    /// Takes the files.
    pub uploader: Arc<dyn Uploader>,
    /// Remembers them, so that none is sent twice.
    pub ledger: Arc<UploadLedger>,
}

impl UploaderHandle {
    /// An uploader that was not used yet.
    #[must_use]
    pub fn new(uploader: Arc<dyn Uploader>) -> UploaderHandle {
        UploaderHandle {
            uploader,
            ledger: Arc::default(),
        }
    }
}

/// What came of an upload.
#[derive(Debug, Clone)]
pub struct Uploaded {
    /// Its number.
    pub id: i64,
    /// Bytes sent.
    pub size: u64,
    /// Where it can be found, if not under its own path.
    pub path: Option<String>,
    /// SHA-256 of what was sent.
    pub sha256: [u8; 32],
    /// MD5 of what was sent.
    pub md5: [u8; 16],
    /// Why the rest could not be read.
    pub error: Option<String>,
}

/// The uploads of a query or flow, by accessor and name. An entry is small: a query may upload many files.
#[derive(Default)]
pub struct UploadLedger(Mutex<HashMap<(String, Vec<u8>), Entry>>);

type Entry = Arc<Mutex<Option<Uploaded>>>;

/// How often who waits for another's upload looks whether it should end itself.
const PATIENCE: Duration = Duration::from_millis(100);

impl UploadLedger {
    /// The upload of this accessor and name, by `upload` if it was not made before. While one query uploads a file,
    /// others that want the same wait. A failed upload is not remembered.
    pub fn once(
        &self,
        scope: &Scope,
        file: &UploadFile,
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
        if let Some(known) = known.as_ref() {
            return Ok(known.clone());
        }
        let made = upload()?;
        *known = Some(made.clone());
        Ok(made)
    }
}
