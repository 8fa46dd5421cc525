//! The outer TLS layer: which server certificates are believed (wire-protocol §4).
//!
//! Confidentiality does not rest on it (packets are encrypted to the pinned server key inside), so a deployment's own
//! authority is enough, and host names do not matter then.

use peregrine_wire::config::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime, pem::PemObject};
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::sync::Arc;

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("TLS set-up from the client configuration failed: {0}")]
pub struct TlsError(String);

/// The TLS configuration for a client configuration.
pub fn client_config(config: &ClientConfig) -> Result<rustls::ClientConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Verifier::new(config, &provider)?;
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(tls)
}

#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    deployment: Vec<TrustAnchor<'static>>,
    pinned_name: String,
    thumbprints: Vec<[u8; 32]>,
    thumbprint_only: bool,
    /// Ordinary PKI, for servers behind certificates of public authorities.
    public: Option<Arc<WebPkiServerVerifier>>,
}

impl Verifier {
    fn new(config: &ClientConfig, provider: &Arc<CryptoProvider>) -> Result<Verifier, TlsError> {
        let mut deployment = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(config.ca_certificate.as_bytes()) {
            let der = certificate.map_err(|error| TlsError(format!("`ca_certificate`: {error}")))?;
            let anchor = webpki::anchor_from_trusted_cert(&der).map_err(|error| TlsError(format!("`ca_certificate`: {error}")))?;
            deployment.push(anchor.to_owned());
        }
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.roots.extend(deployment.iter().cloned());
        let public = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build().ok();
        let crypto = &config.crypto;
        let mode = crypto.certificate_verification_mode.to_ascii_uppercase();
        let uses_thumbprints = matches!(mode.as_str(), "THUMBPRINT_ONLY" | "PKI_OR_THUMBPRINT");
        let thumbprints = crypto.certificate_thumbprints.iter().filter(|_| uses_thumbprints).filter_map(|text| thumbprint(text));
        Ok(Verifier {
            provider: Arc::clone(provider),
            deployment,
            pinned_name: config.pinned_server_name().to_owned(),
            thumbprints: thumbprints.collect(),
            thumbprint_only: mode == "THUMBPRINT_ONLY",
            public,
        })
    }

    /// True when the certificate is the deployment's own: issued directly by its authority, in the pinned name.
    fn is_deployment(&self, leaf: &CertificateDer<'_>, now: UnixTime) -> bool {
        let Ok(certificate) = webpki::EndEntityCert::try_from(leaf) else { return false };
        let algorithms = self.provider.signature_verification_algorithms.all;
        let is_issued = certificate
            .verify_for_usage(algorithms, &self.deployment, &[], now, webpki::KeyUsage::server_auth(), None, None)
            .is_ok();
        is_issued && peregrine_wire::pki::facts_of_der(leaf).is_ok_and(|facts| facts.has_name(&self.pinned_name))
    }
}

fn thumbprint(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
    let bytes: Option<Vec<u8>> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    bytes?.try_into().ok()
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let digest = peregrine_wire::crypto::sha256(leaf);
        if self.thumbprints.contains(&digest) {
            return Ok(ServerCertVerified::assertion());
        }
        if self.thumbprint_only {
            return Err(rustls::Error::General("the certificate's thumbprint is not one of `certificate_thumbprints`".to_owned()));
        }
        if self.is_deployment(leaf, now) {
            return Ok(ServerCertVerified::assertion());
        }
        match &self.public {
            Some(public) => public.verify_server_cert(leaf, intermediates, server_name, ocsp_response, now),
            None => Err(rustls::Error::General("the certificate is not the deployment's".to_owned())),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
