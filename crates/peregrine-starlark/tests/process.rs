//! The interpreter's process: anything may happen in it, but the query continues, and nothing is left behind.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use peregrine_engine::context::Context;
use peregrine_engine::log::MemoryLog;
use peregrine_engine::prelude::*;
use peregrine_engine::{Program, builtin, json};
use peregrine_starlark::WorkerProgram;

/// These tests look at the children and the memory of this process, so they run one after the other.
static ALONE: Mutex<()> = Mutex::new(());

struct Session {
    scope: Scope,
    log: Arc<MemoryLog>,
    _alone: MutexGuard<'static, ()>,
}

impl Session {
    fn new() -> Session {
        let program = WorkerProgram::new(env!("CARGO_BIN_EXE_starlark-worker"));
        Session::with(Some(program), Cancellation::new)
    }

    /// What may end it is made when its turn has come: time spent waiting for the others does not count.
    fn with(program: Option<WorkerProgram>, cancellation: impl FnOnce() -> Cancellation) -> Session {
        let alone = ALONE.lock();
        let log = Arc::new(MemoryLog::default());
        let mut context = Context::builder()
            .registry(Arc::new(
                builtin::registry().with_functions(peregrine_starlark::FUNCTIONS),
            ))
            .log(log.clone())
            .cancellation(cancellation());
        if let Some(program) = program {
            context = context.extension(Arc::new(program));
        }
        Session {
            scope: Scope::root(&context.build(), Dict::new()),
            log,
            _alone: alone,
        }
    }

    fn set(&self, name: &str, value: impl Into<Value>) -> &Session {
        self.scope.set_layer(Dict::from_pairs([(name, value.into())]));
        self
    }

    /// The rows as JSON.
    fn run(&self, query: &str) -> String {
        let mut rows: Vec<Row> = Vec::new();
        let _ = Program::compile(query).unwrap().run(&self.scope, &mut rows);
        let mut shown = Vec::new();
        for row in &rows {
            json::write_row(&self.scope, row, &mut shown);
        }
        String::from_utf8(shown).unwrap()
    }

    fn has_logged(&self, text: &str) -> bool {
        self.log.lines().iter().any(|line| line.contains(text))
    }
}

/// Processes this one has started and not reaped.
fn children() -> Vec<u32> {
    let own = std::process::id().to_string();
    let parent = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, fields) = stat.rsplit_once(')')?;
        fields.split_whitespace().nth(1).map(str::to_owned)
    };
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| parent(pid).as_ref() == Some(&own))
        .collect()
}

