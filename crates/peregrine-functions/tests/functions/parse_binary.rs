//! Profiles of `parse_binary()`: every type, the members of structures and arrays, and hostile input.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use peregrine_engine::context::Context;
use peregrine_engine::log::MemoryLog;
use peregrine_engine::prelude::*;
use peregrine_engine::{Program, builtin, json};
use proptest::prelude::*;

/// The rows of a query, as JSON, and the logged messages.
fn run(query: &str, data: &[u8], profile: &str) -> (String, Vec<String>) {
    let log = Arc::new(MemoryLog::default());
    let registry = Arc::new(peregrine_functions::register(builtin::registry()));
    let context = Context::builder().registry(registry).log(log.clone()).build();
    let env = Dict::from_pairs([("Bytes", Value::str(data)), ("P", Value::from(profile))]);
    let scope = Scope::root(&context, env);
    let mut rows: Vec<Row> = Vec::new();
    let _ = Program::compile(query).unwrap().run(&scope, &mut rows);
    let mut out = Vec::new();
    for row in rows {
        json::write_row(&scope, &row, &mut out);
    }
    let lines = log
        .lines()
        .into_iter()
        .filter(|line| !line.starts_with("DEBUG:"))
        .collect();
    (String::from_utf8(out).unwrap(), lines)
}

const LET: &str = "LET X <= parse_binary(accessor='data', filename=Bytes, profile=P, struct='S') ";

/// An expression over the structure `S`.
fn value(expression: &str, data: &[u8], profile: &str) -> String {
    let (shown, lines) = run(
        &format!("{LET} SELECT {expression} AS V FROM scope()"),
        data,
        profile,
    );
    assert!(lines.is_empty(), "{expression}: {lines:?}");
    shown
        .strip_prefix("{\"V\":")
        .unwrap()
        .strip_suffix('}')
        .unwrap()
        .to_owned()
}

/// The first complaint about a profile.
fn complaint(profile: &str) -> String {
    run(
        &format!("{LET} SELECT X AS V FROM scope()"),
        b"\x01\x02\x03\x04",
        profile,
    )
    .1
    .into_iter()
    .next()
    .unwrap_or_default()
}

