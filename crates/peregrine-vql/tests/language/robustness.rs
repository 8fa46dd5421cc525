//! For any input, there is an answer, with a place if it is an error; never a panic, deep recursion or a long
//! wait.
#![allow(clippy::unwrap_used)] // helpers of tests fail by panicking

use peregrine_vql::ast::{ExprKind, File, LetBody, StatementKind};
use peregrine_vql::{
    Diagnostic, MAX_DEPTH, column_name, parse, parse_bytes, parse_lambda, parse_recovering,
    parse_with_comments, print_statement, reformat,
};
use proptest::prelude::*;

/// Does everything that can be done with a text.
fn exercise(text: &str) {
    let (file, findings) = parse_recovering(text);
    for finding in &findings {
        check_place(text, finding);
    }
    print_all(&file);
    let strict = parse(text);
    assert_eq!(
        strict.is_err(),
        findings
            .iter()
            .any(|finding| finding.severity == peregrine_vql::Severity::Error)
    );
    let kept = parse_with_comments(text);
    if strict.is_err() {
        assert!(kept.is_err());
    }
    if let Ok(formatted) = reformat(text) {
        assert_eq!(
            reformat(&formatted).as_ref(),
            Ok(&formatted),
            "not stable: {text}"
        );
    } else if let Ok(file) = kept {
        panic!("formatter gave up on {text}\n{file:?}\n{:?}", reformat(text));
    }
    let _ = parse_lambda(text);
}

fn check_place(text: &str, finding: &Diagnostic) {
    assert!(finding.span.start <= finding.span.end && finding.span.end as usize <= text.len());
    assert!(
        text.is_char_boundary(finding.span.start as usize)
            && text.is_char_boundary(finding.span.end as usize)
    );
    assert!(finding.line as usize <= text.split('\n').count());
    assert!(
        finding
            .to_string()
            .starts_with(&format!("{}:{}: ", finding.line, finding.column))
    );
    assert!(finding.render(text).contains("^"));
}

fn print_all(file: &File) {
    for statement in &file.statements {
        let printed = print_statement(statement);
        let again = parse(&printed).unwrap_or_else(|errors| panic!("{}", errors[0].render(&printed)));
        assert_eq!(print_statement(&again.statements[0]), printed);
        if let StatementKind::Select(select) = &statement.kind {
            select.columns.iter().for_each(|column| drop(column_name(column)));
        }
    }
}

/// Runs in a thread with the default stack size.
fn on_small_stack(work: impl FnOnce() + Send + 'static) {
    with_stack(2 << 20, work);
}

fn with_stack(bytes: usize, work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new()
        .stack_size(bytes)
        .spawn(work)
        .unwrap()
        .join()
        .unwrap();
}

/// One text for each construct that can nest: what opens it, the core, what closes it.
const NESTABLE: [(&str, &str, &str, &str, &str); 11] = [
    ("LET a = ", "(", "1", ")", ""),
    ("LET a = ", "NOT ", "1", "", ""),
    ("LET a = ", "f(x=", "1", ")", ""),
    ("LET a = ", "l[(", "1", ")]", ""),
    ("LET a = ", "f(x=[", "1", "])", ""),
    ("LET a = ", "f(x={ SELECT * FROM g(y=", "1", ") })", ""),
    ("LET a = ", "1 + 1 * (", "1", ")", ""),
    (
        "LET a = ",
        "a AND NOT b OR c < d * e + (1, f(x=",
        "1",
        "))[0]",
        "",
    ),
    ("SELECT ", "{ SELECT ", "1", " FROM x }", " FROM x"),
    ("SELECT * FROM x(a=", "{ SELECT * FROM x(a=", "1", ") }", ")"),
    ("LET f(a=", "g(b=", "1", ")", ") = 1"),
];

