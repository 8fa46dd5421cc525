//! Many processes, quickly: nothing is lost, memory is bounded.

use peregrine_tracker::{Config, Event, Span, Time, Tracker};
use std::sync::Arc;

/// Forks `count` short-lived children of pid 1 through a tiny pid space.
fn storm(count: i64, pids: i64) -> impl Iterator<Item = Event<String>> {
    (0..count).flat_map(move |n| {
        let pid = (n % pids + 2) as u32;
        let at = |step| Time::from_nanos(1_600_000_000_000_000_000 + n * 50_000 + step);
        [
            Event::fork(pid, 1u32, at(0)),
            Event::exec(pid, at(10_000), Arc::new(format!("job {n}"))),
            Event::exit(pid, at(2_000_000), Some(n)),
        ]
    })
}

fn init() -> Event<String> {
    Event::start(1u32, 0u32, Time::from_seconds(1), Arc::new("init".to_owned()))
}

#[test]
fn twenty_thousand_processes_all_remembered() {
    let config = Config {
        max_size: 30_000,
        ..Config::default()
    };
    let tracker = Tracker::new(config);
    let now = Time::from_seconds(1_600_000_001);
    tracker.apply(now, [init()]);
    let events: Vec<_> = storm(20_000, 300).collect();
    for batch in events.chunks(64) {
        tracker.apply(now, batch.iter().cloned());
    }
    tracker.check_invariants();
    let children = tracker.children("1", usize::MAX, None);
    assert_eq!(children.len(), 20_000);
    for (n, child) in children.iter().enumerate() {
        assert_eq!(child.data.as_deref(), Some(&format!("job {n}")));
        assert_eq!((child.exit_status, child.is_end_exact), (Some(n as i64), true));
    }
}

#[test]
fn two_hundred_thousand_events_in_bounded_memory() {
    let tracker = Tracker::new(Config {
        max_size: 1000,
        ..Config::default()
    });
    let now = Time::from_seconds(1_600_000_001);
    tracker.apply(now, [init()]);
    let started = std::time::Instant::now();
    tracker.apply(now, storm(67_000, 300));
    println!("201,000 events: {:?}", started.elapsed());
    tracker.check_invariants();
    let stats = tracker.stats();
    assert_eq!((stats.length, stats.execs, stats.unseen_exits), (1000, 67_000, 0));
    assert!(stats.size < 1_000_000, "{}", stats.size);
    assert!(tracker.get("1", None).is_some(), "the living ancestor stays");
}

/// Command lines can be long: then fewer are kept, and those forgotten are counted.
#[test]
fn long_command_lines_are_bounded_in_bytes() {
    let config = Config {
        max_size: 1000,
        max_record_bytes: 1024,
        ..Config::default()
    };
    let tracker = Tracker::new(config);
    tracker.apply(Time::from_seconds(2), [init()]);
    let long = "x".repeat(8192);
    for (n, event) in storm(2000, 300).enumerate() {
        let event = match event.kind {
            peregrine_tracker::Kind::Exec(_) => {
                Event::exec(event.pid, event.at, Arc::new(format!("{n} {long}")))
            }
            _ => event,
        };
        tracker.apply(Time::from_seconds(1_600_000_001), [event]);
    }
    tracker.check_invariants();
    let stats = tracker.stats();
    assert!(stats.size <= 1000 * 1024, "{} bytes", stats.size);
    assert!((50..150).contains(&stats.length), "{} records", stats.length);
    assert_eq!(stats.evictions + stats.length, 2001);
    assert!(tracker.get("1", None).is_some(), "the living ancestor stays");
    // The memory of records with short command lines.
    let tracker = Tracker::new(Config::default());
    tracker.apply(Time::from_seconds(2), [init()]);
    tracker.apply(Time::from_seconds(1_600_000_001), storm(20_000, 300));
    let stats = tracker.stats();
    assert_eq!(stats.length, 10_000);
    assert!(
        stats.size / stats.length < 350,
        "{} bytes a record",
        stats.size / stats.length
    );
}

#[test]
fn readers_are_served_during_a_storm() {
    let tracker = Arc::new(Tracker::new(Config::default()));
    tracker.apply(Time::from_seconds(2), [init()]);
    let subscription = tracker.subscribe(16);
    let writer = {
        let tracker = tracker.clone();
        std::thread::spawn(move || {
            let events: Vec<_> = storm(5_000, 300).collect();
            for batch in events.chunks(32) {
                tracker.apply(Time::from_seconds(1_600_000_001), batch.iter().cloned());
            }
        })
    };
    let mut reads = 0;
    while !writer.is_finished() || reads == 0 {
        for process in tracker.children("1", 50, None) {
            assert!(
                !tracker.callchain(&process.id.to_string(), 10, None).is_empty()
                    || process.end_time.is_some()
            );
        }
        reads += 1;
    }
    writer.join().expect("the writer ends");
    assert!(tracker.stats().dropped_updates > 0);
    drop(subscription);
    tracker.sync(Time::from_seconds(1_600_000_002), Span::ZERO, []);
    assert_eq!(tracker.stats().alive, 0);
}
