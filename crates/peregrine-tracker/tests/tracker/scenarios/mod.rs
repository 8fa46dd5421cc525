//! Scenarios an analyst may meet.

use peregrine_tracker::{Config, Event, Id, Kind, Pid, Process, Row, Span, Time, Tracker, Update};
use std::sync::Arc;

mod clocks_and_gaps;
mod executions_called_starts;

type Text = Tracker<String>;

fn s(seconds: i64) -> Time {
    Time::from_seconds(1_600_000_000 + seconds)
}

fn name(text: &str) -> Arc<String> {
    Arc::new(text.to_owned())
}

fn row(pid: u32, parent: u32, start: i64, text: &str) -> Row<String> {
    Row::new(pid, Some(parent.into()), Some(s(start)), name(text))
}

fn names(processes: &[Process<String>]) -> Vec<&str> {
    processes
        .iter()
        .map(|process| process.data.as_deref().map_or("?", String::as_str))
        .collect()
}

/// `wininit` (100) → `services` (200) are running; PsExec strikes at 50.
fn attacked() -> Text {
    let tracker = Tracker::new(Config::default());
    tracker.sync(
        s(10),
        Span::from_seconds(1),
        [row(100, 4, 1, "wininit"), row(200, 100, 2, "services")],
    );
    tracker.apply(
        s(60),
        [
            Event::start(300u32, 200u32, s(50), name("PSEXESVC")),
            Event::start(400u32, 300u32, s(51), name("powershell")),
            Event::start(500u32, 400u32, s(52), name("notepad")),
            Event::start(600u32, 400u32, s(53), name("whoami")),
            Event::exit(600u32, s(54), Some(0)),
            Event::exit(400u32, s(55), Some(1)),
            Event::exit(300u32, s(56), None),
        ],
    );
    tracker
}

#[test]
fn the_chain_of_a_suspect_outlives_its_parents() {
    let tracker = attacked();
    let chain = tracker.callchain("500", 10, None);
    assert_eq!(
        names(&chain),
        ["wininit", "services", "PSEXESVC", "powershell", "notepad"]
    );
    assert_eq!(
        chain[0].parent_id.as_ref().map(Id::to_string).as_deref(),
        Some("4-?")
    );
    assert_eq!(chain[3].id.to_string(), "400-1600000051");
    assert_eq!((chain[3].end_time, chain[3].exit_status), (Some(s(55)), Some(1)));
    assert_eq!(
        names(&tracker.callchain("500-1600000052", 2, None)),
        ["powershell", "notepad"]
    );
    assert_eq!(names(&tracker.siblings("500", 10, None)), ["whoami"]);
    assert_eq!(names(&tracker.children("400", 1, None)), ["notepad"]);

    let tree = tracker.tree(Some("100"), 1000, None).expect("wininit is known");
    let lines: Vec<(usize, &str)> = tree
        .nodes
        .iter()
        .map(|n| (n.depth, n.process.data.as_deref().expect("named").as_str()))
        .collect();
    let expected = [
        (0, "wininit"),
        (1, "services"),
        (2, "PSEXESVC"),
        (3, "powershell"),
        (4, "notepad"),
        (4, "whoami"),
    ];
    assert_eq!(lines, expected);
    assert!(!tree.is_truncated);
    assert!(tracker.tree(Some("100"), 3, None).expect("known").is_truncated);
    assert!(tracker.tree(Some("101"), 3, None).is_none());
}

#[test]
fn earlier_times_can_be_asked_about() {
    let tracker = attacked();
    assert_eq!(tracker.get("600", Some(s(53))).expect("was alive").end_time, None);
    assert_eq!(tracker.get("600", Some(s(52))), None);
    let then = tracker.get("400", Some(s(52))).expect("was alive");
    assert_eq!(tracker.child_ids(&then).len(), 1);
    let alive = tracker.alive(Some(s(54)));
    assert_eq!(
        names(&alive),
        ["wininit", "services", "PSEXESVC", "powershell", "notepad"]
    );
    assert_eq!(names(&tracker.alive(None)), ["wininit", "services", "notepad"]);
    assert_eq!(tracker.all(None).len(), 6);
    assert_eq!(tracker.all(Some(s(5))).len(), 2);
}

