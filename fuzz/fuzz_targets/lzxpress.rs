//! LZXPRESS, plain and with Huffman codes.
#![cfg_attr(fuzzing, no_main)]

use peregrine_fuzz::Query;

static QUERY: Query = Query::new("SELECT lzxpress_decompress(data=Data) FROM scope()");

peregrine_fuzz::target!(|input: &[u8]| QUERY.read(input));
