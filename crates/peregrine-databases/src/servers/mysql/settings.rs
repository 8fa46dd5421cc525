//! The address of a MySQL server and the credentials: `user:password@tcp(host:port)/database?tls=true`.
//!
//! The format is that of Go's driver, which users of the language know. Messages contain names of known
//! parameters, but never values.

use std::time::Duration;

use peregrine_engine::prelude::*;
use url::form_urlencoded;

/// How to reach a server and sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) address: Address,
    pub(super) database: Option<String>,
    pub(super) encryption: Encryption,
    /// A file with the certificates of the trusted authorities; the public ones when left out.
    pub(super) authorities: Option<String>,
    pub(super) connect_timeout: Duration,
    pub(super) read_timeout: Option<Duration>,
    pub(super) max_message: Option<usize>,
    pub(super) takes_clear_password: bool,
    pub(super) counts_found_rows: bool,
    pub(super) charset: Option<String>,
    /// Variables of the session, in the server's own syntax.
    pub(super) variables: Vec<(String, String)>,
    pub(super) clock: Clock,
}

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Tcp(String, u16),
    Socket(String),
}

/// Whether the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    Never,
    /// If the server supports it, without checking its certificate.
    Preferred,
    /// Without checking the certificate.
    Unverified,
    Verified,
}

/// How to interpret times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// Whether dates are converted to times at all.
    pub(super) are_times: bool,
    /// The zone of times that do not name one.
    pub(super) zone: ZoneId,
    /// Whether the session has its own zone, in which the server also returns instants.
    pub(super) has_session_zone: bool,
}

impl Settings {
    /// The server, for messages.
    pub(super) fn name(&self) -> String {
        match &self.address {
            Address::Tcp(host, port) => format!("{host}:{port}"),
            Address::Socket(path) => path.clone(),
        }
    }
}

