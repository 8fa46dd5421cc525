//! Functions over paths and URLs.

use std::collections::BTreeMap;
use std::sync::Arc;

use gotmpl::{Result, Value};

use super::args::{arg, map, new_map, text, text_at};
use super::bridge::{fail, string};

pub(super) const ALL: super::Table = &[
    ("base", |_, args| path(args, base)),
    ("dir", |_, args| path(args, dir)),
    ("clean", |_, args| path(args, clean)),
    ("ext", |_, args| path(args, ext)),
    ("isAbs", |_, args| {
        Ok(Value::Bool(text_at(args, 0)?.starts_with('/')))
    }),
    ("osBase", |_, args| path(args, base)),
    ("osDir", |_, args| path(args, dir)),
    ("osClean", |_, args| path(args, clean)),
    ("osExt", |_, args| path(args, ext)),
    ("osIsAbs", |_, args| {
        Ok(Value::Bool(text_at(args, 0)?.starts_with('/')))
    }),
    ("urlParse", |_, args| url_parse(&text_at(args, 0)?)),
    ("urlJoin", |_, args| {
        let parts = map(arg(args, 0)?)?;
        let part = |name: &str| parts.get(name).map_or_else(String::new, text);
        let mut url = String::new();
        if !part("scheme").is_empty() {
            url.push_str(&format!("{}:", part("scheme")));
        }
        if part("opaque").is_empty() {
            if !part("host").is_empty() || !part("userinfo").is_empty() {
                url.push_str("//");
            }
            if !part("userinfo").is_empty() {
                url.push_str(&format!("{}@", part("userinfo")));
            }
            url.push_str(&part("host"));
            url.push_str(&part("path"));
        } else {
            url.push_str(&part("opaque"));
        }
        for (mark, name) in [('?', "query"), ('#', "fragment")] {
            if !part(name).is_empty() {
                url.push(mark);
                url.push_str(&part(name));
            }
        }
        Ok(string(url))
    }),
];

fn path(args: &[Value], change: fn(&str) -> String) -> Result<Value> {
    Ok(string(change(&text_at(args, 0)?)))
}

fn base(path: &str) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit('/').next() {
        Some("") | None => "/".to_owned(),
        Some(name) => name.to_owned(),
    }
}

fn dir(path: &str) -> String {
    clean(
        path.rfind('/')
            .map_or("", |at| path.get(..=at).unwrap_or_default()),
    )
}

fn ext(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rfind('.')
        .and_then(|at| name.get(at..))
        .unwrap_or_default()
        .to_owned()
}

fn clean(path: &str) -> String {
    let is_rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if is_rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (is_rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

fn url_parse(url: &str) -> Result<Value> {
    if url.chars().any(char::is_control) {
        return Err(fail("a URL has no control characters"));
    }
    let mut parts: BTreeMap<Arc<str>, Value> = BTreeMap::new();
    let mut set = |name: &str, value: &str| {
        parts.insert(name.into(), string(value));
    };
    let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_scheme = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    let (scheme, rest) = match rest.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
        _ => ("", rest),
    };
    let (authority, path, opaque) = match rest.strip_prefix("//") {
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            (authority, path, "")
        }
        None if !scheme.is_empty() && !rest.starts_with('/') => ("", "", rest),
        None => ("", rest, ""),
    };
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let hostname = match host.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    set("scheme", &scheme.to_ascii_lowercase());
    set("host", host);
    set("hostname", hostname);
    set("path", path);
    set("query", query);
    set("opaque", opaque);
    set("fragment", fragment);
    set("userinfo", user);
    Ok(new_map(parts))
}
