//! Certificates (X.509) and signatures (PKCS #7) as values.
//!
//! Parsing is tolerant: unreadable parts of an extension or attribute are left out, and only a broken outer
//! structure is an error. Sources: RFC 5280, RFC 2315, RFC 5652, and Microsoft's "Windows Authenticode
//! Portable Executable Signature Format".

mod certificate;
mod der;
mod extensions;
mod names;
mod pkcs7;
mod public_key;
mod trust_list;

pub(crate) use certificate::certificates;
pub(crate) use pkcs7::signed_data;
pub(crate) use public_key::of_certificate as public_key_of_certificate;

#[cfg(test)]
mod tests;
