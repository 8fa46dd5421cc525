//! Every query can be stopped, nothing exhausts the stack, and large data goes through files.
#![allow(clippy::unwrap_used)]

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use peregrine_engine::budget::{ByteLimit, RowLimit};
use peregrine_engine::context::{LimiterHandle, QueryLimiter, QueryLimits, Throttle};
use peregrine_engine::log::LogSink;
use peregrine_engine::log::MemoryLog;
use peregrine_engine::memory::{Account, Gauge, Limits, Pool};
use peregrine_engine::prelude::{
    Category, Example, IntoRow, Object, Plugin, PluginDef, Rows, Str, VqlArgs, VqlResult, plugins,
};
use peregrine_engine::query::FnSink;
use peregrine_engine::{Cancellation, Context, Dict, Program, Row, RowSink, Scope, Stop, Value, builtin};
use peregrine_os::held_by_thread;

#[path = "limits/endings.rs"]
mod endings;
#[path = "limits/memory.rs"]
mod memory;
#[path = "limits/shared_parts.rs"]
mod shared_parts;

#[global_allocator]
static ALLOCATOR: peregrine_os::Counting<std::alloc::System> = peregrine_os::Counting(std::alloc::System);

/// More rows than anybody can wait for.
const ENDLESS: &str = "SELECT * FROM range(end=9223372036854775807)";

struct Query {
    scope: Scope,
    log: Arc<MemoryLog>,
}

fn query() -> Query {
    query_with(Cancellation::new())
}

fn query_with(cancellation: Cancellation) -> Query {
    let log = Arc::new(MemoryLog::default());
    let registry = builtin::shared_registry();
    let context = Context::builder()
        .registry(registry)
        .log(log.clone())
        .cancellation(cancellation)
        .build();
    Query {
        scope: Scope::root(&context, Dict::new()),
        log,
    }
}

impl Query {
    fn rows(&self, text: &str) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        self.run(text, &mut rows).unwrap();
        rows
    }

    fn run(&self, text: &str, rows: &mut dyn RowSink) -> Result<(), Stop> {
        Program::compile(text).unwrap().run(&self.scope, rows)
    }

    /// The column of the only row.
    fn one(&self, text: &str, column: &str) -> Value {
        let rows = self.rows(text);
        assert_eq!(rows.len(), 1, "{text}");
        rows[0].get(column).unwrap()
    }

    fn logged(&self, part: &str) -> usize {
        self.log.lines().iter().filter(|line| line.contains(part)).count()
    }
}

/// Runs the text, cancels after ten rows, and gives how many came.
fn rows_until_cancelled(text: &str) -> usize {
    let cancellation = Cancellation::new();
    let query = query_with(cancellation.clone());
    let seen = AtomicUsize::new(0);
    let result = query.run(
        text,
        &mut FnSink(|_| {
            if seen.fetch_add(1, Ordering::Relaxed) == 9 {
                cancellation.cancel();
            }
            Ok(())
        }),
    );
    assert_eq!(result, Err(Stop), "{text}");
    seen.into_inner()
}

#[test]
fn a_token_stops_every_kind_of_query() {
    assert_eq!(rows_until_cancelled(ENDLESS), 10);
    assert_eq!(
        rows_until_cancelled(&format!(
            "SELECT _value + 1 AS A FROM foreach(row={{ {ENDLESS} }})"
        )),
        10
    );
    assert_eq!(
        rows_until_cancelled(&format!(
            "SELECT * FROM foreach(row={{ {ENDLESS} }}, query={{ {ENDLESS} }})"
        )),
        10
    );
    assert_eq!(
        rows_until_cancelled(&format!(
            "SELECT * FROM chain(a={{ {ENDLESS} }}, b={{ {ENDLESS} }})"
        )),
        10
    );
    assert!(
        rows_until_cancelled(&format!(
            "SELECT * FROM combine(a={{ {ENDLESS} }}, b={{ {ENDLESS} }})"
        )) >= 10
    );
    assert!(
        rows_until_cancelled(&format!(
            "SELECT * FROM foreach(row={{ {ENDLESS} }}, query={{ {ENDLESS} }}, workers=4)"
        )) >= 10
    );
}

