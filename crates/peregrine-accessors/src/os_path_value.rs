//! [`OsPath`] as a VQL value: its members, arithmetic, and how arguments become paths.

use crate::{Accessor, Dialect, OsPath, Pathspec};
use peregrine_engine::prelude::{Arg, ArgError, FromArg, Object, Packed, Scope, Str, Value};
use std::any::Any;
use std::sync::Arc;

impl From<OsPath> for Value {
    fn from(path: OsPath) -> Value {
        Value::Object(Arc::new(path))
    }
}

impl From<&OsPath> for Value {
    fn from(path: &OsPath) -> Value {
        path.clone().into()
    }
}

const MEMBERS: [&str; 8] = [
    "Components",
    "Basename",
    "Dirname",
    "Path",
    "PathSpec",
    "DelegatePath",
    "DelegateAccessor",
    "String",
];

impl Object for OsPath {
    fn type_name(&self) -> &'static str {
        "OSPath"
    }

    fn member(&self, _scope: &Scope, name: &str) -> Option<Value> {
        Some(match name {
            "Components" => Value::from(
                self.components()
                    .iter()
                    .cloned()
                    .map(Value::Str)
                    .collect::<Vec<_>>(),
            ),
            "Basename" => Value::Str(self.basename()),
            "Dirname" => self.dirname().into(),
            "Path" => Value::Str(Str::from(self.path_bytes())),
            "PathSpec" => Value::object(PathspecValue(self.pathspec())),
            "DelegatePath" => Value::Str(self.delegate().map(Pathspec::container).unwrap_or_default()),
            "DelegateAccessor" => Value::from(
                self.delegate()
                    .map(|d| d.delegate_accessor.clone())
                    .unwrap_or_default(),
            ),
            "String" => Value::Str(Str::from(self.to_bytes())),
            "HumanString" => Value::Str(Str::from(human(&self.pathspec(), 0))),
            "DescribeType" => Value::from(format!("OSPath({})", self.dialect().type_name())),
            _ => return None,
        })
    }

    fn member_names(&self) -> Vec<Str> {
        MEMBERS.iter().map(|name| Str::from(*name)).collect()
    }

    fn to_text(&self) -> Option<Str> {
        Some(Str::from(self.to_bytes()))
    }

    fn to_json(&self, _scope: &Scope) -> Option<Value> {
        Some(Value::Str(Str::from(self.to_bytes())))
    }

    fn packed(&self) -> Option<Packed> {
        let mut parts = vec![
            Value::from(self.dialect().type_name()),
            Value::array(self.components().iter().cloned().map(Value::Str).collect()),
        ];
        parts.extend(self.delegate().map(|delegate| Value::str(delegate.to_json())));
        Some(Packed {
            parts,
            unpack: |parts| {
                let dialect = Dialect::of_type_name(parts.first()?.as_str()?.as_utf8()?)?;
                let components = parts.get(1)?.as_array()?;
                let components = components.iter().map(|part| part.as_str().cloned());
                let path = OsPath::new(dialect, components.collect::<Option<Vec<Str>>>()?);
                Some(Value::from(match parts.get(2) {
                    Some(delegate) => path.inside(Pathspec::parse(delegate.as_str()?).ok()?),
                    None => path,
                }))
            },
        })
    }

    fn index(&self, _scope: &Scope, index: i64) -> Option<Value> {
        let length = i64::try_from(self.components().len()).ok()?;
        let position = if index < 0 {
            index.checked_add(length)?
        } else {
            index
        };
        let part = self.components().get(usize::try_from(position).ok()?)?;
        Some(Value::Str(part.clone()))
    }

    fn slice(&self, start: Option<i64>, end: Option<i64>) -> Option<Value> {
        let length = i64::try_from(self.components().len()).ok()?;
        let wrap = |bound: i64| {
            if bound < 0 {
                (bound + length).max(0)
            } else {
                bound.min(length)
            }
        };
        let start = wrap(start.unwrap_or(0));
        let end = wrap(end.unwrap_or(length)).max(start);
        let skipped = usize::try_from(start).ok()?;
        let kept = usize::try_from(end - start).ok()?;
        Some(
            OsPath::new(
                self.dialect(),
                self.components()
                    .iter()
                    .skip(skipped)
                    .take(kept)
                    .cloned()
                    .collect(),
            )
            .into(),
        )
    }

    fn add(&self, other: &Value) -> Option<Value> {
        let more: Vec<Str> = match other {
            Value::Str(text) => Dialect::Generic.split(text).into_iter().map(Str::from).collect(),
            Value::Array(items) => items.iter().filter_map(|item| item.as_str().cloned()).collect(),
            Value::Object(object) => object.as_any().downcast_ref::<OsPath>()?.components().to_vec(),
            _ => return None,
        };
        Some(self.join(more).into())
    }

    fn equals(&self, other: &Value) -> Option<bool> {
        match other {
            Value::Object(object) => Some(self.same_as(object.as_any().downcast_ref::<OsPath>()?)),
            Value::Str(text) => Some(self.to_bytes() == text[..]),
            _ => None,
        }
    }

    fn less(&self, other: &Value) -> Option<bool> {
        let Value::Object(object) = other else { return None };
        Some(self.to_bytes() < object.as_any().downcast_ref::<OsPath>()?.to_bytes())
    }

    fn truth(&self) -> bool {
        self.is_present()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The member `PathSpec`: an object that is also its JSON text.
#[derive(Debug)]
struct PathspecValue(Pathspec);

impl Object for PathspecValue {
    fn type_name(&self) -> &'static str {
        "PathSpec"
    }

    fn member(&self, _scope: &Scope, name: &str) -> Option<Value> {
        let spec = &self.0;
        Some(match name {
            "DelegateAccessor" => Value::from(&spec.delegate_accessor),
            "DelegatePath" => Value::Str(spec.delegate_path.clone()),
            "Delegate" => spec
                .delegate
                .as_deref()
                .map_or(Value::Null, |inner| Value::object(PathspecValue(inner.clone()))),
            "Path" => Value::Str(spec.path.clone()),
            "String" => Value::Str(Str::from(spec.to_json())),
            _ => return None,
        })
    }

    fn member_names(&self) -> Vec<Str> {
        let spec = &self.0;
        let shown = [
            ("DelegateAccessor", !spec.delegate_accessor.is_empty()),
            ("DelegatePath", !spec.delegate_path.is_empty()),
            ("Delegate", spec.delegate.is_some()),
            ("Path", !spec.path.is_empty()),
        ];
        let shown = shown.into_iter().filter(|(_, is_there)| *is_there);
        shown.map(|(name, _)| Str::from(name)).collect()
    }

    fn to_text(&self) -> Option<Str> {
        Some(Str::from(self.0.to_json()))
    }

    fn packed(&self) -> Option<Packed> {
        Some(Packed {
            parts: vec![Value::str(self.0.to_json())],
            unpack: |parts| {
                let spec = Pathspec::parse(parts.first()?.as_str()?).ok()?;
                Some(Value::object(PathspecValue(spec)))
            },
        })
    }

    fn truth(&self) -> bool {
        self.0 != Pathspec::default()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The chain of containers from the outermost, joined with arrows.
fn human(spec: &Pathspec, depth: usize) -> Vec<u8> {
    let container = spec.container();
    if container.is_empty() || depth > 32 {
        return spec.path.to_vec();
    }
    let outer = match Pathspec::recognise(&container) {
        Some(Ok(inner)) => human(&inner, depth + 1),
        _ => container.to_vec(),
    };
    [&outer, &b" -> "[..], &spec.path].concat()
}

/// Converts any argument value to a path of an accessor.
pub fn coerce(scope: &Scope, accessor: &dyn Accessor, value: &Value) -> Result<OsPath, String> {
    match value {
        Value::Object(object) => {
            if let Some(path) = object.as_any().downcast_ref::<OsPath>() {
                return Ok(path.clone());
            }
            if let Some(PathspecValue(spec)) = object.as_any().downcast_ref() {
                let parsed = accessor.parse_path(spec.to_json().as_slice());
                return parsed.map_err(|error| error.to_string());
            }
            match object.member(scope, "OSPath") {
                Some(Value::Object(inner)) => inner
                    .as_any()
                    .downcast_ref::<OsPath>()
                    .cloned()
                    .ok_or_else(|| "Expecting a path arg type, not object".to_owned()),
                _ => Err(format!("Expecting a path arg type, not {}", object.type_name())),
            }
        }
        Value::Str(text) => accessor.parse_path(text).map_err(|error| error.to_string()),
        Value::Bytes(bytes) => accessor.parse_path(bytes).map_err(|error| error.to_string()),
        Value::Array(items) => {
            let mut whole = OsPath::new(accessor.dialect(), Vec::new());
            for (position, item) in items.iter().enumerate() {
                if scope.is_over() {
                    return Err("the query ends".to_owned());
                }
                let item = &item.clone().reduce(scope);
                // File names below another path are not pathspecs, even if they look like one.
                if let (Value::Str(name), 1..) = (item, position) {
                    whole = whole.join(whole.dialect().split(name).into_iter().map(Str::from));
                    continue;
                }
                match (coerce(scope, accessor, item), item) {
                    (Ok(part), _) => whole = whole.join(part.components().iter().cloned()),
                    (Err(_), Value::Str(text)) => whole = whole.child(text.clone()),
                    (Err(error), _) => return Err(error),
                }
            }
            Ok(whole)
        }
        Value::Null => Err("Expecting a path arg type, not types.Null".to_owned()),
        Value::Bool(_) => Err("Expecting a path arg type, not bool".to_owned()),
        Value::Int(_) | Value::UInt(_) => Err("Expecting a path arg type, not int64".to_owned()),
        Value::Float(_) => Err("Expecting a path arg type, not float64".to_owned()),
        _ => Err("Expecting a path arg type, not *ordereddict.Dict".to_owned()),
    }
}

/// An unresolved path argument; the plugin resolves it with the accessor of its call.
#[derive(Debug, Clone)]
pub struct PathArg {
    name: Str,
    value: Value,
}

impl PathArg {
    /// The path in the accessor's dialect.
    pub fn resolve(&self, scope: &Scope, accessor: &dyn Accessor) -> Result<OsPath, String> {
        coerce(scope, accessor, &self.value).map_err(|error| about(&self.name, &error))
    }
}

impl FromArg for PathArg {
    const TYPE: &'static str = "OSPath";

    fn from_arg(arg: &Arg<'_>) -> Result<PathArg, ArgError> {
        Ok(PathArg {
            name: arg.name().clone(),
            value: arg.any(),
        })
    }
}

/// Prefixes an error with the argument it is about.
fn about(name: &Str, error: &str) -> String {
    format!("Field {name}: {error}")
}

/// Several unresolved path arguments.
#[derive(Debug, Clone)]
pub struct PathList {
    name: Str,
    values: Vec<Value>,
}

impl PathList {
    /// The paths that can be resolved; others are logged and left out.
    pub fn resolve(&self, scope: &Scope, accessor: &dyn Accessor) -> Vec<OsPath> {
        let mut paths = Vec::with_capacity(self.values.len());
        for value in &self.values {
            match coerce(scope, accessor, value) {
                Ok(path) => paths.push(path),
                Err(error) => scope.log_line(&about(&self.name, &error)),
            }
        }
        paths
    }
}

impl FromArg for PathList {
    const TYPE: &'static str = "OSPath";
    const REPEATED: bool = true;

    fn from_arg(arg: &Arg<'_>) -> Result<PathList, ArgError> {
        // To the language, a path is a list of components, but here it is a single value.
        let values = match arg.any() {
            Value::Array(items) => items
                .iter()
                .map(|item| item.clone().reduce(arg.scope()))
                .collect(),
            single => vec![single],
        };
        Ok(PathList {
            name: arg.name().clone(),
            values,
        })
    }
}
