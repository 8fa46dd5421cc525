//! Certificate trust lists: the content of catalog files.

use peregrine_engine::prelude::{Dict, Value};

use super::der::{Element, OCTET_STRING, OID, SEQUENCE, SET, oid_text, text, utf16_le};

const NAME_VALUE: &str = "1.3.6.1.4.1.311.12.2.1";
const MEMBER_INFO: &str = "1.3.6.1.4.1.311.12.2.2";

/// The members with their hashes, and the attributes of the catalog.
pub(super) fn describe(list: &Element<'_>, signed: &Dict) {
    let mut parts = list.inside();
    // Usage, identifier, time and algorithm come first; the members are the sequence of sequences that begin
    // with bytes.
    let found = parts.find(|part| {
        part.tag == SEQUENCE
            && part
                .inside()
                .next()
                .is_some_and(|first| first.tag == SEQUENCE && first.inside().tagged(OCTET_STRING).is_some())
    });
    let mut members = Vec::new();
    for member in found.iter().flat_map(Element::inside) {
        let mut member = member.inside();
        let Some(identifier) = member.tagged(OCTET_STRING) else {
            continue;
        };
        let dict = Dict::from_pairs([("Hash", hash_text(identifier.content))]);
        for attribute in member.tagged(SET).iter().flat_map(Element::inside) {
            let mut attribute = attribute.inside();
            let Some(oid) = attribute.tagged(OID) else {
                continue;
            };
            let value = attribute.tagged(SET).and_then(|values| values.inside().next());
            member_attribute(&oid_text(oid.content), value, &dict);
        }
        members.push(Value::Dict(dict));
    }
    signed.set("CertificateTrustList", Value::array(members));
    for extension in parts
        .tagged(0xa0)
        .iter()
        .flat_map(Element::inside)
        .flat_map(|list| list.inside())
    {
        let mut extension = extension.inside();
        if extension
            .tagged(OID)
            .is_some_and(|oid| oid_text(oid.content) == NAME_VALUE)
            && let Some(value) = extension.find(|part| part.tag == OCTET_STRING)
            && let Some(pair) = value.inside().next()
        {
            name_value(&pair, signed);
        }
    }
}

/// Older catalogs write the hash as hex text of two bytes per character.
fn hash_text(identifier: &[u8]) -> String {
    let text = utf16_le(identifier);
    if text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return text;
    }
    data_encoding::HEXUPPER.encode(identifier)
}

fn member_attribute(oid: &str, value: Option<Element<'_>>, member: &Dict) {
    let Some(value) = value else { return };
    match oid {
        NAME_VALUE => name_value(&value, member),
        MEMBER_INFO => {
            if let Some(guid) = value.inside().next() {
                member.set("SubjectGUID", text(&guid));
            }
        }
        _ => {}
    }
}

fn name_value(pair: &Element<'_>, into: &Dict) {
    let mut parts = pair.inside();
    let (Some(name), Some(_flags), Some(value)) = (parts.next(), parts.next(), parts.next()) else {
        return;
    };
    into.set(text(&name), utf16_le(value.content));
}
