//! The current state of everything, in memory, with a revision. A snapshot ([`Inventory`]) never
//! changes and costs nothing to take; reads need no await. The one way to change anything is
//! `Manager::apply` (see `writer.rs`), which works on a [`Draft`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use crate::map::Map;
use crate::model::{
    AffinityGroup, AffinityGroupId, AffinityLabel, AffinityLabelId, Bookmark, BookmarkId, Cluster,
    ClusterId, CpuProfile, CpuProfileId, DataCenter, DataCenterId, Disk, DiskId, DiskProfile,
    DiskProfileId, Event, EventId, Group, GroupId, Host, HostId, HostStatistics, InstanceType,
    InstanceTypeId, Job, JobId, Mac, MacPool, MacPoolId, Network, NetworkId, ObjectId, OperationId,
    Permission, PermissionId, Qos, QosId, Quota, QuotaId, Role, RoleId, SchedulingPolicy,
    SchedulingPolicyId, Snapshot, SnapshotId, StorageDomain, StorageDomainId, Subject, Tag, TagId,
    Template, TemplateId, Transfer, TransferId, User, UserId, Vm, VmId, VmPool, VmPoolId,
    VmStatistics, VnicProfile, VnicProfileId,
};
use crate::model::{DiskStatistics, External, Guest, NicId, NicStatistics};
use crate::operation::Operation;

mod events;
mod images;

pub use events::EventLog;
pub(crate) use events::KEPT;
pub use images::ImageUser;

/// The state of everything at one revision.
#[derive(Clone, Debug)]
pub struct Inventory {
    epoch: Uuid,
    revision: u64,
    /// Data centers.
    pub data_centers: Map<DataCenterId, DataCenter>,
    /// Clusters.
    pub clusters: Map<ClusterId, Cluster>,
    /// Hosts.
    pub hosts: Map<HostId, Host>,
    /// Storage domains.
    pub storage_domains: Map<StorageDomainId, StorageDomain>,
    /// Logical networks.
    pub networks: Map<NetworkId, Network>,
    /// vNIC profiles.
    pub vnic_profiles: Map<VnicProfileId, VnicProfile>,
    /// Templates.
    pub templates: Map<TemplateId, Template>,
    /// Virtual machines.
    pub vms: Map<VmId, Vm>,
    /// Disks.
    pub disks: Map<DiskId, Disk>,
    /// Snapshots of VMs.
    pub snapshots: Map<SnapshotId, Snapshot>,
    /// Users.
    pub users: Map<UserId, User>,
    /// Groups.
    pub groups: Map<GroupId, Group>,
    /// Roles.
    pub roles: Map<RoleId, Role>,
    /// Permissions.
    pub permissions: Map<PermissionId, Permission>,
    /// Tags.
    pub tags: Map<TagId, Tag>,
    /// Affinity groups.
    pub affinity_groups: Map<AffinityGroupId, AffinityGroup>,
    /// Affinity labels.
    pub affinity_labels: Map<AffinityLabelId, AffinityLabel>,
    /// Quotas.
    pub quotas: Map<QuotaId, Quota>,
    /// Quality of services.
    pub qoss: Map<QosId, Qos>,
    /// CPU profiles.
    pub cpu_profiles: Map<CpuProfileId, CpuProfile>,
    /// Disk profiles.
    pub disk_profiles: Map<DiskProfileId, DiskProfile>,
    /// MAC address pools.
    pub mac_pools: Map<MacPoolId, MacPool>,
    /// Bookmarks.
    pub bookmarks: Map<BookmarkId, Bookmark>,
    /// Scheduling policys.
    pub scheduling_policies: Map<SchedulingPolicyId, SchedulingPolicy>,
    /// Jobs.
    pub jobs: Map<JobId, Job>,
    /// Open operations.
    pub operations: Map<OperationId, Operation>,
    /// Image transfers.
    pub transfers: Map<TransferId, Transfer>,
    /// Instance types.
    pub instance_types: Map<InstanceTypeId, InstanceType>,
    /// Pools of VMs.
    pub vm_pools: Map<VmPoolId, VmPool>,
    /// The audit log, newest part.
    pub events: EventLog,
    /// What running VMs use.
    pub vm_statistics: Map<VmId, VmStatistics>,
    /// What external VMs' domains are.
    pub externals: Map<VmId, External>,
    /// What guests of running VMs tell, where their agent's channel is open.
    pub guests: Map<VmId, Guest>,
    /// What hosts use.
    pub host_statistics: Map<HostId, HostStatistics>,
    /// What disks of running VMs do.
    pub disk_statistics: Map<DiskId, DiskStatistics>,
    /// What network interfaces of running VMs do.
    pub nic_statistics: Map<NicId, NicStatistics>,
    vms_by_name: Map<String, BTreeSet<VmId>>,
    vms_by_disk: Map<DiskId, BTreeSet<VmId>>,
    vms_by_host: Map<HostId, BTreeSet<VmId>>,
    vms_by_pool: Map<VmPoolId, BTreeSet<VmId>>,
    templates_by_disk: Map<DiskId, TemplateId>,
    snapshots_by_vm: Map<VmId, BTreeSet<SnapshotId>>,
    macs: Map<Mac, BTreeMap<VmId, usize>>,
    permissions_by_object: Map<ObjectId, BTreeSet<PermissionId>>,
    permissions_by_subject: Map<Subject, BTreeSet<PermissionId>>,
    locks: Map<ObjectId, OperationId>,
}

