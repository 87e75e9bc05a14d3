//! Affinity groups and labels. What they do to a choice of hosts is in `rules/affinity.rs`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::check;
use super::{log, name_free};
use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::code;
use crate::model::{
    AffinityGroup, AffinityGroupId, AffinityLabel, AffinityLabelId, AffinityRule, ClusterId,
    HostId, ObjectId, Permit, VmId,
};
use crate::writer::Draft;

/// What is said of one side of a group.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `model::AffinityRule`.
pub struct AffinityRuleParams {
    pub enabled: Option<bool>,
    pub positive: Option<bool>,
    pub enforcing: Option<bool>,
}

impl AffinityRuleParams {
    fn put_into(self, rule: &mut AffinityRule) {
        rule.positive = self.positive.unwrap_or(rule.positive);
        rule.enforcing = self.enforcing.unwrap_or(rule.enforcing);
        rule.enabled = self.enabled.unwrap_or(rule.enabled);
    }
}

/// What is said of a group.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `model::AffinityGroup`.
pub struct AffinityGroupParams {
    pub name: Option<String>,
    pub description: Option<String>,
    pub priority: Option<f64>,
    pub vms_rule: AffinityRuleParams,
    pub hosts_rule: AffinityRuleParams,
    pub vms: Option<BTreeSet<VmId>>,
    pub hosts: Option<BTreeSet<HostId>>,
    pub vm_labels: Option<BTreeSet<AffinityLabelId>>,
    pub host_labels: Option<BTreeSet<AffinityLabelId>>,
}

/// What is said of a label.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `model::AffinityLabel`.
pub struct AffinityLabelParams {
    pub name: Option<String>,
    pub implicit_group: Option<bool>,
    pub vms: Option<BTreeSet<VmId>>,
    pub hosts: Option<BTreeSet<HostId>>,
}

fn put_group(draft: &mut Draft, params: AffinityGroupParams, it: &mut AffinityGroup) -> Result<()> {
    if let Some(name) = params.name {
        check::label("name", &name)?;
        let others = draft.affinity_groups.iter();
        let others = others.filter(|other| other.cluster == it.cluster && other.id != it.id);
        name_free(
            others.map(|other| other.name.as_str()),
            &name,
            "Affinity Group",
        )?;
        it.name = name;
    }
    check::set_text("description", &mut it.description, params.description)?;
    if let Some(priority) = params.priority {
        if !priority.is_finite() || priority.abs() > 1e9 {
            return Err(Error::invalid(
                "priority",
                "The priority is no usable number.",
            ));
        }
        it.priority = priority;
    }
    params.vms_rule.put_into(&mut it.vms_rule);
    params.hosts_rule.put_into(&mut it.hosts_rule);
    if let Some(vms) = params.vms {
        it.vms = vms;
    }
    if let Some(hosts) = params.hosts {
        it.hosts = hosts;
    }
    if let Some(labels) = params.vm_labels {
        it.vm_labels = labels;
    }
    if let Some(labels) = params.host_labels {
        it.host_labels = labels;
    }
    for id in &it.vms {
        let vm = draft.vms.get(id).ok_or_else(|| Error::not_found(id))?;
        if vm.cluster != it.cluster {
            return Err(Error::conflict(format!(
                "Cannot save Affinity Group. The VM {} is not in the cluster of the group.",
                vm.name
            )));
        }
    }
    for id in &it.hosts {
        let host = draft.hosts.get(id).ok_or_else(|| Error::not_found(id))?;
        if host.cluster != it.cluster {
            return Err(Error::conflict(format!(
                "Cannot save Affinity Group. The Host {} is not in the cluster of the group.",
                host.name
            )));
        }
    }
    for id in it.vm_labels.iter().chain(&it.host_labels) {
        if !draft.affinity_labels.contains_key(id) {
            return Err(Error::not_found(id));
        }
    }
    Ok(())
}

fn put_label(draft: &mut Draft, params: AffinityLabelParams, it: &mut AffinityLabel) -> Result<()> {
    if let Some(name) = params.name {
        check::label("name", &name)?;
        let others = draft
            .affinity_labels
            .iter()
            .filter(|other| other.id != it.id);
        name_free(
            others.map(|other| other.name.as_str()),
            &name,
            "Affinity Label",
        )?;
        it.name = name;
    }
    it.implicit_group = params.implicit_group.unwrap_or(it.implicit_group);
    if let Some(vms) = params.vms {
        it.vms = vms;
    }
    if let Some(hosts) = params.hosts {
        it.hosts = hosts;
    }
    if let Some(missing) = it.vms.iter().find(|id| !draft.vms.contains_key(*id)) {
        return Err(Error::not_found(missing));
    }
    if let Some(missing) = it.hosts.iter().find(|id| !draft.hosts.contains_key(*id)) {
        return Err(Error::not_found(missing));
    }
    Ok(())
}

