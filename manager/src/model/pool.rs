//! Pools: VMs of one template that are given to whoever needs one.

use serde::{Deserialize, Serialize};

use super::id::{ClusterId, InstanceTypeId, TemplateId, VmPoolId};
use super::vm::VmHardware;
use super::wire::Timestamp;
pub use super::wire::VmPoolType;

/// A pool of VMs. Which VMs are in it is said by them ([`super::Vm::pool`]); who has one of them
/// is said by the permissions on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VmPool {
    /// Its id.
    pub id: VmPoolId,
    /// Unique in its data center; `#` or `?` stand for the digits of a VM's number.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Free text.
    pub comment: String,
    /// Where its VMs run.
    pub cluster: ClusterId,
    /// What its VMs are made from; with `use_latest_template` any version of it.
    pub template: TemplateId,
    /// Whether its VMs follow the newest version of the template.
    pub use_latest_template: bool,
    /// The instance type whose sizes its VMs took.
    pub instance_type: Option<InstanceTypeId>,
    /// Whether VMs come back by themselves.
    pub pool_type: VmPoolType,
    /// Whether VMs keep what their users did.
    pub stateful: bool,
    /// How many VMs are started ahead of anybody's wish.
    pub prestarted_vms: u32,
    /// How many of its VMs one user may have.
    pub max_user_vms: u32,
    /// Nothing is given out and nothing started ahead.
    pub maintenance: bool,
    /// Its VMs are being removed, and it with the last of them.
    pub removing: bool,
    /// When it was made.
    pub creation_time: Timestamp,
    /// Hardware of its VMs, where it is not their template's.
    pub hardware: Option<Box<VmHardware>>,
}
