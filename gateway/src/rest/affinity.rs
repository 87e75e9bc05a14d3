//! `/clusters/{id}/affinitygroups` and `/affinitylabels`: which VMs and hosts belong together.

use std::collections::BTreeSet;

use api::path::{self, Path};
use api::types;
use manager::model::{
    AffinityGroup, AffinityGroupId, AffinityLabel, AffinityLabelId, AffinityRule, Cluster, HostId,
    VmId,
};
use manager::rules::affinity;
use manager::{AffinityGroupParams, AffinityLabelParams, AffinityRuleParams};

use super::convert::{part, reference};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::view::{Found, View, list_or_pick, many, one, pick};
use super::{Change, Verb};

fn groups_path(cluster: &Cluster) -> Path {
    path::cluster(cluster.id).child("affinitygroups")
}

fn rule(it: AffinityRule) -> api::Part<types::AffinityRule> {
    types::AffinityRule {
        enabled: Some(it.enabled),
        enforcing: Some(it.enforcing),
        positive: Some(it.positive),
    }
    .into()
}

/// An affinity group as the API shows it.
pub(super) fn group_to_api(view: &View, it: &AffinityGroup) -> types::AffinityGroup {
    types::AffinityGroup {
        id: Some(it.id.to_string()),
        href: Some(
            path::cluster(it.cluster)
                .child("affinitygroups")
                .item(it.id)
                .to_string(),
        ),
        name: Some(it.name.clone()),
        description: Some(it.description.clone()),
        cluster: reference!(Cluster, path::cluster(it.cluster), it.cluster),
        priority: Some(it.priority),
        // What older clients know of the VMs' rule.
        positive: Some(it.vms_rule.positive),
        enforcing: Some(it.vms_rule.enforcing),
        vms_rule: Some(rule(it.vms_rule)),
        hosts_rule: Some(rule(it.hosts_rule)),
        broken: Some(affinity::broken(view.inventory(), it)),
        // The engine sends members along.
        vms: Some(vm_parts(view, &it.vms)),
        hosts: Some(host_parts(view, &it.hosts)),
        vm_labels: Some(label_parts(view, &it.vm_labels)),
        host_labels: Some(label_parts(view, &it.host_labels)),
        ..types::AffinityGroup::default()
    }
}

fn vm_parts(view: &View, ids: &BTreeSet<VmId>) -> api::List<types::Vm> {
    let seen = ids.iter().filter(|id| view.sees(**id));
    seen.map(|id| part!(Vm, path::vm(id), id).into_inner())
        .collect()
}

fn host_parts(view: &View, ids: &BTreeSet<HostId>) -> api::List<types::Host> {
    let seen = ids.iter().filter(|id| view.sees(**id));
    seen.map(|id| part!(Host, path::host(id), id).into_inner())
        .collect()
}

fn label_parts(view: &View, ids: &BTreeSet<AffinityLabelId>) -> api::List<types::AffinityLabel> {
    let seen = ids.iter().filter(|id| view.sees(**id));
    seen.map(|id| part!(AffinityLabel, path::affinity_label(id), id).into_inner())
        .collect()
}

/// An affinity label as the API shows it.
pub(super) fn label_to_api(it: &AffinityLabel) -> types::AffinityLabel {
    types::AffinityLabel {
        id: Some(it.id.to_string()),
        href: Some(path::affinity_label(it.id).to_string()),
        name: Some(it.name.clone()),
        has_implicit_affinity_group: Some(it.implicit_group),
        read_only: Some(false),
        ..types::AffinityLabel::default()
    }
}

/// A reference to a member, under the collection that it is looked at in.
macro_rules! members {
    ($kind:ident, $ids:expr, $base:expr, $view:expr) => {
        $ids.iter()
            .filter(|id| $view.sees(**id))
            .map(|id| types::$kind {
                id: Some(id.to_string()),
                href: Some($base.item(id).to_string()),
                ..types::$kind::default()
            })
            .collect::<Vec<_>>()
    };
}

