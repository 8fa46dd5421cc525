//! Zip and tar archives, unpacked into a folder that is deleted with the query.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query = Query::new(
    "SELECT * FROM chain( \
     a={ SELECT * FROM unzip(filename=Data, accessor='data', type='zip', output_directory=tempdir()) }, \
     b={ SELECT * FROM unzip(filename=Data, accessor='data', type='tgz', output_directory=tempdir()) })",
);

peregrine_fuzz::target!(|input: &[u8]| QUERY.read(input));
