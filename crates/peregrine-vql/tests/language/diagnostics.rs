//! The messages users read when a text is refused.
#![allow(clippy::unwrap_used)] // helpers of tests fail by panicking

use peregrine_vql::{Severity, parse, parse_recovering, parse_with_comments};

/// Checks the place and message of the first error, then its help.
fn check(text: &str, message: &str, help: &str) {
    let errors = parse(text).unwrap_err();
    assert_eq!(errors[0].to_string(), message, "{text}");
    let found = errors[0].help.clone().unwrap_or_default();
    assert!(
        found.contains(help) && found.is_empty() == help.is_empty(),
        "{text}: help is `{found}`"
    );
}

#[test]
fn the_usual_mistakes() {
    check("", "1:1: expected a statement, found end of text", "");
    check(
        "SELECT 1",
        "1:9: expected `FROM` after the columns, found end of text",
        "FROM scope()",
    );
    check(
        "SELECT a b FROM x",
        "1:10: expected `FROM` after the columns, found `b`",
        "name a column with `AS`",
    );
    check(
        "SELECT 5-3 FROM x",
        "1:9: expected `FROM` after the columns, found `-3`",
        "write `5 - 3`",
    );
    check(
        "LET a = x -y",
        "1:11: expected the next statement or an operator, found `-y`",
        "write `x - y`",
    );
    check(
        "SELECT 1 == 1 FROM x",
        "1:11: expected an expression, found `=`",
        "a single `=`",
    );
    check(
        "SELECT 5 % 3 FROM x",
        "1:10: expected `FROM` after the columns, found `%`",
        "modulo",
    );
    check(
        "SELECT 5k FROM x",
        "1:9: expected `FROM` after the columns, found `k`",
        "no suffixes",
    );
    check(
        "SELECT f(a=1,) FROM x",
        "1:14: expected another argument after `,`, found `)`",
        "trailing comma",
    );
    check(
        "SELECT len('abc') FROM x",
        "1:12: expected an argument `name=value`, found `'abc'`",
        "`name=value`",
    );
    check(
        "SELECT f(in=1) FROM x",
        "1:10: expected an argument `name=value`, found keyword `in`",
        "backticks",
    );
    check(
        "SELECT 1 AS limit FROM x",
        "1:13: expected a name after `AS`, found keyword `limit`",
        "backticks",
    );
    check(
        "SELECT () FROM x",
        "1:9: expected an expression, found `)`",
        "`[]`",
    );
    check(
        "SELECT [1, 2] FROM x",
        "1:8: expected a column, found `[`",
        "(1, 2)",
    );
    check(
        "LET x = { SELECT 1 FROM x }",
        "1:9: expected an expression, found `{`",
        "braces",
    );
    check(
        "SELECT (SELECT 1 FROM x) FROM x",
        "1:9: expected an expression, found keyword `SELECT`",
        "{ SELECT",
    );
    check(
        "SELECT * FROM (1, 2)",
        "1:15: expected a plugin or a name after `FROM`, found `(`",
        "`LET`",
    );
    check(
        "SELECT -(1 + 2) FROM x",
        "1:8: expected a column, found `-`",
        "directly before",
    );
    check(
        "SELECT 2 * l[1] FROM x",
        "1:13: expected `FROM` after the columns, found `[`",
        "parentheses",
    );
    check(
        "SELECT l[1 + 1] FROM x",
        "1:12: expected `]` after the index, found `+`",
        "",
    );
    check(
        "EXPLAIN LET x = 1",
        "1:9: expected `SELECT`, found keyword `LET`",
        "before `SELECT` only",
    );
    check(
        "SELECT * FROM x LIMIT 1.5",
        "1:23: `LIMIT` takes an integer, found `1.5`",
        "",
    );
    check(
        "SELECT * FROM x LIMIT 1 WHERE y",
        "1:25: expected a clause of this SELECT or the next statement, found keyword `WHERE`",
        "in the order",
    );
    check(
        "SELECT f(a=x=>1) FROM x",
        "1:13: expected `,` or `)` after the argument, found `=>`",
        "written as a string",
    );
    check(
        "SELECT 1 FROM x;",
        "1:16: unexpected character `;`",
        "without a separator",
    );
    check(
        "SELECT 'a' !~ 'b' FROM x",
        "1:12: unexpected character `!`",
        "NOT a =~ b",
    );
    check("SELECT żółw FROM x", "1:8: unexpected character `ż`", "ASCII");
    check(
        "SELECT `` FROM x",
        "1:8: there is no name between these backticks",
        "",
    );
    check(
        "SELECT\n  'abc FROM x",
        "2:3: this `'` opens a string that is never closed",
        "backslash",
    );
    check(
        "SELECT 1 /* x FROM y",
        "1:10: this `/*` is never closed by `*/`",
        "",
    );
}

