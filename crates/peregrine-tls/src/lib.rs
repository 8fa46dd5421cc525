//! TLS to a server that an administrator named: which certificates are trusted, and how strictly they are
//! checked.
#![forbid(unsafe_code)]

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// Maximum size of a certificate file in bytes.
const MAX_FILE: u64 = 4 << 20;

/// How to check a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    Nothing,
    /// It must be issued by a trusted authority.
    Authority,
    /// It must be issued by a trusted authority, and for the name of the server.
    AuthorityAndName,
}

/// Certificates in PEM, and where they come from.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Certificates {
    /// The authorities; the public ones when left out.
    pub authorities: Option<Vec<u8>>,
    /// Our own certificate and its key.
    pub own: Option<(Vec<u8>, Vec<u8>)>,
}

/// Private keys are not shown.
impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates")
            .field("authorities", &self.authorities.is_some())
            .field("own", &self.own.is_some())
            .finish()
    }
}

/// Reads a file of certificates or keys.
pub fn read_file(path: &str) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("`{path}`: {error}");
    let mut content = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_FILE).read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}

/// The TLS configuration.
pub fn config(verify: Verify, certificates: &Certificates) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let verifier: Arc<dyn ServerCertVerifier> = if verify == Verify::Nothing {
        Arc::new(Lenient {
            chain: None,
            provider: provider.clone(),
        })
    } else {
        let chain =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots(certificates)?), provider.clone())
                .build()
                .map_err(|error| format!("the authorities cannot be used: {error}"))?;
        match verify {
            Verify::AuthorityAndName => chain,
            _ => Arc::new(Lenient {
                chain: Some(chain),
                provider,
            }),
        }
    };
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let Some((certificate, key)) = &certificates.own else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("the certificate to present is not PEM: {error}"))?;
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| "the key of the certificate to present is not a private key in PEM".to_owned())?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| format!("the certificate to present and its key cannot be used: {error}"))
}

fn roots(certificates: &Certificates) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let Some(pem) = &certificates.authorities else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(roots);
    };
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| format!("the CA certificates are not PEM: {error}"))?;
        roots
            .add(certificate)
            .map_err(|error| format!("a CA certificate cannot be used: {error}"))?;
    }
    if roots.is_empty() {
        return Err("no CA certificate was found; give certificates in PEM".to_owned());
    }
    Ok(roots)
}

/// Checks only the chain, or nothing, but always the signatures of the handshake.
#[derive(Debug)]
struct Lenient {
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        match chain.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
