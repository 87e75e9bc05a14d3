//! Durable operations: work that touches a host. An operation is written with all its steps and
//! the ids of everything it will make, in one transaction with its audit event and its job, before
//! its first effect. Each step then goes
//!
//! ```text
//! intend (durable) → act (idempotent, names made from ids) → observe → record (durable)
//! ```
//!
//! and nothing is concluded from a missing answer. After a restart the ordinary executor goes on
//! with whatever is open; there is no other recovery.
//!
//! Left to others: what may be begun (`command/`), what a host is (`host/`).

mod act;
mod act_images;
mod begin;
mod cancel;
mod crash;
mod executor;
mod provision;
mod record;
mod snapshot;
mod stateless;

pub(crate) use act::{transfer_volume, transfers_directly};
pub(crate) use begin::{Plan, new_job, new_step, require_unlocked};
pub(crate) use cancel::cancellable;
pub use crash::{CrashPhase, CrashPlan};
pub(crate) use executor::Executor;
pub(crate) use record::{ended, graphics, suspended, update_vm};
pub(crate) use stateless::with_overlay;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::host::work::Content;
use crate::model::{
    DiskAttachment, DiskFormat, DiskId, HostId, ImageId, JobId, Layer, NicId, ObjectId,
    OperationId, SnapshotId, StepId, StorageDomainId, TemplateId, Timestamp, TransferId, UserId,
    VmId,
};

/// Work in progress, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its id, stamped into what it makes.
    pub id: OperationId,
    /// What it is for.
    pub kind: OperationKind,
    /// The job that shows it.
    pub job: JobId,
    /// Who asked.
    pub user: Option<UserId>,
    /// The request.
    pub correlation_id: String,
    /// Where the request came from.
    pub source: Option<IpAddr>,
    /// What nobody else may change meanwhile.
    pub locks: Vec<ObjectId>,
    /// Every step, in order.
    pub steps: Vec<OperationStep>,
    /// How far it is.
    pub state: OperationState,
    /// Who wants it to be given up.
    #[serde(default)]
    pub cancelled: Option<String>,
    /// When it was begun.
    pub start_time: Timestamp,
}

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

/// How far an operation is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum OperationState {
    /// Going on.
    Forward,
    /// Failed; what it had made is being taken away by the steps that were added to it.
    Undoing {
        /// Why it failed.
        error: String,
    },
}

/// A step as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationStep {
    /// Its place in the job.
    pub job_step: StepId,
    /// What it does.
    pub action: Action,
    /// How far it is.
    pub state: StepState,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    Planned,
    /// It may have happened.
    Intended,
    /// It has happened.
    Done,
    /// It did not happen, and what there was of it is gone or harmless.
    Failed,
}

