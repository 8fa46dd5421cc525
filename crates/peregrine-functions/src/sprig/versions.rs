//! Semantic versions and constraints on them.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use gotmpl::{Result, Value};

use super::args::{exactly, new_map, text};
use super::bridge::{fail, string};
use crate::numbers::Version;

pub(super) const ALL: super::Table = &[
    ("semver", |_, args| {
        let [value] = exactly(args)?;
        let version = parse(&text(value))?;
        let mut members: BTreeMap<Arc<str>, Value> = BTreeMap::new();
        for (name, part) in ["Major", "Minor", "Patch"].into_iter().zip(version.parts) {
            members.insert(name.into(), Value::Uint(part));
        }
        members.insert("Prerelease".into(), string(&version.prerelease));
        members.insert("Metadata".into(), string(&version.build));
        members.insert("Original".into(), string(text(value)));
        Ok(new_map(members))
    }),
    ("semverCompare", |_, args| {
        let [constraint, value] = exactly(args)?;
        let version = parse(&text(value))?;
        let mut holds = false;
        for choice in text(constraint).split("||") {
            let mut all = true;
            for term in choice.split([',', ' ']).filter(|term| !term.is_empty()) {
                all &= meets(&version, term)?;
            }
            holds |= all;
        }
        Ok(Value::Bool(holds))
    }),
];

fn parse(text: &str) -> Result<Version> {
    Version::parse(text).ok_or_else(|| fail(format!("invalid semantic version `{text}`")))
}

/// One term such as `>=1.2`, `~1.2.3`, `^1`, `1.x`.
fn meets(version: &Version, term: &str) -> Result<bool> {
    let digits = term
        .find(|c: char| c.is_ascii_digit() || "vxX*".contains(c))
        .ok_or_else(|| fail(format!("`{term}` is not a constraint on a version")))?;
    let (operator, wanted) = term.split_at(digits);
    let given = wanted
        .trim_start_matches('v')
        .split(['.', '-'])
        .take(3)
        .take_while(|part| !matches!(*part, "x" | "X" | "*"))
        .count();
    let wanted = parse(&wanted.replace(['x', 'X', '*'], "0"))?;
    // A prerelease matches only if the constraint has one too.
    if !version.prerelease.is_empty() && wanted.prerelease.is_empty() {
        return Ok(false);
    }
    let order = version.order(&wanted);
    let agrees = |count: usize| {
        version
            .parts
            .iter()
            .take(count)
            .eq(wanted.parts.iter().take(count))
    };
    Ok(match operator.trim() {
        "" | "=" if given < 3 => agrees(given),
        "" | "=" => order == Ordering::Equal,
        "!=" if given < 3 => !agrees(given),
        "!=" => order != Ordering::Equal,
        ">" if given < 3 => order == Ordering::Greater && !agrees(given),
        ">" => order == Ordering::Greater,
        "<" => order == Ordering::Less,
        ">=" | "=>" => order != Ordering::Less,
        "<=" | "=<" => order != Ordering::Greater || (given < 3 && agrees(given)),
        "~" | "~>" => order != Ordering::Less && agrees(given.min(2)),
        "^" => {
            let leading = wanted.parts.iter().take_while(|part| **part == 0).count();
            order != Ordering::Less && agrees((leading + 1).min(given.max(1)).min(3))
        }
        other => return Err(fail(format!("`{other}` is not a comparison of versions"))),
    })
}
