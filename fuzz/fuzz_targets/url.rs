//! URLs.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query = Query::new("SELECT url(parse=Data) AS A, url(parse=Data).String FROM scope()");

peregrine_fuzz::target!(|input: &[u8]| QUERY.read(input));
