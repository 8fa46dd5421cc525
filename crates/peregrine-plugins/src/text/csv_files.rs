//! The files and the format that `parse_csv()` and `watch_csv()` read.

use std::sync::Arc;

use peregrine_accessors::{Accessor, OsPath, PathList, accessor};
use peregrine_engine::prelude::*;

use super::csv_record::Format;

/// The arguments of both.
#[derive(VqlArgs)]
pub struct CsvFiles {
    /// The files.
    filename: PathList,
    /// The accessor to read them with.
    accessor: Option<String>,
    /// The files have no header.
    #[arg(default = false)]
    auto_headers: bool,
    /// The character that separates fields; a comma when left out.
    separator: Option<Str>,
    /// Lines that start with this character are skipped.
    comment: Option<Str>,
    /// Names of the columns; the files then have no header.
    columns: Option<Vec<Str>>,
}

/// The interpreted arguments.
pub(super) struct Csv {
    pub(super) files: Arc<dyn Accessor>,
    pub(super) paths: Vec<OsPath>,
    pub(super) format: Format,
    /// Names of the columns, if given.
    pub(super) given: Vec<Str>,
    pub(super) has_header: bool,
}

impl CsvFiles {
    pub(super) fn open(self, scope: &Scope) -> VqlResult<Csv> {
        let files = accessor(scope, self.accessor.as_deref().unwrap_or_default())
            .map_err(|error| error.to_string())?;
        let format = Format {
            separator: one_character("separator", self.separator)?.unwrap_or(b','),
            comment: one_character("comment", self.comment)?,
        };
        let given = self.columns.unwrap_or_default();
        Ok(Csv {
            paths: self.filename.resolve(scope, files.as_ref()),
            files,
            format,
            has_header: !self.auto_headers && given.is_empty(),
            given,
        })
    }
}

fn one_character(name: &str, text: Option<Str>) -> Result<Option<u8>, String> {
    match text.as_deref() {
        None | Some([]) => Ok(None),
        Some([single]) => Ok(Some(*single)),
        Some(_) => Err(format!("`{name}` is one character")),
    }
}
