//! The callable functions and plugins, with their arguments and permissions.

use peregrine_engine::Registry;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// A function or plugin, as far as needed for checking calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Callable {
    /// Argument names, and whether each is required.
    pub args: Vec<(String, bool)>,
    /// True if it takes any other argument too.
    pub free_form: bool,
    /// The permissions it needs.
    pub permissions: Vec<String>,
}

/// Looks up functions and plugins by name.
pub trait Catalogue: Send + Sync {
    /// The callee of `name(…)` in an expression.
    fn function(&self, name: &str) -> Option<Callable>;
    /// The callee of `FROM name(…)`.
    fn plugin(&self, name: &str) -> Option<Callable>;
}

/// Every name of the language, whether this binary implements it or not, because artifacts for other
/// platforms are checked too.
#[derive(Debug, Clone, Copy, Default)]
pub struct LanguageCatalogue;

impl Catalogue for LanguageCatalogue {
    fn function(&self, name: &str) -> Option<Callable> {
        language().0.get(name).cloned()
    }

    fn plugin(&self, name: &str) -> Option<Callable> {
        language().1.get(name).cloned()
    }
}

impl LanguageCatalogue {
    /// All functions, by name.
    pub fn functions() -> impl Iterator<Item = (&'static str, &'static Callable)> {
        language().0.iter().map(|(name, callable)| (*name, callable))
    }

    /// All plugins, by name.
    pub fn plugins() -> impl Iterator<Item = (&'static str, &'static Callable)> {
        language().1.iter().map(|(name, callable)| (*name, callable))
    }
}

type Names = HashMap<&'static str, Callable>;

fn language() -> &'static (Names, Names) {
    static LANGUAGE: OnceLock<(Names, Names)> = OnceLock::new();
    LANGUAGE.get_or_init(|| {
        let (mut functions, mut plugins) = (Names::new(), Names::new());
        for line in include_str!("reference.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
        {
            let (call, permissions) = line.split_once(" ; ").unwrap_or((line, ""));
            let mut words = call.split(' ');
            let (Some(kind), Some(name)) = (words.next(), words.next()) else {
                continue;
            };
            let mut callable = Callable {
                permissions: permissions.split_whitespace().map(str::to_owned).collect(),
                ..Callable::default()
            };
            for word in words {
                match word.strip_suffix('!') {
                    _ if word == "..." => callable.free_form = true,
                    Some(required) => callable.args.push((required.to_owned(), true)),
                    None => callable.args.push((word.to_owned(), false)),
                }
            }
            if kind == "f" {
                functions.insert(name, callable)
            } else {
                plugins.insert(name, callable)
            };
        }
        (functions, plugins)
    })
}

/// The contents of a registry, then the rest of the language.
#[derive(Debug, Clone)]
pub struct RegistryCatalogue(pub Arc<Registry>);

impl Catalogue for RegistryCatalogue {
    fn function(&self, name: &str) -> Option<Callable> {
        let known = self.0.function(name).map(|def| {
            let permissions = def
                .permissions
                .iter()
                .map(|permission| permission.name().to_owned());
            callable(def.args, permissions.collect())
        });
        known.or_else(|| LanguageCatalogue.function(name))
    }

    fn plugin(&self, name: &str) -> Option<Callable> {
        let known = self.0.plugin(name).map(|def| {
            let permissions = def
                .permissions
                .iter()
                .map(|permission| permission.name().to_owned());
            callable(def.args, permissions.collect())
        });
        known.or_else(|| LanguageCatalogue.plugin(name))
    }
}

fn callable(args: &[peregrine_engine::call::ArgSpec], permissions: Vec<String>) -> Callable {
    Callable {
        args: args
            .iter()
            .filter(|arg| !arg.rest)
            .map(|arg| (arg.name.to_owned(), arg.required))
            .collect(),
        free_form: args.iter().any(|arg| arg.rest),
        permissions,
    }
}
