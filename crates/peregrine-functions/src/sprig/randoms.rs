//! Random text and numbers.

use gotmpl::{Result, Value};

use super::args::{check_length, count_at, exactly, int, text_at};
use super::bridge::{Bridge, fail, string};

pub(super) const ALL: super::Table = &[
    ("randAlphaNum", |bridge, args| {
        of(bridge, args, |c| c.is_ascii_alphanumeric())
    }),
    ("randAlpha", |bridge, args| {
        of(bridge, args, |c| c.is_ascii_alphabetic())
    }),
    ("randNumeric", |bridge, args| {
        of(bridge, args, |c| c.is_ascii_digit())
    }),
    ("randAscii", |bridge, args| {
        of(bridge, args, |c| (b' '..=b'~').contains(&c))
    }),
    ("randBytes", |bridge, args| {
        let count = count_at(args, 0)?;
        check_length(count)?;
        let mut bytes = vec![0; count];
        bridge.scope().context().random().fill(&mut bytes);
        Ok(string(data_encoding::BASE64.encode(&bytes)))
    }),
    ("randInt", |bridge, args| {
        let [from, to] = exactly(args)?;
        let (from, to) = (int(from), int(to));
        let range = u64::try_from(to.saturating_sub(from))
            .ok()
            .filter(|range| *range > 0)
            .ok_or_else(|| fail(format!("no number from {from} to below {to}")))?;
        let offset = number(bridge) % range;
        Ok(Value::Int(
            from.saturating_add(i64::try_from(offset).unwrap_or(0)),
        ))
    }),
    ("shuffle", |bridge, args| {
        let mut letters: Vec<char> = text_at(args, 0)?.chars().collect();
        for i in (1..letters.len()).rev() {
            let other = number(bridge) % (i as u64 + 1);
            letters.swap(i, usize::try_from(other).unwrap_or(0));
        }
        Ok(string(letters.into_iter().collect::<String>()))
    }),
    ("uuidv4", |bridge, _| {
        let id = crate::numbers::new_uuid(bridge.scope());
        Ok(string(id))
    }),
];

fn number(bridge: &Bridge) -> u64 {
    let mut bytes = [0; 8];
    bridge.scope().context().random().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// Random characters, with equal probability, from those that `is_wanted` accepts.
fn of(bridge: &Bridge, args: &[Value], is_wanted: fn(u8) -> bool) -> Result<Value> {
    let count = count_at(args, 0)?;
    check_length(count)?;
    let mut out = String::with_capacity(count);
    let mut bytes = [0; 256];
    while out.len() < count {
        bridge.scope().context().random().fill(&mut bytes);
        let left = count - out.len();
        let wanted = bytes.iter().map(|byte| byte & 0x7f).filter(|c| is_wanted(*c));
        let before = out.len();
        out.extend(wanted.take(left).map(char::from));
        if out.len() == before {
            // With a source that repeats one unwanted byte, this would never end.
            return Err(fail("the source of randomness gives nothing of use"));
        }
    }
    Ok(string(out))
}
