//! A file with VQL: a query text, or an artifact definition with several pieces of VQL.

use super::catalogue;
use super::lines::{Encoding, Lines};
use peregrine_artifacts::verify::{Code, Suppression, suppressions};
use peregrine_artifacts::{
    Artifact, Error, Kind, Outline, Parameter, ParameterType, Problem, Repository, Section, compile, outline,
    validate,
};
use peregrine_vql::ast::Span;
use peregrine_vql::diagnostic::locate;
use peregrine_vql::{Diagnostic, Severity};
use peregrine_vql_ide::{Catalogue, Surroundings, code, lint};

/// The artifact definition cannot be read.
const UNREADABLE: &str = "V200";
/// The artifact definition contains something that is not allowed.
const INVALID: &str = "V201";
/// An import that provides nothing.
const BAD_IMPORT: &str = "V202";

/// A piece of VQL in a file.
pub(crate) struct Region {
    /// The VQL.
    pub(crate) text: String,
    /// Its surroundings.
    pub(crate) around: Surroundings,
    /// For each line, its start in `text` and in the file.
    lines: Vec<(usize, usize)>,
    /// Where it ends in the file.
    end: usize,
}

/// A file, split into its parts.
#[derive(Default)]
pub(crate) struct Document {
    /// The whole file.
    pub(crate) text: String,
    pub(crate) lines: Lines,
    /// Its VQL, in order of position.
    pub(crate) regions: Vec<Region>,
    /// For a definition: the outline of its lines.
    pub(crate) outline: Option<Outline>,
    /// For a readable definition: its content.
    pub(crate) artifact: Option<Artifact>,
    problems: Vec<Diagnostic>,
    suppressions: Vec<Suppression>,
}

impl Document {
    /// A query text.
    pub(crate) fn query(text: String, around: Surroundings) -> Document {
        let region = Region {
            lines: vec![(0, 0)],
            end: text.len(),
            text: text.clone(),
            around,
        };
        Document {
            lines: Lines::new(&text),
            text,
            regions: vec![region],
            ..Document::default()
        }
    }

    /// Any other text, without VQL.
    pub(crate) fn foreign(text: String) -> Document {
        Document {
            lines: Lines::new(&text),
            text,
            ..Document::default()
        }
    }

    /// An artifact definition; its imports are looked up in the repository.
    pub(crate) fn definition(text: String, repository: &Repository) -> Document {
        let mut document = Document {
            outline: Some(outline(&text)),
            ..Document::default()
        };
        match Artifact::from_yaml(&text) {
            Ok(artifact) => {
                document.suppressions = suppressions(&artifact);
                document.take_apart(&text, &artifact, repository);
                let is_whole = document.regions.iter().all(|region| {
                    let is_error = |finding: &Diagnostic| finding.severity == Severity::Error;
                    !peregrine_vql::parse_recovering(&region.text)
                        .1
                        .iter()
                        .any(is_error)
                });
                // Text that cannot be parsed is reported when the VQL is checked.
                if is_whole && let Err(error) = validate::validate(&artifact) {
                    document.problems.extend(diagnostics(&text, &error, INVALID));
                }
                document.artifact = Some(artifact);
            }
            Err(error) => {
                document.problems = diagnostics(&text, &error, UNREADABLE);
                document.take_apart_damaged(&text);
            }
        }
        document
            .regions
            .sort_by_key(|region| region.lines.first().map(|line| line.1));
        document.lines = Lines::new(&text);
        document.text = text;
        document
    }

    /// All its findings, with their places in the file.
    pub(crate) fn findings(&self, catalogue: &Catalogue) -> Vec<Diagnostic> {
        let mut findings = self.problems.clone();
        for region in &self.regions {
            // A query may consist of comments only.
            let is_blank = self.outline.is_some() && is_blank(&region.text);
            let found = lint(&region.text, &region.around, catalogue);
            let found = found.into_iter().filter(|_| !is_blank);
            findings.extend(
                found
                    .filter(|finding| !self.is_silenced(finding))
                    .map(|finding| self.placed(region, finding)),
            );
        }
        findings.sort_by_key(|finding| (finding.span.start, finding.code));
        findings
    }

    /// The VQL at this byte of the file, and the corresponding byte of the VQL.
    pub(crate) fn region_at(&self, offset: usize) -> Option<(&Region, usize)> {
        self.regions
            .iter()
            .find_map(|region| Some((region, region.offset_of(offset)?)))
    }

    fn placed(&self, region: &Region, mut finding: Diagnostic) -> Diagnostic {
        let place = |span: Span| Span {
            start: small(region.to_file(span.start as usize)),
            end: small(region.to_file(span.end as usize)),
        };
        finding.span = place(finding.span);
        for (span, _) in &mut finding.labels {
            *span = place(*span);
        }
        let (line, column) = self
            .lines
            .position(&self.text, finding.span.start as usize, Encoding::Utf8);
        let start = finding.span.start as usize - column;
        let before = self
            .text
            .get(start..finding.span.start as usize)
            .unwrap_or_default();
        (finding.line, finding.column) = (small(line + 1), small(before.chars().count() + 1));
        finding
    }

