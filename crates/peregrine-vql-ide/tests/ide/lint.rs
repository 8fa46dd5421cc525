//! Findings about small texts, with a small catalogue.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use crate::common::small;
use peregrine_vql::Diagnostic;
use peregrine_vql_ide::{Surroundings, lint};
use std::collections::BTreeMap;

/// The findings about a text that is given nothing, or anything.
fn findings(text: &str, is_open: bool) -> Vec<Diagnostic> {
    let mut around = Surroundings {
        is_open,
        ..Surroundings::default()
    };
    around.add_variable("Artifact");
    around.add_variable("Given");
    lint(text, &around, &small())
}

fn codes(findings: &[Diagnostic]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| format!("{}:{} {}", finding.line, finding.column, finding.code))
        .collect()
}

/// Each finding as `line:column code`, in order of place, where any variable may be given.
fn check(text: &str, expected: &[&str]) {
    assert_eq!(codes(&findings(text, true)), expected, "{text}");
}

/// As [`check`], where nothing is given but `Given`.
fn check_closed(text: &str, expected: &[&str]) {
    assert_eq!(codes(&findings(text, false)), expected, "{text}");
}

/// Texts with something wrong, of every kind.
const MISTAKES: &[&str] = &[
    "SELECT subst(str='a') FROM scope()",
    "SELECT unheard(str='a') FROM scope()",
    "SELECT range(end=1) FROM scope()",
    "LET listing = 1 SELECT listng() FROM scope() WHERE listing",
    "SELECT * FROM pslst()",
    "SELECT * FROM unheard()",
    "SELECT * FROM count()",
    "SELECT * FROM pslist",
    "SELECT substr(srt='a') FROM scope()",
    "SELECT count(x=1) FROM scope()",
    "LET f(a) = a\nSELECT f(), f(a=1, b=2) FROM scope()",
    "SELECT * FROM foreach(row={ SELECT * FROM range(ende=2) })",
    "SELECT * FROM range(end='ten')",
    "SELECT * FROM range(end=('ten'))",
    "SELECT * FROM range(end={ SELECT 1 FROM scope() })",
    "SELECT filter(list=1, condition='x =>') FROM scope()",
    "SELECT filter(list=1, condition=5) FROM scope()",
    "SELECT filter(list=1, regex='((') FROM scope()",
    "SELECT upload(file='x', again='N') FROM scope()",
    "SELECT pe(file='x') FROM scope()",
    "SELECT substr(str='a', str='b') FROM scope()",
    "LET idle = 1\nSELECT 1 FROM scope()",
    "LET x = 1\nLET x = 2\nSELECT x FROM scope()",
    "LET count(x) = x\nSELECT count() FROM scope()",
    "SELECT hostname FROM info()",
    "SELECT Hostanme FROM info()",
    "SELECT Hostname AS Name FROM info() ORDER BY Hostname",
    "LET q = SELECT Uid FROM users()\nSELECT q.Uidd[0], q.Uid FROM scope()",
    "SELECT * FROM pslist() WHERE Name =~ '((a'",
    "SELECT * FROM Artifact.Linux.Fils()",
    "SELECT Artifact.Linux.Fils(x=1) FROM scope()",
    "SELECT * FROM Artifact.Linux.Files(Pth='/')",
];

#[test]
fn each_code_as_a_user_reads_it() {
    let mut shown = BTreeMap::<&str, String>::new();
    for text in MISTAKES {
        let found = findings(text, true);
        assert!(!found.is_empty(), "{text}");
        for finding in found {
            shown
                .entry(finding.code)
                .or_default()
                .extend([&finding.render(text), "\n"]);
        }
    }
    for (code, text) in shown {
        insta::assert_snapshot!(code, text);
    }
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
        "SELECT Artifact.Linux.Files(Path=1) FROM Artifact.Linux.Files(Depth=2, source='a', preconditions=TRUE)",
        &[],
    );
    check("SELECT substr(`**`=Args) FROM Rows", &[]);
    check("SELECT * FROM Artifact.Linux.Files(`**`=Given)", &[]);
    check(
        "LET Artifact = dict(a=1) SELECT Artifact.b.c(x=1) FROM scope()",
        &[],
    );
    check("SELECT * FROM range(end=Ten)", &[]);
    check("SELECT * FROM pslist() WHERE Name =~ 'a'", &[]);
    check("SELECT upload(file='x', again='Y') FROM scope()", &[]);
}

