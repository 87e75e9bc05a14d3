//! Hosts for real: libvirt with QEMU. The only code that names `virt`.
//!
//! This file is the map from [`Hypervisor`] to the files beside it: `connection` (threads, queue,
//! reconnecting), `events` (the one `unsafe` module), `domain_xml` and `domain_facts` (pure, what
//! libvirt reads and says), `domain`, `devices`, `display` (calls), `storage`, `network`, `kvm`,
//! `report`, `statistics`.

mod agent;
mod block;
mod blockjob;
mod connection;
mod device_figures;
mod devices;
mod display;
mod domain;
mod domain_facts;
mod domain_xml;
mod events;
mod foreign;
mod guest;
mod kvm;
mod local;
mod network;
mod report;
mod snapshot;
mod statistics;
mod storage;
mod work;
pub(crate) mod xml;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, broadcast, watch};
use uuid::Uuid;

use self::connection::{Call, Connection, is_local};
use self::devices::Surroundings;
use self::report::Versions;
use self::statistics::Sampler;
use self::storage::Images;
use super::{
    Acceleration, AccelerationKind, Chain, DiskSpec, DisplayPassword, DomainInfo, DomainSpec,
    GraphicsTarget, HostError, HostEvent, HostFuture, HostReport, Hypervisor, MergeProgress,
    MergeSpec, NetworkKind, NetworkReport, NetworkSpec, NicNetwork, NicSpec, Plugged, PoolInfo,
    Reachable, Statistics, TakeSpec, VolumeAccess, VolumeFormat, VolumeInfo, VolumeRef, VolumeSpec,
};

/// Events kept for a receiver that is slow; one that falls behind further lists the domains again.
const EVENTS: usize = 1024;
const WATCHED: Duration = Duration::from_secs(2);
const UNWATCHED: Duration = Duration::from_secs(10);

/// What a host needs to be told.
#[derive(Debug, Clone)]
pub struct LibvirtConfig {
    /// libvirt's address: `qemu:///system`, `qemu+unix:///system?socket=…`
    pub uri: String,
    /// Directory with one directory per storage domain. Absolute; QEMU must be able to reach it.
    pub images: PathBuf,
    /// Directory where the verdict on KVM is kept between starts; must exist.
    pub cache: Option<PathBuf>,
}

/// A host that is reached through libvirt. Cheap to clone; its threads end with the last clone.
#[derive(Clone)]
pub struct LibvirtHost {
    inner: Arc<Inner>,
}

struct Inner {
    config: LibvirtConfig,
    local: bool,
    connection: Connection,
    /// For guests' agents, which may let us wait.
    agents: Connection,
    events: broadcast::Sender<HostEvent>,
    watched: watch::Sender<bool>,
    sampler: Mutex<Sampler>,
    /// Held while the probe runs, so that it runs once.
    acceleration: AsyncMutex<Option<(Versions, Acceleration)>>,
    networks: Mutex<BTreeMap<String, NetworkKind>>,
    images: Images,
}

impl fmt::Debug for LibvirtHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LibvirtHost")
            .field("uri", &self.inner.config.uri)
            .finish_non_exhaustive()
    }
}

impl LibvirtHost {
    /// Begins to connect, and goes on doing so whenever the connection is lost. Returns at once;
    /// [`HostEvent::Connected`] says when it is there. Must be called inside a tokio runtime.
    pub fn open(config: LibvirtConfig) -> Self {
        let (events, _) = broadcast::channel(EVENTS);
        let connection = Connection::open(config.uri.clone(), events.clone());
        // What happens on the host is heard over the other one.
        let (unheard, _) = broadcast::channel(1);
        let agents = Connection::open(config.uri.clone(), unheard);
        let inner = Arc::new(Inner {
            local: is_local(&config.uri),
            connection,
            agents,
            events,
            watched: watch::Sender::new(false),
            sampler: Mutex::default(),
            acceleration: AsyncMutex::new(None),
            networks: Mutex::default(),
            images: Images::new(config.images.clone()),
            config,
        });
        tokio::spawn(sample_for_ever(
            Arc::downgrade(&inner),
            inner.watched.subscribe(),
        ));
        Self { inner }
    }
}

