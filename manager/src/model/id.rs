//! Names of things: one newtype over a UUID per kind of entity, so that a VM's id can never be
//! taken for a disk's. An event's id is a growing integer, as oVirt's clients expect.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Defines one id type.
macro_rules! id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The id that is all zeros; oVirt uses it for `Blank` and for the root tag.
            pub const ZERO: Self = Self(Uuid::nil());

            /// A new random id.
            #[must_use]
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )*};
}

id! {
    /// A data center.
    DataCenterId;
    /// A cluster.
    ClusterId;
    /// A host.
    HostId;
    /// A virtual machine.
    VmId;
    /// A template.
    TemplateId;
    /// A disk; also the id of each of its attachments, and the name of its volume.
    DiskId;
    /// An image: one file of a disk's chain. It is the name of its volume.
    ImageId;
    /// A snapshot of a VM.
    SnapshotId;
    /// A storage domain.
    StorageDomainId;
    /// A logical network.
    NetworkId;
    /// A vNIC profile.
    VnicProfileId;
    /// A network interface of a VM or template.
    NicId;
    /// A user.
    UserId;
    /// A group of users.
    GroupId;
    /// A role: a named set of permits.
    RoleId;
    /// A permission: a role given to somebody on an object.
    PermissionId;
    /// A tag.
    TagId;
    /// A job.
    JobId;
    /// A step of a job.
    StepId;
    /// An image transfer.
    TransferId;
    /// A login session.
    SessionId;
    /// A durable operation.
    OperationId;
    /// An instance type.
    InstanceTypeId;
    /// An affinity group.
    AffinityGroupId;
    /// An affinity label.
    AffinityLabelId;
    /// A quota.
    QuotaId;
    /// A quality of service.
    QosId;
    /// A bookmark.
    BookmarkId;
    /// A scheduling policy.
    SchedulingPolicyId;
    /// A pool of VMs.
    VmPoolId;
    /// A CPU profile.
    CpuProfileId;
    /// A disk profile.
    DiskProfileId;
    /// A MAC address pool.
    MacPoolId;
    /// A network filter.
    NetworkFilterId;
}

/// An event's number: grows by one, never used again.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct EventId(pub i64);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Any object that permissions, events, locks, offers and changes can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum ObjectId {
    /// The whole system, the parent of everything.
    System,
    /// A data center.
    DataCenter(DataCenterId),
    /// A cluster.
    Cluster(ClusterId),
    /// A host.
    Host(HostId),
    /// A storage domain.
    StorageDomain(StorageDomainId),
    /// A logical network.
    Network(NetworkId),
    /// A vNIC profile.
    VnicProfile(VnicProfileId),
    /// A template.
    Template(TemplateId),
    /// A virtual machine.
    Vm(VmId),
    /// A disk.
    Disk(DiskId),
    /// A snapshot of a VM.
    Snapshot(SnapshotId),
    /// A user.
    User(UserId),
    /// A group.
    Group(GroupId),
    /// A role.
    Role(RoleId),
    /// A permission.
    Permission(PermissionId),
    /// A tag.
    Tag(TagId),
    /// An affinity group.
    AffinityGroup(AffinityGroupId),
    /// An affinity label.
    AffinityLabel(AffinityLabelId),
    /// A quota.
    Quota(QuotaId),
    /// A quality of service.
    Qos(QosId),
    /// A CPU profile.
    CpuProfile(CpuProfileId),
    /// A disk profile.
    DiskProfile(DiskProfileId),
    /// A MAC address pool.
    MacPool(MacPoolId),
    /// A bookmark.
    Bookmark(BookmarkId),
    /// A scheduling policy.
    SchedulingPolicy(SchedulingPolicyId),
    /// A job.
    Job(JobId),
    /// An operation (not shown by the API; its job is).
    Operation(OperationId),
    /// An image transfer.
    Transfer(TransferId),
    /// An instance type.
    InstanceType(InstanceTypeId),
    /// A pool of VMs.
    VmPool(VmPoolId),
}

