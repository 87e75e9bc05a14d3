//! Typed paths: built by portals and by the gateway's hrefs, so that no address is spelt twice.
//!
//! ```
//! use api::path;
//!
//! let vm = path::vm("1a");
//! assert_eq!(vm.to_string(), "/ovirt-engine/api/vms/1a");
//! assert_eq!(vm.action("start").to_string(), "/ovirt-engine/api/vms/1a/start");
//! assert_eq!(vm.nics().item("2b").to_string(), "/ovirt-engine/api/vms/1a/nics/2b");
//! ```

use std::fmt;

use crate::ROOT;

/// An absolute path in the API.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path(String);

impl Path {
    /// The root of the API.
    pub fn root() -> Self {
        Path(ROOT.to_string())
    }

    /// One level down; whatever could end a segment is encoded.
    pub fn child(&self, segment: impl fmt::Display) -> Self {
        let mut path = format!("{}/", self.0);
        for byte in segment.to_string().bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
                path.push(char::from(byte));
            } else {
                path.push_str(&format!("%{byte:02X}"));
            }
        }
        Path(path)
    }

    /// An object of this collection.
    pub fn item(&self, id: impl fmt::Display) -> Self {
        self.child(id)
    }

    /// An action of this object.
    pub fn action(&self, name: &str) -> Self {
        self.child(name)
    }

    /// With a query; names and values are encoded.
    pub fn query<'a>(&self, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let mut path = self.0.clone();
        for (index, (name, value)) in parameters.into_iter().enumerate() {
            path.push(if index == 0 { '?' } else { '&' });
            path.push_str(&encode(name));
            path.push('=');
            path.push_str(&encode(value));
        }
        path
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.0
    }
}

fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~*".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

macro_rules! collections {
    ($($many:ident $one:ident $segment:literal;)*) => {$(
        #[doc = concat!("`/", $segment, "`.")]
        pub fn $many() -> Path {
            Path::root().child($segment)
        }
        #[doc = concat!("`/", $segment, "/{id}`.")]
        pub fn $one(id: impl fmt::Display) -> Path {
            $many().item(id)
        }
    )*};
}

collections! {
    affinity_labels affinity_label "affinitylabels";
    bookmarks bookmark "bookmarks";
    cluster_levels cluster_level "clusterlevels";
    clusters cluster "clusters";
    cpu_profiles cpu_profile "cpuprofiles";
    data_centers data_center "datacenters";
    disk_profiles disk_profile "diskprofiles";
    disks disk "disks";
    domains domain "domains";
    events event "events";
    groups group "groups";
    hosts host "hosts";
    icons icon "icons";
    image_transfers image_transfer "imagetransfers";
    instance_types instance_type "instancetypes";
    jobs job "jobs";
    mac_pools mac_pool "macpools";
    network_filters network_filter "networkfilters";
    networks network "networks";
    operating_systems operating_system "operatingsystems";
    options option "options";
    permissions permission "permissions";
    roles role "roles";
    scheduling_policies scheduling_policy "schedulingpolicies";
    storage_connections storage_connection "storageconnections";
    storage_domains storage_domain "storagedomains";
    tags tag "tags";
    templates template "templates";
    users user "users";
    vm_pools vm_pool "vmpools";
    vms vm "vms";
    vnic_profiles vnic_profile "vnicprofiles";
}

macro_rules! sub_collections {
    ($($name:ident $segment:literal;)*) => {
        impl Path {$(
            #[doc = concat!("`…/", $segment, "`.")]
            pub fn $name(&self) -> Path {
                self.child($segment)
            }
        )*}
    };
}

sub_collections! {
    cdroms "cdroms";
    disk_attachments "diskattachments";
    graphics_consoles "graphicsconsoles";
    nics "nics";
    networks "networks";
    permissions "permissions";
    permits "permits";
    snapshots "snapshots";
    statistics "statistics";
    steps "steps";
    storage_domains "storagedomains";
    tags "tags";
    disks "disks";
    users "users";
    numa_nodes "numanodes";
    watchdogs "watchdogs";
    groups "groups";
    roles "roles";
}
