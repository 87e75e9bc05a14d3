//! Who may do what. A permission is a role given to a user or group on an object; it holds for
//! that object and for everything in it, and never for what the object is in.
//!
//! ```text
//! system ─┬─ data center ─┬─ cluster ─┬─ host
//!         │               │           ├─ VM ── its disks
//!         │               │           └─ template
//!         │               ├─ storage domain ── disk
//!         │               └─ network ── vNIC profile
//!         └─ users, groups, roles, tags, jobs …
//! ```

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::inventory::Inventory;
use crate::model::{Event, GroupId, ObjectId, Permission, Permit, Role, Subject, UserId};

/// The group that every user is in.
pub const EVERYONE: GroupId = GroupId(uuid::Uuid::from_u128(
    0xeee0_0000_0000_0000_0000_1234_5678_9eee,
));

/// Answers questions about rights, on one snapshot. Ask one of these many questions rather than
/// many of these one each: it remembers what it found out about the caller.
#[derive(Debug)]
pub struct Access {
    inventory: Arc<Inventory>,
    asked: OnceLock<(UserId, Viewer)>,
}

impl Access {
    pub(crate) fn new(inventory: Arc<Inventory>) -> Self {
        Self {
            inventory,
            asked: OnceLock::new(),
        }
    }

    /// The snapshot that is asked about.
    #[must_use]
    pub fn inventory(&self) -> &Arc<Inventory> {
        &self.inventory
    }

    /// Whether the caller has a permit on an object, given there or on something it is in.
    #[must_use]
    pub fn may(&self, caller: &Caller, permit: Permit, object: impl Into<ObjectId>) -> bool {
        let object = object.into();
        self.with(caller, |viewer| viewer.may(&self.inventory, permit, object))
    }

    /// Whether the caller may know of an object.
    #[must_use]
    pub fn visible(&self, caller: &Caller, object: impl Into<ObjectId>) -> bool {
        let object = object.into();
        self.with(caller, |viewer| viewer.sees(&self.inventory, object))
    }

    /// Whether the caller has a role of administration on anything.
    #[must_use]
    pub fn administrator(&self, caller: &Caller) -> bool {
        self.with(caller, |viewer| viewer.administrator)
    }

    /// Whether the caller may see an event.
    #[must_use]
    pub fn event_visible(&self, caller: &Caller, event: &Event) -> bool {
        self.with(caller, |viewer| viewer.sees_event(&self.inventory, event))
    }

    /// Refuses a list that is not filtered to somebody who is no administrator, as oVirt does.
    pub fn may_list(&self, caller: &Caller) -> Result<()> {
        if caller.filter || self.administrator(caller) {
            return Ok(());
        }
        Err(Error::Denied {
            message: "query execution failed due to insufficient permissions.".to_owned(),
        })
    }

    fn with<T>(&self, caller: &Caller, ask: impl FnOnce(&Viewer) -> T) -> T {
        let (user, viewer) = self
            .asked
            .get_or_init(|| (caller.user, Viewer::new(&self.inventory, caller)));
        if *user == caller.user {
            ask(viewer)
        } else {
            ask(&Viewer::new(&self.inventory, caller))
        }
    }
}

/// Whether the caller has a permit on an object.
pub(crate) fn may(
    inventory: &Inventory,
    caller: &Caller,
    permit: Permit,
    object: impl Into<ObjectId>,
) -> bool {
    Viewer::new(inventory, caller).may(inventory, permit, object.into())
}

/// Refuses where the caller lacks a permit on an object. Somebody who may not even know of it is
/// told what they would be told if it did not exist.
pub(crate) fn require(
    inventory: &Inventory,
    caller: &Caller,
    permit: Permit,
    object: impl Into<ObjectId>,
) -> Result<()> {
    require_any(inventory, caller, &[permit], object)
}

/// The same for one permit of several.
pub(crate) fn require_any(
    inventory: &Inventory,
    caller: &Caller,
    permits: &[Permit],
    object: impl Into<ObjectId>,
) -> Result<()> {
    let object = object.into();
    let viewer = Viewer::new(inventory, caller);
    if !inventory.contains(object) {
        return Err(Error::not_found(object.uuid()));
    }
    if permits
        .iter()
        .any(|permit| viewer.may(inventory, *permit, object))
    {
        return Ok(());
    }
    if object == ObjectId::System || viewer.sees(inventory, object) {
        Err(Error::denied())
    } else {
        Err(Error::not_found(object.uuid()))
    }
}

