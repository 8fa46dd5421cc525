//! Everything that can be called, as plain data, filled in by code that knows the registry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One argument of a function or plugin, or one parameter of an artifact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Argument {
    pub name: String,
    /// Its type as the manual names it (`string`, `int64`, `Dict`, `Lambda` …); unknown ones are not checked.
    pub type_name: String,
    /// True if a call without it fails.
    pub required: bool,
    /// True if it takes a list.
    pub repeated: bool,
    /// Its default, as source text.
    pub default: Option<String>,
    /// What it means.
    pub doc: String,
}

/// A column of a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// What it holds, if documented.
    pub doc: String,
}

/// The columns of the rows of a plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Rows {
    /// Known only when it runs.
    #[default]
    Varying,
    /// Always these.
    Fixed(Arc<Vec<Column>>),
    /// Those of the query in the first of these arguments that is given, unless the second argument is given.
    Of(Vec<String>, Option<String>),
    /// Those of any of the queries given in arguments other than these.
    OfAnyBut(Vec<String>),
}

/// What a callee adds to the scope in which its query arguments run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Pushed {
    /// Unknown.
    #[default]
    Unknown,
    Nothing,
    /// The rows of this argument, for the other ones, unless the second argument is given.
    RowsOf(String, Option<String>),
}

/// A function or plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Callable {
    /// Its arguments.
    pub args: Vec<Argument>,
    /// True if it takes any other argument too.
    pub free_form: bool,
    /// True if it is part of the language but not of this program.
    pub is_missing: bool,
    /// The manual page, Markdown.
    pub doc: String,
    /// For a plugin: its columns.
    pub rows: Rows,
    /// What the queries given to it see.
    pub pushed: Pushed,
}

/// An artifact that may be called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Artifact {
    pub parameters: Vec<Argument>,
    /// What it collects, Markdown.
    pub doc: String,
}

/// All names; functions and plugins have separate name spaces.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// The callees of `name(…)` in an expression.
    pub functions: BTreeMap<String, Callable>,
    /// The callees of `FROM name(…)`.
    pub plugins: BTreeMap<String, Callable>,
    /// The callees of `Artifact.name(…)`; if there are none, such calls are not checked.
    pub artifacts: BTreeMap<String, Artifact>,
    /// LETs that the host looks up by name, such as `ColumnTypes`.
    pub read_by_host: BTreeSet<String>,
    /// Checks a regular expression and returns its error; without it they are not checked.
    pub regex_complaint: Option<fn(&str) -> Option<String>>,
}

impl Catalogue {
    /// The names of the functions in this program.
    pub fn function_names(&self) -> impl Iterator<Item = &str> {
        present(&self.functions)
    }

    /// The names of the plugins in this program.
    pub fn plugin_names(&self) -> impl Iterator<Item = &str> {
        present(&self.plugins)
    }
}

fn present(of: &BTreeMap<String, Callable>) -> impl Iterator<Item = &str> {
    of.iter()
        .filter(|(_, callable)| !callable.is_missing)
        .map(|(name, _)| name.as_str())
}
