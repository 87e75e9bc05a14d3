//! Every address in the portals, typed both ways: an address bar's path becomes
//! a `Route`, a `Route` becomes the path of a link. What a page shows is its own.

use crate::store::Id;

/// Tabs of a virtual machine's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum VmTab {
    /// State, charts, facts.
    #[default]
    Summary,
    /// Processor, memory, boot, devices; with editing.
    Hardware,
    /// Attached disks and the CD drive.
    Disks,
    /// Network interfaces.
    Network,
    /// Moments to come back to.
    Snapshots,
    /// What the guest tells of itself.
    Guest,
    /// Who may do what here.
    Permissions,
    /// Events and jobs of this machine.
    Activity,
}

impl VmTab {
    /// All, in the order they are shown.
    pub const ALL: [VmTab; 8] = [
        VmTab::Summary,
        VmTab::Hardware,
        VmTab::Disks,
        VmTab::Network,
        VmTab::Snapshots,
        VmTab::Guest,
        VmTab::Permissions,
        VmTab::Activity,
    ];

    fn segment(self) -> &'static str {
        match self {
            VmTab::Summary => "",
            VmTab::Hardware => "hardware",
            VmTab::Disks => "disks",
            VmTab::Network => "network",
            VmTab::Snapshots => "snapshots",
            VmTab::Guest => "guest",
            VmTab::Permissions => "permissions",
            VmTab::Activity => "activity",
        }
    }
}

/// Tabs of a template's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TemplateTab {
    /// Facts, versions, disks, what was made from it.
    #[default]
    Summary,
    /// Who may do what here.
    Permissions,
}

/// Tabs of a pool's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PoolTab {
    /// Its machines.
    #[default]
    Machines,
    /// Who may take one.
    Permissions,
}

/// Tabs of the storage page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageTab {
    /// Storage domains and uploads.
    Domains,
    /// All disks and images.
    Disks,
}

/// Tabs of the access page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessTab {
    /// People.
    Users,
    /// Roles and their permits.
    Roles,
    /// Who has which role on what.
    Permissions,
}

/// An address in either portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/`: log in, then go where the person works.
    Door,
    /// `/admin/`
    Overview,
    /// `/admin/vms`; the dialog for a new one is open at `/admin/vms/new`.
    Vms {
        /// Whether the dialog for a new machine is open.
        create: bool,
    },
    /// `/admin/vms/ID[/TAB]`
    Vm(Id, VmTab),
    /// `/admin/vms/ID/console`
    VmConsole(Id),
    /// `/admin/templates`
    Templates,
    /// `/admin/templates/ID[/permissions]`
    Template(Id, TemplateTab),
    /// `/admin/instance-types`
    InstanceTypes,
    /// `/admin/pools`
    Pools,
    /// `/admin/pools/ID[/permissions]`
    Pool(Id, PoolTab),
    /// `/admin/hosts`
    Hosts,
    /// `/admin/hosts/ID`
    Host(Id),
    /// `/admin/clusters`
    Clusters,
    /// `/admin/storage`, `/admin/storage/disks`
    Storage(StorageTab),
    /// `/admin/networks`
    Networks,
    /// `/admin/activity`
    Activity,
    /// `/admin/access[/TAB]`
    Access(AccessTab),
    /// `/user/`
    Desktops,
    /// `/user/desktops/ID`
    Desktop(Id),
    /// `/user/desktops/ID/console`
    DesktopConsole(Id),
    /// `/user/activity`
    MyActivity,
    /// `/user/profile` and `/admin/profile`
    Profile {
        /// Which portal it belongs to.
        administration: bool,
    },
    /// Anything else.
    Unknown,
}

