//! What all parts of the manager share, and how it starts and ends.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::Manager;
use crate::clock::Clock;
use crate::command::Transfers;
use crate::config::{Config, Timeouts};
use crate::console::Consoles;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::history::History;
use crate::host::Hypervisor;
use crate::inventory::{Change, Entity, KEPT};
use crate::model::{
    EventId, HostId, JobStatus, LogSeverity, ObjectId, Secret, StorageDomain, StorageType,
    Timestamp,
};
use crate::monitor;
use crate::operation::{CrashPlan, Executor};
use crate::password::{Passwords, random_secret};
use crate::revocation::{Bus, Revoked};
use crate::seed;
use crate::session::Sessions;
use crate::store::Store;
use crate::writer::{Draft, Missed, Published, Writer};

/// How long the first password works.
const FIRST_PASSWORD: i64 = 24 * 60 * 60 * 1000;
/// Bytes that must be free where the state is kept.
const LEAST_FREE: u64 = 256 << 20;
/// On a small disk a twentieth of it, and on a large one this.
const MOST_KEPT_FREE: u64 = 4 << 30;
/// Between two looks at transfers.
const SOON: Duration = Duration::from_secs(1);
/// Of those, how many pass until sessions, jobs and events are looked at.
const LATER: u32 = 30;

/// What all parts share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) published: Arc<Published>,
    pub(crate) writer: Writer,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timeouts: Timeouts,
    pub(crate) sessions: Sessions,
    pub(crate) passwords: Passwords,
    pub(crate) executor: Executor,
    pub(crate) transfers: Transfers,
    pub(crate) consoles: Consoles,
    pub(crate) revocations: Bus,
    pub(crate) history: History,
    pub(crate) crash: Option<CrashPlan>,
    pub(crate) display_address: String,
    /// Wakes the monitor.
    pub(crate) wake: Notify,
    hosts: RwLock<HashMap<HostId, Arc<dyn Hypervisor>>>,
    state: PathBuf,
    watchers: AtomicUsize,
    first_password: Mutex<Option<Secret>>,
    ending: watch::Sender<bool>,
    tasks: Mutex<JoinSet<()>>,
    writer_task: Mutex<Option<tokio::task::JoinHandle<()>>>,
    runtime: tokio::runtime::Handle,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    /// Runs a task until it is done or the manager ends.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut ending = self.ending.subscribe();
        let mut tasks = lock(&self.tasks);
        // What has ended is forgotten, so that the set does not grow with time.
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(
            async move {
                tokio::select! {
                    _ = ending.wait_for(|ending| *ending) => {}
                    () = task => {}
                }
            },
            &self.runtime,
        );
    }

    pub(crate) fn host(&self, id: HostId) -> Option<Arc<dyn Hypervisor>> {
        self.hosts
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned()
    }

    pub(crate) fn any_host(&self) -> Option<Arc<dyn Hypervisor>> {
        self.hosts
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .next()
            .cloned()
    }

    /// Lets the monitor look at everything now.
    pub(crate) fn look_again(&self) {
        self.wake.notify_waiters();
    }

    fn watched(&self, watched: bool) {
        for host in self
            .hosts
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
        {
            host.watch(watched);
        }
    }
}

/// While it is held, figures come every two seconds instead of every ten.
#[derive(Debug)]
pub struct WatchGuard {
    core: Arc<Core>,
}

impl Drop for WatchGuard {
    fn drop(&mut self) {
        if self.core.watchers.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.core.watched(false);
        }
    }
}

