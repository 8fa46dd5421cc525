//! The work both sides do.

/// One piece of work, in both languages.
pub(crate) struct Case {
    pub(crate) letter: &'static str,
    pub(crate) title: &'static str,
    /// Number of rows read, by which the figures are divided.
    pub(crate) rows: i64,
    pub(crate) vql: String,
    /// Spellings of the same query; the fastest counts.
    pub(crate) sql: Vec<String>,
}

const STRINGS: &str = "WinSxS|System32.*[.]dll$|powershell";

/// The cases of the comparison.
pub(crate) fn timed(scale: f64) -> Vec<Case> {
    let of = |rows: i64| ((rows as f64 * scale) as i64).max(1);
    let many = of(10_000_000);
    let half = many / 2;
    let strings = of(2_000_000);
    let sorted = of(2_000_000);
    let side = (3000.0 * scale.sqrt()) as i64;
    let formatted = of(2_000_000);
    vec![
        Case {
            letter: "a",
            title: "count with an integer filter",
            rows: many,
            vql: format!("SELECT count() AS N FROM range(end={many}) WHERE _value > {half} GROUP BY 1"),
            sql: generated("count(*)", many, &format!(" WHERE value > {half}")),
        },
        Case {
            letter: "b",
            title: "project three arithmetic expressions",
            rows: many,
            vql: format!(
                "SELECT _value + 1 AS A, _value * 2 AS B, _value - 3 * _value AS C FROM range(end={many})"
            ),
            sql: generated("value + 1, value * 2, value - 3 * value", many, ""),
        },
        Case {
            letter: "c",
            title: "regular expression over strings",
            rows: strings,
            vql: format!("SELECT Path FROM numbers(rows={strings}) WHERE Path =~ '{STRINGS}'"),
            sql: vec![format!(
                "SELECT path FROM numbers WHERE regexp('(?i){STRINGS}', path) AND rowid <= {strings}"
            )],
        },
        Case {
            letter: "d",
            title: "GROUP BY 1,000 keys with count and sum",
            rows: many,
            vql: format!(
                "SELECT Key, count() AS N, sum(item=Number) AS S FROM numbers(rows={many}) GROUP BY Key"
            ),
            sql: vec![format!(
                "SELECT key, count(*), sum(number) FROM numbers WHERE rowid <= {many} GROUP BY key"
            )],
        },
        Case {
            letter: "e",
            title: "ORDER BY",
            rows: sorted,
            vql: format!("SELECT Number FROM numbers(rows={sorted}) ORDER BY Number"),
            sql: vec![format!(
                "SELECT number FROM numbers WHERE rowid <= {sorted} ORDER BY number"
            )],
        },
        Case {
            letter: "f",
            title: "nested foreach, 3,000 x 3,000",
            rows: side * side,
            vql: format!(
                "SELECT * FROM foreach(row={{ SELECT _value AS A FROM range(end={side}) }}, \
                 query={{ SELECT A, _value AS B FROM range(end={side}) }})"
            ),
            sql: vec![
                format!(
                    "SELECT a.value, b.value FROM generate_series(0, {last}) a, generate_series(0, {last}) b",
                    last = side - 1
                ),
                format!(
                    "SELECT a.value, b.value FROM plain a, plain b WHERE a.rowid <= {side} AND b.rowid <= {side}"
                ),
            ],
        },
        Case {
            letter: "g",
            title: "string building with format()",
            rows: formatted,
            vql: format!(
                "SELECT format(format='%d: %s (%v)', args=[_value, 'process', _value * 2]) AS Text \
                 FROM range(end={formatted})"
            ),
            sql: generated(
                "printf('%d: %s (%d)', value, 'process', value * 2)",
                formatted,
                "",
            ),
        },
    ]
}

/// Work whose memory use is watched.
pub(crate) fn large(scale: f64) -> Vec<Case> {
    let rows = ((20_000_000_f64 * scale) as i64).max(1);
    let case = |letter, title, vql| Case {
        letter,
        title,
        rows,
        vql,
        sql: Vec::new(),
    };
    vec![
        case(
            "order",
            "ORDER BY over 20 M rows",
            format!("SELECT Number, Path FROM numbers(rows={rows}) ORDER BY Number"),
        ),
        case(
            "group",
            "GROUP BY over 20 M rows, 1,000 keys",
            format!("SELECT Key, count() AS N, sum(item=Number) AS S FROM numbers(rows={rows}) GROUP BY Key"),
        ),
        case(
            "distinct",
            "GROUP BY over 20 M rows, each a key of its own",
            format!("SELECT Id, count() AS N, sum(item=Number) AS S FROM numbers(rows={rows}) GROUP BY Id"),
        ),
    ]
}

/// SQLite queries that generate the numbers 0 to `rows`.
fn generated(columns: &str, rows: i64, filter: &str) -> Vec<String> {
    vec![
        format!("SELECT {columns} FROM generate_series(0, {}){filter}", rows - 1),
        format!(
            "WITH RECURSIVE c(value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM c WHERE value < {}) \
             SELECT {columns} FROM c{filter}",
            rows - 1
        ),
        format!(
            "SELECT {columns} FROM plain{}",
            if filter.is_empty() {
                format!(" WHERE rowid <= {rows}")
            } else {
                format!("{filter} AND rowid <= {rows}")
            }
        ),
    ]
}
