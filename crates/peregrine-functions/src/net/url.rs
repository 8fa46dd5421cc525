//! `url()`: parses or builds URLs.

use std::any::Any;
use std::collections::BTreeMap;

use peregrine_engine::value::{as_characters, from_characters};

use crate::prelude::*;

/// Parses a URL, or builds one from its parts.
///
/// Members: `Scheme`, `Opaque`, `User`, `Host`, `Path`, `RawPath`, `RawQuery`, `Fragment`, and the computed
/// `String`, `Hostname`, `Port`, `Query` (lists by name), `EscapedPath`, `RequestURI`, `IsAbs`, `Redacted`.
#[derive(VqlArgs)]
pub struct Args {
    /// The scheme, such as `https`.
    scheme: Option<Str>,
    /// The host, with its port if it has one.
    host: Option<Str>,
    /// The path; backslashes become slashes.
    path: Option<Str>,
    /// The part after `#`.
    fragment: Option<Str>,
    /// A dict of parameters; a list repeats its name, NULL is left out.
    query: Option<Value>,
    /// A URL to parse.
    parse: Option<Str>,
}

pub struct Url;

impl Function for Url {
    type Args = Args;
    const NAME: &'static str = "url";
    const CATEGORY: Category = Category::Net;
    const VERSION: i64 = 2;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a part",
            "url(parse='https://h:8443/a/b?x=1&y=2#f').Host",
            r#""h:8443""#,
        ),
        example(
            "parameters",
            "url(parse='https://h/?x=1&x=2').Query.x",
            r#"["1","2"]"#,
        ),
        example("the port", "url(parse='https://h:8443/').Port", r#""8443""#),
        example(
            "put together",
            r"url(scheme='https', host='h', path='a\\b', query=dict(q='x y')).String",
            r#""https://h/a/b?q=x+y""#,
        ),
        example(
            "unescaped",
            "url(parse='http://u:p@[::1]:80/a%20b').Path",
            r#""/a b""#,
        ),
        example(
            "without its password",
            "url(parse='http://u:p@h/').Redacted",
            r#""http://u:xxxxx@h/""#,
        ),
        example(
            "bytes that are not UTF-8",
            "(url(parse='file:///a%ff').Path = '/a\\xff', url(scheme='file', path='a\\xff').String)",
            r#"[true,"file:/a%FF"]"#,
        ),
        fails(
            "a wrong escape",
            "url(parse='http://h/%zz')",
            "invalid URL escape",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let characters = |text: Option<Str>| as_characters(&text.unwrap_or_default()).into_owned();
        let url = match args.parse.filter(|text| !text.is_empty()) {
            Some(text) => parse(&as_characters(&text))?,
            None => Parts {
                scheme: characters(args.scheme),
                host: characters(args.host),
                path: clean_path(&characters(args.path)),
                raw_query: args
                    .query
                    .map_or_else(String::new, |query| encode_query(scope, &query)),
                fragment: characters(args.fragment),
                ..Parts::default()
            },
        };
        Ok(Value::object(url))
    }
}

/// The parts as text, with stand-in characters for bytes that are not UTF-8.
#[derive(Debug, Default)]
struct Parts {
    scheme: String,
    opaque: String,
    user: Option<String>,
    host: String,
    path: String,
    /// The path as it was written, if that differs from how it would be written.
    raw_path: String,
    raw_query: String,
    fragment: String,
    raw_fragment: String,
}

