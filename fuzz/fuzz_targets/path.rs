//! Paths in every dialect; a pathspec that is written and read again stays the same.
#![cfg_attr(fuzzing, no_main)]

use peregrine_accessors::{Dialect, OsPath, Pathspec};

const DIALECTS: [&str; 7] = [
    "linux", "windows", "registry", "ntfs", "pathspec", "zip", "generic",
];

peregrine_fuzz::target!(|input: &[u8]| {
    for dialect in DIALECTS.iter().filter_map(|name| Dialect::from_path_type(name)) {
        let Ok(path) = OsPath::parse(dialect, input) else {
            continue;
        };
        let _ = (path.to_bytes(), path.path_bytes(), path.dirname().basename());
    }
    if let Ok(spec) = Pathspec::parse(input) {
        let again = Pathspec::parse(&spec.to_json()).expect("a pathspec we wrote");
        assert_eq!(again.to_json(), spec.to_json());
    }
});