/// The value of a single field at offset 0.
fn field(kind: &str, options: &str, data: &[u8]) -> String {
    value("X.F", data, &format!(r#"[["S",0,[["F",0,"{kind}",{options}]]]]"#))
}

#[test]
fn numbers() {
    let data = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81];
    for (kind, expected) in [
        ("uint8", "254"),
        ("int8", "-2"),
        ("byte", "254"),
        ("char", "-2"),
        ("uint16", "65534"),
        ("int16", "-2"),
        ("uint16b", "65279"),
        ("uint16be", "65279"),
        ("int16b", "-257"),
        ("uint32", "4294967294"),
        ("unsigned long", "4294967294"),
        ("int", "-2"),
        ("int32b", "-16777217"),
        ("uint64", "9367487224930631678"),
        ("int64b", "-72057594037928063"),
    ] {
        assert_eq!(field(kind, "null", &data), expected, "{kind}");
    }
    assert_eq!(field("float64", "null", &1.5f64.to_le_bytes()), "1.5");
    assert_eq!(field("float64be", "null", &1.5f64.to_be_bytes()), "1.5");
    assert_eq!(field("uint32", "null", b"\x01"), "1");
    assert_eq!(field("uint32", "null", b""), "0");
    assert_eq!(field("leb128", "null", b"\xe5\x8e\x26"), "624485");
    assert_eq!(field("sleb128", "null", b"\xc0\xbb\x78"), "-123456");
    let profile = r#"[["S",0,[["V",1,"leb128"],["A","x=>x.V.EndOf","uint8"]]]]"#;
    assert_eq!(
        value(
            "(X.V + 1, X.V.SizeOf, X.V.OffsetOf, X.A)",
            b"_\x80\x01\x07",
            profile
        ),
        "[129,2,1,7]"
    );
}

#[test]
fn strings() {
    assert_eq!(field("String", "null", b"abc\0def"), r#""abc""#);
    assert_eq!(
        field("String", r#"{"term":""}"#, b"abc\0def"),
        r#""abc\u0000def""#
    );
    assert_eq!(field("String", r#"{"length":2}"#, b"abc"), r#""ab""#);
    assert_eq!(
        field("String", r#"{"length":10,"max_length":1}"#, b"abc"),
        r#""a""#
    );
    assert_eq!(field("String", r#"{"term":"::"}"#, b"a:b::c"), r#""a:b""#);
    assert_eq!(
        field("String", r#"{"term_hex":"0d0a"}"#, b"a\rb\r\nc"),
        r#""a\rb""#
    );
    assert_eq!(field("String", r#"{"term_exp":"x=>'c'"}"#, b"abc"), r#""ab""#);
    assert_eq!(
        field("String", r#"{"encoding":"utf16"}"#, b"a\0\0\x01b\0\0\0c\0"),
        r#""aĀb""#
    );
    assert_eq!(
        field("String", r#"{"encoding":"utf16","length":4}"#, b"a\0b\0c\0"),
        r#""ab""#
    );
    assert_eq!(field("String", r#"{"byte_string":true}"#, b"\xff\0"), r#""/w==""#);
    let long = "x".repeat(1500);
    assert_eq!(field("String", "null", long.as_bytes()).len(), 1026);
}

#[test]
fn choices_and_bits() {
    let choices = r#"{"type":"uint8","choices":{"1":"one","0x02":"two"},"map":{"three":3}}"#;
    assert_eq!(field("Enumeration", choices, b"\x02"), r#""two""#);
    assert_eq!(field("Enumeration", choices, b"\x03"), r#""three""#);
    assert_eq!(field("Enumeration", choices, b"\x1f"), r#""0x1f""#);
    let bits = r#"{"type":"uint16","bitmap":{"high":15,"b":1,"a":0}}"#;
    assert_eq!(field("Flags", bits, b"\x03\x80"), r#"["a","b","high"]"#);
    assert_eq!(
        field(
            "BitField",
            r#"{"type":"uint8","start_bit":4,"end_bit":7}"#,
            b"\xf5"
        ),
        "7"
    );
    assert_eq!(field("BitField", r#"{"type":"uint64"}"#, &[0xff; 8]), "-1");
    assert_eq!(field("Value", r#"{"value":7}"#, b""), "7");
    assert_eq!(field("Value", r#"{"value":"x=>x.StartOf + 1"}"#, b""), "1");
}

#[test]
fn times() {
    let at = |value: u64| value.to_le_bytes();
    assert_eq!(
        field(
            "Timestamp",
            r#"{"type":"uint32"}"#,
            &1_700_000_000u32.to_le_bytes()
        ),
        r#""2023-11-14T22:13:20Z""#
    );
    assert_eq!(
        field("Timestamp", r#"{"factor":1000}"#, &at(1_700_000_000_250)),
        r#""2023-11-14T22:13:20.25Z""#
    );
    assert_eq!(field("Timestamp", "null", &at(u64::MAX >> 1)), "null");
    assert_eq!(
        field("WinFileTime", "null", &at(132_514_654_441_234_567)),
        r#""2020-12-03T10:37:24.1234567Z""#
    );
    assert_eq!(
        field("FatTimestamp", "null", &[0x6e, 0x57, 0xa5, 0x53]),
        r#""2023-11-14T10:29:10Z""#
    );
    assert_eq!(field("FatTimestamp", "null", &[0; 4]), "null");
}

#[test]
fn arrays() {
    assert_eq!(
        field("Array", r#"{"type":"uint8","count":3}"#, b"\x01\x02\x03\x04"),
        "[1,2,3]"
    );
    assert_eq!(
        field(
            "Array",
            r#"{"type":"uint8","count":"x=>1 + 1"}"#,
            b"\x01\x02\x03\x04"
        ),
        "[1,2]"
    );
    assert_eq!(
        field(
            "Array",
            r#"{"type":"uint8","count":9,"max_count":1}"#,
            b"\x01\x02"
        ),
        "[1]"
    );
    assert_eq!(
        field(
            "Array",
            r#"{"type":"uint8","count":9,"sentinel":"x=>x = 0"}"#,
            b"\x01\x02\0\x04"
        ),
        "[1,2]"
    );
    assert_eq!(
        field(
            "Array",
            r#"{"type":"String","count":9,"sentinel":"x=>x = ''"}"#,
            b"a\0bc\0\0d\0"
        ),
        r#"["a","bc"]"#
    );
    assert_eq!(
        field(
            "Array",
            r#"{"type":"Value","type_options":{"value":1},"count":9}"#,
            b""
        ),
        "[]"
    );
    let data = b"\x02\x80\x01\x05";
    let profile = r#"[["S",0,[["A",1,"Array",{"type":"leb128","count":2}]]]]"#;
    assert_eq!(
        value("(X.A, X.A.SizeOf, X.A.StartOf, X.A.EndOf)", data, profile),
        "[[128,5],3,1,4]"
    );
    assert_eq!(value("X.A.ContentsOf", data, profile), "[128,5]");
    assert_eq!(
        value("(X.A[1], X.A[-1], X.A[2], len(list=X.A))", data, profile),
        "[5,5,null,2]"
    );
    let nested = r#"[["S",0,[["A",0,"Array",{"type":"E","count":2}]]],["E",2,[["N",0,"uint8"],["P",1,"Value",{"value":"x=>x.Parent.StartOf"}]]]]"#;
    assert_eq!(value("X.A.N", data, nested), "[2,1]");
    assert_eq!(value("X.A", data, nested), r#"[{"N":2,"P":0},{"N":1,"P":0}]"#);
    let (rows, _) = run(&format!("{LET} SELECT N FROM X.A"), data, nested);
    assert_eq!(rows, r#"{"N":2}{"N":1}"#);
    let (rows, _) = run(
        &format!("{LET} SELECT _value FROM foreach(row=X.A)"),
        data,
        profile,
    );
    assert_eq!(rows, r#"{"_value":128}{"_value":5}"#);
    let (rows, _) = run(&format!("{LET} SELECT * FROM items(item=X.A)"), data, profile);
    assert_eq!(rows, r#"{"_key":0,"_value":128}{"_key":1,"_value":5}"#);
}

#[test]
fn structures() {
    let profile = r#"[
        ["S", "x=>x.N + 3", [
            ["N", 0, "uint8"],
            ["Sub", 1, "Inner"],
            ["__hidden", 0, "uint8"],
            ["After", "x=>x.`@Sub`.RelEndOf", "uint8"],
            ["Seen", 0, "Value", {"value": "x=>this.N + x.__hidden + Extra"}]
        ]],
        ["Inner", 0, [["A", 0, "uint8"], ["B", 1, "uint16"], ["Up", 0, "Value", {"value": "x=>x.Parent.N"}]]]
    ]"#;
    let data = b"\x02\x0a\x0b\x00\x0c";
    let query = "LET Extra = 1 LET X <= parse_binary(accessor='data', filename=Bytes, profile=P, struct='S', env=dict(Extra=100))";
    let (rows, lines) = run(&format!("{query} SELECT X FROM scope()"), data, profile);
    assert_eq!(
        rows, r#"{"X":{"N":2,"Sub":{"A":10,"B":11,"Up":2},"After":12,"Seen":104}}"#,
        "{lines:?}"
    );
    assert_eq!(
        value(
            "(X.SizeOf, X.Sub.SizeOf, X.Sub.EndOf, X.Sub.ParentOf.N)",
            data,
            profile
        ),
        "[5,3,4,2]"
    );
    assert_eq!(
        value(
            "(X.`@Sub`.OffsetOf, X.`@Sub`.SizeOf, X.`@After`.RelOffset)",
            data,
            profile
        ),
        "[1,3,4]"
    );
    // A real field goes before a member of every structure.
    assert_eq!(value("X.Size", b"\x05", r#"[["S",9,[["Size",0,"uint8"]]]]"#), "5");
    let (rows, _) = run(
        &format!("{LET} SELECT * FROM foreach(row=[X,])"),
        b"\x05",
        r#"[["S",9,[["A",0,"uint8"]]]]"#,
    );
    assert_eq!(rows, r#"{"A":5}"#);
}

#[test]
fn elsewhere_in_the_file() {
    let union = r#"[["S",0,[["K",0,"uint8"],["U",1,"Union",{"selector":"x=>x.K","choices":{"1":"uint8","2":"T","default":"uint16"}}]]],["T",1,[["V",0,"uint8"]]]]"#;
    assert_eq!(value("X.U", b"\x01\x05\x06", union), "5");
    assert_eq!(value("X.U", b"\x02\x05\x06", union), r#"{"V":5}"#);
    assert_eq!(value("X.U", b"\x03\x05\x06", union), "1541");
    let pointer = r#"[["S",0,[["P",0,"Pointer",{"type":"uint8"}],["Q",0,"Profile",{"type":"String","type_options":{"length":1},"offset":"x=>9"}]]]]"#;
    assert_eq!(
        value("(X.P, X.Q, X.`@P`.SizeOf)", b"\x08\0\0\0\0\0\0\0\x2a!", pointer),
        r#"[42,"!",8]"#
    );
}

#[test]
fn yaml_is_accepted() {
    let yaml = "- [S, 0, [[F, 0, Enumeration, {type: uint8, choices: {1: one}}]]]\n";
    assert_eq!(value("X", b"\x01", yaml), r#"{"F":"one"}"#);
}

#[test]
fn wrong_profiles_are_refused() {
    for (profile, message) in [
        (
            r#"[["uint8",0,[]]]"#,
            "Struct definition for uint8 masks an existing definition",
        ),
        (
            r#"[["S",0,[]],["S",0,[]]]"#,
            "Struct definition for S masks an existing definition",
        ),
        (
            r#"[["S",0,[["F",0,"Array",{"type":"No"}]]]]"#,
            "Reference to undefined type No in S.F",
        ),
        (
            r#"[["S",0,[["F",0,"uint8",{"a":1,"b":2}]]]]"#,
            "S.F: Unexpected parameters provided: [a b]",
        ),
        (
            r#"[["S",0,[["F",0,"Array",{"count":1}]]]]"#,
            "S.F: Field type is required",
        ),
        (
            r#"[["S",0,[["F",0,"Union",{"choices":{}}]]]]"#,
            "S.F: Field selector is required",
        ),
        (r#"[["S",0,[["F","x=>(",  "uint8"]]]]"#, "S.F: the offset"),
        (
            r#"[["S",0,[["F",0,"Flags",{"type":"uint8","bitmap":{"a":64}}]]]]"#,
            "bit of `a`",
        ),
        (r#"[["S"]]"#, "a structure is"),
        ("7", "a profile is a list"),
        ("[", "neither JSON nor YAML"),
    ] {
        let found = complaint(profile);
        assert!(found.contains(message), "{profile}: {found}");
    }
}

/// Profiles designed to run forever or to exhaust the memory.
#[test]
fn hostile_profiles_end() {
    let profiles = [
        // A field that needs itself, directly, by another one, and many times.
        r#"[["S",0,[["A","x=>x.A + x.A","uint8"]]]]"#.to_owned(),
        r#"[["S",0,[["A","x=>x.B","uint8"],["B","x=>x.A","uint8"]]]]"#.to_owned(),
        r#"[["S","x=>x.SizeOf",[["A",0,"Array",{"type":"S","count":1000}]]]]"#.to_owned(),
        // A structure that holds itself, twice and a thousand times.
        r#"[["S",0,[["A",0,"S"],["B",0,"S"]]]]"#.to_owned(),
        r#"[["S",4,[["A",0,"Array",{"type":"S","count":1000}]]]]"#.to_owned(),
        r#"[["S",0,[["A",0,"Pointer",{"type":"S"}],["B",0,"Profile",{"type":"S","offset":"x=>0"}]]]]"#.to_owned(),
        r#"[["S",0,[["V",0,"Value",{"value":"x=>x"}],["W",0,"Value",{"value":"x=>(x, x, x)"}]]]]"#.to_owned(),
        // Arrays without end.
        r#"[["S",0,[["A",0,"Array",{"type":"uint8","count":9000000000000000000,"max_count":9000000000000000000}]]]]"#.to_owned(),
        r#"[["S",0,[["A",0,"Array",{"type":"E","count":1e18,"max_count":1e18}]]],["E","x=>1",[["B",0,"uint8"]]]]"#.to_owned(),
        r#"[["S",0,[["A",0,"Array",{"type":"E","count":9}]]],["E",0,[["B",0,"Value",{"value":"x=>x.Parent.A.SizeOf"}],["C","x=>x.B + 1","uint8"]]]]"#.to_owned(),
        r#"[["S",0,[["A",0,"String",{"length":9000000000000000000,"max_length":9000000000000000000,"term":""}]]]]"#.to_owned(),
        // Invalid offsets.
        r#"[["S",-9000000000000000000,[["A",-1,"uint8"],["B",9223372036854775807,"Array",{"type":"uint64","count":5}]]]]"#.to_owned(),
        format!(r#"[["S",0,[["A",0,"Array",{}{{"type":"uint8"}}{}]]]]"#, r#"{"type":"Array","type_options":"#.repeat(200), "}".repeat(200)),
        "[".repeat(100_000),
    ];
    for profile in profiles {
        let query = format!("{LET} SELECT X, X.SizeOf, X.EndOf, X.`@A`.EndOf, X.A.A, X.A[1] FROM scope()");
        let (shown, _) = run(&query, b"\0\0\0\0\0\0\0\0\x01\x02", &profile);
        let start_of_profile: String = profile.chars().take(100).collect();
        assert!(
            shown.len() < 50 << 20,
            "{start_of_profile}: {} bytes",
            shown.len()
        );
    }
}

fn any_type() -> impl Strategy<Value = String> {
    let plain = prop_oneof![
        Just("uint8"),
        Just("int64b"),
        Just("leb128"),
        Just("sleb128"),
        Just("float64"),
        Just("String"),
        Just("S"),
        Just("T"),
        Just("FatTimestamp"),
        Just("Timestamp"),
        Just("WinFileTime"),
        Just("nonsense"),
    ];
    plain.prop_map(|name| format!("\"{name}\"")).prop_recursive(3, 8, 1, |inner| {
        prop_oneof![
            (inner.clone(), any::<u8>()).prop_map(|(of, n)| {
                let (name, options) = of.split_once(',').map_or((of.as_str(), "null"), |(name, rest)| (name, rest));
                format!(r#""Array",{{"type":{name},"type_options":{options},"count":{n},"sentinel":"x=>x = 3"}}"#)
            }),
            inner.clone().prop_map(|of| {
                let (name, options) = of.split_once(',').map_or((of.as_str(), "null"), |(name, rest)| (name, rest));
                format!(r#""Profile",{{"type":{name},"type_options":{options},"offset":"x=>x.F0"}}"#)
            }),
            inner.prop_map(|of| {
                let (name, options) = of.split_once(',').map_or((of.as_str(), "null"), |(name, rest)| (name, rest));
                format!(r#""BitField",{{"type":{name},"type_options":{options},"end_bit":9}}"#)
            }),
        ]
    })
}

fn any_offset() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i8>().prop_map(|n| n.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        (0..3).prop_map(|n| format!(r#""x=>x.`@F{n}`.RelEndOf""#)),
        (0..3).prop_map(|n| format!(r#""x=>x.F{n}""#)),
    ]
}

fn any_struct(name: &'static str) -> impl Strategy<Value = String> {
    (
        any_offset(),
        prop::collection::vec((any_offset(), any_type()), 0..4),
    )
        .prop_map(move |(size, fields)| {
            let fields: Vec<String> = fields
                .iter()
                .enumerate()
                .map(|(n, (offset, kind))| format!(r#"["F{n}",{offset},{kind}]"#))
                .collect();
            format!(r#"["{name}",{size},[{}]]"#, fields.join(","))
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any profile and data give a result.
    #[test]
    fn any_profile_over_any_data(
        s in any_struct("S"),
        t in any_struct("T"),
        data in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        run(&format!("{LET} SELECT X, X.SizeOf, X.F0.F0, X.F1.SizeOf, X.F2[1] FROM scope()"), &data, &format!("[{s},{t}]"));
    }

    /// Text that is not a profile is refused.
    #[test]
    fn any_text_as_a_profile(text in ".{0,80}") {
        run(&format!("{LET} SELECT X FROM scope()"), b"", &text);
    }
}
