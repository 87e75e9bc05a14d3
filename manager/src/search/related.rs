//! What an object is related to: where a query's prefix leads.

use super::field::Collection;
use super::item::Item;
use crate::inventory::Inventory;
use crate::model::{Cluster, DiskAttachment, Event, Network, ObjectId, Subject as Holder, User};

impl<'a> Item<'a> {
    /// What it is related to, of one kind.
    pub(super) fn related(self, inventory: &'a Inventory, target: Collection) -> Vec<Item<'a>> {
        let clusters_of = |center| {
            inventory
                .clusters
                .iter()
                .filter(move |cluster| cluster.data_center == center)
        };
        let domains_of = |center| {
            inventory
                .storage_domains
                .iter()
                .filter(move |domain| domain.data_center == Some(center))
                .map(|domain| Item::StorageDomain(domain))
        };
        let hosts_in = |cluster| {
            inventory
                .hosts
                .iter()
                .filter(move |host| host.cluster == cluster)
                .map(|host| Item::Host(host))
        };
        match (self, target) {
            (Self::Vm(it), Collection::Host) => one(it
                .run
                .host
                .and_then(|id| inventory.hosts.get(&id))
                .map(|it| Item::Host(it))),
            (Self::Vm(it), Collection::Template) => one(inventory
                .templates
                .get(&it.template)
                .map(|it| Item::Template(it))),
            (Self::Vm(it), Collection::StorageDomain) => domains(inventory, &it.disk_attachments),
            (Self::Vm(it), Collection::Nic) => it.nics.iter().map(Item::Nic).collect(),
            (Self::Vm(it), Collection::User) => users_on(inventory, it.id.into()),
            (Self::Template(it), Collection::StorageDomain) => {
                domains(inventory, &it.disk_attachments)
            }
            (Self::Template(it), Collection::Nic) => it.nics.iter().map(Item::Nic).collect(),
            (Self::Template(it), Collection::User) => users_on(inventory, it.id.into()),
            (Self::Template(it), Collection::Vm) => inventory
                .vms
                .iter()
                .filter(|vm| vm.template == it.id)
                .map(|vm| Item::Vm(vm))
                .collect(),
            (Self::Template(it), Collection::Host) => {
                it.cluster.into_iter().flat_map(hosts_in).collect()
            }
            (Self::Host(it), Collection::Vm) => inventory
                .vms_of_host(it.id)
                .map(|vm| Item::Vm(vm))
                .collect(),
            (Self::Host(it), Collection::StorageDomain) => inventory
                .data_center_of_cluster(it.cluster)
                .into_iter()
                .flat_map(domains_of)
                .collect(),
            (Self::Host(it), Collection::Template) => inventory
                .templates
                .iter()
                .filter(|template| template.cluster == Some(it.cluster))
                .map(|template| Item::Template(template))
                .collect(),
            (Self::Host(it), Collection::User) => users_on(inventory, it.id.into()),
            (Self::Cluster(it), Collection::DataCenter) => one(inventory
                .data_centers
                .get(&it.data_center)
                .map(|it| Item::DataCenter(it))),
            (Self::Cluster(it), Collection::StorageDomain) => domains_of(it.data_center).collect(),
            (Self::Cluster(it), Collection::Network) => it
                .networks
                .iter()
                .filter_map(|network| inventory.networks.get(&network.network))
                .map(|network| Item::Network(network))
                .collect(),
            (Self::DataCenter(it), Collection::Cluster) => clusters_of(it.id)
                .map(|cluster| Item::Cluster(cluster))
                .collect(),
            (Self::DataCenter(it), Collection::StorageDomain) => domains_of(it.id).collect(),
            (Self::DataCenter(it), Collection::Network) => inventory
                .networks
                .iter()
                .filter(|network| network.data_center == it.id)
                .map(|network| Item::Network(network))
                .collect(),
            (Self::StorageDomain(it), Collection::Cluster) => it
                .data_center
                .into_iter()
                .flat_map(clusters_of)
                .map(|cluster| Item::Cluster(cluster))
                .collect(),
            (Self::StorageDomain(it), Collection::Host) => it
                .data_center
                .into_iter()
                .flat_map(clusters_of)
                .flat_map(|cluster| hosts_in(cluster.id))
                .collect(),
            (Self::Disk(it), Collection::StorageDomain) => one(inventory
                .storage_domains
                .get(&it.storage_domain)
                .map(|it| Item::StorageDomain(it))),
            (Self::Disk(it), Collection::DataCenter) => one(inventory
                .storage_domains
                .get(&it.storage_domain)
                .and_then(|domain| inventory.data_centers.get(&domain.data_center?))
                .map(|it| Item::DataCenter(it))),
            (Self::Network(it), Collection::Cluster) => clusters_with(inventory, it)
                .map(|cluster| Item::Cluster(cluster))
                .collect(),
            (Self::Network(it), Collection::Host) => clusters_with(inventory, it)
                .flat_map(|cluster| hosts_in(cluster.id))
                .collect(),
            (Self::User(it), Collection::Vm) => granted(inventory, it, |object| match object {
                ObjectId::Vm(id) => inventory.vms.get(&id).map(|it| Item::Vm(it)),
                _ => None,
            }),
            (Self::User(it), Collection::Host) => granted(inventory, it, |object| match object {
                ObjectId::Host(id) => inventory.hosts.get(&id).map(|it| Item::Host(it)),
                _ => None,
            }),
            (Self::User(it), Collection::Template) => {
                granted(inventory, it, |object| match object {
                    ObjectId::Template(id) => {
                        inventory.templates.get(&id).map(|it| Item::Template(it))
                    }
                    _ => None,
                })
            }
            (Self::Event(it), target) => one(event_object(inventory, it, target)),
            _ => Vec::new(),
        }
    }
}

fn event_object<'a>(inventory: &'a Inventory, it: &Event, target: Collection) -> Option<Item<'a>> {
    Some(match target {
        Collection::Cluster => Item::Cluster(inventory.clusters.get(&it.cluster?)?),
        Collection::DataCenter => Item::DataCenter(inventory.data_centers.get(&it.data_center?)?),
        Collection::Host => Item::Host(inventory.hosts.get(&it.host?)?),
        Collection::Template => Item::Template(inventory.templates.get(&it.template?)?),
        Collection::User => Item::User(inventory.users.get(&it.user?)?),
        Collection::Vm => Item::Vm(inventory.vms.get(&it.vm?)?),
        Collection::StorageDomain => {
            Item::StorageDomain(inventory.storage_domains.get(&it.storage_domain?)?)
        }
        _ => return None,
    })
}

