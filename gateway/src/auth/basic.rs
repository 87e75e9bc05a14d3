//! HTTP basic authentication, as it is written in a header.

use std::fmt;

use http::HeaderValue;

/// `user@profile` and password. `Debug` shows neither.
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// What `Authorization: Basic` says.
pub(crate) fn credentials(authorization: &HeaderValue) -> Option<Credentials> {
    let (scheme, coded) = authorization.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(base64(coded.trim())?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(Credentials {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

/// Standard base64 with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let mut bits = 0u32;
    let mut count = 0;
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_are_read_and_the_password_may_have_colons() {
        let header = HeaderValue::from_static("Basic YWRtaW5AaW50ZXJuYWw6YTpiw7w=");
        let read = credentials(&header).unwrap();
        assert_eq!(
            (read.user.as_str(), read.password.as_str()),
            ("admin@internal", "a:bü")
        );
        for broken in [
            "Basic",
            "Basic !!!!",
            "Basic YWRtaW4=",
            "Bearer YTpi",
            "Basic /w==",
        ] {
            assert!(
                credentials(&HeaderValue::from_static(broken)).is_none(),
                "{broken}"
            );
        }
    }
}
