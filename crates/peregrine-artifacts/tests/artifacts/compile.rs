//! From definitions to requests: modes, order of statements, variables, limits, dependencies.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use peregrine_artifacts::compile::{ToolInfo, Tools, masked};
use peregrine_artifacts::resources::{Batching, Defaults, Limits};
use peregrine_artifacts::{
    Compiled, Error, MARKER, Metadata, Options, Origin, Repository, Spec, Target, Tool, compile,
};

fn repository(definitions: &[&str]) -> Repository {
    let repository = Repository::empty();
    for definition in definitions {
        repository.load(definition, Origin::Custom).unwrap();
    }
    repository
}

/// Finds and compiles.
fn make(
    repository: &Repository,
    specs: &[Spec],
    limits: &Limits,
    options: &Options<'_>,
) -> Result<Compiled, Error> {
    let wanted = specs
        .iter()
        .map(|spec| repository.resolve_spec(spec, false))
        .collect::<Result<Vec<_>, _>>()?;
    compile(repository, &wanted, limits, options)
}

fn with(repository: &Repository, names: &[&str], options: &Options<'_>) -> Result<Compiled, Error> {
    let specs: Vec<Spec> = names.iter().map(|name| Spec::of(name)).collect();
    make(repository, &specs, &Limits::default(), options)
}

fn plain(repository: &Repository, names: &[&str]) -> Compiled {
    with(repository, names, &Options::default()).unwrap()
}

/// Each statement as `name> text`.
fn statements(compiled: &Compiled, request: usize) -> Vec<String> {
    compiled.requests[request]
        .query
        .iter()
        .map(|query| format!("{}> {}", query.name, query.vql))
        .collect()
}

const TWO_SOURCES: &str = "name: Two\nsources:\n- name: a\n  query: |\n    LET x = 1 // one\n    SELECT x FROM scope()\n\
                           - name: b\n  query: SELECT 2 FROM scope()\n";

#[test]
fn without_preconditions_sources_share_a_request() {
    let compiled = plain(&repository(&[TWO_SOURCES]), &["Two"]);
    assert_eq!(compiled.requests.len(), 1);
    assert_eq!(
        statements(&compiled, 0),
        [
            "> LET x = 1",
            "Two/a> SELECT x FROM scope()",
            "Two/b> SELECT 2 FROM scope()"
        ]
    );
}

#[test]
fn a_source_precondition_splits_the_request() {
    let repository = repository(&[
        "name: A\nparameters: [{name: p, type: bool}]\nexport: LET e = 1\nsources:\n\
         - name: a\n  precondition: SELECT * FROM info() WHERE p\n  query: SELECT 1 FROM scope()\n\
         - name: b\n  query: SELECT 2 FROM scope()\n",
    ]);
    let compiled = plain(&repository, &["A"]);
    let bool = "> LET p <= p = TRUE OR p =~ '^(Y|TRUE|YES|OK)$'";
    assert_eq!(
        statements(&compiled, 0),
        [bool, "> LET e = 1", "A/a> SELECT 1 FROM scope()"]
    );
    assert_eq!(
        statements(&compiled, 1),
        [bool, "> LET e = 1", "A/b> SELECT 2 FROM scope()"]
    );
    assert_eq!(
        compiled.requests[0].precondition,
        format!("{}\nSELECT * FROM info() WHERE p", &bool[2..])
    );
    assert_eq!(compiled.requests[1].precondition, "");
    let numbers: Vec<_> = compiled
        .requests
        .iter()
        .map(|request| (request.query_id, request.total_queries))
        .collect();
    assert_eq!(numbers, [(1, 2), (2, 2)]);
}

#[test]
fn event_sources_run_apart_and_prefer_their_own_precondition() {
    let repository = repository(&[
        "name: E\ntype: CLIENT_EVENT\nprecondition: SELECT 0 FROM scope()\nsources:\n- name: a\n  query: SELECT 1 FROM scope()\n\
         - name: b\n  query: SELECT 2 FROM scope()\n",
    ]);
    let compiled = plain(&repository, &["E"]);
    assert_eq!(compiled.requests.len(), 2);
    assert!(
        compiled
            .requests
            .iter()
            .all(|request| request.precondition == "SELECT 0 FROM scope()")
    );
}

