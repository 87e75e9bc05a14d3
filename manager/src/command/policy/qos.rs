//! Qualities of service: how much of something may be used at a time.

use std::sync::Arc;

use super::super::check;
use super::{log, name_free};
use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::code;
use crate::model::{DataCenterId, Permit, Qos, QosId, QosLimits, QosType};
use crate::writer::Draft;

/// What is said of a QoS. A limit of `Some(None)` takes it away.
#[derive(Clone, Debug, Default)]
pub struct QosParams {
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Its limits, by oVirt's names. Below zero or zero is none.
    pub limits: Vec<(&'static str, i64)>,
}

/// Where a limit is kept, and the kind that it belongs to.
fn place<'a>(limits: &'a mut QosLimits, name: &str) -> Option<(&'a mut Option<u32>, QosType)> {
    use QosType::{Cpu, Hostnetwork, Network, Storage};
    Some(match name {
        "max_throughput" => (&mut limits.max_throughput, Storage),
        "max_read_throughput" => (&mut limits.max_read_throughput, Storage),
        "max_write_throughput" => (&mut limits.max_write_throughput, Storage),
        "max_iops" => (&mut limits.max_iops, Storage),
        "max_read_iops" => (&mut limits.max_read_iops, Storage),
        "max_write_iops" => (&mut limits.max_write_iops, Storage),
        "cpu_limit" => (&mut limits.cpu_limit, Cpu),
        "inbound_average" => (&mut limits.inbound_average, Network),
        "inbound_peak" => (&mut limits.inbound_peak, Network),
        "inbound_burst" => (&mut limits.inbound_burst, Network),
        "outbound_average" => (&mut limits.outbound_average, Network),
        "outbound_peak" => (&mut limits.outbound_peak, Network),
        "outbound_burst" => (&mut limits.outbound_burst, Network),
        "outbound_average_linkshare" => (&mut limits.outbound_average_linkshare, Hostnetwork),
        "outbound_average_upperlimit" => (&mut limits.outbound_average_upperlimit, Hostnetwork),
        "outbound_average_realtime" => (&mut limits.outbound_average_realtime, Hostnetwork),
        _ => return None,
    })
}

fn put_into(draft: &Draft, params: QosParams, it: &mut Qos) -> Result<()> {
    if let Some(name) = params.name {
        check::label("name", &name)?;
        let others = draft.qoss.iter().filter(|other| {
            other.data_center == it.data_center && other.kind == it.kind && other.id != it.id
        });
        name_free(others.map(|other| other.name.as_str()), &name, "QoS")?;
        it.name = name;
    }
    check::set_text("description", &mut it.description, params.description)?;
    for (name, value) in params.limits {
        let kind = it.kind;
        let Some((place, of)) = place(&mut it.limits, name) else {
            continue;
        };
        if of != kind {
            return Err(Error::invalid(
                "qos",
                format!("A QoS of kind {kind} has no {name}."),
            ));
        }
        let value = u32::try_from(value.max(0)).map_err(|_| {
            Error::invalid("qos", format!("The value {value} of {name} is too large."))
        })?;
        *place = Some(value).filter(|value| *value > 0);
    }
    let limits = &it.limits;
    if limits.cpu_limit.is_some_and(|percent| percent > 100) {
        return Err(Error::invalid(
            "cpu_limit",
            "The CPU limit is 1 to 100 per cent.",
        ));
    }
    let both = |all: Option<u32>, read: Option<u32>, write: Option<u32>| {
        all.is_some() && (read.is_some() || write.is_some())
    };
    if both(
        limits.max_throughput,
        limits.max_read_throughput,
        limits.max_write_throughput,
    ) || both(limits.max_iops, limits.max_read_iops, limits.max_write_iops)
    {
        return Err(Error::conflict(
            "Cannot save QoS. A limit of reads and writes together excludes limits of each.",
        ));
    }
    for (average, peak, burst) in [
        (
            limits.inbound_average,
            limits.inbound_peak,
            limits.inbound_burst,
        ),
        (
            limits.outbound_average,
            limits.outbound_peak,
            limits.outbound_burst,
        ),
    ] {
        let given = [average, peak, burst].iter().flatten().count();
        if given != 0 && given != 3 {
            return Err(Error::conflict(
                "Cannot save QoS. Average, peak and burst of a direction are set together or not at all.",
            ));
        }
        if peak < average {
            return Err(Error::conflict(
                "Cannot save QoS. The peak of a direction is not below its average.",
            ));
        }
    }
    if let (Some(upper), real) = (
        limits.outbound_average_upperlimit,
        limits.outbound_average_realtime,
    ) && real.is_some_and(|real| real > upper)
    {
        return Err(Error::conflict(
            "Cannot save QoS. The committed rate is not above the rate limit.",
        ));
    }
    Ok(())
}

