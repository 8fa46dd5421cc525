//! Artifacts called from VQL, and requests run as an agent runs them.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use peregrine_artifacts::resources::Limits;
use peregrine_artifacts::run::{Outcome, run_request};
use peregrine_artifacts::{Error, Namespace, Options, Origin, Repository, Spec, compile};
use peregrine_engine::log::MemoryLog;
use peregrine_engine::{Context, Dict, Program, Row, Scope, Stop, Value, builtin, json};
use std::sync::Arc;

const DEFINITIONS: &[&str] = &[
    "name: Plain\nsources: [{query: SELECT _value AS N FROM range(end=2)}]\n",
    "name: Two\nsources:\n- name: a\n  query: |\n    LET shared = 5\n    SELECT 1 AS A FROM range(end=1)\n\
     - name: b\n  query: SELECT shared AS B FROM range(end=1)\n",
    "name: Params\nparameters: [{name: p, default: def}, {name: q}]\nsources: [{query: 'SELECT p, q FROM range(end=1)'}]\n",
    "name: Conditional\nparameters: [{name: on, default: ''}]\nprecondition: SELECT 1 FROM range(end=1) WHERE on\n\
     sources: [{query: SELECT 1 AS A FROM range(end=1)}]\n",
    "name: Outer\nsources: [{query: SELECT * FROM Artifact.Plain()}]\n",
    "name: Loop\nsources: [{query: SELECT * FROM Artifact.Loop()}]\n",
    "name: Sees\nsources: [{queries: [LET own = 1, SELECT outside FROM range(end=1)]}]\n",
    "name: Lib\nexport: LET helper(x) = x * 2\n",
    "name: Uses\nimports: [Lib]\nsources: [{query: SELECT helper(x=21) AS R FROM range(end=1)}]\n",
    "name: Events\ntype: CLIENT_EVENT\nsources: [{name: a, query: SELECT 1 AS A FROM range(end=3)}, {name: b, query: SELECT 2 AS B FROM range(end=3)}]\n",
];

struct Bench {
    scope: Scope,
    log: Arc<MemoryLog>,
}

impl Bench {
    fn new() -> Bench {
        let repository = Repository::empty();
        for definition in DEFINITIONS {
            repository.load(definition, Origin::Custom).unwrap();
        }
        Bench::with(Namespace::new(repository))
    }

    fn with(namespace: Namespace) -> Bench {
        let log = Arc::new(MemoryLog::default());
        let context = Context::builder()
            .registry(builtin::shared_registry())
            .log(log.clone())
            .build();
        let scope = Scope::root(&context, Dict::from_pairs([("Artifact", namespace.into_value())]));
        Bench { scope, log }
    }