#[test]
fn lets_that_have_a_purpose_are_left_alone() {
    check("LET _idle = 1\nSELECT 1 FROM scope()", &[]);
    check("LET effect <= substr(str='x')\nSELECT 1 FROM scope()", &[]);
    check("LET library = 1", &[]);
    check("LET SSH_CONFIG = 1\nSELECT 1 FROM scope()", &[]);
    check("LET x = 1\nLET y <= x\nLET x = 2\nSELECT x, y FROM scope()", &[]);
    check("LET x = 1\nLET x = x + 1\nSELECT x FROM scope()", &[]);
    check(
        "LET x = 1\nSELECT filter(list=2, condition='v => x') FROM scope()",
        &[],
    );
}

#[test]
fn a_broken_text_is_checked_as_far_as_it_goes() {
    check(
        "SELECT subst() FROM scope()\nLET x = = 1",
        &["1:8 V101", "2:9 V010"],
    );
    check("", &["1:1 V011"]);
}

#[test]
fn order_by_needs_a_column_of_the_select() {
    check(
        "SELECT Hostname AS Name FROM info() ORDER BY Hostname",
        &["1:46 V121"],
    );
    check("SELECT Hostname AS Name FROM info() ORDER BY Name", &[]);
    check("SELECT * FROM info() ORDER BY hostname", &["1:31 V121"]);
    check("SELECT *, Uptime AS Up FROM info() ORDER BY Up", &[]);
    check("SELECT * FROM pslist() ORDER BY Anything", &[]);
    check(
        "LET q = SELECT Uid FROM users()\nSELECT * FROM q ORDER BY User",
        &["2:26 V121"],
    );
    check("SELECT Uid + 1 FROM users() ORDER BY `Uid + 1`", &[]);
    check("SELECT OS.Name FROM info() ORDER BY OS", &["1:37 V121"]);
    check(
        "SELECT * FROM foreach(row={ SELECT * FROM info() }, query={ SELECT Uid FROM users() }) ORDER BY OS",
        &["1:97 V121"],
    );
    check(
        "SELECT * FROM foreach(row={ SELECT * FROM info() }) ORDER BY OS",
        &[],
    );
    check(
        "SELECT * FROM foreach(row={ SELECT * FROM info() }, column='OS') ORDER BY Release",
        &[],
    );
    check(
        "SELECT * FROM if(condition=TRUE, then={ SELECT 1 AS a FROM scope() }, else={ SELECT 2 AS b FROM scope() }) ORDER BY b",
        &[],
    );
}

#[test]
fn a_query_has_the_columns_it_has() {
    check(
        "LET q = SELECT Uid FROM users()\nSELECT q.Uidd[0], q.Uid FROM scope()",
        &["2:10 V121"],
    );
    check(
        "LET q <= SELECT * FROM users()\nSELECT 1 FROM info() WHERE Hostname IN q.Name",
        &["2:42 V121"],
    );
    check("LET q = SELECT * FROM pslist()\nSELECT q.Any FROM scope()", &[]);
    check(
        "LET q = SELECT Uid FROM users()\nSELECT q.Any FROM foreach(row=Given)",
        &[],
    );
    check(
        "LET q = SELECT Uid FROM users()\nSELECT q.Any FROM foreach(row={ SELECT 1 AS q FROM scope() })",
        &[],
    );
    check(
        "LET q = SELECT Uid FROM users()\nLET q = dict(Any=1)\nSELECT q.Any FROM scope()",
        &["2:5 V111"],
    );
}

#[test]
fn names_that_nothing_gives_are_found() {
    check_closed("SELECT Hostnam FROM info()", &["1:8 V120"]);
    check_closed(
        "SELECT Given, Hostname FROM info() WHERE Uptim > 1 OR Given",
        &["1:42 V120"],
    );
    check_closed(
        "SELECT Hostname AS Name FROM info() WHERE Name GROUP BY Name, Upp",
        &["1:63 V120"],
    );
    // Aliases are not visible in other columns.
    check_closed(
        "SELECT Hostname AS Name, Name + 1 AS More FROM info()",
        &["1:26 V120"],
    );
    check_closed("SELECT Anything FROM pslist()", &[]);
    check_closed("SELECT * FROM Nothing", &["1:15 V120"]);
    check_closed("SELECT `$Query` FROM scope()", &[]);
    check_closed(
        "SELECT * FROM foreach(row=pslist(), query={ SELECT Pid FROM users() })",
        &["1:27 V101"],
    );
    check_closed(
        "SELECT * FROM foreach(row={ SELECT * FROM users() }, query={ SELECT User, Hostname, Nothing FROM info() })",
        &["1:85 V120"],
    );
    check_closed(
        "SELECT * FROM foreach(row=Given, query={ SELECT Anything FROM info() })",
        &[],
    );
    check_closed(
        "SELECT { SELECT User, Hostname, Uidd FROM users() } AS x FROM info()",
        &["1:33 V120"],
    );
}

