//! The description of a VM in an OVA (DMTF DSP0243, and what oVirt adds to it): read into plain
//! values, and written for exports. What is read is what somebody else wrote: sizes, names and
//! numbers are checked by whoever makes a VM of it.

use crate::host::libvirt::xml::Element;

use super::ImageError;

/// A description may be this long.
pub const MAX_BYTES: u64 = 1 << 20;
const MAX_ELEMENTS: usize = 10_000;
/// Disks and interfaces that are read.
const MAX_DEVICES: usize = 64;

const OVF: &str = "http://schemas.dmtf.org/ovf/envelope/1";
const RASD: &str =
    "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData";
const VSSD: &str = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData";
const OVIRT: &str = "http://www.ovirt.org/ovf/1";

/// What CIM calls the kinds of devices.
const PROCESSOR: u32 = 3;
const MEMORY: u32 = 4;
const IDE: u32 = 5;
const SCSI: u32 = 6;
const NIC: u32 = 10;
const DISK: u32 = 17;
const SATA: u32 = 20;

/// A VM as it is described.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appliance {
    /// Its name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// oVirt's word for the operating system, where it was written by oVirt or us.
    pub os: Option<String>,
    /// Bytes of memory, 0 where nothing is said.
    pub memory: u64,
    /// Sockets, cores of each, threads of each; 0 where nothing is said.
    pub cpus: (u32, u32, u32),
    /// oVirt's word for chipset and firmware.
    pub bios: Option<String>,
    /// Disks, in order.
    pub disks: Vec<ApplianceDisk>,
    /// Interfaces, in order.
    pub nics: Vec<ApplianceNic>,
}

/// How a disk's content is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// QEMU's format.
    Qcow2,
    /// Byte by byte.
    Raw,
    /// VMware's.
    Vmdk,
}

/// The controller of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bus {
    /// IDE.
    Ide,
    /// SCSI, whichever controller.
    Scsi,
    /// AHCI.
    Sata,
    /// virtio-blk.
    Virtio,
}

/// A disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplianceDisk {
    /// The name that the description gives it; oVirt's disk id in oVirt's.
    pub id: String,
    /// The file that has its content; none for an empty disk.
    pub file: Option<String>,
    /// Bytes, 0 where nothing useful is said.
    pub capacity: u64,
    /// How it is written.
    pub written: Written,
    /// Name.
    pub alias: Option<String>,
    /// Controller.
    pub bus: Option<Bus>,
    /// Whether it is booted from.
    pub boot: bool,
    /// Whether space is taken as it is written.
    pub sparse: bool,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplianceNic {
    /// Name.
    pub name: String,
    /// `virtio`, `e1000`, `rtl8139` …, as far as it is one of ours.
    pub model: Option<&'static str>,
    /// The network's name.
    pub network: Option<String>,
}

fn wrong(what: impl Into<String>) -> ImageError {
    ImageError::Header { what: what.into() }
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

fn child<'a>(element: &'a Element, name: &str) -> Option<&'a Element> {
    element.elements().find(|it| local(&it.name) == name)
}

fn attribute<'a>(element: &'a Element, name: &str) -> Option<&'a str> {
    element
        .attributes
        .iter()
        .find(|(it, _)| local(it) == name)
        .map(|(_, value)| value.as_str())
}

