//! The GUI's files, embedded when the program was built.

use peregrine_server::{GuiAssets, GuiFile};

/// The output of `npm run build` in `gui/dist`. Without it, the server still serves REST and agents.
#[derive(rust_embed::RustEmbed)]
#[folder = "../../gui/dist"]
#[allow_missing = true]
struct Files;

pub(crate) struct EmbeddedGui;

impl EmbeddedGui {
    /// False if the program was built before the GUI.
    pub(crate) fn is_there() -> bool {
        Files::get("index.html").is_some()
    }
}

impl GuiAssets for EmbeddedGui {
    fn file(&self, path: &str) -> Option<GuiFile> {
        let file = Files::get(path)?;
        Some(GuiFile {
            bytes: file.data,
            content_type: media_type(path).to_owned(),
        })
    }
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" | "webmanifest" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
