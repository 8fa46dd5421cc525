//! `hash()`: MD5, SHA-1 and SHA-256 of a file.

use std::cell::Cell;
use std::io;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::prelude::*;

/// Hashes a file in one pass. The result always has `MD5`, `SHA1` and `SHA256`; those not selected are empty.
///
/// Reading stops at the limit, with a message, and the hashes are those of the part that was read. A file
/// that cannot be opened gives NULL.
#[derive(VqlArgs)]
pub struct Args {
    /// The file.
    path: PathArg,
    /// The accessor to read it with.
    accessor: Option<String>,
    /// Any of `MD5`, `SHA1`, `SHA256`; all when left out.
    hashselect: Option<Vec<String>>,
    /// Maximum number of bytes to read; when left out the variable `HASH_MAX_SIZE`, else 100 MiB.
    max_size: Option<u64>,
}

pub struct Hash;

const MAX_SIZE: u64 = 100 << 20;

impl Function for Hash {
    type Args = Args;
    const NAME: &'static str = "hash";
    const CATEGORY: Category = Category::Encode;
    const VERSION: i64 = 3;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "all three",
            "hash(accessor='data', path='peregrine')",
            r#"{"MD5":"2156b1115f78aec4d0f84dde3d0abccb","SHA1":"5f35c25f4bf588b5fad46e249fcd9221f5257ce4","SHA256":"48bcfd4617c9cce391fef80949ffde546c8b7ae4d626236c707ea97ac94dfdae"}"#,
        ),
        example(
            "one",
            "hash(accessor='data', path='peregrine', hashselect='MD5')",
            r#"{"MD5":"2156b1115f78aec4d0f84dde3d0abccb","SHA1":"","SHA256":""}"#,
        ),
        example("no such file", "hash(path='/no/such/file')", "null"),
        fails(
            "no such accessor",
            "hash(path='x', accessor='nobody')",
            "hash: Unknown filesystem accessor nobody",
        ),
        fails(
            "another hash",
            "hash(accessor='data', path='a', hashselect='crc')",
            "unknown hash `crc`",
        ),
        fails(
            "too large",
            "hash(accessor='data', path='abc', max_size=2)",
            "more than 2 bytes",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let mut hashes = select(args.hashselect.as_deref().unwrap_or_default())?;
        let limit = match args.max_size {
            Some(limit) if limit > 0 => limit,
            _ => scope
                .get("HASH_MAX_SIZE")
                .and_then(|value| value.reduce(scope).as_i64())
                .and_then(|limit| u64::try_from(limit).ok())
                .filter(|limit| *limit > 0)
                .unwrap_or(MAX_SIZE),
        };
        // Missing files are ignored, but an unknown accessor is a mistake in the query.
        accessor(scope, args.accessor.as_deref().unwrap_or_default()).map_err(|error| error.to_string())?;
        let Ok((mut reader, _, path)) = open(scope, args.accessor.as_ref(), &args.path) else {
            return Ok(Value::Null);
        };
        // Most files are small: clearing a new buffer would cost as much as reading them.
        let mut buffer = BUFFER.take();
        buffer.resize(PIECE, 0);
        let outcome = read_into(scope, &mut *reader, &path, limit, &mut buffer, &mut hashes);
        BUFFER.set(buffer);
        outcome?;
        Ok(hashes.finish())
    }
}

/// Number of bytes read at a time.
const PIECE: usize = 64 << 10;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

fn read_into(
    scope: &Scope,
    reader: &mut dyn FileReader,
    path: &OsPath,
    limit: u64,
    buffer: &mut [u8],
    hashes: &mut Hashes,
) -> VqlResult<()> {
    let mut read = 0u64;
    loop {
        scope.checkpoint()?;
        let length = match reader.read(buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(format!("`{}`: {error}", path.to_text()).into()),
        };
        hashes.update(&buffer[..length]);
        read += length as u64;
        if read > limit {
            scope.log_line(&format!(
                "hash: `{}` has more than {limit} bytes; the rest is not hashed",
                path.to_text()
            ));
            return Ok(());
        }
    }
}

#[derive(Default)]
struct Hashes {
    md5: Option<Md5>,
    sha1: Option<Sha1>,
    sha256: Option<Sha256>,
}

fn select(names: &[String]) -> Result<Hashes, String> {
    let mut hashes = Hashes::default();
    for name in names {
        match name.as_str() {
            "MD5" | "md5" => hashes.md5 = Some(Md5::new()),
            "SHA1" | "sha1" => hashes.sha1 = Some(Sha1::new()),
            "SHA256" | "sha256" => hashes.sha256 = Some(Sha256::new()),
            other => return Err(format!("unknown hash `{other}`; there are MD5, SHA1 and SHA256")),
        }
    }
    if names.is_empty() {
        hashes = Hashes {
            md5: Some(Md5::new()),
            sha1: Some(Sha1::new()),
            sha256: Some(Sha256::new()),
        };
    }
    Ok(hashes)
}

impl Hashes {
    fn update(&mut self, data: &[u8]) {
        if let Some(md5) = &mut self.md5 {
            md5.update(data);
        }
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(data);
        }
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(data);
        }
    }

    fn finish(self) -> Value {
        fn hex<D: Digest>(hash: Option<D>) -> String {
            hash.map(|hash| data_encoding::HEXLOWER.encode(&hash.finalize()))
                .unwrap_or_default()
        }
        Value::from(Dict::from_pairs([
            ("MD5", hex(self.md5)),
            ("SHA1", hex(self.sha1)),
            ("SHA256", hex(self.sha256)),
        ]))
    }
}
