//! Finds names that nothing defines, and columns that do not exist.
//!
//! Scoping is dynamic: the body of a LET sees the rows of its users. So for every LET, the rows visible at
//! all its uses are collected first, and only then are names checked. A name that could come from rows with
//! unknown columns is ignored.

use crate::calls::finding;
use crate::catalogue::Catalogue;
use crate::columns::{Columns, Inference, Layer};
use crate::names::Names;
use crate::scopes::{self, Observer, Place};
use crate::surroundings::Surroundings;
use crate::{MAX_FINDINGS, code};
use peregrine_base::suggest::{closest, is_slip};
use peregrine_vql::ast::{Arg, Expr, ExprKind, File, Name, Select, Source, Symbol};
use peregrine_vql::{Diagnostic, Severity};
use std::collections::{BTreeMap, BTreeSet};

/// The rows visible where a LET is used.
#[derive(Debug, Clone, Default, PartialEq)]
struct Uses {
    /// True if any name may be visible.
    is_open: bool,
    names: BTreeSet<String>,
    /// LETs whose bodies use it.
    inside: BTreeSet<String>,
}

/// A name that nothing visible in the text defines.
struct Unresolved {
    name: Name,
    container: Option<String>,
    /// The innermost rows.
    origin: Option<String>,
    /// The known columns of the visible rows.
    columns: Vec<Columns>,
}

/// Maximum number of LETs that are considered for a suggestion.
const MAX_NEAR: usize = 1000;

struct Collector<'a> {
    names: &'a Names,
    catalogue: &'a Catalogue,
    inference: &'a Inference<'a>,
    given: BTreeSet<&'a str>,
    uses: BTreeMap<String, Uses>,
    unresolved: Vec<Unresolved>,
    patterns: usize,
    findings: Vec<Diagnostic>,
}

/// Compiling patterns takes time, and an editor waits.
const MAX_PATTERNS: usize = 500;

pub(crate) fn check(
    file: &File,
    names: &Names,
    inference: &Inference<'_>,
    around: &Surroundings,
    catalogue: &Catalogue,
    findings: &mut Vec<Diagnostic>,
) {
    let mut collector = Collector {
        names,
        catalogue,
        inference,
        given: around
            .variables
            .iter()
            .map(|variable| variable.name.as_str())
            .collect(),
        uses: BTreeMap::new(),
        unresolved: Vec::new(),
        patterns: 0,
        findings: Vec::new(),
    };
    scopes::walk(file, inference, names, catalogue, &mut collector);
    let Collector {
        mut uses,
        unresolved,
        findings: found,
        ..
    } = collector;
    findings.extend(found);
    for name in names.lets.keys() {
        let is_used_elsewhere = around.is_library
            || around.used_elsewhere.contains(name)
            || names.in_strings.contains(name)
            || catalogue.read_by_host.contains(name);
        if is_used_elsewhere {
            uses.entry(name.clone()).or_default().is_open = true;
        }
    }
    spread(&mut uses);
    if around.lacks_texts {
        return;
    }
    let is_possible = |name: &Unresolved| {
        let Some(container) = &name.container else {
            return false;
        };
        // An unused LET may be meant for anyone.
        uses.get(container)
            .is_none_or(|uses| uses.is_open || uses.names.contains(&*name.name.text))
    };
    let certain = unresolved.iter().filter(|name| !is_possible(name));
    let judged = certain.filter_map(|name| judge(name, names, around));
    findings.extend(judged.take(MAX_FINDINGS));
}

/// Rows visible where a LET is used are also visible in the LETs used in its body.
fn spread(uses: &mut BTreeMap<String, Uses>) {
    // Each round carries names one step further; a longer chain of LETs counts as unknown.
    for round in 0..=MAX_CHAIN {
        let mut is_stable = true;
        let names: Vec<String> = uses.keys().cloned().collect();
        for name in names {
            let Some(mut own) = uses.get(&name).cloned() else {
                continue;
            };
            let before = (own.is_open, own.names.len());
            for container in own.inside.clone() {
                match uses.get(&container) {
                    // That one is unused, so its scope is unknown.
                    None => own.is_open = true,
                    Some(outer) => {
                        own.is_open |= outer.is_open;
                        own.names.extend(outer.names.iter().cloned());
                    }
                }
            }
            if (own.is_open, own.names.len()) != before {
                is_stable = false;
                own.is_open |= round == MAX_CHAIN;
                uses.insert(name, own);
            }
        }
        if is_stable {
            return;
        }
    }
    uses.values_mut().for_each(|own| own.is_open = true);
}

