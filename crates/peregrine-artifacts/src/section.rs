//! A piece of VQL inside a definition, with its position.

/// VQL text with the line of the file it starts on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// The VQL.
    pub text: String,
    /// Line (from 1) of the file where `text` starts; 0 if it is not from a file.
    pub line: u32,
}

impl Section {
    /// A section without a position, such as one received over the network.
    pub fn detached(text: impl Into<String>) -> Section {
        Section {
            text: text.into(),
            line: 0,
        }
    }

    /// The line and column in the file `raw`, both from 1, of a byte of this section.
    #[must_use]
    pub fn position(&self, raw: &str, offset: usize) -> (u32, u32) {
        let offset = (0..=offset.min(self.text.len()))
            .rev()
            .find(|&at| self.text.is_char_boundary(at))
            .unwrap_or(0);
        let before = &self.text[..offset];
        let newlines = before.bytes().filter(|&byte| byte == b'\n').count();
        let line = self
            .line
            .max(1)
            .saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let own = self.text[start..].lines().next().unwrap_or("");
        let column = before[start..].chars().count() + 1 + margin(raw, line, own);
        (line, u32::try_from(column).unwrap_or(u32::MAX))
    }
}

impl Section {
    /// Maps this section to the file `raw`: pairs of a byte of the section and a byte of the file, at least
    /// one for each line.
    ///
    /// The mapping is exact for blocks, including folded ones; for quoted text with escapes it is
    /// approximate.
    #[must_use]
    pub fn lines(&self, raw: &str) -> Vec<(usize, usize)> {
        let first = self.line.max(1) as usize - 1;
        let mut lines = raw.split_inclusive('\n');
        let mut start: usize = lines.by_ref().take(first).map(str::len).sum();
        let mut own_start = 0;
        let mut found = Vec::new();
        for own in self.text.split_inclusive('\n') {
            let mut rest = own.trim_end();
            let mut at = own_start;
            own_start += own.len();
            for whole in lines.by_ref() {
                let line_start = start;
                start += whole.len();
                let line = whole.trim_end();
                if line.is_empty() && !rest.is_empty() {
                    // An empty line in a folded block is a line end.
                    continue;
                }
                let margin = margin_of(line, rest);
                found.push((at, line_start + margin));
                // In a folded block, a blank replaces the line end.
                let folded = line
                    .get(margin..)
                    .filter(|part| !part.is_empty())
                    .and_then(|part| Some((part.len() + 1, rest.strip_prefix(part)?.strip_prefix(' ')?)));
                let Some((length, more)) = folded else { break };
                (at, rest) = (at + length, more);
            }
        }
        found
    }
}

/// Bytes before `own` in a line of the file; if the text is written differently there, the margin.
fn margin_of(line: &str, own: &str) -> usize {
    if own.is_empty() {
        return line.len();
    }
    let word = own.split_whitespace().next().unwrap_or(own);
    let found = line.find(own).or_else(|| line.find(word));
    found.unwrap_or(line.len() - line.trim_start().len())
}

/// Characters before `own` in a line of the file: the indentation that YAML removed.
fn margin(raw: &str, line: u32, own: &str) -> usize {
    let Some(whole) = raw.lines().nth(line.saturating_sub(1) as usize) else {
        return 0;
    };
    let whole = whole.trim_end_matches('\r');
    whole
        .find(own.trim_end())
        .map_or(0, |at| whole[..at].chars().count())
}
