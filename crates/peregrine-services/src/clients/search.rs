//! The search language: `all`, a word, an id, or a verb with a pattern, such as `host:web*`, `label:none`, `ip:10.` or
//! `site:berlin`, where `site` is a key of metadata.
//!
//! A pattern is the beginning of a term, a whole term with `*` for anything, or `beginning/expression/`.

use crate::{Error, Result};
use peregrine_base::suggest::did_you_mean;
use peregrine_store::{ClientFilter, Database, SearchField, TermKind, TermPattern};

/// Bytes of a search.
const MAX_TEXT: usize = 1000;

/// All verbs. Keys of metadata with these names cannot be searched.
pub(super) const VERBS: [&str; 7] = ["client", "duplicate", "host", "ip", "label", "mac", "recent"];

/// What a word without a verb finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// Host names, and addresses if it looks like one: for people.
    Anything,
    /// Host names only: for queries.
    HostNames,
}

/// A search that was understood, as far as that is possible without looking at the clients and the user.
#[derive(Debug, PartialEq)]
enum Search {
    For(ClientFilter),
    Recent,
    /// What stands before the colon should be a key of metadata. If there is none, the whole may still be an address.
    Metadata {
        key: String,
        pattern: TermPattern,
        address: Option<ClientFilter>,
    },
}

/// The filter for a search of this user; in queries on a stopped server there is none.
pub async fn filter(
    database: &dyn Database,
    user: Option<&str>,
    text: &str,
    words: Words,
) -> Result<ClientFilter> {
    match parse(text, words)? {
        Search::For(filter) => Ok(filter),
        Search::Recent => match user {
            Some(user) => Ok(ClientFilter::Recent(user.to_owned())),
            None => Err(Error::BadRequest(
                "`recent:` finds what a user opened; ask a running server".into(),
            )),
        },
        Search::Metadata {
            key,
            pattern,
            address,
        } => {
            let is_known = database
                .search_terms(SearchField::Metadata(key.clone()), "", 1)
                .await?;
            match (is_known.is_empty(), address) {
                (false, _) => Ok(ClientFilter::Metadata(key, pattern)),
                (true, Some(address)) => Ok(address),
                (true, None) => Err(unknown(database, &key).await?),
            }
        }
    }
}

async fn unknown(database: &dyn Database, verb: &str) -> Result<Error> {
    let keys = database.search_terms(SearchField::MetadataKey, "", 100).await?;
    let names = VERBS.into_iter().chain(keys.iter().map(String::as_str));
    let advice = did_you_mean(verb, names).map_or(String::new(), |advice| format!("; {advice}"));
    Ok(Error::BadRequest(format!(
        "`{verb}:` is no verb of searches, and no client has metadata with this key{advice}; verbs are {}",
        VERBS.join(", ")
    )))
}

fn parse(text: &str, words: Words) -> Result<Search> {
    let text = text.trim();
    if text.len() > MAX_TEXT {
        return Err(Error::BadRequest(format!(
            "the search has {} bytes; it may have {MAX_TEXT}",
            text.len()
        )));
    }
    if text.is_empty() || text.eq_ignore_ascii_case("all") {
        return Ok(Search::For(ClientFilter::All));
    }
    if begins_as_id(text) {
        return Ok(Search::For(ClientFilter::Id(pattern(text)?)));
    }
    let Some((verb, rest)) = text.split_once(':') else {
        return Ok(Search::For(word(text, words)?));
    };
    let (verb, rest) = (verb.trim(), rest.trim());
    let filter = match verb.to_ascii_lowercase().as_str() {
        "host" => by(TermKind::Name, rest)?,
        "ip" => by(TermKind::Address, rest)?,
        "mac" => by(TermKind::MacAddress, rest)?,
        "label" => label(rest)?,
        "client" => client(rest)?,
        "duplicate" => duplicate(rest)?,
        "recent" if rest.is_empty() => return Ok(Search::Recent),
        "recent" => {
            return Err(Error::BadRequest(format!(
                "`recent:` finds all clients you opened lately; leave `{rest}` out"
            )));
        }
        "" => {
            return Err(Error::BadRequest(format!(
                "before the colon of `{text}` a verb is missing; verbs are {}",
                VERBS.join(", ")
            )));
        }
        _ => {
            return Ok(Search::Metadata {
                key: verb.to_owned(),
                pattern: pattern(rest)?,
                address: address(text)?,
            });
        }
    };
    Ok(Search::For(filter))
}

fn word(text: &str, words: Words) -> Result<ClientFilter> {
    let mut kinds = vec![TermKind::Name];
    let is_numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | '*');
    if words == Words::Anything && text.chars().all(is_numeric) && text.contains(|c: char| c.is_ascii_digit())
    {
        kinds.push(TermKind::Address);
    }
    Ok(ClientFilter::Term(kinds, pattern(text)?))
}

/// The filter for a text that can be the beginning of an address with colons.
fn address(text: &str) -> Result<Option<ClientFilter>> {
    let is_part = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.' | '%' | '*');
    if !text.chars().all(is_part) {
        return Ok(None);
    }
    let kinds = vec![TermKind::Address, TermKind::MacAddress];
    Ok(Some(ClientFilter::Term(kinds, pattern(text)?)))
}

fn by(kind: TermKind, text: &str) -> Result<ClientFilter> {
    match is_open(text) {
        true => Ok(ClientFilter::All),
        false => Ok(ClientFilter::Term(vec![kind], pattern(text)?)),
    }
}

