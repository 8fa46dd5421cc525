//! Feeds that know executions only, and call each a start.

use super::{Text, name, names, row, s};
use peregrine_tracker::{Config, Event, Id, Kind, Process, Span, Time, Tracker, Update};

/// Such a feed reports an execution with its time as the start of the process.
fn started(pid: u32, parent: u32, at: Time, text: &str) -> Event<String> {
    let mut event = Event::new(pid, at, Kind::StartOrExec(Some(name(text))));
    event.parent = Some(parent.into());
    event.start = Some(at);
    event
}

fn known(tracker: &Text, id: &str) -> Process<String> {
    tracker.get(id, None).expect("known")
}

#[test]
fn a_start_of_a_process_that_runs_is_an_execution() {
    let tracker: Text = Tracker::new(Config::default());
    tracker.sync(
        s(10),
        Span::ZERO,
        [row(1, 0, 1, "init"), row(5, 1, 2, "sh"), row(7, 5, 3, "sh -c x")],
    );
    let updates = tracker.subscribe(100);
    tracker.apply(
        s(20),
        [started(7, 5, s(20), "x"), started(8, 7, s(21), "child of x")],
    );
    assert_eq!(tracker.all(None).len(), 4);
    let process = known(&tracker, "7");
    assert_eq!(
        (
            process.id.to_string().as_str(),
            process.start_time,
            process.end_time
        ),
        ("7-1600000003", Some(s(3)), None)
    );
    assert_eq!(
        process
            .history
            .iter()
            .map(|p| p.data.as_str())
            .collect::<Vec<_>>(),
        ["sh -c x"]
    );
    assert_eq!(
        names(&tracker.callchain("8", 9, None)),
        ["init", "sh", "x", "child of x"]
    );
    assert_eq!(
        names(&[tracker.get("7", Some(s(19))).expect("ran then")]),
        ["sh -c x"]
    );
    let kinds: Vec<_> = std::iter::from_fn(|| updates.try_next())
        .filter(|update| !matches!(update, Update::Stats(_)))
        .map(|update| update.kind())
        .collect();
    assert_eq!(kinds, ["sync", "exec", "start"]);
    let stats = tracker.stats();
    assert_eq!((stats.starts, stats.execs, stats.duplicates), (1, 1, 0));
    // The shell ends; from now on init, the adopter, is named as the parent.
    tracker.apply(
        s(30),
        [
            Event::exit(5u32, s(22), Some(0)),
            started(7, 1, s(30), "y"),
            started(7, 1, s(30), "y"),
        ],
    );
    assert_eq!(names(&tracker.callchain("7", 9, None)), ["init", "sh", "y"]);
    assert_eq!(tracker.all(None).len(), 4);
    tracker.apply(s(31), [Event::exit(7u32, s(31), Some(0))]);
    assert_eq!(known(&tracker, "7").end_time, Some(s(31)));
    // After its end it is a different process.
    tracker.apply(s(32), [started(7, 1, s(32), "z")]);
    assert_eq!(known(&tracker, "7").id.to_string(), "7-1600000032");
    assert_eq!(tracker.all(None).len(), 5);
}

#[test]
fn the_same_start_with_another_program_is_an_execution() {
    let tracker: Text = Tracker::new(Config::default());
    let of_start = |at: Time, text: &str| Event {
        start: Some(s(3)),
        ..started(7, 1, at, text)
    };
    tracker.apply(s(3), [of_start(s(3), "sh")]);
    tracker.apply(s(5), [of_start(s(3), "x"), of_start(s(3), "x")]);
    let process = known(&tracker, "7");
    assert_eq!(names(std::slice::from_ref(&process)), ["x"]);
    assert_eq!(
        process
            .history
            .iter()
            .map(|p| p.data.as_str())
            .collect::<Vec<_>>(),
        ["sh"]
    );
    assert_eq!(tracker.all(None).len(), 1);
    // If the time is given, it counts.
    tracker.apply(s(9), [of_start(s(9), "y")]);
    assert_eq!(names(&[tracker.get("7", Some(s(8))).expect("ran then")]), ["x"]);
    assert_eq!(names(&[tracker.get("7", Some(s(9))).expect("runs")]), ["y"]);
}

