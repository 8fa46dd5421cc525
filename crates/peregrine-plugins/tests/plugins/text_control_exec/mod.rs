//! Plugins for text files, control and programs: their examples, and behaviour that examples cannot show.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use peregrine_engine::context::{Context, ContextBuilder};
use peregrine_engine::log::MemoryLog;
use peregrine_engine::prelude::*;
use peregrine_engine::{Program, builtin, json};

mod bytes;

fn registry() -> Arc<Registry> {
    Arc::new(peregrine_plugins::register(peregrine_functions::register(
        builtin::registry(),
    )))
}

/// The rows of a query as JSON, and its messages.
fn run(vql: &str, env: &[(&str, &str)]) -> (String, Vec<String>) {
    run_with(|context| context, vql, env)
}

fn run_with(
    configure: impl FnOnce(ContextBuilder) -> ContextBuilder,
    vql: &str,
    env: &[(&str, &str)],
) -> (String, Vec<String>) {
    let log = Arc::new(MemoryLog::default());
    let context = configure(Context::builder().registry(registry()).log(log.clone())).build();
    let scope = Scope::root(
        &context,
        env.iter().map(|(name, value)| (*name, *value)).collect(),
    );
    let mut rows: Vec<Row> = Vec::new();
    let _ = Program::compile(vql).unwrap().run(&scope, &mut rows);
    let mut shown = Vec::new();
    json::write_value(
        &scope,
        &rows.into_iter().map(Row::into_value).collect(),
        &mut shown,
    );
    scope.close();
    (String::from_utf8(shown).unwrap(), log.lines())
}

#[test]
fn examples_hold() {
    let accessors = || std::sync::Arc::new(peregrine_accessors::AccessorManager::default());
    let failures =
        peregrine_engine::examples::check_all_with(&registry(), |context| context.extension(accessors()));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn files_whose_names_are_no_text_are_found_and_stay_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for name in [&b"caf\xe9.txt"[..], b"caf\xe8.txt", b"\xff{1}\xfe"] {
        let name = std::os::unix::ffi::OsStrExt::from_bytes(name);
        std::fs::write(folder.path().join::<&std::ffi::OsStr>(name), "x").unwrap();
    }
    let env = [("Folder", folder.path().to_str().unwrap())];
    let count = |globs: &str| {
        run(
            &format!("SELECT Name FROM glob(globs={globs}, root=Folder)"),
            &env,
        )
        .0
        .matches("Name")
        .count()
    };
    for (globs, hits) in [
        ("'*'", 3),
        ("'**'", 3),
        ("'caf?.txt'", 2),
        ("'caf*.TXT'", 2),
        ("'?{1}?'", 1),
        ("'{caf*,x}'", 2),
    ] {
        assert_eq!(count(globs), hits, "{globs}");
    }
    assert_eq!(count("'caf' + unhex(string='e9') + '.txt'"), 1);
    // More rows than memory may hold go through a file, where a path stays a path.
    let (rows, log) = run(
        "LET VQL_MATERIALIZE_ROW_LIMIT <= 1
         LET Itself(Path) = SELECT Name FROM glob(globs=Path)
         LET Found <= SELECT OSPath, Name FROM glob(globs=Folder + '/*') ORDER BY Name DESC
         SELECT read_file(filename=OSPath) AS Content, hash(path=OSPath).MD5 = hash(accessor='data', path='x').MD5 AS Hash,
                stat(filename=OSPath).Size AS Size, basename(path=OSPath) = Name AS Base,
                path_join(components=(dirname(path=OSPath), Name), path_type='linux') =~ 'caf.[.]txt$|[{]1[}].$' AS Join,
                path_split(path=OSPath)[-1] = Name AS Split, relpath(path=OSPath, base=Folder) = Name AS Relative,
                OSPath IN (OSPath, 'x') AS `In`, len(list=Itself(Path=OSPath).Name) AS Again
         FROM Found GROUP BY OSPath",
        &env,
    );
    let row = r#"{"Content":"x","Hash":true,"Size":1,"Base":true,"Join":true,"Split":true,"Relative":true,"In":true,"Again":1}"#;
    assert_eq!(rows, format!("[{row},{row},{row}]"), "{log:?}");
}

#[test]
fn a_byte_that_is_no_text_hides_no_record() {
    let shown = |vql: &str| run(vql, &[]).0;
    let line = r"'a=\xff\xfebob b=1\na=al b=2\n'";
    assert_eq!(
        shown(&format!(
            "SELECT B FROM parse_records_with_regex(accessor='data', file={line}, regex='a=(?P<A>.+?) b=(?P<B>[0-9])')"
        )),
        r#"[{"B":"1"},{"B":"2"}]"#
    );
    assert_eq!(
        shown(&format!(
            "SELECT Column1 FROM split_records(accessor='data', filenames={line}, regex='[^a-z0-9=]b=')"
        )),
        r#"[{"Column1":"1"},{"Column1":"2"}]"#
    );
    assert_eq!(
        shown(&format!(
            "SELECT Line =~ 'a=.+ b=' AS Found FROM parse_lines(accessor='data', filename={line})"
        )),
        r#"[{"Found":true},{"Found":true}]"#
    );
    // Records larger than a buffer, and many of them, each with an invalid byte.
    let (rows, log) = run(
        "LET Lines = SELECT format(format='n=%d %s', args=(_value, unhex(string='ff'))) AS T FROM range(end=20000)
         LET Text <= join(array=Lines.T, sep='\\n')
         SELECT count() AS N, max(item=int(int=N)) AS Last
         FROM parse_records_with_regex(accessor='data', file=Text, regex='n=(?P<N>[0-9]+) .', buffer_size=1024) GROUP BY 1
         SELECT count() AS N FROM split_records(accessor='data', filenames=Text, record_regex='.[\\n]', buffer_size=1024) GROUP BY 1",
        &[],
    );
    assert_eq!(rows, r#"[{"N":20000,"Last":19999},{"N":20000}]"#, "{log:?}");
}

#[test]
fn csv_keeps_types() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.csv");
    let query = "LET Rows = SELECT _value AS Number, 'a \"b\", c' AS Quoted, '12' AS Digits, ' x' AS Blank, 'true' AS Word,
                    1.5 AS Part, (1, 'two') AS List, dict(a='b') AS Dict, NULL AS Nothing, \"l1\\nl2\" AS Lines
                 FROM range(end=2)
                 SELECT * FROM write_csv(filename=File, query=Rows) WHERE FALSE
                 SELECT * FROM parse_csv(filename=File)";
    let (rows, log) = run(query, &[("File", file.to_str().unwrap())]);
    let row = |n: u32| {
        format!(
            r#"{{"Number":{n},"Quoted":"a \"b\", c","Digits":"12","Blank":" x","Word":"true","Part":1.5,"List":[1,"two"],"Dict":{{"a":"b"}},"Nothing":"","Lines":"l1\nl2"}}"#
        )
    };
    assert_eq!(rows, format!("[{},{}]", row(0), row(1)), "{log:?}");
}