const MAX_CHAIN: usize = 20;

fn judge(name: &Unresolved, names: &Names, around: &Surroundings) -> Option<Diagnostic> {
    let text = &*name.name.text;
    let columns = name.columns.iter().flat_map(|columns| columns.list());
    let lets = names.lets.keys().take(MAX_NEAR).map(String::as_str);
    let given = around.variables.iter().map(|variable| variable.name.as_str());
    let near = columns
        .map(|column| column.name.as_str())
        .chain(lets)
        .chain(given);
    let (message, help) = if around.is_open {
        // Any variable may be given, so only probable typing errors are reported.
        let near = closest(text, near).filter(|near| is_slip(text, near))?;
        let message = format!("nothing here defines `{text}`");
        (
            message,
            format!("did you mean `{near}`? otherwise `{text}` must be given from outside"),
        )
    } else {
        let message = match &name.origin {
            Some(origin) => format!("unknown name `{text}`: neither a column of `{origin}` nor defined here"),
            None => format!("unknown name `{text}`"),
        };
        let help = closest(text, near)
            .map(|near| format!("did you mean `{near}`?"))
            .unwrap_or_else(|| "it is NULL: define it with LET, or as a parameter".to_owned());
        (message, help)
    };
    let severity = Severity::Warning;
    Some(finding(
        severity,
        code::UNKNOWN_NAME,
        name.name.span,
        message,
        Some(help),
    ))
}

