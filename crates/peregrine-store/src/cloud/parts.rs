//! The parts of an object under construction, and where their chain ends.

use super::Inner;
use crate::Result;
use crate::objects::ObjectKey;
use futures_util::StreamExt;
use object_store::ObjectMeta;
use std::collections::HashMap;

/// The bytes of one append, as listed by the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Part {
    /// How often the object was started over before.
    pub(super) attempt: u32,
    pub(super) offset: u64,
    pub(super) size: u64,
}

impl Part {
    /// Offset of the next part.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }

    fn listed(meta: &ObjectMeta) -> Option<Part> {
        let (attempt, offset) = meta.location.filename()?.split_once('-')?;
        Some(Part {
            attempt: attempt.parse().ok()?,
            offset: offset.parse().ok()?,
            size: meta.size,
        })
    }
}

/// The chain of the newest attempt that has a beginning: its parts in order, up to the first gap. Parts without a
/// beginning are leftovers that a seal or a newer attempt has yet to delete. Up to the part `known`, the chain is known
/// to have no gap.
pub(super) fn chain(listed: &[Part], known: Option<Part>) -> Vec<Part> {
    let mut chain: Vec<Part> = Vec::new();
    for part in listed {
        let follows = |last: &Part| last.attempt == part.attempt && last.end() == part.offset;
        if part.offset == 0 || Some(*part) == known {
            chain = vec![*part];
        } else if chain.last().is_some_and(follows) {
            chain.push(*part);
        }
    }
    chain
}

/// Most objects whose last part is remembered. Others are listed from the beginning.
const MAX_ENDS: usize = 10_000;

/// Last known parts of chains.
#[derive(Default)]
pub(super) struct Ends(HashMap<ObjectKey, Part>);

impl Ends {
    pub(super) fn get(&self, key: &ObjectKey) -> Option<Part> {
        self.0.get(key).copied()
    }

    pub(super) fn set(&mut self, key: &ObjectKey, part: Part) {
        if self.0.len() >= MAX_ENDS && !self.0.contains_key(key) {
            self.0.clear();
        }
        self.0.insert(key.clone(), part);
    }

    pub(super) fn forget(&mut self, key: &ObjectKey) {
        self.0.remove(key);
    }

    pub(super) fn forget_below(&mut self, key: &ObjectKey) {
        let folder = format!("{key}/");
        self.0
            .retain(|one, _| one != key && !one.as_str().starts_with(&folder));
    }
}

impl Inner {
    /// All parts of an object, in order.
    pub(super) async fn all_parts(&self, key: &ObjectKey) -> Result<Vec<Part>> {
        let below = self.names.attempts(key)?;
        self.listed(self.store.list(Some(&below))).await
    }

    /// The last part of the current chain, if there is one.
    pub(super) async fn last_part(&self, key: &ObjectKey) -> Result<Option<Part>> {
        let known = self.ends.lock().get(key);
        if let Some(known) = known {
            let (below, before) = (self.names.attempts(key)?, self.names.before(key, known)?);
            let listed = self
                .listed(self.store.list_with_offset(Some(&below), &before))
                .await?;
            // A part is only stored directly after another. So while the known one exists, those before it do, too.
            if listed.first() == Some(&known) {
                return Ok(chain(&listed, Some(known)).last().copied());
            }
        }
        Ok(chain(&self.all_parts(key).await?, None).last().copied())
    }

    async fn listed(
        &self,
        mut metas: futures_util::stream::BoxStream<'static, object_store::Result<ObjectMeta>>,
    ) -> Result<Vec<Part>> {
        let mut parts = Vec::new();
        while let Some(meta) = metas.next().await {
            let meta = meta.map_err(|error| self.place.failed("list", &error))?;
            parts.extend(Part::listed(&meta));
        }
        parts.sort_unstable();
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(attempt: u32, offset: u64, size: u64) -> Part {
        Part {
            attempt,
            offset,
            size,
        }
    }

    #[test]
    fn a_chain_ends_at_its_first_hole_and_the_newest_with_a_beginning_counts() {
        let whole = [part(1, 0, 3), part(1, 3, 2), part(1, 5, 9)];
        assert_eq!(chain(&whole, None), whole);
        assert_eq!(chain(&[part(1, 0, 3), part(1, 5, 9)], None), [part(1, 0, 3)]);
        assert_eq!(chain(&whole[1..], None), [], "half deleted after a seal");
        let newer = [part(1, 0, 3), part(1, 3, 2), part(2, 0, 1), part(3, 7, 1)];
        assert_eq!(chain(&newer, None), [part(2, 0, 1)]);
        assert_eq!(chain(&[part(2, 0, 0)], None), [part(2, 0, 0)], "an empty file");
    }

    #[test]
    fn a_chain_goes_on_from_a_known_part() {
        let listed = [part(1, 3, 2), part(1, 5, 9)];
        assert_eq!(chain(&listed, Some(part(1, 3, 2))), listed);
        assert_eq!(
            chain(&listed, Some(part(1, 3, 4))),
            [],
            "another size: another part"
        );
        let newer = [part(1, 3, 2), part(2, 0, 1)];
        assert_eq!(chain(&newer, Some(part(1, 3, 2))), [part(2, 0, 1)]);
    }
}
