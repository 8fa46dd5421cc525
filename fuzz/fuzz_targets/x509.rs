//! Certificates.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query = Query::new("SELECT parse_x509(data=Data) FROM scope()");

peregrine_fuzz::target!(|input: &[u8]| QUERY.read(input));
