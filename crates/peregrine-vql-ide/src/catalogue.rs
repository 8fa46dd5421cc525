//! What can be called: plain data, filled in by who knows functions by name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One argument of a function or plugin, or one parameter of an artifact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// Its type as the manual names it (`string`, `int64`, `Dict`, `Lambda` …); unknown ones are not checked.
    pub type_name: String,
    /// A call without it fails.
    pub required: bool,
    /// It takes a list.
    pub repeated: bool,
    /// Its default, as source text.
    pub default: Option<String>,
    /// What it means.
    pub doc: String,
}

/// A column of a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds, if somebody says.
    pub doc: String,
}

/// The columns of the rows a plugin gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Rows {
    /// Known only when it runs.
    #[default]
    Varying,
    /// Always these.
    Fixed(Arc<Vec<Column>>),
    /// Those of the query in the first of these arguments that is given, unless another argument is.
    Of(Vec<String>, Option<String>),
    /// Those of any of the queries given, in whatever argument but these.
    OfAnyBut(Vec<String>),
}

/// What a callee puts over the scope in which the queries given to it run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Pushed {
    /// Nobody knows.
    #[default]
    Unknown,
    /// Nothing.
    Nothing,
    /// The rows of this argument, for the other ones, unless another argument is given.
    RowsOf(String, Option<String>),
}

/// A function or plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Callable {
    /// What it takes.
    pub args: Vec<Argument>,
    /// It takes any other argument too.
    pub free_form: bool,
    /// The language has it, this program has not.
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
    /// Its parameters.
    pub parameters: Vec<Argument>,
    /// What it collects, Markdown.
    pub doc: String,
}

/// Everything with a name; functions and plugins are separate name spaces.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// What `name(…)` in an expression calls.
    pub functions: BTreeMap<String, Callable>,
    /// What `FROM name(…)` calls.
    pub plugins: BTreeMap<String, Callable>,
    /// What `Artifact.name(…)` calls; when there are none, such calls are not checked.
    pub artifacts: BTreeMap<String, Artifact>,
    /// LETs that are looked at by name by who runs the query, such as `ColumnTypes`.
    pub read_by_host: BTreeSet<String>,
    /// Tells what is wrong with a regular expression; without it they are not checked.
    pub regex_complaint: Option<fn(&str) -> Option<String>>,
}

impl Catalogue {
    /// The names of functions this program has.
    pub fn function_names(&self) -> impl Iterator<Item = &str> {
        present(&self.functions)
    }

    /// The names of plugins this program has.
    pub fn plugin_names(&self) -> impl Iterator<Item = &str> {
        present(&self.plugins)
    }
}

fn present(of: &BTreeMap<String, Callable>) -> impl Iterator<Item = &str> {
    of.iter()
        .filter(|(_, callable)| !callable.is_missing)
        .map(|(name, _)| name.as_str())
}
