//! Go's `Printf` over VQL values.

mod number;
mod verb;

use std::cell::Cell;

use crate::scope::Scope;
use crate::value::{Str, Value};

/// Larger widths and precisions are clipped, so that a format cannot ask for gigabytes.
const MAX_WIDTH: usize = 1_000_000;
/// Beyond this length no more directives are written: many of them, over long lists, could ask for gigabytes
/// too.
const MAX_LENGTH: usize = 64 << 20;

/// Formats `args` as `format` says. Mismatches show in the text.
#[must_use]
pub fn format(scope: &Scope, format: &[u8], args: &[Value]) -> Str {
    let mut printer = Printer {
        scope,
        args,
        next: 0,
        reordered: false,
        out: SCRATCH.take(),
    };
    let mut rest = format;
    while let Some(at) = percent(rest) {
        if printer.out.len() > MAX_LENGTH {
            printer.out.extend_from_slice(b"%!(TOOLONG)");
            return Str::new(&printer.out);
        }
        printer.out.extend_from_slice(&rest[..at]);
        rest = printer.directive(&rest[at + 1..]);
    }
    printer.out.extend_from_slice(rest);
    printer.surplus();
    let text = Str::new(&printer.out);
    if printer.out.capacity() <= MAX_SCRATCH {
        printer.out.clear();
        SCRATCH.set(printer.out);
    }
    text
}

/// The position of the next directive. Most formats are so short that a plain loop beats setting up a vector
/// search.
fn percent(text: &[u8]) -> Option<usize> {
    if text.len() <= 32 {
        text.iter().position(|byte| *byte == b'%')
    } else {
        memchr::memchr(b'%', text)
    }
}

thread_local! {
    /// A buffer for building texts: a query formats one after the other, and each would grow its own.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Largest buffer kept for the next text.
const MAX_SCRATCH: usize = 1 << 16;

struct Printer<'a> {
    scope: &'a Scope,
    args: &'a [Value],
    next: usize,
    reordered: bool,
    out: Vec<u8>,
}

/// Flags, width and precision of one directive.
#[derive(Debug, Clone, Default)]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    zero: bool,
    space: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

