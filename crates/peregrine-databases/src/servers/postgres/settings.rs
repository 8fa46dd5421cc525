//! The address of a PostgreSQL server and the credentials: `postgres://user@host/database?sslmode=…` or
//! `host=… user=…`.
//!
//! Both are the formats of the server's own tools. Messages contain known keywords, but never values: a
//! misunderstood part of the text may be part of a password.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use peregrine_tls::{self as tls, Certificates, Verify};

/// How to reach a server and sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) database: String,
    pub(super) encryption: Encryption,
    pub(super) certificates: Certificates,
    pub(super) connect_timeout: Duration,
    pub(super) application_name: String,
    /// Settings of the session, in the format of the server's command line.
    pub(super) options: String,
}

/// Whether the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    Never,
    /// If the server supports it.
    Preferred,
    Always(Verify),
}

impl Settings {
    /// The socket file, when the host is a folder.
    pub(super) fn socket(&self) -> Option<PathBuf> {
        let is_folder = self.host.starts_with('/');
        is_folder.then(|| PathBuf::from(&self.host).join(format!(".s.PGSQL.{}", self.port)))
    }

    /// The server, for messages.
    pub(super) fn name(&self) -> String {
        match self.socket() {
            Some(path) => path.display().to_string(),
            None => format!("{}:{}", self.host, self.port),
        }
    }
}

const DEFAULT_PORT: u16 = 5432;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads a connection string of either form.
pub(super) fn parse(text: &str) -> Result<Settings, String> {
    let text = text.trim();
    let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
    let pairs = if is_url {
        url_pairs(text)?
    } else {
        keyword_pairs(text)?
    };
    settings(&pairs)
}

fn url_pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    // `user@/database` has an empty host, which the library refuses.
    let start = text.find("://").map_or(0, |at| at + 3);
    let end = text.get(start..).and_then(|rest| rest.find(['/', '?']));
    let end = end.map_or(text.len(), |at| start + at);
    let (before, after) = text.split_at(end);
    let text = match before.ends_with('@') {
        true => format!("{before}localhost{after}"),
        false => text.to_owned(),
    };
    let url = Url::parse(&text).map_err(|error| format!("`connstring` is not a URL: {error}"))?;
    let decode = |text: &str| -> Result<String, String> {
        let bytes = percent_decode(text);
        String::from_utf8(bytes).map_err(|_| "a part of the URL in `connstring` is not UTF-8".to_owned())
    };
    let mut pairs = Vec::new();
    let mut add = |key: &str, value: String| {
        if !value.is_empty() {
            pairs.push((key.to_owned(), value));
        }
    };
    add("user", decode(url.username())?);
    add("password", decode(url.password().unwrap_or_default())?);
    // An IPv6 address is written in brackets.
    add(
        "host",
        decode(url.host_str().unwrap_or_default().trim_matches(['[', ']']))?,
    );
    add(
        "port",
        url.port().map(|port| port.to_string()).unwrap_or_default(),
    );
    add("dbname", decode(url.path().trim_start_matches('/'))?);
    for (key, value) in url.query_pairs() {
        add(&key, value.into_owned());
    }
    Ok(pairs)
}

fn percent_decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high << 4 | low) as u8);
                at += 3;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}

/// `key=value key='a value' key = value`, with `\` before a literal character.
fn keyword_pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            return Ok(pairs);
        }
        let mut key = String::new();
        while let Some(c) = chars.next_if(|c| !c.is_whitespace() && *c != '=') {
            key.push(c);
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.next() != Some('=') {
            return Err(format!(
                "keyword {} of `connstring` has no `=`; write `host=… user=… dbname=…`, and values with spaces in single quotes",
                pairs.len() + 1
            ));
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let is_quoted = chars.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        loop {
            match chars.next() {
                Some('\'') if is_quoted => break,
                Some(c) if c.is_whitespace() && !is_quoted => break,
                Some('\\') => match chars.next() {
                    Some(c) => value.push(c),
                    None => return Err("`connstring` ends after a `\\`".to_owned()),
                },
                Some(c) => value.push(c),
                None if is_quoted => return Err("a quote in `connstring` is not closed".to_owned()),
                None => break,
            }
        }
        pairs.push((key, value));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever gives no name is, as for libpq, who runs this program"
)]
fn settings(pairs: &[(String, String)]) -> Result<Settings, String> {
    let mut settings = Settings {
        host: "localhost".to_owned(),
        port: DEFAULT_PORT,
        user: std::env::var("USER").unwrap_or_default(),
        password: None,
        database: String::new(),
        encryption: Encryption::Always(Verify::Nothing),
        certificates: Certificates::default(),
        connect_timeout: DEFAULT_TIMEOUT,
        application_name: "peregrine".to_owned(),
        options: String::new(),
    };
    let mut files = Files::default();
    for (key, value) in pairs {
        let value = value.clone();
        match key.as_str() {
            "host" => settings.host = value,
            "port" => {
                settings.port = value
                    .parse()
                    .map_err(|_| "`port` of `connstring` is not a number up to 65535".to_owned())?;
            }
            "user" => settings.user = value,
            "password" => settings.password = Some(value),
            "dbname" | "database" => settings.database = value,
            "sslmode" => settings.encryption = encryption(&value)?,
            "sslrootcert" => files.authorities = value,
            "sslcert" => files.certificate = value,
            "sslkey" => files.key = value,
            "sslinline" => files.are_inline = matches!(value.as_str(), "true" | "1"),
            "connect_timeout" => {
                let seconds: u64 = value
                    .parse()
                    .map_err(|_| "`connect_timeout` of `connstring` is not a number of seconds".to_owned())?;
                if seconds > 0 {
                    settings.connect_timeout = Duration::from_secs(seconds);
                }
            }
            "application_name" => settings.application_name = value,
            "fallback_application_name" => {}
            "options" => add_option(&mut settings.options, &value),
            "passfile"
            | "service"
            | "krbsrvname"
            | "krbspn"
            | "gssencmode"
            | "sslpassword"
            | "target_session_attrs"
            | "hostaddr" => {
                return Err(format!("`{key}` in `connstring` is not built; leave it out"));
            }
            _ => {
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
                if key.is_empty() || !key.chars().all(is_name) {
                    return Err(
                        "a keyword in `connstring` is not the name of a setting; put values with spaces in single quotes"
                            .to_owned(),
                    );
                }
                add_option(&mut settings.options, &format!("-c {key}={}", escape(&value)));
            }
        }
    }
    if settings.user.is_empty() {
        return Err("`connstring` names no user; give `user`".to_owned());
    }
    if settings.database.is_empty() {
        settings.database.clone_from(&settings.user);
    }
    // As in the server's own tools: an authority that is given is used.
    if settings.encryption == Encryption::Always(Verify::Nothing) && !files.authorities.is_empty() {
        settings.encryption = Encryption::Always(Verify::Authority);
    }
    if settings.socket().is_some() {
        settings.encryption = Encryption::Never;
    }
    if settings.encryption != Encryption::Never {
        settings.certificates = files.read()?;
    }
    Ok(settings)
}

