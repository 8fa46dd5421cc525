//! `column_filter()`: some of the columns.

use std::collections::HashMap;

use peregrine_engine::prelude::*;

/// Keeps or removes columns by regular expressions on their names.
#[derive(VqlArgs)]
pub struct Args {
    /// The query.
    query: Query,
    /// Columns to remove.
    exclude: Option<Vec<Str>>,
    /// Columns to keep; all when left out.
    include: Option<Vec<Str>>,
}

pub struct ColumnFilter;

impl Plugin for ColumnFilter {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "column_filter";
    const CATEGORY: Category = Category::Control;
    const EXAMPLES: &'static [Example] = &[
        example(
            "kept",
            "column_filter(query={SELECT 1 AS A, 2 AS B FROM range(end=1)}, include='^A')",
            r#"[{"A":1}]"#,
        ),
        example(
            "removed",
            "column_filter(query={SELECT 1 AS A, 2 AS B FROM range(end=1)}, exclude='A')",
            r#"[{"B":2}]"#,
        ),
        example(
            "a name with a byte that is not UTF-8",
            r"column_filter(query={SELECT * FROM foreach(row=set(item=dict(A=1), field='\xff', value=2))}, exclude='\xfe')",
            r#"[{"A":1,"\ufffd":2}]"#,
        ),
        fails(
            "no regular expression",
            "column_filter(query={SELECT * FROM range(end=1)}, exclude='(')",
            "error parsing regexp",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let compile = |patterns: Option<Vec<Str>>| {
            patterns
                .unwrap_or_default()
                .iter()
                .map(Regex::cached)
                .collect::<Result<Vec<_>, _>>()
        };
        let (include, exclude) = (compile(args.include)?, compile(args.exclude)?);
        let any = |patterns: &[Regex], name: &Str| patterns.iter().any(|pattern| pattern.is_match(name));
        let mut decided: HashMap<Str, bool> = HashMap::new();
        args.query.run(
            scope,
            &mut FnSink(|row: Row| {
                let kept = row.entries().into_iter().filter(|(name, _)| {
                    *decided.entry(name.clone()).or_insert_with(|| {
                        (include.is_empty() || any(&include, name)) && !any(&exclude, name)
                    })
                });
                rows.push(Row::from_pairs(kept))
            }),
        )?;
        Ok(())
    }
}
