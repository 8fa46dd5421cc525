//! Fuzzes a reader of foreign bytes through a query.

use peregrine_accessors::AccessorManager;
use peregrine_engine::prelude::*;
use peregrine_engine::{Context, Program, builtin, json};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

static REGISTRY: LazyLock<Arc<Registry>> = LazyLock::new(|| {
    let functions = peregrine_functions::register(builtin::registry());
    Arc::new(peregrine_plugins::register(functions).with_plugins(peregrine_databases::PLUGINS))
});

/// A query that passes bytes to a function or plugin; compiled once.
pub struct Query {
    text: &'static str,
    program: OnceLock<Program>,
}

impl Query {
    #[must_use]
    pub const fn new(text: &'static str) -> Query {
        Query {
            text,
            program: OnceLock::new(),
        }
    }

    /// Runs it with the bytes as the variable `Data`.
    pub fn read(&self, bytes: &[u8]) {
        self.run(&[("Data", bytes)]);
    }

    /// Runs it under a deadline. Every row it makes of foreign bytes must survive being written as JSON and read again.
    pub fn run(&self, variables: &[(&str, &[u8])]) {
        let program = self
            .program
            .get_or_init(|| Program::compile(self.text).expect("a query of ours parses"));
        let context = Context::builder()
            .registry(Arc::clone(&REGISTRY))
            .extension(Arc::new(AccessorManager::default()))
            .cancellation(Cancellation::with_deadline(Duration::from_secs(10)))
            .build();
        let variables = variables
            .iter()
            .map(|(name, bytes)| (*name, Value::Str(Str::new(bytes))));
        let scope = Scope::root(&context, Dict::from_pairs(variables));
        let mut rows: Vec<Row> = Vec::new();
        let _ = program.run(&scope, &mut rows);
        for row in &rows {
            let mut line = Vec::new();
            json::write_row(&scope, row, &mut line);
            json::decode_row(&line).expect("a row we wrote");
        }
        scope.close();
    }
}
