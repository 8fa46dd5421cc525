//! `parse_pkcs7()`: signatures as dicts.

use crate::prelude::*;
use crate::x509;

/// Describes signed data in DER: PKCS #7, CMS, Authenticode signatures and catalog files.
///
/// `Signer` describes the signer: `IssuerName`, `SerialNumber`, `DigestAlgorithm`, `AuthenticatedAttributes`,
/// `UnauthenticatedAttributes` (among them a `CounterSignature`, which has the time) and `Subject`.
/// `Certificates` are in the format of `parse_x509()`. Authenticode adds `HashType`, `ExpectedHash` and
/// `ExpectedHashHex`; a catalog has `CertificateTrustList`, one dict with `Hash` for each file. Nothing is
/// verified.
#[derive(VqlArgs)]
pub struct Args {
    /// The signed data in DER.
    data: Str,
}

pub struct ParsePkcs7;

impl Function for ParsePkcs7 {
    type Args = Args;
    const NAME: &'static str = "parse_pkcs7";
    const CATEGORY: Category = Category::Parsers;
    const EXAMPLES: &'static [Example] = &[
        not_run(
            "who signed a catalog",
            "SELECT parse_pkcs7(data=read_file(filename='oem1.cat')).Signer.Subject FROM scope()",
        ),
        fails(
            "no signature",
            "parse_pkcs7(data='junk')",
            "parse_pkcs7: no PKCS #7 signed data",
        ),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        Ok(Value::Dict(x509::signed_data(&args.data)?))
    }
}
