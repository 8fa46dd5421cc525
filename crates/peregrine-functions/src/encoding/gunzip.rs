//! `gunzip()`: decompresses gzip data.

use std::io::Read;

use crate::prelude::*;

/// Decompresses a gzip stream; the result is cut at `max_bytes`.
#[derive(VqlArgs)]
pub struct Args {
    /// The compressed bytes.
    string: Str,
    /// Maximum number of bytes to return; never more than 100 MiB.
    #[arg(default = 100 << 20)]
    max_bytes: i64,
}

pub struct Gunzip;

const MAX_BYTES: u64 = 100 << 20;

impl Function for Gunzip {
    type Args = Args;
    const NAME: &'static str = "gunzip";
    const CATEGORY: Category = Category::Encode;
    const VERSION: i64 = 2;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a word",
            "gunzip(string=base64decode(string='H4sIAAAAAAAC/wtILUpNL8rMSwUA90QaRAkAAAA='))",
            r#""Peregrine""#,
        ),
        example(
            "cut",
            "gunzip(string=base64decode(string='H4sIAAAAAAAC/wtILUpNL8rMSwUA90QaRAkAAAA='), max_bytes=4)",
            r#""Pere""#,
        ),
        fails("not packed", "gunzip(string='junk')", "gunzip: "),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let limit = match u64::try_from(args.max_bytes) {
            Ok(limit) if limit > 0 => limit.min(MAX_BYTES),
            _ => MAX_BYTES,
        };
        let unpacking = flate2::read::MultiGzDecoder::new(&args.string[..]).take(limit + 1);
        let mut unpacked = read_to_end(scope, unpacking)?.map_err(|error| error.to_string())?;
        if unpacked.len() as u64 > limit {
            unpacked.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            // A limit given by the caller needs no message.
            if limit == MAX_BYTES {
                scope.log_line(&format!(
                    "WARN:gunzip: the content is cut at {MAX_BYTES} bytes, there are more"
                ));
            }
        }
        scope.reserve(unpacked.len())?;
        Ok(Value::str(unpacked))
    }
}