    /// The rows of a query as JSON lines.
    fn rows(&self, vql: &str) -> String {
        let mut rows = Vec::new();
        Program::compile(vql)
            .unwrap()
            .run(&self.scope, &mut rows)
            .unwrap();
        rows.iter()
            .map(|row| to_json(&self.scope, row))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn messages(&self) -> String {
        self.log.lines().join("\n")
    }
}

fn to_json(scope: &Scope, row: &Row) -> String {
    let mut text = Vec::new();
    json::write_row(scope, row, &mut text);
    String::from_utf8(text).unwrap().trim_end().to_owned()
}

#[track_caller]
fn check(vql: &str, expected: &str) {
    let bench = Bench::new();
    assert_eq!(bench.rows(vql), expected, "{}", bench.messages());
}

#[test]
fn rows_name_their_source() {
    check(
        "SELECT * FROM Artifact.Plain()",
        r#"{"N":0,"_Source":"Plain"} {"N":1,"_Source":"Plain"}"#,
    );
    check(
        "SELECT * FROM Artifact.Two()",
        r#"{"A":1,"_Source":"Two/a"} {"B":5,"_Source":"Two/b"}"#,
    );
    check(
        "SELECT * FROM Artifact.Two(source='a')",
        r#"{"A":1,"_Source":"Two/a"}"#,
    );
    check(
        "SELECT * FROM Artifact.Outer() LIMIT 1",
        r#"{"N":0,"_Source":"Outer"}"#,
    );
}

#[test]
fn parameters_keep_their_types() {
    check(
        "SELECT * FROM Artifact.Params()",
        r#"{"p":"def","q":"","_Source":"Params"}"#,
    );
    check(
        "SELECT * FROM Artifact.Params(p=1, q=(1, 'x'))",
        r#"{"p":1,"q":[1,"x"],"_Source":"Params"}"#,
    );
}

#[test]
fn unknown_parameters_give_nothing() {
    let bench = Bench::new();
    assert_eq!(bench.rows("SELECT * FROM Artifact.Params(r=1)"), "");
    assert!(
        bench.messages().contains("Unknown parameter r"),
        "{}",
        bench.messages()
    );
    assert_eq!(bench.rows("SELECT * FROM Artifact.Plain(source=1)"), "");
    assert_eq!(bench.rows("SELECT * FROM Artifact.Plain(source='none')"), "");
    assert!(
        bench
            .messages()
            .contains("artifact `Plain` has no source `none`; "),
        "{}",
        bench.messages()
    );
}

#[test]
fn unknown_artifacts_are_logged() {
    let bench = Bench::new();
    assert_eq!(bench.rows("SELECT * FROM Artifact.Plane()"), "");
    assert!(
        bench
            .messages()
            .contains("artifact `Plane` not found; did you mean `Plain`?"),
        "{}",
        bench.messages()
    );
}

#[test]
fn preconditions_count_only_when_asked_for() {
    check("SELECT A FROM Artifact.Conditional()", r#"{"A":1}"#);
    check("SELECT A FROM Artifact.Conditional(preconditions=TRUE)", "");
    check(
        "SELECT A FROM Artifact.Conditional(preconditions=TRUE, on='Y')",
        r#"{"A":1}"#,
    );
}

#[test]
fn the_callers_variables_are_visible_and_its_scope_stays_clean() {
    check(
        "LET outside = 7 SELECT outside FROM Artifact.Sees()",
        r#"{"outside":7}"#,
    );
    let bench = Bench::new();
    bench.rows("LET outside = 7 SELECT * FROM Artifact.Sees()");
    assert!(bench.scope.get("own").is_none());
}

#[test]
fn imports_work() {
    check("SELECT R FROM Artifact.Uses()", r#"{"R":42}"#);
}

#[test]
fn recursion_ends_with_a_message() {
    let bench = Bench::new();
    assert_eq!(bench.rows("SELECT * FROM Artifact.Loop()"), "");
    assert!(
        bench.messages().contains("Stack overflow"),
        "{}",
        bench.messages()
    );
}

#[test]
fn event_sources_run_at_once() {
    let bench = Bench::new();
    let rows = bench.rows("SELECT * FROM Artifact.Events()");
    assert_eq!(rows.matches("Events/a").count(), 3, "{rows}");
    assert_eq!(rows.matches("Events/b").count(), 3, "{rows}");
}

#[test]
fn event_sources_stop_together() {
    let bench = Bench::new();
    // One source is about to yield a row while the other's rows reach the limit: this happens often enough in
    // so many runs.
    for _ in 0..500 {
        let rows = bench.rows("SELECT * FROM Artifact.Events() LIMIT 2");
        assert_eq!(rows.matches("_Source").count(), 2, "{rows}");
    }
}

#[test]
fn a_changed_definition_is_seen_by_the_next_call() {
    let repository = Repository::empty();
    repository
        .load(
            "name: A\nsources: [{query: SELECT 1 AS A FROM range(end=1)}]\n",
            Origin::Custom,
        )
        .unwrap();
    let bench = Bench::with(Namespace::new(repository.clone()));
    assert_eq!(bench.rows("SELECT A FROM Artifact.A()"), r#"{"A":1}"#);
    repository
        .load(
            "name: A\nsources: [{query: SELECT 2 AS A FROM range(end=1)}]\n",
            Origin::Custom,
        )
        .unwrap();
    assert_eq!(bench.rows("SELECT A FROM Artifact.A()"), r#"{"A":2}"#);
}

#[test]
fn access_is_checked_for_every_called_artifact() {
    let repository = Repository::empty();
    for definition in DEFINITIONS {
        repository.load(definition, Origin::Custom).unwrap();
    }
    let check = |_: &Scope, artifact: &peregrine_artifacts::Artifact| match artifact.name.as_str() {
        "Plain" => Err(Error::Denied {
            permission: "EXECVE".into(),
            artifact: artifact.name.clone(),
        }),
        _ => Ok(()),
    };
    let bench = Bench::with(Namespace::with(repository, Some(Box::new(check)), None));
    assert_eq!(bench.rows("SELECT * FROM Artifact.Outer()"), "");
    assert!(
        bench.messages().contains("permission `EXECVE`"),
        "{}",
        bench.messages()
    );
}

/// Compiles on one side and runs on the other, with only what the request carries.
fn run_remotely(artifact: &str, parameters: &[(&str, &str)]) -> (Vec<Outcome>, Vec<String>) {
    let repository = Repository::empty();
    for definition in DEFINITIONS {
        repository.load(definition, Origin::Custom).unwrap();
    }
    let parameters = parameters
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    let spec = Spec {
        parameters,
        ..Spec::of(artifact)
    };
    let wanted = repository.resolve_spec(&spec, false).unwrap();
    let compiled = compile(&repository, &[wanted], &Limits::default(), &Options::default()).unwrap();
    let (mut outcomes, mut rows) = (Vec::new(), Vec::new());
    for request in &compiled.requests {
        let bench = Bench::with(Namespace::of_request(request).unwrap());
        let scope = bench.scope.clone();
        let mut sink = |statement: usize, name: &str, row: Row| -> Result<(), Stop> {
            rows.push(format!("{statement} {name} {}", to_json(&scope, &row)));
            Ok(())
        };
        outcomes.push(run_request(&bench.scope, request, &mut sink).unwrap());
    }
    (outcomes, rows)
}

#[test]
fn requests_deliver_rows_by_name() {
    let (outcomes, rows) = run_remotely("Two", &[]);
    assert_eq!(outcomes, [Outcome::Completed]);
    assert_eq!(rows, [r#"1 Two/a {"A":1}"#, r#"2 Two/b {"B":5}"#]);
    let (_, rows) = run_remotely("Outer", &[]);
    assert_eq!(rows[0], r#"0 Outer {"N":0,"_Source":"Plain"}"#);
    let (_, rows) = run_remotely("Params", &[("q", "given")]);
    assert_eq!(rows, [r#"0 Params {"p":"def","q":"given"}"#]);
}

#[test]
fn a_precondition_without_rows_skips() {
    assert_eq!(run_remotely("Conditional", &[]), (vec![Outcome::Skipped], vec![]));
    assert_eq!(
        run_remotely("Conditional", &[("on", "Y")]).0,
        [Outcome::Completed]
    );
}

#[test]
fn a_receiver_can_stop_a_request() {
    let bench = Bench::new();
    let request = peregrine_artifacts::CompiledRequest {
        query: vec![peregrine_proto::VqlRequest {
            vql: "SELECT * FROM range(end=1000)".into(),
            name: "A".into(),
        }],
        ..Default::default()
    };
    let mut count = 0;
    let mut sink = |_: usize, _: &str, _: Row| {
        count += 1;
        if count < 3 { Ok(()) } else { Err(Stop) }
    };
    assert_eq!(
        run_request(&bench.scope, &request, &mut sink),
        Ok(Outcome::Stopped)
    );
    assert_eq!(count, 3);
}

#[test]
fn bad_vql_is_refused_before_anything_runs() {
    let bench = Bench::new();
    let query = |vql: &str| peregrine_proto::VqlRequest {
        vql: vql.into(),
        name: "A".into(),
    };
    let request = peregrine_artifacts::CompiledRequest {
        query: vec![query("SELECT * FROM range(end=1)"), query("SELECT")],
        ..Default::default()
    };
    let mut sink = |_: usize, _: &str, _: Row| -> Result<(), Stop> { panic!("nothing may run") };
    assert!(matches!(
        run_request(&bench.scope, &request, &mut sink),
        Err(Error::Invalid { .. })
    ));
    assert_eq!(
        bench
            .scope
            .get("Artifact")
            .map(|value| matches!(value, Value::Object(_))),
        Some(true)
    );
}

/// A registry with the functions of this crate.
fn with_functions(repository: Repository) -> Bench {
    let registry = Arc::new(builtin::registry().with_functions(peregrine_artifacts::functions::ALL));
    let log = Arc::new(MemoryLog::default());
    let context = Context::builder().registry(registry).log(log.clone()).build();
    let env = Dict::from_pairs([("Artifact", Namespace::new(repository).into_value())]);
    Bench {
        scope: Scope::root(&context, env),
        log,
    }
}

#[test]
fn import_brings_definitions_into_scope() {
    let repository = Repository::empty();
    DEFINITIONS
        .iter()
        .for_each(|definition| drop(repository.load(definition, Origin::Custom).unwrap()));
    let bench = with_functions(repository);
    let rows =
        bench.rows("LET text <= import(artifact='Lib') SELECT text, helper(x=2) AS R FROM range(end=1)");
    assert_eq!(
        rows,
        r#"{"text":"LET helper(x) = x * 2","R":4}"#,
        "{}",
        bench.messages()
    );
    bench.rows("SELECT import(artifact='Nope') FROM range(end=1)");
    assert!(
        bench.messages().contains("artifact `Nope` not found"),
        "{}",
        bench.messages()
    );
}

#[test]
fn verify_answers_with_lists() {
    let bench = with_functions(Repository::empty());
    let rows = bench.rows(
        "LET found <= verify(artifact='''name: A\nsources: [{query: 'SELECT nope() FROM range(end=1)'}]\n''') \
         SELECT found.Artifact AS A, found.Errors AS E, found.Warnings AS W FROM range(end=1)",
    );
    assert_eq!(
        rows,
        r#"{"A":"A","E":["(2,27) unknown_plugin: unknown function `nope`; check its spelling or define it with LET"],"W":null}"#
    );
}

#[test]
fn booleans_are_converted_on_the_executing_side() {
    let definition = "name: B\nparameters: [{name: on, type: bool, default: N}]\nsources: [{query: SELECT on FROM range(end=1)}]\n";
    let repository = Repository::empty();
    repository.load(definition, Origin::Custom).unwrap();
    let bench = Bench::with(Namespace::new(repository));
    for (given, expected) in [
        ("", "false"),
        ("on='Y'", "true"),
        ("on='yes'", "true"),
        ("on='TRUE'", "true"),
        ("on='ok'", "true"),
        ("on='1'", "false"),
        ("on=TRUE", "true"),
        ("on=FALSE", "false"),
        ("on='Yes!'", "false"),
    ] {
        let rows = bench.rows(&format!("SELECT on FROM Artifact.B({given})"));
        assert_eq!(rows, format!("{{\"on\":{expected}}}"), "{given}");
    }
}
