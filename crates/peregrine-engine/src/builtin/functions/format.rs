//! `format()`: text with values put in.

use crate::prelude::*;

/// Formats values in the manner of C's `printf`, with Go's verbs.
///
/// A time that is itself an argument shows as RFC 3339 in UTC. Mismatches show in the text: `%!d(string=x)`,
/// `%!v(MISSING)`, `%!(EXTRA int64=1)`.
#[derive(VqlArgs)]
pub struct Args {
    /// The text with verbs such as `%v`, `%d`, `%05.2f`, `%q`.
    format: Str,
    /// The values: an array, or a single one.
    args: Option<Value>,
}

pub struct Format;

impl Function for Format {
    type Args = Args;
    const NAME: &'static str = "format";
    const CATEGORY: Category = Category::Strings;
    const IS_PURE: bool = true;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example("two values", "format(format='%v/%s', args=[1, 'a'])", r#""1/a""#),
        example("padding", "format(format='%02d:%02d', args=[7, 5])", r#""07:05""#),
        example(
            "floats",
            "format(format='%.2f|%5.1f', args=[3.14159, 2.25])",
            r#""3.14|  2.2""#,
        ),
        example(
            "hex",
            "format(format='%x %X %#x', args=[255, 'AZ', 255])",
            r#""ff 415A 0xff""#,
        ),
        example("quoted", "format(format='%q', args='a\"b')", r#""\"a\\\"b\"""#),
        example(
            "NULL and bool",
            "format(format='%v %v', args=[NULL, TRUE])",
            r#""Null true""#,
        ),
        example("a dict", "format(format='%v', args=dict(A=1))", r#""{\"A\":1}""#),
        example(
            "a time",
            "format(format='%s', args=timestamp(epoch=1700000000))",
            r#""2023-11-14T22:13:20Z""#,
        ),
        example("a type", "format(format='%T', args=[1,])", r#""int64""#),
        example(
            "a missing value",
            "format(format='%v-%v', args=1)",
            r#""1-%!v(MISSING)""#,
        ),
        example(
            "the wrong type",
            "format(format='%d', args='abc')",
            r#""%!d(string=abc)""#,
        ),
        fails("no format", "format()", "format: Field format is required"),
    ];

    const DIRECT: Option<Direct> = Some(|scope, args| match args {
        [
            (_, ArgValue::Value(Value::Str(text))),
            (_, ArgValue::Value(Value::Array(items))),
        ] => {
            let is_plain = !items.iter().any(|item| matches!(item, Value::Time(_)));
            is_plain.then(|| Value::Str(crate::format::format(scope, text, items)))
        }
        _ => None,
    });

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let mut values = values(args.args);
        for value in &mut values {
            if let Value::Time(time) = value {
                let whole = Time::from_unix(time.unix(), 0);
                *value = Value::from(crate::time::rfc3339(whole).unwrap_or_default());
            }
        }
        Ok(Value::Str(crate::format::format(scope, &args.format, &values)))
    }
}

/// The arguments of a format: an array's elements, the bytes of bytes, else the single value.
pub(super) fn values(args: Option<Value>) -> Vec<Value> {
    match args {
        None => Vec::new(),
        Some(Value::Array(items)) => items.to_vec(),
        Some(Value::Bytes(bytes)) => bytes.iter().map(|byte| Value::from(*byte)).collect(),
        Some(single) => vec![single],
    }
}
