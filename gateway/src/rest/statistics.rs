//! `…/statistics`: what is measured of VMs, their interfaces, disks and hosts, under oVirt's names.

use api::path::{self, Path};
use api::types::{self, Value};
use manager::Inventory;
use manager::model::{Disk, Host, HostStatus, Nic, Vm};
use sha2::{Digest, Sha256};

use super::convert::{reference, word};
use super::fault::Result;
use super::view::{Found, list_or_pick};

pub(super) fn read(statistics: Vec<types::Statistic>, rest: &[&str]) -> Result<Found> {
    list_or_pick(statistics, rest)
}

/// What a figure counts.
#[derive(Clone, Copy)]
enum Unit {
    Bytes,
    BytesPerSecond,
    Percent,
    Seconds,
    None,
}

struct Figures {
    base: Path,
    list: Vec<types::Statistic>,
}

impl Figures {
    fn of(owner: &Path) -> Self {
        Self {
            base: owner.statistics(),
            list: Vec::new(),
        }
    }

    fn add(&mut self, name: &str, description: &str, unit: Unit, datum: f64) {
        let id = id(&self.base, name);
        let (unit, whole) = match unit {
            Unit::Bytes => ("bytes", true),
            Unit::BytesPerSecond => ("bytes_per_second", false),
            Unit::Percent => ("percent", false),
            Unit::Seconds => ("seconds", true),
            Unit::None => ("none", false),
        };
        self.list.push(types::Statistic {
            href: Some(self.base.item(&id).to_string()),
            id: Some(id),
            name: Some(name.to_owned()),
            description: Some(description.to_owned()),
            kind: word("gauge"),
            type_: word(if whole { "integer" } else { "decimal" }),
            unit: word(unit),
            values: Some(
                vec![Value {
                    datum: Some(datum),
                    detail: None,
                }]
                .into(),
            ),
            ..types::Statistic::default()
        });
    }
}

/// The same name of the same object has the same id.
fn id(base: &Path, name: &str) -> String {
    let hash = Sha256::digest(format!("{base}/{name}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes)
        .into_uuid()
        .to_string()
}

#[allow(clippy::cast_precision_loss)] // Exact up to 8 PiB.
fn bytes(number: u64) -> f64 {
    number as f64
}

/// A VM's figures.
pub(super) fn vm(inventory: &Inventory, vm: &Vm) -> Vec<types::Statistic> {
    let owner = path::vm(vm.id);
    let mut figures = Figures::of(&owner);
    let measured = inventory
        .vm_statistics
        .get(&vm.id)
        .filter(|_| vm.run.status.is_running());
    let measured = measured.map(|it| (**it).clone()).unwrap_or_default();
    // Clients look for these by name and take the first value: what nobody told is 0, as it is in
    // oVirt's own answers.
    let guest = measured.cpu_percent.unwrap_or(0.0);
    figures.add(
        "memory.installed",
        "Total memory configured",
        Unit::Bytes,
        bytes(vm.hardware.memory),
    );
    figures.add(
        "memory.used",
        "Memory used (agent)",
        Unit::Bytes,
        bytes(measured.memory_bytes.unwrap_or(0)),
    );
    figures.add(
        "cpu.current.guest",
        "CPU used by guest",
        Unit::Percent,
        guest,
    );
    figures.add("cpu.current.total", "Total CPU used", Unit::Percent, guest);
    figures.add(
        "elapsed.time",
        "Elapsed VM runtime",
        Unit::Seconds,
        bytes(measured.uptime_seconds),
    );
    for figure in &mut figures.list {
        figure.vm = reference!(Vm, owner, vm.id);
    }
    figures.list
}

/// A network interface's figures. The host measures a VM as a whole, so there are some only for a
/// VM with one interface.
pub(super) fn nic(inventory: &Inventory, vm: &Vm, nic: &Nic) -> Vec<types::Statistic> {
    let owner = path::vm(vm.id).nics().item(nic.id);
    let mut figures = Figures::of(&owner);
    let plugged = vm.nics.iter().filter(|nic| nic.plugged).count();
    if let Some(measured) = inventory.vm_statistics.get(&vm.id)
        && plugged == 1
        && nic.plugged
    {
        figures.add(
            "data.current.rx",
            "Receive data rate",
            Unit::BytesPerSecond,
            measured.network_receive,
        );
        figures.add(
            "data.current.tx",
            "Transmit data rate",
            Unit::BytesPerSecond,
            measured.network_transmit,
        );
    }
    for figure in &mut figures.list {
        figure.nic = reference!(Nic, owner, nic.id);
    }
    figures.list
}

/// A disk's figures: those of its VM, where it is the VM's only disk.
pub(super) fn disk(inventory: &Inventory, disk: &Disk) -> Vec<types::Statistic> {
    let owner = path::disk(disk.id);
    let mut figures = Figures::of(&owner);
    let vm = inventory
        .vms_of_disk(disk.id)
        .find(|vm| vm.disk_attachments.len() == 1);
    if let Some(measured) = vm.and_then(|vm| inventory.vm_statistics.get(&vm.id)) {
        figures.add(
            "data.current.read",
            "Read data rate",
            Unit::BytesPerSecond,
            measured.disk_read,
        );
        figures.add(
            "data.current.write",
            "Write data rate",
            Unit::BytesPerSecond,
            measured.disk_write,
        );
    }
    for figure in &mut figures.list {
        figure.disk = reference!(Disk, owner, disk.id);
    }
    figures.list
}

/// A host's figures.
pub(super) fn host(inventory: &Inventory, host: &Host) -> Vec<types::Statistic> {
    let owner = path::host(host.id);
    let mut figures = Figures::of(&owner);
    let measured = inventory
        .host_statistics
        .get(&host.id)
        .filter(|_| host.status == HostStatus::Up)
        .map(|it| (**it).clone())
        .unwrap_or_default();
    let total = host
        .report
        .as_ref()
        .map_or(measured.memory_total, |facts| facts.memory);
    figures.add("memory.total", "Total memory", Unit::Bytes, bytes(total));
    figures.add(
        "memory.used",
        "Used memory",
        Unit::Bytes,
        bytes(measured.memory_used.unwrap_or(0)),
    );
    figures.add(
        "memory.free",
        "Free memory",
        Unit::Bytes,
        bytes(total.saturating_sub(measured.memory_used.unwrap_or(0))),
    );
    figures.add(
        "cpu.current.user",
        "User CPU usage",
        Unit::Percent,
        measured.cpu_percent.unwrap_or(0.0),
    );
    figures.add(
        "cpu.current.idle",
        "Idle CPU usage",
        Unit::Percent,
        (100.0 - measured.cpu_percent.unwrap_or(0.0)).max(0.0),
    );
    figures.add(
        "elapsed.time",
        "Seconds since boot",
        Unit::Seconds,
        bytes(measured.uptime_seconds),
    );
    figures.add(
        "vms.active",
        "Virtual machines running",
        Unit::None,
        bytes(inventory.vms_of_host(host.id).count() as u64),
    );
    for figure in &mut figures.list {
        figure.host = reference!(Host, owner, host.id);
    }
    figures.list
}
