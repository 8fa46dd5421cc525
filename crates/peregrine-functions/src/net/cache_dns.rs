//! `cache_dns()`: records that a name has an address.

use std::net::IpAddr;

use crate::prelude::*;

/// Tells `host()` that a name has an address, as seen in an answer on the network. This is remembered for an
/// hour, for the whole process; the 1000 most recent names and addresses are kept.
///
/// (The reference stores the two swapped, so that `host()` never finds them; this implementation finds them.)
#[derive(VqlArgs)]
pub struct Args {
    /// The name.
    name: String,
    /// The address.
    ip: String,
}

pub struct CacheDns;

impl Function for CacheDns {
    type Args = Args;
    const NAME: &'static str = "cache_dns";
    const CATEGORY: Category = Category::Net;
    const EXAMPLES: &'static [Example] = &[example(
        "a name",
        "cache_dns(name='a.example', ip='192.0.2.1')",
        "true",
    )];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let address = match args.ip.trim().parse::<IpAddr>() {
            Ok(address) => address.to_canonical().to_string(),
            Err(_) => args.ip,
        };
        super::dns_tracker::note(scope, &args.name, &address);
        Ok(Value::from(true))
    }
}