fn label(text: &str) -> Result<ClientFilter> {
    match text.to_lowercase().as_str() {
        "none" => Ok(ClientFilter::NoLabels),
        // Every client has it, although it is not shown.
        "all" => Ok(ClientFilter::All),
        _ => Ok(ClientFilter::Term(vec![TermKind::Label], pattern(text)?)),
    }
}

fn client(text: &str) -> Result<ClientFilter> {
    match text {
        text if is_open(text) => Ok(ClientFilter::All),
        text if begins_as_id(text) || text.starts_with(['*', '/']) => Ok(ClientFilter::Id(pattern(text)?)),
        rest => Ok(ClientFilter::Id(pattern(&format!("C.{rest}"))?)),
    }
}

fn duplicate(text: &str) -> Result<ClientFilter> {
    match text.to_ascii_lowercase().as_str() {
        "host" => Ok(ClientFilter::SameHostname),
        "mac" => Ok(ClientFilter::SameMacAddress),
        _ => Err(Error::BadRequest(format!(
            "`duplicate:` takes `host` or `mac`, not `{text}`: what several clients share"
        ))),
    }
}

pub(super) fn begins_as_id(text: &str) -> bool {
    text.starts_with("C.") || text.starts_with("c.")
}

fn is_open(text: &str) -> bool {
    text.chars().all(|c| c == '*')
}

fn pattern(text: &str) -> Result<TermPattern> {
    let expression = text.strip_suffix('/').and_then(|text| text.split_once('/'));
    let pattern = match expression {
        Some((prefix, expression)) => TermPattern::expression(prefix, expression),
        None => TermPattern::glob(text),
    };
    pattern.map_err(|error| {
        let why = error.to_string();
        // The last line says what is wrong, those before it where.
        let why = why
            .lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        Error::BadRequest(format!("the expression in `{text}` is not usable: {why}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn glob(text: &str) -> TermPattern {
        TermPattern::glob(text).unwrap()
    }

    fn term(kind: TermKind, text: &str) -> Search {
        Search::For(ClientFilter::Term(vec![kind], glob(text)))
    }

    #[test]
    fn verbs_and_words() {
        let id = |text: &str| Search::For(ClientFilter::Id(glob(text)));
        let metadata = |key: &str, text: &str, address: Option<&str>| Search::Metadata {
            key: key.to_owned(),
            pattern: glob(text),
            address: address
                .map(|text| ClientFilter::Term(vec![TermKind::Address, TermKind::MacAddress], glob(text))),
        };
        for (input, expected) in [
            ("", Search::For(ClientFilter::All)),
            (" All ", Search::For(ClientFilter::All)),
            ("C.12", id("C.12")),
            ("c.12", id("C.12")),
            ("client:12", id("C.12")),
            ("client:C.12*", id("C.12")),
            ("client:*12", id("*12")),
            ("host: web*", term(TermKind::Name, "web")),
            ("HOST:web*1", term(TermKind::Name, "web*1")),
            ("host:", Search::For(ClientFilter::All)),
            ("label:None", Search::For(ClientFilter::NoLabels)),
            ("label:all", Search::For(ClientFilter::All)),
            ("label:*", term(TermKind::Label, "")),
            ("label:team/a", term(TermKind::Label, "team/a")),
            ("ip:10.", term(TermKind::Address, "10.")),
            ("mac:aa:bb", term(TermKind::MacAddress, "aa:bb")),
            (
                "host:web/[0-9]$/",
                Search::For(ClientFilter::Term(
                    vec![TermKind::Name],
                    TermPattern::expression("web", "[0-9]$").unwrap(),
                )),
            ),
            ("recent:", Search::Recent),
            ("duplicate:host", Search::For(ClientFilter::SameHostname)),
            ("duplicate:MAC", Search::For(ClientFilter::SameMacAddress)),
            ("web1", term(TermKind::Name, "web1")),
            ("dept:it", metadata("dept", "it", None)),
            ("fe80::1", metadata("fe80", ":1", Some("fe80::1"))),
            ("aa:bb", metadata("aa", "bb", Some("aa:bb"))),
        ] {
            assert_eq!(parse(input, Words::Anything).unwrap(), expected, "{input}");
        }
        let both = ClientFilter::Term(vec![TermKind::Name, TermKind::Address], glob("10.0"));
        assert_eq!(parse("10.0", Words::Anything).unwrap(), Search::For(both));
        assert_eq!(
            parse("10.0", Words::HostNames).unwrap(),
            term(TermKind::Name, "10.0")
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (input, message) in [
            (":x", "before the colon of `:x` a verb is missing"),
            ("recent:web", "leave `web` out"),
            (
                "duplicate:label",
                "`duplicate:` takes `host` or `mac`, not `label`",
            ),
            (
                "host:/(/",
                "the expression in `/(/` is not usable: unclosed group",
            ),
            ("host:/(a{1000}){1000}/", "is not usable"),
            (&"x".repeat(1001), "the search has 1001 bytes; it may have 1000"),
        ] {
            let error = parse(input, Words::Anything).unwrap_err().to_string();
            assert!(error.contains(message), "{input}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_understood_or_refused_with_a_reason(
            text in prop_oneof![
                any::<String>(),
                "(host|label|ip|mac|client|recent|duplicate|C|[a-z]{0,3}):?[*/.:\\\\\\[({?+a-c0-9ß ]{0,12}",
            ],
        ) {
            for words in [Words::Anything, Words::HostNames] {
                if let Err(error) = parse(&text, words) {
                    let is_told = matches!(error, Error::BadRequest(why) if !why.is_empty());
                    prop_assert!(is_told);
                }
            }
        }
    }
}
