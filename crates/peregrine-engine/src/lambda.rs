//! Lambdas: `'x => x.Size > 10'` given as a string.

use std::fmt;
use std::sync::Arc;

use crate::eval::{Node, compile, eval};
use crate::scope::Scope;
use crate::source_text::source_text;
use crate::value::{Columns, Row, Str, Value};

/// A small function given as text.
#[derive(Clone)]
pub struct Lambda(Arc<Inner>);

struct Inner {
    params: Arc<Columns>,
    body: Node,
}

impl Lambda {
    /// Parses `x => expr`, or reuses what an earlier call in the query parsed. `Err` completes the sentence
    /// "Field f …".
    pub fn parse(scope: &Scope, text: impl AsRef<[u8]>) -> Result<Lambda, String> {
        let text = &*source_text(text.as_ref());
        let parsed = scope.cache(text, || Parsed(Lambda::compile(text)));
        parsed.0.clone()
    }

    /// Its value for these arguments; NULL (and a message) when there are too many or too few.
    #[must_use]
    pub fn call(&self, scope: &Scope, args: &[Value]) -> Value {
        if args.len() != self.0.params.len() {
            scope.log_line("ERROR:Incorrect number of parameters in Lambda call");
            return Value::Null;
        }
        // Functions call it for each of their items.
        if scope.is_stopping() {
            return Value::Null;
        }
        let layer = Row::new(&self.0.params, args.to_vec());
        let scope = scope.child_with(layer);
        crate::stack::grow(|| eval(&self.0.body, &scope))
    }

    /// The number of arguments it takes.
    #[must_use]
    pub fn arity(&self) -> usize {
        self.0.params.len()
    }

    fn compile(text: &str) -> Result<Lambda, String> {
        let parsed = peregrine_vql::parse_lambda(text).map_err(|diagnostics| match diagnostics.first() {
            Some(first) => format!(
                "{}:{}: unexpected token: {}",
                first.line, first.column, first.message
            ),
            None => String::from("is not a lambda"),
        })?;
        let params = Columns::new(parsed.params.iter().map(|name| Str::from(&*name.text)));
        Ok(Lambda(Arc::new(Inner {
            params,
            body: compile::expr(&parsed.body),
        })))
    }
}

/// The entry in the query's cache.
struct Parsed(Result<Lambda, String>);

impl fmt::Debug for Lambda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lambda").field(&self.0.params.names()).finish()
    }
}
