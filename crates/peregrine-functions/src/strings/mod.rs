//! Strings.

mod commandline_split;
mod grok;
mod grok_patterns;
mod lowcase;
mod parse_string_with_regex;
mod regex_replace;
mod regex_transform;
mod similarity;
mod strip;
mod substr;
#[cfg(feature = "templates")]
mod template;
mod upcase;

use crate::prelude::*;

pub(crate) const ALL: &[FunctionDef] = &[
    FunctionDef::of::<commandline_split::CommandlineSplit>(),
    FunctionDef::of::<grok::Grok>(),
    FunctionDef::of::<lowcase::Lowcase>(),
    FunctionDef::of::<parse_string_with_regex::ParseStringWithRegex>(),
    FunctionDef::of::<regex_replace::RegexReplace>(),
    FunctionDef::of::<regex_transform::RegexTransform>(),
    FunctionDef::of::<similarity::Similarity>(),
    FunctionDef::of::<strip::Strip>(),
    FunctionDef::of::<substr::Substr>(),
    #[cfg(feature = "templates")]
    FunctionDef::of::<template::Template>(),
    FunctionDef::of::<upcase::Upcase>(),
];

/// Converts each character of a string; bytes that are not UTF-8 stay.
fn each_character(text: &[u8], turn: impl Fn(char) -> char) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            out.extend_from_slice(turn(c).encode_utf8(&mut [0; 4]).as_bytes());
        }
        out.extend_from_slice(chunk.invalid());
    }
    out
}