impl Manager {
    /// Opens the state directory and starts. The first start makes what an installation begins
    /// with.
    pub async fn open(config: Config) -> Result<Self> {
        prepare(&config.state)?;
        let state = std::path::absolute(&config.state)
            .map_err(|error| Error::failed(format!("the state directory is no path: {error}")))?;
        let images = state.join("images");
        prepare(&images)?;
        let mut store = Store::open(&config.state).await?;
        let (inventory, mut kept) = store.load().await?;
        let passwords = Passwords::default();
        let mut draft = Draft::new(inventory, config.clock.now());
        seed::constants(&mut draft)?;
        let mut first_password = None;
        if draft.data_centers.is_empty() && draft.users.is_empty() {
            let (password, expires) = match &config.admin_password {
                Some(password) => (password.clone(), None),
                None => {
                    let password = random_secret()?;
                    first_password = Some(password.clone());
                    let end = Timestamp(config.clock.now().0 + FIRST_PASSWORD);
                    (password, Some(end))
                }
            };
            let first = seed::FirstStart {
                host_name: &config.host_name,
                images: &images,
                password_hash: passwords.hash(password).await?,
                password_expires: expires,
            };
            seed::first_start(&mut draft, &first)?;
        }
        seed::policies(&mut draft)?;
        // The state directory may have been moved.
        let own: Vec<_> = draft
            .storage_domains
            .iter()
            .filter(|domain| domain.storage_type == StorageType::Localfs)
            .cloned()
            .collect();
        for domain in own {
            let path = images.join(domain.id.to_string()).display().to_string();
            if domain.path != path {
                draft.put(StorageDomain {
                    path,
                    ..(*domain).clone()
                })?;
            }
        }
        draft.event(EventDraft::new(code::STARTED, "Starting the manager."));
        let (inventory, rows, credentials) = draft.into_parts();
        store.commit(&rows).await?;
        kept.credentials.extend(credentials);
        let host = inventory.hosts.iter().next().map(|host| host.id);
        let sessions = Sessions::new(kept, &config.clock.boot(), config.timeouts.session_idle)?;
        let published = Arc::new(Published::new(inventory));
        let (ending, ended) = watch::channel(false);
        let shared: Arc<OnceLock<Weak<Core>>> = Arc::default();
        let begun = Arc::clone(&shared);
        let (writer, writer_task) = Writer::start(
            store,
            Arc::clone(&published),
            Arc::clone(&config.clock),
            ended,
            move |operation| {
                if let Some(core) = begun.get().and_then(Weak::upgrade) {
                    Manager { core }.operation_run(operation);
                }
            },
        );
        let core = Arc::new(Core {
            published,
            writer,
            clock: config.clock,
            timeouts: config.timeouts,
            sessions,
            passwords,
            executor: Executor::default(),
            transfers: Transfers::default(),
            consoles: Consoles::default(),
            revocations: Bus::default(),
            history: History::new(state.join("history")),
            crash: config.crash,
            display_address: config.display_address,
            wake: Notify::new(),
            hosts: RwLock::default(),
            state,
            watchers: AtomicUsize::new(0),
            first_password: Mutex::new(first_password),
            ending,
            tasks: Mutex::default(),
            writer_task: Mutex::new(Some(writer_task)),
            runtime: tokio::runtime::Handle::current(),
        });
        shared.set(Arc::downgrade(&core)).ok();
        let manager = Self { core };
        if let Some(id) = host {
            let host = match config.hypervisor {
                Some(host) => host,
                None => connect(&config.libvirt_uri, &images, &config.state)?,
            };
            manager.host_begin(id, host);
        }
        manager.begin_tasks();
        manager.operations_resume();
        Ok(manager)
    }

    fn host_begin(&self, id: HostId, host: Arc<dyn Hypervisor>) {
        let mut hosts = self
            .core
            .hosts
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        hosts.insert(id, Arc::clone(&host));
        drop(hosts);
        self.core.spawn(monitor::watch(self.clone(), id, host));
    }

    fn begin_tasks(&self) {
        let manager = self.clone();
        self.core
            .spawn(async move { manager.derive_revocations().await });
        let manager = self.clone();
        self.core
            .spawn(async move { manager.review_consoles().await });
        let manager = self.clone();
        self.core.spawn(async move { manager.keep_house().await });
        let manager = self.clone();
        self.core.spawn(async move { manager.keep_pools().await });
    }

    /// Tells, from what changes, what must close or look again.
    async fn derive_revocations(&self) {
        let mut changes = self.subscribe();
        loop {
            match changes.next().await {
                Ok(applied) => {
                    let mut access = false;
                    for change in &applied.changes {
                        match change {
                            Change::Put(Entity::Vm(vm)) if !vm.run.status.is_running() => {
                                self.core.revocations.send(Revoked::Vm(vm.id));
                            }
                            Change::Removed(ObjectId::Vm(vm)) => {
                                self.core.revocations.send(Revoked::Vm(*vm));
                                access = true;
                            }
                            Change::Put(
                                Entity::Permission(_)
                                | Entity::Role(_)
                                | Entity::User(_)
                                | Entity::Group(_),
                            )
                            | Change::Removed(
                                ObjectId::Permission(_)
                                | ObjectId::Role(_)
                                | ObjectId::User(_)
                                | ObjectId::Group(_),
                            ) => access = true,
                            _ => {}
                        }
                    }
                    if access {
                        self.core.revocations.send(Revoked::Access);
                    }
                }
                Err(Missed::Lagged) => self.core.revocations.send(Revoked::Everything),
                Err(Missed::Ended) => return,
            }
        }
    }

    async fn review_consoles(&self) {
        let mut revocations = self.revocations();
        while revocations.next().await.is_some() {
            self.core.consoles.review(self);
        }
    }

    /// What must be done from time to time.
    async fn keep_house(&self) {
        let mut ticks = tokio::time::interval(SOON);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut round: u32 = 0;
        loop {
            ticks.tick().await;
            self.look_at_space().await;
            self.history_turn(false).await;
            let mut outcome = self.transfers_sweep().await;
            if round.is_multiple_of(LATER) {
                outcome = outcome
                    .and(self.sessions_sweep().await)
                    .and(self.tidy().await);
            }
            if let Err(error) = outcome {
                tracing::debug!(%error, "Keeping house has to wait");
            }
            round = round.wrapping_add(1);
        }
    }

