//! Quotas: what is used of them, and what they refuse.

use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::inventory::Inventory;
use crate::model::{
    ClusterId, DataCenterId, LogSeverity, Permit, Quota, QuotaId, QuotaMode, StorageDomainId, Vm,
    VmHardware,
};
use crate::writer::Draft;

const GIB: f64 = 1_073_741_824.0;

/// Bytes as GiB.
#[allow(clippy::cast_precision_loss)] // Sizes of disks are far below what a double holds exactly.
fn gib(bytes: u64) -> f64 {
    bytes as f64 / GIB
}

/// GiB of disks that are counted in a quota, in one storage domain or in all.
pub fn storage_used(inventory: &Inventory, quota: QuotaId, domain: Option<StorageDomainId>) -> f64 {
    inventory
        .disks
        .iter()
        .filter(|disk| disk.quota == Some(quota))
        .filter(|disk| domain.is_none_or(|domain| disk.storage_domain == domain))
        .map(|disk| gib(disk.provisioned_size))
        .sum()
}

/// Processors and GiB of memory of running VMs that are counted in a quota.
pub fn cluster_used(
    inventory: &Inventory,
    quota: QuotaId,
    cluster: Option<ClusterId>,
) -> (u64, f64) {
    inventory
        .vms
        .iter()
        .filter(|vm| vm.hardware.quota == Some(quota) && vm.run.status.is_running())
        .filter(|vm| cluster.is_none_or(|cluster| vm.cluster == cluster))
        .fold((0, 0.0), |(vcpus, memory), vm| {
            (
                vcpus + vm.hardware.topology.count(),
                memory + gib(vm.hardware.memory),
            )
        })
}

/// The quota that something of a data center is counted in: the one that is named, which the
/// caller must be allowed to use, else the data center's own.
pub(crate) fn chosen(
    draft: &Draft,
    caller: &Caller,
    named: Option<QuotaId>,
    data_center: Option<DataCenterId>,
) -> Result<Option<QuotaId>> {
    if let Some(id) = named {
        let quota = draft.quotas.get(&id).ok_or_else(|| Error::not_found(id))?;
        if Some(quota.data_center) != data_center {
            return Err(Error::conflict(format!(
                "Quota {} is not of the Data Center of what is to be counted in it.",
                quota.name
            )));
        }
        if !quota.default {
            access::require(draft, caller, Permit::CONSUME_QUOTA, id)?;
        }
        return Ok(Some(id));
    }
    let center = data_center.and_then(|id| draft.data_centers.get(&id));
    let Some(center) = center.filter(|center| center.quota_mode != QuotaMode::Disabled) else {
        return Ok(None);
    };
    let own = draft.quotas.iter();
    let mut own = own.filter(|quota| quota.default && quota.data_center == center.id);
    Ok(own.next().map(|quota| quota.id))
}

/// Counts more bytes of a storage domain in a quota; refuses where that is too much, or says so
/// where the data center only watches.
pub(crate) fn take_storage(
    draft: &mut Draft,
    caller: &Caller,
    quota: Option<QuotaId>,
    domain: StorageDomainId,
    bytes: u64,
    what: &str,
) -> Result<()> {
    let Some(it) = quota.and_then(|id| draft.quotas.get(&id)).cloned() else {
        return Ok(());
    };
    let Some(mode) = mode(draft, &it) else {
        return Ok(());
    };
    let limits = it.storage_limits.iter();
    let limit = limits
        .clone()
        .find(|limit| limit.storage_domain == Some(domain))
        .or_else(|| limits.clone().find(|limit| limit.storage_domain.is_none()));
    let Some(limit) = limit else {
        if it.storage_limits.is_empty() {
            return Ok(());
        }
        let reason = format!(
            "Cannot {what}. Quota {} does not allow the Storage Domain.",
            it.name
        );
        return exceeded(draft, caller, mode, &it, reason);
    };
    #[allow(clippy::cast_precision_loss)]
    let Some(most) = limit.limit.map(|limit| limit as f64) else {
        return Ok(());
    };
    let used = storage_used(draft, it.id, limit.storage_domain);
    let after = used + gib(bytes);
    let scope = format!("{after:.1} of {most} GiB of storage");
    judge(
        draft,
        caller,
        mode,
        &it,
        Taking {
            what,
            scope: &scope,
            short: "storage",
            after,
            most,
            soft: it.storage_soft,
            hard: it.storage_hard,
        },
    )
}

