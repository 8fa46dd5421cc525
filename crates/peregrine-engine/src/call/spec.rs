//! Descriptions of functions and plugins, for the manual, completion and checks.

/// One argument.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArgSpec {
    /// Its name in a call.
    pub name: &'static str,
    /// Its type as the manual names it.
    pub type_name: &'static str,
    /// True if a call without it fails.
    pub required: bool,
    /// True if it takes a list.
    pub repeated: bool,
    /// True if it takes any names not listed (`dict(a=1)`).
    pub rest: bool,
    /// The default as source text, if it has one.
    pub default: Option<&'static str>,
    /// What it means.
    pub doc: &'static str,
}

/// One column of a plugin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColumnSpec {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub doc: &'static str,
}

/// Describes a column of a plugin whose rows are objects.
#[must_use]
pub const fn shown(name: &'static str, doc: &'static str) -> ColumnSpec {
    ColumnSpec { name, doc }
}

/// The chapters of the manual, named by the variants in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
#[allow(missing_docs)]
pub enum Category {
    Control,
    Logic,
    Collections,
    Strings,
    Math,
    Time,
    Encode,
    Crypto,
    Parsers,
    Process,
    FileSystem,
    Net,
    Linux,
    Windows,
    Macos,
    Events,
    Detect,
    Server,
    Utils,
    Experimental,
}

impl Category {
    /// Its name as text.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The value of a call that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// NULL.
    Null,
    /// FALSE.
    False,
}

/// A set of operating systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Platforms(u8);

impl Platforms {
    /// Linux.
    pub const LINUX: Platforms = Platforms(1);
    /// Windows.
    pub const WINDOWS: Platforms = Platforms(2);
    /// macOS.
    pub const MACOS: Platforms = Platforms(4);
    /// FreeBSD.
    pub const FREEBSD: Platforms = Platforms(8);
    /// Everywhere.
    pub const ALL: Platforms = Platforms(15);

    /// The union of both sets.
    #[must_use]
    pub const fn or(self, other: Platforms) -> Platforms {
        Platforms(self.0 | other.0)
    }

    /// True when all of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Platforms) -> bool {
        self.0 & other.0 == other.0
    }

    /// The system this program was built for.
    #[must_use]
    pub const fn current() -> Platforms {
        if cfg!(target_os = "windows") {
            Platforms::WINDOWS
        } else if cfg!(target_os = "macos") {
            Platforms::MACOS
        } else if cfg!(target_os = "freebsd") {
            Platforms::FREEBSD
        } else {
            Platforms::LINUX
        }
    }

    /// Their names as the manual writes them.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        [
            (Platforms::LINUX, "linux"),
            (Platforms::WINDOWS, "windows"),
            (Platforms::MACOS, "darwin"),
            (Platforms::FREEBSD, "freebsd"),
        ]
        .into_iter()
        .filter(|(platform, _)| self.contains(*platform))
        .map(|(_, name)| name)
        .collect()
    }
}
