//! The outer TLS layer: which server certificates are trusted (wire-protocol §4).
//!
//! Confidentiality does not depend on it (packets inside are encrypted to the pinned server key), so the
//! deployment's own authority is sufficient, and then host names do not matter.

use peregrine_wire::config::{ClientConfig, Crypto, VerificationMode};
use peregrine_wire::{pem, pki};
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

/// The TLS settings for a client configuration.
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
    crypto: Crypto,
    mode: VerificationMode,
    /// The public PKI, for servers with certificates from other authorities.
    public: Option<Arc<WebPkiServerVerifier>>,
}

impl Verifier {
    fn new(config: &ClientConfig, provider: &Arc<CryptoProvider>) -> Result<Verifier, TlsError> {
        let deployment = anchors("ca_certificate", &config.ca_certificate)?;
        let mut roots = RootCertStore {
            roots: deployment.clone(),
        };
        roots
            .roots
            .extend(anchors("Crypto.root_certs", &config.crypto.root_certs)?);
        if !config.use_self_signed_ssl {
            roots.roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Ok(Verifier {
            provider: Arc::clone(provider),
            deployment,
            pinned_name: config.pinned_server_name.clone(),
            mode: config
                .crypto
                .mode()
                .map_err(|error| TlsError(error.to_string()))?,
            crypto: config.crypto.clone(),
            public: WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                .build()
                .ok(),
        })
    }

    /// True when the certificate is the deployment's own: issued directly by its authority, for the pinned
    /// name.
    fn is_deployment(&self, leaf: &CertificateDer<'_>, now: UnixTime) -> bool {
        let Ok(certificate) = webpki::EndEntityCert::try_from(leaf) else {
            return false;
        };
        let algorithms = self.provider.signature_verification_algorithms.all;
        let usage = webpki::KeyUsage::server_auth();
        let is_issued = certificate
            .verify_for_usage(algorithms, &self.deployment, &[], now, usage, None, None)
            .is_ok();
        let text = pem::encode("CERTIFICATE", leaf);
        is_issued && pki::facts(&text).is_ok_and(|facts| facts.name.as_deref() == Some(&self.pinned_name))
    }
}

fn anchors(setting: &str, text: &str) -> Result<Vec<TrustAnchor<'static>>, TlsError> {
    let wrap = |error: String| TlsError(format!("`{setting}`: {error}"));
    let mut anchors = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        let der = certificate.map_err(|error| wrap(error.to_string()))?;
        let anchor = webpki::anchor_from_trusted_cert(&der).map_err(|error| wrap(error.to_string()))?;
        anchors.push(anchor.to_owned());
    }
    Ok(anchors)
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
        if self.mode != VerificationMode::Pki && self.crypto.lists(leaf) {
            return Ok(ServerCertVerified::assertion());
        }
        if self.mode == VerificationMode::ThumbprintOnly {
            return Err(rustls::Error::General(
                "the certificate's thumbprint is not one of `certificate_thumbprints`".to_owned(),
            ));
        }
        if self.is_deployment(leaf, now) {
            return Ok(ServerCertVerified::assertion());
        }
        match &self.public {
            Some(public) => public.verify_server_cert(leaf, intermediates, server_name, ocsp_response, now),
            None => Err(rustls::Error::General(
                "the certificate is not the deployment's".to_owned(),
            )),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
