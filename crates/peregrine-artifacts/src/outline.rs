//! Finds the parameters and the VQL in a definition line by line, without parsing it as YAML, for editors,
//! whose texts are incomplete most of the time.

use crate::normalise::{indent, opens_block, owner_column};
use crate::section::Section;
use std::ops::Range;

/// A name in a definition, and its bytes in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub name: String,
    /// Its range in the file.
    pub range: Range<usize>,
}

/// The parts of a definition that an editor needs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outline {
    /// The artifact's name.
    pub name: Option<Named>,
    pub parameters: Vec<Named>,
    /// VQL in blocks: `query: |`, `export: |`, `precondition: |`.
    pub sections: Vec<Section>,
}

/// Reads the lines of a definition.
#[must_use]
pub fn outline(raw: &str) -> Outline {
    let mut outline = Outline::default();
    let mut in_parameters = false;
    let mut block: Option<(usize, Option<Block>)> = None;
    let mut start = 0;
    for (number, whole) in raw.split_inclusive('\n').enumerate() {
        let line = whole.trim_end_matches(['\n', '\r']);
        if let Some((owner, lines)) = &mut block {
            if line.trim().is_empty() || indent(line) > *owner {
                if let Some(lines) = lines {
                    lines.push(line);
                }
                start += whole.len();
                continue;
            }
            outline.sections.extend(lines.take().and_then(Block::finish));
            block = None;
        }
        if !line.starts_with([' ', '-', '#']) && !line.is_empty() {
            in_parameters = line.starts_with("parameters:");
            if let Some(name) = value_of("name:", line, 0) {
                outline.name = Some(named(raw, start, name));
            }
        } else if in_parameters {
            let key = line.len() - line.trim_start_matches([' ', '-']).len();
            // Deeper keys belong to other things.
            let is_item = line.trim_start().starts_with("- ") || key <= 4;
            if let Some(name) = value_of("name:", line, key).filter(|_| is_item) {
                outline.parameters.push(named(raw, start, name));
            }
        }
        let key = line.trim_start_matches([' ', '-']).trim_end();
        let is_bare = matches!(key, "query:" | "precondition:");
        if is_bare || opens_block(line) {
            let is_vql = is_bare
                || ["query:", "export:", "precondition:"]
                    .iter()
                    .any(|known| key.starts_with(known));
            let lines = is_vql.then(|| Block::new(number + 2));
            block = Some((owner_column(line), lines));
        }
        start += whole.len();
    }
    if let Some((_, Some(lines))) = block {
        outline.sections.extend(lines.finish());
    }
    outline
}

/// The lines of a block, with their margin.
struct Block {
    first_line: usize,
    lines: Vec<String>,
}

impl Block {
    fn new(first_line: usize) -> Block {
        Block {
            first_line,
            lines: Vec::new(),
        }
    }

    fn push(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    fn finish(self) -> Option<Section> {
        let with_text = self.lines.iter().filter(|line| !line.trim().is_empty());
        let margin = with_text.map(|line| indent(line)).min()?;
        let text: Vec<&str> = self
            .lines
            .iter()
            .map(|line| line.get(margin..).unwrap_or_default())
            .collect();
        Some(Section {
            text: text.join("\n") + "\n",
            line: u32::try_from(self.first_line).unwrap_or(u32::MAX),
        })
    }
}

/// The bytes of the value of `key` that starts at `at` in this line.
fn value_of(key: &str, line: &str, at: usize) -> Option<Range<usize>> {
    let rest = line.get(at..)?.strip_prefix(key)?;
    let value = rest.split(" #").next()?.trim();
    let bare = value.trim_matches(['"', '\'']);
    let start = at + key.len() + rest.find(bare).filter(|_| !bare.is_empty())?;
    Some(start..start + bare.len())
}

fn named(raw: &str, line_start: usize, range: Range<usize>) -> Named {
    let range = line_start + range.start..line_start + range.end;
    Named {
        name: raw.get(range.clone()).unwrap_or_default().to_owned(),
        range,
    }
}

#[cfg(test)]
mod tests {
    use super::outline;

    const TEXT: &str = "name: My.Own  # c\ndescription: |\n  name: no\nparameters:\n  - name: Path\n    default: |\n      name: no\n  - default: x\n    name: \"Größe\"\nsources:\n  - name: S\n    query: |\n      SELECT 1\n\n        FROM scope()\n    broken\n";

    #[test]
    fn names_and_blocks_are_found() {
        let found = outline(TEXT);
        assert_eq!(found.name.as_ref().map(|name| name.name.as_str()), Some("My.Own"));
        let names: Vec<&str> = found.parameters.iter().map(|named| named.name.as_str()).collect();
        assert_eq!(names, ["Path", "Größe"]);
        for named in &found.parameters {
            assert_eq!(&TEXT[named.range.clone()], named.name);
        }
        assert_eq!(found.sections.len(), 1);
        assert_eq!(found.sections[0].text, "SELECT 1\n\n  FROM scope()\n");
        assert_eq!(found.sections[0].line, 13);
    }

    #[test]
    fn any_cut_is_survived() {
        for (at, _) in TEXT.char_indices() {
            let _ = (outline(&TEXT[..at]), outline(&TEXT[at..]));
        }
    }
}
