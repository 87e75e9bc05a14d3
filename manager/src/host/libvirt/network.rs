//! Networks for VMs: a NAT network of libvirt's if the host can make one, else QEMU's own user
//! networking, and the reason for that.

use virt::connect::Connect;
use virt::error::ErrorNumber;

use super::connection::failed;
use super::domain_xml;
use super::xml::Element;
use crate::host::{HostError, NetworkKind, NetworkReport};

/// Third bytes of 192.168.x.0/24 that are tried, one after the other, until one is free.
const SUBNETS: std::ops::RangeInclusive<u8> = 140..=155;

/// Makes it usable; what the host cannot do is a reason, not an error.
pub(super) fn ensure(connection: &Connect, network: &str) -> Result<NetworkReport, HostError> {
    // A bridge's name has at most 15 characters; keeping to that lets a host use it as one.
    let name = domain_xml::name("network", network, 15)?;
    let report = |kind, reason| NetworkReport {
        name: name.clone(),
        kind,
        reason,
    };
    match nat(connection, &name) {
        Ok(how) => Ok(report(NetworkKind::Nat, how)),
        Err(error) if !connection.is_alive().unwrap_or(false) => Err(error),
        Err(error) => Ok(report(
            NetworkKind::User,
            format!(
                "Guests use QEMU's user networking, in which nobody can reach them, because this host cannot make \
                 the network {name}: {error}."
            ),
        )),
    }
}

fn nat(connection: &Connect, name: &str) -> Result<String, HostError> {
    let describe = |bridge: Option<String>| match bridge {
        Some(bridge) => format!("Guests are on bridge {bridge} behind address translation."),
        None => "Guests are on a bridge behind address translation.".to_owned(),
    };
    let known = match connection.lookup_network_by_name(name) {
        Ok(network) => Some(network),
        Err(error) if error.code().is(ErrorNumber::NoNetwork) => None,
        Err(error) => return Err(failed(&error)),
    };
    if let Some(network) = &known {
        if network.is_active().map_err(|e| failed(&e))? {
            return Ok(describe(network.bridge_name().ok()));
        }
        match network.create() {
            Ok(_) => return Ok(describe(network.bridge_name().ok())),
            // Its subnet may be in use by now; only one of our own making may be made anew.
            Err(error) => {
                let xml = network.xml_desc(0).map_err(|e| failed(&e))?;
                if Element::parse(&xml)?.path(&["metadata", STAMP]).is_none() {
                    return Err(failed(&error));
                }
            }
        }
    }
    let mut last = HostError::Failed {
        what: "no subnet is free".to_owned(),
    };
    for subnet in SUBNETS {
        let network = match connection.define_network_xml(&definition(name, subnet).to_xml()) {
            Ok(network) => network,
            Err(error) => return Err(failed(&error)),
        };
        match network.create() {
            Ok(_) => {
                // Then it is there again after the host's daemon or the host has started anew.
                let _ = network.set_autostart(true);
                return Ok(describe(network.bridge_name().ok()));
            }
            Err(error) => {
                last = failed(&error);
                let _ = network.undefine();
                if !error.message().contains("already in use") {
                    break;
                }
            }
        }
    }
    Err(last)
}

/// Our mark in `<metadata>` of a network.
const STAMP: &str = "saffron:network";

fn definition(name: &str, subnet: u8) -> Element {
    let address = |last: u8| format!("192.168.{subnet}.{last}");
    Element::new("network")
        .child(Element::new("name").text(name))
        .child(
            Element::new("metadata")
                .child(Element::new(STAMP).attr("xmlns:saffron", "urn:saffron:network:1")),
        )
        .child(Element::new("forward").attr("mode", "nat"))
        .child(Element::new("bridge").attr("stp", "on").attr("delay", "0"))
        .child(
            Element::new("ip")
                .attr("address", address(1))
                .attr("netmask", "255.255.255.0")
                .child(
                    Element::new("dhcp").child(
                        Element::new("range")
                            .attr("start", address(2))
                            .attr("end", address(254)),
                    ),
                ),
        )
}
