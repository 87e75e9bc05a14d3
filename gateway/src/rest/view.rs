//! What one caller can reach at one moment: a snapshot of the inventory, their rights in it, and
//! the ways from an id or a name in a request to the object that it means.

use std::collections::BTreeSet;
use std::hash::Hash;
use std::str::FromStr;
use std::sync::Arc;

use api::{Object, Typed};
use manager::model::{
    AffinityGroup, AffinityGroupId, AffinityLabel, AffinityLabelId, Bookmark, BookmarkId, Cluster,
    ClusterId, CpuProfile, CpuProfileId, DataCenter, DataCenterId, Disk, DiskId, DiskProfile,
    DiskProfileId, Group, GroupId, Host, HostId, InstanceType, InstanceTypeId, Job, JobId, MacPool,
    MacPoolId, Network, NetworkId, ObjectId, Permission, PermissionId, Qos, QosId, Quota, QuotaId,
    Role, RoleId, SchedulingPolicy, SchedulingPolicyId, StorageDomain, StorageDomainId, Tag, TagId,
    Template, TemplateId, Transfer, TransferId, User, UserId, Vm, VmId, VmPool, VmPoolId,
    VnicProfile, VnicProfileId,
};
use manager::search::{ListOptions, Searchable};
use manager::{Access, Inventory, Manager, Map};

use super::fault::{Refused, Result};
use super::request::Params;
use crate::state::Shared;

/// One caller's view of one moment. Cheap to clone.
#[derive(Clone)]
pub(crate) struct View {
    pub(super) shared: Shared,
    pub(super) caller: manager::Caller,
    /// The caller's host and port for us, for addresses that leave the API.
    pub(super) authority: Arc<str>,
    access: Arc<Access>,
}

/// What a GET found.
pub(crate) enum Found {
    /// An object.
    One(Box<dyn Object>),
    /// A collection.
    Many(Listing),
}

/// A collection, made object by object as it is written.
pub(crate) struct Listing {
    pub(super) def: &'static api::table::TypeDef,
    pub(super) items: Box<dyn Iterator<Item = Box<dyn Object>> + Send>,
}

impl View {
    pub(super) fn new(shared: Shared, caller: manager::Caller, authority: &str) -> Self {
        let access = Arc::new(shared.manager().access());
        Self {
            shared,
            caller,
            authority: authority.into(),
            access,
        }
    }

    /// The same caller, now: after something was changed.
    pub(super) fn again(&self) -> Self {
        Self {
            access: Arc::new(self.manager().access()),
            ..self.clone()
        }
    }

    pub(super) fn manager(&self) -> &Manager {
        self.shared.manager()
    }

    pub(super) fn inventory(&self) -> &Inventory {
        self.access.inventory()
    }

    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// Whether the caller may know of an object.
    pub(super) fn sees(&self, object: impl Into<ObjectId>) -> bool {
        self.access.visible(&self.caller, object)
    }

    pub(super) fn administrator(&self) -> bool {
        self.access.administrator(&self.caller)
    }

    /// The objects of a kind that the request asks for, mapped one by one.
    pub(super) fn list<T: Searchable + Send + Sync, A: Typed>(
        &self,
        params: &Params,
        map: impl Fn(&View, &T) -> A + Send + 'static,
    ) -> Result<Found> {
        let options = ListOptions {
            max: params.max,
            case_sensitive: params.case_sensitive,
            from: params.from.map(manager::model::EventId),
        };
        let found = self
            .manager()
            .list::<T>(&self.caller, params.search.as_deref(), options)?;
        let view = self.clone();
        Ok(many::<A>(
            found.into_iter().map(move |object| map(&view, &object)),
        ))
    }

    fn find<K, V>(&self, map: &Map<K, V>, id: &str) -> Result<Arc<V>>
    where
        K: Ord + Hash + Clone + Copy + FromStr + Into<ObjectId>,
    {
        let key = id.parse::<K>().ok();
        let found = key.and_then(|key| map.get(&key).filter(|_| self.sees(key)));
        found.cloned().ok_or_else(|| Refused::not_found(id))
    }

    fn refer<K, V>(
        &self,
        map: &Map<K, V>,
        (id, name): (Option<&str>, Option<&str>),
        named: impl Fn(&V) -> (K, &str),
    ) -> Result<Option<Arc<V>>>
    where
        K: Ord + Hash + Clone + Copy + FromStr + Into<ObjectId>,
    {
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            return self.find(map, id).map(Some);
        }
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let of_name = |object: &&Arc<V>| {
            let (key, own) = named(object);
            own == name && self.sees(key)
        };
        let found = map.iter().find(of_name).cloned();
        found.map(Some).ok_or_else(|| Refused::not_found(name))
    }
}

/// A collection of what an iterator gives.
pub(super) fn many<A: Typed>(items: impl Iterator<Item = A> + Send + 'static) -> Found {
    Found::Many(Listing {
        def: A::DEF,
        items: Box::new(items.map(|item| Box::new(item) as Box<dyn Object>)),
    })
}

