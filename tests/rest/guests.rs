//! What guests tell, what devices do, histories and machines of somebody else's, as clients see
//! them; with the hostile texts that a guest may send.

use api::types::{
    Action, Application, Disk, HostNic, Nic, ReportedDevice, Session, Statistic, Vm, VmStatus,
};
use http::Method;
use manager::host::foreign::ForeignDomain;
use manager::host::guest::{GuestAddress, GuestInterface, GuestOs, GuestReport, GuestUser};
use manager::host::{
    Chipset, DiskSample, InterfaceCounters, InterfaceSample, NicSample, Statistics,
};
use manager::model::{DiskId, NicId, Role, VmId};
use tests::site::TestSite;

use super::{Api, admin};

const FOREIGN: &str = "00000000-0000-0000-0000-00000000f00d";

/// A running VM with an interface, whose guest tells this.
async fn told(site: &TestSite, api: &Api) -> (VmId, Nic) {
    let vm = site.vm("web1").await;
    let nic = Nic {
        name: Some("nic1".into()),
        ..Nic::default()
    };
    let nic = api.add(&format!("vms/{vm}/nics"), &nic).await;
    api.act(&format!("vms/{vm}/start"), &Action::default())
        .await;
    site.until(|inventory| {
        let up = manager::model::VmStatus::Up;
        inventory.vms.get(&vm).is_some_and(|vm| vm.run.status == up)
    })
    .await;
    let own = site.manager().inventory().vms.get(&vm).unwrap().nics[0].mac;
    let report = GuestReport {
        agent_version: Some("7.2".to_owned()),
        host_name: Some("<svg/onload=alert(1)>".to_owned()),
        os: Some(GuestOs {
            id: "debian".to_owned(),
            name: "Debian & Co".to_owned(),
            version: "12".to_owned(),
            kernel: "6.1.0-18-amd64".to_owned(),
            machine: "x86_64".to_owned(),
            ..GuestOs::default()
        }),
        interfaces: vec![GuestInterface {
            name: "eth0".to_owned(),
            mac: Some(own.0),
            addresses: vec![GuestAddress {
                address: "2001:db8::5".parse().unwrap(),
                prefix: 64,
            }],
        }],
        users: vec![GuestUser {
            name: "ada".to_owned(),
            domain: Some("CORP".to_owned()),
            since: 1,
        }],
        ..GuestReport::default()
    };
    site.host.set_guest(vm.0, Some(report));
    site.until(|inventory| inventory.guests.contains_key(&vm))
        .await;
    (vm, nic)
}

#[tokio::test]
async fn a_vm_shows_what_its_guest_tells_and_takes_orders_for_it() {
    let (site, api) = admin().await;
    let (vm, nic) = told(&site, &api).await;
    let shown: Vm = api.get(&format!("vms/{vm}")).await;
    assert_eq!(shown.fqdn.as_deref(), Some("<svg/onload=alert(1)>"));
    let os = shown.guest_operating_system.unwrap();
    assert_eq!(os.distribution.as_deref(), Some("Debian & Co"));
    assert_eq!(os.family.as_deref(), Some("Linux"));
    assert!(os.kernel.is_some() && os.version.is_some());
    let devices: Vec<ReportedDevice> = api.list(&format!("vms/{vm}/reporteddevices")).await;
    let address = devices[0].ips.as_ref().unwrap()[0].address.clone();
    assert_eq!(address.as_deref(), Some("2001:db8::5"));
    let own = format!("vms/{vm}/nics/{}/reporteddevices", nic.id.as_ref().unwrap());
    let own: Vec<ReportedDevice> = api.list(&own).await;
    assert_eq!(own[0].name.as_deref(), Some("eth0"));
    let one = format!(
        "vms/{vm}/reporteddevices/{}",
        devices[0].id.as_ref().unwrap()
    );
    assert_eq!(api.get::<ReportedDevice>(&one).await.name, devices[0].name);
    let sessions: Vec<Session> = api.list(&format!("vms/{vm}/sessions")).await;
    let user = sessions[0].user.as_ref().unwrap();
    assert_eq!(user.user_name.as_deref(), Some("ada@CORP"));
    let applications: Vec<Application> = api.list(&format!("vms/{vm}/applications")).await;
    let names: Vec<_> = applications
        .iter()
        .filter_map(|it| it.name.as_deref())
        .collect();
    assert_eq!(names, ["kernel-6.1.0-18-amd64", "qemu-guest-agent-7.2"]);
    let found: Vec<Vm> = api.list("vms?search=ip%3D2001*").await;
    assert_eq!(found.len(), 1);
    api.act(&format!("vms/{vm}/freezefilesystems"), &Action::default())
        .await;
    site.until(|inventory| inventory.operations.is_empty())
        .await;
    assert!(site.host.frozen(vm.0));
    api.act(&format!("vms/{vm}/thawfilesystems"), &Action::default())
        .await;
    site.until(|inventory| inventory.operations.is_empty())
        .await;
    assert!(!site.host.frozen(vm.0));
    let silent = site.running_vm("silent").await;
    let refused = format!("vms/{silent}/freezefilesystems");
    api.refused(Method::POST, &refused, "<action/>", 409).await;
    let none: Vec<ReportedDevice> = api.list(&format!("vms/{silent}/reporteddevices")).await;
    assert!(none.is_empty());
}

