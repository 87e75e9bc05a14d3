//! Cookies: reading those that came, and writing ours. The portal's cookie has the `__Host-`
//! prefix, which makes browsers refuse one that another host or plain HTTP has planted.

use http::{HeaderMap, HeaderValue, header};

/// The portal's session.
pub(crate) const PORTAL: &str = "__Host-saffron";
/// A session that HTTP basic authentication began with `Prefer: persistent-auth`.
pub(crate) const API: &str = "JSESSIONID";

/// The value of the cookie, if it came exactly once: two of one name mean that somebody planted
/// one of them.
pub(crate) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value.trim_matches('"'));
    match (values.next(), values.next()) {
        (Some(value), None) if !value.is_empty() => Some(value),
        _ => None,
    }
}

/// `Set-Cookie` for the portal; ends with the browser's session at the latest.
pub(crate) fn portal(token: &str) -> Option<HeaderValue> {
    secret(format!(
        "{PORTAL}={token}; Path=/; Secure; HttpOnly; SameSite=Strict"
    ))
}

/// `Set-Cookie` that takes the portal's cookie away.
pub(crate) fn portal_gone() -> HeaderValue {
    HeaderValue::from_static(
        "__Host-saffron=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0",
    )
}

/// `Set-Cookie` for API clients that asked to stay.
pub(crate) fn api(token: &str) -> Option<HeaderValue> {
    secret(format!(
        "{API}={token}; Path=/ovirt-engine/api; Secure; HttpOnly; SameSite=Strict"
    ))
}

fn secret(text: String) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: &[&'static str]) -> Option<String> {
        let headers = lines
            .iter()
            .map(|line| (header::COOKIE, HeaderValue::from_static(line)))
            .collect();
        value(&headers, PORTAL).map(str::to_owned)
    }

    #[test]
    fn our_cookie_is_found_among_others() {
        assert_eq!(
            found(&["a=b; __Host-saffron=abc=; c=d"]).as_deref(),
            Some("abc=")
        );
        assert_eq!(
            found(&["a=b", "__Host-saffron=abc"]).as_deref(),
            Some("abc")
        );
    }

    #[test]
    fn a_planted_second_cookie_counts_as_none() {
        assert_eq!(found(&["__Host-saffron=abc; __Host-saffron=def"]), None);
        assert_eq!(found(&["x__Host-saffron=abc"]), None);
        assert_eq!(found(&["__Host-saffron="]), None);
    }
}
