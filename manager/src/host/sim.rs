//! A host that exists only in memory, for tests: it does at once what it is asked, unless it was
//! told to be slow, to fail, to lose its answer or to be away. Volumes are files in a temporary
//! directory, so that images can be read and written for real.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::broadcast;
use uuid::Uuid;

use super::{
    Acceleration, AccelerationKind, DiskSpec, DisplayPassword, DomainInfo, DomainSpec, DomainStamp,
    DomainState, GraphicsAddress, GraphicsTarget, HostError, HostEvent, HostFuture, HostReport,
    HostSample, Hypervisor, NetworkKind, NetworkReport, NetworkSpec, NicSpec, OffReason,
    PauseReason, PoolInfo, Reachable, StatSample, Statistics, VolumeAccess, VolumeFormat,
    VolumeInfo, VolumeRef, VolumeSpec,
};

/// A picture of one pixel.
const PICTURE: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x00, 0x00, 0x00, 0x90, 0x77, 0x53,
    0xde, 0x00, 0x00, 0x00, 0x0c, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x50, 0x70, 0x48, 0x00,
    0x00, 0x01, 0x44, 0x00, 0xc1, 0x0b, 0x8d, 0x96, 0x42, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e,
    0x44, 0xae, 0x42, 0x60, 0x82,
];

/// What goes wrong with a call.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It takes this long.
    Slow(Duration),
    /// It is not done, for this reason.
    Fails(HostError),
    /// It is done, and nobody hears of it.
    AnswerLost,
}

#[derive(Debug, Clone)]
struct Domain {
    spec: DomainSpec,
    state: DomainState,
    saved: bool,
}

impl Domain {
    fn info(&self) -> DomainInfo {
        let active = self.state.is_active();
        DomainInfo {
            id: self.spec.vm,
            name: self.spec.vm.to_string(),
            title: self.spec.title.clone(),
            state: self.state,
            stamp: Some(DomainStamp {
                vm: self.spec.vm,
                run_epoch: self.spec.run_epoch,
                operation: self.spec.operation,
            }),
            saved: self.saved,
            persistent: true,
            memory_bytes: self.spec.memory_bytes,
            vcpus: u32::try_from(self.spec.cpu.vcpus()).unwrap_or(u32::MAX),
            spice: self
                .spec
                .display
                .as_ref()
                .filter(|_| active)
                .map(|display| GraphicsAddress {
                    address: display.listen.to_string(),
                    port: Some(5900),
                    tls_port: None,
                }),
            disks: self.spec.disks.iter().map(|disk| disk.disk).collect(),
            nics: self.spec.nics.iter().map(|nic| nic.nic).collect(),
            cd: self.spec.cd,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Volume {
    format: VolumeFormat,
    virtual_bytes: u64,
}

#[derive(Debug, Default)]
struct State {
    away: Option<(SystemTime, String)>,
    domains: BTreeMap<Uuid, Domain>,
    volumes: BTreeMap<VolumeRef, Volume>,
    networks: BTreeSet<String>,
    faults: HashMap<&'static str, VecDeque<Fault>>,
    calls: Vec<&'static str>,
    started: Vec<(Uuid, u64)>,
    deaf_guests: bool,
    stubborn_guests: bool,
    free: Option<u64>,
}

type Graphics = dyn Fn(Uuid) -> Result<GraphicsTarget, HostError> + Send + Sync;

/// The simulated host.
pub struct SimHost {
    state: Mutex<State>,
    events: broadcast::Sender<HostEvent>,
    directory: PathBuf,
    graphics: Mutex<Option<Arc<Graphics>>>,
}

impl fmt::Debug for SimHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimHost")
    }
}

impl Drop for SimHost {
    fn drop(&mut self) {
        // What is left of a test's files is not worth a failure.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn bytes(mib: u64) -> u64 {
    mib << 20
}

impl SimHost {
    /// A host that is there, with 64 GiB of memory and 1 TiB of storage.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            events: broadcast::Sender::new(1024),
            directory: std::env::temp_dir().join(format!("saffron-sim-{}", Uuid::new_v4())),
            graphics: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, event: HostEvent) {
        // Nobody listening is no error.
        let _ = self.events.send(event);
    }

    /// Lets the next call of a name (`start`, `volume_create` …) go wrong. Several are used up
    /// one call each.
    pub fn next(&self, call: &'static str, fault: Fault) {
        self.lock().faults.entry(call).or_default().push_back(fault);
    }

    /// The host goes away, as when its daemon is killed. Guests go on.
    pub fn leave(&self, reason: &str) {
        self.lock().away = Some((SystemTime::now(), reason.to_owned()));
        self.say(HostEvent::Disconnected {
            reason: reason.to_owned(),
        });
    }