/// `…/vms` as a client expects them: each with its name, at its own address.
fn vms_found(view: &View, ids: &BTreeSet<VmId>, rest: &[&str]) -> Result<Found> {
    let vms = ids.iter().filter(|id| view.sees(**id));
    let vms = vms.filter_map(|id| view.inventory().vms.get(id));
    let vms = vms.map(|vm| types::Vm {
        id: Some(vm.id.to_string()),
        href: Some(path::vm(vm.id).to_string()),
        name: Some(vm.name.clone()),
        ..types::Vm::default()
    });
    list_or_pick(vms.collect(), rest)
}

fn hosts_found(view: &View, ids: &BTreeSet<HostId>, rest: &[&str]) -> Result<Found> {
    let hosts = ids.iter().filter(|id| view.sees(**id));
    let hosts = hosts.filter_map(|id| view.inventory().hosts.get(id));
    let hosts = hosts.map(|host| types::Host {
        id: Some(host.id.to_string()),
        href: Some(path::host(host.id).to_string()),
        name: Some(host.name.clone()),
        ..types::Host::default()
    });
    list_or_pick(hosts.collect(), rest)
}

pub(super) fn read_groups(view: &View, cluster: &Cluster, rest: &[&str]) -> Result<Found> {
    let inside = view.inventory().affinity_groups.iter();
    let mut groups: Vec<_> = inside
        .filter(|it| it.cluster == cluster.id && view.sees(it.id))
        .cloned()
        .collect();
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    match rest {
        [] => Ok(many(
            groups
                .iter()
                .map(|it| group_to_api(view, it))
                .collect::<Vec<_>>()
                .into_iter(),
        )),
        [id, rest @ ..] => {
            let group = view.affinity_group(id)?;
            if group.cluster != cluster.id {
                return Err(Refused::not_found(id));
            }
            let base = groups_path(cluster).item(group.id);
            match rest {
                [] => Ok(one(group_to_api(view, &group))),
                ["vms", rest @ ..] => vms_found(view, &group.vms, rest),
                ["hosts", rest @ ..] => hosts_found(view, &group.hosts, rest),
                ["vmlabels", rest @ ..] => {
                    labels_found(view, &group.vm_labels, &base.child("vmlabels"), rest)
                }
                ["hostlabels", rest @ ..] => {
                    labels_found(view, &group.host_labels, &base.child("hostlabels"), rest)
                }
                rest => Err(super::beneath(rest)),
            }
        }
    }
}

fn labels_found(
    view: &View,
    ids: &BTreeSet<AffinityLabelId>,
    base: &Path,
    rest: &[&str],
) -> Result<Found> {
    let labels = ids.iter().filter(|id| view.sees(**id));
    let labels = labels.filter_map(|id| view.inventory().affinity_labels.get(id));
    let labels = labels.map(|it| types::AffinityLabel {
        href: Some(base.item(it.id).to_string()),
        ..label_to_api(it)
    });
    list_or_pick(labels.collect(), rest)
}

/// The labels of a VM or host, as they are looked at there.
pub(super) fn read_assigned(
    view: &View,
    ids: &BTreeSet<AffinityLabelId>,
    owner: &Path,
    rest: &[&str],
) -> Result<Found> {
    labels_found(view, ids, &owner.child("affinitylabels"), rest)
}

pub(super) fn read_labels(view: &View, rest: &[&str]) -> Result<Found> {
    let mut labels: Vec<_> = view
        .inventory()
        .affinity_labels
        .iter()
        .filter(|it| view.sees(it.id))
        .cloned()
        .collect();
    labels.sort_by(|a, b| a.name.cmp(&b.name));
    match rest {
        [] | [_] => list_or_pick(labels.iter().map(|it| label_to_api(it)).collect(), rest),
        [id, rest @ ..] => {
            let label = view.affinity_label(id)?;
            let base = path::affinity_label(label.id);
            match rest {
                ["vms"] => vms_found(view, &label.vms, &[]),
                ["vms", id] => pick(members!(Vm, label.vms, base.child("vms"), view), id),
                ["hosts"] => hosts_found(view, &label.hosts, &[]),
                ["hosts", id] => pick(members!(Host, label.hosts, base.child("hosts"), view), id),
                rest => Err(super::beneath(rest)),
            }
        }
    }
}

