//! Changes the text of a definition before it is stored.

/// The definition with `prefix` before its name, unless the name already has it. This is how editing a
/// built-in definition starts (`Custom.`), and how packs are kept apart.
#[must_use]
pub fn with_prefix(raw: &str, prefix: &str) -> String {
    let mut out = String::with_capacity(raw.len() + prefix.len());
    let mut is_done = prefix.is_empty();
    for line in raw.split_inclusive('\n') {
        match line.strip_prefix("name:") {
            Some(rest) if !is_done => {
                is_done = true;
                let name = rest.trim_start_matches(' ');
                let quote = name.chars().next().filter(|c| matches!(c, '"' | '\''));
                let bare = quote.map_or(name, |quote| name.strip_prefix(quote).unwrap_or(name));
                out.push_str("name: ");
                out.extend(quote);
                if !bare.starts_with(prefix) {
                    out.push_str(prefix);
                }
                out.push_str(bare);
            }
            _ => out.push_str(line),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::with_prefix;

    #[test]
    fn the_first_name_gets_the_prefix_once() {
        let raw = "# name: x\nname:   A.B\nparameters:\n- name: p\n";
        let custom = with_prefix(raw, "Custom.");
        assert_eq!(custom, "# name: x\nname: Custom.A.B\nparameters:\n- name: p\n");
        assert_eq!(with_prefix(&custom, "Custom."), custom);
        assert_eq!(with_prefix("name: 'A'\n", "P."), "name: 'P.A'\n");
        assert_eq!(with_prefix(raw, ""), raw);
    }
}
