//! Requests of an editor, with `|` for the cursor.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use crate::common::small;
use peregrine_vql_ide::{
    Argument, Surroundings, Token, What, complete, hover, occurrence_at, rename, signature, tokens,
};

fn around() -> Surroundings {
    let mut around = Surroundings::open();
    around.variables.push(Argument {
        name: "Path".to_owned(),
        type_name: "parameter: regex".to_owned(),
        doc: "Which files.".to_owned(),
        ..Argument::default()
    });
    around
}

fn cursor(text: &str) -> (String, usize) {
    let at = text.find('|').unwrap();
    (text.replacen('|', "", 1), at)
}

fn proposals(text: &str) -> Vec<String> {
    let (text, at) = cursor(text);
    let (_, found) = complete(&text, at, &around(), &small());
    found.into_iter().map(|candidate| candidate.text).collect()
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(proposals(text), expected, "{text}");
}

#[test]
fn what_fits_the_place_is_proposed() {
    check("SELECT * FROM psl|", &["pslist("]);
    check("SELECT * FROM range(en|", &["end="]);
    check("SELECT * FROM range(end=1) WHERE subs|", &["substr("]);
    check(
        "SELECT filter(list=1, |) FROM scope()",
        &["list=", "condition=", "regex="],
    );
    check("SELECT * FROM info() WHE|", &["WHERE"]);
    check("SELECT * FROM Artifact.Lin|", &["Artifact.Linux.Files("]);
    check("SELECT * FROM Artifact.Linux.Files(De|", &["Depth="]);
    check("SELECT 'psl|", &[]);
    check("SELECT 1 -- psl|", &[]);
    check("SELECT Hostname AS na|", &[]);
    check("LET MyList = 1 SELECT * FROM MyL|", &["MyList"]);
    check(
        "LET f(first, second=2) = 1 SELECT f(|) FROM scope()",
        &["first=", "second="],
    );
    check("LET f(first) = fir| SELECT f(first=1) FROM scope()", &["first"]);
    check("SELECT Pa| FROM scope()", &["Path"]);
}

#[test]
fn columns_are_those_of_the_source() {
    check("SELECT | FROM info()", &["Hostname", "Uptime", "OS", "Path"]);
    check("SELECT Hostname, Upt| FROM info()", &["Uptime"]);
    check("SELECT substr(str=Ho| FROM info()", &["Hostname"]);
    check("SELECT * FROM info() WHERE Upt|", &["Uptime"]);
    check("SELECT Hostname AS Name FROM info() WHERE Na|", &["Name"]);
    check(
        "SELECT Hostname AS Name, Uptime FROM info() ORDER BY |",
        &["Name", "Uptime"],
    );
    check(
        "LET q = SELECT Uid AS Ident FROM users()\nSELECT Ide| FROM q",
        &["Ident"],
    );
    check(
        "LET q = SELECT Uid AS Number FROM users()\nSELECT q.Nu| FROM scope()",
        &["q.Number"],
    );
    check(
        "SELECT * FROM foreach(row={ SELECT * FROM users() }, query={ SELECT Ui| FROM info()",
        &["Uid"],
    );
    check(
        "SELECT * FROM foreach(row={ SELECT * FROM users() }, query={ SELECT Host| FROM info() })",
        &["Hostname"],
    );
}

#[test]
fn a_call_shows_what_it_takes() {
    let shown = |text: &str| {
        let (text, at) = cursor(text);
        signature(&text, at, &around(), &small()).map(|found| (found.label, found.active))
    };
    let substr = || "substr(str=string, start=int64?)".to_owned();
    assert_eq!(shown("SELECT substr(|"), Some((substr(), None)));
    assert_eq!(
        shown("SELECT substr(str='a, (', start=|) FROM scope()"),
        Some((substr(), Some(1)))
    );
    assert_eq!(
        shown("SELECT substr(str=dict(a=1), sta|) FROM scope()"),
        Some((substr(), Some(1)))
    );
    assert_eq!(shown("SELECT substr(str=(1 + |"), Some((substr(), Some(0))));
    assert_eq!(shown("SELECT dict(|"), Some(("dict(…)".to_owned(), None)));
    assert_eq!(
        shown("LET f(a, b=1) = a SELECT f(a=|"),
        Some(("f(a, b?)".to_owned(), Some(0)))
    );
    assert_eq!(shown("SELECT 1 FROM scope() WHERE (|"), None);
    let artifact = "Artifact.Linux.Files(Path?, Depth?, source?, preconditions?)";
    assert_eq!(
        shown("SELECT * FROM Artifact.Linux.Files(Depth=|"),
        Some((artifact.to_owned(), Some(1)))
    );
}

