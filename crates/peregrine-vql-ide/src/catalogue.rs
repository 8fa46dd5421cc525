//! What can be called.

/// One argument of a function or plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// Its type as the manual names it (`string`, `int64`, `Dict`, `Lambda` …); unknown ones are not checked.
    pub type_name: String,
    /// A call without it fails.
    pub required: bool,
}

/// A function or plugin, as far as checks need it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Callable {
    /// What it takes.
    pub args: Vec<Argument>,
    /// It takes any other argument too.
    pub free_form: bool,
    /// The language has it, this program has not.
    pub is_missing: bool,
}

/// Knows functions and plugins by name; two separate name spaces.
pub trait Catalogue {
    /// What `name(…)` in an expression calls.
    fn function(&self, name: &str) -> Option<Callable>;
    /// What `FROM name(…)` calls.
    fn plugin(&self, name: &str) -> Option<Callable>;
    /// The names of all functions, for "did you mean".
    fn function_names(&self) -> Vec<String>;
    /// The names of all plugins.
    fn plugin_names(&self) -> Vec<String>;
}
