//! `tlsh_hash()`: a hash that is similar for similar files.

use std::io::{self, Read};

use crate::prelude::*;

/// Computes the TLSH of a file: 70 hex digits that differ little between files that differ little.
///
/// It uses 128 buckets and a checksum of one byte, without a version prefix. Files that cannot be read, have
/// fewer than 256 bytes or are too uniform give NULL.
#[derive(VqlArgs)]
pub struct Args {
    /// The file.
    path: PathArg,
    /// The accessor to read it with.
    accessor: Option<String>,
}

pub struct TlshHash;

/// For smaller files, the hash is meaningless.
const MIN_SIZE: u64 = 256;

impl Function for TlshHash {
    type Args = Args;
    const NAME: &'static str = "tlsh_hash";
    const CATEGORY: Category = Category::Encode;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "too short",
            "tlsh_hash(accessor='data', path='too short')",
            "null",
        ),
        example(
            "a text",
            "LET T = SELECT format(format='%v of %v, ', args=(_value, _value * _value)) AS Part FROM range(end=60) SELECT tlsh_hash(accessor='data', path=join(array=T.Part)) AS Hash FROM scope()",
            r#"[{"Hash":"0301c8124c9d3859fd27e6684bd80c02c372482c027855c89f891c307a0def523f253e"}]"#,
        ),
        example("no such file", "tlsh_hash(path='/no/such/file')", "null"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        // Missing files are ignored, but an unknown accessor is a mistake in the query.
        accessor(scope, args.accessor.as_deref().unwrap_or_default()).map_err(|error| error.to_string())?;
        let Ok((mut reader, _, _)) = open(scope, args.accessor.as_ref(), &args.path) else {
            return Ok(Value::Null);
        };
        let mut builder = tlsh2::TlshDefaultBuilder::new();
        let mut buffer = vec![0; 64 << 10];
        let mut size = 0;
        loop {
            scope.checkpoint()?;
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => {
                    builder.update(&buffer[..length]);
                    size += length as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Ok(Value::Null),
            }
        }
        if size < MIN_SIZE {
            return Ok(Value::Null);
        }
        let text = builder
            .build()
            .map(|hash| String::from_utf8_lossy(&hash.hash()).to_ascii_lowercase());
        // The prefix `t1` is the version.
        Ok(Value::from(
            text.map(|text| text.strip_prefix("t1").unwrap_or(&text).to_owned()),
        ))
    }
}
