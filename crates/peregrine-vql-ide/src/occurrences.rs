//! Every occurrence of a name, and its meaning.

use crate::catalogue::Catalogue;
use crate::columns::{Columns, Inference, Layer};
use crate::names::Names;
use crate::scopes::{self, Observer, Place};
use crate::surroundings::Surroundings;
use crate::{ARTIFACT, calls};
use peregrine_vql::ast::visit::{Visit, visit_symbol};
use peregrine_vql::ast::{Arg, Expr, File, Name, Select, Source, Span, StatementKind, StrLit, Symbol};
use peregrine_vql::{parse_lambda, parse_recovering};

/// The meaning of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A built-in function.
    Function(String),
    Plugin(String),
    /// An artifact, without `Artifact.`.
    Artifact(String),
    /// An argument in a call of `callee`, which may be a LET.
    Argument {
        /// What is called.
        callee: String,
        /// True if it follows FROM.
        is_source: bool,
        /// The argument.
        name: String,
    },
    Let(String),
    /// A parameter of a LET.
    Parameter {
        /// The LET.
        of: String,
        /// The parameter.
        name: String,
    },
    /// A column of rows.
    Column {
        name: String,
        /// What it holds.
        doc: String,
        /// The source of the rows; empty for an alias.
        origin: String,
    },
    /// A variable given from outside.
    Given(String),
    /// A name whose meaning is unknown.
    Unknown(String),
}

/// An occurrence of a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence {
    /// Its place.
    pub span: Span,
    /// What it means.
    pub what: What,
    /// True if the name is defined here.
    pub is_definition: bool,
    /// True in a string with escapes, where the exact place is unknown.
    pub is_blurred: bool,
    /// The columns that are visible there.
    pub(crate) visible: Vec<Columns>,
}

/// The occurrences to find.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// The one at this byte.
    At(u32),
    /// Those of this name.
    Named(&'a str),
}

impl Wanted<'_> {
    fn fits(self, name: &str, span: Span) -> bool {
        match self {
            Wanted::At(offset) => span.start <= offset && offset <= span.end,
            Wanted::Named(wanted) => wanted == name,
        }
    }
}

/// The name at a byte of the text.
#[must_use]
pub fn occurrence_at(
    text: &str,
    position: usize,
    around: &Surroundings,
    catalogue: &Catalogue,
) -> Option<Occurrence> {
    let offset = u32::try_from(position).ok()?;
    let found = occurrences(text, Wanted::At(offset), around, catalogue);
    // Between two names, the one that begins here is meant.
    found.into_iter().max_by_key(|occurrence| occurrence.span.start)
}

/// The statement that defines a LET: its name, and the whole statement.
#[must_use]
pub fn let_definition(text: &str, name: &str) -> Option<(Span, Span)> {
    let (file, _) = parse_recovering(text);
    file.statements
        .iter()
        .rev()
        .find_map(|statement| match &statement.kind {
            StatementKind::Let(binding) if *binding.name.text == *name => {
                Some((binding.name.span, statement.span))
            }
            _ => None,
        })
}

/// The occurrences at a place, or of a name, in order.
pub(crate) fn occurrences(
    text: &str,
    wanted: Wanted<'_>,
    around: &Surroundings,
    catalogue: &Catalogue,
) -> Vec<Occurrence> {
    let (file, _) = parse_recovering(text);
    let files = || around.before.iter().chain([&file]);
    let names = Names::of(files());
    let inference = Inference::new(files(), &names, catalogue);
    let mut finder = Finder {
        wanted,
        names: &names,
        inference: &inference,
        around,
        catalogue,
        found: Vec::new(),
    };
    finder.definitions(&file);
    scopes::walk(&file, &inference, &names, catalogue, &mut finder);
    let mut found = finder.found;
    found.sort_by_key(|occurrence| (occurrence.span.start, occurrence.span.end));
    found.dedup();
    found
}

struct Finder<'a> {
    wanted: Wanted<'a>,
    names: &'a Names,
    inference: &'a Inference<'a>,
    around: &'a Surroundings,
    catalogue: &'a Catalogue,
    found: Vec<Occurrence>,
}

