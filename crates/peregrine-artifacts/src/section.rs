//! A piece of VQL inside a definition, which knows where it stands.

/// VQL text with the line of the file it starts on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// The VQL.
    pub text: String,
    /// Line (from 1) of the file where `text` starts; 0 when it is not from a file.
    pub line: u32,
}

impl Section {
    /// A section that stands nowhere, as those received over the network.
    pub fn detached(text: impl Into<String>) -> Section {
        Section {
            text: text.into(),
            line: 0,
        }
    }

    /// Line and column in the file `raw`, both from 1, of a byte of this section.
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
    /// For each line of this section: the byte of the section where it starts, and the byte of the file `raw`.
    ///
    /// Blocks (`|`) fit exactly; texts that YAML folds or that are written with escapes fit as well as their lines do.
    #[must_use]
    pub fn lines(&self, raw: &str) -> Vec<(usize, usize)> {
        let first = self.line.max(1) as usize - 1;
        let mut lines = raw.split_inclusive('\n');
        let mut start: usize = lines.by_ref().take(first).map(str::len).sum();
        let mut own_start = 0;
        let mut found = Vec::new();
        for own in self.text.split_inclusive('\n') {
            let Some(whole) = lines.next() else { break };
            let margin = whole.find(own.trim_end()).unwrap_or_default();
            let is_blank = own.trim().is_empty();
            // An empty line may be shorter in the file than the margin.
            let margin = if is_blank {
                whole.trim_end_matches(['\n', '\r']).len()
            } else {
                margin
            };
            found.push((own_start, start + margin));
            own_start += own.len();
            start += whole.len();
        }
        found
    }
}

/// Characters before `own` in a line of the file: the indentation YAML took away.
fn margin(raw: &str, line: u32, own: &str) -> usize {
    let Some(whole) = raw.lines().nth(line.saturating_sub(1) as usize) else {
        return 0;
    };
    let whole = whole.trim_end_matches('\r');
    whole
        .find(own.trim_end())
        .map_or(0, |at| whole[..at].chars().count())
}