fn nest((head, open, core, close, tail): (&str, &str, &str, &str, &str), depth: usize) -> String {
    format!("{head}{}{core}{}{tail}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn deep_nesting_is_refused_with_a_place() {
    on_small_stack(|| {
        for construct in NESTABLE {
            for depth in [MAX_DEPTH + 1, 100_000] {
                for text in [
                    nest(construct, depth),
                    format!("{}{}", construct.0, construct.1.repeat(depth)),
                ] {
                    let errors = parse(&text).unwrap_err();
                    assert_eq!(errors[0].code, "V012", "{construct:?}: {}", errors[0]);
                    assert!(reformat(&text).is_err());
                    check_place(&text, &errors[0]);
                }
            }
        }
    });
}

fn deepest(construct: (&str, &str, &str, &str, &str)) -> String {
    let depth = (1..=MAX_DEPTH)
        .rev()
        .find(|depth| parse(&nest(construct, *depth)).is_ok())
        .unwrap();
    assert!(depth >= MAX_DEPTH / 4, "{construct:?}: only {depth}");
    nest(construct, depth)
}

#[test]
fn the_deepest_accepted_nesting_fits_a_small_stack() {
    // Half the usual stack, because texts are also parsed in the middle of an evaluation.
    with_stack(1 << 20, || {
        for construct in NESTABLE {
            let text = deepest(construct);
            print_all(&parse(&text).unwrap());
            reformat(&text).unwrap();
        }
    });
    on_small_stack(|| {
        for construct in NESTABLE {
            let file = parse(&deepest(construct)).unwrap();
            assert_eq!(file.clone(), file);
            assert!(!format!("{file:?}").is_empty());
        }
    });
}

#[test]
fn long_flat_texts_are_no_nesting() {
    let chain = |op: &str| format!("LET a = 1{}", format!(" {op} 1").repeat(20_000));
    for op in ["AND", "OR", "||", "+", "-", "*", "/", "<"] {
        let text = chain(op);
        on_small_stack(move || print_all(&parse(&text).unwrap()));
    }
    on_small_stack(|| {
        print_all(&parse(&format!("LET a = b{}", "[0].c".repeat(20_000))).unwrap());
        print_all(&parse(&format!("LET a = b{}", "(x=1)".repeat(20_000))).unwrap());
        print_all(&parse(&format!("LET a = (1{})", ", 1".repeat(20_000))).unwrap());
        assert_eq!(
            parse(&"LET a = 1 ".repeat(5_000)).unwrap().statements.len(),
            5_000
        );
    });
}

#[test]
fn hostile_repetitions_stay_linear() {
    for piece in [
        "/*/",
        "'''",
        "`",
        "(",
        "{",
        "SELECT ",
        ";",
        "'",
        "\"\\",
        "--",
        "0x",
        "1e",
        "-",
        "é",
        "LET a = ) ",
        "f(",
        "/* */",
    ] {
        let text = piece.repeat(200_000 / piece.len());
        assert!(parse(&text).is_err(), "{piece}");
        assert!(parse_recovering(&text).1.len() <= 100, "{piece}");
    }
}

#[test]
fn nested_layout_choices_do_not_multiply() {
    // Two layouts at every level would make 2^60 renderings; the long string makes every level try both.
    let text = format!(
        "LET a = f(x='{}', y={}1{})",
        "x".repeat(100),
        "f(first=1, second=".repeat(60),
        ")".repeat(60)
    );
    let formatted = reformat(&text).unwrap();
    assert!(formatted.contains("second=f("));
}

#[test]
fn quirks_of_the_tree() {
    let body = |text: &str| {
        let file = parse(&format!("LET x = {text}")).unwrap();
        let StatementKind::Let(definition) = &file.statements[0].kind else {
            panic!()
        };
        let LetBody::Expr(expr) = &definition.body else {
            panic!()
        };
        expr.kind.clone()
    };
    let print = |text: &str| {
        let file = parse(&format!("LET x = {text}")).unwrap();
        print_statement(&file.statements[0])["LET x = ".len()..].to_owned()
    };
    for (text, expected) in [
        ("1 < 2 > 3", "1 > 3"),
        ("l[0 2]", "l[2]"),
        ("l[1 0 :: 2 3]", "l[0:3]"),
        ("l[::]", "l[:]"),
        ("(1, 2 3)", "(1, 3)"),
        ("(1, , 2)", "(1, )"),
        ("(1, 2, , 3 4, , 5)", "(1, 2, )"),
        ("f()(a=1)()(b=2)", "f(a=1, b=2)"),
        ("`a\\tb` . c", "`a\\tb`.c"),
        ("a.b(c=1).d[0].e", "a.b(c=1).d[0].e"),
        ("5 . x", "5.x"),
        ("-`i`.j", "-`i`.j"),
        ("NOT NOT a = 1", "NOT NOT a = 1"),
        ("1AND 2", "1  AND 2"),
        ("a ||| b", "a ||| b"),
        ("1 --2\n + 3", "1 + 3"),
        ("1/2*3", "1 / 2 * 3"),
    ] {
        assert_eq!(print(text), expected, "{text}");
    }
    let ExprKind::Symbol(symbol) = body("`a\\tb`") else {
        panic!()
    };
    assert_eq!(&*symbol.path[0].text, "a\\tb");
    let ExprKind::Paren(list) = body("(1,)") else {
        panic!()
    };
    assert!(list.is_array());
    let ExprKind::Paren(list) = body("(1)") else {
        panic!()
    };
    assert!(!list.is_array());

    let lambda = parse_lambda("a, b => a * b").unwrap();
    assert_eq!(
        (lambda.params.len(), peregrine_vql::print_expr(&lambda.body)),
        (2, "a * b".to_owned())
    );
    for refused in [
        "",
        "x",
        "x=>",
        "=> 1",
        "x => y z",
        "x, => 1",
        "(x) => 1",
        "x => SELECT * FROM y",
    ] {
        assert!(parse_lambda(refused).is_err(), "{refused}");
    }
}

/// Pieces that often make sense together, so that many random sequences parse.
#[rustfmt::skip]
const PIECES: [&str; 78] = [
    "SELECT ", "SELECT * FROM x ", "LET a = ", "LET f(x, y=2) <= ", " FROM ", " FROM info() ", " WHERE ",
    " GROUP BY ", " ORDER BY x ", " DESC ", " LIMIT 3 ", " EXPLAIN ", " AS `b c` ", " AS d", " AND ",
    " && ", " OR ", " || ", " NOT ", " IN ", " NULL ", " TRUE ", "false", "1", "-2", "0x1F", "010", "1e3",
    ".5", "0xFFFFFFFFFFFFFFFFFF", " a ", "b.c", "`x y`", "-n", "'str'", "\"q\\\"\"", "'''raw'''",
    "'two\nlines  \n'", "f(", "f(a=1, b=", "g()", "a={ SELECT ", " }", "{", "}", "[", "]", "[0]", "[1:n]",
    "=[", "(", ")", ", ", ",", ".", ":", " = ", " != ", " <> ", " < ", " <= ", " >= ", "=>", " =~ ", " - ",
    " + ", " * ", " / ", "%", "-- c\n", "// d\n", "/* e */", "'", "`", "é", ";", "\n",
    "plugin_with_a_long_name(argument_number_one=",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn token_soup(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40)) {
        exercise(&pieces.concat());
    }

    #[test]
    fn any_text(text in "\\PC{0,60}") {
        exercise(&text);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        match parse_bytes(&bytes) {
            Ok(file) => print_all(&file),
            Err(errors) => prop_assert!(!errors.is_empty() && errors[0].line > 0),
        }
        exercise(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn expressions(text in expression()) {
        exercise(&format!("LET a = {text}"));
        exercise(&format!("SELECT {text} AS b, {text} FROM f(a={text}) WHERE {text} GROUP BY a, {text} LIMIT 1"));
        parse(&format!("LET a = {text}")).unwrap();
    }
}

/// Expressions that are valid by construction, with comments where they are accepted.
fn expression() -> impl Strategy<Value = String> {
    let comment = prop::sample::select(&["", "", "", "", "-- c\n", "/* c */"][..]);
    let leaf = (
        comment,
        prop::sample::select(
            &[
                "1",
                "-2",
                "2.50",
                "name",
                "long_name_of_something.member",
                "-`x y`",
                "'text'",
                "NULL",
                "true",
                "f()",
                "'''raw'''",
            ][..],
        ),
    )
        .prop_map(|(comment, leaf)| format!("{comment}{leaf}"));
    leaf.prop_recursive(6, 60, 4, |inner| {
        let operator =
            prop::sample::select(&["AND", "&&", "OR", "||", "+", "- ", "*", "/", "=", "<", "IN", "=~"][..]);
        let comment = prop::sample::select(&["", "", "-- d\n", "/* d */"][..]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            inner.clone().prop_map(|a| format!("NOT {a}")),
            (inner.clone(), inner.clone(), comment.clone())
                .prop_map(|(a, b, c)| format!("({a}, {c}{b}, {c})")),
            (inner.clone(), inner.clone(), comment)
                .prop_map(|(a, b, c)| format!("call(first={a}, {c}second_argument={b})")),
            inner
                .clone()
                .prop_map(|a| format!("call(list=[{a}, 2], query={{ SELECT {a} FROM x }}, none=[])")),
            inner.prop_map(|a| format!("l[0:({a})].m[n]")),
        ]
    })
}