/// Counts a VM that is about to run in its quota.
pub(crate) fn take_cluster(
    draft: &mut Draft,
    caller: &Caller,
    vm: &Vm,
    hardware: &VmHardware,
) -> Result<()> {
    const WHAT: &str = "run VM";
    let Some(it) = hardware.quota.and_then(|id| draft.quotas.get(&id)).cloned() else {
        return Ok(());
    };
    let Some(mode) = mode(draft, &it) else {
        return Ok(());
    };
    let limits = it.cluster_limits.iter();
    let limit = limits
        .clone()
        .find(|limit| limit.cluster == Some(vm.cluster))
        .or_else(|| limits.clone().find(|limit| limit.cluster.is_none()));
    let Some(limit) = limit.cloned() else {
        if it.cluster_limits.is_empty() {
            return Ok(());
        }
        let reason = format!(
            "Cannot {WHAT}. Quota {} does not allow the Cluster.",
            it.name
        );
        return exceeded(draft, caller, mode, &it, reason);
    };
    let (vcpus, memory) = cluster_used(draft, it.id, limit.cluster);
    #[allow(clippy::cast_precision_loss)]
    let vcpus = (vcpus + hardware.topology.count()) as f64;
    let memory = memory + gib(hardware.memory);
    #[allow(clippy::cast_precision_loss)]
    let most_vcpus = limit.vcpus.map(|limit| limit as f64);
    for (after, most, short) in [
        (vcpus, most_vcpus, "vCPU"),
        (memory, limit.memory, "memory"),
    ] {
        let Some(most) = most else { continue };
        let unit = if short == "memory" {
            "GiB of memory"
        } else {
            "vCPUs"
        };
        let scope = format!("{after:.1} of {most} {unit}");
        let taking = Taking {
            what: WHAT,
            scope: &scope,
            short,
            after,
            most,
            soft: it.cluster_soft,
            hard: it.cluster_hard,
        };
        judge(draft, caller, mode, &it, taking)?;
    }
    Ok(())
}

/// The mode of a quota's data center; none when quotas are not used there.
fn mode(draft: &Draft, quota: &Quota) -> Option<QuotaMode> {
    let center = draft.data_centers.get(&quota.data_center)?;
    (center.quota_mode != QuotaMode::Disabled).then_some(center.quota_mode)
}

struct Taking<'a> {
    what: &'a str,
    scope: &'a str,
    short: &'a str,
    after: f64,
    most: f64,
    soft: u32,
    hard: u32,
}

fn judge(
    draft: &mut Draft,
    caller: &Caller,
    mode: QuotaMode,
    quota: &Quota,
    taking: Taking<'_>,
) -> Result<()> {
    // A rounding error is no reason for anything.
    const NOTHING: f64 = 1e-9;
    let share = |percent: u32| taking.most * f64::from(percent) / 100.0 + NOTHING;
    if taking.after > share(100 + taking.hard) {
        let reason = format!(
            "Cannot {}. Quota has insufficient {} resources: {} would be used of Quota {}.",
            taking.what, taking.short, taking.scope, quota.name
        );
        return exceeded(draft, caller, mode, quota, reason);
    }
    if taking.after > share(taking.soft) {
        let text = format!("{} are used of Quota {}.", taking.scope, quota.name);
        warn(draft, caller, quota, text);
    }
    Ok(())
}

fn exceeded(
    draft: &mut Draft,
    caller: &Caller,
    mode: QuotaMode,
    quota: &Quota,
    reason: String,
) -> Result<()> {
    if mode == QuotaMode::Enabled {
        return Err(Error::conflict(reason));
    }
    warn(
        draft,
        caller,
        quota,
        reason.replace("Cannot ", "Quota exceeded by: "),
    );
    Ok(())
}

fn warn(draft: &mut Draft, caller: &Caller, quota: &Quota, text: String) {
    let event = EventDraft::new(code::QUOTA_EXCEEDED, text).severity(LogSeverity::Warning);
    draft.event(event.data_center(quota.data_center).by(caller, draft));
}