/// Samples in rhythm until the host is dropped. Samples are only taken for a receiver.
async fn sample_for_ever(inner: Weak<Inner>, mut watched: watch::Receiver<bool>) {
    loop {
        let rhythm = if *watched.borrow_and_update() {
            WATCHED
        } else {
            UNWATCHED
        };
        tokio::select! {
            () = tokio::time::sleep(rhythm) => {}
            changed = watched.changed() => {
                if changed.is_err() {
                    return;
                }
                continue;
            }
        }
        let Some(inner) = inner.upgrade() else { return };
        if inner.events.receiver_count() == 0 {
            continue;
        }
        match inner.statistics().await {
            Ok(statistics) => {
                let _ = inner
                    .events
                    .send(HostEvent::Statistics(Arc::new(statistics)));
            }
            Err(error) => tracing::debug!(%error, "No statistics from host"),
        }
    }
}

impl Inner {
    async fn statistics(&self) -> Result<Statistics, HostError> {
        let local = self.local;
        let sample = self
            .connection
            .call(Call::short("give statistics"), move |c| {
                statistics::sample(c, local)
            })
            .await?;
        let unnamed = lock(&self.sampler).unnamed(&sample);
        if !unnamed.is_empty() {
            let found = self
                .connection
                .call(Call::short("name its guests' devices"), move |c| {
                    Ok(device_figures::names(c, &unnamed))
                })
                .await?;
            lock(&self.sampler).learn(&sample, found);
        }
        Ok(lock(&self.sampler).take(sample))
    }

    /// The verdict on KVM, proved when it is not known for these versions.
    async fn acceleration(&self) -> Result<(Versions, Acceleration), HostError> {
        let local = self.local;
        let versions = self
            .connection
            .call(Call::short("say its versions"), move |c| {
                report::versions(c, local)
            })
            .await?;
        let mut known = self.acceleration.lock().await;
        if let Some((of, acceleration)) = &*known
            && *of == versions
        {
            return Ok((versions, acceleration.clone()));
        }
        let file = self
            .config
            .cache
            .as_ref()
            .map(|directory| directory.join("acceleration"));
        let recalled = file
            .as_ref()
            .and_then(|file| report::recall(file, &versions));
        let acceleration = match recalled {
            Some(acceleration) => acceleration,
            None => {
                let (uri, hint) = (self.config.uri.clone(), report::processor_hint(local));
                let proved = self
                    .connection
                    .call(Call::long("prove KVM", 1), move |c| {
                        kvm::verdict(c, &uri, hint)
                    })
                    .await?;
                if let Some(file) = &file {
                    report::remember(file, &versions, &proved);
                }
                proved
            }
        };
        match acceleration.kind {
            AccelerationKind::Kvm => {
                tracing::info!(reason = acceleration.reason, "Guests run with KVM")
            }
            AccelerationKind::Tcg => {
                tracing::warn!(reason = acceleration.reason, "Guests run without KVM")
            }
        }
        *known = Some((versions.clone(), acceleration.clone()));
        Ok((versions, acceleration))
    }

    /// Everything that a document depends on besides the VM.
    async fn surroundings(
        &self,
        pools: &[Uuid],
        networks: &[String],
    ) -> Result<Surroundings, HostError> {
        let (_, acceleration) = self.acceleration().await?;
        for network in networks {
            if !lock(&self.networks).contains_key(network) {
                self.ensure_network(network.clone()).await?;
            }
        }
        Ok(Surroundings {
            images: self.config.images.clone(),
            acceleration: acceleration.kind,
            direct_io: pools.iter().all(|pool| self.images.direct_io(*pool)),
            networks: lock(&self.networks).clone(),
            password: DisplayPassword::random()?,
        })
    }

    async fn surroundings_of(&self, spec: &DomainSpec) -> Result<Surroundings, HostError> {
        let pools: Vec<Uuid> = spec.disks.iter().map(|d| d.source.storage_domain).collect();
        let networks: Vec<String> = spec.nics.iter().filter_map(network_of).collect();
        self.surroundings(&pools, &networks).await
    }

    async fn render(&self, spec: &DomainSpec) -> Result<String, HostError> {
        let around = self.surroundings_of(spec).await?;
        Ok(domain_xml::domain(spec, &around.context())?.to_xml())
    }

    async fn ensure_network(&self, name: String) -> Result<NetworkReport, HostError> {
        let wanted = name.clone();
        let call = Call::long("make a network", 1);
        let report = self
            .connection
            .call(call, move |c| network::ensure(c, &wanted))
            .await?;
        if lock(&self.networks).insert(name, report.kind) != Some(report.kind) {
            tracing::info!(
                network = report.name,
                reason = report.reason,
                "Made network usable"
            );
        }
        Ok(report)
    }
}

fn network_of(nic: &NicSpec) -> Option<String> {
    match &nic.network {
        NicNetwork::Named(name) => Some(name.clone()),
        NicNetwork::Bridge(_) | NicNetwork::User | NicNetwork::Nowhere => None,
    }
}

