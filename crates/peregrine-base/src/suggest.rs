//! "Did you mean": the known name that looks most like a wrong one.

use strsim::levenshtein;

/// The closest of `names`, if any is close enough to be a slip: a third of its letters may be wrong, at least two where there
/// are four (two that changed places), and never more than six. Of several the first in the alphabet. Case does not count.
pub fn closest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let length = wrong.chars().count();
    let limit = (length / 3).clamp(if length < 4 { 1 } else { 2 }, 6);
    names
        .into_iter()
        // Counting edits takes length times length; most names differ too much in that already.
        .filter(|name| name.len().abs_diff(wrong.len()) <= limit * 2)
        .map(|name| (levenshtein(&wrong, &name.to_lowercase()), name))
        // A name of which nothing is left is no slip.
        .filter(|(edits, _)| *edits <= limit && *edits < length)
        .min()
        .map(|(_, name)| name)
}

/// The sentence for it.
pub fn did_you_mean<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    closest(wrong, names).map(|name| format!("did you mean `{name}`?"))
}

/// `wrong` can hardly be anything but `right`, mistyped: not one with an ending more, not one short enough to be another word.
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
        // Equally far from both.
        assert_eq!(closest("pst", ["pstb", "psta"]), Some("psta"));
    }

    #[test]
    fn an_ending_more_is_no_slip() {
        assert!(is_slip("pslsit", "pslist") && is_slip("PSLIST", "pslist"));
        assert!(!is_slip("pslists", "pslist") && !is_slip("pid", "uid"));
    }
}