fn rule_params(sent: Option<&types::AffinityRule>) -> AffinityRuleParams {
    let Some(sent) = sent else {
        return AffinityRuleParams::default();
    };
    AffinityRuleParams {
        // A rule that is said without being switched off is meant to count.
        enabled: sent.enabled.or(Some(true)),
        positive: sent.positive,
        enforcing: sent.enforcing,
    }
}

fn vm_ids(view: &View, sent: Option<&api::List<types::Vm>>) -> Result<Option<BTreeSet<VmId>>> {
    let Some(sent) = sent else { return Ok(None) };
    let mut ids = BTreeSet::new();
    for vm in sent {
        ids.extend(
            view.vm_of(vm.id.as_deref(), vm.name.as_deref())?
                .map(|vm| vm.id),
        );
    }
    Ok(Some(ids))
}

fn host_ids(
    view: &View,
    sent: Option<&api::List<types::Host>>,
) -> Result<Option<BTreeSet<HostId>>> {
    sent.map(|hosts| view.hosts_of(hosts)).transpose()
}

fn label_ids(
    view: &View,
    sent: Option<&api::List<types::AffinityLabel>>,
) -> Result<Option<BTreeSet<AffinityLabelId>>> {
    let Some(sent) = sent else { return Ok(None) };
    let mut ids = BTreeSet::new();
    for label in sent {
        let label = view.affinity_label_of(label.id.as_deref(), label.name.as_deref())?;
        ids.extend(label.map(|label| label.id));
    }
    Ok(Some(ids))
}

fn group_params(view: &View, sent: &types::AffinityGroup) -> Result<AffinityGroupParams> {
    let mut vms_rule = rule_params(sent.vms_rule.as_deref());
    if sent.vms_rule.is_none() && (sent.positive.is_some() || sent.enforcing.is_some()) {
        vms_rule = AffinityRuleParams {
            enabled: Some(true),
            positive: sent.positive,
            enforcing: sent.enforcing,
        };
    }
    Ok(AffinityGroupParams {
        name: sent.name.clone(),
        description: sent.description.clone(),
        priority: sent.priority,
        vms_rule,
        hosts_rule: rule_params(sent.hosts_rule.as_deref()),
        vms: vm_ids(view, sent.vms.as_ref())?,
        hosts: host_ids(view, sent.hosts.as_ref())?,
        vm_labels: label_ids(view, sent.vm_labels.as_ref())?,
        host_labels: label_ids(view, sent.host_labels.as_ref())?,
    })
}

