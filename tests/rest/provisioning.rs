//! First-boot settings, Run Once, watchdogs, pinning, and what a running VM takes over.

use api::types::{VirtualNumaNode, Vm, Watchdog};
use http::Method;
use manager::model::{VmId, VmStatus};
use tests::site::TestSite;

use super::{Api, admin, new_vm, read};

const PASSWORD: &str = "correct horse battery";

const SETTINGS: &str = "<vm><initialization>\
    <host_name>web1.example.org</host_name>\
    <root_password>correct horse battery</root_password>\
    <authorized_ssh_keys>ssh-ed25519 AAAA ada</authorized_ssh_keys>\
    <cloud_init_network_protocol>eni</cloud_init_network_protocol>\
    <nic_configurations><nic_configuration><name>eth0</name><on_boot>true</on_boot>\
    <boot_protocol>static</boot_protocol>\
    <ip><address>192.0.2.10</address><netmask>255.255.255.0</netmask></ip>\
    <ipv6_boot_protocol>autoconf</ipv6_boot_protocol></nic_configuration></nic_configurations>\
    </initialization></vm>";

async fn vm(api: &Api, name: &str) -> String {
    let added = api.add("vms", &new_vm(name)).await;
    format!("vms/{}", added.id.expect("an id"))
}

async fn put(api: &Api, path: &str, body: &str) -> Vm {
    read(&api.send(Method::PUT, path, body).await.expect(200))
}

async fn start(site: &TestSite, api: &Api, path: &str, action: &str) {
    api.send(Method::POST, &format!("{path}/start"), action)
        .await
        .expect(200);
    let id: VmId = path["vms/".len()..].parse().expect("an id");
    site.until(|inventory| {
        inventory
            .vms
            .get(&id)
            .is_some_and(|vm| vm.run.status == VmStatus::Up)
            && inventory.operations.is_empty()
    })
    .await;
}

#[tokio::test]
async fn first_boot_settings_come_back_as_they_were_sent_but_for_what_is_secret() {
    let (_site, api) = admin().await;
    let path = vm(&api, "web1").await;
    put(&api, &path, SETTINGS).await;
    let answer = api
        .send(Method::GET, &format!("{path}?all_content=true"), "")
        .await;
    assert!(!answer.text().contains(PASSWORD), "{}", answer.text());
    let shown: Vm = read(&answer);
    let settings = shown.initialization.expect("settings");
    assert_eq!(settings.host_name.as_deref(), Some("web1.example.org"));
    assert_eq!(settings.root_password, None);
    assert_eq!(
        settings.cloud_init_network_protocol.map(|it| it.as_str()),
        Some("eni")
    );
    let nics = settings.nic_configurations.as_ref().expect("interfaces");
    let nic = nics.iter().next().expect("one");
    assert_eq!(nic.name.as_deref(), Some("eth0"));
    assert_eq!(nic.boot_protocol.map(|it| it.as_str()), Some("static"));
    assert_eq!(
        nic.ip.as_ref().and_then(|ip| ip.address.clone()),
        Some("192.0.2.10".to_owned())
    );
    assert_eq!(
        nic.ipv6_boot_protocol.map(|it| it.as_str()),
        Some("autoconf")
    );
    // What is not said stays, and an empty text takes away.
    let more = "<vm><initialization><timezone>Etc/GMT</timezone>\
        <authorized_ssh_keys></authorized_ssh_keys></initialization></vm>";
    let settings = put(&api, &path, more)
        .await
        .initialization
        .expect("settings");
    assert_eq!(settings.host_name.as_deref(), Some("web1.example.org"));
    assert_eq!(settings.timezone.as_deref(), Some("Etc/GMT"));
    assert_eq!(settings.authorized_ssh_keys, None);
    let wrong = "<vm><initialization><nic_configurations><nic_configuration><name>eth0</name>\
        <boot_protocol>static</boot_protocol><ip><address>1.2.3</address></ip>\
        </nic_configuration></nic_configurations></initialization></vm>";
    let fault = api.refused(Method::PUT, &path, wrong, 400).await;
    assert!(fault.contains("address"), "{fault}");
}

