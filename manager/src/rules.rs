//! Which action is possible now, and the sentence that says why not. Commands refuse by the same
//! rules that offers are made from, so a portal never offers what would be refused for a reason
//! that is known.

pub mod affinity;
mod external;
pub(crate) mod images;
mod offers;
pub mod quota;
pub(crate) mod snapshot;
mod template;

pub use offers::{Offer, offers};
pub(crate) use template::{
    count as pool_count, is_free, not_of_template, pool_allocate, pool_edit, pool_maintenance,
    pool_pick, template_delete, template_edit, template_use, up_to_date,
};

use crate::inventory::Inventory;
use crate::model::{
    Disk, DiskContentType, DiskStatus, GraphicsType, Host, HostStatus, ObjectId, Permit, Role, Vm,
    VmStatus,
};
use crate::scheduler;

/// An action on a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VmAction {
    Start,
    Stop,
    Shutdown,
    Reboot,
    Reset,
    Suspend,
    Freeze,
    Thaw,
    Adopt,
    Edit,
    Delete,
    Console,
    ChangeCd,
    ConfigureDisks,
    ConfigureNics,
    CreateTemplate,
    Clone,
    DetachFromPool,
}

impl VmAction {
    const ALL: [Self; 18] = [
        Self::Start,
        Self::Stop,
        Self::Shutdown,
        Self::Reboot,
        Self::Reset,
        Self::Suspend,
        Self::Freeze,
        Self::Thaw,
        Self::Adopt,
        Self::Edit,
        Self::Delete,
        Self::Console,
        Self::ChangeCd,
        Self::ConfigureDisks,
        Self::ConfigureNics,
        Self::CreateTemplate,
        Self::Clone,
        Self::DetachFromPool,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Shutdown => "shutdown",
            Self::Reboot => "reboot",
            Self::Reset => "reset",
            Self::Suspend => "suspend",
            Self::Freeze => "freeze",
            Self::Thaw => "thaw",
            Self::Adopt => "adopt",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::Console => "console",
            Self::ChangeCd => "change_cd",
            Self::ConfigureDisks => "configure_disks",
            Self::ConfigureNics => "configure_nics",
            Self::CreateTemplate => "create_template",
            Self::Clone => "clone",
            Self::DetachFromPool => "detach_from_pool",
        }
    }

    /// The permits of which one is enough.
    pub(crate) fn permits(self) -> &'static [Permit] {
        match self {
            Self::Start => &[Permit::RUN_VM],
            Self::Stop => &[Permit::STOP_VM],
            Self::Shutdown => &[Permit::SHUT_DOWN_VM, Permit::STOP_VM],
            Self::Reboot => &[Permit::REBOOT_VM],
            Self::Reset => &[Permit::RESET_VM, Permit::REBOOT_VM],
            Self::Suspend => &[Permit::HIBERNATE_VM],
            Self::Adopt => &[Permit::IMPORT_EXPORT_VM],
            Self::Freeze | Self::Thaw => &[Permit::MANIPULATE_VM_SNAPSHOTS],
            Self::Edit => &[Permit::EDIT_VM_PROPERTIES],
            Self::Delete => &[Permit::DELETE_VM],
            Self::Console => &[Permit::CONNECT_TO_VM, Permit::RECONNECT_TO_VM],
            Self::ChangeCd => &[Permit::CHANGE_VM_CD],
            Self::ConfigureDisks => &[Permit::CONFIGURE_VM_STORAGE],
            Self::ConfigureNics => &[Permit::CONFIGURE_VM_NETWORK],
            Self::CreateTemplate => &[Permit::CREATE_TEMPLATE],
            Self::Clone => &[Permit::CREATE_VM],
            Self::DetachFromPool => &[Permit::EDIT_VM_POOL_CONFIGURATION],
        }
    }
}

/// What a VM is doing, as a sentence that ends a refusal.
pub(crate) fn state_sentence(vm: &Vm) -> &'static str {
    match vm.run.status {
        VmStatus::Down => "VM is not running.",
        VmStatus::Up => "VM is running.",
        VmStatus::Paused => "VM is paused.",
        VmStatus::Suspended => "VM is suspended.",
        VmStatus::ImageLocked => {
            "VM's Image might be corrupted or is locked. Please try again later."
        }
        VmStatus::PoweringUp | VmStatus::WaitForLaunch => "VM is starting.",
        VmStatus::PoweringDown => "VM is shutting down.",
        VmStatus::RebootInProgress => "VM is rebooting.",
        VmStatus::SavingState => "VM is in saving process.",
        VmStatus::RestoringState => "VM is in restoring process.",
        VmStatus::Migrating => "VM is being migrated.",
        VmStatus::NotResponding | VmStatus::Unknown => "VM is not responding.",
        VmStatus::Unassigned => "VM's state is not known yet.",
    }
}