impl Route {
    /// What a path means.
    #[must_use]
    pub fn parse(path: &str) -> Route {
        let segments: Vec<&str> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        match segments.as_slice() {
            [] => Route::Door,
            ["admin"] => Route::Overview,
            ["admin", "vms"] => Route::Vms { create: false },
            ["admin", "vms", "new"] => Route::Vms { create: true },
            ["admin", "vms", id, "console"] if is_id(id) => Route::VmConsole(Id::from(*id)),
            ["admin", "vms", id] if is_id(id) => Route::Vm(Id::from(*id), VmTab::Summary),
            ["admin", "vms", id, tab] if is_id(id) => VmTab::ALL
                .into_iter()
                .find(|known| known.segment() == *tab)
                .map_or(Route::Unknown, |tab| Route::Vm(Id::from(*id), tab)),
            ["admin", "templates"] => Route::Templates,
            ["admin", "templates", id] if is_id(id) => {
                Route::Template(Id::from(*id), TemplateTab::Summary)
            }
            ["admin", "templates", id, "permissions"] if is_id(id) => {
                Route::Template(Id::from(*id), TemplateTab::Permissions)
            }
            ["admin", "instance-types"] => Route::InstanceTypes,
            ["admin", "pools"] => Route::Pools,
            ["admin", "pools", id] if is_id(id) => Route::Pool(Id::from(*id), PoolTab::Machines),
            ["admin", "pools", id, "permissions"] if is_id(id) => {
                Route::Pool(Id::from(*id), PoolTab::Permissions)
            }
            ["admin", "hosts"] => Route::Hosts,
            ["admin", "hosts", id] if is_id(id) => Route::Host(Id::from(*id)),
            ["admin", "clusters"] => Route::Clusters,
            ["admin", "storage"] => Route::Storage(StorageTab::Domains),
            ["admin", "storage", "disks"] => Route::Storage(StorageTab::Disks),
            ["admin", "networks"] => Route::Networks,
            ["admin", "activity"] => Route::Activity,
            ["admin", "access"] => Route::Access(AccessTab::Users),
            ["admin", "access", "roles"] => Route::Access(AccessTab::Roles),
            ["admin", "access", "permissions"] => Route::Access(AccessTab::Permissions),
            ["admin", "profile"] => Route::Profile {
                administration: true,
            },
            ["user"] => Route::Desktops,
            ["user", "desktops", id] if is_id(id) => Route::Desktop(Id::from(*id)),
            ["user", "desktops", id, "console"] if is_id(id) => {
                Route::DesktopConsole(Id::from(*id))
            }
            ["user", "activity"] => Route::MyActivity,
            ["user", "profile"] => Route::Profile {
                administration: false,
            },
            _ => Route::Unknown,
        }
    }

    /// The path of a link to it.
    #[must_use]
    pub fn path(&self) -> String {
        let fixed = match self {
            Route::Door | Route::Unknown => "/",
            Route::Overview => "/admin/",
            Route::Vms { create: false } => "/admin/vms",
            Route::Vms { create: true } => "/admin/vms/new",
            Route::Vm(id, tab) if tab.segment().is_empty() => return ["/admin/vms/", id].concat(),
            Route::Vm(id, tab) => return ["/admin/vms/", id, "/", tab.segment()].concat(),
            Route::VmConsole(id) => return ["/admin/vms/", id, "/console"].concat(),
            Route::Templates => "/admin/templates",
            Route::Template(id, TemplateTab::Summary) => {
                return ["/admin/templates/", id].concat();
            }
            Route::Template(id, TemplateTab::Permissions) => {
                return ["/admin/templates/", id, "/permissions"].concat();
            }
            Route::InstanceTypes => "/admin/instance-types",
            Route::Pools => "/admin/pools",
            Route::Pool(id, PoolTab::Machines) => return ["/admin/pools/", id].concat(),
            Route::Pool(id, PoolTab::Permissions) => {
                return ["/admin/pools/", id, "/permissions"].concat();
            }
            Route::Hosts => "/admin/hosts",
            Route::Host(id) => return ["/admin/hosts/", id].concat(),
            Route::Clusters => "/admin/clusters",
            Route::Storage(StorageTab::Domains) => "/admin/storage",
            Route::Storage(StorageTab::Disks) => "/admin/storage/disks",
            Route::Networks => "/admin/networks",
            Route::Activity => "/admin/activity",
            Route::Access(AccessTab::Users) => "/admin/access",
            Route::Access(AccessTab::Roles) => "/admin/access/roles",
            Route::Access(AccessTab::Permissions) => "/admin/access/permissions",
            Route::Desktops => "/user/",
            Route::Desktop(id) => return ["/user/desktops/", id].concat(),
            Route::DesktopConsole(id) => return ["/user/desktops/", id, "/console"].concat(),
            Route::MyActivity => "/user/activity",
            Route::Profile {
                administration: true,
            } => "/admin/profile",
            Route::Profile {
                administration: false,
            } => "/user/profile",
        };
        fixed.to_owned()
    }

