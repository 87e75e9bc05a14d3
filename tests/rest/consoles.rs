//! `/vms/{id}/graphicsconsoles` and `/vms/{id}/cdroms`

use api::types::{Action, Cdrom, DiskContentType, File, GraphicsConsole, GraphicsType};
use http::Method;

use super::disks::{new_disk, ready};
use super::{admin, new_vm};

const SPICE: &str = "7370696365";
const DRIVE: &str = "00000000-0000-0000-0000-000000000000";

#[tokio::test]
async fn a_running_vms_console_says_where_it_is() {
    let (site, api) = admin().await;
    let vm = site.vm("web1").await;
    let base = format!("vms/{vm}/graphicsconsoles");
    let consoles: Vec<GraphicsConsole> = api.list(&base).await;
    assert_eq!(consoles[0].id.as_deref(), Some(SPICE));
    assert!(consoles[0].address.is_none());
    let file = format!("{base}/{SPICE}/remoteviewerconnectionfile");
    let fault = api.refused(Method::POST, &file, "<action/>", 409).await;
    assert!(fault.contains("not running"), "{fault}");
    let running = site.running_vm("web2").await;
    let base = format!("vms/{running}/graphicsconsoles");
    let consoles: Vec<GraphicsConsole> = api.list(&format!("{base}?current=true")).await;
    assert!(
        consoles[0].address.is_some() && consoles[0].port.is_some(),
        "{consoles:?}"
    );
    let done = api
        .act(
            &format!("{base}/{SPICE}/remoteviewerconnectionfile"),
            &Action::default(),
        )
        .await;
    let file = done.remote_viewer_connection_file.unwrap();
    for line in [
        "[virt-viewer]",
        "type=spice",
        "title=web2:%d",
        "delete-this-file=1",
        "[ovirt]",
    ] {
        assert!(file.lines().any(|it| it == line), "{line} in {file}");
    }
    assert!(
        file.contains(&format!("vm-guid={running}")) && file.contains("sso-token="),
        "{file}"
    );
    let headers = [("accept", "application/x-virt-viewer")];
    let client = site.token("admin@internal").await;
    let path = format!("/ovirt-engine/api/{base}/{SPICE}");
    let answer = client
        .send(Method::GET, &path, &headers, "")
        .await
        .unwrap()
        .expect(200);
    assert!(
        answer
            .header("content-type")
            .starts_with("application/x-virt-viewer")
    );
    let ticket = api
        .act(&format!("{base}/{SPICE}/ticket"), &Action::default())
        .await
        .ticket
        .unwrap();
    assert!(ticket.value.as_ref().unwrap().len() >= 8 && ticket.expiry.unwrap() > 0);
    api.gone(&format!("{base}/ff")).await;
}

#[tokio::test]
async fn consoles_are_added_and_taken_away() {
    let (_site, api) = admin().await;
    let vm = api.add("vms", &new_vm("web1")).await.id.unwrap();
    let base = format!("vms/{vm}/graphicsconsoles");
    let vnc = GraphicsConsole {
        protocol: Some(GraphicsType::Vnc),
        ..GraphicsConsole::default()
    };
    let added = api.add(&base, &vnc).await;
    assert_eq!(added.id.as_deref(), Some("766e63"));
    assert_eq!(api.list::<GraphicsConsole>(&base).await.len(), 2);
    let again = "<graphics_console><protocol>vnc</protocol></graphics_console>";
    api.refused(Method::POST, &base, again, 409).await;
    let fault = api
        .refused(Method::POST, &base, "<graphics_console/>", 400)
        .await;
    assert_eq!(
        fault,
        "Incomplete parameters: GraphicsConsole [protocol] required for add"
    );
    api.delete(&format!("{base}/766e63")).await;
    assert_eq!(api.list::<GraphicsConsole>(&base).await.len(), 1);
    api.refused(Method::DELETE, &format!("{base}/766e63"), "", 404)
        .await;
}

#[tokio::test]
async fn a_cd_is_put_in_and_taken_out() {
    let (site, api) = admin().await;
    let vm = api.add("vms", &new_vm("web1")).await.id.unwrap();
    let iso = api::types::Disk {
        content_type: Some(DiskContentType::Iso),
        ..new_disk("a.iso")
    };
    let iso = ready(
        &site,
        &api,
        &api::types::Disk {
            format: None,
            ..iso
        },
    )
    .await;
    let path = format!("vms/{vm}/cdroms/{DRIVE}");
    assert!(api.get::<Cdrom>(&path).await.file.is_none());
    let with = |id: &str| Cdrom {
        file: Some(
            File {
                id: Some(id.into()),
                ..File::default()
            }
            .into(),
        ),
        ..Cdrom::default()
    };
    let changed = api.put(&path, &with(&iso)).await;
    assert_eq!(
        changed.file.as_ref().unwrap().id.as_deref(),
        Some(iso.as_str())
    );
    assert_eq!(
        api.list::<Cdrom>(&format!("vms/{vm}/cdroms")).await.len(),
        1
    );
    assert!(api.put(&path, &with("")).await.file.is_none());
    // By its name, as with an ISO domain.
    assert!(api.put(&path, &with("a.iso")).await.file.is_some());
    let unknown = "<cdrom><file id=\"b.iso\"/></cdrom>";
    api.refused(Method::PUT, &path, unknown, 404).await;
    let other = format!("vms/{vm}/cdroms/00000000-0000-0000-0000-0000000000ff");
    api.refused(Method::PUT, &other, "<cdrom/>", 404).await;
    api.refused(Method::POST, &format!("vms/{vm}/cdroms"), "<cdrom/>", 400)
        .await;
}