const BUSY: &str = "Related operation is currently in progress. Please try again later.";

/// Why no viewer of the user's own can be connected to a VM now.
pub(crate) fn viewer(vm: &Vm) -> Result<(), String> {
    use VmStatus as S;
    match vm.run.status {
        S::Up | S::PoweringUp | S::PoweringDown | S::RebootInProgress | S::Paused => {
            if vm.running_hardware().display.graphics.is_empty() {
                Err("Cannot open a console. VM has no screen (it is headless).".to_owned())
            } else {
                Ok(())
            }
        }
        _ => Err(format!("Cannot open a console. {}", state_sentence(vm))),
    }
}

/// Why an action on a VM is not possible now; the caller's rights are not looked at.
pub(crate) fn vm(inventory: &Inventory, vm: &Vm, action: VmAction) -> Result<(), String> {
    use VmStatus as S;
    let status = vm.run.status;
    let refuse = |verb: &str| Err(format!("Cannot {verb} VM. {}", state_sentence(vm)));
    let locked = inventory.lock_of(vm.id).is_some();
    if vm.external.is_some() && !matches!(action, VmAction::Adopt | VmAction::Console) {
        return Err(format!(
            "Cannot {} VM. It was made outside of this manager: adopt it first.",
            action.word().replace('_', " ")
        ));
    }
    match action {
        VmAction::Start => {
            match status {
                S::Down | S::Suspended | S::Paused => {}
                S::Up => return refuse("run"),
                _ => return refuse("run"),
            }
            if locked {
                return Err(format!("Cannot run VM. {BUSY}"));
            }
            if status == S::Paused {
                return Ok(());
            }
            if status == S::Down && !vm.run.temporary.is_empty() {
                return Err(format!("Cannot run VM. What it wrote in its last run is being thrown away. {BUSY}"));
            }
            disks_ready(inventory, vm)?;
            let hardware = vm.next_run.as_deref().unwrap_or(&vm.hardware);
            scheduler::choose(inventory, vm, hardware)
                .map(|_| ())
                .map_err(|reason| format!("Cannot run VM. {reason}"))
        }
        VmAction::Stop => match status {
            S::Down | S::ImageLocked | S::Unassigned => refuse("stop"),
            _ if locked => Err(format!("Cannot stop VM. {BUSY}")),
            _ => Ok(()),
        },
        VmAction::Shutdown => match status {
            S::Up | S::PoweringUp | S::PoweringDown | S::RebootInProgress if locked => {
                Err(format!("Cannot shutdown VM. {BUSY}"))
            }
            S::Up | S::PoweringUp | S::PoweringDown | S::RebootInProgress => Ok(()),
            _ => refuse("shutdown"),
        },
        VmAction::Reboot => match status {
            S::Up | S::PoweringUp if locked => Err(format!("Cannot reboot VM. {BUSY}")),
            S::Up | S::PoweringUp => Ok(()),
            _ => refuse("reboot"),
        },
        VmAction::Reset => match status {
            S::Up | S::PoweringUp | S::PoweringDown | S::RebootInProgress | S::Paused if locked => {
                Err(format!("Cannot reset VM. {BUSY}"))
            }
            S::Up | S::PoweringUp | S::PoweringDown | S::RebootInProgress | S::Paused => Ok(()),
            _ => refuse("reset"),
        },
        VmAction::Suspend => match status {
            S::Up if locked => Err(format!("Cannot hibernate VM. {BUSY}")),
            S::Up => Ok(()),
            _ => refuse("hibernate"),
        },
        VmAction::Adopt => external::adoptable(inventory, vm, locked),
        VmAction::Freeze | VmAction::Thaw => match status {
            S::Up | S::PoweringUp | S::PoweringDown if locked => {
                Err(format!("Cannot reach the guest. {BUSY}"))
            }
            S::Up | S::PoweringUp | S::PoweringDown => {
                if inventory.guests.get(&vm.id).is_some_and(|guest| guest.answers) {
                    Ok(())
                } else {
                    Err("Cannot reach the guest. The guest agent does not answer.".to_owned())
                }
            }
            _ => Err(format!("Cannot reach the guest. {}", state_sentence(vm))),
        },
        VmAction::Edit => match status {
            S::ImageLocked => refuse("edit"),
            _ => Ok(()),
        },
        VmAction::Delete => match status {
            S::Down | S::Suspended if locked => Err(format!("Cannot remove VM. {BUSY}")),
            S::Down if vm.delete_protected => Err(
                "Cannot remove VM. Delete protection is enabled. In order to delete, disable Delete protection first."
                    .to_owned(),
            ),
            S::Down if vm.pool.is_some_and(|pool| !pool_goes(inventory, pool)) => Err(
                "Cannot remove VM. The VM is attached to a VM-Pool; detach it first.".to_owned(),
            ),
            S::Down => disks_ready_for(inventory, vm, "remove VM"),
            _ => refuse("remove"),
        },
        // The portals' console speaks SPICE and nothing else.
        VmAction::Console => viewer(vm).and_then(|()| {
            let graphics = &vm.running_hardware().display.graphics;
            if graphics.contains(&GraphicsType::Spice) {
                Ok(())
            } else {
                Err("Cannot open a console here. VM's console is VNC: open it with a viewer of your own, as remote-viewer.".to_owned())
            }
        }),
        VmAction::ChangeCd => match status {
            S::ImageLocked => refuse("change the CD of"),
            _ if locked => Err(format!("Cannot change CD. {BUSY}")),
            _ => Ok(()),
        },
        VmAction::CreateTemplate => copyable(inventory, vm, "add Template"),
        VmAction::Clone => copyable(inventory, vm, "clone VM"),
        VmAction::DetachFromPool => match status {
            _ if vm.pool.is_none() => {
                Err("Cannot detach VM from VM-Pool. VM is not attached to a VM-Pool.".to_owned())
            }
            S::Down if locked => Err(format!("Cannot detach VM from VM-Pool. {BUSY}")),
            S::Down => Ok(()),
            _ => Err(format!(
                "Cannot detach VM from VM-Pool. {}",
                state_sentence(vm)
            )),
        },
        VmAction::ConfigureDisks | VmAction::ConfigureNics => match status {
            S::Down | S::Up | S::Paused if locked => Err(format!("Cannot edit VM. {BUSY}")),
            S::Down | S::Up | S::Paused => Ok(()),
            _ => refuse("edit"),
        },
    }
}

