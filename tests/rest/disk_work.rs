//! Disks moved, thinned out and reduced; storage domains made for it; machines out of archives and
//! into them.

use api::types::{
    Action, Disk, DiskFormat, ExternalVmImport, ExternalVmProviderType, HostStorage, Job,
    StorageDomain, StorageDomainStatus, StorageDomainType, StorageType, Vm,
};
use http::Method;
use manager::host::DiskWork as _;
use tests::site::TestSite;

use super::disks::{new_disk, ready};
use super::{Api, admin, named};

fn domain(name: &str) -> StorageDomain {
    StorageDomain {
        name: Some(name.into()),
        type_: Some(StorageDomainType::Data),
        host: named!(Host, "host1"),
        storage: Some(
            HostStorage {
                type_: Some(StorageType::Localfs),
                ..HostStorage::default()
            }
            .into(),
        ),
        ..StorageDomain::default()
    }
}

async fn second(site: &TestSite, api: &Api) -> String {
    let hosts: Vec<api::types::Host> = api.list("hosts").await;
    let host = hosts[0].name.clone().unwrap();
    let wanted = StorageDomain {
        host: named!(Host, host),
        ..domain("second")
    };
    let added = api.add("storagedomains", &wanted).await;
    site.until(|inventory| {
        inventory
            .storage_domains
            .iter()
            .all(|it| it.status.as_str() == "active")
    })
    .await;
    added.id.unwrap()
}

async fn idle(site: &TestSite) {
    site.until(|inventory| inventory.operations.is_empty())
        .await;
}

#[tokio::test]
async fn a_storage_domain_is_made_used_emptied_and_removed() {
    let (site, api) = admin().await;
    let id = second(&site, &api).await;
    let path = format!("storagedomains/{id}");
    let made: StorageDomain = api.get(&path).await;
    assert_eq!(made.type_, Some(StorageDomainType::Data));
    let centers: Vec<api::types::DataCenter> = api.list("datacenters").await;
    let center = centers[0].id.clone().unwrap();
    // As clients do, who attach and activate what they have made.
    let attached = format!("datacenters/{center}/storagedomains");
    let reference = StorageDomain {
        id: Some(id.clone()),
        ..StorageDomain::default()
    };
    let there = api.add(&attached, &reference).await;
    assert_eq!(there.status, Some(StorageDomainStatus::Active));
    api.act(&format!("{attached}/{id}/activate"), &Action::default())
        .await;

    let disk = ready(&site, &api, &new_disk("d1")).await;
    let action = Action {
        storage_domain: named!(StorageDomain, "second"),
        ..Action::default()
    };
    let answer = api.act(&format!("disks/{disk}/move"), &action).await;
    let job = answer.job.unwrap().id.clone().unwrap();
    idle(&site).await;
    let moved: Disk = api.get(&format!("disks/{disk}")).await;
    assert_eq!(
        moved.storage_domains.unwrap()[0].id.as_deref(),
        Some(id.as_str())
    );
    let job: Job = api.get(&format!("jobs/{job}")).await;
    assert!(job.description.unwrap().starts_with("Moving Disk d1"));
    let inside: Vec<Disk> = api.list(&format!("{path}/disks")).await;
    assert_eq!(inside.len(), 1);
    let fault = api.refused(Method::DELETE, &path, "", 409).await;
    assert!(fault.contains("There are disks in it"), "{fault}");
    let same = "<action><storage_domain><name>second</name></storage_domain></action>";
    let fault = api
        .refused(Method::POST, &format!("disks/{disk}/move"), same, 409)
        .await;
    assert!(fault.contains("must be different"), "{fault}");
    let nowhere = api
        .refused(
            Method::POST,
            &format!("disks/{disk}/move"),
            "<action/>",
            400,
        )
        .await;
    assert!(nowhere.contains("storage_domain.id|name"), "{nowhere}");
    // The same through the domain.
    let back = Action {
        storage_domain: named!(StorageDomain, "data"),
        ..Action::default()
    };
    api.act(&format!("{path}/disks/{disk}/move"), &back).await;
    idle(&site).await;
    for action in ["sparsify", "reduce"] {
        api.act(&format!("disks/{disk}/{action}"), &Action::default())
            .await;
        idle(&site).await;
    }
    let convert = Action {
        disk: Some(
            Disk {
                format: Some(DiskFormat::Raw),
                ..Disk::default()
            }
            .into(),
        ),
        ..Action::default()
    };
    api.act(&format!("disks/{disk}/convert"), &convert).await;
    idle(&site).await;
    let converted: Disk = api.get(&format!("disks/{disk}")).await;
    assert_eq!(converted.format, Some(DiskFormat::Raw));
    let same = "<action><disk><format>raw</format></disk></action>";
    let convert = format!("disks/{disk}/convert");
    let fault = api.refused(Method::POST, &convert, same, 409).await;
    assert!(fault.contains("written so already"), "{fault}");
    api.refused(Method::POST, &convert, "<action/>", 400).await;
    api.delete(&path).await;
    api.gone(&path).await;
}