/// One effect on a host, idempotent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum Action {
    /// Makes a disk's volume, empty.
    VolumeCreate {
        /// The disk.
        disk: DiskId,
    },
    /// Makes the volume that a VM which keeps nothing writes to in one run.
    OverlayCreate {
        /// The disk.
        disk: DiskId,
    },
    /// Removes it; the disk is again what it was before the run.
    OverlayDrop {
        /// The disk.
        disk: DiskId,
        /// Where it is.
        storage_domain: StorageDomainId,
        /// The image that goes.
        image: ImageId,
    },
    /// Lets a running guest write to its disks' overlays from one moment on, and keeps its memory
    /// where the snapshot has it.
    SnapshotTake {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// Makes an image part of the one that it stands on.
    ImageMerge {
        /// The disk.
        disk: DiskId,
        /// The image that goes.
        top: Layer,
        /// The image that stays.
        base: Layer,
        /// What the latter stands on, nearest first.
        backing: Vec<Layer>,
        /// What stands on the former.
        above: Option<ImageId>,
    },
    /// Removes a guest's kept memory.
    MemoryDelete {
        /// Where it is.
        storage_domain: StorageDomainId,
        /// The file.
        image: ImageId,
    },
    /// Starts a domain from memory that a snapshot kept.
    DomainReturn {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
        /// Which run this is.
        epoch: u64,
    },
    /// Makes a disk's volume with the content of another.
    VolumeCopy {
        /// Where the content is.
        source: DiskId,
        /// The new disk.
        disk: DiskId,
    },
    /// Makes a volume larger.
    VolumeResize {
        /// The disk.
        disk: DiskId,
        /// Bytes it shall have.
        size: u64,
    },
    /// Removes a volume.
    VolumeDelete {
        /// The disk whose volume it is, or was to be.
        disk: DiskId,
        /// Where it is.
        storage_domain: StorageDomainId,
        /// Which image it is, where not the one that bears the disk's id.
        #[serde(default)]
        image: Option<ImageId>,
    },
    /// Copies the file of one of a disk's images to another storage domain, as it is.
    VolumeDuplicate {
        /// The disk.
        disk: DiskId,
        /// The image.
        image: ImageId,
        /// Where it is.
        from: StorageDomainId,
        /// Where it will be.
        to: StorageDomainId,
    },
    /// Records that a disk's images are in another storage domain now.
    DiskSwitch {
        /// The disk.
        disk: DiskId,
        /// Where it is.
        to: StorageDomainId,
    },
    /// Copies a running guest's disk to another storage domain, and keeps the copy up to date.
    DiskMirror {
        /// The VM.
        vm: VmId,
        /// Where it runs.
        host: HostId,
        /// The disk.
        disk: DiskId,
        /// Where the copy is.
        to: StorageDomainId,
    },
    /// Lets a running guest go on with the copy of its disk.
    DiskPivot {
        /// The VM.
        vm: VmId,
        /// Where it runs.
        host: HostId,
        /// The disk.
        disk: DiskId,
        /// Where the copy is.
        to: StorageDomainId,
    },
    /// Gives a copy under a running guest up.
    DiskMirrorEnd {
        /// The VM.
        vm: VmId,
        /// Where it runs.
        host: HostId,
        /// The disk.
        disk: DiskId,
    },
    /// Writes a disk's content anew, as another image of another format.
    VolumeConvert {
        /// The disk.
        disk: DiskId,
        /// The new image.
        image: ImageId,
        /// Its format.
        format: DiskFormat,
        /// Whether its space is taken only as it is written.
        sparse: bool,
    },
    /// Gives the space of zeros in a volume back.
    VolumeSparsify {
        /// The disk.
        disk: DiskId,
    },
    /// Makes a disk's volume with the content of an image from outside.
    VolumeImport {
        /// The disk.
        disk: DiskId,
        /// The image.
        content: Box<Content>,
    },
    /// Makes a copy of a disk's content that goes into an archive.
    ExportStage {
        /// The disk.
        disk: DiskId,
        /// The copy, beside the disk.
        volume: uuid::Uuid,
    },
    /// Writes the archive.
    OvaWrite {
        /// The VM.
        vm: VmId,
        /// The host whose folder it is.
        host: HostId,
        /// The file.
        name: String,
        /// The disks with their copies.
        disks: Vec<(DiskId, uuid::Uuid)>,
    },
    /// Removes a copy that was made for an archive.
    ScratchDelete {
        /// Where it is.
        storage_domain: StorageDomainId,
        /// The copy.
        volume: uuid::Uuid,
    },
    /// Prepares the file of a transfer.
    TransferStage {
        /// The transfer.
        transfer: TransferId,
    },
    /// Removes the file that a transfer had beside its disk's volume.
    TransferClean {
        /// The transfer.
        transfer: TransferId,
    },
    /// Checks an uploaded image and makes it its disk's content.
    UploadInstall {
        /// The transfer.
        transfer: TransferId,
    },
    /// Starts a domain.
    DomainStart {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
        /// Which run this is.
        epoch: u64,
    },
    /// Starts a domain from its saved memory.
    DomainRestore {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
        /// Which run this is.
        epoch: u64,
    },
    /// Lets a domain's processors stand still.
    DomainPause {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
    },
    /// Lets a paused domain go on.
    DomainResume {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
    },
    /// Ends a domain.
    DomainDestroy {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
    },
    /// Asks a guest to end.
    DomainShutdown {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
    },
    /// Asks a guest to restart.
    DomainReboot {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
    },
    /// Restarts a domain.
    DomainReset {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
    },
    /// Saves a domain's memory.
    DomainSuspend {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
    },
    /// Forgets a domain and its saved memory.
    DomainUndefine {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
    },
    /// Makes a disk of a file that stays where it is.
    VolumePlace {
        /// The disk.
        disk: DiskId,
        /// The file.
        path: String,
    },
    /// Puts our mark into a foreign domain.
    DomainAdopt {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
        /// Which run this is.
        epoch: u64,
        /// Its disks by their targets.
        disks: Vec<Placed>,
        /// Its interfaces by their addresses.
        nics: Vec<Placed>,
    },
    /// Takes our mark out of a domain again.
    DomainRelease {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
    },
    /// Lets a guest's file systems hold still.
    GuestFreeze {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
    },
    /// Lets a guest's file systems go on.
    GuestThaw {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
    },
    /// Changes a running domain's CD.
    CdChange {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
        /// The new CD.
        disk: Option<DiskId>,
    },
    /// Plugs a disk into a running domain.
    DiskPlug {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
        /// The disk.
        disk: DiskId,
    },
    /// Takes a disk out of a running domain.
    DiskUnplug {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
        /// The disk.
        disk: DiskId,
    },
    /// Plugs an interface into a running domain, or changes it there.
    NicPlug {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
        /// The interface.
        nic: NicId,
    },
    /// Writes the medium with a run's first-boot settings.
    PayloadWrite {
        /// The VM.
        vm: VmId,
        /// The run that it is for.
        epoch: u64,
    },
    /// Removes a medium with first-boot settings.
    PayloadDelete {
        /// The VM.
        vm: VmId,
        /// The medium's file.
        volume: uuid::Uuid,
        /// Where it is.
        storage_domain: StorageDomainId,
    },
    /// Gives a running domain so many processors.
    CpusSet {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
        /// How many.
        vcpus: u32,
    },
    /// Plugs memory into a running domain.
    MemoryPlug {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
        /// The module's name.
        module: uuid::Uuid,
        /// Its bytes.
        bytes: u64,
    },
    /// Takes an interface out of a running domain.
    NicUnplug {
        /// The VM.
        vm: VmId,
        /// Where.
        host: HostId,
        /// The interface.
        nic: NicId,
    },
}

