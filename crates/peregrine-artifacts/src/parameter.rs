//! Parameters of an artifact: how their text is converted to a value where it runs.

use serde::Deserialize;

/// A declared parameter.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameter {
    /// The variable it sets.
    #[serde(deserialize_with = "crate::yaml::text")]
    pub name: String,
    /// Its default value.
    #[serde(deserialize_with = "crate::yaml::text")]
    pub default: String,
    /// Markdown.
    #[serde(deserialize_with = "crate::yaml::text")]
    pub description: String,
    /// As declared; see [`ParameterType`].
    #[serde(rename = "type", deserialize_with = "crate::yaml::text")]
    pub kind: String,
    /// Label in forms.
    #[serde(deserialize_with = "crate::yaml::text")]
    pub friendly_name: String,
    /// For `choices` and `multichoice`.
    #[serde(deserialize_with = "crate::yaml::texts")]
    pub choices: Vec<String>,
    /// A hint for forms, never enforced.
    #[serde(deserialize_with = "crate::yaml::text")]
    pub validating_regex: String,
    /// For `artifactset`: the kind of artifacts to offer.
    #[serde(deserialize_with = "crate::yaml::text")]
    pub artifact_type: String,
    /// For `artifactset`: offer sources too.
    pub sources: bool,
}

/// Replaces the value of a redacted parameter wherever it is stored or shown.
pub const MARKER: &str = "XXXXX";

/// The type of a parameter's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParameterType {
    /// Plain text, also for unknown types.
    Text,
    /// Text that must not appear in stored copies.
    Redacted,
    /// A decimal number.
    Int,
    /// A decimal fraction.
    Float,
    /// `Y`, `TRUE`, `YES`, `OK` are true.
    Bool,
    /// Seconds or a date.
    Timestamp,
    /// A table with a header row.
    Csv,
    /// A JSON object.
    Json,
    /// A JSON array.
    JsonArray,
    /// XML.
    Xml,
    /// YAML.
    Yaml,
    /// Source of a Starlark module.
    Starlark,
    /// A link, which is replaced by its content.
    Upload,
    /// A link, which is replaced by a file with its content.
    UploadFile,
    /// Text that the server stores under the parameter's name.
    ServerMetadata,
}

impl Parameter {
    /// The meaning of the declared type.
    #[must_use]
    pub fn parameter_type(&self) -> ParameterType {
        match self.kind.to_ascii_lowercase().as_str() {
            "redacted" => ParameterType::Redacted,
            "int" | "int64" | "integer" => ParameterType::Int,
            "float" => ParameterType::Float,
            "bool" => ParameterType::Bool,
            "timestamp" => ParameterType::Timestamp,
            "csv" | "artifactset" => ParameterType::Csv,
            "json" => ParameterType::Json,
            "json_array" | "regex_array" | "multichoice" => ParameterType::JsonArray,
            "xml" => ParameterType::Xml,
            "yaml" => ParameterType::Yaml,
            "starlark" => ParameterType::Starlark,
            "upload" => ParameterType::Upload,
            "upload_file" => ParameterType::UploadFile,
            "server_metadata" => ParameterType::ServerMetadata,
            _ => ParameterType::Text,
        }
    }

    /// The statements that convert the variable from text to its value. Structured types leave alone values
    /// that are not text, because a calling artifact may pass any value.
    #[must_use]
    pub fn conversion(&self) -> Vec<String> {
        let name = quote(&self.name);
        let parsed = |parser: String| {
            vec![format!(
                "LET {name} <= if(condition=typeof(a={name}) = 'string', then={parser}, else={name})"
            )]
        };
        match self.parameter_type() {
            ParameterType::Text | ParameterType::Redacted | ParameterType::ServerMetadata => Vec::new(),
            ParameterType::Int => vec![format!("LET {name} <= int(int={name})")],
            ParameterType::Float => vec![format!("LET {name} <= parse_float(string={name})")],
            ParameterType::Bool => {
                vec![format!(
                    "LET {name} <= {name} = TRUE OR {name} =~ '^(Y|TRUE|YES|OK)$'"
                )]
            }
            ParameterType::Timestamp => vec![format!("LET {name} <= timestamp(epoch={name})")],
            ParameterType::Csv => parsed(format!(
                "{{ SELECT * FROM parse_csv(filename={name}, accessor='data') }}"
            )),
            ParameterType::Json => parsed(format!("parse_json(data={name})")),
            ParameterType::JsonArray => parsed(format!("parse_json_array(data={name})")),
            ParameterType::Xml => parsed(format!("parse_xml(file={name}, accessor='data')")),
            ParameterType::Yaml => parsed(format!("parse_yaml(filename={name}, accessor='data')")),
            ParameterType::Starlark => parsed(format!("starl(code={name})")),
            ParameterType::Upload => self.fetch(""),
            ParameterType::UploadFile => self.fetch(", tempfile_extension='.tmp'"),
        }
    }

    /// The expected form of the text, if it does not have it. An empty text means that no value was given.
    pub(crate) fn mismatch(&self, text: &str) -> Option<String> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let is = |fits: bool, wanted: &str| (!fits).then(|| wanted.to_owned());
        match self.parameter_type() {
            ParameterType::Int => {
                let digits = text.strip_prefix("0x").map_or_else(
                    || text.parse::<i64>().is_ok(),
                    |hex| i64::from_str_radix(hex, 16).is_ok(),
                );
                is(digits, "a whole number")
            }
            ParameterType::Float => is(text.parse::<f64>().is_ok(), "a number"),
            ParameterType::Json => is(serde_json::from_str::<serde_json::Value>(text).is_ok(), "JSON"),
            ParameterType::JsonArray => is(
                serde_json::from_str::<Vec<serde_json::Value>>(text).is_ok(),
                "a JSON list",
            ),
            _ if self.kind.eq_ignore_ascii_case("choices") && !self.choices.is_empty() => is(
                self.choices.iter().any(|choice| choice == text),
                &format!("one of {}", self.choices.join(", ")),
            ),
            _ => None,
        }
    }

    /// Reads the link in the variable; NULL if there is nothing to read.
    fn fetch(&self, options: &str) -> Vec<String> {
        let name = quote(&self.name);
        let rows = quote(&format!("{}_", self.name));
        vec![
            format!(
                "LET {rows} <= SELECT Content FROM if(condition={name}, \
                 then={{ SELECT Content FROM http_client(url={name}{options}) }})"
            ),
            format!("LET {name} <= {rows}.Content[0]"),
        ]
    }
}

/// A name for use in VQL: in backticks when it is not a plain word.
#[must_use]
pub fn quote(name: &str) -> String {
    let is_plain = !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.contains(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    if is_plain {
        name.to_owned()
    } else {
        format!("`{name}`")
    }
}