#[tokio::test]
async fn a_storage_domain_at_a_path_of_the_callers_choice_is_refused() {
    let (_site, api) = admin().await;
    let hosts: Vec<api::types::Host> = api.list("hosts").await;
    let host = hosts[0].name.clone().unwrap();
    let body = |storage: &str| {
        format!(
            "<storage_domain><name>x</name><type>data</type><host><name>{host}</name></host><storage>{storage}</storage></storage_domain>"
        )
    };
    for path in ["/etc", "/", "/tmp/../etc"] {
        let storage = format!("<type>localfs</type><path>{path}</path>");
        let fault = api
            .refused(Method::POST, "storagedomains", &body(&storage), 409)
            .await;
        assert!(fault.contains("lie in"), "{fault}");
    }
    let nfs = "<type>nfs</type><address>a</address><path>/x</path>";
    let answer = api.send(Method::POST, "storagedomains", &body(nfs)).await;
    assert!(answer.status >= 400, "{}", answer.text());
    let fault = api
        .refused(Method::POST, "storagedomains", "<storage_domain/>", 400)
        .await;
    assert!(fault.contains("StorageDomain [name"), "{fault}");
}

/// An archive with a machine of one empty disk.
fn archive() -> Vec<u8> {
    use manager::image::archive::file_header;
    use manager::image::ovf::{Appliance, Bus, ExportDisk};
    let mut qcow2 = vec![0u8; 4 * 65536];
    let mut set = |at: usize, value: &[u8]| qcow2[at..at + value.len()].copy_from_slice(value);
    set(0, b"QFI\xfb");
    set(4, &3u32.to_be_bytes());
    set(20, &16u32.to_be_bytes());
    set(24, &(1u64 << 30).to_be_bytes());
    set(36, &2u32.to_be_bytes());
    set(40, &(3u64 * 65536).to_be_bytes());
    set(48, &65536u64.to_be_bytes());
    set(56, &1u32.to_be_bytes());
    set(96, &4u32.to_be_bytes());
    set(100, &104u32.to_be_bytes());
    let disk = ExportDisk {
        id: "one".into(),
        file: "disk".into(),
        file_bytes: qcow2.len() as u64,
        capacity: 1 << 30,
        alias: "system".into(),
        bus: Bus::Virtio,
        boot: true,
    };
    let text = Appliance {
        name: "appliance".into(),
        memory: 512 << 20,
        cpus: (1, 1, 1),
        ..Appliance::default()
    }
    .write("x", &[disk], "none");
    let mut bytes = Vec::new();
    for (name, content) in [("vm.ovf", text.as_bytes()), ("disk", &qcow2)] {
        bytes.extend_from_slice(&file_header(name, content.len() as u64, 0).unwrap());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.extend_from_slice(&[0; 1024]);
    bytes
}

#[tokio::test]
async fn a_machine_comes_out_of_an_archive_and_goes_into_one() {
    let (site, api) = admin().await;
    let folder = site.host.ova_folder();
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("a.ova"), archive()).unwrap();
    let import = ExternalVmImport {
        name: Some("imported".into()),
        provider: Some(ExternalVmProviderType::Kvm),
        url: Some(format!("ova://{}/a.ova", folder.display())),
        cluster: named!(Cluster, "Default"),
        storage_domain: named!(StorageDomain, "data"),
        sparse: Some(true),
        ..ExternalVmImport::default()
    };
    let made = api.add("externalvmimports", &import).await;
    let id = made.vm.unwrap().id.clone().unwrap();
    idle(&site).await;
    let vm: Vm = api.get(&format!("vms/{id}")).await;
    assert_eq!(vm.name.as_deref(), Some("imported"));
    assert_eq!(vm.memory, Some(512 << 20));
    let attachments: Vec<api::types::DiskAttachment> =
        api.list(&format!("vms/{id}/diskattachments")).await;
    assert_eq!(attachments.len(), 1);

    for (url, status) in [
        ("ova:///etc/passwd", 409),
        ("ova://../../a.ova", 409),
        ("file:///etc/passwd", 500),
        ("vpx://x", 500),
    ] {
        let body = format!(
            "<external_vm_import><name>n</name><provider>kvm</provider><url>{url}</url><cluster><name>Default</name></cluster></external_vm_import>"
        );
        let answer = api.send(Method::POST, "externalvmimports", &body).await;
        let wanted = if status == 500 { 400..=501 } else { 409..=409 };
        assert!(wanted.contains(&answer.status), "{url}: {}", answer.text());
    }

    let hosts: Vec<api::types::Host> = api.list("hosts").await;
    let host = hosts[0].name.clone().unwrap();
    let action = Action {
        host: named!(Host, host.clone()),
        directory: Some(folder.display().to_string()),
        filename: Some("b.ova".into()),
        ..Action::default()
    };
    let answer = api.act(&format!("vms/{id}/export"), &action).await;
    assert!(answer.job.is_some());
    idle(&site).await;
    assert!(folder.join("b.ova").exists());
    let elsewhere = format!(
        "<action><host><name>{host}</name></host><directory>/tmp</directory><filename>c.ova</filename></action>"
    );
    let fault = api
        .refused(Method::POST, &format!("vms/{id}/export"), &elsewhere, 409)
        .await;
    assert!(fault.contains(&folder.display().to_string()), "{fault}");
    let fault = api
        .refused(Method::POST, &format!("vms/{id}/export"), "<action/>", 400)
        .await;
    assert!(fault.contains("host.id|name"), "{fault}");
}