fn status_kib(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The peak memory of this process.
fn peak_kib() -> u64 {
    status_kib(std::process::id(), "VmHWM")
}

fn shell(script: &str) -> WorkerProgram {
    WorkerProgram::new("/bin/sh").arg("-c").arg(script)
}

#[test]
fn what_takes_all_memory_ends_only_the_interpreter() {
    for code in [
        "x = len([0] * 300000000)",
        "x = len('{}'.format('a' * 2000000000))",
        "x = len(sorted(range(100000000)))",
        "x = len('a' * 2000000000)",
        "x = 1 << 400000000\ny = len(str(x))",
    ] {
        let session = Session::new();
        let before = peak_kib();
        let shown = session
            .set("C", code)
            .run("SELECT starl(code=C).x AS V FROM scope()");
        let grown = peak_kib().saturating_sub(before);
        eprintln!("{code}: {grown} KiB more");
        assert_eq!(shown, r#"{"V":null}"#, "{code}");
        assert!(grown < 20 << 10, "{code}: {grown} KiB");
        let log = session.log.lines();
        let is_said = log
            .iter()
            .any(|line| line.contains("memory") || line.contains("limit") || line.contains("verflow"));
        assert!(is_said, "{code}: {log:?}");
        assert_eq!(children(), [0; 0], "{code}");
    }
}

#[test]
fn the_query_goes_on_after_a_function_that_takes_all_memory() {
    let session = Session::new();
    session.set(
        "C",
        "def bomb(): return sorted(range(100000000))\ndef f(): return 1\ny = 2",
    );
    let shown = session.run(
        "LET M <= starl(code=C, key='k') SELECT M.f() AS A, M.bomb() AS B, M.f() AS C, M.y AS D, starl(code=C, key='k').y AS E \
         FROM scope()",
    );
    assert_eq!(shown, r#"{"A":1,"B":null,"C":null,"D":null,"E":2}"#);
    assert!(session.has_logged("too much memory or nested too deeply"));
    assert!(session.has_logged("this module cannot be used any more"));
}

#[test]
fn values_nested_without_end_end_only_the_interpreter() {
    for code in [
        "def f():\n  a = []\n  for i in range(1000000): a = [a]\n  return a\nx = len(str(f()))",
        "def f():\n  a = []\n  for i in range(300000): a = [a]\n  return a\nx = f() == f()",
        "def f():\n  a = ()\n  for i in range(300000): a = (a,)\n  return a\nx = f()",
        "def f():\n  a = ()\n  for i in range(300000): a = (a,)\n  return a\nx = {f(): 1}",
        "def f():\n  a = struct()\n  for i in range(300000): a = struct(a = a)\n  return a\nx = json.encode(f())",
        "x = json.decode('[' * 1000000)",
    ] {
        let session = Session::new();
        let shown = session
            .set("C", code)
            .run("SELECT starl(code=C).y AS V, 1 AS W FROM scope()");
        assert_eq!(shown, r#"{"V":null,"W":1}"#);
        eprintln!("{code:?}: {:?}", session.log.lines().get(1));
    }
}

#[test]
fn large_values_that_are_allowed_pass() {
    let session = Session::new();
    session
        .set(
            "C",
            "def f(n): return list(range(n))\ndef g(n): return 'a' * n\ndef h(v): return len(v)",
        )
        .set("L", "b".repeat(20 << 20));
    let shown = session.run(
        "LET M <= starl(code=C) SELECT len(list=M.f(n=500000)) AS A, len(list=M.g(n=25000000)) AS B, M.h(v=L) AS C FROM scope()",
    );
    assert_eq!(
        shown,
        r#"{"A":500000,"B":25000000,"C":20971520}"#,
        "{:?}",
        session.log.lines()
    );
}

#[test]
fn bytes_come_back_as_they_were() {
    let session = Session::new();
    session
        .set(
            "C",
            "def back(v): return v\ndef kind(v): return [type(v), len(v)]",
        )
        .set("T", Str::new(b"a\xff\0"))
        .set("B", Value::bytes(b"a\xff\0"));
    let shown = session.run(
        "LET M <= starl(code=C) SELECT M.back(v=T) = T AS A, M.kind(v=T) AS B, M.kind(v=B) AS C, M.kind(v='é') AS D FROM scope()",
    );
    assert_eq!(
        shown,
        r#"{"A":true,"B":["bytes",3],"C":["bytes",3],"D":["string",1]}"#,
        "{:?}",
        session.log.lines()
    );
}

#[test]
fn a_cancelled_query_ends_and_leaves_nothing() {
    for code in [
        "x = [i for i in range(1000000000)]",
        "def f():\n  for i in range(2000000000):\n    for j in range(2000000000): pass\nx = f()",
        // One long operation of the interpreter, which looks at nothing.
        "def f():\n  a = struct(m = 1)\n  for i in range(40): a = struct(m = a, n = a)\n  return len(json.encode(a))\nx = f()",
    ] {
        let cancellation = Cancellation::new();
        let program = WorkerProgram::new(env!("CARGO_BIN_EXE_starlark-worker"));
        let session = Session::with(Some(program), || cancellation.clone());
        session.set("C", code);
        let at = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(400));
            cancellation.cancel();
        });
        session.run("SELECT starl(code=C).x AS V FROM scope()");
        eprintln!("{:?}", session.log.lines().get(1));
        at.join().unwrap();
        assert_eq!(children(), [0; 0]);
    }
}

#[test]
fn what_is_stopped_within_a_query_does_not_end_the_module() {
    let session = Session::new();
    session.set(
        "C",
        "def slow():\n  for i in range(2000000000):\n    for j in range(2000000000): pass\ndef f(): return 7",
    );
    session.run("LET M <= starl(code=C)");
    let child = session
        .scope
        .child_cancelled_by(Cancellation::with_deadline(Duration::from_millis(300)));
    let mut rows: Vec<Row> = Vec::new();
    let query = Program::compile("SELECT M.slow() AS V FROM scope()").unwrap();
    let _ = query.run(&child, &mut rows);
    assert_eq!(
        session.run("SELECT M.f() AS V FROM scope()"),
        r#"{"V":7}"#,
        "{:?}",
        session.log.lines()
    );
}

#[test]
fn threads_share_a_module() {
    let session = Session::new();
    session.set("C", "def f(n): return n * n");
    let shown = session.run(
        "LET M <= starl(code=C) SELECT sum(item=V) AS S, count() AS N FROM foreach( \
         row={ SELECT _value AS I FROM range(start=0, end=500, step=1) }, query={ SELECT M.f(n=I) AS V FROM scope() }, workers=8) \
         GROUP BY 1",
    );
    assert_eq!(shown, r#"{"S":41541750,"N":500}"#, "{:?}", session.log.lines());
}

#[test]
fn the_process_lives_as_long_as_the_query_and_is_limited() {
    let session = Session::new();
    session
        .set("C", "def f(): return 1")
        .run("LET M <= starl(code=C)");
    let [child] = children()[..] else {
        panic!("{:?}", children());
    };
    let limits = fs::read_to_string(format!("/proc/{child}/limits")).unwrap();
    let limit = |name: &str| {
        limits
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap()
            .to_owned()
    };
    assert!(!limit("Max address space").contains("unlimited"), "{limits}");
    assert!(limit("Max core file size").contains(" 0 "), "{limits}");
    assert_eq!(fs::read(format!("/proc/{child}/environ")).unwrap(), b"");
    assert_eq!(
        fs::read_link(format!("/proc/{child}/cwd")).unwrap().to_str(),
        Some("/")
    );
    assert_eq!(
        fs::read_to_string(format!("/proc/{child}/oom_score_adj")).unwrap(),
        "1000\n"
    );
    assert_eq!(
        fs::read_to_string(format!("/proc/{child}/comm")).unwrap(),
        "peregrine-starl\n"
    );
    eprintln!(
        "resident: {} KiB, mapped {} KiB",
        status_kib(child, "VmRSS"),
        status_kib(child, "VmSize")
    );
    session.run("SELECT M.f() AS V FROM range(start=0, end=1000, step=1)");
    session.run("SELECT starl(code=C).y AS V FROM range(start=0, end=20, step=1)");
    session.scope.close();
    assert_eq!(children(), [0; 0]);
    assert_eq!(session.run("SELECT M.f() AS V FROM scope()"), r#"{"V":null}"#);
    assert!(session.has_logged("the query that made it has ended"));
}

#[test]
fn modules_that_nobody_has_any_more_take_no_process() {
    let session = Session::new();
    session.run("SELECT starl(code='x = 1').x AS V FROM range(start=0, end=80, step=1)");
    assert_eq!(children(), [0; 0]);
    let shown = session.run("LET A <= SELECT starl(code='x = 1') AS M FROM range(start=0, end=80, step=1) SELECT count() AS N FROM A WHERE M GROUP BY 1");
    eprintln!("{shown}");
    assert!(session.has_logged("64 modules already"));
    assert_eq!(children().len(), 64);
    session.scope.close();
    assert_eq!(children(), [0; 0]);
}

#[test]
fn the_interpreter_ends_with_who_asked_it() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_starlark-worker"));
    let _alone = ALONE.lock();
    let mut worker = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // A request whose script has no end: LOAD of [code, {}].
    let code = b"def f():\n  for i in range(2000000000):\n    for j in range(2000000000): pass\nf()";
    let mut request = vec![1, 8, 2, 0, 0, 0, 6];
    request.extend(u32::try_from(code.len()).unwrap().to_le_bytes());
    request.extend(code);
    request.extend([9, 0, 0, 0, 0]);
    let mut frame = u32::try_from(request.len()).unwrap().to_le_bytes().to_vec();
    frame.extend(request);
    let mut input = worker.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, &frame).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(worker.try_wait().unwrap().is_none());
    drop(input);
    worker.wait().unwrap();
}

#[test]
fn a_program_that_goes_wrong_is_not_believed() {
    for (program, message) in [
        (None, "names no program"),
        (
            Some(WorkerProgram::new("/no/such/program")),
            "cannot start the interpreter",
        ),
        (Some(shell("exit 3")), "exit code 3"),
        (Some(shell("kill -SEGV $$")), "too much memory"),
        (
            Some(shell("printf '\\377\\377\\377\\377'; sleep 1000000")),
            "makes no sense",
        ),
        (
            Some(shell("printf '\\0\\0\\0\\0'; sleep 1000000")),
            "makes no sense",
        ),
        (
            Some(shell("printf '\\2\\0\\0\\0\\21\\115'; sleep 1000000")),
            "makes no sense",
        ),
        (
            Some(shell("printf '\\2\\0\\0\\0\\21\\0'; sleep 1000000")),
            "makes no sense",
        ),
        (
            Some(shell(
                "printf '\\6\\0\\0\\0\\21\\10\\377\\377\\377\\377'; sleep 1000000",
            )),
            "makes no sense",
        ),
    ] {
        let session = Session::with(program, Cancellation::new);
        assert_eq!(
            session.run("SELECT starl(code='x = 1').x AS V FROM scope()"),
            r#"{"V":null}"#
        );
        assert!(
            session.has_logged(message),
            "{message}: {:?}",
            session.log.lines()
        );
        assert_eq!(children(), [0; 0], "{message}");
    }
}

#[test]
fn a_program_that_does_not_answer_is_killed() {
    let large = "x = 1\n".repeat(100_000);
    for (script, code) in [
        ("exec sleep 1000000", "x = 1"),
        ("exec sleep 1000000", &*large),
        ("exec cat /dev/zero", "x = 1"),
        (
            "while true; do printf '\\6\\0\\0\\0\\20\\6\\0\\0\\0\\0'; done",
            "x = 1",
        ),
    ] {
        let soon = || Cancellation::with_deadline(Duration::from_millis(300));
        let session = Session::with(Some(shell(script)), soon);
        let before = peak_kib();
        session
            .set("C", code)
            .run("SELECT starl(code=C).x AS V FROM scope()");
        assert!(peak_kib().saturating_sub(before) < 20 << 10, "{script}");
        assert_eq!(children(), [0; 0], "{script}");
    }
}
