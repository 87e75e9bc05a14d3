//! Image transfers: a disk's content on its way in or out. While it goes on the disk is locked; an
//! upload becomes the disk's content only after it was looked at.
//!
//! ```text
//! initializing ─▶ transferring ◀─▶ paused ─▶ finalizing ─▶ finished_success
//!                       └────────────┴──▶ cancelled, or finished_failure: an upload's disk goes
//! ```

mod checksum;
mod data;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::model::{
    Disk, DiskContentType, DiskFormat, DiskStatus, Permit, Secret, Transfer, TransferDirection,
    TransferId, TransferPhase, TransferTimeoutPolicy,
};
use crate::operation::{Action, OperationKind, Plan, transfers_directly};
use crate::password::{digest, random_secret};
use crate::rules;
use crate::writer::Draft;

use super::disk::deleting;
use super::params::TransferAddParams;

pub use checksum::{BLOCK as CHECKSUM_BLOCK, ChecksumAlgorithm};
use data::Live;
pub use data::{Extent, TransferData};

/// Seconds without data, where nothing is said.
const INACTIVITY: u32 = 60;
/// Transfers at once.
const MOST: usize = 256;

/// Transfers that data can flow through, by the digest of their secret.
#[derive(Debug, Default)]
pub(crate) struct Transfers {
    live: Mutex<HashMap<[u8; 32], Arc<Live>>>,
}

impl Transfers {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Arc<Live>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, id: TransferId) -> Option<Arc<Live>> {
        self.lock().values().find(|live| live.id == id).cloned()
    }

    fn forget(&self, id: TransferId) -> Option<Arc<Live>> {
        let live = self.of(id)?;
        self.lock().retain(|_, other| other.id != id);
        Some(live)
    }
}

/// Bytes that may be sent for a disk: its size, and what its format needs besides.
fn limit(disk: &Disk, format: DiskFormat) -> u64 {
    match format {
        DiskFormat::Raw => disk.provisioned_size,
        DiskFormat::Cow => disk.provisioned_size + disk.provisioned_size / 32 + (16 << 20),
    }
}

fn the_transfer(draft: &Draft, caller: &Caller, id: TransferId) -> Result<Transfer> {
    let transfer = draft
        .transfers
        .get(&id)
        .ok_or_else(|| Error::not_found(id))?;
    require(draft, caller, transfer)?;
    Ok((**transfer).clone())
}

fn require(
    inventory: &crate::inventory::Inventory,
    caller: &Caller,
    transfer: &Transfer,
) -> Result<()> {
    if caller.user == transfer.owner {
        return Ok(());
    }
    access::require(
        inventory,
        caller,
        Permit::EDIT_DISK_PROPERTIES,
        transfer.disk,
    )
}

fn wrong_phase(transfer: &Transfer, verb: &str) -> Error {
    Error::conflict(format!(
        "Cannot {verb} the image transfer. It is {}.",
        transfer.phase.as_str().replace('_', " ")
    ))
}