    /// The host is there again.
    pub fn come_back(&self) {
        self.lock().away = None;
        self.say(HostEvent::Connected);
    }

    /// Guests do not hear when they are asked to end or restart.
    pub fn deafen_guests(&self) {
        self.lock().deaf_guests = true;
    }

    /// Guests do not let go of their devices.
    pub fn stubborn_guests(&self) {
        self.lock().stubborn_guests = true;
    }

    /// Sets how many bytes of storage are free.
    pub fn set_free(&self, bytes: u64) {
        self.lock().free = Some(bytes);
    }

    /// A guest ends by itself, or its process dies.
    pub fn end_guest(&self, vm: Uuid, reason: OffReason) {
        self.change(vm, DomainState::Off(reason));
    }

    /// A guest's disk has an error, or its processors are stopped by somebody else.
    pub fn pause_guest(&self, vm: Uuid, reason: PauseReason) {
        self.change(vm, DomainState::Paused(reason));
    }

    fn change(&self, vm: Uuid, state: DomainState) {
        if let Some(domain) = self.lock().domains.get_mut(&vm) {
            domain.state = state;
        }
        self.say(HostEvent::Domain { id: vm, state });
    }

    /// A domain is gone, and nobody says so.
    pub fn vanish(&self, vm: Uuid) {
        self.lock().domains.remove(&vm);
    }

    /// Makes what [`Hypervisor::open_graphics`] returns.
    pub fn graphics_with(
        &self,
        graphics: impl Fn(Uuid) -> Result<GraphicsTarget, HostError> + Send + Sync + 'static,
    ) {
        *self.graphics.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(graphics));
    }

    /// Sends figures to whoever listens.
    pub fn report_figures(&self, figures: Statistics) {
        self.say(HostEvent::Statistics(Arc::new(figures)));
    }

    /// The domains that run, with their run's number.
    #[must_use]
    pub fn running(&self) -> Vec<(Uuid, u64)> {
        self.lock()
            .domains
            .values()
            .filter(|domain| domain.state.is_active())
            .map(|domain| (domain.spec.vm, domain.spec.run_epoch))
            .collect()
    }

    /// Every domain that is known, running or not.
    #[must_use]
    pub fn known(&self) -> Vec<Uuid> {
        self.lock().domains.keys().copied().collect()
    }

    /// The domain as it was asked for last.
    #[must_use]
    pub fn spec(&self, vm: Uuid) -> Option<DomainSpec> {
        self.lock()
            .domains
            .get(&vm)
            .map(|domain| domain.spec.clone())
    }

    /// Every start that really happened.
    #[must_use]
    pub fn starts(&self) -> Vec<(Uuid, u64)> {
        self.lock().started.clone()
    }

    /// Every volume there is, with the size that a guest sees.
    #[must_use]
    pub fn volume_sizes(&self) -> BTreeMap<Uuid, u64> {
        self.lock()
            .volumes
            .iter()
            .map(|(volume, it)| (volume.volume, it.virtual_bytes))
            .collect()
    }

    /// How often a call of a name was made.
    #[must_use]
    pub fn count(&self, call: &str) -> usize {
        self.lock()
            .calls
            .iter()
            .filter(|made| **made == call)
            .count()
    }

    fn path(&self, volume: VolumeRef) -> PathBuf {
        self.directory
            .join(volume.storage_domain.to_string())
            .join(volume.volume.to_string())
    }

    /// Makes one call: notes it, lets go wrong what shall, and does it.
    fn call<'a, T: Send + 'a>(
        &'a self,
        name: &'static str,
        work: impl FnOnce(&'a Self, &mut State) -> Result<T, HostError> + Send + 'a,
    ) -> HostFuture<'a, T> {
        Box::pin(async move {
            let fault = {
                let mut state = self.lock();
                state.calls.push(name);
                if let Some((_, reason)) = &state.away {
                    return Err(HostError::Unreachable {
                        reason: reason.clone(),
                    });
                }
                state.faults.get_mut(name).and_then(VecDeque::pop_front)
            };
            match fault {
                Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
                Some(Fault::Fails(error)) => return Err(error),
                Some(Fault::AnswerLost) => {
                    work(self, &mut self.lock())?;
                    return Err(HostError::Broken { what: name });
                }
                None => {}
            }
            work(self, &mut self.lock())
        })
    }

    fn domain_of(state: &mut State, vm: Uuid) -> Result<&mut Domain, HostError> {
        state
            .domains
            .get_mut(&vm)
            .ok_or_else(|| HostError::NotFound {
                what: format!("domain {vm}"),
            })
    }

