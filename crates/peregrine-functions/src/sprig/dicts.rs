//! Functions over dicts.

use std::collections::BTreeMap;

use gotmpl::{Result, Value};

use super::args::{arg, exactly, is_empty, map, new_list, new_map, text, text_at};
use super::bridge::{Bridge, fail, string};

/// Nesting beyond which merging stops.
const MAX_DEPTH: u32 = 64;

pub(super) const ALL: super::Table = &[
    ("dict", |_, args| {
        let mut entries = BTreeMap::new();
        for pair in args.chunks(2) {
            let value = pair.get(1).cloned().unwrap_or_else(|| string(""));
            entries.insert(text_at(pair, 0)?.into(), value);
        }
        Ok(new_map(entries))
    }),
    ("get", |_, args| {
        let [dict, key] = exactly(args)?;
        let found = map(dict)?.get(&*text(key)).cloned();
        Ok(found.unwrap_or_else(|| string("")))
    }),
    ("set", |_, args| {
        let [dict, key, value] = exactly(args)?;
        let mut entries = map(dict)?.clone();
        entries.insert(text(key).into(), value.clone());
        Ok(new_map(entries))
    }),
    ("unset", |_, args| {
        let [dict, key] = exactly(args)?;
        let mut entries = map(dict)?.clone();
        entries.remove(&*text(key));
        Ok(new_map(entries))
    }),
    ("hasKey", |_, args| {
        let [dict, key] = exactly(args)?;
        Ok(Value::Bool(map(dict)?.contains_key(&*text(key))))
    }),
    ("pluck", |_, args| {
        let key = text_at(args, 0)?;
        let mut found = Vec::new();
        for dict in args.get(1..).unwrap_or_default() {
            found.extend(map(dict)?.get(&*key).cloned());
        }
        new_list(found)
    }),
    ("keys", |_, args| {
        let mut keys = Vec::new();
        for dict in args {
            keys.extend(map(dict)?.keys().map(string));
        }
        new_list(keys)
    }),
    ("values", |_, args| {
        new_list(map(arg(args, 0)?)?.values().cloned().collect())
    }),
    ("pick", |_, args| choose(args, true)),
    ("omit", |_, args| choose(args, false)),
    ("merge", |_, args| merge_all(args, false)),
    ("mustMerge", |_, args| merge_all(args, false)),
    ("mergeOverwrite", |_, args| merge_all(args, true)),
    ("mustMergeOverwrite", |_, args| merge_all(args, true)),
    ("deepCopy", |_, args| Ok(arg(args, 0)?.clone())),
    ("mustDeepCopy", |_, args| Ok(arg(args, 0)?.clone())),
    ("dig", dig),
];

fn choose(args: &[Value], named: bool) -> Result<Value> {
    let entries = map(arg(args, 0)?)?;
    let names: Vec<String> = args.get(1..).unwrap_or_default().iter().map(text).collect();
    let kept = entries
        .iter()
        .filter(|(key, _)| names.iter().any(|name| **name == ***key) == named);
    Ok(new_map(
        kept.map(|(key, value)| (key.clone(), value.clone())).collect(),
    ))
}

fn merge_all(args: &[Value], overwrite: bool) -> Result<Value> {
    let mut merged = arg(args, 0)?.clone();
    map(&merged)?;
    for source in args.get(1..).unwrap_or_default() {
        map(source)?;
        merged = merge(&merged, source, overwrite, 0);
    }
    Ok(merged)
}

fn merge(into: &Value, from: &Value, overwrite: bool, depth: u32) -> Value {
    match (into, from) {
        (Value::Map(old), Value::Map(new)) if depth < MAX_DEPTH => {
            let mut entries = (**old).clone();
            for (key, value) in new.iter() {
                let merged = match entries.get(key) {
                    Some(known) => merge(known, value, overwrite, depth + 1),
                    None => value.clone(),
                };
                entries.insert(key.clone(), merged);
            }
            new_map(entries)
        }
        (old, new) if (overwrite && !is_empty(new)) || is_empty(old) => new.clone(),
        (old, _) => old.clone(),
    }
}

/// `dig "a" "b" default dict`.
fn dig(_: &Bridge, args: &[Value]) -> Result<Value> {
    let [path @ .., default, dict] = args else {
        return Err(fail("dig needs at least a key, a default and a dict"));
    };
    let mut value = dict;
    for key in path {
        match map(value)?.get(&*text(key)) {
            Some(found) => value = found,
            None => return Ok(default.clone()),
        }
    }
    Ok(value.clone())
}
