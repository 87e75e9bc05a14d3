//! `/datacenters/{id}/qoss`.

use api::path;
use api::types;
use manager::QosParams;
use manager::model::{DataCenter, Qos, QosType};

use super::convert::{given, reference, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::view::{Found, View, list_or_pick};
use super::{Change, Verb};

/// A QoS as the API shows it.
pub(super) fn to_api(it: &Qos) -> types::Qos {
    let number = |limit: Option<u32>| limit.map(i64::from);
    let limits = &it.limits;
    types::Qos {
        id: Some(it.id.to_string()),
        href: Some(
            path::data_center(it.data_center)
                .child("qoss")
                .item(it.id)
                .to_string(),
        ),
        name: Some(it.name.clone()),
        description: Some(it.description.clone()),
        type_: word(it.kind.as_str()),
        data_center: reference!(
            DataCenter,
            path::data_center(it.data_center),
            it.data_center
        ),
        max_throughput: number(limits.max_throughput),
        max_read_throughput: number(limits.max_read_throughput),
        max_write_throughput: number(limits.max_write_throughput),
        max_iops: number(limits.max_iops),
        max_read_iops: number(limits.max_read_iops),
        max_write_iops: number(limits.max_write_iops),
        cpu_limit: number(limits.cpu_limit),
        inbound_average: number(limits.inbound_average),
        inbound_peak: number(limits.inbound_peak),
        inbound_burst: number(limits.inbound_burst),
        outbound_average: number(limits.outbound_average),
        outbound_peak: number(limits.outbound_peak),
        outbound_burst: number(limits.outbound_burst),
        outbound_average_linkshare: number(limits.outbound_average_linkshare),
        outbound_average_upperlimit: number(limits.outbound_average_upperlimit),
        outbound_average_realtime: number(limits.outbound_average_realtime),
        ..types::Qos::default()
    }
}

pub(super) fn read(view: &View, center: &DataCenter, rest: &[&str]) -> Result<Found> {
    let inside = view.inventory().qoss.iter();
    let inside = inside.filter(|it| it.data_center == center.id && view.sees(it.id));
    let mut found: Vec<_> = inside.map(|it| to_api(it)).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    list_or_pick(found, rest)
}

fn params(sent: &types::Qos) -> QosParams {
    let all = [
        ("max_throughput", sent.max_throughput),
        ("max_read_throughput", sent.max_read_throughput),
        ("max_write_throughput", sent.max_write_throughput),
        ("max_iops", sent.max_iops),
        ("max_read_iops", sent.max_read_iops),
        ("max_write_iops", sent.max_write_iops),
        ("cpu_limit", sent.cpu_limit),
        ("inbound_average", sent.inbound_average),
        ("inbound_peak", sent.inbound_peak),
        ("inbound_burst", sent.inbound_burst),
        ("outbound_average", sent.outbound_average),
        ("outbound_peak", sent.outbound_peak),
        ("outbound_burst", sent.outbound_burst),
        (
            "outbound_average_linkshare",
            sent.outbound_average_linkshare,
        ),
        (
            "outbound_average_upperlimit",
            sent.outbound_average_upperlimit,
        ),
        ("outbound_average_realtime", sent.outbound_average_realtime),
    ];
    QosParams {
        name: sent.name.clone(),
        description: sent.description.clone(),
        limits: all
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name, value)))
            .collect(),
    }
}

pub(super) async fn change(
    change: &Change<'_>,
    verb: Verb,
    center: &DataCenter,
    rest: &[&str],
) -> Result<Answer> {
    let (manager, caller, view) = (change.view.manager(), change.caller(), &change.view);
    let find = |id: &str| {
        let it = view.qos(id)?;
        if it.data_center == center.id {
            Ok(it)
        } else {
            Err(Refused::not_found(id))
        }
    };
    match (verb, rest) {
        (Verb::Post, []) => {
            let sent: types::Qos = change.sent.body()?;
            let kind: Option<QosType> = given("type", sent.type_.map(|it| it.as_str()))?;
            let (Some(_), Some(kind)) = (sent.name.as_ref().filter(|it| !it.is_empty()), kind)
            else {
                return Err(Refused::incomplete("Qos", &["name", "type"], "add"));
            };
            let it = manager
                .qos_add(caller, center.id, kind, params(&sent))
                .await?;
            Ok(Answer::Created(Box::new(to_api(&it))))
        }
        (Verb::Put, [id]) => {
            let it = find(id)?;
            let sent: types::Qos = change.sent.body()?;
            let it = manager.qos_update(caller, it.id, params(&sent)).await?;
            Ok(Answer::Object(Box::new(to_api(&it))))
        }
        (Verb::Delete, [id]) => {
            manager.qos_remove(caller, find(id)?.id).await?;
            Ok(Answer::Removed)
        }
        _ => Err(Refused::unbuilt()),
    }
}