#[test]
fn a_list_tells_when_a_process_known_by_an_execution_began() {
    let tracker: Text = Tracker::new(Config::default());
    tracker.sync(s(10), Span::ZERO, [row(1, 0, 1, "init")]);
    tracker.apply(
        s(20),
        [started(7, 1, s(20), "x"), started(8, 7, s(21), "child of x")],
    );
    assert_eq!(known(&tracker, "7").id.to_string(), "7-1600000020");
    let list = |at: i64| {
        let rows = [
            row(1, 0, 1, "init"),
            row(7, 1, 15, "x"),
            row(8, 7, 21, "child of x"),
        ];
        tracker.sync(s(at), Span::ZERO, rows);
        tracker.check_invariants();
    };
    list(25);
    list(35);
    let process = known(&tracker, "7");
    assert_eq!(
        (
            process.id.to_string().as_str(),
            process.start_time,
            process.end_time
        ),
        ("7-1600000015", Some(s(15)), None)
    );
    assert_eq!(
        known(&tracker, "7-1600000020"),
        process,
        "the id it had is understood"
    );
    assert_eq!(
        tracker.identify("7", s(20), Span::ZERO),
        Some((process.id.clone(), s(15)))
    );
    assert_eq!(tracker.all(None).len(), 3);
    assert_eq!(
        names(&tracker.callchain("8", 9, None)),
        ["init", "x", "child of x"]
    );
    // The exit names whichever of the two.
    let exit = Event {
        start: Some(s(20)),
        ..Event::exit(7u32, s(40), Some(3))
    };
    tracker.apply(s(40), [exit]);
    let process = known(&tracker, "7");
    assert_eq!((process.end_time, process.exit_status), (Some(s(40)), Some(3)));
    assert_eq!(tracker.all(None).len(), 3);
}

#[test]
fn a_start_under_a_stranger_is_another_process() {
    let tracker: Text = Tracker::new(Config::default());
    let parents = [row(1, 0, 1, "init"), row(5, 1, 2, "sh"), row(6, 1, 2, "cron")];
    tracker.sync(s(10), Span::ZERO, parents);
    tracker.apply(s(20), [started(7, 5, s(20), "x"), started(7, 6, s(30), "y")]);
    assert_eq!(names(&tracker.callchain("7", 9, None)), ["init", "cron", "y"]);
    let former = known(&tracker, "7-1600000020");
    assert_eq!((former.end_time, former.is_end_exact), (Some(s(30)), false));
    assert_eq!(
        former.parent_id.as_ref().map(Id::to_string).as_deref(),
        Some("5-1600000002")
    );
}

/// An execution was taken for one of the former owner of the pid, whose exit was lost.
#[test]
fn a_list_tells_that_a_start_was_one() {
    let tracker: Text = Tracker::new(Config::default());
    tracker.sync(s(10), Span::ZERO, [row(1, 0, 1, "init"), row(7, 1, 2, "x")]);
    tracker.apply(
        s(20),
        [started(7, 1, s(20), "y"), started(8, 7, s(21), "child of y")],
    );
    tracker.sync(
        s(30),
        Span::ZERO,
        [
            row(1, 0, 1, "init"),
            row(7, 1, 20, "y"),
            row(8, 7, 21, "child of y"),
        ],
    );
    assert_eq!(known(&tracker, "7").id.to_string(), "7-1600000020");
    let former = known(&tracker, "7-1600000002");
    assert_eq!(
        (names(std::slice::from_ref(&former)), former.end_time),
        (vec!["x"], Some(s(20)))
    );
    assert_eq!(
        names(&tracker.callchain("8", 9, None)),
        ["init", "y", "child of y"]
    );
}