/// An entity of any kind.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Entity {
    DataCenter(Arc<DataCenter>),
    Cluster(Arc<Cluster>),
    Host(Arc<Host>),
    StorageDomain(Arc<StorageDomain>),
    Network(Arc<Network>),
    VnicProfile(Arc<VnicProfile>),
    Template(Arc<Template>),
    Vm(Arc<Vm>),
    Disk(Arc<Disk>),
    Snapshot(Arc<Snapshot>),
    User(Arc<User>),
    Group(Arc<Group>),
    Role(Arc<Role>),
    Permission(Arc<Permission>),
    Tag(Arc<Tag>),
    AffinityGroup(Arc<AffinityGroup>),
    AffinityLabel(Arc<AffinityLabel>),
    Quota(Arc<Quota>),
    Qos(Arc<Qos>),
    CpuProfile(Arc<CpuProfile>),
    DiskProfile(Arc<DiskProfile>),
    MacPool(Arc<MacPool>),
    Bookmark(Arc<Bookmark>),
    SchedulingPolicy(Arc<SchedulingPolicy>),
    Job(Arc<Job>),
    Operation(Arc<Operation>),
    Transfer(Arc<Transfer>),
    InstanceType(Arc<InstanceType>),
    VmPool(Arc<VmPool>),
}

/// Makes `Vm` and its like turn into an [`Entity`], and an [`Entity`] tell its id.
macro_rules! entities {
    ($($kind:ident),*) => {
        impl Entity {
            /// The entity's id.
            #[must_use]
            pub fn id(&self) -> ObjectId {
                match self { $(Self::$kind(entity) => ObjectId::$kind(entity.id),)* }
            }
        }

        $(
            impl From<$kind> for Entity {
                fn from(entity: $kind) -> Self {
                    Self::$kind(Arc::new(entity))
                }
            }

            impl From<Arc<$kind>> for Entity {
                fn from(entity: Arc<$kind>) -> Self {
                    Self::$kind(entity)
                }
            }
        )*
    };
}

entities!(
    DataCenter,
    Cluster,
    Host,
    StorageDomain,
    Network,
    VnicProfile,
    Template,
    Vm,
    Disk,
    Snapshot,
    User,
    Group,
    Role,
    Permission,
    Tag,
    AffinityGroup,
    AffinityLabel,
    Quota,
    Qos,
    CpuProfile,
    DiskProfile,
    MacPool,
    Bookmark,
    SchedulingPolicy,
    Job,
    Operation,
    Transfer,
    InstanceType,
    VmPool
);

