//! Who may replace which definitions, where names are looked up, and the results of searches.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use peregrine_artifacts::{Artifact, Error, Metadata, Origin, Repository, encode, search::Query};
use serde_json::json;

#[test]
fn built_in_definitions_cannot_be_replaced_or_deleted_by_users() {
    let repository = Repository::empty();
    repository
        .load("name: A\ndescription: first\n", Origin::CompiledIn)
        .unwrap();
    repository
        .load("name: A\ndescription: second\n", Origin::BuiltIn)
        .unwrap();
    assert_eq!(repository.get("A").unwrap().description, "second");
    assert_eq!(
        repository.load("name: A\n", Origin::Custom).unwrap_err(),
        Error::BuiltIn("A".into())
    );
    assert_eq!(repository.delete("A"), Err(Error::BuiltIn("A".into())));
    repository.load("name: Custom.A\n", Origin::Custom).unwrap();
    repository
        .load("name: Custom.A\ndescription: again\n", Origin::Custom)
        .unwrap();
    assert_eq!(repository.get("Custom.A").unwrap().description, "again");
    repository.delete("Custom.A").unwrap();
    assert!(repository.get("Custom.A").is_none());
}

#[test]
fn a_child_masks_its_parent() {
    let root = Repository::empty();
    root.load("name: A\ndescription: root\n", Origin::CompiledIn)
        .unwrap();
    let child = root.child();
    let before = child.changes();
    child.load("name: A\ndescription: own\n", Origin::Custom).unwrap();
    assert!(child.changes() > before);
    assert_eq!(child.get("A").unwrap().description, "own");
    assert_eq!(root.get("A").unwrap().description, "root");
    child.delete("A").unwrap();
    assert_eq!(child.get("A").unwrap().description, "root");
    assert_eq!(child.all().len(), 1);
}

#[test]
fn aliases_are_copies_that_follow_their_definition() {
    let repository = Repository::empty();
    repository.load("name: B\n", Origin::Custom).unwrap();
    let taken = repository.load("name: A\naliases: [B]\n", Origin::Custom);
    assert_eq!(taken.unwrap_err(), Error::NameTaken("B".into()));
    repository
        .load("name: A\naliases: [C, D]\n", Origin::Custom)
        .unwrap();
    repository
        .load("name: A\naliases: [D]\ndescription: new\n", Origin::Custom)
        .unwrap();
    assert!(repository.get("C").is_none());
    let alias = repository.get("D").unwrap();
    assert_eq!(
        (
            alias.name.as_str(),
            alias.alias_of.as_deref(),
            alias.description.as_str()
        ),
        ("D", Some("A"), "new")
    );
    repository.delete("A").unwrap();
    assert!(repository.get("D").is_none());
}

#[test]
fn folders_are_read_and_bad_files_skipped() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("deep")).unwrap();
    std::fs::write(folder.path().join("a.yaml"), "name: A\n").unwrap();
    std::fs::write(folder.path().join("deep/b.yml"), "name: B\n").unwrap();
    std::fs::write(folder.path().join("c.yaml"), "name: [\n").unwrap();
    std::fs::write(folder.path().join("d.txt"), "name: D\n").unwrap();
    let repository = Repository::empty();
    let loaded = repository.load_folder(folder.path(), Origin::BuiltIn);
    assert_eq!(loaded.names, ["A", "B"]);
    assert_eq!(loaded.errors.len(), 1);
    let missing = repository.load_folder(&folder.path().join("nowhere"), Origin::BuiltIn);
    assert_eq!((missing.names.len(), missing.errors.len()), (0, 1));
}

#[test]
fn queues_of_the_server_exist_and_are_hidden() {
    let repository = Repository::with_compiled_in();
    assert_eq!(
        repository.get("System.Flow.Completion").unwrap().kind.as_str(),
        "client_event"
    );
    assert!(repository.metadata("Server.Internal.Label").hidden);
    // Others may speak of them, but none of them is found.
    let found = repository.search("Server.Internal");
    let is_queue = |name: &str| peregrine_artifacts::queues::expected_kind(name).is_some();
    assert!(!found.iter().any(|artifact| is_queue(&artifact.name)));
}

