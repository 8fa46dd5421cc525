//! Foreign Grok patterns over foreign data.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query = Query::new(
    "SELECT grok(grok=Pattern, data=Text, all_captures=TRUE) AS A, \
     grok(grok=Pattern, data=Text, patterns=dict(P=Text)) AS C FROM scope()",
);

peregrine_fuzz::target!(
    |input: (&str, &[u8])| QUERY.run(&[("Pattern", input.0.as_bytes()), ("Text", input.1)])
);
