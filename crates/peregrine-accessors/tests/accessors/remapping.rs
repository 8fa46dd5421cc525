//! Remapped accessors over real folders: queries see what the rules provide, and nothing else.
#![allow(clippy::unwrap_used)]

use peregrine_accessors::remapping::{Rules, clear_accessors, remap};
use peregrine_accessors::{
    Accessor, AccessorManager, Dialect, Error, FileInfo, FileReader, GlobOptions, OsPath, accessor, glob,
};
use peregrine_engine::Context;
use peregrine_engine::log::MemoryLog;
use peregrine_engine::prelude::{Dict, Permission, Scope, Str};
use proptest::prelude::*;
use std::ffi::OsStr;
use std::fs;
use std::io::{Cursor, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

/// Opens its delegate and adds the variable `MARK`: represents archives and images, which are opened through
/// another accessor.
struct Marked;

impl Accessor for Marked {
    fn name(&self) -> &'static str {
        "marked"
    }

    fn dialect(&self) -> Dialect {
        Dialect::Linux
    }

    fn read_dir(&self, _: &Scope, _: &OsPath) -> Result<Vec<FileInfo>, Error> {
        Ok(Vec::new())
    }

    fn lstat(&self, scope: &Scope, path: &OsPath) -> Result<FileInfo, Error> {
        let spec = path.pathspec();
        let files = accessor(scope, &spec.delegate_accessor)?;
        files.lstat(scope, &files.parse_path(spec.container().as_bytes())?)
    }

    fn open(&self, scope: &Scope, path: &OsPath) -> Result<Box<dyn FileReader>, Error> {
        let spec = path.pathspec();
        let files = accessor(scope, &spec.delegate_accessor)?;
        let inner = files.parse_path(spec.container().as_bytes())?;
        let mut content = scope.get_text("MARK").unwrap_or_default().into_bytes();
        files.open(scope, &inner)?.read_to_end(&mut content).unwrap();
        Ok(Box::new(Cursor::new(content)))
    }
}

fn scope() -> (Scope, Arc<MemoryLog>) {
    let mut manager = AccessorManager::default();
    let read = Some(Permission::FilesystemRead);
    manager.add("marked", || Arc::new(Marked), "Opens its delegate.", read);
    let log = Arc::new(MemoryLog::default());
    let registry = Arc::new(peregrine_engine::builtin::registry());
    let context = Context::builder()
        .registry(registry)
        .log(log.clone())
        .extension(Arc::new(manager))
        .build();
    (Scope::root(&context, Dict::new()), log)
}

/// A scope with only what the rules provide.
fn remapped(rules: &str) -> Scope {
    let (scope, _) = scope();
    remap(&scope, &Rules::parse(rules).unwrap(), &[], true).unwrap();
    scope
}

fn read(scope: &Scope, name: &str, path: &str) -> Result<String, String> {
    let files = accessor(scope, name).map_err(|error| error.to_string())?;
    let path = files
        .parse_path(path.as_bytes())
        .map_err(|error| error.to_string())?;
    read_path(scope, files.as_ref(), &path)
}

fn read_path(scope: &Scope, files: &dyn Accessor, path: &OsPath) -> Result<String, String> {
    let mut reader = files.open(scope, path).map_err(|error| error.to_string())?;
    let mut content = Vec::new();
    reader
        .read_to_end(&mut content)
        .map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&content).into_owned())
}

fn list(scope: &Scope, name: &str, path: &str) -> Vec<String> {
    let files = accessor(scope, name).unwrap();
    let path = files.parse_path(path.as_bytes()).unwrap();
    let entries = files.read_dir(scope, &path).unwrap();
    let mut paths: Vec<String> = entries.iter().map(|info| info.path.to_text()).collect();
    paths.sort_unstable();
    paths
}