fn names(statistics: &[Statistic]) -> Vec<&str> {
    statistics
        .iter()
        .filter_map(|it| it.name.as_deref())
        .collect()
}

fn datum(statistics: &[Statistic], name: &str) -> Option<f64> {
    let it = statistics
        .iter()
        .find(|it| it.name.as_deref() == Some(name))?;
    it.values.as_ref()?[0].datum
}

#[tokio::test]
async fn devices_have_figures_under_ovirts_names_and_histories_for_who_sees_them() {
    let (site, api) = admin().await;
    let (vm, nic) = told(&site, &api).await;
    let id: NicId = nic.id.as_ref().unwrap().parse().unwrap();
    let disk = api.add("disks", &new_disk(&api).await).await;
    let disk_id: DiskId = disk.id.as_ref().unwrap().parse().unwrap();
    for seconds in [0u64, 2] {
        let at = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let mut figures = Statistics::at(at);
        let counters = InterfaceCounters {
            received_bytes: 1000 * seconds,
            received_errors: 3,
            ..InterfaceCounters::default()
        };
        figures.disks = vec![DiskSample {
            domain: vm.0,
            disk: disk_id.0,
            written_bytes: 4096 * seconds,
            writes: seconds,
            write_ns: 2_000_000 * seconds,
            ..DiskSample::default()
        }];
        figures.nics = vec![NicSample {
            domain: vm.0,
            nic: id.0,
            counters,
        }];
        figures.interfaces = vec![InterfaceSample {
            name: "eth0".to_owned(),
            mac: Some([2, 0, 0, 0, 0, 1]),
            up: true,
            counters,
            ..InterfaceSample::default()
        }];
        site.host.report_figures(figures);
        let wanted = if seconds == 0 { 0.0 } else { 1000.0 };
        site.until(|inventory| {
            let figures = inventory.nic_statistics.get(&id);
            figures.is_some_and(|it| it.receive == wanted)
        })
        .await;
    }
    let of_nic: Vec<Statistic> = api.list(&format!("vms/{vm}/nics/{id}/statistics")).await;
    assert_eq!(datum(&of_nic, "data.current.rx"), Some(1000.0));
    assert_eq!(datum(&of_nic, "data.current.rx.bps"), Some(8000.0));
    assert_eq!(datum(&of_nic, "errors.total.rx"), Some(3.0));
    assert_eq!(datum(&of_nic, "data.total.rx"), Some(2000.0));
    let of_disk: Vec<Statistic> = api.list(&format!("disks/{disk_id}/statistics")).await;
    assert_eq!(datum(&of_disk, "data.current.write"), Some(4096.0));
    assert_eq!(datum(&of_disk, "disk.write.latency"), Some(0.002));
    assert!(names(&of_disk).contains(&"disk.flush.latency"));
    let hosts: Vec<api::types::Host> = api.list("hosts").await;
    let host = hosts[0].id.clone().unwrap();
    let interfaces: Vec<HostNic> = api.list(&format!("hosts/{host}/nics")).await;
    assert_eq!(interfaces[0].name.as_deref(), Some("eth0"));
    let base = format!("hosts/{host}/nics/{}", interfaces[0].id.as_ref().unwrap());
    let figures: Vec<Statistic> = api.list(&format!("{base}/statistics")).await;
    assert_eq!(datum(&figures, "data.current.rx"), Some(1000.0));
    let of_host: Vec<Statistic> = api.list(&format!("hosts/{host}/statistics")).await;
    for name in [
        "swap.used",
        "cpu.load.avg.5m",
        "boot.time",
        "ksm.cpu.current",
    ] {
        assert!(names(&of_host).contains(&name), "{name}");
    }
    // Histories are the portals' own.
    let portal = site.admin().await;
    for path in [
        format!("disks/{disk_id}"),
        format!("nics/{id}"),
        format!("hosts/{host}"),
        format!("hosts/{host}/nics/eth0"),
    ] {
        let chart = portal
            .get(&format!("/saffron/history/{path}?range=live"))
            .await;
        let chart = chart.expect(200).json();
        assert_eq!(chart["step"], 2000, "{path}: {chart}");
    }
    let table = format!("/saffron/history/disks/{disk_id}?format=csv");
    let table = portal.get(&table).await.expect(200);
    assert!(
        table
            .header("content-disposition")
            .starts_with("attachment")
    );
    for (path, status) in [
        (format!("disks/{disk_id}?range=ever"), 400),
        (format!("disks/{disk_id}?from=9&to=1"), 400),
        (format!("vms/{disk_id}"), 404),
        ("clocks/1".to_owned(), 404),
    ] {
        let refused = portal.get(&format!("/saffron/history/{path}")).await;
        assert_eq!(refused.status, status, "{path}");
    }
    site.person("eve", Role::USER_ROLE, site.vm("hers").await.into())
        .await;
    let eve = site.login("eve@internal", tests::site::PASSWORD).await;
    let refused = eve.get(&format!("/saffron/history/vms/{vm}")).await;
    assert_eq!(refused.status, 404);
    let stranger = site
        .stranger()
        .get(&format!("/saffron/history/vms/{vm}"))
        .await;
    assert_eq!(stranger.status, 401);
}

