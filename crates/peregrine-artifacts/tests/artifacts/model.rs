//! Reading definitions: normalisation, strictness, values kept as typed, lines of errors.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use peregrine_artifacts::{Artifact, Error, Kind, Problem, validate::validate};

fn read(yaml: &str) -> Artifact {
    Artifact::from_yaml(yaml).unwrap()
}

/// The faults of a definition as text, one per line.
fn faults(yaml: &str) -> String {
    let result = Artifact::from_yaml(yaml).and_then(|artifact| validate(&artifact));
    match result {
        Ok(()) => String::new(),
        Err(Error::Invalid { problems, .. }) => problems
            .iter()
            .map(Problem::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn scalars_stay_text() {
    let artifact = read(
        "name: A\nparameters:\n- {name: a, default: 80}\n- {name: b, default: Y}\n- {name: c, default: 017}\n\
         - {name: d, default: 00000429}\n- {name: e, default: TRUE}\n- {name: f, default: 1.50}\n- {name: g, default: }\n\
         - {name: h, default: ~}\n- name: i\n  default: |\n    two\n    lines\n- name: j\n  default: 0x10\n",
    );
    let defaults: Vec<_> = artifact
        .parameters
        .iter()
        .map(|parameter| parameter.default.as_str())
        .collect();
    assert_eq!(
        defaults,
        [
            "80",
            "Y",
            "017",
            "00000429",
            "TRUE",
            "1.50",
            "",
            "",
            "two\nlines\n",
            "0x10"
        ]
    );
}

#[test]
fn a_file_without_final_newline_gains_none() {
    let artifact = read("name: A\nparameters:\n- name: a\n  default: |\n    text");
    assert_eq!(artifact.parameters[0].default, "text");
}

#[test]
fn the_raw_text_is_kept() {
    let raw = "name: A\r\nsources:\r\n- query:\r\n    SELECT * FROM info()\r\n";
    let artifact = read(raw);
    assert_eq!(&*artifact.raw, raw);
    assert_eq!(
        artifact.sources[0].query.as_ref().unwrap().text,
        "SELECT * FROM info()\n"
    );
}

#[test]
fn every_key_is_understood() {
    let artifact = read(
        "name: A.B\naliases: [C]\ndescription: d\nauthor: me\nreference: [x]\nreferences: [y]\ntype: client_EVENT\n\
         parameters: [{name: p, type: artifactset, artifact_type: CLIENT, sources: true, friendly_name: P, choices: [1, Y],\
         validating_regex: .+, description: q}]\nexport: LET x = 1\nimports: [D]\n\
         column_types: [{name: c, type: hex, description: e}]\n\
         tools: [{name: t, url: u, github_project: g, github_asset_regex: r, serve_locally: true, expected_hash: 00ff, version: 1.0}]\n\
         resources: {timeout: 1, cpu_limit: 2.5, iops_limit: 3, ops_per_second: 4, max_rows: 5, max_upload_bytes: 6,\
         max_batch_wait: 7, max_batch_rows: 8, max_batch_rows_buffer: 9}\n\
         required_permissions: [EXECVE]\nimplied_permissions: [NETWORK]\nimpersonate: bob\n\
         reports: [{type: CLIENT, template: t, timeout: 3, name: n, parameters: [{name: z}]}]\n\
         raw: a\ncompiled: true\nbuilt_in: true\nmetadata: {hidden: true}\n\
         sources: [{name: s, description: t, precondition: SELECT 1 FROM scope(), query: SELECT 2 FROM scope(),\
         notebook: [{type: vql, name: n, template: SELECT 1, output: o, env: [{key: k, value: 5}]}]}]\n",
    );
    assert_eq!(
        (artifact.kind, artifact.is_built_in()),
        (Kind::ClientEvent, false)
    );
    assert_eq!(artifact.references, ["x", "y"]);
    assert_eq!(artifact.parameters[0].choices, ["1", "Y"]);
    assert_eq!(artifact.tools[0].version, "1.0");
    assert_eq!(artifact.tools[0].expected_hash, "00ff");
    assert_eq!(artifact.resources.cpu_limit, 2.5);
    assert_eq!(artifact.sources[0].notebook[0].env[0].value, "5");
    assert_eq!(validate(&artifact), Ok(()));
}

#[test]
fn queries_are_joined_and_keep_their_lines() {
    let yaml =
        "name: A\nsources:\n- queries:\n  - LET x = 1\n\n  - // c\n    SELECT *, %\n    FROM scope()\n";
    assert_eq!(faults(yaml).split(':').next(), Some("line 7"));
}

#[test]
fn unknown_keys_are_refused_with_their_line() {
    let text =
        faults("name: A\ndescription: x\nsources:\n- query: |\n    SELECT 1 FROM scope()\n  colour: red\n");
    assert!(text.starts_with("line 6") && text.contains("colour"), "{text}");
}

#[test]
fn a_fault_after_a_repaired_line_has_its_own_line() {
    let text = faults("name: A\nsources:\n- queries:\n  - SELECT 1 FROM scope()\ncolour: red\n");
    assert!(text.starts_with("line 5") && text.contains("colour"), "{text}");
}

#[test]
fn of_unknown_fields_the_nearest_is_suggested() {
    assert_eq!(
        faults("name: A\nsource:\n- query: SELECT 1 FROM scope()\n"),
        "line 2:1: unknown field `source`; did you mean `sources`?"
    );
    assert_eq!(
        faults("name: A\nsources:\n- nonsense: 1\n"),
        "line 3:3: unknown field `nonsense`; use one of name, description, precondition, query, queries, notebook"
    );
    // Nobody should write those that the repository sets.
    let text = faults("name: A\nbuilt_im: true\n");
    assert!(
        text.ends_with("implied_permissions, impersonate, reports"),
        "{text}"
    );
}

#[test]
fn types_are_checked() {
    assert_eq!(
        faults("name: A\ntype: GARDEN\n"),
        "line 2:7: unknown type `GARDEN`; use one of client, client_event, server, server_event, internal, notebook"
    );
    assert_eq!(
        faults("name: Server.Internal.Label\ntype: CLIENT\n"),
        "line 1:7: `Server.Internal.Label` is a queue of the server and must have type `internal`, not `client`"
    );
}

#[test]
fn names_are_checked() {
    assert_eq!(
        faults("description: x\n"),
        "the artifact has no name; add a `name:` such as `Custom.My.Artifact`"
    );
    assert!(faults("name: A/B\n").contains("contains `/`"));
    assert!(faults("name: A.1B\n").contains("`1B`"));
    assert_eq!(faults("name: A_1.b\n"), "");
}

#[test]
fn statement_rules_are_checked() {
    let text = faults(
        "name: A\nsources:\n- name: one\n  query: |\n    SELECT 1 FROM scope()\n    LET X = 2\n- query: |\n\n    // nothing\n",
    );
    assert_eq!(
        text,
        "line 6:5: the last statement of a source must be a SELECT, which gives its rows\n\
         line 5:5: only the last statement of a source may be a SELECT; put others into sources of their own"
    );
}

#[test]
fn syntax_errors_name_the_line_of_the_file() {
    let text = faults("name: A\nprecondition: SELECT * FROM\nexport: |\n  LET A = 1\n  LET = 2\n");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("line 2:"), "{text}");
    assert!(lines[1].starts_with("line 5:7"), "{text}");
}

#[test]
fn preconditions_are_exclusive() {
    let text = faults(
        "name: A\nprecondition: SELECT 1 FROM scope()\nsources:\n- precondition: SELECT 1 FROM scope()\n  query: SELECT 1 FROM scope()\n",
    );
    assert_eq!(
        text,
        "line 4: both the artifact and a source have a precondition; keep only one kind"
    );
}

#[test]
fn permissions_and_cells_are_checked() {
    assert_eq!(
        faults("name: A\nrequired_permissions: [FLY]\n"),
        "line 2:24: unknown permission `FLY`; check its spelling"
    );
    assert_eq!(
        faults("name: A\nrequired_permissions: [EXECVE]\nimplied_permissions:\n- EXECVE\n- EXECV\n"),
        "line 5:3: unknown permission `EXECV`; did you mean `EXECVE`?"
    );
    let text = faults("name: A\nsources:\n- notebook:\n  - type: html\n");
    assert!(text.starts_with("line 4:5: unknown cell type `html`"), "{text}");
    let text = faults("name: A\naliases: [B, 'C-D']\nreports:\n- type: paper\n");
    let places = ["line 2:15: alias: ", "line 4:3: unknown report type `paper`"];
    assert!(places.iter().all(|place| text.contains(place)), "{text}");
    let text = faults("name: A\nparameters:\n- description: x\n- name: a`b\n");
    let places = [
        "line 2: parameter 1 has no name",
        "line 4:9: parameter name `a`b`",
    ];
    assert!(places.iter().all(|place| text.contains(place)), "{text}");
}

#[test]
fn hostile_texts_are_answered() {
    for yaml in [
        "",
        "[",
        "name: [",
        "- a",
        "\u{0}",
        "name: {a: b}",
        "&a [*a]",
        "name: A\nname: B\n",
    ] {
        assert!(!faults(yaml).is_empty(), "{yaml:?}");
    }
    let deep = "[".repeat(100_000);
    assert!(!faults(&deep).is_empty());
}

#[test]
fn yaml_faults_say_what_to_do() {
    assert_eq!(
        faults("name: A\nname: B\n"),
        "line 2:1: the key `name` stands here a second time; keep one"
    );
    assert_eq!(
        faults("name: A\ndescription: a: b\n"),
        "line 2:15: a `:` is not allowed here; check the indentation, or put the text into quotes"
    );
    assert!(faults("sources: {a: b}\n").contains("a list is expected here"));
}
