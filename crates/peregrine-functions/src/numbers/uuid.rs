//! `uuid()`: a new random identifier.

use std::any::Any;

use crate::prelude::*;

/// Returns a new random UUID (version 4). Its member `String` is its text.
#[derive(VqlArgs)]
pub struct Args {}

pub struct Uuid;

#[derive(Debug)]
struct UuidObject(String);

impl Function for Uuid {
    type Args = Args;
    const NAME: &'static str = "uuid";
    const CATEGORY: Category = Category::Utils;
    const EXAMPLES: &'static [Example] = &[
        example("36 characters", "len(list=str(str=uuid()))", "36"),
        example("every one is new", "uuid().String = uuid().String", "false"),
    ];

    fn call(scope: &Scope, _: Args) -> VqlResult {
        Ok(Value::object(UuidObject(new_uuid(scope))))
    }
}

/// The text of a new UUID.
pub(crate) fn new_uuid(scope: &Scope) -> String {
    let mut bytes = [0; 16];
    scope.context().random().fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

impl Object for UuidObject {
    fn type_name(&self) -> &'static str {
        "uuid.UUID"
    }

    fn member(&self, _: &Scope, name: &str) -> Option<Value> {
        (name == "String").then(|| Value::from(self.0.as_str()))
    }

    fn packed(&self) -> Option<Packed> {
        Some(Packed {
            parts: vec![Value::from(self.0.as_str())],
            unpack: |parts| Some(Value::object(UuidObject(parts.first()?.as_str()?.to_string()))),
        })
    }

    fn member_names(&self) -> Vec<Str> {
        vec![Str::from("String")]
    }

    fn to_text(&self) -> Option<Str> {
        Some(Str::from(self.0.as_str()))
    }

    fn to_json(&self, _: &Scope) -> Option<Value> {
        Some(Value::from(self.0.as_str()))
    }

    fn equals(&self, other: &Value) -> Option<bool> {
        match other {
            Value::Str(text) => Some(*text == self.0.as_str()),
            other => Some(other.as_object::<UuidObject>()?.0 == self.0),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
