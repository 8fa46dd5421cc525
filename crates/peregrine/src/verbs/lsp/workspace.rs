//! The open texts, and the artifacts in the editor's folders.

use crate::ide::catalogue;
use crate::ide::document::{Document, is_definition};
use crate::ide::lines::{Encoding, Lines};
use crate::registry;
use gen_lsp_types as lsp;
use peregrine_artifacts::{Origin, Repository, is_yaml_file, outline};
use peregrine_vql_ide::Catalogue;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use url::Url;
use walkdir::{DirEntry, WalkDir};

/// With more files and folders than this, a folder is not searched for artifacts: it is something else.
const MAX_ENTRIES: usize = 5000;
/// Deeper folders contain no artifacts.
const MAX_DEPTH: usize = 12;
/// Definitions are small.
const MAX_BYTES: u64 = 1 << 20;

/// The server's state.
pub(super) struct Workspace {
    pub(super) encoding: Encoding,
    pub(super) catalogue: Catalogue,
    repository: Repository,
    texts: HashMap<lsp::Uri, Text>,
    unchecked: BTreeSet<String>,
    /// The files of artifacts on disk.
    files: BTreeMap<String, PathBuf>,
}

/// An open text.
pub(super) struct Text {
    pub(super) version: i32,
    pub(super) document: Document,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Query,
    Yaml,
    Other,
}

impl Workspace {
    pub(super) fn new(definitions: &[PathBuf]) -> anyhow::Result<Workspace> {
        let repository = registry::repository(&[])?.child();
        let mut workspace = Workspace {
            encoding: Encoding::Utf16,
            catalogue: catalogue::catalogue(&registry::registry(), &repository),
            repository,
            texts: HashMap::new(),
            unchecked: BTreeSet::new(),
            files: BTreeMap::new(),
        };
        for folder in definitions {
            anyhow::ensure!(
                folder.exists(),
                "no folder `{}` (--definitions)",
                folder.display()
            );
            workspace.load_folder(folder);
        }
        Ok(workspace)
    }

    /// Called once the editor has sent its encoding and folders.
    pub(super) fn start(&mut self, encoding: Encoding, params: &lsp::InitializeParams) {
        self.encoding = encoding;
        let folders = &params.workspace_folders_initialize_params.workspace_folders;
        let mut roots: Vec<&lsp::Uri> = match folders {
            Some(lsp::WorkspaceFolders::WorkspaceFolderList(folders)) => {
                folders.iter().map(|folder| &folder.uri).collect()
            }
            _ => Vec::new(),
        };
        if roots.is_empty() {
            #[allow(deprecated, reason = "older editors say it this way")]
            roots.extend(&params.root_uri);
        }
        let folders: Vec<PathBuf> = roots.into_iter().filter_map(path_of).collect();
        folders.iter().for_each(|folder| self.load_folder(folder));
    }

    fn load_folder(&mut self, folder: &Path) {
        for path in find_yaml(folder) {
            self.load_file(&path);
        }
    }

    fn load_file(&mut self, path: &Path) {
        let is_small = std::fs::metadata(path).is_ok_and(|data| data.len() <= MAX_BYTES);
        if !is_small {
            return;
        }
        let Ok(text) = std::fs::read_to_string(path) else {
            return;
        };
        if is_definition(&text)
            && let Some(name) = self.load(&text)
        {
            self.files.insert(name, path.to_owned());
        }
    }

    /// Adds a definition to the catalogue, if it can be read.
    fn load(&mut self, text: &str) -> Option<String> {
        let artifact = self.repository.load(text, Origin::BuiltIn).ok()?;
        let described = peregrine_vql_ide::Artifact {
            parameters: artifact.parameters.iter().map(catalogue::parameter).collect(),
            doc: artifact.description.clone(),
        };
        for name in artifact.aliases.iter().chain([&artifact.name]) {
            self.catalogue.artifacts.insert(name.clone(), described.clone());
        }
        Some(artifact.name.clone())
    }