#[tokio::test]
async fn a_start_with_cloud_init_gives_the_guest_its_settings() {
    let (site, api) = admin().await;
    let path = vm(&api, "web1").await;
    let action = "<action><use_cloud_init>true</use_cloud_init><vm><initialization>\
        <host_name>once.example.org</host_name></initialization></vm></action>";
    start(&site, &api, &path, action).await;
    let shown: Vm = api.get(&path).await;
    assert_eq!(shown.run_once, Some(true));
    assert_eq!(shown.next_run_configuration_exists, Some(false));
    assert!(
        shown.initialization.is_none(),
        "it was for this start alone"
    );
    let id: VmId = path["vms/".len()..].parse().expect("an id");
    let spec = site.host.spec(id.0).expect("runs");
    assert!(spec.machine.payload.is_some_and(|payload| !payload.floppy));
    api.send(Method::POST, &format!("{path}/stop"), "<action/>")
        .await
        .expect(200);
    site.until(|inventory| {
        inventory
            .vms
            .get(&id)
            .is_some_and(|vm| vm.run.status == VmStatus::Down)
            && inventory.operations.is_empty()
    })
    .await;
    let shown: Vm = api.get(&path).await;
    assert_eq!(shown.run_once, Some(false));
}

#[tokio::test]
async fn run_once_holds_for_one_run_and_what_is_configured_is_shown() {
    let (site, api) = admin().await;
    let path = vm(&api, "web1").await;
    let action = "<action><pause>false</pause><vm><bios><boot_menu><enabled>true</enabled></boot_menu></bios>\
        <display><type>vnc</type></display><os><boot><devices><device>network</device></devices></boot></os></vm></action>";
    start(&site, &api, &path, action).await;
    let id: VmId = path["vms/".len()..].parse().expect("an id");
    let spec = site.host.spec(id.0).expect("runs");
    assert!(spec.boot.menu);
    assert_eq!(spec.boot.order, [manager::host::BootDevice::Network]);
    assert!(
        spec.display
            .is_some_and(|display| display.vnc && !display.spice)
    );
    let shown: Vm = api.get(&path).await;
    assert_eq!(shown.run_once, Some(true));
    let display = shown.display.expect("a display");
    assert_eq!(display.type_.map(|it| it.as_str()), Some("spice"));
    // The portals' own console has nothing to speak to, and says so.
    let client = site.admin().await;
    let refused = client
        .post(
            &format!("/saffron/vms/{id}/console"),
            &serde_json::json!({}),
        )
        .await;
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("VNC"), "{}", refused.text());
}

#[tokio::test]
async fn a_watchdog_is_added_changed_and_removed() {
    let (_site, api) = admin().await;
    let path = format!("{}/watchdogs", vm(&api, "web1").await);
    assert!(api.list::<Watchdog>(&path).await.is_empty());
    let body = "<watchdog><model>i6300esb</model><action>reset</action></watchdog>";
    let made: Watchdog = read(&api.send(Method::POST, &path, body).await.expect(201));
    let item = format!("{path}/{}", made.id.expect("an id"));
    let fault = api.refused(Method::POST, &path, body, 409).await;
    assert!(fault.contains("only one"), "{fault}");
    let body = "<watchdog><action>poweroff</action></watchdog>";
    let changed: Watchdog = read(&api.send(Method::PUT, &item, body).await.expect(200));
    assert_eq!(changed.action.map(|it| it.as_str()), Some("poweroff"));
    let shown: Watchdog = api.get(&item).await;
    assert_eq!(shown.model.map(|it| it.as_str()), Some("i6300esb"));
    let incomplete = "<watchdog><model>i6300esb</model></watchdog>";
    let fault = api.refused(Method::POST, &path, incomplete, 400).await;
    assert!(fault.contains("action"), "{fault}");
    api.delete(&item).await;
    api.gone(&item).await;
}

#[tokio::test]
async fn processors_are_pinned_and_the_pins_are_shown() {
    let (_site, api) = admin().await;
    let path = vm(&api, "web1").await;
    let body = "<vm><cpu><cpu_tune><vcpu_pins><vcpu_pin><vcpu>0</vcpu><cpu_set>0-1,^1</cpu_set>\
        </vcpu_pin></vcpu_pins></cpu_tune></cpu></vm>";
    put(&api, &path, body).await;
    let shown: Vm = api.get(&path).await;
    let cpu = shown.cpu.expect("processors");
    let tune = cpu.cpu_tune.as_ref().expect("pins");
    let pins = tune.vcpu_pins.as_ref().expect("pins");
    let pin = pins.iter().next().expect("one");
    assert_eq!(
        (pin.vcpu, pin.cpu_set.as_deref()),
        (Some(0), Some("0-1,^1"))
    );
    let wrong = body.replace("0-1,^1", "0;reboot");
    api.refused(Method::PUT, &path, &wrong, 400).await;
}

