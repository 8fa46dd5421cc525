//! Our side.

use crate::cases::Case;
use crate::numbers::Numbers;
use anyhow::anyhow;
use peregrine_engine::prelude::*;
use peregrine_engine::query::FnSink;
use peregrine_engine::{Context, Dict, Program, Scope, builtin};
use std::sync::Arc;

const PLUGINS: &[PluginDef] = peregrine_engine::plugins![Numbers];

/// Runs the query and gives the number of rows that came out.
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
    let context = Context::builder()
        .registry(Arc::new(builtin::registry().with_plugins(PLUGINS)))
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
