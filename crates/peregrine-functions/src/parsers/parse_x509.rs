//! `parse_x509()`: certificates as dicts.

use crate::prelude::*;
use crate::x509;

/// Describes concatenated certificates in DER as a list of dicts.
///
/// Each has `SerialNumber` (hex), `SignatureAlgorithm`, `Subject`, `Issuer`, `NotBefore`, `NotAfter`,
/// `PublicKey` (text over several lines) and `Extensions`, by name. Nothing is verified. For a PEM file,
/// decode the text between its BEGIN and END lines with `base64decode()` first.
#[derive(VqlArgs)]
pub struct Args {
    /// The certificates in DER.
    data: Str,
}

pub struct ParseX509;

impl Function for ParseX509 {
    type Args = Args;
    const NAME: &'static str = "parse_x509";
    const CATEGORY: Category = Category::Parsers;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a small one",
            "LET C = parse_x509(data=base64decode(string='MIIBYjCCAQigAwIBAgIBATAKBggqhkjOPQQDAjAQMQ4wDAYDVQQDDAVzbWFsbDAeFw0yNjExMjcyMzA4MjRaFw0zNjExMjQyMzA4MjRaMBAxDjAMBgNVBAMMBXNtYWxsMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECDNGq2fIPbcXUFFsM6W5Xpk1Vaz/hmqkjTaMxgO8rJip1hXXkYVgv6cpU5l0WDcjJMGW2nX6fqnqMXX9xdh4qKNTMFEwHQYDVR0OBBYEFFEJVNc2c+HnmDlleKLOJ9TeXpfeMB8GA1UdIwQYMBaAFFEJVNc2c+HnmDlleKLOJ9TeXpfeMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhALjr+ydbLbwXqBdTU8SxNanrQoVwnWS6FSnbYulBN91hAiB+uquB1S2kR/bmQ72DFehPihrjkBdUuVc4nLhYK7cG2A=='))[0] SELECT C.Subject AS Subject, C.SerialNumber AS Serial, C.SignatureAlgorithm AS Algorithm, C.NotAfter AS End, C.Extensions.BasicConstraints.IsCA AS IsCA FROM scope()",
            r#"[{"Subject":"CN=small","Serial":"1","Algorithm":"ECDSA-SHA256","End":"2036-11-24T23:08:24Z","IsCA":true}]"#,
        ),
        fails(
            "no certificate",
            "parse_x509(data='junk')",
            "parse_x509: no certificate in DER",
        ),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        Ok(x509::certificates(&args.data)?)
    }
}
