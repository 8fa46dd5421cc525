//! [`FileInfo`]: information about a file, as shown by `glob()` and `stat()`.

use crate::{FileMode, OsPath, SystemStat};
use peregrine_engine::prelude::{Dict, Object, Packed, Scope, Str, Time, Value};
use std::any::Any;

/// The four times of a file; the zero time for those the source does not have.
#[derive(Debug, Clone, Copy)]
pub struct FileTimes {
    /// Content changed.
    pub modified: Time,
    /// Content read.
    pub accessed: Time,
    /// Metadata changed.
    pub changed: Time,
    /// Created.
    pub born: Time,
}

/// One entry of a file system, registry, archive …
#[derive(Debug, Clone)]
pub struct FileInfo {
    /// Its full path.
    pub path: OsPath,
    /// Its size in bytes.
    pub size: i64,
    /// Type and permissions.
    pub mode: FileMode,
    pub times: FileTimes,
    /// Additional data from the accessor.
    pub data: Dict,
    /// The target of a symbolic link.
    pub link: Option<OsPath>,
    /// Data from the operating system, if the accessor asks it.
    pub system: Option<SystemStat>,
}

impl FileInfo {
    /// The last component.
    #[must_use]
    pub fn name(&self) -> Str {
        self.path.basename()
    }

    /// The device it is on, if the accessor knows about devices.
    #[must_use]
    pub fn device(&self) -> Option<u64> {
        self.system.map(|system| system.device)
    }
}

/// Names that queries can ask a file for, in addition to the columns.
pub const FILE_MEMBERS: &[&str] = &["FullPath", "ModTime", "ModeStr", "Sys", "Dev", "GetLink"];

/// Members in the order `SELECT * FROM stat()` lists them.
const MEMBERS: [&str; 14] = [
    "Atime", "Btime", "Ctime", "Data", "Dev", "FullPath", "IsDir", "IsLink", "ModTime", "Mode", "Mtime",
    "Name", "OSPath", "Size",
];

impl Object for FileInfo {
    fn type_name(&self) -> &'static str {
        "FileInfo"
    }

    fn member(&self, _scope: &Scope, name: &str) -> Option<Value> {
        Some(match name {
            "Name" => Value::Str(self.name()),
            "OSPath" => self.path.clone().into(),
            "FullPath" => Value::Str(Str::from(self.path.to_bytes())),
            "Mtime" | "ModTime" => Value::Time(self.times.modified),
            "Atime" => Value::Time(self.times.accessed),
            "Ctime" => Value::Time(self.times.changed),
            "Btime" => Value::Time(self.times.born),
            "Size" => Value::Int(self.size),
            "Mode" => self.mode.into(),
            "ModeStr" => Value::from(self.mode.to_string()),
            "IsDir" => Value::Bool(self.mode.is_dir()),
            "IsLink" => Value::Bool(self.mode.is_link()),
            "Data" => Value::Dict(self.data.clone()),
            "Dev" => self.device().map_or(Value::Null, Value::from),
            "Sys" => self
                .system
                .map_or(Value::Null, |system| system.value(&self.times)),
            "GetLink" => self.link.clone().map_or(Value::Null, Value::from),
            _ => return None,
        })
    }

    fn member_names(&self) -> Vec<Str> {
        MEMBERS
            .iter()
            .filter(|name| **name != "Dev" || self.system.is_some())
            .map(|name| Str::from(*name))
            .collect()
    }

    fn is_silent(&self) -> bool {
        true
    }

    fn to_json(&self, scope: &Scope) -> Option<Value> {
        let names = [
            "FullPath", "Size", "Mode", "ModeStr", "ModTime", "Data", "Mtime", "Ctime", "Atime",
        ];
        let dict = Dict::new();
        for name in names {
            let value = match self.member(scope, name).unwrap_or(Value::Null) {
                Value::Object(_) if name == "Mode" => Value::from(u64::from(self.mode.0)),
                other => other,
            };
            dict.set(name, value);
        }
        Some(Value::Dict(dict))
    }

    fn packed(&self) -> Option<Packed> {
        let times = [
            self.times.modified,
            self.times.accessed,
            self.times.changed,
            self.times.born,
        ];
        Some(Packed {
            parts: vec![
                self.path.clone().into(),
                Value::Int(self.size),
                self.mode.into(),
                Value::array(times.map(Value::Time).to_vec()),
                Value::Dict(self.data.clone()),
                self.link.clone().map_or(Value::Null, Value::from),
                self.system
                    .map_or(Value::Null, |system| Value::array(system.numbers().to_vec())),
            ],
            unpack: |parts| Some(unpack(&parts)?.into()),
        })
    }

    fn truth(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Rebuilds a file from its packed parts.
fn unpack(parts: &[Value]) -> Option<FileInfo> {
    let [path, size, mode, times, data, link, system] = parts else {
        return None;
    };
    let &[
        Value::Time(modified),
        Value::Time(accessed),
        Value::Time(changed),
        Value::Time(born),
    ] = times.as_array()?
    else {
        return None;
    };
    Some(FileInfo {
        path: path.as_object::<OsPath>()?.clone(),
        size: size.as_i64()?,
        mode: *mode.as_object::<FileMode>()?,
        times: FileTimes {
            modified,
            accessed,
            changed,
            born,
        },
        data: data.as_dict()?.clone(),
        link: link.as_object::<OsPath>().cloned(),
        system: system.as_array().and_then(SystemStat::of_numbers),
    })
}

impl From<FileInfo> for Value {
    fn from(info: FileInfo) -> Value {
        Value::Object(std::sync::Arc::new(info))
    }
}