/// Does file work on a thread that may wait.
async fn blocking<T: Send + 'static>(
    f: impl FnOnce() -> Result<T, HostError> + Send + 'static,
) -> Result<T, HostError> {
    tokio::task::spawn_blocking(f).await.unwrap_or_else(|e| {
        Err(HostError::Failed {
            what: format!("an internal fault in file work: {e}"),
        })
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call on the connection as a boxed future.
macro_rules! call {
    ($self:ident, $call:expr, $f:expr) => {
        Box::pin($self.inner.connection.call($call, $f))
    };
}

impl Hypervisor for LibvirtHost {
    fn report(&self) -> HostFuture<'_, HostReport> {
        Box::pin(async {
            let (versions, acceleration) = self.inner.acceleration().await?;
            let local = self.inner.local;
            let call = Call::short("describe itself");
            self.inner
                .connection
                .call(call, move |c| {
                    report::report(c, versions, acceleration, local)
                })
                .await
        })
    }

    fn events(&self) -> broadcast::Receiver<HostEvent> {
        self.inner.events.subscribe()
    }

    fn reachable(&self) -> Reachable {
        self.inner.connection.reachable()
    }

    fn watch(&self, watched: bool) {
        self.inner
            .watched
            .send_if_modified(|now| std::mem::replace(now, watched) != watched);
    }

    fn domains(&self) -> HostFuture<'_, Vec<DomainInfo>> {
        call!(self, Call::short("list its domains"), domain::list)
    }

    fn domain(&self, vm: Uuid) -> HostFuture<'_, Option<DomainInfo>> {
        call!(self, Call::short("describe a domain"), move |c| {
            let Some(found) = domain::find(c, vm)? else {
                return Ok(None);
            };
            match domain::info(&found) {
                Ok(info) => Ok(Some(info)),
                // It has gone away between two calls.
                Err(HostError::NotFound { .. }) if domain::find(c, vm)?.is_none() => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    fn define(&self, spec: DomainSpec) -> HostFuture<'_, ()> {
        Box::pin(async move {
            let xml = self.inner.render(&spec).await?;
            let call = Call::short("define a domain");
            let vm = spec.vm;
            self.inner
                .connection
                .call(call, move |c| {
                    domain::give_up_name(c, vm)?;
                    domain::define(c, &xml).map(|_| ())
                })
                .await
        })
    }

    fn start(&self, spec: DomainSpec) -> HostFuture<'_, DomainInfo> {
        Box::pin(async move {
            let xml = self.inner.render(&spec).await?;
            let call = Call {
                deadline: Duration::from_secs(120),
                ..Call::short("start a domain")
            };
            let start = move |c: &_| domain::start(c, spec.vm, spec.run_epoch, &xml);
            self.inner.connection.call(call, start).await
        })
    }

    fn restore(&self, spec: DomainSpec) -> HostFuture<'_, DomainInfo> {
        Box::pin(async move {
            // The networks of the saved devices must be there too.
            self.inner.surroundings_of(&spec).await?;
            let stamp = domain_xml::stamp(&spec);
            let restore = move |c: &_| domain::restore(c, spec.vm, spec.run_epoch, stamp);
            self.inner
                .connection
                .call(Call::long("restore a domain", 30), restore)
                .await
        })
    }

    fn restore_memory(&self, spec: DomainSpec, memory: VolumeRef) -> HostFuture<'_, DomainInfo> {
        Box::pin(async move {
            let around = self.inner.surroundings_of(&spec).await?;
            let images = self.inner.config.images.clone();
            let restore = move |c: &_| {
                let wanted = domain_xml::domain(&spec, &around.context())?;
                let file = domain_xml::volume_path(&images, memory);
                let file = domain_xml::path_text("memory", &file)?;
                let stamp = domain_xml::stamp(&spec);
                snapshot::restore_memory(c, spec.vm, spec.run_epoch, &stamp, &wanted, &file)
            };
            self.inner
                .connection
                .call(Call::long("restore a domain's memory", 30), restore)
                .await
        })
    }

    fn snapshot_take(&self, vm: Uuid, spec: TakeSpec) -> HostFuture<'_, ()> {
        Box::pin(async move {
            let images = self.inner.config.images.clone();
            let call = match spec.memory {
                Some(_) => Call::long("take a snapshot with memory", 60),
                None => Call {
                    deadline: Duration::from_secs(120),
                    ..Call::short("take a snapshot")
                },
            };
            let take = move |c: &_| snapshot::take(c, vm, &spec, &images);
            self.inner.connection.call(call, take).await
        })
    }

    fn merge_live(&self, vm: Uuid, spec: MergeSpec) -> HostFuture<'_, MergeProgress> {
        let images = self.inner.config.images.clone();
        let call = Call {
            deadline: Duration::from_secs(120),
            ..Call::short("merge images of a running guest")
        };
        call!(self, call, move |c| snapshot::merge(c, vm, &spec, &images))
    }

    fn shutdown(&self, vm: Uuid) -> HostFuture<'_, ()> {
        Box::pin(self.ask_to_end(vm, false))
    }

    fn destroy(&self, vm: Uuid) -> HostFuture<'_, ()> {
        let call = Call {
            deadline: Duration::from_secs(60),
            ..Call::short("stop a domain")
        };
        call!(self, call, move |c| domain::destroy(c, vm))
    }

    fn reboot(&self, vm: Uuid) -> HostFuture<'_, ()> {
        Box::pin(self.ask_to_end(vm, true))
    }

    fn reset(&self, vm: Uuid) -> HostFuture<'_, ()> {
        call!(self, Call::short("reset a domain"), move |c| domain::reset(
            c, vm
        ))
    }

    fn suspend(&self, vm: Uuid) -> HostFuture<'_, ()> {
        call!(self, Call::long("save a domain", 30), move |c| {
            domain::suspend(c, vm)
        })
    }

    fn abort_suspend(&self, vm: Uuid) -> HostFuture<'_, ()> {
        call!(self, Call::short("give up saving a domain"), move |c| {
            domain::abort(c, vm)
        })
    }

    fn pause(&self, vm: Uuid) -> HostFuture<'_, ()> {
        call!(self, Call::short("pause a domain"), move |c| domain::pause(
            c, vm
        ))
    }

    fn resume(&self, vm: Uuid) -> HostFuture<'_, ()> {
        call!(self, Call::short("resume a domain"), move |c| {
            domain::resume(c, vm)
        })
    }

    fn undefine(&self, vm: Uuid) -> HostFuture<'_, ()> {
        call!(self, Call::short("forget a domain"), move |c| {
            domain::undefine(c, vm)
        })
    }

    fn change_cd(&self, vm: Uuid, medium: Option<VolumeRef>) -> HostFuture<'_, ()> {
        Box::pin(async move {
            let around = self.inner.surroundings(&[], &[]).await?;
            let change = move |c: &_| devices::change_cd(c, vm, medium, &around);
            self.inner
                .connection
                .call(Call::short("change a CD"), change)
                .await
        })
    }

    fn attach_disk(&self, vm: Uuid, disk: DiskSpec) -> HostFuture<'_, ()> {
        Box::pin(async move {
            let around = self
                .inner
                .surroundings(&[disk.source.storage_domain], &[])
                .await?;
            let attach = move |c: &_| devices::attach_disk(c, vm, &disk, &around);
            self.inner
                .connection
                .call(Call::short("plug a disk"), attach)
                .await
        })
    }

    fn detach_disk(&self, vm: Uuid, disk: Uuid) -> HostFuture<'_, ()> {
        call!(
            self,
            Call::short("unplug a disk"),
            move |c| devices::detach(c, vm, "disk", disk)
        )
    }

    fn attach_nic(&self, vm: Uuid, nic: NicSpec) -> HostFuture<'_, ()> {
        Box::pin(async move {
            let networks: Vec<String> = network_of(&nic).into_iter().collect();
            let around = self.inner.surroundings(&[], &networks).await?;
            let attach = move |c: &_| devices::attach_nic(c, vm, &nic, &around);
            self.inner
                .connection
                .call(Call::short("plug a NIC"), attach)
                .await
        })
    }

    fn detach_nic(&self, vm: Uuid, nic: Uuid) -> HostFuture<'_, ()> {
        call!(self, Call::short("unplug a NIC"), move |c| devices::detach(
            c,
            vm,
            "interface",
            nic
        ))
    }

    fn set_vcpus(&self, vm: Uuid, vcpus: u32) -> HostFuture<'_, ()> {
        let call = Call {
            deadline: Duration::from_secs(60),
            ..Call::short("change a guest's processors")
        };
        call!(self, call, move |c| devices::set_vcpus(c, vm, vcpus))
    }

    fn attach_memory(&self, vm: Uuid, module: Uuid, bytes: u64) -> HostFuture<'_, ()> {
        let call = Call {
            deadline: Duration::from_secs(60),
            ..Call::short("plug memory")
        };
        call!(self, call, move |c| devices::attach_memory(
            c, vm, module, bytes
        ))
    }

    fn open_graphics(&self, vm: Uuid) -> HostFuture<'_, GraphicsTarget> {
        let call = Call {
            deadline: Duration::from_secs(10),
            ..Call::short("open a display")
        };
        if self.inner.local {
            call!(self, call, move |c| display::open_local(c, vm)
                .map(GraphicsTarget::Descriptor))
        } else {
            call!(self, call, move |c| display::open_remote(c, vm))
        }
    }

    fn set_display_password(
        &self,
        vm: Uuid,
        password: DisplayPassword,
        valid: Duration,
    ) -> HostFuture<'_, ()> {
        call!(self, Call::short("set a display password"), move |c| {
            display::set_password(c, vm, &password, Some(valid))
        })
    }

    fn expire_display_password(&self, vm: Uuid) -> HostFuture<'_, ()> {
        call!(self, Call::short("expire a display password"), move |c| {
            display::set_password(c, vm, &DisplayPassword::random()?, None)
        })
    }

    fn screenshot(&self, vm: Uuid) -> HostFuture<'_, Vec<u8>> {
        call!(self, Call::short("take a screenshot"), move |c| {
            display::screenshot(c, vm)
        })
    }

    fn statistics(&self) -> HostFuture<'_, Statistics> {
        Box::pin(self.inner.statistics())
    }

    fn ensure_pool(&self, storage_domain: Uuid) -> HostFuture<'_, PoolInfo> {
        Box::pin(async move {
            let images = self.inner.images.clone();
            let info = blocking(move || images.prepare(storage_domain)).await?;
            let root = self.inner.images.root().to_owned();
            let ensure = move |c: &_| storage::ensure_pool(c, &root, storage_domain);
            self.inner
                .connection
                .call(Call::short("make a pool"), ensure)
                .await?;
            Ok(info)
        })
    }

    fn forget_pool(&self, storage_domain: Uuid) -> HostFuture<'_, ()> {
        call!(self, Call::short("forget a pool"), move |c| {
            storage::forget_pool(c, storage_domain)
        })
    }

    fn volume_create(&self, spec: VolumeSpec) -> HostFuture<'_, VolumeInfo> {
        Box::pin(async move { self.inner.images.create(&spec).await })
    }

    fn volume_copy(&self, source: Chain, spec: VolumeSpec) -> HostFuture<'_, VolumeInfo> {
        Box::pin(async move { self.inner.images.copy(&source, &spec).await })
    }

    fn volume_info(
        &self,
        volume: VolumeRef,
        format: VolumeFormat,
    ) -> HostFuture<'_, Option<VolumeInfo>> {
        let images = self.inner.images.clone();
        Box::pin(blocking(move || images.info(volume, format)))
    }

    fn volumes(&self, storage_domain: Uuid) -> HostFuture<'_, Vec<VolumeRef>> {
        let images = self.inner.images.clone();
        Box::pin(blocking(move || images.list(storage_domain)))
    }

    fn volume_resize(
        &self,
        volume: VolumeRef,
        format: VolumeFormat,
        virtual_bytes: u64,
        running: Option<Plugged>,
    ) -> HostFuture<'_, VolumeInfo> {
        Box::pin(async move {
            let images = &self.inner.images;
            let Some(Plugged { vm, disk }) = running else {
                return images.resize(volume, format, virtual_bytes).await;
            };
            // Only the program that has it open may change it.
            if images.growth(volume, format, virtual_bytes)? {
                let bytes = virtual_bytes.next_multiple_of(512);
                let resize = move |c: &_| devices::resize_disk(c, vm, disk, bytes);
                self.inner
                    .connection
                    .call(Call::short("grow a disk"), resize)
                    .await?;
            }
            images
                .info(volume, format)?
                .ok_or_else(|| HostError::NotFound {
                    what: format!("volume {}", volume.volume),
                })
        })
    }

    fn volume_merge(&self, volume: Chain, above: Option<VolumeRef>) -> HostFuture<'_, VolumeInfo> {
        Box::pin(async move { self.inner.images.merge(&volume, above).await })
    }

    fn volume_delete(&self, volume: VolumeRef) -> HostFuture<'_, ()> {
        let images = self.inner.images.clone();
        Box::pin(blocking(move || images.delete(volume)))
    }

    fn volume_open(
        &self,
        volume: VolumeRef,
        access: VolumeAccess,
    ) -> HostFuture<'_, std::fs::File> {
        let images = self.inner.images.clone();
        Box::pin(blocking(move || images.open(volume, access)))
    }

    fn ensure_network(&self, network: NetworkSpec) -> HostFuture<'_, NetworkReport> {
        Box::pin(self.inner.ensure_network(network.name))
    }
}
