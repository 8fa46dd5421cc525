//! Searching bytes of all kinds.

use std::sync::Arc;

use proptest::strategy::Strategy;

use super::{Haystack, Regex, lossy};

fn ranges(pattern: &str, text: &[u8]) -> Vec<(usize, usize)> {
    let regex = Regex::new(pattern).unwrap();
    let haystack = Haystack::new(text);
    regex
        .find_iter(&haystack)
        .map(|found| (found.start, found.end))
        .collect()
}

#[test]
fn a_byte_that_is_no_text_is_one_character() {
    assert!(Regex::new("^a.b$").unwrap().is_match(b"a\xffb"));
    assert!(Regex::new("^a..b$").unwrap().is_match(b"a\xe2\x82b"));
    assert!(!Regex::new("^a.b$").unwrap().is_match(b"a\xe2\x82b"));
    assert!(Regex::new("^[^a]$").unwrap().is_match(b"\x80"));
    assert!(Regex::new(r"^\W$").unwrap().is_match(b"\x80"));
    // A character of several bytes stays one.
    assert!(!Regex::new("^..$").unwrap().is_match("é".as_bytes()));
    assert!(!Regex::new("^...$").unwrap().is_match("é\u{fffd}".as_bytes()));
}

#[test]
fn what_is_found_are_the_bytes_themselves() {
    let text = "é\u{fffd}x\u{20ac}".as_bytes();
    let text = [b"\xff\xfe", text, b"\xe9y"].concat();
    assert_eq!(ranges("x", &text), [(7, 8)]);
    assert_eq!(ranges("y", &text), [(12, 13)]);
    assert_eq!(ranges(r"\x{fffd}", &text), [(0, 1), (1, 2), (4, 7), (11, 12)]);
    let regex = Regex::new("x(?P<rest>.+)y").unwrap();
    let haystack = Haystack::new(&text);
    let groups = regex.captures(&haystack).unwrap();
    assert_eq!(groups.name("rest"), Some(&b"\xe2\x82\xac\xe9"[..]));
    assert_eq!(groups.get(0), Some(&b"x\xe2\x82\xac\xe9y"[..]));
}

#[test]
fn replacements_and_splits_keep_the_bytes() {
    let regex = Regex::new("(?P<a>.)=(.)").unwrap();
    let replaced = regex.replace_all(b"\xe9=\xff;\x80=b", b"${2}$a$$$9$");
    assert_eq!(&*replaced, b"\xff\xe9$$;b\x80$$");
    // The same where all is text, which takes another way.
    assert_eq!(&*regex.replace_all(b"a=b", b"${2}$a$$$9$"), b"ba$$");
    let doubled = regex.replace_all_with(b"\xe9=\xff", |found| [found, found].concat());
    assert_eq!(&*doubled, b"\xe9=\xff\xe9=\xff");
    let comma = Regex::new(",").unwrap();
    let haystack = Haystack::new(b"\xe9,\xff,c");
    assert_eq!(comma.splitn(&haystack, 2), [&b"\xe9"[..], b"\xff,c"]);
    assert_eq!(comma.splitn(&haystack, usize::MAX).len(), 3);
}

#[test]
fn a_tail_begins_anew() {
    let text = b"\xffab\xffab";
    let haystack = Haystack::new(text);
    let regex = Regex::new("^.?ab").unwrap();
    assert_eq!(regex.find(&haystack.tail(3)), Some(0..3));
    assert_eq!(regex.find(&haystack.tail(1).tail(2)), Some(0..3));
    assert_eq!(regex.find(&haystack.tail(2)), None);
    assert_eq!(haystack.tail(4).bytes(), b"ab");
    assert!(haystack.tail(99).bytes().is_empty());
}

#[test]
fn a_pattern_with_bytes_that_are_no_text_finds_just_these() {
    let found = |pattern: &[u8], text: &[u8]| Regex::new(pattern).unwrap().is_match(text);
    assert!(found(b"^caf\xe9$", b"caf\xe9"));
    assert!(!found(b"\xe9", b"caf\xe8"));
    assert!(!found(b"\xe9", "caf\u{e9} \u{fffd} \u{10ffe9}".as_bytes()));
    assert!(!found(b"a|\xff", "\u{10ffff}".as_bytes()));
    assert!(found(b"a|\xff", b"bab"));
    assert!(found(b"^[\xe0-\xff]+.\xc3$", b"\xe0\xff\xee\x80\xc3"));
    assert!(found(b"^[^\xff]$", b"\xfe") && !found(b"^[^\xff]$", b"\xff"));
    assert!(found(b"(?i)^A\\\xff", b"a\xff"));
    let regex = Regex::new(b"\xff(.)").unwrap();
    let text = [b"\xfe\xff\xe9 \xff", "\u{10ffff}x\u{e9}".as_bytes(), b"\xffy"].concat();
    assert_eq!(
        &*regex.replace_all(&text, b"<$1\xff>"),
        b"\xfe<\xe9\xff> <\xf4\xff>\x8f\xbf\xbfx\xc3\xa9<y\xff>"
    );
    let haystack = Haystack::new(b"a\xff1b\xff2\xfe3");
    assert_eq!(regex.find(&haystack), Some(1..3));
    let tail = haystack.tail(3);
    assert_eq!(
        regex.captures(&tail).and_then(|found| found.get(1)),
        Some(&b"2"[..])
    );
    assert_eq!(regex.find(&tail), Some(1..3));
    assert_eq!(
        Regex::new(b"\xff|\xfe").unwrap().splitn(&tail, 9),
        [&b"b"[..], b"2", b"3"]
    );
    assert!(Regex::new(b"(\xff").unwrap_err().contains("`(\u{fffd}`"));
}