#[test]
fn a_deadline_stops_queries_that_yield_nothing() {
    for text in [
        format!("{ENDLESS} WHERE FALSE"),
        format!("{ENDLESS} WHERE _value < 0 ORDER BY _value"),
        "SELECT count() AS C FROM range(end=9223372036854775807) GROUP BY 1".into(),
        format!("LET X <= {ENDLESS} WHERE FALSE"),
        format!("SELECT {{ {ENDLESS} WHERE FALSE }} AS A FROM scope()"),
        format!("SELECT len(list=dict(a={{ {ENDLESS} WHERE FALSE }})) AS A FROM scope()"),
        format!("SELECT * FROM foreach(row={{ {ENDLESS} WHERE FALSE }}, workers=3, query={{ {ENDLESS} }})"),
        // Two calls at each of 900 levels: without a stop it would outlive the universe.
        "LET f(n) = if(condition=n > 0, then=f(n=n - 1) + f(n=n - 1), else=1) SELECT f(n=900) AS A FROM scope()".into(),
    ] {
        let query = query_with(Cancellation::with_deadline(Duration::from_millis(100)));
        let _ = query.run(&text, &mut Vec::new());
        assert!(query.scope.cancellation().is_cancelled(), "{text}");
    }
}

#[test]
fn limit_stops_the_source() {
    assert_eq!(query().rows(&format!("{ENDLESS} LIMIT 3")).len(), 3);
    let nested = format!("SELECT * FROM foreach(row={{ {ENDLESS} }}, query={{ {ENDLESS} LIMIT 2 }}) LIMIT 5");
    assert_eq!(query().rows(&nested).len(), 5);
    let parallel =
        format!("SELECT * FROM foreach(row={{ {ENDLESS} }}, query={{ {ENDLESS} }}, workers=8) LIMIT 5");
    assert_eq!(query().rows(&parallel).len(), 5);
    // An inner limit ends only the inner query.
    let chained =
        format!("SELECT * FROM chain(a={{ {ENDLESS} LIMIT 2 }}, b={{ SELECT 1 AS B FROM scope() }})");
    assert_eq!(query().rows(&chained).len(), 3);
}

#[test]
fn a_timeout_of_a_part_leaves_the_rest_alone() {
    let query = query();
    let text = format!(
        "SELECT * FROM chain(a={{ SELECT * FROM query(query={{ {ENDLESS} WHERE FALSE }}, timeout=0.05) }}, \
         b={{ SELECT 'alive' AS A FROM scope() }})"
    );
    assert_eq!(query.rows(&text).len(), 1);
}

#[test]
fn budgets() {
    let query = query();
    let mut rows: Vec<Row> = Vec::new();
    let mut limited = RowLimit::new(&mut rows, 7);
    assert_eq!(query.run(ENDLESS, &mut limited), Err(Stop));
    assert!(limited.is_exceeded());
    assert_eq!(rows.len(), 7);
    let mut rows: Vec<Row> = Vec::new();
    let mut limited = ByteLimit::new(&mut rows, &query.scope, 100);
    assert_eq!(query.run(ENDLESS, &mut limited), Err(Stop));
    assert!(limited.is_exceeded());
    assert!((5..=10).contains(&rows.len()), "{} rows of 12 bytes", rows.len());
}

#[test]
fn recursion_neither_overflows_nor_ends_the_query() {
    let query = query();
    let text =
        "LET f(n) = if(condition=n > 0, then=1 + f(n=n - 1), else=0) SELECT f(n=980) AS A FROM scope()";
    assert_eq!(query.one(text, "A").as_i64(), Some(980));
    for text in [
        "LET a = 1 + a SELECT a AS A FROM scope()",
        "LET b(x) = b(x=x + 1) SELECT b(x=1) AS A FROM scope()",
        "LET c = SELECT * FROM c SELECT * FROM c",
        "LET d(x) = SELECT * FROM d(x=x + 1) SELECT * FROM d(x=1)",
        "LET e = SELECT * FROM foreach(row=1, query={ SELECT * FROM e }) SELECT * FROM e",
        "LET g = dict(x=g) SELECT g AS A FROM scope()",
        "LET h = { SELECT 1 FROM scope() } SELECT 1 AS A FROM scope()",
        "LET i = if(condition=i, then=1) SELECT i AS A FROM scope()",
        "LET j = SELECT { SELECT * FROM j } AS A FROM scope() SELECT * FROM j",
        "LET k = eval(func='x => k', args=1) SELECT k AS A FROM scope()",
    ] {
        let Ok(program) = Program::compile(text) else {
            continue;
        };
        let mut rows: Vec<Row> = Vec::new();
        let _ = program.run(&query.scope, &mut rows);
        assert!(query.logged("Stack Overflow") > 0 || rows.len() == 1, "{text}");
    }
    assert_eq!(
        query
            .one("SELECT 'alive' AS A FROM scope()", "A")
            .to_text(&query.scope)
            .to_string(),
        "alive"
    );
}

