//! The tracker's data of a process, which `Data` shows as a dict, in a compact form.

use super::shared;
use peregrine_engine::Context;
use peregrine_engine::prelude::*;
use peregrine_tracker::Payload;
use std::sync::{Arc, LazyLock};

/// The `data` of a process.
#[derive(Debug)]
pub(crate) enum ProcessData {
    /// From the tracker's own feed.
    Program {
        program: Arc<Program>,
        command_line: Box<[u8]>,
    },
    /// From a query.
    Other(Dict),
}

/// The parts that many processes share.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Program {
    pub(super) name: Str,
    pub(super) username: Option<Str>,
    pub(super) exe: Str,
    pub(super) uid: Option<u32>,
}

static COLUMNS: LazyLock<Arc<Columns>> =
    LazyLock::new(|| Columns::new(["Name", "Username", "Exe", "CommandLine", "Uid"]));

/// A scope for encoding plain values, which do not use it.
static BARE: LazyLock<Scope> = LazyLock::new(|| Scope::root(&Context::builder().build(), Dict::new()));

/// Events keep 8 KiB of the arguments, lists more: at this length, one may be a prefix of the other.
const MAY_BE_CUT: usize = 8000;

impl ProcessData {
    /// Data from a query.
    pub(super) fn of_query(dict: &Dict) -> Arc<ProcessData> {
        match program_of(dict) {
            Some((program, command_line)) => shared::program_data(program, command_line),
            None => Arc::new(ProcessData::Other(shared::with_shared_names(dict))),
        }
    }

    /// A separate dict for a query.
    pub(crate) fn to_dict(&self) -> Dict {
        match self {
            ProcessData::Program {
                program,
                command_line,
            } => Dict::from_columns(
                Arc::clone(&COLUMNS),
                vec![
                    Value::Str(program.name.clone()),
                    program.username.clone().map_or(Value::Null, Value::Str),
                    Value::Str(program.exe.clone()),
                    Value::Str(Str::new(command_line)),
                    program.uid.map_or(Value::Null, Value::from),
                ],
            ),
            ProcessData::Other(dict) => dict.copy(),
        }
    }

