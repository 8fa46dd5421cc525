//! Reads the store: single processes, chains, families, lists; now or at an earlier time.

use crate::payload::Payload;
use crate::slot::{End, Handle, NONE, Parent};
use crate::store::Store;
use crate::{Id, Pid, Start, Time};
use std::sync::Arc;

/// Deepest level of a tree (the root is level 0).
pub const MAX_TREE_DEPTH: usize = 20;

/// A program that a process ran.
#[derive(Debug, PartialEq)]
pub struct Program<D> {
    /// When it started (or, for programs only seen in lists, when it was first seen).
    pub since: Time,
    /// Its data.
    pub data: Arc<D>,
}

impl<D> Clone for Program<D> {
    fn clone(&self) -> Program<D> {
        Program {
            since: self.since,
            data: self.data.clone(),
        }
    }
}

/// A process and its data.
#[derive(Debug, PartialEq)]
pub struct Process<D> {
    /// Its unique id.
    pub id: Id,
    /// The unique id of its creator.
    pub parent_id: Option<Id>,
    /// When it started; `None` if unknown.
    pub start_time: Option<Time>,
    /// When it ended; `None` while it lives.
    pub end_time: Option<Time>,
    /// True if the end was reported; otherwise it was inferred, and `end_time` is the latest possible time.
    pub is_end_exact: bool,
    /// Latest time when it was certainly alive; with an inferred end, the true end lies between this and
    /// `end_time`.
    pub last_seen: Time,
    /// Exit status, if reported.
    pub exit_status: Option<i64>,
    /// The last full list that showed it.
    pub last_sync: Option<Time>,
    /// The program it runs (or ran last); for a fork its parent's.
    pub data: Option<Arc<D>>,
    /// Programs it ran before, oldest first.
    pub history: Vec<Program<D>>,
    /// Its record, for [`crate::Tracker::child_ids`].
    pub(crate) record: Record,
}

/// A record at the time of a lookup. It does not take part in comparisons: any two are equal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    handle: Handle,
    uid: u64,
    /// Records made later were not children at that time.
    next_uid: u64,
    as_of: Time,
}

impl PartialEq for Record {
    fn eq(&self, _: &Record) -> bool {
        true
    }
}

impl<D> Clone for Process<D> {
    fn clone(&self) -> Process<D> {
        Process {
            id: self.id.clone(),
            parent_id: self.parent_id.clone(),
            data: self.data.clone(),
            history: self.history.clone(),
            ..*self
        }
    }
}

/// A process and its descendants, parents before children, siblings together.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree<D> {
    /// The nodes in depth-first order.
    pub nodes: Vec<TreeNode<D>>,
    /// Whether descendants were left out (too many or too deep).
    pub is_truncated: bool,
}

/// One process in a [`Tree`].
#[derive(Debug, Clone, PartialEq)]
pub struct TreeNode<D> {
    pub process: Arc<Process<D>>,
    /// Index of the parent's node; `None` for a root.
    pub parent: Option<usize>,
    /// Levels below the root.
    pub depth: usize,
    /// Indexes of the children's nodes, earliest start first.
    pub children: Vec<usize>,
}

impl<D: Payload> Store<D> {
    /// The record that a unique id or a pid (its newest incarnation) refers to at a time.
    pub(crate) fn lookup(&self, id: &str, as_of: Time) -> Option<Handle> {
        let by_id = Id::parse(id).and_then(|id| self.by_id(&id));
        let found = by_id.or_else(|| self.newest(&Pid::from(id), as_of))?;
        let slot = &self.slab[found];
        (slot.start <= as_of && slot.is_visible()).then_some(found)
    }

    fn newest(&self, pid: &Pid, as_of: Time) -> Option<Handle> {
        let mut visible = self
            .incarnations(pid, Time::MIN, as_of)
            .rev()
            .filter(|(_, slot)| slot.is_visible());
        visible.next().map(|(handle, _)| handle)
    }

    fn by_id(&self, id: &Id) -> Option<Handle> {
        let (from, to) = match id.start {
            Start::Unseen => return None,
            Start::Second(0, _) => (Time::MIN, Time::MAX),
            Start::Second(second, _) => {
                let reach = self.reach(crate::Span::from_seconds(1));
                (
                    Time::from_seconds(second).minus(reach),
                    Time::from_seconds(second.saturating_add(1)).plus(reach),
                )
            }
        };
        let named = self
            .incarnations(&id.pid, from, to)
            .find(|(_, slot)| slot.id == *id);
        named
            .map(|(handle, _)| handle)
            .or_else(|| self.by_execution(id, to))
    }

    /// The process that had this id while an execution was taken for its start.
    fn by_execution(&self, id: &Id, to: Time) -> Option<Handle> {
        let is_meant = |at: Time| id.start == Start::Second(at.seconds(), 0);
        self.incarnations(&id.pid, Time::MIN, to)
            .rev()
            .find(|(_, slot)| {
                slot.images
                    .iter()
                    .any(|image| image.is_exact && is_meant(image.at))
            })
            .map(|(handle, _)| handle)
    }

