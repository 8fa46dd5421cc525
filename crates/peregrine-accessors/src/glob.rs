//! Globbing: all patterns are merged into one tree, so that each directory is listed only once.

use crate::{Accessor, Error, FileInfo, OsPath, Pattern, expand_braces};
use peregrine_engine::prelude::{Scope, Stop, Str};
use std::cell::RefCell;
use std::sync::Arc;

/// Called with each file that matches, and the patterns it matches.
pub type Found<'a> = &'a mut dyn FnMut(&Arc<FileInfo>, &[Str]) -> Result<(), Stop>;

/// Called before descending into a directory.
pub type Descend<'a> = &'a dyn Fn(&Arc<FileInfo>) -> bool;

/// Options of a traversal.
pub struct GlobOptions<'a> {
    /// Do not descend through symbolic links.
    pub no_symlink: bool,
    /// Do not descend through links to another device.
    pub one_filesystem: bool,
    /// Called before descending into a directory.
    pub descend: Option<Descend<'a>>,
}

/// A node of the merged tree: what may match here, and which patterns end here.
#[derive(Default)]
struct Node {
    edges: Vec<Edge>,
    /// The patterns that are complete when a path reaches this node.
    complete: Vec<Str>,
}

struct Edge {
    pattern: Pattern,
    target: usize,
}

/// The merged tree of all patterns.
struct Tree {
    nodes: Vec<Node>,
}

/// A place in the tree that a directory has reached; a recursion also has the number of levels it may still
/// descend.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    At(usize),
    Recursing {
        node: usize,
        edge: usize,
        levels_left: u32,
    },
}

impl Tree {
    fn build(scope: &Scope, accessor: &dyn Accessor, globs: &[Vec<u8>]) -> Tree {
        let mut tree = Tree {
            nodes: vec![Node::default()],
        };
        for glob in globs {
            if scope.is_over() {
                break;
            }
            let alternatives = match expand_braces(glob) {
                Ok(alternatives) => alternatives,
                Err(error) => {
                    reject(scope, glob, &error);
                    continue;
                }
            };
            for alternative in alternatives {
                if let Err(error) = tree.add(accessor, &alternative) {
                    reject(scope, &alternative, &error);
                }
            }
        }
        tree
    }

    fn add(&mut self, accessor: &dyn Accessor, glob: &[u8]) -> Result<(), String> {
        let path = accessor.parse_path(glob).map_err(|error| error.to_string())?;
        let patterns: Vec<Pattern> = path
            .components()
            .iter()
            .map(|part| Pattern::compile(part))
            .collect::<Result<_, _>>()?;
        let mut at = 0;
        for pattern in patterns {
            at = self.step(at, pattern);
        }
        if let Some(node) = self.nodes.get_mut(at).filter(|_| at != 0) {
            node.complete.push(Str::new(glob));
        }
        Ok(())
    }

    /// The node that this pattern leads to; equal patterns share one.
    fn step(&mut self, from: usize, pattern: Pattern) -> usize {
        let same = |edge: &&Edge| match (&edge.pattern, &pattern) {
            (Pattern::Name { text: left, .. }, Pattern::Name { text: right, .. }) => left == right,
            (Pattern::Recurse(left), Pattern::Recurse(right)) => left == right,
            _ => false,
        };
        if let Some(edge) = self.nodes.get(from).and_then(|node| node.edges.iter().find(same)) {
            return edge.target;
        }
        let target = self.nodes.len();
        self.nodes.push(Node::default());
        if let Some(node) = self.nodes.get_mut(from) {
            node.edges.push(Edge { pattern, target });
        }
        target
    }

    /// Adds a state and those it implies: a recursion also matches zero levels if something follows it.
    fn enter(&self, state: Position, states: &mut Vec<Position>) {
        let mut pending = vec![state];
        while let Some(state) = pending.pop() {
            if states.contains(&state) {
                continue;
            }
            states.push(state);
            let Position::At(node) = state else { continue };
            for (index, edge) in self
                .nodes
                .get(node)
                .map(|node| node.edges.as_slice())
                .unwrap_or_default()
                .iter()
                .enumerate()
            {
                if let Pattern::Recurse(levels) = edge.pattern {
                    pending.push(Position::Recursing {
                        node,
                        edge: index,
                        levels_left: levels,
                    });
                    if self
                        .nodes
                        .get(edge.target)
                        .is_some_and(|target| !target.edges.is_empty())
                    {
                        pending.push(Position::At(edge.target));
                    }
                }
            }
        }
    }

