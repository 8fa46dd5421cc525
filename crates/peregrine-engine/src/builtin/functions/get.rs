//! `get()`: a member by name or path.

use crate::prelude::*;

/// Gets a member of a value.
///
/// `member` is a path of names separated by dots; numbers index arrays, beyond the end they wrap around. `field` is
/// one key of any type. A missing member gives `default`; a NULL on the way gives NULL.
#[derive(VqlArgs)]
pub struct Args {
    /// What to look into; the scope when left out.
    item: Option<Value>,
    /// A path such as `a.b.0`.
    member: Option<Str>,
    /// One key, taken as it is.
    field: Option<Value>,
    /// What a missing member gives.
    default: Option<Value>,
}

pub struct Get;

impl Function for Get {
    type Args = Args;
    const NAME: &'static str = "get";
    const CATEGORY: Category = Category::Collections;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a path",
            "get(item=dict(a=dict(b=[10, 20])), member='a.b.1')",
            "20",
        ),
        example(
            "a default",
            "get(item=dict(a=1), member='x', default='d')",
            r#""d""#,
        ),
        example("a key with a dot", "get(item=dict(`a.b`=5), field='a.b')", "5"),
        example("a number as key", "get(item=dict(`7`=5), field=7)", "5"),
        example("an index", "get(item=[1, 2, 3], field=-1)", "3"),
        example("of nothing", "get(item=NULL, member='x', default=1)", "null"),
        example(
            "of all elements",
            "get(item=[dict(n=1), dict(n=2)], member='n')",
            "[1,2]",
        ),
        fails(
            "neither",
            "get(item=1)",
            "get: either Field or Member should be specified.",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let item = args.item.unwrap_or_else(|| Value::Scope(scope.clone()));
        let found = match (&args.field, &args.member) {
            (Some(field), _) => item.index(scope, field),
            (None, Some(path)) => follow(scope, item, path),
            (None, None) => return Err("either Field or Member should be specified.".into()),
        };
        let found = found.map(|value| value.reduce(scope));
        Ok(found.or(args.default).unwrap_or_default())
    }
}

fn follow(scope: &Scope, item: Value, path: &Str) -> Option<Value> {
    let mut value = item;
    for part in path.split(|c| *c == b'.') {
        let text = std::str::from_utf8(part).ok();
        value = match (&value, text.and_then(|text| text.parse::<i64>().ok())) {
            (Value::Null, _) => return Some(Value::Null),
            (Value::Array(items), Some(position)) if !items.is_empty() => {
                let position = position.rem_euclid(i64::try_from(items.len()).ok()?);
                items.get(usize::try_from(position).ok()?)?.clone()
            }
            _ => value.index(scope, &Value::Str(Str::new(part)))?,
        }
        .reduce(scope);
    }
    Some(value)
}