/// One change of the inventory, as it was published.
#[derive(Clone, Debug)]
pub enum Change {
    /// An entity is new or different.
    Put(Entity),
    /// An entity is gone.
    Removed(ObjectId),
    /// Something was written to the audit log, or an entry of it was removed (`event.removed`).
    Event(Arc<Event>),
    /// The statistics of a VM or host are new; read them in the inventory.
    Statistics(ObjectId),
}

/// The changes that made a revision out of the one before it.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The revision.
    pub revision: u64,
    /// The changes, in order.
    pub changes: Vec<Change>,
}

impl Inventory {
    /// Nothing at all, at revision 0 of a new epoch.
    pub(crate) fn empty() -> Self {
        Self {
            epoch: Uuid::new_v4(),
            revision: 0,
            data_centers: Map::default(),
            clusters: Map::default(),
            hosts: Map::default(),
            storage_domains: Map::default(),
            networks: Map::default(),
            vnic_profiles: Map::default(),
            templates: Map::default(),
            vms: Map::default(),
            disks: Map::default(),
            snapshots: Map::default(),
            users: Map::default(),
            groups: Map::default(),
            roles: Map::default(),
            permissions: Map::default(),
            tags: Map::default(),
            affinity_groups: Map::default(),
            affinity_labels: Map::default(),
            quotas: Map::default(),
            qoss: Map::default(),
            cpu_profiles: Map::default(),
            disk_profiles: Map::default(),
            mac_pools: Map::default(),
            bookmarks: Map::default(),
            scheduling_policies: Map::default(),
            jobs: Map::default(),
            operations: Map::default(),
            transfers: Map::default(),
            instance_types: Map::default(),
            vm_pools: Map::default(),
            events: EventLog::default(),
            vm_statistics: Map::default(),
            host_statistics: Map::default(),
            guests: Map::default(),
            externals: Map::default(),
            disk_statistics: Map::default(),
            nic_statistics: Map::default(),
            vms_by_name: Map::default(),
            vms_by_disk: Map::default(),
            vms_by_host: Map::default(),
            vms_by_pool: Map::default(),
            templates_by_disk: Map::default(),
            snapshots_by_vm: Map::default(),
            macs: Map::default(),
            permissions_by_object: Map::default(),
            permissions_by_subject: Map::default(),
            locks: Map::default(),
        }
    }

    /// Which run of the manager the revisions belong to.
    #[must_use]
    pub fn epoch(&self) -> Uuid {
        self.epoch
    }

