//! Compiles the text of a profile to a [`Profile`].

use std::collections::HashMap;
use std::sync::Arc;

use peregrine_engine::prelude::{Scope, Str, Value};

use super::kind::{ArrayKind, FieldDef, Kind, Number, Profile, StructDef};
use super::options::{Options, is_lambda, number, parse_integer};
use super::text::TextKind;
use crate::parsers::yaml_value;

/// Maximum size of a profile in bytes.
const MAX_TEXT: usize = 4 << 20;
/// Maximum nesting of types.
const MAX_NESTING: u32 = 32;

impl Profile {
    /// Compiles JSON or YAML.
    pub(crate) fn compile(scope: &Scope, text: &Str) -> Result<Profile, String> {
        if text.len() > MAX_TEXT {
            return Err(format!("the profile has more than {MAX_TEXT} bytes"));
        }
        let parsed = match peregrine_engine::json::parse_first(text) {
            // Existing profiles have an extra bracket at their end.
            Ok((value, rest))
                if rest
                    .iter()
                    .all(|byte| byte.is_ascii_whitespace() || *byte == b']') =>
            {
                value
            }
            _ => {
                yaml_value(text).map_err(|error| format!("the profile is neither JSON nor YAML: {error}"))?
            }
        };
        let Value::Array(items) = &parsed else {
            return Err("a profile is a list of structures, each `[name, size, fields]`".into());
        };
        let mut names = HashMap::new();
        for item in items.iter() {
            let name = struct_name(item)?;
            if is_builtin(&name) || names.insert(name.clone(), names.len()).is_some() {
                return Err(format!(
                    "Struct definition for {name} masks an existing definition"
                ));
            }
        }
        let compiler = Compiler { scope, names: &names };
        let structs = items
            .iter()
            .map(|item| compiler.structure(item))
            .collect::<Result<_, _>>()?;
        Ok(Profile { structs, names })
    }
}

fn struct_name(item: &Value) -> Result<String, String> {
    match item.as_array() {
        Some([Value::Str(name), _, _]) => Ok(name.to_string()),
        _ => Err("a structure is `[name, size, fields]`".into()),
    }
}

struct Compiler<'a> {
    scope: &'a Scope,
    names: &'a HashMap<String, usize>,
}

