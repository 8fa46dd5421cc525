//! Any bytes as the structures of a profile with every kind of field.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query = Query::new(
    "SELECT parse_binary(accessor='data', filename=Data, struct='S', profile=Profile) FROM scope()",
);

/// Fixed, so that the fuzzer reaches every kind of field by changing the data alone.
const PROFILE: &str = r#"[["S", 0, [["a", 0, "uint16"], ["b", 2, "String", {"length": "x=>x.a"}],
    ["c", 4, "Array", {"type": "T", "count": "x=>x.a"}], ["d", 1, "leb128"], ["e", 0, "Union", {"selector": "x=>x.a",
    "choices": {"1": "T", "default": "uint8"}}], ["f", 0, "Pointer", {"type": "T"}], ["g", 0, "WinFileTime"],
    ["h", 0, "Flags", {"type": "uint8", "bitmap": {"x": 0, "y": 7}}], ["i", 2, "String", {"encoding": "utf16"}],
    ["j", 0, "BitField", {"type": "uint32", "start_bit": 3, "end_bit": 9}], ["k", 0, "FatTimestamp"]]],
    ["T", "x=>x.n + 1", [["n", 0, "uint8"], ["t", 1, "Timestamp", {"type": "uint32"}]]]]"#;

peregrine_fuzz::target!(|input: &[u8]| QUERY.run(&[("Data", input), ("Profile", PROFILE.as_bytes())]));
