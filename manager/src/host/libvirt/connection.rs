//! The way to one host: connections that come back by themselves, and two threads that make the
//! calls, because a libvirt call blocks for as long as the host likes.
//!
//! ```text
//!   caller ──call()──▶ bounded queue ──▶ 2 worker threads ──▶ libvirt, a connection each
//!      ▲ deadline                                               │
//!      └────────────── answer, or "no answer" ◀─────────────────┘
//!   supervisor (task): connecting ──▶ connected ──▶ lost ──▶ back-off ──▶ connecting …
//! ```
//!
//! Calls are refused at once while there is no connection. A call whose deadline passes before a
//! thread has taken it is never made. A thread that hangs in a call is freed by the keepalive,
//! which breaks the connection after 20 s without an answer.
//!
//! INVARIANT: a connection is used by one thread at a time (besides libvirt's event loop). In
//! libvirt before 10.2, when one of two threads that wait on a connection gives up, the other one
//! runs a callback that points to the first one's dead stack and crashes the program
//! (CVE-2024-4418). So each worker has a connection of its own, and its lock is held during calls
//! and while closing.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{AcquireError, Semaphore, broadcast, mpsc, oneshot, watch};
use virt::connect::Connect;
use virt::error::{Error, ErrorNumber};

use super::events::{Registration, Sink};
use crate::host::{HostError, HostEvent, Reachable};

/// Calls that may wait for a thread.
const QUEUE: usize = 128;
/// Threads that make calls to one host.
const WORKERS: usize = 2;
/// Seconds between keepalives, and how many may go unanswered: broken after (3 + 1) × 5 s.
const KEEPALIVE: (i32, u32) = (5, 3);
/// What the first call over a new connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often our end of the connection is looked at without a reason.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// What a worker does; it is told which one it is.
type Job = Box<dyn FnOnce(&Shared, usize) + Send>;

/// A handle on the host; dropping the last one ends its threads.
#[derive(Clone)]
pub(super) struct Connection {
    shared: Arc<Shared>,
    queue: SyncSender<Job>,
    /// Places in the queue: whoever finds none waits here, without a thread.
    slots: Arc<Semaphore>,
    /// One long call at a time, so that a thread is left for the short ones.
    long: Arc<Semaphore>,
    _supervised: Arc<watch::Sender<()>>,
}

struct Shared {
    link: Mutex<Link>,
    events: broadcast::Sender<HostEvent>,
    /// Tells the supervisor to look whether the connection is still alive.
    suspect: mpsc::Sender<String>,
}

enum Link {
    Up(Arc<Lines>),
    Down { since: SystemTime, reason: String },
}

/// The connections to a host, one per worker.
struct Lines {
    lines: Vec<Mutex<Line>>,
    /// To look at them without waiting for whoever uses them.
    pulses: Vec<Connect>,
}

/// One connection with its callbacks.
struct Line {
    // Taken back before the connection is closed: fields are dropped in this order.
    _registration: Registration,
    connection: Connect,
}

impl Lines {
    /// Whether all are alive. Looks at our end only; nobody is asked.
    fn alive(&self) -> bool {
        self.pulses
            .iter()
            .all(|connection| connection.is_alive().unwrap_or(false))
    }
}

/// How a call is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    /// Verb and object, for messages.
    pub what: &'static str,
    /// When the caller stops waiting.
    pub deadline: Duration,
    /// Whether it may take long and must leave a thread for others.
    pub long: bool,
}

impl Call {
    /// One that the host answers from memory or does at once.
    pub const fn short(what: &'static str) -> Self {
        Self {
            what,
            deadline: Duration::from_secs(30),
            long: false,
        }
    }

    /// One that moves a guest's memory or a disk's content.
    pub const fn long(what: &'static str, minutes: u64) -> Self {
        Self {
            what,
            deadline: Duration::from_secs(minutes * 60),
            long: true,
        }
    }
}

const WAITING: u8 = 0;
const STARTED: u8 = 1;
const ABANDONED: u8 = 2;

