//! The full name of a program of which the kernel keeps only the beginning.

use super::Argv;
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Number of bytes of a name that the kernel keeps.
const KEPT: usize = 15;

/// Number of arguments examined: a script follows its interpreter and possibly one of its options.
const LOOKED_AT: usize = 3;

/// True when the kernel may have cut this name.
#[must_use]
pub fn may_be_cut(kept: &OsStr) -> bool {
    kept.len() >= KEPT
}

/// The name of a program: the kernel's, or, if that may be cut, the name that begins with it among the
/// executable's and the first arguments'.
#[must_use]
pub fn whole_name<'n>(kept: &'n OsStr, argv: &Argv, exe: Option<&Path>) -> Cow<'n, OsStr> {
    if !may_be_cut(kept) {
        return Cow::Borrowed(kept);
    }
    let exe = exe.map(|path| {
        let path = path.as_os_str().as_encoded_bytes();
        path.strip_suffix(b" (deleted)").unwrap_or(path)
    });
    let candidates = exe.into_iter().chain(argv.args().take(LOOKED_AT));
    let mut names = candidates.filter_map(|path| path.rsplit(|&byte| byte == b'/').next());
    // A cut within a character leaves its first bytes, which the full name also has.
    names
        .find(|name| name.starts_with(kept.as_encoded_bytes()))
        .map_or(Cow::Borrowed(kept), |name| Cow::Owned(system_text(name)))
}

#[cfg(unix)]
fn system_text(bytes: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

#[cfg(not(unix))]
fn system_text(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn a_cut_name_is_completed_by_what_begins_with_it() {
        let name = |kept: &str, argv: &[u8], exe: Option<&str>| {
            whole_name(
                OsStr::new(kept),
                &Argv::new(argv, argv.len() as u64),
                exe.map(Path::new),
            )
            .into_owned()
        };
        let cut = "a-really-long-p";
        assert_eq!(
            name(cut, b"./a-really-long-process\x0020\0", None),
            "a-really-long-process"
        );
        assert_eq!(
            name(cut, b"", Some("/x/a-really-long-process")),
            "a-really-long-process"
        );
        assert_eq!(
            name(cut, b"other\0", Some("/x/a-really-long-process (deleted)")),
            "a-really-long-process"
        );
        // A script is called as an argument of its interpreter.
        assert_eq!(
            name(
                cut,
                b"/bin/sh\0-e\0/x/a-really-long-procedure.sh\0",
                Some("/bin/dash")
            ),
            "a-really-long-procedure.sh"
        );
        // A thread that renamed itself, a kernel thread, a name of exactly that length, a short one.
        assert_eq!(name(cut, b"init\0", Some("/sbin/init")), cut);
        assert_eq!(
            name("kworker/u8:2-events_unbound", b"", None),
            "kworker/u8:2-events_unbound"
        );
        assert_eq!(name(cut, b"a-really-long-p\0a-really-long-p.conf\0", None), cut);
        assert_eq!(name("sh", b"shell\0", Some("/bin/shell")), "sh");
        // Cut within a two-byte character; bytes that are not text at all.
        let bytes = |kept: &'static [u8], argv: &[u8]| {
            let argv = Argv::new(argv, argv.len() as u64);
            whole_name(OsStr::from_bytes(kept), &argv, None).into_owned()
        };
        assert_eq!(
            bytes(b"a-really-long-\xc3", "a-really-long-änderung\0".as_bytes()),
            "a-really-long-änderung"
        );
        assert_eq!(
            bytes(
                b"a-really-long\xff-",
                b"a-really-long\xfe-x\0a-really-long\xff-y\0"
            ),
            OsStr::from_bytes(b"a-really-long\xff-y")
        );
    }
}