/// Refuses to give a role to others where that would be more than the caller has: the caller needs
/// the right to give permissions on that object, and there every permit of the role.
pub(crate) fn require_grant(
    inventory: &Inventory,
    caller: &Caller,
    role: &Role,
    object: ObjectId,
) -> Result<()> {
    require(inventory, caller, Permit::MANIPULATE_PERMISSIONS, object)?;
    let viewer = Viewer::new(inventory, caller);
    let holds_super = viewer.holds_super(inventory, object);
    let enough = holds_super
        || (role.id != Role::SUPER_USER
            && (!role.administrative || viewer.administers(inventory, object))
            && role
                .permits
                .iter()
                .all(|permit| viewer.may(inventory, *permit, object)));
    if enough {
        Ok(())
    } else {
        Err(Error::Denied {
            message:
                "A role can only be given by somebody who has all of its permits on the object."
                    .to_owned(),
        })
    }
}

/// What an object is directly in.
fn parents(inventory: &Inventory, object: ObjectId) -> Vec<ObjectId> {
    let or_system = |parent: Option<ObjectId>| vec![parent.unwrap_or(ObjectId::System)];
    match object {
        ObjectId::System => Vec::new(),
        ObjectId::Cluster(id) => {
            or_system(inventory.clusters.get(&id).map(|it| it.data_center.into()))
        }
        ObjectId::Host(id) => or_system(inventory.hosts.get(&id).map(|it| it.cluster.into())),
        ObjectId::StorageDomain(id) => or_system(
            inventory
                .storage_domains
                .get(&id)
                .and_then(|it| it.data_center)
                .map(Into::into),
        ),
        ObjectId::Network(id) => {
            or_system(inventory.networks.get(&id).map(|it| it.data_center.into()))
        }
        ObjectId::VnicProfile(id) => {
            or_system(inventory.vnic_profiles.get(&id).map(|it| it.network.into()))
        }
        ObjectId::Template(id) => or_system(
            inventory
                .templates
                .get(&id)
                .and_then(|it| it.cluster)
                .map(Into::into),
        ),
        ObjectId::Vm(id) => or_system(inventory.vms.get(&id).map(|it| it.cluster.into())),
        ObjectId::VmPool(id) => or_system(inventory.vm_pools.get(&id).map(|it| it.cluster.into())),
        ObjectId::Disk(id) => {
            let mut parents =
                or_system(inventory.disks.get(&id).map(|it| it.storage_domain.into()));
            // A disk that several VMs share is not the property of any of them.
            if inventory.disks.get(&id).is_some_and(|disk| !disk.shareable) {
                parents.extend(inventory.vms_of_disk(id).map(|vm| ObjectId::Vm(vm.id)));
            }
            parents.extend(
                inventory
                    .template_of_disk(id)
                    .map(|template| ObjectId::Template(template.id)),
            );
            parents
        }
        ObjectId::AffinityGroup(id) => or_system(
            inventory
                .affinity_groups
                .get(&id)
                .map(|it| it.cluster.into()),
        ),
        ObjectId::CpuProfile(id) => {
            or_system(inventory.cpu_profiles.get(&id).map(|it| it.cluster.into()))
        }
        ObjectId::DiskProfile(id) => or_system(
            inventory
                .disk_profiles
                .get(&id)
                .map(|it| it.storage_domain.into()),
        ),
        ObjectId::Quota(id) => or_system(inventory.quotas.get(&id).map(|it| it.data_center.into())),
        ObjectId::Qos(id) => or_system(inventory.qoss.get(&id).map(|it| it.data_center.into())),
        ObjectId::Snapshot(id) => or_system(inventory.snapshots.get(&id).map(|it| it.vm.into())),
        ObjectId::Transfer(id) => or_system(inventory.transfers.get(&id).map(|it| it.disk.into())),
        ObjectId::DataCenter(_)
        | ObjectId::User(_)
        | ObjectId::Group(_)
        | ObjectId::Role(_)
        | ObjectId::Permission(_)
        | ObjectId::Tag(_)
        | ObjectId::AffinityLabel(_)
        | ObjectId::MacPool(_)
        | ObjectId::Bookmark(_)
        | ObjectId::SchedulingPolicy(_)
        | ObjectId::Job(_)
        | ObjectId::Operation(_)
        | ObjectId::InstanceType(_) => vec![ObjectId::System],
    }
}