#[test]
fn shown_text_has_one_mark_a_byte() {
    assert_eq!(lossy(b"a\xe2\x82b\xff"), "a\u{fffd}\u{fffd}b\u{fffd}");
    assert_eq!(lossy("é".as_bytes()), "é");
    assert_eq!(lossy(b""), "");
}

/// Characters as RE2 counts them: where each starts.
fn characters(bytes: &[u8]) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        starts.extend(chunk.valid().char_indices().map(|(start, _)| at + start));
        at += chunk.valid().len();
        starts.extend((0..chunk.invalid().len()).map(|byte| at + byte));
        at += chunk.invalid().len();
    }
    starts
}

/// The same pattern, for which every text is a long one.
fn patient(pattern: &str) -> Regex {
    let mut regex = Regex::new(pattern).unwrap();
    Arc::get_mut(&mut regex.0).unwrap().short = 0;
    regex
}

#[test]
fn long_texts_are_searched_like_short_ones() {
    let patterns = [
        "",
        "a",
        "ab|a",
        "a|ab",
        "(?s)(a.*?)(b|c)",
        "^a",
        "a$",
        "(?m)^(a+)$",
        r"\bab\b",
        r"\B",
        "(a)|(b)",
        "a*",
        "(a*)(ab)?",
        "(?i)AB",
        "[^a]b",
        "b.a",
        r"(?P<x>[ab]{2,3})(?P<y>c?)",
        "abc|b",
        "(ab$)|(ab)",
        r"\x{e9}|a",
        "c{3,}",
        "(?s).",
        "x|yz|ab",
    ];
    let texts = [
        &b""[..],
        b"a",
        b"ab",
        b"abc ab\nab",
        b"cccab\xffab\xe9",
        "éabé".as_bytes(),
        b"aaaaabab",
        b"b\na\nab\n",
        b"\xff\xfe",
    ];
    for pattern in patterns {
        let (plain, patient) = (Regex::new(pattern).unwrap(), patient(pattern));
        for text in texts {
            let haystack = Haystack::new(text);
            let groups = |regex: &Regex| -> Vec<Vec<Option<std::ops::Range<usize>>>> {
                let count = regex.capture_names().count();
                let found = regex.captures_iter(&haystack);
                found
                    .map(|found| (0..count).map(|group| found.range(group)).collect())
                    .collect()
            };
            assert_eq!(groups(&plain), groups(&patient), "{pattern} in {text:?}");
            let all: Vec<_> = plain.find_iter(&haystack).collect();
            assert_eq!(
                all,
                patient.find_iter(&haystack).collect::<Vec<_>>(),
                "{pattern} in {text:?}"
            );
            assert_eq!(
                plain.is_match(text),
                patient.is_match(text),
                "{pattern} in {text:?}"
            );
        }
    }
}

proptest::proptest! {
    #[test]
    fn random_texts_are_searched_like_short_ones(
        pattern in "[ab.|*()?^$c]{1,8}",
        text in "[abc\n]{0,40}",
    ) {
        if let Ok(plain) = Regex::new(&pattern) {
            let patient = patient(&pattern);
            let haystack = Haystack::new(text.as_bytes());
            let wanted: Vec<_> = plain.find_iter(&haystack).collect();
            proptest::prop_assert_eq!(wanted, patient.find_iter(&haystack).collect::<Vec<_>>());
            let first = |regex: &Regex| {
                let found = regex.captures(&haystack)?;
                Some([0, 1, 2, 3].map(|group| found.range(group)))
            };
            proptest::prop_assert_eq!(first(&plain), first(&patient));
            proptest::prop_assert_eq!(plain.is_match(text.as_bytes()), patient.is_match(text.as_bytes()));
        }
    }

    /// Mostly text, so that there are characters of several bytes among those that are none; long enough for many marks.
    #[test]
    fn every_character_is_found_where_it_is(
        parts in proptest::collection::vec(
            proptest::prop_oneof![
                proptest::collection::vec(proptest::num::u8::ANY, 0..4),
                "[a-zé€𝄞\u{fffd}]{0,300}".prop_map(String::into_bytes),
            ],
            0..12,
        ),
        skipped in 0..3000usize,
    ) {
        let bytes = parts.concat();
        let starts = characters(&bytes);
        let skipped = starts.get(skipped % (starts.len() + 1)).copied().unwrap_or(bytes.len());
        let haystack = Haystack::new(&bytes).tail(skipped);
        let any = Regex::new("(?s).").unwrap();
        let found: Vec<usize> = any.find_iter(&haystack).map(|found| skipped + found.start).collect();
        let wanted: Vec<usize> = starts.iter().copied().filter(|start| *start >= skipped).collect();
        proptest::prop_assert_eq!(&found, &wanted);
        let seen = haystack.telling_bytes_apart();
        let apart: Vec<Vec<u8>> = any.find_iter(seen).map(|found| seen.bytes()[found].to_vec()).collect();
        proptest::prop_assert_eq!(apart.concat(), haystack.bytes());
        proptest::prop_assert_eq!(apart.len(), wanted.len());
        let all: Vec<u8> = any.captures_iter(&haystack).filter_map(|found| found.get(0)).collect::<Vec<_>>().concat();
        proptest::prop_assert_eq!(&all[..], haystack.bytes());
        proptest::prop_assert_eq!(&*any.replace_all(&bytes, b"$0"), &bytes[..]);
    }
}
