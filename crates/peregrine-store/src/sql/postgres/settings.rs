//! Location of a PostgreSQL database and how to sign in: `postgres://user:password@host:5432/database?sslmode=…`.

use crate::{Error, Result};
use peregrine_tls::{Certificates, Verify};
use postgres::config::{Host, SslMode};
use postgres::{Client, Config};
use std::fmt;
use std::time::Duration;
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long sent data may stay unacknowledged before the connection counts as broken.
const PEER_TIMEOUT: Duration = Duration::from_secs(30);

/// Address of a database and the login. Never shows the password.
#[derive(Clone)]
pub struct PostgresSettings {
    config: Config,
    tls: rustls::ClientConfig,
    name: String,
}

impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresSettings").field(&self.name).finish()
    }
}

impl PostgresSettings {
    /// Parses an address. `sslmode` is `disable`, `prefer`, `require`, `verify-ca` or `verify-full`; the default is
    /// `prefer` for a server on this machine and `verify-full` otherwise. `sslrootcert`, `sslcert` and `sslkey` name PEM
    /// files; without `sslrootcert` the public authorities are trusted. Messages name keywords, never values: one may be
    /// a password.
    pub fn parse(address: &str) -> Result<PostgresSettings> {
        let bad = |why: String| Error::BadAddress(format!("address of the PostgreSQL database: {why}"));
        let mut url = Url::parse(address)
            .map_err(|error| bad(format!("{error}; it is `postgres://user@host/database`")))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(bad("it begins with `postgres://`".into()));
        }
        let mut certificates = Certificates::default();
        let (mut mode, mut own_certificate, mut own_key) = (None, None, None);
        let mut others: Vec<(String, String)> = Vec::new();
        let file =
            |path: &str| peregrine_tls::read_file(path).map_err(|why| bad(format!("certificate file {why}")));
        for (key, value) in url.query_pairs() {
            match &*key {
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => certificates.authorities = Some(file(&value)?),
                "sslcert" => own_certificate = Some(file(&value)?),
                "sslkey" => own_key = Some(file(&value)?),
                _ => others.push((key.into_owned(), value.into_owned())),
            }
        }
        certificates.own = match (own_certificate, own_key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err(bad("`sslcert` and `sslkey` belong together".into())),
        };
        url.set_query(None);
        if !others.is_empty() {
            url.query_pairs_mut().extend_pairs(&others);
        }
        let mut config: Config = url.as_str().parse().map_err(|error| {
            let error: postgres::Error = error;
            bad(super::describe(&error))
        })?;
        let is_here = config.get_hosts().iter().all(is_this_machine);
        let (mode, verify) = match (mode.as_deref(), is_here) {
            (Some("disable"), _) => (SslMode::Disable, Verify::Nothing),
            (Some("prefer"), _) | (None, true) => (SslMode::Prefer, Verify::Nothing),
            (Some("require"), _) => (SslMode::Require, Verify::Nothing),
            (Some("verify-ca"), _) => (SslMode::Require, Verify::Authority),
            (Some("verify-full"), _) | (None, false) => (SslMode::Require, Verify::AuthorityAndName),
            (Some(_), _) => {
                return Err(bad(
                    "`sslmode` is unknown; use disable, prefer, require, verify-ca or verify-full".into(),
                ));
            }
        };
        config.ssl_mode(mode).tcp_user_timeout(PEER_TIMEOUT);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("peregrine");
        }
        Ok(PostgresSettings {
            tls: peregrine_tls::config(verify, &certificates).map_err(bad)?,
            name: name(&config),
            config,
        })
    }

    /// Name of the database, for messages and the status page.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn connect(&self) -> Result<Client> {
        Ok(self.config.connect(MakeRustlsConnect::new(self.tls.clone()))?)
    }
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
    }
}

fn name(config: &Config) -> String {
    let hosts: Vec<String> = config
        .get_hosts()
        .iter()
        .map(|host| match host {
            Host::Unix(path) => path.display().to_string(),
            Host::Tcp(name) => name.clone(),
        })
        .collect();
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    format!("`{database}` on PostgreSQL server `{}`", hosts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown_and_bad_addresses_say_why() {
        let settings = PostgresSettings::parse("postgres://bob:geheim@db.example:5433/fleet").unwrap();
        assert_eq!(settings.name(), "`fleet` on PostgreSQL server `db.example`");
        assert!(!format!("{settings:?}").contains("geheim"));
        assert_eq!(
            settings.config.get_ssl_mode(),
            SslMode::Require,
            "another machine"
        );
        let here = PostgresSettings::parse("postgres://bob@127.0.0.1/fleet").unwrap();
        assert_eq!(here.config.get_ssl_mode(), SslMode::Prefer);
        for (address, why) in [
            ("mysql://bob:geheim@h/d", "begins with `postgres://`"),
            ("geheim", "it is `postgres://"),
            ("postgres://bob:geheim@h/d?sslmode=geheim", "verify-full"),
            ("postgres://bob:geheim@h/d?sslcert=/dev/null", "belong together"),
            ("postgres://bob:geheim@h/d?colour=geheim", "colour"),
        ] {
            let error = PostgresSettings::parse(address).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("geheim"), "{error}");
        }
    }
}
