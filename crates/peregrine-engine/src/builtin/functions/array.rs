//! `array()`: an array out of its arguments.

use crate::prelude::*;

/// Makes an array: the items of `_`, then the value of every other argument in order.
#[derive(VqlArgs)]
pub struct Args {
    /// Items to begin with; an array or the rows of a query are spread.
    #[arg(name = "_")]
    initial: Option<Value>,
    /// Values to append, as they are; queries as arrays of rows.
    #[arg(rest)]
    rest: Vec<(Str, Lazy)>,
}

pub struct Array;

impl Function for Array {
    type Args = Args;
    const NAME: &'static str = "array";
    const CATEGORY: Category = Category::Collections;
    const EXAMPLES: &'static [Example] = &[
        example("values in order", "array(b=1, a=2)", "[1,2]"),
        example("an array to begin with", "array(_=[1, 2], x=3)", "[1,2,3]"),
        example("arrays stay nested", "array(a=[1, 2])", "[[1,2]]"),
        example("nothing", "array()", "[]"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let mut items = match args.initial {
            Some(initial) => initial.into_list(scope).unwrap_or_else(|single| vec![single]),
            None => Vec::new(),
        };
        items.extend(
            args.rest
                .iter()
                .map(|(_, lazy)| lazy.force(scope).expanded(scope)),
        );
        Ok(Value::array(items))
    }
}
