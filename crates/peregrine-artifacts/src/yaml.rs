//! Reads YAML text into an [`Artifact`]: typed, strict about keys, lenient about nulls.

use crate::error::{Error, Problem};
use crate::kind::Kind;
use crate::model::{Artifact, ColumnType, NotebookCell, Report, Resources, Source, Tool};
use crate::normalise::{Normalised, normalise};
use crate::parameter::Parameter;
use crate::section::Section;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

/// Definitions are small; larger ones are mistakes or attacks.
const MAX_BYTES: usize = 8 << 20;

impl Artifact {
    /// Reads a definition. Only its form is checked; see [`crate::validate`].
    pub fn from_yaml(raw: &str) -> Result<Artifact, Error> {
        if raw.len() > MAX_BYTES {
            let message = format!(
                "a definition of {} bytes is too large; the limit is {MAX_BYTES}",
                raw.len()
            );
            return Err(Error::invalid("", Problem::anywhere(message)));
        }
        let normalised = normalise(raw);
        let mut options = serde_saphyr::options! { strict_booleans: true };
        options.with_snippet = false;
        let document: Document = serde_saphyr::from_str_with_options(&normalised.text, options)
            .map_err(|error| Error::invalid("", yaml_problem(&normalised, &error)))?;
        document.into_artifact(raw, &normalised)
    }
}

fn yaml_problem(normalised: &Normalised, error: &serde_saphyr::Error) -> Problem {
    let message = error.to_string();
    match error.location() {
        Some(location) if location.line() > 0 => {
            let line = normalised.original_line(to_line(location.line()));
            Problem::at(
                line,
                to_line(location.column()),
                explain(strip_location(&message)),
            )
        }
        _ => Problem::anywhere(message),
    }
}

/// Removes the parser's own description of the place, which counts repaired lines.
fn strip_location(message: &str) -> &str {
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let message = message.lines().next().unwrap_or(message);
    match message.rfind(" at line ") {
        Some(at) => &message[..at],
        None => message,
    }
}

/// Rewrites the parser's messages for authors of definitions.
fn explain(message: &str) -> String {
    if let Some(rest) = message.strip_prefix("duplicate mapping key: ") {
        let key = rest.split(',').next().unwrap_or(rest);
        return format!("the key `{key}` stands here a second time; keep one");
    }
    if let Some((field, known)) = message
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split_once("`, expected one of "))
    {
        return unknown_field(field, known);
    }
    match message {
        "expected string scalar" => {
            "a text is expected here; put it into quotes if it looks like something else"
        }
        "expected sequence start" => "a list is expected here: lines that start with `- `",
        "expected mapping start" => "keys with values are expected here, such as `name: My.Artifact`",
        "mapping values are not allowed in this context" => {
            "a `:` is not allowed here; check the indentation, or put the text into quotes"
        }
        other => other,
    }
    .to_owned()
}

/// Keys that the repository sets. They are accepted, but nobody should write them.
const IGNORED_FIELDS: &[&str] = &[
    "raw",
    "compiled",
    "built_in",
    "compiled_in",
    "is_alias",
    "is_inherited",
    "metadata",
];

/// Suggests the nearest of the known fields, or lists them all.
fn unknown_field(field: &str, known: &str) -> String {
    let known: Vec<&str> = known
        .split(", ")
        .filter(|name| !IGNORED_FIELDS.contains(name))
        .collect();
    match peregrine_base::suggest::did_you_mean(field, known.iter().copied()) {
        Some(hint) => format!("unknown field `{field}`; {hint}"),
        None => format!("unknown field `{field}`; use one of {}", known.join(", ")),
    }
}