impl ObjectId {
    /// The kind's word, as in the live stream: `vm`, `storage_domain` …
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::System => "system",
            Self::DataCenter(_) => "data_center",
            Self::Cluster(_) => "cluster",
            Self::Host(_) => "host",
            Self::StorageDomain(_) => "storage_domain",
            Self::Network(_) => "network",
            Self::VnicProfile(_) => "vnic_profile",
            Self::Template(_) => "template",
            Self::Vm(_) => "vm",
            Self::Disk(_) => "disk",
            Self::Snapshot(_) => "snapshot",
            Self::User(_) => "user",
            Self::Group(_) => "group",
            Self::Role(_) => "role",
            Self::Permission(_) => "permission",
            Self::Tag(_) => "tag",
            Self::AffinityGroup(_) => "affinity_group",
            Self::AffinityLabel(_) => "affinity_label",
            Self::Quota(_) => "quota",
            Self::Qos(_) => "qos",
            Self::CpuProfile(_) => "cpu_profile",
            Self::DiskProfile(_) => "disk_profile",
            Self::MacPool(_) => "mac_pool",
            Self::Bookmark(_) => "bookmark",
            Self::SchedulingPolicy(_) => "scheduling_policy",
            Self::Job(_) => "job",
            Self::Operation(_) => "operation",
            Self::Transfer(_) => "image_transfer",
            Self::InstanceType(_) => "instance_type",
            Self::VmPool(_) => "vm_pool",
        }
    }

    /// The id without its kind; zero for the system.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        match self {
            Self::System => Uuid::nil(),
            Self::DataCenter(id) => id.0,
            Self::Cluster(id) => id.0,
            Self::Host(id) => id.0,
            Self::StorageDomain(id) => id.0,
            Self::Network(id) => id.0,
            Self::VnicProfile(id) => id.0,
            Self::Template(id) => id.0,
            Self::Vm(id) => id.0,
            Self::Disk(id) => id.0,
            Self::Snapshot(id) => id.0,
            Self::User(id) => id.0,
            Self::Group(id) => id.0,
            Self::Role(id) => id.0,
            Self::Permission(id) => id.0,
            Self::Tag(id) => id.0,
            Self::AffinityGroup(id) => id.0,
            Self::AffinityLabel(id) => id.0,
            Self::Quota(id) => id.0,
            Self::Qos(id) => id.0,
            Self::CpuProfile(id) => id.0,
            Self::DiskProfile(id) => id.0,
            Self::MacPool(id) => id.0,
            Self::Bookmark(id) => id.0,
            Self::SchedulingPolicy(id) => id.0,
            Self::Job(id) => id.0,
            Self::Operation(id) => id.0,
            Self::Transfer(id) => id.0,
            Self::InstanceType(id) => id.0,
            Self::VmPool(id) => id.0,
        }
    }
}

/// Makes `VmId` and its like turn into an [`ObjectId`].
macro_rules! into_object {
    ($($id:ident => $variant:ident,)*) => {$(
        impl From<$id> for ObjectId {
            fn from(id: $id) -> Self {
                Self::$variant(id)
            }
        }
    )*};
}

into_object! {
    DataCenterId => DataCenter,
    ClusterId => Cluster,
    HostId => Host,
    StorageDomainId => StorageDomain,
    NetworkId => Network,
    VnicProfileId => VnicProfile,
    TemplateId => Template,
    VmId => Vm,
    DiskId => Disk,
    SnapshotId => Snapshot,
    UserId => User,
    GroupId => Group,
    RoleId => Role,
    PermissionId => Permission,
    TagId => Tag,
    AffinityGroupId => AffinityGroup,
    AffinityLabelId => AffinityLabel,
    QuotaId => Quota,
    QosId => Qos,
    CpuProfileId => CpuProfile,
    DiskProfileId => DiskProfile,
    MacPoolId => MacPool,
    BookmarkId => Bookmark,
    SchedulingPolicyId => SchedulingPolicy,
    JobId => Job,
    OperationId => Operation,
    TransferId => Transfer,
    InstanceTypeId => InstanceType,
    VmPoolId => VmPool,
}