/// Children are looked up when somebody asks, and are those of the moment when the process was looked up.
#[test]
fn children_are_those_of_the_look_whatever_came_since() {
    let tracker: Text = Tracker::new(Config {
        max_size: 4,
        ..Config::default()
    });
    let ids = |process: &Process<String>| -> Vec<String> {
        tracker.child_ids(process).iter().map(Id::to_string).collect()
    };
    tracker.apply(
        s(3),
        [
            Event::start(1u32, 0u32, s(1), name("shell")),
            Event::start(3u32, 1u32, s(3), name("second")),
            Event::start(2u32, 1u32, s(2), name("first")),
        ],
    );
    let before = tracker.get("1", None).expect("known");
    tracker.apply(s(4), [Event::start(4u32, 1u32, s(4), name("third"))]);
    let first_two = ["2-1600000002", "3-1600000003"];
    assert_eq!(ids(&before), first_two);
    let after = tracker.get("1", None).expect("known");
    assert_eq!(ids(&after).len(), 3);
    assert_eq!(before, tracker.get("1", None).expect("known"));
    // The shell is forgotten, its children are not.
    tracker.apply(s(5), [Event::exit(1u32, s(5), None)]);
    for pid in 5u32..8 {
        tracker.apply(s(6), [Event::start(pid, 0u32, s(6), name("other"))]);
    }
    assert!(tracker.get("1", None).is_none());
    let left: Vec<&str> = first_two
        .into_iter()
        .filter(|id| tracker.get(id, None).is_some())
        .collect();
    assert_eq!(ids(&before), left);
}

#[test]
fn pids_that_are_texts_are_told_apart_from_numbers_of_the_same_place() {
    let tracker: Text = Tracker::new(Config::default());
    // The place of a text in the index is its checksum.
    let number = crc32fast::hash(b"container/7");
    tracker.apply(
        s(3),
        [
            Event::start("container/7", "container/1", s(1), name("text")),
            Event::start(number, 1u32, s(1), name("number")),
            Event::start(5u32, "container/7", s(2), name("child of the text")),
            Event::start(6u32, number, s(2), name("child of the number")),
        ],
    );
    tracker.check_invariants();
    assert_eq!(
        names(&tracker.children("container/7", 9, None)),
        ["child of the text"]
    );
    assert_eq!(
        names(&tracker.children(&number.to_string(), 9, None)),
        ["child of the number"]
    );
    tracker.apply(
        s(4),
        [Event::start("container/1", "container/0", s(0), name("parent"))],
    );
    assert_eq!(
        names(&tracker.callchain("5", 9, None)),
        ["parent", "text", "child of the text"]
    );
    tracker.check_invariants();
}

#[test]
fn polling_alone_finds_ends_and_keeps_parents() {
    let tracker: Text = Tracker::new(Config::default());
    let second = Span::from_seconds(1);
    tracker.sync(
        s(10),
        second,
        [row(1, 0, 1, "init"), row(20, 1, 5, "sh"), row(30, 20, 6, "curl")],
    );
    // `sh` is gone, `init` adopted `curl`, which now runs something else.
    let report = tracker.sync(s(15), second, [row(1, 0, 1, "init"), row(30, 1, 6, "miner")]);
    assert_eq!((report.rows, report.discovered, report.vanished), (2, 0, 1));
    let shell = tracker.get("20", None).expect("remembered");
    assert_eq!(
        (shell.end_time, shell.is_end_exact, shell.last_seen),
        (Some(s(15)), false, s(10))
    );
    assert_eq!(names(&tracker.callchain("30", 10, None)), ["init", "sh", "miner"]);
    let history = tracker.get("30", None).expect("alive").history;
    assert_eq!(
        history.iter().map(|p| p.data.as_str()).collect::<Vec<_>>(),
        ["curl"]
    );
    assert_eq!(
        names(&[tracker.get("30", Some(s(12))).expect("alive then")]),
        ["curl"]
    );

    // The pid of `sh` is used again: a newer incarnation, and the old one keeps its child.
    tracker.sync(
        s(20),
        second,
        [
            row(1, 0, 1, "init"),
            row(30, 1, 6, "miner"),
            row(20, 1, 18, "cron"),
        ],
    );
    assert_eq!(names(&[tracker.get("20", None).expect("newest")]), ["cron"]);
    assert_eq!(names(&[tracker.get("20", Some(s(9))).expect("older")]), ["sh"]);
    assert_eq!(
        names(&[tracker.get("20-1600000005", None).expect("older")]),
        ["sh"]
    );
    assert_eq!(names(&tracker.callchain("30", 10, None)), ["init", "sh", "miner"]);
}

