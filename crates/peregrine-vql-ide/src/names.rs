//! The names that a text defines: LETs with their parameters, and aliases. Scoping is dynamic, so a name
//! defined anywhere may be meant anywhere.

use crate::scan;
use peregrine_vql::ast::visit::Visit;
use peregrine_vql::ast::{ExprKind, File, LetBody, Name, Source, StatementKind, StrLit};
use std::collections::{BTreeMap, BTreeSet};

/// The names of a text.
#[derive(Default)]
pub(crate) struct Names {
    /// The parameters of each LET, and whether each is required; `None` if it takes none, or has several
    /// definitions.
    pub(crate) lets: BTreeMap<String, Option<Vec<(String, bool)>>>,
    /// LETs that are defined more than once.
    pub(crate) ambiguous: BTreeSet<String>,
    /// LETs that are queries, or may return one: where those run depends on who uses them.
    pub(crate) queries: BTreeSet<String>,
    /// Parameters and aliases, whose values are known only at run time.
    pub(crate) variables: BTreeSet<String>,
    /// Words inside strings: lambdas, templates and the like may use any name.
    pub(crate) in_strings: BTreeSet<String>,
}

impl Names {
    /// The names of all these texts together.
    pub(crate) fn of<'a>(files: impl IntoIterator<Item = &'a File>) -> Names {
        let mut names = Names::default();
        for statement in files.into_iter().flat_map(|file| &file.statements) {
            if let StatementKind::Let(binding) = &statement.kind {
                names.add_let(binding);
            }
            names.visit_statement(statement);
        }
        names
    }

    fn add_let(&mut self, binding: &peregrine_vql::ast::Let) {
        let params = binding.params.as_ref().map(|params| {
            params
                .iter()
                .map(|param| (param.name.text.to_string(), param.default.is_none()))
                .collect::<Vec<_>>()
        });
        let param_names = params.iter().flatten().map(|(name, _)| name.clone());
        self.variables.extend(param_names);
        let name = binding.name.text.to_string();
        if may_be_query(&binding.body) {
            self.queries.insert(name.clone());
        }
        if self.lets.contains_key(&name) {
            self.ambiguous.insert(name.clone());
            self.lets.insert(name, None);
        } else {
            self.lets.insert(name, params);
        }
    }

    /// True if the text defines this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.lets.contains_key(name) || self.variables.contains(name)
    }
}

impl<'t> Visit<'t> for Names {
    fn visit_alias(&mut self, alias: &'t Name) {
        self.variables.insert(alias.text.to_string());
    }

    fn visit_text(&mut self, text: &'t StrLit) {
        if let Ok(text) = std::str::from_utf8(&text.value) {
            self.in_strings.extend(words(text).map(str::to_owned));
        }
    }
}

fn may_be_query(body: &LetBody) -> bool {
    let LetBody::Expr(value) = body else { return true };
    let mut has = HasSource(false);
    has.visit_expr(value);
    has.0 || matches!(&value.kind, ExprKind::Symbol(_) | ExprKind::Paren(_))
}

struct HasSource(bool);

impl<'t> Visit<'t> for HasSource {
    fn visit_source(&mut self, _: &'t Source) {
        self.0 = true;
    }
}

/// Possible names in a text that is not, or not only, VQL.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit()))
}

/// Every word in a VQL text, including those in strings.
pub(crate) fn words_used(text: &str) -> BTreeSet<String> {
    let pieces = scan::pieces(text);
    let pieces = pieces.filter(|(piece, _)| matches!(piece, scan::Piece::Word | scan::Piece::Text));
    pieces
        .flat_map(|(_, range)| words(text.get(range).unwrap_or_default()))
        .map(str::to_owned)
        .collect()
}

/// An offset in the type of spans.
pub(crate) fn small(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
