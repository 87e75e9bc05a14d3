//! Domains of a host that somebody else has made: what they are, what of it we could not run, and
//! how one becomes ours without a restart.

use std::path::PathBuf;

use uuid::Uuid;

use super::{
    Chipset, DiskInterface, HostFuture, MacAddress, NicModel, VolumeFormat, VolumeInfo, VolumeRef,
};

/// The adoption's part of [`super::Hypervisor`].
pub trait ForeignWork: Send + Sync {
    /// Puts our mark into a foreign domain, running or not, and into its definition; one that has
    /// none is given one. Success when it has this mark already.
    fn adopt(&self, adoption: Adoption) -> HostFuture<'_, ()>;

    /// Takes our mark out of a domain again. Success when it has none, or is gone.
    fn release(&self, vm: Uuid) -> HostFuture<'_, ()>;

    /// Makes a volume of a file that stays where it is. The path must be absolute and lead, without
    /// any link, to a regular file that is none of ours; its content must be what `format` says,
    /// and name no other file. Success when it is that volume already.
    fn volume_place(
        &self,
        volume: VolumeRef,
        path: PathBuf,
        format: VolumeFormat,
    ) -> HostFuture<'_, VolumeInfo>;
}

/// A foreign domain that becomes ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// The domain, and the VM from now on.
    pub vm: Uuid,
    /// Which run of the VM this is.
    pub run_epoch: u64,
    /// The operation that does it.
    pub operation: Uuid,
    /// Which disks its targets (`vda` …) are.
    pub disks: Vec<(String, Uuid)>,
    /// Which NICs its addresses are.
    pub nics: Vec<(MacAddress, Uuid)>,
}

/// A foreign domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignDomain {
    /// Sockets, cores of one, threads of one.
    pub topology: (u32, u32, u32),
    /// Its chipset.
    pub chipset: Chipset,
    /// Whether it has a sound card.
    pub sound: bool,
    /// Its disks, without CDs.
    pub disks: Vec<ForeignDisk>,
    /// Its NICs.
    pub nics: Vec<ForeignNic>,
    /// Why it cannot be adopted, as sentences.
    pub refusals: Vec<String>,
    /// What will be different after its next start, as sentences.
    pub notes: Vec<String>,
}

/// A disk of a foreign domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignDisk {
    /// `vda` …
    pub target: String,
    /// Its file.
    pub path: PathBuf,
    /// As what it is read.
    pub format: VolumeFormat,
    /// How it is connected.
    pub interface: DiskInterface,
    /// The guest cannot write.
    pub read_only: bool,
    /// Several VMs may have it.
    pub shareable: bool,
}

/// A NIC of a foreign domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignNic {
    /// Its address.
    pub mac: MacAddress,
    /// The device that the guest sees.
    pub model: NicModel,
    /// The network or bridge that it leads to, by name.
    pub network: Option<String>,
    /// Whether the cable is in.
    pub linked: bool,
}
