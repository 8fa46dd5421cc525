//! Rows as JSON lines, exactly as the language specifies, and back.

mod decode;
mod encode;
mod shapes;

pub use self::decode::{JsonError, decode_row, parse, parse_first, parse_with_times};

pub use self::encode::{Encoder, write_row, write_row_exactly, write_value, write_value_exactly};
