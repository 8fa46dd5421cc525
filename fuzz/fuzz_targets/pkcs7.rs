//! PKCS#7 signatures and the certificates in them.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query = Query::new("SELECT parse_pkcs7(data=Data) FROM scope()");

peregrine_fuzz::target!(|input: &[u8]| QUERY.read(input));
