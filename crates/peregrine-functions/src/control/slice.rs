//! `slice()`: part of a list.

use crate::prelude::*;

/// Returns the elements from `start` up to, not including, `end`; both are clipped. A dict is treated as its
/// keys, and a string as its bytes, which are returned as a string.
#[derive(VqlArgs)]
pub struct Args {
    /// The list.
    list: Value,
    /// Position of the first element.
    start: u64,
    /// Position after the last element.
    end: u64,
}

pub struct Slice;

impl Function for Slice {
    type Args = Args;
    const NAME: &'static str = "slice";
    const CATEGORY: Category = Category::Collections;
    const EXAMPLES: &'static [Example] = &[
        example("a part", "slice(list=[1, 2, 3, 4], start=1, end=3)", "[2,3]"),
        example("past the end", "slice(list=[1, 2], start=1, end=99)", "[2]"),
        example("keys", "slice(list=dict(a=1, b=2), start=0, end=1)", r#"["a"]"#),
        example("a string", "slice(list='abcd', start=1, end=3)", r#""bc""#),
        example("no list", "slice(list=5, start=0, end=1)", "[]"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let [start, end] = [args.start, args.end].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
        let length = end.saturating_sub(start);
        Ok(match args.list.reduce(scope) {
            Value::Str(text) => {
                Value::str(text.iter().copied().skip(start).take(length).collect::<Vec<u8>>())
            }
            Value::Dict(dict) => dict
                .keys()
                .into_iter()
                .skip(start)
                .take(length)
                .map(Value::Str)
                .collect(),
            other => match other.into_list(scope) {
                Ok(items) => items.into_iter().skip(start).take(length).collect(),
                Err(_) => Value::array(Vec::new()),
            },
        })
    }
}