impl Manager {
    /// Makes a QoS.
    pub async fn qos_add(
        &self,
        caller: &Caller,
        data_center: DataCenterId,
        kind: QosType,
        params: QosParams,
    ) -> Result<Arc<Qos>> {
        self.write(caller, move |draft, caller| {
            access::require(
                draft,
                caller,
                Permit::EDIT_STORAGE_POOL_CONFIGURATION,
                data_center,
            )?;
            if params.name.as_deref().is_none_or(str::is_empty) {
                return Err(Error::invalid("name", "Qos [name] required for add"));
            }
            let mut it = Qos {
                id: QosId::random(),
                name: String::new(),
                description: String::new(),
                data_center,
                kind,
                limits: QosLimits::default(),
            };
            put_into(draft, params, &mut it)?;
            draft.put(it.clone())?;
            let text = format!("QoS {} was added.", it.name);
            log(draft, caller, code::QOS_ADDED, text, Some(data_center));
            Ok(Arc::new(it))
        })
        .await
    }

    /// Changes a QoS.
    pub async fn qos_update(
        &self,
        caller: &Caller,
        id: QosId,
        params: QosParams,
    ) -> Result<Arc<Qos>> {
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::EDIT_STORAGE_POOL_CONFIGURATION, id)?;
            let it = draft.qoss.get(&id).ok_or_else(|| Error::not_found(id))?;
            let mut it = (**it).clone();
            put_into(draft, params, &mut it)?;
            draft.put(it.clone())?;
            let text = format!("QoS {} was updated.", it.name);
            log(draft, caller, code::QOS_UPDATED, text, Some(it.data_center));
            Ok(Arc::new(it))
        })
        .await
        .inspect(|_| {
            let profiles = self.profiles_of_qos(id);
            self.disk_limits_changed(|disk| profiles.contains(&disk.disk_profile));
        })
    }

    /// Removes a QoS. What had it has no limits any more.
    pub async fn qos_remove(&self, caller: &Caller, id: QosId) -> Result<()> {
        let profiles = self.profiles_of_qos(id);
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::EDIT_STORAGE_POOL_CONFIGURATION, id)?;
            let it = draft.qoss.get(&id).cloned();
            let it = it.ok_or_else(|| Error::not_found(id))?;
            macro_rules! let_go {
                ($($map:ident),*) => {$(
                    let users: Vec<_> = draft.$map.iter().filter(|user| user.qos == Some(id)).cloned().collect();
                    for user in users {
                        let mut user = (*user).clone();
                        user.qos = None;
                        draft.put(user)?;
                    }
                )*};
            }
            let_go!(cpu_profiles, disk_profiles, vnic_profiles, networks);
            draft.remove(id);
            let text = format!("QoS {} was removed.", it.name);
            log(draft, caller, code::QOS_REMOVED, text, Some(it.data_center));
            Ok(())
        })
        .await
        .inspect(|()| self.disk_limits_changed(|disk| profiles.contains(&disk.disk_profile)))
    }
}
