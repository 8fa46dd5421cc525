//! VQL's side.

use crate::cases::Case;
use crate::numbers::Numbers;
use anyhow::anyhow;
use peregrine_engine::log::{LogSink, NoLog};
use peregrine_engine::memory::{Gauge, Limits, Pool};
use peregrine_engine::prelude::*;
use peregrine_engine::query::FnSink;
use peregrine_engine::{Context, Dict, Program, Scope, builtin};
use std::sync::Arc;

const PLUGINS: &[PluginDef] = peregrine_engine::plugins![Numbers];

/// Memory accounting as in the released program, with a limit that none of the cases reaches.
fn pool() -> Arc<Pool> {
    let gauge = Gauge {
        thread: peregrine_os::held_by_thread,
        process: || 0,
    };
    let limits = Limits {
        query: 64 << 30,
        all: None,
        process: None,
        advice: "",
    };
    Pool::new(gauge, limits)
}

/// Runs the query and returns the number of result rows.
pub(crate) fn run(case: &Case) -> anyhow::Result<u64> {
    let program = Program::compile(&case.vql).map_err(|diagnostics| {
        anyhow!(
            "case {}: {}",
            case.letter,
            diagnostics
                .first()
                .map_or_else(String::new, |d| d.render(&case.vql))
        )
    })?;
    let cancellation = Cancellation::new();
    let log: Arc<dyn LogSink> = Arc::new(NoLog);
    let context = Context::builder()
        .registry(Arc::new(builtin::registry().with_plugins(PLUGINS)))
        .cancellation(cancellation.clone())
        .memory(pool().account(&cancellation, &log))
        .build();
    let scope = Scope::root(&context, Dict::new());
    let mut rows = 0;
    let mut sink = FnSink(|row| {
        std::hint::black_box(&row);
        rows += 1;
        Ok(())
    });
    // The sink never stops the query.
    let _ = program.run(&scope, &mut sink);
    scope.close();
    Ok(rows)
}
