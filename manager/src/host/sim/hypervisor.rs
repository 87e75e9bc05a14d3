//! What the simulated host answers to each call.

use std::collections::btree_map::Entry;
use std::fs::File;
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use tokio::sync::broadcast;
use uuid::Uuid;

use super::{Domain, PICTURE, SimHost, Volume, bytes};
use crate::host::{
    Acceleration, AccelerationKind, Chain, DiskSpec, DisplayPassword, DomainInfo, DomainSpec,
    DomainState, GraphicsTarget, HostError, HostEvent, HostFuture, HostReport, HostSample,
    Hypervisor, MergeProgress, MergeSpec, NetworkKind, NetworkReport, NetworkSpec, NicSpec,
    OffReason, Parts, PauseReason, Plugged, PoolInfo, Reachable, StatSample, Statistics, TakeSpec,
    VolumeAccess, VolumeFormat, VolumeInfo, VolumeRef, VolumeSpec,
};

impl Hypervisor for SimHost {
    fn report(&self) -> HostFuture<'_, HostReport> {
        self.call("report", |_, state| {
            Ok(HostReport {
                hostname: "sim".to_owned(),
                architecture: "x86_64".to_owned(),
                cpu_model: "Simulated".to_owned(),
                sockets: 1,
                cores_per_socket: 8,
                threads_per_core: 2,
                cpu_mhz: 3000,
                memory_bytes: bytes(64 << 10),
                libvirt_version: "9.0.0".to_owned(),
                qemu_version: "7.2.22".to_owned(),
                kernel_version: "6.1.0".to_owned(),
                operating_system: "Debian GNU/Linux 12".to_owned(),
                spice: true,
                acceleration: Acceleration {
                    kind: AccelerationKind::Tcg,
                    reason: "This host is simulated.".to_owned(),
                },
                parts: Parts {
                    uefi: !state.bare,
                    secure_boot: !state.bare,
                    tpm: !state.bare,
                },
            })
        })
    }

    fn events(&self) -> broadcast::Receiver<HostEvent> {
        self.events.subscribe()
    }

    fn reachable(&self) -> Reachable {
        match &self.lock().away {
            None => Reachable::Yes,
            Some((since, reason)) => Reachable::No {
                since: *since,
                reason: reason.clone(),
            },
        }
    }

    fn watch(&self, watched: bool) {
        self.lock()
            .calls
            .push(if watched { "watch" } else { "unwatch" });
    }

    fn domains(&self) -> HostFuture<'_, Vec<DomainInfo>> {
        self.call("domains", |_, state| {
            let guests = &state.guests;
            let info = |domain: &Domain| domain.info(guests.contains_key(&domain.spec.vm));
            Ok(state.domains.values().map(info).collect())
        })
    }

    fn domain(&self, vm: Uuid) -> HostFuture<'_, Option<DomainInfo>> {
        self.call("domain", move |_, state| {
            let agent = state.guests.contains_key(&vm);
            Ok(state.domains.get(&vm).map(|domain| domain.info(agent)))
        })
    }

    fn define(&self, spec: DomainSpec) -> HostFuture<'_, ()> {
        self.call("define", move |_, state| {
            let state_now = DomainState::Off(OffReason::Unknown);
            state.domains.insert(
                spec.vm,
                Domain {
                    spec,
                    state: state_now,
                    saved: false,
                    modules: Vec::new(),
                    foreign: None,
                },
            );
            Ok(())
        })
    }

    fn start(&self, spec: DomainSpec) -> HostFuture<'_, DomainInfo> {
        self.call("start", move |host, state| host.begin(state, spec, false))
    }

    fn restore(&self, spec: DomainSpec) -> HostFuture<'_, DomainInfo> {
        self.call("restore", move |host, state| host.begin(state, spec, true))
    }

    fn restore_memory(&self, spec: DomainSpec, memory: VolumeRef) -> HostFuture<'_, DomainInfo> {
        self.call("restore_memory", move |host, state| {
            if !state.volumes.contains_key(&memory) {
                return Err(HostError::NotFound {
                    what: format!("memory {}", memory.volume),
                });
            }
            host.begin(state, spec, false)
        })
    }

    fn snapshot_take(&self, vm: Uuid, spec: TakeSpec) -> HostFuture<'_, ()> {
        self.call("snapshot_take", move |host, state| {
            host.take(state, vm, &spec)
        })
    }

    fn merge_live(&self, vm: Uuid, spec: MergeSpec) -> HostFuture<'_, MergeProgress> {
        self.call("merge_live", move |_, state| {
            Self::merge_running(state, vm, spec)
        })
    }

    fn shutdown(&self, vm: Uuid) -> HostFuture<'_, ()> {
        self.call("shutdown", move |host, state| {
            let deaf = state.deaf_guests;
            let domain = Self::running_of(state, vm)?;
            if !deaf {
                domain.state = DomainState::Off(OffReason::Shutdown);
                host.say(HostEvent::Domain {
                    id: vm,
                    state: domain.state,
                });
            }
            Ok(())
        })
    }

    fn destroy(&self, vm: Uuid) -> HostFuture<'_, ()> {
        self.call("destroy", move |host, state| {
            if let Some(domain) = state.domains.get_mut(&vm)
                && domain.state.is_active()
            {
                domain.state = DomainState::Off(OffReason::Destroyed);
                host.say(HostEvent::Domain {
                    id: vm,
                    state: domain.state,
                });
            }
            Ok(())
        })
    }

    fn reboot(&self, vm: Uuid) -> HostFuture<'_, ()> {
        self.call("reboot", move |host, state| {
            Self::running_of(state, vm)?;
            if !state.deaf_guests {
                host.say(HostEvent::Rebooted { id: vm });
            }
            Ok(())
        })
    }

    fn reset(&self, vm: Uuid) -> HostFuture<'_, ()> {
        self.call("reset", move |host, state| {
            Self::running_of(state, vm)?;
            host.say(HostEvent::Rebooted { id: vm });
            Ok(())
        })
    }

    fn suspend(&self, vm: Uuid) -> HostFuture<'_, ()> {
        self.call("suspend", move |host, state| {
            let domain = Self::domain_of(state, vm)?;
            if domain.saved && !domain.state.is_active() {
                return Ok(());
            }
            let domain = Self::running_of(state, vm)?;
            domain.saved = true;
            domain.state = DomainState::Off(OffReason::Saved);
            host.say(HostEvent::Domain {
                id: vm,
                state: domain.state,
            });
            Ok(())
        })
    }

    fn abort_suspend(&self, _vm: Uuid) -> HostFuture<'_, ()> {
        self.call("abort_suspend", |_, _| Ok(()))
    }

    fn pause(&self, vm: Uuid) -> HostFuture<'_, ()> {
        self.call("pause", move |host, state| {
            let domain = Self::running_of(state, vm)?;
            domain.state = DomainState::Paused(PauseReason::Asked);
            host.say(HostEvent::Domain {
                id: vm,
                state: domain.state,
            });
            Ok(())
        })
    }

    fn resume(&self, vm: Uuid) -> HostFuture<'_, ()> {
        self.call("resume", move |host, state| {
            let domain = Self::running_of(state, vm)?;
            domain.state = DomainState::Running;
            host.say(HostEvent::Domain {
                id: vm,
                state: domain.state,
            });
            Ok(())
        })
    }

    fn undefine(&self, vm: Uuid) -> HostFuture<'_, ()> {
        self.call("undefine", move |host, state| {
            if state
                .domains
                .get(&vm)
                .is_some_and(|domain| domain.state.is_active())
            {
                return Err(HostError::WrongState {
                    what: format!("domain {vm} is running"),
                });
            }
            if state.domains.remove(&vm).is_some() {
                host.say(HostEvent::Undefined { id: vm });
            }
            Ok(())
        })
    }

    fn change_cd(&self, vm: Uuid, medium: Option<VolumeRef>) -> HostFuture<'_, ()> {
        self.call("change_cd", move |_, state| {
            if let Some(volume) = medium
                && !state.volumes.contains_key(&volume)
            {
                return Err(HostError::NotFound {
                    what: format!("volume {}", volume.volume),
                });
            }
            Self::domain_of(state, vm)?.spec.cd = medium;
            Ok(())
        })
    }

    fn attach_disk(&self, vm: Uuid, disk: DiskSpec) -> HostFuture<'_, ()> {
        self.call("attach_disk", move |_, state| {
            if !state.volumes.contains_key(&disk.source) {
                return Err(HostError::NotFound {
                    what: format!("volume {}", disk.disk),
                });
            }
            let domain = Self::domain_of(state, vm)?;
            domain.spec.disks.retain(|there| there.disk != disk.disk);
            domain.spec.disks.push(disk);
            Ok(())
        })
    }

    fn detach_disk(&self, vm: Uuid, disk: Uuid) -> HostFuture<'_, ()> {
        self.call("detach_disk", move |_, state| {
            if state.stubborn_guests {
                return Err(HostError::GuestRefused {
                    device: format!("disk {disk}"),
                });
            }
            Self::domain_of(state, vm)?
                .spec
                .disks
                .retain(|there| there.disk != disk);
            Ok(())
        })
    }

    fn attach_nic(&self, vm: Uuid, nic: NicSpec) -> HostFuture<'_, ()> {
        self.call("attach_nic", move |_, state| {
            let domain = Self::domain_of(state, vm)?;
            domain.spec.nics.retain(|there| there.nic != nic.nic);
            domain.spec.nics.push(nic);
            Ok(())
        })
    }

    fn detach_nic(&self, vm: Uuid, nic: Uuid) -> HostFuture<'_, ()> {
        self.call("detach_nic", move |_, state| {
            if state.stubborn_guests {
                return Err(HostError::GuestRefused {
                    device: format!("NIC {nic}"),
                });
            }
            Self::domain_of(state, vm)?
                .spec
                .nics
                .retain(|there| there.nic != nic);
            Ok(())
        })
    }

    fn set_vcpus(&self, vm: Uuid, vcpus: u32) -> HostFuture<'_, ()> {
        self.call("set_vcpus", move |_, state| {
            let stubborn = state.stubborn_guests;
            let cpu = &mut Self::running_of(state, vm)?.spec.cpu;
            if stubborn && u64::from(vcpus) < cpu.vcpus() {
                return Err(HostError::GuestRefused {
                    device: "a virtual processor".to_owned(),
                });
            }
            cpu.sockets = vcpus / (cpu.cores * cpu.threads).max(1);
            Ok(())
        })
    }

    fn attach_memory(&self, vm: Uuid, module: Uuid, bytes: u64) -> HostFuture<'_, ()> {
        self.call("attach_memory", move |_, state| {
            let domain = Self::running_of(state, vm)?;
            if !domain.modules.contains(&module) {
                domain.modules.push(module);
                domain.spec.memory_bytes += bytes;
            }
            Ok(())
        })
    }

    fn open_graphics(&self, vm: Uuid) -> HostFuture<'_, GraphicsTarget> {
        self.call("open_graphics", move |host, state| {
            Self::running_of(state, vm)?;
            let graphics = host
                .graphics
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            match graphics {
                Some(graphics) => graphics(vm),
                None => {
                    let (near, _far) = std::os::unix::net::UnixStream::pair().map_err(|error| {
                        HostError::Failed {
                            what: error.to_string(),
                        }
                    })?;
                    Ok(GraphicsTarget::Descriptor(near.into()))
                }
            }
        })
    }

    fn set_display_password(
        &self,
        vm: Uuid,
        _password: DisplayPassword,
        _valid: Duration,
    ) -> HostFuture<'_, ()> {
        self.call("set_display_password", move |_, state| {
            Self::running_of(state, vm).map(|_| ())
        })
    }

    fn expire_display_password(&self, vm: Uuid) -> HostFuture<'_, ()> {
        self.call("expire_display_password", move |_, state| {
            Self::running_of(state, vm).map(|_| ())
        })
    }

    fn screenshot(&self, vm: Uuid) -> HostFuture<'_, Vec<u8>> {
        self.call("screenshot", move |_, state| {
            Self::running_of(state, vm).map(|_| PICTURE.to_vec())
        })
    }

    fn statistics(&self) -> HostFuture<'_, Statistics> {
        self.call("statistics", |_, state| {
            let domains = state
                .domains
                .values()
                .filter(|domain| domain.state.is_active())
                .map(|domain| StatSample {
                    id: domain.spec.vm,
                    cpu_percent: Some(1.0),
                    memory_bytes: Some(domain.spec.memory_bytes),
                    memory_unused_bytes: Some(domain.spec.memory_bytes / 2),
                    ..StatSample::default()
                })
                .collect();
            Ok(Statistics {
                host: HostSample {
                    cpu_percent: Some(1.0),
                    memory_used_bytes: Some(bytes(1024)),
                    memory_total_bytes: Some(bytes(64 << 10)),
                    ..HostSample::default()
                },
                domains,
                ..Statistics::at(SystemTime::now())
            })
        })
    }

    fn ensure_pool(&self, _storage_domain: Uuid) -> HostFuture<'_, PoolInfo> {
        self.call("ensure_pool", |_, state| {
            let capacity = bytes(1 << 20);
            let available = state.free.unwrap_or(capacity / 2);
            Ok(PoolInfo {
                capacity_bytes: capacity,
                used_bytes: capacity.saturating_sub(available),
                available_bytes: available,
            })
        })
    }

    fn forget_pool(&self, _storage_domain: Uuid) -> HostFuture<'_, ()> {
        self.call("forget_pool", |_, _| Ok(()))
    }

    fn volume_create(&self, spec: VolumeSpec) -> HostFuture<'_, VolumeInfo> {
        self.call("volume_create", move |host, state| {
            let backing = spec.backing.map(|backing| backing.volume);
            if let Some(below) = backing
                && !state.volumes.contains_key(&below)
            {
                return Err(HostError::NotFound {
                    what: format!("volume {}", below.volume),
                });
            }
            if let Entry::Vacant(place) = state.volumes.entry(spec.volume) {
                host.make_file(spec.volume)?;
                place.insert(Volume {
                    format: spec.format,
                    virtual_bytes: spec.virtual_bytes,
                    backing,
                });
            }
            host.volume_there(state, spec.volume, spec.format)
                .ok_or_else(|| HostError::NotFound {
                    what: "volume".to_owned(),
                })
        })
    }

    fn volume_copy(&self, source: Chain, spec: VolumeSpec) -> HostFuture<'_, VolumeInfo> {
        self.call("volume_copy", move |host, state| {
            Self::chain_there(state, source.volume, &source.backing)?;
            let source = source.volume;
            if !state.volumes.contains_key(&source) {
                return Err(HostError::NotFound {
                    what: format!("volume {}", source.volume),
                });
            }
            if let Entry::Vacant(place) = state.volumes.entry(spec.volume) {
                host.make_file(spec.volume)?;
                std::fs::copy(host.path(source), host.path(spec.volume)).map_err(|error| {
                    HostError::Failed {
                        what: error.to_string(),
                    }
                })?;
                place.insert(Volume {
                    format: spec.format,
                    virtual_bytes: spec.virtual_bytes,
                    backing: None,
                });
            }
            host.volume_there(state, spec.volume, spec.format)
                .ok_or_else(|| HostError::NotFound {
                    what: "volume".to_owned(),
                })
        })
    }

    fn volume_info(
        &self,
        volume: VolumeRef,
        format: VolumeFormat,
    ) -> HostFuture<'_, Option<VolumeInfo>> {
        self.call("volume_info", move |host, state| {
            Ok(host.volume_there(state, volume, format))
        })
    }

    fn volumes(&self, storage_domain: Uuid) -> HostFuture<'_, Vec<VolumeRef>> {
        self.call("volumes", move |_, state| {
            Ok(state
                .volumes
                .keys()
                .filter(|volume| volume.storage_domain == storage_domain)
                .copied()
                .collect())
        })
    }

    fn volume_resize(
        &self,
        volume: VolumeRef,
        format: VolumeFormat,
        virtual_bytes: u64,
        _running: Option<Plugged>,
    ) -> HostFuture<'_, VolumeInfo> {
        self.call("volume_resize", move |host, state| {
            let it = state
                .volumes
                .get_mut(&volume)
                .ok_or_else(|| HostError::NotFound {
                    what: format!("volume {}", volume.volume),
                })?;
            if it.format != format || it.virtual_bytes > virtual_bytes {
                return Err(HostError::Invalid {
                    field: "virtual_bytes",
                    reason: "is smaller than the volume, or the format is another".to_owned(),
                });
            }
            it.virtual_bytes = virtual_bytes;
            host.volume_there(state, volume, format)
                .ok_or_else(|| HostError::NotFound {
                    what: "volume".to_owned(),
                })
        })
    }

    fn volume_merge(&self, volume: Chain, _above: Option<VolumeRef>) -> HostFuture<'_, VolumeInfo> {
        self.call("volume_merge", move |host, state| {
            Self::chain_there(state, volume.volume, &volume.backing)?;
            let base = *volume.backing.first().ok_or_else(|| HostError::Invalid {
                field: "chain",
                reason: "stands on nothing".to_owned(),
            })?;
            Self::merged(state, volume.volume, base.volume);
            host.volume_there(state, base.volume, base.format)
                .ok_or_else(|| HostError::NotFound {
                    what: "volume".to_owned(),
                })
        })
    }

    fn volume_delete(&self, volume: VolumeRef) -> HostFuture<'_, ()> {
        self.call("volume_delete", move |host, state| {
            // Whoever removes what others stand on has lost count.
            if state.volumes.values().any(|it| it.backing == Some(volume)) {
                return Err(HostError::WrongState {
                    what: format!("others stand on volume {}", volume.volume),
                });
            }
            state.volumes.remove(&volume);
            // There may be none.
            let _ = std::fs::remove_file(host.path(volume));
            Ok(())
        })
    }

    fn volume_open(&self, volume: VolumeRef, access: VolumeAccess) -> HostFuture<'_, File> {
        self.call("volume_open", move |host, state| {
            if access == VolumeAccess::Replace {
                let file = host.make_file(volume)?;
                state.volumes.entry(volume).or_insert(Volume {
                    format: VolumeFormat::Raw,
                    virtual_bytes: 0,
                    backing: None,
                });
                return Ok(file);
            }
            File::options()
                .read(true)
                .write(access == VolumeAccess::Write)
                .open(host.path(volume))
                .map_err(|error| HostError::NotFound {
                    what: error.to_string(),
                })
        })
    }

    fn ensure_network(&self, network: NetworkSpec) -> HostFuture<'_, NetworkReport> {
        self.call("ensure_network", move |_, state| {
            state.networks.insert(network.name.clone());
            Ok(NetworkReport {
                name: network.name,
                kind: NetworkKind::Nat,
                reason: "This network is simulated.".to_owned(),
            })
        })
    }
}
