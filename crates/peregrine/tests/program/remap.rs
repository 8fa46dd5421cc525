//! `--remap` as a responder uses it: built-in artifacts against a folder that represents the disk of a dead
//! machine.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A secret of the machine that examines the evidence, which must not be seen.
const SECRET: &str = "secret of this machine";

/// `evidence/` is the dead machine's disk; next to it are files of this machine.
struct Case(tempfile::TempDir);

impl Case {
    fn new() -> Case {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, content: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        write(
            "evidence/etc/passwd",
            "root:x:0:0:root:/root:/bin/bash\nmallory:x:1001:1001:Mallory:/home/mallory:/bin/sh\n",
        );
        write("evidence/home/mallory/.bash_history", "curl evil.example\n");
        write("secret", SECRET);
        let case = Case(dir);
        let secret = case.path("secret");
        for (target, link) in [
            ("/etc/passwd", "users"),
            (secret.as_str(), "out"),
            ("../secret", "beside"),
        ] {
            symlink(target, case.path("evidence/home/mallory") + "/" + link).unwrap();
        }
        case
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// The rules of the user's book, over this folder, and more.
    fn rules(&self, more: &str) -> PathBuf {
        let book = include_str!("../../../../docs/vql.md");
        let (_, after) = book.split_once("```yaml\n# evidence.yaml\n").unwrap();
        let (rules, _) = after.split_once("```").unwrap();
        let rules = rules.replace("/mnt/evidence", &self.path("evidence"));
        self.write(&(rules + more))
    }

    fn write(&self, rules: &str) -> PathBuf {
        let file = self.0.path().join("rules.yaml");
        fs::write(&file, rules).unwrap();
        file
    }
}

fn peregrine(rules: &Path, verb: &[&str], args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_peregrine"))
        .args(verb)
        .arg("--remap")
        .arg(rules)
        .args(args)
        .env("PEREGRINE_TEST_VARIABLE", SECRET)
        .env("OF_THIS_MACHINE", SECRET)
        .output()
        .unwrap()
}

/// Rows and messages.
fn query(rules: &Path, queries: &[&str]) -> (String, String) {
    let output = peregrine(rules, &["query", "--format", "jsonl"], queries);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_shipped_artifact_lists_the_users_of_the_dead_machine() {
    let case = Case::new();
    let rules = case.rules("");
    let passwd = case.path("evidence/etc/passwd");
    // The system knows these accounts, too.
    let odd = b"ev#il:x:+0: 0::/\ntail:*:5:5:a\xff:/h:/bin/sh:x\n# none:x:1:1:::\n";
    fs::write(&passwd, [&fs::read(&passwd).unwrap()[..], odd].concat()).unwrap();
    let verb = ["artifacts", "collect", "--format", "csv"];
    let output = peregrine(&rules, &verb, &["Linux.Sys.Users"]);
    let rows = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        rows,
        "User,Description,Uid,Gid,Homedir,Shell,_Source\n\
         root,root,0,0,/root,/bin/bash,Linux.Sys.Users\n\
         mallory,Mallory,1001,1001,/home/mallory,/bin/sh,Linux.Sys.Users\n\
         ev#il,,0,0,/,,Linux.Sys.Users\n\
         tail,a\u{fffd},5,5,/h,/bin/sh:x,Linux.Sys.Users\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success());
}

#[test]
fn files_are_found_read_and_uploaded_under_their_own_paths() {
    let case = Case::new();
    let rules = case.rules("");
    let (rows, messages) = query(
        &rules,
        &[
            "SELECT OSPath, read_file(filename=OSPath) AS Text FROM glob(globs='/home/*/{.bash_history,users}')",
        ],
    );
    assert_eq!(
        rows,
        "{\"OSPath\":\"/home/mallory/.bash_history\",\"Text\":\"curl evil.example\\n\"}\n\
         {\"OSPath\":\"/home/mallory/users\",\"Text\":\"root:x:0:0:root:/root:/bin/bash\\nmallory:x:1001:1001:Mallory:/home/mallory:/bin/sh\\n\"}\n",
        "{messages}"
    );
    let uploads = case.path("uploads");
    fs::create_dir(&uploads).unwrap();
    let upload = "SELECT upload(file=OSPath).Size AS Size FROM glob(globs='/etc/*')";
    let output = peregrine(&rules, &["query", "--dump-dir", &uploads], &[upload]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "{\"Size\":82}\n");
    let stored = fs::read_to_string(Path::new(&uploads).join("auto/etc/passwd")).unwrap();
    assert!(stored.contains("mallory"));
}

#[test]
fn nothing_of_this_machine_is_seen() {
    let case = Case::new();
    let rules = case.rules("");
    let secret = case.path("secret");
    let inside = format!(r#"{{"DelegateAccessor":"file","DelegatePath":"{secret}"}}"#);
    let own_name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let (rows, messages) = query(
        &rules,
        &[
            // Every file there is, by every accessor that could exist.
            "SELECT OSPath, read_file(filename=OSPath) AS Text FROM glob(globs='/**')",
            &format!(
                "SELECT _value AS Accessor, read_file(accessor=_value, filename='{secret}') AS Text, \
                 read_file(accessor=_value, filename='{inside}') AS Inside, \
                 stat(accessor=_value, filename='{secret}').Size AS Size \
                 FROM foreach(row=('auto', 'file', 'file_nocase', 'raw_file', 'pipe', 'registry', ''))"
            ),
            "SELECT read_file(filename=OSPath + ('../../secret',)) AS Text, read_file(filename=OSPath + ('..', '..', 'secret')) AS Up \
             FROM stat(filename='/etc')",
            "SELECT * FROM info()",
            "SELECT info() AS Info, expand(path='$HOME $PATH %OF_THIS_MACHINE%') AS Expanded, environ(var='OF_THIS_MACHINE') AS V \
             FROM scope()",
            "SELECT Pid, Name FROM pslist()",
            "SELECT * FROM environ()",
            "SELECT * FROM users()",
            "SELECT * FROM netstat()",
            "SELECT * FROM execve(argv=('cat', '/etc/hostname'))",
            // In scopes of other kinds, too.
            &format!(
                "SELECT * FROM query(query={{ SELECT read_file(filename='{secret}') AS Text FROM scope() }}, cpu_limit=90)"
            ),
            &format!(
                "SELECT * FROM foreach(row=(1, 2), workers=2, query={{ SELECT read_file(filename='{secret}') AS Text FROM scope() }})"
            ),
        ],
    );
    assert!(!rows.contains(SECRET), "{rows}");
    assert!(!rows.contains(own_name.trim()), "{rows}");
    assert!(rows.contains("curl evil.example"), "{rows}");
    assert!(
        rows.contains(r#"{"Hostname":"web01","Fqdn":"web01","Uptime":"""#),
        "{rows}"
    );
    assert!(rows.contains(r#""Expanded":"/root  ""#), "{rows}");
    assert!(!rows.contains("Pid"), "{rows}");
    for denied in ["pslist", "environ", "users", "netstat", "execve"] {
        assert!(messages.contains(&format!("{denied}: ")), "{denied}: {messages}");
    }
    assert!(
        messages.contains("Unknown filesystem accessor raw_file"),
        "{messages}"
    );
    assert!(!messages.contains(SECRET), "{messages}");
}

#[test]
fn disabled_names_say_so_once_and_give_nothing() {
    let case = Case::new();
    let rules = case.rules(
        "- type: permissions\n  permissions: [MACHINE_STATE]\n\
         - type: impersonation\n  disabled_plugins: [pslist, winobj]\n  disabled_functions: [getpid, amsi]\n",
    );
    let (rows, messages) = query(
        &rules,
        &[
            "SELECT * FROM pslist()",
            "SELECT * FROM pslist()",
            "SELECT * FROM winobj()",
            "SELECT getpid() AS Pid, -getpid() AS Less, amsi(string='x') AS Amsi FROM range(end=2)",
            "SELECT Hostname FROM info()",
        ],
    );
    let nothing = "{\"Pid\":null,\"Less\":null,\"Amsi\":null}\n";
    assert_eq!(rows, format!("{nothing}{nothing}{{\"Hostname\":\"web01\"}}\n"));
    for name in [
        "plugin pslist",
        "plugin winobj",
        "function getpid",
        "function amsi",
    ] {
        let line = format!("Call to {name} disabled");
        assert_eq!(messages.matches(&line).count(), 1, "{messages}");
    }
}

#[test]
fn what_is_wrong_with_the_rules_is_said_before_anything_runs() {
    let case = Case::new();
    let refused = |rules: &str, words: &str| {
        for verb in [&["query"][..], &["artifacts", "collect"]] {
            let what = if verb == ["query"] {
                "SELECT 1 AS One FROM scope()"
            } else {
                "Linux.Sys.Users"
            };
            let output = peregrine(&case.write(rules), verb, &[what]);
            let message = String::from_utf8_lossy(&output.stderr);
            assert!(message.contains(words), "{message}");
            assert!(
                message.contains("Please check your config file's `remappings` setting"),
                "{message}"
            );
            assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
        }
    };
    refused("[{type: overlay}]", "rule 1: Unknown remapping type: overlay");
    refused("[{type: mount, form: {}}]", "unknown field `form`");
    refused(
        "[{type: permissions}, {type: mount, from: {accessor: raw_ntfs}, on: {accessor: ntfs}}]",
        "rule 2: the accessor `raw_ntfs` does not exist in this program; there are: auto, data, file, ",
    );
    let output = peregrine(Path::new("/no/such/file"), &["query"], &["SELECT 1 FROM scope()"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("reading `/no/such/file` (--remap)"));
}

#[test]
fn without_a_rule_of_permissions_nothing_is_allowed_and_that_is_said() {
    let case = Case::new();
    let folder = case.path("evidence");
    let rules = case.write(&format!(
        "[{{type: mount, from: {{prefix: {folder}}}, on: {{accessor: auto}}}}]"
    ));
    let (rows, messages) = query(&rules, &["SELECT * FROM glob(globs='/*')"]);
    assert_eq!(rows, "");
    assert!(
        messages.contains("no rule of type `permissions` grants anything"),
        "{messages}"
    );
    assert!(
        messages.contains("FILESYSTEM_READ is not among those of the remapping"),
        "{messages}"
    );
}

#[test]
fn the_function_remaps_what_follows() {
    let case = Case::new();
    let folder = case.path("evidence");
    let empty = case.write("[{type: permissions, permissions: [FILESYSTEM_READ]}]");
    let remap = format!(
        "LET R <= remap(clear=TRUE, config='[{{type: mount, from: {{prefix: \"{folder}\"}}, on: {{accessor: auto}}}}]')"
    );
    let wrong = "LET R <= remap(config='[{type: mount}]')";
    let read = "SELECT R.remappings[0].type AS Type, len(list=read_file(filename='/etc/passwd')) AS Length FROM scope()";
    let run = |queries: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_peregrine"))
            .arg("query")
            .args(queries)
            .output()
            .unwrap();
        (
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (rows, messages) = run(&[&remap, read]);
    assert_eq!(rows, "{\"Type\":\"mount\",\"Length\":82}\n", "{messages}");
    assert!(messages.contains("Applying remapping, 1 rule"), "{messages}");
    // Even when it is called deep inside, and for queries within queries.
    let within = format!("SELECT * FROM query(query={{ {read} }}, inherit=TRUE)");
    assert_eq!(run(&[&remap, &within]).0, "{\"Type\":\"mount\",\"Length\":82}\n");
    let (rows, messages) = run(&[wrong, read]);
    assert_eq!(rows, "{\"Type\":null,\"Length\":0}\n", "{messages}");
    assert!(
        messages.contains("remap: rule 1: a mount needs `from`"),
        "{messages}"
    );
    assert!(messages.contains("no accessor is left"), "{messages}");
    assert!(
        messages.contains("Unknown filesystem accessor auto"),
        "{messages}"
    );
    // A remapped program can be remapped further.
    let (rows, _) = query(&empty, &[&remap, read]);
    assert_eq!(rows, "{\"Type\":\"mount\",\"Length\":82}\n");
}
