//! `/schedulingpolicies` with their filters, weights and balances, and `/schedulingpolicyunits`.

use api::path::{self, Path};
use api::types::{self, Property};
use manager::model::SchedulingPolicy;
use manager::seed::{self, SchedulingUnit};
use manager::{SchedulingPolicyParams, UnitChange};
use uuid::Uuid;

use super::convert::{number, part, reference, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::view::{Found, View, list_or_pick, one, pick};
use super::{Change, Verb};

fn units_path() -> Path {
    Path::root().child("schedulingpolicyunits")
}

fn unit_to_api(it: SchedulingUnit) -> types::SchedulingPolicyUnit {
    types::SchedulingPolicyUnit {
        id: Some(it.id.to_string()),
        href: Some(units_path().item(it.id).to_string()),
        name: Some(it.name.to_owned()),
        description: Some(it.description.to_owned()),
        enabled: Some(true),
        internal: Some(true),
        type_: word(it.kind),
        ..types::SchedulingPolicyUnit::default()
    }
}

pub(super) fn read_units(rest: &[&str]) -> Result<Found> {
    list_or_pick(seed::scheduling_units().map(unit_to_api).collect(), rest)
}

/// Properties as the API shows them.
pub(super) fn properties(properties: &[(String, String)]) -> api::List<Property> {
    let properties = properties.iter();
    properties
        .map(|(name, value)| Property {
            name: Some(name.clone()),
            value: Some(value.clone()),
        })
        .collect()
}

/// Properties that were sent.
pub(super) fn sent_properties(sent: &api::List<Property>) -> Vec<(String, String)> {
    sent.iter()
        .filter_map(|it| it.name.clone().zip(it.value.clone()))
        .collect()
}

fn to_api(it: &SchedulingPolicy) -> types::SchedulingPolicy {
    types::SchedulingPolicy {
        id: Some(it.id.to_string()),
        href: Some(path::scheduling_policy(it.id).to_string()),
        name: Some(it.name.clone()),
        description: Some(it.description.clone()),
        locked: Some(it.locked),
        default_policy: Some(it.default),
        properties: (!it.properties.is_empty()).then(|| properties(&it.properties)),
        ..types::SchedulingPolicy::default()
    }
}

fn filters(it: &SchedulingPolicy) -> Vec<types::Filter> {
    let base = path::scheduling_policy(it.id).child("filters");
    let filters = it.filters.iter();
    filters
        .map(|(unit, position)| types::Filter {
            id: Some(unit.to_string()),
            href: Some(base.item(unit).to_string()),
            position: Some(i64::from(*position)),
            scheduling_policy_unit: reference!(SchedulingPolicyUnit, units_path().item(unit), unit),
            ..types::Filter::default()
        })
        .collect()
}

fn weights(it: &SchedulingPolicy) -> Vec<types::Weight> {
    let base = path::scheduling_policy(it.id).child("weights");
    let weights = it.weights.iter();
    weights
        .map(|(unit, factor)| types::Weight {
            id: Some(unit.to_string()),
            href: Some(base.item(unit).to_string()),
            factor: Some(i64::from(*factor)),
            scheduling_policy: reference!(SchedulingPolicy, path::scheduling_policy(it.id), it.id),
            scheduling_policy_unit: reference!(SchedulingPolicyUnit, units_path().item(unit), unit),
            ..types::Weight::default()
        })
        .collect()
}

fn balances(it: &SchedulingPolicy) -> Vec<types::Balance> {
    let base = path::scheduling_policy(it.id).child("balances");
    let balance = it.balance.iter();
    balance
        .map(|unit| types::Balance {
            id: Some(unit.to_string()),
            href: Some(base.item(unit).to_string()),
            scheduling_policy: reference!(SchedulingPolicy, path::scheduling_policy(it.id), it.id),
            scheduling_policy_unit: reference!(SchedulingPolicyUnit, units_path().item(unit), unit),
            ..types::Balance::default()
        })
        .collect()
}

pub(super) fn read(view: &View, rest: &[&str]) -> Result<Found> {
    let [id, rest @ ..] = rest else {
        let all = view.inventory().scheduling_policies.iter();
        let mut found: Vec<_> = all
            .filter(|it| view.sees(it.id))
            .map(|it| to_api(it))
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        return list_or_pick(found, &[]);
    };
    let it = view.scheduling_policy(id)?;
    match rest {
        [] => Ok(one(to_api(&it))),
        ["filters", rest @ ..] => list_or_pick(filters(&it), rest),
        ["weights", rest @ ..] => list_or_pick(weights(&it), rest),
        ["balances", rest @ ..] => list_or_pick(balances(&it), rest),
        rest => Err(super::beneath(rest)),
    }
}

fn params(sent: &types::SchedulingPolicy) -> SchedulingPolicyParams {
    SchedulingPolicyParams {
        name: sent.name.clone(),
        description: sent.description.clone(),
        properties: sent.properties.as_ref().map(sent_properties),
    }
}

/// The unit that a reference means, by id or by name.
fn unit(sent: Option<&types::SchedulingPolicyUnit>, own: Option<&str>, kind: &str) -> Result<Uuid> {
    let id = sent.and_then(|it| it.id.as_deref()).or(own);
    let name = sent.and_then(|it| it.name.as_deref());
    let wanted = id.or(name);
    let mut units = seed::scheduling_units().filter(|it| it.kind == kind);
    let found = units.find(|it| match (id, name) {
        (Some(id), _) => it.id.to_string() == id,
        (None, Some(name)) => it.name == name,
        (None, None) => false,
    });
    found.map(|it| it.id).ok_or_else(|| match wanted {
        Some(wanted) => Refused::not_found(wanted),
        None => Refused::incomplete("Filter", &["scheduling_policy_unit.id|name"], "add"),
    })
}

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    let (id, rest) = match (verb, path) {
        (Verb::Post, []) => {
            let sent: types::SchedulingPolicy = change.sent.body()?;
            if sent.name.as_deref().is_none_or(str::is_empty) {
                return Err(Refused::incomplete("SchedulingPolicy", &["name"], "add"));
            }
            let it = manager.scheduling_policy_add(caller, params(&sent)).await?;
            return Ok(Answer::Created(Box::new(to_api(&it))));
        }
        (_, [id, rest @ ..]) => (id, rest),
        _ => return Err(Refused::unbuilt()),
    };
    let it = change.view.scheduling_policy(id)?;
    let taken = |id: &str| id.parse::<Uuid>().map_err(|_| Refused::not_found(id));
    let given = match (verb, rest) {
        (Verb::Put, []) => {
            let params = params(&change.sent.body()?);
            let it = manager
                .scheduling_policy_update(caller, it.id, params)
                .await?;
            return Ok(Answer::Object(Box::new(to_api(&it))));
        }
        (Verb::Delete, []) => {
            manager.scheduling_policy_remove(caller, it.id).await?;
            return Ok(Answer::Removed);
        }
        (Verb::Post, ["filters"]) => {
            let sent: types::Filter = change.sent.body()?;
            let own = sent.id.as_deref();
            UnitChange::Filter {
                unit: unit(sent.scheduling_policy_unit.as_deref(), own, "filter")?,
                position: number("position", sent.position)?.unwrap_or(0),
                on: true,
            }
        }
        (Verb::Post, ["weights"]) => {
            let sent: types::Weight = change.sent.body()?;
            let own = sent.id.as_deref();
            UnitChange::Weight {
                unit: unit(sent.scheduling_policy_unit.as_deref(), own, "weight")?,
                factor: number("factor", sent.factor)?.unwrap_or(1),
                on: true,
            }
        }
        (Verb::Post, ["balances"]) => {
            let sent: types::Balance = change.sent.body()?;
            let own = sent.id.as_deref();
            UnitChange::Balance {
                unit: unit(
                    sent.scheduling_policy_unit.as_deref(),
                    own,
                    "load_balancing",
                )?,
                on: true,
            }
        }
        (Verb::Delete, ["filters", id]) => UnitChange::Filter {
            unit: taken(id)?,
            position: 0,
            on: false,
        },
        (Verb::Delete, ["weights", id]) => UnitChange::Weight {
            unit: taken(id)?,
            factor: 0,
            on: false,
        },
        (Verb::Delete, ["balances", id]) => UnitChange::Balance {
            unit: taken(id)?,
            on: false,
        },
        _ => return Err(Refused::unbuilt()),
    };
    let it = manager.scheduling_policy_unit(caller, it.id, given).await?;
    let found = match given {
        UnitChange::Filter { on: false, .. }
        | UnitChange::Weight { on: false, .. }
        | UnitChange::Balance { on: false, .. } => return Ok(Answer::Removed),
        UnitChange::Filter { unit, .. } => pick(filters(&it), &unit.to_string())?,
        UnitChange::Weight { unit, .. } => pick(weights(&it), &unit.to_string())?,
        UnitChange::Balance { unit, .. } => pick(balances(&it), &unit.to_string())?,
    };
    match found {
        Found::One(object) => Ok(Answer::Created(object)),
        Found::Many(_) => Err(Refused::not_found("unit")),
    }
}

/// A reference to a policy.
pub(super) fn policy_part(
    id: manager::model::SchedulingPolicyId,
) -> api::Part<types::SchedulingPolicy> {
    part!(SchedulingPolicy, path::scheduling_policy(id), id)
}
