//! "Did you mean": finds the known name most similar to a wrong one.

use strsim::levenshtein;

/// The closest of `names`, if it is close enough to be a typing error: up to a third of its letters may be
/// wrong, at least two in names of four letters or more (two swapped ones), and never more than six. Of
/// equally close ones, the first in the alphabet. Case is ignored.
pub fn closest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let length = wrong.chars().count();
    let limit = (length / 3).clamp(if length < 4 { 1 } else { 2 }, 6);
    names
        .into_iter()
        // Counting edits takes time quadratic in the length; most names already differ too much in length.
        .filter(|name| name.len().abs_diff(wrong.len()) <= limit * 2)
        .map(|name| (levenshtein(&wrong, &name.to_lowercase()), name))
        // A name without a single letter in common is not a typing error.
        .filter(|(edits, _)| *edits <= limit && *edits < length)
        .min()
        .map(|(_, name)| name)
}

/// The sentence that suggests it.
pub fn did_you_mean<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    closest(wrong, names).map(|name| format!("did you mean `{name}`?"))
}

/// True if `wrong` can hardly be anything but a mistyped `right`: not if it only has another ending, or is
/// short enough to be another word.
#[must_use]
pub fn is_slip(wrong: &str, right: &str) -> bool {
    let (wrong, right) = (wrong.to_lowercase(), right.to_lowercase());
    if wrong == right {
        return true;
    }
    let is_longer_form = wrong.starts_with(&right) || right.starts_with(&wrong);
    wrong.chars().count() >= 4 && !is_longer_form && levenshtein(&wrong, &right) <= 2
}

#[cfg(test)]
mod tests {
    use super::{closest, is_slip};

    #[test]
    fn slips_are_found_and_other_words_are_not() {
        let names = ["pslist", "pstree", "glob", "ab"];
        assert_eq!(closest("PsLst", names), Some("pslist"));
        assert_eq!(closest("glbo", names), Some("glob"));
        assert_eq!(closest("gxx", names), None);
        assert_eq!(closest("gob", names), Some("glob"));
        assert_eq!(closest("x", names), None);
        assert_eq!(closest("", names), None);
        // Equally close to both.
        assert_eq!(closest("pst", ["pstb", "psta"]), Some("psta"));
    }

    #[test]
    fn an_ending_more_is_no_slip() {
        assert!(is_slip("pslsit", "pslist") && is_slip("PSLIST", "pslist"));
        assert!(!is_slip("pslists", "pslist") && !is_slip("pid", "uid"));
    }
}
