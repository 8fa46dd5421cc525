//! Enrolment: a client presents its key, and the server decides whether to remember it.

use crate::{Error, PrivateKey, PublicKey, Result, ids, pem, pki};
use peregrine_proto::{Certificate, VeloMessage, certificate};
use rcgen::{CertificateParams, DistinguishedName, DnType};
use x509_parser::prelude::{FromDer, X509CertificationRequest};

/// The message with which a client asks to be enrolled. Send it urgently, at most once a minute.
pub fn request(key: &PrivateKey) -> Result<VeloMessage> {
    Ok(VeloMessage {
        session_id: ids::ENROLMENT.into(),
        csr: Some(Certificate {
            r#type: certificate::Type::Csr.into(),
            pem: signing_request(key)?.into_bytes(),
            ..Default::default()
        }),
        urgent: true,
        ..Default::default()
    })
}

/// A PKCS#10 request (PEM) whose common name is the key's client id.
pub fn signing_request(key: &PrivateKey) -> Result<String> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, ids::client_id(key.public()));
    let request = params
        .serialize_request(key)
        .map_err(|_| Error::Crypto("certificate request"))?;
    Ok(pem::encode("CERTIFICATE REQUEST", request.der()))
}

/// A client that may be enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// The bare client id, derived from the key.
    pub client_id: String,
    /// The key; store [`PublicKey::to_pem`].
    pub key: PublicKey,
}

/// Checks a request (PEM): an RSA key, a common name that is the key's client id, and a signature made with the key.
pub fn check_request(request: &[u8]) -> Result<Enrolled> {
    let refuse = |why: &str| Error::BadCertificate(format!("enrolment request: {why}"));
    let text = std::str::from_utf8(request).map_err(|_| refuse("not PEM"))?;
    let der = pem::first(text, "CERTIFICATE REQUEST")
        .ok_or_else(|| refuse("no PEM block `CERTIFICATE REQUEST`"))?;
    let (_, request) = X509CertificationRequest::from_der(&der).map_err(|_| refuse("not PKCS#10"))?;
    let info = &request.certification_request_info;
    let key = PublicKey::from_der(info.subject_pki.raw)?;
    let client_id = ids::client_id(&key);
    if pki::common_name(&info.subject) != Some(&client_id) {
        return Err(refuse(&format!(
            "its name is not `{client_id}`, the id of its key"
        )));
    }
    request
        .verify_signature()
        .map_err(|_| refuse("its signature does not match"))?;
    Ok(Enrolled { client_id, key })
}
