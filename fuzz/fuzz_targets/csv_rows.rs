//! Foreign CSV, with default and other options.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query = Query::new(
    "SELECT * FROM chain(a={ SELECT * FROM parse_csv(accessor='data', filename=Data) }, \
     b={ SELECT * FROM parse_csv(accessor='data', filename=Data, auto_headers=TRUE, separator=';', comment='#') })",
);

peregrine_fuzz::target!(|input: &[u8]| QUERY.read(input));
