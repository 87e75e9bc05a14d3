//! What commands about pools are given.

use super::VmSettings;
use crate::model::{ClusterId, InstanceTypeId, TemplateId, VmPoolType};

/// A new pool.
#[derive(Clone, Debug)]
pub struct VmPoolAddParams {
    /// Unique in the data center; `#` or `?` stand for the digits of a VM's number.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Free text.
    pub comment: String,
    /// Where its VMs run.
    pub cluster: ClusterId,
    /// What they are made from.
    pub template: TemplateId,
    /// Whether they follow the newest version of it.
    pub use_latest_template: bool,
    /// Gives them their sizes.
    pub instance_type: Option<InstanceTypeId>,
    /// `automatic` by default.
    pub pool_type: Option<VmPoolType>,
    /// Whether VMs keep what their users did.
    pub stateful: bool,
    /// How many VMs; 1 by default.
    pub size: Option<u32>,
    /// How many are started ahead.
    pub prestarted_vms: u32,
    /// How many one user may have; 1 by default.
    pub max_user_vms: Option<u32>,
    /// Hardware that differs from the template's.
    pub settings: VmSettings,
}

/// Changes of a pool.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `VmPoolAddParams`.
pub struct VmPoolUpdateParams {
    pub name: Option<String>,
    pub description: Option<String>,
    pub comment: Option<String>,
    pub pool_type: Option<VmPoolType>,
    pub stateful: Option<bool>,
    pub use_latest_template: Option<bool>,
    /// VMs are made, or free ones removed, until there are so many.
    pub size: Option<u32>,
    pub prestarted_vms: Option<u32>,
    pub max_user_vms: Option<u32>,
    /// Nothing is given out and nothing started ahead.
    pub maintenance: Option<bool>,
}
