//! What the safe wrapper of libvirt lacks: event callbacks, bulk statistics that are freed, node
//! statistics, the XML of a saved state, aborting a job, and a descriptor as an `OwnedFd`. The one
//! module with `unsafe`; it decides nothing, it only carries values across.
//!
//! Callbacks run on the thread of libvirt's event loop. They post to bounded queues and return:
//! they never call libvirt in a way that waits, never block and never unwind into C.

#![allow(
    unsafe_code,
    reason = "the one module that speaks to libvirt's C interface"
)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::os::fd::{FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::{broadcast, mpsc};
use uuid::Uuid;
use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::Error;
use virt_sys as sys;

use super::domain_facts::id_of_alias;
use super::kvm::PROBE_NAME;
use crate::host::{DomainState, GraphicsPhase, HostEvent, OffReason, PauseReason};

/// Where callbacks post to.
pub(super) struct Sink {
    /// What happened to domains.
    pub events: broadcast::Sender<HostEvent>,
    /// The connection is gone, and why. Holds one message; further ones say the same.
    pub lost: mpsc::Sender<String>,
}

/// Callbacks registered on a connection. Dropping it takes them back, which may wait for the host:
/// drop it on a thread that may wait.
pub(super) struct Registration {
    connection: Connect,
    callbacks: Vec<c_int>,
    close: bool,
}

impl Registration {
    /// Registers for the loss of the connection, and for what happens to domains if `domains`.
    /// Events that this hypervisor does not have are left out.
    pub fn new(connection: &Connect, sink: Sink, domains: bool) -> Result<Self, Error> {
        let sink = Arc::new(sink);
        let mut registration = Self {
            connection: connection.clone(),
            callbacks: Vec::new(),
            close: false,
        };
        if domains {
            registration.register(
                sys::VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                lifecycle as *const (),
                &sink,
            )?;
            let others = [
                (sys::VIR_DOMAIN_EVENT_ID_REBOOT, reboot as *const ()),
                (sys::VIR_DOMAIN_EVENT_ID_GRAPHICS, graphics as *const ()),
                (
                    sys::VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE,
                    agent_lifecycle as *const (),
                ),
                (
                    sys::VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
                    device_removed as *const (),
                ),
            ];
            for (event, callback) in others {
                if let Err(error) = registration.register(event, callback, &sink) {
                    tracing::debug!(%error, event, "Host has no such event");
                }
            }
        }
        registration.close = {
            let opaque = Arc::into_raw(sink).cast_mut().cast::<c_void>();
            // SAFETY: the connection is alive; `closed` has the type that libvirt calls; `opaque`
            // is an Arc that `release` gives back exactly once, when libvirt drops the callback.
            let result = unsafe {
                sys::virConnectRegisterCloseCallback(
                    connection.as_ptr(),
                    Some(closed),
                    opaque,
                    Some(release),
                )
            };
            if result < 0 {
                // SAFETY: on failure libvirt has not kept `opaque`, so this is its only owner.
                drop(unsafe { Arc::from_raw(opaque.cast_const().cast::<Sink>()) });
            }
            result >= 0
        };
        Ok(registration)
    }

    /// `callback` must be one of the functions below that has the signature which libvirt
    /// documents for `event`.
    fn register(
        &mut self,
        event: sys::virDomainEventID,
        callback: *const (),
        sink: &Arc<Sink>,
    ) -> Result<(), Error> {
        let opaque = Arc::into_raw(Arc::clone(sink)).cast_mut().cast::<c_void>();
        let Ok(event) = c_int::try_from(event) else {
            return Ok(());
        };
        // SAFETY: libvirt takes every callback as a generic function pointer and casts it back to
        // the event's own type before calling; function pointers have one size.
        let callback = unsafe {
            std::mem::transmute::<*const (), sys::virConnectDomainEventGenericCallback>(callback)
        };
        // SAFETY: the connection is alive; null means all domains; `opaque` is an Arc that
        // `release` gives back exactly once.
        let id = unsafe {
            sys::virConnectDomainEventRegisterAny(
                self.connection.as_ptr(),
                std::ptr::null_mut(),
                event,
                callback,
                opaque,
                Some(release),
            )
        };
        if id < 0 {
            let error = Error::last_error();
            // SAFETY: on failure libvirt has not kept `opaque`, so this is its only owner.
            drop(unsafe { Arc::from_raw(opaque.cast_const().cast::<Sink>()) });
            return Err(error);
        }
        self.callbacks.push(id);
        Ok(())
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        for id in self.callbacks.drain(..) {
            // SAFETY: the connection is alive (we hold it) and the id came from it. Failure means
            // that the callback is gone already.
            unsafe { sys::virConnectDomainEventDeregisterAny(self.connection.as_ptr(), id) };
        }
        if self.close {
            // SAFETY: as above; the same function was registered.
            unsafe {
                sys::virConnectUnregisterCloseCallback(self.connection.as_ptr(), Some(closed))
            };
        }
    }
}

/// Gives back the callback's share of the sink.
unsafe extern "C" fn release(opaque: *mut c_void) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: `opaque` came from `Arc::into_raw` and libvirt calls this once for it.
        drop(unsafe { Arc::from_raw(opaque.cast_const().cast::<Sink>()) });
    }));
}

