//! The process tracker through VQL, on this machine: exited processes are remembered.

use peregrine_engine::log::MemoryLog;
use peregrine_engine::prelude::*;
use peregrine_engine::{Context, HostState, Program};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[path = "tracker/queries.rs"]
mod queries;

/// How long to wait for expected results, on a machine under load.
const PATIENCE: Duration = Duration::from_secs(60);

struct Session {
    scope: Scope,
    log: Arc<MemoryLog>,
}

impl Session {
    fn open() -> Session {
        Session::open_on(&Arc::default(), 0)
    }

    /// One of the sessions of a host, whose clock is this many seconds ahead.
    fn open_on(host: &Arc<HostState>, seconds: i64) -> Session {
        let registry = peregrine_plugins::register(peregrine_engine::builtin::registry());
        let log = Arc::new(MemoryLog::default());
        let context = Context::builder()
            .registry(Arc::new(registry))
            .log(log.clone())
            .clock(Arc::new(Ahead(seconds)))
            .host_state(Arc::clone(host))
            .build();
        Session {
            scope: Scope::root(&context, Dict::new()),
            log,
        }
    }

    fn rows(&self, vql: &str) -> Vec<String> {
        let program = Program::compile(vql).expect("the query parses");
        let mut rows = Vec::new();
        let mut sink = FnSink(|row: Row| {
            let mut text = Vec::new();
            peregrine_engine::json::write_row(&self.scope, &row, &mut text);
            rows.push(String::from_utf8(text).expect("JSON is UTF-8"));
            Ok(())
        });
        let _ = program.run(&self.scope, &mut sink);
        rows
    }