    fn is_silenced(&self, finding: &Diagnostic) -> bool {
        let kind = match finding.code {
            code::UNKNOWN_FUNCTION | code::UNKNOWN_PLUGIN | code::NOT_IMPLEMENTED => Code::UnknownPlugin,
            code::UNKNOWN_ARGUMENT => Code::InvalidArg,
            code::MISSING_ARGUMENT => Code::RequiredArgMissing,
            code::UNKNOWN_ARTIFACT => Code::UnknownArtifactInQuery,
            code::UNKNOWN_PARAMETER => Code::UnknownParameterInCall,
            code::HIDDEN_BY_BUILTIN => Code::SymbolMaskWarn,
            _ => return false,
        };
        let mut silenced = self.suppressions.iter().filter(|silenced| silenced.code == kind);
        silenced.any(|silenced| silenced.pattern.is_match(&finding.message))
    }

    fn take_apart(&mut self, raw: &str, artifact: &Artifact, repository: &Repository) {
        let mut given = Surroundings {
            variables: catalogue::given(),
            // Notebooks define additional variables.
            is_open: artifact.kind == Kind::Notebook,
            ..Surroundings::default()
        };
        given
            .variables
            .extend(artifact.parameters.iter().map(catalogue::parameter));
        let is_upload = |parameter: &&Parameter| {
            matches!(
                parameter.parameter_type(),
                ParameterType::Upload | ParameterType::UploadFile
            )
        };
        for parameter in artifact.parameters.iter().filter(is_upload) {
            // Uploaded files are passed in this variable.
            given.add_variable(format!("{}_", parameter.name));
        }
        for tool in &artifact.tools {
            for suffix in ["HASH", "FILENAME", "VERSION", "PATH", "URL", "URLs"] {
                given.add_variable(format!("Tool_{}_{suffix}", tool.name));
            }
        }
        let conditions = artifact
            .sources
            .iter()
            .filter_map(|source| source.precondition.as_ref());
        for condition in artifact.precondition.iter().chain(conditions) {
            self.add(raw, condition, given.clone());
        }
        let mut shared = given;
        let mut exports = Vec::new();
        for import in &artifact.imports {
            match repository.get(import).map(|imported| imported.export.clone()) {
                Some(Some(export)) => exports.push(export.text),
                found => {
                    shared.lacks_texts = true;
                    let reason = match found {
                        Some(_) => format!("artifact `{import}` exports nothing; remove it from `imports`"),
                        None => repository.not_found(import).to_string(),
                    };
                    let problem = Problem::about(raw, "imports", import, format!("import: {reason}"));
                    self.problems.push(diagnostic(raw, &problem, BAD_IMPORT));
                }
            }
        }
        if let Some(export) = &artifact.export {
            let mut around = shared.clone();
            around.is_library = true;
            exports.iter().for_each(|text| around.add_before(text));
            self.add(raw, export, around);
            exports.push(export.text.clone());
        }
        exports.iter().for_each(|text| shared.add_before(text));
        let is_serial = compile::is_serial(artifact);
        let queries: Vec<&Section> = artifact
            .sources
            .iter()
            .filter_map(|source| source.query.as_ref())
            .collect();
        for (at, query) in queries.iter().enumerate() {
            let mut around = shared.clone();
            if is_serial {
                queries[..at]
                    .iter()
                    .for_each(|earlier| around.add_before(&earlier.text));
                queries[at + 1..]
                    .iter()
                    .for_each(|later| around.add_later(&later.text));
            }
            self.add(raw, query, around);
        }
    }

    /// What can be found without parsing the file as YAML: enough to continue editing.
    fn take_apart_damaged(&mut self, raw: &str) {
        let mut around = catalogue::surroundings();
        around.lacks_texts = true;
        around.is_library = true;
        let Some(outline) = self.outline.clone() else {
            return;
        };
        for parameter in &outline.parameters {
            around.add_variable(parameter.name.clone());
        }
        for section in &outline.sections {
            self.add(raw, section, around.clone());
        }
    }

    fn add(&mut self, raw: &str, section: &Section, around: Surroundings) {
        let lines = section.lines(raw);
        let last = lines.last().map_or(0, |line| line.1);
        let end = raw
            .get(last..)
            .and_then(|rest| rest.find('\n'))
            .map_or(raw.len(), |at| last + at);
        self.regions.push(Region {
            text: section.text.clone(),
            around,
            lines,
            end,
        });
    }
}

impl Region {
    /// Maps a byte of the VQL to the file.
    pub(crate) fn to_file(&self, offset: usize) -> usize {
        let at = self.lines.partition_point(|(start, _)| *start <= offset);
        let Some((own, file)) = at.checked_sub(1).and_then(|at| self.lines.get(at)) else {
            return self.end;
        };
        (file + offset - own).min(self.end)
    }

