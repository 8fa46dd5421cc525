//! What can stand at the cursor: functions, plugins, arguments of the open call, LETs, artifacts, keywords.

use super::scan::{self, KEYWORDS, Piece};
use parking_lot::Mutex;
use peregrine_artifacts::Repository;
use peregrine_engine::prelude::{ArgSpec, Registry};
use std::sync::Arc;

/// Everything with a name.
pub(super) struct Names {
    pub(super) registry: Arc<Registry>,
    pub(super) repository: Repository,
    /// The session's LETs.
    pub(super) lets: Arc<Mutex<Vec<String>>>,
}

/// One proposal.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    /// What is inserted.
    pub(super) text: String,
    /// What it is, in a line.
    pub(super) description: String,
}

/// Where the cursor stands.
struct Place<'a> {
    /// The word so far.
    word: &'a str,
    /// It follows FROM.
    is_source: bool,
    /// The call whose argument is to be named here, and whether it follows FROM.
    call: Option<(&'a str, bool)>,
}

impl Names {
    /// Proposals for the word that ends at `position`, and where that word starts.
    pub(super) fn complete(&self, text: &str, position: usize) -> (usize, Vec<Candidate>) {
        let Some(before) = text.get(..position) else {
            return (position, Vec::new());
        };
        let inside = scan::pieces(before).last().map(|(piece, _)| *piece);
        if matches!(inside, Some(Piece::Text | Piece::Comment)) {
            return (position, Vec::new());
        }
        let place = place(before);
        let mut found = Vec::new();
        let mut add = |text: String, description: &str| {
            let has_prefix = text
                .get(..place.word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(place.word));
            if has_prefix {
                let description = description.trim().lines().next().unwrap_or_default().to_owned();
                found.push(Candidate { text, description });
            }
        };
        let arguments = place.call.map(|call| self.arguments(call)).unwrap_or_default();
        for (name, description) in &arguments {
            add(format!("{name}="), description);
        }
        if !arguments.is_empty() {
            return (before.len() - place.word.len(), found);
        }
        for name in self.lets.lock().iter() {
            add(name.clone(), "LET of this session");
        }
        if place.is_source {
            for def in self.registry.plugins() {
                add(format!("{}(", def.name), def.doc);
            }
        } else if !place.word.is_empty() {
            for def in self.registry.functions() {
                add(format!("{}(", def.name), def.doc);
            }
        }
        if place.word.starts_with("Artifact.") {
            for artifact in self.repository.all() {
                add(format!("Artifact.{}(", artifact.name), &artifact.description);
            }
        } else if !place.word.is_empty() {
            add("Artifact.".to_owned(), "artifacts");
            KEYWORDS.iter().for_each(|word| add((*word).to_owned(), ""));
        }
        (before.len() - place.word.len(), found)
    }

    /// Name and description of what a call takes.
    fn arguments(&self, (name, is_source): (&str, bool)) -> Vec<(String, String)> {
        if let Some(artifact) = name
            .strip_prefix("Artifact.")
            .and_then(|name| self.repository.get(name))
        {
            return artifact
                .parameters
                .iter()
                .map(|parameter| (parameter.name.clone(), parameter.description.clone()))
                .collect();
        }
        let args: &[ArgSpec] = if is_source {
            self.registry.plugin(name).map(|def| def.args).unwrap_or_default()
        } else {
            self.registry
                .function(name)
                .map(|def| def.args)
                .unwrap_or_default()
        };
        args.iter()
            .filter(|arg| !arg.rest)
            .map(|arg| (arg.name.to_owned(), format!("{}: {}", arg.type_name, arg.doc)))
            .collect()
    }
}

fn place(before: &str) -> Place<'_> {
    let mut calls: Vec<Option<(&str, bool)>> = Vec::new();
    // The last word, and whether it, or what comes now, follows FROM.
    let mut callee: Option<(&str, bool)> = None;
    let mut follows_from = false;
    let mut is_argument = false;
    let mut word = "";
    for (piece, range) in scan::pieces(before) {
        let text = before.get(range).unwrap_or_default();
        word = "";
        match (piece, text) {
            (Piece::Keyword, _) => {
                follows_from = text.eq_ignore_ascii_case("FROM");
                (callee, is_argument) = (None, false);
                word = text;
            }
            (Piece::Word, _) => {
                callee = Some((text, follows_from));
                word = text;
            }
            (Piece::Other, "(" | "{" | "[") => {
                calls.push(callee.take().filter(|_| text == "("));
                (follows_from, is_argument) = (false, text == "(");
            }
            (Piece::Other, ")" | "}" | "]") => {
                calls.pop();
                (callee, follows_from, is_argument) = (None, false, false);
            }
            (Piece::Other, ",") => (callee, follows_from, is_argument) = (None, false, true),
            (Piece::Other, blank) if blank.trim().is_empty() => {}
            (Piece::Comment, _) => {}
            _ => (callee, follows_from, is_argument) = (None, false, false),
        }
    }
    Place {
        word,
        is_source: follows_from,
        call: calls.last().copied().flatten().filter(|_| is_argument),
    }
}

#[cfg(test)]
mod tests {
    use super::Names;
    use crate::registry;
    use std::sync::Arc;

    fn proposals(text: &str) -> Vec<String> {
        let names = Names {
            registry: registry::registry(),
            repository: registry::repository(&[]).unwrap(),
            lets: Arc::new(parking_lot::Mutex::new(vec!["MyList".to_owned()])),
        };
        let (_, found) = names.complete(text, text.len());
        found.into_iter().map(|candidate| candidate.text).collect()
    }

    #[test]
    fn what_fits_the_place_is_proposed() {
        assert_eq!(proposals("SELECT * FROM psl"), ["pslist("]);
        assert_eq!(proposals("SELECT * FROM glob(glo"), ["globs="]);
        assert!(proposals("SELECT * FROM glob(globs='/*', ").contains(&"accessor=".to_owned()));
        assert_eq!(proposals("SELECT subst"), ["substr("]);
        assert_eq!(proposals("SELECT * FROM MyL"), ["MyList"]);
        assert_eq!(
            proposals("SELECT * FROM Artifact.Linux.Sys.Psl"),
            ["Artifact.Linux.Sys.Pslist("]
        );
        assert_eq!(
            proposals("SELECT * FROM Artifact.Linux.Sys.Pslist(Proc"),
            ["ProcessRegex="]
        );
        assert_eq!(proposals("SELECT * FROM info() WHE"), ["WHERE"]);
        assert!(proposals("SELECT 'psl").is_empty());
        assert!(proposals("SELECT strip(string=substr(str='x'), ").contains(&"prefix=".to_owned()));
    }
}