#[tokio::test]
async fn a_machine_is_made_of_a_description_and_disks_that_were_uploaded() {
    use manager::image::ovf::{Appliance, Bus, ExportDisk};
    let (site, api) = admin().await;
    let disk = Disk {
        format: Some(DiskFormat::Cow),
        ..new_disk("up")
    };
    let disk = ready(&site, &api, &disk).await;
    let described = ExportDisk {
        id: disk.clone(),
        file: "f".into(),
        file_bytes: 1,
        capacity: 1 << 20,
        alias: "up".into(),
        bus: Bus::Scsi,
        boot: true,
    };
    let text = Appliance {
        name: "described".into(),
        memory: 512 << 20,
        cpus: (1, 1, 1),
        ..Appliance::default()
    }
    .write("x", &[described], "none");
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let body = format!(
        "<vm><cluster><name>Default</name></cluster><initialization><configuration><data>{escaped}</data><type>ova</type></configuration></initialization></vm>"
    );
    let answer = api.send(Method::POST, "vms", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let vm: Vm = super::read(&answer);
    assert_eq!(vm.name.as_deref(), Some("described"));
    let path = format!("vms/{}/diskattachments", vm.id.unwrap());
    let attachments: Vec<api::types::DiskAttachment> = api.list(&path).await;
    assert_eq!(attachments[0].id.as_deref(), Some(disk.as_str()));
}