#[test]
fn searching() {
    let artifact = |yaml: &str| Artifact::from_yaml(yaml).unwrap();
    let pslist = artifact(
        "name: Linux.Sys.Pslist\ndescription: Lists processes\ntools: [{name: Osquery}]\nsources: [{precondition: 'SELECT OS From info() where OS = \"linux\"', query: SELECT 1 FROM scope()}]\n",
    );
    let empty = artifact("name: Empty\ntype: SERVER\n");
    let tagged = Metadata {
        tags: vec!["Triage".into()],
        basic: true,
        ..Metadata::default()
    };
    let hits = |expression: &str, metadata: &Metadata| Query::parse(expression).matches(&pslist, metadata);
    for fits in [
        "",
        "pslist",
        "PROCESSES linux",
        "type:client",
        "precondition:LINUX",
        "tool:osq",
        "builtin:no",
        "sys.*list",
        "(",
    ] {
        let expected = fits != "(";
        assert_eq!(hits(fits, &Metadata::default()), expected, "{fits}");
    }
    for not in [
        "windows",
        "type:server",
        "tool:x",
        "builtin:yes",
        "tag:triage",
        "metadata:basic",
        "hidden:true",
        "type:nonsense",
    ] {
        assert!(!hits(not, &Metadata::default()), "{not}");
    }
    assert!(hits("tag:triage metadata:basic", &tagged));
    let hidden = Metadata {
        hidden: true,
        ..Metadata::default()
    };
    assert!(!hits("pslist", &hidden) && hits("pslist hidden:true", &hidden));
    assert!(!Query::parse("empty").matches(&empty, &Metadata::default()));
    assert!(Query::parse("empty empty:true").matches(&empty, &Metadata::default()));
}

#[test]
fn values_become_text_by_their_declared_type() {
    let artifact = Artifact::from_yaml(
        "name: A\nparameters: [{name: s}, {name: i, type: int}, {name: b, type: bool}, {name: t, type: csv}, {name: l, type: json_array}, {name: c, type: choices, choices: [x]}]\n",
    )
    .unwrap();
    let text = |name: &str, value| {
        encode(artifact.parameter(name).unwrap(), &value).map_err(|error| error.to_string())
    };
    assert_eq!(text("s", json!("x")), Ok("x".into()));
    assert_eq!(
        text("s", json!(1)),
        Err("parameter `s`: `1` is not a string".into())
    );
    assert_eq!(text("i", json!(5)), Ok("5".into()));
    assert_eq!(text("b", json!(true)), Ok("Y".into()));
    assert_eq!(text("b", json!("no")), Ok(String::new()));
    assert_eq!(
        text("t", json!([{"A": 1, "B": "x,\"y"}, {"A": null}])),
        Ok("A,B\n1,\"x,\"\"y\"\n,\n".into())
    );
    assert_eq!(text("l", json!(["a"])), Ok("[\n  \"a\"\n]".into()));
    let values = json!({"c": "y", "unknown": 1});
    let pairs = values
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value));
    let encoded = peregrine_artifacts::encode_parameters(&artifact, pairs).unwrap();
    assert_eq!((encoded.parameters.len(), encoded.warnings.len()), (1, 1));
}

/// Columns of known artifacts that ours leave out, with the reason.
const LEFT_OUT: &[(&str, &str, &str)] = &[(
    "Generic.Client.VQL",
    "_SessionId",
    "whoever reads the rows knows the collection; a column of every row would only widen them",
)];

/// Parameters of another type than the known ones, with the reason.
const OTHER_TYPE: &[(&str, &str, &str)] = &[
    (
        "Linux.Events.TrackProcesses",
        "MaxSize",
        "`int` and `int64` are the same",
    ),
    (
        "Linux.Events.ProcessExecutions",
        "pathToAuditctl",
        "nothing to fill in: the audit of the kernel is not used",
    ),
];

