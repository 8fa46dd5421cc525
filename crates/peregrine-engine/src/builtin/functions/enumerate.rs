//! `enumerate()`: all values of a group.

use std::sync::Arc;

use crate::memory;
use crate::prelude::*;

/// Collects values: with GROUP BY those of the group, else those so far.
#[derive(VqlArgs)]
pub struct Args {
    /// The value to add.
    items: Option<Value>,
}

pub struct Enumerate;

impl Aggregate for Enumerate {
    type Args = Args;
    const NAME: &'static str = "enumerate";
    const CATEGORY: Category = Category::Collections;
    const EXAMPLES: &'static [Example] = &[
        example("one value", "enumerate(items=5)", "[5]"),
        example(
            "the values of a group",
            "get(item={ SELECT enumerate(items=_value) AS E FROM range(end=3) GROUP BY 1 }, field=0).E",
            "[0,1,2]",
        ),
    ];

    fn update(state: &mut Value, scope: &Scope, args: Args) -> VqlResult {
        let mut items = match std::mem::take(state) {
            Value::Array(items) => items,
            _ => Arc::default(),
        };
        // Copied only while an earlier result is still in use.
        match Arc::get_mut(&mut items) {
            Some(items) if !memory::has_room_in(items) => return Err(VqlError::Stopped),
            Some(_) => {}
            None => scope.reserve(items.len().saturating_mul(size_of::<Value>()))?,
        }
        Arc::make_mut(&mut items).push(args.items.unwrap_or_default());
        *state = Value::Array(Arc::clone(&items));
        Ok(Value::Array(items))
    }
}
