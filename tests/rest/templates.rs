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
async fn a_template_is_described_anew_and_not_made_yet() {
    let (_site, api) = admin().await;
    let before: Template = api.get(BLANK).await;
    let change = Template {
        comment: Some("nothing in it".into()),
        ..Template::default()
    };
    let answer = api
        .send(Method::PUT, BLANK, &api::Typed::to_xml(&change))
        .await;
    // Blank may be one that nobody changes.
    assert!([200, 409].contains(&answer.status), "{}", answer.text());
    let after: Template = api.get(BLANK).await;
    assert_eq!(after.memory, before.memory);
    api.refused(
        Method::POST,
        "templates",
        "<template><name>t</name></template>",
        501,
    )
    .await;
    api.refused(Method::DELETE, BLANK, "", 501).await;
    api.gone("templates/00000000-0000-0000-0000-0000000000ff")
        .await;
}
