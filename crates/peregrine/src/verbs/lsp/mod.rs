//! `peregrine lsp`: a language server for editors, over standard input and output.

mod completion;
mod format;
mod info;
mod navigation;
mod publish;
mod tokens;
mod workspace;

use self::workspace::Workspace;
use crate::ide::lines::Encoding;
use anyhow::Context as _;
use gen_lsp_types as lsp;
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Arguments of `lsp`.
#[derive(clap::Args)]
#[command(after_help = "docs/editors.md describes how to set up an editor.")]
pub(crate) struct Args {
    /// A folder with artifact definitions, in addition to the editor's folders; may be repeated.
    #[arg(short = 'D', long, value_name = "DIR")]
    definitions: Vec<PathBuf>,
    /// Accepted because editors pass it; standard input and output are always used.
    #[arg(long, hide = true)]
    stdio: bool,
}

/// A text is checked after this long without messages.
const QUIET: Duration = Duration::from_millis(40);
/// `RequestFailed` of the protocol: the request is valid, but cannot be carried out.
const REQUEST_FAILED: i32 = -32803;

/// Why a request has no result.
pub(super) struct Refusal {
    code: i32,
    message: String,
}

impl Refusal {
    fn new(code: i32, message: String) -> Refusal {
        Refusal { code, message }
    }

    /// The request cannot be carried out, for a reason the user should read.
    pub(super) fn because(message: impl Into<String>) -> Refusal {
        Refusal::new(REQUEST_FAILED, message.into())
    }
}

type Answer<T> = Result<T, Refusal>;

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (connection, threads) = Connection::stdio();
    let mut server = Server {
        connection,
        workspace: Workspace::new(&args.definitions)?,
        is_shut_down: false,
    };
    let code = server.serve();
    drop(server);
    // Fails if the input was not a message, which has been reported already.
    let outcome = threads.join();
    match code? {
        Some(code) => Ok(code),
        None => {
            outcome.context("reading from the editor")?;
            anyhow::bail!("the editor went away without saying `exit`")
        }
    }
}

struct Server {
    connection: Connection,
    workspace: Workspace,
    is_shut_down: bool,
}

impl Server {
    /// Runs until `exit`, which decides the exit code; `None` when the connection broke.
    fn serve(&mut self) -> anyhow::Result<Option<ExitCode>> {
        if let Some(code) = self.initialize()? {
            return Ok(Some(code));
        }
        loop {
            let message = if self.workspace.has_unchecked() {
                match self.connection.receiver.recv_timeout(QUIET) {
                    Ok(message) => message,
                    Err(error) if error.is_timeout() => {
                        self.publish();
                        continue;
                    }
                    Err(_) => return Ok(None),
                }
            } else {
                match self.connection.receiver.recv() {
                    Ok(message) => message,
                    Err(_) => return Ok(None),
                }
            };
            match message {
                Message::Request(request) => self.request(request),
                Message::Notification(note) if note.method == "exit" => return Ok(Some(self.exit_code())),
                Message::Notification(note) => self.notification(note),
                // We send no requests.
                Message::Response(_) => {}
            }
        }
    }

