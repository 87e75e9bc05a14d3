//! `…/statistics`: what is measured of VMs, their interfaces, disks and hosts, under oVirt's names.

use api::path::{self, Path};
use api::types::{self, Value};
use manager::Inventory;
use manager::model::{Disk, Host, HostInterface, HostStatus, Nic, NicStatistics, Vm};
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
    BitsPerSecond,
    CountPerSecond,
    Percent,
    Seconds,
    /// Seconds with a fraction.
    Moment,
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
        self.several(name, description, unit, "gauge", &[datum]);
    }

    /// Something that only grows.
    fn count(&mut self, name: &str, description: &str, unit: Unit, datum: f64) {
        self.several(name, description, unit, "counter", &[datum]);
    }

    fn several(&mut self, name: &str, description: &str, unit: Unit, kind: &str, data: &[f64]) {
        let id = id(&self.base, name);
        let (unit, whole) = match unit {
            Unit::Bytes => ("bytes", true),
            Unit::BytesPerSecond => ("bytes_per_second", false),
            Unit::BitsPerSecond => ("bits_per_second", true),
            Unit::CountPerSecond => ("count_per_second", false),
            Unit::Percent => ("percent", false),
            Unit::Seconds => ("seconds", true),
            Unit::Moment => ("seconds", false),
            Unit::None => ("none", kind != "counter"),
        };
        let values: Vec<Value> = data
            .iter()
            .map(|datum| Value {
                datum: Some(*datum),
                detail: None,
            })
            .collect();
        self.list.push(types::Statistic {
            href: Some(self.base.item(&id).to_string()),
            id: Some(id),
            name: Some(name.to_owned()),
            description: Some(description.to_owned()),
            kind: word(kind),
            type_: word(if whole || kind == "counter" {
                "integer"
            } else {
                "decimal"
            }),
            unit: word(unit),
            values: Some(values.into()),
            ..types::Statistic::default()
        });
    }

    /// An interface's, under the names that oVirt has for a VM's and for a host's.
    fn interface(&mut self, it: &NicStatistics) {
        for (way, whole, rate, total, errors) in [
            (
                "rx",
                "Receive",
                it.receive,
                it.received_total,
                it.receive_errors_total,
            ),
            (
                "tx",
                "Transmit",
                it.transmit,
                it.sent_total,
                it.transmit_errors_total,
            ),
        ] {
            self.add(
                &format!("data.current.{way}"),
                &format!("{whole} data rate"),
                Unit::BytesPerSecond,
                rate,
            );
            self.add(
                &format!("data.current.{way}.bps"),
                &format!("{whole} data rate"),
                Unit::BitsPerSecond,
                (rate * 8.0).round(),
            );
            self.count(
                &format!("errors.total.{way}"),
                &format!("Total {} errors", whole.to_lowercase()),
                Unit::None,
                bytes(errors),
            );
            self.count(
                &format!("data.total.{way}"),
                &format!("Total {} data", whole.to_lowercase()),
                Unit::Bytes,
                bytes(total),
            );
        }
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
    let free = vm
        .hardware
        .memory
        .saturating_sub(measured.memory_bytes.unwrap_or(vm.hardware.memory));
    figures.add(
        "memory.free",
        "Memory free (agent)",
        Unit::Bytes,
        bytes(free),
    );
    figures.add(
        "memory.buffered",
        "Memory buffered (agent)",
        Unit::Bytes,
        0.0,
    );
    figures.add("memory.cached", "Memory cached (agent)", Unit::Bytes, 0.0);
    figures.add(
        "cpu.current.guest",
        "CPU used by guest",
        Unit::Percent,
        guest,
    );
    figures.add("cpu.current.hypervisor", "CPU overhead", Unit::Percent, 0.0);
    figures.add("cpu.current.total", "Total CPU used", Unit::Percent, guest);
    figures.add(
        "migration.progress",
        "Migration Progress",
        Unit::Percent,
        0.0,
    );
    figures.add(
        "elapsed.time",
        "Elapsed VM runtime",
        Unit::Seconds,
        bytes(measured.uptime_seconds),
    );
    let network = measured.network_receive + measured.network_transmit;
    figures.add(
        "network.current.total",
        "Total network used",
        Unit::BytesPerSecond,
        network,
    );
    figures.add(
        "disks.current.read",
        "Read data rate of all disks",
        Unit::BytesPerSecond,
        measured.disk_read,
    );
    figures.add(
        "disks.current.write",
        "Write data rate of all disks",
        Unit::BytesPerSecond,
        measured.disk_write,
    );
    for figure in &mut figures.list {
        figure.vm = reference!(Vm, owner, vm.id);
    }
    figures.list
}