/// Whether a pool is being removed with its VMs.
fn pool_goes(inventory: &Inventory, pool: crate::model::VmPoolId) -> bool {
    inventory
        .vm_pools
        .get(&pool)
        .is_none_or(|pool| pool.removing)
}

/// Why a VM's disks cannot be copied now.
fn copyable(inventory: &Inventory, vm: &Vm, what: &str) -> Result<(), String> {
    match vm.run.status {
        VmStatus::Down if inventory.lock_of(vm.id).is_some() => {
            Err(format!("Cannot {what}. {BUSY}"))
        }
        VmStatus::Down => disks_ready_for(inventory, vm, what),
        _ => Err(format!("Cannot {what}. {}", state_sentence(vm))),
    }
}

fn disks_ready(inventory: &Inventory, vm: &Vm) -> Result<(), String> {
    let disks = |status| {
        let names: Vec<&str> = vm
            .disk_attachments
            .iter()
            .filter(|attachment| attachment.active)
            .filter_map(|attachment| inventory.disks.get(&attachment.disk))
            .filter(|disk| disk.status == status)
            .map(|disk| disk.name.as_str())
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    if let Some(names) = disks(DiskStatus::Locked) {
        return Err(format!(
            "Cannot run VM: The following disks are locked: {names}. Please try again in a few minutes."
        ));
    }
    if let Some(names) = disks(DiskStatus::Illegal) {
        return Err(format!(
            "Cannot run VM. The following disks are in ILLEGAL status: {names}."
        ));
    }
    Ok(())
}

fn disks_ready_for(inventory: &Inventory, vm: &Vm, what: &str) -> Result<(), String> {
    let locked = vm
        .disk_attachments
        .iter()
        .filter_map(|attachment| inventory.disks.get(&attachment.disk))
        .find(|disk| disk.status == DiskStatus::Locked);
    match locked {
        Some(disk) => Err(format!(
            "Cannot {what}: The following disks are locked: {}. Please try again in a few minutes.",
            disk.name
        )),
        None => Ok(()),
    }
}

/// Why a disk cannot be deleted now.
pub(crate) fn disk_delete(inventory: &Inventory, disk: &Disk) -> Result<(), String> {
    if disk.status == DiskStatus::Locked || inventory.lock_of(disk.id).is_some() {
        return Err(format!(
            "Cannot remove Virtual Disk. Disk {} is locked. Please try again later.",
            disk.name
        ));
    }
    not_of_template(inventory, disk, "remove Virtual Disk")?;
    snapshot::not_kept(inventory, disk.id, "remove Virtual Disk")?;
    for vm in inventory.vms_of_disk(disk.id) {
        let active = vm
            .disk_attachments
            .iter()
            .any(|attachment| attachment.disk == disk.id && attachment.active);
        if active && vm.run.status != VmStatus::Down {
            return Err(format!(
                "Cannot remove Virtual Disk. At least one of the VMs is not down: {}.",
                vm.name
            ));
        }
        if inventory.lock_of(vm.id).is_some() {
            return Err(format!("Cannot remove Virtual Disk. {BUSY}"));
        }
    }
    cd_in_use(inventory, disk, "remove Virtual Disk")
}

/// Refuses what would pull a CD out from under a VM.
pub(crate) fn cd_in_use(inventory: &Inventory, disk: &Disk, what: &str) -> Result<(), String> {
    if disk.content_type != DiskContentType::Iso {
        return Ok(());
    }
    // CDs are few and VMs with one inserted are few of all; no index is worth it.
    match inventory
        .vms
        .iter()
        .find(|vm| vm.run.cdrom == Some(disk.id))
    {
        Some(vm) => Err(format!(
            "Cannot {what}. It is in the CD drive of VM {}.",
            vm.name
        )),
        None => Ok(()),
    }
}

/// Why a disk cannot be edited or transferred now.
pub(crate) fn disk_free(inventory: &Inventory, disk: &Disk, what: &str) -> Result<(), String> {
    if disk.status == DiskStatus::Locked || inventory.lock_of(disk.id).is_some() {
        return Err(format!(
            "Cannot {what}. Disk {} is locked. Please try again later.",
            disk.name
        ));
    }
    Ok(())
}

/// Why a host cannot be activated, or set aside, now.
pub(crate) fn host(inventory: &Inventory, host: &Host, activate: bool) -> Result<(), String> {
    match (activate, host.status) {
        (true, HostStatus::Maintenance) => Ok(()),
        (true, _) => Err(format!(
            "Cannot activate Host. Host {} is not in maintenance.",
            host.name
        )),
        (false, HostStatus::Maintenance | HostStatus::PreparingForMaintenance) => Err(format!(
            "Cannot switch Host to Maintenance mode. Host {} is in maintenance already.",
            host.name
        )),
        (false, _) => {
            match inventory
                .vms_of_host(host.id)
                .find(|vm| vm.run.status.is_running())
            {
                // There is nowhere to move them to.
                Some(vm) => Err(format!(
                    "Cannot switch Host to Maintenance mode. VM {} runs on it and there is no other Host.",
                    vm.name
                )),
                None => Ok(()),
            }
        }
    }
}

fn attachable(inventory: &Inventory, disk: &Disk) -> Result<(), String> {
    disk_free(inventory, disk, "attach Virtual Disk")?;
    not_of_template(inventory, disk, "attach Virtual Disk")?;
    if disk.content_type != DiskContentType::Data {
        return Err(format!(
            "Cannot attach Virtual Disk. {} is not a data disk; insert it as a CD.",
            disk.name
        ));
    }
    match inventory.vms_of_disk(disk.id).next() {
        Some(vm) if !disk.shareable => Err(format!(
            "Cannot attach Virtual Disk. The disk {} is already attached to VM {}.",
            disk.name, vm.name
        )),
        _ => Ok(()),
    }
}

/// Why a disk cannot be attached to one more VM now.
pub(crate) fn disk_attach(inventory: &Inventory, disk: &Disk) -> Result<(), String> {
    attachable(inventory, disk)
}

/// Why a disk's content cannot be sent or received now.
pub(crate) fn transferable(inventory: &Inventory, disk: &Disk) -> Result<(), String> {
    disk_free(inventory, disk, "transfer Virtual Disk")?;
    cd_in_use(inventory, disk, "transfer Virtual Disk")?;
    let running = inventory
        .vms_of_disk(disk.id)
        .find(|vm| vm.run.status != VmStatus::Down);
    match running {
        Some(vm) => Err(format!(
            "Cannot transfer Virtual Disk. The VM {} that it is attached to is not down.",
            vm.name
        )),
        None => Ok(()),
    }
}

/// Why a cluster cannot be removed.
pub(crate) fn cluster_delete(
    inventory: &Inventory,
    id: crate::model::ClusterId,
) -> Result<(), String> {
    if inventory.hosts.iter().any(|host| host.cluster == id) {
        return Err("Cannot remove Cluster. Cluster contains one or more Hosts.".to_owned());
    }
    if inventory.vms.iter().any(|vm| vm.cluster == id) {
        return Err("Cannot remove Cluster. Cluster contains one or more VMs.".to_owned());
    }
    if inventory
        .templates
        .iter()
        .any(|template| template.cluster == Some(id))
    {
        return Err("Cannot remove Cluster. Cluster contains one or more Templates.".to_owned());
    }
    Ok(())
}

/// Why a data center cannot be removed.
pub(crate) fn data_center_delete(
    inventory: &Inventory,
    id: crate::model::DataCenterId,
) -> Result<(), String> {
    if inventory
        .storage_domains
        .iter()
        .any(|domain| domain.data_center == Some(id))
    {
        return Err("Cannot remove Data Center. There are Storage Domains in it.".to_owned());
    }
    if inventory.clusters.iter().any(|cluster| {
        cluster.data_center == id
            && inventory
                .hosts
                .iter()
                .any(|host| host.cluster == cluster.id)
    }) {
        return Err("Cannot remove Data Center. There are Hosts in it.".to_owned());
    }
    if inventory
        .vms
        .iter()
        .any(|vm| inventory.data_center_of_cluster(vm.cluster) == Some(id))
    {
        return Err("Cannot remove Data Center. There are VMs in it.".to_owned());
    }
    Ok(())
}

/// Why a network cannot be removed.
pub(crate) fn network_delete(
    inventory: &Inventory,
    id: crate::model::NetworkId,
) -> Result<(), String> {
    if inventory
        .clusters
        .iter()
        .any(|cluster| cluster.management_network == id)
    {
        return Err("Cannot remove Network. It is the management network of a cluster.".to_owned());
    }
    for profile in inventory
        .vnic_profiles
        .iter()
        .filter(|profile| profile.network == id)
    {
        vnic_profile_delete(inventory, profile.id)
            .map_err(|reason| reason.replace("vNIC Profile", "Network"))?;
    }
    Ok(())
}

/// Why a vNIC profile cannot be removed.
pub(crate) fn vnic_profile_delete(
    inventory: &Inventory,
    id: crate::model::VnicProfileId,
) -> Result<(), String> {
    let user = inventory
        .vms
        .iter()
        .find(|vm| vm.nics.iter().any(|nic| nic.vnic_profile == Some(id)))
        .map(|vm| format!("VM {}", vm.name))
        .or_else(|| {
            inventory
                .templates
                .iter()
                .find(|template| template.nics.iter().any(|nic| nic.vnic_profile == Some(id)))
                .map(|template| format!("Template {}", template.name))
        });
    match user {
        Some(user) => Err(format!("Cannot remove vNIC Profile. It is used by {user}.")),
        None => Ok(()),
    }
}

/// Why a permission cannot be taken away: somebody must be able to do everything.
pub(crate) fn permission_remove(
    inventory: &Inventory,
    permission: &crate::model::Permission,
) -> Result<(), String> {
    let is_super = |it: &crate::model::Permission| {
        it.role == Role::SUPER_USER && it.object == ObjectId::System
    };
    let others = inventory.permissions.iter().filter(|it| {
        it.id != permission.id
            && is_super(it)
            && match it.subject {
                crate::model::Subject::User(id) => {
                    inventory.users.get(&id).is_some_and(|user| user.enabled)
                }
                crate::model::Subject::Group(_) => false,
            }
    });
    if is_super(permission) && others.count() == 0 {
        return Err(
            "Cannot remove Permission. It is the last one that allows everything on the system."
                .to_owned(),
        );
    }
    Ok(())
}
