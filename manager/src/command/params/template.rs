//! What commands about templates and instance types are given.

use super::VmSettings;
use crate::model::{
    ClusterId, DiskFormat, DiskId, DiskInterface, StorageDomainId, TemplateId, VmId,
};

/// How a copy of a disk differs from it. `None` is as the disk.
#[derive(Clone, Debug)]
pub struct DiskCopyChoice {
    /// Which disk is copied.
    pub disk: DiskId,
    /// Name of the copy.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Where the copy is made.
    pub storage_domain: Option<StorageDomainId>,
    /// How it is written.
    pub format: Option<DiskFormat>,
    /// Whether space is taken only as it is written.
    pub sparse: Option<bool>,
    /// How it is connected.
    pub interface: Option<DiskInterface>,
    /// Whether it is booted from.
    pub bootable: Option<bool>,
}

/// A new template.
#[derive(Clone, Debug)]
pub struct TemplateAddParams {
    /// Unique in the data center; a version has the name of its base.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Free text.
    pub comment: String,
    /// The VM that it is made from; must be down.
    pub vm: VmId,
    /// The VM's own by default.
    pub cluster: Option<ClusterId>,
    /// The template that it is a version of; any of its versions will do.
    pub base: Option<TemplateId>,
    /// Name of the version.
    pub version_name: Option<String>,
    /// Where disks are made of which nothing else is said; where their source is by default.
    pub storage_domain: Option<StorageDomainId>,
    /// How single disks are copied.
    pub disks: Vec<DiskCopyChoice>,
    /// Hardware that differs from the VM's.
    pub settings: VmSettings,
    /// Refuses deletion.
    pub delete_protected: bool,
    /// Whoever has a role on the VM gets it on the template.
    pub clone_permissions: bool,
    /// Take out of the guest what makes it this one. Refused: see `command/template.rs`.
    pub seal: bool,
}

/// Changes of a template.
#[derive(Clone, Debug, Default)]
pub struct TemplateUpdateParams {
    /// A new name, for all versions.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Free text.
    pub comment: Option<String>,
    /// Name of the version.
    pub version_name: Option<String>,
    /// Refuses deletion.
    pub delete_protected: Option<bool>,
    /// Hardware.
    pub settings: VmSettings,
}

/// A copy of a VM.
#[derive(Clone, Debug)]
pub struct VmCloneParams {
    /// Unique in the data center.
    pub name: String,
    /// The VM's own by default.
    pub description: Option<String>,
    /// The VM's own by default.
    pub comment: Option<String>,
    /// The VM's own by default.
    pub cluster: Option<ClusterId>,
    /// Where disks are made of which nothing else is said; where their source is by default.
    pub storage_domain: Option<StorageDomainId>,
    /// How single disks are copied.
    pub disks: Vec<DiskCopyChoice>,
    /// Hardware that differs.
    pub settings: VmSettings,
}

/// A new instance type.
#[derive(Clone, Debug)]
pub struct InstanceTypeAddParams {
    /// Unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// What it gives to VMs, where it differs from the Blank template.
    pub settings: VmSettings,
}

/// Changes of an instance type, and so of the VMs that follow it.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `InstanceTypeAddParams`.
pub struct InstanceTypeUpdateParams {
    pub name: Option<String>,
    pub description: Option<String>,
    pub settings: VmSettings,
}
