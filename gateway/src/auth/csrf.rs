//! What a request must show when it is let in by a cookie: that a page of ours sent it. A browser
//! adds the cookie to requests of foreign pages too (`SameSite` is a second wall, not the first);
//! it does not let them add headers of their own, nor lie about where they come from.

use http::request::Parts;
use http::{HeaderName, Method, header};

use crate::error::Problem;
use crate::websocket::is_own_origin;

/// Sent by our pages with every request that changes something.
const MARK: HeaderName = HeaderName::from_static("x-saffron");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses a request that changes something unless our own page sent it.
pub(crate) fn check(parts: &Parts) -> Result<(), Problem> {
    if matches!(parts.method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    let headers = &parts.headers;
    let marked = headers
        .get(&MARK)
        .is_some_and(|mark| mark.as_bytes() == b"1");
    let site_is_ours = headers
        .get_all(&SEC_FETCH_SITE)
        .iter()
        .all(|site| matches!(site.as_bytes(), b"same-origin" | b"none"));
    let origin_is_ours = !headers.contains_key(header::ORIGIN)
        || is_own_origin(&parts.uri, headers, &parts.extensions);
    if marked && site_is_ours && origin_is_ours {
        Ok(())
    } else {
        Err(Problem::denied(
            "Only a page of this server may ask for this with your session's cookie.",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(method: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = http::Request::builder()
            .method(method)
            .uri("/saffron/session");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        check(&request.body(()).unwrap().into_parts().0).is_ok()
    }

    const HOST: (&str, &str) = ("host", "vm.example:8443");
    const MARK: (&str, &str) = ("x-saffron", "1");

    #[test]
    fn our_own_page_passes() {
        let origin = ("origin", "https://vm.example:8443");
        assert!(passes("POST", &[HOST, MARK]));
        assert!(passes(
            "DELETE",
            &[HOST, MARK, origin, ("sec-fetch-site", "same-origin")]
        ));
        assert!(
            passes("GET", &[HOST, ("sec-fetch-site", "cross-site")]),
            "reading changes nothing"
        );
    }

    #[test]
    fn a_foreign_page_is_refused_whatever_it_leaves_out() {
        assert!(!passes("POST", &[HOST]));
        assert!(!passes("POST", &[HOST, ("x-saffron", "0")]));
        assert!(!passes(
            "POST",
            &[HOST, MARK, ("origin", "https://evil.test")]
        ));
        assert!(!passes("POST", &[HOST, MARK, ("origin", "null")]));
        assert!(!passes(
            "POST",
            &[HOST, MARK, ("sec-fetch-site", "cross-site")]
        ));
        assert!(!passes(
            "PUT",
            &[HOST, MARK, ("sec-fetch-site", "same-site")]
        ));
        assert!(!passes(
            "PATCH",
            &[HOST, ("origin", "https://vm.example:8443")]
        ));
    }
}
