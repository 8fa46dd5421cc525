//! The messages users read when a text is refused.
#![allow(clippy::unwrap_used)] // helpers of tests fail by panicking

use peregrine_vql::{
    Diagnostic, MAX_DEPTH, MAX_TEXT_BYTES, MAX_TOKENS, parse, parse_bytes, parse_recovering,
    parse_with_comments, reformat, reformat_keeping_comments,
};
use std::collections::BTreeMap;

/// Texts that are refused.
const MISTAKES: &[&str] = &[
    "",
    "SELECT 1",
    "SELECT a b FROM x",
    "SELECT a FORM x",
    "SELECT 5-3 FROM x",
    "LET a = x -y",
    "SELECT 1 == 1 FROM x",
    "SELECT 5 % 3 FROM x",
    "SELECT 5k FROM x",
    "SELECT 5. FROM x",
    "SELECT f(a=1,) FROM x",
    "SELECT len('abc') FROM x",
    "SELECT f(in=1) FROM x",
    "SELECT 1 AS limit FROM x",
    "SELECT () FROM x",
    "SELECT [1, 2] FROM x",
    "LET x = { SELECT 1 FROM x }",
    "LET f(a=1",
    "SELECT (SELECT 1 FROM x) FROM x",
    "SELECT * FROM (1, 2)",
    "SELECT * AS b FROM x",
    "SELECT a, , b FROM x",
    "SELECT -(1 + 2) FROM x",
    "SELECT 2 * l[1] FROM x",
    "SELECT l[1 + 1] FROM x",
    "EXPLAIN LET x = 1",
    "SELECT * FROM x WHER y",
    "SELECT * FROM x LIMTI 1",
    "SELECT * FROM x LIMIT 1.5",
    "SELECT * FROM x LIMIT 0xFFFFFFFFFFFFFFFF",
    "SELECT * FROM x LIMIT 1 WHERE y",
    "SELECT * FROM x ORDER BY a, b",
    "SELECT * FROM x ORDER BY a ASC",
    "SELECT * FROM x GROUP BY a HAVING b",
    "SELECT * FROM x JOIN y",
    "SELECT f(a=x=>1) FROM x",
    "SELECT 1 FROM x;",
    "SELECT a & b FROM x",
    "SELECT 'a' !~ 'b' FROM x",
    "SELECT $a FROM x",
    "SELECT a ? b FROM x",
    "SELECT żółw FROM x",
    "SELECT `` FROM x",
    "SELECT `a FROM x",
    "SELECT\n  'abc FROM x",
    "LET a = 1\nSELECT f(a=1\nFROM x",
    "SELECT 1 /* x FROM y",
    "SELECT an_unknown_word_of_more_than_thirty_letters another_one_of_more_than_thirty_letters FROM x",
];

/// Texts that run, although part of what they say has no effect.
const NO_EFFECT: &[&str] = &[
    "LET x = 1 < a < 3",
    "LET x = 1 <> 2",
    "LET x = (1, 5 -3)",
    "LET x = l[0 2]",
    "LET x = (1, , 2)",
];

/// Texts that run, with a comment where the formatter has no place for it.
const COMMENTS: &[&str] = &[
    "SELECT a -- x\nFROM b()",
    "SELECT a FROM b() -- x\nWHERE c",
    "SELECT a FROM -- x\nb()",
    "SELECT f(a=1 /* x */) FROM b()",
    "SELECT a /* x */ AS c FROM b()",
    "SELECT (/* x */ /* y */ a) FROM b()",
    "LET a /* x */ = 1",
    "SELECT f(a=/* x */ [1]) FROM b()",
];

/// What users read, by code.
#[derive(Default)]
struct Shown(BTreeMap<&'static str, String>);

impl Shown {
    fn add(&mut self, text: &str, findings: &[Diagnostic]) {
        for finding in findings {
            let shown = self.0.entry(finding.code).or_default();
            for line in text.lines() {
                let cut = if line.chars().count() > 100 { "…" } else { "" };
                shown.extend(["> ", &line.chars().take(100).collect::<String>(), cut, "\n"]);
            }
            shown.extend([&finding.render(text), "\n"]);
        }
    }
}

#[test]
fn each_code_as_a_user_reads_it() {
    let mut shown = Shown::default();
    for text in MISTAKES {
        shown.add(text, &parse(text).unwrap_err());
    }
    for text in NO_EFFECT {
        assert!(parse(text).is_ok(), "{text}");
        shown.add(text, &parse_recovering(text).1);
    }
    for text in COMMENTS {
        assert!(parse(text).is_ok(), "{text}");
        shown.add(text, &parse_with_comments(text).unwrap_err());
    }
    let lost = "LET x = -- why\n 1\nSELECT x FROM scope()";
    shown.add(lost, &reformat_keeping_comments(lost).unwrap_err());
    let long = "x".repeat(MAX_TEXT_BYTES + 1);
    let wide = format!("LET a = (1{})", ",".repeat(MAX_TOKENS));
    let deep = format!("LET a = {}", "(".repeat(MAX_DEPTH + 1));
    for text in [long, wide, deep] {
        shown.add(&text, &parse(&text).unwrap_err());
    }
    let bytes = b"SELECT 1\nFROM \xff";
    shown.add(&String::from_utf8_lossy(bytes), &parse_bytes(bytes).unwrap_err());
    for (code, text) in shown.0 {
        insta::assert_snapshot!(code, text);
    }
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
fn comments_that_are_kept() {
    let kept = [
        "-- x\n-- y\nLET a = -- dropped\n 1",
        "SELECT -- x\n-- y\na, /* z */ b FROM c(-- x\n-- y\nd=/* z */ e) WHERE -- x\nf AND -- y\n NOT /* z */ g GROUP BY /* x */ h",
        "LET a = (/* w */ 1, -- x\n/* y */ 2, -- z\n)",
        "LET f(/* x */ a, -- y\nb=1) = l[/* z */ 0]",
        "SELECT { -- x\n-- y\nSELECT a FROM b() } FROM c(d={ /* z */ SELECT * FROM e })",
        "SELECT a FROM b() -- after the last statement",
    ];
    for text in kept {
        let formatted = reformat(text).unwrap_or_else(|errors| panic!("{}", errors[0].render(text)));
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
        assert!(parse_bytes(text.as_bytes()).is_ok(), "{text}");
        assert!(reformat(text).is_ok(), "{text}");
    }
}

#[test]
fn many_warnings_do_not_hide_an_error() {
    let text = format!("{}LET b = )", "LET a = 1 <> 2 ".repeat(200));
    assert_eq!(parse(&text).unwrap_err().len(), 1);
    assert!(parse_with_comments(&text).is_err());
}
