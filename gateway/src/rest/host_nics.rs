//! `/hosts/{id}/nics`: a host's network interfaces, as they are measured. They are the host's own
//! and cannot be changed from here.

use api::path;
use api::types::{self, Mac};
use manager::model::{Host, HostInterface};
use sha2::{Digest, Sha256};

use super::beneath;
use super::convert::{int, reference, word};
use super::fault::{Refused, Result};
use super::statistics;
use super::view::{Found, View, list_or_pick};

pub(super) fn read(view: &View, host: &Host, rest: &[&str]) -> Result<Found> {
    let figures = view.inventory().host_statistics.get(&host.id);
    let interfaces = figures.map_or(&[][..], |it| &it.interfaces[..]);
    match rest {
        [id, "statistics", rest @ ..] => {
            let it = interfaces
                .iter()
                .find(|it| self::id(host, it) == **id)
                .ok_or_else(|| Refused::not_found(id))?;
            statistics::read(statistics::host_nic(host, it, id), rest)
        }
        [_, rest @ ..] if !rest.is_empty() => Err(beneath(rest)),
        rest => list_or_pick(
            interfaces.iter().map(|it| to_api(view, host, it)).collect(),
            rest,
        ),
    }
}

/// The same interface of the same host has the same id.
fn id(host: &Host, it: &HostInterface) -> String {
    let hash = Sha256::digest(format!("{}/{}", host.id, it.name));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes)
        .into_uuid()
        .to_string()
}

fn to_api(view: &View, host: &Host, it: &HostInterface) -> types::HostNic {
    let id = id(host, it);
    let network = view
        .inventory()
        .networks
        .iter()
        .find(|network| it.bridge && network.vdsm_name == it.name);
    types::HostNic {
        href: Some(path::host(host.id).nics().item(&id).to_string()),
        id: Some(id),
        name: Some(it.name.clone()),
        host: reference!(Host, path::host(host.id), host.id),
        mac: it.mac.map(|mac| {
            Mac {
                address: Some(mac.to_string()),
            }
            .into()
        }),
        mtu: it.mtu.and_then(int),
        speed: it.speed.and_then(int),
        bridged: Some(it.bridge),
        custom_configuration: Some(false),
        network: network.map(|it| super::convert::part!(Network, path::network(it.id), it.id)),
        status: word(if it.up { "up" } else { "down" }),
        ..types::HostNic::default()
    }
}
