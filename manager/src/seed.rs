//! What every installation begins with: roles, permits, events, operating systems (`seed.json`,
//! facts of oVirt's engine).

mod policy;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;

use crate::access::EVERYONE;
use crate::error::Result;
use crate::event::EventDraft;
#[cfg(test)]
use crate::model::NAMED_PERMITS;
use crate::model::{
    BiosType, BootDevice, Cluster, ClusterId, ClusterNetwork, CpuProfileId, CpuTopology,
    DataCenter, DataCenterId, DataCenterStatus, DirectBoot, DiskProfileId, Display, GraphicsType,
    Group, HighAvailability, Host, HostId, HostStatus, InstanceType, InstanceTypeId, LogSeverity,
    Mac, MacPoolId, Network, NetworkFilterId, NetworkId, NetworkStatus, NetworkUsage, ObjectId,
    Permission, PermissionId, Permit, Placement, QuotaMode, Role, RoleId, StorageDomain,
    StorageDomainId, StorageDomainStatus, StorageDomainType, StorageErrorResume, StorageType,
    Subject, Tag, TagId, Template, TemplateId, TemplateStatus, Timestamp, User, UserId, Version,
    VideoType, VmAffinity, VmHardware, VmType, VnicPassThroughMode, VnicProfile, VnicProfileId,
};
use crate::store::CredentialRow;
use crate::writer::Draft;

pub(crate) use policy::policies;
pub use policy::{SchedulingUnit, scheduling_units};

/// The contents of `seed.json` that the manager uses.
#[derive(Debug, Deserialize)]
struct Seed {
    permits: BTreeMap<u32, SeedPermit>,
    roles: BTreeMap<uuid::Uuid, SeedRole>,
    instance_types: Vec<String>,
    network_filters: Vec<String>,
    operating_systems: BTreeMap<String, u32>,
    events: BTreeMap<u32, (String, LogSeverity)>,
}

#[derive(Debug, Deserialize)]
struct SeedPermit {
    name: String,
    administrative: bool,
}

#[derive(Debug, Deserialize)]
struct SeedRole {
    name: String,
    administrative: bool,
    permits: Vec<u32>,
}

static SEED: LazyLock<Seed> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../seed.json")).expect("seed.json is checked by a test")
});

/// A permit of the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeededPermit {
    /// Its number.
    pub id: u32,
    /// Its word.
    pub name: &'static str,
    /// Whether only administrators have it.
    pub administrative: bool,
}

/// Every permit there is.
pub fn permits() -> impl Iterator<Item = SeededPermit> {
    SEED.permits.iter().map(|(id, permit)| SeededPermit {
        id: *id,
        name: &permit.name,
        administrative: permit.administrative,
    })
}

/// Every operating system with oVirt's number.
pub fn operating_systems() -> impl Iterator<Item = (&'static str, u32)> {
    SEED.operating_systems
        .iter()
        .map(|(name, number)| (name.as_str(), *number))
}

/// Every event code with its word and severity.
pub fn event_codes() -> impl Iterator<Item = (u32, &'static str, LogSeverity)> {
    SEED.events
        .iter()
        .map(|(code, (word, severity))| (*code, word.as_str(), *severity))
}

/// The severity of an event code; normal for a code that the seed lacks.
#[must_use]
pub fn severity(code: u32) -> LogSeverity {
    SEED.events
        .get(&code)
        .map_or(LogSeverity::Normal, |(_, severity)| *severity)
}

/// Number of the compatibility level that everything is made with.
pub const VERSION: Version = Version { major: 4, minor: 7 };

/// The default MAC pool: 56:6f:… is locally administered, as oVirt's own default pool.
pub const MAC_POOL: MacPoolId = MacPoolId(uuid::Uuid::from_u128(
    0x58ca_604b_017d_0374_0220_0000_0000_014e,
));
/// First address of the MAC pool.
pub const MAC_FIRST: Mac = Mac([0x56, 0x6f, 0x1a, 0x00, 0x00, 0x00]);
/// Last address of the MAC pool.
pub const MAC_LAST: Mac = Mac([0x56, 0x6f, 0x1a, 0xff, 0xff, 0xff]);
/// Name of the management network and of its vNIC profile.
pub const MANAGEMENT_NETWORK: &str = "ovirtmgmt";
/// The template that is nothing.
pub const BLANK: TemplateId = TemplateId::ZERO;
/// The tag that all others are under.
pub const ROOT_TAG: TagId = TagId::ZERO;
/// The authorization domain of the manager's own users.
pub const INTERNAL_DOMAIN: &str = "internal-authz";
/// The login profile of the manager's own users.
pub const INTERNAL_PROFILE: &str = "internal";

