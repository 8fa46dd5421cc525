//! Decoders of text: base64, Ascii85, hexadecimal digits, UTF-16.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query = Query::new(
    "SELECT base64decode(string=Data), base85decode(string=Data), unhex(string=Data), utf16(string=Data) FROM scope()",
);

peregrine_fuzz::target!(|input: &[u8]| QUERY.read(input));
