//! People and their rights: users, groups, roles, permits, permissions; and tags.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::{GroupId, ObjectId, PermissionId, RoleId, TagId, UserId};
use super::policy::{SshPublicKey, UserOption};

/// Somebody who can log in, or could.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// `name@domain`, as `admin@internal-authz`.
    pub user_name: String,
    /// The name without domain, what they log in with.
    pub principal: String,
    /// The authorization domain, as `internal-authz`.
    pub domain: String,
    /// The name space in the domain: `*`.
    pub namespace: String,
    /// The domain's own id for them.
    pub domain_entry_id: String,
    /// First name.
    pub name: String,
    /// Last name.
    pub last_name: String,
    /// Mail address.
    pub email: String,
    /// Department.
    pub department: String,
    /// Whether they may log in.
    pub enabled: bool,
    /// Their groups, apart from `Everyone`.
    pub groups: BTreeSet<GroupId>,
    /// Their tags.
    pub tags: BTreeSet<TagId>,
    /// Keys that they log in to serial consoles with.
    #[serde(default)]
    pub ssh_public_keys: Vec<SshPublicKey>,
    /// What portals remember for them.
    #[serde(default)]
    pub options: Vec<UserOption>,
}

/// A group of users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// The authorization domain; empty for `Everyone`.
    pub domain: String,
    /// The name space in the domain.
    pub namespace: String,
    /// The domain's own id for it.
    pub domain_entry_id: String,
    /// Its tags.
    pub tags: BTreeSet<TagId>,
}

/// One thing that may be done: oVirt's permit (action group), known by its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Permit(pub u32);

/// Defines the permits that rules name.
macro_rules! permits {
    ($($name:ident = $number:literal, $word:literal;)*) => {
        impl Permit {
            $(#[doc = concat!("`", $word, "`")] pub const $name: Self = Self($number);)*

            /// The oVirt word of a permit that rules name.
            #[must_use]
            pub const fn word(self) -> Option<&'static str> {
                match self.0 { $($number => Some($word),)* _ => None }
            }
        }

        #[cfg(test)]
        pub(crate) const NAMED_PERMITS: &[(Permit, &str)] = &[$((Permit($number), $word),)*];
    };
}

permits! {
    CREATE_VM = 1, "create_vm";
    DELETE_VM = 2, "delete_vm";
    EDIT_VM_PROPERTIES = 3, "edit_vm_properties";
    CHANGE_VM_CD = 5, "change_vm_cd";
    CONNECT_TO_VM = 7, "connect_to_vm";
    CONFIGURE_VM_NETWORK = 9, "configure_vm_network";
    CONFIGURE_VM_STORAGE = 10, "configure_vm_storage";
    RECONNECT_TO_VM = 13, "reconnect_to_vm";
    CHANGE_VM_CUSTOM_PROPERTIES = 14, "change_vm_custom_properties";
    EDIT_ADMIN_VM_PROPERTIES = 15, "edit_admin_vm_properties";
    REBOOT_VM = 17, "reboot_vm";
    IMPORT_EXPORT_VM = 8, "import_export_vm";
    MANIPULATE_VM_SNAPSHOTS = 12, "manipulate_vm_snapshots";
    STOP_VM = 18, "stop_vm";
    SHUT_DOWN_VM = 19, "shut_down_vm";
    HIBERNATE_VM = 21, "hibernate_vm";
    RUN_VM = 22, "run_vm";
    RESET_VM = 23, "reset_vm";
    CREATE_HOST = 100, "create_host";
    EDIT_HOST_CONFIGURATION = 101, "edit_host_configuration";
    DELETE_HOST = 102, "delete_host";
    MANIPULATE_HOST = 103, "manipulate_host";
    CREATE_TEMPLATE = 200, "create_template";
    EDIT_TEMPLATE_PROPERTIES = 201, "edit_template_properties";
    DELETE_TEMPLATE = 202, "delete_template";
    COPY_TEMPLATE = 203, "copy_template";
    CREATE_VM_POOL = 300, "create_vm_pool";
    EDIT_VM_POOL_CONFIGURATION = 301, "edit_vm_pool_configuration";
    DELETE_VM_POOL = 302, "delete_vm_pool";
    VM_POOL_BASIC_OPERATIONS = 303, "vm_pool_basic_operations";
    CREATE_CLUSTER = 400, "create_cluster";
    EDIT_CLUSTER_CONFIGURATION = 401, "edit_cluster_configuration";
    DELETE_CLUSTER = 402, "delete_cluster";
    CONFIGURE_CLUSTER_NETWORK = 403, "configure_cluster_network";
    ASSIGN_CLUSTER_NETWORK = 404, "assign_cluster_network";
    MANIPULATE_USERS = 500, "manipulate_users";
    MANIPULATE_ROLES = 501, "manipulate_roles";
    MANIPULATE_PERMISSIONS = 502, "manipulate_permissions";
    ADD_USERS_AND_GROUPS_FROM_DIRECTORY = 503, "add_users_and_groups_from_directory";
    CREATE_STORAGE_DOMAIN = 600, "create_storage_domain";
    EDIT_STORAGE_DOMAIN_CONFIGURATION = 601, "edit_storage_domain_configuration";
    CREATE_STORAGE_POOL = 700, "create_storage_pool";
    DELETE_STORAGE_POOL = 701, "delete_storage_pool";
    EDIT_STORAGE_POOL_CONFIGURATION = 702, "edit_storage_pool_configuration";
    CONFIGURE_STORAGE_POOL_NETWORK = 703, "configure_storage_pool_network";
    CREATE_STORAGE_POOL_NETWORK = 704, "create_storage_pool_network";
    DELETE_STORAGE_POOL_NETWORK = 705, "delete_storage_pool_network";
    CREATE_DISK = 1100, "create_disk";
    ATTACH_DISK = 1101, "attach_disk";
    EDIT_DISK_PROPERTIES = 1102, "edit_disk_properties";
    CONFIGURE_DISK_STORAGE = 1103, "configure_disk_storage";
    DELETE_DISK = 1104, "delete_disk";
    CONFIGURE_NETWORK_VNIC_PROFILE = 1203, "configure_network_vnic_profile";
    CREATE_NETWORK_VNIC_PROFILE = 1204, "create_network_vnic_profile";
    DELETE_NETWORK_VNIC_PROFILE = 1205, "delete_network_vnic_profile";
    ACCESS_IMAGE_STORAGE = 1106, "access_image_storage";
    CONFIGURE_HOST_NETWORK = 104, "configure_host_network";
    DELETE_STORAGE_DOMAIN = 602, "delete_storage_domain";
    MANIPULATE_STORAGE_DOMAIN = 603, "manipulate_storage_domain";
    CONFIGURE_QUOTA = 900, "configure_quota";
    CONSUME_QUOTA = 901, "consume_quota";
    BOOKMARK_MANAGEMENT = 1302, "bookmark_management";
    MANIPULATE_AFFINITY_GROUPS = 1550, "manipulate_affinity_groups";
    CONFIGURE_STORAGE_DISK_PROFILE = 1560, "configure_storage_disk_profile";
    CREATE_STORAGE_DISK_PROFILE = 1561, "create_storage_disk_profile";
    DELETE_STORAGE_DISK_PROFILE = 1562, "delete_storage_disk_profile";
    CREATE_MAC_POOL = 1660, "create_mac_pool";
    EDIT_MAC_POOL = 1661, "edit_mac_pool";
    DELETE_MAC_POOL = 1662, "delete_mac_pool";
    CONFIGURE_MAC_POOL = 1663, "configure_mac_pool";
    DELETE_CPU_PROFILE = 1665, "delete_cpu_profile";
    UPDATE_CPU_PROFILE = 1666, "update_cpu_profile";
    CREATE_CPU_PROFILE = 1667, "create_cpu_profile";
    LOGIN = 1300, "login";
    TAG_MANAGEMENT = 1301, "tag_management";
    AUDIT_LOG_MANAGEMENT = 1304, "audit_log_management";
    INJECT_EXTERNAL_EVENTS = 1400, "inject_external_events";
    INJECT_EXTERNAL_TASKS = 1500, "inject_external_tasks";
    EDIT_PROFILE = 504, "edit_profile";
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.word() {
            Some(word) => write!(f, "{word}({})", self.0),
            None => write!(f, "Permit({})", self.0),
        }
    }
}

