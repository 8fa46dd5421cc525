//! Shared by the fuzz targets: the macro that defines one (`target!`), queries over foreign bytes, queries under budgets.

pub mod generate;
mod reader;
mod replay;

pub use arbitrary::{Arbitrary, Unstructured};
pub use reader::Query;
pub use replay::replay;

use peregrine_engine::context::{Clock, ContextBuilder};
use peregrine_engine::prelude::*;
use peregrine_engine::{Context, Program, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A clock that stands still, so that two runs of a query give the same result.
struct Frozen;

impl Clock for Frozen {
    fn now(&self) -> Time {
        Time::from_unix(1_700_000_000, 123_456_789)
    }
}

/// A query's rows as JSON, and whether a budget cut it short.
pub struct Outcome {
    pub lines: Vec<String>,
    pub was_cut: bool,
}

/// Runs a program under budgets.
pub fn run(
    program: &Program,
    env: &[(&str, Value)],
    settings: fn(ContextBuilder) -> ContextBuilder,
) -> Outcome {
    let cancellation = Cancellation::with_deadline(Duration::from_millis(500));
    let context = settings(Context::builder())
        .registry(peregrine_engine::builtin::shared_registry())
        .clock(Arc::new(Frozen) as Arc<dyn Clock>)
        .cancellation(cancellation.clone())
        .build();
    let scope = Scope::root(&context, Dict::from_pairs(env.iter().cloned()));
    let mut outcome = Outcome {
        lines: Vec::new(),
        was_cut: false,
    };
    let is_full = AtomicBool::new(false);
    let (mut lines, mut bytes) = (Vec::new(), 0);
    let mut sink = FnSink(|row: Row| {
        let mut text = Vec::new();
        json::write_row(&scope, &row, &mut text);
        bytes += text.len();
        lines.push(String::from_utf8_lossy(&text).into_owned());
        if lines.len() >= 500 || bytes > 1 << 20 {
            is_full.store(true, Ordering::Relaxed);
            return Err(Stop);
        }
        Ok(())
    });
    let _ = program.run(&scope, &mut sink);
    scope.close();
    outcome.was_cut = is_full.load(Ordering::Relaxed) || cancellation.is_cancelled();
    outcome.lines = lines;
    outcome
}

/// Defines the program of a target: under `cargo fuzz` one for libFuzzer, else one that reads inputs from files. Ordinary
/// builds check the latter without libFuzzer, so a target cannot fall behind the code it tests.
#[macro_export]
macro_rules! target {
    (|$input:ident: $kind:ty| $body:expr) => {
        fn check(bytes: &[u8]) {
            let bytes = $crate::Unstructured::new(bytes);
            let Ok($input) = <$kind as $crate::Arbitrary>::arbitrary_take_rest(bytes) else {
                return;
            };
            $body
        }

        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check(bytes));

        #[cfg(not(fuzzing))]
        fn main() -> std::process::ExitCode {
            $crate::replay(check)
        }
    };
}
