//! SQLite files: their schema, and a table.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query = Query::new(
    "SELECT * FROM chain( \
     a={ SELECT * FROM sqlite(file=Data, accessor='data', query='SELECT * FROM sqlite_schema') }, \
     b={ SELECT * FROM sqlite(file=Data, accessor='data', query='SELECT * FROM t LIMIT 100') })",
);

peregrine_fuzz::target!(|input: &[u8]| QUERY.read(input));