    /// How many changes made this state. Grows by one with each [`Applied`].
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn next_revision(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    /// The data center that a VM is in.
    #[must_use]
    pub fn data_center_of_cluster(&self, cluster: ClusterId) -> Option<DataCenterId> {
        self.clusters
            .get(&cluster)
            .map(|cluster| cluster.data_center)
    }

    /// The VM of a name, in one data center or in any.
    #[must_use]
    pub fn vm_by_name(&self, name: &str, data_center: Option<DataCenterId>) -> Option<&Arc<Vm>> {
        self.vms_by_name
            .get(name)?
            .iter()
            .filter_map(|id| self.vms.get(id))
            .find(|vm| {
                data_center.is_none() || self.data_center_of_cluster(vm.cluster) == data_center
            })
    }

    /// The VMs that a disk is attached to.
    pub fn vms_of_disk(&self, disk: DiskId) -> impl Iterator<Item = &Arc<Vm>> {
        self.vms_by_disk
            .get(&disk)
            .into_iter()
            .flat_map(|ids| ids.iter())
            .filter_map(|id| self.vms.get(id))
    }

    /// The snapshots of a VM, oldest first.
    #[must_use]
    pub fn snapshots_of_vm(&self, vm: VmId) -> Vec<Arc<Snapshot>> {
        let mut snapshots: Vec<_> = self
            .snapshots_by_vm
            .get(&vm)
            .into_iter()
            .flat_map(|ids| ids.iter())
            .filter_map(|id| self.snapshots.get(id).cloned())
            .collect();
        snapshots.sort_by_key(|snapshot| (snapshot.date, snapshot.id));
        snapshots
    }

    /// The VMs that run on a host, or may.
    pub fn vms_of_host(&self, host: HostId) -> impl Iterator<Item = &Arc<Vm>> {
        self.vms_by_host
            .get(&host)
            .into_iter()
            .flat_map(|ids| ids.iter())
            .filter_map(|id| self.vms.get(id))
    }

    /// The VMs of a pool.
    pub fn vms_of_pool(&self, pool: VmPoolId) -> impl Iterator<Item = &Arc<Vm>> {
        self.vms_by_pool
            .get(&pool)
            .into_iter()
            .flat_map(|ids| ids.iter())
            .filter_map(|id| self.vms.get(id))
    }

    /// The template that a disk belongs to.
    #[must_use]
    pub fn template_of_disk(&self, disk: DiskId) -> Option<&Arc<Template>> {
        self.templates.get(&**self.templates_by_disk.get(&disk)?)
    }

    /// Whether a VM other than `except` uses an Ethernet address.
    #[must_use]
    pub fn mac_in_use(&self, mac: Mac, except: Option<VmId>) -> bool {
        self.macs
            .get(&mac)
            .is_some_and(|vms| vms.keys().any(|vm| Some(*vm) != except))
    }

    /// The permissions given on exactly this object.
    pub fn permissions_on(&self, object: ObjectId) -> impl Iterator<Item = &Arc<Permission>> {
        self.permissions_by_object
            .get(&object)
            .into_iter()
            .flat_map(|ids| ids.iter())
            .filter_map(|id| self.permissions.get(id))
    }

    /// The permissions given to exactly this subject.
    pub fn permissions_of(&self, subject: Subject) -> impl Iterator<Item = &Arc<Permission>> {
        self.permissions_by_subject
            .get(&subject)
            .into_iter()
            .flat_map(|ids| ids.iter())
            .filter_map(|id| self.permissions.get(id))
    }

    /// The open operation that has an object to itself.
    #[must_use]
    pub fn lock_of(&self, object: impl Into<ObjectId>) -> Option<&Arc<Operation>> {
        self.operations.get(&**self.locks.get(&object.into())?)
    }

    /// The user of a full name: `admin@internal-authz`.
    #[must_use]
    pub fn user_by_name(&self, user_name: &str) -> Option<&Arc<User>> {
        self.users.iter().find(|user| user.user_name == user_name)
    }

    /// Bytes promised to the disks of a storage domain.
    #[must_use]
    pub fn committed_bytes(&self, domain: StorageDomainId) -> u64 {
        self.disks
            .iter()
            .filter(|disk| disk.storage_domain == domain)
            .map(|disk| disk.provisioned_size)
            .fold(0, u64::saturating_add)
    }

    /// Whether an object exists.
    #[must_use]
    pub fn contains(&self, object: ObjectId) -> bool {
        match object {
            ObjectId::System => true,
            ObjectId::DataCenter(id) => self.data_centers.contains_key(&id),
            ObjectId::Cluster(id) => self.clusters.contains_key(&id),
            ObjectId::Host(id) => self.hosts.contains_key(&id),
            ObjectId::StorageDomain(id) => self.storage_domains.contains_key(&id),
            ObjectId::Network(id) => self.networks.contains_key(&id),
            ObjectId::VnicProfile(id) => self.vnic_profiles.contains_key(&id),
            ObjectId::Template(id) => self.templates.contains_key(&id),
            ObjectId::Vm(id) => self.vms.contains_key(&id),
            ObjectId::Disk(id) => self.disks.contains_key(&id),
            ObjectId::Snapshot(id) => self.snapshots.contains_key(&id),
            ObjectId::User(id) => self.users.contains_key(&id),
            ObjectId::Group(id) => self.groups.contains_key(&id),
            ObjectId::Role(id) => self.roles.contains_key(&id),
            ObjectId::Permission(id) => self.permissions.contains_key(&id),
            ObjectId::Tag(id) => self.tags.contains_key(&id),
            ObjectId::AffinityGroup(id) => self.affinity_groups.contains_key(&id),
            ObjectId::AffinityLabel(id) => self.affinity_labels.contains_key(&id),
            ObjectId::Quota(id) => self.quotas.contains_key(&id),
            ObjectId::Qos(id) => self.qoss.contains_key(&id),
            ObjectId::CpuProfile(id) => self.cpu_profiles.contains_key(&id),
            ObjectId::DiskProfile(id) => self.disk_profiles.contains_key(&id),
            ObjectId::MacPool(id) => self.mac_pools.contains_key(&id),
            ObjectId::Bookmark(id) => self.bookmarks.contains_key(&id),
            ObjectId::SchedulingPolicy(id) => self.scheduling_policies.contains_key(&id),
            ObjectId::Job(id) => self.jobs.contains_key(&id),
            ObjectId::Operation(id) => self.operations.contains_key(&id),
            ObjectId::Transfer(id) => self.transfers.contains_key(&id),
            ObjectId::InstanceType(id) => self.instance_types.contains_key(&id),
            ObjectId::VmPool(id) => self.vm_pools.contains_key(&id),
        }
    }

    /// Every entity, for the store's test and for a full copy.
    pub fn entities(&self) -> impl Iterator<Item = Entity> {
        fn of<K, V>(map: &Map<K, V>) -> impl Iterator<Item = Entity>
        where
            Arc<V>: Into<Entity>,
        {
            map.iter().map(|entity| Arc::clone(entity).into())
        }
        of(&self.data_centers)
            .chain(of(&self.clusters))
            .chain(of(&self.hosts))
            .chain(of(&self.storage_domains))
            .chain(of(&self.networks))
            .chain(of(&self.vnic_profiles))
            .chain(of(&self.templates))
            .chain(of(&self.vms))
            .chain(of(&self.disks))
            .chain(of(&self.snapshots))
            .chain(of(&self.users))
            .chain(of(&self.groups))
            .chain(of(&self.roles))
            .chain(of(&self.permissions))
            .chain(of(&self.tags))
            .chain(of(&self.affinity_groups))
            .chain(of(&self.affinity_labels))
            .chain(of(&self.quotas))
            .chain(of(&self.qoss))
            .chain(of(&self.cpu_profiles))
            .chain(of(&self.disk_profiles))
            .chain(of(&self.mac_pools))
            .chain(of(&self.bookmarks))
            .chain(of(&self.scheduling_policies))
            .chain(of(&self.jobs))
            .chain(of(&self.operations))
            .chain(of(&self.transfers))
            .chain(of(&self.instance_types))
            .chain(of(&self.vm_pools))
    }

    /// Puts an entity in its place and keeps the indices right.
    pub(crate) fn put(&mut self, entity: Entity) {
        match entity {
            Entity::DataCenter(it) => drop(self.data_centers.insert(it.id, it)),
            Entity::Cluster(it) => drop(self.clusters.insert(it.id, it)),
            Entity::Host(it) => drop(self.hosts.insert(it.id, it)),
            Entity::StorageDomain(it) => drop(self.storage_domains.insert(it.id, it)),
            Entity::Network(it) => drop(self.networks.insert(it.id, it)),
            Entity::VnicProfile(it) => drop(self.vnic_profiles.insert(it.id, it)),
            Entity::Template(it) => {
                if let Some(old) = self.templates.insert(it.id, Arc::clone(&it)) {
                    self.forget_template(&old);
                }
                for attachment in &it.disk_attachments {
                    self.templates_by_disk
                        .insert(attachment.disk, Arc::new(it.id));
                }
            }
            Entity::Vm(it) => {
                if let Some(old) = self.vms.insert(it.id, Arc::clone(&it)) {
                    self.forget_vm(&old);
                }
                self.index_vm(&it);
            }
            Entity::Disk(it) => drop(self.disks.insert(it.id, it)),
            Entity::Snapshot(it) => {
                link(&mut self.snapshots_by_vm, it.vm, it.id);
                self.snapshots.insert(it.id, it);
            }
            Entity::User(it) => drop(self.users.insert(it.id, it)),
            Entity::Group(it) => drop(self.groups.insert(it.id, it)),
            Entity::Role(it) => drop(self.roles.insert(it.id, it)),
            Entity::Permission(it) => {
                if let Some(old) = self.permissions.insert(it.id, Arc::clone(&it)) {
                    unlink(&mut self.permissions_by_object, &old.object, &old.id);
                    unlink(&mut self.permissions_by_subject, &old.subject, &old.id);
                }
                link(&mut self.permissions_by_object, it.object, it.id);
                link(&mut self.permissions_by_subject, it.subject, it.id);
            }
            Entity::Tag(it) => drop(self.tags.insert(it.id, it)),
            Entity::AffinityGroup(it) => drop(self.affinity_groups.insert(it.id, it)),
            Entity::AffinityLabel(it) => drop(self.affinity_labels.insert(it.id, it)),
            Entity::Quota(it) => drop(self.quotas.insert(it.id, it)),
            Entity::Qos(it) => drop(self.qoss.insert(it.id, it)),
            Entity::CpuProfile(it) => drop(self.cpu_profiles.insert(it.id, it)),
            Entity::DiskProfile(it) => drop(self.disk_profiles.insert(it.id, it)),
            Entity::MacPool(it) => drop(self.mac_pools.insert(it.id, it)),
            Entity::Bookmark(it) => drop(self.bookmarks.insert(it.id, it)),
            Entity::SchedulingPolicy(it) => drop(self.scheduling_policies.insert(it.id, it)),
            Entity::Job(it) => drop(self.jobs.insert(it.id, it)),
            Entity::Operation(it) => {
                if let Some(old) = self.operations.insert(it.id, Arc::clone(&it)) {
                    for object in &old.locks {
                        self.locks.remove(object);
                    }
                }
                for object in &it.locks {
                    self.locks.insert(*object, Arc::new(it.id));
                }
            }
            Entity::Transfer(it) => drop(self.transfers.insert(it.id, it)),
            Entity::InstanceType(it) => drop(self.instance_types.insert(it.id, it)),
            Entity::VmPool(it) => drop(self.vm_pools.insert(it.id, it)),
        }
    }

    /// Takes an entity away and keeps the indices right.
    pub(crate) fn remove(&mut self, object: ObjectId) {
        match object {
            ObjectId::System => {}
            ObjectId::DataCenter(id) => drop(self.data_centers.remove(&id)),
            ObjectId::Cluster(id) => drop(self.clusters.remove(&id)),
            ObjectId::Host(id) => {
                self.hosts.remove(&id);
                self.host_statistics.remove(&id);
            }
            ObjectId::StorageDomain(id) => drop(self.storage_domains.remove(&id)),
            ObjectId::Network(id) => drop(self.networks.remove(&id)),
            ObjectId::VnicProfile(id) => drop(self.vnic_profiles.remove(&id)),
            ObjectId::Template(id) => {
                if let Some(old) = self.templates.remove(&id) {
                    self.forget_template(&old);
                }
            }
            ObjectId::Vm(id) => {
                if let Some(old) = self.vms.remove(&id) {
                    self.forget_vm(&old);
                }
                self.vm_statistics.remove(&id);
                self.guests.remove(&id);
                self.externals.remove(&id);
            }
            ObjectId::Disk(id) => drop(self.disks.remove(&id)),
            ObjectId::Snapshot(id) => {
                if let Some(old) = self.snapshots.remove(&id) {
                    unlink(&mut self.snapshots_by_vm, &old.vm, &id);
                }
            }
            ObjectId::User(id) => drop(self.users.remove(&id)),
            ObjectId::Group(id) => drop(self.groups.remove(&id)),
            ObjectId::Role(id) => drop(self.roles.remove(&id)),
            ObjectId::Permission(id) => {
                if let Some(old) = self.permissions.remove(&id) {
                    unlink(&mut self.permissions_by_object, &old.object, &id);
                    unlink(&mut self.permissions_by_subject, &old.subject, &id);
                }
            }
            ObjectId::Tag(id) => drop(self.tags.remove(&id)),
            ObjectId::AffinityGroup(id) => drop(self.affinity_groups.remove(&id)),
            ObjectId::AffinityLabel(id) => drop(self.affinity_labels.remove(&id)),
            ObjectId::Quota(id) => drop(self.quotas.remove(&id)),
            ObjectId::Qos(id) => drop(self.qoss.remove(&id)),
            ObjectId::CpuProfile(id) => drop(self.cpu_profiles.remove(&id)),
            ObjectId::DiskProfile(id) => drop(self.disk_profiles.remove(&id)),
            ObjectId::MacPool(id) => drop(self.mac_pools.remove(&id)),
            ObjectId::Bookmark(id) => drop(self.bookmarks.remove(&id)),
            ObjectId::SchedulingPolicy(id) => drop(self.scheduling_policies.remove(&id)),
            ObjectId::Job(id) => drop(self.jobs.remove(&id)),
            ObjectId::Operation(id) => {
                if let Some(old) = self.operations.remove(&id) {
                    for object in &old.locks {
                        self.locks.remove(object);
                    }
                }
            }
            ObjectId::Transfer(id) => drop(self.transfers.remove(&id)),
            ObjectId::InstanceType(id) => drop(self.instance_types.remove(&id)),
            ObjectId::VmPool(id) => drop(self.vm_pools.remove(&id)),
        }
    }

    fn index_vm(&mut self, vm: &Vm) {
        link(&mut self.vms_by_name, vm.name.clone(), vm.id);
        for attachment in &vm.disk_attachments {
            link(&mut self.vms_by_disk, attachment.disk, vm.id);
        }
        if let Some(host) = vm.run.host {
            link(&mut self.vms_by_host, host, vm.id);
        }
        if let Some(pool) = vm.pool {
            link(&mut self.vms_by_pool, pool, vm.id);
        }
        for nic in &vm.nics {
            let mut users = self
                .macs
                .get(&nic.mac)
                .map(|users| (**users).clone())
                .unwrap_or_default();
            *users.entry(vm.id).or_default() += 1;
            self.macs.insert(nic.mac, Arc::new(users));
        }
    }

    fn forget_template(&mut self, template: &Template) {
        for attachment in &template.disk_attachments {
            self.templates_by_disk.remove(&attachment.disk);
        }
    }

    fn forget_vm(&mut self, vm: &Vm) {
        unlink(&mut self.vms_by_name, &vm.name, &vm.id);
        for attachment in &vm.disk_attachments {
            unlink(&mut self.vms_by_disk, &attachment.disk, &vm.id);
        }
        if let Some(host) = vm.run.host {
            unlink(&mut self.vms_by_host, &host, &vm.id);
        }
        if let Some(pool) = vm.pool {
            unlink(&mut self.vms_by_pool, &pool, &vm.id);
        }
        for nic in &vm.nics {
            let Some(users) = self.macs.get(&nic.mac) else {
                continue;
            };
            let mut users = (**users).clone();
            users.remove(&vm.id);
            if users.is_empty() {
                self.macs.remove(&nic.mac);
            } else {
                self.macs.insert(nic.mac, Arc::new(users));
            }
        }
    }

    pub(crate) fn event_put(&mut self, event: Arc<Event>) {
        self.events.put(event);
    }

    pub(crate) fn last_event(&self) -> EventId {
        self.events.last()
    }
}

fn link<K: Ord + std::hash::Hash + Clone, V: Ord + Clone>(
    map: &mut Map<K, BTreeSet<V>>,
    key: K,
    value: V,
) {
    let mut values = map
        .get(&key)
        .map(|values| (**values).clone())
        .unwrap_or_default();
    values.insert(value);
    map.insert(key, Arc::new(values));
}

fn unlink<K: Ord + std::hash::Hash + Clone, V: Ord + Clone>(
    map: &mut Map<K, BTreeSet<V>>,
    key: &K,
    value: &V,
) {
    let Some(values) = map.get(key) else { return };
    let mut values = (**values).clone();
    values.remove(value);
    if values.is_empty() {
        map.remove(key);
    } else {
        map.insert(key.clone(), Arc::new(values));
    }
}
