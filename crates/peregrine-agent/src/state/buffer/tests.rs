//! Written records can be read back, and a damaged one does not hide the others.

use super::*;

fn never() -> bool {
    false
}

fn texts(lease: &Lease) -> Vec<String> {
    lease
        .records
        .iter()
        .map(|record| String::from_utf8_lossy(record).into_owned())
        .collect()
}

#[test]
fn records_survive_a_restart_until_they_are_committed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("buffer");
    let buffer = Buffer::open(&path, 1 << 20).unwrap();
    for text in ["one", "two", "three"] {
        assert!(buffer.push(text.as_bytes(), &never).unwrap());
    }
    assert_eq!(texts(&buffer.lease(100, 2).unwrap()), ["one", "two"]);
    buffer.roll_back();
    assert_eq!(texts(&buffer.lease(5, 9).unwrap()), ["one"]);
    buffer.commit().unwrap();
    assert_eq!(texts(&buffer.lease(100, usize::MAX).unwrap()), ["two", "three"]);
    drop(buffer); // killed before the commit

    let buffer = Buffer::open(&path, 1 << 20).unwrap();
    let lease = buffer.lease(100, usize::MAX).unwrap();
    assert_eq!(
        (texts(&lease).join(","), lease.is_all),
        ("two,three".to_owned(), true)
    );
    buffer.commit().unwrap();
    assert_eq!(buffer.pending_bytes(), 0);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), HEADER);
}

#[test]
fn a_lease_that_is_rolled_back_is_handed_out_again() {
    let dir = tempfile::tempdir().unwrap();
    let buffer = Buffer::open(&dir.path().join("buffer"), 1 << 20).unwrap();
    buffer.push(b"one", &never).unwrap();
    assert_eq!(texts(&buffer.lease(100, usize::MAX).unwrap()), ["one"]);
    assert!(buffer.lease(100, usize::MAX).unwrap().records.is_empty());
    buffer.roll_back();
    assert_eq!(texts(&buffer.lease(100, usize::MAX).unwrap()), ["one"]);
}

#[test]
fn a_torn_or_damaged_tail_is_dropped_and_the_rest_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("buffer");
    let buffer = Buffer::open(&path, 1 << 20).unwrap();
    for text in ["one", "two"] {
        buffer.push(text.as_bytes(), &never).unwrap();
    }
    drop(buffer);
    let whole = std::fs::read(&path).unwrap();
    for cut in 0..whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let buffer = Buffer::open(&path, 1 << 20).unwrap();
        let kept = texts(&buffer.lease(100, usize::MAX).unwrap());
        assert!(kept.is_empty() || kept == ["one"], "cut at {cut}: {kept:?}");
        buffer.push(b"next", &never).unwrap();
        assert_eq!(
            texts(&buffer.lease(100, usize::MAX).unwrap()),
            ["next"],
            "cut at {cut}"
        );
    }
    for position in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x55;
        std::fs::write(&path, &damaged).unwrap();
        let buffer = Buffer::open(&path, 1 << 20).unwrap();
        assert!(
            buffer.lease(100, usize::MAX).unwrap().records.len() <= 2,
            "flipped byte {position}"
        );
    }
}

#[test]
fn a_damaged_record_hides_only_itself_and_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("buffer");
    let buffer = Buffer::open(&path, 1 << 20).unwrap();
    for text in ["one", "two", "three"] {
        buffer.push(text.as_bytes(), &never).unwrap();
    }
    drop(buffer);
    let whole = std::fs::read(&path).unwrap();
    let size = |text: &str| RECORD_HEAD + text.len() as u64;
    let damaged = |position: usize| {
        let mut bytes = whole.clone();
        bytes[position] ^= 0x55;
        std::fs::write(&path, &bytes).unwrap();
        let buffer = Buffer::open(&path, 1 << 20).unwrap();
        let kept = texts(&buffer.lease(100, usize::MAX).unwrap()).join(",");
        (kept, buffer.damaged_bytes())
    };
    let first = HEADER as usize;
    assert_eq!(damaged(first + 9), ("two,three".to_owned(), size("one")));
    let second = first + size("one") as usize;
    assert_eq!(damaged(second + 5), ("one,three".to_owned(), size("two")));
    let rest = size("two") + size("three");
    assert_eq!(damaged(second), ("one".to_owned(), rest), "its length");
    let all = "one,two,three".to_owned();
    assert_eq!(damaged(8), (all.clone(), 0), "where to read on");
    assert_eq!(damaged(15), (all, 0), "beyond the end");
    assert_eq!(
        damaged(0),
        (String::new(), size("one") + rest),
        "no buffer of ours"
    );
    assert_eq!(damaged(whole.len() - 1), ("one,two".to_owned(), size("three")));
    std::fs::write(&path, [&whole[..], &[0; 1000]].concat()).unwrap();
    let buffer = Buffer::open(&path, 1 << 20).unwrap();
    let kept = texts(&buffer.lease(100, usize::MAX).unwrap());
    assert_eq!(
        (kept.len(), buffer.damaged_bytes()),
        (3, 1000),
        "zeros of a crashed machine"
    );
    drop(buffer);
    std::fs::write(&path, &whole).unwrap();
    let buffer = Buffer::open(&path, 1 << 20).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let kept = texts(&buffer.lease(100, usize::MAX).unwrap());
    assert_eq!(
        (kept.join(","), buffer.damaged_bytes()),
        ("one,two".to_owned(), size("three"))
    );
}

#[test]
fn writers_wait_for_a_full_disk_and_not_for_ever() {
    let buffer = Buffer::on_full_disk(Duration::from_millis(1));
    let error = buffer.push(b"row", &never).unwrap_err().to_string();
    assert!(error.contains("No space left"), "{error}");
    let buffer = Buffer::on_full_disk(Duration::from_secs(3600));
    let looks = std::sync::atomic::AtomicUsize::new(0);
    let stop = || looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 2;
    assert!(
        !buffer.push(b"row", &stop).unwrap(),
        "it waits until told to stop"
    );
}

#[test]
fn a_full_buffer_makes_writers_wait_until_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let buffer = Buffer::open(&dir.path().join("buffer"), 1 << 16).unwrap();
    let block = vec![7; 1 << 16];
    assert!(buffer.push(&block, &never).unwrap());
    assert!(
        !buffer.push(&block, &|| true).unwrap(),
        "full: gives up when told to stop"
    );
    std::thread::scope(|threads| {
        let writer = threads.spawn(|| buffer.push(&block, &never).unwrap());
        let lease = buffer.lease(1, usize::MAX).unwrap();
        assert_eq!(lease.records.len(), 1);
        buffer.commit().unwrap();
        assert!(writer.join().unwrap());
    });
}

proptest::proptest! {
    #[test]
    fn any_file_content_opens(content in proptest::collection::vec(proptest::num::u8::ANY, 0..200), ours in proptest::bool::ANY) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("buffer");
        let mut bytes = if ours { [MAGIC.as_slice(), &HEADER.to_le_bytes()].concat() } else { Vec::new() };
        bytes.extend(content);
        std::fs::write(&path, bytes).unwrap();
        let buffer = Buffer::open(&path, 1 << 20).unwrap();
        buffer.push(b"x", &never).unwrap();
        let lease = buffer.lease(10_000, usize::MAX).unwrap();
        proptest::prop_assert!(lease.records.iter().any(|record| record == b"x"));
    }
}