/// Runs `f` with the sink, if there is one; nothing unwinds out of here.
///
/// # Safety
/// `opaque` must be null or what was registered, not yet released.
unsafe fn with_sink(opaque: *mut c_void, f: impl FnOnce(&Sink)) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: promised by the caller; libvirt holds the share during the call.
        if let Some(sink) = unsafe { opaque.cast_const().cast::<Sink>().as_ref() } {
            f(sink);
        }
    }));
}

/// The UUID of a domain, unless it is one of our own probes.
///
/// # Safety
/// `domain` must be null or valid during the call.
unsafe fn id_of(domain: sys::virDomainPtr) -> Option<Uuid> {
    if domain.is_null() {
        return None;
    }
    // SAFETY: valid as promised. Name and UUID are fields of the object: nobody is asked.
    let name = unsafe { sys::virDomainGetName(domain) };
    // SAFETY: null or a C string that lives as long as the domain.
    if unsafe { text(name) }.starts_with(PROBE_NAME) {
        return None;
    }
    let mut uuid = [0u8; 16];
    // SAFETY: libvirt writes VIR_UUID_BUFLEN = 16 bytes.
    let result = unsafe { sys::virDomainGetUUID(domain, uuid.as_mut_ptr()) };
    (result == 0).then(|| Uuid::from_bytes(uuid))
}

/// VIR_DOMAIN_EVENT_ID_LIFECYCLE
unsafe extern "C" fn lifecycle(
    _connection: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    event: c_int,
    detail: c_int,
    opaque: *mut c_void,
) -> c_int {
    // SAFETY: libvirt gives a domain that is valid during the call, and what we registered.
    unsafe {
        with_sink(opaque, |sink| {
            if let Some(event) = id_of(domain).and_then(|id| lifecycle_event(id, event, detail)) {
                let _ = sink.events.send(event);
            }
        });
    }
    0
}

fn lifecycle_event(id: Uuid, event: c_int, detail: c_int) -> Option<HostEvent> {
    let (event, detail) = (u32::try_from(event).ok()?, u32::try_from(detail).ok()?);
    let state = match event {
        sys::VIR_DOMAIN_EVENT_DEFINED => return Some(HostEvent::Defined { id }),
        sys::VIR_DOMAIN_EVENT_UNDEFINED => return Some(HostEvent::Undefined { id }),
        sys::VIR_DOMAIN_EVENT_STARTED | sys::VIR_DOMAIN_EVENT_RESUMED => DomainState::Running,
        sys::VIR_DOMAIN_EVENT_SUSPENDED => DomainState::Paused(match detail {
            sys::VIR_DOMAIN_EVENT_SUSPENDED_PAUSED => PauseReason::Asked,
            sys::VIR_DOMAIN_EVENT_SUSPENDED_IOERROR => PauseReason::IoError,
            sys::VIR_DOMAIN_EVENT_SUSPENDED_WATCHDOG => PauseReason::Watchdog,
            sys::VIR_DOMAIN_EVENT_SUSPENDED_RESTORED => PauseReason::Starting,
            _ => PauseReason::Other,
        }),
        sys::VIR_DOMAIN_EVENT_STOPPED => DomainState::Off(match detail {
            sys::VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN => OffReason::Shutdown,
            sys::VIR_DOMAIN_EVENT_STOPPED_DESTROYED => OffReason::Destroyed,
            sys::VIR_DOMAIN_EVENT_STOPPED_CRASHED => OffReason::Crashed,
            sys::VIR_DOMAIN_EVENT_STOPPED_MIGRATED => OffReason::Migrated,
            sys::VIR_DOMAIN_EVENT_STOPPED_SAVED => OffReason::Saved,
            sys::VIR_DOMAIN_EVENT_STOPPED_FAILED => OffReason::Failed,
            _ => OffReason::Unknown,
        }),
        sys::VIR_DOMAIN_EVENT_SHUTDOWN => DomainState::ShuttingDown,
        sys::VIR_DOMAIN_EVENT_PMSUSPENDED => DomainState::Sleeping,
        sys::VIR_DOMAIN_EVENT_CRASHED => DomainState::Crashed,
        _ => return None,
    };
    Some(HostEvent::Domain { id, state })
}

