//! Static checks of an artifact's VQL: calls of things that do not exist, unknown arguments.

mod calls;
mod catalogue;
mod suppression;

pub use self::calls::Definition;
pub use self::catalogue::{Callable, Catalogue, LanguageCatalogue, RegistryCatalogue};
pub use self::suppression::Suppression;

use self::calls::{Checker, Definitions};
use crate::compile::is_serial;
use crate::error::{Error, Problem};
use crate::kind::Kind;
use crate::model::Artifact;
use crate::repository::Repository;
use crate::section::Section;
use crate::syntax::Statement;
use crate::validate::validate;
use peregrine_vql::ast::visit::Visit as _;
use std::collections::BTreeSet;
use std::fmt;

/// The kinds of findings; their names are stable, because comments in artifacts use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    YamlError,
    ArtifactVqlError,
    UnknownArtifactInQuery,
    UnknownParameterInCall,
    UnknownPlugin,
    InvalidArg,
    RequiredArgMissing,
    KwargsMixedCall,
    CallAsFunction,
    InvalidImport,
    InvalidSuppression,
    SymbolMaskWarn,
    RequiredPermissions,
}

impl Code {
    const ALL: [Code; 13] = [
        Code::YamlError,
        Code::ArtifactVqlError,
        Code::UnknownArtifactInQuery,
        Code::UnknownParameterInCall,
        Code::UnknownPlugin,
        Code::InvalidArg,
        Code::RequiredArgMissing,
        Code::KwargsMixedCall,
        Code::CallAsFunction,
        Code::InvalidImport,
        Code::InvalidSuppression,
        Code::SymbolMaskWarn,
        Code::RequiredPermissions,
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Code::YamlError => "yaml_error",
            Code::ArtifactVqlError => "artifact_vql_error",
            Code::UnknownArtifactInQuery => "unknown_artifact_in_query",
            Code::UnknownParameterInCall => "unknown_parameter_in_call",
            Code::UnknownPlugin => "unknown_plugin",
            Code::InvalidArg => "invalid_arg",
            Code::RequiredArgMissing => "required_arg_missing",
            Code::KwargsMixedCall => "kwargs_mixed_call",
            Code::CallAsFunction => "call_as_function",
            Code::InvalidImport => "invalid_import",
            Code::InvalidSuppression => "invalid_suppression",
            Code::SymbolMaskWarn => "symbol_mask_warn",
            Code::RequiredPermissions => "required_permissions",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Code> {
        Code::ALL.into_iter().find(|code| code.as_str() == name)
    }

    /// True for warnings, false for errors.
    #[must_use]
    pub fn is_warning(self) -> bool {
        matches!(self, Code::SymbolMaskWarn | Code::RequiredPermissions)
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Its kind.
    pub code: Code,
    /// Line of the file, from 1; 0 if it has no place.
    pub line: u32,
    /// Column, from 1; 0 if unknown.
    pub column: u32,
    /// The name it is about, against which suppressions are matched.
    pub subject: String,
    /// What is wrong, and how to fix it.
    pub message: String,
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "({},{}) {}: {}",
            self.line,
            self.column,
            self.code.as_str(),
            self.message
        )
    }
}

/// All findings about an artifact.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verification {
    /// Its name, empty if it could not be read.
    pub artifact: String,
    /// Permissions its calls need.
    pub permissions: BTreeSet<String>,
    pub errors: Vec<Issue>,
    pub warnings: Vec<Issue>,
    /// The definitions of its LET statements.
    pub definitions: Vec<Definition>,
    /// The findings its comments suppress.
    pub suppressions: Vec<Suppression>,
}

/// Checks a definition in text form.
#[must_use]
pub fn verify_yaml(raw: &str, repository: &Repository, catalogue: &dyn Catalogue) -> Verification {
    match Artifact::from_yaml(raw) {
        Ok(artifact) => verify(&artifact, repository, catalogue),
        Err(error) => {
            let mut verification = Verification::default();
            verification.add_load_error(&error, Code::YamlError);
            verification
        }
    }
}

/// Checks a definition. Artifacts it calls are looked up in `repository`.
#[must_use]
pub fn verify(artifact: &Artifact, repository: &Repository, catalogue: &dyn Catalogue) -> Verification {
    let mut verification = Verification {
        artifact: artifact.name.clone(),
        ..Verification::default()
    };
    let (suppressions, invalid) = suppression::find(artifact);
    verification.suppressions = suppressions;
    invalid.into_iter().for_each(|issue| verification.add(issue));
    if let Err(error) = artifact.parsed() {
        verification.add_load_error(&error, Code::ArtifactVqlError);
        return verification;
    }
    if let Err(error) = validate(artifact) {
        verification.add_load_error(&error, Code::YamlError);
    }
    check_calls(artifact, repository, catalogue, &mut verification);
    check_permissions(artifact, &mut verification);
    verification
}