    /// Whether two addresses belong to the same entry of the navigation.
    #[must_use]
    pub fn same_section(&self, other: &Route) -> bool {
        use Route::{Access, Host, Hosts, Pool, Pools, Storage, Template, Templates, Vm, Vms};
        match (self, other) {
            (Vms { .. } | Vm(..), Vms { .. } | Vm(..))
            | (Hosts | Host(_), Hosts | Host(_))
            | (Templates | Template(..), Templates | Template(..))
            | (Pools | Pool(..), Pools | Pool(..))
            | (Storage(_), Storage(_))
            | (Access(_), Access(_)) => true,
            (Route::Desktops, Route::Desktop(_)) | (Route::Desktop(_), Route::Desktops) => true,
            _ => self == other,
        }
    }
}

/// Ids are UUIDs; anything else in an address is not one of ours.
fn is_id(segment: &str) -> bool {
    segment.len() == 36
        && segment
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6f2a91c4-07d3-4e19-9c1e-0242ac120002";

    #[test]
    fn every_address_is_read_back_as_it_was_written() {
        let id = Id::from(ID);
        let mut all = vec![
            Route::Door,
            Route::Overview,
            Route::Vms { create: false },
            Route::Vms { create: true },
            Route::VmConsole(id.clone()),
            Route::Templates,
            Route::Template(id.clone(), TemplateTab::Summary),
            Route::Template(id.clone(), TemplateTab::Permissions),
            Route::InstanceTypes,
            Route::Pools,
            Route::Pool(id.clone(), PoolTab::Machines),
            Route::Pool(id.clone(), PoolTab::Permissions),
            Route::Hosts,
            Route::Host(id.clone()),
            Route::Clusters,
            Route::Storage(StorageTab::Domains),
            Route::Storage(StorageTab::Disks),
            Route::Networks,
            Route::Activity,
            Route::Access(AccessTab::Users),
            Route::Access(AccessTab::Roles),
            Route::Access(AccessTab::Permissions),
            Route::Desktops,
            Route::Desktop(id.clone()),
            Route::DesktopConsole(id.clone()),
            Route::MyActivity,
            Route::Profile {
                administration: true,
            },
            Route::Profile {
                administration: false,
            },
        ];
        all.extend(VmTab::ALL.map(|tab| Route::Vm(id.clone(), tab)));
        for route in all {
            assert_eq!(Route::parse(&route.path()), route, "{}", route.path());
        }
    }

    #[test]
    fn a_closing_slash_changes_nothing_and_strangers_are_unknown() {
        assert_eq!(Route::parse("/admin"), Route::Overview);
        assert_eq!(Route::parse("/admin/vms/"), Route::Vms { create: false });
        assert_eq!(Route::parse("/admin/vms/../../etc"), Route::Unknown);
        assert_eq!(Route::parse("/admin/vms/<script>"), Route::Unknown);
        assert_eq!(Route::parse("/elsewhere"), Route::Unknown);
    }

    #[test]
    fn a_machines_page_belongs_to_the_list_of_machines() {
        assert!(Route::Vms { create: false }.same_section(&Route::Vm(Id::from(ID), VmTab::Disks)));
        assert!(!Route::Hosts.same_section(&Route::Overview));
    }
}
