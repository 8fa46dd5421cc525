//! JSON as queries read it: objects, lists, lines.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query = Query::new(
    "SELECT * FROM chain(a={ SELECT parse_json(data=Data), parse_json_array(data=Data) FROM scope() }, \
     b={ SELECT * FROM parse_jsonl(filename=Data, accessor='data') })",
);

peregrine_fuzz::target!(|input: &[u8]| QUERY.read(input));
