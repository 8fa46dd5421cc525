//! `interfaces()`: network interfaces with their addresses.

use crate::machine::{failed, machine};
use peregrine_engine::prelude::*;

/// Lists network interfaces.
#[derive(VqlArgs)]
pub struct Args {}

/// An interface.
#[derive(IntoRow)]
pub struct Row {
    /// Its name.
    name: String,
    /// Hardware address as the bytes it is.
    hardware_addr: Value,
    /// Largest packet.
    #[column(name = "MTU")]
    mtu: i64,
    /// Number of the interface.
    index: i64,
    /// Flags of the system.
    flags: i64,
    /// `Y` for the loopback interface.
    loopback: &'static str,
    /// `Y` for a point-to-point link.
    point_to_point: &'static str,
    /// `Y` when it is up.
    up: &'static str,
    /// Hardware address as text.
    hardware_addr_string: String,
    /// Addresses with their prefix length.
    addrs: Value,
    /// The same as text.
    addrs_string: Value,
}

/// The plugin.
pub struct Interfaces;

impl Plugin for Interfaces {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "interfaces";
    const CATEGORY: Category = Category::Net;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const PLATFORMS: Platforms = Platforms::LINUX;
    const EXAMPLES: &'static [Example] = &[example_shape("interfaces", "interfaces()", Shape::Any)];

    fn run(scope: &Scope, _: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        scope.check_access(Permission::MachineState)?;
        let yes = |is: bool| if is { "Y" } else { "N" };
        for interface in machine(scope)?.interfaces().map_err(failed)? {
            let addresses: Vec<String> = interface
                .addresses
                .iter()
                .map(|address| format!("{}/{}", address.address, address.prefix_length))
                .collect();
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
                flags: i64::from(interface.flags),
                addrs: Value::array(
                    addresses
                        .iter()
                        .map(|address| Value::from(address.as_str()))
                        .collect(),
                ),
                addrs_string: Value::array(addresses.into_iter().map(Value::from).collect()),
                name: interface.name,
            })?;
        }
        Ok(())
    }
}
