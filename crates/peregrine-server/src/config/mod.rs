//! The server's configuration: YAML with the reference's keys. The first start generates one, including all keys.

mod api_client;
mod generate;
mod sections;

pub use generate::Options;
pub use sections::*;

use crate::{Error, Result};
use peregrine_artifacts::resources::Defaults as Limits;
use peregrine_server_vql::run::QueryLimits;
use peregrine_services::{Settings, Storage};
use peregrine_store::{PostgresSettings, SqlAddress};
use peregrine_wire::{Obfuscator, PrivateKey, Vault};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::{NamedTempFile, PersistError};

/// File names inside the datastore folder.
const SERVER_FILE: &str = "server.config.yaml";
const CLIENT_FILE: &str = "client.config.yaml";

/// A whole configuration file. `Debug` shows only its addresses, so that keys and passwords do not get into a log.
#[derive(Clone, Serialize, Deserialize)]
pub struct Config {
    /// Informational.
    #[serde(default)]
    pub version: Version,
    /// The section that agents get too.
    #[serde(rename = "Client")]
    pub client: ClientSection,
    /// The GUI and REST listener.
    #[serde(rename = "GUI", default)]
    pub gui: GuiSection,
    /// The listener for programs; without the section there is none.
    #[serde(rename = "API", default, skip_serializing_if = "Option::is_none")]
    pub api: Option<ApiSection>,
    /// The deployment's authority.
    #[serde(rename = "CA", default)]
    pub ca: CaSection,
    /// The agents' listener.
    #[serde(rename = "Frontend")]
    pub frontend: FrontendSection,
    /// Where data is stored.
    #[serde(rename = "Datastore")]
    pub datastore: DatastoreSection,
    /// Key that obfuscates artifact names sent to agents.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub obfuscation_nonce: String,
    /// Where mail is sent.
    #[serde(rename = "Mail", default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailSection>,
    /// Intervals and limits.
    #[serde(default)]
    pub defaults: DefaultsSection,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("client", &self.client.server_urls)
            .field("gui", &(&self.gui.bind_address, self.gui.bind_port))
            .field(
                "frontend",
                &(&self.frontend.bind_address, self.frontend.bind_port),
            )
            .finish_non_exhaustive()
    }
}

impl Config {
    /// Reads a configuration file.
    pub fn load(path: &Path) -> Result<Config> {
        let text = fs::read_to_string(path).map_err(|error| Error::Io(path.display().to_string(), error))?;
        Config::parse(&text)
    }

    /// Reads a configuration text and checks it.
    pub fn parse(text: &str) -> Result<Config> {
        let config: Config =
            serde_saphyr::from_str(text).map_err(|error| Error::Config(format!("configuration: {error}")))?;
        config.check()?;
        Ok(config)
    }

    /// The configuration in a datastore folder. Without one, creates the folder, the keys, and both the server's and the
    /// agents' file.
    pub fn load_or_generate(options: &Options) -> Result<Config> {
        let path = Config::server_file(&options.datastore);
        if path.exists() {
            return Config::load(&path);
        }
        let config = generate::generate(options)?;
        fs::create_dir_all(&options.datastore)
            .map_err(|error| Error::Io(options.datastore.display().to_string(), error))?;
        write_private(&Config::client_file(&options.datastore), &config.client_config()?)?;
        // Written last: once the server file exists, everything else does too.
        write_private(&path, &config.to_yaml()?)?;
        Ok(config)
    }

    /// Where [`Config::load_or_generate`] keeps the server's configuration.
    pub fn server_file(datastore: &Path) -> PathBuf {
        datastore.join(SERVER_FILE)
    }

    /// Where [`Config::load_or_generate`] writes the agents' configuration.
    pub fn client_file(datastore: &Path) -> PathBuf {
        datastore.join(CLIENT_FILE)
    }

    /// The database of the server whose datastore is this folder.
    pub fn database(&self, folder: &Path) -> Result<SqlAddress> {
        let Some(url) = self.datastore.database.as_deref() else {
            return Ok(Storage::embedded_database(folder));
        };
        let settings = PostgresSettings::parse(url)
            .map_err(|error| Error::Config(format!("`Datastore.database` in the configuration: {error}")))?;
        Ok(settings.into())
    }

    /// As [`Config::database`], with the configuration found in the folder; without one, the embedded database there.
    pub fn database_in(folder: &Path) -> Result<SqlAddress> {
        match Config::find_in(folder)? {
            Some(config) => config.database(folder),
            None => Ok(Storage::embedded_database(folder)),
        }
    }

    /// The configuration in a datastore folder, if there is one.
    pub fn find_in(folder: &Path) -> Result<Option<Config>> {
        let file = Config::server_file(folder);
        if !file.exists() {
            return Ok(None);
        }
        Config::load(&file).map(Some)
    }