#[test]
fn jsonl_is_appended_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.jsonl");
    let query = "SELECT * FROM write_jsonl(filename=File, query={SELECT * FROM range(end=2)}) WHERE FALSE
                 SELECT * FROM write_jsonl(filename=File, query={SELECT 'x' AS X FROM range(end=1)}, append=TRUE) WHERE FALSE
                 SELECT * FROM parse_jsonl(filename=File)";
    let (rows, log) = run(query, &[("File", file.to_str().unwrap())]);
    assert_eq!(rows, r#"[{"_value":0},{"_value":1},{"X":"x"}]"#, "{log:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}

#[test]
fn long_lines_end_their_file_with_a_message() {
    let text = format!("a\n{}\nb", "x".repeat(5000));
    let query = "SELECT * FROM parse_lines(accessor='data', filename=Text, buffer_size=2000)";
    let (rows, log) = run(query, &[("Text", &text)]);
    assert_eq!(rows, r#"[{"Line":"a"}]"#);
    assert!(
        log.iter().any(|line| line.contains("more than 2000 bytes")),
        "{log:?}"
    );
}

#[test]
fn records_may_span_buffers() {
    let text: String = (0..3000).map(|i| format!("id={i};")).collect();
    let query = r"SELECT count() AS N, max(item=int(int=Id)) AS Last
                  FROM parse_records_with_regex(accessor='data', file=Text, regex='id=(?P<Id>\\d+);', buffer_size=1024)
                  GROUP BY 1";
    let (rows, log) = run(query, &[("Text", &text)]);
    assert_eq!(rows, r#"[{"N":3000,"Last":2999}]"#, "{log:?}");
    let query = "SELECT count() AS N FROM split_records(accessor='data', filenames=Text, record_regex=';', regex='=', buffer_size=1024) GROUP BY 1";
    let (rows, log) = run(query, &[("Text", &text)]);
    assert_eq!(rows, r#"[{"N":3000}]"#, "{log:?}");
}

#[test]
fn a_program_ends_when_nobody_wants_its_output() {
    // It would run for days.
    let query = "SELECT Stdout FROM execve(argv=['sh', '-c', 'echo one; sleep 1000000'], sep='\n') LIMIT 1";
    let (rows, log) = run(query, &[]);
    assert_eq!(rows, r#"[{"Stdout":"one"}]"#, "{log:?}");
}

#[test]
fn long_output_comes_in_parts() {
    let query = "SELECT len(list=Stdout) AS Size, Complete FROM execve(argv=['sh', '-c', 'head -c 2500 /dev/zero'], length=1000)";
    let (rows, log) = run(query, &[]);
    let whole =
        r#"[{"Size":1000,"Complete":false},{"Size":1000,"Complete":false},{"Size":500,"Complete":true}]"#;
    assert_eq!(rows, whole, "{log:?}");
}

#[test]
fn diff_tells_what_is_new_and_gone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list");
    std::fs::write(&file, "a\nb\n").unwrap();
    let other = file.clone();
    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        let next = other.with_extension("new");
        std::fs::write(&next, "b\nc\n").unwrap();
        std::fs::rename(&next, &other).unwrap();
    });
    let query = "SELECT * FROM diff(query={SELECT Line FROM parse_lines(filename=File)}, key='Line', period=1) LIMIT 2";
    let (rows, log) = run(query, &[("File", file.to_str().unwrap())]);
    writer.join().unwrap();
    assert_eq!(
        rows, r#"[{"Line":"c","Diff":"added"},{"Line":"a","Diff":"removed"}]"#,
        "{log:?}"
    );
}

#[test]
fn fifo_returns_what_a_query_had_lately() {
    let query = "LET Source = SELECT * FROM range(end=20)
                 SELECT * FROM fifo(query=Source, max_rows=2) WHERE FALSE
                 SELECT sleep(ms=300) FROM range(end=1) WHERE FALSE AND sleep(ms=1)
                 SELECT _value FROM foreach(row={SELECT sleep(ms=300) AS S FROM range(end=1)}, query={SELECT * FROM fifo(query=Source, max_rows=2)}) WHERE _value";
    let (rows, log) = run(query, &[]);
    assert_eq!(rows, r#"[{"_value":18},{"_value":19}]"#, "{log:?}");
}
