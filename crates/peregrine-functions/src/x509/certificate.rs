//! Certificates (RFC 5280).

use peregrine_engine::prelude::{Dict, Value};

use super::der::{Element, Elements, INTEGER, SEQUENCE, number_hex, time};
use super::{extensions, names, public_key};

/// The parts of a certificate.
pub(super) struct Certificate<'a> {
    pub(super) serial: &'a [u8],
    algorithm: Element<'a>,
    pub(super) issuer: Element<'a>,
    not_before: Option<Element<'a>>,
    not_after: Option<Element<'a>>,
    pub(super) subject: Element<'a>,
    pub(super) public_key: Element<'a>,
    extensions: Option<Element<'a>>,
}

/// Describes concatenated certificates as dicts.
pub(crate) fn certificates(data: &[u8]) -> Result<Value, String> {
    let mut found = Vec::new();
    let mut rest = Elements(data);
    while !rest.0.is_empty() {
        let at = data.len() - rest.0.len();
        let certificate = rest.next().and_then(|element| Certificate::of(&element));
        let certificate = certificate.ok_or_else(|| format!("no certificate in DER at offset {at}"))?;
        found.push(Value::Dict(certificate.to_dict()));
    }
    if found.is_empty() {
        return Err("no certificate: the data is empty".into());
    }
    Ok(Value::array(found))
}

impl<'a> Certificate<'a> {
    /// The parts; `None` when the element is not a certificate.
    pub(super) fn of(element: &Element<'a>) -> Option<Certificate<'a>> {
        let mut outer = Some(element).filter(|element| element.tag == SEQUENCE)?.inside();
        let mut body = outer.tagged(SEQUENCE)?.inside();
        let algorithm = outer.tagged(SEQUENCE)?;
        body.tagged(0xa0);
        let serial = body.tagged(INTEGER)?.content;
        body.tagged(SEQUENCE)?;
        let issuer = body.tagged(SEQUENCE)?;
        let mut validity = body.tagged(SEQUENCE)?.inside();
        let subject = body.tagged(SEQUENCE)?;
        let public_key = body.tagged(SEQUENCE)?;
        let extensions = body
            .find(|element| element.tag == 0xa3)
            .and_then(|tagged| tagged.inside().tagged(SEQUENCE));
        Some(Certificate {
            serial,
            algorithm,
            issuer,
            not_before: validity.next(),
            not_after: validity.next(),
            subject,
            public_key,
            extensions,
        })
    }

    pub(super) fn to_dict(&self) -> Dict {
        let instant = |element: &Option<Element<'_>>| Value::from(element.as_ref().and_then(time));
        Dict::from_pairs([
            ("SerialNumber", Value::from(number_hex(self.serial))),
            (
                "SignatureAlgorithm",
                Value::from(names::signature_algorithm(&self.algorithm)),
            ),
            ("Subject", Value::from(names::distinguished(&self.subject))),
            ("Issuer", Value::from(names::distinguished(&self.issuer))),
            ("NotBefore", instant(&self.not_before)),
            ("NotAfter", instant(&self.not_after)),
            ("PublicKey", Value::from(public_key::describe(&self.public_key))),
            (
                "Extensions",
                Value::Dict(extensions::describe(self.extensions.as_ref())),
            ),
        ])
    }
}