impl Manager {
    /// Begins a transfer. Its disk is locked until it is over.
    pub async fn transfer_add(
        &self,
        caller: &Caller,
        params: TransferAddParams,
    ) -> Result<Arc<Transfer>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::EDIT_DISK_PROPERTIES, params.disk)?;
                let disk = draft
                    .disks
                    .get(&params.disk)
                    .cloned()
                    .ok_or_else(|| Error::not_found(params.disk))?;
                rules::transferable(draft, &disk).map_err(Error::conflict)?;
                if params.direction == TransferDirection::Upload {
                    rules::not_of_template(draft, &disk, "transfer Virtual Disk")
                        .map_err(Error::conflict)?;
                }
                super::check::disk_ready(&disk, "transfer Virtual Disk")?;
                if params.direction == TransferDirection::Upload && !disk.backing.is_empty() {
                    return Err(Error::conflict(
                        "Cannot transfer Virtual Disk. The disk's content stands on snapshots or a \
                         template.",
                    ));
                }
                let open = draft
                    .transfers
                    .iter()
                    .filter(|it| !is_over(it.phase))
                    .count();
                if open >= MOST {
                    return Err(Error::conflict(
                        "Cannot transfer Virtual Disk. Too many transfers are going on.",
                    ));
                }
                let format = params.format.unwrap_or(disk.format);
                if params.shallow
                    && (params.direction != TransferDirection::Download || format != disk.format)
                {
                    return Err(Error::conflict(
                        "Cannot transfer Virtual Disk. Only a download in the disk's own format can be shallow.",
                    ));
                }
                if params.vmdk
                    && (params.direction != TransferDirection::Upload
                        || disk.content_type != DiskContentType::Data)
                {
                    return Err(Error::conflict(
                        "Cannot transfer Virtual Disk. VMDK images can be uploaded to data disks only.",
                    ));
                }
                let host = draft
                    .storage_domains
                    .get(&disk.storage_domain)
                    .and_then(|domain| domain.host);
                let now = draft.now();
                let transfer = Transfer {
                    id: TransferId::random(),
                    disk: disk.id,
                    direction: params.direction,
                    format,
                    vmdk: params.vmdk,
                    shallow: params.shallow,
                    phase: TransferPhase::Initializing,
                    inactivity_timeout: params.inactivity_timeout.unwrap_or(INACTIVITY),
                    timeout_policy: params
                        .timeout_policy
                        .unwrap_or(TransferTimeoutPolicy::Legacy),
                    transferred: 0,
                    size_limit: limit(&disk, format),
                    host,
                    owner: caller.user,
                    creation_time: now,
                    last_activity: now,
                    error: None,
                };
                draft.put(transfer.clone())?;
                draft.put(Disk {
                    status: DiskStatus::Locked,
                    ..(*disk).clone()
                })?;
                let way = match params.direction {
                    TransferDirection::Upload => "Upload to",
                    TransferDirection::Download => "Download from",
                };
                let event = EventDraft::new(
                    code::TRANSFER_STARTED,
                    format!("{way} disk {} was initiated.", disk.name),
                );
                draft.event(event.disk(disk.id, draft).by(&caller, draft));
                draft.begin(
                    &caller,
                    Plan {
                        kind: OperationKind::TransferStart {
                            transfer: transfer.id,
                        },
                        description: format!("{way} Disk {}", disk.name),
                        locks: vec![disk.id.into(), transfer.id.into()],
                        objects: vec![disk.id.into()],
                        actions: vec![(
                            Action::TransferStage {
                                transfer: transfer.id,
                            },
                            "Preparing the transfer".to_owned(),
                        )],
                    },
                )?;
                Ok(Arc::new(transfer))
            })
            .await
    }

    /// The secret that stands in the address of the transfer's data.
    pub fn transfer_secret(&self, caller: &Caller, id: TransferId) -> Result<Secret> {
        let inventory = self.inventory();
        let transfer = inventory
            .transfers
            .get(&id)
            .ok_or_else(|| Error::not_found(id))?;
        require(&inventory, caller, transfer)?;
        if transfer.phase != TransferPhase::Transferring {
            return Err(wrong_phase(transfer, "use"));
        }
        if let Some(live) = self.core.transfers.of(id) {
            return Ok(live.secret.clone());
        }
        let secret = random_secret()?;
        let live = Live::new(transfer, secret.clone(), self.core.clock.monotonic());
        let mut all = self.core.transfers.lock();
        // Asked for twice at once: both get the first one's.
        if let Some(live) = all.values().find(|live| live.id == id) {
            return Ok(live.secret.clone());
        }
        all.insert(digest(secret.expose().as_bytes()), Arc::new(live));
        Ok(secret)
    }

    /// The data of a transfer, for whoever has its secret.
    pub async fn transfer_open(&self, secret: &str) -> Result<TransferData> {
        let live = self
            .core
            .transfers
            .lock()
            .get(&digest(secret.as_bytes()))
            .cloned();
        let live = live.ok_or_else(|| Error::not_found("image transfer"))?;
        let inventory = self.inventory();
        let transfer = inventory
            .transfers
            .get(&live.id)
            .ok_or_else(|| Error::not_found(live.id))?;
        if transfer.phase != TransferPhase::Transferring {
            return Err(wrong_phase(transfer, "use"));
        }
        data::open(self, live, transfer).await
    }

    /// Says that somebody is still there.
    pub async fn transfer_extend(&self, caller: &Caller, id: TransferId) -> Result<Arc<Transfer>> {
        let now = self.core.clock.monotonic();
        if let Some(live) = self.core.transfers.of(id) {
            live.touch(now);
        }
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let mut transfer = the_transfer(draft, &caller, id)?;
                transfer.last_activity = draft.now();
                draft.put(transfer.clone())?;
                Ok(Arc::new(transfer))
            })
            .await
    }

    /// Stops the data for a while.
    pub async fn transfer_pause(&self, caller: &Caller, id: TransferId) -> Result<Arc<Transfer>> {
        let transfer = self
            .transfer_phase(
                caller,
                id,
                "pause",
                &[TransferPhase::Transferring],
                TransferPhase::PausedUser,
            )
            .await?;
        self.transfer_close(id).await;
        Ok(transfer)
    }

    /// Lets the data flow again, at a new address.
    pub async fn transfer_resume(&self, caller: &Caller, id: TransferId) -> Result<Arc<Transfer>> {
        self.transfer_phase(
            caller,
            id,
            "resume",
            &[TransferPhase::PausedUser, TransferPhase::PausedSystem],
            TransferPhase::Transferring,
        )
        .await
    }

    async fn transfer_phase(
        &self,
        caller: &Caller,
        id: TransferId,
        verb: &'static str,
        from: &'static [TransferPhase],
        to: TransferPhase,
    ) -> Result<Arc<Transfer>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let mut transfer = the_transfer(draft, &caller, id)?;
                if !from.contains(&transfer.phase) {
                    return Err(wrong_phase(&transfer, verb));
                }
                transfer.phase = to;
                transfer.last_activity = draft.now();
                draft.put(transfer.clone())?;
                Ok(Arc::new(transfer))
            })
            .await
    }

    /// Ends the flow of data for good, after what is being written now.
    async fn transfer_close(&self, id: TransferId) -> u64 {
        match self.core.transfers.forget(id) {
            Some(live) => live.close().await,
            None => 0,
        }
    }

    /// Gives a transfer up. The disk of an upload goes with it.
    pub async fn transfer_cancel(&self, caller: &Caller, id: TransferId) -> Result<Arc<Transfer>> {
        let who = caller.clone();
        let transfer = self
            .core
            .writer
            .apply(move |draft| {
                let mut transfer = the_transfer(draft, &who, id)?;
                if !is_open(transfer.phase) {
                    return Err(wrong_phase(&transfer, "cancel"));
                }
                transfer.phase = TransferPhase::FinalizingCleanup;
                draft.put(transfer.clone())?;
                let mut actions = Vec::new();
                if transfer.direction == TransferDirection::Upload
                    && let Some(disk) = draft.disks.get(&transfer.disk)
                {
                    actions.extend(deleting(draft, disk));
                }
                end(
                    draft,
                    &who,
                    &transfer,
                    OperationKind::TransferCancel { transfer: id },
                    actions,
                    "Cancelling",
                )?;
                Ok(Arc::new(transfer))
            })
            .await?;
        self.transfer_close(id).await;
        Ok(transfer)
    }

    /// Ends a transfer: an upload is looked at and becomes its disk's content.
    pub async fn transfer_finalize(
        &self,
        caller: &Caller,
        id: TransferId,
    ) -> Result<Arc<Transfer>> {
        // First nothing flows any more, so that what is looked at stays as it is.
        let inventory = self.inventory();
        let transfer = inventory
            .transfers
            .get(&id)
            .ok_or_else(|| Error::not_found(id))?;
        require(&inventory, caller, transfer)?;
        if !is_open(transfer.phase) {
            return Err(wrong_phase(transfer, "finalize"));
        }
        let passed = self.transfer_close(id).await;
        let who = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let mut transfer = the_transfer(draft, &who, id)?;
                if !is_open(transfer.phase) {
                    return Err(wrong_phase(&transfer, "finalize"));
                }
                transfer.phase = TransferPhase::FinalizingSuccess;
                transfer.transferred = transfer.transferred.max(passed);
                draft.put(transfer.clone())?;
                let actions = match transfer.direction {
                    TransferDirection::Upload => vec![(
                        Action::UploadInstall { transfer: id },
                        "Checking the uploaded image".to_owned(),
                    )],
                    TransferDirection::Download => Vec::new(),
                };
                end(
                    draft,
                    &who,
                    &transfer,
                    OperationKind::TransferFinish { transfer: id },
                    actions,
                    "Finalizing",
                )?;
                Ok(Arc::new(transfer))
            })
            .await
    }

    /// Writes down how far transfers are, applies their time-outs, and forgets those that are
    /// over.
    pub(crate) async fn transfers_sweep(&self) -> Result<()> {
        let inventory = self.inventory();
        let monotonic = self.core.clock.monotonic();
        let now = self.core.clock.now();
        let kept = self.core.timeouts.job_kept;
        for transfer in inventory.transfers.iter() {
            let id = transfer.id;
            if is_over(transfer.phase) {
                let age = now.0.saturating_sub(transfer.last_activity.0);
                if age > i64::try_from(kept.as_millis()).unwrap_or(i64::MAX) {
                    self.core
                        .writer
                        .apply(move |draft| {
                            draft.remove(id);
                            Ok(())
                        })
                        .await?;
                }
                continue;
            }
            if transfer.phase != TransferPhase::Transferring {
                continue;
            }
            let live = self.core.transfers.of(id);
            let passed = live
                .as_ref()
                .map_or(transfer.transferred, |live| live.passed());
            if passed != transfer.transferred {
                self.core
                    .writer
                    .apply(move |draft| {
                        let Some(transfer) = draft.transfers.get(&id) else {
                            return Ok(());
                        };
                        let mut transfer = (**transfer).clone();
                        transfer.transferred = passed;
                        transfer.last_activity = draft.now();
                        draft.put(transfer)
                    })
                    .await?;
                continue;
            }
            let idle = match &live {
                Some(live) => live.idle(monotonic),
                None => Duration::from_millis(
                    u64::try_from(now.0.saturating_sub(transfer.last_activity.0)).unwrap_or(0),
                ),
            };
            let allowed = Duration::from_secs(u64::from(transfer.inactivity_timeout));
            if transfer.inactivity_timeout == 0 || idle < allowed {
                continue;
            }
            let pause = match transfer.timeout_policy {
                TransferTimeoutPolicy::Pause => true,
                TransferTimeoutPolicy::Cancel => false,
                TransferTimeoutPolicy::Legacy => transfer.direction == TransferDirection::Upload,
            };
            let system = Caller::system();
            let outcome = if pause {
                let paused = self
                    .transfer_phase(
                        &system,
                        id,
                        "pause",
                        &[TransferPhase::Transferring],
                        TransferPhase::PausedSystem,
                    )
                    .await;
                self.transfer_close(id).await;
                paused
            } else {
                self.transfer_cancel(&system, id).await
            };
            if let Err(error) = outcome {
                tracing::warn!(%id, %error, "A transfer that nobody feeds could not be stopped");
            }
        }
        Ok(())
    }
}

