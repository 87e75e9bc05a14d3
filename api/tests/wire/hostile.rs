//! Documents meant to harm are refused, in bounded time and space.

use api::types::{Action, Vm};
use api::{Error, Typed};

fn xml(text: &str) -> Error {
    Vm::from_xml(text).expect_err(text)
}

#[test]
fn a_document_type_is_refused() {
    for text in [
        "<!DOCTYPE vm><vm/>",
        "<!DOCTYPE vm [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><vm><name>&b;</name></vm>",
        "<!DOCTYPE vm SYSTEM 'file:///etc/passwd'><vm/>",
        "<vm><!DOCTYPE x></vm>",
    ] {
        assert!(matches!(xml(text), Error::Malformed(_)), "{text}");
    }
}

#[test]
fn unknown_entities_are_refused() {
    for text in [
        "<vm><name>&x;</name></vm>",
        "<vm><name>&#0;</name></vm>",
        "<vm><name>&#xD800;</name></vm>",
        "<vm id='&x;'/>",
        "<vm><name>&#99999999999;</name></vm>",
    ] {
        assert!(matches!(xml(text), Error::Malformed(_)), "{text}");
    }
}

#[test]
fn broken_documents_are_refused() {
    for text in [
        "",
        " ",
        "x",
        "<vm",
        "<vm>",
        "<vm><name>",
        "<vm><name></vm></name>",
        "<vm/><vm/>",
        "<vm></host>",
        "</vm>",
        "<vm/>x",
        "x<vm/>",
        "<vm a=1/>",
        "<vm id='1' id='2'/>",
        "<vm><name>a",
    ] {
        assert!(matches!(xml(text), Error::Malformed(_)), "{text}");
    }
    assert!(matches!(xml("<host/>"), Error::Root { expected: "vm", .. }));
    assert!(matches!(
        api::xml::read(b"<vm>\xff</vm>", &mut Vm::default()),
        Err(Error::Malformed(_))
    ));
    for text in [
        "",
        "{",
        "{\"name\": ",
        "[]",
        "3",
        "null",
        "{\"name\":\"a\"}x",
        "\"vm\"",
    ] {
        Vm::from_json_str(text).expect_err(text);
    }
}

#[test]
fn depth_is_limited() {
    let deep = |n: usize| format!("<vm>{}{}</vm>", "<x>".repeat(n), "</x>".repeat(n));
    assert!(Vm::from_xml(&deep(60)).is_ok());
    assert_eq!(xml(&deep(70)), Error::TooLarge("levels"));
    assert_eq!(
        xml(&format!("<vm>{}", "<x>".repeat(5000))),
        Error::TooLarge("levels")
    );
    // Types that contain themselves.
    let ring = "<template><vm>".repeat(5000);
    assert_eq!(xml(&format!("<vm>{ring}")), Error::TooLarge("levels"));
    let json = r#"{"template":{"vm":"#.repeat(40) + "{}" + &"}}".repeat(40);
    assert_eq!(Vm::from_json_str(&json), Err(Error::TooLarge("levels")));
    let json = r#"{"x":"#.repeat(100_000);
    assert!(Vm::from_json_str(&json).is_err());
}

#[test]
fn length_and_number_are_limited() {
    let many = format!("<vm><nics>{}</nics></vm>", "<nic/>".repeat(20_000));
    assert_eq!(xml(&many), Error::TooLarge("elements"));
    let many = format!("{{\"nics\":{{\"nic\":[{}{{}}]}}}}", "{},".repeat(20_000));
    assert_eq!(Vm::from_json_str(&many), Err(Error::TooLarge("elements")));
    let many = format!(
        "<action><iscsi_targets>{}",
        "<iscsi_target/>".repeat(20_000)
    );
    assert_eq!(Action::from_xml(&many), Err(Error::TooLarge("elements")));
    let long = format!("<vm><name>{}</name></vm>", "a".repeat(api::MAX_BYTES));
    assert_eq!(xml(&long), Error::TooLarge("bytes"));
    let long = format!("{{\"name\":\"{}\"}}", "a".repeat(api::MAX_BYTES));
    assert_eq!(Vm::from_json_str(&long), Err(Error::TooLarge("bytes")));
}

#[test]
fn messages_repeat_only_a_little_of_what_was_sent() {
    let error = xml(&format!("<vm><memory>{}</memory></vm>", "é".repeat(10_000)));
    assert!(error.to_string().len() < 400, "{error}");
}

#[test]
fn control_characters_cannot_break_an_answer() {
    let vm = Vm::from_json_str("{\"name\":\"a\\u0000\\u0007\\ufffeb\"}").unwrap();
    assert_eq!(
        vm.to_xml(),
        "<vm><name>a\u{fffd}\u{fffd}\u{fffd}b</name></vm>"
    );
    assert!(Vm::from_xml(&vm.to_xml()).is_ok());
}

/// Cuts, doubles and flips bytes of good documents: any answer will do, a panic will not.
#[test]
fn damaged_documents_never_panic() {
    let xml = "<vm id=\"1\"><name>a&amp;b</name><cpu><topology><cores>2</cores></topology></cpu>\
        <creation_time>2024-05-01T10:00:00.123+02:00</creation_time><nics><nic/></nics></vm>";
    let json = r#"{"name":"a","cpu":{"topology":{"cores":"2"}},"creation_time":1714550400123,"nics":{"nic":[{}]}}"#;
    let mut seed = 1u64;
    let mut next = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize
    };
    let mut refused = 0;
    for _ in 0..20_000 {
        for text in [xml, json] {
            let mut bytes = text.as_bytes().to_vec();
            for _ in 0..1 + next() % 3 {
                let at = next() % bytes.len();
                match next() % 4 {
                    0 => bytes.truncate(at.max(1)),
                    1 => bytes[at] = next() as u8,
                    2 => bytes.insert(at, next() as u8),
                    _ => bytes.extend_from_within(..at),
                }
            }
            let taken = if text == xml {
                crate::oracles::xml(&bytes)
            } else {
                crate::oracles::json(&bytes)
            };
            refused += usize::from(!taken);
        }
    }
    assert!(refused > 1000, "the damage must be real: {refused}");
}
