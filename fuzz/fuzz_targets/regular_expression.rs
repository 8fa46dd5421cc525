//! Foreign regular expressions over foreign text, with foreign replacements.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query = Query::new(
    "SELECT Text =~ Pattern, regex_replace(source=Text, re=Pattern, replace=Text), \
     parse_string_with_regex(string=Text, regex=Pattern) FROM scope()",
);

peregrine_fuzz::target!(|input: (&[u8], &[u8])| QUERY.run(&[("Pattern", input.0), ("Text", input.1)]));
