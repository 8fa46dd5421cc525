//! What lets a program use the gRPC API of this deployment.

use super::{ApiScheme, Config};
use crate::{Error, Result};
use peregrine_services::{clock, users};
use peregrine_wire::api_client::{ApiAddress, ApiClientConfig};
use peregrine_wire::{PrivateKey, pki};
use std::net::IpAddr;
use std::path::Path;

impl Config {
    /// Writes a file with which programs connect and act as this user; only its owner can read it. `may_replace`: in place of an
    /// existing file.
    pub fn write_api_client(&self, name: &str, file: &Path, may_replace: bool) -> Result<()> {
        if !may_replace && file.exists() {
            return Err(super::exists(file));
        }
        let text = self.api_client(name)?.to_yaml()?;
        if may_replace {
            super::write_private(file, &text)
        } else {
            super::write_new_private(file, &text)
        }
    }

    /// A new certificate for this user, and what else a program needs to connect.
    fn api_client(&self, name: &str) -> Result<ApiClientConfig> {
        users::check_name(name)?;
        let address = self.api_address()?;
        if self.ca.private_key.is_empty() {
            return Err(Error::Config(
                "the configuration has no `CA.private_key`, which issues certificates; take the one that has it".to_owned(),
            ));
        }
        let authority = PrivateKey::from_pem(&self.ca.private_key)?;
        let now = clock::now().unsigned_abs() / 1_000_000;
        let issued = pki::issue(&self.client.ca_certificate, &authority, name, now, pki::LEAF_DAYS)?;
        let server_name = match self.client.pinned_server_name.as_str() {
            pki::SERVER_NAME => "",
            name => name,
        };
        Ok(ApiClientConfig {
            ca_certificate: self.client.ca_certificate.clone(),
            client_cert: issued.certificate,
            client_private_key: issued.key.to_pem()?.to_string(),
            api_connection_string: address.to_string(),
            name: name.to_owned(),
            pinned_server_name: server_name.to_owned(),
            max_grpc_recv_size: 0,
        })
    }

    /// Where programs reach the gRPC API.
    fn api_address(&self) -> Result<ApiAddress> {
        let missing = |what: &str| {
            Error::Config(format!(
                "the configuration has no `{what}`, so programs can not connect; add it and restart the server"
            ))
        };
        let api = self
            .api
            .as_ref()
            .ok_or_else(|| missing("API` (`API: {bind_port: 8001}"))?;
        if api.bind_scheme == ApiScheme::Unix {
            return Ok(ApiAddress::Unix(std::path::absolute(&api.bind_address).map_err(
                |error| Error::Io(format!("`API.bind_address` `{}`", api.bind_address), error),
            )?));
        }
        if api.bind_port == 0 {
            return Err(missing("API.bind_port"));
        }
        let is_local = api
            .bind_address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
        let names = [&api.hostname, &self.frontend.hostname, &api.bind_address];
        let host = match names.into_iter().find(|name| !name.is_empty()) {
            _ if is_local => &api.bind_address,
            Some(name) => name,
            None => return Err(missing("API.hostname")),
        };
        Ok(ApiAddress::Tcp {
            host: host.clone(),
            port: api.bind_port,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn programs_are_told_an_address_at_which_they_reach_the_server() {
        let config = |api: &str, hostname: &str| {
            let text = format!(
                "Client: {{ca_certificate: A, nonce: N}}\nFrontend: {{certificate: A, private_key: A, hostname: '{hostname}'}}\nDatastore: {{}}\n{api}"
            );
            Config::parse(&text).unwrap()
        };
        for (api, hostname, expected) in [
            ("API: {}", "web.example", "127.0.0.1:8001"),
            (
                "API: {bind_address: '::1', bind_port: 1}",
                "web.example",
                "[::1]:1",
            ),
            ("API: {bind_address: 0.0.0.0}", "web.example", "web.example:8001"),
            (
                "API: {bind_address: 0.0.0.0, hostname: api.example}",
                "web.example",
                "api.example:8001",
            ),
            ("API: {bind_address: 10.0.0.1}", "", "10.0.0.1:8001"),
            (
                "API: {bind_address: /run/api, bind_scheme: unix}",
                "",
                "unix:///run/api",
            ),
        ] {
            assert_eq!(config(api, hostname).api_address().unwrap().to_string(), expected);
        }
        for (api, part) in [("", "`API`"), ("API: {bind_port: 0}", "`API.bind_port`")] {
            let error = config(api, "web.example").api_address().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