impl Connection {
    /// Begins to connect, and goes on doing so until the last handle is dropped. Must be called
    /// inside a tokio runtime.
    pub fn open(uri: String, events: broadcast::Sender<HostEvent>) -> Self {
        run_event_loop();
        let (queue, jobs) = sync_channel::<Job>(QUEUE);
        let (suspect, suspected) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            link: Mutex::new(Link::Down {
                since: SystemTime::now(),
                reason: "no connection has been made yet".to_owned(),
            }),
            events,
            suspect,
        });
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..WORKERS {
            let (jobs, shared) = (Arc::clone(&jobs), Arc::clone(&shared));
            spawn(format!("host-{number}"), move || {
                work(&jobs, &shared, number)
            });
        }
        let (supervised, ended) = watch::channel(());
        tokio::spawn(supervise(uri, Arc::clone(&shared), suspected, ended));
        Self {
            shared,
            queue,
            slots: Arc::new(Semaphore::new(QUEUE)),
            long: Arc::new(Semaphore::new(1)),
            _supervised: Arc::new(supervised),
        }
    }

    /// Whether there is a connection.
    pub fn reachable(&self) -> Reachable {
        match &*lock(&self.shared.link) {
            Link::Up(_) => Reachable::Yes,
            Link::Down { since, reason } => Reachable::No {
                since: *since,
                reason: reason.clone(),
            },
        }
    }

    /// Does `f` on a thread of the host's.
    pub async fn call<T, F>(&self, call: Call, f: F) -> Result<T, HostError>
    where
        T: Send + 'static,
        F: FnOnce(&Connect) -> Result<T, HostError> + Send + 'static,
    {
        let started = tokio::time::Instant::now();
        let busy = || HostError::Busy { what: call.what };
        if let Link::Down { reason, .. } = &*lock(&self.shared.link) {
            return Err(HostError::Unreachable {
                reason: reason.clone(),
            });
        }
        let places = async {
            let long = match call.long {
                true => Some(Arc::clone(&self.long).acquire_owned().await),
                false => None,
            };
            Ok::<_, AcquireError>((
                long.transpose()?,
                Arc::clone(&self.slots).acquire_owned().await?,
            ))
        };
        // Neither semaphore is ever closed, so an error is a deadline that has passed.
        let Ok(Ok((permit, slot))) = tokio::time::timeout(call.deadline, places).await else {
            return Err(busy());
        };
        let (reply, answer) = oneshot::channel();
        let phase = Arc::new(AtomicU8::new(WAITING));
        let job: Job = {
            let phase = Arc::clone(&phase);
            Box::new(move |shared: &Shared, worker: usize| {
                drop(slot);
                // Nobody waits for it any more: what has not begun is better not begun.
                if reply.is_closed()
                    || phase
                        .compare_exchange(WAITING, STARTED, Ordering::AcqRel, Ordering::Acquire)
                        .is_err()
                {
                    return;
                }
                let _ = reply.send(shared.perform(worker, call.what, f));
                drop(permit);
            })
        };
        match self.queue.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(busy()),
            Err(TrySendError::Disconnected(_)) => {
                return Err(HostError::Unreachable {
                    reason: "its threads have ended".to_owned(),
                });
            }
        }
        let left = call.deadline.saturating_sub(started.elapsed());
        match tokio::time::timeout(left, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(HostError::Broken { what: call.what }),
            Err(_) => match phase.compare_exchange(
                WAITING,
                ABANDONED,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => Err(busy()),
                Err(_) => Err(HostError::NoAnswer {
                    what: call.what,
                    after: call.deadline,
                }),
            },
        }
    }
}

impl Shared {
    fn perform<T>(
        &self,
        worker: usize,
        what: &'static str,
        f: impl FnOnce(&Connect) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        let lines = match &*lock(&self.link) {
            Link::Up(lines) => Arc::clone(lines),
            Link::Down { reason, .. } => {
                return Err(HostError::Unreachable {
                    reason: reason.clone(),
                });
            }
        };
        let Some(line) = lines.lines.get(worker) else {
            return Err(HostError::Unreachable {
                reason: "there is no connection for this thread".to_owned(),
            });
        };
        let line = lock(line);
        // A panic in here would be a fault of ours; it must not take the host's thread with it.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f(&line.connection)))
            .unwrap_or_else(|_| {
                Err(HostError::Failed {
                    what: format!("an internal fault when asked to {what}"),
                })
            });
        if result.is_err() && !line.connection.is_alive().unwrap_or(false) {
            let _ = self
                .suspect
                .try_send("the connection broke during a call".to_owned());
            return Err(HostError::Broken { what });
        }
        result
    }
}