/// An object.
pub(super) fn one(object: impl Object) -> Found {
    Found::One(Box::new(object))
}

/// The one of some objects that has an id.
pub(super) fn pick<A: Typed>(items: Vec<A>, id: &str) -> Result<Found> {
    let mut items = items.into_iter();
    items
        .find(|item| {
            item.head()
                .is_some_and(|head| head.id.as_deref() == Some(id))
        })
        .map(one)
        .ok_or_else(|| Refused::not_found(id))
}

/// `/collection` and `/collection/{id}` of some objects.
pub(super) fn list_or_pick<A: Typed + Send>(items: Vec<A>, path: &[&str]) -> Result<Found> {
    match path {
        [] => Ok(many(items.into_iter())),
        [id] => pick(items, id),
        _ => Err(Refused::unbuilt()),
    }
}

macro_rules! lookups {
    ($($find:ident $refer:ident $map:ident $id:ty => $kind:ty;)*) => {
        impl View {$(
            #[doc = concat!("The ", stringify!($kind), " of an id that the caller may know of.")]
            pub(super) fn $find(&self, id: &str) -> Result<Arc<$kind>> {
                self.find(&self.inventory().$map, id)
            }

            #[doc = concat!("The ", stringify!($kind), " that a reference means; none without id and name.")]
            #[allow(dead_code)]
            pub(super) fn $refer(
                &self,
                id: Option<&str>,
                name: Option<&str>,
            ) -> Result<Option<Arc<$kind>>> {
                self.refer::<$id, $kind>(&self.inventory().$map, (id, name), |it| (it.id, Named::named(it)))
            }
        )*}
    };
}

/// What a reference by name compares with.
trait Named {
    fn named(&self) -> &str;
}

macro_rules! named {
    ($($kind:ty: $field:ident;)*) => {$(
        impl Named for $kind {
            fn named(&self) -> &str {
                &self.$field
            }
        }
    )*};
}

named! {
    AffinityGroup: name;
    AffinityLabel: name;
    Bookmark: name;
    CpuProfile: name;
    DiskProfile: name;
    MacPool: name;
    Qos: name;
    Quota: name;
    SchedulingPolicy: name;
    Cluster: name;
    DataCenter: name;
    Disk: name;
    Group: name;
    Host: name;
    InstanceType: name;
    Network: name;
    Role: name;
    StorageDomain: name;
    Tag: name;
    Template: name;
    User: user_name;
    Vm: name;
    VmPool: name;
    VnicProfile: name;
    Job: description;
}

lookups! {
    affinity_group affinity_group_of affinity_groups AffinityGroupId => AffinityGroup;
    affinity_label affinity_label_of affinity_labels AffinityLabelId => AffinityLabel;
    bookmark bookmark_of bookmarks BookmarkId => Bookmark;
    cpu_profile cpu_profile_of cpu_profiles CpuProfileId => CpuProfile;
    disk_profile disk_profile_of disk_profiles DiskProfileId => DiskProfile;
    mac_pool mac_pool_of mac_pools MacPoolId => MacPool;
    qos qos_of qoss QosId => Qos;
    quota quota_of quotas QuotaId => Quota;
    scheduling_policy scheduling_policy_of scheduling_policies SchedulingPolicyId => SchedulingPolicy;
    cluster cluster_of clusters ClusterId => Cluster;
    data_center data_center_of data_centers DataCenterId => DataCenter;
    disk disk_of disks DiskId => Disk;
    group group_of groups GroupId => Group;
    host host_of hosts HostId => Host;
    instance_type instance_type_of instance_types InstanceTypeId => InstanceType;
    job job_of jobs JobId => Job;
    network network_of networks NetworkId => Network;
    role role_of roles RoleId => Role;
    storage_domain storage_domain_of storage_domains StorageDomainId => StorageDomain;
    tag tag_of tags TagId => Tag;
    template template_of templates TemplateId => Template;
    user user_of users UserId => User;
    vm vm_of vms VmId => Vm;
    vm_pool vm_pool_of vm_pools VmPoolId => VmPool;
    vnic_profile vnic_profile_of vnic_profiles VnicProfileId => VnicProfile;
}

impl View {
    /// The permission of an id.
    pub(super) fn permission(&self, id: &str) -> Result<Arc<Permission>> {
        self.find::<PermissionId, _>(&self.inventory().permissions, id)
    }

    /// The transfer of an id.
    pub(super) fn transfer(&self, id: &str) -> Result<Arc<Transfer>> {
        self.find::<TransferId, _>(&self.inventory().transfers, id)
    }

    /// The hosts that some references mean.
    pub(super) fn hosts_of(&self, hosts: &[api::types::Host]) -> Result<BTreeSet<HostId>> {
        let mut ids = BTreeSet::new();
        for host in hosts {
            let host = self.host_of(host.id.as_deref(), host.name.as_deref())?;
            ids.extend(host.map(|host| host.id));
        }
        Ok(ids)
    }
}
