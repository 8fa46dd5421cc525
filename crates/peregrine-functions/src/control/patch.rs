//! `patch()`: JSON patches applied to a dict.

use crate::prelude::*;

/// Changes a dict by a JSON merge patch (RFC 7386) or by JSON patch operations (RFC 6902). Both may be given as text.
#[derive(VqlArgs)]
pub struct Args {
    /// The dict, or its JSON.
    item: Value,
    /// Operations, or one of them: `dict(op='replace', path='/a', value=5)`.
    patch: Option<Value>,
    /// A dict of changes, in which NULL removes a key. Used instead of `patch`.
    merge: Option<Value>,
}

pub struct Patch;

/// Nesting beyond which a merge is refused.
const MAX_DEPTH: u32 = 200;

impl Function for Patch {
    type Args = Args;
    const NAME: &'static str = "patch";
    const CATEGORY: Category = Category::Collections;
    const EXAMPLES: &'static [Example] = &[
        example(
            "merged",
            "patch(item=dict(a=1, b=2), merge=dict(b=NULL, c=3))",
            r#"{"a":1,"c":3}"#,
        ),
        example(
            "an operation",
            "patch(item=dict(a=1), patch=dict(op='replace', path='/a', value=5))",
            r#"{"a":5}"#,
        ),
        example(
            "several, as text",
            r#"patch(item='{"a":[1,2]}', patch='[{"op":"add","path":"/a/1","value":9},{"op":"remove","path":"/a/0"}]')"#,
            r#"{"a":[9,2]}"#,
        ),
        example(
            "moved",
            "patch(item=dict(a=1, b=dict()), patch=dict(op='move', `from`='/a', path='/b/c'))",
            r#"{"b":{"c":1}}"#,
        ),
        fails(
            "no such place",
            "patch(item=dict(a=1), patch=dict(op='remove', path='/x'))",
            "no `/x`",
        ),
        fails(
            "nothing to do",
            "patch(item=dict(a=1))",
            "give `patch` or `merge`",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let item = plain(scope, &args.item)?;
        let result = match (args.merge, args.patch) {
            (Some(merge), _) => merged(item, plain(scope, &merge)?, 0)?,
            (None, Some(operations)) => {
                let operations = match plain(scope, &operations)? {
                    Value::Array(operations) => operations.to_vec(),
                    single => vec![single],
                };
                operations
                    .iter()
                    .try_fold(item, |item, operation| apply(scope, item, operation))?
            }
            (None, None) => return Err("give `patch` or `merge`".into()),
        };
        match result {
            Value::Dict(_) => Ok(result),
            other => Err(format!("the result is not a dict but {}", other.type_name()).into()),
        }
    }
}

/// A copy without shared or lazy parts.
fn plain(scope: &Scope, value: &Value) -> Result<Value, String> {
    let text = match value {
        Value::Str(text) => text.to_vec(),
        other => json_text(scope, other),
    };
    json::parse(&text).map_err(|error| error.to_string())
}

fn merged(item: Value, merge: Value, depth: u32) -> Result<Value, String> {
    let Value::Dict(merge) = merge else {
        return Ok(merge);
    };
    if depth > MAX_DEPTH {
        return Err(format!("the merge patch is nested deeper than {MAX_DEPTH}"));
    }
    let item = match item {
        Value::Dict(item) => item,
        _ => Dict::new(),
    };
    for (key, new) in merge.entries() {
        if new.is_null() {
            item.remove(&key);
        } else {
            let old = item.get(&key).unwrap_or(Value::Null);
            item.set(key, merged(old, new, depth + 1)?);
        }
    }
    Ok(Value::Dict(item))
}

