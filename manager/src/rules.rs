//! Which action is possible now, and the sentence that says why not. Commands refuse by the same
//! rules that offers are made from, so a portal never offers what would be refused for a reason
//! that is known.

use crate::Manager;
use crate::access::{Access, EVERYONE};
use crate::caller::Caller;
use crate::inventory::Inventory;
use crate::model::{
    Disk, DiskContentType, DiskStatus, Host, HostStatus, ObjectId, Permit, Role, Vm, VmStatus,
};
use crate::scheduler;
use crate::seed;

/// An action on an object: possible, or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// oVirt's word for the action: `start`, `delete` …
    pub action: &'static str,
    /// Why it is not possible, as a sentence.
    pub verdict: Result<(), String>,
}

/// An action on a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VmAction {
    Start,
    Stop,
    Shutdown,
    Reboot,
    Reset,
    Suspend,
    Edit,
    Delete,
    Console,
    ChangeCd,
    ConfigureDisks,
    ConfigureNics,
}

impl VmAction {
    const ALL: [Self; 12] = [
        Self::Start,
        Self::Stop,
        Self::Shutdown,
        Self::Reboot,
        Self::Reset,
        Self::Suspend,
        Self::Edit,
        Self::Delete,
        Self::Console,
        Self::ChangeCd,
        Self::ConfigureDisks,
        Self::ConfigureNics,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Shutdown => "shutdown",
            Self::Reboot => "reboot",
            Self::Reset => "reset",
            Self::Suspend => "suspend",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::Console => "console",
            Self::ChangeCd => "change_cd",
            Self::ConfigureDisks => "configure_disks",
            Self::ConfigureNics => "configure_nics",
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
            Self::Edit => &[Permit::EDIT_VM_PROPERTIES],
            Self::Delete => &[Permit::DELETE_VM],
            Self::Console => &[Permit::CONNECT_TO_VM, Permit::RECONNECT_TO_VM],
            Self::ChangeCd => &[Permit::CHANGE_VM_CD],
            Self::ConfigureDisks => &[Permit::CONFIGURE_VM_STORAGE],
            Self::ConfigureNics => &[Permit::CONFIGURE_VM_NETWORK],
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

/// Why an action on a VM is not possible now; the caller's rights are not looked at.
pub(crate) fn vm(inventory: &Inventory, vm: &Vm, action: VmAction) -> Result<(), String> {
    use VmStatus as S;
    let status = vm.run.status;
    let refuse = |verb: &str| Err(format!("Cannot {verb} VM. {}", state_sentence(vm)));
    let locked = inventory.lock_of(vm.id).is_some();
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
            S::Down => disks_ready_for(inventory, vm, "remove VM"),
            _ => refuse("remove"),
        },
        VmAction::Console => match status {
            S::Up | S::PoweringUp | S::PoweringDown | S::RebootInProgress | S::Paused => {
                if vm.hardware.display.graphics.is_empty() {
                    Err("Cannot open a console. VM has no screen (it is headless).".to_owned())
                } else {
                    Ok(())
                }
            }
            _ => Err(format!("Cannot open a console. {}", state_sentence(vm))),
        },
        VmAction::ChangeCd => match status {
            S::ImageLocked => refuse("change the CD of"),
            _ if locked => Err(format!("Cannot change CD. {BUSY}")),
            _ => Ok(()),
        },
        VmAction::ConfigureDisks | VmAction::ConfigureNics => match status {
            S::Down | S::Up | S::Paused if locked => Err(format!("Cannot edit VM. {BUSY}")),
            S::Down | S::Up | S::Paused => Ok(()),
            _ => refuse("edit"),
        },
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

impl Manager {
    /// What can be done with an object now, by this caller. Rights count: what the caller may not
    /// do is not possible for that reason.
    #[must_use]
    pub fn offers(&self, caller: &Caller, object: impl Into<ObjectId>) -> Vec<Offer> {
        offers(&self.access(), caller, object.into())
    }
}

/// The same on one snapshot, for many objects in a row.
#[must_use]
pub fn offers(access: &Access, caller: &Caller, object: ObjectId) -> Vec<Offer> {
    let inventory = &**access.inventory();
    let offer = |action, permits: &[Permit], verdict: Result<(), String>| Offer {
        action,
        verdict: if permits
            .iter()
            .any(|permit| access.may(caller, *permit, object))
        {
            verdict
        } else {
            Err("User is not authorized to perform this action.".to_owned())
        },
    };
    match object {
        ObjectId::Vm(id) => match inventory.vms.get(&id) {
            Some(it) => VmAction::ALL
                .into_iter()
                .map(|action| offer(action.word(), action.permits(), vm(inventory, it, action)))
                .collect(),
            None => Vec::new(),
        },
        ObjectId::Disk(id) => match inventory.disks.get(&id) {
            Some(disk) => vec![
                offer(
                    "edit",
                    &[Permit::EDIT_DISK_PROPERTIES],
                    disk_free(inventory, disk, "edit Virtual Disk"),
                ),
                offer(
                    "delete",
                    &[Permit::DELETE_DISK],
                    disk_delete(inventory, disk),
                ),
                offer(
                    "attach",
                    &[Permit::ATTACH_DISK],
                    attachable(inventory, disk),
                ),
                offer(
                    "download",
                    &[Permit::EDIT_DISK_PROPERTIES],
                    transferable(inventory, disk),
                ),
                offer(
                    "upload",
                    &[Permit::EDIT_DISK_PROPERTIES],
                    transferable(inventory, disk),
                ),
            ],
            None => Vec::new(),
        },
        ObjectId::Host(id) => match inventory.hosts.get(&id) {
            Some(it) => vec![
                offer("edit", &[Permit::EDIT_HOST_CONFIGURATION], Ok(())),
                offer(
                    "activate",
                    &[Permit::MANIPULATE_HOST],
                    host(inventory, it, true),
                ),
                offer(
                    "deactivate",
                    &[Permit::MANIPULATE_HOST],
                    host(inventory, it, false),
                ),
            ],
            None => Vec::new(),
        },
        ObjectId::StorageDomain(id) => match inventory.storage_domains.get(&id) {
            Some(domain) => vec![
                offer("edit", &[Permit::EDIT_STORAGE_DOMAIN_CONFIGURATION], Ok(())),
                offer(
                    "upload",
                    &[Permit::CREATE_DISK],
                    if domain.status == crate::model::StorageDomainStatus::Active {
                        Ok(())
                    } else {
                        Err(format!(
                            "Storage Domain {} is {}.",
                            domain.name, domain.status
                        ))
                    },
                ),
            ],
            None => Vec::new(),
        },
        ObjectId::Cluster(id) => vec![
            offer("edit", &[Permit::EDIT_CLUSTER_CONFIGURATION], Ok(())),
            offer(
                "delete",
                &[Permit::DELETE_CLUSTER],
                cluster_delete(inventory, id),
            ),
            offer("create_vm", &[Permit::CREATE_VM], Ok(())),
        ],
        ObjectId::DataCenter(id) => vec![
            offer("edit", &[Permit::EDIT_STORAGE_POOL_CONFIGURATION], Ok(())),
            offer(
                "delete",
                &[Permit::DELETE_STORAGE_POOL],
                data_center_delete(inventory, id),
            ),
        ],
        ObjectId::Network(id) => vec![
            offer("edit", &[Permit::CONFIGURE_STORAGE_POOL_NETWORK], Ok(())),
            offer(
                "delete",
                &[Permit::DELETE_STORAGE_POOL_NETWORK],
                network_delete(inventory, id),
            ),
        ],
        ObjectId::VnicProfile(id) => vec![
            offer("edit", &[Permit::CONFIGURE_NETWORK_VNIC_PROFILE], Ok(())),
            offer(
                "delete",
                &[Permit::DELETE_NETWORK_VNIC_PROFILE],
                vnic_profile_delete(inventory, id),
            ),
        ],
        ObjectId::Template(id) => vec![
            offer(
                "edit",
                &[Permit::EDIT_TEMPLATE_PROPERTIES],
                if id == seed::BLANK {
                    Err("Cannot edit Template. Blank template can not be edited.".to_owned())
                } else {
                    Ok(())
                },
            ),
            offer(
                "delete",
                &[Permit::DELETE_TEMPLATE],
                if id == seed::BLANK {
                    Err("Cannot remove Template. Blank template can not be removed.".to_owned())
                } else {
                    Ok(())
                },
            ),
            offer("create_vm", &[Permit::CREATE_VM], Ok(())),
        ],
        ObjectId::User(id) => {
            let own = id == caller.user;
            vec![
                offer("edit", &[Permit::MANIPULATE_USERS], Ok(())),
                offer(
                    "delete",
                    &[Permit::MANIPULATE_USERS],
                    if own {
                        Err("Cannot remove User. You cannot remove yourself.".to_owned())
                    } else {
                        Ok(())
                    },
                ),
            ]
        }
        ObjectId::Group(id) => vec![offer(
            "delete",
            &[Permit::MANIPULATE_USERS],
            if id == EVERYONE {
                Err("Cannot remove Group. Everyone is always there.".to_owned())
            } else {
                Ok(())
            },
        )],
        ObjectId::Role(id) => {
            let verdict = match inventory.roles.get(&id) {
                Some(role) if !role.mutable => Err(format!(
                    "Cannot change Role. {} is a pre-defined role.",
                    role.name
                )),
                _ => Ok(()),
            };
            vec![
                offer("edit", &[Permit::MANIPULATE_ROLES], verdict.clone()),
                offer("delete", &[Permit::MANIPULATE_ROLES], verdict),
            ]
        }
        ObjectId::Permission(id) => match inventory.permissions.get(&id) {
            Some(permission) => {
                let may = access.may(caller, Permit::MANIPULATE_PERMISSIONS, permission.object);
                let verdict = if may {
                    permission_remove(inventory, permission)
                } else {
                    Err("User is not authorized to perform this action.".to_owned())
                };
                vec![Offer {
                    action: "delete",
                    verdict,
                }]
            }
            None => Vec::new(),
        },
        ObjectId::Tag(id) => {
            let verdict = if id == seed::ROOT_TAG {
                Err("Cannot remove Tag. The root tag is always there.".to_owned())
            } else {
                Ok(())
            };
            vec![
                offer("edit", &[Permit::TAG_MANAGEMENT], Ok(())),
                offer("delete", &[Permit::TAG_MANAGEMENT], verdict),
            ]
        }
        ObjectId::System => vec![
            offer("create_vm", &[Permit::CREATE_VM], Ok(())),
            offer("create_user", &[Permit::MANIPULATE_USERS], Ok(())),
            offer("create_cluster", &[Permit::CREATE_CLUSTER], Ok(())),
            offer("create_data_center", &[Permit::CREATE_STORAGE_POOL], Ok(())),
            offer(
                "create_network",
                &[Permit::CREATE_STORAGE_POOL_NETWORK],
                Ok(()),
            ),
            offer("create_disk", &[Permit::CREATE_DISK], Ok(())),
            offer("create_role", &[Permit::MANIPULATE_ROLES], Ok(())),
            offer("create_tag", &[Permit::TAG_MANAGEMENT], Ok(())),
            offer("grant", &[Permit::MANIPULATE_PERMISSIONS], Ok(())),
        ],
        ObjectId::Job(_)
        | ObjectId::Operation(_)
        | ObjectId::Transfer(_)
        | ObjectId::InstanceType(_) => Vec::new(),
    }
}

fn attachable(inventory: &Inventory, disk: &Disk) -> Result<(), String> {
    disk_free(inventory, disk, "attach Virtual Disk")?;
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
