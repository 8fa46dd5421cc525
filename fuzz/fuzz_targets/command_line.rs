//! Windows and shell command lines.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query = Query::new(
    "SELECT commandline_split(command=Data), commandline_split(command=Data, bash_style=TRUE) FROM scope()",
);

peregrine_fuzz::target!(|input: &[u8]| QUERY.read(input));
