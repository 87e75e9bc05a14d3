//! A host that exists only in memory, for tests: it does at once what it is asked, unless it was
//! told to be slow, to fail, to lose its answer or to be away. Volumes are files in a temporary
//! directory, so that images can be read and written for real.

mod foreign;
mod guest;
mod hypervisor;
mod snapshot;
mod work;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::broadcast;
use uuid::Uuid;

use super::foreign::ForeignDomain;
use super::guest::GuestReport;
use super::{
    Backing, DiskChain, DomainInfo, DomainSpec, DomainStamp, DomainState, GraphicsAddress,
    GraphicsTarget, HostError, HostEvent, HostFuture, OffReason, PauseReason, Statistics,
    VolumeFormat, VolumeInfo, VolumeRef,
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
    modules: Vec<Uuid>,
    /// What it is while it is somebody else's.
    foreign: Option<Arc<ForeignDomain>>,
}

impl Domain {
    fn info(&self, agent: bool) -> DomainInfo {
        let active = self.state.is_active();
        DomainInfo {
            id: self.spec.vm,
            name: match &self.foreign {
                // As short as people's names are.
                Some(_) => format!("{:x}", self.spec.vm.as_u128()),
                None => self.spec.vm.to_string(),
            },
            title: self.spec.title.clone(),
            state: self.state,
            stamp: self.foreign.is_none().then_some(DomainStamp {
                vm: self.spec.vm,
                run_epoch: self.spec.run_epoch,
                operation: self.spec.operation,
            }),
            foreign: self.foreign.clone(),
            saved: self.saved,
            persistent: true,
            memory_bytes: self.spec.memory_bytes,
            modules: self.modules.clone(),
            vcpus: u32::try_from(self.spec.cpu.vcpus()).unwrap_or(u32::MAX),
            spice: self
                .spec
                .display
                .as_ref()
                .filter(|display| active && display.spice)
                .map(|display| GraphicsAddress {
                    address: display.listen.to_string(),
                    port: Some(5900),
                    tls_port: None,
                }),
            vnc: self
                .spec
                .display
                .as_ref()
                .filter(|display| active && display.vnc)
                .map(|display| GraphicsAddress {
                    address: display.listen.to_string(),
                    port: Some(5950),
                    tls_port: None,
                }),
            disks: self.spec.disks.iter().map(|disk| disk.disk).collect(),
            chains: self
                .spec
                .disks
                .iter()
                .map(|disk| DiskChain {
                    disk: disk.disk,
                    volumes: std::iter::once(disk.source)
                        .chain(disk.backing.iter().map(|below| below.volume))
                        .collect(),
                })
                .collect(),
            nics: self.spec.nics.iter().map(|nic| nic.nic).collect(),
            agent: agent && active,
            cd: self.spec.cd,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Volume {
    format: VolumeFormat,
    virtual_bytes: u64,
    /// What it stands on.
    backing: Option<VolumeRef>,
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
    /// What agents tell, and whether their guests are frozen.
    guests: BTreeMap<Uuid, (GuestReport, bool)>,
    deaf_guests: bool,
    stubborn_guests: bool,
    bare: bool,
    /// Disks whose images are being merged.
    merging: BTreeSet<Uuid>,
    free: Option<u64>,
    progress: Option<u32>,
    wiped: Vec<Uuid>,
    mirrors: BTreeMap<(Uuid, Uuid), VolumeRef>,
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

    /// Sets how far every work on a volume is.
    pub fn set_progress(&self, percent: Option<u32>) {
        self.lock().progress = percent;
    }

    /// The volumes that were wiped, by name.
    #[must_use]
    pub fn wiped(&self) -> Vec<Uuid> {
        self.lock().wiped.clone()
    }

    /// Where every volume is.
    #[must_use]
    pub fn volume_places(&self) -> Vec<VolumeRef> {
        self.lock().volumes.keys().copied().collect()
    }

    /// The host has no UEFI firmware and no TPM for guests, and says so from its next report on.
    pub fn without_parts(&self) {
        self.lock().bare = true;
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

    /// Makes what [`super::Hypervisor::open_graphics`] returns.
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
        for disk in &spec.disks {
            Self::chain_there(state, disk.source, &disk.backing)?;
        }
        let payload = spec.machine.payload.map(|payload| payload.volume);
        let disks = spec.disks.iter().map(|disk| disk.source);
        let agent = state.guests.contains_key(&spec.vm);
        for volume in disks.chain(spec.cd).chain(payload) {
            if !state.volumes.contains_key(&volume) {
                return Err(HostError::Failed {
                    what: format!("volume {} is missing", volume.volume),
                });
            }
        }
        if let Some(domain) = state.domains.get(&spec.vm) {
            if domain.state.is_active() {
                if domain.spec.run_epoch == spec.run_epoch {
                    return Ok(domain.info(agent));
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
            modules: Vec::new(),
            foreign: None,
        };
        let info = domain.info(agent);
        state.domains.insert(info.id, domain);
        self.say(HostEvent::Domain {
            id: info.id,
            state: DomainState::Running,
        });
        Ok(info)
    }

    /// Whether a volume stands on what it is said to stand on, and nothing is missing below it.
    fn chain_there(state: &State, volume: VolumeRef, backing: &[Backing]) -> Result<(), HostError> {
        let mut below = state.volumes.get(&volume).and_then(|it| it.backing);
        for layer in backing {
            let there = state.volumes.get(&layer.volume);
            if below != Some(layer.volume) || there.is_none() {
                return Err(HostError::Failed {
                    what: format!("volume {} does not stand on this chain", volume.volume),
                });
            }
            below = there.and_then(|it| it.backing);
        }
        match below {
            None => Ok(()),
            Some(below) => Err(HostError::Failed {
                what: format!("volume {} stands on {} too", volume.volume, below.volume),
            }),
        }
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
