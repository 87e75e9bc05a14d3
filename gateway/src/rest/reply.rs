//! From what was found or done to the response: followed links, links and actions, XML or JSON.

use std::borrow::Cow;

use api::service::{self, ServiceDef};
use api::table::Value;
use api::types::Action;
use api::{Object, ROOT};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use super::fault::{Refused, Result};
use super::request::{Form, Params};
use super::view::{Found, Listing, View};

/// The answer to a request that changed something.
pub(crate) enum Answer {
    /// 200 with the object.
    Object(Box<dyn Object>),
    /// 201 with the new object and where it is.
    Created(Box<dyn Object>),
    /// 202 with the new object, which is being made.
    Creating(Box<dyn Object>),
    /// 200 with the action's results.
    Done(Action),
    /// 202 with the action, which goes on.
    Pending(Action),
    /// 200 without a body: removed.
    Removed,
}

/// Bytes of a long list that are made, and sent, at a time.
const CHUNK: usize = 64 << 10;

/// The response to what a GET found.
pub(super) fn found(view: &View, params: &Params, found: Found, form: Form) -> Response {
    match found {
        Found::One(mut object) => {
            finish(view, params, object.as_mut());
            document(StatusCode::OK, form, write(object.as_ref(), form))
        }
        Found::Many(Listing { def, items }) => {
            let (view, params) = (view.clone(), params.clone());
            // Lists that no query answers have their limit here.
            let most = params.max.unwrap_or(usize::MAX);
            let items = items.take(most).map(move |mut object| {
                finish(&view, &params, object.as_mut());
                object
            });
            match form {
                Form::Xml => {
                    let pieces = api::xml::list_pieces(def, items);
                    list(form, std::iter::once(DECLARATION.to_owned()).chain(pieces))
                }
                Form::Json => list(form, api::json::list_pieces(def, items)),
            }
        }
    }
}

/// A list as its pieces come: a short one at once and with its length, a long one chunk by chunk
/// as the client takes it, so that it is never in memory as a whole.
fn list(form: Form, mut pieces: impl Iterator<Item = String> + Send + 'static) -> Response {
    let mut chunks = std::iter::from_fn(move || {
        let mut chunk = String::new();
        while chunk.len() < CHUNK {
            let Some(piece) = pieces.next() else { break };
            chunk.push_str(&piece);
        }
        (!chunk.is_empty()).then_some(chunk)
    });
    let first = chunks.next().unwrap_or_default();
    if first.len() < CHUNK {
        return document(StatusCode::OK, form, first);
    }
    let chunks = std::iter::once(first).chain(chunks);
    let chunks = futures_util::stream::iter(chunks.map(Ok::<_, std::convert::Infallible>));
    document(StatusCode::OK, form, Body::from_stream(chunks))
}

/// The response to what was done.
pub(super) fn answer(answer: Answer, form: Form) -> Response {
    match answer {
        Answer::Object(mut object) => {
            service::decorate(object.as_mut());
            document(StatusCode::OK, form, write(object.as_ref(), form))
        }
        Answer::Created(mut object) => {
            service::decorate(object.as_mut());
            let location = object.head().and_then(|head| head.href.clone());
            let body = write(object.as_ref(), form);
            let mut response = document(StatusCode::CREATED, form, body);
            if let Some(location) = location.and_then(|href| HeaderValue::from_str(&href).ok()) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            response
        }
        Answer::Creating(mut object) => {
            service::decorate(object.as_mut());
            if let Some(head) = object.head_mut() {
                head.links.creation_status = Some(api::link::CreationState::InProgress);
            }
            document(StatusCode::ACCEPTED, form, write(object.as_ref(), form))
        }
        Answer::Done(action) => document(StatusCode::OK, form, write(&action, form)),
        Answer::Pending(action) => document(StatusCode::ACCEPTED, form, write(&action, form)),
        Answer::Removed => StatusCode::OK.into_response(),
    }
}

/// The response to what was refused.
pub(super) fn refused(refused: &Refused, form: Form) -> Response {
    document(refused.status, form, write(&refused.fault, form))
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";

fn write(object: &dyn Object, form: Form) -> String {
    match form {
        Form::Xml => format!("{DECLARATION}{}", api::xml::to_string(object)),
        Form::Json => api::json::to_string(object),
    }
}

fn document(status: StatusCode, form: Form, body: impl Into<Body>) -> Response {
    let kind = match form {
        Form::Xml => "application/xml;charset=UTF-8",
        Form::Json => "application/json",
    };
    (status, [(header::CONTENT_TYPE, kind)], body.into()).into_response()
}

/// Follows the links that the request names, then links the rest.
fn finish(view: &View, params: &Params, object: &mut dyn Object) {
    for path in &params.follow {
        follow(view, object, path);
    }
    service::decorate(object);
}

/// Puts what a link leads to in the place of the link. What is not there, or not for this caller,
/// stays a link.
fn follow(view: &View, object: &mut dyn Object, path: &[String]) {
    let [name, rest @ ..] = path else { return };
    let def = object.def();
    let Some(index) = def.index_of_follow(name) else {
        return;
    };
    let href = object.head().and_then(|head| head.href.clone());
    let inline = object
        .field(index)
        .is_some_and(|field| !matches!(field.get(), Value::Absent));
    let rel = def.fields[index].rel;
    let Some(field) = object.field_mut(index) else {
        return;
    };
    if !inline {
        let (Some(rel), Some(href)) = (rel, href) else {
            return;
        };
        let Some(Found::Many(listing)) = look(view, &format!("{href}/{rel}")) else {
            return;
        };
        field.open();
        for item in listing.items {
            field.put(item);
        }
    } else {
        // References, or what an earlier path has followed already.
        for inner in field.objects_mut() {
            replace_reference(view, inner);
        }
    }
    for inner in field.objects_mut() {
        if !rest.is_empty() {
            follow(view, inner, rest);
        }
        service::decorate(inner);
    }
}

/// Fills an object that is a reference yet.
fn replace_reference(view: &View, object: &mut dyn Object) {
    let Some(href) = object.head().and_then(|head| head.href.clone()) else {
        return;
    };
    let def = object.def();
    let empty = (0..def.fields.len()).all(|index| {
        object
            .field(index)
            .is_none_or(|field| matches!(field.get(), Value::Absent))
    });
    if !empty {
        return;
    }
    let Some(Found::One(found)) = look(view, &href) else {
        return;
    };
    if found.def() != def {
        return;
    }
    // Field by field, because the place has a type that is not known here.
    let document = api::json::to_value(found.as_ref());
    let _ = api::json::read_value(&document, object, api::json::Unknown::Drop);
}

fn look(view: &View, href: &str) -> Option<Found> {
    let path = href.strip_prefix(ROOT)?;
    let segments: Vec<Cow<'_, str>> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(super::decoded)
        .collect();
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    super::read(view, &Params::default(), &segments).ok()
}

/// What the model has at a path that we have not built: an empty list for a collection.
pub(super) fn unbuilt(path: &[&str]) -> Result<Found> {
    let service = ServiceDef::at(path.iter().copied());
    let element = service.and_then(|service| service.element);
    match element {
        Some(def) => Ok(Found::Many(Listing {
            def,
            items: Box::new(std::iter::empty()),
        })),
        None => Err(Refused::not_found(path.last().copied().unwrap_or_default())),
    }
}