    fn exit_code(&self) -> ExitCode {
        if self.is_shut_down {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn initialize(&mut self) -> anyhow::Result<Option<ExitCode>> {
        loop {
            match self.connection.receiver.recv() {
                Ok(Message::Request(request)) if request.method == "initialize" => {
                    let params: lsp::InitializeParams = match parse(request.params) {
                        Ok(params) => params,
                        Err(refusal) => {
                            self.refuse(request.id, refusal);
                            continue;
                        }
                    };
                    let result = self.answer_initialize(params);
                    self.send(Response::new_ok(request.id, result));
                    return Ok(None);
                }
                Ok(Message::Request(request)) => {
                    let refusal = Refusal::new(
                        ErrorCode::ServerNotInitialized as i32,
                        "`initialize` comes first".to_owned(),
                    );
                    self.refuse(request.id, refusal);
                }
                Ok(Message::Notification(note)) if note.method == "exit" => {
                    return Ok(Some(self.exit_code()));
                }
                Ok(_) => {}
                Err(_) => anyhow::bail!("the editor went away before `initialize`"),
            }
        }
    }

    fn answer_initialize(&mut self, params: lsp::InitializeParams) -> lsp::InitializeResult {
        let general = params.capabilities.general.as_ref();
        let offered = general
            .and_then(|general| general.position_encodings.as_deref())
            .unwrap_or_default();
        let encoding = if offered.contains(&lsp::PositionEncodingKind::UTF8) {
            Encoding::Utf8
        } else {
            Encoding::Utf16
        };
        self.workspace.start(encoding, &params);
        lsp::InitializeResult {
            capabilities: capabilities(encoding),
            server_info: Some(lsp::ServerInfo {
                name: "peregrine".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
        }
    }

    fn request(&mut self, request: Request) {
        let id = request.id.clone();
        if self.is_shut_down {
            let refusal = Refusal::new(
                ErrorCode::InvalidRequest as i32,
                "nothing is asked after `shutdown`".to_owned(),
            );
            return self.refuse(id, refusal);
        }
        if request.method == "shutdown" {
            self.is_shut_down = true;
            return self.send(Response::new_ok(id, ()));
        }
        // A bug must not end the session: the author would lose the server for the rest of the day.
        let workspace = &mut self.workspace;
        let outcome = catch_unwind(AssertUnwindSafe(|| dispatch(workspace, request)));
        let message = || "a fault of the language server; please report the text at hand".to_owned();
        match outcome.unwrap_or_else(|_| Err(Refusal::new(ErrorCode::InternalError as i32, message()))) {
            Ok(result) => self.send(Response::new_ok(id, result)),
            Err(refusal) => self.refuse(id, refusal),
        }
    }

    fn notification(&mut self, note: Notification) {
        let workspace = &mut self.workspace;
        // Unreadable notifications are ignored, because they have no answer.
        let _ = catch_unwind(AssertUnwindSafe(|| match note.method.as_str() {
            "textDocument/didOpen" => parse(note.params).map(|params| workspace.open(params)),
            "textDocument/didChange" => parse(note.params).map(|params| workspace.change(params)),
            "textDocument/didClose" => {
                let closed: Answer<lsp::DidCloseTextDocumentParams> = parse(note.params);
                closed.map(|params| workspace.close(&params.text_document.uri))
            }
            "workspace/didChangeWatchedFiles" => {
                parse(note.params).map(|params| workspace.files_changed(params))
            }
            _ => Ok(()),
        }));
    }

    /// Publishes the findings about texts that changed.
    fn publish(&mut self) {
        for uri in self.workspace.take_unchecked() {
            let workspace = &mut self.workspace;
            let found = catch_unwind(AssertUnwindSafe(|| publish::diagnostics(workspace, &uri)));
            if let Ok(params) = found {
                let note = Notification::new("textDocument/publishDiagnostics".to_owned(), params);
                // The loop notices a broken connection.
                let _ = self.connection.sender.send(Message::Notification(note));
            }
        }
    }

    fn send(&self, response: Response) {
        let _ = self.connection.sender.send(Message::Response(response));
    }

    fn refuse(&self, id: RequestId, Refusal { code, message }: Refusal) {
        self.send(Response::new_err(id, code, message));
    }
}

fn dispatch(workspace: &mut Workspace, request: Request) -> Answer<serde_json::Value> {
    let params = request.params;
    match request.method.as_str() {
        "textDocument/completion" => answer(params, |params| completion::complete(workspace, params)),
        "textDocument/hover" => answer(params, |params| info::hover(workspace, params)),
        "textDocument/signatureHelp" => answer(params, |params| info::signature(workspace, params)),
        "textDocument/definition" => answer(params, |params| navigation::definition(workspace, params)),
        "textDocument/prepareRename" => {
            answer(params, |params| navigation::prepare_rename(workspace, params))
        }
        "textDocument/rename" => answer(params, |params| navigation::rename(workspace, params)),
        "textDocument/formatting" => answer(params, |params| format::format(workspace, params)),
        "textDocument/semanticTokens/full" => answer(params, |params| tokens::tokens(workspace, params)),
        other => Err(Refusal::new(
            ErrorCode::MethodNotFound as i32,
            format!("no method `{other}`"),
        )),
    }
}

fn answer<P: DeserializeOwned, R: Serialize>(
    params: serde_json::Value,
    handle: impl FnOnce(P) -> Answer<R>,
) -> Answer<serde_json::Value> {
    let result = handle(parse(params)?)?;
    serde_json::to_value(result)
        .map_err(|error| Refusal::new(ErrorCode::InternalError as i32, error.to_string()))
}

fn parse<P: DeserializeOwned>(params: serde_json::Value) -> Answer<P> {
    serde_json::from_value(params)
        .map_err(|error| Refusal::new(ErrorCode::InvalidParams as i32, error.to_string()))
}

fn capabilities(encoding: Encoding) -> lsp::ServerCapabilities {
    let letters = |letters: &[&str]| Some(letters.iter().map(|letter| (*letter).to_owned()).collect());
    lsp::ServerCapabilities {
        position_encoding: Some(match encoding {
            Encoding::Utf8 => lsp::PositionEncodingKind::UTF8,
            Encoding::Utf16 => lsp::PositionEncodingKind::UTF16,
        }),
        text_document_sync: Some(lsp::TextDocumentSync::Options(lsp::TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(lsp::TextDocumentSyncKind::Incremental),
            ..Default::default()
        })),
        completion_provider: Some(lsp::CompletionOptions {
            trigger_characters: letters(&[".", "(", ",", "{"]),
            ..Default::default()
        }),
        hover_provider: Some(lsp::HoverProvider::Bool(true)),
        signature_help_provider: Some(lsp::SignatureHelpOptions {
            trigger_characters: letters(&["(", ",", "="]),
            ..Default::default()
        }),
        definition_provider: Some(lsp::DefinitionProvider::Bool(true)),
        rename_provider: Some(lsp::RenameProvider::RenameOptions(lsp::RenameOptions {
            prepare_provider: Some(true),
            ..Default::default()
        })),
        document_formatting_provider: Some(lsp::DocumentFormattingProvider::Bool(true)),
        semantic_tokens_provider: Some(lsp::SemanticTokensProvider::SemanticTokensOptions(
            lsp::SemanticTokensOptions {
                legend: tokens::legend(),
                full: Some(lsp::Full::Bool(true)),
                range: None,
                work_done_progress_options: Default::default(),
            },
        )),
        ..Default::default()
    }
}
