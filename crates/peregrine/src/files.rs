//! Finds the files named on the command line: files, or the contents of folders.

use anyhow::Context as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Deeper folders contain nothing of ours; naming one is a mistake.
const MAX_DEPTH: usize = 16;

/// The file itself, of any kind; for a folder all wanted files below it, sorted by name. Links are followed.
pub(crate) fn find(path: &Path, is_wanted: impl Fn(&Path) -> bool) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let walk = WalkDir::new(path).follow_links(true).max_depth(MAX_DEPTH);
    for entry in walk.sort_by_file_name() {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {
                anyhow::ensure!(
                    entry.depth() < MAX_DEPTH,
                    "`{}` is too deep",
                    entry.path().display()
                );
            }
            Ok(entry) if entry.depth() == 0 || is_wanted(entry.path()) => files.push(entry.into_path()),
            Ok(_) => {}
            Err(error) => {
                let at = error.path().unwrap_or(path).to_owned();
                // A dangling link is harmless unless it was asked for.
                let is_missing = error
                    .io_error()
                    .is_some_and(|error| error.kind() == ErrorKind::NotFound);
                if !is_missing || error.depth() == 0 || is_wanted(&at) {
                    let shown = format!("reading `{}`", at.display());
                    // The message of `walkdir` would repeat the path, so only the I/O error is shown; link cycles have none.
                    let own = error.to_string();
                    let reason = error
                        .into_io_error()
                        .unwrap_or_else(|| std::io::Error::other(own));
                    return Err(reason).context(shown);
                }
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::find;
    use std::fs;

    #[test]
    fn a_folder_gives_what_is_wanted_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("b/c")).unwrap();
        for name in ["z.vql", "b/c/y.vql", "b/x.txt", "a.vql"] {
            fs::write(at(name), "").unwrap();
        }
        std::os::unix::fs::symlink("nowhere", at("b/dead")).unwrap();
        std::os::unix::fs::symlink(at("b/c"), at("link")).unwrap();
        let is_wanted = |path: &std::path::Path| path.extension().is_some_and(|ending| ending == "vql");
        let wanted = ["a.vql", "b/c/y.vql", "link/y.vql", "z.vql"].map(at);
        assert_eq!(find(folder.path(), is_wanted).unwrap(), wanted);
        // A file that is named is wanted.
        assert_eq!(find(&at("b/x.txt"), is_wanted).unwrap(), [at("b/x.txt")]);
        let missing = find(&at("missing"), is_wanted).unwrap_err();
        assert!(format!("{missing:#}").contains("missing`: "), "{missing:#}");
        std::os::unix::fs::symlink(at("b"), at("b/loop")).unwrap();
        assert!(find(folder.path(), is_wanted).is_err());
    }
}
