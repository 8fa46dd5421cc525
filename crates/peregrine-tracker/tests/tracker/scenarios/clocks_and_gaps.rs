//! Clocks that are set, and parents that come back.

use super::{Text, name, names, row, s};
use peregrine_tracker::{Config, Event, Span, Time, Tracker};

/// Starts are counted from the boot and stay as they are when the clock is set; times of events follow it.
#[test]
fn an_exit_after_the_clock_was_set_back_takes_nothing_from_the_process() {
    let tracker: Text = Tracker::new(Config::default());
    let named = |event: Event<String>, start: Time| Event {
        start: Some(start),
        ..event
    };
    tracker.sync(s(3600), Span::ZERO, [row(1, 0, 1, "init")]);
    // From here on the clock is an hour back.
    tracker.apply(
        s(10),
        [
            Event::fork(7u32, 1u32, s(3610)),
            named(Event::exec(7u32, s(10), name("make")), s(3610)),
            Event::fork(8u32, 7u32, s(3611)),
            named(Event::exec(8u32, s(11), name("cc")), s(3611)),
            named(Event::exit(7u32, s(12), Some(0)), s(3610)),
        ],
    );
    tracker.check_invariants();
    assert_eq!(names(&tracker.callchain("8", 9, None)), ["init", "make", "cc"]);
    let process = tracker.get("7", None).expect("known");
    assert_eq!((process.end_time, process.exit_status), (Some(s(3611)), Some(0)));
    assert_eq!(tracker.all(None).len(), 3);
}

/// Forgotten for lack of room, or lost with the end of a journal: a list shows the living parent again.
#[test]
fn children_go_back_to_a_parent_that_comes_again() {
    let tracker: Text = Tracker::new(Config {
        max_size: 3,
        ..Config::default()
    });
    tracker.apply(
        s(7),
        [
            Event::start(1u32, 0u32, s(1), name("init")),
            Event::start(2u32, 1u32, s(2), name("sh")),
            Event::start(3u32, 2u32, s(3), name("make")),
        ],
    );
    // A list that lacks it, and no room.
    tracker.sync(s(8), Span::ZERO, [row(2, 1, 2, "sh"), row(3, 2, 3, "make")]);
    let room = |at: i64| {
        tracker.apply(s(at), [Event::start(9u32, 0u32, s(at), name("room"))]);
        tracker.apply(s(at), [Event::exit(9u32, s(at), None)]);
        tracker.check_invariants();
        assert_eq!(names(&tracker.callchain("3", 9, None)), ["sh", "make"]);
    };
    room(9);
    tracker.sync(
        s(10),
        Span::ZERO,
        [row(1, 0, 1, "init"), row(2, 1, 2, "sh"), row(3, 2, 3, "make")],
    );
    tracker.check_invariants();
    assert_eq!(names(&tracker.callchain("3", 9, None)), ["init", "sh", "make"]);
    // Another process of that pid is not the parent.
    tracker.apply(s(11), [Event::exit(1u32, s(11), None)]);
    room(20);
    tracker.apply(s(21), [Event::start(1u32, 0u32, s(21), name("other"))]);
    assert_eq!(names(&tracker.callchain("3", 9, None)), ["sh", "make"]);
}