    pub(super) fn open(&mut self, params: lsp::DidOpenTextDocumentParams) {
        let opened = params.text_document;
        let language = String::from(opened.language_id);
        let path = opened.uri.as_ref().to_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| path.ends_with(ending));
        // The file name decides, because editors without a language for VQL call it plain text.
        let kind = if ends(&[".vql"]) || language == "vql" {
            Kind::Query
        } else if ends(&[".yaml", ".yml"]) || language == "yaml" {
            Kind::Yaml
        } else {
            Kind::Other
        };
        self.set(opened.uri, kind, opened.version, opened.text);
    }

    pub(super) fn change(&mut self, params: lsp::DidChangeTextDocumentParams) {
        let uri = params.text_document.text_document_identifier.uri;
        let Some(open) = self.texts.get_mut(&uri) else {
            return;
        };
        let kind = open.kind;
        let mut text = std::mem::take(&mut open.document.text);
        let mut lines = std::mem::take(&mut open.document.lines);
        for change in params.content_changes {
            match change {
                lsp::TextDocumentContentChangeEvent::TextDocumentContentChangePartial(change) => {
                    let at = |place: &lsp::Position| {
                        lines.offset(
                            &text,
                            place.line as usize,
                            place.character as usize,
                            self.encoding,
                        )
                    };
                    let start = at(&change.range.start);
                    let end = at(&change.range.end).max(start);
                    text.replace_range(start..end, &change.text);
                }
                lsp::TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(change) => {
                    text = change.text;
                }
            }
            lines = Lines::new(&text);
        }
        self.set(uri, kind, params.text_document.version, text);
    }

    fn set(&mut self, uri: lsp::Uri, kind: Kind, version: i32, text: String) {
        let document = match kind {
            Kind::Query => Document::query(text, catalogue::surroundings()),
            Kind::Yaml if is_definition(&text) => {
                if let (Some(name), Some(path)) = (self.load(&text), path_of(&uri)) {
                    self.files.insert(name, path);
                }
                Document::definition(text, &self.repository)
            }
            Kind::Yaml | Kind::Other => Document::foreign(text),
        };
        self.unchecked.insert(uri.as_ref().to_owned());
        let text = Text {
            version,
            document,
            kind,
        };
        self.texts.insert(uri, text);
    }

    pub(super) fn close(&mut self, uri: &lsp::Uri) {
        self.texts.remove(uri);
        // Unsaved changes are discarded.
        if let Some(path) = path_of(uri).filter(|path| is_yaml_file(path)) {
            self.load_file(&path);
        }
        // Clears the findings.
        self.unchecked.insert(uri.as_ref().to_owned());
    }

    pub(super) fn files_changed(&mut self, params: lsp::DidChangeWatchedFilesParams) {
        for event in params.changes {
            if let Some(path) = path_of(&event.uri).filter(|path| is_yaml_file(path)) {
                self.load_file(&path);
            }
        }
        // Calls of changed artifacts may have become right or wrong.
        self.unchecked
            .extend(self.texts.keys().map(|uri| uri.as_ref().to_owned()));
    }

    pub(super) fn has_unchecked(&self) -> bool {
        !self.unchecked.is_empty()
    }

    pub(super) fn take_unchecked(&mut self) -> Vec<lsp::Uri> {
        std::mem::take(&mut self.unchecked)
            .into_iter()
            .map(lsp::Uri::from)
            .collect()
    }

    pub(super) fn text(&self, uri: &lsp::Uri) -> Option<&Text> {
        self.texts.get(uri)
    }

    /// The text of a request, and the byte it points at.
    pub(super) fn at(&self, place: &lsp::TextDocumentPositionParams) -> Option<(&Text, usize)> {
        let text = self.text(&place.text_document.uri)?;
        let (line, column) = (place.position.line as usize, place.position.character as usize);
        Some((
            text,
            text.document
                .lines
                .offset(&text.document.text, line, column, self.encoding),
        ))
    }

    /// The range of bytes in a text, as lines and columns.
    pub(super) fn range(&self, text: &Text, start: usize, end: usize) -> lsp::Range {
        range(
            &text.document.text,
            &text.document.lines,
            start,
            end,
            self.encoding,
        )
    }

    /// The definition of the artifact with this name, if it is in a file.
    pub(super) fn artifact(&self, name: &str) -> Option<lsp::Location> {
        let path = self.files.get(name)?;
        let uri = lsp::Uri::from(Url::from_file_path(path).ok()?.to_string());
        let find = |text: &str, lines: &Lines| {
            let named = outline(text).name.map(|named| named.range).unwrap_or_default();
            range(text, lines, named.start, named.end, self.encoding)
        };
        let range = match self.texts.get(&uri) {
            Some(open) => find(&open.document.text, &open.document.lines),
            None => {
                let text = std::fs::read_to_string(path).ok()?;
                find(&text, &Lines::new(&text))
            }
        };
        Some(lsp::Location { uri, range })
    }
}

fn range(text: &str, lines: &Lines, start: usize, end: usize, encoding: Encoding) -> lsp::Range {
    let place = |offset: usize| {
        let (line, column) = lines.position(text, offset, encoding);
        lsp::Position {
            line: number(line),
            character: number(column),
        }
    };
    lsp::Range {
        start: place(start),
        end: place(end),
    }
}

/// A number in the type of the protocol.
pub(super) fn number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn path_of(uri: &lsp::Uri) -> Option<PathBuf> {
    Url::parse(uri.as_ref()).ok()?.to_file_path().ok()
}

fn is_foreign(folder: &DirEntry) -> bool {
    let name = folder.file_name();
    name.to_string_lossy().starts_with('.') || name == "node_modules" || name == "target"
}

fn find_yaml(folder: &Path) -> Vec<PathBuf> {
    // Links are not followed, because they may lead anywhere.
    let walk = WalkDir::new(folder).max_depth(MAX_DEPTH + 1).into_iter();
    let is_ours = |entry: &DirEntry| entry.depth() == 0 || !entry.file_type().is_dir() || !is_foreign(entry);
    let mut files: Vec<PathBuf> = walk
        .filter_entry(is_ours)
        .take(MAX_ENTRIES)
        .flatten()
        .filter(|entry| !entry.file_type().is_dir())
        .map(DirEntry::into_path)
        .filter(|path| is_yaml_file(path))
        .collect();
    files.sort();
    files
}
