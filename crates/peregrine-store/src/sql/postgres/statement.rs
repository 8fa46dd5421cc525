//! Parameters as PostgreSQL writes them: `$1` for `?1`.

/// The statement with `$` instead of `?` before the numbers of its parameters. Quoted text stays as it is.
pub(super) fn translate(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut is_quoted = false;
    let mut characters = sql.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\'' => {
                is_quoted = !is_quoted;
                out.push('\'');
            }
            '?' if !is_quoted && characters.peek().is_some_and(char::is_ascii_digit) => out.push('$'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_renamed_and_texts_are_not() {
        assert_eq!(
            translate("SELECT a FROM t WHERE b = ?1 AND c = '?2 it''s ?1' AND d IN (?2, ?10)"),
            "SELECT a FROM t WHERE b = $1 AND c = '?2 it''s ?1' AND d IN ($2, $10)"
        );
    }
}