/// The object and everything it is in, each once, nearest first.
fn lineage(inventory: &Inventory, object: ObjectId) -> Vec<ObjectId> {
    let mut line = vec![object];
    let mut next = 0;
    while let Some(current) = line.get(next).copied() {
        for parent in parents(inventory, current) {
            if !line.contains(&parent) {
                line.push(parent);
            }
        }
        next += 1;
    }
    line
}

/// The permissions that a user has, their groups' included.
pub(crate) fn permissions_of(
    inventory: &Inventory,
    user: UserId,
) -> impl Iterator<Item = &Arc<Permission>> {
    let groups = inventory
        .users
        .get(&user)
        .map(|user| user.groups.clone())
        .unwrap_or_default();
    let subjects = std::iter::once(Subject::User(user))
        .chain(groups.into_iter().map(Subject::Group))
        .chain(std::iter::once(Subject::Group(EVERYONE)));
    subjects
        .collect::<Vec<_>>()
        .into_iter()
        .flat_map(|subject| inventory.permissions_of(subject))
}

/// One caller's rights, gathered.
#[derive(Debug)]
struct Viewer {
    system: bool,
    user: UserId,
    administrator: bool,
    roles: HashMap<ObjectId, Vec<Arc<Role>>>,
    /// What contains something on which the caller has a permission.
    above: HashSet<ObjectId>,
}

impl Viewer {
    fn new(inventory: &Inventory, caller: &Caller) -> Self {
        let mut viewer = Self {
            system: caller.is_system(),
            user: caller.user,
            administrator: caller.is_system(),
            roles: HashMap::new(),
            above: HashSet::new(),
        };
        if viewer.system
            || !inventory
                .users
                .get(&caller.user)
                .is_some_and(|user| user.enabled)
        {
            return viewer;
        }
        for permission in permissions_of(inventory, caller.user) {
            let Some(role) = inventory.roles.get(&permission.role) else {
                continue;
            };
            viewer.administrator |= role.administrative;
            viewer
                .roles
                .entry(permission.object)
                .or_default()
                .push(Arc::clone(role));
            viewer
                .above
                .extend(lineage(inventory, permission.object).into_iter().skip(1));
        }
        viewer
    }

