//! What a request says besides its path: parameters by query, matrix and header, the form it is
//! written in and the form that the answer should have, and the document in its body.

use api::{Object, Typed};
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

use super::fault::{Refused, Result};
use crate::request::Context;

/// A form of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// oVirt's default.
    Xml,
    /// `application/json`.
    Json,
}

/// The parameters that a request may have (WIRE 2.5).
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    pub(super) search: Option<String>,
    pub(super) case_sensitive: bool,
    pub(super) max: Option<usize>,
    pub(super) from: Option<i64>,
    /// Each a path of links: `disk_attachments.disk`.
    pub(super) follow: Vec<Vec<String>>,
    pub(super) all_content: bool,
    pub(super) current: bool,
    pub(super) next_run: bool,
    /// Its default differs: a disk stays when it is taken out of a VM, and goes with its VM.
    pub(super) detach_only: Option<bool>,
    /// Copy a template's disks instead of standing on them.
    pub(super) clone: bool,
    pub(super) clone_permissions: bool,
    pub(super) seal: bool,
    pub(super) force: bool,
    /// Answer before the work is done.
    pub(super) is_async: bool,
    /// Answer when the work is done.
    pub(super) wait: bool,
    /// `Accept: application/x-virt-viewer`.
    pub(super) viewer: bool,
    /// Ours: the data of an upload is a VMDK image, which oVirt has no word for.
    pub(super) vmdk: bool,
}

/// Deepest path and most paths that `follow` may have.
const FOLLOW_DEPTH: usize = 6;
const FOLLOW_PATHS: usize = 40;

impl Params {
    /// Reads them; a word where a number belongs is refused.
    pub(super) fn read(context: &Context, headers: &HeaderMap) -> Result<Self> {
        let text = |name: &str| context.parameter(headers, name);
        let flag = |name: &str| -> Result<bool> {
            match text(name) {
                None => Ok(false),
                // A parameter without a value counts as true.
                Some(value) if value.is_empty() || value == "1" => Ok(true),
                Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
                Some(value) if value == "0" || value.eq_ignore_ascii_case("false") => Ok(false),
                Some(value) => Err(Refused::value(name, value)),
            }
        };
        let number = |name: &str| -> Result<Option<i64>> {
            match text(name).filter(|value| !value.is_empty()) {
                None => Ok(None),
                Some(value) => value
                    .parse()
                    .map(Some)
                    .map_err(|_| Refused::value(name, value)),
            }
        };
        let follow = text("follow").unwrap_or_default();
        let follow: Vec<Vec<String>> = follow
            .split(',')
            .map(|path| {
                path.split('.')
                    .map(|step| step.trim().to_owned())
                    .collect::<Vec<_>>()
            })
            .filter(|path| path.iter().all(|step| !step.is_empty()))
            .collect();
        if follow.len() > FOLLOW_PATHS || follow.iter().any(|path| path.len() > FOLLOW_DEPTH) {
            return Err(Refused::bad("There is too much to follow."));
        }
        let expects = |wish: &str| {
            ["expect", "x-ovirt-expect"].iter().any(|name| {
                headers
                    .get_all(*name)
                    .iter()
                    .filter_map(|value| value.to_str().ok())
                    .any(|value| value.trim().eq_ignore_ascii_case(wish))
            })
        };
        Ok(Self {
            search: text("search").filter(|query| !query.trim().is_empty()),
            case_sensitive: match text("case_sensitive") {
                Some(_) => flag("case_sensitive")?,
                None => false,
            },
            // Below zero means no limit, as it does for the engine.
            max: number("max")?.and_then(|max| usize::try_from(max).ok()),
            from: number("from")?,
            follow,
            all_content: flag("all_content")?,
            current: flag("current")?,
            next_run: flag("next_run")?,
            detach_only: match text("detach_only") {
                Some(_) => Some(flag("detach_only")?),
                None => None,
            },
            clone: flag("clone")?,
            clone_permissions: flag("clone_permissions")?,
            seal: flag("seal")?,
            force: flag("force")?,
            is_async: flag("async")? || expects("202-accepted"),
            wait: expects("201-created"),
            vmdk: flag("vmdk")?,
            viewer: accept(headers).any(|(kind, _)| kind == "application/x-virt-viewer"),
        })
    }
}

/// What the client takes, best first, and how much it likes it.
fn accept(headers: &HeaderMap) -> impl Iterator<Item = (String, f32)> {
    let mut kinds: Vec<(String, f32)> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|one| {
            let mut parts = one.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts
                .filter_map(|part| part.strip_prefix("q="))
                .find_map(|quality| quality.parse().ok())
                .unwrap_or(1.0);
            (kind, quality)
        })
        .collect();
    kinds.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    kinds.into_iter()
}

/// The form of the answer: `?accept=` decides, then `Accept`, else it is XML.
pub(super) fn answer_form(context: &Context, headers: &HeaderMap) -> Form {
    let form = |kind: &str| match kind {
        "application/json" | "text/json" => Some(Form::Json),
        "application/xml" | "text/xml" | "application/*" | "text/*" | "*/*" => Some(Form::Xml),
        _ => None,
    };
    // Only the query: the header of that name has its own grammar.
    let asked = crate::request::parameter(&context.uri, &HeaderMap::new(), "accept", "accept");
    if let Some(form) = asked.and_then(|kind| form(kind.trim())) {
        return form;
    }
    accept(headers)
        .find_map(|(kind, _)| form(&kind))
        .unwrap_or(Form::Xml)
}

