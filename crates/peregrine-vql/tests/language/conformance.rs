//! The conformance cases about text alone: what parses, what does not, and how it is formatted.
#![allow(clippy::unwrap_used)] // helpers of tests fail by panicking

use peregrine_vql::ast::File;
use peregrine_vql::{parse, parse_with_comments, print_statement, reformat};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    vql: String,
    error: Option<String>,
    reformat: Option<String>,
    reformat_error: Option<String>,
}

fn cases() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vql/language-cases.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let cases: Vec<Case> = serde_saphyr::from_str(&text).unwrap();
    assert!(cases.len() > 400);
    cases
}

fn print(file: &File) -> Vec<String> {
    file.statements.iter().map(print_statement).collect()
}

fn check(failures: &[String]) {
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn every_case_parses_or_is_refused_as_stated() {
    let mut failures = Vec::new();
    for case in cases() {
        match (parse(&case.vql), case.error) {
            (Ok(_), Some(_)) => failures.push(format!("{}: should be refused: {}", case.name, case.vql)),
            (Err(errors), None) => failures.push(format!("{}: {}", case.name, errors[0].render(&case.vql))),
            _ => {}
        }
    }
    check(&failures);
}

#[test]
fn formatted_as_stated() {
    let mut failures = Vec::new();
    let mut run = 0;
    for case in cases() {
        if let Some(expected) = case.reformat {
            run += 1;
            match reformat(&case.vql) {
                Ok(formatted) if formatted.trim_end_matches('\n') == expected.trim_end_matches('\n') => {}
                Ok(formatted) => failures.push(format!("{}:\n{formatted}\nexpected:\n{expected}", case.name)),
                Err(errors) => failures.push(format!("{}: {}", case.name, errors[0].render(&case.vql))),
            }
        } else if case.reformat_error.is_some() {
            run += 1;
            if let Ok(formatted) = reformat(&case.vql) {
                failures.push(format!("{}: should be refused, is\n{formatted}", case.name));
            }
        }
    }
    assert!(run >= 21, "only {run} formatter cases");
    check(&failures);
}

#[test]
fn the_print_of_a_print_is_the_same() {
    let mut failures = Vec::new();
    for case in cases() {
        let Ok(file) = parse(&case.vql) else { continue };
        let printed = print(&file);
        for statement in &printed {
            match parse(statement) {
                Ok(again) if print(&again) == [statement.clone()] => {}
                Ok(again) => failures.push(format!("{}: {statement}\n  -> {:?}", case.name, print(&again))),
                Err(errors) => failures.push(format!("{}: {}", case.name, errors[0].render(statement))),
            }
        }
        match parse(&printed.join("\n")) {
            Ok(again) if print(&again) == printed => {}
            _ => failures.push(format!("{}: statements run together", case.name)),
        }
    }
    check(&failures);
}

#[test]
fn formatting_keeps_the_meaning_and_is_stable() {
    let mut failures = Vec::new();
    let mut accepted = 0;
    for case in cases() {
        let Ok(file) = parse_with_comments(&case.vql) else {
            continue;
        };
        accepted += 1;
        let formatted = match reformat(&case.vql) {
            Ok(formatted) => formatted,
            Err(errors) => {
                failures.push(format!("{}: {}", case.name, errors[0].render(&case.vql)));
                continue;
            }
        };
        if reformat(&formatted).as_ref() != Ok(&formatted) {
            failures.push(format!(
                "{}: not stable:\n{formatted}\n{:?}",
                case.name,
                reformat(&formatted)
            ));
        }
        if parse(&formatted).map(|again| print(&again)) != Ok(print(&file)) {
            failures.push(format!("{}: means something else:\n{formatted}", case.name));
        }
    }
    assert!(accepted > 400, "only {accepted} accepted");
    check(&failures);
}

/// If a case states the rows of `SELECT … FROM scope()`, the keys of its first row are the column names.
#[test]
fn column_names_are_the_canonical_print() {
    use peregrine_vql::ast::StatementKind;
    let names = |text: &str| -> Vec<String> {
        let file = parse(text).unwrap();
        let Some(StatementKind::Select(select)) = file.statements.last().map(|last| &last.kind) else {
            panic!()
        };
        select.columns.iter().map(peregrine_vql::column_name).collect()
    };
    let check = |text: &str, expected: &[&str]| assert_eq!(names(text), expected, "{text}");

    check(
        r#"SELECT 1+2*3, 'a'+"b", 0x10, 1e3, 2.50, 089, .5 FROM scope()"#,
        &["1 + 2 * 3", "'a' + \"b\"", "16", "1000.0", "2.5", "89.0", "0.5"],
    );
    check(
        "SELECT len( list = ( 1,2 ) ), dict() FROM scope()",
        &["len(list=(1, 2))", "dict()"],
    );
    check(
        "SELECT 1 and 0, 1 OR 0, NOT 1, 1 && 2, a || b FROM scope()",
        &["1  and 0", "1 OR 0", "NOT 1", "1  && 2", "a || b"],
    );
    check(
        "SELECT d.a.b, d . a, d.a.b[1], d.a.b[0:1], -d.a.z FROM scope()",
        &["d.a.b", "d.a", "d.a.b[1]", "d.a.b[0:1]", "-d.a.z"],
    );
    check(
        "SELECT `a b`, x.`a b`, `a`.b FROM scope()",
        &["a b", "x.`a b`", "a`."],
    );
    check(
        "SELECT { SELECT _value FROM range(end=1) LIMIT 1 } FROM scope()",
        &["{ SELECT _value FROM range(end=1) LIMIT 1  }"],
    );
    check(
        "SELECT null, true, FALSE, (1,), (1,2) FROM scope()",
        &["NULL", "true", "FALSE", "(1, )", "(1, 2)"],
    );
    check(
        "SELECT l[0:n], l[:n], l[n], l[0:2], l[] FROM scope()",
        &["l[0: n]", "l[: n]", "l[n]", "l[0:2]", "l[]"],
    );
    check(
        "SELECT 1 in (1, 2), 'a' =~ 'b', 1 <> 2 FROM scope()",
        &["1 IN (1, 2)", "'a' =~ 'b'", "1 <> 2"],
    );
    check("SELECT 0xFFFFFFFFFFFFFFFF FROM scope()", &["FALSE"]);
    check(
        "SELECT f(a={SELECT * FROM x ORDER BY y DESC LIMIT 3}, b=[1,2], c=[]) FROM scope()",
        &["f(a={ SELECT * FROM x ORDER BY y DESC LIMIT 3  }, b=[1, 2], c=[])"],
    );
    check(
        "SELECT f(a=1)(b=2).c, 1 AS `x\\ty` FROM scope()",
        &["f(a=1, b=2).c", "x\ty"],
    );
}
