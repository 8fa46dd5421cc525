//! `regex_transform()`: many replacements, one after the other.

use peregrine_engine::value::as_characters;

use crate::prelude::*;

/// Applies several replacements to a string, each to the result of the previous one, ignoring case.
#[derive(VqlArgs)]
pub struct Args {
    /// The string.
    source: Str,
    /// Regular expressions with their replacements, as in `regex_replace()`.
    map: Dict,
    /// Name under which the compiled map is kept for the query; later maps with the same name are ignored.
    key: Option<Str>,
}

pub struct RegexTransform;

struct Compiled(Result<Vec<(Regex, Str)>, String>);

impl Function for RegexTransform {
    type Args = Args;
    const NAME: &'static str = "regex_transform";
    const CATEGORY: Category = Category::Strings;
    const EXAMPLES: &'static [Example] = &[
        example(
            "two replacements",
            r"regex_transform(source='HKLM\\Run', map=dict(`^HKLM`='HKEY_LOCAL_MACHINE', `Run$`='RunOnce'))",
            r#""HKEY_LOCAL_MACHINE\\RunOnce""#,
        ),
        example(
            "maps that differ in a byte that is not UTF-8",
            r"(regex_transform(source='a', map=dict(a='\xff')) = '\xff', regex_transform(source='a', map=dict(a='\xfe')) = '\xfe')",
            "[true,true]",
        ),
        fails(
            "no regular expression",
            "regex_transform(source='a', map=dict(`(`='b'))",
            "error parsing regexp",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let key = match args.key.filter(|key| !key.is_empty()) {
            Some(key) => key,
            None => Value::Dict(args.map.clone()).to_text(scope),
        };
        let compiled = scope.cache(&as_characters(&key), || Compiled(compile(scope, &args.map)));
        let steps = compiled.0.as_ref().map_err(|error| error.clone())?;
        let mut text = args.source;
        for (regex, replacement) in steps {
            text = Str::from(&*regex.replace_all(&text, replacement));
            // It stops when the query may hold no more.
            scope.check_memory()?;
        }
        Ok(Value::Str(text))
    }
}

fn compile(scope: &Scope, map: &Dict) -> Result<Vec<(Regex, Str)>, String> {
    map.entries()
        .into_iter()
        .map(|(pattern, replacement)| {
            let regex = Regex::cached_ignoring_case(pattern)?;
            Ok((regex, replacement.reduce(scope).to_string_arg(scope)))
        })
        .collect()
}
