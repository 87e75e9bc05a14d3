//! `/ovirt-engine/api/openapi.json`: that it describes what is built, and that the gateway keeps
//! to it under a schema-driven test.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::json;
use tests::guest::target;
use tests::site::TestSite;

/// Where schemathesis is, installed like the kit's clients when it is not there yet.
fn schemathesis() -> Result<std::path::PathBuf> {
    const VERSION: &str = "schemathesis>=4,<5";
    let home = target().join("schemathesis");
    let program = home.join("bin/st");
    if !program.exists() {
        let made = Command::new("python3")
            .args(["-m", "venv"])
            .arg(&home)
            .status()?;
        ensure!(made.success(), "no Python environment could be made");
        let done = Command::new(home.join("bin/pip"))
            .args(["install", "-q", "--disable-pip-version-check", VERSION])
            .status()?;
        ensure!(done.success(), "schemathesis could not be fetched");
    }
    Ok(program)
}

/// Ids for the places of a path, by what stands before them.
fn ids(inventory: &manager::Inventory) -> impl Fn(&str) -> String + use<> {
    macro_rules! first {
        ($map:ident) => {
            inventory.$map.iter().map(|it| it.id.to_string()).min()
        };
    }
    let known = [
        ("clusters", first!(clusters)),
        ("datacenters", first!(data_centers)),
        ("hosts", first!(hosts)),
        ("storagedomains", first!(storage_domains)),
        ("networks", first!(networks)),
        ("vnicprofiles", first!(vnic_profiles)),
        ("macpools", first!(mac_pools)),
        ("cpuprofiles", first!(cpu_profiles)),
        ("diskprofiles", first!(disk_profiles)),
        ("quotas", first!(quotas)),
        ("vms", first!(vms)),
        ("users", first!(users)),
        ("groups", first!(groups)),
        ("templates", first!(templates)),
        ("roles", first!(roles)),
        ("schedulingpolicies", first!(scheduling_policies)),
        ("instancetypes", first!(instance_types)),
    ];
    move |collection| {
        let own = known.iter().find(|(name, _)| *name == collection);
        own.and_then(|(_, id)| id.clone())
            .unwrap_or_else(|| "00000000-0000-0000-0000-00000000beef".to_owned())
    }
}

#[tokio::test]
async fn everything_that_is_described_is_there_and_only_for_those_who_logged_in() {
    let site = TestSite::new().await;
    site.vm("web1").await;
    let admin = site.token("admin@internal").await;
    let stranger = site.stranger();
    stranger
        .get("/ovirt-engine/api/openapi.json")
        .await
        .expect(401);
    let document = admin
        .get("/ovirt-engine/api/openapi.json")
        .await
        .expect(200)
        .json();
    assert_eq!(document["openapi"], "3.0.3");
    let described = document["paths"].as_object().unwrap();
    assert_eq!(
        described.len(),
        gateway::rest::built::BUILT.len(),
        "a path that is built is not in the model"
    );
    let ids = ids(&site.manager().inventory());
    let mut wrong = Vec::new();
    for (path, methods) in gateway::rest::built::BUILT {
        let mut before = "";
        let mut address = api::ROOT.to_owned();
        for segment in path.split('/').filter(|it| !it.is_empty()) {
            address.push('/');
            if segment == "{}" {
                address.push_str(&ids(before));
            } else {
                address.push_str(segment);
            }
            before = segment;
        }
        for method in methods.iter().filter(|method| **method != "DELETE") {
            let method: Method = method.parse().unwrap();
            let headers = [
                ("content-type", "application/json"),
                ("accept", "application/json"),
            ];
            // Nothing is said, so as a rule nothing is done: what counts is that somebody answers.
            let answer = admin
                .send(method.clone(), &address, &headers, "{}")
                .await
                .expect("an answer");
            if [405, 500, 501, 503].contains(&answer.status) {
                wrong.push(format!("{method} {address}: {}", answer.status));
            }
            let stranger = stranger
                .send(method.clone(), &address, &headers, "{}")
                .await
                .expect("an answer");
            if stranger.status != 401 {
                wrong.push(format!("{method} {address}, stranger: {}", stranger.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn json_is_refused_where_xml_is() {
    let site = TestSite::new().await;
    let admin = site.token("admin@internal").await;
    let deep = "{\"a\":".repeat(100) + "1" + &"}".repeat(100);
    let many = format!(
        r#"{{"name":"x","nics":{{"nic":[{}]}}}}"#,
        vec!["{}"; 11_000].join(",")
    );
    for (what, body) in [
        (
            "a word for a number",
            json!({"name": "x", "memory": "much"}).to_string(),
        ),
        (
            "a word for a boolean",
            json!({"name": "x", "stateless": "maybe"}).to_string(),
        ),
        (
            "an unknown word",
            json!({"name": "x", "type": "toaster"}).to_string(),
        ),
        (
            "an object for a text",
            json!({"name": {"a": "b"}}).to_string(),
        ),
        ("a list for an object", json!([1, 2]).to_string()),
        ("half a document", r#"{"name": "#.to_owned()),
        ("too deep", deep),
        ("too many nodes", many),
    ] {
        let headers = [("content-type", "application/json")];
        let answer = admin
            .send(Method::POST, "/ovirt-engine/api/vms", &headers, body)
            .await
            .expect("an answer");
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
    }
    assert!(site.manager().inventory().vms.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_driven_test_finds_no_fault_of_ours() -> Result<()> {
    let program = schemathesis()?;
    let site = TestSite::new().await;
    site.vm("web1").await;
    let admin = site.token("admin@internal").await;
    let document = admin
        .get("/ovirt-engine/api/openapi.json")
        .await
        .expect(200)
        .json();
    // What ends logins, or the site's only host, would end the test.
    let folder = target().join("schemathesis-run");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("openapi.json");
    std::fs::write(&file, document.to_string())?;
    let form = format!(
        "grant_type=password&scope=ovirt-app-api&username=admin%40internal&password={}",
        tests::site::PASSWORD
    );
    let token = site
        .stranger()
        .send(
            Method::POST,
            "/ovirt-engine/sso/oauth/token",
            &[("content-type", "application/x-www-form-urlencoded")],
            form,
        )
        .await
        .context("no token")?
        .expect(200)
        .json();
    let token = token["access_token"].as_str().context("no token")?;
    // It ends by itself; should it not, the test does.
    let mut run = Command::new("timeout");
    run.arg("60")
        .arg(program)
        .arg("run")
        .arg(&file)
        .args(["--url", &format!("{}{}", admin.origin(), api::ROOT)])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--header", "Accept: application/json"])
        .args(["--tls-verify", "false", "--phases", "fuzzing"])
        .args([
            "--checks",
            "not_a_server_error,response_schema_conformance,content_type_conformance",
        ])
        .args(["--max-time", "30", "--seed", "1", "--continue-on-failure"])
        .args(["--max-examples", "4", "--suppress-health-check", "all"])
        .args(["--exclude-path-regex", "^/(users|permissions|roles|groups)"])
        .args([
            "--exclude-method",
            "DELETE",
            "--warnings",
            "off",
            "--no-color",
        ])
        .current_dir(&folder);
    let output = tokio::task::spawn_blocking(move || run.output()).await??;
    let said = String::from_utf8_lossy(&output.stdout);
    std::fs::write(folder.join("said.txt"), said.as_bytes())?;
    ensure!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