#[test]
fn names_explain_themselves() {
    let page = |text: &str| {
        let (text, at) = cursor(text);
        hover(&text, at, &around(), &small())
            .map(|(_, page)| page)
            .unwrap_or_default()
    };
    assert!(page("SELECT sub|str(str='a') FROM scope()").contains("Cuts a string."));
    assert_eq!(
        page("SELECT substr(s|tr='a') FROM scope()"),
        "`str` (string) Required."
    );
    assert_eq!(
        page("SELECT Up|time FROM info()"),
        "`Uptime`: column of `info()`\n\nWhat Uptime holds."
    );
    assert_eq!(
        page("LET x = 1 + 2 SELECT |x FROM scope()"),
        "```vql\nLET x = 1 + 2\n```"
    );
    assert_eq!(
        page("SELECT Pa|th FROM scope()"),
        "`Path` (parameter: regex): Which files."
    );
    assert_eq!(
        page("LET f(a) = |a SELECT f(a=1) FROM scope()"),
        "`a`: parameter of `f`"
    );
    assert!(page("SELECT * FROM Artifact.Linux.Fi|les()").starts_with("**Linux.Files**"));
    assert!(page("SELECT 1 FROM scope() LIM|IT 1").contains("Stops"));
    assert_eq!(page("SELECT Nobody|Knows FROM pslist()"), "");
}

/// Renames the name at the cursor and returns the resulting text, or the refusal.
fn renamed(text: &str, new: &str) -> String {
    let (text, at) = cursor(text);
    let (around, catalogue) = (around(), small());
    let what = occurrence_at(&text, at, &around, &catalogue).map(|found| found.what);
    let what = what.unwrap_or(What::Unknown(String::new()));
    match rename(&[(&text, &around)], &what, new, &catalogue) {
        Err(refusal) => format!("refused: {refusal}"),
        Ok((spans, new)) => {
            let mut text = text.clone();
            for span in spans[0].iter().rev() {
                text.replace_range(span.start as usize..span.end as usize, &new);
            }
            text
        }
    }
}

#[track_caller]
fn check_rename(text: &str, new: &str, expected: &str) {
    assert_eq!(renamed(text, new), expected);
}

#[test]
fn lets_and_parameters_are_renamed() {
    check_rename(
        "LET rows = SELECT * FROM users() SELECT rows.Uid FROM r|ows WHERE filter(list=1, condition='v => v IN rows')",
        "all",
        "LET all = SELECT * FROM users() SELECT all.Uid FROM all WHERE filter(list=1, condition='v => v IN all')",
    );
    check_rename(
        "LET f(a, b=2) = a + b SELECT f(|a=1), a FROM pslist()",
        "first",
        "refused: `a` is an argument of `f`; rename it where that is defined",
    );
    check_rename(
        "LET f(|a, b=2) = a + dict(a=a).a SELECT f(a=1) FROM pslist()",
        "first",
        "LET f(first, b=2) = first + dict(a=first).a SELECT f(first=1) FROM pslist()",
    );
    check_rename(
        "LET x| = 1 SELECT x FROM scope()",
        "a b",
        "LET `a b` = 1 SELECT `a b` FROM scope()",
    );
    check_rename(
        "SELECT Pa|th FROM scope() WHERE Path",
        "Where",
        "SELECT `Where` FROM scope() WHERE `Where`",
    );
}

