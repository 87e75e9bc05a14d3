//! Signatures of commands whose bodies are on their way.
use super::*;
use crate::Manager;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::model::*;
use std::sync::Arc;

macro_rules! pending {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty;)*) => {
        impl Manager {$(
            /// On its way.
            #[allow(unused_variables, clippy::unused_async)]
            pub async fn $name(&self, caller: &Caller $(, $arg: $ty)*) -> Result<$ret> {
                Err(Error::unavailable("on its way"))
            }
        )*}
    };
}

pending! {
    // VMs. `Accepted` = written down and going on; its value is the VM as it is now.
    vm_add(params: VmAddParams) -> Accepted<Arc<Vm>>;
    vm_update(vm: VmId, params: VmUpdateParams) -> Arc<Vm>;
    vm_remove(vm: VmId, params: VmRemoveParams) -> Accepted<()>;
    vm_start(vm: VmId, params: VmStartParams) -> Accepted<Arc<Vm>>;
    vm_stop(vm: VmId, params: VmStopParams) -> Accepted<Arc<Vm>>;
    vm_shutdown(vm: VmId, params: VmStopParams) -> Accepted<Arc<Vm>>;
    vm_reboot(vm: VmId, params: VmStopParams) -> Accepted<Arc<Vm>>;
    vm_reset(vm: VmId) -> Accepted<Arc<Vm>>;
    vm_suspend(vm: VmId) -> Accepted<Arc<Vm>>;
    vm_screenshot(vm: VmId) -> Vec<u8>;
    // The CD that is in the drive now (`current`) or at the next start; None ejects.
    cdrom_change(vm: VmId, disk: Option<DiskId>, current: bool) -> Accepted<Arc<Vm>>;
    // Disks and attachments.
    disk_add(params: DiskAddParams) -> Accepted<Arc<Disk>>;
    disk_update(disk: DiskId, params: DiskUpdateParams) -> Accepted<Arc<Disk>>;
    disk_remove(disk: DiskId) -> Accepted<()>;
    disk_copy(disk: DiskId, params: DiskCopyParams) -> Accepted<Arc<Disk>>;
    disk_attach(vm: VmId, params: DiskAttachParams) -> Accepted<DiskId>;
    disk_attachment_update(vm: VmId, disk: DiskId, params: DiskAttachmentUpdateParams) -> Accepted<Arc<Vm>>;
    disk_detach(vm: VmId, disk: DiskId, remove: bool) -> Accepted<()>;
    // NICs.
    nic_add(vm: VmId, params: NicAddParams) -> Accepted<Nic>;
    nic_update(vm: VmId, nic: NicId, params: NicUpdateParams) -> Accepted<Nic>;
    nic_remove(vm: VmId, nic: NicId) -> Accepted<()>;
    // Image transfers (see `transfer.rs` for the data's side).
    transfer_add(params: TransferAddParams) -> Arc<Transfer>;
    transfer_extend(transfer: TransferId) -> Arc<Transfer>;
    transfer_pause(transfer: TransferId) -> Arc<Transfer>;
    transfer_resume(transfer: TransferId) -> Arc<Transfer>;
    transfer_cancel(transfer: TransferId) -> Arc<Transfer>;
    transfer_finalize(transfer: TransferId) -> Arc<Transfer>;
    // Infrastructure.
    data_center_add(params: DataCenterAddParams) -> Arc<DataCenter>;
    data_center_update(id: DataCenterId, params: DataCenterUpdateParams) -> Arc<DataCenter>;
    data_center_remove(id: DataCenterId) -> ();
    cluster_add(params: ClusterAddParams) -> Arc<Cluster>;
    cluster_update(id: ClusterId, params: ClusterUpdateParams) -> Arc<Cluster>;
    cluster_remove(id: ClusterId) -> ();
    cluster_network_add(cluster: ClusterId, network: NetworkId, params: ClusterNetworkParams) -> Arc<Cluster>;
    cluster_network_update(cluster: ClusterId, network: NetworkId, params: ClusterNetworkParams) -> Arc<Cluster>;
    cluster_network_remove(cluster: ClusterId, network: NetworkId) -> ();
    host_update(id: HostId, params: HostUpdateParams) -> Arc<Host>;
    host_activate(id: HostId) -> Accepted<Arc<Host>>;
    host_deactivate(id: HostId) -> Accepted<Arc<Host>>;
    storage_domain_update(id: StorageDomainId, params: StorageDomainUpdateParams) -> Arc<StorageDomain>;
    network_add(params: NetworkAddParams) -> Arc<Network>;
    network_update(id: NetworkId, params: NetworkUpdateParams) -> Arc<Network>;
    network_remove(id: NetworkId) -> ();
    vnic_profile_add(params: VnicProfileAddParams) -> Arc<VnicProfile>;
    vnic_profile_update(id: VnicProfileId, params: VnicProfileUpdateParams) -> Arc<VnicProfile>;
    vnic_profile_remove(id: VnicProfileId) -> ();
    template_update(id: TemplateId, params: TemplateUpdateParams) -> Arc<Template>;
    // Tags; `tag_assign` takes a VM, host, template, user or group.
    tag_add(params: TagAddParams) -> Arc<Tag>;
    tag_update(id: TagId, params: TagUpdateParams) -> Arc<Tag>;
    tag_remove(id: TagId) -> ();
    tag_assign(object: ObjectId, tag: TagId) -> ();
    tag_unassign(object: ObjectId, tag: TagId) -> ();
    // People.
    user_add(params: UserAddParams) -> Arc<User>;
    user_update(id: UserId, params: UserUpdateParams) -> Arc<User>;
    user_remove(id: UserId) -> ();
    group_add(name: String) -> Arc<Group>;
    group_remove(id: GroupId) -> ();
    permission_add(params: PermissionAddParams) -> Arc<Permission>;
    permission_remove(id: PermissionId) -> ();
    role_add(params: RoleAddParams) -> Arc<Role>;
    role_update(id: RoleId, params: RoleUpdateParams) -> Arc<Role>;
    role_remove(id: RoleId) -> ();
    // Events and jobs.
    event_add(params: EventAddParams) -> Arc<Event>;
    event_remove(id: EventId) -> ();
    job_add(params: JobAddParams) -> Arc<Job>;
    job_end(id: JobId, succeeded: bool) -> Arc<Job>;
    job_clear(id: JobId) -> ();
    step_add(params: StepAddParams) -> Arc<Job>;
    step_end(job: JobId, step: StepId, succeeded: bool) -> Arc<Job>;
    // Session of the caller.
    logout() -> ();
    password_change(old: Secret, new: Secret) -> ();
    // Consoles (see `console.rs`).
    console_ticket(vm: VmId) -> crate::console::ConsoleTicket;
    vm_ticket(vm: VmId, valid_seconds: Option<u32>) -> crate::console::DisplayTicket;
}
