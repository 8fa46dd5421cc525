//! File types recognized by content.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query = Query::new("SELECT magic(path=Data, accessor='data') FROM scope()");

peregrine_fuzz::target!(|input: &[u8]| QUERY.read(input));
