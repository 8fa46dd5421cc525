//! Errors in a definition or in a request to run one.

/// One error in a definition, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line in the definition's file, from 1; 0 when the error has no place.
    pub line: u32,
    /// Column in that line, from 1; 0 when only the line is known.
    pub column: u32,
    /// Characters it is about; 0 for all to the end of the line.
    pub length: u32,
    /// What is wrong, and how to fix it.
    pub message: String,
}

impl Problem {
    /// An error without a place.
    pub fn anywhere(message: impl Into<String>) -> Problem {
        Problem {
            line: 0,
            column: 0,
            length: 0,
            message: message.into(),
        }
    }

    /// An error on a line.
    pub fn at(line: u32, column: u32, message: impl Into<String>) -> Problem {
        Problem {
            line,
            column,
            length: 0,
            message: message.into(),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.line, self.column) {
            (0, _) => f.write_str(&self.message),
            (line, 0) => write!(f, "line {line}: {}", self.message),
            (line, column) => write!(f, "line {line}:{column}: {}", self.message),
        }
    }
}

/// Everything that can go wrong before an artifact runs.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The text is not a definition.
    #[error("{}{}", prefix(.artifact), join(.problems))]
    Invalid {
        /// Name of the definition, empty when it could not be read.
        artifact: String,
        /// At least one.
        problems: Vec<Problem>,
    },
    /// No such artifact.
    #[error("artifact `{name}` not found{}", suggest(.suggestion))]
    NotFound {
        /// The name asked for.
        name: String,
        /// A similar name.
        suggestion: Option<String>,
    },
    /// The artifact has no such source.
    #[error("artifact `{artifact}` has no source `{source_name}`{}", sources(.source_name, .known))]
    NoSource {
        /// The artifact's name.
        artifact: String,
        /// The source asked for.
        source_name: String,
        /// The names of its sources.
        known: Vec<String>,
    },
    /// A built-in definition has this name.
    #[error(
        "artifact `{0}` is built in and cannot be changed; give yours another name, such as `Custom.{0}`"
    )]
    BuiltIn(String),
    /// Another definition already has this name.
    #[error("the name `{0}` is already taken by another artifact; choose another alias")]
    NameTaken(String),
    /// The user may not launch this artifact.
    #[error("permission `{permission}` is needed to launch `{artifact}`; ask an administrator for it")]
    Denied {
        /// Name of the permission.
        permission: String,
        artifact: String,
    },
    /// The artifact cannot run at the requested place.
    #[error("{0}")]
    WrongKind(String),
    /// The name of a result cannot be hidden from the agent.
    #[error("the name of a result cannot be encrypted: {0}")]
    Name(String),
    /// A tool cannot be provided.
    #[error("tool `{tool}`: {message}")]
    Tool {
        /// The tool's name.
        tool: String,
        /// Why not.
        message: String,
    },
    /// A value does not fit its parameter.
    #[error("parameter `{parameter}`: {message}")]
    Parameter {
        /// The parameter's name.
        parameter: String,
        /// Why it does not fit.
        message: String,
    },
    /// A file or folder of definitions cannot be read.
    #[error("reading `{path}`: {message}")]
    Io {
        /// The file.
        path: String,
        /// The system's error.
        message: String,
    },
}

impl Error {
    /// One error in a definition.
    pub fn invalid(artifact: impl Into<String>, problem: Problem) -> Error {
        Error::Invalid {
            artifact: artifact.into(),
            problems: vec![problem],
        }
    }
}

fn prefix(artifact: &str) -> String {
    if artifact.is_empty() {
        String::new()
    } else {
        format!("artifact `{artifact}`: ")
    }
}

fn join(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(Problem::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

fn suggest(suggestion: &Option<String>) -> String {
    suggestion
        .as_ref()
        .map(|name| format!("; did you mean `{name}`?"))
        .unwrap_or_default()
}

fn sources(wrong: &str, known: &[String]) -> String {
    if known.is_empty() {
        return "; it has no named sources".to_owned();
    }
    let names = known.iter().map(String::as_str);
    let hint = peregrine_base::suggest::did_you_mean(wrong, names)
        .map(|hint| format!("; {hint}"))
        .unwrap_or_default();
    let list: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    format!("; it has {}{hint}", list.join(", "))
}
