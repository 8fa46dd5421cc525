//! Profiles of `parse_binary()`: structures that contain expressions.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query = Query::new(
    "SELECT parse_binary(accessor='data', filename='0123456789abcdef', struct='S', profile=Data) FROM scope()",
);

peregrine_fuzz::target!(|input: &[u8]| QUERY.read(input));