/// An id that is the same on every installation, made from a name.
fn named_id(name: &str) -> uuid::Uuid {
    use sha2::{Digest as _, Sha256};
    let hash = Sha256::digest(name.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// Every network filter with its id.
pub fn network_filters() -> impl Iterator<Item = (NetworkFilterId, &'static str)> {
    SEED.network_filters.iter().map(|name| {
        (
            NetworkFilterId(named_id(&format!("network filter {name}"))),
            name.as_str(),
        )
    })
}

/// What a first start needs to know.
pub(crate) struct FirstStart<'a> {
    /// This machine's name.
    pub(crate) host_name: &'a str,
    /// The directory under which storage domains have theirs.
    pub(crate) images: &'a std::path::Path,
    /// The hash of the administrator's first password.
    pub(crate) password_hash: String,
    /// Whether it must be changed, and when it stops working.
    pub(crate) password_expires: Option<Timestamp>,
}

/// Hardware of `Blank`, and of everything that says nothing else.
#[must_use]
pub fn blank_hardware() -> VmHardware {
    const GIB: u64 = 1 << 30;
    VmHardware {
        vm_type: VmType::Desktop,
        memory: GIB,
        memory_guaranteed: GIB,
        memory_max: 4 * GIB,
        ballooning: true,
        topology: CpuTopology::ONE,
        cpu_mode: None,
        cpu_shares: 0,
        cpu_profile: None,
        custom_cpu_model: None,
        custom_emulated_machine: None,
        custom_compatibility_version: None,
        os_type: "other".to_owned(),
        boot_devices: vec![BootDevice::Hd],
        direct_boot: DirectBoot::default(),
        bios_type: BiosType::ClusterDefault,
        boot_menu: false,
        display: Display {
            graphics: vec![GraphicsType::Spice],
            video: VideoType::Qxl,
            monitors: 1,
            copy_paste: true,
            file_transfer: true,
            smartcard: false,
            allow_override: false,
            disconnect_action: "LOCK_SCREEN".to_owned(),
            disconnect_action_delay: 0,
            keyboard_layout: None,
        },
        soundcard: true,
        usb: true,
        virtio_scsi: true,
        virtio_scsi_multi_queues: None,
        multi_queues: true,
        serial_console: false,
        rng_source: Some("urandom".to_owned()),
        tpm: false,
        io_threads: 0,
        high_availability: HighAvailability {
            enabled: false,
            priority: 1,
        },
        placement: Placement {
            affinity: VmAffinity::Migratable,
            hosts: BTreeSet::new(),
        },
        stateless: false,
        start_paused: false,
        time_zone: "Etc/GMT".to_owned(),
        serial_number_policy: None,
        serial_number: None,
        custom_properties: Vec::new(),
        storage_error_resume: StorageErrorResume::AutoResume,
        migration_downtime: None,
        lease: None,
        quota: None,
        initialization: None,
        watchdog: None,
        cpu_pinning: Vec::new(),
        numa_nodes: Vec::new(),
        numa_tune_mode: None,
    }
}

/// Whether an instance type is one that every installation has.
pub(crate) fn is_seeded(kind: InstanceTypeId) -> bool {
    SEED.instance_types
        .iter()
        .any(|name| named_id(&format!("instance type {name}")) == kind.0)
}

/// Puts roles and instance types in place: at every start, so that a new version's are there.
pub(crate) fn constants(draft: &mut Draft) -> Result<()> {
    for (id, role) in &SEED.roles {
        let role = Role {
            id: RoleId(*id),
            name: role.name.clone(),
            description: role.name.clone(),
            administrative: role.administrative,
            mutable: false,
            permits: role.permits.iter().map(|permit| Permit(*permit)).collect(),
        };
        if draft
            .roles
            .get(&role.id)
            .is_none_or(|there| **there != role)
        {
            draft.put(role)?;
        }
    }
    const GIB: u64 = 1 << 30;
    for name in &SEED.instance_types {
        let id = InstanceTypeId(named_id(&format!("instance type {name}")));
        if draft.instance_types.contains_key(&id) {
            continue;
        }
        let (memory, sockets) = match name.as_str() {
            "Tiny" => (GIB / 2, 1),
            "Small" => (2 * GIB, 1),
            "Medium" => (4 * GIB, 2),
            "Large" => (8 * GIB, 2),
            _ => (16 * GIB, 4),
        };
        let creation_time = draft.now();
        draft.put(InstanceType {
            id,
            name: name.clone(),
            description: String::new(),
            memory,
            topology: CpuTopology {
                sockets,
                cores: 1,
                threads: 1,
            },
            creation_time,
            hardware: None,
        })?;
    }
    Ok(())
}

/// Makes what an installation begins with.
pub(crate) fn first_start(draft: &mut Draft, first: &FirstStart<'_>) -> Result<()> {
    let now = draft.now();
    let data_center = DataCenter {
        id: DataCenterId::random(),
        name: "Default".to_owned(),
        description: "The default Data Center".to_owned(),
        comment: String::new(),
        local: false,
        status: DataCenterStatus::Uninitialized,
        version: VERSION,
        quota_mode: QuotaMode::Disabled,
        mac_pool: MAC_POOL,
    };
    let network = Network {
        id: NetworkId::random(),
        name: MANAGEMENT_NETWORK.to_owned(),
        description: "Management Network".to_owned(),
        comment: String::new(),
        data_center: data_center.id,
        vlan: None,
        mtu: 0,
        vm_network: true,
        stp: false,
        port_isolation: false,
        vdsm_name: MANAGEMENT_NETWORK.to_owned(),
        label: None,
        name_servers: Vec::new(),
        qos: None,
    };
    let profile = VnicProfile {
        id: VnicProfileId::random(),
        name: MANAGEMENT_NETWORK.to_owned(),
        description: String::new(),
        comment: String::new(),
        network: network.id,
        port_mirroring: false,
        pass_through: VnicPassThroughMode::Disabled,
        migratable: true,
        network_filter: network_filters()
            .find(|(_, name)| *name == "vdsm-no-mac-spoofing")
            .map(|(id, _)| id),
        custom_properties: Vec::new(),
        qos: None,
    };
    let cluster = Cluster {
        id: ClusterId::random(),
        name: "Default".to_owned(),
        description: "The default server cluster".to_owned(),
        comment: String::new(),
        data_center: data_center.id,
        cpu_type: String::new(),
        version: VERSION,
        bios_type: BiosType::Q35SeaBios,
        ballooning: true,
        ksm: false,
        memory_over_commit: 100,
        threads_as_cores: false,
        virt_service: true,
        ha_reservation: false,
        mac_pool: MAC_POOL,
        cpu_profile: CpuProfileId::random(),
        management_network: network.id,
        networks: vec![ClusterNetwork {
            network: network.id,
            required: true,
            usages: [
                NetworkUsage::Display,
                NetworkUsage::Management,
                NetworkUsage::Migration,
                NetworkUsage::DefaultRoute,
            ]
            .into(),
            status: NetworkStatus::Operational,
        }],
        policy: crate::model::ClusterPolicy::default(),
    };
    let host = Host {
        id: HostId::random(),
        name: first.host_name.to_owned(),
        description: String::new(),
        comment: String::new(),
        address: first.host_name.to_owned(),
        cluster: cluster.id,
        status: HostStatus::Connecting,
        status_detail: "The host has not answered yet.".to_owned(),
        tags: BTreeSet::new(),
        report: None,
    };
    let domain_id = StorageDomainId::random();
    let domain = StorageDomain {
        id: domain_id,
        name: "data".to_owned(),
        description: String::new(),
        comment: String::new(),
        domain_type: StorageDomainType::Data,
        storage_type: StorageType::Localfs,
        path: first
            .images
            .join(domain_id.to_string())
            .display()
            .to_string(),
        data_center: Some(data_center.id),
        host: Some(host.id),
        status: StorageDomainStatus::Unknown,
        master: true,
        available: 0,
        used: 0,
        warning_low_space: 10,
        critical_space: 1,
        wipe_after_delete: false,
        discard_after_delete: false,
        disk_profile: DiskProfileId::random(),
        backup: false,
        in_place: false,
    };
    let admin = User {
        id: UserId::random(),
        user_name: format!("admin@{INTERNAL_DOMAIN}"),
        principal: "admin".to_owned(),
        domain: INTERNAL_DOMAIN.to_owned(),
        namespace: "*".to_owned(),
        domain_entry_id: uuid::Uuid::new_v4().to_string(),
        name: "admin".to_owned(),
        last_name: String::new(),
        email: String::new(),
        department: String::new(),
        enabled: true,
        groups: BTreeSet::new(),
        tags: BTreeSet::new(),
        ssh_public_keys: Vec::new(),
        options: Vec::new(),
    };
    draft.credential(CredentialRow {
        user: admin.id,
        hash: first.password_hash.clone(),
        must_change: first.password_expires.is_some(),
        expires: first.password_expires,
    });
    let mut grant = |role: &str, subject, object| -> Result<()> {
        let role = SEED
            .roles
            .iter()
            .find(|(_, candidate)| candidate.name == role)
            .map(|(id, _)| RoleId(*id))
            .ok_or_else(|| crate::Error::failed("the seed lacks a role"))?;
        draft.put(Permission {
            id: PermissionId::random(),
            role,
            subject,
            object,
        })
    };
    let everyone = Subject::Group(EVERYONE);
    grant("SuperUser", Subject::User(admin.id), ObjectId::System)?;
    grant("UserTemplateBasedVm", everyone, BLANK.into())?;
    grant("VnicProfileUser", everyone, profile.id.into())?;
    grant("UserProfileEditor", everyone, ObjectId::System)?;
    draft.put(Group {
        id: EVERYONE,
        name: "Everyone".to_owned(),
        domain: String::new(),
        namespace: "*".to_owned(),
        domain_entry_id: EVERYONE.to_string(),
        tags: BTreeSet::new(),
    })?;
    draft.put(Template {
        id: BLANK,
        name: "Blank".to_owned(),
        description: "Blank template".to_owned(),
        comment: String::new(),
        cluster: None,
        status: TemplateStatus::Ok,
        creation_time: Timestamp(1_206_998_284_000),
        origin: "ovirt".to_owned(),
        delete_protected: false,
        base: BLANK,
        version_number: 1,
        version_name: String::new(),
        tags: BTreeSet::new(),
        hardware: blank_hardware(),
        disk_attachments: Vec::new(),
        nics: Vec::new(),
    })?;
    draft.put(Tag {
        id: ROOT_TAG,
        name: "root".to_owned(),
        description: "root".to_owned(),
        parent: None,
    })?;
    draft.event(EventDraft::new(
        USER_ADD_HOST,
        format!(
            "Host {} was added at the first start, {}.",
            host.name,
            now.to_utc().date()
        ),
    ));
    draft.put(data_center)?;
    draft.put(network)?;
    draft.put(profile)?;
    draft.put(cluster)?;
    draft.put(host)?;
    draft.put(domain)?;
    draft.put(admin)
}

/// `USER_ADD_VDS`
const USER_ADD_HOST: u32 = 42;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_permits_that_rules_name_are_those_of_the_seed() {
        for (permit, word) in NAMED_PERMITS {
            let seeded = SEED.permits.get(&permit.0).expect(word);
            assert_eq!(seeded.name, *word);
        }
    }

    #[test]
    fn the_roles_that_rules_name_are_those_of_the_seed() {
        for (id, name) in [
            (Role::SUPER_USER, "SuperUser"),
            (Role::USER_ROLE, "UserRole"),
            (Role::POWER_USER_ROLE, "PowerUserRole"),
            (Role::USER_VM_MANAGER, "UserVmManager"),
            (Role::DISK_OPERATOR, "DiskOperator"),
        ] {
            assert_eq!(SEED.roles[&id.0].name, name);
        }
    }

    #[test]
    fn every_seeded_name_has_an_id_of_its_own() {
        let ids: BTreeSet<_> = network_filters().map(|(id, _)| id).collect();
        assert_eq!(ids.len(), SEED.network_filters.len());
    }
}
