//! What operations are for.

use serde::{Deserialize, Serialize};

use crate::model::{
    DiskAttachment, DiskId, NicId, SnapshotId, StorageDomainId, TemplateId, TransferId, VmId,
};

/// What an operation is for: decides what its success and its failure mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum OperationKind {
    /// Makes a VM's disks.
    VmAdd {
        /// The VM.
        vm: VmId,
    },
    /// Starts a VM, or restores it from its saved memory.
    VmStart {
        /// The VM.
        vm: VmId,
    },
    /// Ends a VM at once.
    VmStop {
        /// The VM.
        vm: VmId,
    },
    /// Asks a VM's guest to end.
    VmShutdown {
        /// The VM.
        vm: VmId,
    },
    /// Asks a VM's guest to restart.
    VmReboot {
        /// The VM.
        vm: VmId,
    },
    /// Restarts a VM at once.
    VmReset {
        /// The VM.
        vm: VmId,
    },
    /// Saves a VM's memory and ends it.
    VmSuspend {
        /// The VM.
        vm: VmId,
    },
    /// Removes a VM and its disks.
    VmRemove {
        /// The VM.
        vm: VmId,
    },
    /// Makes a disk, attached or not.
    DiskAdd {
        /// The disk.
        disk: DiskId,
        /// The VM that it is attached to.
        vm: Option<VmId>,
    },
    /// Removes a disk.
    DiskRemove {
        /// The disk.
        disk: DiskId,
    },
    /// Makes a disk larger.
    DiskResize {
        /// The disk.
        disk: DiskId,
        /// Bytes it shall have.
        size: u64,
    },
    /// Makes a copy of a disk.
    DiskCopy {
        /// The new disk.
        disk: DiskId,
    },
    /// Plugs devices into a running VM, or takes them out.
    DevicesChange {
        /// The VM.
        vm: VmId,
        /// What the event says.
        summary: String,
        /// Disks that are detached when it is done.
        remove_disks: Vec<DiskId>,
        /// Interfaces that are removed when it is done.
        remove_nics: Vec<NicId>,
    },
    /// Changes the CD of a running VM.
    CdChange {
        /// The VM.
        vm: VmId,
        /// The new CD; none means ejected.
        disk: Option<DiskId>,
    },
    /// Prepares an image transfer.
    TransferStart {
        /// The transfer.
        transfer: TransferId,
    },
    /// Checks an uploaded image and makes it its disk's content, or ends a download.
    TransferFinish {
        /// The transfer.
        transfer: TransferId,
    },
    /// Gives an image transfer up.
    TransferCancel {
        /// The transfer.
        transfer: TransferId,
    },
    /// Moves a disk to another storage domain.
    DiskMove {
        /// The disk.
        disk: DiskId,
        /// Where it was.
        from: StorageDomainId,
        /// Where it will be.
        to: StorageDomainId,
    },
    /// Writes a disk's content in another format.
    DiskConvert {
        /// The disk.
        disk: DiskId,
    },
    /// Gives a disk's unused space back.
    DiskSparsify {
        /// The disk.
        disk: DiskId,
    },
    /// Writes a VM into an OVA file.
    VmExport {
        /// The VM.
        vm: VmId,
        /// The file.
        name: String,
        /// Its disks, whose content is read.
        disks: Vec<DiskId>,
    },
    /// Gives a running VM processors and memory, or takes processors away.
    VmHotPlug {
        /// The VM.
        vm: VmId,
        /// Sockets it shall have.
        sockets: Option<u32>,
        /// Bytes of memory it shall have.
        memory: Option<u64>,
    },
    /// Makes an external VM ours.
    VmAdopt {
        /// The VM.
        vm: VmId,
        /// What it was called.
        name: String,
    },
    /// Lets a guest's file systems hold still.
    VmFreeze {
        /// The VM.
        vm: VmId,
    },
    /// Lets a guest's file systems go on.
    VmThaw {
        /// The VM.
        vm: VmId,
    },
    /// Lets a paused VM go on.
    VmResume {
        /// The VM.
        vm: VmId,
    },
    /// Makes a template's disks from a VM's.
    TemplateAdd {
        /// The template.
        template: TemplateId,
        /// The VM.
        vm: VmId,
    },
    /// Removes a template and its disks.
    TemplateRemove {
        /// The template.
        template: TemplateId,
    },
    /// Makes a VM's disks anew from the newest version of its template.
    VmRefresh {
        /// The VM.
        vm: VmId,
        /// The version.
        template: TemplateId,
        /// What the VM has when it is done.
        disks: Vec<DiskAttachment>,
    },
    /// Takes a snapshot.
    SnapshotAdd {
        /// The VM.
        vm: VmId,
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// Removes a snapshot: what it keeps becomes part of what stands on it.
    SnapshotRemove {
        /// The VM.
        vm: VmId,
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// Shows a VM as it was; what it is now is kept beside.
    SnapshotPreview {
        /// The VM.
        vm: VmId,
        /// The snapshot.
        snapshot: SnapshotId,
        /// What the VM is now.
        before: SnapshotId,
    },
    /// Ends a preview: the VM is again what it was before.
    SnapshotUndo {
        /// The VM.
        vm: VmId,
        /// What it was.
        before: SnapshotId,
    },
    /// Ends a preview: the VM stays what it shows. A restored snapshot ends so, too.
    SnapshotCommit {
        /// The VM.
        vm: VmId,
        /// The snapshot.
        snapshot: SnapshotId,
        /// What the VM was before.
        before: SnapshotId,
        /// Whether this was a restore, in one go.
        restore: bool,
    },
    /// Throws away what a VM that keeps nothing has written in its last run.
    VmForget {
        /// The VM.
        vm: VmId,
    },
}

/// A device of an adopted domain: what it is known by there, and its id here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// `vda`, or an address.
    pub key: String,
    /// The disk or interface.
    pub id: uuid::Uuid,
}
