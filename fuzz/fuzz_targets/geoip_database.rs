//! MaxMind databases.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query = Query::new(
    "LET Database <= tempfile(data=Data) \
     SELECT geoip(db=Database, ip='192.0.2.1'), geoip(db=Database, ip='2001:db8::1') FROM scope()",
);

peregrine_fuzz::target!(|input: &[u8]| QUERY.read(input));
