//! Any bytes split into lines and records.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query = Query::new(
    "SELECT * FROM chain(a={ SELECT * FROM parse_lines(filename=Data, accessor='data') }, \
     b={ SELECT * FROM split_records(filenames=Data, accessor='data', regex='[,;]', first_row_is_headers=TRUE) }, \
     c={ SELECT * FROM parse_records_with_regex(file=Data, accessor='data', regex='(?P<Key>[^=]+)=([^ ]*)') })",
);

peregrine_fuzz::target!(|input: &[u8]| QUERY.read(input));