#[test]
fn exports_and_imports_come_before_sources() {
    let repository = repository(&[
        "name: Lib\nparameters: [{name: q, type: int}]\nexport: |\n  LET one = 1\n  LET two = 2\n",
        "name: A\nimports: [Lib]\nexport: LET own = 0\nparameters: [{name: n, type: int, default: 7}]\n\
         sources: [{query: SELECT one FROM scope()}]\n",
    ]);
    assert_eq!(
        statements(&plain(&repository, &["A"]), 0),
        [
            "> LET n <= int(int=n)",
            "> LET own = 0",
            "> LET one = 1",
            "> LET two = 2",
            "A> SELECT one FROM scope()"
        ]
    );
}

#[test]
fn one_source_can_be_named() {
    let repository = repository(&[TWO_SOURCES]);
    assert_eq!(
        statements(&plain(&repository, &["Two/b"]), 0),
        ["Two/b> SELECT 2 FROM scope()"]
    );
    let error = with(&repository, &["Two/c"], &Options::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "artifact `Two` has no source `c`; it has `a`, `b`"
    );
}

#[test]
fn unknown_artifacts_suggest() {
    let repository = repository(&["name: Linux.Sys.Pslist\n"]);
    let error = with(&repository, &["Linux.Sys.PsList2"], &Options::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "artifact `Linux.Sys.PsList2` not found; did you mean `Linux.Sys.Pslist`?"
    );
}

#[test]
fn custom_artifacts_override_when_allowed() {
    let repository = repository(&[
        "name: A\nsources: [{query: SELECT 1 FROM scope()}]\n",
        "name: Custom.A\nsources: [{query: SELECT 2 FROM scope()}]\n",
    ]);
    let wanted = repository.resolve_spec(&Spec::of("A"), true).unwrap();
    let compiled = compile(&repository, &[wanted], &Limits::default(), &Options::default()).unwrap();
    assert_eq!(statements(&compiled, 0), ["Custom.A> SELECT 2 FROM scope()"]);
}

#[test]
fn every_parameter_type_has_its_conversion() {
    let kinds = [
        ("string", ""),
        ("regex", ""),
        ("yara", ""),
        ("choices", ""),
        ("hidden", ""),
        ("strange", ""),
        ("redacted", ""),
        ("server_metadata", ""),
        ("int", "LET P <= int(int=P)"),
        ("int64", "LET P <= int(int=P)"),
        ("integer", "LET P <= int(int=P)"),
        ("float", "LET P <= parse_float(string=P)"),
        ("bool", "LET P <= P = TRUE OR P =~ '^(Y|TRUE|YES|OK)$'"),
        ("timestamp", "LET P <= timestamp(epoch=P)"),
        (
            "csv",
            "then={ SELECT * FROM parse_csv(filename=P, accessor='data') }",
        ),
        ("artifactset", "parse_csv("),
        ("json", "parse_json(data=P)"),
        ("json_array", "parse_json_array(data=P)"),
        ("regex_array", "parse_json_array(data=P)"),
        ("multichoice", "parse_json_array(data=P)"),
        ("xml", "parse_xml(file=P, accessor='data')"),
        ("yaml", "parse_yaml(filename=P, accessor='data')"),
        ("starlark", "starl(code=P)"),
        ("upload", "LET P <= P_.Content[0]"),
        ("upload_file", "tempfile_extension='.tmp'"),
    ];
    for (kind, expected) in kinds {
        let yaml = format!(
            "name: A\nparameters: [{{name: P, type: {kind}}}]\nsources: [{{query: SELECT P FROM scope()}}]\n"
        );
        let compiled = plain(&repository(&[&yaml]), &["A"]);
        let all = statements(&compiled, 0);
        let conversions = all[..all.len() - 1].join("\n");
        assert!(conversions.contains(expected), "{kind}: {conversions}");
        assert_eq!(
            conversions.is_empty(),
            expected.is_empty(),
            "{kind}: {conversions}"
        );
        for statement in &compiled.requests[0].query {
            peregrine_vql::parse(&statement.vql)
                .unwrap_or_else(|error| panic!("{}: {error:?}", statement.vql));
        }
    }
}

#[test]
fn odd_names_are_quoted() {
    let repository = repository(&[
        "name: A\nparameters: [{name: my file, type: int}, {name: 1st, type: int}]\nsources: [{query: SELECT 1 FROM scope()}]\n",
    ]);
    let all = statements(&plain(&repository, &["A"]), 0);
    assert_eq!(
        all[..2],
        [
            "> LET `my file` <= int(int=`my file`)",
            "> LET `1st` <= int(int=`1st`)"
        ]
    );
}

