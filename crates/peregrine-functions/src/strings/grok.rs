//! `grok()`: extracts fields from a line with named patterns.

use peregrine_engine::regex::Haystack;
use peregrine_engine::value::{as_characters, from_characters};

use super::grok_patterns::PATTERNS;
use crate::prelude::*;

/// Matches text against `%{PATTERN:field}` and returns the fields, sorted by name. All values are strings.
///
/// Matching is case-sensitive and may start anywhere. Without a match the result is an empty dict; an
/// unusable expression, such as one with an unknown pattern or a look-ahead, gives NULL and a message.
#[derive(VqlArgs)]
pub struct Args {
    /// The expression, such as `%{IP:client} %{WORD:verb}`.
    grok: Str,
    /// The text.
    data: Str,
    /// Additional patterns: a dict of names and regular expressions.
    patterns: Option<Value>,
    /// Also return the matches of patterns without a field name, by the name of the pattern.
    #[arg(default = false)]
    all_captures: bool,
}

pub struct Grok;

/// Maximum nesting of patterns, and maximum size of their expansion.
const MAX_DEPTH: usize = 20;
const MAX_LENGTH: usize = 256 << 10;

/// An expression compiled once per query: the groups of the regular expression, and the fields they fill.
struct Compiled(Result<(Regex, Vec<Str>), String>);

impl Function for Grok {
    type Args = Args;
    const NAME: &'static str = "grok";
    const CATEGORY: Category = Category::Parsers;
    const EXAMPLES: &'static [Example] = &[
        example(
            "fields",
            "grok(grok='%{WORD:verb} %{NUMBER:n}', data='got 42 items')",
            r#"{"n":"42","verb":"got"}"#,
        ),
        example("no match", "grok(grok='%{INT:n}', data='none')", "{}"),
        example("no such pattern", "grok(grok='%{NOSUCH:n}', data='none')", "null"),
        fails(
            "which is logged",
            "grok(grok='%{NOSUCH:n}', data='none')",
            "there is no pattern `NOSUCH`",
        ),
        fails(
            "no regular expression",
            "grok(grok='(?=a)', data='none')",
            "grok: error parsing regexp",
        ),
        example(
            "bytes that are not text",
            "grok(grok='u=%{DATA:u} i=%{INT:i}', data='u=caf' + unhex(string='e9') + ' i=7').i",
            r#""7""#,
        ),
        example(
            "bytes that are not text in the expression",
            r"get(item=grok(grok='%{P:n\xff}', data='caf\xe8caf\xe9', patterns=dict(P='caf\xe9')), field='n\xff') = 'caf\xe9'",
            "true",
        ),
        example(
            "a line of syslog",
            "grok(grok='%{SYSLOGTIMESTAMP:When} %{SYSLOGHOST:Host} %{DATA:Program}\\\\[%{POSINT:Pid}\\\\]: Accepted %{DATA:Method} for %{USERNAME:User} from %{IP:From} port %{BASE10NUM:Port}', data='Sep  5 13:45:01 web1 sshd[123]: Accepted publickey for root from fe80::1 port 51000 ssh2')",
            r#"{"From":"fe80::1","Host":"web1","Method":"publickey","Pid":"123","Port":"51000","Program":"sshd","User":"root","When":"Sep  5 13:45:01"}"#,
        ),
        example(
            "own patterns",
            "grok(grok='%{ID:id}', data='x AB12', patterns=dict(ID='[A-Z]+%{INT}'))",
            r#"{"id":"AB12"}"#,
        ),
        example(
            "all captures",
            "grok(grok='%{WORD} %{INT:n}', data='a 1', all_captures=TRUE)",
            r#"{"WORD":"a","n":"1"}"#,
        ),
        example(
            "a line of a web server",
            "grok(grok='%{COMMONAPACHELOG}', data='10.0.0.1 - bob [10/Oct/2000:13:55:36 -0700] \"GET /a HTTP/1.0\" 200 2326').request",
            r#""/a""#,
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let own = match args.patterns.map(|patterns| patterns.reduce(scope)) {
            None | Some(Value::Null) => Dict::new(),
            Some(patterns) => patterns.to_dict(scope),
        };
        let names = Value::Dict(own.clone()).to_text(scope);
        // Characters in it, and in all patterns, may stand for bytes.
        let expression = as_characters(&args.grok);
        let key = format!("{expression}\0{}\0{}", args.all_captures, as_characters(&names));
        let mut is_new = false;
        let compiled = scope.cache(&key, || {
            is_new = true;
            Compiled(compile(scope, &expression, &own, args.all_captures))
        });
        let (regex, fields) = match &compiled.0 {
            Ok(compiled) => compiled,
            // Once: there may be a call for each of a million rows.
            Err(error) if is_new => return Err(error.clone().into()),
            Err(_) => return Ok(Value::Null),
        };
        let mut found: std::collections::BTreeMap<&Str, Value> = std::collections::BTreeMap::new();
        if let Some(groups) = regex.captures(&Haystack::new(&args.data)) {
            for (number, field) in fields.iter().enumerate().filter(|(_, field)| !field.is_empty()) {
                let text = groups.get(number).unwrap_or_default();
                let known = found.entry(field).or_insert_with(|| Value::str(text));
                // Of several groups for one field, the first that is not empty counts.
                if known.as_str().is_some_and(|known| known.is_empty()) {
                    *known = Value::str(text);
                }
            }
        }
        let found = found.into_iter().map(|(field, text)| (field.clone(), text));
        Ok(Value::Dict(found.collect()))
    }
}