/// The comments of an artifact that suppress findings.
#[must_use]
pub fn suppressions(artifact: &Artifact) -> Vec<Suppression> {
    suppression::find(artifact).0
}

impl Verification {
    fn add(&mut self, issue: Issue) {
        if self
            .suppressions
            .iter()
            .any(|suppression| suppression.covers(&issue))
        {
            return;
        }
        let list = if issue.code.is_warning() {
            &mut self.warnings
        } else {
            &mut self.errors
        };
        if !list.contains(&issue) {
            list.push(issue);
        }
    }

    fn add_load_error(&mut self, error: &Error, code: Code) {
        let problems = match error {
            Error::Invalid { problems, .. } => problems.clone(),
            other => vec![Problem::anywhere(other.to_string())],
        };
        for Problem {
            line,
            column,
            message,
            ..
        } in problems
        {
            self.add(Issue {
                code,
                line,
                column,
                subject: message.clone(),
                message,
            });
        }
    }
}

/// Every section, with the definitions visible in it.
fn check_calls(
    artifact: &Artifact,
    repository: &Repository,
    catalogue: &dyn Catalogue,
    verification: &mut Verification,
) {
    let Ok(parsed) = artifact.parsed() else { return };
    let mut check = |section: &Option<Section>, statements: &[Statement], visible: &mut Definitions| {
        let Some(section) = section else { return };
        visible.collect(statements);
        let mut checker = Checker::new(artifact, section, repository, catalogue, visible);
        statements
            .iter()
            .for_each(|statement| checker.visit_statement(&statement.tree));
        verification.permissions.append(&mut checker.permissions);
        checker
            .issues
            .into_iter()
            .for_each(|issue| verification.add(issue));
    };
    let mut shared = Definitions::default();
    check(
        &artifact.precondition,
        &parsed.precondition,
        &mut Definitions::default(),
    );
    let mut invalid = Vec::new();
    for import in &artifact.imports {
        match imported(repository, import) {
            Ok(statements) => shared.collect(&statements),
            Err(message) => invalid.push((import.clone(), message)),
        }
    }
    check(&artifact.export, &parsed.export, &mut shared);
    let mut all = shared.clone();
    for (source, trees) in artifact.sources.iter().zip(&parsed.sources) {
        check(
            &source.precondition,
            &trees.precondition,
            &mut Definitions::default(),
        );
        let mut visible = if is_serial(artifact) {
            all.clone()
        } else {
            shared.clone()
        };
        check(&source.query, &trees.query, &mut visible);
        all.extend(&visible);
    }
    for (subject, message) in invalid {
        let Problem {
            line,
            column,
            message,
            ..
        } = Problem::about(&artifact.raw, "imports", &subject, message);
        verification.add(Issue {
            code: Code::InvalidImport,
            line,
            column,
            subject,
            message,
        });
    }
    verification.definitions = all.into_list();
}

fn imported(repository: &Repository, name: &str) -> Result<Vec<Statement>, String> {
    let artifact = repository
        .get(name)
        .ok_or_else(|| format!("import: {}", repository.not_found(name)))?;
    let parsed = artifact.parsed().map_err(|error| format!("import: {error}"))?;
    if parsed.export.is_empty() {
        return Err(format!(
            "import: artifact `{name}` exports nothing; remove it from `imports`"
        ));
    }
    Ok(parsed.export.clone())
}

/// Permissions that need not be declared for agents.
const HARMLESS: [&str; 3] = ["FILESYSTEM_READ", "MACHINE_STATE", "COLLECT_SERVER"];

fn check_permissions(artifact: &Artifact, verification: &mut Verification) {
    if artifact.kind != Kind::Client {
        return;
    }
    let is_announced = |permission: &String| {
        HARMLESS.contains(&permission.as_str())
            || artifact.required_permissions.contains(permission)
            || artifact.implied_permissions.contains(permission)
    };
    for permission in verification
        .permissions
        .clone()
        .into_iter()
        .filter(|permission| !is_announced(permission))
    {
        let message =
            format!("`{permission}` is used; add it to `required_permissions` or `implied_permissions`");
        let code = Code::RequiredPermissions;
        verification.add(Issue {
            code,
            line: 0,
            column: 0,
            subject: permission,
            message,
        });
    }
}
