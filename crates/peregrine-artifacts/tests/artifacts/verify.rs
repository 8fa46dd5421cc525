//! The findings of the static check, and what it does not report.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use peregrine_artifacts::verify::{Catalogue, LanguageCatalogue, verify_yaml};
use peregrine_artifacts::{COMPILED_IN, Origin, Repository, Verification, verify};

fn repository() -> Repository {
    let repository = Repository::empty();
    repository
        .load(
            "name: Known\nparameters: [{name: p}]\nsources: [{query: SELECT 1 FROM scope()}]\n",
            Origin::Custom,
        )
        .unwrap();
    repository
        .load("name: Lib\nexport: LET helper(a, b=1) = a + b\n", Origin::Custom)
        .unwrap();
    repository
}

fn check_yaml(yaml: &str) -> Verification {
    verify_yaml(yaml, &repository(), &LanguageCatalogue)
}

/// Checks the statements as the only source of an artifact, from line 4 on, and returns all findings.
fn findings(statements: &str) -> Vec<String> {
    let query: String = statements.lines().map(|line| format!("    {line}\n")).collect();
    let found = check_yaml(&format!("name: A\nsources:\n- query: |\n{query}"));
    found
        .errors
        .iter()
        .chain(&found.warnings)
        .map(ToString::to_string)
        .collect()
}

#[track_caller]
fn check(statements: &str, expected: &[&str]) {
    assert_eq!(findings(statements), expected, "{statements}");
}

#[test]
fn correct_queries_are_quiet() {
    check(
        "LET F(x, y=2) = x + y\nLET Q = SELECT * FROM glob(globs='/*')\nSELECT F(x=1), hash(path=OSPath).MD5, dict(any=1) FROM foreach(row=Q, query={\n  SELECT *, Q.Name FROM Artifact.Known(p=1, source='x', preconditions=TRUE)\n})\nWHERE some.member(x=1)",
        &[],
    );
}

#[test]
fn each_kind_of_error() {
    check(
        "SELECT * FROM gloob()",
        &["(4,19) unknown_plugin: unknown plugin `gloob`; check its spelling or define it with LET"],
    );
    check(
        "SELECT pslist() FROM scope()",
        &["(4,12) unknown_plugin: unknown function `pslist`; check its spelling or define it with LET"],
    );
    check(
        "SELECT *\nFROM scope()\nWHERE format(fmt='x')",
        &[
            "(6,18) invalid_arg: `format` has no argument `fmt`; it takes format, args",
            "(6,11) required_arg_missing: call of `format` lacks the argument `format`",
        ],
    );
    check(
        "SELECT * FROM info(`**`=dict(), x=1)",
        &["(4,24) kwargs_mixed_call: `**` in the call of `info` replaces all other arguments; remove them"],
    );
    check(
        "SELECT * FROM Artifact.Nope()",
        &["(4,19) unknown_artifact_in_query: artifact `Nope` not found"],
    );
    check(
        "SELECT * FROM Artifact.Known(q=1)",
        &["(4,34) unknown_parameter_in_call: artifact `Known` has no parameter `q`"],
    );
    check(
        "LET V = 1\nSELECT V(x=1) FROM scope()",
        &["(5,12) call_as_function: `V` is defined without parameters but called with some"],
    );
    check(
        "LET F(a) = 1\nSELECT F(), F(a=1, b=2) FROM scope()",
        &[
            "(5,12) required_arg_missing: call of `F` lacks the argument `a`",
            "(5,24) invalid_arg: `F` has no argument `b`; it takes a",
        ],
    );
    check(
        "LET F(a) = 1\nSELECT F, info FROM scope()",
        &[
            "(5,12) symbol_mask_warn: `F` is also the name of something callable; choose another name",
            "(5,15) symbol_mask_warn: `info` is also the name of something callable; choose another name",
        ],
    );
}

#[test]
fn imports_are_checked_and_their_definitions_known() {
    let found = check_yaml(
        "name: A\nimports: [Lib, Known, None]\nsources:\n- query: SELECT helper(a=1), helper(c=1) FROM scope()\n",
    );
    let errors: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "(4,37) invalid_arg: `helper` has no argument `c`; it takes a, b",
            "(4,30) required_arg_missing: call of `helper` lacks the argument `a`",
            "(2,16) invalid_import: import: artifact `Known` exports nothing; remove it from `imports`",
            "(2,23) invalid_import: import: artifact `None` not found",
        ]
    );
}

