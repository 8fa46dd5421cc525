//! `background()`: runs a query in the background.

use std::thread;

use crate::prelude::*;

/// Runs a query in the background until this one ends. Its rows are dropped.
#[derive(VqlArgs)]
pub struct Args {
    /// The query.
    query: Option<Query>,
}

pub struct Background;

impl Function for Background {
    type Args = Args;
    const NAME: &'static str = "background";
    const CATEGORY: Category = Category::Control;
    const VERSION: i64 = 1;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[example(
        "a query",
        "background(query={SELECT * FROM range(end=1)})",
        "true",
    )];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let Some(query) = args.query else {
            return Err("Field query is required".into());
        };
        let token = scope.cancellation().child();
        let inner = scope.child_cancelled_by(token.clone());
        let worker = thread::Builder::new()
            .name("vql-background".into())
            .spawn(move || {
                // Nobody wants its rows.
                let _ = query.run(&inner, &mut FnSink(|_| Ok(())));
            })
            .map_err(|error| format!("cannot start a thread: {error}"))?;
        scope.at_close(Box::new(move |_| {
            token.cancel();
            let _ = worker.join();
        }));
        Ok(Value::from(true))
    }
}
