//! Behaviour that examples cannot show: the end of a query, permissions, hostile input.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use peregrine_engine::context::{Access, Context, ContextBuilder};
use peregrine_engine::log::{LogSink, MemoryLog};
use peregrine_engine::memory::{Gauge, Limits, Pool};
use peregrine_engine::prelude::*;
use peregrine_engine::{Program, builtin, json};
use peregrine_os::{Counting, held_by_thread};

#[global_allocator]
static ALLOCATOR: Counting<std::alloc::System> = Counting(std::alloc::System);

struct Session {
    scope: Scope,
    log: Arc<MemoryLog>,
}

fn session_with(configure: impl Fn(ContextBuilder) -> ContextBuilder, env: &[(&str, &str)]) -> Session {
    let log = Arc::new(MemoryLog::default());
    let registry = Arc::new(peregrine_functions::register(builtin::registry()));
    let context = configure(Context::builder().registry(registry).log(log.clone())).build();
    let scope = Scope::root(
        &context,
        env.iter().map(|(name, value)| (*name, *value)).collect(),
    );
    Session { scope, log }
}

fn session(env: &[(&str, &str)]) -> Session {
    session_with(|builder| builder, env)
}

impl Session {
    /// The value of an expression as JSON.
    fn value(&self, expression: &str) -> String {
        let mut rows: Vec<Row> = Vec::new();
        let program = Program::compile(&format!("SELECT {expression} AS V FROM scope()")).unwrap();
        let _ = program.run(&self.scope, &mut rows);
        let mut shown = Vec::new();
        json::write_value(&self.scope, &rows[0].get("V").unwrap(), &mut shown);
        String::from_utf8(shown).unwrap()
    }
}

#[test]
fn a_zone_that_is_set_again_counts() {
    let session = session(&[]);
    let mut rows: Vec<Row> = Vec::new();
    let vql = "LET At = timestamp(string='2024-07-01 00:00').Unix
               LET PARSE_TZ <= 'EST' SELECT At FROM scope()
               LET PARSE_TZ <= 'Asia/Tokyo' SELECT At FROM scope()
               LET PARSE_TZ <= 'no/where' SELECT At, At AS Again FROM scope()
               LET PARSE_TZ <= NULL LET TZ <= 'EST' SELECT At FROM scope()
               LET TZ <= 'UTC' SELECT timestamp(string='2024-07-01 00:00', format='2006-01-02 15:04').Unix AS At FROM scope()";
    let _ = Program::compile(vql).unwrap().run(&session.scope, &mut rows);
    let at: Vec<i64> = rows.iter().filter_map(|row| row.get("At")?.as_i64()).collect();
    let utc = 1_719_792_000;
    assert_eq!(at, [utc + 5 * 3600, utc - 9 * 3600, utc, utc + 5 * 3600, utc]);
    let complaints = session.log.lines();
    let complaints = complaints.iter().filter(|line| line.contains("no/where"));
    assert_eq!(complaints.count(), 1, "{:?}", session.log.lines());
}

#[test]
fn a_bad_pattern_of_grok_is_said_once() {
    let session = session(&[]);
    for _ in 0..3 {
        assert_eq!(session.value("grok(grok='(?=%{DATA:a})b', data='b')"), "null");
    }
    let lines = session.log.lines();
    assert_eq!(
        lines.iter().filter(|line| line.contains("grok")).count(),
        1,
        "{lines:?}"
    );
}

#[test]
fn a_full_disk_is_an_error_of_the_collection() {
    let session = session(&[]);
    session.value("copy(filename='evidence', accessor='data', dest='/dev/full')");
    let lines = session.log.lines();
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("ERROR:copy: ") && line.contains("No space left")),
        "{lines:?}"
    );
}