#[test]
fn a_later_list_withdraws_a_wrong_conclusion_but_never_an_exit() {
    let tracker: Text = Tracker::new(Config::default());
    tracker.sync(s(10), Span::ZERO, [row(7, 1, 1, "a"), row(8, 1, 1, "b")]);
    tracker.apply(s(12), [Event::exit(8u32, s(12), Some(3))]);
    tracker.sync(s(15), Span::ZERO, []);
    assert_eq!(tracker.get("7", None).expect("known").end_time, Some(s(15)));
    tracker.sync(s(20), Span::ZERO, [row(7, 1, 1, "a"), row(8, 1, 1, "b")]);
    assert_eq!(tracker.get("7", None).expect("known").end_time, None);
    assert_eq!(tracker.get("8", None).expect("known").end_time, Some(s(12)));
    assert_eq!(tracker.get("8", None).expect("known").exit_status, Some(3));
}

#[test]
fn a_pid_used_twice_in_one_second_has_two_ids() {
    let tracker: Text = Tracker::new(Config::default());
    let at = |millis: i64| Time::from_millis(1_600_000_000_000 + millis);
    tracker.apply(
        at(900),
        [
            Event::start(9u32, 1u32, at(100), name("first")),
            Event::exit(9u32, at(200), None),
            Event::start(9u32, 1u32, at(300), name("second")),
        ],
    );
    assert_eq!(
        names(&[tracker.get("9-1600000000", None).expect("known")]),
        ["first"]
    );
    assert_eq!(
        names(&[tracker.get("9-1600000000.1", None).expect("known")]),
        ["second"]
    );
    assert_eq!(names(&[tracker.get("9", None).expect("known")]), ["second"]);
    // A list with whole seconds means the living one.
    let cut = Row::new(9u32, Some(1u32.into()), Some(at(0)), name("second"));
    assert_eq!(tracker.sync(at(5000), Span::from_seconds(1), [cut]).discovered, 0);
    assert_eq!(tracker.get("9", None).expect("known").end_time, None);
}

#[test]
fn lists_and_events_of_different_precision_mean_the_same_process() {
    let tracker: Text = Tracker::new(Config::default());
    let exact = Time::from_millis(1_600_000_005_789);
    tracker.sync(
        s(10),
        Span::from_seconds(1),
        [row(1, 0, 1, "init"), row(50, 1, 5, "bash")],
    );
    tracker.apply(s(11), [Event::start(50u32, 1u32, exact, name("bash"))]);
    tracker.sync(
        s(15),
        Span::from_millis(10),
        [Row::new(
            50u32,
            None,
            Some(Time::from_millis(1_600_000_005_780)),
            name("bash"),
        )],
    );
    assert_eq!(tracker.all(None).len(), 2);
    assert_eq!(
        tracker.get("50-1600000005", None).expect("one").start_time,
        Some(exact)
    );
}

#[test]
fn ids_may_be_any_text_and_start_times_unknown() {
    let tracker: Text = Tracker::new(Config::default());
    let mut start = Event::new("job-7", s(1), Kind::Start(Some(name("job"))));
    start.parent = Some(Pid::from("boss"));
    tracker.apply(
        s(1),
        [Event::new("boss", s(0), Kind::Start(Some(name("boss")))), start],
    );
    assert_eq!(names(&tracker.callchain("job-7", 10, None)), ["boss", "job"]);
    assert_eq!(
        tracker.get("job-7", None).expect("known").id.to_string(),
        "job-7-0"
    );
    assert!(tracker.get("job-7-0", None).is_some());
    tracker.apply(s(2), [Event::exit("job-7", s(2), None)]);
    tracker.apply(
        s(3),
        [Event::new("job-7", s(3), Kind::Start(Some(name("again"))))],
    );
    assert_eq!(names(&[tracker.get("job-7", None).expect("newest")]), ["again"]);
    assert_eq!(
        tracker.get("job-7", None).expect("newest").id.to_string(),
        "job-7-0.1"
    );
}

#[test]
fn circles_are_refused() {
    let tracker: Text = Tracker::new(Config::default());
    tracker.sync(
        s(10),
        Span::ZERO,
        [
            row(1, 2, 1, "a"),
            row(2, 3, 1, "b"),
            row(3, 1, 1, "c"),
            row(4, 4, 1, "d"),
        ],
    );
    tracker.check_invariants();
    // The link that would have closed the circle is not made: each of the three is at its own depth.
    let mut lengths: Vec<usize> = ["1", "2", "3"]
        .map(|id| tracker.callchain(id, 100, None).len())
        .into();
    lengths.sort();
    assert_eq!(lengths, [1, 2, 3]);
    assert_eq!(tracker.callchain("4", 100, None).len(), 1);
}