/// A named set of permits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// Unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Whether it makes its holder an administrator.
    pub administrative: bool,
    /// Whether it may be changed; those of the seed may not.
    pub mutable: bool,
    /// Its permits.
    pub permits: BTreeSet<Permit>,
}

impl Role {
    /// SuperUser: holds every permit, also those that are made later.
    pub const SUPER_USER: RoleId = RoleId(uuid::Uuid::from_u128(1));
    /// UserRole: may use a VM.
    pub const USER_ROLE: RoleId = RoleId(uuid::Uuid::from_u128(
        0x00000000_0000_0000_0001_000000000001,
    ));
    /// PowerUserRole: may make VMs, disks and templates.
    pub const POWER_USER_ROLE: RoleId = RoleId(uuid::Uuid::from_u128(
        0x00000000_0000_0000_0001_000000000002,
    ));
    /// UserVmManager: what the maker of a VM gets on it.
    pub const USER_VM_MANAGER: RoleId = RoleId(uuid::Uuid::from_u128(
        0xdef00006_0000_0000_0000_def000000006,
    ));
    /// TemplateOwner: what the maker of a template gets on it.
    pub const TEMPLATE_OWNER: RoleId = RoleId(uuid::Uuid::from_u128(
        0xdef0000a_0000_0000_0000_def00000000f,
    ));
    /// DiskOperator: what the maker of a disk gets on it.
    pub const DISK_OPERATOR: RoleId = RoleId(uuid::Uuid::from_u128(
        0xdef0000a_0000_0000_0000_def00000000b,
    ));

    /// Whether somebody who has this role on an object may see what is in it. Roles that only
    /// allow making things or using an offer do not show what others have made.
    #[must_use]
    pub fn shows_children(&self) -> bool {
        const ACTING: &[Permit] = &[
            Permit::DELETE_VM,
            Permit::EDIT_VM_PROPERTIES,
            Permit::CHANGE_VM_CD,
            Permit::CONNECT_TO_VM,
            Permit::RECONNECT_TO_VM,
            Permit::RUN_VM,
            Permit::STOP_VM,
            Permit::EDIT_TEMPLATE_PROPERTIES,
            Permit::COPY_TEMPLATE,
            Permit::ATTACH_DISK,
            Permit::EDIT_DISK_PROPERTIES,
            Permit::DELETE_DISK,
            Permit::VM_POOL_BASIC_OPERATIONS,
        ];
        self.administrative || ACTING.iter().any(|permit| self.permits.contains(permit))
    }
}

/// Who has a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Subject {
    /// A user.
    User(UserId),
    /// All users of a group.
    Group(GroupId),
}

/// A role given to somebody on an object, and so on all that is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// Its id.
    pub id: PermissionId,
    /// The role.
    pub role: RoleId,
    /// Who has it.
    pub subject: Subject,
    /// On what.
    pub object: ObjectId,
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Its id; zero for the root.
    pub id: TagId,
    /// Unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Its parent; the root has none.
    pub parent: Option<TagId>,
}
