//! Names in a bucket: objects have their keys; names with a leading dot, which no key has, belong to the store itself.

use super::parts::Part;
use crate::objects::ObjectKey;
use crate::{Error, Result};
use object_store::path::Path;

/// Longest name that S3, Google and Azure all keep (bytes).
const MAX_NAME: usize = 1024;

/// Names below a folder of the bucket.
pub(super) struct Names {
    folder: Path,
}

impl Names {
    pub(super) fn below(folder: Path) -> Names {
        Names { folder }
    }

    /// Path of a sealed object.
    pub(super) fn object(&self, key: &ObjectKey) -> Result<Path> {
        self.path(key.as_str())
    }

    /// Prefix of all parts of objects at and below a key.
    pub(super) fn parts(&self, key: &ObjectKey) -> Result<Path> {
        self.path(&format!(".parts/{key}"))
    }

    /// Prefix of the parts of one object, apart from those of objects below it.
    pub(super) fn attempts(&self, key: &ObjectKey) -> Result<Path> {
        self.path(&format!(".parts/{key}/.attempts"))
    }

    /// Path of one part. Paths sort by attempt, then offset.
    pub(super) fn part(&self, key: &ObjectKey, attempt: u32, offset: u64) -> Result<Path> {
        self.path(&format!(".parts/{key}/.attempts/{attempt:010}-{offset:020}"))
    }

    /// A name that sorts directly before a part.
    pub(super) fn before(&self, key: &ObjectKey, part: Part) -> Result<Path> {
        match part.offset.checked_sub(1) {
            Some(offset) => self.part(key, part.attempt, offset),
            None => self.path(&format!(".parts/{key}/.attempts/{:010}-", part.attempt)),
        }
    }

    /// Path of an object written to check permissions.
    pub(super) fn probe(&self, nonce: u64) -> Result<Path> {
        self.path(&format!(".probe/{nonce:016x}"))
    }

    /// Folder of the probes.
    pub(super) fn probes(&self) -> Result<Path> {
        self.path(".probe")
    }

    /// The key of a sealed object; `None` for anything else in the bucket.
    pub(super) fn key(&self, path: &Path) -> Option<ObjectKey> {
        let name = match self.folder.as_ref() {
            "" => path.as_ref(),
            folder => path.as_ref().strip_prefix(folder)?.strip_prefix('/')?,
        };
        ObjectKey::parse(name).ok()
    }

    fn path(&self, name: &str) -> Result<Path> {
        let full = match self.folder.as_ref() {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        };
        if full.len() > MAX_NAME {
            return Err(Error::NameTooLong {
                bytes: full.len(),
                most: MAX_NAME,
            });
        }
        Path::parse(full).map_err(|_| Error::BadName(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_sort_as_parts_do_and_no_key_meets_them() {
        let names = Names::below(Path::from("a/b"));
        let key = ObjectKey::new(&["clients", "C.1"]);
        let first = names.part(&key, 9, 0).unwrap();
        let later = names.part(&key, 9, 1000).unwrap();
        let newer = names.part(&key, 10, 0).unwrap();
        assert!(first < later && later < newer);
        let part = |offset| Part {
            attempt: 9,
            offset,
            size: 1,
        };
        assert!(names.before(&key, part(0)).unwrap() < first);
        assert!(names.part(&key, 8, u64::MAX).unwrap() < names.before(&key, part(0)).unwrap());
        let before = names.before(&key, part(1000)).unwrap();
        assert!(first < before && before < later);

        assert_eq!(names.key(&names.object(&key).unwrap()), Some(key.clone()));
        assert_eq!(names.key(&first), None);
        assert_eq!(names.key(&Path::from("a/bc/d")), None, "beside the folder");
        let hostile = ObjectKey::new(&[".parts", "clients", "C.1", ".attempts"]);
        assert!(!names.object(&hostile).unwrap().as_ref().contains("/.parts"));
    }

    #[test]
    fn a_name_no_store_keeps_is_refused_before_it_is_sent() {
        let long = "x".repeat(180);
        let key = ObjectKey::new(&[long.as_str(); 6]);
        assert!(matches!(
            Names::below(Path::default()).object(&key),
            Err(Error::NameTooLong { bytes: 1085, .. })
        ));
    }
}