    /// Looks how much space there is where the state is kept.
    async fn look_at_space(&self) {
        let state = self.core.state.clone();
        let facts = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&state)).await;
        let Ok(Ok(facts)) = facts else { return };
        let free = facts.f_bavail.saturating_mul(facts.f_frsize);
        let all = facts.f_blocks.saturating_mul(facts.f_frsize);
        let low = free < LEAST_FREE || free < (all / 20).min(MOST_KEPT_FREE);
        if !self.core.published.set_low_space(low) {
            return;
        }
        let outcome = self
            .core
            .writer
            .apply(move |draft| {
                let (text, severity) = if low {
                    (
                        format!(
                            "Only {} MiB are free where the manager keeps its state. New things are refused until there is more.",
                            free >> 20
                        ),
                        LogSeverity::Alert,
                    )
                } else {
                    (
                        "There is space again where the manager keeps its state.".to_owned(),
                        LogSeverity::Normal,
                    )
                };
                draft.event(EventDraft::new(code::STORAGE_LOW, text).severity(severity));
                Ok(())
            })
            .await;
        if let Err(error) = outcome {
            tracing::error!(%error, "There is almost no space left, not even to say so");
        }
    }

    /// Takes away jobs that have ended a while ago, and events beyond those that are kept.
    pub(crate) async fn tidy(&self) -> Result<()> {
        let inventory = self.inventory();
        let now = self.core.clock.now().0;
        let age = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let (finished, failed) = (
            age(self.core.timeouts.job_kept),
            age(self.core.timeouts.failed_job_kept),
        );
        let over: Vec<_> = inventory
            .jobs
            .iter()
            .filter(|job| job.auto_cleared && job.operation.is_none())
            .filter(|job| {
                job.end_time.is_some_and(|end| {
                    let kept = if job.status == JobStatus::Finished {
                        finished
                    } else {
                        failed
                    };
                    now.saturating_sub(end.0) > kept
                })
            })
            .map(|job| job.id)
            .collect();
        let oldest = inventory.events.last().0 - i64::try_from(KEPT).unwrap_or(i64::MAX);
        if over.is_empty() && oldest <= 0 {
            return Ok(());
        }
        self.core
            .writer
            .apply(move |draft| {
                over.into_iter().for_each(|job| draft.remove(job));
                if oldest > 0 {
                    draft.forget_events_before(EventId(oldest));
                }
                Ok(())
            })
            .await
    }

    /// The administrator's first password, if this start made it up. Given out once.
    #[must_use]
    pub fn take_first_password(&self) -> Option<Secret> {
        lock(&self.core.first_password).take()
    }

    /// The date and time, by the clock that the manager goes by.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.core.clock.now()
    }

    /// Whether a crash plan has stopped everything; for tests.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.core.published.is_stopped()
    }

    /// While the answer is held, figures come every two seconds.
    #[must_use]
    pub fn watch(&self) -> WatchGuard {
        if self.core.watchers.fetch_add(1, Ordering::SeqCst) == 0 {
            self.core.watched(true);
        }
        WatchGuard {
            core: Arc::clone(&self.core),
        }
    }

    /// Ends in order: what is running stops between two steps and goes on at the next start.
    /// Guests are not touched.
    pub async fn close(&self) {
        if !self.core.published.is_stopped()
            && let Err(error) = self.sessions_sweep().await
        {
            tracing::warn!(%error, "Logins could not be written at the end");
        }
        if !self.core.published.is_stopped() {
            self.history_turn(true).await;
        }
        self.core.ending.send_replace(true);
        let mut tasks = std::mem::take(&mut *lock(&self.core.tasks));
        while tasks.join_next().await.is_some() {}
        self.core
            .hosts
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        let writer = lock(&self.core.writer_task).take();
        if let Some(writer) = writer
            && let Err(error) = writer.await
        {
            tracing::warn!(%error, "The writer ended badly");
        }
    }
}

/// Makes a directory that is nobody else's business.
fn prepare(directory: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if directory.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| Error::failed(format!("{} cannot be made: {error}", directory.display())))
}

/// The host that is reached by libvirt.
fn connect(uri: &str, images: &Path, state: &Path) -> Result<Arc<dyn Hypervisor>> {
    let absolute = |path: &Path| {
        std::path::absolute(path)
            .map_err(|error| Error::failed(format!("{} is no path: {error}", path.display())))
    };
    Ok(Arc::new(crate::host::libvirt::LibvirtHost::open(
        crate::host::libvirt::LibvirtConfig {
            uri: uri.to_owned(),
            images: absolute(images)?,
            cache: Some(absolute(state)?),
        },
    )))
}
