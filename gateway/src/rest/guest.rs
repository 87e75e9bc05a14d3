//! What a VM's guest tells of itself: its system, host name and time zone on the VM, its devices,
//! sessions and applications below it. Ids are made of what they stand for, as nobody stores any.

use api::path::{self, Path};
use api::types::{self, GuestOperatingSystem, Ip, Kernel, Mac, TimeZone};
use manager::Inventory;
use manager::host::guest::{GuestInterface, GuestReport};
use manager::model::{Nic, Vm};
use sha2::{Digest, Sha256};

use super::convert::{part, program_version, reference, word};

/// What the guest tells, while its VM runs and its agent answers, or did a moment ago.
fn report<'a>(inventory: &'a Inventory, vm: &Vm) -> Option<&'a GuestReport> {
    inventory.guests.get(&vm.id).map(|guest| &guest.report)
}

fn id(base: &Path, name: &str) -> String {
    let hash = Sha256::digest(format!("{base}/{name}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes)
        .into_uuid()
        .to_string()
}

/// Writes what a VM itself shows of its guest.
pub(super) fn write(inventory: &Inventory, vm: &Vm, object: &mut types::Vm) {
    let Some(report) = report(inventory, vm) else {
        return;
    };
    object.fqdn.clone_from(&report.host_name);
    object.guest_time_zone = report.time_zone.as_ref().map(|zone| {
        let (sign, ahead) = if zone.offset < 0 {
            ('-', zone.offset.unsigned_abs())
        } else {
            ('+', zone.offset.unsigned_abs())
        };
        TimeZone {
            name: Some(zone.name.clone()),
            utc_offset: Some(format!(
                "{sign}{:02}:{:02}",
                ahead / 3600,
                ahead % 3600 / 60
            )),
        }
        .into()
    });
    object.guest_operating_system = report.os.as_ref().map(|os| {
        let told = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        GuestOperatingSystem {
            architecture: told(&os.machine),
            codename: told(&os.codename),
            distribution: told(&os.name),
            family: Some(os.family().to_owned()),
            kernel: told(&os.kernel).map(|kernel| {
                Kernel {
                    version: Some(program_version(&kernel).into()),
                }
                .into()
            }),
            version: told(&os.version).map(|version| program_version(&version).into()),
        }
        .into()
    });
}

fn device(vm: &Vm, base: &Path, it: &GuestInterface) -> types::ReportedDevice {
    let id = id(base, &it.name);
    types::ReportedDevice {
        href: Some(base.item(&id).to_string()),
        id: Some(id),
        name: Some(it.name.clone()),
        description: Some("guest reported data".to_owned()),
        type_: word("network"),
        mac: it.mac.map(|mac| {
            Mac {
                address: Some(manager::model::Mac(mac).to_string()),
            }
            .into()
        }),
        ips: Some(
            it.addresses
                .iter()
                .map(|it| Ip {
                    address: Some(it.address.to_string()),
                    version: word(if it.address.is_ipv6() { "v6" } else { "v4" }),
                    ..Ip::default()
                })
                .collect::<Vec<_>>()
                .into(),
        ),
        vm: reference!(Vm, path::vm(vm.id), vm.id),
        ..types::ReportedDevice::default()
    }
}

/// The guest's network interfaces.
pub(super) fn devices(inventory: &Inventory, vm: &Vm) -> Vec<types::ReportedDevice> {
    let base = path::vm(vm.id).child("reporteddevices");
    report(inventory, vm)
        .into_iter()
        .flat_map(|report| &report.interfaces)
        .map(|it| device(vm, &base, it))
        .collect()
}

/// What the guest calls one of the VM's interfaces: the one with its address.
pub(super) fn devices_of_nic(
    inventory: &Inventory,
    vm: &Vm,
    nic: &Nic,
) -> Vec<types::ReportedDevice> {
    let base = path::vm(vm.id).nics().item(nic.id).child("reporteddevices");
    report(inventory, vm)
        .into_iter()
        .flat_map(|report| &report.interfaces)
        .filter(|it| it.mac == Some(nic.mac.0))
        .map(|it| device(vm, &base, it))
        .collect()
}

/// Who is logged in to the guest.
pub(super) fn sessions(inventory: &Inventory, vm: &Vm) -> Vec<types::Session> {
    let base = path::vm(vm.id).child("sessions");
    report(inventory, vm)
        .into_iter()
        .flat_map(|report| &report.users)
        .map(|user| {
            let name = match &user.domain {
                Some(domain) => format!("{}@{domain}", user.name),
                None => user.name.clone(),
            };
            let id = id(&base, &format!("{name}/{}", user.since));
            types::Session {
                href: Some(base.item(&id).to_string()),
                id: Some(id),
                console_user: Some(false),
                user: Some(
                    types::User {
                        user_name: Some(name),
                        ..types::User::default()
                    }
                    .into(),
                ),
                vm: reference!(Vm, path::vm(vm.id), vm.id),
                ..types::Session::default()
            }
        })
        .collect()
}

/// What is installed in the guest, as far as its agent tells.
pub(super) fn applications(inventory: &Inventory, vm: &Vm) -> Vec<types::Application> {
    let base = path::vm(vm.id).child("applications");
    report(inventory, vm)
        .into_iter()
        .flat_map(GuestReport::applications)
        .map(|name| {
            let id = id(&base, &name);
            types::Application {
                href: Some(base.item(&id).to_string()),
                id: Some(id),
                name: Some(name),
                vm: Some(part!(Vm, path::vm(vm.id), vm.id)),
                ..types::Application::default()
            }
        })
        .collect()
}
