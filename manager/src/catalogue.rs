//! The guests' operating systems: what each of oVirt's names stands for, and which devices its
//! installer has drivers for (facts as osinfo-db has them). A new VM gets these where its maker
//! says nothing else; `Blank` and the names that name nothing (`other`, `other_linux`) change
//! nothing.

use crate::host::SoundModel;
use crate::model::{BiosType, DiskInterface, NicInterface, VideoType, VmHardware};

/// What kind of system it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Any Linux.
    Linux,
    /// Microsoft Windows.
    Windows,
    /// FreeBSD.
    FreeBsd,
    /// Not known.
    Other,
}

/// How Windows is told its settings at first boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerFile {
    /// `sysprep.inf`: up to Windows Server 2003.
    Inf,
    /// `unattend.xml`: since Windows Vista.
    Xml {
        /// Whether it is for 64-bit processors.
        wide: bool,
    },
}

/// One operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Os {
    /// oVirt's word.
    pub name: &'static str,
    /// What it is.
    pub family: Family,
    /// The disk's controller that it can be installed on.
    pub disk: DiskInterface,
    /// The network interface.
    pub nic: NicInterface,
    /// The video card.
    pub video: VideoType,
    /// The sound card.
    pub sound: SoundModel,
    /// Chipset and firmware; none where the cluster's will do.
    pub firmware: Option<BiosType>,
    /// Whether it asks for a TPM.
    pub tpm: bool,
    /// Whether it knows Hyper-V's clock and hints.
    pub hyperv: bool,
    /// How it is told its settings.
    pub answers: Option<AnswerFile>,
    /// Whether a new VM of it gets these devices; `false` for what says nothing.
    pub known: bool,
}

/// What says nothing: today's devices, and nothing is chosen for a new VM.
const UNKNOWN: Os = Os {
    name: "other",
    family: Family::Other,
    disk: VirtioScsi,
    nic: NicInterface::Virtio,
    video: Qxl,
    sound: SoundModel::Ich9,
    firmware: None,
    tpm: false,
    hyperv: false,
    answers: None,
    known: false,
};

const fn linux(name: &'static str, disk: DiskInterface, video: VideoType) -> Os {
    Os {
        name,
        family: Family::Linux,
        disk,
        video,
        known: true,
        ..UNKNOWN
    }
}

/// Linux from before PCI Express: the older chipset.
const fn old_linux(
    name: &'static str,
    disk: DiskInterface,
    nic: NicInterface,
    video: VideoType,
    sound: SoundModel,
) -> Os {
    Os {
        nic,
        sound,
        firmware: Some(BiosType::I440fxSeaBios),
        ..linux(name, disk, video)
    }
}

const fn old_windows(
    name: &'static str,
    nic: NicInterface,
    video: VideoType,
    sound: SoundModel,
    hyperv: bool,
    answers: AnswerFile,
) -> Os {
    Os {
        name,
        family: Family::Windows,
        disk: Ide,
        nic,
        video,
        sound,
        firmware: Some(BiosType::I440fxSeaBios),
        tpm: false,
        hyperv,
        answers: Some(answers),
        known: true,
    }
}

const fn windows(name: &'static str, wide: bool, firmware: Option<BiosType>, tpm: bool) -> Os {
    Os {
        name,
        family: Family::Windows,
        disk: DiskInterface::Sata,
        nic: NicInterface::E1000e,
        // OVMF draws on the plain card before there is a driver.
        video: match firmware {
            Some(_) => Vga,
            None => Qxl,
        },
        sound: SoundModel::Ich9,
        firmware,
        tpm,
        hyperv: true,
        answers: Some(AnswerFile::Xml { wide }),
        known: true,
    }
}

use DiskInterface::{Ide, Virtio, VirtioScsi};
use NicInterface::{E1000, Rtl8139, Virtio as VirtioNet};
use SoundModel::{Ac97, Ich6};
use VideoType::{Cirrus, Qxl, Vga};

const XP: AnswerFile = AnswerFile::Inf;
const X86: AnswerFile = AnswerFile::Xml { wide: false };
const X64: AnswerFile = AnswerFile::Xml { wide: true };

