//! Scheduling policies.

use std::sync::Arc;

use uuid::Uuid;

use super::super::check;
use super::{log, name_free};
use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::code;
use crate::model::{ObjectId, Permit, SchedulingPolicy, SchedulingPolicyId};
use crate::seed;
use crate::writer::Draft;

/// What is said of a policy.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `model::SchedulingPolicy`.
pub struct SchedulingPolicyParams {
    pub name: Option<String>,
    pub description: Option<String>,
    pub properties: Option<Vec<(String, String)>>,
}

/// A unit that a policy gets or loses.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // The kinds of oVirt's units.
pub enum UnitChange {
    Filter { unit: Uuid, position: i32, on: bool },
    Weight { unit: Uuid, factor: u32, on: bool },
    Balance { unit: Uuid, on: bool },
}

fn put_into(
    draft: &Draft,
    params: SchedulingPolicyParams,
    it: &mut SchedulingPolicy,
) -> Result<()> {
    if let Some(name) = params.name {
        check::label("name", &name)?;
        let others = draft.scheduling_policies.iter();
        let others = others.filter(|other| other.id != it.id);
        name_free(
            others.map(|other| other.name.as_str()),
            &name,
            "Scheduling Policy",
        )?;
        it.name = name;
    }
    check::set_text("description", &mut it.description, params.description)?;
    if let Some(properties) = params.properties {
        if properties.len() > 64 {
            return Err(Error::invalid(
                "properties",
                "There are too many properties.",
            ));
        }
        for (name, value) in &properties {
            check::label("properties", name)?;
            check::text("properties", value)?;
        }
        it.properties = properties;
    }
    Ok(())
}

fn the_policy(draft: &Draft, caller: &Caller, id: SchedulingPolicyId) -> Result<SchedulingPolicy> {
    access::require(
        draft,
        caller,
        Permit::EDIT_STORAGE_POOL_CONFIGURATION,
        ObjectId::System,
    )?;
    let it = draft.scheduling_policies.get(&id);
    let it = it.ok_or_else(|| Error::not_found(id))?;
    if it.locked {
        return Err(Error::conflict(
            "Cannot edit Scheduling Policy. Scheduling Policy is locked and cannot be edited or removed.",
        ));
    }
    Ok((**it).clone())
}

impl Manager {
    /// Makes a policy.
    pub async fn scheduling_policy_add(
        &self,
        caller: &Caller,
        params: SchedulingPolicyParams,
    ) -> Result<Arc<SchedulingPolicy>> {
        self.write(caller, move |draft, caller| {
            access::require(
                draft,
                caller,
                Permit::EDIT_STORAGE_POOL_CONFIGURATION,
                ObjectId::System,
            )?;
            if params.name.as_deref().is_none_or(str::is_empty) {
                return Err(Error::invalid(
                    "name",
                    "SchedulingPolicy [name] required for add",
                ));
            }
            let mut it = SchedulingPolicy {
                id: SchedulingPolicyId::random(),
                name: String::new(),
                description: String::new(),
                locked: false,
                default: false,
                properties: Vec::new(),
                filters: Vec::new(),
                weights: Vec::new(),
                balance: None,
            };
            put_into(draft, params, &mut it)?;
            save(draft, caller, it, code::SCHEDULING_POLICY_ADDED, "added")
        })
        .await
    }

    /// Changes a policy.
    pub async fn scheduling_policy_update(
        &self,
        caller: &Caller,
        id: SchedulingPolicyId,
        params: SchedulingPolicyParams,
    ) -> Result<Arc<SchedulingPolicy>> {
        self.write(caller, move |draft, caller| {
            let mut it = the_policy(draft, caller, id)?;
            put_into(draft, params, &mut it)?;
            save(
                draft,
                caller,
                it,
                code::SCHEDULING_POLICY_UPDATED,
                "updated",
            )
        })
        .await
    }

    /// Gives a policy a unit, or takes one away.
    pub async fn scheduling_policy_unit(
        &self,
        caller: &Caller,
        id: SchedulingPolicyId,
        change: UnitChange,
    ) -> Result<Arc<SchedulingPolicy>> {
        self.write(caller, move |draft, caller| {
            let mut it = the_policy(draft, caller, id)?;
            let (unit, kind, on) = match change {
                UnitChange::Filter { unit, on, .. } => (unit, "filter", on),
                UnitChange::Weight { unit, on, .. } => (unit, "weight", on),
                UnitChange::Balance { unit, on } => (unit, "load_balancing", on),
            };
            let known =
                seed::scheduling_units().find(|known| known.id == unit && known.kind == kind);
            let known = known.ok_or_else(|| Error::not_found(unit))?;
            let there = match change {
                UnitChange::Filter { unit, position, on } => {
                    let there = it.filters.iter().any(|(other, _)| *other == unit);
                    it.filters.retain(|(other, _)| *other != unit);
                    if on {
                        it.filters.push((unit, position));
                    }
                    there
                }
                UnitChange::Weight { unit, factor, on } => {
                    let there = it.weights.iter().any(|(other, _)| *other == unit);
                    it.weights.retain(|(other, _)| *other != unit);
                    if on {
                        it.weights.push((unit, factor));
                    }
                    there
                }
                UnitChange::Balance { unit, on } => {
                    let there = it.balance == Some(unit);
                    it.balance = on.then_some(unit);
                    there
                }
            };
            if on && there {
                return Err(Error::conflict(format!(
                    "Cannot edit Scheduling Policy. It has the unit {} already.",
                    known.name
                )));
            }
            if !on && !there {
                return Err(Error::not_found(unit));
            }
            save(
                draft,
                caller,
                it,
                code::SCHEDULING_POLICY_UPDATED,
                "updated",
            )
        })
        .await
    }

    /// Removes a policy that no cluster has.
    pub async fn scheduling_policy_remove(
        &self,
        caller: &Caller,
        id: SchedulingPolicyId,
    ) -> Result<()> {
        self.write(caller, move |draft, caller| {
            let it = the_policy(draft, caller, id)?;
            let used = draft
                .clusters
                .iter()
                .find(|cluster| cluster.policy.scheduling == id);
            if let Some(cluster) = used {
                return Err(Error::conflict(format!(
                    "Cannot remove Scheduling Policy. It is used by Cluster {}.",
                    cluster.name
                )));
            }
            draft.remove(id);
            let text = format!("Scheduling Policy {} was removed.", it.name);
            log(draft, caller, code::SCHEDULING_POLICY_REMOVED, text, None);
            Ok(())
        })
        .await
    }
}

fn save(
    draft: &mut Draft,
    caller: &Caller,
    it: SchedulingPolicy,
    code: u32,
    verb: &str,
) -> Result<Arc<SchedulingPolicy>> {
    draft.put(it.clone())?;
    let text = format!("Scheduling Policy {} was {verb}.", it.name);
    log(draft, caller, code, text, None);
    Ok(Arc::new(it))
}
