//! Functions over lists.

use gotmpl::{Result, Value};

use super::args::{arg, count_at, exactly, int, is_empty, list, new_list, text};
use super::bridge::{Bridge, fail, string};

pub(super) const ALL: super::Table = &[
    ("list", |_, args| new_list(args.to_vec())),
    ("tuple", |_, args| new_list(args.to_vec())),
    ("first", first),
    ("mustFirst", first),
    ("last", last),
    ("mustLast", last),
    ("rest", rest),
    ("mustRest", rest),
    ("initial", initial),
    ("mustInitial", initial),
    ("append", append),
    ("mustAppend", append),
    ("push", append),
    ("mustPush", append),
    ("prepend", prepend),
    ("mustPrepend", prepend),
    ("concat", concat),
    ("reverse", reverse),
    ("mustReverse", reverse),
    ("uniq", uniq),
    ("mustUniq", uniq),
    ("without", without),
    ("mustWithout", without),
    ("has", has),
    ("mustHas", has),
    ("slice", slice),
    ("mustSlice", slice),
    ("chunk", chunk),
    ("mustChunk", chunk),
    ("compact", compact),
    ("mustCompact", compact),
    ("sortAlpha", |_, args| {
        let mut words: Vec<String> = match arg(args, 0)? {
            Value::List(items) => items.iter().map(text).collect(),
            other => vec![text(other)],
        };
        words.sort();
        new_list(words.into_iter().map(string).collect())
    }),
];

fn first(_: &Bridge, args: &[Value]) -> Result<Value> {
    Ok(list(arg(args, 0)?)?.first().cloned().unwrap_or(Value::Nil))
}

fn last(_: &Bridge, args: &[Value]) -> Result<Value> {
    Ok(list(arg(args, 0)?)?.last().cloned().unwrap_or(Value::Nil))
}

fn rest(_: &Bridge, args: &[Value]) -> Result<Value> {
    new_list(list(arg(args, 0)?)?.iter().skip(1).cloned().collect())
}

fn initial(_: &Bridge, args: &[Value]) -> Result<Value> {
    let items = list(arg(args, 0)?)?;
    let kept = items.len().saturating_sub(1);
    new_list(items.iter().take(kept).cloned().collect())
}

fn append(_: &Bridge, args: &[Value]) -> Result<Value> {
    let [items, item] = exactly(args)?;
    new_list(list(items)?.iter().chain([item]).cloned().collect())
}

fn prepend(_: &Bridge, args: &[Value]) -> Result<Value> {
    let [items, item] = exactly(args)?;
    new_list([item].into_iter().chain(list(items)?).cloned().collect())
}

fn concat(_: &Bridge, args: &[Value]) -> Result<Value> {
    let mut all = Vec::new();
    for items in args {
        all.extend_from_slice(list(items)?);
        if all.len() > super::bridge::MAX_ITEMS {
            return Err(fail("a list of the template grows too long"));
        }
    }
    new_list(all)
}

fn reverse(_: &Bridge, args: &[Value]) -> Result<Value> {
    new_list(list(arg(args, 0)?)?.iter().rev().cloned().collect())
}

fn uniq(bridge: &Bridge, args: &[Value]) -> Result<Value> {
    let mut kept = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for item in list(arg(args, 0)?)? {
        let key = crate::support::json_text(bridge.scope(), &bridge.value(item));
        if seen.insert(key) {
            kept.push(item.clone());
        }
    }
    new_list(kept)
}

fn without(_: &Bridge, args: &[Value]) -> Result<Value> {
    let items = list(arg(args, 0)?)?;
    let omitted = args.get(1..).unwrap_or_default();
    new_list(
        items
            .iter()
            .filter(|item| !omitted.contains(item))
            .cloned()
            .collect(),
    )
}

fn has(_: &Bridge, args: &[Value]) -> Result<Value> {
    let [item, items] = exactly(args)?;
    Ok(Value::Bool(list(items)?.contains(item)))
}

fn slice(_: &Bridge, args: &[Value]) -> Result<Value> {
    let items = list(arg(args, 0)?)?;
    let place = |value: &Value| usize::try_from(int(value)).ok();
    let from = args.get(1).map_or(Some(0), place);
    let to = args.get(2).map_or(Some(items.len()), place);
    match (from, to) {
        (Some(from), Some(to)) if from <= to && to <= items.len() => {
            new_list(items.get(from..to).unwrap_or_default().to_vec())
        }
        _ => Err(fail(format!("a list of {} items has no such slice", items.len()))),
    }
}

fn chunk(_: &Bridge, args: &[Value]) -> Result<Value> {
    let items = list(arg(args, 1)?)?;
    let chunks = items.chunks(count_at(args, 0)?.max(1));
    new_list(chunks.map(|items| Value::List(items.into())).collect())
}

fn compact(_: &Bridge, args: &[Value]) -> Result<Value> {
    let items = list(arg(args, 0)?)?.iter();
    new_list(items.filter(|item| !is_empty(item)).cloned().collect())
}