fn encryption(mode: &str) -> Result<Encryption, String> {
    Ok(match mode {
        "disable" => Encryption::Never,
        "allow" | "prefer" => Encryption::Preferred,
        "require" | "" => Encryption::Always(Verify::Nothing),
        "verify-ca" => Encryption::Always(Verify::Authority),
        "verify-full" => Encryption::Always(Verify::AuthorityAndName),
        _ => {
            return Err(
                "`sslmode` in `connstring` is unknown; use disable, allow, prefer, require, verify-ca or verify-full"
                    .to_owned(),
            );
        }
    })
}

fn add_option(options: &mut String, more: &str) {
    if !options.is_empty() {
        options.push(' ');
    }
    options.push_str(more);
}

/// A value on the server's command line.
fn escape(value: &str) -> String {
    let mut escaped = String::new();
    for c in value.chars() {
        if c.is_whitespace() || c == '\\' {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Paths of certificate files.
#[derive(Default)]
struct Files {
    authorities: String,
    certificate: String,
    key: String,
    are_inline: bool,
}

impl Files {
    fn read(&self) -> Result<Certificates, String> {
        let content = |text: &str| match self.are_inline {
            true => Ok(text.as_bytes().to_vec()),
            false => tls::read_file(text),
        };
        let authorities = match self.authorities.as_str() {
            "" | "system" => None,
            text => Some(content(text)?),
        };
        let own = match (self.certificate.as_str(), self.key.as_str()) {
            ("", "") => None,
            ("", _) | (_, "") => return Err("give both `sslcert` and `sslkey` in `connstring`".to_owned()),
            (certificate, key) => Some((content(certificate)?, content(key)?)),
        };
        Ok(Certificates { authorities, own })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_forms() {
        let settings = parse(
            r"host = db  port=99 user=bob password='it\'s a \\' dbname=x sslmode=disable search_path=a\ b",
        )
        .unwrap();
        assert_eq!((settings.host.as_str(), settings.port), ("db", 99));
        assert_eq!(settings.password.as_deref(), Some(r"it's a \"));
        assert_eq!(settings.encryption, Encryption::Never);
        assert_eq!(settings.options, r"-c search_path=a\ b");
        let settings =
            parse("postgresql://bob:p%40ss%2F@[::1]:99/my%20db?sslmode=verify-full&connect_timeout=3")
                .unwrap();
        assert_eq!((settings.host.as_str(), settings.port), ("::1", 99));
        assert_eq!(settings.password.as_deref(), Some("p@ss/"));
        assert_eq!(settings.database, "my db");
        assert_eq!(settings.encryption, Encryption::Always(Verify::AuthorityAndName));
        assert_eq!(settings.connect_timeout, Duration::from_secs(3));
        let settings = parse("postgres://bob@/x?host=/run/postgresql").unwrap();
        assert_eq!(
            settings.socket(),
            Some(PathBuf::from("/run/postgresql/.s.PGSQL.5432"))
        );
        assert_eq!(parse("user=bob").unwrap().database, "bob");
    }

    proptest! {
        #[test]
        fn any_text_is_settings_or_an_error(text in "\\PC*") {
            let _ = parse(&text);
            let _ = parse(&format!("postgres://{text}"));
        }

        #[test]
        fn any_near_miss_is_settings_or_an_error(text in "([a-c='\\\\ %:@/?&]|host|user|port|sslmode|é){0,24}") {
            let _ = parse(&text);
            let _ = parse(&format!("postgres://{text}"));
        }

        #[test]
        fn what_is_written_is_read(user in "[a-z]{1,8}", password in "\\PC{0,12}", port in 1u16..) {
            let quoted = password.replace('\\', "\\\\").replace('\'', "\\'");
            let settings = parse(&format!("user={user} password='{quoted}' port={port}")).unwrap();
            prop_assert_eq!(settings.user, user);
            prop_assert_eq!(settings.password, Some(password));
            prop_assert_eq!(settings.port, port);
        }
    }
}
