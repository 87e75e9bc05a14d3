//! oVirt's API (WIRE): one way in for every request, one file for each resource.
//!
//! ```text
//! request ─▶ Caller, Params, View ─┬─ GET ─▶ read(path) ─▶ Found ─▶ follow, links ─▶ XML or JSON
//!                                  └─ POST, PUT, DELETE ─▶ change(path) ─▶ Answer ─▶ XML or JSON
//! ```
//!
//! A resource's `read` maps what the snapshot has and awaits nothing, which is why a link can be
//! followed by reading again. Its `change` calls one method of the manager. Collections that are
//! in the model and not built yet answer with an empty list; `live` shows the same mapping to the
//! portals.

mod affinity;
mod bookmarks;
pub mod built;
mod clusters;
mod consoles;
mod convert;
mod data_centers;
mod disk_attachments;
mod disks;
mod events;
mod fault;
mod first_boot;
mod fixed;
mod guest;
mod host_nics;
mod hosts;
mod image_transfers;
mod instance_types;
mod jobs;
pub mod live;
mod mac_pools;
mod networks;
mod nics;
mod numa_nodes;
mod ova;
mod people;
mod permissions;
mod personal;
mod profiles;
mod qos;
mod quotas;
mod reply;
mod request;
mod roles;
mod root;
mod scheduling;
mod snapshots;
mod statistics;
mod storage_domains;
mod tags;
mod templates;
mod view;
mod vm_pools;
mod vm_settings;
mod vms;
mod vnic_profiles;
mod watchdogs;

use std::borrow::Cow;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Method};

use crate::auth::Caller;
use crate::request::Context;
use crate::state::Shared;
use fault::{Refused, Result};
use reply::Answer;
use request::{Params, Sent};
use view::{Found, View};

/// First-boot settings of the API's, or the sentence that says what is wrong with them.
pub(crate) fn initialization(
    sent: &api::types::Initialization,
) -> std::result::Result<manager::model::Initialization, String> {
    first_boot::from_api(sent).map_err(|refused| refused.fault.detail.clone().unwrap_or_default())
}

/// Everything below `/ovirt-engine/api`.
pub fn router(shared: Shared) -> Router {
    Router::new().fallback(serve).with_state(shared)
}

/// What a request does to the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Adds to a collection, or runs an action.
    Post,
    /// Changes an object.
    Put,
    /// Takes an object away.
    Delete,
}

/// A request that changes something, with what it needs.
pub(crate) struct Change<'a> {
    pub(crate) view: View,
    pub(crate) params: Params,
    pub(crate) sent: Sent,
    pub(crate) session: &'a Caller,
    pub(crate) headers: &'a HeaderMap,
}

async fn serve(State(shared): State<Shared>, caller: Caller, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let context = parts
        .extensions
        .get::<Context>()
        .cloned()
        .unwrap_or_else(|| Context::of(&parts));
    let form = request::answer_form(&context, &parts.headers);
    let path = parts.uri.path().strip_prefix(api::ROOT).unwrap_or_default();
    let segments = segments(path);
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    let answered = async {
        unsupported_version(&parts.headers)?;
        let params = Params::read(&context, &parts.headers)?;
        let authority = shared.authority(&parts.headers);
        let view = View::new(shared.clone(), (*caller).clone(), &authority);
        let verb = match parts.method {
            // A GET's body is left unread: libgovirt announces some that never come.
            Method::GET | Method::HEAD => {
                if params.viewer
                    && let ["vms", vm, "graphicsconsoles", console] = segments.as_slice()
                {
                    return consoles::viewer_file(&view, &caller, &parts.headers, vm, console)
                        .await;
                }
                if segments == ["openapi.json"] {
                    return Ok(axum::Json(built::openapi()).into_response());
                }
                let found = read(&view, &params, &segments)?;
                return Ok(reply::found(&view, &params, found, form));
            }
            Method::POST => Verb::Post,
            Method::PUT => Verb::Put,
            Method::DELETE => Verb::Delete,
            _ => return Err(Refused::method()),
        };
        let sent = match verb {
            Verb::Delete => Sent::nothing(),
            Verb::Post | Verb::Put => Sent::read(&parts.headers, body).await?,
        };
        let change = Change {
            view,
            params,
            sent,
            session: &caller,
            headers: &parts.headers,
        };
        let answer = alter(&change, verb, &segments).await?;
        Ok(reply::answer(answer, form))
    };
    let answered: Result<Response> = answered.await;
    answered.unwrap_or_else(|refused| reply::refused(&refused, form))
}

