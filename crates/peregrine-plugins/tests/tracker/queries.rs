//! Trackers fed by queries, as artifacts of the field do it.

use super::{Session, command_line, is_possible};
use std::io::Write as _;
use std::process::{Command, Stdio};

#[test]
fn queries_feed_the_tracker_as_artifacts_in_the_field_do() {
    let session = Session::open();
    session.rows(
        "LET Rows = SELECT Pid AS id, Ppid AS parent_id, CreateTime AS start_time, dict(Name=Name, CommandLine=CommandLine) AS data FROM pslist()
         LET T <= process_tracker(sync_query={ SELECT * FROM Rows }, sync_period=100, enrichments=['x=>dict(Seen=x.Id)'])
         SELECT 1 AS A FROM scope()",
    );
    let mut child = Command::new("sleep").arg("31.5").spawn().unwrap();
    let pid = child.id();
    session.until(
        &format!("SELECT process_tracker_get(id={pid}).Data AS D FROM scope()"),
        |rows| {
            rows.iter()
                .any(|row| row.contains("sleep 31.5") && row.contains(&format!("\"Seen\":\"{pid}-")))
        },
    );
    child.kill().unwrap();
    child.wait().unwrap();
    // Only full lists feed it: the end is found by absence, and says so.
    session.until(
        &format!("SELECT process_tracker_get(id={pid}) AS P FROM scope()"),
        |rows| {
            rows.iter()
                .any(|row| row.contains("\"EndTimeIsExact\":false") && !row.contains("\"EndTime\":null"))
        },
    );
}

/// On a machine under load, a list may take longer than its period: it is late, but otherwise fine.
#[test]
fn a_list_that_takes_longer_than_its_period_counts() {
    let session = Session::open();
    let rows = session.rows(
        "LET Slow = SELECT 70 AS id, 1 AS parent_id, 1600000000 AS start_time, dict(Name='slow') AS data
           FROM range(start=0, end=1, step=1) WHERE sleep(ms=150) OR TRUE
         LET T <= process_tracker(sync_query={ SELECT * FROM Slow }, sync_period=100)
         SELECT T.Length AS Length, process_tracker_get(id=70).Data.Name AS Name FROM scope()",
    );
    assert_eq!(
        rows,
        [r#"{"Length":1,"Name":"slow"}"#],
        "{:?}",
        session.log.lines()
    );
}

#[test]
fn a_journal_with_a_damaged_end_gives_what_comes_before_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("tracker");
    let install = format!(
        "LET T <= process_tracker(cache='{}', sync_query={{ SELECT Pid AS id, Ppid AS parent_id, StartTime AS start_time, dict(Name=Name) AS data FROM pslist() }})
         SELECT T.Length > 1 AS Many FROM scope()",
        cache.display()
    );
    drop({
        let first = Session::open();
        first.rows(&install);
        first
    });
    let mut journal = std::fs::OpenOptions::new().append(true).open(&cache).unwrap();
    journal.write_all(b"half an entry").unwrap();
    let second = Session::open();
    assert_eq!(second.rows(&install), [r#"{"Many":true}"#]);
    let log = second.log.lines();
    let has = |words: &str| log.iter().any(|line| line.contains(words));
    assert!(
        has("processes restored from the last run") && has("is damaged after"),
        "{log:?}"
    );
}

/// Feeds that know executions only call each a start, at its own time.
#[test]
fn a_start_of_a_process_that_runs_is_its_execution() {
    let session = Session::open();
    session.rows(
        "LET Row(Id, Parent, Start, Line) = dict(id=Id, parent_id=Parent, start_time=Start, data=dict(Name=Line, CommandLine=Line))
         LET Later <= timestamp(epoch=now() + 10)
         LET T <= process_tracker(sync_period=60000,
            sync_query={ SELECT * FROM foreach(row=[Row(Id=1, Parent=0, Start=1600000001, Line='init'), Row(Id=70, Parent=1, Start=1600000002, Line='shell')]) },
            update_query={ SELECT *, 'start' AS update_type FROM foreach(row=[Row(Id=70, Parent=1, Start=Later, Line='tool'), Row(Id=71, Parent=70, Start=Later, Line='child')]) })
         SELECT 1 AS A FROM scope()",
    );
    let rows = session.until(
        "LET P = process_tracker_get(id=70)
         SELECT process_tracker_callchain(id=71).Data.CommandLine AS Chain, P.Id AS Id, P.EndTime AS EndTime,
                P.Data.EarlierImages.CommandLine AS Earlier, len(list=process_tracker_all()) AS Count
           FROM scope()",
        |rows| rows[0].contains("child"),
    );
    assert_eq!(
        rows,
        [
            r#"{"Chain":["init","tool","child"],"Id":"70-1600000002","EndTime":null,"Earlier":["shell"],"Count":3}"#
        ]
    );
}

#[test]
fn executions_from_the_kernel_told_as_starts_make_no_second_process() {
    if !is_possible(&Session::open()) {
        return;
    }
    let session = Session::open();
    session.rows(
        "LET Updates = SELECT Pid AS id, Ppid AS parent_id, if(condition=UpdateType = 'exec', then='start', else='exit') AS update_type,
                 if(condition=UpdateType = 'exec', then=Time) AS start_time, Time AS end_time, dict(Name=Name, CommandLine=CommandLine) AS data
               FROM process_events() WHERE UpdateType =~ 'exec|exit'
         LET T <= process_tracker(update_query={ SELECT * FROM Updates }, sync_period=100, sync_query={
            SELECT Pid AS id, Ppid AS parent_id, StartTime AS start_time, dict(Name=Name, CommandLine=CommandLine) AS data FROM pslist() })
         SELECT 1 AS A FROM scope()",
    );
    let mut shell = Command::new("sh")
        .args(["-c", "read x; exec sleep 30.107"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = shell.id();
    session.until(&command_line(pid), |rows| rows[0].contains("read x"));
    shell.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    session.until(&command_line(pid), |rows| rows[0].contains("\"sleep 30.107\""));
    let of_it = format!(
        "LET Me = SELECT StartTime FROM pslist(pid={pid})
         LET P = process_tracker_get(id={pid})
         SELECT len(list=filter(list=process_tracker_all().Id, regex='^{pid}-')) AS Count, P.EndTime AS EndTime, P.Data.EarlierImages.CommandLine AS Earlier,
                P.StartTime = Me[0].StartTime AS Same, P.ParentId =~ '^{}-' AS Child FROM scope()",
        std::process::id()
    );
    // A list has told its start by the time it is the same.
    let rows = session.until(&of_it, |rows| rows[0].contains("\"Same\":true"));
    assert_eq!(
        rows,
        [
            r#"{"Count":1,"EndTime":null,"Earlier":["sh -c read x; exec sleep 30.107"],"Same":true,"Child":true}"#
        ]
    );
    shell.kill().unwrap();
    shell.wait().unwrap();
    session.until(
        &format!("SELECT process_tracker_get(id={pid}) AS P FROM scope()"),
        |rows| !rows[0].contains("\"EndTime\":null"),
    );
}