#[test]
fn a_dict_may_contain_itself() {
    let query = query();
    let text = "LET d <= dict(a=1) LET _ <= set(item=d, field='me', value=d) SELECT d, d = d AS E, str(str=d) AS S FROM scope()";
    let rows = query.rows(text);
    let mut out = Vec::new();
    peregrine_engine::json::write_row(&query.scope, &rows[0], &mut out);
    assert!(out.starts_with(b"{\"d\":{\"a\":1,\"me\":{"));
}

#[test]
fn many_statements_do_not_nest() {
    let text: String = (0..20_000).map(|i| format!("LET x{i} = {i} ")).collect();
    let query = query();
    assert_eq!(
        query
            .one(&format!("{text} SELECT x0 + x19999 AS A FROM scope()"), "A")
            .as_i64(),
        Some(19_999)
    );
}

#[test]
fn order_by_sorts_through_files() {
    let query = query();
    let rows =
        query.rows("SELECT _value, 'k' + str(str=_value) AS K FROM range(end=35000) ORDER BY _value DESC");
    assert_eq!(rows.len(), 35_000);
    let values: Vec<i64> = rows
        .iter()
        .filter_map(|row| row.get("_value")?.as_i64())
        .collect();
    assert!(values.iter().rev().copied().eq(0..35_000));
}

#[test]
fn materialized_rows_move_to_a_file_in_the_given_directory() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(MemoryLog::default());
    let context = Context::builder()
        .registry(builtin::shared_registry())
        .log(log.clone())
        .materialize_limit(5_usize)
        .spill_dir(dir.path().to_path_buf())
        .build();
    let query = Query {
        scope: Scope::root(&context, Dict::new()),
        log,
    };
    query.rows("LET X <= SELECT _value, 'text' AS S FROM range(end=100)");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    let sum = "SELECT count() AS C, sum(item=_value) AS S FROM X GROUP BY 1";
    assert_eq!(query.one(sum, "S").as_i64(), Some(4950));
    assert_eq!(query.one(sum, "C").as_i64(), Some(100));
    assert_eq!(
        query.logged("WARN:Materialize of LET X: Expand larger than 5 rows"),
        1
    );
    drop(query);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn workers_see_every_row_once() {
    let query = query();
    let text = "SELECT sum(item=Y) AS S, count() AS C FROM foreach(row={ SELECT _value AS X FROM range(end=5000) }, \
                query={ SELECT X * 2 AS Y FROM scope() }, workers=8) GROUP BY 1";
    assert_eq!(query.one(text, "C").as_i64(), Some(5000));
    assert_eq!(query.one(text, "S").as_i64(), Some(5000 * 4999));
    assert_eq!(query.logged("DEBUG:Creating 8 workers for foreach plugin"), 2);
}

#[test]
fn closing_runs_destructors_backwards_and_reports_once() {
    let query = query();
    query.rows("SELECT _value FROM range(end=3)");
    let order = Arc::new(parking_lot::Mutex::new(Vec::new()));
    for i in 0..3 {
        let order = Arc::clone(&order);
        query.scope.at_close(Box::new(move |_| order.lock().push(i)));
    }
    query.scope.close();
    query.scope.close();
    assert_eq!(*order.lock(), [2, 1, 0]);
    assert_eq!(
        query.logged("DEBUG:Query Stats: {\"RowsScanned\":3,\"PluginsCalled\":1,"),
        1
    );
}

/// Counts charges, and ends the query after some.
struct Counting(Arc<AtomicUsize>, usize);

impl Throttle for Counting {
    fn charge(&self, _: u32, cancellation: &Cancellation) -> Result<(), Stop> {
        if self.0.fetch_add(1, Ordering::Relaxed) >= self.1 {
            cancellation.cancel();
            return Err(Stop);
        }
        Ok(())
    }
}

