//! The table that both sides read: row `i` is computed from `i` in the same way on both.

use peregrine_engine::prelude::*;

/// Paths that appear again and again; about one in four matches the pattern of case (c).
const FOLDERS: [&str; 4] = [
    "Windows\\System32",
    "Windows\\WinSxS",
    "Users\\alice\\Documents",
    "Program Files\\Tool",
];

/// A number without a visible order.
pub(crate) fn number(i: i64) -> i64 {
    i.wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407)
        >> 20
}

/// One of 1,000 keys.
pub(crate) fn key(i: i64) -> i64 {
    number(i).rem_euclid(1000)
}

/// A path as in file listings.
pub(crate) fn path(i: i64) -> String {
    let mixed = number(i);
    let folder = FOLDERS[(mixed & 3) as usize];
    format!(
        "C:\\{folder}\\module{}.{}",
        mixed.rem_euclid(5000),
        if mixed & 8 == 0 { "dll" } else { "txt" }
    )
}

/// Generates the rows of the table on demand.
#[derive(VqlArgs)]
pub(crate) struct Args {
    /// Number of rows.
    rows: i64,
}

#[derive(IntoRow)]
pub(crate) struct Row {
    /// Counts from 0.
    id: i64,
    /// One of 1,000 keys.
    key: i64,
    /// A number without a visible order.
    number: i64,
    /// A path.
    path: Str,
}

pub(crate) struct Numbers;

impl Plugin for Numbers {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "numbers";
    const CATEGORY: Category = Category::Collections;
    const EXAMPLES: &'static [Example] = &[];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        // A table in memory, as SQLite has one: some thousand rows that repeat, with their own numbers.
        let paths: Vec<Str> = (0..4096).map(|i| Str::from(path(i))).collect();
        for i in 0..args.rows {
            scope.checkpoint()?;
            rows.push(Row {
                id: i,
                key: key(i),
                number: number(i),
                path: paths[(i & 4095) as usize].clone(),
            })?;
        }
        Ok(())
    }
}
