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
mod template;
mod upcase;

use crate::prelude::*;

pub(crate) const ALL: &[FunctionDef] = functions![
    commandline_split::CommandlineSplit,
    grok::Grok,
    lowcase::Lowcase,
    parse_string_with_regex::ParseStringWithRegex,
    regex_replace::RegexReplace,
    regex_transform::RegexTransform,
    similarity::Similarity,
    strip::Strip,
    substr::Substr,
    template::Template,
    upcase::Upcase,
];