    /// The record as it was at `as_of`.
    pub(crate) fn process(&self, handle: Handle, as_of: Time) -> Process<D> {
        let slot = &self.slab[handle];
        let end = slot.end.filter(|end| end.at <= as_of);
        let known = slot.images.partition_point(|image| image.at <= as_of);
        let earlier = slot.images.iter().take(known.saturating_sub(1));
        Process {
            id: slot.id.clone(),
            parent_id: self.parent_id(handle),
            start_time: slot.is_start_known.then_some(slot.start),
            end_time: end.map(|end| end.at),
            is_end_exact: end.is_some_and(|end| end.is_exact),
            last_seen: slot.last_seen.min(as_of).min(end.map_or(Time::MAX, |end| end.at)),
            exit_status: end.and_then(End::status),
            last_sync: Some(slot.last_sync).filter(|at| *at != Time::MIN),
            data: self.data_at(handle, as_of).cloned(),
            history: earlier
                .map(|image| Program {
                    since: image.at,
                    data: image.data.clone(),
                })
                .collect(),
            record: Record {
                handle,
                uid: slot.uid,
                next_uid: self.next_uid,
                as_of,
            },
        }
    }

    /// The children a process had when it was looked up, earliest first. For a parent that has been forgotten
    /// meanwhile, only those that are still known.
    pub(crate) fn child_ids(&self, process: &Process<D>) -> Vec<Id> {
        let record = process.record;
        let is_there = self
            .slab
            .get(record.handle)
            .is_some_and(|slot| slot.uid == record.uid);
        let mut children = match is_there {
            true => self.children(record.handle),
            false => self.children_of_forgotten(&process.id),
        };
        children.retain(|child| {
            let slot = &self.slab[*child];
            slot.uid < record.next_uid && slot.start <= record.as_of
        });
        self.sort_by_start(&mut children);
        children
            .into_iter()
            .map(|child| self.slab[child].id.clone())
            .collect()
    }

    fn children_of_forgotten(&self, id: &Id) -> Vec<Handle> {
        self.slab
            .iter()
            .filter(|(_, slot)| matches!(&slot.parent, Parent::Evicted(parent) if **parent == *id))
            .map(|(handle, _)| handle)
            .collect()
    }

    fn sort_by_start(&self, handles: &mut [Handle]) {
        handles.sort_by_key(|handle| (self.slab[*handle].start, self.slab[*handle].uid));
    }

    /// Children that had started by that time, earliest first.
    pub(crate) fn children_at(&self, handle: Handle, as_of: Time) -> Vec<Handle> {
        let mut children = self.children(handle);
        children.retain(|child| self.slab[*child].start <= as_of);
        self.sort_by_start(&mut children);
        children
    }

    /// Root → … → process; of a longer chain, the part next to the process.
    pub(crate) fn chain(&self, handle: Handle, max_items: usize) -> Vec<Handle> {
        let mut chain = Vec::new();
        let mut next = Some(handle);
        while let Some(handle) = next.filter(|_| chain.len() < max_items) {
            chain.push(handle);
            next = match self.slab[handle].parent {
                Parent::Known(parent) => Some(parent),
                _ => None,
            };
        }
        chain.reverse();
        chain
    }

    pub(crate) fn siblings_at(&self, handle: Handle, as_of: Time) -> Vec<Handle> {
        let Parent::Known(parent) = self.slab[handle].parent else {
            return Vec::new();
        };
        let mut siblings = self.children_at(parent, as_of);
        siblings.retain(|sibling| *sibling != handle);
        siblings
    }

    /// All visible processes that had started by that time, earliest first.
    pub(crate) fn all_at(&self, as_of: Time) -> Vec<Handle> {
        let mut all: Vec<(Time, u64, Handle)> = self
            .slab
            .iter()
            .filter(|(_, slot)| slot.start <= as_of && slot.is_visible())
            .map(|(handle, slot)| (slot.start, slot.uid, handle))
            .collect();
        all.sort_unstable();
        all.into_iter().map(|(_, _, handle)| handle).collect()
    }

    pub(crate) fn tree_at(&self, root: Option<Handle>, max_items: usize, as_of: Time) -> Tree<D> {
        let mut tree = Tree {
            nodes: Vec::new(),
            is_truncated: false,
        };
        let roots = match root {
            Some(root) => vec![root],
            None => {
                let mut all = self.all_at(as_of);
                all.retain(|handle| !matches!(self.slab[*handle].parent, Parent::Known(_)));
                all
            }
        };
        let mut waiting: Vec<(Handle, Option<usize>, usize)> =
            roots.into_iter().rev().map(|root| (root, None, 0)).collect();
        while let Some((handle, parent, depth)) = waiting.pop() {
            if tree.nodes.len() >= max_items {
                tree.is_truncated = true;
                break;
            }
            let index = tree.nodes.len();
            if let Some(parent) = parent.and_then(|parent| tree.nodes.get_mut(parent)) {
                parent.children.push(index);
            }
            let process = Arc::new(self.process(handle, as_of));
            tree.nodes.push(TreeNode {
                process,
                parent,
                depth,
                children: Vec::new(),
            });
            if depth == MAX_TREE_DEPTH {
                tree.is_truncated |= self.slab[handle].first_child != NONE;
                continue;
            }
            let children = self.children_at(handle, as_of);
            waiting.extend(
                children
                    .into_iter()
                    .rev()
                    .map(|child| (child, Some(index), depth + 1)),
            );
        }
        tree
    }

    pub(crate) fn is_alive_at(&self, handle: Handle, as_of: Time) -> bool {
        self.slab[handle].is_alive_after(as_of)
    }
}