fn compile(
    scope: &Scope,
    expression: &str,
    own: &Dict,
    all_captures: bool,
) -> Result<(Regex, Vec<Str>), String> {
    let lookup = |name: &str| match own.get(&*from_characters(name)) {
        Some(pattern) => Some(as_characters(&pattern.reduce(scope).to_string_arg(scope)).into_owned()),
        None => PATTERNS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, pattern)| (*pattern).to_owned()),
    };
    let mut names = Vec::new();
    let mut pattern = String::new();
    expand(expression, &lookup, all_captures, &mut names, &mut pattern, 0)?;
    let regex = Regex::new(from_characters(&pattern))?;
    // Names in the expression itself count as fields; ours replace names that are not allowed for groups.
    let fields = regex
        .capture_names()
        .map(|name| match name {
            None => Str::EMPTY,
            Some(name) => match name
                .strip_prefix("grok__")
                .and_then(|number| number.parse::<usize>().ok())
            {
                Some(number) => from_characters(names.get(number).map(String::as_str).unwrap_or_default()),
                None => Str::from(name),
            },
        })
        .collect();
    Ok((regex, fields))
}

/// Converts an expression and its patterns to a regular expression; refuses unknown and endless patterns.
fn expand(
    expression: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    all_captures: bool,
    names: &mut Vec<String>,
    out: &mut String,
    depth: usize,
) -> Result<(), String> {
    let mut rest = expression;
    while let Some((before, after)) = rest.split_once("%{") {
        let (reference, after) = after
            .split_once('}')
            .ok_or_else(|| format!("`%{{{after}` is not closed by `}}`"))?;
        rest = after;
        out.push_str(before);
        // `%{PATTERN:field:type}`: the type is ignored.
        let mut parts = reference.splitn(3, ':');
        let pattern = parts.next().unwrap_or_default();
        let field = parts
            .next()
            .filter(|field| !field.is_empty())
            .or(all_captures.then_some(pattern));
        match field {
            Some(field) => {
                out.push_str(&format!("(?P<grok__{}>", names.len()));
                names.push(field.to_owned());
            }
            None => out.push_str("(?:"),
        }
        if depth >= MAX_DEPTH || out.len() > MAX_LENGTH {
            return Err(format!("the pattern `{pattern}` has too much in it, or itself"));
        }
        let known = lookup(pattern)
            .ok_or_else(|| format!("there is no pattern `{pattern}`; give it in `patterns`"))?;
        expand(&known, lookup, all_captures, names, out, depth + 1)?;
        out.push(')');
    }
    out.push_str(rest);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{PATTERNS, expand};
    use crate::prelude::*;

    #[test]
    fn every_pattern_compiles() {
        let lookup = |name: &str| {
            PATTERNS
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, text)| (*text).to_owned())
        };
        for (name, _) in PATTERNS {
            let mut out = String::new();
            let expanded = expand(
                &format!("%{{{name}}}"),
                &lookup,
                true,
                &mut Vec::new(),
                &mut out,
                0,
            );
            assert!(expanded.is_ok(), "{name}");
            assert!(Regex::new(&out).is_ok(), "{name}: {:?}", Regex::new(&out).err());
        }
    }

    #[test]
    fn endless_patterns_are_refused() {
        let lookup = |_: &str| Some("%{A}%{A}".to_owned());
        assert!(expand("%{A}", &lookup, false, &mut Vec::new(), &mut String::new(), 0).is_err());
    }
}