struct CountingLimiter(Arc<AtomicUsize>);

impl QueryLimiter for CountingLimiter {
    fn throttle(
        &self,
        limits: &QueryLimits,
        _: &Cancellation,
        _: &Arc<dyn LogSink>,
    ) -> Option<Arc<dyn Throttle>> {
        assert_eq!((limits.cpu, limits.iops, limits.progress), (20.0, 0.0, 5.0));
        Some(Arc::new(Counting(Arc::clone(&self.0), 500)))
    }
}

#[test]
fn a_query_within_a_query_has_limits_of_its_own() {
    let charged = Arc::new(AtomicUsize::new(0));
    let limiter: Arc<dyn QueryLimiter> = Arc::new(CountingLimiter(Arc::clone(&charged)));
    let log = Arc::new(MemoryLog::default());
    let context = Context::builder()
        .registry(builtin::shared_registry())
        .log(log.clone())
        .extension(Arc::new(LimiterHandle(limiter)))
        .build();
    let scope = Scope::root(&context, Dict::new());
    let run = |text: &str| {
        let mut rows: Vec<Row> = Vec::new();
        Program::compile(text)
            .unwrap()
            .run(&scope, &mut rows)
            .map(|()| rows.len())
    };
    // Rows that are dropped inside are charged, too; the outer query goes on.
    let within = "query(query='SELECT * FROM range(end=1000000) WHERE _value < N', env=dict(N=3), cpu_limit=20, progress_timeout=5)";
    assert_eq!(
        run(&format!(
            "SELECT * FROM chain(a={{ SELECT * FROM {within} }}, b={{ SELECT 1 FROM scope() }})"
        )),
        Ok(4)
    );
    assert!(charged.load(Ordering::Relaxed) > 500);
    // Variables are seen as without limits.
    charged.store(0, Ordering::Relaxed);
    let inherited = "LET X = 5 LET F(a) = a + X SELECT * FROM query(query={ SELECT F(a=1) AS A FROM scope() WHERE A = 6 }, \
                     inherit=TRUE, cpu_limit=20, progress_timeout=5)";
    assert_eq!(run(inherited), Ok(1));
    // A query within itself comes to its end.
    charged.store(0, Ordering::Relaxed);
    let itself = "LET Again = SELECT * FROM query(query={ SELECT * FROM Again }, inherit=TRUE, cpu_limit=20, progress_timeout=5) \
                  SELECT * FROM Again";
    assert!(run(itself).is_ok());
}

#[test]
fn limits_nobody_can_keep_are_said() {
    let query = query();
    query.rows("SELECT * FROM query(query={ SELECT * FROM scope() }, cpu_limit=20)");
    assert!(
        query
            .log
            .lines()
            .iter()
            .any(|line| line.contains("cannot limit queries"))
    );
}

#[test]
fn groups_that_became_too_many_come_in_key_order() {
    // Rows of one shape, so that most of them need no scope.
    let text = "SELECT K, count() AS N FROM foreach(row={ SELECT _value AS Round FROM range(end=2) }, \
                query={ SELECT _value AS K FROM range(end=30010) }) GROUP BY K LIMIT 4";
    let program = Program::compile(text).unwrap();
    let context = Context::builder().registry(builtin::shared_registry()).build();
    let scope = Scope::root(&context, Dict::new());
    let mut rows: Vec<Row> = Vec::new();
    let _ = program.run(&scope, &mut rows);
    let shown: Vec<_> = rows
        .iter()
        .map(|row| (row.get("K").unwrap().as_i64(), row.get("N").unwrap().as_i64()))
        .collect();
    // As text: 0, 1, 10, 100.
    let wanted = [0, 1, 10, 100].map(|key| (Some(key), Some(2)));
    assert_eq!(shown, wanted);
}

/// Nothing to say.
#[derive(VqlArgs)]
struct Args {
    /// How many rows.
    end: i64,
}

/// A row that answers to more than it shows.
#[derive(IntoRow)]
#[row(silent)]
struct Thing {
    #[column(name = "number", alias = "Number", alias = "No")]
    number: i64,
    #[column(behind = &["Twice"])]
    behind: Value,
}

#[derive(Debug)]
struct Behind(i64);

