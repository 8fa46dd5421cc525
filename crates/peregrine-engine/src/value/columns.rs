//! Shared, ordered lists of names: the keys of a dict, the columns of a row.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rustc_hash::FxHashMap;

use super::Str;

/// Up to this many names, a linear search is faster than a hash.
const LINEAR: usize = 8;

/// An ordered list of distinct names. Rows of one query share one list.
#[derive(Debug)]
pub struct Columns {
    /// Identifies this list for caches; 0 means "never cache".
    id: u32,
    names: Vec<Str>,
    index: Option<FxHashMap<Str, u32>>,
    beyond: Option<Arc<Beyond>>,
}

/// Names a list responds to without showing them.
#[derive(Debug)]
pub(crate) struct Beyond {
    /// Another spelling of a shown name: `("ModTime", "Mtime")`.
    aliases: &'static [(&'static str, &'static str)],
    /// Names that the object behind a row responds to.
    members: &'static [&'static str],
    is_silent: bool,
    /// The shown names only.
    shown: Arc<Columns>,
}

impl Columns {
    /// The list of these names; of repeated names the first counts.
    pub fn new<N: Into<Str>>(names: impl IntoIterator<Item = N>) -> Arc<Columns> {
        let mut columns = Columns::empty();
        for name in names {
            let name = name.into();
            if columns.position(name.as_bytes()).is_none() {
                columns.push(name);
            }
        }
        Arc::new(columns)
    }

    /// The list of these names if they are distinct; otherwise the names.
    pub(crate) fn of_distinct(names: Vec<Str>) -> Result<Arc<Columns>, Vec<Str>> {
        let mut columns = Columns {
            id: 0,
            names,
            index: None,
            beyond: None,
        };
        let names = &columns.names;
        let is_distinct = if names.len() <= LINEAR {
            (1..names.len()).all(|at| !names[..at].contains(&names[at]))
        } else {
            columns.reindex();
            columns
                .index
                .as_ref()
                .is_some_and(|index| index.len() == columns.names.len())
        };
        if !is_distinct {
            return Err(columns.names);
        }
        columns.id = next_id();
        Ok(Arc::new(columns))
    }

    /// For derives: the list of these names, with more names it responds to. `aliases` are other spellings,
    /// each with the shown name; `members` are the names of the object behind a row; with `is_silent`, asking
    /// such a row for an unknown name logs no message.
    #[must_use]
    pub fn with_beyond(
        names: &[&'static str],
        aliases: &'static [(&'static str, &'static str)],
        members: &'static [&'static str],
        is_silent: bool,
    ) -> Arc<Columns> {
        let shown = Columns::new(names.iter().copied());
        if aliases.is_empty() && members.is_empty() && !is_silent {
            return shown;
        }
        let mut columns = Columns::clone(&shown);
        columns.beyond = Some(Arc::new(Beyond {
            aliases,
            members,
            is_silent,
            shown,
        }));
        Arc::new(columns)
    }

    /// The list of these names, with the unshown names of another list.
    pub(crate) fn new_over(names: Vec<Str>, beyond: &Arc<Beyond>) -> Arc<Columns> {
        let mut columns = Columns::clone(&Columns::new(names));
        columns.beyond = Some(Arc::clone(beyond));
        Arc::new(columns)
    }

    /// The names it responds to without showing them.
    pub(crate) fn beyond(&self) -> Option<&Arc<Beyond>> {
        self.beyond.as_ref()
    }

    /// The empty list.
    #[must_use]
    pub fn empty() -> Columns {
        Columns {
            id: next_id(),
            names: Vec::new(),
            index: None,
            beyond: None,
        }
    }

    /// A number that is unique among the lists of this process, or 0.
    #[inline]
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The names in order.
    #[must_use]
    pub fn names(&self) -> &[Str] {
        &self.names
    }

