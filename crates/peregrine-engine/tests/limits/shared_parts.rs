//! Values whose parts are shared: small in memory, and with more leaves than anybody can visit. Every walk through one ends
//! with its query. Each of these ran forever, or until memory was full; a test that hangs here has failed.

use super::memory::pool;
use super::*;

/// `F(s=1, n=60)` is a list of lists of lists …, 61 lists in memory and 2^60 numbers to look at. `D` is the same of dicts.
const DEEP: &str = "LET F(s, n) = if(condition=n > 0, then=F(s=[s, s], n=n - 1), else=s)
    LET D(s, n) = if(condition=n > 0, then=D(s=dict(a=s, b=s), n=n - 1), else=s) ";

/// Runs it until its time is up. Gives the rows that came, as JSON.
pub(super) fn until_time_is_up(text: &str) -> Vec<String> {
    let (pool, log) = (pool(64, None, || 1 << 35), Arc::new(MemoryLog::default()));
    let cancellation = Cancellation::with_deadline(Duration::from_millis(300));
    let sink = Arc::clone(&log) as Arc<dyn LogSink>;
    let account = pool.account(&cancellation, &sink);
    let context = Context::builder()
        .registry(builtin::shared_registry())
        .log(sink)
        .cancellation(cancellation)
        .memory(account)
        .build();
    let query = Query {
        scope: Scope::root(&context, Dict::new()),
        log,
    };
    let scope = query.scope.clone();
    let mut rows = Vec::new();
    let _ = query.run(
        text,
        &mut FnSink(|row: Row| {
            let mut line = Vec::new();
            peregrine_engine::json::write_row(&scope, &row, &mut line);
            rows.push(String::from_utf8(line).unwrap());
            Ok(())
        }),
    );
    assert!(scope.cancellation().is_cancelled(), "it ended by itself: {text}");
    rows
}

#[test]
fn every_walk_through_a_value_ends_with_its_query() {
    for text in [
        "SELECT F(s=1, n=60) = F(s=1, n=60) AS X FROM scope()",
        "SELECT D(s=1, n=60) = D(s=1, n=60) AS X FROM scope()",
        "SELECT F(s=1, n=60) IN (F(s=1, n=60), 2) AS X FROM scope()",
        "SELECT F(s=1, n=48) =~ 'x' AS X FROM scope()",
        "SELECT filter(list=F(s=1, n=48), regex='x') AS X FROM scope()",
        "SELECT str(str=F(s=1, n=60)) AS X FROM scope()",
        "SELECT str(str=D(s=1, n=60)) AS X FROM scope()",
        "SELECT format(format='%v', args=[D(s=1, n=60)]) AS X FROM scope()",
        "SELECT count() AS X FROM range(end=3) GROUP BY F(s=1, n=60)",
        "LET VQL_MATERIALIZE_ROW_LIMIT = 1 LET X <= SELECT D(s=_value, n=60) AS X FROM range(end=3) SELECT * FROM X",
        "SELECT join(array=[F(s=1, n=60), 2], sep=',') AS X FROM scope()",
    ] {
        until_time_is_up(&format!("{DEEP}{text}"));
    }
}

#[test]
fn the_size_of_a_row_to_sort_is_known_without_a_visit_to_every_leaf() {
    let query = query();
    let rows = query.rows(&format!(
        "{DEEP} SELECT F(s=1, n=60) AS X, _value AS N FROM range(end=3) ORDER BY N DESC"
    ));
    let numbers: Vec<_> = rows.iter().map(|row| row.get("N").unwrap().as_i64()).collect();
    assert_eq!(numbers, [Some(2), Some(1), Some(0)]);
}

#[test]
fn half_a_row_is_no_row() {
    let rows = until_time_is_up(&format!("{DEEP} SELECT D(s=1, n=60) AS X FROM scope()"));
    assert_eq!(rows, [""]);
}

#[test]
fn searches_that_are_slow_together_end_with_their_query() {
    // Each search goes to the end of the text and finds one letter.
    until_time_is_up("SELECT split(string='A' * 4000000, sep='.*[^A-Z]|[A-Z]') AS X FROM scope()");
}

#[test]
fn a_row_may_have_very_many_columns() {
    let query = query();
    let rows = query.rows(
        "LET D <= to_dict(item={ SELECT format(format='c%v', args=_value) AS _key, _value FROM range(end=50000) })
         SELECT *, 'new' AS c7 FROM foreach(row=D)",
    );
    assert_eq!(rows[0].columns().len(), 50_000);
    assert_eq!(rows[0].get("c49999").unwrap().as_i64(), Some(49_999));
    assert_eq!(rows[0].get("c7").unwrap().as_str().unwrap().as_bytes(), b"new");
}
