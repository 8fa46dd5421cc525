//! The search box: `host:web*`, `label:prod`, `ip:10.`, `mac:`, `C.1234`, or words.

use peregrine_store::ClientFilter;

/// The filter for a search text. Never fails: text without a known prefix searches everything.
pub fn parse(text: &str) -> ClientFilter {
    let text = text.trim();
    if text.is_empty() || text == "all" {
        return ClientFilter::All;
    }
    if text.starts_with("C.") {
        return ClientFilter::Id(text.to_owned());
    }
    let Some((verb, rest)) = text.split_once(':') else {
        return ClientFilter::Any(text.to_owned());
    };
    let rest = rest.trim().to_owned();
    match verb {
        "host" => ClientFilter::Host(rest),
        "client" => ClientFilter::Id(rest),
        "label" if rest == "none" => ClientFilter::NoLabels,
        "label" if rest == "all" => ClientFilter::All,
        "label" => ClientFilter::Label(rest),
        "ip" => ClientFilter::Ip(rest),
        "mac" => ClientFilter::Mac(rest),
        // IPv6 and MAC addresses contain colons, too.
        _ if rest.is_empty() || text.matches(':').count() > 1 => ClientFilter::Any(text.to_owned()),
        key => ClientFilter::Metadata(key.to_owned(), rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_and_words() {
        let text = str::to_owned;
        for (input, expected) in [
            ("", ClientFilter::All),
            ("C.12", ClientFilter::Id(text("C.12"))),
            ("host: web*", ClientFilter::Host(text("web*"))),
            ("label:none", ClientFilter::NoLabels),
            ("label:x", ClientFilter::Label(text("x"))),
            ("web1", ClientFilter::Any(text("web1"))),
            ("fe80::1", ClientFilter::Any(text("fe80::1"))),
            ("dept:it", ClientFilter::Metadata(text("dept"), text("it"))),
        ] {
            assert_eq!(parse(input), expected, "{input}");
        }
    }
}
