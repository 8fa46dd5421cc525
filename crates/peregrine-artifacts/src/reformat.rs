//! Formats the VQL of a definition; the rest of the file is kept byte for byte.

use crate::error::{Error, Problem};
use crate::model::Artifact;
use crate::normalise::{indent, opens_block, owner_column};
use crate::section::Section;
use peregrine_vql::Diagnostic;

/// Formats a query text.
type LayOut = fn(&str) -> Result<String, Vec<Diagnostic>>;

/// The definition with the VQL of its literal blocks (`query: |`, `export: |`, `precondition: |`) formatted.
pub fn reformat(raw: &str) -> Result<String, Error> {
    reformat_with(raw, peregrine_vql::reformat)
}

/// The same for its author: keeps every comment.
pub fn reformat_keeping_comments(raw: &str) -> Result<String, Error> {
    reformat_with(raw, peregrine_vql::reformat_keeping_comments)
}

fn reformat_with(raw: &str, lay_out: LayOut) -> Result<String, Error> {
    let artifact = Artifact::from_yaml(raw)?;
    let mut lines: Vec<String> = raw.split_inclusive('\n').map(str::to_owned).collect();
    let sources = artifact
        .sources
        .iter()
        .flat_map(|source| source.precondition.iter().chain(&source.query));
    let mut sections: Vec<&Section> = artifact
        .precondition
        .iter()
        .chain(&artifact.export)
        .chain(sources)
        .collect();
    // From the end, so that line numbers stay valid.
    sections.sort_by_key(|section| std::cmp::Reverse(section.line));
    for section in sections {
        let start = section.line.saturating_sub(1) as usize;
        let Some(header) = start.checked_sub(1).and_then(|line| lines.get(line)) else {
            continue;
        };
        if !is_literal_block(header) {
            continue;
        }
        let owner = owner_column(header.trim_end());
        let end = block_end(&lines, start, owner);
        let laid_out = lay_out(&section.text).map_err(|diagnostics| {
            let problems = diagnostics.into_iter().map(|diagnostic| {
                let (line, column) = section.position(raw, diagnostic.span.start as usize);
                Problem::at(line, column, diagnostic.message)
            });
            Error::Invalid {
                artifact: artifact.name.clone(),
                problems: problems.collect(),
            }
        })?;
        let margin = " ".repeat(owner + 2);
        let block = laid_out.trim().lines().map(|line| match line.is_empty() {
            true => "\n".to_owned(),
            false => format!("{margin}{line}\n"),
        });
        lines.splice(start..end, block);
    }
    let mut text = lines.concat();
    if !raw.ends_with('\n') && text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

/// `query: |` and similar headers; folded blocks (`>`) and list items are left alone.
fn is_literal_block(header: &str) -> bool {
    let header = header.trim_end();
    let key = header.trim_start_matches([' ', '-']);
    opens_block(header)
        && ["query:", "export:", "precondition:"].iter().any(|known| {
            key.strip_prefix(known)
                .is_some_and(|rest| matches!(rest.trim(), "|" | "|-" | "|+"))
        })
}

/// The line after the last one of a block that has text.
fn block_end(lines: &[String], start: usize, owner: usize) -> usize {
    let mut end = start;
    for (at, line) in lines.iter().enumerate().skip(start) {
        if line.trim().is_empty() {
            continue;
        }
        if indent(line) <= owner {
            break;
        }
        end = at + 1;
    }
    end
}