#[test]
fn temporary_files_go_with_the_query() {
    let folder = tempfile::tempdir().unwrap();
    let session = session_with(|builder| builder.spill_dir(folder.path().to_owned()), &[]);
    let file = session.value("tempfile(data='x', permissions='r')");
    let inner = session.value("write_file(data='y', dest=tempdir() + '/a/b', create_directories=TRUE)");
    for path in [&file, &inner] {
        assert!(std::path::Path::new(path.trim_matches('"')).exists(), "{path}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(file.trim_matches('"'))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o400);
    }
    session.scope.close();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn queries_at_exit_run_at_the_end() {
    let session = session(&[]);
    session.value("atexit(query={SELECT log(message='bye ' + Name) FROM scope()}, env=dict(Name='bob'))");
    assert!(!session.log.lines().iter().any(|line| line.contains("bye bob")));
    session.scope.context().cancellation().cancel();
    session.scope.close();
    assert!(
        session.log.lines().iter().any(|line| line.contains("bye bob")),
        "{:?}",
        session.log.lines()
    );
}

#[test]
fn a_background_query_ends_with_the_query() {
    let session = session(&[]);
    assert_eq!(
        session.value("background(query={SELECT sleep(time=1000) FROM range(end=1000)})"),
        "true"
    );
    // Waits for it; this would take forever if it were not cancelled.
    session.scope.close();
}

#[test]
fn packed_and_unpacked_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a");
    std::fs::write(&file, "hello ".repeat(1000)).unwrap();
    let packed = folder.path().join("a.gz");
    let session = session(&[
        ("Source", file.to_str().unwrap()),
        ("To", packed.to_str().unwrap()),
    ]);
    assert_eq!(session.value("compress(path=Source, output=To) = To"), "true");
    assert_eq!(
        session.value("gunzip(string=read_file(filename=To)) = read_file(filename=Source)"),
        "true"
    );
}

struct Denied;

impl Access for Denied {
    fn check(&self, permission: Permission) -> Result<(), String> {
        Err(format!(
            "PermissionDenied: Permission denied: [{}]",
            permission.name()
        ))
    }
}

#[test]
fn nothing_is_touched_without_permission() {
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim");
    std::fs::write(&victim, "x").unwrap();
    let session = session_with(
        |builder| builder.access(Arc::new(Denied)),
        &[("File", victim.to_str().unwrap())],
    );
    for expression in [
        "rm(filename=File)",
        "write_file(data='y', dest=File)",
        "copy(accessor='data', filename='y', dest=File)",
        "compress(path=File, output=File + '.gz')",
        "tempfile()",
        "tempdir()",
        "environ(var='PATH')",
        "expand(path='$PATH')",
        "pskill(pid=1)",
        "sysinfo()",
        "xattr(filename=File)",
        "stat(filename=File)",
        "hash(path=File)",
        "parse_yaml(filename=File)",
    ] {
        let value = session.value(expression);
        assert!(
            matches!(value.as_str(), "null" | "false"),
            "{expression} is {value}"
        );
    }
    assert_eq!(session.value("read_file(filename=File)"), "\"\"");
    assert_eq!(session.value("getpid()"), "0");
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "x");
}

#[test]
fn hostile_texts_are_refused_or_answered() {
    let deep_xml = "<a>".repeat(100_000);
    let deep_json = format!("{{\"a\":{}", "[".repeat(100_000));
    let deep_yaml = format!("a: {}", "[".repeat(100_000));
    let aliases = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
    let env = [
        ("Xml", deep_xml.as_str()),
        ("Json", &deep_json),
        ("Yaml", &deep_yaml),
        ("Aliases", aliases),
    ];
    let session = session(&env);
    assert_eq!(session.value("parse_xml(accessor='data', file=Xml)"), "null");
    assert_eq!(session.value("parse_json(data=Json)"), "null");
    assert_eq!(
        session.value("parse_yaml(accessor='data', filename=Yaml)"),
        "null"
    );
    assert_eq!(
        session.value("parse_yaml(accessor='data', filename=Aliases)"),
        "null"
    );
    assert_eq!(session.value("patch(item=Json, merge=Json)"), "null");
}

/// Every function that takes one string, on a set of awkward ones: no panic, and always an answer.
#[test]
fn awkward_strings_do_no_harm() {
    let awkward: [&[u8]; 12] = [
        b"",
        b"\0",
        b"\xff\xfe",
        b"%",
        b"$",
        b"${",
        b"\\",
        b"\"",
        b"<~",
        b"0x",
        b"[::1",
        b"\xf0\x9f\x92\xa9\xed\xa0\x80",
    ];
    for text in awkward {
        let session = session(&[]);
        session
            .scope
            .set_layer(Dict::from_pairs([("T", Value::str(text))]));
        for expression in [
            "lowcase(string=T)",
            "upcase(string=T)",
            "strip(string=T)",
            "strip(string=T, prefix=T, suffix=T)",
            "substr(str=T, start=1)",
            "regex_replace(source=T, re=T, replace=T)",
            "split(string=T, sep_string=',')",
            "parse_string_with_regex(string=T, regex=T)",
            "commandline_split(command=T)",
            "commandline_split(command=T, bash_style=TRUE)",
            "entropy(string=T)",
            "semver(version=T)",
            "base64decode(string=T)",
            "base85decode(string=T)",
            "unhex(string=T)",
            "utf16(string=T)",
            "utf16_encode(string=T)",
            "rot13(string=T)",
            "xor(string=T, key=T)",
            "crypto_rc4(string=T, key=T)",
            "gunzip(string=T)",
            "serialize(item=T, format='yaml')",
            "serialize(item=[T, ], format='csv')",
            "parse_json(data=T)",
            "parse_json_array(data=T)",
            "parse_xml(accessor='data', file=T)",
            "parse_yaml(accessor='data', filename=T)",
            "basename(path=T)",
            "dirname(path=T, path_type='windows')",
            "path_split(path=T, path_type='registry')",
            "path_join(components=[T, T])",
            "relpath(path=T, base=T)",
            "expand(path=T)",
            "pathspec(parse=T)",
            "pathspec(Path=T, path_type='pathspec')",
            "ip(parse=T)",
            "cidr_contains(ip=T, ranges=T)",
            "url(parse=T)",
            "url(path=T, query=T)",
            "environ(var=T)",
            "rm(filename=T)",
            "patch(item=T, patch=T)",
            "humanize(bytes=-9223372036854775807)",
            "slice(list=T, start=5, end=1)",
        ] {
            session.value(expression);
        }
    }
}

