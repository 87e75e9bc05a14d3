//! NICs: the device and where it leads.

use super::{Context, alias, invalid, name};
use crate::host::libvirt::xml::Element;
use crate::host::{HostError, NetworkKind, NicModel, NicNetwork, NicSpec};

/// A NIC. `boot` is its place in the boot order.
pub(crate) fn nic(
    spec: &NicSpec,
    boot: Option<usize>,
    context: &Context<'_>,
) -> Result<Element, HostError> {
    if spec.mac.0[0] & 1 != 0 {
        return Err(invalid("mac", "must not be a multicast address"));
    }
    let named = |kind: &'static str, attribute: &'static str, value: String| {
        Element::new("interface")
            .attr("type", kind)
            .child(Element::new("source").attr(attribute, value))
    };
    let element = match &spec.network {
        NicNetwork::Named(network) => {
            let network = name("network", network, 64)?;
            match context.networks.get(&network) {
                Some(NetworkKind::Nat) => named("network", "network", network),
                Some(NetworkKind::User) => Element::new("interface").attr("type", "user"),
                None => {
                    return Err(invalid(
                        "network",
                        format!("{network} is not usable on this host"),
                    ));
                }
            }
        }
        NicNetwork::Bridge(bridge) => named("bridge", "bridge", name("bridge", bridge, 15)?),
        NicNetwork::User => Element::new("interface").attr("type", "user"),
        // libvirt has a type `null` for this, at which the daemon of version 9.0 crashes. A pulled
        // cable leads nowhere too.
        NicNetwork::Nowhere => Element::new("interface").attr("type", "user"),
    };
    let linked = spec.linked && spec.network != NicNetwork::Nowhere;
    let model = match spec.model {
        NicModel::Virtio => "virtio",
        NicModel::E1000 => "e1000",
        NicModel::E1000e => "e1000e",
        NicModel::Rtl8139 => "rtl8139",
    };
    let mut element = element
        .child(Element::new("mac").attr("address", spec.mac.to_string()))
        .child(Element::new("model").attr("type", model))
        .child(Element::new("link").attr("state", if linked { "up" } else { "down" }));
    element = match boot {
        Some(order) => element.child(Element::new("boot").attr("order", order.to_string())),
        // The network boot program costs a second of every boot, even when it is not used.
        None => element.child(Element::new("rom").attr("enabled", "no")),
    };
    Ok(element.child(Element::new("alias").attr("name", alias(spec.nic))))
}
