//! The whole name of a program, where the kernel keeps only its beginning.

use super::Argv;
use std::borrow::Cow;
use std::path::Path;

/// The kernel keeps this many bytes of a name.
const KEPT: usize = 15;

/// How many arguments are looked at: a script stands behind its interpreter and perhaps an option of that.
const LOOKED_AT: usize = 3;

/// True when the kernel may have cut this name.
#[must_use]
pub fn may_be_cut(kept: &str) -> bool {
    kept.len() >= KEPT
}

/// The name of a program: what the kernel kept, or, where that may be cut, the name that begins with it among the
/// executable's and the first arguments'.
#[must_use]
pub fn whole_name<'n>(kept: &'n str, argv: &Argv, exe: Option<&Path>) -> Cow<'n, str> {
    if !may_be_cut(kept) {
        return Cow::Borrowed(kept);
    }
    let exe = exe.map(|path| {
        let path = path.as_os_str().as_encoded_bytes();
        path.strip_suffix(b" (deleted)").unwrap_or(path)
    });
    let candidates = exe.into_iter().chain(argv.args().take(LOOKED_AT));
    let names = candidates.filter_map(|path| path.rsplit(|&byte| byte == b'/').next());
    // A cut within a letter leaves a replacement for it.
    let beginning = kept.trim_end_matches('\u{fffd}');
    names
        .map(String::from_utf8_lossy)
        .find(|name| name.starts_with(beginning))
        .map_or(Cow::Borrowed(kept), |name| Cow::Owned(name.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_name_is_completed_by_what_begins_with_it() {
        let name = |kept: &str, argv: &[u8], exe: Option<&str>| {
            whole_name(kept, &Argv::new(argv, argv.len() as u64), exe.map(Path::new)).into_owned()
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
        // A script is called as its interpreter's argument.
        assert_eq!(
            name(
                cut,
                b"/bin/sh\0-e\0/x/a-really-long-procedure.sh\0",
                Some("/bin/dash")
            ),
            "a-really-long-procedure.sh"
        );
        // A thread that renamed itself, a kernel thread, a name of just that length, a short one.
        assert_eq!(name(cut, b"init\0", Some("/sbin/init")), cut);
        assert_eq!(
            name("kworker/u8:2-events_unbound", b"", None),
            "kworker/u8:2-events_unbound"
        );
        assert_eq!(name(cut, b"a-really-long-p\0a-really-long-p.conf\0", None), cut);
        assert_eq!(name("sh", b"shell\0", Some("/bin/shell")), "sh");
        // Cut within a letter of two bytes.
        assert_eq!(
            name(
                "a-really-long-\u{fffd}",
                "a-really-long-änderung\0".as_bytes(),
                None
            ),
            "a-really-long-änderung"
        );
    }
}