    /// Maps a byte of the file to the VQL that contains it.
    fn offset_of(&self, offset: usize) -> Option<usize> {
        let first = self.lines.first()?.1;
        // The margin of the first line belongs to it, as long as it is not part of another region.
        if offset < first || offset > self.end {
            return None;
        }
        let at = self
            .lines
            .partition_point(|(_, file)| *file <= offset)
            .checked_sub(1)?;
        let (own, file) = *self.lines.get(at)?;
        let line_end = self
            .lines
            .get(at + 1)
            .map_or(self.text.len(), |next| next.0.saturating_sub(1));
        let found = (own + offset - file).min(line_end.max(own));
        (0..=found).rev().find(|at| self.text.is_char_boundary(*at))
    }
}

/// True for an artifact definition, false for other YAML.
pub(crate) fn is_definition(text: &str) -> bool {
    let has = |key: &str| text.lines().any(|line| line.starts_with(key));
    has("name:")
        && ["sources:", "export:", "parameters:", "precondition:", "type:"]
            .iter()
            .any(|key| has(key))
}

fn diagnostics(raw: &str, error: &Error, code: &'static str) -> Vec<Diagnostic> {
    match error {
        Error::Invalid { problems, .. } => problems
            .iter()
            .map(|problem| diagnostic(raw, problem, code))
            .collect(),
        other => vec![diagnostic(raw, &Problem::anywhere(other.to_string()), code)],
    }
}

/// A problem in a definition, marked in its line.
fn diagnostic(raw: &str, problem: &Problem, code: &'static str) -> Diagnostic {
    let line = problem.line.max(1) as usize - 1;
    let mut lines = raw.split_inclusive('\n');
    let before: usize = lines.by_ref().take(line).map(str::len).sum();
    let whole = lines.next().unwrap_or_default().trim_end();
    let indent = whole.len() - whole.trim_start().len();
    let column = match problem.column {
        0 => indent,
        column => whole
            .char_indices()
            .nth(column as usize - 1)
            .map_or(whole.len(), |(at, _)| at),
    };
    let end = match problem.length {
        0 => whole.len(),
        length => whole
            .get(column..)
            .and_then(|rest| rest.char_indices().nth(length as usize))
            .map_or(whole.len(), |(at, _)| column + at),
    };
    let span = Span {
        start: small(before + column),
        end: small(before + end),
    };
    let (line, column) = locate(raw, span.start);
    Diagnostic {
        code,
        severity: Severity::Error,
        message: problem.message.clone(),
        span,
        line,
        column,
        labels: Vec::new(),
        help: None,
    }
}

fn is_blank(text: &str) -> bool {
    use peregrine_vql_ide::scan::{Piece, pieces};
    pieces(text).all(|(piece, range)| {
        piece == Piece::Comment || text.get(range).is_none_or(|text| text.trim().is_empty())
    })
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::Document;
    use crate::ide::catalogue;
    use crate::registry;

    const TEXT: &str = "name: Custom.Ü\r\nexport: |\r\n  LET E(x) = x\r\nparameters:\r\n- name: P\r\n  default: |\r\n    é\r\nprecondition: SELECT OS From info() where OS = 'linux'\r\nsources:\r\n- queries:\r\n  - LET q = SELECT 'é' AS a FROM scope()\r\n  - |\r\n    SELECT E(x=P), a\r\n\r\n      FROM q\r\n- query: >\r\n    SELECT 'ü😀'\r\n    FROM scope()\r\n- query: \"SELECT 'a\\tß' AS x\\n FROM scope() ORDER BY z\"\r\n";

    #[test]
    fn any_damage_is_survived() {
        let repository = registry::repository(&[]).unwrap();
        let catalogue = catalogue::catalogue(&registry::registry(), &repository);
        let mut texts = vec![TEXT.to_owned(), TEXT.replace('\r', "")];
        for (at, c) in TEXT.char_indices() {
            texts.push(TEXT[..at].to_owned());
            texts.push(TEXT[at..].to_owned());
            texts.push(format!("{}{}", &TEXT[..at], &TEXT[at + c.len_utf8()..]));
        }
        for text in texts {
            let document = Document::definition(text.clone(), &repository);
            for finding in document.findings(&catalogue) {
                assert!(finding.span.end as usize <= text.len(), "{finding:?}");
            }
            for offset in 0..=text.len() {
                if let Some((region, inner)) = document.region_at(offset) {
                    assert!(region.text.is_char_boundary(inner));
                    assert!(region.to_file(inner) <= text.len());
                }
            }
        }
    }

    #[test]
    fn places_go_both_ways() {
        let repository = registry::repository(&[]).unwrap();
        let document = Document::definition(TEXT.to_owned(), &repository);
        assert_eq!(document.regions.len(), 5);
        for wanted in ["E(x) = x", "OS = 'linux'", "'é' AS a", "E(x=P)", "FROM q", "ü😀"] {
            let at = TEXT.find(wanted).unwrap();
            let (region, inner) = document.region_at(at).unwrap();
            assert!(
                region.text[inner..].starts_with(wanted),
                "{wanted}: {:?}",
                &region.text[inner..]
            );
            assert_eq!(region.to_file(inner), at);
        }
        for outside in ["name:", "default", "sources"] {
            assert!(
                document.region_at(TEXT.find(outside).unwrap()).is_none(),
                "{outside}"
            );
        }
    }
}
