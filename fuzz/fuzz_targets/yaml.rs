//! YAML as data; artifact definitions have a target of their own.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query = Query::new("SELECT parse_yaml(filename=Data, accessor='data') FROM scope()");

peregrine_fuzz::target!(|input: &[u8]| QUERY.read(input));