fn write(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn mount(from: &Path, on: &str, at: &str) -> String {
    let from = from.display();
    format!(
        "- type: mount\n  from: {{accessor: file, prefix: '{from}'}}\n  on: {{accessor: {on}, prefix: '{at}'}}\n"
    )
}

/// A dead machine with two disks, and a folder next to them that must stay out of reach.
struct Evidence(tempfile::TempDir);

impl Evidence {
    fn new() -> Evidence {
        let dir = tempfile::tempdir().unwrap();
        for (path, content) in [
            ("root/etc/passwd", "the dead machine's"),
            ("root/var/log/syslog", "log"),
            ("root/home/hidden", "below the mount point"),
            ("home/bob/notes", "bob's"),
            ("secret", "this machine's"),
        ] {
            write(dir.path(), path, content);
        }
        Evidence(dir)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn scope(&self) -> Scope {
        let rules = [
            mount(&self.path("root"), "auto", "/"),
            mount(&self.path("home"), "auto", "/home"),
            mount(&self.path("home/bob"), "auto", "/srv/deep/er"),
        ];
        remapped(&rules.concat())
    }
}

#[test]
fn mounts_are_one_tree_with_the_paths_of_the_dead_machine() {
    let scope = Evidence::new();
    let scope = scope.scope();
    assert_eq!(list(&scope, "", "/"), ["/etc", "/home", "/srv", "/var"]);
    assert_eq!(list(&scope, "", "/home"), ["/home/bob"]);
    assert_eq!(list(&scope, "", "/srv"), ["/srv/deep"]);
    assert_eq!(list(&scope, "", "/srv/deep/er"), ["/srv/deep/er/notes"]);
    assert_eq!(read(&scope, "auto", "/etc/passwd").unwrap(), "the dead machine's");
    assert_eq!(read(&scope, "auto", "/home/bob/notes").unwrap(), "bob's");
    assert_eq!(read(&scope, "auto", "/srv/deep/er/notes").unwrap(), "bob's");
    let error = read(&scope, "auto", "/home/hidden").unwrap_err();
    assert_eq!(error, "`/home/hidden`: no such file or directory");
    let files = accessor(&scope, "auto").unwrap();
    let folder = files.parse_path(b"/srv/deep").unwrap();
    assert!(files.lstat(&scope, &folder).unwrap().mode.is_dir());
    assert!(files.open(&scope, &folder).is_err());
    assert!(files.os_file_name(&folder).is_none());
}

#[test]
fn accessors_that_no_rule_makes_do_not_exist() {
    let scope = Evidence::new().scope();
    for name in ["file", "raw_file", "file_nocase", "data", "nonsense"] {
        let error = accessor(&scope, name).err().unwrap().to_string();
        assert_eq!(error, format!("Unknown filesystem accessor {name}"));
    }
}

#[test]
fn links_stay_in_the_mounts() {
    let evidence = Evidence::new();
    let root = evidence.path("root");
    let secret = evidence.path("secret");
    for (target, link) in [
        ("/etc/passwd", "absolute"),
        ("../../../../../../../../etc/passwd", "climbing"),
        ("var/log", "logs"),
        ("logs/syslog", "chain"),
        ("/home/bob/notes", "over"),
        ("round", "round"),
        ("..", "up"),
        ("/", "top"),
        (secret.to_str().unwrap(), "out"),
        ("../secret", "beside"),
    ] {
        symlink(target, root.join(link)).unwrap();
    }
    symlink("/etc", evidence.path("home/bob/etc")).unwrap();
    let scope = evidence.scope();
    let dead = Ok("the dead machine's".to_owned());
    assert_eq!(read(&scope, "", "/absolute"), dead);
    assert_eq!(read(&scope, "", "/climbing"), dead);
    assert_eq!(read(&scope, "", "/up/up/etc/passwd"), dead);
    assert_eq!(read(&scope, "", "/home/bob/etc/passwd"), dead);
    assert_eq!(read(&scope, "", "/logs/syslog"), Ok("log".to_owned()));
    assert_eq!(read(&scope, "", "/chain"), Ok("log".to_owned()));
    assert_eq!(read(&scope, "", "/over"), Ok("bob's".to_owned()));
    assert_eq!(list(&scope, "", "/logs"), ["/logs/syslog"]);
    for lost in ["/out", "/beside", "/round"] {
        let error = read(&scope, "", lost).unwrap_err();
        assert!(
            error.contains("no such file") || error.contains("cycle"),
            "{error}"
        );
        assert!(list(&scope, "", "/").contains(&lost.to_owned()));
    }
    // A mount that is not at the root is a root by itself.
    let alone = remapped(&mount(&root, "auto", "/cases/one"));
    assert_eq!(read(&alone, "", "/cases/one/absolute"), dead);
    assert!(read(&alone, "", "/absolute").is_err());
}

#[test]
fn globbing_ends_and_finds_everything_once() {
    let evidence = Evidence::new();
    symlink("/", evidence.path("root/var/loop")).unwrap();
    symlink("nowhere", evidence.path("root/dangling")).unwrap();
    let scope = evidence.scope();
    let files = accessor(&scope, "").unwrap();
    let root = files.parse_path(b"").unwrap();
    let options = GlobOptions {
        no_symlink: false,
        one_filesystem: false,
        descend: None,
    };
    let mut found = Vec::new();
    glob(
        &scope,
        files.as_ref(),
        &root,
        &[b"/**/{notes,passwd}".to_vec()],
        &options,
        &mut |info, _| {
            found.push(info.path.to_text());
            Ok(())
        },
    )
    .unwrap();
    let direct: Vec<&String> = found.iter().filter(|path| !path.contains("loop")).collect();
    assert_eq!(direct, ["/etc/passwd", "/home/bob/notes", "/srv/deep/er/notes"]);
    assert!(
        found.iter().all(|path| path.matches("loop").count() < 2),
        "{found:?}"
    );
}

#[test]
fn components_that_are_no_names_reach_nothing() {
    let evidence = Evidence::new();
    let scope = evidence.scope();
    let files = accessor(&scope, "").unwrap();
    for part in [
        "..",
        "../secret",
        "../../../../../etc/passwd",
        "etc/passwd",
        ".",
        "",
        "etc\0/passwd",
    ] {
        for parts in [vec![part], vec!["etc", part], vec!["home", part]] {
            let path = OsPath::new(Dialect::Linux, parts.into_iter().map(Str::from).collect());
            let error = files.open(&scope, &path).err().unwrap();
            assert!(matches!(error, Error::NotFound(_)), "{part}: {error}");
            assert!(files.lstat(&scope, &path).is_err(), "{part}");
            assert!(files.read_dir(&scope, &path).is_err(), "{part}");
        }
    }
    // A container in the path means nothing to a tree of mounts.
    let secret = evidence.path("secret");
    let spec = format!(
        r#"{{"DelegateAccessor":"file","DelegatePath":"{}","Path":"/"}}"#,
        secret.display()
    );
    assert!(
        !read(&scope, "", &spec)
            .unwrap_or_default()
            .contains("this machine")
    );
    let spec = format!(r#"{{"Path":"/../..{}"}}"#, secret.display());
    assert!(read(&scope, "", &spec).is_err());
}

#[test]
fn names_compare_as_the_target_does() {
    let evidence = Evidence::new();
    let root = evidence.path("root");
    let rules = format!(
        "- type: mount\n  from: {{accessor: file_nocase, prefix: '{}'}}\n  \"on\": {{accessor: auto, prefix: 'C:', path_type: windows}}\n",
        root.display()
    );
    let scope = remapped(&rules);
    assert_eq!(list(&scope, "", ""), ["C:"]);
    assert_eq!(list(&scope, "", r"c:\VAR"), [r"c:\VAR\log"]);
    assert_eq!(read(&scope, "", r"c:\ETC\Passwd").unwrap(), "the dead machine's");
    assert!(read(&scope, "", r"D:\etc\passwd").is_err());
}

#[test]
fn a_file_is_mounted_alone_and_a_missing_source_is_told() {
    let evidence = Evidence::new();
    let rules = [
        mount(&evidence.path("home/bob/notes"), "file", "/etc/notes"),
        mount(&evidence.path("nothing"), "file", "/gone"),
    ];
    let (scope, log) = scope();
    remap(&scope, &Rules::parse(&rules.concat()).unwrap(), &[], true).unwrap();
    assert_eq!(read(&scope, "file", "/etc/notes").unwrap(), "bob's");
    assert_eq!(list(&scope, "file", "/etc"), ["/etc/notes"]);
    assert_eq!(list(&scope, "file", "/"), ["/etc"]);
    let lines = log.lines().join("\n");
    assert!(
        lines.contains("/nothing` of `file`, so a mount of it stays empty"),
        "{lines}"
    );
}

#[test]
fn shadows_open_remapped_files_and_mounts_open_real_ones() {
    let evidence = Evidence::new();
    let secret = evidence.path("secret");
    let rules = format!(
        "{}- type: shadow\n  from: {{accessor: marked}}\n  on: {{accessor: archive}}\n\
         - type: mount\n  from:\n    accessor: marked\n    prefix: '{{\"DelegateAccessor\":\"file\",\"DelegatePath\":\"{}\"}}'\n  \
         on: {{accessor: image, prefix: /disk}}\n  scope: |\n    LET MARK <= 'configured: '\n",
        mount(&evidence.path("root"), "file", "/"),
        secret.display()
    );
    let scope = remapped(&rules);
    let inside = |path: &str| format!(r#"{{"DelegateAccessor":"file","DelegatePath":"{path}"}}"#);
    // The query's own variables are not those of the mount.
    scope.set_layer(Dict::from_pairs([("MARK", "mine: ")]));
    assert_eq!(
        read(&scope, "archive", &inside("/etc/passwd")).unwrap(),
        "mine: the dead machine's"
    );
    let error = read(&scope, "archive", &inside(secret.to_str().unwrap())).unwrap_err();
    assert!(error.contains("no such file"), "{error}");
    assert_eq!(
        read(&scope, "image", "/disk").unwrap(),
        "configured: this machine's"
    );
    assert!(accessor(&scope, "marked").is_err());
}

#[test]
fn rules_add_up_and_a_failure_leaves_nothing() {
    let evidence = Evidence::new();
    let (scope, _) = scope();
    let first = Rules::parse(&mount(&evidence.path("root"), "file", "/")).unwrap();
    remap(&scope, &first, &[], false).unwrap();
    assert_eq!(read(&scope, "file", "/etc/passwd").unwrap(), "the dead machine's");
    assert_eq!(read(&scope, "data", "text").unwrap(), "text");
    let second = Rules::parse(&mount(&evidence.path("home"), "other", "/")).unwrap();
    remap(&scope, &second, &["reg".to_owned()], false).unwrap_err();
    assert!(accessor(&scope, "data").is_err() && accessor(&scope, "file").is_err());
    remap(&scope, &second, &["data".to_owned()], true).unwrap();
    assert!(accessor(&scope, "data").is_ok() && accessor(&scope, "other").is_ok());
    clear_accessors(&scope);
    assert!(accessor(&scope, "other").is_err());
    let error = remap(
        &scope,
        &Rules::parse("[{type: shadow, from: {accessor: zap}, on: {accessor: zap}}]").unwrap(),
        &[],
        true,
    );
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with(
            "rule 1: the accessor `zap` does not exist in this program; there are: auto, data, file"
        ),
        "{error}"
    );
}

#[track_caller]
fn refused(text: &str, words: &str) {
    let error = Rules::parse(text).unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn what_is_misspelt_is_refused() {
    refused("[{type: mount, form: {prefix: /x}}]", "form");
    refused("[{type: mount, from: {prefx: /x}}]", "prefx");
    refused(
        "[{type: Mount}]",
        "Unknown remapping type: Mount; write one of `mount`",
    );
    refused("[{description: x}]", "rule 1: it has no `type`");
    refused("[{type: mount, from: {prefix: /x}}]", "a mount needs `on`");
    refused(
        "[{type: shadow, from: {accessor: data}}]",
        "a shadow needs `on.accessor`",
    );
    refused(
        "[{type: permissions, permissions: [FILE_READ]}]",
        "unknown permission `FILE_READ`; there are: ALL_QUERY",
    );
    refused(
        "[{type: impersonation, permissions: [EXECVE]}]",
        "`permissions` has no meaning in a rule of type `impersonation`",
    );
    refused("[{type: impersonation, env: [{value: x}]}]", "key");
    refused("remapping: []", "unknown key `remapping`; write a list of rules");
    refused("version: {name: x}", "remappings");
    refused("remappings: 5", "expected sequence");
    refused("just text", "a list of rules, or a configuration");
    refused("", "remapping");
    let scope =
        |lets: &str| format!("[{{type: mount, from: {{prefix: /}}, on: {{prefix: /}}, scope: \"{lets}\"}}]");
    refused(
        &scope("SELECT * FROM info()"),
        "`scope` may only have LET statements",
    );
    refused(&scope("LET X <="), "`scope` is not VQL");
    assert!(Rules::parse(&scope("LET X <= 5 LET Y = X")).is_ok());
    assert!(Rules::parse("version: {name: x}\nClient: {nonce: y}\nremappings: []").is_ok());
    assert!(Rules::parse(r#"{"remappings": [{"type": "impersonation", "hostname": "a"}]}"#).is_ok());
}

#[test]
fn hostile_texts_are_refused_in_time() {
    let rule = "- {type: impersonation}\n";
    refused(&rule.repeat(5000), "more than 4096 rules");
    refused(&"- \n".repeat(3_000_000), "bytes is too large");
    assert!(Rules::parse(&"[".repeat(1_000_000)).is_err());
    assert!(Rules::parse(&"{a: ".repeat(1_000_000)).is_err());
    let mut laughs = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for level in 1..40 {
        laughs.push_str(&format!(
            "a{level}: &a{level} [*a{0},*a{0},*a{0},*a{0},*a{0},*a{0}]\n",
            level - 1
        ));
    }
    assert!(Rules::parse(&format!("version:\n{}", laughs.replace('\n', "\n  "))).is_err());
    let deep = "/a".repeat(100_000);
    let rules = Rules::parse(&mount(Path::new("/tmp"), "file", &deep)).unwrap();
    let (scope, _) = scope();
    let error = remap(&scope, &rules, &[], true).unwrap_err().to_string();
    assert_eq!(error, "rule 1: `on.prefix` has more than 255 names");
}

/// Ordinary file names, and unusual ones.
fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[a-zA-Z0-9._-]{1,8}".prop_map(String::into_bytes),
        r#"[ab \\"':%{}*?\[~é.$-]{1,6}"#.prop_map(String::into_bytes),
        proptest::collection::vec(1_u8.., 1..6),
    ]
    .prop_map(|mut name| {
        name.retain(|byte| *byte != b'/');
        name
    })
    .prop_filter("a name", |name| !matches!(name.as_slice(), b"" | b"." | b".."))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// A name in a listing can be written down, read again, and opens the same file.
    #[test]
    fn listed_paths_open_what_they_name(
        files in proptest::collection::vec((proptest::collection::vec(name(), 1..4), "[a-z]{1,9}"), 1..12),
        at in proptest::collection::vec("[a-c]{1,2}", 0..3),
        (path_type, drive) in prop_oneof![
            Just(("", "")), Just(("linux", "")), Just(("generic", "")), Just(("zip", "")),
            Just(("windows", "C:/")), Just(("ntfs", "C:/")),
        ],
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut written: Vec<(Vec<Vec<u8>>, String)> = Vec::new();
        for (parts, content) in files {
            let path = parts.iter().fold(dir.path().to_owned(), |path, part| path.join(OsStr::from_bytes(part)));
            let is_new = !path.exists() && fs::create_dir_all(path.parent().unwrap()).is_ok();
            if is_new && fs::write(&path, &content).is_ok() {
                written.push((parts, content));
            }
        }
        let point = format!("{drive}{}", at.join("/"));
        let rules = format!(
            "[{{type: mount, from: {{prefix: '{}'}}, on: {{accessor: file, prefix: '{point}', path_type: '{path_type}'}}}}]",
            dir.path().display(),
        );
        let scope = remapped(&rules);
        let files = accessor(&scope, "file").unwrap();
        let mut found: Vec<(Vec<Vec<u8>>, String)> = Vec::new();
        let mut folders = vec![files.parse_path(b"").unwrap()];
        while let Some(folder) = folders.pop() {
            for info in files.read_dir(&scope, &folder).unwrap() {
                let text = info.path.to_bytes();
                let again = files.parse_path(&text).unwrap();
                prop_assert!(again.same_as(&info.path), "{}", info.path.to_text());
                let same = files.lstat(&scope, &again).unwrap();
                prop_assert_eq!((same.size, same.mode), (info.size, info.mode));
                if info.mode.is_dir() {
                    folders.push(again);
                } else {
                    let depth = at.len() + usize::from(!drive.is_empty());
                    let parts = again.components().iter().skip(depth).map(|part| part.to_vec()).collect();
                    found.push((parts, read_path(&scope, files.as_ref(), &again).unwrap()));
                }
            }
        }
        found.sort();
        written.sort();
        prop_assert_eq!(found, written);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(- |type: |mount|\\{|\\}|\\[|\\]|&a |\\*a|on: |from: |\n|  |'|\"|x|: |~|!!){0,40}") {
        let _ = Rules::parse(&text);
    }
}
