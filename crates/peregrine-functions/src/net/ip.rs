//! `ip()`: addresses.

use std::any::Any;
use std::net::{IpAddr, Ipv4Addr};

use crate::prelude::*;

/// Makes an address from text or from a number; NULL if the text is not an address.
///
/// Members: `IsPrivate`, `IsLoopback`, `IsMulticast`, `IsGlobalUnicast`, `IsLinkLocalUnicast`,
/// `IsLinkLocalMulticast`, `IsInterfaceLocalMulticast`, `IsUnspecified`, `To4`, `To16`, `String`.
#[derive(VqlArgs)]
pub struct Args {
    /// An address of version 4 or 6 as text.
    parse: Option<String>,
    /// A version 4 address as a little-endian number.
    #[arg(default = 0)]
    netaddr4_le: i64,
    /// A version 4 address as a big-endian number.
    #[arg(default = 0)]
    netaddr4_be: i64,
}

pub struct Ip;

impl Function for Ip {
    type Args = Args;
    const NAME: &'static str = "ip";
    const CATEGORY: Category = Category::Net;
    const VERSION: i64 = 2;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example(
            "an address in another",
            "ip(parse='::ffff:10.0.0.1')",
            r#""10.0.0.1""#,
        ),
        example("little-endian", "ip(netaddr4_le=16777343)", r#""127.0.0.1""#),
        example("big-endian", "ip(netaddr4_be=2130706433)", r#""127.0.0.1""#),
        example("a private one", "ip(parse='192.168.1.2').IsPrivate", "true"),
        example("no address", "ip(parse='x')", "null"),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        let address = match args.parse.filter(|text| !text.is_empty()) {
            Some(text) => match text.parse::<IpAddr>() {
                Ok(address) => address.to_canonical(),
                Err(_) => return Ok(Value::Null),
            },
            None if args.netaddr4_le > 0 => Ipv4Addr::from((args.netaddr4_le as u32).to_le_bytes()).into(),
            None => Ipv4Addr::from((args.netaddr4_be as u32).to_be_bytes()).into(),
        };
        Ok(Value::object(Address(address)))
    }
}

#[derive(Debug, PartialEq)]
struct Address(IpAddr);

const MEMBERS: [&str; 11] = [
    "IsPrivate",
    "IsLoopback",
    "IsMulticast",
    "IsGlobalUnicast",
    "IsLinkLocalUnicast",
    "IsLinkLocalMulticast",
    "IsInterfaceLocalMulticast",
    "IsUnspecified",
    "To4",
    "To16",
    "String",
];

impl Object for Address {
    fn type_name(&self) -> &'static str {
        "net.IP"
    }

    fn member(&self, _: &Scope, name: &str) -> Option<Value> {
        let ip = self.0;
        let (private, link_local, multicast_scope, broadcast) = match ip {
            IpAddr::V4(ip) => {
                let scope = if ip.octets()[..3] == [224, 0, 0] { 2 } else { 0 };
                (ip.is_private(), ip.is_link_local(), scope, ip.is_broadcast())
            }
            IpAddr::V6(ip) => {
                let scope = if ip.is_multicast() { ip.octets()[1] & 15 } else { 0 };
                (ip.is_unique_local(), ip.is_unicast_link_local(), scope, false)
            }
        };
        let special = ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || link_local || broadcast;
        Some(match name {
            "IsPrivate" => Value::from(private),
            "IsLoopback" => Value::from(ip.is_loopback()),
            "IsMulticast" => Value::from(ip.is_multicast()),
            "IsGlobalUnicast" => Value::from(!special),
            "IsLinkLocalUnicast" => Value::from(link_local),
            "IsLinkLocalMulticast" => Value::from(multicast_scope == 2),
            "IsInterfaceLocalMulticast" => Value::from(multicast_scope == 1),
            "IsUnspecified" => Value::from(ip.is_unspecified()),
            "To4" if ip.is_ipv6() => Value::Null,
            "To4" | "To16" => Value::object(Address(ip)),
            "String" => Value::from(ip.to_string()),
            _ => return None,
        })
    }

    fn packed(&self) -> Option<Packed> {
        Some(Packed {
            parts: vec![Value::from(self.0.to_string())],
            unpack: |parts| {
                let ip = parts.first()?.as_str()?.as_utf8()?.parse().ok()?;
                Some(Value::object(Address(ip)))
            },
        })
    }

    fn member_names(&self) -> Vec<Str> {
        MEMBERS.map(Str::from).to_vec()
    }

    fn to_text(&self) -> Option<Str> {
        Some(Str::from(self.0.to_string()))
    }

    fn to_json(&self, _: &Scope) -> Option<Value> {
        Some(Value::from(self.0.to_string()))
    }

    fn equals(&self, other: &Value) -> Option<bool> {
        match other {
            Value::Str(text) => Some(text.as_utf8()?.parse::<IpAddr>().ok()?.to_canonical() == self.0),
            other => Some(other.as_object::<Address>()? == self),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
