//! The line editor: prompt, history, colours, completion menu.

use crate::embedded_server::user_data;
use crate::terminal;
use anyhow::Context as _;
use nu_ansi_term::{Color, Style};
use parking_lot::Mutex;
use peregrine_vql_ide::{Callable, Catalogue, Surroundings, Token, complete, scan, tokens};
use reedline::{
    ColumnarMenu, Completer, CompletionResult, EditCommand, Emacs, FileBackedHistory, Highlighter, KeyCode,
    KeyModifiers, MenuBuilder as _, Prompt, PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent,
    ReedlineMenu, Signal, Span, StyledText, Suggestion, ValidationResult, Validator,
    default_emacs_keybindings,
};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Number of history lines kept.
const HISTORY_LINES: usize = 10_000;
const MENU: &str = "completions";

/// Reads statements from a terminal.
pub(super) struct Editor(Reedline);

impl Editor {
    pub(super) fn new(catalogue: Catalogue, lets: Arc<Mutex<Surroundings>>) -> anyhow::Result<Editor> {
        let mut keys = default_emacs_keybindings();
        let complete = ReedlineEvent::UntilFound(vec![
            ReedlineEvent::Menu(MENU.to_owned()),
            ReedlineEvent::MenuNext,
        ]);
        keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, complete);
        let new_line = ReedlineEvent::Edit(vec![EditCommand::InsertNewline]);
        keys.add_binding(KeyModifiers::ALT, KeyCode::Enter, new_line);
        let colours = terminal::is_coloured(&std::io::stdout());
        let catalogue = Arc::new(catalogue);
        let menu = ColumnarMenu::default().with_name(MENU);
        let mut editor = Reedline::create()
            .with_edit_mode(Box::new(Emacs::new(keys)))
            .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
            .with_completer(Box::new(Completions {
                catalogue: Arc::clone(&catalogue),
                surroundings: lets,
            }))
            .with_validator(Box::new(Whole))
            .with_highlighter(Box::new(Colours(catalogue)))
            .with_ansi_colors(colours);
        match history() {
            Ok(history) => editor = editor.with_history(Box::new(history)),
            Err(error) => eprintln!("the history is not kept: {error:#}"),
        }
        Ok(Editor(editor))
    }

    /// The next statement; `None` at the end.
    pub(super) fn read(&mut self) -> anyhow::Result<Option<String>> {
        loop {
            match self.0.read_line(&Arrow).context("reading from the terminal")? {
                Signal::Success(text) => {
                    // Saved at once: a crash or a closed window loses nothing.
                    let _ = self.0.sync_history();
                    return Ok(Some(text));
                }
                Signal::CtrlD => return Ok(None),
                // Ctrl-C at the prompt discards the line.
                _ => {}
            }
        }
    }
}

/// The history file, readable only by its owner: queries may contain secrets.
fn history() -> anyhow::Result<FileBackedHistory> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
    let folder: PathBuf = user_data()
        .context("no data directory: set HOME")?
        .join("peregrine-shell");
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("making `{}`", folder.display()))?;
    let path = folder.join("history");
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("opening `{}`", path.display()))?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    Ok(FileBackedHistory::with_file(HISTORY_LINES, path)?)
}

/// `vql>`.
struct Arrow;

impl Prompt for Arrow {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        "vql".into()
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        "> ".into()
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        "   > ".into()
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        format!(" search `{}`> ", search.term).into()
    }
}

/// Enter runs a statement that is complete or wrong; otherwise it starts a new line.
struct Whole;

impl Validator for Whole {
    fn validate(&self, text: &str) -> ValidationResult {
        if scan::is_unfinished(text) {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Complete
        }
    }
}

struct Completions {
    catalogue: Arc<Catalogue>,
    surroundings: Arc<Mutex<Surroundings>>,
}

impl Completer for Completions {
    fn complete(&mut self, text: &str, position: usize) -> CompletionResult {
        let (start, candidates) = complete(text, position, &self.surroundings.lock(), &self.catalogue);
        let suggestions: Vec<Suggestion> = candidates
            .into_iter()
            .map(|candidate| Suggestion {
                value: candidate.text,
                description: Some(candidate.description).filter(|text| !text.is_empty()),
                span: Span {
                    start,
                    end: position.max(start),
                },
                ..Suggestion::default()
            })
            .collect();
        CompletionResult::fresh(suggestions)
    }
}

/// Colours keywords, known names, strings, numbers and comments.
struct Colours(Arc<Catalogue>);

impl Highlighter for Colours {
    fn highlight(&self, text: &str, _: usize) -> StyledText {
        let mut styled = StyledText::new();
        let mut end = 0;
        for (token, range) in tokens(text, &self.0) {
            let between = text.get(end..range.start).unwrap_or_default();
            styled.push((Style::new(), between.to_owned()));
            let shown = text.get(range.clone()).unwrap_or_default();
            let is_known = |known: &BTreeMap<String, Callable>| known.contains_key(shown);
            let style = match token {
                Token::Keyword => Style::new().bold().fg(Color::Blue),
                Token::Function if is_known(&self.0.functions) => Style::new().fg(Color::Cyan),
                Token::Plugin if is_known(&self.0.plugins) => Style::new().fg(Color::Cyan),
                Token::Text => Style::new().fg(Color::Green),
                Token::Number => Style::new().fg(Color::Yellow),
                Token::Comment => Style::new().fg(Color::DarkGray),
                _ => Style::new(),
            };
            styled.push((style, shown.to_owned()));
            end = range.end;
        }
        styled.push((Style::new(), text.get(end..).unwrap_or_default().to_owned()));
        styled
    }
}