/// Types of known artifacts that ours do not have, with the reason.
const OTHER_KIND: &[(&str, &str, &str)] = &[(
    "Server.Utils.DeleteFavoriteFlow",
    "CLIENT",
    "favourites are kept on the server, so on a machine it could do nothing",
)];

/// Our artifact of this name has everything that artifacts and users of other servers rely on: parameters,
/// sources, columns.
#[test]
#[ignore = "compares with $PEREGRINE_SHARED/reference/artifact-catalogue.json; make test runs it where that is"]
fn artifacts_of_a_known_name_take_and_give_what_is_known_of_them() {
    let folder = std::env::var_os("PEREGRINE_SHARED").expect("PEREGRINE_SHARED names the folder");
    let path = std::path::PathBuf::from(folder).join("reference/artifact-catalogue.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let known: serde_json::Value = serde_json::from_str(&text).expect("the catalogue is JSON");
    let mut compared = 0;
    let mut findings = Vec::new();
    for artifact in Repository::with_compiled_in().all() {
        let Some(known) = known
            .as_array()
            .into_iter()
            .flatten()
            .find(|known| known["name"] == artifact.name.as_str())
        else {
            continue;
        };
        compared += 1;
        compare(&artifact, known, &mut findings);
    }
    assert!(compared > 10, "{compared}");
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

fn compare(artifact: &Artifact, known: &serde_json::Value, findings: &mut Vec<String>) {
    let name = &artifact.name;
    let listed = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let is_excepted = |table: &[(&str, &str, &str)], what: &str| {
        table
            .iter()
            .any(|(artifact, excepted, _)| artifact == name && *excepted == what)
    };
    let kind = text(&known["type"]);
    if !artifact.kind.as_str().eq_ignore_ascii_case(&kind) && !is_excepted(OTHER_KIND, &kind) {
        findings.push(format!("{name} is no {}", known["type"]));
    }
    for parameter in listed(&known["parameters"]) {
        let wanted = text(&parameter["name"]);
        match artifact.parameter(&wanted) {
            None => findings.push(format!("{name} has no parameter {wanted}")),
            Some(ours) => {
                let ours = if ours.kind.is_empty() {
                    "string"
                } else {
                    ours.kind.as_str()
                };
                if ours != parameter["type"] && !is_excepted(OTHER_TYPE, &wanted) {
                    findings.push(format!("{name}: {wanted} is {ours}, not {}", parameter["type"]));
                }
            }
        }
    }
    for source in listed(&known["sources"]) {
        let wanted = text(&source["name"]);
        // The rows of a source without a name may come from one of ours that has a name.
        let ours: Vec<&str> = artifact
            .sources
            .iter()
            .filter(|ours| wanted.is_empty() || ours.name == wanted)
            .filter_map(|ours| ours.query.as_ref())
            .map(|query| query.text.as_str())
            .collect();
        if ours.is_empty() {
            findings.push(format!("{name} has no source {wanted}"));
        }
        for column in listed(&source["columns"]) {
            let column = text(&column);
            let export = artifact.export.iter().map(|export| export.text.as_str());
            let mut texts = ours.iter().copied().chain(export);
            // Any column, or columns that are not known.
            let is_open = matches!(&*column, "*" | "?");
            let is_there = is_open || texts.any(|query| gives(query, &column));
            if !is_there && !is_excepted(LEFT_OUT, &column) {
                findings.push(format!("{name}/{wanted} gives no column {column}"));
            }
        }
    }
}

/// Whether a query names a column, or something it calls one.
fn gives(query: &str, column: &str) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    query.match_indices(column).any(|(at, found)| {
        !is_word(query[..at].chars().next_back()) && !is_word(query[at + found.len()..].chars().next())
    })
}
