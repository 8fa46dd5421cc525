//! Columns of a table, with types declared by the artifact or guessed from the cells.

use super::Row;
use crate::Core;
use jiff::Timestamp;
use peregrine_api::table::Column;
use peregrine_artifacts::ColumnType;
use serde_json::Value;

/// Columns shown. Rows may have any number.
const MAX_COLUMNS: usize = 1000;

/// The column types that the artifact of this `Artifact/Source` declares.
pub fn declared(core: &Core, source: &str) -> Vec<ColumnType> {
    let artifact = source.split('/').next().unwrap_or_default();
    let found = core.artifacts.get(artifact);
    found.map_or_else(Vec::new, |artifact| artifact.column_types.clone())
}

/// The columns of these rows, in order of appearance.
pub(super) fn of<'a>(rows: impl IntoIterator<Item = &'a Row>, declared: &[ColumnType]) -> Vec<Column> {
    let mut columns: indexmap::IndexMap<String, Option<&'static str>> = indexmap::IndexMap::new();
    for row in rows {
        for (name, cell) in row {
            if let Some(kind) = columns.get_mut(name) {
                *kind = kind.or_else(|| guess(cell));
            } else if columns.len() < MAX_COLUMNS {
                columns.insert(name.clone(), guess(cell));
            }
        }
    }
    let declared = |name: &str| {
        declared
            .iter()
            .find(|column| column.name == name)
            .map(|column| column.kind.clone())
    };
    columns
        .into_iter()
        .map(|(name, guessed)| Column {
            kind: declared(&name).or(guessed.map(str::to_owned)),
            name,
        })
        .collect()
}

fn guess(cell: &Value) -> Option<&'static str> {
    match cell {
        Value::Null => None,
        Value::Bool(_) => Some("bool"),
        Value::Number(_) => Some("number"),
        Value::Array(_) | Value::Object(_) => Some("json"),
        Value::String(text) => {
            let is_time = (20..=40).contains(&text.len())
                && text.starts_with(|c: char| c.is_ascii_digit())
                && text.parse::<Timestamp>().is_ok();
            Some(if is_time { "timestamp" } else { "string" })
        }
    }
}