fn text(element: &Element, name: &str) -> Option<String> {
    let text = child(element, name)?.own_text();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn number<T: std::str::FromStr>(element: &Element, name: &str) -> Option<T> {
    text(element, name)?.parse().ok()
}

fn count(element: &Element, left: &mut usize) -> Result<(), ImageError> {
    for child in element.elements() {
        *left = left.checked_sub(1).ok_or_else(|| {
            wrong(format!(
                "a description of more than {MAX_ELEMENTS} elements"
            ))
        })?;
        count(child, left)?;
    }
    Ok(())
}

/// Bytes of a unit: `byte * 2^20`, `MegaBytes`, `MB`, nothing.
fn unit(said: Option<&str>, usual: u64) -> Option<u64> {
    let Some(said) = said else { return Some(usual) };
    let small: String = said
        .to_ascii_lowercase()
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    Some(match small.as_str() {
        "" => usual,
        "byte" | "bytes" => 1,
        "kb" | "kilobytes" => 1 << 10,
        "mb" | "megabytes" => 1 << 20,
        "gb" | "gigabytes" => 1 << 30,
        "tb" | "terabytes" => 1 << 40,
        other => {
            let power: u32 = other.strip_prefix("byte*2^")?.parse().ok()?;
            1u64.checked_shl(power).filter(|_| power < 63)?
        }
    })
}

impl Appliance {
    /// Reads a description.
    pub fn read(document: &str) -> Result<Self, ImageError> {
        if document.len() as u64 > MAX_BYTES {
            return Err(wrong(format!("a description of {} bytes", document.len())));
        }
        let envelope = Element::parse(document.trim_start_matches('\u{feff}'))
            .map_err(|_| wrong("its description is no acceptable XML"))?;
        if local(&envelope.name) != "Envelope" {
            return Err(wrong("its description is no OVF envelope"));
        }
        count(&envelope, &mut MAX_ELEMENTS.clone())?;
        let mut systems = envelope
            .elements()
            .filter(|it| matches!(local(&it.name), "VirtualSystem" | "Content"));
        let system = systems
            .next()
            .ok_or_else(|| wrong("its description has no virtual system"))?;
        if systems.next().is_some()
            || envelope
                .elements()
                .any(|it| local(&it.name) == "VirtualSystemCollection")
        {
            return Err(wrong("it has several virtual systems"));
        }
        let mut it = Self {
            name: text(system, "Name")
                .or_else(|| attribute(system, "id").map(str::to_owned))
                .unwrap_or_default(),
            description: text(system, "Description").unwrap_or_default(),
            bios: text(system, "BiosType"),
            disks: disks(&envelope)?,
            ..Self::default()
        };
        for section in system.elements() {
            let kind = attribute(section, "type").map(local).unwrap_or_default();
            match (local(&section.name), kind) {
                ("OperatingSystemSection", _) | ("Section", "OperatingSystemSection_Type") => {
                    it.os = text(section, "Description");
                }
                ("VirtualHardwareSection", _) | ("Section", "VirtualHardwareSection_Type") => {
                    it.hardware(section)?;
                }
                _ => {}
            }
        }
        Ok(it)
    }

    fn hardware(&mut self, section: &Element) -> Result<(), ImageError> {
        let items: Vec<&Element> = section
            .elements()
            .filter(|it| matches!(local(&it.name), "Item" | "EthernetPortItem" | "StorageItem"))
            .collect();
        let kind = |item: &Element| number::<u32>(item, "ResourceType");
        for item in &items {
            match kind(item) {
                Some(PROCESSOR) => {
                    let all = number(item, "VirtualQuantity").unwrap_or(1);
                    let cores = number(item, "cpu_per_socket")
                        .or_else(|| number(item, "CoresPerSocket"))
                        .filter(|cores| *cores > 0 && all % cores == 0)
                        .unwrap_or(1);
                    let threads = number(item, "threads_per_cpu").unwrap_or(1);
                    let sockets = number(item, "num_of_sockets").unwrap_or(all / cores);
                    self.cpus = (sockets, cores, threads);
                }
                Some(MEMORY) => {
                    let quantity: u64 = number(item, "VirtualQuantity").unwrap_or(0);
                    let unit = unit(text(item, "AllocationUnits").as_deref(), 1 << 20)
                        .ok_or_else(|| wrong("an unknown unit of memory"))?;
                    self.memory = quantity.saturating_mul(unit);
                }
                Some(NIC) if self.nics.len() < MAX_DEVICES => self.nics.push(nic(item)),
                Some(DISK) => {
                    let Some(source) = text(item, "HostResource") else {
                        continue;
                    };
                    let parent = text(item, "Parent");
                    let controller = items
                        .iter()
                        .find(|it| parent.is_some() && text(it, "InstanceID") == parent);
                    let bus = match controller.and_then(|it| kind(it)) {
                        Some(IDE) => Some(Bus::Ide),
                        Some(SCSI) => Some(Bus::Scsi),
                        Some(SATA) => Some(Bus::Sata),
                        _ => None,
                    };
                    let named = |disk: &&mut ApplianceDisk| {
                        source
                            .split('/')
                            .any(|part| part == disk.id || Some(part) == disk.file.as_deref())
                    };
                    if let Some(disk) = self.disks.iter_mut().find(named) {
                        disk.bus = disk.bus.or(bus);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn disks(envelope: &Element) -> Result<Vec<ApplianceDisk>, ImageError> {
    let files: Vec<(&str, &str)> = envelope
        .elements()
        .filter(|it| local(&it.name) == "References")
        .flat_map(Element::elements)
        .filter(|it| local(&it.name) == "File")
        .map(|file| {
            if attribute(file, "compression").is_some_and(|it| it != "identity" && !it.is_empty())
                || attribute(file, "chunkSize").is_some()
            {
                return Err(wrong("a file that is compressed or in pieces"));
            }
            Ok((
                attribute(file, "id").unwrap_or_default(),
                attribute(file, "href").unwrap_or_default(),
            ))
        })
        .collect::<Result<_, _>>()?;
    let section = |it: &&Element| {
        local(&it.name) == "DiskSection"
            || (local(&it.name) == "Section"
                && attribute(it, "type").map(local) == Some("DiskSection_Type"))
    };
    let mut disks = Vec::new();
    for disk in envelope
        .elements()
        .filter(section)
        .flat_map(Element::elements)
        .filter(|it| local(&it.name) == "Disk")
    {
        if disks.len() >= MAX_DEVICES {
            return Err(wrong(format!("more than {MAX_DEVICES} disks")));
        }
        if attribute(disk, "parentRef").is_some_and(|it| !it.is_empty()) {
            return Err(ImageError::External {
                what: "a parent disk",
            });
        }
        let file = match attribute(disk, "fileRef") {
            None | Some("") => None,
            Some(id) => Some(
                files
                    .iter()
                    .find(|(it, _)| *it == id)
                    .map(|(_, href)| (*href).to_owned())
                    .ok_or_else(|| wrong("a disk whose file is not named"))?,
            ),
        };
        let unit = unit(attribute(disk, "capacityAllocationUnits"), 1)
            .ok_or_else(|| wrong("an unknown unit of a disk's size"))?;
        let capacity = attribute(disk, "capacity")
            .and_then(|it| it.parse::<u64>().ok())
            .map_or(0, |it| it.saturating_mul(unit));
        let format = attribute(disk, "format").unwrap_or_default();
        let written = match attribute(disk, "volume-format") {
            Some(it) if it.eq_ignore_ascii_case("cow") => Written::Qcow2,
            Some(it) if it.eq_ignore_ascii_case("raw") => Written::Raw,
            _ if format.to_ascii_lowercase().contains("vmdk") => Written::Vmdk,
            _ if format.to_ascii_lowercase().contains("qcow") => Written::Qcow2,
            // An empty disk has no format.
            _ if file.is_none() => Written::Raw,
            _ => {
                let shown: String = format.chars().take(80).collect();
                return Err(wrong(format!("a disk of format {shown:?}")));
            }
        };
        let flag = |name| attribute(disk, name).is_some_and(|it| it.eq_ignore_ascii_case("true"));
        disks.push(ApplianceDisk {
            id: attribute(disk, "diskId").unwrap_or_default().to_owned(),
            file,
            capacity,
            written,
            alias: attribute(disk, "disk-alias").map(str::to_owned),
            bus: attribute(disk, "disk-interface").and_then(|it| {
                Some(match it.to_ascii_lowercase().as_str() {
                    "virtio" => Bus::Virtio,
                    "virtio_scsi" => Bus::Scsi,
                    "ide" => Bus::Ide,
                    "sata" => Bus::Sata,
                    _ => return None,
                })
            }),
            boot: flag("boot"),
            sparse: !attribute(disk, "volume-type")
                .is_some_and(|it| it.eq_ignore_ascii_case("preallocated")),
        });
    }
    Ok(disks)
}

fn nic(item: &Element) -> ApplianceNic {
    let model = text(item, "ResourceSubType")
        .unwrap_or_default()
        .to_ascii_lowercase();
    ApplianceNic {
        name: text(item, "Name")
            .or_else(|| text(item, "ElementName"))
            .unwrap_or_default(),
        model: match model.as_str() {
            "virtio" | "3" => Some("virtio"),
            "e1000" | "2" => Some("e1000"),
            "e1000e" => Some("e1000e"),
            "rtl8139" | "1" | "pcnet32" => Some("rtl8139"),
            _ => None,
        },
        network: text(item, "Connection"),
    }
}

/// What is written of a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportDisk {
    /// The disk's id.
    pub id: String,
    /// The file in the archive, by its name there; its reference too, as oVirt's clients expect.
    pub file: String,
    /// Bytes of that file.
    pub file_bytes: u64,
    /// Bytes that a guest sees.
    pub capacity: u64,
    /// Name.
    pub alias: String,
    /// Controller.
    pub bus: Bus,
    /// Whether it is booted from.
    pub boot: bool,
}

fn item(kind: u32, id: usize, name: &str) -> Element {
    // The schema wants them in alphabetical order; readers do not care.
    Element::new("Item")
        .child(Element::new("rasd:Caption").text(name.to_owned()))
        .child(Element::new("rasd:ElementName").text(name.to_owned()))
        .child(Element::new("rasd:InstanceID").text(id.to_string()))
        .child(Element::new("rasd:ResourceType").text(kind.to_string()))
}

impl Appliance {
    /// Writes the description of an export. `stamp` says which operation made it.
    #[must_use]
    pub fn write(&self, id: &str, disks: &[ExportDisk], stamp: &str) -> String {
        let (sockets, cores, threads) = self.cpus;
        let references = Element::new("References").children(disks.iter().map(|disk| {
            Element::new("File")
                .attr("ovf:href", disk.file.clone())
                .attr("ovf:id", disk.file.clone())
                .attr("ovf:size", disk.file_bytes.to_string())
        }));
        let mut networks: Vec<&str> = self
            .nics
            .iter()
            .filter_map(|nic| nic.network.as_deref())
            .collect();
        networks.sort_unstable();
        networks.dedup();
        let networks = Element::new("NetworkSection")
            .child(Element::new("Info").text("Networks"))
            .children(
                networks
                    .into_iter()
                    .map(|name| Element::new("Network").attr("ovf:name", name)),
            );
        let section = Element::new("DiskSection")
            .child(Element::new("Info").text("Disks"))
            .children(disks.iter().map(|disk| {
                Element::new("Disk")
                    .attr("ovf:diskId", disk.id.clone())
                    .attr("ovf:capacity", disk.capacity.to_string())
                    .attr("ovf:capacityAllocationUnits", "byte")
                    .attr("ovf:fileRef", disk.file.clone())
                    .attr(
                        "ovf:format",
                        "http://www.gnome.org/~markmc/qcow-image-format.html",
                    )
                    .attr("ovf:volume-format", "COW")
                    .attr("ovf:volume-type", "Sparse")
                    .attr("ovf:disk-alias", disk.alias.clone())
                    .attr(
                        "ovf:disk-interface",
                        match disk.bus {
                            Bus::Virtio => "VirtIO",
                            Bus::Scsi => "VirtIO_SCSI",
                            Bus::Ide => "IDE",
                            Bus::Sata => "SATA",
                        },
                    )
                    .attr("ovf:boot", if disk.boot { "true" } else { "false" })
            }));
        let total = u64::from(sockets) * u64::from(cores) * u64::from(threads);
        let mut hardware = Element::new("VirtualHardwareSection")
            .child(Element::new("Info").text("Virtual hardware"))
            .child(
                item(PROCESSOR, 1, "Processors")
                    .child(Element::new("rasd:VirtualQuantity").text(total.to_string()))
                    .child(Element::new("rasd:num_of_sockets").text(sockets.to_string()))
                    .child(Element::new("rasd:cpu_per_socket").text(cores.to_string()))
                    .child(Element::new("rasd:threads_per_cpu").text(threads.to_string())),
            )
            .child(
                item(MEMORY, 2, "Memory")
                    .child(Element::new("rasd:AllocationUnits").text("byte * 2^20"))
                    .child(
                        Element::new("rasd:VirtualQuantity").text((self.memory >> 20).to_string()),
                    ),
            );
        for (number, disk) in disks.iter().enumerate() {
            hardware =
                hardware.child(item(DISK, 100 + number, &disk.alias).child(
                    Element::new("rasd:HostResource").text(format!("ovf:/disk/{}", disk.id)),
                ));
        }
        for (number, nic) in self.nics.iter().enumerate() {
            let mut it = item(NIC, 200 + number, &nic.name)
                .child(Element::new("rasd:Name").text(nic.name.clone()));
            if let Some(model) = nic.model {
                it = it.child(Element::new("rasd:ResourceSubType").text(model));
            }
            if let Some(network) = &nic.network {
                it = it.child(Element::new("rasd:Connection").text(network.clone()));
            }
            hardware = hardware.child(it);
        }
        let mut system = Element::new("VirtualSystem")
            .attr("ovf:id", id)
            .child(Element::new("Info").text("A virtual machine"))
            .child(Element::new("Name").text(self.name.clone()));
        if !self.description.is_empty() {
            system = system.child(Element::new("Description").text(self.description.clone()));
        }
        if let Some(bios) = &self.bios {
            system = system.child(Element::new("BiosType").text(bios.clone()));
        }
        if let Some(os) = &self.os {
            system = system.child(
                Element::new("OperatingSystemSection")
                    .attr("ovf:id", "1")
                    .child(Element::new("Info").text("Guest operating system"))
                    .child(Element::new("Description").text(os.clone())),
            );
        }
        let envelope = Element::new("ovf:Envelope")
            .attr("xmlns", OVF)
            .attr("xmlns:ovf", OVF)
            .attr("xmlns:rasd", RASD)
            .attr("xmlns:vssd", VSSD)
            .attr("xmlns:ovirt", OVIRT)
            .attr("ovf:version", "1.0")
            .attr("ovirt:operation", stamp)
            .child(references)
            .child(networks)
            .child(section)
            .child(system.child(hardware));
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}",
            envelope.to_xml()
        )
    }
}