#[test]
fn several_statements_several_errors() {
    let text =
        "LET a = )\nSELECT 1 FROM x\nSELECT f(q={ SELECT FROM }) FROM y WHERE 1\nLET b = 2 LET = 3 LET c = d";
    let (file, findings) = parse_recovering(text);
    assert_eq!(file.statements.len(), 3);
    let places: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        places,
        [
            "1:9: expected an expression, found `)`",
            "3:26: expected a plugin or a name after `FROM`, found `}`",
            "4:15: expected a name after `LET`, found `=`",
        ]
    );
}

#[test]
fn what_has_no_effect_is_a_warning() {
    for text in ["1 < a < 3", "1 <> 2", "(1, 5 -3)", "l[0 2]", "(1, , 2)"] {
        let text = format!("LET x = {text}");
        let (file, findings) = parse_recovering(&text);
        assert_eq!(file.statements.len(), 1);
        assert_eq!(findings.len(), 1, "{text}");
        assert_eq!(
            (findings[0].severity, findings[0].code),
            (Severity::Warning, "V030")
        );
        assert!(parse(&text).is_ok());
    }
}

#[test]
fn rendered_with_carets() {
    let text = "LET a = 1\nSELECT f(a=1\nFROM x";
    let errors = parse(text).unwrap_err();
    assert_eq!(
        errors[0].render(text),
        "\
error[V010]: expected `,` or `)` after the argument, found keyword `FROM`
 --> 3:1
3 | FROM x
  | ^^^^
 --> 2:9
2 | SELECT f(a=1
  |         ^ opened here
"
    );
    let text = "SELECT 5-3 FROM x";
    assert_eq!(
        parse(text).unwrap_err()[0].render(text),
        "\
error[V010]: expected `FROM` after the columns, found `-3`
 --> 1:9
1 | SELECT 5-3 FROM x
  |         ^^
  = help: a `-` glued to what follows makes a negative value; write `5 - 3`
"
    );
}

#[test]
fn comments_that_cannot_be_kept() {
    let refused = [
        "SELECT a -- x\nFROM b()",
        "SELECT a FROM b() -- x\nWHERE c",
        "SELECT a FROM -- x\nb()",
        "SELECT f(a=1 /* x */) FROM b()",
        "SELECT a /* x */ AS c FROM b()",
        "SELECT (/* x */ /* y */ a) FROM b()",
        "LET a /* x */ = 1",
        "SELECT f(a=/* x */ [1]) FROM b()",
    ];
    for text in refused {
        assert!(parse(text).is_ok(), "{text}");
        assert_eq!(parse_with_comments(text).unwrap_err()[0].code, "V020", "{text}");
    }
    let kept = [
        "-- x\n-- y\nLET a = -- dropped\n 1",
        "SELECT -- x\n-- y\na, /* z */ b FROM c(-- x\n-- y\nd=/* z */ e) WHERE -- x\nf AND -- y\n NOT /* z */ g GROUP BY /* x */ h",
        "LET a = (/* w */ 1, -- x\n/* y */ 2, -- z\n)",
        "LET f(/* x */ a, -- y\nb=1) = l[/* z */ 0]",
        "SELECT { -- x\n-- y\nSELECT a FROM b() } FROM c(d={ /* z */ SELECT * FROM e })",
        "SELECT a FROM b() -- after the last statement",
    ];
    for text in kept {
        let formatted =
            peregrine_vql::reformat(text).unwrap_or_else(|errors| panic!("{}", errors[0].render(text)));
        let comments = [
            "-- w", "-- x", "-- y", "-- z", "/* w */", "/* x */", "/* y */", "/* z */",
        ];
        for comment in comments.iter().filter(|comment| text.contains(**comment)) {
            assert_eq!(
                formatted.matches(comment).count(),
                text.matches(comment).count(),
                "{comment} in\n{formatted}"
            );
        }
    }
}

#[test]
fn accepted_at_the_edges() {
    for text in [
        "SELECT *, FROM x",
        "SELECT * * FROM x",
        "SELECT FROM x",
        "SELECT a, * AS b FROM x LIMIT -1",
        "SELECT * FROM x WHERE a, GROUP BY b, ORDER BY `c`",
        "EXPLAIN EXPLAIN SELECT * FROM a.b.c()",
        "LET f(a={ SELECT * FROM x }, b=[1, 2], c) <= EXPLAIN SELECT * FROM y",
    ] {
        assert!(parse(text).is_ok(), "{text}");
        assert!(peregrine_vql::reformat(text).is_ok(), "{text}");
    }
    for text in [
        "SELECT * AS b FROM x",
        "LET f(a=1",
        "SELECT a, , b FROM x",
        "SELECT * FROM x LIMIT 0xFFFFFFFFFFFFFFFF",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn many_warnings_do_not_hide_an_error() {
    let text = format!("{}LET b = )", "LET a = 1 <> 2 ".repeat(200));
    assert_eq!(parse(&text).unwrap_err().len(), 1);
    assert!(parse_with_comments(&text).is_err());
}