    /// The states that an entry of this name reaches from these, and the patterns it completes.
    fn advance(&self, states: &[Position], name: &[u8], next: &mut Vec<Position>, complete: &mut Vec<Str>) {
        next.clear();
        complete.clear();
        let mut finish = |node: usize| {
            for glob in self
                .nodes
                .get(node)
                .map(|node| node.complete.as_slice())
                .unwrap_or_default()
            {
                if !complete.contains(glob) {
                    complete.push(glob.clone());
                }
            }
        };
        for state in states {
            match *state {
                Position::At(node) => {
                    for edge in self
                        .nodes
                        .get(node)
                        .map(|node| node.edges.as_slice())
                        .unwrap_or_default()
                    {
                        if matches!(edge.pattern, Pattern::Name { .. }) && edge.pattern.matches(name) {
                            finish(edge.target);
                            self.enter(Position::At(edge.target), next);
                        }
                    }
                }
                Position::Recursing {
                    node,
                    edge,
                    levels_left,
                } => {
                    let Some(target) = self
                        .nodes
                        .get(node)
                        .and_then(|node| node.edges.get(edge))
                        .map(|edge| edge.target)
                    else {
                        continue;
                    };
                    if levels_left == 0 {
                        continue;
                    }
                    finish(target);
                    self.enter(
                        Position::Recursing {
                            node,
                            edge,
                            levels_left: levels_left - 1,
                        },
                        next,
                    );
                    if self
                        .nodes
                        .get(target)
                        .is_some_and(|target| !target.edges.is_empty())
                    {
                        self.enter(Position::At(target), next);
                    }
                }
            }
        }
        next.retain(|state| self.can_continue(*state));
    }

    fn can_continue(&self, state: Position) -> bool {
        match state {
            Position::At(node) => self.nodes.get(node).is_some_and(|node| !node.edges.is_empty()),
            Position::Recursing { levels_left, .. } => levels_left > 0,
        }
    }
}

fn reject(scope: &Scope, glob: &[u8], error: &str) {
    scope.log_line(&format!(
        "glob: Rejected glob expression {}: {error}",
        String::from_utf8_lossy(glob)
    ));
}

/// Walks from `root`, calling `found` with every file that matches and the patterns it matches. The files of
/// a directory come sorted by name, before anything below it.
pub fn glob(
    scope: &Scope,
    accessor: &dyn Accessor,
    root: &OsPath,
    globs: &[Vec<u8>],
    options: &GlobOptions<'_>,
    found: Found<'_>,
) -> Result<(), Stop> {
    let tree = Tree::build(scope, accessor, globs);
    let mut first = Vec::new();
    tree.enter(Position::At(0), &mut first);
    first.retain(|state| tree.can_continue(*state));
    let (mut next, mut complete) = (Vec::new(), Vec::new());
    let trial = RefCell::new((Vec::new(), Vec::new()));
    let mut pending = Vec::new();
    if !first.is_empty() {
        pending.push((root.clone(), first));
    }
    while let Some((directory, states)) = pending.pop() {
        scope.checkpoint()?;
        let is_wanted = |name: &[u8], may_have_entries: bool| {
            let (next, complete) = &mut *trial.borrow_mut();
            tree.advance(&states, name, next, complete);
            !complete.is_empty() || (may_have_entries && !next.is_empty())
        };
        let mut entries = match accessor.read_dir_for(scope, &directory, &is_wanted) {
            Ok(entries) => entries,
            Err(Error::NotFound(_)) => continue,
            Err(error) => {
                scope.log_line(&format!(
                    "Globber: {error} while processing {}",
                    directory.to_text()
                ));
                continue;
            }
        };
        // Sorted, and one entry per name: the last.
        entries.sort_by(|left, right| name(left).cmp(name(right)));
        entries.dedup_by(|later, earlier| {
            let is_same = name(later) == name(earlier);
            if is_same {
                std::mem::swap(later, earlier);
            }
            is_same
        });
        let first_below = pending.len();
        for info in entries {
            tree.advance(&states, name(&info), &mut next, &mut complete);
            if complete.is_empty() && next.is_empty() {
                continue;
            }
            let info = Arc::new(info);
            if !complete.is_empty() {
                found(&info, &complete)?;
            }
            if !next.is_empty() && may_descend(scope, accessor, &info, options) {
                pending.push((info.path.clone(), next.clone()));
            }
        }
        // A stack, filled in reverse: memory is bounded by depth times width, not by the whole breadth of the
        // tree.
        if let Some(below) = pending.get_mut(first_below..) {
            below.reverse();
        }
    }
    Ok(())
}

fn name(info: &FileInfo) -> &[u8] {
    info.path.components().last().map_or(&[], |name| name.as_bytes())
}

fn may_descend(
    scope: &Scope,
    accessor: &dyn Accessor,
    info: &Arc<FileInfo>,
    options: &GlobOptions<'_>,
) -> bool {
    if info.mode.is_link() {
        if options.no_symlink {
            return false;
        }
        let target = accessor
            .read_link(scope, &info.path)
            .and_then(|path| accessor.lstat(scope, &path).ok());
        if let Some(target) = target {
            if !target.mode.is_dir() {
                return false;
            }
            if options.one_filesystem && target.device() != info.device() {
                return false;
            }
        }
    } else if !info.mode.is_dir() {
        return false;
    }
    options.descend.is_none_or(|descend| descend(info))
}