const FORM: &str = "write `user:password@tcp(host:3306)/database`";
const DEFAULT_PORT: u16 = 3306;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads a connection string.
pub(super) fn parse(text: &str) -> Result<Settings, String> {
    // A password may contain any character, so the last `/` counts; after an address in brackets, values may
    // contain one, too.
    let (server, rest) = match text.rfind(")/") {
        Some(at) => text.split_at(at + 1),
        None => text.rfind('/').map_or((text, ""), |at| text.split_at(at)),
    };
    let rest = rest
        .strip_prefix('/')
        .ok_or_else(|| format!("`connstring` has no `/` before the database; {FORM}"))?;
    let (database, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (account, address) = server.rsplit_once('@').unwrap_or(("", server));
    let (user, password) = match account.split_once(':') {
        Some((user, password)) => (user, Some(password.to_owned())),
        None => (account, None),
    };
    let mut settings = Settings {
        user: user.to_owned(),
        password,
        address: parse_address(address)?,
        database: Some(unescape(database)).filter(|name| !name.is_empty()),
        encryption: Encryption::Never,
        authorities: None,
        connect_timeout: DEFAULT_TIMEOUT,
        read_timeout: None,
        max_message: None,
        takes_clear_password: false,
        counts_found_rows: false,
        charset: None,
        variables: Vec::new(),
        clock: Clock {
            are_times: true,
            zone: ZoneId::UTC,
            has_session_zone: false,
        },
    };
    for parameter in parameters.split('&').filter(|text| !text.is_empty()) {
        let (key, value) = parameter
            .split_once('=')
            .ok_or("a parameter of `connstring` has no `=`; write `?name=value&name=value`")?;
        set(&mut settings, key, &unescape(value))?;
    }
    Ok(settings)
}

fn parse_address(text: &str) -> Result<Address, String> {
    let (network, address) = match text.split_once('(') {
        Some((network, rest)) => {
            let address = rest.strip_suffix(')').ok_or_else(|| {
                format!("`connstring` does not close the bracket after the address; {FORM}")
            })?;
            (network, address)
        }
        None => (text, ""),
    };
    match (network, address) {
        ("tcp" | "", "") => Ok(Address::Tcp("127.0.0.1".to_owned(), DEFAULT_PORT)),
        ("tcp" | "", address) => tcp_address(address),
        ("unix", "") => Ok(Address::Socket("/tmp/mysql.sock".to_owned())),
        ("unix", path) => Ok(Address::Socket(path.to_owned())),
        _ => Err(format!(
            "`connstring` names a network that is neither tcp nor unix; {FORM}"
        )),
    }
}

fn tcp_address(address: &str) -> Result<Address, String> {
    let (host, port) = match address.rsplit_once(':') {
        // Colons within brackets belong to an IPv6 address.
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (address, ""),
    };
    let port = match port {
        "" => DEFAULT_PORT,
        port => port
            .parse()
            .map_err(|_| "the port in `connstring` is not a number up to 65535".to_owned())?,
    };
    Ok(Address::Tcp(host.trim_matches(['[', ']']).to_owned(), port))
}

/// `%2F` and `+`.
fn unescape(text: &str) -> String {
    let pair = format!("a={}", text.replace('&', "%26"));
    form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn set(settings: &mut Settings, key: &str, value: &str) -> Result<(), String> {
    match key {
        "tls" => {
            settings.encryption = match value {
                "false" | "False" | "0" => Encryption::Never,
                "true" | "True" | "1" => Encryption::Verified,
                "skip-verify" => Encryption::Unverified,
                "preferred" => Encryption::Preferred,
                _ => {
                    return Err(
                        "`tls` in `connstring` is unknown; use true, false, skip-verify or preferred"
                            .to_owned(),
                    );
                }
            };
        }
        "ssl-ca" => settings.authorities = Some(value.to_owned()),
        "timeout" => settings.connect_timeout = duration(key, value)?.unwrap_or(DEFAULT_TIMEOUT),
        "readTimeout" => settings.read_timeout = duration(key, value)?,
        "maxAllowedPacket" => {
            let bytes: usize = value
                .parse()
                .map_err(|_| "`maxAllowedPacket` in `connstring` is not a number".to_owned())?;
            settings.max_message = Some(bytes).filter(|bytes| *bytes > 0);
        }
        "allowCleartextPasswords" => settings.takes_clear_password = is_true(value),
        "clientFoundRows" => settings.counts_found_rows = is_true(value),
        "parseTime" => settings.clock.are_times = is_true(value),
        "loc" => {
            settings.clock.zone = ZoneId::named(value).ok_or(
                "`loc` in `connstring` is not a time zone such as `Europe/Berlin`, `Local` or `UTC`",
            )?;
        }
        "charset" => {
            // There may be several, of which the first that the server knows counts; servers know all of them
            // nowadays.
            let first = value.split(',').next().unwrap_or_default();
            settings.charset = Some(name_of_setting(first)?);
        }
        "collation" => {
            let value = format!("'{}'", name_of_setting(value)?);
            settings
                .variables
                .push(("collation_connection".to_owned(), value));
        }
        "allowAllFiles" | "multiStatements" | "allowOldPasswords" if is_true(value) => {
            return Err(format!("`{key}` in `connstring` is not allowed; leave it out"));
        }
        "serverPubKey" | "compress" if !matches!(value, "" | "false") => {
            return Err(format!("`{key}` in `connstring` is not built; leave it out"));
        }
        // These have no effect here.
        "allowAllFiles"
        | "multiStatements"
        | "allowOldPasswords"
        | "serverPubKey"
        | "compress"
        | "writeTimeout"
        | "allowNativePasswords"
        | "checkConnLiveness"
        | "columnsWithAlias"
        | "interpolateParams"
        | "rejectReadOnly"
        | "connectionAttributes"
        | "allowFallbackToPlaintext"
        | "timeTruncate" => {}
        _ => {
            settings.clock.has_session_zone |= key.eq_ignore_ascii_case("time_zone");
            settings.variables.push((name_of_setting(key)?, value.to_owned()));
        }
    }
    Ok(())
}

fn is_true(value: &str) -> bool {
    matches!(value, "true" | "True" | "TRUE" | "1")
}

fn name_of_setting(text: &str) -> Result<String, String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.is_empty() || !text.chars().all(is_name) {
        return Err("a parameter of `connstring` is not the name of a setting".to_owned());
    }
    Ok(text.to_owned())
}

/// `30s`, `1m30s`, `500ms`; 0 for none.
fn duration(key: &str, text: &str) -> Result<Option<Duration>, String> {
    let bad = || format!("`{key}` in `connstring` is not a duration such as `30s` or `500ms`");
    if text == "0" {
        return Ok(None);
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(bad)?;
        let (number, after) = rest.split_at(digits);
        let unit_end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, later) = after.split_at(unit_end);
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return Err(bad()),
        };
        let number: f64 = number.parse().map_err(|_| bad())?;
        let part = Duration::try_from_secs_f64(number * seconds).map_err(|_| bad())?;
        total = total.checked_add(part).ok_or_else(bad)?;
        rest = later;
    }
    Ok(Some(total).filter(|total| !total.is_zero()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn address(text: &str) -> Address {
        parse(text).unwrap().address
    }

    #[test]
    fn forms_that_users_know() {
        let settings =
            parse("bob:a/b@c:d?e@tcp([::1]:99)/my%2Fdb?timeout=1m30s&sql_mode=%27ANSI%27").unwrap();
        assert_eq!(settings.user, "bob");
        assert_eq!(settings.password.as_deref(), Some("a/b@c:d?e"));
        assert_eq!(settings.address, Address::Tcp("::1".to_owned(), 99));
        assert_eq!(settings.database.as_deref(), Some("my/db"));
        assert_eq!(settings.connect_timeout, Duration::from_secs(90));
        assert_eq!(settings.variables, [("sql_mode".to_owned(), "'ANSI'".to_owned())]);
        assert_eq!(address("/"), Address::Tcp("127.0.0.1".to_owned(), 3306));
        assert_eq!(address("bob@tcp(db)/x"), Address::Tcp("db".to_owned(), 3306));
        assert_eq!(address("bob@(db:5)/x"), Address::Tcp("db".to_owned(), 5));
        assert_eq!(
            address("bob@unix(/run/m.sock)/x?ssl-ca=/a/b"),
            Address::Socket("/run/m.sock".to_owned())
        );
        assert!(parse("bob@tcp(db)/x?multiStatements=true").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_settings_or_an_error(text in "\\PC*") {
            let _ = parse(&text);
        }

        #[test]
        fn any_near_miss_is_settings_or_an_error(
            text in "([a-c:@/?()&=%+.]|tcp|unix|tls|timeout|readTimeout|loc|true|1s|\\[|\\]|é){0,24}"
        ) {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_written_is_read(user in "[a-z]{1,8}", password in "[ -~]{0,12}", port in 1u16..) {
            let settings = parse(&format!("{user}:{password}@tcp(db.example:{port})/x?tls=true")).unwrap();
            prop_assert_eq!(settings.user, user);
            prop_assert_eq!(settings.password, Some(password));
            prop_assert_eq!(settings.address, Address::Tcp("db.example".to_owned(), port));
            prop_assert_eq!(settings.encryption, Encryption::Verified);
        }
    }
}
