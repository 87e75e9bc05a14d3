//! `pki-resource`: the authority's certificate, for anybody, over HTTP and HTTPS. It is how clients
//! get what they must trust; the password never travels before they have it.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use crate::request::percent_decode;

/// Answers `resource=ca-certificate&format=…`.
pub(crate) fn resource(ca_pem: &str, query: Option<&str>) -> Response {
    let mut resource = String::new();
    let mut format = "X509-PEM-CA".to_owned();
    for pair in query.unwrap_or_default().split('&') {
        match pair.split_once('=') {
            Some(("resource", value)) => resource = percent_decode(value),
            Some(("format", value)) => format = percent_decode(value),
            _ => {}
        }
    }
    match (resource.as_str(), format.as_str()) {
        ("ca-certificate", "X509-PEM-CA") => (
            [(header::CONTENT_TYPE, "application/x-x509-ca-cert")],
            ca_pem.to_owned(),
        )
            .into_response(),
        ("ca-certificate", "X509-PEM") => (
            [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
            ca_pem.to_owned(),
        )
            .into_response(),
        _ => (
            StatusCode::NOT_FOUND,
            "Ask for resource=ca-certificate with format=X509-PEM-CA or X509-PEM.\n",
        )
            .into_response(),
    }
}
