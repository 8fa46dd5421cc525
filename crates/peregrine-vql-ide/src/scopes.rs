//! A walk over a text that knows which rows are visible where.

use crate::catalogue::Catalogue;
use crate::columns::{Columns, Inference, Layer};
use crate::names::Names;
use peregrine_vql::ast::{
    AccessStep, Arg, ArgValue, ColumnKind, Expr, ExprKind, File, Let, LetBody, List, Select, Source,
    StatementKind, StrLit, Symbol,
};
use peregrine_vql::column_name;
use std::sync::Arc;

/// Where the walk is.
pub(crate) struct Place<'p> {
    /// The LET whose body this is, if that is evaluated where it is used.
    pub(crate) container: Option<&'p Let>,
    /// The rows that are visible, the innermost last.
    pub(crate) layers: &'p [Layer],
    /// Rows that a query passed along from here may see, too.
    pub(crate) passed_to: &'p [Layer],
}

/// What somebody wants to see of it; everything is optional.
pub(crate) trait Observer {
    /// A name or call in an expression.
    fn symbol(&mut self, _symbol: &Symbol, _place: &Place<'_>) {}
    /// A literal string.
    fn text(&mut self, _text: &StrLit, _expr: &Expr, _place: &Place<'_>) {}
    /// What stands after FROM; it sees what the whole SELECT sees.
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
        match &statement.kind {
            StatementKind::Select(query) => walker.select(query),
            StatementKind::Let(binding) => walker.binding(binding),
        }
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
    fn binding(&mut self, binding: &'a Let) {
        // What is evaluated now sees nothing but LETs and variables.
        let is_lazy = !binding.materialize || binding.params.is_some();
        self.container = is_lazy.then_some(binding);
        for param in binding.params.iter().flatten() {
            if let Some(default) = &param.default {
                self.arg_value(default);
            }
        }
        match &binding.body {
            LetBody::Query(query) => self.select(query),
            LetBody::Expr(body) => self.expr(body),
        }
        self.container = None;
    }

    fn select(&mut self, query: &'a Select) {
        let own = self.inference.layer(&query.from);
        self.observer.select(
            query,
            &own,
            &Place {
                container: self.container,
                layers: &self.layers,
                passed_to: &self.passed_to,
            },
        );
        self.observer.source(
            &query.from,
            &Place {
                container: self.container,
                layers: &self.layers,
                passed_to: &self.passed_to,
            },
        );
        if let Some(args) = &query.from.args {
            let callee = match query.from.path.as_slice() {
                [name] => Some(&*name.text),
                _ => None,
            };
            let callable = callee.and_then(|name| self.catalogue.plugins.get(name));
            self.args(callable, args);
        }
        self.layers.push(own);
        for column in &query.columns {
            match &column.kind {
                ColumnKind::Star => {}
                ColumnKind::Query(inner) => self.select(inner),
                ColumnKind::Expr(value) => self.expr(value),
            }
        }
        self.layers.push(aliases(query));
        self.list(query.filter.as_ref());
        self.list(query.group_by.as_ref());
        self.layers.pop();
        self.layers.pop();
    }

    fn args(&mut self, callable: Option<&'a crate::catalogue::Callable>, args: &'a [Arg]) {
        for arg in args {
            let pushed = self.inference.pushed(callable, args, arg);
            let (layers, is_query) = match &arg.value {
                ArgValue::Query(_) => (&mut self.layers, true),
                _ => (&mut self.passed_to, false),
            };
            let depth = layers.len();
            layers.extend(pushed);
            self.arg_value(&arg.value);
            let layers = if is_query {
                &mut self.layers
            } else {
                &mut self.passed_to
            };
            layers.truncate(depth);
        }
    }

    fn arg_value(&mut self, value: &'a ArgValue) {
        match value {
            ArgValue::Query(query) => self.select(query),
            ArgValue::Array(items) => self.list(items.as_ref()),
            ArgValue::Expr(value) => self.expr(value),
        }
    }

    fn list(&mut self, items: Option<&'a List>) {
        for item in items.iter().flat_map(|list| &list.items) {
            self.expr(item);
        }
    }

    fn expr(&mut self, value: &'a Expr) {
        match &value.kind {
            ExprKind::And(first, rest) | ExprKind::Or(first, rest) => {
                self.expr(first);
                rest.iter().for_each(|(_, operand)| self.expr(operand));
            }
            ExprKind::Arithmetic(first, rest) => {
                self.expr(first);
                rest.iter().for_each(|(_, operand)| self.expr(operand));
            }
            ExprKind::Not(operand) => self.expr(operand),
            ExprKind::Compare(left, _, right) => {
                self.observer.compare(
                    value,
                    &Place {
                        container: self.container,
                        layers: &self.layers,
                        passed_to: &self.passed_to,
                    },
                );
                self.expr(left);
                self.expr(right);
            }
            ExprKind::Access(base, steps) => {
                self.expr(base);
                for step in steps {
                    match step {
                        AccessStep::Index(index) => index.iter().for_each(|index| self.expr(index)),
                        AccessStep::Slice(from, to) => {
                            from.iter().chain(to).for_each(|bound| self.expr(bound));
                        }
                        AccessStep::Member(_) => {}
                    }
                }
            }
            ExprKind::Symbol(symbol) => self.symbol(symbol),
            ExprKind::Paren(items) => self.list(Some(items)),
            ExprKind::Str(text) => self.observer.text(
                text,
                value,
                &Place {
                    container: self.container,
                    layers: &self.layers,
                    passed_to: &self.passed_to,
                },
            ),
            ExprKind::Number(_) | ExprKind::Bool { .. } | ExprKind::Null => {}
        }
    }

    fn symbol(&mut self, symbol: &'a Symbol) {
        self.observer.symbol(
            symbol,
            &Place {
                container: self.container,
                layers: &self.layers,
                passed_to: &self.passed_to,
            },
        );
        let Some(args) = &symbol.args else { return };
        let callable = match symbol.path.as_slice() {
            [name] if !self.names.variables.contains(&*name.text) => {
                self.catalogue.functions.get(&*name.text)
            }
            _ => None,
        };
        self.args(callable, args);
    }
}

/// What WHERE and GROUP BY see over the rows of the source.
fn aliases(query: &Select) -> Layer {
    let is_renamed = |column: &&peregrine_vql::ast::Column| {
        // `SELECT a` gives `a`: that is the same thing by the same name.
        let ColumnKind::Expr(value) = &column.kind else {
            return true;
        };
        let is_name = matches!(&value.kind, ExprKind::Symbol(symbol) if symbol.path.len() == 1 && symbol.args.is_none());
        column.alias.is_some() || !is_name
    };
    let names = query
        .columns
        .iter()
        .filter(is_renamed)
        .map(|column| crate::catalogue::Column {
            name: column_name(column),
            doc: String::new(),
        });
    Layer {
        columns: Columns::Known(Arc::new(names.collect())),
        origin: String::new(),
    }
}
