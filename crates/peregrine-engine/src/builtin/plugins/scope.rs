//! `scope()`: one row in which every name resolves.

use crate::prelude::*;

/// Yields one row, the scope itself, for queries that need no source.
#[derive(VqlArgs)]
pub struct Args {}

pub struct ScopeRow;

impl Plugin for ScopeRow {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "scope";
    const CATEGORY: Category = Category::Control;
    const EXAMPLES: &'static [Example] = &[example(
        "a computed row",
        "SELECT 1 + 1 AS A FROM scope()",
        r#"[{"A":2}]"#,
    )];

    fn run(scope: &Scope, _: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        Ok(rows.push(Row::from(Value::Scope(scope.clone())))?)
    }
}
