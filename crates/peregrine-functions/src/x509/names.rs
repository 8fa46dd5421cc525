//! Object names: distinguished names, algorithms.

use super::der::{Element, OID, oid_text, text};

/// `C=NZ, O=Example, CN=example.org`, in encoding order.
pub(super) fn distinguished(name: &Element<'_>) -> String {
    let mut parts = Vec::new();
    for set in name.inside() {
        for pair in set.inside() {
            let mut pair = pair.inside();
            let (Some(key), Some(value)) = (pair.tagged(OID), pair.next()) else {
                continue;
            };
            let oid = oid_text(key.content);
            let value = text(&value);
            parts.push(match label(&oid) {
                Some(label) => format!("{label}={value}"),
                None => format!("UnknownOID={oid}"),
            });
        }
    }
    parts.join(", ")
}

fn label(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.4.3" => "CN",
        "2.5.4.4" | "2.5.4.5" => "SN",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.17" => "postalCode",
        "1.2.840.113549.1.9.1" => "emailAddress",
        _ => return None,
    })
}

/// The algorithm of a signature; `0` when it is unknown.
pub(super) fn signature_algorithm(algorithm: &Element<'_>) -> &'static str {
    let mut inside = algorithm.inside();
    let oid = inside
        .tagged(OID)
        .map(|oid| oid_text(oid.content))
        .unwrap_or_default();
    match oid.as_str() {
        "1.2.840.113549.1.1.2" => "MD2-RSA",
        "1.2.840.113549.1.1.4" => "MD5-RSA",
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => "SHA1-RSA",
        "1.2.840.113549.1.1.11" => "SHA256-RSA",
        "1.2.840.113549.1.1.12" => "SHA384-RSA",
        "1.2.840.113549.1.1.13" => "SHA512-RSA",
        "1.2.840.113549.1.1.10" => match pss_hash(inside.next()).as_str() {
            "SHA384" => "SHA384-RSAPSS",
            "SHA512" => "SHA512-RSAPSS",
            "SHA256" => "SHA256-RSAPSS",
            _ => "0",
        },
        "1.2.840.10040.4.3" => "DSA-SHA1",
        "2.16.840.1.101.3.4.3.2" => "DSA-SHA256",
        "1.2.840.10045.4.1" => "ECDSA-SHA1",
        "1.2.840.10045.4.3.2" => "ECDSA-SHA256",
        "1.2.840.10045.4.3.3" => "ECDSA-SHA384",
        "1.2.840.10045.4.3.4" => "ECDSA-SHA512",
        "1.3.101.112" => "Ed25519",
        _ => "0",
    }
}

fn pss_hash(parameters: Option<Element<'_>>) -> String {
    let hash = parameters
        .and_then(|parameters| parameters.inside().tagged(0xa0))
        .and_then(|tagged| tagged.inside().next());
    hash.map_or_else(String::new, |algorithm| digest(&algorithm).to_owned())
}

/// The name of a digest algorithm.
pub(super) fn digest(algorithm: &Element<'_>) -> &'static str {
    let oid = algorithm.inside().tagged(OID).map(|oid| oid_text(oid.content));
    match oid.unwrap_or_default().as_str() {
        "1.3.14.3.2.26" => "SHA1",
        "2.16.840.1.101.3.4.2.1" => "SHA256",
        "2.16.840.1.101.3.4.2.2" => "SHA384",
        "2.16.840.1.101.3.4.2.3" => "SHA512",
        _ => "Unknown",
    }
}
