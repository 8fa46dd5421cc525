//! JavaScript in queries: examples, limits, ends.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use peregrine_engine::context::Context;
use peregrine_engine::log::MemoryLog;
use peregrine_engine::prelude::*;
use peregrine_engine::{Program, builtin, json};

fn registry() -> Arc<Registry> {
    Arc::new(builtin::registry().with_functions(peregrine_js::FUNCTIONS))
}

fn run(source: &str, then: &str, limit: Duration) -> (String, Vec<String>) {
    let log = Arc::new(MemoryLog::default());
    let context = Context::builder()
        .registry(registry())
        .log(log.clone())
        .cancellation(Cancellation::with_deadline(limit))
        .build();
    let scope = Scope::root(&context, Dict::from_pairs([("J", source)]));
    let mut rows: Vec<Row> = Vec::new();
    let query = format!("LET _ <= js(js=J) SELECT {then} AS V FROM scope()");
    let _ = Program::compile(&query).unwrap().run(&scope, &mut rows);
    let mut shown = Vec::new();
    if let Some(row) = rows.first() {
        json::write_value(&scope, &row.get("V").unwrap(), &mut shown);
    }
    scope.close();
    (String::from_utf8(shown).unwrap(), log.lines())
}

const LONG: Duration = Duration::from_secs(30);

#[test]
fn examples_hold() {
    let failures = peregrine_engine::examples::check_all(&registry());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn values_go_in_and_come_out() {
    let (value, log) = run(
        "let hidden = 3; undeclared = 4; function id(x) { return x; } function d() { return new Date(0); } \
         function big() { return 12345678901; } function cycle() { var a = {}; a.a = 1; a.f = id; return a; }",
        "dict(A=js_get(var='hidden'), B=js_get(var='undeclared'), C=js_call(func='id', args=((1, 'é', 1.5, TRUE), 2)), \
              D=js_call(func='d'), E=js_call(func='big'), F=js_call(func='cycle'), G=js_call(func='id'))",
        LONG,
    );
    assert_eq!(
        value,
        r#"{"A":3,"B":4,"C":[1,"é",1.5,true],"D":"1970-01-01T00:00:00Z","E":12345678901,"F":{"a":1},"G":null}"#,
        "{log:?}"
    );
}

#[test]
fn bytes_that_are_no_text_come_back() {
    let (value, log) = run(
        "function same(x) { return x } function keyed(x) { var d = {}; d[x] = x.toUpperCase(); return d }",
        r"js_call(func='same', args='a\xff\xfe') = 'a\xff\xfe'
          AND js_call(func='keyed', args='a\xff') = set(item=dict(), field='a\xff', value='A\xff')
          AND js_call(func='same', args='\xff') != js_call(func='same', args='\xfe')",
        LONG,
    );
    assert_eq!(value, "true", "{log:?}");
}

#[test]
fn machines_are_apart() {
    let (value, _) = run(
        "var a = 1;",
        "(js_get(var='a'), js_get(var='a', key='other'))",
        LONG,
    );
    assert_eq!(value, "[1,null]");
}

#[test]
fn what_goes_wrong_is_said() {
    for (source, message) in [
        ("throw new Error('boom')", "boom"),
        ("throw 'plain'", "plain"),
        (
            "var a = []; while (true) a.push('x'.repeat(100000) + a.length)",
            "memory",
        ),
        ("function f() { return f() + 1; } f()", "stack"),
    ] {
        let (_, log) = run(source, "1", LONG);
        assert!(log.iter().any(|line| line.contains(message)), "{source}: {log:?}");
    }
    // Shared parts would grow without bound when they are written out.
    let (value, log) = run(
        "function f() { var a = 1; for (var i = 0; i < 40; i++) a = [a, a]; return a; }",
        "js_call(func='f')",
        LONG,
    );
    assert_eq!(value, "null");
    assert!(
        log.iter().any(|line| line.contains("more than 1000000 values")),
        "{log:?}"
    );
    let (value, _) = run(
        "function f() { var a = {}; a.a = a; return a; }",
        "js_call(func='f').a.a.a.b",
        LONG,
    );
    assert_eq!(value, "null");
}

#[test]
fn a_script_without_end_ends_with_the_query() {
    run("while (true) {}", "1", Duration::from_millis(300));
}
