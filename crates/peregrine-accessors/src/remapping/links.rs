//! Symbolic links inside a mount: they are followed here, name by name, so that none can escape it.
//!
//! A link was written on the machine the files come from. If the operating system followed it, `/etc/passwd`
//! behind a link in an image would be the file of the machine that examines the image.

use crate::{Error, Result};
use peregrine_engine::prelude::Str;

/// Maximum number of links followed, the same as the kernel's.
const MAX_LINKS: u32 = 40;
/// Maximum number of names in a path while it is followed.
const MAX_NAMES: usize = 4096;

/// The target of a link.
pub(super) struct Link {
    /// The text as stored.
    pub(super) text: Vec<u8>,
    /// Number of components of the link's own path that are kept if it is absolute: those of its root.
    pub(super) root: usize,
}

/// A path without links.
#[derive(Debug, PartialEq)]
pub(super) struct Resolved {
    pub(super) components: Vec<Str>,
    /// Whether the last name of the path was a link that was followed.
    pub(super) ends_in_link: bool,
}

enum Step {
    Down {
        name: Str,
        /// Whether this is the last name of the requested path.
        is_last: bool,
    },
    Up,
}

/// Follows the links in a path; a link as its last name only with `follow_last`. `link` tells whether a path,
/// in which all names but the last have been resolved, is a link.
pub(super) fn resolve(
    path: &[Str],
    follow_last: bool,
    link: &mut dyn FnMut(&[Str]) -> Result<Option<Link>>,
) -> Result<Resolved> {
    let last = path.len().saturating_sub(1);
    let steps = path.iter().enumerate().map(|(at, name)| Step::Down {
        name: name.clone(),
        is_last: at == last,
    });
    let mut steps: Vec<Step> = steps.rev().collect();
    let mut components: Vec<Str> = Vec::with_capacity(path.len());
    let (mut followed, mut ends_in_link) = (0, false);
    while let Some(step) = steps.pop() {
        let Step::Down { name, is_last } = step else {
            components.pop();
            continue;
        };
        components.push(name);
        if is_last && !follow_last {
            continue;
        }
        let Some(Link { text, root }) = link(&components)? else {
            continue;
        };
        followed += 1;
        if followed > MAX_LINKS || steps.len() + components.len() > MAX_NAMES || text.len() > MAX_NAMES {
            return Err(Error::Cycle(shown(path)));
        }
        ends_in_link |= is_last;
        components.pop();
        if text.starts_with(b"/") {
            components.truncate(root);
        }
        for name in text.rsplit(|byte| *byte == b'/') {
            match name {
                b"" | b"." => {}
                b".." => steps.push(Step::Up),
                name => steps.push(Step::Down {
                    name: Str::from(name.to_vec()),
                    is_last: false,
                }),
            }
        }
    }
    Ok(Resolved {
        components,
        ends_in_link,
    })
}

fn shown(path: &[Str]) -> String {
    let path = crate::Dialect::Linux.join(path.iter().map(|name| &name[..]));
    String::from_utf8_lossy(&path).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;

    fn parts(text: &str) -> Vec<Str> {
        Dialect::Linux
            .split(text.as_bytes())
            .into_iter()
            .map(Str::from)
            .collect()
    }

    fn follow(path: &str, follow_last: bool, links: &[(&str, &str)]) -> Result<(String, bool)> {
        let resolved = resolve(&parts(path), follow_last, &mut |at| {
            let at = shown(at);
            let found = links.iter().find(|(from, _)| *from == at);
            Ok(found.map(|(_, to)| Link {
                text: to.as_bytes().to_vec(),
                root: 0,
            }))
        })?;
        Ok((shown(&resolved.components), resolved.ends_in_link))
    }

    #[test]
    fn links_are_followed_within_the_tree() {
        let links = [
            ("/var/run", "../run"),
            ("/etc/localtime", "/usr/share/zone"),
            ("/up", "../../../../etc"),
            ("/self", "."),
        ];
        let found = |path: &str, follow_last| follow(path, follow_last, &links).unwrap();
        assert_eq!(found("/var/run/x.pid", true), ("/run/x.pid".to_owned(), false));
        assert_eq!(
            found("/etc/localtime", true),
            ("/usr/share/zone".to_owned(), true)
        );
        assert_eq!(
            found("/etc/localtime", false),
            ("/etc/localtime".to_owned(), false)
        );
        assert_eq!(found("/up/passwd", true), ("/etc/passwd".to_owned(), false));
        assert_eq!(found("/self/self/etc", true), ("/etc".to_owned(), false));
    }

    #[test]
    fn links_that_never_end_are_an_error() {
        let around = [("/a", "b"), ("/b", "a")];
        assert!(matches!(follow("/a/x", true, &around), Err(Error::Cycle(_))));
        let growing = [("/a", "x/../a/b")];
        assert!(matches!(follow("/a", true, &growing), Err(Error::Cycle(_))));
    }

    proptest::proptest! {
        #[test]
        fn no_link_leads_above_the_root(
            path in "(/[ab]){1,6}",
            links in proptest::collection::vec(("(/[ab]){1,3}", "(/|\\.\\./|a/|b/|\\./){0,6}[ab]?"), 0..6),
        ) {
            let links: Vec<(&str, &str)> = links.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
            // Every result is a path of plain names or an error: never a panic, never an endless search.
            if let Ok((found, _)) = follow(&path, true, &links) {
                proptest::prop_assert!(!found.contains(".."));
            }
        }
    }
}