impl Collector<'_> {
    /// Checks a name that is looked up in the scope.
    fn name(&mut self, name: &Name, args: Option<&[Arg]>, place: &Place<'_>) {
        let text = &*name.text;
        if self.names.lets.contains_key(text) {
            self.used(text, args, place);
            return;
        }
        let is_open = place.layers.iter().any(|layer| layer.columns == Columns::Unknown);
        let in_rows = || place.layers.iter().any(|layer| layer.columns.get(text).is_some());
        if is_open || text.starts_with('$') || text == "NULL" || self.given.contains(text) || in_rows() {
            return;
        }
        let own_parameter = place.container.is_some_and(|binding| {
            let mut params = binding.params.iter().flatten();
            params.any(|param| param.name.text == name.text)
        });
        if own_parameter {
            return;
        }
        if self.unresolved.len() >= MAX_FINDINGS * 5 {
            return;
        }
        let rows = || place.layers.iter().rev().filter(|layer| !layer.origin.is_empty());
        let innermost = rows().next().filter(|layer| !layer.columns.list().is_empty());
        self.unresolved.push(Unresolved {
            name: name.clone(),
            container: place.container.map(|binding| binding.name.text.to_string()),
            origin: innermost.map(|layer| layer.origin.clone()),
            columns: rows().map(|layer| layer.columns.clone()).collect(),
        });
    }

    /// `query.column`: the column in all rows of a LET.
    fn member(&mut self, symbol: &Symbol, place: &Place<'_>) {
        let ([first, column, ..], None) = (symbol.path.as_slice(), &symbol.args) else {
            return;
        };
        let Columns::Known(columns) = self.inference.of_let(&first.text) else {
            return;
        };
        let is_hidden =
            |layer: &Layer| layer.columns == Columns::Unknown || layer.columns.get(&first.text).is_some();
        let is_there = columns.iter().any(|known| *known.name == *column.text);
        // Columns of queries in a LET may be hidden where it is used.
        let is_certain = place.container.is_none() && !place.layers.iter().any(is_hidden);
        if is_there || !is_certain || column.text.starts_with('@') || self.findings.len() >= MAX_FINDINGS {
            return;
        }
        let known = columns.iter().map(|column| column.name.as_str());
        let help = closest(&column.text, known.clone()).map_or_else(
            || format!("it has {}", known.collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("the rows of `{}` have no column `{}`", first.text, column.text);
        let severity = Severity::Error;
        self.findings.push(finding(
            severity,
            code::UNKNOWN_COLUMN,
            column.span,
            message,
            Some(help).filter(|_| !columns.is_empty()),
        ));
    }

    fn used(&mut self, name: &str, args: Option<&[Arg]>, place: &Place<'_>) {
        let uses = self.uses.entry(name.to_owned()).or_default();
        let passed_to = if self.names.queries.contains(name) {
            place.passed_to
        } else {
            &[]
        };
        for layer in place.layers.iter().chain(passed_to) {
            uses.is_open |= layer.columns == Columns::Unknown;
            let columns = layer.columns.list().iter();
            uses.names.extend(columns.map(|column| column.name.clone()));
        }
        // All given arguments are bound, even unknown ones.
        for arg in args.unwrap_or_default() {
            uses.is_open |= &*arg.name.text == "**";
            uses.names.insert(arg.name.text.to_string());
        }
        if let Some(container) = place.container {
            let params = container.params.iter().flatten();
            uses.names.extend(params.map(|param| param.name.text.to_string()));
            uses.inside.insert(container.name.text.to_string());
        }
    }
}

impl Observer for Collector<'_> {
    fn symbol(&mut self, symbol: &Symbol, place: &Place<'_>) {
        let Some(first) = symbol.path.first() else { return };
        // Unknown functions are reported by another check.
        let is_call = symbol.path.len() == 1 && symbol.args.is_some();
        if !is_call {
            self.name(first, None, place);
            self.member(symbol, place);
        } else if self.names.lets.contains_key(&*first.text)
            && !self.catalogue.functions.contains_key(&*first.text)
        {
            self.used(&first.text, symbol.args.as_deref(), place);
        }
    }

    fn source(&mut self, source: &Source, place: &Place<'_>) {
        let Some(first) = source.path.first() else { return };
        let is_plugin = self.catalogue.plugins.contains_key(&*first.text);
        match (&source.args, source.path.len()) {
            (Some(_), 1) if is_plugin || !self.names.lets.contains_key(&*first.text) => {}
            (args, 1) if self.names.lets.contains_key(&*first.text) => {
                self.used(&first.text, args.as_deref(), place);
            }
            // `FROM pslist` is reported elsewhere.
            (None, 1) if is_plugin => {}
            _ => self.name(first, None, place),
        }
    }

    fn select(&mut self, select: &Select, _: &Layer, _: &Place<'_>) {
        if self.findings.len() >= MAX_FINDINGS {
            return;
        }
        let Some(order) = &select.order_by else { return };
        let Columns::Known(columns) = self.inference.of_select(select) else {
            return;
        };
        let name = &*order.column.text;
        if columns.iter().any(|column| column.name == name) {
            return;
        }
        let known = columns.iter().map(|column| column.name.as_str());
        let help = closest(name, known.clone()).map_or_else(
            || {
                format!(
                    "add it to the columns of this SELECT: {}",
                    known.collect::<Vec<_>>().join(", ")
                )
            },
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("ORDER BY sees only the columns of this SELECT, and `{name}` is none of them");
        self.findings.push(finding(
            Severity::Error,
            code::UNKNOWN_COLUMN,
            order.column.span,
            message,
            Some(help),
        ));
    }

    fn compare(&mut self, expr: &Expr, _: &Place<'_>) {
        use peregrine_vql::ast::CompareOp;
        let ExprKind::Compare(_, CompareOp::Match, right) = &expr.kind else {
            return;
        };
        let (ExprKind::Str(text), Some(complain)) = (&right.kind, self.catalogue.regex_complaint) else {
            return;
        };
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            return;
        }
        let pattern = String::from_utf8_lossy(&text.value);
        if let Some(complaint) = complain(&pattern) {
            let message = format!("this pattern never matches, it cannot be read: {complaint}");
            self.findings.push(finding(
                Severity::Error,
                code::BAD_PATTERN,
                right.span,
                message,
                None,
            ));
        }
    }
}
