//! Work on the disks of a running guest that the safe wrapper of libvirt lacks: copying a disk
//! under it, letting it go on with the copy, and limits of throughput. Decides nothing.

#![allow(
    unsafe_code,
    reason = "one of the two modules that speak to libvirt's C interface"
)]

use std::ffi::{CString, c_int, c_uint};
use std::mem::MaybeUninit;
use std::ptr;

use virt::domain::Domain;
use virt::error::Error;
use virt_sys as sys;

use super::connection::failed;
use crate::host::HostError;

/// A job on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockJob {
    /// How much is done.
    pub done: u64,
    /// Of how much. Both are equal when a copy is complete and kept so.
    pub of: u64,
}

fn text(value: &str) -> Result<CString, HostError> {
    CString::new(value).map_err(|_| HostError::Invalid {
        field: "disk",
        reason: "must have no NUL in it".to_owned(),
    })
}

fn checked(result: c_int) -> Result<c_int, HostError> {
    if result < 0 {
        Err(failed(&Error::last_error()))
    } else {
        Ok(result)
    }
}

/// Begins to copy a disk to what `destination`, a `<disk>` element, describes.
pub(super) fn copy(
    domain: &Domain,
    target: &str,
    destination: &str,
    flags: c_uint,
) -> Result<(), HostError> {
    let (target, destination) = (text(target)?, text(destination)?);
    // SAFETY: the domain's pointer is valid while `domain` lives, both strings end with NUL and
    // live until the call returns, and no parameters are passed.
    let result = unsafe {
        sys::virDomainBlockCopy(
            domain.as_ptr(),
            target.as_ptr(),
            destination.as_ptr(),
            ptr::null_mut(),
            0,
            flags,
        )
    };
    checked(result).map(|_| ())
}

/// The job on a disk, if there is one.
pub(super) fn job(domain: &Domain, target: &str) -> Result<Option<BlockJob>, HostError> {
    let target = text(target)?;
    let mut info = MaybeUninit::<sys::virDomainBlockJobInfo>::zeroed();
    // SAFETY: as above; `info` is large enough, and is read only where libvirt says that it has
    // filled it.
    let result = unsafe {
        sys::virDomainGetBlockJobInfo(domain.as_ptr(), target.as_ptr(), info.as_mut_ptr(), 0)
    };
    if checked(result)? == 0 {
        return Ok(None);
    }
    // SAFETY: filled, and zeroed before that.
    let info = unsafe { info.assume_init() };
    Ok(Some(BlockJob {
        done: info.cur,
        of: info.end,
    }))
}

/// Ends the job on a disk: gives it up, or with the flag for it lets the guest go on with the copy.
pub(super) fn end(domain: &Domain, target: &str, flags: c_uint) -> Result<(), HostError> {
    let target = text(target)?;
    // SAFETY: as above.
    let result = unsafe { sys::virDomainBlockJobAbort(domain.as_ptr(), target.as_ptr(), flags) };
    checked(result).map(|_| ())
}

/// Sets limits of a disk's throughput by libvirt's names.
pub(super) fn limit(
    domain: &Domain,
    target: &str,
    limits: &[(&'static str, u64)],
    flags: c_uint,
) -> Result<(), HostError> {
    let target = text(target)?;
    let names = limits
        .iter()
        .map(|(name, _)| text(name))
        .collect::<Result<Vec<_>, _>>()?;
    let mut parameters: sys::virTypedParameterPtr = ptr::null_mut();
    let (mut count, mut room): (c_int, c_int) = (0, 0);
    let mut result = 0;
    for (name, (_, value)) in names.iter().zip(limits) {
        // SAFETY: the list is libvirt's own, with its count and room kept beside it; the name ends
        // with NUL.
        result = unsafe {
            sys::virTypedParamsAddULLong(
                &raw mut parameters,
                &raw mut count,
                &raw mut room,
                name.as_ptr(),
                *value,
            )
        };
        if result < 0 {
            break;
        }
    }
    if result >= 0 {
        // SAFETY: as above.
        result = unsafe {
            sys::virDomainSetBlockIoTune(domain.as_ptr(), target.as_ptr(), parameters, count, flags)
        };
    }
    let outcome = checked(result).map(|_| ());
    // SAFETY: made by libvirt above, and not used any more. An empty list is a null pointer, which
    // it takes.
    unsafe { sys::virTypedParamsFree(parameters, count) };
    outcome
}
