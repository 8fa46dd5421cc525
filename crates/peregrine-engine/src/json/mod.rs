//! Rows as JSON lines, exactly as the language specifies, and back.

mod decode;
mod encode;

pub use self::decode::{JsonError, decode_row, parse};
pub use self::encode::{Encoder, write_row, write_value};
