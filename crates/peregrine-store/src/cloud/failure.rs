//! Error messages for administrators. They never contain access keys.

use crate::Error;
use object_store::Error as StoreError;
use std::error::Error as _;

/// Most bytes of a store's own message.
const MAX_DETAIL: usize = 400;

/// The address as configured; it contains no secrets.
#[derive(Debug, Clone)]
pub(super) struct StoreAddress(pub(super) String);

impl StoreAddress {
    /// An error in our own words.
    pub(super) fn trouble(&self, what: &str) -> Error {
        Error::Objects(format!("`{}`: {what}", self.0))
    }

    /// An error of the store while `doing` something.
    pub(super) fn failed(&self, doing: &str, error: &StoreError) -> Error {
        let what = match error {
            StoreError::NotFound { .. } => {
                format!("cannot {doing}: no such bucket; create it, or correct `Datastore.objects`")
            }
            StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => format!(
                "cannot {doing}: access denied{}; check the access key in `Datastore.object_options` (or in the environment), and that it \
                 may read, write, list and delete in this bucket",
                code(error).map(|code| format!(" ({code})")).unwrap_or_default()
            ),
            _ => format!("cannot {doing}: {}", detail(error)),
        };
        self.trouble(&what)
    }
}

/// The error code of S3 or Azure.
fn code(error: &StoreError) -> Option<String> {
    let text = error.to_string();
    let (code, _) = text.split_once("<Code>")?.1.split_once("</Code>")?;
    let is_word =
        !code.is_empty() && code.len() < 80 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word.then(|| code.to_owned())
}

/// The first message and the last cause; those in between only repeat them.
fn detail(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(|cause| cause.source()) {
        cause = Some(deeper);
    }
    if let Some(last) = cause.map(ToString::to_string)
        && !text.contains(&last)
    {
        text = format!("{text}: {last}");
    }
    let mut text = text.replace(['\n', '\r'], " ");
    if text.len() > MAX_DETAIL {
        text.truncate(text.floor_char_boundary(MAX_DETAIL));
        text.push('…');
    }
    text
}