impl Printer<'_> {
    /// Parses what follows a `%`; returns the rest.
    fn directive<'f>(&mut self, format: &'f [u8]) -> &'f [u8] {
        if let Some((verb, rest)) = format.split_first()
            && let Some(value) = self.args.get(self.next)
            && verb::write_plain(&mut self.out, *verb, value)
        {
            self.next += 1;
            return rest;
        }
        let mut spec = Spec::default();
        let mut rest = format;
        while let Some((c, after)) = rest.split_first() {
            match c {
                b'-' => spec.minus = true,
                b'+' => spec.plus = true,
                b'#' => spec.sharp = true,
                b'0' => spec.zero = true,
                b' ' => spec.space = true,
                _ => break,
            }
            rest = after;
        }
        let mut index_ok = self.index(&mut rest);
        if let Some(after) = rest.strip_prefix(b"*") {
            rest = after;
            match self.star() {
                Some(width) => {
                    spec.minus |= width < 0;
                    spec.width = Some(clip(width.unsigned_abs()));
                }
                None => self.out.extend_from_slice(b"%!(BADWIDTH)"),
            }
        } else {
            spec.width = digits(&mut rest);
        }
        if let Some(after) = rest.strip_prefix(b".") {
            rest = after;
            index_ok &= self.index(&mut rest);
            if let Some(after) = rest.strip_prefix(b"*") {
                rest = after;
                match self.star().and_then(|precision| u64::try_from(precision).ok()) {
                    Some(precision) => spec.precision = Some(clip(precision)),
                    None => self.out.extend_from_slice(b"%!(BADPREC)"),
                }
            } else {
                spec.precision = Some(digits(&mut rest).unwrap_or(0));
            }
        }
        index_ok &= self.index(&mut rest);
        if spec.minus {
            spec.zero = false;
        }
        let Some(verb) = next_char(&mut rest) else {
            self.out.extend_from_slice(b"%!(NOVERB)");
            return rest;
        };
        if verb == '%' {
            self.out.push(b'%');
        } else if !index_ok {
            self.out
                .extend_from_slice(format!("%!{verb}(BADINDEX)").as_bytes());
        } else if let Some(value) = self.args.get(self.next) {
            self.next += 1;
            verb::write(self.scope, &mut self.out, &spec, verb, value, 0);
        } else {
            self.out
                .extend_from_slice(format!("%!{verb}(MISSING)").as_bytes());
        }
        rest
    }

    /// `[2]`: the next argument is the second. False when the index is not valid.
    fn index(&mut self, rest: &mut &[u8]) -> bool {
        let Some(after) = rest.strip_prefix(b"[") else {
            return true;
        };
        self.reordered = true;
        let Some(end) = memchr::memchr(b']', after) else {
            *rest = after;
            return false;
        };
        let number = std::str::from_utf8(&after[..end])
            .ok()
            .and_then(|text| text.parse::<usize>().ok());
        *rest = &after[end + 1..];
        match number {
            Some(number) if number >= 1 && number <= self.args.len() => {
                self.next = number - 1;
                true
            }
            _ => false,
        }
    }

    /// The value of a `*`.
    fn star(&mut self) -> Option<i64> {
        let value = self.args.get(self.next)?;
        self.next += 1;
        match value {
            Value::Int(value) if value.unsigned_abs() <= MAX_WIDTH as u64 => Some(*value),
            _ => None,
        }
    }

    fn surplus(&mut self) {
        let Some(surplus) = self
            .args
            .get(self.next..)
            .filter(|rest| !rest.is_empty() && !self.reordered)
        else {
            return;
        };
        self.out.extend_from_slice(b"%!(EXTRA ");
        for (i, value) in surplus.iter().enumerate() {
            if i > 0 {
                self.out.extend_from_slice(b", ");
            }
            self.out.extend_from_slice(value.type_name().as_bytes());
            self.out.push(b'=');
            verb::write(self.scope, &mut self.out, &Spec::default(), 'v', value, 0);
        }
        self.out.push(b')');
    }
}

fn clip(number: u64) -> usize {
    usize::try_from(number).unwrap_or(MAX_WIDTH).min(MAX_WIDTH)
}

fn digits(rest: &mut &[u8]) -> Option<usize> {
    let len = rest.iter().take_while(|c| c.is_ascii_digit()).count();
    let number = rest[..len]
        .iter()
        .fold(0, |n: usize, c| (n * 10 + usize::from(c - b'0')).min(MAX_WIDTH));
    *rest = &rest[len..];
    (len > 0).then_some(number)
}

/// The next character; a byte that is not UTF-8 counts as U+FFFD.
fn next_char(rest: &mut &[u8]) -> Option<char> {
    if let Some((byte, after)) = rest.split_first()
        && byte.is_ascii()
    {
        *rest = after;
        return Some(char::from(*byte));
    }
    let chunk = rest.utf8_chunks().next()?;
    match chunk.valid().chars().next() {
        Some(c) => {
            *rest = &rest[c.len_utf8()..];
            Some(c)
        }
        None => {
            *rest = &rest[1..];
            Some(char::REPLACEMENT_CHARACTER)
        }
    }
}

/// The number of characters; a byte that is not UTF-8 counts as one.
fn characters(text: &[u8]) -> usize {
    let chunks = text.utf8_chunks();
    chunks
        .map(|chunk| chunk.valid().chars().count() + chunk.invalid().len())
        .sum()
}

/// Pads digits with leading zeros to `width`.
fn zero_padded(digits: &str, width: usize) -> String {
    let mut text = "0".repeat(width.saturating_sub(digits.len()));
    text.push_str(digits);
    text
}

