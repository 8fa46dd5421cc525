//! `cidr_contains()`: whether an address is in a network.

use std::net::IpAddr;

use crate::prelude::*;

/// Tells whether an address is in one of the networks. An invalid network ends the search with FALSE.
#[derive(VqlArgs)]
pub struct Args {
    /// The address.
    ip: String,
    /// The networks, such as `10.0.0.0/8`.
    ranges: Vec<String>,
}

pub struct CidrContains;

impl Function for CidrContains {
    type Args = Args;
    const NAME: &'static str = "cidr_contains";
    const CATEGORY: Category = Category::Net;
    const EXAMPLES: &'static [Example] = &[
        example(
            "the second",
            "cidr_contains(ip='10.1.2.3', ranges=['192.168.0.0/16', '10.0.0.0/8'])",
            "true",
        ),
        example(
            "version 6",
            "cidr_contains(ip='fe80::1', ranges='fe80::/10')",
            "true",
        ),
        example(
            "everything",
            "cidr_contains(ip='1.2.3.4', ranges='0.0.0.0/0')",
            "true",
        ),
        example(
            "no address",
            "cidr_contains(ip='x', ranges='10.0.0.0/8')",
            "false",
        ),
        fails(
            "no network",
            "cidr_contains(ip='10.0.0.1', ranges='10.0.0.0')",
            "invalid network `10.0.0.0`",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let Ok(ip) = args.ip.parse::<IpAddr>() else {
            return Ok(Value::from(false));
        };
        for range in &args.ranges {
            match network(range) {
                Some((network, bits)) if contains(network, bits, ip) => return Ok(Value::from(true)),
                Some(_) => {}
                None => {
                    scope.log_line(&format!(
                        "cidr_contains: invalid network `{range}`; write `10.0.0.0/8`"
                    ));
                    break;
                }
            }
        }
        Ok(Value::from(false))
    }
}

fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let bits: u32 = bits.parse().ok()?;
    (bits <= if address.is_ipv4() { 32 } else { 128 }).then_some((address, bits))
}

fn contains(network: IpAddr, bits: u32, ip: IpAddr) -> bool {
    let (network, ip, width) = match (network, ip.to_canonical()) {
        (IpAddr::V4(network), IpAddr::V4(ip)) => (network.to_bits().into(), ip.to_bits().into(), 32),
        (IpAddr::V6(network), IpAddr::V6(ip)) => (network.to_bits(), ip.to_bits(), 128),
        _ => return false,
    };
    let difference: u128 = network ^ ip;
    difference.checked_shr(width - bits).unwrap_or(0) == 0
}
