//! Foreign domains: their XML becomes what we would run, with what we could not and why; and our
//! mark is put into them and taken out again.

use std::path::PathBuf;

use uuid::Uuid;
use virt::connect::Connect;
use virt::domain::Domain;
use virt_sys as sys;

use super::LibvirtHost;
use super::blocking;
use super::connection::{Call, failed};
use super::domain::{find, get, info, is_active, xml};
use super::domain_facts::devices;
use super::domain_xml::NAMESPACE;
use super::xml::Element;
use crate::host::foreign::{Adoption, ForeignDisk, ForeignDomain, ForeignNic, ForeignWork};
use crate::host::{
    Chipset, DiskInterface, HostError, HostFuture, MacAddress, NicModel, VolumeFormat, VolumeInfo,
    VolumeRef,
};

/// Devices of a kind that are looked at; more are refused.
const MOST: usize = 23;

/// Reads a foreign domain.
pub(super) fn read(domain: &Element) -> ForeignDomain {
    let mut refusals = Vec::new();
    let mut notes = Vec::new();
    let machine = domain.path(&["os", "type"]);
    let arch = machine.and_then(|it| it.get("arch")).unwrap_or_default();
    let of = machine.and_then(|it| it.get("machine")).unwrap_or_default();
    let hvm = machine.is_some_and(|it| it.own_text().trim() == "hvm");
    if !matches!(domain.get("type"), Some("kvm" | "qemu")) || !hvm || arch != "x86_64" {
        refusals.push("It is not a virtual PC of QEMU's.".to_owned());
    }
    let chipset = if of.contains("q35") {
        Chipset::Q35
    } else {
        if !of.contains("i440fx") && of != "pc" {
            refusals.push(format!("Its machine {of:?} is not one that is known here."));
        }
        Chipset::I440fx
    };
    let os = domain.find("os");
    let efi = os.is_some_and(|os| {
        os.get("firmware") == Some("efi")
            || os.find("loader").is_some()
            || os.find("nvram").is_some()
    });
    if efi {
        refusals.push("It has UEFI, whose variables could not be taken along.".to_owned());
    }
    if os.is_some_and(|os| os.find("kernel").is_some()) {
        notes.push(
            "It is started from a kernel of the host's, which is not taken along.".to_owned(),
        );
    }
    for (kind, what) in [
        ("hostdev", "a device of the host's"),
        ("filesystem", "a folder of the host's"),
        ("tpm", "a TPM"),
        ("shmem", "memory shared with others"),
        ("vsock", "a socket to the host"),
    ] {
        if devices(domain, kind).next().is_some() {
            refusals.push(format!("It has {what}."));
        }
    }
    let mut disks = Vec::new();
    for device in devices(domain, "disk") {
        match device.get("device").unwrap_or("disk") {
            "cdrom" | "floppy" => {
                if device.find("source").is_some() {
                    notes.push("What is in its CD or floppy drive is not taken along.".to_owned());
                }
            }
            "disk" => match disk(device) {
                Ok(disk) => disks.push(disk),
                Err(reason) => refusals.push(reason),
            },
            other => refusals.push(format!("It has a disk of the kind {other:?}.")),
        }
    }
    let mut nics = Vec::new();
    for device in devices(domain, "interface") {
        match nic(device) {
            Ok(nic) => nics.push(nic),
            Err(reason) => refusals.push(reason),
        }
    }
    if disks.len() > MOST || nics.len() > MOST {
        refusals.push("It has too many devices.".to_owned());
        disks.truncate(MOST);
        nics.truncate(MOST);
    }
    ForeignDomain {
        topology: topology(domain),
        chipset,
        sound: devices(domain, "sound").next().is_some(),
        disks,
        nics,
        refusals,
        notes,
    }
}

fn topology(domain: &Element) -> (u32, u32, u32) {
    let vcpus: u32 = domain
        .find("vcpu")
        .and_then(|it| it.own_text().trim().parse().ok())
        .unwrap_or(1);
    let said = domain.path(&["cpu", "topology"]).and_then(|it| {
        let of = |name| it.get(name).and_then(|it| it.parse::<u32>().ok());
        Some((of("sockets")?, of("cores")?, of("threads")?))
    });
    said.filter(|(sockets, cores, threads)| {
        sockets
            .checked_mul(*cores)
            .and_then(|it| it.checked_mul(*threads))
            == Some(vcpus)
    })
    .unwrap_or((vcpus.max(1), 1, 1))
}