/// Reads what is at a path. Awaits nothing.
pub(crate) fn read(view: &View, params: &Params, path: &[&str]) -> Result<Found> {
    let found = match path {
        [] => root::read(view),
        [
            "clusterlevels" | "domains" | "icons" | "networkfilters" | "operatingsystems"
            | "options",
            ..,
        ] => fixed::read(view, path),
        ["affinitylabels", rest @ ..] => affinity::read_labels(view, rest),
        ["bookmarks", rest @ ..] => bookmarks::read(view, rest),
        ["cpuprofiles", rest @ ..] => profiles::read_cpu(view, None, rest),
        ["diskprofiles", rest @ ..] => profiles::read_disk(view, None, rest),
        ["macpools", rest @ ..] => mac_pools::read(view, rest),
        ["schedulingpolicies", rest @ ..] => scheduling::read(view, rest),
        ["schedulingpolicyunits", rest @ ..] => scheduling::read_units(rest),
        ["clusters", rest @ ..] => clusters::read(view, params, rest),
        ["datacenters", rest @ ..] => data_centers::read(view, params, rest),
        ["disks", rest @ ..] => disks::read(view, params, rest),
        ["events", rest @ ..] => events::read(view, params, rest),
        ["groups", rest @ ..] => people::read_groups(view, params, rest),
        ["hosts", rest @ ..] => hosts::read(view, params, rest),
        ["imagetransfers", rest @ ..] => image_transfers::read(view, rest),
        ["instancetypes", rest @ ..] => instance_types::read(view, params, rest),
        ["jobs", rest @ ..] => jobs::read(view, params, rest),
        ["networks", rest @ ..] => networks::read(view, params, rest),
        ["permissions", rest @ ..] => permissions::read_system(view, rest),
        ["roles", rest @ ..] => roles::read(view, rest),
        ["storagedomains", rest @ ..] => storage_domains::read(view, params, rest),
        ["tags", rest @ ..] => tags::read(view, rest),
        ["templates", rest @ ..] => templates::read(view, params, rest),
        ["users", rest @ ..] => people::read_users(view, params, rest),
        ["vmpools", rest @ ..] => vm_pools::read(view, params, rest),
        ["vms", rest @ ..] => vms::read(view, params, rest),
        ["vnicprofiles", rest @ ..] => vnic_profiles::read(view, params, rest),
        [_] => Err(Refused::unbuilt()),
        [.., last] => Err(Refused::not_found(last)),
    };
    match found {
        Err(refused) if refused.unbuilt => reply::unbuilt(path),
        found => found,
    }
}

/// Changes what is at a path.
async fn alter(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let answer = match path {
        ["affinitylabels", rest @ ..] => affinity::change_labels(change, verb, rest).await,
        ["bookmarks", rest @ ..] => bookmarks::change(change, verb, rest).await,
        ["cpuprofiles", rest @ ..] => profiles::change_cpu(change, verb, None, rest).await,
        ["diskprofiles", rest @ ..] => profiles::change_disk(change, verb, None, rest).await,
        ["macpools", rest @ ..] => mac_pools::change(change, verb, rest).await,
        ["schedulingpolicies", rest @ ..] => scheduling::change(change, verb, rest).await,
        ["clusters", rest @ ..] => clusters::change(change, verb, rest).await,
        ["datacenters", rest @ ..] => data_centers::change(change, verb, rest).await,
        ["disks", rest @ ..] => disks::change(change, verb, rest).await,
        ["events", rest @ ..] => events::change(change, verb, rest).await,
        ["externalvmimports", rest @ ..] => ova::change(change, verb, rest).await,
        ["groups", rest @ ..] => people::change_groups(change, verb, rest).await,
        ["hosts", rest @ ..] => hosts::change(change, verb, rest).await,
        ["imagetransfers", rest @ ..] => image_transfers::change(change, verb, rest).await,
        ["instancetypes", rest @ ..] => instance_types::change(change, verb, rest).await,
        ["jobs", rest @ ..] => jobs::change(change, verb, rest).await,
        ["networks", rest @ ..] => networks::change(change, verb, rest).await,
        ["permissions", rest @ ..] => permissions::change_system(change, verb, rest).await,
        ["roles", rest @ ..] => roles::change(change, verb, rest).await,
        ["storagedomains", rest @ ..] => storage_domains::change(change, verb, rest).await,
        ["tags", rest @ ..] => tags::change(change, verb, rest).await,
        ["templates", rest @ ..] => templates::change(change, verb, rest).await,
        ["users", rest @ ..] => people::change_users(change, verb, rest).await,
        ["vmpools", rest @ ..] => vm_pools::change(change, verb, rest).await,
        ["vms", rest @ ..] => vms::change(change, verb, rest).await,
        ["vnicprofiles", rest @ ..] => vnic_profiles::change(change, verb, rest).await,
        _ => Err(Refused::unbuilt()),
    };
    match answer {
        Err(refused) if refused.unbuilt => Err(not_built(&change.view, verb, path)),
        answer => answer,
    }
}

