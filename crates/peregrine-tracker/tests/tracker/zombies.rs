//! A process that has ended stays in lists until its parent takes notice.

use peregrine_tracker::{Config, Event, Row, Span, Time, Tracker};
use std::sync::Arc;

#[test]
fn a_list_that_still_shows_a_dead_process_makes_no_second_one() {
    let tracker = Tracker::<String>::new(Config::default());
    let at = |milliseconds| Time::from_millis(1_600_000_000_000 + milliseconds);
    let data = |text: &str| Arc::new(text.to_owned());
    tracker.apply(
        at(5_000),
        [
            Event::start(1, 0, at(0), data("init")),
            Event::start(10, 1, at(1_000), data("shell")),
            Event::start(20, 10, at(2_004), data("worker")),
            Event::exit(10, at(3_000), Some(0)),
            Event::exit(20, at(4_000), Some(0)),
        ],
    );
    // Made much later; start times cut to clock ticks, the orphan shown with its adopter.
    let row = |pid: u32, parent: u32, start: i64| Row {
        data: None,
        ..Row::new(pid, Some(parent.into()), Some(at(start)), data(""))
    };
    tracker.sync(
        at(60_000),
        Span::from_millis(20),
        [row(1, 0, 0), row(20, 1, 2_000)],
    );

    let worker = tracker.get("20", None).expect("it is known");
    assert_eq!(worker.end_time, Some(at(4_000)));
    let chain = tracker.callchain("20", 10, None);
    let names: Vec<&str> = chain
        .iter()
        .filter_map(|p| p.data.as_ref())
        .map(|d| d.as_str())
        .collect();
    assert_eq!(names, ["init", "shell", "worker"]);
}
