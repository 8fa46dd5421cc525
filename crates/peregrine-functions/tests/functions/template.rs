//! `template()`: Sprig's functions, values of the language, bounds.
#![cfg(feature = "templates")]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use peregrine_engine::context::Context;
use peregrine_engine::log::MemoryLog;
use peregrine_engine::prelude::*;
use peregrine_engine::{Program, builtin};

/// The output of a template for `expansion`, and the messages.
fn run(template: &str, expansion: &str, more: &str) -> (Value, Vec<String>) {
    let log = Arc::new(MemoryLog::default());
    let registry = Arc::new(peregrine_functions::register(builtin::registry()));
    let context = Context::builder().registry(registry).log(log.clone()).build();
    let scope = Scope::root(&context, Dict::from_pairs([("T", template)]));
    let query =
        format!("LET X = 5 SELECT template(template=T, expansion={expansion} {more}) AS V FROM scope()");
    let mut rows: Vec<Row> = Vec::new();
    let _ = Program::compile(&query).unwrap().run(&scope, &mut rows);
    (rows[0].get("V").unwrap().reduce(&scope), log.lines())
}

fn check(template: &str, expected: &str) {
    let expansion = "dict(S='hello world', N=3, F=1.5, L=['b', 'a', 'b'], D=dict(k='v', n=dict(m=1)), Z=NULL, \
                     T=timestamp(epoch=1700000000), R={ SELECT _value AS V FROM range(end=2) })";
    let (value, log) = run(template, expansion, "");
    assert_eq!(
        value.as_str().map(ToString::to_string).as_deref(),
        Some(expected),
        "{template}: {value:?} {log:?}"
    );
}

#[test]
fn the_language_of_templates() {
    check("a \\\nb", "a b");
    check("  \n", "  \n");
    check("", "");
    check("{{- /* nothing */ -}}", "");
    check("{{ if .N }}yes{{ else }}no{{ end }}", "yes");
    check("{{ with .Z }}x{{ else }}none{{ end }}", "none");
    check("{{ range $i, $e := .L }}{{ $i }}{{ $e }} {{ end }}", "0b 1a 2b ");
    check(
        "{{ define \"a\" }}<{{ . }}>{{ end }}{{ template \"a\" .N }}",
        "<3>",
    );
    check("{{ range .R }}{{ .V }},{{ end }}", "0,1,");
    check("{{ .D.n.m }}", "1");
    check("{{ $x := .N }}{{ $x }}", "3");
}

#[test]
fn values_of_the_language() {
    check("{{ Get .D \"n.m\" }}", "1");
    check("{{ Get .D \"n\" }}", "{\"m\":1}");
    check("{{ Get .T \"Unix\" }}", "1700000000");
    check("{{ .T }}", "2023-11-14 22:13:20 +0000 UTC");
    check("{{ Scope \"X\" }}", "5");
    check("{{ .L }} {{ .F }} {{ .Z }}", "[b a b] 1.5 <no value>");
    check("{{ str .D }}", "{\"k\":\"v\",\"n\":{\"m\":1}}");
    // Comparison of VQL: whole numbers and fractions, and negative numbers are false.
    check(
        "{{ eq .N 3.0 }} {{ lt .F .N }} {{ gt .F .N }} {{ bool -1 }} {{ not \"0\" }}",
        "true true false false false",
    );
    check("{{ dateInZone \"2006-01-02\" .T \"UTC\" }}", "2023-11-14");
}