fn parse(text: &str) -> Result<Parts, String> {
    if text.bytes().any(|c| c < b' ' || c == 0x7f) {
        return Err("a URL has no control characters".into());
    }
    let mut url = Parts::default();
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    url.fragment = unescape(fragment, false)?;
    if escape(&url.fragment, b"!$&'()*+,/:;=?@") != fragment {
        url.raw_fragment = fragment.into();
    }
    let mut rest = rest;
    if let Some((scheme, after)) = rest.split_once(':')
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c))
    {
        url.scheme = scheme.to_ascii_lowercase();
        rest = after;
    }
    if let Some((before, query)) = rest.split_once('?') {
        url.raw_query = query.into();
        rest = before;
    }
    if let Some(after) = rest.strip_prefix("//") {
        let (authority, path) = after.split_at(after.find('/').unwrap_or(after.len()));
        let host = match authority.rsplit_once('@') {
            Some((user, host)) => {
                url.user = Some(user.into());
                host
            }
            None => authority,
        };
        let port = host
            .rsplit_once(']')
            .map_or(host, |(_, port)| port)
            .rsplit_once(':');
        if let Some((_, port)) = port
            && !port.bytes().all(|c| c.is_ascii_digit())
        {
            return Err(format!("invalid port `{port}`"));
        }
        url.host = unescape(host, false)?;
        rest = path;
    } else if !url.scheme.is_empty() && !rest.starts_with('/') {
        url.opaque = rest.into();
        rest = "";
    }
    url.path = unescape(rest, false)?;
    if escape(&url.path, PATH) != rest {
        url.raw_path = rest.into();
    }
    Ok(url)
}

/// Characters of a path that are not escaped, besides letters, digits and `-_.~`.
const PATH: &[u8] = b"$&+,/:;=@";

fn escape(text: &str, kept: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for &byte in from_characters(text).as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn unescape(text: &str, plus_is_blank: bool) -> Result<String, String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'%' => {
                let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
                let (Some(high), Some(low)) = (digit(at), digit(at + 1)) else {
                    return Err(format!("invalid URL escape at offset {} of `{text}`", at - 1));
                };
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            b'+' if plus_is_blank => out.push(b' '),
            byte => out.push(*byte),
        }
    }
    Ok(as_characters(&out).into_owned())
}

/// A rooted path without `.`, `..` and doubled slashes.
fn clean_path(path: &str) -> String {
    if path.is_empty() {
        return String::new();
    }
    let mut parts = Vec::new();
    for part in path.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn encode_query(scope: &Scope, query: &Value) -> String {
    let query = query.clone().reduce(scope);
    if let Value::Str(text) = &query {
        return as_characters(text).into_owned();
    }
    let mut entries = if query.is_null() {
        Vec::new()
    } else {
        query.to_dict(scope).entries()
    };
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    let form = |text: &str| escape(text, b" ").replace(' ', "+");
    let mut pairs = Vec::new();
    for (name, value) in entries {
        let values = match value.reduce(scope) {
            Value::Null => continue,
            Value::Array(items) => items
                .iter()
                .filter(|item| item.as_str().is_some())
                .cloned()
                .collect(),
            single => vec![single],
        };
        for value in values {
            pairs.push(format!(
                "{}={}",
                form(&as_characters(&name)),
                form(&as_characters(&value.to_text(scope)))
            ));
        }
    }
    pairs.join("&")
}

impl Parts {
    fn escaped_path(&self) -> String {
        if self.raw_path.is_empty() {
            escape(&self.path, PATH)
        } else {
            self.raw_path.clone()
        }
    }

    fn text(&self, user: Option<&str>) -> String {
        let mut text = String::new();
        if !self.scheme.is_empty() {
            text = format!("{}:", self.scheme);
        }
        if self.opaque.is_empty() {
            if !self.host.is_empty()
                || user.is_some()
                || (!self.scheme.is_empty() && self.path.starts_with("//"))
            {
                let at = user.map(|user| format!("{user}@")).unwrap_or_default();
                text.push_str(&format!("//{at}{}", self.host));
            }
            text.push_str(&self.escaped_path());
        } else {
            text.push_str(&self.opaque);
        }
        if !self.raw_query.is_empty() {
            text.push_str(&format!("?{}", self.raw_query));
        }
        if !self.fragment.is_empty() {
            let fragment = if self.raw_fragment.is_empty() {
                escape(&self.fragment, b"!$&'()*+,/:;=?@")
            } else {
                self.raw_fragment.clone()
            };
            text.push_str(&format!("#{fragment}"));
        }
        text
    }

    /// Host and port; brackets of version 6 addresses are dropped.
    fn host_and_port(&self) -> (&str, &str) {
        if let Some(inner) = self.host.strip_prefix('[')
            && let Some((host, port)) = inner.split_once(']')
        {
            return (host, port.strip_prefix(':').unwrap_or(""));
        }
        self.host.rsplit_once(':').unwrap_or((&self.host, ""))
    }

    fn query(&self) -> Value {
        let mut lists: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for pair in self.raw_query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if let (Ok(name), Ok(value)) = (unescape(name, true), unescape(value, true)) {
                lists.entry(name).or_default().push(shown(&value));
            }
        }
        Value::Dict(
            lists
                .into_iter()
                .map(|(name, values)| (from_characters(&name), Value::array(values)))
                .collect(),
        )
    }
}