/// VIR_DOMAIN_EVENT_ID_REBOOT
unsafe extern "C" fn reboot(
    _connection: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    opaque: *mut c_void,
) {
    // SAFETY: as in `lifecycle`.
    unsafe {
        with_sink(opaque, |sink| {
            if let Some(id) = id_of(domain) {
                let _ = sink.events.send(HostEvent::Rebooted { id });
            }
        });
    }
}

/// VIR_DOMAIN_EVENT_ID_GRAPHICS
unsafe extern "C" fn graphics(
    _connection: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    phase: c_int,
    _local: *const sys::virDomainEventGraphicsAddress,
    remote: *const sys::virDomainEventGraphicsAddress,
    _auth_scheme: *const c_char,
    _subject: *const sys::virDomainEventGraphicsSubject,
    opaque: *mut c_void,
) {
    // SAFETY: as in `lifecycle`; the address and its strings are valid during the call.
    unsafe {
        with_sink(opaque, |sink| {
            let phase = match phase {
                0 => GraphicsPhase::Connected,
                1 => GraphicsPhase::Initialized,
                2 => GraphicsPhase::Disconnected,
                _ => return,
            };
            let client = match remote.as_ref() {
                Some(remote) => text(remote.node),
                None => String::new(),
            };
            if let Some(id) = id_of(domain) {
                let _ = sink.events.send(HostEvent::Graphics { id, phase, client });
            }
        });
    }
}

/// VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE
unsafe extern "C" fn agent_lifecycle(
    _connection: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    state: c_int,
    _reason: c_int,
    opaque: *mut c_void,
) {
    // SAFETY: as in `lifecycle`.
    unsafe {
        with_sink(opaque, |sink| {
            let open = sys::VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED;
            let connected = u32::try_from(state).is_ok_and(|state| state == open);
            if let Some(id) = id_of(domain) {
                let _ = sink.events.send(HostEvent::Agent { id, connected });
            }
        });
    }
}

/// VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED
unsafe extern "C" fn device_removed(
    _connection: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    alias: *const c_char,
    opaque: *mut c_void,
) {
    // SAFETY: as in `lifecycle`; the alias is valid during the call.
    unsafe {
        with_sink(opaque, |sink| {
            if let (Some(id), Some(device)) = (id_of(domain), id_of_alias(&text(alias))) {
                let _ = sink.events.send(HostEvent::DeviceRemoved { id, device });
            }
        });
    }
}

/// virConnectCloseFunc
unsafe extern "C" fn closed(_connection: sys::virConnectPtr, reason: c_int, opaque: *mut c_void) {
    // SAFETY: libvirt gives what we registered.
    unsafe {
        with_sink(opaque, |sink| {
            let reason = match u32::try_from(reason) {
                Ok(sys::VIR_CONNECT_CLOSE_REASON_EOF) => "the host has closed the connection",
                Ok(sys::VIR_CONNECT_CLOSE_REASON_KEEPALIVE) => "the host has stopped answering",
                Ok(sys::VIR_CONNECT_CLOSE_REASON_CLIENT) => "the connection was closed",
                _ => "the connection has failed",
            };
            let _ = sink.lost.try_send(reason.to_owned());
        });
    }
}

/// A C string as text, empty when there is none.
///
/// # Safety
/// `string` must be null or a C string that is valid during the call.
unsafe fn text(string: *const c_char) -> String {
    if string.is_null() {
        return String::new();
    }
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(string) }
        .to_string_lossy()
        .into_owned()
}

