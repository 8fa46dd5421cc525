//! Go templates.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query =
    Query::new("SELECT template(template=Data, expansion=dict(Name='x', Items=[1, 2])) FROM scope()");

peregrine_fuzz::target!(|input: &[u8]| QUERY.read(input));