const FIELDS: [&str; 11] = [
    "Scheme",
    "Opaque",
    "User",
    "Host",
    "Path",
    "RawPath",
    "OmitHost",
    "ForceQuery",
    "RawQuery",
    "Fragment",
    "RawFragment",
];

/// The text as a value, with its original bytes.
fn shown(text: &str) -> Value {
    Value::Str(from_characters(text))
}

impl Object for Parts {
    fn type_name(&self) -> &'static str {
        "url.URL"
    }

    fn member(&self, _: &Scope, name: &str) -> Option<Value> {
        let user = self.user.as_deref();
        Some(match name {
            "Scheme" => shown(&self.scheme),
            "Opaque" => shown(&self.opaque),
            "User" => user.map_or(Value::Null, shown),
            "Host" => shown(&self.host),
            "Path" => shown(&self.path),
            "RawPath" => shown(&self.raw_path),
            "OmitHost" | "ForceQuery" => Value::from(false),
            "RawQuery" => shown(&self.raw_query),
            "Fragment" => shown(&self.fragment),
            "RawFragment" => shown(&self.raw_fragment),
            "String" => shown(&self.text(user)),
            "Hostname" => shown(self.host_and_port().0),
            "Port" => shown(self.host_and_port().1),
            "Query" => self.query(),
            "EscapedPath" => shown(&self.escaped_path()),
            "RequestURI" => {
                let path = if self.path.is_empty() {
                    "/".into()
                } else {
                    self.escaped_path()
                };
                let question = if self.raw_query.is_empty() { "" } else { "?" };
                shown(&format!("{path}{question}{}", self.raw_query))
            }
            "IsAbs" => Value::from(!self.scheme.is_empty()),
            "Redacted" => {
                let hidden = user.map(|user| match user.split_once(':') {
                    Some((name, _)) => format!("{name}:xxxxx"),
                    None => user.to_owned(),
                });
                shown(&self.text(hidden.as_deref()))
            }
            _ => return None,
        })
    }

    fn member_names(&self) -> Vec<Str> {
        FIELDS.map(Str::from).to_vec()
    }

    fn to_text(&self) -> Option<Str> {
        Some(from_characters(&self.text(self.user.as_deref())))
    }

    fn packed(&self) -> Option<Packed> {
        let user = self.user.as_deref().map_or(Value::Null, shown);
        let others = [
            &self.scheme,
            &self.opaque,
            &self.host,
            &self.path,
            &self.raw_path,
            &self.raw_query,
            &self.fragment,
            &self.raw_fragment,
        ];
        let parts = std::iter::once(user).chain(others.map(|part| shown(part)));
        Some(Packed {
            parts: parts.collect(),
            unpack: |parts| {
                let part = |at: usize| Some(as_characters(parts.get(at)?.as_str()?).into_owned());
                Some(Value::object(Parts {
                    user: part(0),
                    scheme: part(1)?,
                    opaque: part(2)?,
                    host: part(3)?,
                    path: part(4)?,
                    raw_path: part(5)?,
                    raw_query: part(6)?,
                    fragment: part(7)?,
                    raw_fragment: part(8)?,
                }))
            },
        })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