pub(super) async fn change_groups(
    change: &Change<'_>,
    verb: Verb,
    cluster: &Cluster,
    rest: &[&str],
) -> Result<Answer> {
    let (manager, caller, view) = (change.view.manager(), change.caller(), &change.view);
    let (id, rest) = match (verb, rest) {
        (Verb::Post, []) => {
            let sent: types::AffinityGroup = change.sent.body()?;
            if sent.name.as_deref().is_none_or(str::is_empty) {
                return Err(Refused::incomplete("AffinityGroup", &["name"], "add"));
            }
            let params = group_params(view, &sent)?;
            let group = manager
                .affinity_group_add(caller, cluster.id, params)
                .await?;
            return Ok(Answer::Created(Box::new(group_to_api(
                &view.again(),
                &group,
            ))));
        }
        (_, [id, rest @ ..]) => (id, rest),
        _ => return Err(Refused::unbuilt()),
    };
    let group = view.affinity_group(id)?;
    if group.cluster != cluster.id {
        return Err(Refused::not_found(id));
    }
    let base = groups_path(cluster).item(group.id);
    match (verb, rest) {
        (Verb::Put, []) => {
            let params = group_params(view, &change.sent.body()?)?;
            let group = manager
                .affinity_group_update(caller, group.id, params)
                .await?;
            Ok(Answer::Object(Box::new(group_to_api(
                &view.again(),
                &group,
            ))))
        }
        (Verb::Delete, []) => {
            manager.affinity_group_remove(caller, group.id).await?;
            Ok(Answer::Removed)
        }
        (_, ["vms", rest @ ..]) => {
            let id = match (verb, rest) {
                (Verb::Post, []) => {
                    let sent: types::Vm = change.sent.body()?;
                    let vm = view.vm_of(sent.id.as_deref(), sent.name.as_deref())?;
                    vm.ok_or_else(|| Refused::incomplete("Vm", &["id|name"], "add"))?
                }
                (Verb::Delete, [id]) => view.vm(id)?,
                _ => return Err(Refused::unbuilt()),
            }
            .id;
            let on = verb == Verb::Post;
            set_member(change, group.id, move |group| put(&mut group.vms, id, on)).await?;
            Ok(member_answer(
                on,
                part!(Vm, base.child("vms").item(id), id).into_inner(),
            ))
        }
        (_, ["hosts", rest @ ..]) => {
            let id = match (verb, rest) {
                (Verb::Post, []) => {
                    let sent: types::Host = change.sent.body()?;
                    let host = view.host_of(sent.id.as_deref(), sent.name.as_deref())?;
                    host.ok_or_else(|| Refused::incomplete("Host", &["id|name"], "add"))?
                }
                (Verb::Delete, [id]) => view.host(id)?,
                _ => return Err(Refused::unbuilt()),
            }
            .id;
            let on = verb == Verb::Post;
            set_member(change, group.id, move |group| put(&mut group.hosts, id, on)).await?;
            let host = part!(Host, base.child("hosts").item(id), id).into_inner();
            Ok(member_answer(on, host))
        }
        (_, [kind @ ("vmlabels" | "hostlabels"), rest @ ..]) => {
            let id = label_named(change, verb, rest)?;
            let on = verb == Verb::Post;
            let of_vms = *kind == "vmlabels";
            set_member(change, group.id, move |group| {
                let set = if of_vms {
                    &mut group.vm_labels
                } else {
                    &mut group.host_labels
                };
                put(set, id, on)
            })
            .await?;
            let label = part!(AffinityLabel, base.child(kind).item(id), id).into_inner();
            Ok(member_answer(on, label))
        }
        _ => Err(Refused::unbuilt()),
    }
}

fn put<T: Ord>(set: &mut BTreeSet<T>, id: T, on: bool) -> bool {
    if on {
        set.insert(id);
        true
    } else {
        set.remove(&id)
    }
}

fn member_answer(on: bool, object: impl api::Object) -> Answer {
    if on {
        Answer::Created(Box::new(object))
    } else {
        Answer::Removed
    }
}

/// The label that is given in a body, or named at the end of a path.
fn label_named(change: &Change<'_>, verb: Verb, rest: &[&str]) -> Result<AffinityLabelId> {
    let view = &change.view;
    match (verb, rest) {
        (Verb::Post, []) => {
            let sent: types::AffinityLabel = change.sent.body()?;
            let label = view.affinity_label_of(sent.id.as_deref(), sent.name.as_deref())?;
            let missing = || Refused::incomplete("AffinityLabel", &["id|name"], "add");
            Ok(label.ok_or_else(missing)?.id)
        }
        (Verb::Delete, [id]) => Ok(view.affinity_label(id)?.id),
        _ => Err(Refused::unbuilt()),
    }
}

async fn set_member(
    change: &Change<'_>,
    group: AffinityGroupId,
    set: impl FnOnce(&mut AffinityGroup) -> bool + Send + 'static,
) -> Result<()> {
    let manager = change.view.manager();
    manager
        .affinity_group_members(change.caller(), group, set)
        .await?;
    Ok(())
}

fn label_params(view: &View, sent: &types::AffinityLabel) -> Result<AffinityLabelParams> {
    Ok(AffinityLabelParams {
        name: sent.name.clone(),
        implicit_group: sent.has_implicit_affinity_group,
        vms: vm_ids(view, sent.vms.as_ref())?,
        hosts: host_ids(view, sent.hosts.as_ref())?,
    })
}

