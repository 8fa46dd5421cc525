//! `generate()`, `pipe()` and `lru()`: threads, ends, bounds.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use parking_lot::Mutex;
use peregrine_engine::context::{Clock, Context};
use peregrine_engine::log::MemoryLog;
use peregrine_engine::prelude::*;
use peregrine_engine::{Program, builtin, json};

struct Session(Scope, Arc<MemoryLog>);

#[derive(Clone)]
struct Hands(Arc<Mutex<i64>>);

impl Clock for Hands {
    fn now(&self) -> Time {
        Time::from_unix(*self.0.lock(), 0)
    }
}

fn session() -> (Session, Hands) {
    let log = Arc::new(MemoryLog::default());
    let hands = Hands(Arc::new(Mutex::new(1_000_000)));
    let registry = Arc::new(peregrine_functions::register(builtin::registry()));
    let context = Context::builder()
        .registry(registry)
        .log(log.clone())
        .clock(Arc::new(hands.clone()) as Arc<dyn Clock>)
        .build();
    (Session(Scope::root(&context, Dict::new()), log), hands)
}

impl Session {
    /// The rows of a query as JSON.
    fn rows(&self, query: &str) -> String {
        let mut rows: Vec<Row> = Vec::new();
        let _ = Program::compile(query).unwrap().run(&self.0, &mut rows);
        let mut shown = Vec::new();
        let rows: Value = rows.into_iter().map(Row::into_value).collect();
        json::write_value(&self.0, &rows, &mut shown);
        String::from_utf8(shown).unwrap()
    }
}

#[test]
fn one_query_has_many_readers() {
    for option in ["", ", with_file_buffer=TRUE"] {
        let (session, _) = session();
        let rows = session.rows(&format!(
            "LET G <= generate(name='g', fan_out=2, query={{ SELECT _value AS V FROM range(end=5000) }}{option}) \
             LET H = generate(name='g') \
             SELECT count() AS C, max(item=V) AS M, Who FROM chain(async=TRUE, \
                 a={{ SELECT V, 'a' AS Who FROM G }}, \
                 b={{ SELECT V, 'b' AS Who FROM H }}) GROUP BY Who ORDER BY Who"
        ));
        assert_eq!(
            rows,
            r#"[{"C":5000,"M":4999,"Who":"a"},{"C":5000,"M":4999,"Who":"b"}]"#,
            "{:?}",
            session.1.lines()
        );
        session.0.close();
    }
}

#[test]
fn rows_wait_in_a_file_for_a_slow_reader() {
    let (session, _) = session();
    // The slow one reads its first row only when the fast one has all.
    let rows = session.rows(
        "LET G <= generate(name='g', fan_out=2, with_file_buffer=TRUE, \
                          query={ SELECT _value AS V, dict(a=_value) AS D FROM range(end=4000) }) \
         SELECT Who, count() AS C, sum(item=D.a) AS S FROM chain(async=TRUE, \
             a={ SELECT D, 'fast' AS Who FROM G }, \
             b={ SELECT D, 'slow' AS Who FROM G WHERE V > 0 OR sleep(ms=300) }) GROUP BY Who ORDER BY Who",
    );
    assert_eq!(
        rows,
        r#"[{"Who":"fast","C":4000,"S":7998000},{"Who":"slow","C":4000,"S":7998000}]"#
    );
    session.0.close();
}

#[test]
fn a_generator_without_end_ends_with_the_query() {
    let (session, _) = session();
    let rows = session.rows(
        "LET G <= generate(query={ SELECT * FROM range(end=9000000000000000) }) SELECT * FROM G LIMIT 2",
    );
    assert_eq!(rows, r#"[{"_value":0},{"_value":1}]"#);
    // Which waits for the generator.
    session.0.close();
}

#[test]
fn a_generator_nobody_reads_ends_with_the_query() {
    let (session, _) = session();
    session.rows("LET G <= generate(query={ SELECT * FROM range(end=3) }) SELECT * FROM scope()");
    session.0.close();
}

#[test]
fn a_query_is_read_as_a_file() {
    let (session, _) = session();
    assert_eq!(
        session.rows(
            "LET P <= pipe(query={ SELECT if(condition=_value != 1, then=_value, else='') AS A, 1 AS B FROM range(end=4) }, sep=';') \
             SELECT read_file(accessor='pipe', filename='P') AS F, read_file(accessor='pipe', filename='P') AS G FROM scope()"
        ),
        r#"[{"F":"0;2;3;","G":""}]"#
    );
    // Nothing of a row is lost when the buffer is small.
    assert_eq!(
        session.rows(
            "LET Q = pipe(name='q', query={ SELECT 'abcdef' FROM range(end=2) }) \
             SELECT read_file(accessor='pipe', filename='Q', length=4) AS F, \
                    read_file(accessor='pipe', filename='Q', length=100) AS G FROM scope()"
        ),
        r#"[{"F":"abcd","G":"efabcdef"}]"#
    );
    assert_eq!(
        session.rows("LET N = 5 SELECT read_file(accessor='pipe', filename='N') AS F FROM scope()"),
        r#"[{"F":""}]"#
    );
    assert!(
        session
            .1
            .lines()
            .iter()
            .any(|line| line.contains("holds no pipe"))
    );
    session.0.close();
}

#[test]
fn a_store_forgets() {
    let (session, hands) = session();
    session.rows("LET L <= lru(size=2) SELECT set(item=L, field='a', value=1), set(item=L, field='b', value=2) FROM scope()");
    assert_eq!(
        session.rows("SELECT L.a AS A, set(item=L, field='c', value=3).`@Len` AS N, L.b AS B, L.`@Dump` AS D FROM scope()"),
        r#"[{"A":1,"N":2,"B":null,"D":{"a":1,"c":3}}]"#
    );
    *hands.0.lock() += 3000;
    assert_eq!(session.rows("SELECT L.a AS A FROM scope()"), r#"[{"A":1}]"#);
    *hands.0.lock() += 1000;
    assert_eq!(
        session.rows("SELECT L.a AS A, L.c AS C, L.`@Metrics`.Evictions AS E, if(condition=L, then='some') AS T FROM scope()"),
        r#"[{"A":1,"C":null,"E":2,"T":"some"}]"#
    );
    session.0.close();
    assert_eq!(session.rows("SELECT L.`@Len` AS N FROM scope()"), r#"[{"N":0}]"#);
}
