//! Differences between two texts, line by line.

use std::fmt::Write as _;

/// Equal lines shown around a difference.
const CONTEXT: usize = 3;
/// With more pairs of lines, the differing part is shown as a whole.
const MAX_CELLS: usize = 4 << 20;

#[derive(Clone, Copy, PartialEq)]
enum Edit<'a> {
    Keep(&'a str),
    Remove(&'a str),
    Add(&'a str),
}

/// A unified diff; empty when the texts are equal.
pub(super) fn unified(old: &str, new: &str, old_name: &str, new_name: &str) -> String {
    if old == new {
        return String::new();
    }
    let edits = edits(&old.lines().collect::<Vec<_>>(), &new.lines().collect::<Vec<_>>());
    let mut out = format!("--- {old_name}\n+++ {new_name}\n");
    let (mut at, mut old_line, mut new_line) = (0, 1, 1);
    for hunk in hunks(&edits) {
        for edit in &edits[at..hunk.start] {
            old_line += usize::from(!matches!(edit, Edit::Add(_)));
            new_line += usize::from(!matches!(edit, Edit::Remove(_)));
        }
        let shown = &edits[hunk.clone()];
        let olds = shown.iter().filter(|edit| !matches!(edit, Edit::Add(_))).count();
        let news = shown
            .iter()
            .filter(|edit| !matches!(edit, Edit::Remove(_)))
            .count();
        let _ = writeln!(out, "@@ -{old_line},{olds} +{new_line},{news} @@");
        for edit in shown {
            let (mark, line) = match edit {
                Edit::Keep(line) => (' ', line),
                Edit::Remove(line) => ('-', line),
                Edit::Add(line) => ('+', line),
            };
            let _ = writeln!(out, "{mark}{line}");
        }
        old_line += olds;
        new_line += news;
        at = hunk.end;
    }
    out
}

/// Ranges of edits to show: each change with its context.
fn hunks(edits: &[Edit<'_>]) -> Vec<std::ops::Range<usize>> {
    let mut hunks: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, edit) in edits.iter().enumerate() {
        if matches!(edit, Edit::Keep(_)) {
            continue;
        }
        let range = at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(edits.len());
        match hunks.last_mut() {
            Some(last) if range.start <= last.end => last.end = range.end,
            _ => hunks.push(range),
        }
    }
    hunks
}

fn edits<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Edit<'a>> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = old_rest
        .iter()
        .rev()
        .zip(new_rest.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let middle = differing(
        &old_rest[..old_rest.len() - tail],
        &new_rest[..new_rest.len() - tail],
    );
    let keep = |lines: &[&'a str]| lines.iter().map(|line| Edit::Keep(line)).collect::<Vec<_>>();
    [keep(&old[..head]), middle, keep(&old[old.len() - tail..])].concat()
}

/// Computed with the longest common subsequence.
fn differing<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Edit<'a>> {
    let width = new.len() + 1;
    let mut edits = Vec::new();
    let (mut i, mut j) = (0, 0);
    if old.len().saturating_mul(new.len()) <= MAX_CELLS {
        // common[i][j]: length of the longest common part of old[i..] and new[j..].
        let mut common = vec![0u32; (old.len() + 1) * width];
        for i in (0..old.len()).rev() {
            for j in (0..new.len()).rev() {
                common[i * width + j] = if old[i] == new[j] {
                    common[(i + 1) * width + j + 1] + 1
                } else {
                    common[(i + 1) * width + j].max(common[i * width + j + 1])
                };
            }
        }
        while i < old.len() && j < new.len() {
            if old[i] == new[j] {
                edits.push(Edit::Keep(old[i]));
                (i, j) = (i + 1, j + 1);
            } else if common[(i + 1) * width + j] >= common[i * width + j + 1] {
                edits.push(Edit::Remove(old[i]));
                i += 1;
            } else {
                edits.push(Edit::Add(new[j]));
                j += 1;
            }
        }
    }
    edits.extend(old[i..].iter().map(|line| Edit::Remove(line)));
    edits.extend(new[j..].iter().map(|line| Edit::Add(line)));
    edits
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn changes_come_with_their_surroundings() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n";
        let new = "a\nb\nc\nd\nE\nf\ng\nh\ni\nj\nk\nl\nm\n";
        assert_eq!(
            unified(old, new, "old", "new"),
            "--- old\n+++ new\n@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n@@ -10,3 +10,4 @@\n j\n k\n l\n+m\n"
        );
        assert_eq!(unified(old, old, "old", "new"), "");
        assert_eq!(
            unified("", "x\n", "o", "n"),
            "--- o\n+++ n\n@@ -1,0 +1,1 @@\n+x\n"
        );
    }
}
