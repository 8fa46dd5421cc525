//! Formats that functions read: structures by a profile, certificates, signatures, property lists, compressed data,
//! files by their magic. The first byte chooses.
#![no_main]

use peregrine_accessors::AccessorManager;
use peregrine_engine::prelude::*;
use peregrine_engine::{Context, Program, json};
use std::sync::{Arc, LazyLock};

const QUERIES: &[&str] = &[
    "SELECT parse_x509(data=Data) AS A FROM scope()",
    "SELECT parse_pkcs7(data=Data) AS A FROM scope()",
    "SELECT plist(file=Data, accessor='data') AS A FROM scope()",
    "SELECT lzxpress_decompress(data=Data) AS A FROM scope()",
    "SELECT gunzip(string=Data) AS A FROM scope()",
    "SELECT parse_binary(accessor='data', filename=Data, struct='S', profile=Profile) AS A FROM scope()",
    "SELECT parse_binary(accessor='data', filename='0123456789abcdef', struct='S', profile=Data) AS A FROM scope()",
];

/// Every kind of field, so that data alone reaches all of them.
const PROFILE: &str = r#"[["S", 0, [["a", 0, "uint16"], ["b", 2, "String", {"length": "x=>x.a"}],
    ["c", 4, "Array", {"type": "T", "count": "x=>x.a"}], ["d", 1, "leb128"], ["e", 0, "Union", {"selector": "x=>x.a",
    "choices": {"1": "T", "default": "uint8"}}], ["f", 0, "Pointer", {"type": "T"}], ["g", 0, "WinFileTime"],
    ["h", 0, "Flags", {"type": "uint8", "bitmap": {"x": 0, "y": 7}}], ["i", 2, "String", {"encoding": "utf16"}],
    ["j", 0, "BitField", {"type": "uint32", "start_bit": 3, "end_bit": 9}], ["k", 0, "FatTimestamp"]]],
    ["T", "x=>x.n + 1", [["n", 0, "uint8"], ["t", 1, "Timestamp", {"type": "uint32"}]]]]"#;

static PROGRAMS: LazyLock<Vec<Program>> =
    LazyLock::new(|| QUERIES.iter().map(|query| Program::compile(query).expect("it parses")).collect());

static REGISTRY: LazyLock<Arc<Registry>> =
    LazyLock::new(|| Arc::new(peregrine_functions::register(peregrine_engine::builtin::registry())));

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((choice, data)) = input.split_first() else { return };
    let context = Context::builder()
        .registry(Arc::clone(&REGISTRY))
        .extension(Arc::new(AccessorManager::default()))
        .cancellation(Cancellation::with_deadline(std::time::Duration::from_secs(10)))
        .build();
    let env = [("Data", Value::Str(Str::new(data))), ("Profile", Value::from(PROFILE))];
    let scope = Scope::root(&context, Dict::from_pairs(env));
    let program = &PROGRAMS[usize::from(*choice) % PROGRAMS.len()];
    let mut rows: Vec<Row> = Vec::new();
    let _ = program.run(&scope, &mut rows);
    for row in &rows {
        json::write_row(&scope, row, &mut Vec::new());
    }
    scope.close();
});