/// Appends text padded to the width, counted in characters.
fn pad(out: &mut Vec<u8>, spec: &Spec, text: &[u8]) {
    let Some(width) = spec.width else {
        return out.extend_from_slice(text);
    };
    let fill = width.saturating_sub(characters(text));
    if spec.minus {
        out.extend_from_slice(text);
        out.extend(std::iter::repeat_n(b' ', fill));
    } else {
        out.extend(std::iter::repeat_n(if spec.zero { b'0' } else { b' ' }, fill));
        out.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use crate::value::{Dict, Time, Value};
    use crate::{Context, Scope};

    fn check(format: &str, args: Vec<Value>, expected: &str) {
        let scope = Scope::root(&Context::builder().build(), Dict::new());
        assert_eq!(
            super::format(&scope, format.as_bytes(), &args).to_string(),
            expected,
            "{format}"
        );
    }

    #[test]
    fn numbers() {
        check(
            "%5d|%-5d|%05d|%+d|% d",
            vec![42.into(); 5],
            "   42|42   |00042|+42| 42",
        );
        check(
            "%05d|%x|%X|%#x|%o|%b",
            vec![(-42).into(); 6],
            "-0042|-2a|-2A|-0x2a|-52|-101010",
        );
        check(
            "%.2f|%8.3f|%-8.1f|%e|%g",
            vec![Value::Float(2.71849); 5],
            "2.72|   2.718|2.7     |2.718490e+00|2.71849",
        );
        check("%08.2f", vec![Value::Float(-2.71849)], "-0002.72");
        check(
            "%v %v %v",
            vec![1.0.into(), 1e9.into(), 1e-7.into()],
            "1 1e+09 1e-07",
        );
        check("%c|%U|%q", vec![65.into(), 65.into(), 65.into()], "A|U+0041|'A'");
    }

    #[test]
    fn strings() {
        check(
            "%s|%5s|%-5s|%.2s|%q",
            vec!["abc".into(); 5],
            "abc|  abc|abc  |ab|\"abc\"",
        );
        check("%x|%X|% x|%#x", vec!["AZ".into(); 4], "415a|415A|41 5a|0x415a");
        check("%5s", vec!["é".into()], "    é");
        let odd = || Value::str(&b"\xe2\x82\xe9"[..]);
        check(
            "%x|%4s|%.2x",
            vec![odd(), odd(), odd()],
            "e282e9| \u{fffd}\u{fffd}\u{fffd}|e282",
        );
        check("%.2q", vec![odd()], r#""\xe2\x82""#);
    }

    #[test]
    fn mismatches() {
        check("%d", vec!["x".into()], "%!d(string=x)");
        check(
            "%s|%s|%t",
            vec![5.into(), true.into(), 5.into()],
            "%!s(int64=5)|%!s(bool=true)|%!t(int64=5)",
        );
        check(
            "%f|%d",
            vec![5.into(), 1.5.into()],
            "%!f(int64=5)|%!d(float64=1.5)",
        );
        check("%v", vec![], "%!v(MISSING)");
        check("a", vec![1.into(), "b".into()], "a%!(EXTRA int64=1, string=b)");
        check("%z %", vec![5.into()], "%!z(int64=5) %!(NOVERB)");
        check("%[2]v %[1]v", vec![1.into(), 2.into()], "2 1");
        check("%[5]v", vec![1.into()], "%!v(BADINDEX)");
        check("%*d", vec![5.into(), 1.into()], "    1");
    }

    #[test]
    fn lists() {
        check("%d", vec![Value::from(vec![1, 2])], "[1 2]");
        check(
            "%02x %v",
            vec![Value::from(vec![1, 255]), Value::Null],
            "[01 ff] Null",
        );
    }

    #[test]
    fn months_are_numbers_with_a_name() {
        let time = crate::value::Time::from_unix(1_688_889_900, 0);
        let member = |name: &[u8]| crate::time::member(time, name).unwrap();
        check(
            "%02d|%d|%v|%s|%5.3s|%x",
            vec![
                member(b"Month"),
                member(b"Weekday"),
                member(b"Month"),
                member(b"Month"),
                member(b"Month"),
                member(b"Month"),
            ],
            "07|0|July|July|  Jul|4a756c79",
        );
    }

    #[test]
    fn every_verb_takes_every_width_and_precision() {
        let scope = Scope::root(&Context::builder().build(), Dict::new());
        let values = [
            Value::Int(i64::MIN),
            Value::UInt(u64::MAX),
            Value::Float(-1.5),
            Value::Float(5e-324),
            Value::Float(f64::MAX),
            Value::Float(f64::NAN),
            Value::Float(0.0),
            Value::str(&b"a\xff\xe2\x82b"[..]),
            Value::bytes(&[0, 255]),
            Value::Bool(true),
            Value::Null,
            Value::from(vec![1, 2]),
            Value::Dict(Dict::from_pairs([("a", 1)])),
            crate::time::member(crate::value::Time::ZERO, b"Month").unwrap(),
        ];
        for verb in "vdfFeEgGxXobOcqUstTpz%".chars() {
            for size in ["", "0", "1", "65536", "70000"] {
                for flags in ["", "-", "+", "#", "0", " ", "+-# 0"] {
                    for format in [
                        format!("%{flags}{size}{verb}"),
                        format!("%{flags}.{size}{verb}"),
                        format!("%{flags}{size}.{size}{verb}"),
                    ] {
                        // Large sizes once per verb: they take their time.
                        if size.len() > 4 && !matches!(flags, "" | "0") {
                            continue;
                        }
                        for value in &values {
                            let text = super::format(&scope, format.as_bytes(), std::slice::from_ref(value));
                            assert!(text.len() < 9_000_000, "{format} {value:?}");
                        }
                    }
                }
            }
        }
        let text = super::format(&scope, b"%99999999999999999999d", &[Value::Int(1)]);
        assert_eq!(text.len(), super::MAX_WIDTH);
        let text = super::format(&scope, b"%.70000f", &[Value::Float(1.5)]);
        assert_eq!(text.len(), 70_002);
        assert!(text.starts_with(b"1.5000") && text.ends_with(b"000"));
        let text = super::format(&scope, b"%.70000e", &[Value::Float(0.1)]);
        assert!(text.ends_with(b"000e-01"), "{}", text.len());
        assert_eq!(text.len(), 70_006);
    }

    #[test]
    fn what_is_written_is_bounded() {
        let scope = Scope::root(&Context::builder().build(), Dict::new());
        let long = Value::array(vec![Value::from(1); 1000]);
        let text = super::format(&scope, "%[1]999999d".repeat(1000).as_bytes(), &[long]);
        assert!(text.len() < 2 * super::MAX_LENGTH, "{}", text.len());
        assert!(text.ends_with(b"%!(TOOLONG)"));
    }

    /// Values that formats have to live with.
    fn odd_values() -> Vec<Value> {
        let times = [i64::MIN, -1, 0, i64::MAX].map(|seconds| Value::Time(Time::from_unix(seconds, 0)));
        let mut values = vec![
            Value::Null,
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::Int(0x11_0000),
            Value::UInt(u64::MAX),
            Value::Float(f64::NAN),
            Value::Float(f64::NEG_INFINITY),
            Value::Float(-0.0),
            Value::Float(f64::MIN_POSITIVE / 2.0),
            Value::Float(f64::MAX),
            Value::str(&b"\xff\0\xe2\x80\xae\xed\xa0\x80"[..]),
            Value::bytes(b"\xff"),
            Value::Dict(Dict::from_pairs([(&b"\xff"[..], 1)])),
        ];
        values.extend(times);
        values.push(Value::array(values.clone()));
        values
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(600))]
        #[test]
        fn any_directive_of_any_value_is_bounded(
            flags in "[-+# 0]{0,3}",
            width in "|\\*|[0-9]{1,3}|99999999999999999999|2147483648",
            precision in "|\\.|\\.\\*|\\.[0-9]{1,3}|\\.99999999999999999999|\\.1000001",
            index in "|\\[[0-9]{1,2}\\]|\\[-1\\]|\\[99999999999999999999\\]|\\[",
            verb in "[a-zA-Z%!]|\u{e9}|",
            first in proptest::sample::select(odd_values()),
            second in proptest::sample::select(odd_values()),
        ) {
            let scope = Scope::root(&Context::builder().build(), Dict::new());
            let format = format!("{index}%{flags}{width}{precision}{index}{verb}");
            let length = super::format(&scope, format.as_bytes(), &[first, second]).len();
            // A list is as many values, each as wide as it may be.
            proptest::prop_assert!(length <= super::MAX_LENGTH, "{format}: {length}");
        }
    }
}
