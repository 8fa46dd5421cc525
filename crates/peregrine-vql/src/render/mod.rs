//! The renderer shared by the canonical print and the formatter: a cursor, a stack of indents, and a choice between
//! candidate layouts. The canonical print is the same walk with everything on one line.

mod expression;
mod statement;

use crate::ast::{Comment, CommentKind};

/// Longer lines are avoided where a layout allows it.
const WIDTH: usize = 80;

/// Beyond this column arguments and symbols start a new line.
const INDENT_THRESHOLD: usize = 50;

/// Nested choices multiply. After this many fragments, the renderer stops comparing layouts and takes the
/// last one, which bounds its time; ordinary texts stay far below.
const MAX_WORK: usize = 1_000_000;

/// Added to it for each byte of the text, so that length alone does not use it up.
const MAX_WORK_PER_BYTE: usize = 20;

/// Everything that a candidate layout is judged by or the next fragment depends on.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    column: usize,
    /// The widest column so far in the statement.
    max: usize,
    /// Line breaks so far.
    lines: usize,
    one_line: bool,
    /// A break in one-line mode becomes a blank here.
    blank_needed: bool,
    /// The current line has only blanks.
    line_is_blank: bool,
}

/// Renders nodes; the child modules contain the layout of each.
pub(crate) struct Renderer {
    out: String,
    cursor: Cursor,
    indents: Vec<usize>,
    threshold: usize,
    /// Print comments.
    comments: bool,
    work: usize,
    max_work: usize,
}

/// What a candidate rendered.
struct Layout {
    text: String,
    end: Cursor,
}

/// One way to render a node, to be compared with others.
type Candidate<'a> = &'a dyn Fn(&mut Renderer);

impl Renderer {
    /// A renderer for the canonical print.
    pub(crate) fn one_line() -> Self {
        let mut renderer = Self::formatter(0);
        renderer.cursor.one_line = true;
        renderer.threshold = 0;
        renderer.comments = false;
        renderer
    }

    /// A renderer for the formatter, for a text of `length` bytes.
    pub(crate) fn formatter(length: usize) -> Self {
        let max_work = MAX_WORK + MAX_WORK_PER_BYTE * length;
        let cursor = Cursor {
            column: 0,
            max: 0,
            lines: 0,
            one_line: false,
            blank_needed: false,
            line_is_blank: true,
        };
        Self {
            out: String::new(),
            cursor,
            indents: Vec::new(),
            threshold: INDENT_THRESHOLD,
            comments: true,
            work: 0,
            max_work,
        }
    }

    /// The rendered text.
    pub(crate) fn into_text(self) -> String {
        self.out
    }

    fn push(&mut self, text: &str) {
        self.work += 1;
        self.out.push_str(text);
        self.cursor.column += text.len();
        self.cursor.max = self.cursor.max.max(self.cursor.column);
        self.cursor.blank_needed =
            !text.ends_with([' ', '\n']) && !matches!(text, "(" | "{" | "=" | "[" | "=[");
        if text.contains(|c| c != ' ') {
            self.cursor.line_is_blank = false;
        }
    }

    fn push_blanks(&mut self, count: usize) {
        const BLANKS: &str = "                                ";
        let mut left = count;
        while left > 0 {
            let part = left.min(BLANKS.len());
            self.push(&BLANKS[..part]);
            left -= part;
        }
    }

    /// Ends the line and removes its trailing blanks; literals end in a quote, so they keep theirs.
    fn newline(&mut self) {
        trim_blanks(&mut self.out);
        self.out.push('\n');
        self.cursor.column = 0;
        self.cursor.lines += 1;
        self.cursor.line_is_blank = true;
        self.cursor.blank_needed = false;
    }

    /// A line break, or in one-line mode a blank if one is needed.
    fn line_break(&mut self) {
        if self.cursor.one_line {
            if self.cursor.blank_needed {
                self.push(" ");
            }
            return;
        }
        self.newline();
        self.push_blanks(self.indent());
    }

    /// Starts a line at a fixed indent, ignoring the nesting, and pushes that indent.
    fn fresh(&mut self, indent: usize) {
        self.indents.push(indent);
        if self.cursor.one_line {
            return;
        }
        // These blanks do not count towards the width.
        let max = self.cursor.max;
        self.newline();
        self.push_blanks(indent);
        self.cursor.max = max;
    }

    fn indent(&self) -> usize {
        self.indents.last().copied().unwrap_or(0)
    }

    fn mark(&mut self) {
        self.indents.push(self.cursor.column);
    }

    fn deepen(&mut self) {
        self.indents.push(self.indent() + 2);
    }

    fn drop_indent(&mut self) {
        self.indents.pop();
    }

    /// Renders the best candidate; in one-line mode the first.
    fn choose(&mut self, candidates: &[Candidate<'_>]) {
        let [first, others @ ..] = candidates else { return };
        if self.cursor.one_line {
            return first(self);
        }
        if self.work > self.max_work {
            return others.last().unwrap_or(first)(self);
        }
        let start = self.cursor;
        let mut best = self.attempt(start, *first);
        // A first candidate that fits without a break is optimal, so the others need not be tried.
        if best.end.max < WIDTH && best.end.lines == start.lines {
            return self.adopt(best);
        }
        for candidate in others {
            let next = self.attempt(start, *candidate);
            if better(&best.end, &next.end) {
                best = next;
            }
        }
        self.adopt(best);
    }

    fn attempt(&mut self, start: Cursor, candidate: Candidate<'_>) -> Layout {
        let before = std::mem::take(&mut self.out);
        self.cursor = start;
        candidate(self);
        // One-line mode ends with the candidate that enabled it.
        self.cursor.one_line = start.one_line;
        Layout {
            text: std::mem::replace(&mut self.out, before),
            end: self.cursor,
        }
    }

    fn adopt(&mut self, layout: Layout) {
        if layout.text.starts_with('\n') {
            trim_blanks(&mut self.out);
        }
        self.out.push_str(&layout.text);
        self.cursor = layout.end;
    }

    fn comment_lines(&mut self, comments: &[Comment]) {
        if !self.comments {
            return;
        }
        for comment in comments {
            match comment.kind {
                CommentKind::Line => {
                    // Text on the same line would become part of the comment.
                    self.cursor.one_line = false;
                    self.push(&comment.text);
                    self.line_break();
                }
                CommentKind::Block => {
                    self.fresh(0);
                    self.push(&without_trailing_blanks(&comment.text));
                    self.line_break();
                    self.drop_indent();
                }
            }
        }
    }
}

/// Whether `next` is the better layout.
fn better(best: &Cursor, next: &Cursor) -> bool {
    if next.max > WIDTH && best.max < WIDTH {
        return false;
    }
    if best.max > WIDTH && next.max < WIDTH {
        return true;
    }
    if best.max < WIDTH && next.max < WIDTH && next.lines > best.lines {
        return false;
    }
    next.max <= best.max
}

fn trim_blanks(text: &mut String) {
    text.truncate(text.trim_end_matches([' ', '\t']).len());
}

fn without_trailing_blanks(text: &str) -> String {
    text.split('\n')
        .map(|line| line.trim_end_matches([' ', '\t', '\r']))
        .collect::<Vec<_>>()
        .join("\n")
}