async fn new_disk(api: &Api) -> Disk {
    let domains: Vec<api::types::StorageDomain> = api.list("storagedomains").await;
    Disk {
        name: Some("data1".into()),
        provisioned_size: Some(1 << 30),
        format: Some(api::types::DiskFormat::Cow),
        storage_domains: Some(
            vec![api::types::StorageDomain {
                id: domains[0].id.clone(),
                ..Default::default()
            }]
            .into(),
        ),
        ..Disk::default()
    }
}

#[tokio::test]
async fn somebody_elses_machine_is_listed_as_external_and_adopted() {
    let (site, api) = admin().await;
    let vm = site.running_vm("web1").await;
    let id: VmId = FOREIGN.parse().unwrap();
    let foreign = ForeignDomain {
        topology: (1, 1, 1),
        chipset: Chipset::I440fx,
        sound: false,
        disks: Vec::new(),
        nics: Vec::new(),
        refusals: Vec::new(),
        notes: Vec::new(),
    };
    site.host.add_foreign(vm.0, id.0, foreign);
    site.until(|inventory| inventory.externals.contains_key(&id))
        .await;
    let found: Vec<Vm> = api.list("vms?search=name%3Dexternal-*").await;
    let external = &found[0];
    assert_eq!(external.name.as_deref(), Some("external-f00d"));
    assert_eq!(external.origin.as_deref(), Some("external"));
    assert_eq!(external.status, Some(VmStatus::Up));
    let at = format!("vms/{FOREIGN}");
    for action in ["stop", "shutdown", "suspend"] {
        let path = format!("{at}/{action}");
        let said = api.refused(Method::POST, &path, "<action/>", 409).await;
        assert!(said.contains("adopt it first"), "{said}");
    }
    api.refused(Method::DELETE, &at, "", 409).await;
    api.refused(Method::POST, &format!("vms/{vm}/adopt"), "<action/>", 409)
        .await;
    let action = Action {
        vm: Some(
            Vm {
                name: Some("legacy".into()),
                ..Vm::default()
            }
            .into(),
        ),
        ..Action::default()
    };
    api.act(&format!("{at}/adopt"), &action).await;
    site.until(|inventory| {
        inventory
            .vms
            .get(&id)
            .is_some_and(|vm| vm.external.is_none())
    })
    .await;
    let ours: Vm = api.get(&at).await;
    assert_eq!(ours.name.as_deref(), Some("legacy"));
    assert_eq!(ours.origin.as_deref(), Some("kvm"));
    assert_eq!(ours.status, Some(VmStatus::Up));
}
