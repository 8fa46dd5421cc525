//! The file that lets a program use the API of a server: where it is, which authority it must prove itself with, and a certificate
//! whose common name is the user. Keys are spelled as in the files of existing deployments.

use crate::yaml::{self, is_default};
use crate::{Error, Result, pki};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Scheme of an address that is a socket in the file system.
const UNIX: &str = "unix://";

/// An API client file.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiClientConfig {
    /// PEM of the deployment's authority.
    pub ca_certificate: String,
    /// PEM of the user's certificate.
    pub client_cert: String,
    /// PEM of the certificate's RSA key.
    pub client_private_key: String,
    /// An [`ApiAddress`].
    pub api_connection_string: String,
    /// The user.
    pub name: String,
    /// The name in the server's certificate, whatever the address is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pinned_server_name: String,
    /// Largest message to be accepted, in bytes; 0 leaves it to the program.
    #[serde(skip_serializing_if = "is_default")]
    pub max_grpc_recv_size: u64,
}

impl ApiClientConfig {
    /// Reads a file, and checks that nothing is missing.
    pub fn from_yaml(text: &str) -> Result<ApiClientConfig> {
        let config: ApiClientConfig = yaml::read(text)?;
        for (key, value) in [
            ("ca_certificate", &config.ca_certificate),
            ("client_cert", &config.client_cert),
            ("client_private_key", &config.client_private_key),
            ("api_connection_string", &config.api_connection_string),
        ] {
            if value.trim().is_empty() {
                return Err(Error::BadConfig(format!(
                    "`{key}` is missing; `peregrine config api_client` writes whole files"
                )));
            }
        }
        if ["Proc-Type: 4,ENCRYPTED", "BEGIN ENCRYPTED PRIVATE KEY"]
            .iter()
            .any(|mark| config.client_private_key.contains(mark))
        {
            return Err(Error::BadConfig(
                "`client_private_key` is encrypted; put the key there as `openssl rsa -traditional` decrypts it".to_owned(),
            ));
        }
        Ok(config)
    }

    /// Writes the file.
    pub fn to_yaml(&self) -> Result<String> {
        yaml::write(self)
    }

    /// Where the server is.
    pub fn address(&self) -> Result<ApiAddress> {
        self.api_connection_string.parse()
    }

    /// The name that the server's certificate must have.
    pub fn server_name(&self) -> &str {
        match self.pinned_server_name.as_str() {
            "" => pki::SERVER_NAME,
            name => name,
        }
    }
}

impl fmt::Debug for ApiClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiClientConfig")
            .field("name", &self.name)
            .field("api_connection_string", &self.api_connection_string)
            .finish_non_exhaustive()
    }
}

/// Where the API of a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiAddress {
    /// A host name or IP address, and a port: `host:port`.
    Tcp {
        /// Without the brackets that an IPv6 address has in the text.
        host: String,
        /// Its port.
        port: u16,
    },
    /// The path of a socket: `unix:///path`.
    Unix(PathBuf),
}

impl FromStr for ApiAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<ApiAddress> {
        if let Some(path) = text.strip_prefix(UNIX).filter(|path| !path.is_empty()) {
            return Ok(ApiAddress::Unix(path.into()));
        }
        let parsed = text.rsplit_once(':').and_then(|(host, port)| {
            let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
            // Of an address without brackets, the last part might be a port or not.
            let host = inner.or((!host.contains(':')).then_some(host))?;
            let port = port.parse().ok()?;
            let is_host = !host.is_empty() && !host.contains(['/', '[', ']']);
            is_host.then(|| ApiAddress::Tcp {
                host: host.to_owned(),
                port,
            })
        });
        parsed.ok_or_else(|| {
            Error::BadConfig(format!(
                "`api_connection_string` `{text}` is not of the form `host:port` or `unix:///path`"
            ))
        })
    }
}

impl fmt::Display for ApiAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ApiAddress::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            ApiAddress::Tcp { host, port } => write!(f, "{host}:{port}"),
            ApiAddress::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}
