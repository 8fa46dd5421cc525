//! Generates a new deployment: authority, server identity, TLS certificate, nonces.

use super::{
    ApiSection, CaSection, ClientSection, Config, DatastoreSection, FrontendSection, GuiSection, Version,
};
use crate::{Error, Result};
use peregrine_services::clock;
use peregrine_wire::{PrivateKey, pem, pki};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType,
};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// What whoever starts a new deployment chooses.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of the configuration, database and files.
    pub datastore: PathBuf,
    /// Name agents and browsers connect to; `localhost` and this machine's name always work too.
    pub hostname: String,
    /// Where the GUI listens.
    pub gui: SocketAddr,
    /// Where agents connect.
    pub frontend: SocketAddr,
    /// Where programs use the gRPC API.
    pub api: SocketAddr,
}

/// Generates all keys, which takes about a second.
pub(super) fn generate(options: &Options) -> Result<Config> {
    let now = clock::now().unsigned_abs() / 1_000_000;
    let ca = pki::create_ca(now)?;
    let server = pki::issue(&ca.certificate, &ca.key, pki::SERVER_NAME, now, pki::LEAF_DAYS)?;
    std::fs::create_dir_all(&options.datastore)
        .map_err(|error| Error::Io(options.datastore.display().to_string(), error))?;
    let (certificate, key) = tls_certificate(&ca.certificate, &ca.key, &options.hostname)?;
    let folder = std::path::absolute(&options.datastore)
        .map_err(|error| Error::Io(options.datastore.display().to_string(), error))?;
    let (certificate_file, key_file) = (folder.join("tls.certificate.pem"), folder.join("tls.key.pem"));
    super::write_private(&certificate_file, &certificate)?;
    super::write_private(&key_file, &key)?;
    Ok(Config {
        version: Version {
            name: "peregrine".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            ..Default::default()
        },
        client: ClientSection::generated(
            vec![format!(
                "https://{}:{}/",
                options.hostname,
                options.frontend.port()
            )],
            ca.certificate,
            pki::new_nonce()?,
        ),
        gui: GuiSection {
            bind_address: options.gui.ip().to_string(),
            bind_port: options.gui.port(),
            ..Default::default()
        },
        api: Some(ApiSection {
            bind_address: options.api.ip().to_string(),
            bind_port: options.api.port(),
            ..Default::default()
        }),
        ca: CaSection {
            private_key: ca.key.to_pem()?.to_string(),
        },
        frontend: FrontendSection {
            hostname: options.hostname.clone(),
            bind_address: options.frontend.ip().to_string(),
            bind_port: options.frontend.port(),
            certificate: server.certificate,
            private_key: server.key.to_pem()?.to_string(),
            tls_certificate_filename: Some(certificate_file),
            tls_private_key_filename: Some(key_file),
            ..Default::default()
        },
        datastore: DatastoreSection {
            location: folder,
            ..Default::default()
        },
        obfuscation_nonce: pki::new_nonce()?,
        mail: None,
        defaults: Default::default(),
    })
}

/// A TLS certificate signed by the deployment's authority. It carries the name agents pin and the host names browsers check.
fn tls_certificate(ca_certificate: &str, ca_key: &PrivateKey, hostname: &str) -> Result<(String, String)> {
    let failed = |error: rcgen::Error| Error::Config(format!("TLS certificate: {error}"));
    let ca =
        pem::first(ca_certificate, "CERTIFICATE").ok_or_else(|| Error::Config("no CA certificate".into()))?;
    let issuer = Issuer::from_ca_cert_der(&ca[..].into(), ca_key).map_err(failed)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, pki::SERVER_NAME);
    let mut names = vec![
        pki::SERVER_NAME.to_owned(),
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    names.push(hostname.to_owned());
    names.extend(machine_name());
    names.sort();
    names.dedup();
    params.subject_alt_names = names.iter().filter_map(|name| to_san(name)).collect();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let seconds = clock::now().unsigned_abs() / 1_000_000;
    // Valid from an hour ago, for machines whose clock is behind.
    let start = std::time::Duration::from_secs(seconds.saturating_sub(3600));
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + start;
    // Browsers refuse certificates that are valid for more than 398 days.
    params.not_after = params.not_before + std::time::Duration::from_secs(397 * 86_400);
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn to_san(name: &str) -> Option<SanType> {
    match name.parse::<IpAddr>() {
        Ok(address) => Some(SanType::IpAddress(address)),
        Err(_) => name.try_into().ok().map(SanType::DnsName),
    }
}

/// The name of this machine; empty when it has none.
pub(super) fn host_name() -> String {
    machine_name().unwrap_or_default()
}

fn machine_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("COMPUTERNAME").ok())?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}
