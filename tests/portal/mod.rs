//! The Administration Portal as a person uses it, in a real browser, on a site with a simulated
//! host: making templates, machines of them, snapshots; and every page held against axe's rules.

use anyhow::{Result, ensure};
use manager::model::VmId;
use serde_json::json;
use tests::browser::Browser;
use tests::site::{PASSWORD, TestSite};

/// Where the site is.
fn origin(site: &TestSite) -> String {
    format!("https://127.0.0.1:{}", site.stranger().address().port())
}

/// A browser in the portal of a site, logged in.
async fn portal(site: &TestSite, path: &str) -> Result<Browser> {
    let mut browser = Browser::start()?;
    browser.open(&format!("{}{path}", origin(site)))?;
    browser.log_in("admin@internal", PASSWORD)?;
    browser.tell(&json!(["see", "Live"]))?;
    // That nobody was logged in before is no trouble.
    browser.tell(&json!(["troubles"]))?;
    Ok(browser)
}

/// Whatever axe finds serious or critical on the page, a line each.
fn findings(browser: &mut Browser) -> Result<Vec<String>> {
    let found = browser.tell(&json!(["axe"]))?;
    let lines = found.as_array().cloned().unwrap_or_default();
    Ok(lines
        .iter()
        .filter_map(|line| line.as_str().map(str::to_owned))
        .collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_becomes_a_template_and_a_machine_of_it() -> Result<()> {
    let site = TestSite::new().await;
    let golden = site.vm("golden").await;
    let mut browser = portal(&site, &format!("/admin/vms/{golden}")).await?;

    browser.tell(&json!(["press_button", "More actions"]))?;
    browser.tell(&json!(["press_item", "Make template"]))?;
    browser.tell(&json!(["fill", "Name", "mould"]))?;
    browser.tell(&json!(["fill", "Description", "as it came"]))?;
    browser.tell(&json!(["press_button", "Make template"]))?;
    site.until(|inventory| {
        let mut templates = inventory.templates.iter();
        templates.any(|template| template.name == "mould" && template.description == "as it came")
    })
    .await;

    // The list shows it by itself, and its row leads to its page.
    browser.open(&format!("{}/admin/templates", origin(&site)))?;
    browser.tell(&json!(["see", "as it came"]))?;
    browser.screenshot("portal-templates")?;
    browser.tell(&json!(["follow", "mould"]))?;
    browser.tell(&json!(["see", "No machine was made from this version."]))?;
    browser.screenshot("portal-template")?;
    browser.tell(&json!(["press_button", "New VM from it"]))?;
    browser.tell(&json!(["see", "As the template"]))?;
    browser.screenshot("portal-create")?;
    browser.tell(&json!(["fill", "Name", "cast"]))?;
    browser.tell(&json!(["press_button", "Create"]))?;
    site.until(|inventory| {
        let mould = inventory
            .templates
            .iter()
            .find(|template| template.name == "mould");
        let cast = inventory.vms.iter().find(|vm| vm.name == "cast");
        mould
            .zip(cast)
            .is_some_and(|(mould, cast)| cast.template == mould.id)
    })
    .await;
    browser.tell(&json!(["see", "cast"]))?;
    let troubles = browser.tell(&json!(["troubles"]))?;
    ensure!(troubles == json!([]), "the page complains: {troubles}");
    site.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_taken_and_what_going_back_costs_is_said() -> Result<()> {
    let site = TestSite::new().await;
    let vm = site.vm("golden").await;
    let mut browser = portal(&site, &format!("/admin/vms/{vm}/snapshots")).await?;
    browser.tell(&json!(["see", "No snapshot yet."]))?;
    browser.tell(&json!(["press_button", "Take snapshot"]))?;
    browser.tell(&json!(["fill", "What is this moment?", "clean install"]))?;
    // The dialog's own button, not the page's behind it.
    browser.tell(&json!(["submit"]))?;
    browser.tell(&json!(["see", "clean install"]))?;
    site.until(|inventory| inventory.snapshots_of_vm(vm).len() == 1)
        .await;
    browser.screenshot("portal-snapshots")?;

    browser.tell(&json!([
        "press_button",
        "Actions for snapshot clean install"
    ]))?;
    browser.tell(&json!(["press_item", "Go back to it"]))?;
    browser.tell(&json!([
        "see",
        "Everything that golden wrote since then is lost."
    ]))?;
    browser.screenshot("portal-go-back")?;
    let troubles = browser.tell(&json!(["troubles"]))?;
    ensure!(troubles == json!([]), "the page complains: {troubles}");
    site.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_has_serious_findings_in_light_or_dark_wide_or_narrow() -> Result<()> {
    let site = TestSite::new().await;
    let vm: VmId = site.vm("golden").await;
    let inventory = site.manager().inventory();
    let host = inventory
        .hosts
        .iter()
        .next()
        .map(|host| host.id.to_string());
    let host = host.unwrap_or_default();
    let mut browser = portal(&site, "/admin/").await?;
    browser.tell(&json!(["see", "Virtual machines"]))?;
    let origin = origin(&site);
    let mut pages: Vec<String> = [
        "",
        "vms",
        "vms/new",
        "templates",
        "pools",
        "instance-types",
        "hosts",
        "clusters",
        "storage",
        "storage/disks",
        "networks",
        "activity",
        "access",
        "access/roles",
        "access/permissions",
        "profile",
    ]
    .map(|page| format!("/admin/{page}"))
    .to_vec();
    pages.push(format!("/admin/hosts/{host}"));
    pages.push("/admin/templates/00000000-0000-0000-0000-000000000000".to_owned());
    for tab in [
        "",
        "/hardware",
        "/disks",
        "/network",
        "/snapshots",
        "/guest",
        "/permissions",
        "/activity",
    ] {
        pages.push(format!("/admin/vms/{vm}{tab}"));
    }
    pages.push("/user/".to_owned());
    pages.push(format!("/user/desktops/{vm}"));
    let mut found = Vec::new();
    for (dark, width) in [(false, 1440), (true, 1440), (false, 360)] {
        browser.tell(&json!(["dark", dark]))?;
        browser.tell(&json!(["size", width, 900]))?;
        for page in &pages {
            browser.open(&format!("{origin}{page}"))?;
            browser.tell(&json!(["settled"]))?;
            let name = page
                .replace(&vm.to_string(), "vm")
                .replace(&host, "host")
                .replace('/', "-");
            let colours = if dark { "dark" } else { "light" };
            browser.screenshot(&format!("portal{name}-{width}-{colours}"))?;
            for line in findings(&mut browser)? {
                found.push(format!("{page} {width} {colours}: {line}"));
            }
        }
    }
    ensure!(found.is_empty(), "{}", found.join("\n"));
    site.close().await;
    Ok(())
}
