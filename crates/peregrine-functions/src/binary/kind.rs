//! A compiled profile.

use std::collections::HashMap;
use std::sync::Arc;

use peregrine_engine::prelude::{Lambda, Str, Value};

use super::text::TextKind;

/// The structures of a profile.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(super) structs: Vec<StructDef>,
    pub(super) names: HashMap<String, usize>,
}

/// A structure.
#[derive(Debug)]
pub(super) struct StructDef {
    pub(super) name: String,
    pub(super) size: Number,
    pub(super) fields: Vec<FieldDef>,
    /// Positions of fields by name.
    pub(super) positions: HashMap<String, usize>,
}

/// A field of a structure.
#[derive(Debug)]
pub(super) struct FieldDef {
    pub(super) name: Str,
    pub(super) offset: Number,
    pub(super) kind: Kind,
    /// A number at a fixed offset: it is read again each time instead of being remembered.
    pub(super) is_plain: bool,
}

/// A number that is fixed, or computed from the structure.
#[derive(Debug)]
pub(super) enum Number {
    Fixed(i64),
    Computed(Expr),
}

/// A lambda over the structure.
#[derive(Debug)]
pub(super) struct Expr {
    pub(super) lambda: Lambda,
    /// Whether it uses the variable `this`.
    pub(super) uses_this: bool,
}

/// A type with its options.
#[derive(Debug)]
pub(super) enum Kind {
    Integer {
        bytes: u8,
        is_signed: bool,
        is_big: bool,
    },
    Float {
        is_big: bool,
    },
    VarInt {
        is_signed: bool,
    },
    Text(Box<TextKind>),
    Array(Arc<ArrayKind>),
    /// A constant value.
    Constant(Value),
    /// Computed from the structure.
    Computed(Expr),
    Enumeration {
        of: Box<Kind>,
        names: HashMap<i64, Str>,
    },
    /// Names with their bits, sorted by name.
    Flags {
        of: Box<Kind>,
        bits: Vec<(Str, u32)>,
    },
    Bits {
        of: Box<Kind>,
        start: u32,
        end: u32,
    },
    /// Since 1970, in parts of a second.
    Timestamp {
        of: Box<Kind>,
        factor: i64,
    },
    /// Since 1601, in parts of 100 ns.
    WinFileTime {
        of: Box<Kind>,
        factor: i64,
    },
    FatTime,
    Union {
        selector: Expr,
        choices: HashMap<Str, Kind>,
        default: Option<Box<Kind>>,
    },
    /// Eight bytes that contain an offset.
    Pointer {
        of: Box<Kind>,
    },
    /// At a computed absolute offset.
    At {
        of: Box<Kind>,
        offset: Expr,
    },
    /// A structure, by its index in the profile.
    Struct(usize),
}

/// Consecutive elements.
#[derive(Debug)]
pub(super) struct ArrayKind {
    pub(super) of: Kind,
    pub(super) count: Number,
    pub(super) max_count: i64,
    pub(super) sentinel: Option<Expr>,
}

impl Kind {
    /// The size of a value in bytes; `None` if it depends on the data.
    pub(super) fn fixed_size(&self, profile: &Profile) -> Option<u64> {
        match self {
            Kind::Integer { bytes, .. } => Some(u64::from(*bytes)),
            Kind::Float { .. } | Kind::Pointer { .. } => Some(8),
            Kind::FatTime => Some(4),
            Kind::Constant(_) | Kind::Computed(_) | Kind::At { .. } => Some(0),
            Kind::Enumeration { of, .. }
            | Kind::Flags { of, .. }
            | Kind::Bits { of, .. }
            | Kind::Timestamp { of, .. }
            | Kind::WinFileTime { of, .. } => of.fixed_size(profile),
            Kind::Struct(index) => match profile.structs.get(*index)?.size {
                Number::Fixed(size) if size > 0 => u64::try_from(size).ok(),
                _ => None,
            },
            Kind::VarInt { .. } | Kind::Text(_) | Kind::Array(_) | Kind::Union { .. } => None,
        }
    }

    /// A number that is cheap to read again.
    pub(super) fn is_number(&self) -> bool {
        matches!(
            self,
            Kind::Integer { .. } | Kind::Float { .. } | Kind::Constant(_)
        )
    }
}