#[test]
fn what_would_change_the_meaning_is_refused() {
    let refused = |text: &str, new: &str, words: &str| {
        let outcome = renamed(text, new);
        assert!(
            outcome.starts_with("refused: ") && outcome.contains(words),
            "{outcome}"
        );
    };
    refused("SELECT sub|str(str='a') FROM scope()", "x", "built-in function");
    refused("SELECT * FROM us|ers()", "x", "built-in plugin");
    refused("SELECT Us|er FROM users()", "x", "is a column");
    refused(
        "LET x| = 1 SELECT 2 AS x, x FROM scope()",
        "y",
        "also the name of a column",
    );
    refused(
        "LET x| = 1 LET y = 2 SELECT x + y FROM scope()",
        "y",
        "already the name",
    );
    refused(
        "LET x| = 1 SELECT x FROM users()",
        "Uid",
        "would be taken instead",
    );
    refused("LET x|(a) = 1 SELECT x(a=1) FROM users()", "substr", "built in");
    refused(
        "LET g = a LET f(|a) = g SELECT f(a=1) FROM scope()",
        "b",
        "used outside `f`",
    );
    refused("LET x| = 1 SELECT x FROM scope()", " ", "at least one character");
    refused(
        "LET x| = 1 SELECT filter(list=1, condition='v => v + x + \\'a\\'') FROM scope()",
        "y",
        "has escapes",
    );
}

#[test]
fn words_have_colours() {
    let text = "LET f(a) = a -- c\nSELECT f(a=1), (b = 'x') FROM pslist() WHERE Artifact.X.Y(p=2)";
    let catalogue = small();
    let found: Vec<(Token, &str)> = tokens(text, &catalogue)
        .map(|(token, range)| (token, &text[range]))
        .collect();
    let of = |wanted: Token| -> Vec<&str> {
        found
            .iter()
            .filter(|(token, _)| *token == wanted)
            .map(|(_, text)| *text)
            .collect()
    };
    assert_eq!(of(Token::Keyword), ["LET", "SELECT", "FROM", "WHERE"]);
    assert_eq!(of(Token::Definition), ["f"]);
    assert_eq!(of(Token::Function), ["f"]);
    assert_eq!(of(Token::Plugin), ["pslist"]);
    assert_eq!(of(Token::Argument), ["a", "p"]);
    assert_eq!(of(Token::Variable), ["a", "a", "b"]);
    assert_eq!(of(Token::Artifact), ["Artifact.X.Y"]);
    assert_eq!(of(Token::Comment), ["-- c"]);
    assert_eq!(of(Token::Number), ["1", "2"]);
}

/// Every prefix, and the text with each character gone or doubled.
#[test]
fn damaged_texts_are_survived() {
    let text = "LET f(a, `é b`=[1, 2]) = a[0:2].x + 'ß\\'' -- ü\nSELECT *, { SELECT Uid FROM users() } AS y, f(a=Path) \
                FROM foreach(row={ SELECT * FROM info() }, query={ SELECT * FROM Artifact.Linux.Files(Path='''x''') }) \
                WHERE NOT x =~ '(?i)é' GROUP BY `a.b` ORDER BY y DESC LIMIT 3";
    let (around, catalogue) = (around(), small());
    let mut damaged: Vec<String> = Vec::new();
    for (at, c) in text.char_indices() {
        damaged.push(text[..at].to_owned());
        damaged.push(format!("{}{}", &text[..at], &text[at + c.len_utf8()..]));
        damaged.push(format!("{}{c}{}", &text[..at], &text[at..]));
    }
    for (number, text) in damaged.iter().enumerate() {
        let mut at = (number * 7) % (text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let _ = peregrine_vql_ide::lint(text, &around, &catalogue);
        let _ = complete(text, at, &around, &catalogue);
        let _ = complete(text, text.len(), &around, &catalogue);
        let _ = signature(text, at, &around, &catalogue);
        let _ = hover(text, at, &around, &catalogue);
        let _ = tokens(text, &catalogue).count();
        if let Some(found) = occurrence_at(text, at, &around, &catalogue)
            && let Ok((spans, _)) = rename(&[(text, &around)], &found.what, "fresh", &catalogue)
        {
            for span in &spans[0] {
                assert!(text.get(span.start as usize..span.end as usize).is_some());
            }
        }
    }
}
