//! Numbers of variable length (LEB128).

use std::any::Any;

use peregrine_engine::prelude::{Object, Scope, Str, Value};

use super::data::Data;

/// A number that knows its length.
#[derive(Debug)]
pub(super) struct VarInt {
    value: i64,
    is_signed: bool,
    offset: u64,
    pub(super) size: u64,
}

impl VarInt {
    /// Seven bits per byte, low ones first; at most ten bytes.
    pub(super) fn read(data: &Data, offset: u64, is_signed: bool) -> VarInt {
        let mut bytes = [0; 10];
        let read = data.read_at(offset, &mut bytes);
        let mut value = 0u64;
        let mut size = 0;
        for (position, byte) in bytes[..read].iter().enumerate() {
            size += 1;
            let shift = 7 * position as u32;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                if is_signed && byte & 0x40 != 0 && shift + 7 < 64 {
                    value |= u64::MAX << (shift + 7);
                }
                break;
            }
        }
        VarInt {
            value: value as i64,
            is_signed,
            offset,
            size,
        }
    }

    pub(super) fn plain(&self) -> Value {
        if self.is_signed {
            Value::from(self.value)
        } else {
            Value::from(self.value as u64)
        }
    }
}

impl Object for VarInt {
    fn type_name(&self) -> &'static str {
        "VarInt"
    }

    fn member(&self, _: &Scope, name: &str) -> Option<Value> {
        Some(match name {
            "Size" | "SizeOf" => Value::from(self.size),
            "Start" | "StartOf" | "OffsetOf" => Value::from(self.offset),
            "End" | "EndOf" => Value::from(self.offset.saturating_add(self.size)),
            "Value" | "ValueOf" => self.plain(),
            _ => return None,
        })
    }

    fn member_names(&self) -> Vec<Str> {
        ["SizeOf", "OffsetOf", "EndOf", "Value"].map(Str::from).to_vec()
    }

    fn to_number(&self) -> Option<i64> {
        Some(self.value)
    }

    fn to_json(&self, _: &Scope) -> Option<Value> {
        Some(self.plain())
    }

    fn truth(&self) -> bool {
        self.value > 0
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