#[test]
fn variables_are_defaults_overlaid_with_what_the_user_gives() {
    let repository = repository(&[
        "name: A\nparameters: [{name: a, default: 1}, {name: b}, {name: s, type: redacted, default: x}, {name: Key, type: server_metadata, default: d}]\n\
         sources: [{query: SELECT 1 FROM scope()}]\n",
    ]);
    let parameters = [("s", "secret"), ("extra", "3"), ("a", "2")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let spec = Spec {
        parameters: parameters.into(),
        ..Spec::of("A")
    };
    let metadata = |name: &str| (name == "Key").then(|| "kept".to_owned());
    let options = Options {
        server_metadata: Some(&metadata),
        ..Options::default()
    };
    let compiled = make(&repository, &[spec], &Limits::default(), &options).unwrap();
    let show = |request: &peregrine_artifacts::CompiledRequest| {
        request
            .env
            .iter()
            .map(|env| format!("{}={}{}", env.key, env.value, env.comment))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        show(&compiled.requests[0]),
        "a=2 b= s=secretredacted Key=kept extra=3"
    );
    assert_eq!(
        show(&masked(&compiled.requests[0])),
        "a=2 b= s=XXXXXredacted Key=kept extra=3"
    );
}

#[test]
fn names_are_obfuscated_for_agents() {
    let reverse = |name: &str| Ok(format!("${}", name.chars().rev().collect::<String>()));
    let options = Options {
        obfuscate: Some(&reverse),
        ..Options::default()
    };
    let compiled = with(&repository(&[TWO_SOURCES]), &["Two"], &options).unwrap();
    let names: Vec<_> = compiled.requests[0]
        .query
        .iter()
        .map(|query| query.name.as_str())
        .collect();
    assert_eq!(names, ["", "$a/owT", "$b/owT"]);
}

#[test]
fn dependencies_are_reduced_sorted_and_cut_at_cycles() {
    let repository = repository(&[
        "name: Z\ndescription: long\ntype: SERVER\nparameters: [{name: p, type: int, default: 5, description: d}]\n\
         precondition: SELECT * FROM Artifact.Y()\nsources: [{name: s, query: SELECT * FROM Artifact.A()}]\n",
        "name: Y\nimports: [Lib]\nexport: LET own = 1 // comment\nsources: [{queries: [LET a = 1, SELECT * FROM Artifact.Z(p=1)]}]\n",
        "name: Lib\nexport: LET lib = 1\n",
        "name: A\nsources: [{query: 'SELECT * FROM Artifact.Z() WHERE Artifact.Y.x'}]\n",
    ]);
    let compiled = plain(&repository, &["A"]);
    let sent = &compiled.requests[0].artifacts;
    assert_eq!(
        sent.iter()
            .map(|artifact| artifact.name.as_str())
            .collect::<Vec<_>>(),
        ["A", "Lib", "Y", "Z"]
    );
    let y = &sent[2];
    assert_eq!(
        (y.export.as_str(), y.raw.as_str(), y.imports.join(",")),
        ("LET own = 1", "", "Lib".to_owned())
    );
    assert_eq!(
        y.sources[0].queries,
        ["LET a = 1", "SELECT * FROM Artifact.Z(p=1)"]
    );
    let z = &sent[3];
    assert_eq!(
        (
            z.description.as_str(),
            z.parameters[0].description.as_str(),
            z.parameters[0].default.as_str()
        ),
        ("", "", "5")
    );

    let agent = Repository::empty();
    for definition in sent {
        agent.insert(definition.try_into().unwrap()).unwrap();
    }
    assert_eq!(plain(&agent, &["A"]).requests[0].artifacts, *sent);
}

#[test]
fn a_missing_dependency_is_an_error() {
    let repository = repository(&["name: A\nsources: [{query: SELECT * FROM Artifact.B()}]\n"]);
    let error = with(&repository, &["A"], &Options::default()).unwrap_err();
    assert!(
        matches!(error, Error::NotFound { ref name, .. } if name == "B"),
        "{error}"
    );
}

#[test]
fn limits_follow_their_precedence() {
    let repository = repository(&[
        "name: A\nresources: {timeout: 10, cpu_limit: 20, iops_limit: 30, max_rows: 40, max_upload_bytes: 50, max_batch_wait: 60, max_batch_rows: 70}\n\
         sources: [{query: SELECT 1 FROM scope()}]\n",
        "name: B\nresources: {max_rows: 41, timeout: 11}\nsources: [{query: SELECT 1 FROM scope()}]\n",
    ]);
    let specs = [
        Spec {
            cpu_limit: 21.0,
            max_batch_rows: 71,
            ..Spec::of("A")
        },
        Spec::of("B"),
    ];
    let limits = Limits {
        iops_limit: 31.0,
        progress_timeout: 5.0,
        ..Limits::default()
    };
    let batching = Batching {
        max_rows: 1,
        max_row_buffer_size: 80,
        max_wait: 90,
    };
    let options = Options {
        batching,
        ..Options::default()
    };
    let compiled = make(&repository, &specs, &limits, &options).unwrap();
    let a = &compiled.requests[0];
    assert_eq!(
        (a.timeout, a.cpu_limit, a.iops_limit, a.progress_timeout),
        (10, 21.0, 31.0, 5.0)
    );
    assert_eq!((a.max_wait, a.max_row, a.max_row_buffer_size), (90, 71, 80));
    assert_eq!(
        (compiled.requests[1].timeout, compiled.requests[1].max_row),
        (11, 1)
    );
    assert_eq!((compiled.max_rows, compiled.max_upload_bytes), (41, 50));
    let options = Options {
        defaults: Defaults {
            timeout: 600,
            max_rows: 1_000_000,
            max_upload_bytes: 0,
        },
        ..Options::default()
    };
    let compiled = with(&repository, &["B"], &options).unwrap();
    assert_eq!((compiled.requests[0].timeout, compiled.max_rows), (11, 41));
    let plain_artifact = "name: P\nsources: [{query: SELECT 1 FROM scope()}]\n";
    repository.load(plain_artifact, Origin::Custom).unwrap();
    let compiled = with(&repository, &["P"], &options).unwrap();
    assert_eq!(
        (
            compiled.requests[0].timeout,
            compiled.max_rows,
            compiled.max_upload_bytes
        ),
        (600, 1_000_000, 0)
    );

    let unset = plain(&repository, &["B"]);
    assert_eq!(
        (unset.requests[0].max_row, unset.max_upload_bytes),
        (1000, 1 << 30)
    );
}

#[test]
fn tools_become_variables() {
    struct Inventory;
    impl Tools for Inventory {
        fn materialise(&self, tool: &Tool) -> Result<ToolInfo, Error> {
            let urls = vec!["https://a/".to_owned() + &tool.name, "https://b".to_owned()];
            Ok(ToolInfo {
                hash: "00".into(),
                filename: "t.exe".into(),
                version: "1".into(),
                path: None,
                urls,
            })
        }
    }
    let repository = repository(&[
        "name: A\ntools: [{name: T, url: 'https://a'}]\nsources: [{query: SELECT * FROM Artifact.B()}]\n",
        "name: B\ntools: [{name: U}]\nsources: [{query: SELECT 1 FROM scope()}]\n",
    ]);
    let error = with(&repository, &["A"], &Options::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "tool `T`: there is no inventory here; run this artifact through a server"
    );
    let options = Options {
        tools: Some(&Inventory),
        ..Options::default()
    };
    let compiled = with(&repository, &["A"], &options).unwrap();
    let env: Vec<_> = compiled.requests[0]
        .env
        .iter()
        .map(|env| format!("{}={}", env.key, env.value))
        .collect();
    assert_eq!(
        env,
        [
            "Tool_T_HASH=00",
            "Tool_T_FILENAME=t.exe",
            "Tool_T_VERSION=1",
            "Tool_T_URL=https://a/T",
            r#"Tool_T_URLs=["https://a/T","https://b"]"#
        ]
    );
    let dependency = &compiled.requests[0].artifacts[0];
    assert_eq!(
        (
            dependency.parameters[0].name.as_str(),
            dependency.parameters.len()
        ),
        ("Tool_U_HASH", 5)
    );
}

#[test]
fn a_launch_needs_what_the_target_and_the_author_ask_for() {
    let repository = repository(&[
        "name: A\nrequired_permissions: [EXECVE]\nsources: [{name: One, query: SELECT 1 FROM scope()}]\n",
        "name: E\ntype: CLIENT_EVENT\nsources: [{query: SELECT 1 FROM scope()}]\n",
    ]);
    let launch = |reference: &str, target: Target, has: &[&str]| {
        let wanted = repository.resolve_spec(&Spec::of(reference), false).unwrap();
        wanted
            .check_target(target)
            .and_then(|()| wanted.check_launch(target, &|permission| has.contains(&permission)))
            .map_err(|error| error.to_string())
    };
    for reference in ["A", "A/One"] {
        assert_eq!(
            launch(reference, Target::Client, &["COLLECT_CLIENT", "EXECVE"]),
            Ok(())
        );
        for has in [
            &[][..],
            &["COLLECT_CLIENT"],
            &["EXECVE"],
            &["COLLECT_SERVER", "COLLECT_BASIC", "EXECVE"],
        ] {
            let error = launch(reference, Target::Client, has).unwrap_err();
            assert!(
                error.ends_with("is needed to launch `A`; ask an administrator for it"),
                "{error}"
            );
        }
    }
    assert_eq!(launch("E", Target::ClientEvents, &["COLLECT_CLIENT"]), Ok(()));
    for (reference, target) in [
        ("E", Target::Client),
        ("A/One", Target::ClientEvents),
        ("A", Target::Server),
    ] {
        let error = launch(reference, target, &["COLLECT_CLIENT", "COLLECT_SERVER", "EXECVE"]).unwrap_err();
        assert!(error.contains("is of type"), "{error}");
    }
    let basic = Metadata {
        basic: true,
        ..Metadata::default()
    };
    repository.set_metadata("A", basic.clone());
    repository.set_metadata("E", basic);
    assert_eq!(launch("A/One", Target::Client, &["COLLECT_BASIC"]), Ok(()));
    assert!(launch("A", Target::Client, &["COLLECT_CLIENT"]).is_err());
    assert!(launch("E", Target::ClientEvents, &["COLLECT_BASIC"]).is_err());
}

#[test]
fn a_permission_nobody_knows_is_one_nobody_has() {
    let repository = Repository::empty();
    let raw = "name: A\nrequired_permissions: [EXECV]\nsources: [{query: SELECT 1 FROM scope()}]\n";
    repository.load(raw, Origin::CompiledIn).unwrap();
    let wanted = repository.resolve_spec(&Spec::of("A"), false).unwrap();
    let error = wanted
        .check_launch(Target::Client, &|name| name != "EXECV")
        .unwrap_err();
    assert!(matches!(error, Error::Denied { permission, .. } if permission == "EXECV"));
}

#[test]
fn parameters_must_exist_and_fit() {
    let repository = repository(&[
        "name: A\nparameters: [{name: N, type: int}, {name: Key, type: redacted}]\nsources: [{query: SELECT N FROM scope()}]\n",
    ]);
    let check = |name: &str, value: &str| {
        let spec = Spec {
            parameters: [(name.to_owned(), value.to_owned())].into(),
            ..Spec::of("A")
        };
        let wanted = repository.resolve_spec(&spec, false).unwrap();
        wanted.check_parameters().map_err(|error| error.to_string())
    };
    assert_eq!(check("N", "12"), Ok(()));
    assert_eq!(check("Key", "12"), Ok(()));
    for (name, value, part) in [
        ("N", "twelve", "parameter `N`: needs a whole number, not `twelve`"),
        ("M", "1", "parameter `M`: artifact `A` has no such parameter"),
        ("Key", MARKER, "type it again"),
    ] {
        let error = check(name, value).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_spec_that_is_shown_hides_redacted_values_and_gets_them_back() {
    let repository = repository(&[
        "name: A\nparameters: [{name: N}, {name: Key, type: Redacted}]\nsources: [{query: SELECT N FROM scope()}]\n",
    ]);
    let spec = Spec {
        parameters: [("N", "1"), ("Key", "secret")]
            .map(|(k, v)| (k.into(), v.into()))
            .into(),
        ..Spec::of("A")
    };
    let wanted = repository.resolve_spec(&spec, false).unwrap();
    let shown = wanted.shown();
    assert!(wanted.has_secrets());
    assert_eq!(
        (&*shown.parameters["N"], &*shown.parameters["Key"]),
        ("1", MARKER)
    );
    let mut again = repository.resolve_spec(&shown, false).unwrap();
    again.restore(&spec);
    assert_eq!(again.in_clear(), &spec);
}

#[test]
fn every_shipped_definition_becomes_requests_an_agent_accepts() {
    let repository = Repository::with_compiled_in();
    for artifact in repository
        .all()
        .iter()
        .filter(|artifact| !artifact.sources.is_empty())
    {
        let compiled = plain(&repository, &[&artifact.name]);
        assert!(!compiled.requests.is_empty());
        for request in &compiled.requests {
            peregrine_artifacts::run::Plan::new(request)
                .unwrap_or_else(|error| panic!("{}: {error}", artifact.name));
            peregrine_artifacts::Namespace::of_request(request).unwrap();
        }
    }
}
