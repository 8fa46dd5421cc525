//! Writing a file of this machine, for `copy()` and `write_file()`.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{Read, Write};

use crate::prelude::*;
use crate::support::system_path;

/// The file to write, and how to write it.
pub(super) struct Target<'a> {
    pub(super) dest: &'a Str,
    pub(super) permissions: Option<&'a String>,
    pub(super) dir_permissions: Option<&'a String>,
    pub(super) append: bool,
    pub(super) create_directories: bool,
}

/// Writes all data of `source`.
pub(super) fn write(scope: &Scope, source: &mut dyn Read, target: &Target<'_>) -> VqlResult<()> {
    let mode = mode(target.permissions, 0o600)?;
    let dir_mode = self::mode(target.dir_permissions, 0o700)?;
    if target.dest.is_empty() {
        return Err("`dest` is empty".into());
    }
    let failed = |error: std::io::Error| VqlError::from(format!("`{}`: {error}", target.dest));
    let path = system_path(target.dest);
    if target.create_directories
        && let Some(parent) = path.parent()
    {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, dir_mode);
        #[cfg(not(unix))]
        let _ = dir_mode;
        builder.create(parent).map_err(failed)?;
    }
    let mut options = OpenOptions::new();
    if target.append {
        options.append(true);
    } else {
        options.write(true).create(true).truncate(true);
    }
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path).map_err(failed)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        scope.checkpoint()?;
        let length = source.read(&mut buffer).map_err(|error| error.to_string())?;
        if length == 0 {
            return Ok(());
        }
        file.write_all(&buffer[..length]).map_err(failed)?;
    }
}

/// `0644`, or a prefix of `rwxrwxrwx` with `-` for bits that are not set; a lone `x` is `rwx` for the owner.
fn mode(text: Option<&String>, default: u32) -> Result<u32, String> {
    let text = text.map_or("", String::as_str);
    let bad = || format!("`{text}` is not a set of permissions; write `0644` or `rw-r--r--`");
    match text {
        "" => Ok(default),
        "x" => Ok(0o700),
        octal if octal.starts_with('0') => u32::from_str_radix(octal, 8)
            .ok()
            .filter(|mode| *mode <= 0o7777)
            .ok_or_else(bad),
        letters if letters.len() <= 9 => {
            let mut mode = 0;
            for (at, (given, letter)) in letters.chars().zip("rwxrwxrwx".chars()).enumerate() {
                match given {
                    '-' => {}
                    given if given == letter => mode |= 0o400 >> at,
                    _ => return Err(bad()),
                }
            }
            Ok(mode)
        }
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::mode;

    #[test]
    fn permissions_are_octal_or_letters() {
        let parse = |text: &str| mode(Some(&text.to_owned()), 0o600);
        assert_eq!(parse(""), Ok(0o600));
        assert_eq!(parse("x"), Ok(0o700));
        assert_eq!(parse("0644"), Ok(0o644));
        assert_eq!(parse("rw-r-----"), Ok(0o640));
        assert_eq!(parse("rwx"), Ok(0o700));
        assert!(parse("wrx").is_err());
        assert!(parse("0999").is_err());
        assert!(parse("rwxrwxrwxr").is_err());
    }
}
