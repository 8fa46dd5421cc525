//! Running a compiled request in a scope.

use crate::compile::CompiledRequest;
use crate::error::{Error, Problem};
use peregrine_engine::query::FnSink;
use peregrine_engine::{Dict, Program, Row, RowSink, Scope, Statement, Stop, Value};
use std::sync::Arc;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All statements ran.
    Completed,
    /// The precondition yielded no row.
    Skipped,
    /// The receiver of the rows ended it, or a cancellation.
    Stopped,
}

/// Receives the rows of a request.
pub trait RequestSink: Send {
    /// Receives a row of the statement at this index of the request, under the statement's name (as compiled,
    /// so obfuscated if requested). `Err(Stop)` ends the request.
    fn row(&mut self, statement: usize, name: &str, row: Row) -> Result<(), Stop>;
}

impl<F> RequestSink for F
where
    F: FnMut(usize, &str, Row) -> Result<(), Stop> + Send,
{
    fn row(&mut self, statement: usize, name: &str, row: Row) -> Result<(), Stop> {
        self(statement, name, row)
    }
}

/// A compiled request; it can run many times.
#[derive(Debug)]
pub struct Plan {
    precondition: Vec<Statement>,
    steps: Vec<Step>,
    env: Vec<(String, String)>,
}

#[derive(Debug)]
struct Step {
    statements: Vec<Statement>,
    /// Empty if the rows are not needed.
    name: Arc<str>,
}

/// Runs a request in its own layer over `scope`: its variables, its precondition, its statements in order.
/// The caller prepares the scope (`config`, `_SessionId`, `Artifact` from [`crate::Namespace`]) and closes
/// it.
///
/// All VQL is parsed before anything runs; only parsing can fail.
pub fn run_request(
    scope: &Scope,
    request: &CompiledRequest,
    rows: &mut dyn RequestSink,
) -> Result<Outcome, Error> {
    let plan = Plan::new(request)?;
    Ok(plan.run(scope, &plan.variables(), rows))
}

impl Plan {
    /// Compiles the VQL of a request.
    pub fn new(request: &CompiledRequest) -> Result<Plan, Error> {
        let mut steps = Vec::with_capacity(request.query.len());
        for query in &request.query {
            steps.push(Step {
                statements: compile(&query.vql)?,
                name: query.name.as_str().into(),
            });
        }
        let precondition = if request.precondition.trim().is_empty() {
            Vec::new()
        } else {
            compile(&request.precondition)?
        };
        let env = request
            .env
            .iter()
            .map(|entry| (entry.key.clone(), entry.value.clone()))
            .collect();
        Ok(Plan {
            precondition,
            steps,
            env,
        })
    }

    /// The variables of the request, all text.
    #[must_use]
    pub fn variables(&self) -> Dict {
        Dict::from_pairs(
            self.env
                .iter()
                .map(|(key, value)| (key.as_str(), Value::from(value.as_str()))),
        )
    }

    /// Runs it with these variables over `scope`.
    pub fn run(&self, scope: &Scope, variables: &Dict, rows: &mut dyn RequestSink) -> Outcome {
        if !self.precondition.is_empty() && !self.is_wanted(scope, variables) {
            return if scope.cancellation().is_cancelled() {
                Outcome::Stopped
            } else {
                Outcome::Skipped
            };
        }
        let scope = scope.child_with(variables.copy());
        for (index, step) in self.steps.iter().enumerate() {
            let mut sink = FnSink(|row| {
                if step.name.is_empty() {
                    Ok(())
                } else {
                    rows.row(index, &step.name, row)
                }
            });
            for statement in &step.statements {
                if statement.run(&scope, &mut sink).is_err() {
                    return Outcome::Stopped;
                }
            }
        }
        Outcome::Completed
    }

    /// Whether the precondition yields a row; it runs in its own layer.
    fn is_wanted(&self, scope: &Scope, variables: &Dict) -> bool {
        let scope = scope.child_with(variables.copy());
        let mut found = FirstRow(false);
        for statement in &self.precondition {
            if statement.run(&scope, &mut found).is_err() {
                break;
            }
        }
        found.0
    }
}

/// Remembers that there was a row, and stops.
struct FirstRow(bool);

impl RowSink for FirstRow {
    fn push(&mut self, _: Row) -> Result<(), Stop> {
        self.0 = true;
        Err(Stop)
    }
}

fn compile(vql: &str) -> Result<Vec<Statement>, Error> {
    match Program::compile(vql) {
        Ok(program) => Ok(program.statements().to_vec()),
        Err(diagnostics) => {
            let problems = diagnostics
                .into_iter()
                .map(|diagnostic| Problem::at(diagnostic.line, diagnostic.column, diagnostic.message))
                .collect();
            Err(Error::Invalid {
                artifact: String::new(),
                problems,
            })
        }
    }
}
