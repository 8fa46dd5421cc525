//! `semver()`: versions that compare as versions.

use std::any::Any;
use std::cmp::Ordering;

use crate::prelude::*;

/// Parses a semantic version; `<`, `>` and `=` then work with other versions and with strings.
///
/// A leading `v` is accepted, missing parts are 0. Members: `Major`, `Minor`, `Patch`, `Prerelease`, `Version`.
#[derive(VqlArgs)]
pub struct Args {
    /// The version.
    version: String,
}

pub struct Semver;

impl Function for Semver {
    type Args = Args;
    const NAME: &'static str = "semver";
    const CATEGORY: Category = Category::Utils;
    const VERSION: i64 = 1;
    const EXAMPLES: &'static [Example] = &[
        example(
            "the parts",
            "semver(version='v1.4')",
            r#"{"Major":1,"Minor":4,"Patch":0,"Prerelease":"","Version":"1.4.0"}"#,
        ),
        example(
            "before the release",
            "semver(version='2.0.0-rc1') < '2.0.0'",
            "true",
        ),
        example(
            "numbers, not text",
            "semver(version='1.10.0') > semver(version='1.9')",
            "true",
        ),
        example("nothing", "semver(version='')", "null"),
        fails("no version", "semver(version='one')", "invalid version `one`"),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        if args.version.is_empty() {
            return Ok(Value::Null);
        }
        match parse(&args.version) {
            Some(version) => Ok(Value::object(version)),
            None => Err(format!("invalid version `{}`", args.version).into()),
        }
    }
}

#[derive(Debug, PartialEq)]
pub(crate) struct Version {
    pub(crate) parts: [u64; 3],
    pub(crate) prerelease: String,
    pub(crate) build: String,
}

fn parse(text: &str) -> Option<Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (text, build) = text.split_once('+').unwrap_or((text, ""));
    let (numbers, prerelease) = text.split_once('-').unwrap_or((text, ""));
    let mut parts = [0; 3];
    for (i, number) in numbers.split('.').enumerate() {
        if !number.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        *parts.get_mut(i)? = number.parse().ok()?;
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if !prerelease.chars().all(is_word) || !build.chars().all(is_word) {
        return None;
    }
    Some(Version {
        parts,
        prerelease: prerelease.to_owned(),
        build: build.to_owned(),
    })
}

impl Version {
    /// Parses a version; missing parts are 0.
    #[cfg(feature = "templates")]
    pub(crate) fn parse(text: &str) -> Option<Version> {
        parse(text)
    }

    fn text(&self) -> String {
        let [major, minor, patch] = self.parts;
        let mut text = format!("{major}.{minor}.{patch}");
        if !self.prerelease.is_empty() {
            text = format!("{text}-{}", self.prerelease);
        }
        if !self.build.is_empty() {
            text = format!("{text}+{}", self.build);
        }
        text
    }

    pub(crate) fn order(&self, other: &Version) -> Ordering {
        self.parts
            .cmp(&other.parts)
            .then_with(|| order_prerelease(&self.prerelease, &other.prerelease))
    }

    fn order_value(&self, other: &Value) -> Option<Ordering> {
        match other {
            Value::Str(text) => Some(self.order(&parse(text.as_utf8()?)?)),
            other => Some(self.order(other.as_object::<Version>()?)),
        }
    }
}

/// No prerelease sorts last; numeric parts come before words, and are compared by value.
fn order_prerelease(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let (x, y) = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) => (x, y),
        };
        let order = match (x.parse::<u64>(), y.parse::<u64>()) {
            (Ok(x), Ok(y)) => x.cmp(&y),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => x.cmp(y),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

impl Object for Version {
    fn type_name(&self) -> &'static str {
        "semver.Version"
    }

    fn member(&self, _: &Scope, name: &str) -> Option<Value> {
        let [major, minor, patch] = self.parts;
        Some(match name {
            "Major" => Value::from(major),
            "Minor" => Value::from(minor),
            "Patch" => Value::from(patch),
            "Prerelease" => Value::from(self.prerelease.as_str()),
            "Version" => Value::from(self.text()),
            _ => return None,
        })
    }

    fn packed(&self) -> Option<Packed> {
        Some(Packed {
            parts: vec![Value::from(self.text())],
            unpack: |parts| Some(Value::object(parse(parts.first()?.as_str()?.as_utf8()?)?)),
        })
    }

    fn member_names(&self) -> Vec<Str> {
        ["Major", "Minor", "Patch", "Prerelease", "Version"]
            .map(Str::from)
            .to_vec()
    }

    fn to_text(&self) -> Option<Str> {
        Some(Str::from(self.text()))
    }

    fn equals(&self, other: &Value) -> Option<bool> {
        Some(self.order_value(other) == Some(Ordering::Equal))
    }

    fn less(&self, other: &Value) -> Option<bool> {
        Some(self.order_value(other) == Some(Ordering::Less))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
