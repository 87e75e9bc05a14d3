//! Block jobs of a running domain, which the safe wrapper of libvirt lacks. Carries values across
//! and decides nothing, as `events` does.

#![allow(
    unsafe_code,
    reason = "libvirt's block jobs are reached through its C interface only"
)]

use std::ffi::CString;

use virt::domain::Domain;
use virt::error::Error;
use virt_sys as sys;

/// How far a job is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    pub done: u64,
    pub total: u64,
}

/// virDomainBlockCommit: the content of `top` becomes part of `base`. `active` where `top` is what
/// the guest writes to; then the job waits to be ended by [`pivot`].
pub(super) fn commit(
    domain: &Domain,
    disk: &str,
    base: &str,
    top: &str,
    active: bool,
) -> Result<(), Error> {
    let (disk, base, top) = (CString::new(disk)?, CString::new(base)?, CString::new(top)?);
    let flags = if active {
        sys::VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
    } else {
        0
    };
    // SAFETY: the domain is alive and the strings live during the call.
    let result = unsafe {
        sys::virDomainBlockCommit(
            domain.as_ptr(),
            disk.as_ptr(),
            base.as_ptr(),
            top.as_ptr(),
            0,
            flags,
        )
    };
    if result < 0 {
        Err(Error::last_error())
    } else {
        Ok(())
    }
}

/// virDomainGetBlockJobInfo: `None` when there is no job.
pub(super) fn progress(domain: &Domain, disk: &str) -> Result<Option<Progress>, Error> {
    let disk = CString::new(disk)?;
    let mut info = sys::virDomainBlockJobInfo {
        type_: 0,
        bandwidth: 0,
        cur: 0,
        end: 0,
    };
    // SAFETY: the domain is alive, the string lives during the call, and `info` is written whole.
    let result =
        unsafe { sys::virDomainGetBlockJobInfo(domain.as_ptr(), disk.as_ptr(), &raw mut info, 0) };
    match result {
        0 => Ok(None),
        1.. => Ok(Some(Progress {
            done: info.cur,
            total: info.end,
        })),
        _ => Err(Error::last_error()),
    }
}

/// virDomainBlockJobAbort with a pivot: the guest goes on with the other end of the job.
pub(super) fn pivot(domain: &Domain, disk: &str) -> Result<(), Error> {
    let disk = CString::new(disk)?;
    // SAFETY: the domain is alive and the string lives during the call.
    let result = unsafe {
        sys::virDomainBlockJobAbort(
            domain.as_ptr(),
            disk.as_ptr(),
            sys::VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT,
        )
    };
    if result < 0 {
        Err(Error::last_error())
    } else {
        Ok(())
    }
}
