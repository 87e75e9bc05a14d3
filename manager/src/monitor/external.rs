//! Domains that somebody else has made on a host become external VMs: seen, not touched. They
//! follow their domain, and go with it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::Result;
use crate::event::{EventDraft, code};
use crate::host::foreign::ForeignDomain;
use crate::host::{Chipset, DomainInfo, DomainState};
use crate::inventory::Inventory;
use crate::model::{BiosType, External, GraphicsType, HostId, Vm, VmId, VmRun, VmStatus};
use crate::operation::graphics;
use crate::seed;
use crate::writer::Draft;

use super::Watch;

/// External VMs of a host at most; a host with more is managed by somebody else for good.
const MOST: usize = 1000;
const MAX_NAME: usize = 200;

/// Compares a host's foreign domains with its external VMs. `whole` says that `domains` are all
/// there are.
pub(super) async fn reconcile(watch: &Watch, domains: &[DomainInfo], whole: bool) -> Result<()> {
    let inventory = watch.manager.inventory();
    let host = watch.id;
    let foreign: Vec<DomainInfo> = domains
        .iter()
        .filter(|info| info.stamp.is_none() && info.foreign.is_some())
        .take(MOST)
        .filter(|info| differs(&inventory, host, info))
        .cloned()
        .collect();
    let gone: Vec<VmId> = inventory
        .vms
        .iter()
        .filter(|vm| whole && vm.external == Some(host))
        .filter(|vm| inventory.lock_of(vm.id).is_none())
        .filter(|vm| {
            !domains
                .iter()
                .any(|info| info.id == vm.id.0 && info.stamp.is_none())
        })
        .map(|vm| vm.id)
        .collect();
    if foreign.is_empty() && gone.is_empty() {
        return Ok(());
    }
    watch
        .manager
        .core
        .writer
        .apply(move |draft| {
            for id in gone {
                if draft.lock_of(id).is_none()
                    && draft
                        .vms
                        .get(&id)
                        .is_some_and(|vm| vm.external == Some(host))
                {
                    draft.vm_statistics(id, None);
                    draft.remove(id);
                }
            }
            for info in foreign {
                put(draft, host, &info)?;
            }
            Ok(())
        })
        .await
}

fn status(state: DomainState) -> VmStatus {
    match state {
        DomainState::Running | DomainState::Sleeping => VmStatus::Up,
        DomainState::Paused(_) | DomainState::Crashed => VmStatus::Paused,
        DomainState::ShuttingDown => VmStatus::PoweringDown,
        DomainState::Off(_) => VmStatus::Down,
    }
}

/// What our list has of it, as the domain is now.
fn seen(old: &Vm, host: HostId, info: &DomainInfo, foreign: &ForeignDomain) -> Vm {
    let mut vm = old.clone();
    vm.run.status = status(info.state);
    vm.run.host = vm.run.status.is_running().then_some(host);
    vm.run.graphics = graphics(info);
    shape(&mut vm, info, foreign);
    vm
}

/// Puts into a VM's hardware what is known of a foreign domain.
pub(crate) fn shape(vm: &mut Vm, info: &DomainInfo, foreign: &ForeignDomain) {
    let hardware = &mut vm.hardware;
    if info.memory_bytes > 0 {
        hardware.memory = info.memory_bytes;
        hardware.memory_guaranteed = info.memory_bytes;
        hardware.memory_max = hardware.memory_max.max(info.memory_bytes);
    }
    let (sockets, cores, threads) = foreign.topology;
    hardware.topology.sockets = sockets;
    hardware.topology.cores = cores;
    hardware.topology.threads = threads;
    hardware.bios_type = match foreign.chipset {
        Chipset::I440fx => BiosType::I440fxSeaBios,
        Chipset::Q35 => BiosType::Q35SeaBios,
    };
    hardware.soundcard = foreign.sound;
    if info.state.is_active() {
        let has = [
            (GraphicsType::Spice, info.spice.is_some()),
            (GraphicsType::Vnc, info.vnc.is_some()),
        ];
        hardware.display.graphics = has
            .into_iter()
            .filter_map(|(kind, there)| there.then_some(kind))
            .collect();
    }
}

fn external(info: &DomainInfo, foreign: &Arc<ForeignDomain>) -> External {
    External {
        name: info.name.clone(),
        domain: Arc::clone(foreign),
    }
}

fn differs(inventory: &Inventory, host: HostId, info: &DomainInfo) -> bool {
    let id = VmId(info.id);
    let Some(foreign) = &info.foreign else {
        return false;
    };
    match inventory.vms.get(&id) {
        None => true,
        Some(vm) => {
            vm.external == Some(host)
                && inventory.lock_of(id).is_none()
                && (seen(vm, host, info, foreign) != **vm
                    || inventory
                        .externals
                        .get(&id)
                        .is_none_or(|it| **it != external(info, foreign)))
        }
    }
}

fn put(draft: &mut Draft, host: HostId, info: &DomainInfo) -> Result<()> {
    let id = VmId(info.id);
    let Some(foreign) = &info.foreign else {
        return Ok(());
    };
    match draft.vms.get(&id).cloned() {
        Some(old) if old.external == Some(host) && draft.lock_of(id).is_none() => {
            let new = seen(&old, host, info, foreign);
            if new != *old {
                if !new.run.status.is_running() {
                    draft.vm_statistics(id, None);
                }
                draft.put(new)?;
            }
        }
        Some(_) => return Ok(()),
        None => {
            let (Some(cluster), Some(blank)) = (
                draft.hosts.get(&host).map(|host| host.cluster),
                draft.templates.get(&seed::BLANK).cloned(),
            ) else {
                return Ok(());
            };
            let new = Vm {
                id,
                name: free_name(draft, &info.name),
                description: String::new(),
                comment: String::new(),
                cluster,
                template: seed::BLANK,
                original_template: seed::BLANK,
                use_latest_template: false,
                pool: None,
                instance_type: None,
                origin: "external".to_owned(),
                creation_time: draft.now(),
                delete_protected: false,
                tags: BTreeSet::new(),
                hardware: blank.hardware.clone(),
                next_run: None,
                disk_attachments: Vec::new(),
                nics: Vec::new(),
                cdrom: None,
                memory: None,
                run: VmRun::default(),
                external: Some(host),
            };
            let new = seen(&new, host, info, foreign);
            let name = new.name.clone();
            draft.put(new)?;
            let text = format!("VM {name} was found running outside of this manager.");
            let text = if info.state.is_active() {
                text
            } else {
                text.replace("running", "defined")
            };
            draft.event(EventDraft::new(code::EXTERNAL_VM_FOUND, text).vm(id, draft));
        }
    }
    draft.external(id, external(info, foreign));
    Ok(())
}

/// oVirt's name for a domain of somebody else's, and a number where there are several.
fn free_name(draft: &Draft, name: &str) -> String {
    let name: String = name
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_NAME)
        .collect();
    let first = format!("external-{name}");
    (2..)
        .map(|number| format!("{first}-{number}"))
        .scan(Some(first.clone()), |given, next| {
            Some(given.replace(next).unwrap_or_default())
        })
        .find(|name| draft.vm_by_name(name, None).is_none())
        .unwrap_or(first)
}