impl Compiler<'_> {
    fn structure(&self, item: &Value) -> Result<StructDef, String> {
        let name = struct_name(item)?;
        let Some([_, size, fields]) = item.as_array() else {
            return Err("a structure is `[name, size, fields]`".into());
        };
        let size = number(self.scope, &format!("{name}: the size"), size)?;
        let list = match fields {
            Value::Null => &[][..],
            other => other
                .as_array()
                .ok_or_else(|| format!("{name}: fields are a list"))?,
        };
        let fields = list
            .iter()
            .map(|field| self.field(&name, field))
            .collect::<Result<Vec<_>, _>>()?;
        let positions = fields
            .iter()
            .enumerate()
            .map(|(at, field)| (field.name.to_string(), at))
            .collect();
        Ok(StructDef {
            name,
            size,
            fields,
            positions,
        })
    }

    fn field(&self, structure: &str, item: &Value) -> Result<FieldDef, String> {
        let wrong = || format!("{structure}: a field is `[name, offset, type, options]`");
        let parts = item.as_array().ok_or_else(wrong)?;
        let (name, offset, kind, given) = match parts {
            [Value::Str(name), offset, Value::Str(kind)] => (name, offset, kind, None),
            [Value::Str(name), offset, Value::Str(kind), options] => {
                (name, offset, kind, Some(options.clone()))
            }
            _ => return Err(wrong()),
        };
        let place = format!("{structure}.{name}");
        let offset = number(self.scope, &format!("{place}: the offset"), offset)?;
        let kind = self.kind(&kind.as_utf8_lossy(), Options::new(self.scope, &place, given)?, 0)?;
        let is_plain = kind.is_number() && matches!(offset, Number::Fixed(_));
        Ok(FieldDef {
            name: name.clone(),
            offset,
            kind,
            is_plain,
        })
    }

    fn kind(&self, name: &str, mut options: Options<'_>, depth: u32) -> Result<Kind, String> {
        if depth > MAX_NESTING {
            return Err(format!(
                "{}: types are nested deeper than {MAX_NESTING}",
                options.place
            ));
        }
        if let Some(kind) = plain(name) {
            options.finish()?;
            return Ok(kind);
        }
        let kind = match name {
            "String" => Kind::Text(Box::new(TextKind::of(&mut options)?)),
            "Array" => {
                let array = ArrayKind {
                    of: self.inner(&mut options, None, depth)?,
                    count: options.number("count")?.unwrap_or(Number::Fixed(0)),
                    max_count: options.integer("max_count", 1000)?,
                    sentinel: options.lambda("sentinel")?,
                };
                Kind::Array(Arc::new(array))
            }
            "Value" => match options.required("value")? {
                Value::Str(text) if is_lambda(&text) => {
                    Kind::Computed(super::options::expr(options.scope(), &options.place, &text)?)
                }
                constant => Kind::Constant(constant),
            },
            "Enumeration" => {
                let of = self.inner(&mut options, None, depth)?.into();
                let names = enumeration(&mut options)?;
                Kind::Enumeration { of, names }
            }
            "Flags" => {
                let of = self.inner(&mut options, None, depth)?.into();
                let bits = flags(&mut options)?;
                Kind::Flags { of, bits }
            }
            "BitField" => Kind::Bits {
                of: self.inner(&mut options, None, depth)?.into(),
                start: bit(&mut options, "start_bit", 0)?,
                end: bit(&mut options, "end_bit", 64)?,
            },
            "Timestamp" | "WinFileTime" => {
                let of = self.inner(&mut options, Some("uint64"), depth)?.into();
                let factor = options.integer("factor", 1)?;
                if factor <= 0 {
                    return Err(format!("{}: `factor` {factor} is not positive", options.place));
                }
                if name == "Timestamp" {
                    Kind::Timestamp { of, factor }
                } else {
                    Kind::WinFileTime { of, factor }
                }
            }
            "FatTimestamp" => Kind::FatTime,
            "Union" => self.union(&mut options, depth)?,
            "Pointer" => Kind::Pointer {
                of: self.inner(&mut options, None, depth)?.into(),
            },
            "Profile" => {
                let of = self.inner(&mut options, None, depth)?.into();
                let offset = options.lambda("offset")?;
                let offset = offset.ok_or_else(|| format!("{}: Field offset is required", options.place))?;
                Kind::At { of, offset }
            }
            other => match self.names.get(other) {
                Some(index) => Kind::Struct(*index),
                None => {
                    return Err(format!(
                        "Reference to undefined type {other} in {}",
                        options.place
                    ));
                }
            },
        };
        options.finish()?;
        Ok(kind)
    }

    /// The type named by an option, with the options meant for it.
    fn inner(&self, options: &mut Options<'_>, default: Option<&str>, depth: u32) -> Result<Kind, String> {
        let name = options
            .text("type")?
            .map(|name| name.to_string())
            .or_else(|| default.map(str::to_owned));
        let name = name.ok_or_else(|| format!("{}: Field type is required", options.place))?;
        let inner = options.value("type_options");
        self.kind(&name, Options::new(self.scope, &options.place, inner)?, depth + 1)
    }

    fn union(&self, options: &mut Options<'_>, depth: u32) -> Result<Kind, String> {
        let place = options.place.clone();
        let selector = options
            .lambda("selector")?
            .ok_or_else(|| format!("{place}: Field selector is required"))?;
        let given = options
            .mapping("choices")?
            .ok_or_else(|| format!("{place}: Field choices is required"))?;
        let mut choices = HashMap::new();
        let mut default = None;
        for (key, value) in given.entries() {
            let Value::Str(name) = value else {
                return Err(format!("{place}: a choice is the name of a type"));
            };
            let kind = self.kind(
                &name.as_utf8_lossy(),
                Options::new(self.scope, &place, None)?,
                depth + 1,
            )?;
            if key == "default" {
                default = Some(Box::new(kind));
            } else {
                choices.insert(key, kind);
            }
        }
        Ok(Kind::Union {
            selector,
            choices,
            default,
        })
    }
}

