//! The deployment's certificates: one authority, and the certificates it issues.

use crate::{Error, PrivateKey, PublicKey, Result, crypto, pem};
use data_encoding::BASE64;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyUsagePurpose, SanType, SerialNumber,
};
use std::net::IpAddr;
use std::time::Duration;
use x509_parser::der_parser::asn1_rs::BitString;
use x509_parser::oid_registry::{OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA};
use x509_parser::prelude::{ASN1Time, AlgorithmIdentifier, FromDer, GeneralName, X509Certificate, X509Name};

/// The name that clients expect in the server's certificate.
pub const SERVER_NAME: &str = "VelociraptorServer";
/// The name in the GUI gateway's certificate, which may act for users over the API.
pub const GATEWAY_NAME: &str = "GRPC_GW";
/// How long an authority is valid.
pub const CA_DAYS: u32 = 3650;
/// How long an issued certificate is valid, unless the configuration says otherwise.
pub const LEAF_DAYS: u32 = 365;

/// A certificate with its key.
#[derive(Debug)]
pub struct Issued {
    /// PEM `CERTIFICATE`.
    pub certificate: String,
    /// The key it is for; write it with [`PrivateKey::to_pem`].
    pub key: PrivateKey,
}

/// A new deployment authority with a new key, valid from `now` (unix seconds) for [`CA_DAYS`].
pub fn create_ca(now: u64) -> Result<Issued> {
    let key = PrivateKey::generate()?;
    let mut params = params(now, CA_DAYS)?;
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Velociraptor CA");
    params.subject_alt_names = vec![dns_name("Velociraptor_ca.velocidex.com")?];
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok(Issued {
        certificate: to_pem(&certificate),
        key,
    })
}

/// A new key and a certificate for it, with this common name: a server's ([`SERVER_NAME`]), the gateway's, an
/// API user's. Valid from `now` (unix seconds) for `days`.
pub fn issue(ca_certificate: &str, ca_key: &PrivateKey, name: &str, now: u64, days: u32) -> Result<Issued> {
    let key = PrivateKey::generate()?;
    let certificate = issue_for(&key, ca_certificate, ca_key, name, now, days)?;
    Ok(Issued { certificate, key })
}

/// Like [`issue`], for an existing key.
pub fn issue_for(
    key: &PrivateKey,
    ca_certificate: &str,
    ca_key: &PrivateKey,
    name: &str,
    now: u64,
    days: u32,
) -> Result<String> {
    let ca = first_certificate(ca_certificate)?;
    let issuer = Issuer::from_ca_cert_der(&ca[..].into(), ca_key).map_err(failed)?;
    let mut params = params(now, days)?;
    params.distinguished_name.push(DnType::CommonName, name);
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Velociraptor");
    params.subject_alt_names = vec![match name.parse::<IpAddr>() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => dns_name(name)?,
    }];
    params.key_usages = vec![
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::DigitalSignature,
    ];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    params.use_authority_key_identifier_extension = true;
    Ok(to_pem(&params.signed_by(key, &issuer).map_err(failed)?))
}

/// A new nonce, for an organisation or for obfuscation: 8 random bytes as base64.
pub fn new_nonce() -> Result<String> {
    Ok(BASE64.encode(&crypto::random::<8>()?))
}

/// Checks a server's `server.pem`: its first certificate must be issued by one of `ca_certificate`, be valid
/// at `now` (unix seconds), be suitable for a server and contain `pinned_name`. Returns the server's key.
pub fn verify_server(
    server_pem: &str,
    ca_certificate: &str,
    pinned_name: &str,
    now: u64,
) -> Result<PublicKey> {
    let leaf = first_certificate(server_pem)?;
    let leaf = parse(&leaf)?;
    let now = i64::try_from(now)
        .ok()
        .and_then(|now| ASN1Time::from_timestamp(now).ok());
    let now = now.ok_or_else(|| refuse("the clock is out of range"))?;
    if leaf.signature_algorithm != leaf.tbs_certificate.signature {
        return Err(refuse("its two signature algorithms differ"));
    }
    if !leaf.validity().is_valid_at(now) {
        return Err(refuse("not valid now: it has expired, or a clock is wrong"));
    }
    let is_issued = |ca: &X509Certificate<'_>| {
        let is_authority = ca
            .basic_constraints()
            .ok()
            .flatten()
            .is_some_and(|found| found.value.ca);
        is_authority
            && ca.validity().is_valid_at(now)
            && ca.subject().as_raw() == leaf.issuer().as_raw()
            && is_sound(&leaf.signature_algorithm, &leaf.signature_value)
            && leaf.verify_signature(Some(ca.public_key())).is_ok()
    };
    let mut roots = pem::blocks(ca_certificate).filter(|(label, _)| *label == "CERTIFICATE");
    if !roots.any(|(_, der)| parse(&der).is_ok_and(|ca| is_issued(&ca))) {
        return Err(refuse("not issued by the deployment's authority"));
    }
    let usage = leaf
        .extended_key_usage()
        .map_err(|_| refuse("damaged key usage"))?;
    if usage.is_some_and(|usage| !usage.value.any && !usage.value.server_auth) {
        return Err(refuse("not meant for a server"));
    }
    let name = name(&leaf).ok_or_else(|| refuse("it has no name"))?;
    if name != pinned_name {
        return Err(refuse(&format!("its name is `{name}`, expected `{pinned_name}`")));
    }
    PublicKey::from_der(leaf.public_key().raw)
}