fn disk(device: &Element) -> Result<ForeignDisk, String> {
    let target = device.find("target");
    let name = target.and_then(|it| it.get("dev")).unwrap_or_default();
    let wrong = |what: &str| format!("Its disk {name} {what}.");
    let path = device
        .find("source")
        .and_then(|it| it.get("file"))
        .filter(|_| device.get("type") == Some("file"))
        .ok_or_else(|| wrong("is not a file"))?;
    if !path.starts_with('/') || path.len() > 4096 || path.chars().any(char::is_control) {
        return Err(wrong("has a path that cannot be used"));
    }
    let format = match device.find("driver").and_then(|it| it.get("type")) {
        Some("raw") => VolumeFormat::Raw,
        Some("qcow2") => VolumeFormat::Qcow2,
        _ => return Err(wrong("is neither raw nor qcow2, or does not say")),
    };
    if device
        .find("backingStore")
        .is_some_and(|it| it.find("source").is_some())
    {
        return Err(wrong("stands on another file"));
    }
    if device.find("encryption").is_some() || device.path(&["source", "encryption"]).is_some() {
        return Err(wrong("is encrypted"));
    }
    let interface = match target.and_then(|it| it.get("bus")) {
        Some("virtio") => DiskInterface::Virtio,
        Some("scsi") => DiskInterface::VirtioScsi,
        Some("sata") => DiskInterface::Sata,
        Some("ide") => DiskInterface::Ide,
        _ => return Err(wrong("is connected in a way that is not known here")),
    };
    Ok(ForeignDisk {
        target: name.to_owned(),
        path: PathBuf::from(path),
        format,
        interface,
        read_only: device.find("readonly").is_some(),
        shareable: device.find("shareable").is_some(),
    })
}

fn nic(device: &Element) -> Result<ForeignNic, String> {
    let mac: MacAddress = device
        .find("mac")
        .and_then(|it| it.get("address"))
        .and_then(|it| it.parse().ok())
        .ok_or("It has a network interface without an address.")?;
    let model = match device.find("model").and_then(|it| it.get("type")) {
        Some("virtio") => NicModel::Virtio,
        Some("e1000") => NicModel::E1000,
        Some("e1000e") => NicModel::E1000e,
        Some("rtl8139") | None => NicModel::Rtl8139,
        Some(_) => {
            return Err(format!(
                "Its interface {mac} is of a kind that is not known here."
            ));
        }
    };
    let source = device.find("source");
    let named = |name| source.and_then(|it| it.get(name)).map(str::to_owned);
    Ok(ForeignNic {
        mac,
        model,
        network: named("network").or_else(|| named("bridge")),
        linked: device.find("link").and_then(|it| it.get("state")) != Some("down"),
    })
}

/// Our mark, as libvirt takes it: without prefixes, which it makes itself.
fn mark(adoption: &Adoption) -> String {
    Element::new("domain")
        .attr("vm", adoption.vm.to_string())
        .attr("epoch", adoption.run_epoch.to_string())
        .attr("operation", adoption.operation.to_string())
        .children(adoption.disks.iter().map(|(target, id)| {
            Element::new("device")
                .attr("target", target.clone())
                .attr("id", id.to_string())
        }))
        .children(adoption.nics.iter().map(|(mac, id)| {
            Element::new("device")
                .attr("mac", mac.to_string())
                .attr("id", id.to_string())
        }))
        .to_xml()
}

fn set_mark(domain: &Domain, mark: Option<&str>) -> Result<(), HostError> {
    let mut flags = 0;
    if is_active(domain)? {
        flags |= sys::VIR_DOMAIN_AFFECT_LIVE;
    }
    if domain.is_persistent().map_err(|e| failed(&e))? {
        flags |= sys::VIR_DOMAIN_AFFECT_CONFIG;
    }
    let kind = i32::try_from(sys::VIR_DOMAIN_METADATA_ELEMENT).unwrap_or(2);
    let key = mark.map(|_| "saffron");
    domain
        .set_metadata(kind, mark, key, Some(NAMESPACE), flags)
        .map(|_| ())
        .map_err(|e| failed(&e))
}

fn adopt(connection: &Connect, adoption: &Adoption) -> Result<(), HostError> {
    let domain = get(connection, adoption.vm)?;
    match info(&domain)?.stamp {
        Some(stamp) if stamp.operation == Some(adoption.operation) => {}
        Some(_) => {
            return Err(HostError::WrongState {
                what: "The domain belongs to somebody already.".to_owned(),
            });
        }
        None => set_mark(&domain, Some(&mark(adoption)))?,
    }
    if !domain.is_persistent().map_err(|e| failed(&e))? {
        // One that was started without a definition would be forgotten when it ends.
        let flags = sys::VIR_DOMAIN_XML_INACTIVE | sys::VIR_DOMAIN_XML_SECURE;
        let document = domain.xml_desc(flags).map_err(|e| failed(&e))?;
        super::domain::define(connection, &document)?;
    }
    Ok(())
}