fn one(item: Option<Item<'_>>) -> Vec<Item<'_>> {
    item.into_iter().collect()
}

fn domains<'a>(inventory: &'a Inventory, attachments: &[DiskAttachment]) -> Vec<Item<'a>> {
    attachments
        .iter()
        .filter_map(|attachment| inventory.disks.get(&attachment.disk))
        .filter_map(|disk| inventory.storage_domains.get(&disk.storage_domain))
        .map(|domain| Item::StorageDomain(domain))
        .collect()
}

fn clusters_with<'a>(
    inventory: &'a Inventory,
    network: &Network,
) -> impl Iterator<Item = &'a std::sync::Arc<Cluster>> {
    let id = network.id;
    inventory
        .clusters
        .iter()
        .filter(move |cluster| cluster.networks.iter().any(|it| it.network == id))
}

fn users_on(inventory: &Inventory, object: ObjectId) -> Vec<Item<'_>> {
    inventory
        .permissions_on(object)
        .filter_map(|permission| match permission.subject {
            Holder::User(user) => inventory.users.get(&user),
            Holder::Group(_) => None,
        })
        .map(|user| Item::User(user))
        .collect()
}

fn granted<'a>(
    inventory: &'a Inventory,
    user: &User,
    pick: impl Fn(ObjectId) -> Option<Item<'a>>,
) -> Vec<Item<'a>> {
    inventory
        .permissions_of(Holder::User(user.id))
        .filter_map(|permission| pick(permission.object))
        .collect()
}