impl Object for Behind {
    fn type_name(&self) -> &'static str {
        "Behind"
    }

    fn member(&self, _: &Scope, name: &str) -> Option<Value> {
        (name == "Twice").then(|| Value::from(self.0 * 2))
    }

    fn member_names(&self) -> Vec<Str> {
        vec!["Twice".into()]
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

struct Things;

const THINGS: &[PluginDef] = plugins![Things];

impl Plugin for Things {
    type Args = Args;
    type Row = Thing;
    const NAME: &'static str = "things";
    const CATEGORY: Category = Category::Utils;
    const EXAMPLES: &'static [Example] = &[];

    fn run(_: &Scope, args: Args, rows: &mut Rows<'_, Thing>) -> VqlResult<()> {
        for number in 0..args.end {
            rows.push(Thing {
                number,
                behind: Value::object(Behind(number)),
            })?;
        }
        Ok(())
    }
}

fn query_of_things() -> Query {
    let mut query = query();
    let registry = builtin::registry().with_plugins(THINGS);
    let log = Arc::new(MemoryLog::default());
    let context = Context::builder()
        .registry(Arc::new(registry))
        .log(log.clone())
        .build();
    query.scope = Scope::root(
        &context,
        Dict::from_pairs([("Twice", "outer"), ("Outer", "outer")]),
    );
    query.log = log;
    query
}

#[test]
fn rows_answer_to_more_than_they_show_before_and_after_the_query_is_bound() {
    let query = query_of_things();
    for filter in ["", " WHERE Number >= 0 AND Twice >= 0 AND NOT NoSuch"] {
        let text =
            format!("SELECT No, Number + number AS Sum, Twice, Outer, NoSuch FROM things(end=50){filter}");
        let rows = query.rows(&text);
        assert_eq!(rows.len(), 50);
        for (number, row) in (0..).zip(&rows) {
            let get = |name: &str| row.get(name).unwrap();
            assert_eq!(get("No").as_i64(), Some(number));
            assert_eq!(get("Sum").as_i64(), Some(number * 2));
            assert_eq!(get("Twice").as_i64(), Some(number * 2));
            assert_eq!(get("Outer").as_str().unwrap(), "outer");
            assert!(get("NoSuch").is_null());
        }
    }
    assert_eq!(query.logged("not found"), 0);
    // Rows passed on by `*` respond only to the names they show.
    let rows = query.rows("LET Shown = SELECT * FROM things(end=50) SELECT Twice, No FROM Shown");
    assert!(
        rows.iter()
            .all(|row| row.get("Twice").unwrap().as_str().is_some())
    );
    assert!(rows.iter().all(|row| row.get("No").unwrap().is_null()));
    assert!(query.logged("Symbol No not found") > 0);
    for row in query.rows("SELECT * FROM things(end=50)") {
        assert_eq!(row.columns().len(), 1);
    }
}

const MEBIBYTE: i64 = 1 << 20;

thread_local! {
    /// The most this thread held at any look.
    static MOST_HELD: std::cell::Cell<i64> = const { std::cell::Cell::new(0) };
}

#[test]
fn groups_that_became_too_many_still_answer_to_more_than_they_show() {
    let query = query_of_things();
    let rows = query.rows("SELECT No, Twice, count() AS N FROM things(end=30010) GROUP BY Twice");
    assert_eq!(rows.len(), 30010);
    assert_eq!(query.logged("bins exceeded"), 1);
    for row in &rows {
        let number = row.get("No").unwrap().as_i64().unwrap();
        assert_eq!(row.get("Twice").unwrap().as_i64(), Some(number * 2));
    }
}

#[test]
fn an_unknown_name_is_said_for_two_rows_of_a_place() {
    let query = query();
    query.rows("SELECT Nothing, Nothing AS Again FROM range(end=1000)");
    assert_eq!(query.logged("Symbol Nothing not found"), 4);
    assert_eq!(query.logged("and not for those after them"), 2);
    query.rows(
        "SELECT * FROM foreach(row={ SELECT * FROM range(end=1000) }, query={ SELECT * FROM no_plugin() })",
    );
    assert_eq!(query.logged("ERROR:Plugin no_plugin not found. Current"), 2);
    query.rows("SELECT no_function(a=1), _value.x.y AS M FROM range(end=1000) WHERE NOT Missing.member");
    assert_eq!(query.logged("Symbol no_function"), 2);
    assert_eq!(query.logged("While resolving Missing.member"), 2);
}