fn release(connection: &Connect, vm: Uuid) -> Result<(), HostError> {
    let Some(domain) = find(connection, vm)? else {
        return Ok(());
    };
    let mut marked = xml(&domain, 0)?
        .path(&["metadata", super::domain_xml::STAMP])
        .is_some();
    if domain.is_persistent().map_err(|e| failed(&e))? {
        let definition = xml(&domain, sys::VIR_DOMAIN_XML_INACTIVE)?;
        marked |= definition
            .path(&["metadata", super::domain_xml::STAMP])
            .is_some();
    }
    if marked {
        set_mark(&domain, None)?;
    }
    Ok(())
}

impl ForeignWork for LibvirtHost {
    fn adopt(&self, adoption: Adoption) -> HostFuture<'_, ()> {
        let call = Call::short("adopt a domain");
        Box::pin(
            self.inner
                .connection
                .call(call, move |c| adopt(c, &adoption)),
        )
    }

    fn release(&self, vm: Uuid) -> HostFuture<'_, ()> {
        let call = Call::short("release a domain");
        Box::pin(self.inner.connection.call(call, move |c| release(c, vm)))
    }

    fn volume_place(
        &self,
        volume: VolumeRef,
        path: PathBuf,
        format: VolumeFormat,
    ) -> HostFuture<'_, VolumeInfo> {
        Box::pin(async move {
            if !self.inner.local {
                return Err(HostError::Unsupported {
                    what: "files of another machine cannot be taken over".to_owned(),
                });
            }
            let images = self.inner.images.clone();
            blocking(move || images.place(volume, &path, format)).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(inside: &str) -> ForeignDomain {
        let document = format!(
            "<domain type='kvm'><vcpu>4</vcpu><os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>\
             <cpu><topology sockets='1' cores='2' threads='2'/></cpu><devices>{inside}</devices></domain>"
        );
        read(&Element::parse(&document).expect("well-formed"))
    }

    #[test]
    fn a_plain_domain_can_be_adopted_with_all_that_it_has() {
        let it = parsed(
            "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/x/a.qcow2'/><backingStore/><target dev='vda' bus='virtio'/></disk>\
             <disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>\
             <interface type='network'><mac address='52:54:00:00:00:01'/><source network='default' bridge='virbr0'/><model type='virtio'/><link state='down'/></interface>",
        );
        assert!(it.refusals.is_empty(), "{:?}", it.refusals);
        assert_eq!((it.topology, it.chipset), ((1, 2, 2), Chipset::Q35));
        assert_eq!(it.disks[0].path, PathBuf::from("/x/a.qcow2"));
        assert_eq!(it.disks[0].format, VolumeFormat::Qcow2);
        assert_eq!(it.nics[0].network.as_deref(), Some("default"));
        assert!(!it.nics[0].linked);
    }

    #[test]
    fn what_could_not_be_run_is_refused_with_its_reason() {
        for (inside, reason) in [
            (
                "<hostdev mode='subsystem' type='pci'/>",
                "a device of the host's",
            ),
            (
                "<disk type='block' device='disk'><target dev='vda' bus='virtio'/></disk>",
                "is not a file",
            ),
            (
                "<disk type='file' device='disk'><driver type='vmdk'/><source file='/x'/><target dev='vda' bus='virtio'/></disk>",
                "neither raw nor qcow2",
            ),
            (
                "<disk type='file' device='disk'><source file='/x'/><target dev='vda' bus='virtio'/></disk>",
                "does not say",
            ),
            (
                "<disk type='file' device='disk'><driver type='qcow2'/><source file='/x'/><backingStore type='file'><source file='/etc/shadow'/></backingStore><target dev='vda' bus='virtio'/></disk>",
                "stands on another",
            ),
            (
                "<disk type='file' device='disk'><driver type='raw'/><source file='relative'/><target dev='vda' bus='virtio'/></disk>",
                "cannot be used",
            ),
            (
                "<interface type='user'><model type='virtio'/></interface>",
                "without an address",
            ),
        ] {
            let it = parsed(inside);
            assert!(
                it.refusals.iter().any(|it| it.contains(reason)),
                "{inside}: {:?}",
                it.refusals
            );
        }
        let other = Element::parse("<domain type='lxc'><os><type>exe</type></os></domain>");
        assert!(!read(&other.expect("well-formed")).refusals.is_empty());
    }
}
