//! Starlark in queries: examples, conversions, limits, ends.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use peregrine_engine::context::Context;
use peregrine_engine::log::MemoryLog;
use peregrine_engine::prelude::*;
use peregrine_engine::{Program, builtin, json};
use peregrine_starlark::WorkerProgram;

fn registry() -> Arc<Registry> {
    Arc::new(builtin::registry().with_functions(peregrine_starlark::FUNCTIONS))
}

fn worker() -> Arc<WorkerProgram> {
    Arc::new(WorkerProgram::new(env!("CARGO_BIN_EXE_starlark-worker")))
}

fn run(code: &str, then: &str, limit: Duration) -> (String, Vec<String>) {
    let log = Arc::new(MemoryLog::default());
    let context = Context::builder()
        .registry(registry())
        .log(log.clone())
        .cancellation(Cancellation::with_deadline(limit))
        .extension(worker())
        .build();
    let scope = Scope::root(&context, Dict::from_pairs([("C", code)]));
    let mut rows: Vec<Row> = Vec::new();
    let query = format!("LET M <= starl(code=C, globals=dict(given=2.0)) SELECT {then} AS V FROM scope()");
    let _ = Program::compile(&query).unwrap().run(&scope, &mut rows);
    let mut shown = Vec::new();
    if let Some(row) = rows.first() {
        json::write_value(&scope, &row.get("V").unwrap(), &mut shown);
    }
    scope.close();
    (String::from_utf8(shown).unwrap(), log.lines())
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn examples_hold() {
    let failures =
        peregrine_engine::examples::check_all_with(&registry(), |builder| builder.extension(worker()));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn bytes_that_are_no_text_come_back() {
    let (value, log) = run(
        "def same(x): return x\ndef keyed(x): return {x: 1}\n",
        r"M.same(x='a\xff') = 'a\xff' AND M.keyed(x='a\xff') = set(item=dict(), field='a\xff', value=1)
          AND M.same(x=set(item=dict(), field='\xfe', value=1)) = set(item=dict(), field='\xfe', value=1)",
        LONG,
    );
    assert_eq!(value, "true", "{log:?}");
}

#[test]
fn values_go_in_and_come_out() {
    let code = r#"
a = None
b = (1, [2.5, "é"], set([3]))
c = {"x": 1, 2: True}
d = struct(n = given * 3)
e = json.decode('{"k": [1]}')
x = 1
x = 2
for i in range(3):
    x += i
def fact(n):
    return 1 if n <= 1 else n * fact(n - 1)
def outer(v, w = "w"):
    def inner(z): return [z, w]
    return inner(v)
def back(v): return v
"#;
    let (value, log) = run(
        code,
        "dict(A=M.a, B=M.b, C=M.c, D=M.d, E=M.e, X=M.x, F=M.fact(n=10), G=M.outer(v=dict(k=NULL)), H=M.back(v=(1.0, 1.5)))",
        LONG,
    );
    assert_eq!(
        value,
        r#"{"A":null,"B":[1,[2.5,"é"],[3]],"C":{"x":1,"2":true},"D":{"n":6},"E":{"k":[1]},"X":5,"F":3628800,"G":[{"k":null},"w"],"H":[1,1.5]}"#,
        "{log:?}"
    );
}

#[test]
fn an_argument_may_be_a_call_of_the_same_module() {
    let (value, log) = run("def f(n): return n + 1", "M.f(n=M.f(n=M.f(n=1)))", LONG);
    assert_eq!(value, "4", "{log:?}");
}

#[test]
fn it_says_what_it_prints_and_that_it_is_new() {
    let (_, log) = run("print('seen')\ndef f(): print('again')", "M.f()", LONG);
    for text in ["experimental", "seen", "again"] {
        assert_eq!(
            log.iter().filter(|line| line.contains(text)).count(),
            1,
            "{log:?}"
        );
    }
}

#[test]
fn what_goes_wrong_is_said() {
    let deep = format!("x = {}1{}", "(".repeat(100_000), ")".repeat(100_000));
    let long = format!("x = 1{}", "+1".repeat(100_000));
    let nots = format!("x = {}1", "not ".repeat(100_000));
    let branches = format!("if 1:\n  pass\n{}", "elif 1:\n  pass\n".repeat(10_000));
    for (code, then, message) in [
        ("fail('boom')", "1", "boom"),
        ("load('os.star', 'os')", "1", "there is no module `os.star`"),
        (
            "load('/etc/passwd', 'x')",
            "1",
            "there is no module `/etc/passwd`",
        ),
        ("load('math.star', 'nothing')", "1", "nothing"),
        ("def f(): return f()\n", "M.f()", "tack"),
        ("def f(a): return a", "M.f(b=1)", "b"),
        ("x = [[1] * 1000 for i in range(10000000)]", "1", "limit"),
        (
            "def f():\n  a = 1\n  for i in range(40): a = [a, a]\n  return a",
            "M.f()",
            "more than 1000000 values",
        ),
        (&deep, "1", "nests"),
        (&long, "1", "nests"),
        (&nots, "1", "nests"),
        (&branches, "1", "nests"),
    ] {
        let (_, log) = run(code, then, LONG);
        let start: String = code.chars().take(60).collect();
        assert!(log.iter().any(|line| line.contains(message)), "{start}: {log:?}");
    }
}

#[test]
fn modules_can_be_loaded() {
    let code = r#"
load("math.star", "math")
load("json.star", j = "json")
load("time.star", "time")
a = [math.sqrt(49), math.ceil(1.2), math.floor(-1.2), math.pow(2, 10), math.log(8, 2), math.mod(7, 4), math.fabs(-1)]
b = [j.decode(j.encode({"x": [1, "é"]})), j.indent('{"a":[1,{}]}', indent = " ")]
t = time.parse_time("2024-07-01T10:00:00+02:00").in_location("Asia/Tokyo")
c = [t.hour, t.unix, t.format("2006-01-02 15:04"), t.add(2 * time.hour).sub(t) == time.parse_duration("1h60m")]
d = [time.time(year = 2024, month = 2, day = 29).unix, time.from_timestamp(7).unix_nano, time.is_valid_timezone("x/y")]
e = time.now().unix > 1700000000
def root(n):
  return math.sqrt(n)
"#;
    let (shown, log) = run(
        code,
        "dict(a=M.a, b=M.b, c=M.c, d=M.d, e=M.e, f=M.root(n=49))",
        LONG,
    );
    assert_eq!(
        shown,
        r#"{"a":[7,2,-2,1024,3,3,1],"b":[{"x":[1,"é"]},"{\n \"a\": [\n  1,\n  {}\n ]\n}"],"c":[17,1719820800,"2024-07-01 17:00",true],"d":[1709164800,7000000000,false],"e":true,"f":7}"#,
        "{log:?}"
    );
}

#[test]
fn as_deep_as_is_allowed_is_not_too_deep() {
    for code in [
        format!("x = {}1{}", "(".repeat(900), ")".repeat(900)),
        format!("x = 1{}", "+1".repeat(1900)),
        format!("if 0:\n  pass\n{}", "elif 0:\n  pass\n".repeat(1900)),
        format!("x = {}1{}", "[".repeat(900), "]".repeat(900)),
    ] {
        let (value, log) = run(&code, "1", LONG);
        assert_eq!(value, "1");
        assert!(log.iter().all(|line| !line.contains("nests")), "{log:?}");
    }
}

#[test]
fn a_script_without_end_ends_with_the_query() {
    run(
        "def f():\n  for i in range(2000000000):\n    for j in range(2000000000): pass\nf()",
        "1",
        Duration::from_millis(300),
    );
}
