//! Checks LETs: unused ones, ones that hide another, ones that are never called.

use crate::calls::finding;
use crate::catalogue::Catalogue;
use crate::surroundings::Surroundings;
use crate::{MAX_FINDINGS, code};
use peregrine_vql::ast::visit::{Visit, visit_source, visit_symbol};
use peregrine_vql::ast::{File, Let, LetBody, Source, Statement, StatementKind, StrLit, Symbol};
use peregrine_vql::{Diagnostic, Severity, parse, parse_lambda};
use std::collections::{BTreeMap, BTreeSet};

/// Strings are searched to this depth (a lambda in a query in a string).
const MAX_STRINGS: u8 = 4;

pub(crate) fn check(
    file: &File,
    around: &Surroundings,
    catalogue: &Catalogue,
    findings: &mut Vec<Diagnostic>,
) {
    // The names each statement uses, and how many statements use each name.
    let uses: Vec<BTreeSet<String>> = file.statements.iter().map(uses_of).collect();
    let mut users: BTreeMap<&str, usize> = BTreeMap::new();
    for name in uses.iter().flatten() {
        *users.entry(name).or_default() += 1;
    }
    let mut earlier_lets: BTreeMap<&str, (usize, &Let)> = BTreeMap::new();
    // The last statement so far that used a name when it ran.
    let mut used_at: BTreeMap<&str, usize> = BTreeMap::new();
    let mut next = 0;
    let lets: Vec<(usize, &Let)> = file
        .statements
        .iter()
        .enumerate()
        .filter_map(|(at, statement)| match &statement.kind {
            StatementKind::Let(binding) => Some((at, binding)),
            StatementKind::Select(_) => None,
        })
        .collect();
    // A file with only LETs is meant to be used by another.
    let has_query = lets.len() < file.statements.len();
    let limit = findings.len() + MAX_FINDINGS;
    for &(at, binding) in &lets {
        if findings.len() >= limit {
            return;
        }
        let name = &*binding.name.text;
        let own = usize::from(uses[at].contains(name));
        let is_used = users.get(name).is_some_and(|users| *users > own)
            || around.used_elsewhere.contains(name)
            || catalogue.read_by_host.contains(name)
            || is_setting(name);
        // `LET x <= f()` may exist for the side effects of f.
        let has_effect = binding.materialize && matches!(binding.body, LetBody::Expr(_));
        if has_query && !is_used && !has_effect && !name.starts_with('_') {
            let message = format!("`{name}` is never used");
            let help = "remove it, or begin its name with `_`".to_owned();
            let span = binding.name.span;
            findings.push(finding(
                Severity::Warning,
                code::UNUSED_LET,
                span,
                message,
                Some(help),
            ));
        }
        for (past, statement) in file.statements.iter().enumerate().take(at).skip(next) {
            if runs_at_once(statement) {
                used_at.extend(uses[past].iter().map(|name| (name.as_str(), past)));
            }
        }
        next = at;
        let earlier = earlier_lets.insert(name, (at, binding));
        let earlier = earlier
            .filter(|(position, _)| used_at.get(name).is_none_or(|used| used <= position))
            .map(|(_, binding)| binding);
        // `LET x = x + 1` extends the earlier one, and `LET _ <= f()` only runs something.
        if let Some(earlier) = earlier
            && !uses[at].contains(name)
            && !name.starts_with('_')
        {
            let message = format!("`{name}` hides an earlier LET of this name");
            let mut found = finding(
                Severity::Warning,
                code::SHADOWED_LET,
                binding.name.span,
                message,
                None,
            );
            found
                .labels
                .push((earlier.name.span, "the earlier one".to_owned()));
            findings.push(found);
        }
        if let Some(kind) = hidden_by(binding, catalogue) {
            let message = format!("`{name}()` calls the built-in {kind}, not this LET");
            let help = "choose another name".to_owned();
            let span = binding.name.span;
            findings.push(finding(
                Severity::Warning,
                code::HIDDEN_BY_BUILTIN,
                span,
                message,
                Some(help),
            ));
        }
    }
}

fn runs_at_once(statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::Select(_) => true,
        StatementKind::Let(binding) => binding.materialize,
    }
}

/// Accessors and functions read variables with such names, as in `LET SSH_CONFIG = …`.
fn is_setting(name: &str) -> bool {
    !name.contains(|c: char| c.is_lowercase())
}

/// The names a statement uses.
pub(crate) fn uses_of(statement: &Statement) -> BTreeSet<String> {
    let mut uses = Uses::default();
    uses.visit_statement(statement);
    uses.names
}

/// The callable that takes precedence over a LET with parameters.
fn hidden_by(binding: &Let, catalogue: &Catalogue) -> Option<&'static str> {
    binding.params.as_ref()?;
    let name = &binding.name.text;
    match binding.body {
        LetBody::Query(_) => catalogue
            .plugins
            .get(&**name)
            .filter(|callable| !callable.is_missing)
            .map(|_| "plugin"),
        LetBody::Expr(_) => catalogue
            .functions
            .get(&**name)
            .filter(|callable| !callable.is_missing)
            .map(|_| "function"),
    }
}

/// Collects the names that are used; strings may be lambdas or queries.
#[derive(Default)]
struct Uses {
    names: BTreeSet<String>,
    strings: u8,
}

impl<'t> Visit<'t> for Uses {
    fn visit_source(&mut self, source: &'t Source) {
        self.names
            .extend(source.path.first().map(|name| name.text.to_string()));
        visit_source(self, source);
    }

    fn visit_symbol(&mut self, symbol: &'t Symbol) {
        self.names
            .extend(symbol.path.first().map(|name| name.text.to_string()));
        visit_symbol(self, symbol);
    }

    fn visit_text(&mut self, text: &'t StrLit) {
        let Ok(text) = std::str::from_utf8(&text.value) else {
            return;
        };
        // `get(member='X.y')` and templates also name variables in strings.
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        if self.strings < MAX_STRINGS {
            self.strings += 1;
            if let Ok(lambda) = parse_lambda(text) {
                self.visit_expr(&lambda.body);
            } else if let Ok(file) = parse(text) {
                file.statements
                    .iter()
                    .for_each(|statement| self.visit_statement(statement));
            } else if text.len() < 100 {
                self.names
                    .extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
            }
            self.strings -= 1;
        }
    }
}
