//! The steps that operations are made of, as they are written down.

use serde::{Deserialize, Serialize};

use crate::host::work::Content;
use crate::model::{
    DiskFormat, DiskId, HostId, ImageId, Layer, NicId, SnapshotId, StorageDomainId, TransferId,
    VmId,
};

use super::Placed;

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
