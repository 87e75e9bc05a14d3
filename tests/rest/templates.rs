//! `/templates`

use api::types::{GraphicsConsole, Template, TemplateStatus};
use http::Method;

use super::admin;

const BLANK: &str = "templates/00000000-0000-0000-0000-000000000000";

#[tokio::test]
async fn blank_is_there_and_is_found_in_every_data_center() {
    let (_site, api) = admin().await;
    let template: Template = api.get(BLANK).await;
    assert_eq!(template.name.as_deref(), Some("Blank"));
    assert_eq!(template.status, Some(TemplateStatus::Ok));
    assert_eq!(template.version.as_ref().unwrap().version_number, Some(1));
    let query = "templates?search=name%3DBlank+and+datacenter%3DDefault";
    assert_eq!(api.list::<Template>(query).await.len(), 1);
    assert!(
        api.list::<Template>("templates?search=datacenter%3DOther")
            .await
            .is_empty()
    );
    let consoles: Vec<GraphicsConsole> = api.list(&format!("{BLANK}/graphicsconsoles")).await;
    assert_eq!(consoles.len(), 1);
    assert!(
        api.list::<api::types::Nic>(&format!("{BLANK}/nics"))
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn blank_stays_as_it_is() {
    let (_site, api) = admin().await;
    let before: Template = api.get(BLANK).await;
    let comment = "<template><comment>nothing in it</comment></template>";
    api.refused(Method::PUT, BLANK, comment, 409).await;
    let fault = api.refused(Method::DELETE, BLANK, "", 409).await;
    assert!(
        fault.contains("Blank template can not be removed."),
        "{fault}"
    );
    let after: Template = api.get(BLANK).await;
    assert_eq!(after.comment, before.comment);
    let nothing = "<template><name>t</name></template>";
    let fault = api.refused(Method::POST, "templates", nothing, 400).await;
    assert_eq!(
        fault,
        "Incomplete parameters: Template [vm.id|name] required for add"
    );
    api.gone("templates/00000000-0000-0000-0000-0000000000ff")
        .await;
}
