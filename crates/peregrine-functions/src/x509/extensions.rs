//! Extensions of certificates.

use std::net::{Ipv4Addr, Ipv6Addr};

use peregrine_engine::prelude::{Dict, Value};

use super::der::{BOOLEAN, Element, Elements, INTEGER, OCTET_STRING, OID, SEQUENCE, oid_text};

/// The known extensions by name, in encoding order.
pub(super) fn describe(list: Option<&Element<'_>>) -> Dict {
    let described = Dict::new();
    for extension in list.into_iter().flat_map(Element::inside) {
        let mut parts = extension.inside();
        let Some(oid) = parts.tagged(OID) else { continue };
        let critical = parts.tagged(BOOLEAN).is_some_and(|flag| flag.content != [0]);
        let Some(value) = parts.tagged(OCTET_STRING) else {
            continue;
        };
        let oid = oid_text(oid.content);
        let Some(number) = oid.strip_prefix("2.5.29.").and_then(|number| number.parse().ok()) else {
            continue;
        };
        match known(number, Elements(value.content)) {
            Some((name, members)) => {
                let dict = Dict::from_pairs([("Critical", critical)]);
                for (key, value) in members {
                    dict.set(key, value);
                }
                described.set(name, dict);
            }
            None => described.set(format!("Unknown extension {oid}\n"), true),
        }
    }
    described
}

type Members = Vec<(&'static str, Value)>;

fn known(number: u32, mut value: Elements<'_>) -> Option<(&'static str, Members)> {
    Some(match number {
        14 => (
            "SubjectKeyId",
            vec![("Value", key_id(value.tagged(OCTET_STRING)))],
        ),
        15 => ("KeyUsage", vec![("KeyUsage", key_usage(value.next()))]),
        17 => ("SubjectAlternativeName", alternative_names(value.next())),
        19 => ("BasicConstraints", basic_constraints(value.next())),
        30 => {
            let permitted = value
                .next()
                .and_then(|constraints| constraints.inside().tagged(0xa0));
            let names = permitted
                .iter()
                .flat_map(Element::inside)
                .filter_map(|tree| tree.inside().tagged(0x82));
            ("NameConstraints", vec![("Permitted", texts(names))])
        }
        31 => {
            let points = value.next();
            let uris = points.iter().flat_map(Element::inside).flat_map(|point| {
                // point [0] → full name [0] → URI [6]
                let names = point
                    .inside()
                    .tagged(0xa0)
                    .and_then(|name| name.inside().tagged(0xa0));
                names
                    .map_or(Elements(&[]), |names| names.inside())
                    .filter(|name| name.tag == 0x86)
            });
            ("CRLDistributionPoints", vec![("URI", texts(uris))])
        }
        32 => {
            let policies = value.next();
            let oids = policies
                .iter()
                .flat_map(Element::inside)
                .filter_map(|policy| policy.inside().tagged(OID));
            (
                "CertificatePolicies",
                vec![("Policy", oids.map(|oid| oid_text(oid.content)).collect())],
            )
        }
        35 => {
            let id = value
                .next()
                .and_then(|identifier| identifier.inside().tagged(0x80));
            ("AuthorityKeyIdentifier", vec![("KeyId", key_id(id))])
        }
        37 => (
            "Extended Key Usage",
            vec![("KeyUsage", extended_usage(value.next()))],
        ),
        _ => return None,
    })
}

/// `0A:1B:…`.
fn key_id(id: Option<Element<'_>>) -> Value {
    let pairs = id.map(|id| {
        id.content
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect::<Vec<_>>()
    });
    Value::from(pairs.unwrap_or_default().join(":"))
}

fn texts<'a>(elements: impl Iterator<Item = Element<'a>>) -> Value {
    elements
        .map(|element| String::from_utf8_lossy(element.content).into_owned())
        .collect()
}

const USAGES: [&str; 9] = [
    "Digital Signature",
    "Content Commitment",
    "Key Encipherment",
    "Data Encipherment",
    "Key Agreement",
    "Certificate Sign",
    "CRL Sign",
    "Encipher Only",
    "Decipher Only",
];

/// Bits, starting from the left.
fn key_usage(bits: Option<Element<'_>>) -> Value {
    let bytes = bits.and_then(|bits| bits.content.get(1..)).unwrap_or_default();
    let is_set = |position: &usize| {
        bytes
            .get(position / 8)
            .is_some_and(|byte| byte & (0x80 >> (position % 8)) != 0)
    };
    (0..USAGES.len())
        .filter(is_set)
        .map(|position| USAGES[position])
        .collect()
}

fn alternative_names(names: Option<Element<'_>>) -> Members {
    let of_tag = |tag: u8| {
        names
            .iter()
            .flat_map(Element::inside)
            .filter(move |name| name.tag == tag)
    };
    let addresses = of_tag(0x87).filter_map(|name| match name.content.len() {
        4 => <[u8; 4]>::try_from(name.content)
            .ok()
            .map(|bytes| Ipv4Addr::from(bytes).to_string()),
        _ => <[u8; 16]>::try_from(name.content)
            .ok()
            .map(|bytes| Ipv6Addr::from(bytes).to_string()),
    });
    let addresses: Value = addresses.collect();
    vec![
        ("DNS", texts(of_tag(0x82))),
        ("Email", texts(of_tag(0x81))),
        ("IP", addresses),
    ]
}

/// Without a limit, the path length is -1.
fn basic_constraints(constraints: Option<Element<'_>>) -> Members {
    let mut parts = constraints
        .filter(|constraints| constraints.tag == SEQUENCE)
        .map_or(Elements(&[]), |constraints| constraints.inside());
    let is_authority = parts.tagged(BOOLEAN).is_some_and(|flag| flag.content != [0]);
    let length = parts
        .tagged(INTEGER)
        .and_then(|length| length.number())
        .unwrap_or(-1);
    vec![
        ("IsCA", Value::from(is_authority)),
        ("MaxPathLen", Value::from(length)),
    ]
}

fn extended_usage(usages: Option<Element<'_>>) -> Value {
    let oids = usages
        .iter()
        .flat_map(Element::inside)
        .map(|usage| oid_text(usage.content));
    oids.map(|oid| match oid.as_str() {
        "2.5.29.37.0" => "Any Usage",
        "1.3.6.1.5.5.7.3.1" => "TLS Web Server Authentication",
        "1.3.6.1.5.5.7.3.2" => "TLS Web Client Authentication",
        "1.3.6.1.5.5.7.3.3" => "Code Signing",
        "1.3.6.1.5.5.7.3.4" => "E-mail Protection",
        "1.3.6.1.5.5.7.3.5" => "IPSec End System",
        "1.3.6.1.5.5.7.3.6" => "IPSec Tunnel",
        "1.3.6.1.5.5.7.3.7" => "IPSec User",
        "1.3.6.1.5.5.7.3.8" => "Time Stamping",
        "1.3.6.1.5.5.7.3.9" => "OCSP Signing",
        _ => "UNKNOWN",
    })
    .collect()
}
