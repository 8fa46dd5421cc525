//! [`OsPath`]: a path as components, with its dialect and, inside a container, its delegate.

use crate::{Dialect, Pathspec, Result};
use peregrine_engine::prelude::Str;
use std::sync::Arc;

/// A path, parsed once. It becomes text only when printed or passed to the system.
#[derive(Debug, Clone)]
pub struct OsPath {
    components: Arc<[Str]>,
    dialect: Dialect,
    /// The container that contains this path; its `path` member is not used.
    delegate: Option<Arc<Pathspec>>,
}

impl OsPath {
    /// A path of given components.
    #[must_use]
    pub fn new(dialect: Dialect, components: Vec<Str>) -> OsPath {
        OsPath {
            components: Arc::from(components),
            dialect,
            delegate: None,
        }
    }

    /// Parses text in a dialect. In all dialects except the raw one it may also be a JSON pathspec.
    pub fn parse(dialect: Dialect, text: &[u8]) -> Result<OsPath> {
        let spec = match dialect {
            Dialect::Raw => None,
            // No other path starts in this way.
            Dialect::Pathspec if text.starts_with(b"{") => Some(Pathspec::parse(text)),
            _ => Pathspec::recognise(text),
        };
        if let Some(spec) = spec {
            return Ok(Self::from_pathspec(dialect, &spec?));
        }
        Ok(Self::new(
            dialect,
            dialect.split(text).into_iter().map(Str::from).collect(),
        ))
    }

    /// The path of a pathspec: its `Path` in this dialect, inside its container.
    #[must_use]
    pub fn from_pathspec(dialect: Dialect, spec: &Pathspec) -> OsPath {
        let components: Vec<Str> = dialect.split(&spec.path).into_iter().map(Str::from).collect();
        let has_delegate = !spec.delegate_accessor.is_empty() || !spec.container().is_empty();
        let delegate = has_delegate.then(|| {
            Arc::new(Pathspec {
                path: Str::EMPTY,
                ..spec.clone()
            })
        });
        OsPath {
            components: Arc::from(components),
            dialect,
            delegate,
        }
    }

    /// The same path inside a container.
    #[must_use]
    pub(crate) fn inside(self, delegate: Pathspec) -> OsPath {
        OsPath {
            delegate: Some(Arc::new(delegate)),
            ..self
        }
    }

    #[must_use]
    pub fn components(&self) -> &[Str] {
        &self.components
    }

    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The container, if the path is inside one.
    #[must_use]
    pub fn delegate(&self) -> Option<&Pathspec> {
        self.delegate.as_deref()
    }

    /// The last component; empty for the root.
    #[must_use]
    pub fn basename(&self) -> Str {
        self.components.last().cloned().unwrap_or_else(|| Str::from(""))
    }

    /// The path without its last component.
    #[must_use]
    pub fn dirname(&self) -> OsPath {
        let kept = self.components.len().saturating_sub(1);
        self.with_components(self.components.iter().take(kept).cloned().collect())
    }

    /// A path with other components, but the same dialect and container.
    #[must_use]
    pub fn with_components(&self, components: Vec<Str>) -> OsPath {
        OsPath {
            components: Arc::from(components),
            dialect: self.dialect,
            delegate: self.delegate.clone(),
        }
    }

    /// A path with the same components and container, written in another dialect.
    #[must_use]
    pub fn in_dialect(&self, dialect: Dialect) -> OsPath {
        OsPath {
            dialect,
            ..self.clone()
        }
    }

    /// This path with one more component.
    #[must_use]
    pub fn child(&self, name: Str) -> OsPath {
        OsPath {
            components: self.components.iter().cloned().chain([name]).collect(),
            dialect: self.dialect,
            delegate: self.delegate.clone(),
        }
    }

    /// This path with more components.
    #[must_use]
    pub fn join(&self, more: impl IntoIterator<Item = Str>) -> OsPath {
        let mut components: Vec<Str> = self.components.to_vec();
        components.extend(more);
        self.with_components(components)
    }

    /// The components as text, without the container.
    #[must_use]
    pub fn path_bytes(&self) -> Vec<u8> {
        self.dialect.join(self.components.iter().map(|part| &part[..]))
    }

    /// The whole path: plain text, or JSON when it is inside a container.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.delegate {
            None => self.path_bytes(),
            Some(_) => self.pathspec().to_json(),
        }
    }

    /// Like [`Self::to_bytes`], for messages.
    #[must_use]
    pub fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.to_bytes()).into_owned()
    }

    /// The pathspec form.
    #[must_use]
    pub fn pathspec(&self) -> Pathspec {
        let path = if self.components.is_empty() && self.delegate.is_some() {
            Str::EMPTY
        } else {
            Str::from(self.path_bytes())
        };
        let mut spec = self.delegate.as_deref().cloned().unwrap_or_default();
        spec.path = path;
        spec
    }

    /// True when it has components or a container.
    #[must_use]
    pub fn is_present(&self) -> bool {
        !self.components.is_empty() || self.delegate.is_some()
    }

    /// Equal components (by the dialect's case rule) in equal containers.
    #[must_use]
    pub fn same_as(&self, other: &OsPath) -> bool {
        let same = |left: &Str, right: &Str| {
            if self.dialect.ignores_case() {
                left.eq_ignore_ascii_case(right)
            } else {
                left == right
            }
        };
        self.delegate == other.delegate
            && self.components.len() == other.components.len()
            && self
                .components
                .iter()
                .zip(other.components.iter())
                .all(|(left, right)| same(left, right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_print_plainly_and_delegates_as_json() {
        let plain = OsPath::parse(Dialect::Linux, b"/usr/bin/ls").unwrap();
        assert_eq!(plain.to_text(), "/usr/bin/ls");
        assert_eq!(plain.dirname().to_text(), "/usr/bin");
        assert_eq!(plain.basename().as_utf8_lossy(), "ls");
        let inner = br#"{"DelegateAccessor":"file","DelegatePath":"/a.zip","Path":"x/y"}"#;
        let inner = OsPath::parse(Dialect::Linux, inner).unwrap();
        assert_eq!(
            inner.child(Str::from("z")).to_text(),
            r#"{"DelegateAccessor":"file","DelegatePath":"/a.zip","Path":"/x/y/z"}"#
        );
    }

    #[test]
    fn windows_paths_compare_without_case() {
        let parse = |text: &str| OsPath::parse(Dialect::Windows, text.as_bytes()).unwrap();
        assert!(parse(r"C:\Windows").same_as(&parse(r"c:\WINDOWS")));
        let parse = |text: &str| OsPath::parse(Dialect::Linux, text.as_bytes()).unwrap();
        assert!(!parse("/A").same_as(&parse("/a")));
    }
}