fn to_line(line: u64) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Document {
    #[serde(deserialize_with = "text")]
    name: String,
    #[serde(deserialize_with = "texts")]
    aliases: Vec<String>,
    #[serde(deserialize_with = "text")]
    description: String,
    #[serde(deserialize_with = "text")]
    author: String,
    #[serde(deserialize_with = "texts")]
    reference: Vec<String>,
    #[serde(deserialize_with = "texts")]
    references: Vec<String>,
    r#type: Option<Spanned<String>>,
    precondition: Option<Spanned<String>>,
    #[serde(deserialize_with = "list")]
    parameters: Vec<Parameter>,
    #[serde(deserialize_with = "list")]
    sources: Vec<SourceDocument>,
    export: Option<Spanned<String>>,
    #[serde(deserialize_with = "texts")]
    imports: Vec<String>,
    #[serde(deserialize_with = "list")]
    column_types: Vec<ColumnType>,
    #[serde(deserialize_with = "list")]
    tools: Vec<Tool>,
    resources: Option<Resources>,
    #[serde(deserialize_with = "texts")]
    required_permissions: Vec<String>,
    #[serde(deserialize_with = "texts")]
    implied_permissions: Vec<String>,
    #[serde(deserialize_with = "text")]
    impersonate: String,
    #[serde(deserialize_with = "list")]
    reports: Vec<Report>,
    // Set by the repository; values in a file are ignored.
    raw: Option<IgnoredAny>,
    compiled: Option<IgnoredAny>,
    built_in: Option<IgnoredAny>,
    compiled_in: Option<IgnoredAny>,
    is_alias: Option<IgnoredAny>,
    is_inherited: Option<IgnoredAny>,
    metadata: Option<IgnoredAny>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct SourceDocument {
    #[serde(deserialize_with = "text")]
    name: String,
    #[serde(deserialize_with = "text")]
    description: String,
    precondition: Option<Spanned<String>>,
    query: Option<Spanned<String>>,
    #[serde(deserialize_with = "list")]
    queries: Vec<Spanned<String>>,
    #[serde(deserialize_with = "list")]
    notebook: Vec<NotebookCell>,
}

impl Document {
    fn into_artifact(self, raw: &str, normalised: &Normalised) -> Result<Artifact, Error> {
        let kind = match &self.r#type {
            None => Kind::Client,
            Some(name) => Kind::parse(name.value.trim()).ok_or_else(|| {
                let known = Kind::ALL.map(Kind::as_str).join(", ");
                let message = format!("unknown type `{}`; use one of {known}", name.value);
                let problem = Problem::about(raw, "type", name.value.trim(), message.as_str());
                let line = normalised.original_line(to_line(name.referenced.line()));
                Error::invalid(&self.name, Problem { line, ..problem })
            })?,
        };
        let section = |vql: Option<Spanned<String>>| vql.and_then(|vql| section(normalised, vql));
        let mut parameters = self.parameters;
        if !raw.ends_with('\n') {
            drop_invented_newline(raw, &mut parameters);
        }
        Ok(Artifact {
            name: self.name,
            aliases: self.aliases,
            description: self.description,
            author: self.author,
            references: [self.reference, self.references].concat(),
            kind,
            precondition: section(self.precondition),
            parameters,
            sources: self
                .sources
                .into_iter()
                .map(|source| source.into_source(normalised))
                .collect(),
            export: section(self.export),
            imports: self.imports,
            column_types: self.column_types,
            tools: self.tools,
            resources: self.resources.unwrap_or_default(),
            required_permissions: self.required_permissions,
            implied_permissions: self.implied_permissions,
            impersonate: self.impersonate,
            reports: self.reports,
            raw: raw.into(),
            ..Artifact::default()
        })
    }
}

impl SourceDocument {
    fn into_source(self, normalised: &Normalised) -> Source {
        let mut query: Option<Section> = None;
        for part in self.query.into_iter().chain(self.queries) {
            let Some(part) = section(normalised, part) else {
                continue;
            };
            match &mut query {
                None => query = Some(part),
                Some(whole) => append(whole, &part),
            }
        }
        Source {
            name: self.name,
            description: self.description,
            precondition: self.precondition.and_then(|vql| section(normalised, vql)),
            query,
            notebook: self.notebook,
        }
    }
}

/// Joins the items of a `queries` list, padded with empty lines so that line numbers match the file.
fn append(whole: &mut Section, part: &Section) {
    let lines = u32::try_from(whole.text.matches('\n').count()).unwrap_or(u32::MAX);
    let end = whole.line.saturating_add(lines);
    let padding = part.line.saturating_sub(end).clamp(1, 10_000);
    whole.text.extend(std::iter::repeat_n('\n', padding as usize));
    whole.text.push_str(&part.text);
}

fn section(normalised: &Normalised, vql: Spanned<String>) -> Option<Section> {
    if vql.value.trim().is_empty() {
        return None;
    }
    let line = to_line(vql.defined.line());
    let is_block = normalised
        .text
        .lines()
        .nth(line.saturating_sub(1) as usize)
        .is_some_and(|text| {
            let at = usize::try_from(vql.defined.column().saturating_sub(1)).unwrap_or(usize::MAX);
            text.chars().nth(at).is_some_and(|c| c == '|' || c == '>')
        });
    let line = normalised.original_line(if is_block { line.saturating_add(1) } else { line });
    Some(Section {
        text: vql.value,
        line,
    })
}

/// If a file ends in a block scalar without a final newline, the YAML parser adds one; this removes it.
fn drop_invented_newline(raw: &str, parameters: &mut [Parameter]) {
    let last_line = raw.lines().next_back().unwrap_or("").trim();
    let Some(last) = parameters.last_mut() else { return };
    for text in [&mut last.default, &mut last.description] {
        let ends_file = text
            .lines()
            .next_back()
            .is_some_and(|line| line.trim() == last_line);
        if ends_file && text.ends_with('\n') {
            text.pop();
        }
    }
}

/// A string; null is the empty one.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.unwrap_or_default())
}

/// A list of strings; null is the empty one.
pub(crate) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let items: Option<Vec<Option<String>>> = Option::deserialize(deserializer)?;
    Ok(items
        .unwrap_or_default()
        .into_iter()
        .map(Option::unwrap_or_default)
        .collect())
}

/// A list; null is the empty one.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
