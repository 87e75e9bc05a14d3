//! `/events`: the audit log.

use api::path;
use api::types;
use manager::model::{Event, EventId, ObjectId};
use manager::{EventAddParams, Inventory};

use super::convert::{date, given, int, number, part, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::request::Params;
use super::view::{Found, View, one};
use super::{Change, Verb};

pub(super) fn read(view: &View, params: &Params, path: &[&str]) -> Result<Found> {
    match path {
        [] => view.list::<Event, _>(params, |view, event| to_api(view.inventory(), event)),
        [id] => Ok(one(to_api(view.inventory(), &*find(view, id)?))),
        _ => Err(Refused::unbuilt()),
    }
}

fn find(view: &View, id: &str) -> Result<std::sync::Arc<Event>> {
    let number = id.parse().map(EventId).ok();
    let event = number.and_then(|id| view.inventory().events.get(id));
    event
        .filter(|event| !event.removed && view.access().event_visible(&view.caller, event))
        .cloned()
        .ok_or_else(|| Refused::not_found(id))
}

/// An event as the API shows it. What it is about is linked as long as it exists.
pub(super) fn to_api(inventory: &Inventory, it: &Event) -> types::Event {
    macro_rules! about {
        ($id:expr, $map:ident, $kind:ident, $path:path) => {
            $id.filter(|id| inventory.$map.contains_key(id))
                .map(|id| part!($kind, $path(id), id))
        };
    }
    types::Event {
        id: Some(it.id.to_string()),
        href: Some(path::event(it.id).to_string()),
        index: Some(it.id.0),
        code: int(it.code),
        severity: word(it.severity.as_str()),
        time: date(it.time),
        description: Some(it.description.clone()),
        correlation_id: it.correlation_id.clone(),
        origin: Some(it.origin.clone()),
        custom_id: Some(it.custom_id.unwrap_or(-1)),
        custom_data: it.custom_data.clone(),
        flood_rate: int(it.flood_rate),
        log_on_host: Some(false),
        user: about!(it.user, users, User, path::user),
        vm: about!(it.vm, vms, Vm, path::vm),
        host: about!(it.host, hosts, Host, path::host),
        cluster: about!(it.cluster, clusters, Cluster, path::cluster),
        data_center: about!(it.data_center, data_centers, DataCenter, path::data_center),
        storage_domain: about!(
            it.storage_domain,
            storage_domains,
            StorageDomain,
            path::storage_domain
        ),
        template: about!(it.template, templates, Template, path::template),
        ..types::Event::default()
    }
}

/// The same with the names of user and VM, as the live stream shows it: a page can write the line
/// without knowing them.
pub(super) fn with_names(inventory: &Inventory, it: &Event) -> types::Event {
    let mut object = to_api(inventory, it);
    if let (Some(user), Some(name)) = (object.user.as_mut(), &it.user_name) {
        user.user_name = Some(name.clone());
        user.name = Some(name.clone());
    }
    if let Some(vm) = object.vm.as_mut() {
        vm.name = it
            .vm
            .and_then(|id| inventory.vms.get(&id))
            .map(|vm| vm.name.clone());
    }
    object
}

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    match (verb, path) {
        (Verb::Post, []) => {
            let params = from_api(&change.view, &change.sent.body()?)?;
            let event = manager.event_add(caller, params).await?;
            let object = to_api(change.view.again().inventory(), &event);
            Ok(Answer::Created(Box::new(object)))
        }
        (Verb::Delete, [id]) => {
            let event = find(&change.view, id)?;
            manager.event_remove(caller, event.id).await?;
            Ok(Answer::Removed)
        }
        _ => Err(Refused::unbuilt()),
    }
}

fn from_api(view: &View, sent: &types::Event) -> Result<EventAddParams> {
    let severity = given("severity", sent.severity.map(|it| it.as_str()))?;
    let (Some(origin), Some(custom_id), Some(severity), Some(description)) = (
        sent.origin.clone(),
        sent.custom_id,
        severity,
        sent.description.clone(),
    ) else {
        let missing: Vec<&str> = [
            sent.origin.is_none().then_some("origin"),
            sent.severity.is_none().then_some("severity"),
            sent.custom_id.is_none().then_some("custom_id"),
            sent.description.is_none().then_some("description"),
        ]
        .into_iter()
        .flatten()
        .collect();
        return Err(Refused::incomplete("Event", &missing, "add"));
    };
    let mut objects: Vec<ObjectId> = Vec::new();
    macro_rules! about {
        ($($field:ident $refer:ident),*) => {$(
            if let Some(it) = sent.$field.as_deref()
                && let Some(found) = view.$refer(it.id.as_deref(), it.name.as_deref())?
            {
                objects.push(found.id.into());
            }
        )*};
    }
    about!(
        vm vm_of,
        host host_of,
        cluster cluster_of,
        data_center data_center_of,
        storage_domain storage_domain_of,
        template template_of
    );
    if let Some(user) = sent.user.as_deref()
        && let Some(user) = view.user_of(user.id.as_deref(), user.user_name.as_deref())?
    {
        objects.push(user.id.into());
    }
    Ok(EventAddParams {
        origin,
        custom_id,
        severity,
        description,
        custom_data: sent.custom_data.clone(),
        flood_rate: number("flood_rate", sent.flood_rate)?.unwrap_or(30),
        objects,
    })
}
