//! TLS of the listeners.

use crate::config::Config;
use crate::{Error, Result};
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;

/// For people and agents: the TLS certificate of the configuration, else that of the deployment.
pub(crate) fn tls(config: &Config, protocols: &[&str]) -> Result<Arc<ServerConfig>> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| Error::Io(format!("TLS file `{}`", path.display()), error))
    };
    let frontend = &config.frontend;
    let (certificate, key) = match (
        &frontend.tls_certificate_filename,
        &frontend.tls_private_key_filename,
    ) {
        (Some(certificate), Some(key)) => (read(certificate)?, read(key)?),
        _ => (
            frontend.certificate.clone().into_bytes(),
            frontend.private_key.clone().into_bytes(),
        ),
    };
    let clients = WebPkiClientVerifier::no_client_auth();
    let mut tls = server_config(&certificate, &key, clients, protocols)?;
    // An agent makes a connection whenever it has something to send, and to resume its session spares a signature. Thousands
    // of agents have more sessions than the server would keep, so that they keep them themselves, as tickets.
    tls.ticketer = Ticketer::new().map_err(|error| bad("set-up", &error))?;
    Ok(Arc::new(tls))
}

/// For programs: they expect the certificate of the deployment, whose authority must also have issued theirs.
pub(crate) fn for_programs(config: &Config) -> Result<Arc<ServerConfig>> {
    let authority = certificates(
        config.client.ca_certificate.as_bytes(),
        "certificate of the authority",
    )?;
    let mut roots = RootCertStore::empty();
    for certificate in authority {
        roots
            .add(certificate)
            .map_err(|error| bad("certificate of the authority", &error))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| bad("certificate of the authority", &error))?;
    let frontend = &config.frontend;
    let (certificate, key) = (frontend.certificate.as_bytes(), frontend.private_key.as_bytes());
    Ok(Arc::new(server_config(certificate, key, verifier, &["h2"])?))
}

fn server_config(
    certificate: &[u8],
    key: &[u8],
    clients: Arc<dyn ClientCertVerifier>,
    protocols: &[&str],
) -> Result<ServerConfig> {
    let chain = certificates(certificate, "certificate")?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| bad("key", &error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad("set-up", &error))?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(|error| bad("certificate", &error))?;
    tls.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok(tls)
}

fn certificates(text: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(text)
        .collect::<Result<_, _>>()
        .map_err(|error| bad(what, &error))
}

fn bad(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::Config(format!("TLS {what}: {error}"))
}