#[test]
fn yaml_reads_back_what_it_writes() {
    let session = session(&[]);
    let value = r##"dict(A=[1, 'x', dict(b=[dict(c=1), (2, 3)], d=dict())], `k: v`='yes', n=NULL, t=TRUE, f=1.5, s='12', d='2024-01-02',
                    m="a\nb\n", e='', h='# no', q="it's \"q\"", neg=-5, colon='a: b', dash='- x', star='*x', u='é', l=[])"##;
    let read = session.value(&format!(
        "parse_yaml(accessor='data', filename=serialize(item={value}, format='yaml'))"
    ));
    assert_eq!(read, session.value(value), "{:?}", session.log.lines());
}

thread_local! {
    /// The most this thread held at any look.
    static MOST_HELD: std::cell::Cell<i64> = const { std::cell::Cell::new(0) };
}

fn watched() -> i64 {
    let held = held_by_thread();
    MOST_HELD.set(MOST_HELD.get().max(held));
    held
}

/// Runs it where a query may hold 32 MiB; gives the reason of its end, the most its thread held, and its messages.
fn end_of(text: &str) -> (String, i64, Vec<String>) {
    let text = text.to_owned();
    let run = move || {
        let before = held_by_thread();
        let gauge = Gauge {
            thread: watched,
            process: || 1 << 35,
        };
        let limits = Limits {
            query: 32 << 20,
            all: None,
            process: None,
            advice: "",
        };
        let cancellation = Cancellation::new();
        let log = Arc::new(MemoryLog::default());
        let account =
            Pool::new(gauge, limits).account(&cancellation, &(Arc::clone(&log) as Arc<dyn LogSink>));
        let registry = Arc::new(peregrine_functions::register(builtin::registry()));
        let context = Context::builder()
            .registry(registry)
            .log(log.clone())
            .cancellation(cancellation)
            .memory(Arc::clone(&account))
            .build();
        let scope = Scope::root(&context, Dict::new());
        let _ = Program::compile(&text)
            .unwrap()
            .run(&scope, &mut FnSink(|_| Ok(())));
        let most = MOST_HELD.get() - before;
        scope.close();
        (account.reason().unwrap_or_default(), most, log.lines())
    };
    std::thread::Builder::new()
        .stack_size(8 << 20)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap()
}

#[test]
fn functions_whose_result_is_too_large_end_the_query() {
    for text in [
        "SELECT parse_json_array(data='[' + '1,' * 4000000 + '1]') AS A FROM scope()",
        "SELECT parse_json_array(data='[' + '{\"a\":1},' * 500000 + '1]') AS A FROM scope()",
        "SELECT parse_json(data='{\"a\":[' + '\"b\",' * 2000000 + '1]}') AS A FROM scope()",
        "SELECT regex_replace(source='x' * 4000000, re='x', replace='twenty letters or so') AS A FROM scope()",
        "SELECT regex_transform(source='x' * 4000000, map=dict(x='twenty letters or so')) AS A FROM scope()",
        "SELECT regex_replace(source='x' * 100000, re='x', replace_lambda='m => M', replace='') AS A \
         FROM foreach(row=dict(M='y' * 10000))",
        "SELECT len(list=cache(name='c', key=_value, lambda='k => \"x\" * 10000000')) AS A FROM range(end=100)",
        "SELECT parse_xml(accessor='data', file='<a>' + '<b/>' * 2000000 + '</a>') AS A FROM scope()",
        "SELECT commandline_split(command='a ' * 4000000) AS A FROM scope()",
        "SELECT path_split(path='a/' * 4000000, path_type='linux') AS A FROM scope()",
        "SELECT read_file(accessor='data', filename='x' * 9000000) + read_file(accessor='data', filename='x' * 9000000) AS A \
         FROM scope()",
        "SELECT get(item=memoize(key='_value', query={ SELECT _value, 'x' * 9000 FROM range(end=900000) }), field='5') AS A FROM scope()",
    ] {
        let (reason, most, log) = end_of(text);
        assert!(
            reason.contains("a query may hold 32 MiB"),
            "{text}: `{reason}` {log:?}"
        );
        assert!(most < 48 << 20, "{text}: {} MiB", most >> 20);
    }
}

#[test]
fn what_a_query_left_to_do_is_done_when_it_held_too_much() {
    let (reason, _, log) = end_of(
        "LET _ <= atexit(query={ SELECT log(message='cleaned up') FROM scope() }) \
         LET X <= SELECT 'x' * 9000000 + str(str=_value) AS S FROM range(end=100)",
    );
    assert!(!reason.is_empty());
    assert!(log.iter().any(|line| line.contains("cleaned up")), "{log:?}");
}