/// A network interface's figures; there are some while the host measures it.
pub(super) fn nic(inventory: &Inventory, vm: &Vm, nic: &Nic) -> Vec<types::Statistic> {
    let owner = path::vm(vm.id).nics().item(nic.id);
    let mut figures = Figures::of(&owner);
    let measured = inventory.nic_statistics.get(&nic.id);
    figures.interface(&measured.map(|it| (**it).clone()).unwrap_or_default());
    for figure in &mut figures.list {
        figure.nic = reference!(Nic, owner, nic.id);
    }
    figures.list
}

/// A disk's figures.
pub(super) fn disk(inventory: &Inventory, disk: &Disk) -> Vec<types::Statistic> {
    let owner = path::disk(disk.id);
    let mut figures = Figures::of(&owner);
    let measured = inventory.disk_statistics.get(&disk.id);
    let measured = measured.map(|it| (**it).clone()).unwrap_or_default();
    figures.add(
        "data.current.read",
        "Read data rate",
        Unit::BytesPerSecond,
        measured.read,
    );
    figures.add(
        "data.current.read_ops",
        "Read operations rate",
        Unit::CountPerSecond,
        measured.read_operations,
    );
    figures.add(
        "data.current.write",
        "Write data rate",
        Unit::BytesPerSecond,
        measured.write,
    );
    figures.add(
        "data.current.write_ops",
        "Write operations rate",
        Unit::CountPerSecond,
        measured.write_operations,
    );
    for (name, description, latency) in [
        ("disk.read.latency", "Read latency", measured.read_latency),
        (
            "disk.write.latency",
            "Write latency",
            measured.write_latency,
        ),
        (
            "disk.flush.latency",
            "Flush latency",
            measured.flush_latency,
        ),
    ] {
        figures.add(name, description, Unit::Moment, latency.unwrap_or(0.0));
    }
    for figure in &mut figures.list {
        figure.disk = reference!(Disk, owner, disk.id);
    }
    figures.list
}

/// The figures of a host's network interface.
pub(super) fn host_nic(host: &Host, it: &HostInterface, id: &str) -> Vec<types::Statistic> {
    let owner = path::host(host.id).nics().item(id);
    let mut figures = Figures::of(&owner);
    figures.interface(&it.statistics);
    for figure in &mut figures.list {
        figure.host_nic = reference!(HostNic, owner, id);
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
    for (name, description, of) in [
        ("memory.shared", "Shared memory", None),
        ("memory.buffers", "IO buffers", measured.memory_buffers),
        ("memory.cached", "OS caches", measured.memory_cached),
        ("swap.total", "Total swap", measured.swap_total),
        ("swap.free", "Free swap", measured.swap_free),
        (
            "swap.used",
            "Used swap",
            measured
                .swap_total
                .zip(measured.swap_free)
                .map(|(total, free)| total.saturating_sub(free)),
        ),
        ("swap.cached", "Swap also on memory", measured.swap_cached),
    ] {
        figures.add(name, description, Unit::Bytes, bytes(of.unwrap_or(0)));
    }
    figures.add("ksm.cpu.current", "KSM CPU usage", Unit::Percent, 0.0);
    figures.add(
        "cpu.current.user",
        "User CPU usage",
        Unit::Percent,
        measured
            .cpu_user_percent
            .or(measured.cpu_percent)
            .unwrap_or(0.0),
    );
    figures.add(
        "cpu.current.system",
        "System CPU usage",
        Unit::Percent,
        measured.cpu_system_percent.unwrap_or(0.0),
    );
    figures.add(
        "cpu.current.idle",
        "Idle CPU usage",
        Unit::Percent,
        (100.0 - measured.cpu_percent.unwrap_or(0.0)).max(0.0),
    );
    figures.add(
        "cpu.load.avg.5m",
        "CPU 5 minute load average",
        Unit::Percent,
        measured.load_5_minutes.unwrap_or(0.0),
    );
    #[allow(clippy::cast_precision_loss)] // Exact for some millennia.
    figures.add(
        "boot.time",
        "Boot time of the machine",
        Unit::Seconds,
        measured.boot_time.map_or(0.0, |at| (at.0 / 1000) as f64),
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
