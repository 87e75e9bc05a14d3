//! What a machine is made of besides its processors, disks, NICs and screen: chipset, firmware and
//! the devices that a person chooses by a switch.

use super::VolumeRef;

/// The machine around a guest's disks and NICs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineSpec {
    /// The chipset.
    pub chipset: Chipset,
    /// A machine type by QEMU's name, in place of the chipset's newest.
    pub machine_type: Option<String>,
    /// The firmware.
    pub firmware: Firmware,
    /// Whether it has a TPM 2.0.
    pub tpm: bool,
    /// Threads that do the disks' work, 0 to 16; 0 leaves it to QEMU's own.
    pub io_threads: u32,
    /// Queues of a virtio NIC; 0 and 1 mean one.
    pub nic_queues: u32,
    /// Whether there is a virtio-scsi controller even without a disk on it.
    pub scsi: bool,
    /// Its queues; 0 leaves it to QEMU.
    pub scsi_queues: u32,
    /// Whether the console may lend it a smart card.
    pub smartcard: bool,
    /// Where its random numbers come from.
    pub rng: Option<RngSource>,
    /// What happens when the guest hangs; `None` without a watchdog.
    pub watchdog: Option<WatchdogAct>,
    /// Whether it has a balloon that gives memory back.
    pub balloon: bool,
    /// Which processors of the host a virtual one may use, as libvirt writes sets of them.
    pub pins: Vec<(u32, String)>,
    /// Its memory in parts, by their numbers; empty where it is one.
    pub numa: Vec<NumaSpec>,
    /// Weight against other guests; 0 is the usual one.
    pub cpu_shares: u32,
    /// Whether it has a virtio console beside its serial port.
    pub serial_console: bool,
    /// The sound card, where there is one.
    pub sound: SoundModel,
    /// The serial number in its SMBIOS.
    pub serial_number: Option<String>,
    /// Whether the guest knows Hyper-V's hints (Windows).
    pub hyperv: bool,
    /// Bytes up to which memory may be plugged into it while it runs; no more than its memory
    /// where none may.
    pub memory_max: u64,
    /// Sockets up to which it may be given processors while it runs.
    pub sockets_max: u32,
    /// A medium with first-boot settings.
    pub payload: Option<PayloadSpec>,
    /// How disks use the host's cache, where that is fixed: `none`, `writeback`, `writethrough`.
    pub disk_cache: Option<String>,
    /// Size in KiB of the pages that its memory is made of, where fixed.
    pub huge_pages: Option<u64>,
}

impl Default for MachineSpec {
    fn default() -> Self {
        Self {
            chipset: Chipset::Q35,
            machine_type: None,
            firmware: Firmware::Bios,
            tpm: false,
            io_threads: 0,
            nic_queues: 1,
            scsi: true,
            scsi_queues: 0,
            smartcard: false,
            rng: Some(RngSource::Urandom),
            watchdog: None,
            balloon: true,
            pins: Vec::new(),
            numa: Vec::new(),
            cpu_shares: 0,
            serial_console: false,
            sound: SoundModel::Ich9,
            serial_number: None,
            hyperv: false,
            memory_max: 0,
            sockets_max: 0,
            payload: None,
            disk_cache: None,
            huge_pages: None,
        }
    }
}

/// A part of a guest's memory with the processors that are near it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumaSpec {
    /// Its memory; the first part also has what is left over.
    pub memory_bytes: u64,
    /// Its virtual processors; the first part also has those that nobody else has.
    pub cpus: Vec<u32>,
    /// The host's nodes that its memory is taken from; none means any.
    pub host_nodes: Vec<u32>,
    /// How strictly: libvirt's `strict`, `interleave`, `preferred`.
    pub mode: &'static str,
}

/// A chipset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Chipset {
    /// PCI Express and AHCI.
    Q35,
    /// The old PC: PCI and IDE.
    I440fx,
}

/// A firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Firmware {
    /// SeaBIOS.
    Bios,
    /// OVMF.
    Uefi,
    /// OVMF that starts only what is signed, with the usual keys enrolled.
    UefiSecureBoot,
}

/// Where random numbers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RngSource {
    /// `/dev/urandom`
    Urandom,
    /// `/dev/random`
    Random,
    /// `/dev/hwrng`
    Hwrng,
}

/// What a watchdog does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WatchdogAct {
    /// Nothing.
    None,
    /// Restarts the guest.
    Reset,
    /// Ends it.
    Poweroff,
    /// Writes its memory to a file.
    Dump,
    /// Lets it stand still.
    Pause,
}

/// A sound card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SoundModel {
    /// Intel AC'97, for guests up to about 2006.
    Ac97,
    /// Intel HD Audio of the sixth south bridge.
    Ich6,
    /// Intel HD Audio of the ninth.
    Ich9,
}

/// A medium with first-boot settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadSpec {
    /// Its content.
    pub volume: VolumeRef,
    /// Whether it is a floppy disk rather than a CD.
    pub floppy: bool,
}

/// Firmware and programs that a host has for guests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parts {
    /// OVMF.
    pub uefi: bool,
    /// OVMF that checks signatures.
    pub secure_boot: bool,
    /// swtpm.
    pub tpm: bool,
}

/// A memory module that is plugged into a running guest has a size of so many bytes, or a multiple
/// (oVirt: `HotPlugMemoryBlockSizeMb`).
pub const MODULE_BYTES: u64 = 256 << 20;

/// Slots for memory modules.
pub const MODULE_SLOTS: usize = 16;
