//! Encodes parameter values, as given to `collect()` and similar functions, as text for transport.

use crate::error::Error;
use crate::model::Artifact;
use crate::parameter::{Parameter, ParameterType};
use serde_json::Value;
use std::fmt::Write;

/// Parameters as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoded {
    /// Names and texts, in the given order.
    pub parameters: Vec<(String, String)>,
    /// Warnings about values that were passed on but look wrong.
    pub warnings: Vec<String>,
}

/// Text for each value whose name the artifact declares; others are left out.
pub fn encode_parameters<'a>(
    artifact: &Artifact,
    values: impl IntoIterator<Item = (&'a str, &'a Value)>,
) -> Result<Encoded, Error> {
    let mut encoded = Encoded::default();
    for (name, value) in values {
        let Some(parameter) = artifact.parameter(name) else {
            continue;
        };
        let text = encode(parameter, value)?;
        let is_choice = parameter.kind.eq_ignore_ascii_case("choices");
        if is_choice && !parameter.choices.is_empty() && !parameter.choices.contains(&text) {
            encoded.warnings.push(format!(
                "`{text}` is not one of the choices of parameter `{name}`"
            ));
        }
        encoded.parameters.push((name.to_owned(), text));
    }
    Ok(encoded)
}

/// The text for `value` under the declared type.
pub fn encode(parameter: &Parameter, value: &Value) -> Result<String, Error> {
    let fail = |wanted: &str| {
        Err(Error::Parameter {
            parameter: parameter.name.clone(),
            message: format!("`{value}` is not {wanted}"),
        })
    };
    match (parameter.parameter_type(), value) {
        (_, Value::Null) => Ok(String::new()),
        (ParameterType::Bool, Value::Bool(on)) => Ok(flag(*on)),
        (ParameterType::Bool, Value::Number(number)) => Ok(flag(number.as_f64() != Some(0.0))),
        (ParameterType::Bool, Value::String(text)) => {
            Ok(flag(matches!(text.as_str(), "Y" | "TRUE" | "true" | "True")))
        }
        (ParameterType::Bool, _) => fail("a boolean"),
        (_, Value::String(text)) => Ok(text.clone()),
        (ParameterType::Int, Value::Number(number)) => match number.as_f64() {
            Some(float) if number.is_f64() => Ok(format!("{float:.0}")),
            _ => Ok(number.to_string()),
        },
        (ParameterType::Float | ParameterType::Timestamp, Value::Number(number)) => Ok(number.to_string()),
        (ParameterType::Int | ParameterType::Float, _) => fail("a number"),
        (ParameterType::Timestamp, _) => fail("a time"),
        (ParameterType::Csv, Value::Array(rows)) => Ok(to_csv(rows)),
        (ParameterType::Csv, Value::Object(_)) => Ok(to_csv(std::slice::from_ref(value))),
        (ParameterType::Csv, _) => fail("a list of rows"),
        (ParameterType::JsonArray, Value::Array(_)) | (ParameterType::Json | ParameterType::Yaml, _) => {
            Ok(format!("{value:#}"))
        }
        (ParameterType::JsonArray, _) => fail("a list"),
        _ => fail("a string"),
    }
}

fn flag(on: bool) -> String {
    if on { "Y".to_owned() } else { String::new() }
}

/// A table whose columns are those of its first row.
fn to_csv(rows: &[Value]) -> String {
    let Some(Value::Object(first)) = rows.first() else {
        return String::new();
    };
    let columns: Vec<&String> = first.keys().collect();
    let mut out = String::new();
    let mut line = |cells: Vec<String>| {
        for (index, cell) in cells.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let _ = write!(out, "{comma}{}", csv_cell(cell));
        }
        out.push('\n');
    };
    line(columns.iter().map(|name| name.to_string()).collect());
    for row in rows {
        line(
            columns
                .iter()
                .map(|name| cell_text(row.get(name.as_str())))
                .collect(),
        );
    }
    out
}

fn cell_text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn csv_cell(text: &str) -> String {
    let needs_quotes = text.contains(['"', ',', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ');
    if needs_quotes {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
