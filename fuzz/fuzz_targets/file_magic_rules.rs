//! Rules for `magic()` that a query supplies.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query =
    Query::new("SELECT magic(path='0123456789abcdef', accessor='data', magic=Data) FROM scope()");

peregrine_fuzz::target!(|input: &[u8]| QUERY.read(input));