#[test]
fn permissions_must_be_announced() {
    let yaml = "name: A\nsources: [{query: \"SELECT * FROM execve(argv='ls')\"}]\n";
    let found = check_yaml(yaml);
    assert_eq!(found.permissions.iter().collect::<Vec<_>>(), ["EXECVE"]);
    assert_eq!(found.warnings.len(), 1);
    assert!(
        check_yaml(&format!("{yaml}implied_permissions: [EXECVE]\n"))
            .warnings
            .is_empty()
    );
    assert!(check_yaml(&format!("{yaml}type: SERVER\n")).warnings.is_empty());
}

#[test]
fn comments_silence_findings() {
    check("// linter: unknown_plugin:^my_\nSELECT * FROM my_plugin()", &[]);
    check(
        "SELECT * FROM my_plugin() -- linter: unknown_plugin:\"my_.+\"",
        &[],
    );
    check(
        "/* linter: unknown_plugin:'other' */\nSELECT * FROM my_plugin()",
        &["(5,19) unknown_plugin: unknown plugin `my_plugin`; check its spelling or define it with LET"],
    );
    let bad = findings("// linter: nonsense:x\n// linter: unknown_plugin:(\nSELECT * FROM info()");
    assert!(
        bad[0].starts_with("(4,8) invalid_suppression: `nonsense`"),
        "{bad:?}"
    );
    assert!(
        bad[1].starts_with("(5,8) invalid_suppression: bad pattern"),
        "{bad:?}"
    );
}

#[test]
fn what_does_not_load_is_reported() {
    assert!(check_yaml("name: [").errors[0].to_string().contains("yaml_error"));
    let syntax = check_yaml("name: A\nsources:\n- query: |\n    SELECT * FROM %\n");
    assert!(
        syntax.errors[0].to_string().starts_with("(4,"),
        "{:?}",
        syntax.errors
    );
    assert!(
        syntax.errors[0].to_string().contains("artifact_vql_error"),
        "{:?}",
        syntax.errors
    );
}

#[test]
fn definitions_are_listed() {
    let found = check_yaml(
        "name: A\nexport: LET E = 1\nsources: [{query: 'LET F(a, b=2) = a LET Q = SELECT 1 FROM scope() SELECT 1 FROM scope()'}]\n",
    );
    let names: Vec<_> = found
        .definitions
        .iter()
        .map(|definition| (definition.name.as_str(), definition.is_query))
        .collect();
    assert_eq!(names, [("E", false), ("F", false), ("Q", true)]);
}

#[test]
fn the_language_is_known() {
    let glob = LanguageCatalogue.plugin("glob").unwrap();
    assert_eq!(glob.args[0], ("globs".to_owned(), true));
    assert!(
        LanguageCatalogue.function("dict").unwrap().free_form && LanguageCatalogue.plugin("dict").is_none()
    );
}

/// The definitions we ship load under the strictest rules and call nothing unknown.
#[test]
fn every_shipped_definition_is_sound() {
    let repository = Repository::with_compiled_in();
    let mut findings = Vec::new();
    for (path, raw) in COMPILED_IN {
        let artifact = repository.load(raw, Origin::BuiltIn);
        let artifact = artifact.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(
            *path,
            format!("{}.yaml", artifact.name.replace('.', "/")),
            "the path follows from the name"
        );
        assert!(!artifact.description.is_empty(), "{path} has no description");
        let found = verify(&artifact, &repository, &LanguageCatalogue);
        findings.extend(
            found
                .errors
                .iter()
                .chain(&found.warnings)
                .map(|issue| format!("{path} {issue}")),
        );
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    assert!(COMPILED_IN.len() > 10);
}

#[test]
fn deep_nesting_is_answered() {
    let depth = peregrine_vql::MAX_DEPTH;
    for (open, close) in [
        ("(", ")"),
        ("if(condition=", ")"),
        ("{ SELECT x(a=", ") FROM scope() }"),
    ] {
        for levels in [depth / 4, depth / 2, depth - 2, depth * 2] {
            let inner = format!("{}1{}", open.repeat(levels), close.repeat(levels));
            findings(&format!("SELECT {inner} FROM scope()"));
        }
    }
}