#[test]
fn a_deep_tree_is_cut_not_recursed() {
    let tracker: Text = Tracker::new(Config::default());
    tracker.apply(
        s(0),
        (1..5000u32).map(|pid| Event::start(pid, pid - 1, s(i64::from(pid)), name("x"))),
    );
    let tree = tracker.tree(Some("1"), 1000, None).expect("known");
    assert_eq!((tree.nodes.len(), tree.is_truncated), (21, true));
    assert_eq!(tracker.callchain("4999", usize::MAX, None).len(), 4999);
}

#[test]
fn eviction_takes_the_oldest_exited_leaf_and_spares_living_chains() {
    let tracker: Text = Tracker::new(Config {
        max_size: 4,
        ..Config::default()
    });
    tracker.apply(
        s(10),
        [
            Event::start(1u32, 0u32, s(1), name("grandparent")),
            Event::start(2u32, 1u32, s(2), name("parent")),
            Event::start(3u32, 2u32, s(3), name("living")),
            Event::exit(1u32, s(4), None),
            Event::exit(2u32, s(4), None),
            Event::start(10u32, 3u32, s(5), name("leaf")),
            Event::exit(10u32, s(6), None),
            Event::start(11u32, 3u32, s(7), name("other leaf")),
            Event::exit(11u32, s(8), None),
        ],
    );
    assert_eq!(tracker.get("10", None), None);
    assert_eq!(
        names(&tracker.callchain("11", 10, None)),
        ["grandparent", "parent", "living", "other leaf"]
    );
    // Only when nothing else is left does a chain break, at its far end; the id stays known.
    tracker.apply(
        s(10),
        [
            Event::start(12u32, 3u32, s(9), name("x")),
            Event::start(13u32, 3u32, s(9), name("y")),
        ],
    );
    let chain = tracker.callchain("13", 10, None);
    assert_eq!(names(&chain), ["parent", "living", "y"]);
    assert_eq!(
        chain[0].parent_id.as_ref().map(Id::to_string).as_deref(),
        Some("1-1600000001")
    );
    assert_eq!(tracker.stats().evictions, 3);
    tracker.check_invariants();
}

#[test]
fn exited_processes_expire() {
    let tracker = attacked();
    tracker.tick(s(50 + 86_400));
    assert_eq!(tracker.len(), 6);
    tracker.tick(s(60 + 86_400));
    // `whoami` goes; `powershell` and `PSEXESVC` stay for the sake of `notepad`.
    assert_eq!(tracker.len(), 5);
    assert_eq!(tracker.stats().expired, 1);
}

#[test]
fn subscribers_see_everything_in_order_or_learn_how_much_they_missed() {
    let tracker: Text = Tracker::new(Config::default());
    tracker.sync(s(1), Span::ZERO, [row(1, 0, 1, "init")]);
    let attentive = tracker.subscribe(100);
    let sleepy = tracker.subscribe(4);
    tracker.apply(
        s(9),
        [
            Event::fork(2u32, 1u32, s(2)),
            Event::exec(2u32, s(3), name("ls")),
            Event::exit(2u32, s(4), Some(0)),
        ],
    );
    tracker.sync(s(10), Span::ZERO, [row(3, 1, 9, "new")]);
    let kinds = |subscription: &peregrine_tracker::Subscription<String>| -> Vec<String> {
        std::iter::from_fn(|| subscription.try_next())
            .map(|update| match update {
                Update::Gap(count) => format!("gap {count}"),
                other => other.kind().to_owned(),
            })
            .collect()
    };
    let all = ["start", "exec", "exit", "stats", "start", "exit", "sync"];
    assert_eq!(kinds(&attentive), all);
    assert_eq!(kinds(&sleepy), ["gap 4", "stats", "start", "exit", "sync"]);
    assert_eq!(tracker.stats().dropped_updates, 4);
    drop(tracker);
    assert!(attentive.is_closed());
}

#[test]
fn losses_hits_and_misses_are_counted() {
    let tracker = attacked();
    tracker.report_lost("ebpf", 7);
    tracker.report_lost("ebpf", 2);
    assert!(tracker.get("1", None).is_none() && tracker.get("100", None).is_some());
    let stats = tracker.stats();
    assert_eq!(
        (stats.hits, stats.misses, stats.starts, stats.exits),
        (1, 1, 4, 3)
    );
    assert_eq!((stats.length, stats.alive, stats.capacity), (6, 3, 10_000));
    assert_eq!(stats.lost.get("ebpf"), Some(&9));
    assert!(stats.size > 1000);
}