impl Finder<'_> {
    fn add(&mut self, span: Span, what: What, layers: &[Layer]) {
        self.found.push(Occurrence {
            span,
            what,
            is_definition: false,
            is_blurred: false,
            visible: layers.iter().map(|layer| layer.columns.clone()).collect(),
        });
    }

    fn fits(&self, name: &Name) -> bool {
        self.wanted.fits(&name.text, name.span)
    }

    fn define(&mut self, name: &Name, what: What) {
        if self.fits(name) {
            self.add(name.span, what, &[]);
            if let Some(last) = self.found.last_mut() {
                last.is_definition = true;
            }
        }
    }

    fn definitions(&mut self, file: &File) {
        for statement in &file.statements {
            let StatementKind::Let(binding) = &statement.kind else {
                continue;
            };
            let of = binding.name.text.to_string();
            self.define(&binding.name, What::Let(of.clone()));
            for param in binding.params.iter().flatten() {
                let name = param.name.text.to_string();
                self.define(&param.name, What::Parameter { of: of.clone(), name });
            }
        }
    }

    fn meaning(&self, name: &str, place: &Place<'_>) -> What {
        let text = name.to_owned();
        for layer in place.layers.iter().rev() {
            if let Some(column) = layer.columns.get(name) {
                return What::Column {
                    name: text,
                    doc: column.doc.clone(),
                    origin: layer.origin.clone(),
                };
            }
        }
        let container = place.container.filter(|binding| {
            let mut params = binding.params.iter().flatten();
            params.any(|param| *param.name.text == *name)
        });
        if let Some(binding) = container {
            let of = binding.name.text.to_string();
            What::Parameter { of, name: text }
        } else if self.names.lets.contains_key(name) {
            What::Let(text)
        } else if self.around.variables.iter().any(|variable| variable.name == name) {
            What::Given(text)
        } else {
            What::Unknown(text)
        }
    }

    /// A dotted name, called or not.
    fn path(&mut self, path: &[Name], args: Option<&[Arg]>, is_source: bool, place: &Place<'_>) {
        let [first, rest @ ..] = path else { return };
        let is_artifact = &*first.text == ARTIFACT && !self.names.has(ARTIFACT);
        let builtins = if is_source {
            &self.catalogue.plugins
        } else {
            &self.catalogue.functions
        };
        let is_builtin = rest.is_empty() && args.is_some() && builtins.contains_key(&*first.text);
        if let (true, [start, ..]) = (is_artifact, rest) {
            let name = calls::dotted(rest);
            let span = Span {
                start: start.span.start,
                end: rest.last().map_or(start.span.end, |last| last.span.end),
            };
            if self.wanted.fits(&name, span) {
                self.add(span, What::Artifact(name), place.layers);
            }
        } else if is_builtin && self.fits(first) {
            let name = first.text.to_string();
            let what = if is_source {
                What::Plugin(name)
            } else {
                What::Function(name)
            };
            self.add(first.span, what, place.layers);
        }
        if !is_builtin && self.fits(first) {
            self.add(first.span, self.meaning(&first.text, place), place.layers);
        }
        let callee = if is_artifact && !rest.is_empty() {
            format!("{ARTIFACT}.{}", calls::dotted(rest))
        } else {
            first.text.to_string()
        };
        for arg in args.unwrap_or_default() {
            if self.fits(&arg.name) {
                let what = What::Argument {
                    callee: callee.clone(),
                    is_source,
                    name: arg.name.text.to_string(),
                };
                self.add(arg.name.span, what, &[]);
            }
        }
    }
}

impl Observer for Finder<'_> {
    fn symbol(&mut self, symbol: &Symbol, place: &Place<'_>) {
        self.path(&symbol.path, symbol.args.as_deref(), false, place);
    }

    fn source(&mut self, source: &Source, place: &Place<'_>) {
        self.path(&source.path, source.args.as_deref(), true, place);
    }

    fn select(&mut self, select: &Select, _: &Layer, _: &Place<'_>) {
        let column = |name: &Name, doc: String| What::Column {
            name: name.text.to_string(),
            doc,
            origin: String::new(),
        };
        for alias in select.columns.iter().filter_map(|column| column.alias.as_ref()) {
            self.define(alias, column(alias, String::new()));
        }
        if let Some(order) = &select.order_by
            && self.fits(&order.column)
        {
            let columns = self.inference.of_select(select);
            let doc = columns.get(&order.column.text).map(|column| column.doc.clone());
            self.add(
                order.column.span,
                column(&order.column, doc.unwrap_or_default()),
                &[],
            );
        }
    }

    /// A lambda in a string.
    fn text(&mut self, text: &StrLit, expr: &Expr, place: &Place<'_>) {
        let Wanted::Named(wanted) = self.wanted else {
            return;
        };
        let Ok(value) = std::str::from_utf8(&text.value) else {
            return;
        };
        if !value.contains(wanted) || !value.contains("=>") {
            return;
        }
        let Ok(lambda) = parse_lambda(value) else { return };
        if lambda.params.iter().any(|param| &*param.text == wanted) {
            return;
        }
        let mut uses = NamedSymbols {
            wanted,
            spans: Vec::new(),
        };
        uses.visit_expr(&lambda.body);
        let quote = if text.source.starts_with("'''") { 3 } else { 1 };
        let is_blurred = text.source.contains('\\') && quote == 1;
        for span in uses.spans {
            let begin = expr.span.start + quote;
            let span = Span {
                start: begin + span.start,
                end: begin + span.end,
            };
            self.add(span, self.meaning(wanted, place), place.layers);
            if let Some(last) = self.found.last_mut() {
                last.is_blurred = is_blurred;
            }
        }
    }
}

/// Finds the uses of a name in an expression.
struct NamedSymbols<'a> {
    wanted: &'a str,
    spans: Vec<Span>,
}

impl<'t> Visit<'t> for NamedSymbols<'_> {
    fn visit_symbol(&mut self, symbol: &'t Symbol) {
        let first = symbol.path.first().filter(|name| &*name.text == self.wanted);
        self.spans.extend(first.map(|name| name.span));
        visit_symbol(self, symbol);
    }
}