    fn running_of(state: &mut State, vm: Uuid) -> Result<&mut Domain, HostError> {
        let domain = Self::domain_of(state, vm)?;
        if domain.state.is_active() {
            Ok(domain)
        } else {
            Err(HostError::WrongState {
                what: format!("domain {vm} is not running"),
            })
        }
    }

    fn begin(
        &self,
        state: &mut State,
        spec: DomainSpec,
        restored: bool,
    ) -> Result<DomainInfo, HostError> {
        for volume in spec.disks.iter().map(|disk| disk.source).chain(spec.cd) {
            if !state.volumes.contains_key(&volume) {
                return Err(HostError::Failed {
                    what: format!("volume {} is missing", volume.volume),
                });
            }
        }
        if let Some(domain) = state.domains.get(&spec.vm) {
            if domain.state.is_active() {
                if domain.spec.run_epoch == spec.run_epoch {
                    return Ok(domain.info());
                }
                return Err(HostError::WrongState {
                    what: format!("domain {} runs in another run", spec.vm),
                });
            }
            if restored && !domain.saved {
                return Err(HostError::NotFound {
                    what: "saved state".to_owned(),
                });
            }
        } else if restored {
            return Err(HostError::NotFound {
                what: "saved state".to_owned(),
            });
        }
        state.started.push((spec.vm, spec.run_epoch));
        let domain = Domain {
            spec,
            state: DomainState::Running,
            saved: false,
        };
        let info = domain.info();
        state.domains.insert(info.id, domain);
        self.say(HostEvent::Domain {
            id: info.id,
            state: DomainState::Running,
        });
        Ok(info)
    }

    fn volume_there(
        &self,
        state: &State,
        volume: VolumeRef,
        format: VolumeFormat,
    ) -> Option<VolumeInfo> {
        let it = state.volumes.get(&volume)?;
        let length = std::fs::metadata(self.path(volume)).map_or(0, |facts| facts.len());
        Some(VolumeInfo {
            volume,
            format,
            virtual_bytes: it.virtual_bytes.max(if format == VolumeFormat::Raw {
                length
            } else {
                0
            }),
            actual_bytes: length,
            file_bytes: length,
        })
    }

    fn make_file(&self, volume: VolumeRef) -> Result<File, HostError> {
        let path = self.path(volume);
        let made =
            std::fs::create_dir_all(path.parent().unwrap_or(&self.directory)).and_then(|()| {
                File::options()
                    .read(true)
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .open(&path)
            });
        made.map_err(|error| HostError::Failed {
            what: error.to_string(),
        })
    }
}

impl Hypervisor for SimHost {
    fn report(&self) -> HostFuture<'_, HostReport> {
        self.call("report", |_, _| {
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
            Ok(state.domains.values().map(Domain::info).collect())
        })
    }

    fn domain(&self, vm: Uuid) -> HostFuture<'_, Option<DomainInfo>> {
        self.call("domain", move |_, state| {
            Ok(state.domains.get(&vm).map(Domain::info))
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
                    memory_resident_bytes: Some(domain.spec.memory_bytes),
                    ..StatSample::default()
                })
                .collect();
            Ok(Statistics {
                at: SystemTime::now(),
                host: HostSample {
                    cpu_percent: Some(1.0),
                    memory_used_bytes: Some(bytes(1024)),
                    memory_total_bytes: Some(bytes(64 << 10)),
                },
                domains,
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
            if !state.volumes.contains_key(&spec.volume) {
                host.make_file(spec.volume)?;
                let volume = Volume {
                    format: spec.format,
                    virtual_bytes: spec.virtual_bytes,
                };
                state.volumes.insert(spec.volume, volume);
            }
            host.volume_there(state, spec.volume, spec.format)
                .ok_or_else(|| HostError::NotFound {
                    what: "volume".to_owned(),
                })
        })
    }

    fn volume_copy(
        &self,
        source: VolumeRef,
        _source_format: VolumeFormat,
        spec: VolumeSpec,
    ) -> HostFuture<'_, VolumeInfo> {
        self.call("volume_copy", move |host, state| {
            if !state.volumes.contains_key(&source) {
                return Err(HostError::NotFound {
                    what: format!("volume {}", source.volume),
                });
            }
            if !state.volumes.contains_key(&spec.volume) {
                host.make_file(spec.volume)?;
                std::fs::copy(host.path(source), host.path(spec.volume)).map_err(|error| {
                    HostError::Failed {
                        what: error.to_string(),
                    }
                })?;
                let volume = Volume {
                    format: spec.format,
                    virtual_bytes: spec.virtual_bytes,
                };
                state.volumes.insert(spec.volume, volume);
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
        _running: Option<Uuid>,
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

    fn volume_delete(&self, volume: VolumeRef) -> HostFuture<'_, ()> {
        self.call("volume_delete", move |host, state| {
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
