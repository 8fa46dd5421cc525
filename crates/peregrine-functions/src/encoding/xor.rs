//! `xor()`: bytes combined with a repeated key.

use crate::prelude::*;

/// Combines each byte with the key by exclusive or; the key repeats. An empty key changes nothing.
#[derive(VqlArgs)]
pub struct Args {
    /// The string.
    string: Str,
    /// The key.
    key: Str,
}

pub struct Xor;

impl Function for Xor {
    type Args = Args;
    const NAME: &'static str = "xor";
    const CATEGORY: Category = Category::Encode;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example("another case", r#"xor(string='Hello', key="\x20")"#, r#""hELLO""#),
        example("no key", "xor(string='Hello', key='')", r#""Hello""#),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        if args.key.is_empty() {
            return Ok(Value::Str(args.string));
        }
        let combined = args
            .string
            .iter()
            .zip(args.key.iter().cycle())
            .map(|(byte, key)| byte ^ key);
        Ok(Value::str(combined.collect::<Vec<u8>>()))
    }
}
