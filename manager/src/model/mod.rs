//! What the manager knows: strict entities and their ids. Nothing here travels as it is: the
//! gateway maps it to oVirt's API, and `host/` to libvirt.

mod activity;
mod id;
mod infrastructure;
mod people;
mod vm;
mod wire;

pub use activity::{Event, Job, Session, SessionPurpose, Step, Transfer};
pub use id::{
    ClusterId, CpuProfileId, DataCenterId, DiskId, DiskProfileId, EventId, GroupId, HostId,
    InstanceTypeId, JobId, MacPoolId, NetworkFilterId, NetworkId, NicId, ObjectId, OperationId,
    PermissionId, RoleId, SessionId, StepId, StorageDomainId, TagId, TemplateId, TransferId,
    UserId, VmId, VnicProfileId,
};
pub use infrastructure::{
    Cluster, ClusterNetwork, DataCenter, Disk, Host, HostFacts, HostStatistics, Network,
    StorageDomain, VnicProfile,
};
#[cfg(test)]
pub(crate) use people::NAMED_PERMITS;
pub use people::{Group, Permission, Permit, Role, Subject, Tag, User};
pub use vm::{
    DirectBoot, DiskAttachment, Display, GraphicsAddress, HighAvailability, Initialization,
    InstanceType, Nic, Placement, Template, Vm, VmHardware, VmRun, VmStatistics,
};
pub use wire::{
    Acceleration, BiosType, BootDevice, CpuMode, CpuTopology, DataCenterStatus, DiskBackup,
    DiskContentType, DiskFormat, DiskInterface, DiskStatus, GraphicsType, HostStatus, JobStatus,
    LogSeverity, Mac, NetworkStatus, NetworkUsage, NicInterface, QuotaMode, RoleType, Secret,
    StepStatus, StepType, StorageDomainStatus, StorageDomainType, StorageErrorResume, StorageType,
    TemplateStatus, Timestamp, TransferDirection, TransferPhase, TransferTimeoutPolicy,
    UnknownWord, Version, VideoType, VmAffinity, VmStatus, VmType, VnicPassThroughMode,
};
