//! Signed data (PKCS #7, CMS), as in Authenticode signatures and catalogs.

use peregrine_engine::prelude::{Dict, Value};

use super::certificate::Certificate;
use super::der::{
    Element, Elements, INTEGER, OCTET_STRING, OID, SEQUENCE, SET, number_hex, oid_text, text, time, utf16_be,
};
use super::{names, trust_list};

const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const INDIRECT_DATA: &str = "1.3.6.1.4.1.311.2.1.4";
const TRUST_LIST: &str = "1.3.6.1.4.1.311.10.1";
/// Maximum nesting of signatures of signatures.
const MAX_DEPTH: u32 = 8;

/// The signed content, its signers, and the included certificates.
pub(crate) fn signed_data(data: &[u8]) -> Result<Dict, String> {
    let wrong = || "no PKCS #7 signed data in DER".to_owned();
    let mut outer = Elements(data).tagged(SEQUENCE).ok_or_else(wrong)?.inside();
    let kind = outer
        .tagged(OID)
        .map(|oid| oid_text(oid.content))
        .ok_or_else(wrong)?;
    if kind != SIGNED_DATA {
        return Err(format!("the content is of type `{kind}`, not signed data"));
    }
    let tagged = outer.tagged(0xa0).ok_or_else(wrong)?;
    let mut parts = tagged.inside().tagged(SEQUENCE).ok_or_else(wrong)?.inside();
    parts.tagged(INTEGER).ok_or_else(wrong)?;
    parts.tagged(SET).ok_or_else(wrong)?;
    let mut content = parts.tagged(SEQUENCE).ok_or_else(wrong)?.inside();
    let certificates: Vec<Certificate<'_>> = parts
        .tagged(0xa0)
        .map_or(Elements(&[]), |list| list.inside())
        .filter_map(|element| Certificate::of(&element))
        .collect();
    parts.tagged(0xa1);
    let signers = parts.tagged(SET);
    let signed = Dict::new();
    let signer = signers.and_then(|signers| signers.inside().tagged(SEQUENCE));
    let signer = signer.and_then(|signer| describe_signer(&signer, &certificates, 0));
    signed.set("Signer", Value::from(signer));
    let list: Value = certificates
        .iter()
        .map(|certificate| Value::Dict(certificate.to_dict()))
        .collect();
    signed.set("Certificates", list);
    let kind = content
        .tagged(OID)
        .map(|oid| oid_text(oid.content))
        .unwrap_or_default();
    let body = content.tagged(0xa0).and_then(|tagged| tagged.inside().next());
    match (kind.as_str(), body) {
        (INDIRECT_DATA, Some(body)) => indirect_data(&body, &signed),
        (TRUST_LIST, Some(body)) => trust_list::describe(&body, &signed),
        _ => {}
    }
    Ok(signed)
}

/// The digest of the signed program.
fn indirect_data(body: &Element<'_>, signed: &Dict) {
    let mut parts = body.inside();
    parts.next();
    let Some(mut info) = parts.tagged(SEQUENCE).map(|info| info.inside()) else {
        return;
    };
    let (Some(algorithm), Some(hash)) = (info.next(), info.tagged(OCTET_STRING)) else {
        return;
    };
    signed.set("HashType", names::digest(&algorithm));
    signed.set("ExpectedHash", Value::bytes(hash.content));
    signed.set("ExpectedHashHex", data_encoding::HEXLOWER.encode(hash.content));
}

fn describe_signer(signer: &Element<'_>, certificates: &[Certificate<'_>], depth: u32) -> Option<Dict> {
    let mut parts = signer.inside();
    parts.tagged(INTEGER)?;
    let mut identifier = parts.tagged(SEQUENCE)?.inside();
    let issuer = identifier.tagged(SEQUENCE)?;
    let serial = identifier.tagged(INTEGER)?;
    let algorithm = parts.tagged(SEQUENCE)?;
    let authenticated = parts.tagged(0xa0);
    parts.tagged(SEQUENCE);
    parts.tagged(OCTET_STRING);
    let unauthenticated = parts.tagged(0xa1);
    let own = certificates.iter().find(|certificate| {
        certificate.serial == serial.content && certificate.issuer.content == issuer.content
    });
    Some(Dict::from_pairs([
        ("IssuerName", Value::from(names::distinguished(&issuer))),
        ("SerialNumber", Value::from(number_hex(serial.content))),
        ("DigestAlgorithm", Value::from(names::digest(&algorithm))),
        (
            "AuthenticatedAttributes",
            Value::Dict(attributes(authenticated, certificates, depth)),
        ),
        (
            "UnauthenticatedAttributes",
            Value::Dict(attributes(unauthenticated, certificates, depth)),
        ),
        (
            "Subject",
            Value::from(
                own.map(|own| names::distinguished(&own.subject))
                    .unwrap_or_default(),
            ),
        ),
    ]))
}

fn attributes(list: Option<Element<'_>>, certificates: &[Certificate<'_>], depth: u32) -> Dict {
    let found = Dict::new();
    for attribute in list.iter().flat_map(Element::inside) {
        let mut parts = attribute.inside();
        let Some(oid) = parts.tagged(OID) else { continue };
        let Some(value) = parts.tagged(SET).and_then(|values| values.inside().next()) else {
            continue;
        };
        match oid_text(oid.content).as_str() {
            "1.2.840.113549.1.9.3" => found.set("ContentType", oid_text(value.content)),
            "1.2.840.113549.1.9.4" => {
                found.set("MessageDigest", Value::bytes(value.content));
                found.set("MessageDigestHex", data_encoding::HEXLOWER.encode(value.content));
            }
            "1.2.840.113549.1.9.5" => found.set("SigningTime", Value::from(time(&value))),
            "1.2.840.113549.1.9.6" if depth < MAX_DEPTH => {
                let signer = describe_signer(&value, certificates, depth + 1);
                found.set("CounterSignature", Value::from(signer));
            }
            "1.3.6.1.4.1.311.2.1.12" => opus_info(&value, &found),
            other => found.set(format!("Oid: {other}"), "Unknown"),
        }
    }
    found
}

/// The program's name, and its URL.
fn opus_info(info: &Element<'_>, found: &Dict) {
    let mut parts = info.inside();
    if let Some(name) = parts.tagged(0xa0).and_then(|tagged| tagged.inside().next()) {
        // [0] is text of two bytes per character, [1] of one.
        let name = if name.tag == 0x80 {
            utf16_be(name.content)
        } else {
            text(&name)
        };
        found.set("ProgramName", name);
    }
    if let Some(link) = parts.tagged(0xa1).and_then(|tagged| tagged.inside().next()) {
        found.set("MoreInfo", text(&link));
    }
}
