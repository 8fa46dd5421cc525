//! The tree of mount points under one accessor's name, which finds the source of a path.

use crate::Dialect;
use peregrine_engine::prelude::Str;
use std::collections::BTreeMap;

/// Mount points are written by hand or made from paths on a disk; none is deeper.
pub(super) const MAX_DEPTH: usize = 255;

/// Mount points by path. Nodes refer to each other by index, so that nothing recurses over them.
#[derive(Debug)]
pub(super) struct Tree {
    dialect: Dialect,
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// As written in the rule.
    name: Str,
    /// By name, in the form in which the dialect compares names.
    children: BTreeMap<Vec<u8>, usize>,
    /// The mount at this node.
    mount: Option<usize>,
}

/// The place in the tree that a path leads to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spot {
    /// The node of exactly this path: a mount point, or a folder above one.
    pub(super) node: Option<usize>,
    /// The deepest mount at or above the path.
    pub(super) mount: Option<Mounted>,
}

/// A mount, and the number of components of the path up to its mount point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mounted {
    pub(super) mount: usize,
    pub(super) depth: usize,
}

impl Tree {
    pub(super) fn new(dialect: Dialect) -> Tree {
        Tree {
            dialect,
            nodes: vec![Node::default()],
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Adds a mount at a path; returns the mount that was at exactly this path before.
    pub(super) fn insert(&mut self, path: &[Str], mount: usize) -> Option<usize> {
        let mut at = 0;
        for name in path {
            let key = self.key(name);
            let known = self
                .nodes
                .get(at)
                .and_then(|node| node.children.get(&key))
                .copied();
            at = known.unwrap_or_else(|| {
                let next = self.nodes.len();
                self.nodes.push(Node {
                    name: name.clone(),
                    ..Node::default()
                });
                if let Some(node) = self.nodes.get_mut(at) {
                    node.children.insert(key, next);
                }
                next
            });
        }
        self.nodes.get_mut(at)?.mount.replace(mount)
    }

    /// Finds the place of a path.
    pub(super) fn find(&self, path: &[Str]) -> Spot {
        let mut at = 0;
        let mut mount = self.mounted(0, 0);
        for (index, name) in path.iter().enumerate() {
            let next = self
                .nodes
                .get(at)
                .and_then(|node| node.children.get(&self.key(name)));
            let Some(next) = next else {
                return Spot { node: None, mount };
            };
            at = *next;
            mount = self.mounted(at, index + 1).or(mount);
        }
        Spot {
            node: Some(at),
            mount,
        }
    }

    /// Names of the mount points below a node, and of the folders that lead to them.
    pub(super) fn children(&self, node: usize) -> impl Iterator<Item = &Str> {
        let node = self.nodes.get(node);
        node.into_iter()
            .flat_map(|node| node.children.values())
            .filter_map(|child| self.nodes.get(*child))
            .map(|child| &child.name)
    }

    fn mounted(&self, node: usize, depth: usize) -> Option<Mounted> {
        let mount = self.nodes.get(node)?.mount?;
        Some(Mounted { mount, depth })
    }

    /// Equal for names that the dialect considers equal.
    pub(super) fn key(&self, name: &Str) -> Vec<u8> {
        if self.dialect.ignores_case() {
            name.to_ascii_lowercase()
        } else {
            name.to_vec()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<Str> {
        Dialect::Linux
            .split(text.as_bytes())
            .into_iter()
            .map(Str::from)
            .collect()
    }

    fn tree(dialect: Dialect) -> Tree {
        let mut tree = Tree::new(dialect);
        for (mount, at) in ["/", "/home", "/var/lib/db"].into_iter().enumerate() {
            assert_eq!(tree.insert(&path(at), mount), None);
        }
        tree
    }

    #[test]
    fn the_deepest_mount_counts() {
        let tree = tree(Dialect::Linux);
        let found = |text: &str| {
            let spot = tree.find(&path(text));
            (spot.node.is_some(), spot.mount.map(|at| (at.mount, at.depth)))
        };
        assert_eq!(found("/"), (true, Some((0, 0))));
        assert_eq!(found("/etc"), (false, Some((0, 0))));
        assert_eq!(found("/home/a/b"), (false, Some((1, 1))));
        assert_eq!(found("/var/lib"), (true, Some((0, 0))));
        assert_eq!(found("/var/lib/db"), (true, Some((2, 3))));
        assert_eq!(found("/HOME/a"), (false, Some((0, 0))));
    }

    #[test]
    fn names_compare_as_the_dialect_does_and_keep_their_spelling() {
        let mut tree = tree(Dialect::Windows);
        assert_eq!(
            tree.find(&path("/HOME/a")).mount,
            Some(Mounted { mount: 1, depth: 1 })
        );
        assert_eq!(tree.insert(&path("/Home"), 7), Some(1));
        let names: Vec<String> = tree.children(0).map(ToString::to_string).collect();
        assert_eq!(names, ["home", "var"]);
    }
}