impl Action {
    /// The names of all steps, for tests that must miss none.
    pub const NAMES: &'static [&'static str] = &[
        "volume_create",
        "overlay_create",
        "overlay_drop",
        "snapshot_take",
        "image_merge",
        "memory_delete",
        "domain_return",
        "volume_copy",
        "volume_resize",
        "volume_delete",
        "volume_duplicate",
        "disk_switch",
        "disk_mirror",
        "disk_pivot",
        "disk_mirror_end",
        "volume_convert",
        "volume_sparsify",
        "volume_import",
        "export_stage",
        "ova_write",
        "scratch_delete",
        "transfer_stage",
        "transfer_clean",
        "upload_install",
        "domain_start",
        "domain_restore",
        "domain_pause",
        "domain_resume",
        "domain_destroy",
        "domain_shutdown",
        "domain_reboot",
        "domain_reset",
        "domain_suspend",
        "domain_undefine",
        "volume_place",
        "domain_adopt",
        "domain_release",
        "guest_freeze",
        "guest_thaw",
        "cd_change",
        "disk_plug",
        "disk_unplug",
        "nic_plug",
        "nic_unplug",
        "payload_write",
        "payload_delete",
        "cpus_set",
        "memory_plug",
    ];

    /// The step's name, for logs and crash points.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::VolumeCreate { .. } => "volume_create",
            Self::OverlayCreate { .. } => "overlay_create",
            Self::OverlayDrop { .. } => "overlay_drop",
            Self::SnapshotTake { .. } => "snapshot_take",
            Self::ImageMerge { .. } => "image_merge",
            Self::MemoryDelete { .. } => "memory_delete",
            Self::DomainReturn { .. } => "domain_return",
            Self::VolumeCopy { .. } => "volume_copy",
            Self::VolumeResize { .. } => "volume_resize",
            Self::VolumeDelete { .. } => "volume_delete",
            Self::VolumeDuplicate { .. } => "volume_duplicate",
            Self::DiskSwitch { .. } => "disk_switch",
            Self::DiskMirror { .. } => "disk_mirror",
            Self::DiskPivot { .. } => "disk_pivot",
            Self::DiskMirrorEnd { .. } => "disk_mirror_end",
            Self::VolumeConvert { .. } => "volume_convert",
            Self::VolumeSparsify { .. } => "volume_sparsify",
            Self::VolumeImport { .. } => "volume_import",
            Self::ExportStage { .. } => "export_stage",
            Self::OvaWrite { .. } => "ova_write",
            Self::ScratchDelete { .. } => "scratch_delete",
            Self::TransferStage { .. } => "transfer_stage",
            Self::TransferClean { .. } => "transfer_clean",
            Self::UploadInstall { .. } => "upload_install",
            Self::DomainStart { .. } => "domain_start",
            Self::DomainRestore { .. } => "domain_restore",
            Self::DomainPause { .. } => "domain_pause",
            Self::DomainResume { .. } => "domain_resume",
            Self::DomainDestroy { .. } => "domain_destroy",
            Self::DomainShutdown { .. } => "domain_shutdown",
            Self::DomainReboot { .. } => "domain_reboot",
            Self::DomainReset { .. } => "domain_reset",
            Self::DomainSuspend { .. } => "domain_suspend",
            Self::DomainUndefine { .. } => "domain_undefine",
            Self::VolumePlace { .. } => "volume_place",
            Self::DomainAdopt { .. } => "domain_adopt",
            Self::DomainRelease { .. } => "domain_release",
            Self::GuestFreeze { .. } => "guest_freeze",
            Self::GuestThaw { .. } => "guest_thaw",
            Self::CdChange { .. } => "cd_change",
            Self::DiskPlug { .. } => "disk_plug",
            Self::DiskUnplug { .. } => "disk_unplug",
            Self::NicPlug { .. } => "nic_plug",
            Self::NicUnplug { .. } => "nic_unplug",
            Self::PayloadWrite { .. } => "payload_write",
            Self::PayloadDelete { .. } => "payload_delete",
            Self::CpusSet { .. } => "cpus_set",
            Self::MemoryPlug { .. } => "memory_plug",
        }
    }
}
