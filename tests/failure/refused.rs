//! What is refused, and how: a status for the program, a sentence for the person, and nothing done.
//! The other rows of the same table are tested where their subject is: passwords and origins in
//! `access`, tickets and displays in `console::gate`, SPICE servers in `console::proxy`, names and
//! unknown objects in `rest`, browsers in `browser`, libvirt and QEMU in `parts`.

use manager::model::StorageDomainStatus;
use tests::site::TestSite;

use super::*;

/// Documents that are none, for a VM that would otherwise be made, and the statuses that are right.
fn broken() -> Vec<(&'static str, &'static str, Vec<u8>, u16)> {
    let xml = |text: &str| text.as_bytes().to_vec();
    let vm = "<name>evil</name><cluster><name>Default</name></cluster><template><name>Blank</name></template>";
    let long = "a".repeat(2 * 1024 * 1024);
    let lol = "<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">";
    vec![
        ("nothing", "application/xml", xml(""), 400),
        ("no XML", "application/xml", xml("name=evil"), 400),
        (
            "XML that does not end",
            "application/xml",
            xml(&format!("<vm>{vm}")),
            400,
        ),
        (
            "crossed XML",
            "application/xml",
            xml(&format!("<vm>{vm}<os></vm></os>")),
            400,
        ),
        (
            "an unknown entity",
            "application/xml",
            xml(&format!("<vm>{vm}<comment>&evil;</comment></vm>")),
            400,
        ),
        (
            "a file by entity",
            "application/xml",
            xml(&format!(
                "<!DOCTYPE vm [<!ENTITY x SYSTEM \"file:///etc/hostname\">]><vm>{vm}<comment>&x;</comment></vm>"
            )),
            400,
        ),
        (
            "a billion laughs",
            "application/xml",
            xml(&format!(
                "<!DOCTYPE vm [<!ENTITY a \"ha\">{lol}]><vm>{vm}<comment>&b;</comment></vm>"
            )),
            400,
        ),
        (
            "XML too deep",
            "application/xml",
            xml(&format!("<vm>{vm}{}", "<os>".repeat(100_000))),
            400,
        ),
        (
            "XML that is no text",
            "application/xml",
            [
                xml("<vm><name>"),
                vec![0xff, 0xfe, 0xc0],
                xml("</name></vm>"),
            ]
            .concat(),
            400,
        ),
        (
            "another object",
            "application/xml",
            xml("<disk><name>evil</name></disk>"),
            400,
        ),
        (
            "XML too long",
            "application/xml",
            xml(&format!("<vm>{vm}<comment>{long}</comment></vm>")),
            413,
        ),
        (
            "a word for a number",
            "application/xml",
            xml(&format!("<vm>{vm}<memory>much</memory></vm>")),
            400,
        ),
        (
            "a number too large",
            "application/xml",
            xml(&format!(
                "<vm>{vm}<memory>99999999999999999999</memory></vm>"
            )),
            400,
        ),
        ("no JSON", "application/json", xml("name=evil"), 400),
        (
            "JSON that does not end",
            "application/json",
            xml("{\"name\": \"evil\", "),
            400,
        ),
        ("a JSON list", "application/json", xml("[1, 2]"), 400),
        ("JSON null", "application/json", xml("null"), 400),
        (
            "JSON too deep",
            "application/json",
            xml(&"{\"os\":".repeat(100_000)),
            400,
        ),
        (
            "JSON too long",
            "application/json",
            xml(&format!("{{\"name\": \"evil\", \"comment\": \"{long}\"}}")),
            413,
        ),
        (
            "neither",
            "image/png",
            xml("<vm><name>evil</name></vm>"),
            415,
        ),
    ]
}

#[tokio::test]
async fn a_document_that_is_none_is_refused_with_a_sentence_in_the_form_that_was_asked_for() {
    let site = TestSite::new().await;
    let client = site.token("admin@internal").await;
    for (what, kind, body, status) in broken() {
        for accept in ["application/json", "application/xml"] {
            let headers = [("content-type", kind), ("accept", accept)];
            let began = Instant::now();
            let answer = client
                .send(
                    Method::POST,
                    "/ovirt-engine/api/vms",
                    &headers,
                    body.clone(),
                )
                .await
                .unwrap();
            assert_eq!(answer.status, status, "{what}: {}", answer.text());
            assert!(began.elapsed() < Duration::from_secs(1), "{what}");
            assert!(
                answer.header("content-type").starts_with(accept),
                "{what}: {}",
                answer.header("content-type")
            );
            let text = answer.text();
            assert!(
                text.contains("reason") && text.contains("detail") && text.len() < 1000,
                "{what}: {text}"
            );
            if accept == "application/json" {
                let fault = answer.json();
                for part in ["reason", "detail"] {
                    let said = fault[part].as_str().unwrap_or_default();
                    assert!(said.len() > 5, "{what}: {text}");
                }
            }
        }
    }
    let nothing = client.get("/ovirt-engine/api/vms").await.expect(200);
    assert!(!nothing.text().contains("evil"), "{}", nothing.text());
    site.close().await;
}

#[tokio::test]
async fn our_own_addresses_refuse_what_is_no_json_and_never_repeat_it() {
    let site = TestSite::new().await;
    let stranger = site.stranger();
    let long = format!("{{\"username\": \"{}\"}}", "a".repeat(2 * 1024 * 1024));
    for (kind, body, status) in [
        ("application/json", "", 400),
        ("application/json", "{\"username\": \"hunter2", 400),
        ("application/json", "[\"hunter2\"]", 400),
        (
            "application/json",
            "{\"username\": 1, \"password\": \"hunter2\"}",
            400,
        ),
        ("application/json", &long, 413),
        (
            "application/x-www-form-urlencoded",
            "username=admin&password=hunter2",
            415,
        ),
        ("text/plain", "{\"username\": \"hunter2\"}", 415),
    ] {
        let headers = [("content-type", kind), ("x-saffron", "1")];
        let answer = stranger
            .send(Method::POST, "/saffron/session", &headers, body.to_owned())
            .await
            .unwrap();
        let shown: String = body.chars().take(50).collect();
        assert_eq!(answer.status, status, "{shown}: {}", answer.text());
        let said = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(said.ends_with('.') && !said.contains("hunter2"), "{said}");
    }
    site.close().await;
}

#[tokio::test]
async fn where_there_is_no_room_the_refusal_says_how_much_there_is() {
    const MIB: u64 = 1 << 20;
    let site = TestSite::new().await;
    let admin = site.admin().await.with("accept", "application/json");
    site.host.set_free(100 * MIB);
    site.until(|inventory| {
        inventory.storage_domains.iter().all(|domain| {
            domain.status == StorageDomainStatus::Active && domain.available == 100 * MIB
        })
    })
    .await;
    let body = json!({"name": "large", "provisioned_size": "1099511627776", "format": "raw",
                      "sparse": "false", "storage_domains": {"storage_domain": [{"name": "data"}]}});
    // oVirt has no status of its own for this: its clients know 409.
    let answer = admin
        .post("/ovirt-engine/api/disks", &body)
        .await
        .expect(409);
    let detail = answer.json()["detail"].to_string();
    assert!(
        detail.contains("Low disk space on Storage Domain data: 100 MiB are free"),
        "{detail}"
    );
    let disks = admin
        .get("/ovirt-engine/api/disks")
        .await
        .expect(200)
        .json();
    assert_eq!(disks, json!({}), "no disk is left of it");
    site.close().await;
}