#[tokio::test]
async fn a_running_vm_takes_sockets_over_and_the_rest_waits() {
    let (site, api) = admin().await;
    let path = vm(&api, "web1").await;
    start(&site, &api, &path, "<action/>").await;
    let body = "<vm><cpu><topology><sockets>4</sockets></topology></cpu></vm>";
    let shown = put(&api, &path, body).await;
    let sockets = |vm: &Vm| {
        let cpu = vm.cpu.as_ref().expect("processors");
        cpu.topology.as_ref().and_then(|topology| topology.sockets)
    };
    assert_eq!(sockets(&shown), Some(4));
    assert_eq!(shown.next_run_configuration_exists, Some(false));
    let body = "<vm><cpu><topology><sockets>2</sockets></topology></cpu></vm>";
    let shown = put(&api, &format!("{path}?next_run=true"), body).await;
    assert_eq!(shown.next_run_configuration_exists, Some(true));
    let now: Vm = api.get(&path).await;
    let next: Vm = api.get(&format!("{path}?next_run=true")).await;
    assert_eq!((sockets(&now), sockets(&next)), (Some(4), Some(2)));
}

#[tokio::test]
async fn a_dialog_sees_what_the_guest_would_be_told() {
    let (site, _api) = admin().await;
    let client = site.admin().await;
    let ask = async |body: serde_json::Value| client.post("/saffron/first-boot", &body).await;
    let linux = ask(serde_json::json!({
        "name": "web1",
        "os": {"type": "debian_9"},
        "initialization": {"timezone": "Europe/Prague", "root_password": PASSWORD},
    }))
    .await;
    assert_eq!(linux.status, 200, "{}", linux.text());
    let told = linux.json();
    assert_eq!(told["reader"], "cloud_init");
    let user_data = told["files"][1]["content"].as_str().expect("text");
    assert!(
        user_data.contains("timezone: \"Europe/Prague\""),
        "{user_data}"
    );
    assert!(!user_data.contains(PASSWORD));
    let windows = ask(serde_json::json!({"name": "w", "os": {"type": "windows_xp"}})).await;
    assert_eq!(windows.json()["files"][0]["name"], "sysprep.inf");
    let wrong = ask(serde_json::json!({"initialization": {"host_name": "a\nb"}})).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text());
    let stranger = site.stranger();
    let refused = stranger
        .post("/saffron/first-boot", &serde_json::json!({}))
        .await;
    assert_eq!(refused.status, 401);
}

#[tokio::test]
async fn memory_is_parted_into_nodes_with_their_processors() {
    let (site, api) = admin().await;
    let path = vm(&api, "web1").await;
    put(
        &api,
        &path,
        "<vm><cpu><topology><sockets>4</sockets></topology></cpu></vm>",
    )
    .await;
    let nodes = format!("{path}/numanodes");
    let body = |index: u32, cores: [u32; 2]| {
        format!(
            "<vm_numa_node><index>{index}</index><memory>512</memory><cpu><cores>\
             <core><index>{}</index></core><core><index>{}</index></core></cores></cpu>\
             <numa_tune_mode>preferred</numa_tune_mode><numa_node_pins><numa_node_pin>\
             <index>0</index></numa_node_pin></numa_node_pins></vm_numa_node>",
            cores[0], cores[1]
        )
    };
    let mut made = Vec::new();
    for (index, cores) in [(0, [0, 1]), (1, [2, 3])] {
        let node: VirtualNumaNode = read(
            &api.send(Method::POST, &nodes, &body(index, cores))
                .await
                .expect(201),
        );
        made.push(node.id.expect("an id"));
    }
    assert_ne!(made[0], made[1]);
    let third = api
        .refused(Method::POST, &nodes, &body(2, [0, 1]), 409)
        .await;
    assert!(third.contains("memory"), "{third}");
    let shown = api.list::<VirtualNumaNode>(&nodes).await;
    let indices: Vec<_> = shown.iter().map(|node| node.index).collect();
    assert_eq!(indices, [Some(0), Some(1)]);
    start(&site, &api, &path, "<action/>").await;
    let id: VmId = path["vms/".len()..].parse().expect("an id");
    let numa = site.host.spec(id.0).expect("runs").machine.numa;
    assert_eq!(numa.len(), 2);
    assert_eq!(
        (&numa[1].cpus[..], &numa[1].host_nodes[..], numa[1].mode),
        (&[2, 3][..], &[0][..], "preferred")
    );
    // From the highest number down, as they must be removed.
    for node in made.iter().rev() {
        api.delete(&format!("{nodes}/{node}")).await;
    }
    assert!(api.list::<VirtualNumaNode>(&nodes).await.is_empty());
}
