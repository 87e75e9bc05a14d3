//! The portals' files, as `cargo xtask web` made them: pages, and under `/assets/` everything whose
//! name carries a hash of its content. They are inside the binary; a debug build reads them from
//! the `dist` folder, so that a page can be changed without building the server anew.
//!
//! Pages are never cached, assets for ever. What is there as brotli is sent so to who takes it.

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rust_embed::{Embed, EmbeddedFile};

/// What `dist` holds.
#[derive(Embed)]
#[folder = "../dist"]
struct Dist;

/// The addresses of the portals.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let administration = get(|headers: HeaderMap| async move { page("admin.html", &headers) });
    let user = get(|headers: HeaderMap| async move { page("user.html", &headers) });
    let redirect = |to: &'static str| get(move || async move { Redirect::permanent(to) });
    Router::new()
        .route(
            "/",
            get(|headers: HeaderMap| async move { page("index.html", &headers) }),
        )
        .route("/admin", redirect("/admin/"))
        .route("/admin/", administration.clone())
        .route("/admin/{*path}", administration)
        .route("/user", redirect("/user/"))
        .route("/user/", user.clone())
        .route("/user/{*path}", user)
        .route("/ovirt-engine", redirect("/"))
        .route("/ovirt-engine/", redirect("/"))
        .route("/ovirt-engine/webadmin", redirect("/admin/"))
        .route("/ovirt-engine/webadmin/{*path}", redirect("/admin/"))
        .route("/ovirt-engine/web-ui", redirect("/user/"))
        .route("/ovirt-engine/web-ui/{*path}", redirect("/user/"))
        .route("/assets/{file}", get(asset))
        .route("/favicon.ico", get(|| async { StatusCode::NOT_FOUND }))
}

/// A page of `dist`, for any address below a portal.
fn page(name: &str, headers: &HeaderMap) -> Response {
    match file(name, headers) {
        Some(response) => with_cache(response, "no-store"),
        None => missing(),
    }
}

/// The page that has the console and nothing else.
pub(crate) fn view(headers: &HeaderMap) -> Response {
    match file("view.html", headers) {
        Some(response) => with_cache(response, "no-store"),
        None => {
            let sentence = "This program was built without its console page: run `cargo xtask \
                            web`, then build it again.\n";
            (StatusCode::SERVICE_UNAVAILABLE, sentence).into_response()
        }
    }
}

pub(crate) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    // The name is looked up in a list of names, except in debug builds, which read a folder.
    if name.contains("..") || name.contains(['/', '\\']) {
        return StatusCode::NOT_FOUND.into_response();
    }
    match file(&format!("assets/{name}"), &headers) {
        Some(response) => with_cache(response, "public, max-age=31536000, immutable"),
        None => (StatusCode::NOT_FOUND, "There is no such file.\n").into_response(),
    }
}

fn with_cache(mut response: Response, cache: &'static str) -> Response {
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

/// The file, compressed when there is such a twin and the browser takes it; 304 when the browser
/// has this one already.
fn file(name: &str, headers: &HeaderMap) -> Option<Response> {
    let (found, encoding) = match takes_brotli(headers).then(|| Dist::get(&format!("{name}.br"))) {
        Some(Some(found)) => (found, Some("br")),
        _ => (Dist::get(name)?, None),
    };
    let etag = etag(&found);
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|known| known.split(',').any(|tag| tag.trim() == etag));
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(found.data.into_owned()).into_response()
    };
    let out = response.headers_mut();
    out.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(content_type(name)),
    );
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        out.insert(header::ETAG, etag);
    }
    if let Some(encoding) = encoding {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Some(response)
}

fn etag(file: &EmbeddedFile) -> String {
    let mut tag = String::from("\"");
    for byte in file.metadata.sha256_hash().iter().take(12) {
        tag.push_str(&format!("{byte:02x}"));
    }
    tag.push('"');
    tag
}

fn takes_brotli(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
            name.trim().eq_ignore_ascii_case("br") && !quality.replace(' ', "").ends_with("q=0")
        })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/vnd.microsoft.icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// The server was built without its portals; the API works all the same.
fn missing() -> Response {
    const PAGE: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
        <title>Saffron: the portals are not built</title></head><body><main>\
        <h1>The portals are not built</h1>\
        <p>This server was built without its web pages. Run <code>cargo xtask web</code>, then \
        build and start the server again; <code>cargo xtask run</code> does all of it.</p>\
        <p>The API works: <a href=\"/ovirt-engine/api\">/ovirt-engine/api</a>.</p>\
        </main></body></html>";
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
        PAGE,
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))])
    }

    #[test]
    fn brotli_is_sent_only_to_who_takes_it() {
        assert!(takes_brotli(&accepting("gzip, deflate, br, zstd")));
        assert!(takes_brotli(&accepting("br;q=0.5")));
        assert!(!takes_brotli(&accepting("gzip, br; q=0")));
        assert!(!takes_brotli(&accepting("gzip")));
        assert!(!takes_brotli(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn a_path_out_of_the_folder_is_not_found() {
        for name in ["../manifest.json", "..", "a/../../Cargo.toml", "nothing.js"] {
            let response = asset(Path(name.to_owned()), HeaderMap::new()).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{name}");
        }
    }
}