/// The text in a fixed field, up to its first NUL.
fn field(name: &[c_char]) -> String {
    let bytes: Vec<u8> = name
        .iter()
        .take_while(|c| **c != 0)
        .map(|c| c.to_ne_bytes()[0])
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Figures of one domain as libvirt names them, integers only.
pub(super) struct RawStatistics {
    /// The domain's UUID.
    pub id: Uuid,
    /// `cpu.time`, `balloon.current`, `net.0.rx.bytes` …
    pub values: Vec<(String, u64)>,
    /// `net.0.name`, `block.0.name`, `block.0.path`.
    pub names: Vec<(String, String)>,
}

/// virConnectGetAllDomainStats for active domains, without waiting for those that are busy.
pub(super) fn bulk_statistics(connection: &Connect) -> Result<Vec<RawStatistics>, Error> {
    let groups = sys::VIR_DOMAIN_STATS_STATE
        | sys::VIR_DOMAIN_STATS_CPU_TOTAL
        | sys::VIR_DOMAIN_STATS_BALLOON
        | sys::VIR_DOMAIN_STATS_VCPU
        | sys::VIR_DOMAIN_STATS_INTERFACE
        | sys::VIR_DOMAIN_STATS_BLOCK;
    let active = sys::VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE;
    let mut records: *mut sys::virDomainStatsRecordPtr = std::ptr::null_mut();
    // SAFETY: the connection is alive; libvirt writes the address of an array that we free below.
    let mut count = unsafe {
        let flags = active | sys::VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT;
        sys::virConnectGetAllDomainStats(connection.as_ptr(), groups, &mut records, flags)
    };
    if count < 0 {
        // Some drivers do not know how not to wait.
        // SAFETY: as above; after a failure there is nothing to free.
        count = unsafe {
            sys::virConnectGetAllDomainStats(connection.as_ptr(), groups, &mut records, active)
        };
    }
    let Ok(count) = usize::try_from(count) else {
        return Err(Error::last_error());
    };
    if records.is_null() {
        return Ok(Vec::new());
    }
    let mut all = Vec::with_capacity(count);
    for index in 0..count {
        // SAFETY: libvirt has written `count` valid pointers to records.
        let Some(record) = (unsafe { (*records.add(index)).as_ref() }) else {
            continue;
        };
        // SAFETY: the record's domain is valid as long as the record.
        let Some(id) = (unsafe { id_of(record.dom) }) else {
            continue;
        };
        let parameters = match usize::try_from(record.nparams) {
            // SAFETY: the record has `nparams` parameters, alive until the list is freed.
            Ok(n) if n > 0 && !record.params.is_null() => unsafe {
                std::slice::from_raw_parts(record.params, n)
            },
            _ => &[],
        };
        let values = parameters
            .iter()
            .filter_map(|p| Some((field(&p.field), integer(p)?)))
            .collect();
        let names = parameters
            .iter()
            // SAFETY: the parameter is alive until the list is freed.
            .filter_map(|p| Some((field(&p.field), unsafe { string(p) }?)))
            .filter(|(name, _)| name.ends_with(".name") || name.ends_with(".path"))
            .collect();
        all.push(RawStatistics { id, values, names });
    }
    // SAFETY: the list came from virConnectGetAllDomainStats and nothing of it is kept.
    unsafe { sys::virDomainStatsRecordListFree(records) };
    Ok(all)
}

/// The value of a parameter if it is a text.
///
/// # Safety
/// The parameter must be one that libvirt has filled in and not yet freed.
unsafe fn string(parameter: &sys::virTypedParameter) -> Option<String> {
    if u32::try_from(parameter.type_).ok()? != sys::VIR_TYPED_PARAM_STRING {
        return None;
    }
    // SAFETY: `type_` says that the union holds a C string, which libvirt owns.
    Some(unsafe { text(parameter.value.s) })
}

/// The value of a parameter if it is a whole number and not negative.
fn integer(parameter: &sys::virTypedParameter) -> Option<u64> {
    let value = &parameter.value;
    // SAFETY: `type_` says which member of the union libvirt has written.
    unsafe {
        match u32::try_from(parameter.type_).ok()? {
            sys::VIR_TYPED_PARAM_INT => u64::try_from(value.i).ok(),
            sys::VIR_TYPED_PARAM_UINT => Some(u64::from(value.ui)),
            sys::VIR_TYPED_PARAM_LLONG => u64::try_from(value.l).ok(),
            sys::VIR_TYPED_PARAM_ULLONG => Some(value.ul),
            sys::VIR_TYPED_PARAM_BOOLEAN => Some(u64::from(value.b != 0)),
            _ => None,
        }
    }
}

/// virNodeGetMemoryStats for the whole node: `total`, `free`, `buffers`, `cached` …, in KiB.
pub(super) fn node_memory(connection: &Connect) -> Result<Vec<(String, u64)>, Error> {
    let mut count: c_int = 0;
    let all = sys::VIR_NODE_MEMORY_STATS_ALL_CELLS;
    // SAFETY: asking with no space writes only how much is needed.
    if unsafe {
        sys::virNodeGetMemoryStats(
            connection.as_ptr(),
            all,
            std::ptr::null_mut(),
            &mut count,
            0,
        )
    } < 0
    {
        return Err(Error::last_error());
    }
    let mut values = vec![
        sys::virNodeMemoryStats {
            field: [0; 80],
            value: 0
        };
        usize::try_from(count).unwrap_or(0).min(64)
    ];
    count = c_int::try_from(values.len()).unwrap_or(0);
    // SAFETY: there is space for `count` values.
    if unsafe {
        sys::virNodeGetMemoryStats(connection.as_ptr(), all, values.as_mut_ptr(), &mut count, 0)
    } < 0
    {
        return Err(Error::last_error());
    }
    Ok(values
        .iter()
        .take(usize::try_from(count).unwrap_or(0))
        .map(|v| (field(&v.field), v.value))
        .collect())
}

/// virNodeGetCPUStats for all processors together: `user`, `kernel`, `idle`, `iowait` in ns.
pub(super) fn node_cpu(connection: &Connect) -> Result<Vec<(String, u64)>, Error> {
    let mut count: c_int = 0;
    let all = sys::VIR_NODE_CPU_STATS_ALL_CPUS;
    // SAFETY: asking with no space writes only how much is needed.
    if unsafe {
        sys::virNodeGetCPUStats(
            connection.as_ptr(),
            all,
            std::ptr::null_mut(),
            &mut count,
            0,
        )
    } < 0
    {
        return Err(Error::last_error());
    }
    let mut values = vec![
        sys::virNodeCPUStats {
            field: [0; 80],
            value: 0
        };
        usize::try_from(count).unwrap_or(0).min(64)
    ];
    count = c_int::try_from(values.len()).unwrap_or(0);
    // SAFETY: there is space for `count` values.
    if unsafe {
        sys::virNodeGetCPUStats(connection.as_ptr(), all, values.as_mut_ptr(), &mut count, 0)
    } < 0
    {
        return Err(Error::last_error());
    }
    Ok(values
        .iter()
        .take(usize::try_from(count).unwrap_or(0))
        .map(|v| (field(&v.field), v.value))
        .collect())
}

/// virDomainManagedSaveGetXMLDesc with its secrets, as it is to be given back.
pub(super) fn saved_xml(domain: &Domain) -> Result<String, Error> {
    // SAFETY: the domain is alive; the answer is a C string that is ours to free.
    unsafe {
        let xml = sys::virDomainManagedSaveGetXMLDesc(
            domain.as_ptr(),
            sys::VIR_DOMAIN_SAVE_IMAGE_XML_SECURE,
        );
        if xml.is_null() {
            return Err(Error::last_error());
        }
        let copy = text(xml);
        free(xml.cast());
        Ok(copy)
    }
}

/// virDomainManagedSaveDefineXML
pub(super) fn set_saved_xml(domain: &Domain, xml: &str) -> Result<(), Error> {
    let xml = CString::new(xml)?;
    // SAFETY: the domain is alive and the string lives during the call.
    let result = unsafe { sys::virDomainManagedSaveDefineXML(domain.as_ptr(), xml.as_ptr(), 0) };
    if result < 0 {
        Err(Error::last_error())
    } else {
        Ok(())
    }
}

/// virDomainAbortJob
pub(super) fn abort_job(domain: &Domain) -> Result<(), Error> {
    // SAFETY: the domain is alive.
    let result = unsafe { sys::virDomainAbortJob(domain.as_ptr()) };
    if result < 0 {
        Err(Error::last_error())
    } else {
        Ok(())
    }
}

/// virDomainOpenGraphicsFD without authentication. Only over a UNIX socket: any other transport
/// cannot pass descriptors, and libvirt then closes the whole connection.
pub(super) fn open_graphics(domain: &Domain, index: u32) -> Result<OwnedFd, Error> {
    // SAFETY: the domain is alive.
    let fd = unsafe {
        sys::virDomainOpenGraphicsFD(
            domain.as_ptr(),
            index,
            sys::VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH,
        )
    };
    if fd < 0 {
        return Err(Error::last_error());
    }
    // SAFETY: libvirt has given the descriptor to us and keeps no copy.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

unsafe extern "C" {
    /// free(3): libvirt's strings come from malloc.
    fn free(pointer: *mut c_void);
}