    /// The number of names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// True when there are no names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The position of a name.
    #[must_use]
    pub fn position(&self, name: &[u8]) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).map(|position| *position as usize),
            None => self.names.iter().position(|known| known.as_bytes() == name),
        }
    }

    /// The position of the value that a name refers to: a shown name, or another spelling of one.
    #[must_use]
    pub fn answer_position(&self, name: &[u8]) -> Option<usize> {
        self.position(name).or_else(|| self.alias_position(name))
    }

    /// The position of the name that this one is another spelling of.
    #[inline]
    pub(crate) fn alias_position(&self, name: &[u8]) -> Option<usize> {
        let mut aliases = self.beyond.as_ref()?.aliases.iter();
        let (_, shown) = aliases.find(|(alias, _)| alias.as_bytes() == name)?;
        self.position(shown.as_bytes())
    }

    /// Names that it responds to without showing them.
    pub(crate) fn unshown(&self) -> impl Iterator<Item = &'static str> {
        let beyond = self.beyond.as_deref();
        let aliases = beyond.map_or(&[][..], |beyond| beyond.aliases);
        let members = beyond.map_or(&[][..], |beyond| beyond.members);
        aliases
            .iter()
            .map(|(alias, _)| *alias)
            .chain(members.iter().copied())
    }

    /// True for a name that the object behind a row responds to.
    #[must_use]
    pub(crate) fn is_member(&self, name: &[u8]) -> bool {
        self.beyond
            .as_ref()
            .is_some_and(|beyond| beyond.members.iter().any(|member| member.as_bytes() == name))
    }

    /// True when asking for an unknown name logs no message.
    #[must_use]
    pub(crate) fn is_silent(&self) -> bool {
        self.beyond.as_ref().is_some_and(|beyond| beyond.is_silent)
    }

    /// The list of the shown names, if this list responds to more.
    #[inline]
    pub(crate) fn shown(&self) -> Option<&Arc<Columns>> {
        self.beyond.as_ref().map(|beyond| &beyond.shown)
    }

    /// The position of a name, ignoring ASCII and Unicode case.
    #[must_use]
    pub fn position_ignoring_case(&self, name: &[u8]) -> Option<usize> {
        let wanted = fold_case(name);
        self.names.iter().position(|known| fold_case(known) == wanted)
    }

    /// The position of a name spelled `build_time` for a query that asks for `BuildTime`: only letters and
    /// digits count.
    #[must_use]
    pub(crate) fn position_of_field(&self, name: &[u8]) -> Option<usize> {
        let letters = |name: &[u8]| {
            let mut letters = fold_case(name);
            letters.retain(|byte| *byte != b'_');
            letters
        };
        let wanted = letters(name);
        self.names.iter().position(|known| letters(known) == wanted)
    }

    /// Appends a new name.
    pub(crate) fn push(&mut self, name: Str) {
        self.id = next_id();
        let position = self.names.len() as u32;
        self.names.push(name.clone());
        if let Some(index) = &mut self.index {
            index.insert(name, position);
        } else if self.names.len() > LINEAR {
            self.reindex();
        }
    }

    /// Removes the name at a position.
    pub(crate) fn remove(&mut self, position: usize) {
        self.id = next_id();
        self.names.remove(position);
        if self.index.is_some() {
            self.reindex();
        }
    }

    fn reindex(&mut self) {
        let pairs = self
            .names
            .iter()
            .enumerate()
            .map(|(i, name)| (name.clone(), i as u32));
        self.index = Some(pairs.collect());
    }
}

impl Clone for Columns {
    fn clone(&self) -> Columns {
        Columns {
            id: next_id(),
            names: self.names.clone(),
            index: self.index.clone(),
            beyond: self.beyond.clone(),
        }
    }
}

impl PartialEq for Columns {
    fn eq(&self, other: &Columns) -> bool {
        self.names == other.names
    }
}

/// A name in lower case; bytes that are not UTF-8 are kept, so that names that differ in them stay distinct.
#[must_use]
pub fn fold_case(name: &[u8]) -> Vec<u8> {
    let mut folded = Vec::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        folded.extend_from_slice(chunk.valid().to_lowercase().as_bytes());
        folded.extend_from_slice(chunk.invalid());
    }
    folded
}

fn next_id() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    // After 2^32 lists, numbers would repeat and caches would be wrong: from then on nothing is cached.
    NEXT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |id| {
        (id != 0).then(|| id.wrapping_add(1))
    })
    .unwrap_or(0)
}