    /// The configuration as YAML.
    pub fn to_yaml(&self) -> Result<String> {
        serde_saphyr::to_string(self).map_err(|error| Error::Config(error.to_string()))
    }

    /// The configuration text for agents; it contains none of the server's secrets.
    pub fn client_config(&self) -> Result<String> {
        let config = peregrine_wire::config::Config {
            version: self.version.clone(),
            client: self.client.clone(),
        };
        Ok(config.to_yaml()?)
    }

    /// The private key of the certificate that agents encrypt to.
    pub(crate) fn server_key(&self) -> Result<PrivateKey> {
        Ok(PrivateKey::from_pem(&self.frontend.private_key)?)
    }

    /// Obfuscates artifact names sent to agents; `None` when switched off.
    pub(crate) fn obfuscator(&self) -> Option<Obfuscator> {
        if self.frontend.do_not_compress_artifacts {
            return None;
        }
        Some(match self.obfuscation_nonce.as_str() {
            "" => Obfuscator::new(&Obfuscator::default_nonce(&self.frontend.private_key)),
            nonce => Obfuscator::new(nonce),
        })
    }

    /// The part of the configuration that the services need.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            collection: Limits {
                timeout: self.defaults.collection_timeout,
                max_rows: self.defaults.collection_max_rows,
                max_upload_bytes: self.defaults.collection_max_upload_bytes,
            },
            collection_error_regex: self.frontend.collection_error_regex.clone(),
            monitoring: self.frontend.default_client_monitoring_artifacts.clone(),
            server_monitoring: self.frontend.default_server_monitoring_artifacts.clone(),
            event_max_wait: self.defaults.event_max_wait,
            event_max_wait_jitter: self.defaults.event_max_wait_jitter,
            max_poll: self.client.max_poll,
            session_minutes: self.gui.session_expiry_min,
            hunt_expiry_hours: self.defaults.hunt_expiry_hours,
            event_days: self.defaults.event_days,
            host: generate::host_name(),
        }
    }

    pub(crate) fn query_limits(&self) -> QueryLimits {
        QueryLimits {
            timeout: Duration::from_secs(self.defaults.query_timeout),
            rows: self.defaults.query_max_rows,
            per_user: self.defaults.queries_per_user,
            all: self.defaults.queries,
        }
    }

    /// Encrypts secrets that must be stored, with a key that is not in the database.
    pub(crate) fn vault(&self) -> Result<Vault> {
        Ok(Vault::new(
            "peregrine secrets at rest",
            &self.frontend.private_key,
        )?)
    }

    fn check(&self) -> Result<()> {
        let missing = |what: &str| {
            Err(Error::Config(format!(
                "configuration has no `{what}`; add it or generate a new one"
            )))
        };
        if self.client.ca_certificate.is_empty() {
            return missing("Client.ca_certificate");
        }
        if self.client.nonce.is_empty() {
            return missing("Client.nonce");
        }
        if self.frontend.certificate.is_empty() || self.frontend.private_key.is_empty() {
            return missing("Frontend.certificate` and `Frontend.private_key");
        }
        if self.datastore.bus.is_none() && !self.datastore.bus_options.is_empty() {
            return missing("Datastore.bus` for its `bus_options");
        }
        for url in &self.client.server_urls {
            if !url.ends_with('/') {
                return Err(Error::Config(format!(
                    "`Client.server_urls`: `{url}` must end with `/`"
                )));
            }
        }
        Ok(())
    }
}

/// Writes a file atomically that only its owner can read.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let written = written_private(path, text)?;
    let failed = |error: PersistError| Error::Io(path.display().to_string(), error.error);
    written.persist(path).map(drop).map_err(failed)
}

/// As it, but never in place of an existing file.
fn write_new_private(path: &Path, text: &str) -> Result<()> {
    let written = written_private(path, text)?;
    written
        .persist_noclobber(path)
        .map(drop)
        .map_err(|error| match error.error.kind() {
            ErrorKind::AlreadyExists => exists(path),
            _ => Error::Io(path.display().to_string(), error.error),
        })
}

fn exists(path: &Path) -> Error {
    Error::Config(format!(
        "`{}` exists already; choose another name, or replace it with --overwrite",
        path.display()
    ))
}

/// A temporary file with this text, in the folder of the file it is to become.
fn written_private(path: &Path, text: &str) -> Result<NamedTempFile> {
    let failed = |error| Error::Io(path.display().to_string(), error);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".config")
        .tempfile_in(folder)
        .map_err(failed)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.as_file().sync_all())
        .map_err(failed)?;
    Ok(file)
}