#[test]
fn a_let_sees_what_its_users_see() {
    check_closed(
        "LET q = SELECT Hostnam FROM info()\nSELECT * FROM q",
        &["1:16 V120"],
    );
    check_closed("LET f = User + 1\nSELECT f FROM users()", &[]);
    check_closed("LET f = User + 1\nSELECT f FROM info()", &["1:9 V120"]);
    check_closed("LET f = User + 1\nSELECT f FROM pslist()", &[]);
    check_closed("LET g = User\nLET f = g\nSELECT f FROM users()", &[]);
    check_closed("LET g = User\nLET f = g\nSELECT f FROM info()", &["1:9 V120"]);
    check_closed(
        "LET g = x + y\nLET f(x, y) = g\nSELECT f(x=1, y=2) FROM info()",
        &[],
    );
    check_closed("LET f(x) = x + extra\nSELECT f(x=1) FROM scope()", &["1:16 V120"]);
    check_closed("LET q = SELECT n FROM scope()\nSELECT * FROM q(n=1)", &[]);
    check_closed(
        "LET f = User\nSELECT filter(list=Given, condition='x => f') FROM info()",
        &[],
    );
    check_closed("LET later = after\nLET after = 1\nSELECT later FROM scope()", &[]);
    check_closed(
        "LET q = SELECT User, Nobody FROM info()\nSELECT * FROM foreach(row={ SELECT User FROM users() }, query=q)",
        &["1:22 V120"],
    );
    check_closed(
        "LET q = SELECT Any FROM info()\nSELECT whatever(query=q) FROM scope()",
        &["2:8 V101"],
    );
    // Evaluated at once, it sees no rows.
    check_closed("LET now <= User\nSELECT now FROM users()", &["1:12 V120"]);
    check_closed("LET _library = Anything", &[]);
}

#[test]
fn what_may_be_given_is_not_reported() {
    check("SELECT Anything, Hostname2 FROM info()", &[]);
    check("SELECT hostname FROM info()", &["1:8 V120"]);
    check("SELECT Hostanme FROM info()", &["1:8 V120"]);
    check("LET path = 1\nSELECT path, paths FROM scope()", &[]);
}

#[test]
fn texts_around_count() {
    let mut around = Surroundings::default();
    around.add_before("LET Helper(x) = x + Own");
    around.add_later("SELECT * FROM Kept");
    let found = lint(
        "LET Own = 1\nLET Kept = SELECT Whatever FROM scope()\nSELECT Helper(y=1), Helper(x=1) FROM scope()",
        &around,
        &small(),
    );
    assert_eq!(codes(&found), ["3:8 V104", "3:15 V103"]);
}

#[test]
fn wide_texts_are_survived() {
    let mut wide = String::new();
    for at in 0..10_000 {
        wide.push_str(&format!(
            "LET name{at} = unknown{at}(x=1) + name{} + Missing{at}\n",
            at / 2
        ));
    }
    wide.push_str("SELECT name9999 FROM scope()");
    let found = findings(&wide, false);
    assert!(found.len() < 1000, "{}", found.len());
}

#[test]
fn deep_texts_are_survived() {
    let mut query = "SELECT * FROM info()".to_owned();
    for _ in 0..190 {
        query = format!(
            "SELECT *, Missing FROM foreach(row={{ {query} }}, query={{ SELECT * FROM users() }}) ORDER BY User"
        );
    }
    let _ = findings(&query, false);
    let mut query = "SELECT * FROM info()".to_owned();
    for _ in 0..190 {
        query = format!("SELECT * FROM if(condition=1, then={{ {query} }}) ORDER BY Uptime");
    }
    let _ = findings(&query, false);
    let chain: String = (1..3000)
        .map(|at| format!("LET a{at} = SELECT *, b{at} FROM a{}\n", at - 1))
        .collect();
    let _ = findings(
        &format!("LET a0 = SELECT * FROM info()\n{chain}SELECT * FROM a2999"),
        false,
    );
    let wide: String = (1..3000).map(|at| format!("c{at}, ")).collect();
    let _ = findings(&format!("SELECT {wide} 1 FROM info() ORDER BY c1"), false);
}
