//! The rules of a remapping, checked: every rule has exactly what its type needs.

use super::impersonation::Identity;
use super::reader::{self, PlaceText, RuleText};
use peregrine_engine::Program;
use peregrine_engine::prelude::Permission;
use std::sync::Arc;

/// Why a remapping cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RemapError {
    /// The text is neither a list of rules nor a configuration with one.
    #[error("{0}")]
    Text(String),
    /// One rule, counted from 1, is wrong.
    #[error("rule {number}: {problem}")]
    Rule {
        /// The number of the rule.
        number: usize,
        /// What is wrong, and what to write instead.
        problem: String,
    },
    /// An accessor to keep does not exist.
    #[error("`copy` names the accessor `{name}`, which does not exist here; there are: {known}")]
    Copy {
        name: String,
        /// The accessors that exist.
        known: String,
    },
    /// The query was started without accessors.
    #[error("the accessors of this query cannot be changed: its host gave it no table of them")]
    NoTable,
}

/// A remapping as written, in the order of the text.
#[derive(Debug, Clone)]
pub struct Rules {
    pub(super) rules: Vec<Rule>,
    texts: Vec<RuleText>,
}

/// One rule.
#[derive(Debug, Clone)]
pub enum Rule {
    /// Files of `from` appear at `on`.
    Mount {
        /// Where they are.
        from: Place,
        /// Where queries see them.
        on: Place,
        /// LET statements that configure the source accessor.
        setup: Option<Arc<Program>>,
    },
    /// The accessor `from` is also there under the name of `on`.
    Shadow {
        /// An accessor of this program.
        from: String,
        /// Its name in queries.
        on: String,
    },
    /// The query may do only these things.
    Permissions(Vec<Permission>),
    /// The query sees another machine.
    Impersonation(Identity),
}

/// An accessor and a path in it.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// Name of the accessor; may be empty.
    pub accessor: String,
    /// The path, not parsed yet.
    pub prefix: String,
    /// The dialect of the path; may be empty.
    pub path_type: String,
}

impl Rules {
    /// Reads YAML or JSON: a list of rules, or a configuration with `remappings`.
    pub fn parse(text: &str) -> Result<Rules, RemapError> {
        let texts = reader::read(text)?;
        let mut rules = Vec::with_capacity(texts.len());
        for (at, text) in texts.iter().enumerate() {
            rules.push(check(text).map_err(|problem| RemapError::Rule {
                number: at + 1,
                problem,
            })?);
        }
        Ok(Rules { rules, texts })
    }

    /// The rules, in the order of the text.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The permissions of queries of an agent or the command line: the union of all permission rules; none
    /// without such a rule.
    #[must_use]
    pub fn permissions(&self) -> Vec<Permission> {
        let lists = self.rules.iter().filter_map(|rule| match rule {
            Rule::Permissions(list) => Some(list),
            _ => None,
        });
        lists.flatten().copied().collect()
    }

    /// The rules as a configuration, without empty members.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "remappings": self.texts })
    }
}

/// The names of rule types.
const TYPES: &str = "`mount`, `shadow`, `permissions`, `impersonation`";

fn check(text: &RuleText) -> Result<Rule, String> {
    text.only_what_belongs_to_its_type()?;
    match text.kind.as_str() {
        "mount" => mount(text),
        "shadow" => shadow(text),
        "permissions" => permissions(&text.permissions).map(Rule::Permissions),
        "impersonation" => Identity::new(text).map(Rule::Impersonation),
        "" => Err(format!("it has no `type`; write one of {TYPES}")),
        other => Err(format!("Unknown remapping type: {other}; write one of {TYPES}")),
    }
}

fn mount(text: &RuleText) -> Result<Rule, String> {
    let from = text.from.as_ref();
    let from = from.ok_or("a mount needs `from`: the accessor and prefix where the files are")?;
    let on = text.on.as_ref();
    let on = on.ok_or("a mount needs `on`: the accessor and prefix where queries see the files")?;
    let setup = match text.scope.trim() {
        "" => None,
        statements => Some(Arc::new(lets(statements)?)),
    };
    Ok(Rule::Mount {
        from: place(from),
        on: place(on),
        setup,
    })
}

fn place(text: &PlaceText) -> Place {
    Place {
        accessor: text.accessor.clone(),
        prefix: text.prefix.clone(),
        path_type: text.path_type.clone(),
    }
}

fn shadow(text: &RuleText) -> Result<Rule, String> {
    let name = |place: &Option<PlaceText>, key: &str| {
        let name = place.as_ref().map(|place| place.accessor.clone());
        name.filter(|name| !name.is_empty())
            .ok_or_else(|| format!("a shadow needs `{key}.accessor`"))
    };
    Ok(Rule::Shadow {
        from: name(&text.from, "from")?,
        on: name(&text.on, "on")?,
    })
}

fn permissions(names: &[String]) -> Result<Vec<Permission>, String> {
    let known = || {
        let names: Vec<&str> = Permission::ALL.iter().map(|known| known.name()).collect();
        names.join(", ")
    };
    let parse = |name: &String| {
        Permission::parse(name).ok_or_else(|| format!("unknown permission `{name}`; there are: {}", known()))
    };
    names.iter().map(parse).collect()
}

/// A program of LET statements only.
fn lets(statements: &str) -> Result<Program, String> {
    let program = Program::compile(statements).map_err(|diagnostics| {
        let first = diagnostics.first().map(ToString::to_string).unwrap_or_default();
        format!("`scope` is not VQL: {first}")
    })?;
    match program
        .statements()
        .iter()
        .find(|statement| statement.is_select())
    {
        None => Ok(program),
        Some(select) => Err(format!(
            "`scope` may only have LET statements, not `{}`",
            select.text()
        )),
    }
}