/// Every system whose devices are known.
static KNOWN: &[Os] = &[
    // No virtio before RHEL 4.8; the installers of the first releases have none.
    old_linux("rhel_3", Ide, Rtl8139, Cirrus, Ac97),
    old_linux("rhel_3x64", Ide, E1000, Cirrus, Ac97),
    old_linux("rhel_4", Ide, E1000, Cirrus, Ac97),
    old_linux("rhel_4x64", Ide, E1000, Cirrus, Ac97),
    old_linux("rhel_5", Virtio, VirtioNet, Qxl, Ac97),
    old_linux("rhel_5x64", Virtio, VirtioNet, Qxl, Ac97),
    old_linux("rhel_6", Virtio, VirtioNet, Qxl, Ich6),
    old_linux("rhel_6x64", Virtio, VirtioNet, Qxl, Ich6),
    linux("rhel_7x64", VirtioScsi, Qxl),
    linux("rhel_atomic7x64", VirtioScsi, Qxl),
    // The QXL driver left with RHEL 9; the plain card is what is drawn on since.
    linux("rhel_8x64", VirtioScsi, Qxl),
    linux("rhel_9x64", VirtioScsi, Vga),
    linux("rhel_10x64", VirtioScsi, Vga),
    linux("rhcos_x64", VirtioScsi, Vga),
    old_linux("sles_11", Virtio, VirtioNet, Cirrus, Ich6),
    old_linux("ubuntu_12_04", Virtio, VirtioNet, Qxl, Ich6),
    old_linux("ubuntu_12_10", Virtio, VirtioNet, Qxl, Ich6),
    old_linux("ubuntu_13_04", Virtio, VirtioNet, Qxl, Ich6),
    old_linux("ubuntu_13_10", Virtio, VirtioNet, Qxl, Ich6),
    linux("ubuntu_14_04", Virtio, Qxl),
    linux("ubuntu_18_04", VirtioScsi, Qxl),
    old_linux("debian_7", Virtio, VirtioNet, Qxl, Ich6),
    linux("debian_9", VirtioScsi, Qxl),
    Os {
        family: Family::FreeBsd,
        sound: Ich6,
        ..linux("freebsd", Virtio, Vga)
    },
    Os {
        family: Family::FreeBsd,
        sound: Ich6,
        ..linux("freebsdx64", Virtio, Vga)
    },
    old_windows("windows_xp", Rtl8139, Cirrus, Ac97, false, XP),
    old_windows("windows_2003", Rtl8139, Cirrus, Ac97, false, XP),
    old_windows("windows_2003x64", E1000, Cirrus, Ac97, false, XP),
    old_windows("windows_2008", E1000, Vga, Ich6, true, X86),
    old_windows("windows_2008x64", E1000, Vga, Ich6, true, X64),
    old_windows("windows_2008R2x64", E1000, Qxl, Ich6, true, X64),
    old_windows("windows_7", E1000, Qxl, Ich6, true, X86),
    old_windows("windows_7x64", E1000, Qxl, Ich6, true, X64),
    windows("windows_8", false, None, false),
    windows("windows_8x64", true, None, false),
    windows("windows_10", false, None, false),
    windows("windows_10x64", true, None, false),
    windows("windows_2012x64", true, None, false),
    windows("windows_2012R2x64", true, None, false),
    windows("windows_2016x64", true, None, false),
    windows("windows_2019x64", true, None, false),
    windows("windows_2022", true, Some(BiosType::Q35Ovmf), false),
    windows("windows_2025", true, Some(BiosType::Q35SecureBoot), false),
    windows("windows_11", true, Some(BiosType::Q35SecureBoot), true),
];

/// What is known of a system; of a name that is not in the table, what its first letters say.
#[must_use]
pub fn os(name: &str) -> Os {
    if let Some(os) = KNOWN.iter().find(|os| os.name == name) {
        return *os;
    }
    Os {
        family: if name.starts_with("windows") {
            Family::Windows
        } else if name == "other" || name == "unassigned" {
            Family::Other
        } else {
            Family::Linux
        },
        ..UNKNOWN
    }
}

/// Every system whose devices are known.
pub fn known() -> impl Iterator<Item = &'static Os> {
    KNOWN.iter()
}

impl Os {
    /// Its usual time zone, by the name that oVirt has for its family.
    #[must_use]
    pub fn time_zone(&self) -> &'static str {
        if self.family == Family::Windows {
            "GMT Standard Time"
        } else {
            "Etc/GMT"
        }
    }

    /// Gives new hardware the system's devices. `offered` says which firmware, with or without a
    /// TPM, the hosts have: what they lack is not chosen, and the cluster's firmware stays.
    pub(crate) fn put_into(
        &self,
        hardware: &mut VmHardware,
        offered: impl Fn(BiosType, bool) -> bool,
    ) {
        if !self.known {
            return;
        }
        hardware.display.video = self.video;
        if hardware.time_zone == UNKNOWN.time_zone() {
            self.time_zone().clone_into(&mut hardware.time_zone);
        }
        if let Some(firmware) = self.firmware
            && offered(firmware, self.tpm)
        {
            hardware.bios_type = firmware;
            hardware.tpm = hardware.tpm || self.tpm;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_in_the_table_is_one_of_the_seed_and_there_once() {
        let mut names: Vec<&str> = KNOWN.iter().map(|os| os.name).collect();
        names.sort_unstable();
        let length = names.len();
        names.dedup();
        assert_eq!(names.len(), length);
        for name in names {
            assert!(
                crate::seed::operating_systems().any(|(seeded, _)| seeded == name),
                "{name}"
            );
        }
    }

    #[test]
    fn every_system_of_this_processor_is_in_the_table() {
        let missing: Vec<&str> = crate::seed::operating_systems()
            .map(|(name, _)| name)
            .filter(|name| !name.ends_with("ppc64") && !name.ends_with("s390x"))
            .filter(|name| !os(name).known)
            .collect();
        assert_eq!(missing, ["other", "other_linux", "other_linux_kernel_4"]);
    }

    #[test]
    fn what_is_older_than_a_bus_does_not_get_it() {
        for os in known() {
            // IDE is the old chipset's alone.
            assert_eq!(
                os.disk == Ide,
                os.firmware == Some(BiosType::I440fxSeaBios) && os.disk == Ide,
                "{}",
                os.name
            );
            if os.tpm {
                assert_eq!(os.firmware, Some(BiosType::Q35SecureBoot), "{}", os.name);
            }
        }
    }
}