impl Manager {
    /// Makes an affinity group.
    pub async fn affinity_group_add(
        &self,
        caller: &Caller,
        cluster: ClusterId,
        params: AffinityGroupParams,
    ) -> Result<Arc<AffinityGroup>> {
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::MANIPULATE_AFFINITY_GROUPS, cluster)?;
            if params.name.as_deref().is_none_or(str::is_empty) {
                return Err(Error::invalid(
                    "name",
                    "AffinityGroup [name] required for add",
                ));
            }
            let rule = AffinityRule {
                enabled: false,
                positive: true,
                enforcing: true,
            };
            let mut it = AffinityGroup {
                id: AffinityGroupId::random(),
                name: String::new(),
                description: String::new(),
                cluster,
                priority: 1.0,
                vms: BTreeSet::new(),
                hosts: BTreeSet::new(),
                vm_labels: BTreeSet::new(),
                host_labels: BTreeSet::new(),
                vms_rule: rule,
                hosts_rule: rule,
            };
            put_group(draft, params, &mut it)?;
            save_group(draft, caller, it, code::AFFINITY_GROUP_ADDED, "added")
        })
        .await
    }

    /// Changes an affinity group.
    pub async fn affinity_group_update(
        &self,
        caller: &Caller,
        id: AffinityGroupId,
        params: AffinityGroupParams,
    ) -> Result<Arc<AffinityGroup>> {
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::MANIPULATE_AFFINITY_GROUPS, id)?;
            let mut it = group(draft, id)?;
            put_group(draft, params, &mut it)?;
            save_group(draft, caller, it, code::AFFINITY_GROUP_UPDATED, "updated")
        })
        .await
    }

    /// Changes who is in an affinity group.
    pub async fn affinity_group_members(
        &self,
        caller: &Caller,
        id: AffinityGroupId,
        change: impl FnOnce(&mut AffinityGroup) -> bool + Send + 'static,
    ) -> Result<Arc<AffinityGroup>> {
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::MANIPULATE_AFFINITY_GROUPS, id)?;
            let mut it = group(draft, id)?;
            if !change(&mut it) {
                return Err(Error::not_found("the member of the affinity group"));
            }
            put_group(draft, AffinityGroupParams::default(), &mut it)?;
            save_group(draft, caller, it, code::AFFINITY_GROUP_UPDATED, "updated")
        })
        .await
    }

    /// Removes an affinity group.
    pub async fn affinity_group_remove(&self, caller: &Caller, id: AffinityGroupId) -> Result<()> {
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::MANIPULATE_AFFINITY_GROUPS, id)?;
            let it = group(draft, id)?;
            draft.remove(id);
            let center = draft.data_center_of_cluster(it.cluster);
            let text = format!("Affinity Group {} was removed.", it.name);
            log(draft, caller, code::AFFINITY_GROUP_REMOVED, text, center);
            Ok(())
        })
        .await
    }

    /// Makes an affinity label.
    pub async fn affinity_label_add(
        &self,
        caller: &Caller,
        params: AffinityLabelParams,
    ) -> Result<Arc<AffinityLabel>> {
        self.write(caller, move |draft, caller| {
            label_permit(draft, caller)?;
            if params.name.as_deref().is_none_or(str::is_empty) {
                return Err(Error::invalid(
                    "name",
                    "AffinityLabel [name] required for add",
                ));
            }
            let mut it = AffinityLabel {
                id: AffinityLabelId::random(),
                name: String::new(),
                vms: BTreeSet::new(),
                hosts: BTreeSet::new(),
                implicit_group: false,
            };
            put_label(draft, params, &mut it)?;
            save_label(draft, caller, it, code::AFFINITY_LABEL_ADDED, "added")
        })
        .await
    }

    /// Changes an affinity label.
    pub async fn affinity_label_update(
        &self,
        caller: &Caller,
        id: AffinityLabelId,
        params: AffinityLabelParams,
    ) -> Result<Arc<AffinityLabel>> {
        self.write(caller, move |draft, caller| {
            label_permit(draft, caller)?;
            let mut it = label(draft, id)?;
            put_label(draft, params, &mut it)?;
            save_label(draft, caller, it, code::AFFINITY_LABEL_UPDATED, "updated")
        })
        .await
    }

    /// Changes who has an affinity label.
    pub async fn affinity_label_members(
        &self,
        caller: &Caller,
        id: AffinityLabelId,
        change: impl FnOnce(&mut AffinityLabel) -> bool + Send + 'static,
    ) -> Result<Arc<AffinityLabel>> {
        self.write(caller, move |draft, caller| {
            label_permit(draft, caller)?;
            let mut it = label(draft, id)?;
            if !change(&mut it) {
                return Err(Error::not_found("the label on the object"));
            }
            put_label(draft, AffinityLabelParams::default(), &mut it)?;
            save_label(draft, caller, it, code::AFFINITY_LABEL_UPDATED, "updated")
        })
        .await
    }

    /// Removes an affinity label, from groups as well.
    pub async fn affinity_label_remove(&self, caller: &Caller, id: AffinityLabelId) -> Result<()> {
        self.write(caller, move |draft, caller| {
            label_permit(draft, caller)?;
            let it = label(draft, id)?;
            let groups: Vec<_> = draft
                .affinity_groups
                .iter()
                .filter(|group| group.vm_labels.contains(&id) || group.host_labels.contains(&id))
                .cloned()
                .collect();
            for group in groups {
                let mut group = (*group).clone();
                group.vm_labels.remove(&id);
                group.host_labels.remove(&id);
                draft.put(group)?;
            }
            draft.remove(id);
            let text = format!("Affinity Label {} was removed.", it.name);
            log(draft, caller, code::AFFINITY_LABEL_REMOVED, text, None);
            Ok(())
        })
        .await
    }
}

