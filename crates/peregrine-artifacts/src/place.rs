//! Where a value stands in the text of a definition, for problems found in what was read from it.

use crate::error::Problem;

impl Problem {
    /// An error about `value` in the block of a top-level key; without a place if it is written differently there.
    #[must_use]
    pub fn about(raw: &str, key: &str, value: &str, message: impl Into<String>) -> Problem {
        match find(raw, key, value) {
            Some((line, column)) => Problem {
                length: number(value.chars().count()),
                ..Problem::at(line, column, message)
            },
            None => Problem::anywhere(message),
        }
    }
}

/// The line and column, both from 1, of a value in the block of a top-level key.
fn find(raw: &str, key: &str, value: &str) -> Option<(u32, u32)> {
    if value.is_empty() || value.contains('\n') {
        return None;
    }
    let mut lines = raw
        .lines()
        .zip(1..)
        .skip_while(|(line, _)| !starts_with_key(line, key));
    let (first, number_of_first) = lines.next()?;
    // The items of a list may stand at the margin, too.
    let block = lines.take_while(|(line, _)| line.is_empty() || line.starts_with([' ', '-', '#']));
    let start = key.len() + 1;
    std::iter::once((first, number_of_first, start))
        .chain(block.map(|(line, number)| (line, number, 0)))
        .find_map(|(line, number_of_line, start)| {
            let at = start + whole_word(line.get(start..)?, value)?;
            Some((number_of_line, number(line[..at].chars().count() + 1)))
        })
}

/// Whether the block of a top-level key begins in this line.
pub(crate) fn starts_with_key(line: &str, key: &str) -> bool {
    line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'))
}

/// The byte at which the value stands by itself, outside comments.
fn whole_word(line: &str, value: &str) -> Option<usize> {
    let line = line.split(" #").next().filter(|line| !line.starts_with('#'))?;
    let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/');
    line.match_indices(value).map(|(at, _)| at).find(|at| {
        let before = line[..*at].chars().next_back();
        let after = line[at + value.len()..].chars().next();
        !before.is_some_and(goes_on) && !after.is_some_and(goes_on)
    })
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::find;

    const TEXT: &str = "name: My.Own\r\ndescription: My.Lib\nimports: # My.Lib\n- \"ü\"\n- My.Library\n\n# My.Lib\n- 'My.Lib' # My.Lib\nexport: My.End\n";

    #[test]
    fn only_the_value_itself_in_its_own_block_is_found() {
        assert_eq!(find(TEXT, "imports", "My.Lib"), Some((8, 4)));
        assert_eq!(find(TEXT, "name", "My.Own"), Some((1, 7)));
        assert_eq!(find("imports: [A, ü, B]", "imports", "B"), Some((1, 17)));
        // In another block, part of another name, or written differently.
        assert_eq!(find(TEXT, "imports", "My.End"), None);
        assert_eq!(find(TEXT, "imports", "Library"), None);
        assert_eq!(find("aliases: [\"\\x41\"]", "aliases", "A"), None);
        assert_eq!(find("names: A", "name", "A"), None);
        assert_eq!(find("name: ", "name", ""), None);
    }

    #[test]
    fn any_cut_is_survived() {
        for (at, _) in TEXT.char_indices() {
            find(&TEXT[..at], "imports", "My.Lib");
            find(&TEXT[at..], "imports", "ü");
        }
    }
}
