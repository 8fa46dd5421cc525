//! Invariants between calls, checked by tests and the fuzz body.

use crate::key::Key;
use crate::payload::Payload;
use crate::slot::{NONE, Parent};
use crate::store::Store;

/// Panics if the indexes disagree.
pub(crate) fn check<D: Payload>(store: &Store<D>) {
    assert!(store.slab.len() <= store.config.max_size.max(1), "memory bound");
    assert_eq!(
        store.by_pid.len(),
        store.slab.len(),
        "one place per record in the pid index"
    );
    assert_eq!(
        store.queue.len(),
        store.slab.len(),
        "one place per record in the queue"
    );
    let mut children = 0;
    let mut linked = 0;
    for (handle, slot) in store.slab.iter() {
        assert!(
            store
                .by_pid
                .contains(&Key::of_pid(&slot.id.pid, slot.start, handle)),
            "{} is indexed",
            slot.id
        );
        assert_eq!(
            (slot.rank_class, slot.rank_time),
            slot.wanted_rank(),
            "rank of {}",
            slot.id
        );
        assert!(
            store.queue.contains(&slot.queue_key(handle)),
            "{} is queued",
            slot.id
        );
        assert!(
            slot.images.is_sorted_by_key(|image| image.at),
            "programs of {}",
            slot.id
        );
        let family = store.children(handle);
        children += family.len();
        for child in family {
            assert!(matches!(store.slab[child].parent, Parent::Known(parent) if parent == handle));
        }
        let mut steps = 0;
        let mut at = handle;
        while let Parent::Known(parent) = store.slab[at].parent {
            at = parent;
            steps += 1;
            assert!(steps <= store.slab.len(), "{} is its own ancestor", slot.id);
        }
        linked += usize::from(steps > 0);
        assert!(slot.first_child == NONE || store.slab.get(slot.first_child).is_some());
    }
    assert_eq!(children, linked, "every child is in one family");
    let ids: std::collections::BTreeSet<_> = store.slab.iter().map(|(_, slot)| &slot.id).collect();
    assert_eq!(ids.len(), store.slab.len(), "ids are unique");
}
