//! What the manager knows: strict entities and their ids. Nothing here travels as it is: the
//! gateway maps it to oVirt's API, and `host/` to libvirt.

mod activity;
mod guest;
mod hardware;
mod id;
mod infrastructure;
mod initialization;
mod people;
mod policy;
mod pool;
mod snapshot;
mod statistics;
mod vm;
mod wire;

pub use activity::{Event, Job, Session, SessionPurpose, Step, Transfer};
pub use guest::{External, Guest};
pub use hardware::{CpuPin, NumaNode, NumaTuneMode, Watchdog, WatchdogAction};
pub use id::{
    AffinityGroupId, AffinityLabelId, BookmarkId, ClusterId, CpuProfileId, DataCenterId, DiskId,
    DiskProfileId, EventId, GroupId, HostId, ImageId, InstanceTypeId, JobId, MacPoolId,
    NetworkFilterId, NetworkId, NicId, ObjectId, OperationId, PermissionId, QosId, QuotaId, RoleId,
    SchedulingPolicyId, SessionId, SnapshotId, StepId, StorageDomainId, TagId, TemplateId,
    TransferId, UserId, VmId, VmPoolId, VnicProfileId,
};
pub use infrastructure::{
    Cluster, ClusterNetwork, DataCenter, Disk, Host, HostFacts, HostParts, HostStatistics, Layer,
    Network, StorageDomain, VnicProfile,
};
pub use initialization::{
    AddressSource, Addressing, CloudInitNetworkProtocol, FirstBoot, Hidden, Initialization,
    NicConfiguration, Payload, PayloadMedium,
};
#[cfg(test)]
pub(crate) use people::NAMED_PERMITS;
pub use people::{Group, Permission, Permit, Role, Subject, Tag, User};
pub use policy::{
    AffinityGroup, AffinityLabel, AffinityRule, BandwidthMethod, Bookmark, ClusterPolicy,
    CpuProfile, DiskProfile, Fencing, FilterParameter, FirewallType, Inherit, MacPool, MacRange,
    MigrateOnError, Qos, QosLimits, QosType, Quota, QuotaClusterLimit, QuotaStorageLimit,
    RngSource, SchedulingPolicy, SerialPolicy, SshPublicKey, SwitchType, UserOption,
};
pub use pool::{VmPool, VmPoolType};
pub use snapshot::{MemoryImage, Snapshot, SnapshotDisk};
pub use statistics::{DiskStatistics, HostInterface, NicStatistics};
pub use vm::{
    DirectBoot, DiskAttachment, Display, GraphicsAddress, HighAvailability, InstanceType, Nic,
    Placement, Restart, Template, Vm, VmHardware, VmRun, VmStatistics,
};
pub use wire::{
    Acceleration, BiosType, BootDevice, CpuMode, CpuTopology, DataCenterStatus, DiskBackup,
    DiskContentType, DiskFormat, DiskInterface, DiskStatus, GraphicsType, HostStatus, JobStatus,
    LogSeverity, Mac, NetworkStatus, NetworkUsage, NicInterface, QuotaMode, RoleType, Secret,
    SnapshotKind, SnapshotStatus, StepStatus, StepType, StorageDomainStatus, StorageDomainType,
    StorageErrorResume, StorageType, TemplateStatus, Timestamp, TransferDirection, TransferPhase,
    TransferTimeoutPolicy, UnknownWord, Version, VideoType, VmAffinity, VmStatus, VmType,
    VnicPassThroughMode,
};
