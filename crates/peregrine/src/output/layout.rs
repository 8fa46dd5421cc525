//! The widths of the columns of a table, and fitting text into them.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Blanks between two columns; a line begins with half of them.
const GAP: usize = 2;
/// A text column is not cut to less than this: another column is left out instead.
const NARROWEST: usize = 10;

/// The widths a column needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// Width of its name.
    pub(super) name: usize,
    /// Width of its widest cell.
    pub(super) widest: usize,
    /// Numbers are right-aligned and never cut: half a number is another number.
    pub(super) is_number: bool,
}

impl Column {
    fn wanted(self) -> usize {
        self.name.max(self.widest).max(1)
    }

    fn least(self) -> usize {
        if self.is_number {
            self.widest.max(self.name.min(NARROWEST)).max(1)
        } else {
            self.wanted().min(NARROWEST)
        }
    }
}

/// The width of a text in a terminal.
pub(super) fn width_of(text: &str) -> usize {
    text.width()
}

/// The widths of the columns that fit into a line, from the left; at least one.
pub(super) fn widths(columns: &[Column], line: Option<usize>) -> Vec<usize> {
    let wanted: Vec<usize> = columns.iter().map(|column| column.wanted()).collect();
    let Some(line) = line else { return wanted };
    let taken = |widths: &mut dyn Iterator<Item = usize>| widths.map(|width| width + GAP).sum::<usize>();
    let room = line + GAP - 1;
    let mut count = columns.len();
    while count > 1 && taken(&mut columns.iter().take(count).map(|column| column.least())) > room {
        count -= 1;
    }
    let columns = columns.get(..count).unwrap_or(columns);
    // The widest columns shrink until all fit.
    let capped = |cap: usize| {
        columns
            .iter()
            .map(move |column| column.wanted().min(cap.max(column.least())))
    };
    let widest = wanted.iter().copied().max().unwrap_or(1);
    let cap = (1..=widest)
        .rev()
        .find(|cap| taken(&mut capped(*cap)) <= room)
        .unwrap_or(1);
    capped(cap).collect()
}

/// The text in exactly this width: padded, or cut at a character with `…` at its end.
pub(super) fn fit(text: &str, width: usize, to_the_right: bool) -> String {
    let own = width_of(text);
    if own <= width {
        let blanks = " ".repeat(width - own);
        return if to_the_right {
            blanks + text
        } else {
            text.to_owned() + &blanks
        };
    }
    let mut cut = String::new();
    let mut used = 1;
    for c in text.chars() {
        let next = c.width().unwrap_or(0);
        if used + next > width {
            break;
        }
        used += next;
        cut.push(c);
    }
    cut.push('…');
    cut + &" ".repeat(width.saturating_sub(used))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: usize, widest: usize) -> Column {
        Column {
            name,
            widest,
            is_number: false,
        }
    }

    #[test]
    fn the_widest_give_way_then_the_last_are_left_out() {
        let columns = [text(3, 5), text(4, 100), text(4, 30)];
        assert_eq!(widths(&columns, None), [5, 100, 30]);
        assert_eq!(widths(&columns, Some(80)), [5, 40, 30]);
        assert_eq!(widths(&columns, Some(50)), [5, 20, 20]);
        assert_eq!(widths(&columns, Some(24)), [5, 16]);
        assert_eq!(widths(&columns, Some(3)), [5], "one is always there");
    }

    #[test]
    fn numbers_are_never_cut() {
        let size = Column {
            name: 4,
            widest: 15,
            is_number: true,
        };
        assert_eq!(widths(&[text(4, 100), size], Some(40)), [22, 15]);
    }

    #[test]
    fn texts_are_cut_at_letters() {
        assert_eq!(fit("abc", 5, false), "abc  ");
        assert_eq!(fit("12", 5, true), "   12");
        assert_eq!(fit("abcdef", 4, false), "abc…");
        assert_eq!(fit("鷹鷹鷹", 4, false), "鷹… ", "a wide letter takes two places");
    }
}
