//! Infers the columns of rows, as far as the text allows.

use crate::catalogue::{Callable, Catalogue, Column, Pushed, Rows};
use crate::names::Names;
use peregrine_vql::ast::{Arg, ArgValue, ColumnKind, ExprKind, File, LetBody, Select, Source, StatementKind};
use peregrine_vql::{column_name, print_source};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The columns of rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Columns {
    /// Unknown columns.
    Unknown,
    /// Exactly these.
    Known(Arc<Vec<Column>>),
}

impl Columns {
    fn known(columns: Vec<Column>) -> Columns {
        Columns::Known(Arc::new(columns))
    }

    pub(crate) fn list(&self) -> &[Column] {
        match self {
            Columns::Unknown => &[],
            Columns::Known(columns) => columns,
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Column> {
        self.list().iter().find(|column| column.name == name)
    }
}

/// Rows that are visible somewhere.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) columns: Columns,
    /// Where they come from, in words for the user.
    pub(crate) origin: String,
}

impl Layer {
    pub(crate) fn unknown() -> Layer {
        Layer {
            columns: Columns::Unknown,
            origin: String::new(),
        }
    }
}

/// Infers columns.
pub(crate) struct Inference<'a> {
    catalogue: &'a Catalogue,
    names: &'a Names,
    lets: BTreeMap<String, Columns>,
}

impl<'a> Inference<'a> {
    /// LETs are examined in source order; uses of later ones count as unknown.
    pub(crate) fn new<'f>(
        files: impl IntoIterator<Item = &'f File>,
        names: &'a Names,
        catalogue: &'a Catalogue,
    ) -> Inference<'a> {
        let mut inference = Inference {
            catalogue,
            names,
            lets: BTreeMap::new(),
        };
        for statement in files.into_iter().flat_map(|file| &file.statements) {
            if let StatementKind::Let(binding) = &statement.kind
                && let LetBody::Query(query) = &binding.body
            {
                let columns = inference.of_select(query);
                inference.lets.insert(binding.name.text.to_string(), columns);
            }
        }
        inference
    }

    /// The columns of a query.
    pub(crate) fn of_select(&self, select: &Select) -> Columns {
        let has_star = select.star || select.columns.iter().any(is_star);
        let source = if has_star {
            self.of_source(&select.from)
        } else {
            Columns::known(Vec::new())
        };
        let Columns::Known(source) = source else {
            return Columns::Unknown;
        };
        let mut columns: Vec<Column> = source.to_vec();
        for column in select.columns.iter().filter(|column| !is_star(column)) {
            let name = column_name(column);
            columns.retain(|known| known.name != name);
            columns.push(Column {
                name,
                doc: String::new(),
            });
        }
        Columns::known(columns)
    }

    /// The columns of the source after FROM.
    pub(crate) fn of_source(&self, source: &Source) -> Columns {
        let [name] = source.path.as_slice() else {
            return Columns::Unknown;
        };
        match &source.args {
            Some(args) => match self.catalogue.plugins.get(&*name.text) {
                Some(callable) => self.of_plugin(callable, args),
                None => self.of_let(&name.text),
            },
            None => self.of_let(&name.text),
        }
    }

    /// The rows of a source, with a name for messages.
    pub(crate) fn layer(&self, source: &Source) -> Layer {
        let name = source.path.first().map(|name| name.text.to_string());
        let is_short = source.args.as_ref().is_none_or(Vec::is_empty);
        let origin = match name {
            Some(name) if !is_short => format!("{name}()"),
            _ => print_source(source),
        };
        Layer {
            columns: self.of_source(source),
            origin,
        }
    }

    /// The columns of a LET, if nothing else has this name.
    pub(crate) fn of_let(&self, name: &str) -> Columns {
        if self.names.ambiguous.contains(name) || self.names.variables.contains(name) {
            return Columns::Unknown;
        }
        self.lets.get(name).cloned().unwrap_or(Columns::Unknown)
    }

    fn of_plugin(&self, callable: &Callable, args: &[Arg]) -> Columns {
        let given = |name: &str| args.iter().rev().find(|arg| &*arg.name.text == name);
        if given("**").is_some() {
            return Columns::Unknown;
        }
        match &callable.rows {
            Rows::Varying => Columns::Unknown,
            Rows::Fixed(columns) => Columns::Known(Arc::clone(columns)),
            Rows::Of(names, unless) => {
                if unless.as_deref().is_some_and(|name| given(name).is_some()) {
                    return Columns::Unknown;
                }
                names
                    .iter()
                    .find_map(|name| given(name))
                    .map_or(Columns::Unknown, |arg| self.of_arg(arg))
            }
            Rows::OfAnyBut(others) => {
                let mut all: Vec<Column> = Vec::new();
                for arg in args
                    .iter()
                    .filter(|arg| others.iter().all(|other| **other != *arg.name.text))
                {
                    let Columns::Known(columns) = self.of_arg(arg) else {
                        return Columns::Unknown;
                    };
                    let is_new = |new: &&Column| all.iter().all(|old| old.name != new.name);
                    let fresh: Vec<Column> = columns.iter().filter(is_new).cloned().collect();
                    all.extend(fresh);
                }
                Columns::known(all)
            }
        }
    }

    /// The rows of an argument that is used as a query.
    fn of_arg(&self, arg: &Arg) -> Columns {
        match &arg.value {
            ArgValue::Query(query) => self.of_select(query),
            ArgValue::Array(_) => Columns::Unknown,
            ArgValue::Expr(value) => match &value.kind {
                ExprKind::Symbol(symbol) if !symbol.negated => match symbol.path.as_slice() {
                    [name] if symbol.args.is_none() => self.of_let(&name.text),
                    [name]
                        if symbol.args.as_ref().is_some_and(|args| !args.is_empty())
                            && !self.catalogue.functions.contains_key(&*name.text) =>
                    {
                        self.of_let(&name.text)
                    }
                    _ => Columns::Unknown,
                },
                _ => Columns::Unknown,
            },
        }
    }

    /// What a query given as `arg` to this callee sees in addition to the scope of the call.
    pub(crate) fn pushed(&self, callable: Option<&Callable>, args: &[Arg], arg: &Arg) -> Option<Layer> {
        match callable.map(|callable| &callable.pushed) {
            Some(Pushed::Nothing) => None,
            Some(Pushed::RowsOf(rows, _)) if *arg.name.text == **rows => None,
            Some(Pushed::RowsOf(rows, unless)) => {
                let given = |name: &str| args.iter().rev().find(|other| &*other.name.text == name);
                let is_other = unless.as_deref().is_some_and(|name| given(name).is_some());
                Some(match given(rows).filter(|_| !is_other && given("**").is_none()) {
                    Some(given) => Layer {
                        columns: self.of_arg(given),
                        origin: format!("`{rows}`"),
                    },
                    None => Layer::unknown(),
                })
            }
            Some(Pushed::Unknown) | None => Some(Layer::unknown()),
        }
    }
}

fn is_star(column: &peregrine_vql::ast::Column) -> bool {
    matches!(column.kind, ColumnKind::Star) && column.alias.is_none()
}