/// The facts in a certificate, unverified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Common name, else first DNS name, else first address.
    pub name: Option<String>,
    /// Serial number, lower case hexadecimal.
    pub serial: String,
    /// Unix seconds.
    pub not_before: i64,
    /// Unix seconds.
    pub not_after: i64,
    /// SHA-256 of the DER, lower case hexadecimal: the thumbprint configurations pin.
    pub thumbprint: String,
    /// The RSA key; `None` for other types of keys.
    pub key: Option<PublicKey>,
}

/// Reads the first certificate of a PEM text.
pub fn facts(certificate: &str) -> Result<Facts> {
    let der = first_certificate(certificate)?;
    let parsed = parse(&der)?;
    Ok(Facts {
        name: name(&parsed),
        serial: data_encoding::HEXLOWER.encode(&parsed.serial.to_bytes_be()),
        not_before: parsed.validity().not_before.timestamp(),
        not_after: parsed.validity().not_after.timestamp(),
        thumbprint: data_encoding::HEXLOWER.encode(&crypto::sha256(&der)),
        key: PublicKey::from_der(parsed.public_key().raw).ok(),
    })
}

/// Who a certificate is for, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The common name.
    pub name: String,
    /// The last moment it is valid, in unix seconds.
    pub not_after: i64,
}

/// The holder of a certificate (DER), which is not verified here. Unlike in [`facts`], other names do not stand in for the common name.
pub fn holder(certificate: &[u8]) -> Result<Holder> {
    let parsed = parse(certificate)?;
    let name = common_name(parsed.subject()).ok_or_else(|| refuse("it has no common name"))?;
    Ok(Holder {
        name: name.to_owned(),
        not_after: parsed.validity().not_after.timestamp(),
    })
}

/// Checks what the library accepts in a signature and we do not: SHA-1, and a bit count that is not whole
/// bytes.
pub(crate) fn is_sound(algorithm: &AlgorithmIdentifier<'_>, signature: &BitString<'_>) -> bool {
    let is_sha1 = algorithm.algorithm == OID_PKCS1_SHA1WITHRSA || algorithm.algorithm == OID_SHA1_WITH_RSA;
    !is_sha1 && signature.unused_bits == 0
}

pub(crate) fn common_name<'a>(name: &'a X509Name<'_>) -> Option<&'a str> {
    name.iter_common_name().next()?.as_str().ok()
}

fn name(certificate: &X509Certificate<'_>) -> Option<String> {
    if let Some(name) = common_name(certificate.subject()) {
        return Some(name.to_owned());
    }
    let names = &certificate.subject_alternative_name().ok()??.value.general_names;
    let dns = names.iter().find_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    });
    dns.or_else(|| {
        names.iter().find_map(|name| match name {
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
    })
}

fn address(bytes: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let sixteen = <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    four.or(sixteen).ok().map(|address| address.to_string())
}

fn params(now: u64, days: u32) -> Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(now.min(LAST_SECOND));
    params.not_after = params.not_before + Duration::from_secs(u64::from(days.min(MAX_DAYS)) * 86_400);
    let mut serial = crypto::random::<16>()?;
    serial[0] = serial[0] & 0x7f | 0x40; // positive, and always 16 bytes long
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

/// Bounds that keep dates within the range of certificates and of the date type: 1 January 9000 and 100
/// years.
const LAST_SECOND: u64 = 221_845_392_000;
const MAX_DAYS: u32 = 36_500;

fn dns_name(name: &str) -> Result<SanType> {
    let text = name
        .try_into()
        .map_err(|_| refuse(&format!("`{name}` cannot stand in a certificate")))?;
    Ok(SanType::DnsName(text))
}

fn to_pem(certificate: &Certificate) -> String {
    pem::encode("CERTIFICATE", certificate.der())
}

fn first_certificate(text: &str) -> Result<zeroize::Zeroizing<Vec<u8>>> {
    pem::first(text, "CERTIFICATE").ok_or_else(|| refuse("no PEM block `CERTIFICATE`"))
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>> {
    Ok(X509Certificate::from_der(der).map_err(|_| refuse("not X.509"))?.1)
}

fn refuse(why: &str) -> Error {
    Error::BadCertificate(why.to_owned())
}

fn failed(error: rcgen::Error) -> Error {
    Error::BadCertificate(error.to_string())
}
