//! `sigma_log_sources()`: the sources that Sigma rules search.

use std::any::Any;

use crate::prelude::*;

/// Assigns queries to the log sources of Sigma rules, for the plugin `sigma()`. Each argument is named
/// `category/product/service`, in backticks, with `*` for any; its value is the query that yields the events.
///
/// The members of the result are the texts of the queries.
#[derive(VqlArgs)]
pub struct Args {
    /// Log sources and their queries.
    #[arg(rest)]
    queries: Vec<(Str, Lazy)>,
}

pub struct SigmaLogSources;

impl Function for SigmaLogSources {
    type Args = Args;
    const NAME: &'static str = "sigma_log_sources";
    const CATEGORY: Category = Category::Detect;
    const VERSION: i64 = 2;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a query",
            "get(item=sigma_log_sources(`process_creation/linux/*`={ SELECT * FROM range(end=3) }), field='process_creation/linux/*')",
            r#""SELECT * FROM range(end=3)""#,
        ),
        fails(
            "no query",
            "sigma_log_sources(`a/b/c`=5)",
            "`a/b/c` is not a query but int64",
        ),
        fails("nothing", "sigma_log_sources()", "no log sources"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let mut sources = Vec::new();
        for (selector, query) in args.queries {
            match query.force(scope) {
                Value::Query(query) => sources.push((selector, query)),
                other => {
                    return Err(VqlError::Message(format!(
                        "ERROR:`{selector}` is not a query but {}; write `{{ SELECT … }}`",
                        other.type_name()
                    )));
                }
            }
        }
        if sources.is_empty() {
            scope.log_line("ERROR:sigma_log_sources: no log sources are given");
        }
        Ok(Value::object(LogSources(sources)))
    }
}

/// Queries by selector.
#[derive(Debug)]
struct LogSources(Vec<(Str, Query)>);

impl Object for LogSources {
    fn type_name(&self) -> &'static str {
        "sigma log sources"
    }

    fn member(&self, _: &Scope, name: &str) -> Option<Value> {
        let (_, query) = self.0.iter().find(|(selector, _)| *selector == name)?;
        Some(Value::from(query.text()))
    }

    fn member_names(&self) -> Vec<Str> {
        self.0.iter().map(|(selector, _)| selector.clone()).collect()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