/// A request that changes something.
#[derive(Debug)]
pub(crate) struct Sent {
    form: Form,
    bytes: Bytes,
}

impl Sent {
    /// Takes the body, up to what a document may have.
    pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Self> {
        let bytes = axum::body::to_bytes(body, api::MAX_BYTES)
            .await
            .map_err(|_| Refused::from(api::Error::TooLarge("bytes")))?;
        let kind = headers
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .map(|kind| {
                kind.split(';')
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_ascii_lowercase()
            });
        let looks_like_json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        let form = match kind.as_deref() {
            Some("application/json" | "text/json") => Form::Json,
            Some("application/xml" | "text/xml") => Form::Xml,
            None
            | Some(
                ""
                | "*/*"
                | "text/plain"
                | "application/octet-stream"
                | "application/x-www-form-urlencoded",
            ) => {
                if looks_like_json {
                    Form::Json
                } else {
                    Form::Xml
                }
            }
            Some(_) if bytes.is_empty() => Form::Xml,
            Some(_) => {
                let sentence = "The body must be application/xml or application/json.";
                return Err(Refused::bad(sentence).with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
            }
        };
        Ok(Self { form, bytes })
    }

    /// Nothing was sent.
    pub(super) fn nothing() -> Self {
        Self {
            form: Form::Xml,
            bytes: Bytes::new(),
        }
    }

    /// The document in the body.
    pub(super) fn body<T: Typed>(&self) -> Result<T> {
        let mut object = T::default();
        self.read_into(&mut object)?;
        Ok(object)
    }

    /// The action in the body; none sent is an empty one.
    pub(super) fn action(&self) -> Result<api::types::Action> {
        if self.bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(api::types::Action::default());
        }
        self.body()
    }

    fn read_into(&self, object: &mut dyn Object) -> Result<()> {
        match self.form {
            Form::Xml => api::xml::read(&self.bytes, object)?,
            Form::Json => api::json::read(&self.bytes, object)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(uri: &str) -> Context {
        Context::of(
            &http::Request::builder()
                .uri(uri)
                .body(())
                .unwrap()
                .into_parts()
                .0,
        )
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    http::HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn xml_is_the_default_and_json_must_be_asked_for() {
        let form = |uri, accept| answer_form(&context(uri), &headers(&[("accept", accept)]));
        assert_eq!(form("/vms", "*/*"), Form::Xml);
        assert_eq!(form("/vms", "application/json"), Form::Json);
        assert_eq!(
            form("/vms", "application/xml;q=0.5, application/json"),
            Form::Json
        );
        assert_eq!(
            form(
                "/vms",
                "text/html,application/xhtml+xml,application/xml;q=0.9"
            ),
            Form::Xml
        );
        assert_eq!(
            form("/vms?accept=application/json", "text/html,*/*;q=0.1"),
            Form::Json
        );
        assert_eq!(form("/vms", "image/png"), Form::Xml);
        assert_eq!(answer_form(&context("/vms"), &HeaderMap::new()), Form::Xml);
    }

    #[test]
    fn parameters_are_read_strictly() {
        let read = |uri: &str| Params::read(&context(uri), &HeaderMap::new());
        let params =
            read("/vms;max=5?follow=nics,disk_attachments.disk&search=name%3Da+b").unwrap();
        assert_eq!(params.max, Some(5));
        assert_eq!(params.search.as_deref(), Some("name=a b"));
        assert_eq!(
            params.follow,
            [vec!["nics"], vec!["disk_attachments", "disk"]]
        );
        assert!(read("/vms?follow=").unwrap().follow.is_empty());
        assert!(read("/vms?all_content").unwrap().all_content);
        assert_eq!(read("/vms?max=-1").unwrap().max, None);
        assert!(read("/vms?max=much").is_err());
        assert!(read("/vms?current=maybe").is_err());
        assert!(read("/vms?follow=a.b.c.d.e.f.g").is_err());
    }

    #[tokio::test]
    async fn a_body_is_read_by_its_content_type() {
        let sent = |kind: &'static str, body: &'static str| async move {
            Sent::read(&headers(&[("content-type", kind)]), Body::from(body)).await
        };
        let name = |sent: Sent| sent.body::<api::types::Vm>().map(|vm| vm.name);
        let xml = sent("application/xml; charset=UTF-8", "<vm><name>a</name></vm>")
            .await
            .unwrap();
        assert_eq!(name(xml).unwrap().as_deref(), Some("a"));
        let json = sent("application/json", r#"{"name":"a"}"#).await.unwrap();
        assert_eq!(name(json).unwrap().as_deref(), Some("a"));
        let wrong = sent("image/png", "x").await.unwrap_err();
        assert_eq!(wrong.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let empty = sent("application/xml", "").await.unwrap();
        assert!(empty.action().is_ok());
        assert!(empty.body::<api::types::Vm>().is_err());
        let broken = sent("application/json", "{\"name\": ").await.unwrap();
        assert_eq!(
            broken.body::<api::types::Vm>().unwrap_err().status,
            StatusCode::BAD_REQUEST
        );
    }
}