/// Whether data flows, or could again.
fn is_open(phase: TransferPhase) -> bool {
    matches!(
        phase,
        TransferPhase::Transferring | TransferPhase::PausedUser | TransferPhase::PausedSystem
    )
}

/// Whether nothing will happen any more.
fn is_over(phase: TransferPhase) -> bool {
    matches!(
        phase,
        TransferPhase::FinishedSuccess
            | TransferPhase::FinishedFailure
            | TransferPhase::FinishedCleanup
            | TransferPhase::Cancelled
            | TransferPhase::CancelledUser
            | TransferPhase::CancelledSystem
    )
}

fn end(
    draft: &mut Draft,
    caller: &Caller,
    transfer: &Transfer,
    kind: OperationKind,
    mut actions: Vec<(Action, String)>,
    verb: &str,
) -> Result<()> {
    let disk = draft
        .disks
        .get(&transfer.disk)
        .cloned()
        .ok_or_else(|| Error::not_found(transfer.disk))?;
    if !transfers_directly(&disk, transfer) {
        actions.push((
            Action::TransferClean {
                transfer: transfer.id,
            },
            "Cleaning up".to_owned(),
        ));
    }
    draft
        .begin(
            caller,
            Plan {
                kind,
                description: format!("{verb} the image transfer of Disk {}", disk.name),
                locks: vec![disk.id.into(), transfer.id.into()],
                objects: vec![disk.id.into()],
                actions,
            },
        )
        .map(|_| ())
}