    fn roles_on<'a>(
        &'a self,
        inventory: &Inventory,
        object: ObjectId,
    ) -> impl Iterator<Item = (bool, &'a Arc<Role>)> + use<'a> {
        lineage(inventory, object).into_iter().flat_map(move |at| {
            self.roles
                .get(&at)
                .into_iter()
                .flatten()
                .map(move |role| (at == object, role))
        })
    }

    fn may(&self, inventory: &Inventory, permit: Permit, object: ObjectId) -> bool {
        self.system
            || self
                .roles_on(inventory, object)
                .any(|(_, role)| role.id == Role::SUPER_USER || role.permits.contains(&permit))
    }

    fn holds_super(&self, inventory: &Inventory, object: ObjectId) -> bool {
        self.system
            || self
                .roles_on(inventory, object)
                .any(|(_, role)| role.id == Role::SUPER_USER)
    }

    fn administers(&self, inventory: &Inventory, object: ObjectId) -> bool {
        self.system
            || self
                .roles_on(inventory, object)
                .any(|(_, role)| role.administrative)
    }

    fn shows(&self, inventory: &Inventory, object: ObjectId) -> bool {
        self.system
            || self
                .roles_on(inventory, object)
                .any(|(direct, role)| direct || role.shows_children())
    }

    fn sees(&self, inventory: &Inventory, object: ObjectId) -> bool {
        if self.system {
            return true;
        }
        match object {
            // To see the system is to see everything.
            ObjectId::System => self
                .roles_on(inventory, object)
                .any(|(_, role)| role.administrative),
            ObjectId::Bookmark(_) => self.administrator,
            ObjectId::Snapshot(id) => inventory
                .snapshots
                .get(&id)
                .is_some_and(|it| self.sees(inventory, it.vm.into())),
            ObjectId::Quota(_) => {
                self.shows(inventory, object) || self.may(inventory, Permit::CONSUME_QUOTA, object)
            }
            ObjectId::CpuProfile(id) => inventory
                .cpu_profiles
                .get(&id)
                .is_some_and(|it| self.sees(inventory, it.cluster.into())),
            ObjectId::DiskProfile(id) => inventory
                .disk_profiles
                .get(&id)
                .is_some_and(|it| self.sees(inventory, it.storage_domain.into())),
            ObjectId::AffinityGroup(_) | ObjectId::AffinityLabel(_) | ObjectId::Qos(_) => {
                self.administrator && self.shows(inventory, object)
            }
            ObjectId::Role(_)
            | ObjectId::Tag(_)
            | ObjectId::MacPool(_)
            | ObjectId::SchedulingPolicy(_)
            | ObjectId::InstanceType(_) => inventory.users.contains_key(&self.user),
            ObjectId::User(id) => id == self.user || self.administers(inventory, ObjectId::System),
            ObjectId::Group(id) => {
                id == EVERYONE
                    || inventory
                        .users
                        .get(&self.user)
                        .is_some_and(|user| user.groups.contains(&id))
                    || self.administers(inventory, ObjectId::System)
            }
            ObjectId::Permission(id) => inventory.permissions.get(&id).is_some_and(|permission| {
                permission.subject == Subject::User(self.user)
                    || self.may(inventory, Permit::MANIPULATE_PERMISSIONS, permission.object)
                    || self.administers(inventory, permission.object)
            }),
            ObjectId::Job(id) => {
                inventory
                    .jobs
                    .get(&id)
                    .is_some_and(|job| job.owner == Some(self.user))
                    || self.administers(inventory, ObjectId::System)
            }
            ObjectId::Operation(_) => false,
            ObjectId::Transfer(id) => {
                inventory
                    .transfers
                    .get(&id)
                    .is_some_and(|transfer| transfer.owner == self.user)
                    || self.administers(inventory, object)
            }
            ObjectId::Cluster(_) => {
                self.shows(inventory, object)
                    || self.above.contains(&object)
                    || self.may(inventory, Permit::CREATE_VM, object)
            }
            ObjectId::StorageDomain(_) => {
                self.shows(inventory, object)
                    || self.above.contains(&object)
                    || self.may(inventory, Permit::CREATE_DISK, object)
            }
            ObjectId::DataCenter(_) | ObjectId::Network(_) => {
                self.shows(inventory, object)
                    || self.above.contains(&object)
                    || self.may(inventory, Permit::CREATE_VM, object)
            }
            ObjectId::VnicProfile(_) => {
                self.shows(inventory, object)
                    || self.may(inventory, Permit::CONFIGURE_VM_NETWORK, object)
            }
            ObjectId::Template(_)
            | ObjectId::Host(_)
            | ObjectId::Vm(_)
            | ObjectId::VmPool(_)
            | ObjectId::Disk(_) => self.shows(inventory, object),
        }
    }

    fn sees_event(&self, inventory: &Inventory, event: &Event) -> bool {
        if self.administers(inventory, ObjectId::System) {
            return true;
        }
        if event.user == Some(self.user) {
            return true;
        }
        match (event.vm, event.disk, event.template) {
            (Some(vm), ..) => inventory.vms.contains_key(&vm) && self.shows(inventory, vm.into()),
            (None, Some(disk), _) => {
                inventory.disks.contains_key(&disk) && self.shows(inventory, disk.into())
            }
            (None, None, Some(template)) => {
                inventory.templates.contains_key(&template)
                    && self.shows(inventory, template.into())
            }
            (None, None, None) => match (event.host, event.storage_domain, event.cluster) {
                (Some(host), ..) => self.administers(inventory, host.into()),
                (None, Some(domain), _) => self.administers(inventory, domain.into()),
                (None, None, Some(cluster)) => self.administers(inventory, cluster.into()),
                (None, None, None) => false,
            },
        }
    }
}

#[cfg(test)]
mod tests;
