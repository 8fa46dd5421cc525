//! `magic()`: the type of a file, by its content.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use pure_magic::{MagicDb, MagicSource};

use super::magic_dates::as_libmagic;
use super::temporary::fresh_path;
use crate::prelude::*;

/// Determines the type of a file by its content, with the rules of libmagic (the program `file`).
///
/// Only the first 64 KiB are read. Folders and links are reported as such. The rules take about 18 MB of
/// memory while the query runs.
#[derive(VqlArgs)]
pub struct Args {
    /// The file.
    path: PathArg,
    /// The accessor to read it with.
    accessor: Option<String>,
    /// `mime` for the MIME type, `extension` for common file extensions; a description when left out.
    #[arg(name = "type")]
    kind: Option<String>,
    /// Additional rules, in libmagic's language.
    magic: Option<String>,
}

pub struct Magic;

/// Number of bytes examined.
const START: u64 = 64 << 10;

impl Function for Magic {
    type Args = Args;
    const NAME: &'static str = "magic";
    const CATEGORY: Category = Category::FileSystem;
    const VERSION: i64 = 1;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "text",
            "magic(accessor='data', path='Hello, this is text')",
            r#""ASCII text""#,
        ),
        example(
            "text with bytes that are not UTF-8",
            r"(magic(accessor='data', path='caf\xe9 au lait\n'), magic(accessor='data', path='line\xff\x80\n'), magic(accessor='data', type='mime', path='line\xff\x80\n'))",
            r#"["ISO-8859 text","Non-ISO extended-ASCII text","text/plain"]"#,
        ),
        example(
            "a MIME type",
            r#"magic(accessor='data', type='mime', path="\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00")"#,
            r#""application/x-executable""#,
        ),
        example("a folder", "magic(path='/')", r#""directory""#),
        example(
            "a date",
            r#"magic(accessor='data', path="\x1f\x8b\x08\x00\x00\x9d\x53\x65\x00\x03") =~ 'last modified: Tue Nov 14 16:14:56 2023'"#,
            "true",
        ),
        example(
            "a rule of one's own",
            r#"magic(accessor='data', path='PRG1 data', magic="0\tstring\tPRG1\tPeregrine test file\n")"#,
            r#""Peregrine test file""#,
        ),
        fails(
            "another type",
            "magic(accessor='data', path='x', type='colour')",
            "unknown type `colour`",
        ),
        fails(
            "no such file",
            "magic(path='/no/such/file')",
            "magic: `/no/such/file`",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let kind = args.kind.unwrap_or_default();
        if !matches!(kind.as_str(), "" | "mime" | "extension") {
            return Err(format!("unknown type `{kind}`; use mime or extension").into());
        }
        let files = accessor(scope, args.accessor.as_deref().unwrap_or_default())
            .map_err(|error| error.to_string())?;
        let path = args.path.resolve(scope, files.as_ref())?;
        if let Ok(info) = files.lstat(scope, &path)
            && let Some(name) = without_content(&info)
        {
            return Ok(Value::from(match kind.as_str() {
                "" => name.1,
                "mime" => format!("inode/{}", name.0),
                _ => String::new(),
            }));
        }
        let mut start = Vec::new();
        let reader = files.open(scope, &path).map_err(|error| error.to_string())?;
        let read = reader.take(START).read_to_end(&mut start);
        read.map_err(|error| format!("`{}`: {error}", path.to_text()))?;
        if start.is_empty() {
            return Ok(Value::from(match kind.as_str() {
                "" => "empty",
                "mime" => "inode/x-empty",
                _ => "",
            }));
        }
        let text = args.magic.unwrap_or_default();
        let rules = scope.cache(&text, || Rules(load(scope, &text)));
        let rules = rules.0.as_ref().map_err(Clone::clone)?;
        // Third-party rules are applied to untrusted data; if that panics, the file has no type.
        let found = catch_unwind(AssertUnwindSafe(|| describe(rules, &start, &kind)));
        let found = found.map_err(|_| format!("`{}` cannot be told by the rules", path.to_text()))?;
        Ok(Value::from(found?))
    }
}

/// The rules of the query, by the text of the added ones.
struct Rules(Result<Arc<MagicDb>, String>);

fn load(scope: &Scope, more: &str) -> Result<Arc<MagicDb>, String> {
    let mut rules = magic_db::load().map_err(|error| error.to_string())?;
    if !more.is_empty() {
        // Rules can only be read from files.
        let path = fresh_path(scope, b".magic")?;
        let failed = |error: std::io::Error| format!("`{}`: {error}", path.display());
        std::fs::write(&path, more).map_err(failed)?;
        let source = catch_unwind(AssertUnwindSafe(|| MagicSource::open(&path)));
        std::fs::remove_file(&path).map_err(failed)?;
        let source = source.map_err(|_| "`magic` cannot be parsed".to_owned())?;
        rules.load(source.map_err(|error| format!("`magic`: {error}"))?);
    }
    Ok(Arc::new(rules))
}

fn describe(rules: &MagicDb, start: &[u8], kind: &str) -> Result<String, String> {
    let found = rules
        .first_magic_slice(start, None)
        .map_err(|error| error.to_string())?;
    // The rules' library knows only ASCII and Unicode; it does not recognise text in older charsets.
    let message = found.message();
    let text = matches!(&*message, "data" | "Unknown text")
        .then(|| text_of_bytes(start))
        .flatten();
    Ok(match (kind, text) {
        ("mime", Some(_)) => "text/plain".to_owned(),
        ("", Some(text)) => text.to_owned(),
        ("mime", None) => found.mime_type().to_owned(),
        ("extension", _) => {
            let mut extensions: Vec<&str> = found.extensions().iter().map(AsRef::as_ref).collect();
            extensions.sort_unstable();
            extensions.join("/")
        }
        _ => as_libmagic(message, found.message_parts()),
    })
}

/// The name libmagic gives to text that is neither ASCII nor Unicode; `None` if it is not text.
fn text_of_bytes(bytes: &[u8]) -> Option<&'static str> {
    let is_text = |byte: &u8| matches!(byte, 0x07..=0x0d | 0x1b | 0x20..=0x7e | 0x80..=0xff) && *byte != 0x0b;
    let (mut is_odd, mut is_extended) = (false, false);
    for byte in bytes {
        if !is_text(byte) {
            return None;
        }
        is_odd |= *byte >= 0x80;
        is_extended |= matches!(byte, 0x80..=0x9f) && *byte != 0x85;
    }
    match (is_odd, is_extended) {
        (false, _) => None,
        (true, false) => Some("ISO-8859 text"),
        (true, true) => Some("Non-ISO extended-ASCII text"),
    }
}

/// MIME subtype and description of files that are not opened.
fn without_content(info: &peregrine_accessors::FileInfo) -> Option<(&'static str, String)> {
    if info.mode.is_dir() {
        return Some(("directory", "directory".into()));
    }
    if info.mode.is_link() {
        let target = info.link.as_ref().map(OsPath::to_text).unwrap_or_default();
        return Some(("symlink", format!("symbolic link to {target}")));
    }
    None
}