fn work(jobs: &Mutex<Receiver<Job>>, shared: &Shared, worker: usize) {
    loop {
        let next = lock(jobs).recv();
        match next {
            Ok(job) => job(shared, worker),
            Err(_) => return,
        }
    }
}

/// Connects, waits for the loss, connects again; ends when the last handle is dropped.
async fn supervise(
    uri: String,
    shared: Arc<Shared>,
    mut suspected: mpsc::Receiver<String>,
    mut ended: watch::Receiver<()>,
) {
    let local = is_local(&uri);
    let mut failures = 0u32;
    loop {
        let attempt = connect(&uri, &shared);
        let opened = tokio::select! {
            opened = attempt => opened,
            _ = ended.changed() => return,
        };
        let reason = match opened {
            Ok(lines) => {
                failures = 0;
                while suspected.try_recv().is_ok() {}
                *lock(&shared.link) = Link::Up(Arc::clone(&lines));
                tracing::info!(uri, "Connected to host");
                let _ = shared.events.send(HostEvent::Connected);
                let reason = tokio::select! {
                    reason = wait_for_loss(&lines, &mut suspected) => Some(reason),
                    _ = ended.changed() => None,
                };
                let down = reason
                    .clone()
                    .unwrap_or_else(|| "it is no longer wanted".to_owned());
                *lock(&shared.link) = Link::Down {
                    since: SystemTime::now(),
                    reason: down,
                };
                // Taking callbacks back and closing may wait for the host, and for its threads.
                spawn("host-close".to_owned(), move || {
                    for line in &lines.lines {
                        drop(lock(line));
                    }
                    drop(lines);
                });
                let Some(reason) = reason else { return };
                tracing::warn!(uri, reason, "Lost the connection to host");
                let _ = shared.events.send(HostEvent::Disconnected {
                    reason: reason.clone(),
                });
                reason
            }
            Err(reason) => {
                if failures == 0 {
                    tracing::warn!(uri, reason, "Cannot connect to host");
                }
                failures = failures.saturating_add(1);
                reason
            }
        };
        if let Link::Down { reason: shown, .. } = &mut *lock(&shared.link) {
            *shown = reason;
        }
        tokio::select! {
            () = tokio::time::sleep(back_off(failures, local)) => {}
            _ = ended.changed() => return,
        }
    }
}

/// Waits until a connection is dead. Somebody's suspicion is checked first.
async fn wait_for_loss(lines: &Lines, suspected: &mut mpsc::Receiver<String>) -> String {
    let mut reason = "the connection has failed".to_owned();
    while lines.alive() {
        match tokio::time::timeout(CHECK_INTERVAL, suspected.recv()).await {
            Ok(Some(suspicion)) => reason = suspicion,
            Ok(None) => return "its threads have ended".to_owned(),
            Err(_) => {}
        }
    }
    reason
}

/// Connects on a thread of its own that may be abandoned; but only one at a time, so that a host
/// that never answers ties up one thread and no more.
async fn connect(uri: &str, shared: &Arc<Shared>) -> Result<Arc<Lines>, String> {
    let (reply, answer) = oneshot::channel();
    let (address, for_thread) = (uri.to_owned(), Arc::clone(shared));
    spawn("host-connect".to_owned(), move || {
        // Given up meanwhile: dropping closes it.
        let _ = reply.send(open(&address, &for_thread).map_err(|e| e.message().to_owned()));
    });
    let mut answer = std::pin::pin!(answer);
    let mut waited = false;
    loop {
        match tokio::time::timeout(CONNECT_TIMEOUT, &mut answer).await {
            Ok(Ok(opened)) => return opened,
            Ok(Err(_)) => return Err("the thread that was to connect has ended".to_owned()),
            Err(_) => {
                if !waited {
                    tracing::warn!(uri, "Host does not answer when connecting");
                }
                waited = true;
                if let Link::Down { reason, .. } = &mut *lock(&shared.link) {
                    *reason = format!("it has not answered within {} s", CONNECT_TIMEOUT.as_secs());
                }
            }
        }
    }
}

/// A connection for each worker; the first one brings the events.
fn open(uri: &str, shared: &Shared) -> Result<Arc<Lines>, Error> {
    let mut lines = Lines {
        lines: Vec::new(),
        pulses: Vec::new(),
    };
    for number in 0..WORKERS {
        let connection = Connect::open(Some(uri))?;
        // The test driver has no keepalive and needs none.
        let _ = connection.set_keep_alive(KEEPALIVE.0, KEEPALIVE.1);
        let sink = Sink {
            events: shared.events.clone(),
            lost: shared.suspect.clone(),
        };
        let registration = Registration::new(&connection, sink, number == 0)?;
        lines.pulses.push(connection.clone());
        lines.lines.push(Mutex::new(Line {
            _registration: registration,
            connection,
        }));
    }
    Ok(Arc::new(lines))
}

