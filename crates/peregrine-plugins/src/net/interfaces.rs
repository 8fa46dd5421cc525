//! `interfaces()`: network interfaces with their addresses.

use crate::machine::{failed, machine};
use peregrine_engine::prelude::*;
use peregrine_os::InterfaceAddress;
use std::net::IpAddr;

/// Lists network interfaces.
#[derive(VqlArgs)]
pub struct Args {}

/// An interface.
#[derive(IntoRow)]
pub struct Row {
    /// Its name.
    name: String,
    /// Hardware address as bytes.
    hardware_addr: Value,
    /// Largest packet.
    #[column(name = "MTU")]
    mtu: i64,
    /// Index of the interface.
    index: i64,
    /// Its flags: `up`, `broadcast`, `loopback`, `pointtopoint`, `multicast`, `running`, joined by `|`.
    flags: String,
    /// `Y` for the loopback interface.
    loopback: &'static str,
    /// `Y` for a point-to-point link.
    point_to_point: &'static str,
    /// `Y` when it is up.
    up: &'static str,
    /// Hardware address as text.
    hardware_addr_string: String,
    /// Addresses: `IP` and `Mask` of each.
    addrs: Value,
    /// The addresses as text, with the length of the prefix.
    addrs_string: Value,
    /// Multicast groups it listens to: `IP` and `Zone` of each.
    multicast_addrs: Value,
    /// The multicast groups as text.
    multicast_addrs_string: Value,
}

/// An address.
#[derive(IntoRow)]
struct Network {
    #[column(name = "IP")]
    ip: String,
    /// As long as the address.
    mask: Value,
}

/// A multicast group.
#[derive(IntoRow)]
struct Group {
    #[column(name = "IP")]
    ip: String,
    zone: &'static str,
}

pub struct Interfaces;

impl Plugin for Interfaces {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "interfaces";
    const CATEGORY: Category = Category::Net;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const PLATFORMS: Platforms = Platforms::LINUX;
    const EXAMPLES: &'static [Example] = &[example(
        "the loopback",
        "SELECT Flags =~ '^up.loopback' AS IsUp, Addrs[0].IP AS Address, Addrs[0].Mask AS Mask, AddrsString[0] AS Text
         FROM interfaces() WHERE Loopback = 'Y'",
        r#"[{"IsUp":true,"Address":"127.0.0.1","Mask":"/wAAAA==","Text":"127.0.0.1/8"}]"#,
    )];

    fn run(scope: &Scope, _: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        scope.check_access(Permission::MachineState)?;
        let yes = |is: bool| if is { "Y" } else { "N" };
        for interface in machine(scope)?.interfaces().map_err(failed)? {
            let hardware: Vec<String> = interface
                .hardware_address
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            rows.push(Row {
                loopback: yes(interface.is_loopback()),
                point_to_point: yes(interface.is_point_to_point()),
                up: yes(interface.is_up()),
                hardware_addr: Value::bytes(&interface.hardware_address),
                hardware_addr_string: hardware.join(":"),
                mtu: i64::from(interface.mtu),
                index: i64::from(interface.index),
                flags: flags(interface.flags),
                addrs: interface.addresses.iter().map(network).collect(),
                addrs_string: interface
                    .addresses
                    .iter()
                    .map(|address| format!("{}/{}", address.address, address.prefix_length))
                    .collect(),
                multicast_addrs: interface.multicast.iter().map(group).collect(),
                multicast_addrs_string: interface.multicast.iter().map(ToString::to_string).collect(),
                name: interface.name,
            })?;
        }
        Ok(())
    }
}

/// The flags of `SIOCGIFFLAGS` (netdevice(7)) that every system has, in output order.
fn flags(bits: u32) -> String {
    const NAMES: [(u32, &str); 6] = [
        (0x1, "up"),
        (0x2, "broadcast"),
        (0x8, "loopback"),
        (0x10, "pointtopoint"),
        (0x1000, "multicast"),
        (0x40, "running"),
    ];
    let set = NAMES.iter().filter(|(bit, _)| bits & bit != 0);
    let names: Vec<&str> = set.map(|(_, name)| *name).collect();
    if names.is_empty() {
        "0".to_owned()
    } else {
        names.join("|")
    }
}

fn network(address: &InterfaceAddress) -> Value {
    let length = u32::from(address.prefix_length);
    let mask = match address.address {
        IpAddr::V4(_) => Value::bytes(
            &u32::MAX
                .checked_shl(32 - length.min(32))
                .unwrap_or(0)
                .to_be_bytes(),
        ),
        IpAddr::V6(_) => Value::bytes(
            &u128::MAX
                .checked_shl(128 - length.min(128))
                .unwrap_or(0)
                .to_be_bytes(),
        ),
    };
    let network = Network {
        ip: address.address.to_string(),
        mask,
    };
    network.into_row().into_value()
}

fn group(address: &IpAddr) -> Value {
    let group = Group {
        ip: address.to_string(),
        zone: "",
    };
    group.into_row().into_value()
}
