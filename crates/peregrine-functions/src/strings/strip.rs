//! `strip()`: removes surrounding white space, or a prefix and a suffix.

use crate::prelude::*;

/// Removes white space at both ends; or, when a prefix or suffix is given, only these, once each.
#[derive(VqlArgs)]
pub struct Args {
    /// The string.
    string: Str,
    /// Text to remove from the start, if present.
    prefix: Option<Str>,
    /// Text to remove from the end, if present.
    suffix: Option<Str>,
}

pub struct Strip;

impl Function for Strip {
    type Args = Args;
    const NAME: &'static str = "strip";
    const CATEGORY: Category = Category::Strings;
    const VERSION: i64 = 2;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example("white space", r#"strip(string="  x\n")"#, r#""x""#),
        example(
            "around bytes that are not text",
            r#"format(format='%x', args=strip(string=" " + unhex(string='e9ff') + " "))"#,
            r#""e9ff""#,
        ),
        example("a prefix", "strip(string='foobar', prefix='foo')", r#""bar""#),
        example("both", "strip(string='aab', prefix='a', suffix='b')", r#""a""#),
        example("not there", "strip(string='abc', prefix='z')", r#""abc""#),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        let [prefix, suffix] = [args.prefix, args.suffix].map(Option::unwrap_or_default);
        let mut text: &[u8] = &args.string;
        if prefix.is_empty() && suffix.is_empty() {
            return Ok(Value::str(trim(text)));
        }
        text = text.strip_prefix(&prefix[..]).unwrap_or(text);
        text = text.strip_suffix(&suffix[..]).unwrap_or(text);
        Ok(Value::str(text))
    }
}

/// Removes white space of any script at both ends.
fn trim(text: &[u8]) -> &[u8] {
    let blank = |chunk: &std::str::Utf8Chunk<'_>| chunk.valid().len() - chunk.valid().trim_start().len();
    let start = text.utf8_chunks().next().map_or(0, |chunk| blank(&chunk));
    let text = text.get(start..).unwrap_or_default();
    let mut end = text.len();
    if let Some(last) = text.utf8_chunks().last()
        && last.invalid().is_empty()
    {
        end -= last.valid().len() - last.valid().trim_end().len();
    }
    text.get(..end).unwrap_or_default()
}