#[test]
fn functions_of_sprig() {
    for (template, expected) in [
        (
            "{{ title .S }} {{ .S | upper }} {{ initials .S }}",
            "Hello World HELLO WORLD hw",
        ),
        (
            "{{ trunc 3 .S }} {{ trunc -3 .S }} {{ abbrev 8 .S }}",
            "hel rld hello...",
        ),
        ("{{ substr 0 4 .S }}|{{ substr 6 -1 .S }}", "hell|world"),
        (
            "{{ snakecase \"FirstName\" }} {{ kebabcase \"HTTPServer\" }} {{ camelcase \"http_server\" }}",
            "first_name http-server HttpServer",
        ),
        (
            "{{ quote .S .N }} {{ squote .S }}",
            "\"hello world\" \"3\" 'hello world'",
        ),
        ("{{ indent 2 \"a\\nb\" }}", "  a\n  b"),
        ("{{ replace \"o\" \"0\" .S }}", "hell0 w0rld"),
        ("{{ plural \"one\" \"many\" .N }}", "many"),
        ("{{ wrap 5 .S }}", "hello\nworld"),
        (
            "{{ add 1 2 3 }} {{ sub 5 3 }} {{ div 7 2 }} {{ mod 7 2 }} {{ mul 2 3 4 }}",
            "6 2 3 1 24",
        ),
        (
            "{{ max 1 5 3 }} {{ min 4 2 }} {{ addf 0.1 0.2 }} {{ round 123.5555 2 }}",
            "5 2 0.3 123.56",
        ),
        (
            "{{ until 3 }} {{ untilStep 1 9 3 }} {{ seq 0 2 6 }}",
            "[0 1 2] [1 4 7] 0 2 4 6",
        ),
        (
            "{{ .L | sortAlpha | join \"-\" }} {{ uniq .L }} {{ without .L \"b\" }}",
            "a-b-b [b a] [a]",
        ),
        (
            "{{ first .L }}{{ last .L }} {{ rest .L }} {{ has \"a\" .L }} {{ slice .L 1 2 }}",
            "bb [a b] true [a]",
        ),
        (
            "{{ chunk 2 .L }} {{ concat .L (list 1) }}",
            "[[b a] [b]] [b a b 1]",
        ),
        (
            "{{ default \"d\" .Z }} {{ coalesce .Z 0 \"x\" }} {{ ternary \"y\" \"n\" true }}",
            "d x y",
        ),
        (
            "{{ get .D \"k\" }} {{ hasKey .D \"x\" }} {{ dig \"n\" \"m\" 9 .D }} {{ dig \"q\" \"m\" 9 .D }}",
            "v false 1 9",
        ),
        (
            "{{ dict \"a\" 1 | toJson }} {{ fromJson \"[1,2]\" }}",
            "{\"a\":1} [1 2]",
        ),
        (
            "{{ toPrettyJson (dict \"a\" (list 1)) }}",
            "{\n  \"a\": [\n    1\n  ]\n}",
        ),
        (
            "{{ merge (dict \"a\" 1) (dict \"a\" 2 \"b\" 3) | toJson }}",
            "{\"a\":1,\"b\":3}",
        ),
        (
            "{{ b64enc .S }} {{ b64dec \"eA==\" }} {{ sha1sum \"a\" }}",
            "aGVsbG8gd29ybGQ= x 86f7e437faa5a7fce15d1ddcb9eaeaea377667b8",
        ),
        ("{{ adler32sum \"Wikipedia\" }}", "300286872"),
        (
            "{{ regexMatch \"^h\" .S }} {{ regexFind \"w.\" .S }} {{ regexReplaceAll \"(l+)\" .S \"<$1>\" }}",
            "true wo he<ll>o wor<l>d",
        ),
        (
            "{{ regexSplit \"l+\" .S -1 }} {{ regexFindAll \"o\" .S 1 }}",
            "[he o wor d] [o]",
        ),
        (
            "{{ base \"/a/b.txt\" }} {{ dir \"/a/b\" }} {{ ext \"b.txt\" }} {{ clean \"/a/../b\" }}",
            "b.txt /a .txt /b",
        ),
        ("{{ (urlParse \"http://u@h:1/p?q=1#f\").host }}", "h:1"),
        (
            "{{ (semver \"1.2.3-a\").Minor }} {{ semverCompare \"^1.2\" \"1.9.0\" }} {{ semverCompare \"~1.2\" \"1.3.0\" }}",
            "2 true false",
        ),
        ("{{ duration 3661 }} {{ durationRound \"2h10m\" }}", "1h1m1s 2h"),
        (
            "{{ typeOf .S }} {{ kindOf .L }} {{ kindIs \"map\" .D }}",
            "string slice true",
        ),
        (
            "{{ printf \"%05d %s\" 42 .S }} {{ print 1 2 \"a\" }} {{ cat \"a\" 1 }}",
            "00042 hello world 1 2a a 1",
        ),
        (
            "{{ len (uuidv4) }} {{ len (randAlphaNum 12) }} {{ env }}",
            "36 12 ",
        ),
        (
            "{{ splitList \",\" \"a,b\" }} {{ (split \",\" \"a,b\")._1 }} {{ (splitn \",\" 2 \"a,b,c\")._1 }}",
            "[a b] b b,c",
        ),
    ] {
        check(template, expected);
    }
}

#[test]
fn what_cannot_be_is_told() {
    for (template, message) in [
        ("{{ fail \"no\" }}", "no"),
        ("{{ div 1 0 }}", "division by zero"),
        ("{{ env \"PATH\" }}", "wrong number of arguments"),
        ("{{ until 100000000 }}", "more than 1000000 numbers"),
        ("{{ repeat 1000000000 \"xxxxxxxx\" }}", "too long"),
        (
            "{{ $x := \"ab\" }}{{ range until 60 }}{{ $x = print $x $x }}{{ end }}",
            "too long",
        ),
        (
            "{{ $x := list 1 2 }}{{ range until 60 }}{{ $x = concat $x $x }}{{ end }}",
            "too long",
        ),
        (
            "{{ range until 1000 }}{{ repeat 1000000 \"x\" }}{{ end }}",
            "template: ",
        ),
        (
            "{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}",
            "recursion limit exceeded",
        ),
        ("{{ semverCompare \"?1\" \"1\" }}", "not a comparison of versions"),
    ] {
        let (value, log) = run(template, "dict()", "");
        assert!(value.is_null(), "{template}: {value:?}");
        assert!(
            log.iter().any(|line| line.contains(message)),
            "{template}: {log:?}"
        );
    }
}

#[test]
fn html_is_escaped_where_it_must() {
    let (value, log) = run(
        "<a href=\"/?q={{ .Q }}\" onclick='f({{ .D }})'>{{ .Q | upper }}{{ .None }}</a>",
        "dict(Q='<&a b', D=dict(a=1))",
        ", html=TRUE",
    );
    assert_eq!(
        value.as_str().unwrap().to_string(),
        "<a href=\"/?q=%3c%26a%20b\" onclick='f({&#34;a&#34;:1})'>&lt;&amp;A B</a>",
        "{log:?}"
    );
}
