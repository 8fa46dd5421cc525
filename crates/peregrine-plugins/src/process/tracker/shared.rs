//! Stores data that repeats among remembered processes once: a machine runs the same few programs again and
//! again.
//!
//! These are small tables of recent data, in which each item has the place given by its hash. An evicted item
//! lives on with the records that use it; only the next equal one is stored separately.

use super::payload::{ProcessData, Program};
use parking_lot::Mutex;
use peregrine_engine::prelude::*;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::{Arc, LazyLock};

const PROGRAMS: usize = 128;
const WHOLES: usize = 256;
const COLUMNS: usize = 16;

struct Tables {
    programs: Vec<Option<Arc<Program>>>,
    wholes: Vec<Option<Arc<ProcessData>>>,
    columns: Vec<Option<Arc<Columns>>>,
}

static TABLES: LazyLock<Mutex<Tables>> = LazyLock::new(|| {
    Mutex::new(Tables {
        programs: vec![None; PROGRAMS],
        wholes: vec![None; WHOLES],
        columns: vec![None; COLUMNS],
    })
});

/// The data of a process that runs this program with these arguments.
pub(super) fn program_data(program: Program, command_line: Vec<u8>) -> Arc<ProcessData> {
    let mut tables = TABLES.lock();
    let program = share(
        &mut tables.programs,
        hash(&program),
        Arc::new(program),
        |known, new| known == new,
    );
    let place = hash(&(Arc::as_ptr(&program).addr(), &command_line));
    let data = ProcessData::Program {
        program,
        command_line: command_line.into_boxed_slice(),
    };
    share(&mut tables.wholes, place, Arc::new(data), is_same)
}

/// A dict with the same entries, whose names are shared with other dicts.
pub(super) fn with_shared_names(dict: &Dict) -> Dict {
    let columns = dict.columns();
    let place = hash(&columns.names());
    let columns = share(&mut TABLES.lock().columns, place, columns, |known, new| {
        known == new
    });
    Dict::from_columns(columns, dict.values())
}

fn is_same(known: &ProcessData, new: &ProcessData) -> bool {
    match (known, new) {
        (
            ProcessData::Program {
                program: known,
                command_line: known_line,
            },
            ProcessData::Program {
                program,
                command_line,
            },
        ) => Arc::ptr_eq(known, program) && known_line == command_line,
        _ => false,
    }
}

/// The known equal item, or else this one, which is known from now on.
fn share<T>(
    table: &mut [Option<Arc<T>>],
    hash: u64,
    new: Arc<T>,
    is_same: impl Fn(&T, &T) -> bool,
) -> Arc<T> {
    let count = table.len().max(1) as u64;
    let Some(place) = table.get_mut((hash % count) as usize) else {
        return new;
    };
    match place {
        Some(known) if is_same(known, &new) => Arc::clone(known),
        _ => {
            *place = Some(Arc::clone(&new));
            new
        }
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(name: &str) -> Program {
        Program {
            name: name.into(),
            username: Some("root".into()),
            exe: format!("/bin/{name}").into(),
            uid: Some(0),
        }
    }

    #[test]
    fn what_repeats_is_kept_once() {
        let first = program_data(program("shared"), b"shared -l".to_vec());
        assert!(Arc::ptr_eq(
            &first,
            &program_data(program("shared"), b"shared -l".to_vec())
        ));
        let other = program_data(program("shared"), b"shared -a".to_vec());
        assert!(
            !first.is_equal(&other) && !first.is_equal(&program_data(program("b"), b"shared -l".to_vec()))
        );
        let (ProcessData::Program { program: a, .. }, ProcessData::Program { program: b, .. }) =
            (&*first, &*other)
        else {
            panic!("{first:?} {other:?}");
        };
        assert!(Arc::ptr_eq(a, b));
    }

    #[test]
    fn names_of_dicts_are_kept_once() {
        let dicts = [1, 2].map(|n| with_shared_names(&Dict::from_pairs([("Shared", n), ("Names", n)])));
        assert!(Arc::ptr_eq(&dicts[0].columns(), &dicts[1].columns()));
        assert_eq!(dicts[1].get("Names").and_then(|value| value.as_i64()), Some(2));
    }
}