pub(super) async fn change_labels(
    change: &Change<'_>,
    verb: Verb,
    path: &[&str],
) -> Result<Answer> {
    let (manager, caller, view) = (change.view.manager(), change.caller(), &change.view);
    let (id, rest) = match (verb, path) {
        (Verb::Post, []) => {
            let sent: types::AffinityLabel = change.sent.body()?;
            if sent.name.as_deref().is_none_or(str::is_empty) {
                return Err(Refused::incomplete("AffinityLabel", &["name"], "add"));
            }
            let label = manager
                .affinity_label_add(caller, label_params(view, &sent)?)
                .await?;
            return Ok(Answer::Created(Box::new(label_to_api(&label))));
        }
        (_, [id, rest @ ..]) => (id, rest),
        _ => return Err(Refused::unbuilt()),
    };
    let label = view.affinity_label(id)?;
    let base = path::affinity_label(label.id);
    match (verb, rest) {
        (Verb::Put, []) => {
            let params = label_params(view, &change.sent.body()?)?;
            let label = manager
                .affinity_label_update(caller, label.id, params)
                .await?;
            Ok(Answer::Object(Box::new(label_to_api(&label))))
        }
        (Verb::Delete, []) => {
            manager.affinity_label_remove(caller, label.id).await?;
            Ok(Answer::Removed)
        }
        (_, ["vms", rest @ ..]) => {
            let vm = match (verb, rest) {
                (Verb::Post, []) => {
                    let sent: types::Vm = change.sent.body()?;
                    let vm = view.vm_of(sent.id.as_deref(), sent.name.as_deref())?;
                    vm.ok_or_else(|| Refused::incomplete("Vm", &["id|name"], "add"))?
                }
                (Verb::Delete, [id]) => view.vm(id)?,
                _ => return Err(Refused::unbuilt()),
            };
            let (id, on) = (vm.id, verb == Verb::Post);
            manager
                .affinity_label_members(caller, label.id, move |it| put(&mut it.vms, id, on))
                .await?;
            Ok(member_answer(
                on,
                part!(Vm, base.child("vms").item(id), id).into_inner(),
            ))
        }
        (_, ["hosts", rest @ ..]) => {
            let host = match (verb, rest) {
                (Verb::Post, []) => {
                    let sent: types::Host = change.sent.body()?;
                    let host = view.host_of(sent.id.as_deref(), sent.name.as_deref())?;
                    host.ok_or_else(|| Refused::incomplete("Host", &["id|name"], "add"))?
                }
                (Verb::Delete, [id]) => view.host(id)?,
                _ => return Err(Refused::unbuilt()),
            };
            let (id, on) = (host.id, verb == Verb::Post);
            manager
                .affinity_label_members(caller, label.id, move |it| put(&mut it.hosts, id, on))
                .await?;
            Ok(member_answer(
                on,
                part!(Host, base.child("hosts").item(id), id).into_inner(),
            ))
        }
        _ => Err(Refused::unbuilt()),
    }
}

/// Who gets a label or loses it.
#[derive(Clone, Copy)]
pub(super) enum Labelled {
    Vm(VmId),
    Host(HostId),
}

/// Gives a VM or host a label, or takes one away.
pub(super) async fn change_assigned(
    change: &Change<'_>,
    verb: Verb,
    who: Labelled,
    owner: &Path,
    rest: &[&str],
) -> Result<Answer> {
    let id = label_named(change, verb, rest)?;
    let on = verb == Verb::Post;
    let label = change
        .view
        .manager()
        .affinity_label_members(change.caller(), id, move |label| match who {
            Labelled::Vm(vm) => put(&mut label.vms, vm, on),
            Labelled::Host(host) => put(&mut label.hosts, host, on),
        })
        .await?;
    let label = types::AffinityLabel {
        href: Some(owner.child("affinitylabels").item(id).to_string()),
        ..label_to_api(&label)
    };
    Ok(member_answer(on, label))
}
