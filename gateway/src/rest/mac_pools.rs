//! `/macpools`.

use api::path;
use api::types::{self, Range};
use manager::MacPoolParams;
use manager::model::{MacPool, MacRange};

use super::convert::given;
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::view::{Found, View, list_or_pick, one};
use super::{Change, Verb, permissions};

/// A pool as the API shows it.
pub(super) fn to_api(it: &MacPool) -> types::MacPool {
    let ranges = it.ranges.iter().map(|range| Range {
        from: Some(range.from.to_string()),
        to: Some(range.to.to_string()),
    });
    types::MacPool {
        id: Some(it.id.to_string()),
        href: Some(path::mac_pool(it.id).to_string()),
        name: Some(it.name.clone()),
        description: Some(it.description.clone()),
        default_pool: Some(it.default),
        allow_duplicates: Some(it.allow_duplicates),
        ranges: Some(ranges.collect()),
        ..types::MacPool::default()
    }
}

pub(super) fn read(view: &View, rest: &[&str]) -> Result<Found> {
    let [id, rest @ ..] = rest else {
        let all = view.inventory().mac_pools.iter();
        let all = all.filter(|it| view.sees(it.id));
        let mut found: Vec<_> = all.map(|it| to_api(it)).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        return list_or_pick(found, &[]);
    };
    let it = view.mac_pool(id)?;
    match rest {
        [] => Ok(one(to_api(&it))),
        ["permissions", rest @ ..] => permissions::read(view, it.id.into(), rest),
        rest => Err(super::beneath(rest)),
    }
}

fn params(sent: &types::MacPool) -> Result<MacPoolParams> {
    let ranges = match &sent.ranges {
        None => None,
        Some(sent) => {
            let mut ranges = Vec::new();
            for range in sent {
                let from = given("ranges.from", range.from.as_deref())?;
                let to = given("ranges.to", range.to.as_deref())?;
                let (Some(from), Some(to)) = (from, to) else {
                    return Err(Refused::incomplete("Range", &["from", "to"], "add"));
                };
                ranges.push(MacRange { from, to });
            }
            Some(ranges)
        }
    };
    Ok(MacPoolParams {
        name: sent.name.clone(),
        description: sent.description.clone(),
        allow_duplicates: sent.allow_duplicates,
        ranges,
    })
}

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    let (id, rest) = match (verb, path) {
        (Verb::Post, []) => {
            let sent: types::MacPool = change.sent.body()?;
            let named = sent.name.as_deref().is_some_and(|name| !name.is_empty());
            if !named || sent.ranges.is_none() {
                return Err(Refused::incomplete("MacPool", &["name", "ranges"], "add"));
            }
            let it = manager.mac_pool_add(caller, params(&sent)?).await?;
            return Ok(Answer::Created(Box::new(to_api(&it))));
        }
        (_, [id, rest @ ..]) => (id, rest),
        _ => return Err(Refused::unbuilt()),
    };
    let it = change.view.mac_pool(id)?;
    match (verb, rest) {
        (Verb::Put, []) => {
            let params = params(&change.sent.body()?)?;
            let it = manager.mac_pool_update(caller, it.id, params).await?;
            Ok(Answer::Object(Box::new(to_api(&it))))
        }
        (Verb::Delete, []) => {
            manager.mac_pool_remove(caller, it.id).await?;
            Ok(Answer::Removed)
        }
        (_, ["permissions", rest @ ..]) => {
            permissions::change(change, verb, it.id.into(), rest).await
        }
        _ => Err(Refused::unbuilt()),
    }
}