/// Why a change of something is refused that no resource takes: because it is not there, because
/// it cannot be changed so, or because we have not built it.
fn not_built(view: &View, verb: Verb, path: &[&str]) -> Refused {
    use api::service::ServiceDef;
    let not_found = || Refused::not_found(path.last().copied().unwrap_or("api"));
    if verb == Verb::Post
        && let [above @ .., action] = path
        && let Some(service) = ServiceDef::at(above.iter().copied())
        && service.actions.contains(action)
    {
        return match read(view, &Params::default(), above) {
            Ok(_) => Refused::not_supported(),
            Err(refused) => refused,
        };
    }
    let Some(service) = ServiceDef::at(path.iter().copied()) else {
        return not_found();
    };
    let name = match verb {
        Verb::Post => "POST",
        Verb::Put => "PUT",
        Verb::Delete => "DELETE",
    };
    if !service.verbs.contains(&name) {
        return Refused::method();
    }
    match read(view, &Params::default(), path) {
        Ok(_) => Refused::not_supported(),
        Err(refused) => refused,
    }
}

/// What a resource says of a path below one of its objects that it has not built: an empty
/// collection may be there, nothing deeper.
fn beneath(rest: &[&str]) -> Refused {
    match rest {
        [_] => Refused::unbuilt(),
        _ => Refused::not_found(rest.last().copied().unwrap_or_default()),
    }
}

/// The segments of a path, without matrix parameters and without the version that it may begin
/// with: `/v4/vms;max=5` is `/vms`.
fn segments(path: &str) -> Vec<Cow<'_, str>> {
    let names = path
        .split('/')
        .map(|segment| segment.split(';').next().unwrap_or_default());
    let mut names = names.filter(|name| !name.is_empty()).peekable();
    names.next_if_eq(&"v4");
    names.map(decoded).collect()
}

fn decoded(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return segment.into();
    }
    // In a path, other than in a form, a plus is a plus.
    crate::request::percent_decode(&segment.replace('+', "%2B")).into()
}

/// `Version: 3` asks for an API that is not here.
fn unsupported_version(headers: &HeaderMap) -> Result<()> {
    let Some(version) = headers.get("version") else {
        return Ok(());
    };
    match version.to_str().map(str::trim) {
        Ok("" | "4") => Ok(()),
        _ => Err(Refused::bad(
            "This version of the API is not supported: version 4 is.",
        )),
    }
}

impl Change<'_> {
    /// The caller, as the manager's methods take them.
    fn caller(&self) -> &manager::Caller {
        &self.view.caller
    }

    /// Waits for a job where the request asks for it; tells whether there is nothing to wait for
    /// any more.
    async fn finished(&self, job: Option<manager::model::JobId>) -> bool {
        match job {
            None => true,
            Some(job) if self.params.wait => {
                self.view.manager().wait(job).await;
                true
            }
            Some(_) => false,
        }
    }

    /// 201 for what is done, 202 for what is being made.
    async fn created(
        &self,
        job: Option<manager::model::JobId>,
        object: impl FnOnce(&View) -> Result<Box<dyn api::Object>>,
    ) -> Result<Answer> {
        let finished = self.finished(job).await;
        let object = object(&self.view.again())?;
        Ok(if finished {
            Answer::Created(object)
        } else {
            Answer::Creating(object)
        })
    }

    /// The answer of an action that was accepted, with its job.
    fn acted(&self, sent: &api::types::Action, job: Option<manager::model::JobId>) -> Answer {
        let mut action = api::action::complete();
        action.job = job.map(|job| convert::part!(Job, api::path::job(job), job));
        if self.params.is_async || sent.async_ == Some(true) {
            action.status = Some(api::action::PENDING.to_owned());
            Answer::Pending(action)
        } else {
            Answer::Done(action)
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn version_matrix_parameters_and_slashes_do_not_change_the_path() {
        let segments = |path: &'static str| super::segments(path).join(" ");
        assert_eq!(segments(""), "");
        assert_eq!(segments("/"), "");
        assert_eq!(segments("/vms/"), "vms");
        assert_eq!(segments("/v4"), "");
        assert_eq!(segments("/v4/vms;max=5"), "vms");
        assert_eq!(segments("/vms/v4"), "vms v4");
        assert_eq!(segments("/vms/1a/start;async=false"), "vms 1a start");
        assert_eq!(segments("/options/a%20b+c"), "options a b+c");
    }
}
