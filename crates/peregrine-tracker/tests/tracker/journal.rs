//! The journal: restarts, damage, bounds.

use peregrine_tracker::{Config, Event, Origin, Row, Span, Time, Tracker};
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn s(seconds: i64) -> Time {
    Time::from_seconds(1_600_000_000 + seconds)
}

fn name(text: &str) -> Arc<String> {
    Arc::new(text.to_owned())
}

fn open(path: &Path, boot_id: &str) -> (Tracker<String>, peregrine_tracker::RestoreReport) {
    Tracker::restore(
        Config {
            min_journal: 4096,
            ..Config::default()
        },
        path,
        boot_id,
    )
    .expect("readable")
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tracker.journal");
    (folder, path)
}

/// init → sh → curl, sh has exited.
fn fill(tracker: &Tracker<String>) {
    let row =
        |pid: u32, parent: u32, text| Row::new(pid, Some(parent.into()), Some(s(i64::from(pid))), name(text));
    tracker.sync(s(10), Span::ZERO, [row(1, 0, "init")]);
    tracker.flush().expect("written");
    tracker.apply(
        s(12),
        [
            Event::start(2u32, 1u32, s(11), name("sh")),
            Event::start(3u32, 2u32, s(12), name("curl")),
        ],
    );
    tracker.flush().expect("written");
    tracker.apply(s(13), [Event::exit(2u32, s(13), Some(-1))]);
    tracker.flush().expect("written");
}

#[test]
fn the_state_survives_a_restart_on_the_same_boot() {
    let (_folder, path) = folder();
    let (tracker, report) = open(&path, "boot 1");
    assert_eq!(report.origin, Origin::NoJournal);
    fill(&tracker);
    let before = tracker.all(None);
    drop(tracker);

    let (tracker, report) = open(&path, "boot 1");
    assert_eq!(
        (report.origin, report.records, report.is_damaged),
        (Origin::ThisBoot, 3, false)
    );
    assert_eq!(tracker.all(None), before);
    assert_eq!(tracker.last_sync(), Some(s(10)));
    // `curl` vanished while nobody watched.
    tracker.sync(
        s(100),
        Span::ZERO,
        [Row::new(1u32, None, Some(s(1)), name("init"))],
    );
    let curl = tracker.get("3", None).expect("remembered");
    assert_eq!(
        (curl.end_time, curl.is_end_exact, curl.last_seen),
        (Some(s(100)), false, s(12))
    );
    assert_eq!(tracker.callchain("3", 10, None).len(), 3);
}

#[test]
fn another_boot_begins_afresh() {
    let (_folder, path) = folder();
    fill(&open(&path, "boot 1").0);
    for other in ["boot 2", "boot", "boot 11", ""] {
        let (tracker, report) = open(&path, other);
        assert_eq!((report.origin, tracker.len()), (Origin::OtherBoot, 0), "{other}");
    }
    std::fs::write(&path, b"something else").expect("written");
    assert_eq!(open(&path, "boot 1").1.origin, Origin::NotAJournal);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = folder();
    fill(&open(&path, "boot").0);
    let mode = std::fs::metadata(&path).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_file_does_not_grow_without_bound() {
    let (_folder, path) = folder();
    let (tracker, _) = open(&path, "boot");
    let mut rewrites = 0;
    for round in 0..500 {
        tracker.apply(
            s(round),
            [Event::exec(1u32, s(round), name(&format!("program {round}")))],
        );
        rewrites += u32::from(tracker.flush().expect("written").is_rewritten);
        assert!(std::fs::metadata(&path).expect("there").len() <= 4096);
    }
    assert!(rewrites > 5);
    assert_eq!(open(&path, "boot").0.all(None), tracker.all(None));
}

#[test]
fn changes_nobody_flushes_take_bounded_memory_and_are_not_lost() {
    let (_folder, path) = folder();
    let config = Config {
        max_pending: 10,
        max_size: 50,
        ..Config::default()
    };
    let (tracker, _) = Tracker::restore(config.clone(), &path, "boot").expect("readable");
    tracker.flush().expect("written");
    for pid in 1..200u32 {
        tracker.apply(s(0), [Event::start(pid, 0u32, s(i64::from(pid)), name("x"))]);
    }
    assert!(tracker.flush().expect("written").is_rewritten);
    assert!(!tracker.flush().expect("written").is_rewritten);
    let (again, _) = Tracker::<String>::restore(config, &path, "boot").expect("readable");
    assert_eq!(again.all(None), tracker.all(None));
}

#[test]
fn after_a_failed_write_the_next_one_is_whole() {
    let (folder, path) = folder();
    let (tracker, _) = open(&path, "boot");
    std::fs::create_dir(folder.path().join("tracker.journal.new")).expect("in the way");
    tracker.apply(s(1), [Event::start(1u32, 0u32, s(1), name("x"))]);
    assert!(tracker.flush().is_err());
    std::fs::remove_dir(folder.path().join("tracker.journal.new")).expect("removed");
    assert!(tracker.flush().expect("written").is_rewritten);
    assert_eq!(open(&path, "boot").1.records, 1);
}

#[test]
fn every_truncation_restores_a_prefix() {
    let (_folder, path) = folder();
    fill(&open(&path, "boot").0);
    let whole = std::fs::read(&path).expect("there");
    let mut best = 0;
    for length in 0..=whole.len() {
        std::fs::write(&path, &whole[..length]).expect("written");
        let (tracker, report) = open(&path, "boot");
        tracker.check_invariants();
        assert!(report.records >= best, "a longer file never restores less");
        best = report.records;
        assert_eq!(report.records, tracker.len());
    }
    assert_eq!(best, 3);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_never_panics(flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5)) {
        let (_folder, path) = folder();
        fill(&open(&path, "boot").0);
        let mut bytes = std::fs::read(&path).expect("there");
        for (place, value) in flips {
            let place = place.index(bytes.len());
            bytes[place] ^= value;
        }
        std::fs::write(&path, bytes).expect("written");
        let (tracker, report) = open(&path, "boot");
        tracker.check_invariants();
        prop_assert!(report.records <= 3);
    }

    #[test]
    fn entries_with_good_checksums_and_bad_contents(
        bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..20),
        kinds in proptest::collection::vec(0u8..6, 20)
    ) {
        let mut input = Vec::new();
        for (mut body, kind) in bodies.into_iter().zip(kinds) {
            body.insert(0, kind);
            input.extend_from_slice(&(body.len() as u32).to_le_bytes());
            input.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
            input.extend_from_slice(&body);
        }
        peregrine_tracker::fuzz(&input);
    }
}