    /// Whether both have the same value in every member.
    pub(crate) fn is_equal(&self, other: &ProcessData) -> bool {
        match (self, other) {
            (
                ProcessData::Program {
                    program,
                    command_line,
                },
                ProcessData::Program {
                    program: others,
                    command_line: other_line,
                },
            ) => program == others && command_line == other_line,
            _ => {
                let encoded = |data: &ProcessData| {
                    let mut bytes = Vec::new();
                    data.encode(&mut bytes);
                    bytes
                };
                encoded(self) == encoded(other)
            }
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<Str> {
        let text = match self {
            ProcessData::Program {
                program,
                command_line,
            } => match name {
                "Name" => Some(program.name.clone()),
                "Username" => program.username.clone(),
                "Exe" => Some(program.exe.clone()),
                "CommandLine" => Some(Str::new(command_line)),
                _ => None,
            },
            ProcessData::Other(dict) => dict.get(name)?.as_str().cloned(),
        };
        text.filter(|text| !text.is_empty())
    }
}

/// The parts of a dict that [`ProcessData::to_dict`] could have made of a program.
fn program_of(dict: &Dict) -> Option<(Program, Vec<u8>)> {
    if dict.columns() != *COLUMNS {
        return None;
    }
    let [
        Value::Str(name),
        username,
        Value::Str(exe),
        Value::Str(command_line),
        uid,
    ] = <[Value; 5]>::try_from(dict.values()).ok()?
    else {
        return None;
    };
    let program = Program {
        name,
        username: match username {
            Value::Str(username) => Some(username),
            Value::Null => None,
            _ => return None,
        },
        exe,
        uid: match uid {
            Value::Int(uid) => Some(u32::try_from(uid).ok()?),
            Value::Null => None,
            _ => return None,
        },
    };
    Some((program, command_line.to_vec()))
}

impl Payload for ProcessData {
    fn encode(&self, out: &mut Vec<u8>) {
        peregrine_engine::json::write_value_exactly(&BARE, &Value::Dict(self.to_dict()), out);
    }

    fn decode(bytes: &[u8]) -> Option<Arc<ProcessData>> {
        match peregrine_engine::json::parse(bytes) {
            Ok(Value::Dict(dict)) => Some(ProcessData::of_query(&dict)),
            _ => None,
        }
    }

    fn size(&self) -> usize {
        // Including the counters of its `Arc`.
        let own = size_of::<ProcessData>() + 2 * size_of::<usize>();
        own + match self {
            ProcessData::Program { command_line, .. } => command_line.len(),
            ProcessData::Other(dict) => {
                let texts = dict.values();
                let texts = texts
                    .iter()
                    .map(|value| value.as_str().map_or(0, |text| text.len()));
                128 + dict.len() * size_of::<Value>() + texts.sum::<usize>()
            }
        }
    }

    fn is_same_image(&self, other: &ProcessData) -> bool {
        // A name also changes when a thread renames itself; it counts only if there is nothing else to
        // compare.
        let either = |name: &str, is_same: fn(&str, &str) -> bool| match (self.text(name), other.text(name)) {
            (Some(left), Some(right)) => is_same(&left.as_utf8_lossy(), &right.as_utf8_lossy()),
            _ => true,
        };
        let is_told = |name: &str| self.text(name).is_some() && other.text(name).is_some();
        let is_name_all = !is_told("Exe") && !is_told("CommandLine");
        either("Exe", is_same_file)
            && either("CommandLine", is_same_line)
            && (!is_name_all || either("Name", |left, right| left == right))
    }
}

/// A program that was replaced on disk, for example by an update, is shown as deleted while it keeps running.
fn is_same_file(left: &str, right: &str) -> bool {
    let name = |path: &str| path.strip_suffix(" (deleted)").unwrap_or(path).len();
    left.get(..name(left)) == right.get(..name(right))
}

fn is_same_line(left: &str, right: &str) -> bool {
    let (short, long) = if left.len() <= right.len() {
        (left, right)
    } else {
        (right, left)
    };
    // A cut within a character leaves a replacement character.
    let short_cut = short.trim_end_matches('\u{fffd}');
    short == long || (short.len() >= MAY_BE_CUT && long.starts_with(short_cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(exe: &str, line: &str) -> ProcessData {
        ProcessData::Other(Dict::from_pairs([("Exe", exe), ("CommandLine", line)]))
    }

    /// A program read back from the journal is a program again, and shows the same data.
    #[test]
    fn programs_come_back_from_the_journal() {
        for (username, uid) in [(Some("root".into()), Some(0)), (None, None)] {
            let program = Program {
                name: "a-name-longer-than-what-is-kept-inline".into(),
                username,
                exe: "/bin/a".into(),
                uid,
            };
            let data = shared::program_data(program, b"a \xe9t\xe9".to_vec());
            let encoded = |data: &ProcessData| {
                let mut bytes = Vec::new();
                data.encode(&mut bytes);
                bytes
            };
            let back = ProcessData::decode(&encoded(&data)).unwrap();
            assert!(matches!(&*back, ProcessData::Program { .. }), "{back:?}");
            assert_eq!(encoded(&back), encoded(&data));
            assert_eq!(back.text("CommandLine").unwrap().as_bytes(), b"a \xe9t\xe9");
        }
        let other = ProcessData::decode(br#"{"Name":"a","Cwd":"/"}"#).unwrap();
        assert!(matches!(&*other, ProcessData::Other(_)), "{other:?}");
        assert_eq!(other.text("Cwd").unwrap(), "/");
    }

    #[test]
    fn an_updated_file_and_cut_arguments_are_the_same_image() {
        let long = "x".repeat(9000);
        let sshd = data("/usr/sbin/sshd", "sshd -D");
        for (left, right, is_same) in [
            (&sshd, &data("/usr/sbin/sshd (deleted)", "sshd -D"), true),
            (&sshd, &data("/usr/sbin/ssh", "sshd -D"), false),
            (&sshd, &data("/usr/sbin/sshd", "sshd -D -e"), false),
            (&sshd, &data("", ""), true),
            (&data("", &long), &data("", &long[..8192]), true),
            (
                &data("", &long),
                &data("", &format!("{}\u{fffd}", &long[..8190])),
                true,
            ),
            (&data("", &long), &data("", &format!("{}y", &long[..8190])), false),
        ] {
            assert_eq!(left.is_same_image(right), is_same, "{right:?}");
            assert_eq!(right.is_same_image(left), is_same, "{right:?}");
            assert!(!left.is_equal(right));
        }
    }
}