    /// Waits until the query yields the expected result; returns the last one.
    fn until(&self, vql: &str, is_wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let rows = self.rows(vql);
            if is_wanted(&rows) || Instant::now() > deadline {
                assert!(is_wanted(&rows), "{vql}\n{rows:#?}\n{:#?}", self.log.lines());
                return rows;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

struct Ahead(i64);

impl peregrine_engine::context::Clock for Ahead {
    fn now(&self) -> Time {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let nanos = i128::try_from(since.expect("after 1970").as_nanos()).expect("small");
        Time::from_unix_nanos(nanos + i128::from(self.0) * 1_000_000_000)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.scope.close();
    }
}

/// A shell that starts a shell and exits; the second starts a lookup, which exits, and a process that stays.
fn attack(marker: &str) -> u32 {
    let script = format!(
        "sh -c 'true lookup-{marker}; /bin/echo lookup-{marker} >/dev/null; sleep 30.{marker} <&- >&- 2>&- & echo $! ' ; true"
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .output()
        .expect("a shell runs");
    String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .expect("the pid of the process that stays")
}

fn is_possible(session: &Session) -> bool {
    let installed = session.rows("LET T <= process_tracker(source='auto', sync_period=60000) SELECT process_event_source().Kind AS Kind FROM scope()");
    let is_lossless = installed
        .iter()
        .any(|row| row.contains("bpf") || row.contains("cn_proc"));
    if !is_lossless {
        eprintln!("skipped: no event source but polling works here: {installed:?}");
    }
    is_lossless
}

#[test]
fn the_chain_through_exited_parents_is_whole_and_siblings_are_remembered() {
    let session = Session::open();
    if !is_possible(&session) {
        return;
    }
    let pid = attack("101");
    let me = std::process::id();
    let chain = session.until(
        &format!("SELECT process_tracker_callchain(id={pid}, max_items=30).Id AS Ids, process_tracker_callchain(id={pid}, max_items=30).Data.CommandLine AS Chain FROM scope()"),
        |rows| rows.iter().any(|row| row.contains("sleep 30.101") && row.contains(&format!("\"{me}-"))),
    );
    let chain = &chain[0];
    assert!(
        chain.contains(r#""sh -c sh -c"#) || chain.contains("lookup-101"),
        "{chain}"
    );
    let siblings = session.until(
        &format!("SELECT process_tracker_siblings(id={pid}).Data.CommandLine AS Lines, process_tracker_siblings(id={pid}).EndTime AS Ends FROM scope()"),
        |rows| rows.iter().any(|row| row.contains("/bin/echo lookup-101")),
    );
    assert!(
        !siblings[0].contains("null"),
        "the lookup has ended: {siblings:?}"
    );
    // Live tools see an orphan.
    let live = session.rows(&format!("SELECT Ppid FROM pslist(pid={pid})"));
    assert!(!live[0].contains(&me.to_string()), "{live:?}");
    let _ = Command::new("kill").arg(pid.to_string()).status();
    session.until(&format!("SELECT process_tracker_get(id={pid}).EndTime AS E, process_tracker_get(id={pid}).Data.Signal AS S FROM scope()"), |rows| {
        rows.iter().any(|row| !row.contains("\"E\":null") && row.contains("\"S\":15"))
    });
}

#[test]
fn the_state_survives_a_restart_of_the_program_on_the_same_boot() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("tracker").display().to_string();
    let install = format!(
        "LET T <= process_tracker(source='auto', sync_period=60000, cache='{cache}') SELECT process_event_source().Kind AS Kind FROM scope()"
    );
    let first = Session::open();
    if !is_possible(&first) {
        return;
    }
    drop(first);
    let first = Session::open();
    first.rows(&install);
    let pid = attack("102");
    let query = format!(
        "SELECT process_tracker_callchain(id={pid}, max_items=30).Data.CommandLine AS Chain FROM scope()"
    );
    let whole = |rows: &[String]| {
        rows.iter()
            .any(|row| row.contains("sleep 30.102") && row.contains("lookup-102"))
    };
    let _ = Command::new("kill").arg(pid.to_string()).status();
    let ended = format!("SELECT process_tracker_get(id={pid}).EndTime AS E FROM scope()");
    first.until(&ended, |rows| rows.iter().any(|row| !row.contains("null")));
    let before = first.until(&query, whole);
    drop(first);

    let second = Session::open();
    assert!(
        !whole(&second.rows(&query)),
        "without a tracker the chain is broken"
    );
    second.rows(&install);
    let after = second.until(&query, whole);
    assert_eq!(before, after);
    let _ = Command::new("kill").arg(pid.to_string()).status();
}

/// As when an agent gets another event table: executions that happen while nobody listens are visible
/// afterwards.
#[test]
fn programs_run_while_no_source_listened_are_found_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("tracker").display().to_string();
    let install = format!(
        "LET T <= process_tracker(source='auto', sync_period=60000, cache='{cache}') SELECT 1 AS A FROM scope()"
    );
    let first = Session::open();
    if !is_possible(&first) {
        return;
    }
    drop(first);
    let first = Session::open();
    first.rows(&install);
    // One becomes a program of another name, one of the same name with other arguments; one only forks before.
    let scripts = [
        ("read x; exec sleep 30.103", "sleep 30.103"),
        ("read x; exec sh -c 'read y; true other-103'", "true other-103"),
        ("exec 3<&0; (read x <&3; exec sleep 30.104) & wait", "wait"),
    ];
    let mut shells: Vec<_> = scripts
        .iter()
        .map(|(script, _)| {
            let mut shell = Command::new("sh");
            shell
                .args(["-c", script])
                .stdin(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for shell in &shells {
        first.until(&command_line(shell.id()), |rows| rows[0].contains("read x"));
    }
    let forked = first.until(
        &format!(
            "SELECT split(string=process_tracker_children(id={})[0].Id, sep='-')[0] AS Pid FROM scope()",
            shells[2].id()
        ),
        |rows| rows[0].contains(|c: char| c.is_ascii_digit()),
    );
    let forked: u32 = forked[0]
        .trim_matches(|c: char| !c.is_ascii_digit())
        .parse()
        .unwrap();
    drop(first);

    for shell in &mut shells {
        std::io::Write::write_all(shell.stdin.as_mut().unwrap(), b"go\n").unwrap();
    }
    let is_changed = |pid: u32, text: &str| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ").contains(text)
    };
    let wanted = [
        (shells[0].id(), scripts[0].1),
        (shells[1].id(), scripts[1].1),
        (shells[2].id(), scripts[2].1),
        (forked, "sleep 30.104"),
    ];
    let deadline = Instant::now() + PATIENCE;
    while !wanted.iter().all(|(pid, text)| is_changed(*pid, text)) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    let second = Session::open();
    second.rows(&install);
    for (pid, text) in wanted {
        let rows = second.rows(&command_line(pid));
        assert!(rows[0].contains(text), "{text}: {rows:?}");
    }
    for mut shell in shells {
        let _ = shell.kill();
        let _ = shell.wait();
    }
    let _ = Command::new("kill").arg(forked.to_string()).status();
}

fn command_line(pid: u32) -> String {
    format!("SELECT process_tracker_get(id={pid}).Data.CommandLine AS Line FROM scope()")
}

/// Programs that start and end within milliseconds, many at a time, each under a shell that has become it.
fn storm(count: usize, marker: &str) {
    let script = format!(
        "i=0; while [ $i -lt {count} ]; do /bin/true {marker} $i & /bin/true {marker} & wait; i=$((i+1)); done"
    );
    let status = Command::new("sh").args(["-c", &script]).status();
    assert!(status.expect("a shell runs").success());
}

/// The event of a program that has long ended by the time of the look still leads to the chain that ends in it.
#[test]
fn every_event_of_a_storm_finds_its_own_chain() {
    const PROGRAMS: usize = 3000;
    let session = Session::open();
    if !is_possible(&session) {
        return;
    }
    // The feeds of the field look through a query, this one straight at the kernel.
    let by_query = "LET Updates = SELECT Pid AS id, Ppid AS parent_id, if(condition=UpdateType = 'exec', then='start', else='exit') AS update_type,
               StartTime AS start_time, Time AS end_time, dict(Name=Name, CommandLine=CommandLine) AS data
             FROM process_events() WHERE UpdateType =~ 'exec|exit'
         LET T <= process_tracker(update_query={ SELECT * FROM Updates }, sync_query={
            SELECT Pid AS id, Ppid AS parent_id, StartTime AS start_time, dict(Name=Name, CommandLine=CommandLine) AS data FROM pslist() })
         SELECT 1 AS A FROM scope()";
    for (marker, install) in [("storm-105", None), ("storm-106", Some(by_query))] {
        if let Some(install) = install {
            session.rows(install);
        }
        let query = format!(
            "SELECT Name, CommandLine,
                    process_tracker_callchain(id=Pid, start_time=StartTime, as_of=Time).Data.CommandLine AS Chain
               FROM process_events() WHERE UpdateType = 'exec' AND CommandLine =~ '{marker}' AND Name = 'true' LIMIT {PROGRAMS}"
        );
        let rows = std::thread::scope(|threads| {
            let watched = threads.spawn(|| session.rows(&query));
            // The query is listening once the source has a second listener, which a marker shows.
            while !watched.is_finished() {
                storm(PROGRAMS / 20, marker);
            }
            watched.join().expect("the query ends")
        });
        assert_eq!(rows.len(), PROGRAMS);
        let wrong: Vec<&String> = rows
            .iter()
            .filter(|row| {
                let row: serde_json::Value = serde_json::from_str(row).expect("a row is JSON");
                let chain = row["Chain"].as_array().cloned().unwrap_or_default();
                chain.last() != Some(&row["CommandLine"]) || chain.len() < 2
            })
            .collect();
        assert!(
            wrong.is_empty(),
            "{marker}: {} of {PROGRAMS}: {:#?}\n{:#?}",
            wrong.len(),
            &wrong[..wrong.len().min(5)],
            session.log.lines()
        );
    }
}

/// Questions without an answer are counted by reason, without their text.
#[test]
fn a_chain_nobody_knows_is_empty_and_the_reason_is_told() {
    let session = Session::open();
    let ask = "SELECT process_tracker_callchain(id=1, start_time='1999-01-01T00:00:00Z', as_of=timestamp(epoch=now())) AS Chain FROM scope()";
    assert_eq!(session.rows(ask), ["{\"Chain\":[]}"]);
    let told = |session: &Session, words: &str| session.log.lines().iter().any(|line| line.contains(words));
    assert!(
        told(&session, "1 question about processes was not answered"),
        "{:?}",
        session.log.lines()
    );
    assert!(
        told(&session, "no process tracker runs"),
        "{:?}",
        session.log.lines()
    );
    session.rows("LET T <= process_tracker(sync_query={ SELECT Pid AS id, Ppid AS parent_id, StartTime AS start_time, dict(Name=Name) AS data FROM pslist() }) SELECT 1 AS A FROM scope()");
    session.rows(ask);
    assert!(told(&session, "1 never seen"), "{:?}", session.log.lines());
    // The first process is known by its number and its start, cut to a second or not.
    let known = session.rows(
        "SELECT process_tracker_get(id=1, start_time=StartTime).Data.Name = Name AS Same FROM pslist(pid=1)",
    );
    assert_eq!(known, ["{\"Same\":true}"]);
}

#[test]
fn updates_answer_to_both_spellings() {
    let session = Session::open();
    session.rows("LET T <= process_tracker(sync_query={ SELECT Pid AS id, Ppid AS parent_id, StartTime AS start_time, dict(Name=Name) AS data FROM pslist() }) SELECT 1 AS A FROM scope()");
    let rows = session.rows(
        "LET First = SELECT * FROM process_tracker_updates() LIMIT 1
         SELECT items(item=First[0])._key AS Keys FROM scope()",
    );
    assert_eq!(
        rows,
        [r#"{"Keys":["Id","ParentId","UpdateType","StartTime","EndTime","Data"]}"#]
    );
    let rows = session.rows(
        "SELECT UpdateType, update_type, id = Id AS A, len(list=items(item=data)) = len(list=items(item=Data)) AS B
         FROM process_tracker_updates() WHERE update_type = 'sync' LIMIT 1",
    );
    assert_eq!(
        rows,
        [r#"{"UpdateType":"sync","update_type":"sync","A":true,"B":true}"#]
    );
}

#[test]
fn without_a_tracker_the_list_has_the_columns_of_pslist() {
    let session = Session::open();
    let pid = std::process::id();
    let rows = session.rows(&format!(
        "SELECT Pid, Ppid, Name =~ 'tracker' AS Named, CreateTime =~ '^20' AS Created, Times.user >= 0 AS Timed, Cwd =~ '/' AS Placed,
                MemoryInfo.rss > 0 AS Measured, Exe =~ 'tracker' AS Run, StartTime.Unix > 0 AS Started, EndTime
         FROM process_tracker_pslist() WHERE Pid = {pid}"
    ));
    let parent = std::os::unix::process::parent_id();
    assert_eq!(
        rows,
        [format!(
            r#"{{"Pid":{pid},"Ppid":{parent},"Named":true,"Created":true,"Timed":true,"Placed":true,"Measured":true,"Run":true,"Started":true,"EndTime":null}}"#
        )]
    );
    assert_eq!(session.log.lines(), [""; 0]);
}

#[test]
fn long_names_are_whole_wherever_processes_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("a-really-long-process-name");
    std::fs::copy("/bin/sleep", &program).unwrap();
    let script = folder.path().join("a-really-long-script-name");
    std::fs::write(&script, "#!/bin/sh\nread x\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let session = Session::open();
    let (host, mut ahead) = (Arc::default(), 0);
    for (file, name) in [
        (&program, "a-really-long-process-name"),
        (&script, "a-really-long-script-name"),
    ] {
        let mut command = Command::new(file);
        if file == &program {
            command.arg("30.105");
        }
        let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
        let pid = child.id();
        let wanted = format!(r#"{{"Name":"{name}"}}"#);
        session.until(&format!("SELECT Name FROM pslist(pid={pid})"), |rows| {
            rows == [wanted.as_str()]
        });
        session.until(&format!("SELECT Name FROM pslist() WHERE Pid = {pid}"), |rows| {
            rows == [wanted.as_str()]
        });
        // The snapshot used without a tracker is a list up to ten seconds old; then a new one is taken.
        ahead += 20;
        Session::open_on(&host, ahead).until(
            &format!("SELECT process_tracker_callchain(id={pid})[-1].Data.Name AS Name FROM scope()"),
            |rows| rows == [wanted.as_str()],
        );
        let _ = child.kill();
        let _ = child.wait();
    }
}

#[test]
fn without_a_tracker_its_list_is_that_of_the_machine() {
    let session = Session::open();
    let columns = "Pid, CreateTime, Times.User + Times.System >= 0 AS HasTimes, Cwd, MemoryInfo.RSS = MemoryInfo.rss AS HasMemory, EndTime";
    let of = |plugin: &str| {
        session.rows(&format!(
            "SELECT {columns} FROM {plugin}() WHERE Pid = {}",
            std::process::id()
        ))
    };
    let own = of("process_tracker_pslist");
    assert!(
        own[0].contains(r#""HasTimes":true"#) && own[0].contains(r#""HasMemory":true"#),
        "{own:?}"
    );
    assert_eq!(own, of("pslist"));
    let shown = session.rows("SELECT * FROM process_tracker_pslist() LIMIT 1");
    for column in ["CreateTime", "Times", "Cwd", "MemoryInfo"] {
        assert!(shown[0].contains(&format!("\"{column}\":")), "{shown:?}");
    }
    assert!(
        shown[0].contains(r#""softirq":0,"steal":0"#),
        "zero times are printed: {shown:?}"
    );
    assert_eq!(
        session
            .log
            .lines()
            .iter()
            .filter(|line| line.contains("not found"))
            .count(),
        0
    );
}

#[test]
fn two_hosts_in_one_process_do_not_see_each_others_tracker_and_events() {
    let [host, other] = [Arc::default(), Arc::default()];
    let session = Session::open_on(&host, 0);
    session.rows(
        "LET T <= process_tracker(source='poll', sync_query={
            SELECT 'made-up' AS id, '1' AS parent_id, timestamp(epoch=1600000000) AS start_time, dict(Name='mine') AS data FROM scope()
         }) SELECT 1 AS A FROM scope()",
    );
    let ask = "SELECT process_tracker_get(id='made-up').Data.Name AS Name, process_event_source().Kind AS Kind FROM scope()";
    let seen = r#"{"Name":"mine","Kind":"poll"}"#;
    assert_eq!(session.rows(ask), [seen], "{:?}", session.log.lines());
    assert_eq!(Session::open_on(&host, 0).rows(ask), [seen]);
    assert_eq!(
        Session::open_on(&other, 0).rows(ask),
        [r#"{"Name":null,"Kind":null}"#]
    );
}