fn apply(scope: &Scope, item: Value, operation: &Value) -> Result<Value, String> {
    let text = |name: &str| {
        operation
            .member(scope, name.as_bytes())
            .and_then(|value| value.as_str().map(Str::to_string))
    };
    let value = || operation.member(scope, b"value").unwrap_or(Value::Null);
    let op = text("op").ok_or("an operation has no `op`")?;
    let path = pointer(&text("path").ok_or("an operation has no `path`")?)?;
    let from = || pointer(&text("from").ok_or("this operation needs `from`")?);
    match op.as_str() {
        "add" => change(item, &path, Change::Add(value())),
        "replace" => change(item, &path, Change::Replace(value())),
        "remove" => change(item, &path, Change::Remove),
        "copy" => {
            let copied = find(&item, &from()?)?;
            change(
                item,
                &path,
                Change::Add(plain(scope, &Value::array(vec![copied])).map(first)?),
            )
        }
        "move" => {
            let from = from()?;
            let moved = find(&item, &from)?;
            change(change(item, &from, Change::Remove)?, &path, Change::Add(moved))
        }
        "test" => {
            if json_text(scope, &find(&item, &path)?) == json_text(scope, &value()) {
                Ok(item)
            } else {
                Err(format!("`/{}` is not what `test` expects", path.join("/")))
            }
        }
        other => Err(format!("unknown operation `{other}`")),
    }
}

fn first(list: Value) -> Value {
    list.as_array()
        .and_then(|items| items.first().cloned())
        .unwrap_or(Value::Null)
}

/// The parts of a JSON pointer (RFC 6901).
fn pointer(text: &str) -> Result<Vec<String>, String> {
    match text.strip_prefix('/') {
        None if text.is_empty() => Ok(Vec::new()),
        None => Err(format!("`{text}` is not a JSON pointer; it starts with `/`")),
        Some(rest) => Ok(rest
            .split('/')
            .map(|part| part.replace("~1", "/").replace("~0", "~"))
            .collect()),
    }
}

fn find(item: &Value, path: &[String]) -> Result<Value, String> {
    let mut at = item.clone();
    for part in path {
        let next = match &at {
            Value::Dict(dict) => dict.get(part),
            Value::Array(items) => part.parse::<usize>().ok().and_then(|i| items.get(i).cloned()),
            _ => None,
        };
        at = next.ok_or_else(|| format!("there is no `/{}`", path.join("/")))?;
    }
    Ok(at)
}

enum Change {
    Add(Value),
    Replace(Value),
    Remove,
}

/// Changes the value at `path`: walks down the containers on the way, then puts them together again.
fn change(item: Value, path: &[String], change: Change) -> Result<Value, String> {
    let missing = || format!("there is no `/{}`", path.join("/"));
    let Some((last, parents)) = path.split_last() else {
        return match change {
            Change::Add(value) | Change::Replace(value) => Ok(value),
            Change::Remove => Ok(Value::Null),
        };
    };
    let mut containers = vec![item];
    for depth in 0..parents.len() {
        let container = containers.last().cloned().unwrap_or(Value::Null);
        containers.push(find(&container, &parents[depth..=depth]).map_err(|_| missing())?);
    }
    let mut changed = containers.pop().unwrap_or(Value::Null);
    match (&mut changed, change) {
        (Value::Dict(dict), Change::Add(value)) => dict.set(last.as_str(), value),
        (Value::Dict(dict), Change::Replace(value)) => {
            dict.get(last).ok_or_else(missing)?;
            dict.set(last.as_str(), value);
        }
        (Value::Dict(dict), Change::Remove) => drop(dict.remove(last).ok_or_else(missing)?),
        (Value::Array(items), change) => {
            let items = std::sync::Arc::make_mut(items);
            let at = if last == "-" {
                items.len()
            } else {
                last.parse().map_err(|_| missing())?
            };
            match change {
                Change::Add(value) if at <= items.len() => items.insert(at, value),
                Change::Replace(value) => *items.get_mut(at).ok_or_else(missing)? = value,
                Change::Remove if at < items.len() => drop(items.remove(at)),
                _ => return Err(missing()),
            }
        }
        _ => return Err(missing()),
    }
    // Dicts are shared and have already changed; arrays are put back into their containers.
    for (mut container, part) in containers.into_iter().zip(parents).rev() {
        match &mut container {
            Value::Array(items) => {
                let at: usize = part.parse().map_err(|_| missing())?;
                *std::sync::Arc::make_mut(items).get_mut(at).ok_or_else(missing)? = changed;
            }
            Value::Dict(dict) if matches!(changed, Value::Array(_)) => dict.set(part.as_str(), changed),
            _ => {}
        }
        changed = container;
    }
    Ok(changed)
}
