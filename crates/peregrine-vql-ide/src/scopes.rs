//! A walk over a text that tracks which rows are visible where.

use crate::catalogue::{Callable, Catalogue, Column};
use crate::columns::{Columns, Inference, Layer};
use crate::names::Names;
use peregrine_vql::ast::visit::{self, Visit};
use peregrine_vql::ast::{
    self, Arg, ArgValue, ColumnKind, Expr, ExprKind, File, Let, Select, Source, StrLit, Symbol,
};
use peregrine_vql::column_name;
use std::sync::Arc;

/// The current place of the walk.
pub(crate) struct Place<'p> {
    /// The LET whose body this is, if the body is evaluated where the LET is used.
    pub(crate) container: Option<&'p Let>,
    /// The visible rows, innermost last.
    pub(crate) layers: &'p [Layer],
    /// Rows that a query passed on from here may also see.
    pub(crate) passed_to: &'p [Layer],
}

/// Receives the parts of the walk it wants to see; every method is optional.
pub(crate) trait Observer {
    /// A name or call in an expression.
    fn symbol(&mut self, _symbol: &Symbol, _place: &Place<'_>) {}
    /// A literal string.
    fn text(&mut self, _text: &StrLit, _expr: &Expr, _place: &Place<'_>) {}
    /// The source after FROM; it sees what the whole SELECT sees.
    fn source(&mut self, _source: &Source, _place: &Place<'_>) {}
    /// A SELECT, before its parts; `own` are the rows of its source.
    fn select(&mut self, _select: &Select, _own: &Layer, _place: &Place<'_>) {}
    /// A comparison with a constant pattern.
    fn compare(&mut self, _expr: &Expr, _place: &Place<'_>) {}
}

pub(crate) fn walk(
    file: &File,
    inference: &Inference<'_>,
    names: &Names,
    catalogue: &Catalogue,
    observer: &mut dyn Observer,
) {
    let mut walker = Walker {
        inference,
        names,
        catalogue,
        observer,
        container: None,
        layers: Vec::new(),
        passed_to: Vec::new(),
    };
    for statement in &file.statements {
        walker.visit_statement(statement);
    }
}

struct Walker<'a> {
    inference: &'a Inference<'a>,
    names: &'a Names,
    catalogue: &'a Catalogue,
    observer: &'a mut dyn Observer,
    container: Option<&'a Let>,
    layers: Vec<Layer>,
    passed_to: Vec<Layer>,
}

impl<'a> Walker<'a> {
    /// Calls the observer with the current place.
    fn show(&mut self, look: impl FnOnce(&mut dyn Observer, &Place<'_>)) {
        let place = Place {
            container: self.container,
            layers: &self.layers,
            passed_to: &self.passed_to,
        };
        look(self.observer, &place);
    }

    fn args(&mut self, callable: Option<&'a Callable>, args: &'a [Arg]) {
        for arg in args {
            let pushed = self.inference.pushed(callable, args, arg);
            let is_query = matches!(arg.value, ArgValue::Query(_));
            let depth = self.layers_for(is_query).len();
            self.layers_for(is_query).extend(pushed);
            self.visit_arg(arg);
            self.layers_for(is_query).truncate(depth);
        }
    }

    /// The layers for the rows visible to an argument: a query is evaluated with them, other values are
    /// passed on.
    fn layers_for(&mut self, is_query: bool) -> &mut Vec<Layer> {
        if is_query {
            &mut self.layers
        } else {
            &mut self.passed_to
        }
    }
}

impl<'a> Visit<'a> for Walker<'a> {
    fn visit_let(&mut self, binding: &'a Let) {
        // Values evaluated immediately see only LETs and variables.
        let is_lazy = !binding.materialize || binding.params.is_some();
        self.container = is_lazy.then_some(binding);
        visit::visit_let(self, binding);
        self.container = None;
    }

    /// Not in source order: the source after FROM does not see the rows it produces, but everything else
    /// does.
    fn visit_select(&mut self, select: &'a Select) {
        let own = self.inference.layer(&select.from);
        self.show(|observer, place| observer.select(select, &own, place));
        self.visit_source(&select.from);
        self.layers.push(own);
        for column in &select.columns {
            self.visit_column(column);
        }
        self.layers.push(aliases(select));
        for list in select.filter.iter().chain(&select.group_by) {
            self.visit_list(list);
        }
        self.layers.pop();
        self.layers.pop();
    }

    fn visit_source(&mut self, source: &'a Source) {
        self.show(|observer, place| observer.source(source, place));
        let callable = match source.path.as_slice() {
            [name] => self.catalogue.plugins.get(&*name.text),
            _ => None,
        };
        self.args(callable, source.args.as_deref().unwrap_or_default());
    }

    fn visit_symbol(&mut self, symbol: &'a Symbol) {
        self.show(|observer, place| observer.symbol(symbol, place));
        let callable = match symbol.path.as_slice() {
            [name] if !self.names.variables.contains(&*name.text) => {
                self.catalogue.functions.get(&*name.text)
            }
            _ => None,
        };
        self.args(callable, symbol.args.as_deref().unwrap_or_default());
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match &expr.kind {
            ExprKind::Compare(..) => self.show(|observer, place| observer.compare(expr, place)),
            ExprKind::Str(text) => self.show(|observer, place| observer.text(text, expr, place)),
            _ => {}
        }
        visit::visit_expr(self, expr);
    }
}

/// What WHERE and GROUP BY see in addition to the source rows.
fn aliases(query: &Select) -> Layer {
    let is_renamed = |column: &&ast::Column| {
        // `SELECT a` defines `a`, which is the same value under the same name.
        let ColumnKind::Expr(value) = &column.kind else {
            return true;
        };
        let is_name = matches!(&value.kind, ExprKind::Symbol(symbol) if symbol.path.len() == 1 && symbol.args.is_none());
        column.alias.is_some() || !is_name
    };
    let names = query.columns.iter().filter(is_renamed).map(|column| Column {
        name: column_name(column),
        doc: String::new(),
    });
    Layer {
        columns: Columns::Known(Arc::new(names.collect())),
        origin: String::new(),
    }
}
