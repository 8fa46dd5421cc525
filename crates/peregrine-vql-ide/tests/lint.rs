//! Findings about small texts, with a small catalogue.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use peregrine_vql_ide::{Argument, Callable, Catalogue, lint};

struct Small;

fn callable(args: &[(&str, &str, bool)]) -> Callable {
    let args = args.iter().map(|(name, type_name, required)| Argument {
        name: (*name).to_owned(),
        type_name: (*type_name).to_owned(),
        required: *required,
    });
    Callable {
        args: args.collect(),
        ..Callable::default()
    }
}

impl Catalogue for Small {
    fn function(&self, name: &str) -> Option<Callable> {
        match name {
            "substr" => Some(callable(&[("str", "string", true), ("start", "int64", false)])),
            "filter" => Some(callable(&[("list", "Any", true), ("condition", "Lambda", false)])),
            "count" => Some(callable(&[])),
            "dict" => Some(Callable {
                free_form: true,
                ..Callable::default()
            }),
            "pe" => Some(Callable {
                is_missing: true,
                ..callable(&[("file", "string", true)])
            }),
            _ => None,
        }
    }

    fn plugin(&self, name: &str) -> Option<Callable> {
        match name {
            "range" => Some(callable(&[("end", "int64", true)])),
            "scope" | "pslist" => Some(callable(&[])),
            "foreach" => Some(callable(&[("row", "Any", true), ("query", "StoredQuery", false)])),
            _ => None,
        }
    }

    fn function_names(&self) -> Vec<String> {
        ["substr", "filter", "count", "dict"].map(str::to_owned).to_vec()
    }

    fn plugin_names(&self) -> Vec<String> {
        ["range", "scope", "pslist", "foreach"]
            .map(str::to_owned)
            .to_vec()
    }
}

/// Each finding as `line:column code`, in order of place.
fn check(text: &str, expected: &[&str]) {
    let found: Vec<String> = lint(text, &Small)
        .iter()
        .map(|finding| format!("{}:{} {}", finding.line, finding.column, finding.code))
        .collect();
    assert_eq!(found, expected, "{text}");
}

/// Message and help of the only finding.
fn only(text: &str) -> (String, String) {
    let findings = lint(text, &Small);
    assert_eq!(findings.len(), 1, "{findings:?}");
    (
        findings[0].message.clone(),
        findings[0].help.clone().unwrap_or_default(),
    )
}

#[test]
fn a_good_text_has_no_findings() {
    check(
        "SELECT substr(str='a', start=1), dict(any=2) FROM range(end=3)",
        &[],
    );
    check(
        "LET f(a, b=2) = a + b SELECT f(a=1), f(a=1, b=2) FROM scope()",
        &[],
    );
    check(
        "LET rows(n) = SELECT * FROM range(end=n) SELECT * FROM rows(n=2)",
        &[],
    );
    check(
        "LET x = 1 SELECT filter(list=y, condition='v => v > x') AS y FROM scope()",
        &[],
    );
    check(
        "LET call(function) = function(x=1) SELECT call(function=1) FROM scope()",
        &[],
    );
    check(
        "SELECT Artifact.Some.Thing(x=1) FROM Artifact.Any.Thing(y=2)",
        &[],
    );
    check("SELECT substr(`**`=Args) FROM Rows", &[]);
}

#[test]
fn unknown_names_get_a_proposal() {
    check("SELECT subst(str='a') FROM scope()", &["1:8 V101"]);
    assert_eq!(
        only("SELECT subst(str='a') FROM scope()").1,
        "did you mean `substr`?"
    );
    assert_eq!(only("SELECT * FROM pslst()").1, "did you mean `pslist`?");
    assert!(
        only("SELECT range(end=1) FROM scope()")
            .1
            .contains("FROM range()")
    );
    assert!(only("SELECT * FROM count()").1.contains("SELECT count()"));
    check("SELECT * FROM pslist", &["1:15 V102"]);
    check("SELECT pe(file='x') FROM scope()", &["1:8 V106"]);
    check(
        "LET listing = 1 SELECT listng() FROM scope() WHERE listing",
        &["1:24 V101"],
    );
}

#[test]
fn arguments_are_held_against_the_callee() {
    check("SELECT substr(srt='a') FROM scope()", &["1:8 V104", "1:15 V103"]);
    check("SELECT count(x=1) FROM scope()", &["1:14 V103"]);
    check("SELECT substr(str='a', str='b') FROM scope()", &["1:24 V107"]);
    check(
        "LET f(a) = a\nSELECT f(), f(a=1, b=2) FROM scope()",
        &["2:8 V104", "2:20 V103"],
    );
    check(
        "SELECT * FROM foreach(row={ SELECT * FROM range(ende=2) })",
        &["1:43 V104", "1:49 V103"],
    );
}

#[test]
fn constants_must_fit() {
    check("SELECT * FROM range(end='ten')", &["1:25 V105"]);
    check("SELECT * FROM range(end=('ten'))", &["1:25 V105"]);
    check(
        "SELECT * FROM range(end={ SELECT 1 FROM scope() })",
        &["1:27 V105"],
    );
    check(
        "SELECT filter(list=1, condition='x =>') FROM scope()",
        &["1:33 V105"],
    );
    check("SELECT filter(list=1, condition=5) FROM scope()", &["1:33 V105"]);
    check("SELECT * FROM range(end=Ten)", &[]);
}

#[test]
fn lets_are_looked_after() {
    check("LET idle = 1\nSELECT 1 FROM scope()", &["1:5 V110"]);
    check("LET _idle = 1\nSELECT 1 FROM scope()", &[]);
    check("LET effect <= substr(str='x')\nSELECT 1 FROM scope()", &[]);
    check("LET library = 1", &[]);
    check("LET x = 1\nLET x = 2\nSELECT x FROM scope()", &["2:5 V111"]);
    check("LET x = 1\nLET x = x + 1\nSELECT x FROM scope()", &[]);
    check("LET count(x) = x\nSELECT count() FROM scope()", &["1:5 V112"]);
    check(
        "LET x = 1\nSELECT filter(list=2, condition='v => x') FROM scope()",
        &[],
    );
}

#[test]
fn a_broken_text_is_checked_as_far_as_it_goes() {
    let findings = lint("SELECT subst() FROM scope()\nLET x = = 1", &Small);
    let codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["V101", "V010"]);
    assert_eq!(lint("", &Small).len(), 1);
}