fn label_permit(draft: &Draft, caller: &Caller) -> Result<()> {
    access::require(
        draft,
        caller,
        Permit::MANIPULATE_AFFINITY_GROUPS,
        ObjectId::System,
    )
}

fn group(draft: &Draft, id: AffinityGroupId) -> Result<AffinityGroup> {
    let it = draft.affinity_groups.get(&id);
    it.map(|it| (**it).clone())
        .ok_or_else(|| Error::not_found(id))
}

fn label(draft: &Draft, id: AffinityLabelId) -> Result<AffinityLabel> {
    let it = draft.affinity_labels.get(&id);
    it.map(|it| (**it).clone())
        .ok_or_else(|| Error::not_found(id))
}

fn save_group(
    draft: &mut Draft,
    caller: &Caller,
    it: AffinityGroup,
    code: u32,
    verb: &str,
) -> Result<Arc<AffinityGroup>> {
    draft.put(it.clone())?;
    let center = draft.data_center_of_cluster(it.cluster);
    let text = format!("Affinity Group {} was {verb}.", it.name);
    log(draft, caller, code, text, center);
    Ok(Arc::new(it))
}

fn save_label(
    draft: &mut Draft,
    caller: &Caller,
    it: AffinityLabel,
    code: u32,
    verb: &str,
) -> Result<Arc<AffinityLabel>> {
    draft.put(it.clone())?;
    let text = format!("Affinity Label {} was {verb}.", it.name);
    log(draft, caller, code, text, None);
    Ok(Arc::new(it))
}

/// A VM or host that is gone is in no group and has no label.
pub(crate) fn forget(draft: &mut Draft, object: ObjectId) -> Result<()> {
    let is = |vms: &BTreeSet<VmId>, hosts: &BTreeSet<HostId>| match object {
        ObjectId::Vm(id) => vms.contains(&id),
        ObjectId::Host(id) => hosts.contains(&id),
        _ => false,
    };
    let groups: Vec<_> = draft
        .affinity_groups
        .iter()
        .filter(|it| is(&it.vms, &it.hosts))
        .cloned()
        .collect();
    let labels: Vec<_> = draft
        .affinity_labels
        .iter()
        .filter(|it| is(&it.vms, &it.hosts))
        .cloned()
        .collect();
    let take = |vms: &mut BTreeSet<VmId>, hosts: &mut BTreeSet<HostId>| match object {
        ObjectId::Vm(id) => drop(vms.remove(&id)),
        ObjectId::Host(id) => drop(hosts.remove(&id)),
        _ => {}
    };
    for group in groups {
        let mut group = (*group).clone();
        take(&mut group.vms, &mut group.hosts);
        draft.put(group)?;
    }
    for label in labels {
        let mut label = (*label).clone();
        take(&mut label.vms, &mut label.hosts);
        draft.put(label)?;
    }
    Ok(())
}