/// How long to wait before the next attempt: doubled each time, and up to a half more by chance so
/// that many managers or hosts do not come at once. A daemon on this machine is soon back, and
/// asking costs next to nothing.
fn back_off(failures: u32, local: bool) -> Duration {
    let (first, limit) = if local { (200, 2_000) } else { (1_000, 60_000) };
    let base: u64 = first << failures.min(10);
    let base = base.min(limit);
    let mut random = [0u8; 2];
    let _ = getrandom::fill(&mut random);
    Duration::from_millis(base + base * u64::from(u16::from_le_bytes(random)) / (2 * 65_536))
}

/// Whether an address of libvirt's leads to this machine, without a network between.
pub(super) fn is_local(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let transport = scheme.split_once('+').map(|(_, transport)| transport);
    authority.is_empty() && matches!(transport, None | Some("unix"))
}

/// libvirt's default event loop: must be registered before the first connection is made and run
/// for ever, else there are neither events nor keepalives.
fn run_event_loop() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        virt::error::clear_error_callback();
        if let Err(error) = virt::event::event_register_default_impl() {
            tracing::error!(%error, "Cannot register libvirt's event loop");
            return;
        }
        spawn("host-events".to_owned(), || {
            loop {
                if let Err(error) = virt::event::event_run_default_impl() {
                    tracing::error!(%error, "One turn of libvirt's event loop failed");
                    // It fails without waiting when it fails, and must not eat a processor.
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        });
    });
}

fn spawn(name: String, f: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name(name).spawn(f) {
        tracing::error!(%error, "Cannot start a thread for a host");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What libvirt's error means for the caller.
pub(super) fn failed(error: &Error) -> HostError {
    let what = error.message().to_owned();
    let lower = what.to_ascii_lowercase();
    if lower.contains("no space left on device") || lower.contains("disk quota exceeded") {
        return HostError::NoSpace { what };
    }
    match error.code().known() {
        Some(
            ErrorNumber::NoDomain
            | ErrorNumber::NoNetwork
            | ErrorNumber::NoStoragePool
            | ErrorNumber::NoStorageVolume,
        ) => HostError::NotFound { what },
        Some(ErrorNumber::OperationInvalid) => HostError::WrongState { what },
        Some(
            ErrorNumber::NoSupport
            | ErrorNumber::OperationUnsupported
            | ErrorNumber::ConfigUnsupported
            | ErrorNumber::ArgumentUnsupported,
        ) => HostError::Unsupported { what },
        _ => HostError::Failed { what },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_without_a_network_between_is_local() {
        for local in [
            "qemu:///system",
            "qemu+unix:///system?socket=/tmp/x/run/libvirt-sock",
            "test:///default",
        ] {
            assert!(is_local(local), "{local}");
        }
        for remote in [
            "qemu+tcp://host1/system",
            "qemu+tls://host1.lab/system",
            "qemu+ssh:///system",
            "qemu://host1/system",
            "",
        ] {
            assert!(!is_local(remote), "{remote}");
        }
    }

    #[test]
    fn attempts_become_rarer_up_to_a_limit() {
        for failures in 0..100 {
            assert!(back_off(failures, true) <= Duration::from_millis(3_000));
            assert!(back_off(failures, false) <= Duration::from_millis(90_000));
        }
        assert!(back_off(8, false) > back_off(1, false));
    }

    #[tokio::test]
    async fn a_host_that_is_not_there_is_reported_at_once_and_not_waited_for() {
        let (events, _) = broadcast::channel(8);
        let connection = Connection::open(
            "qemu+unix:///system?socket=/nonexistent/socket".to_owned(),
            events,
        );
        let before = std::time::Instant::now();
        let result = connection
            .call(Call::short("say its name"), |c| {
                c.hostname().map_err(|e| failed(&e))
            })
            .await;
        assert!(
            matches!(result, Err(HostError::Unreachable { .. })),
            "{result:?}"
        );
        assert!(before.elapsed() < Duration::from_secs(1));
    }
}