/// Types without options.
fn plain(name: &str) -> Option<Kind> {
    let integer = |bytes, is_signed, is_big| {
        Some(Kind::Integer {
            bytes,
            is_signed,
            is_big,
        })
    };
    match name {
        "uint8" | "byte" | "unsigned char" | "uint8b" => integer(1, false, false),
        "uint16" | "unsigned short" => integer(2, false, false),
        "uint32" | "unsigned int" | "unsigned long" => integer(4, false, false),
        "uint64" | "unsigned long long" => integer(8, false, false),
        "int8" | "char" | "int8b" => integer(1, true, false),
        "int16" | "short int" => integer(2, true, false),
        "int32" | "int" => integer(4, true, false),
        "int64" => integer(8, true, false),
        "uint16b" | "uint16be" => integer(2, false, true),
        "uint32b" | "uint32be" => integer(4, false, true),
        "uint64b" | "uint64be" => integer(8, false, true),
        "int16b" => integer(2, true, true),
        "int32b" => integer(4, true, true),
        "int64b" => integer(8, true, true),
        "float64" => Some(Kind::Float { is_big: false }),
        "float64be" => Some(Kind::Float { is_big: true }),
        "leb128" => Some(Kind::VarInt { is_signed: false }),
        "sleb128" => Some(Kind::VarInt { is_signed: true }),
        _ => None,
    }
}

fn is_builtin(name: &str) -> bool {
    const OTHERS: [&str; 12] = [
        "String",
        "Array",
        "Value",
        "Enumeration",
        "Flags",
        "BitField",
        "Timestamp",
        "WinFileTime",
        "FatTimestamp",
        "Union",
        "Pointer",
        "Profile",
    ];
    plain(name).is_some() || OTHERS.contains(&name)
}

/// `choices` maps numbers to names, `map` names to numbers.
fn enumeration(options: &mut Options<'_>) -> Result<HashMap<i64, Str>, String> {
    let mut names = HashMap::new();
    let place = options.place.clone();
    for (key, name) in options.mapping("choices")?.iter().flat_map(|dict| dict.entries()) {
        let number = parse_integer(&key.as_utf8_lossy())
            .ok_or_else(|| format!("{place}: choice `{key}` is not a number"))?;
        names.insert(number, name.to_text(options.scope()));
    }
    for (name, number) in options.mapping("map")?.iter().flat_map(|dict| dict.entries()) {
        let number =
            super::options::integer(&number).ok_or_else(|| format!("{place}: `{name}` maps to no number"))?;
        names.insert(number, name);
    }
    Ok(names)
}

fn flags(options: &mut Options<'_>) -> Result<Vec<(Str, u32)>, String> {
    let place = options.place.clone();
    let given = options
        .mapping("bitmap")?
        .ok_or_else(|| format!("{place}: Field bitmap is required"))?;
    let mut bits = Vec::new();
    for (name, bit) in given.entries() {
        let bit = super::options::integer(&bit)
            .and_then(|bit| u32::try_from(bit).ok())
            .filter(|bit| *bit < 64);
        bits.push((
            name.clone(),
            bit.ok_or_else(|| format!("{place}: bit of `{name}` is not from 0 to 63"))?,
        ));
    }
    bits.sort();
    Ok(bits)
}

fn bit(options: &mut Options<'_>, name: &str, default: i64) -> Result<u32, String> {
    let bit = options.integer(name, default)?;
    u32::try_from(bit)
        .ok()
        .filter(|bit| *bit <= 64)
        .ok_or_else(|| format!("{}: `{name}` {bit} is not from 0 to 64", options.place))
}
