//! Hosts for real: a libvirtd of the test's own with QEMU, and libvirt's test driver for what needs
//! neither. Needs root, libvirtd and QEMU; each test cleans up after itself.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use manager::host::libvirt::{LibvirtConfig, LibvirtHost};
use manager::host::{
    AccelerationKind, BootDevice, BootSpec, ClockSpec, CpuMode, CpuSpec, DiskInterface, DiskSpec,
    DisplayPassword, DisplaySpec, DomainSpec, DomainState, GraphicsPhase, GraphicsTarget,
    HostError, HostEvent, Hypervisor, MacAddress, NetworkKind, NetworkSpec, NicModel, NicNetwork,
    NicSpec, OffReason, PauseReason, Reachable, VideoModel, VolumeAccess, VolumeFormat, VolumeRef,
    VolumeSpec,
};
use tokio::sync::broadcast::Receiver;
use uuid::Uuid;

/// Long enough for a busy machine; a test that waits so long has failed.
const LIMIT: Duration = Duration::from_secs(60);

/// A libvirtd of the test's own, with its directory. Ended and removed when dropped.
struct Libvirtd {
    directory: PathBuf,
}

impl Libvirtd {
    fn start() -> Self {
        // Short, because the path of a UNIX socket is.
        let number = Uuid::new_v4().as_u128() & 0xffff_ffff;
        let libvirtd = Self {
            directory: PathBuf::from(format!("/tmp/sfh-{number:08x}")),
        };
        // Asking QEMU what it can do takes each new libvirtd ten seconds; the answer is the same,
        // and libvirt checks that it still applies.
        copy_files(&Self::shared_answers(), &libvirtd.answers());
        libvirtd.script("start");
        libvirtd
    }

    fn answers(&self) -> PathBuf {
        self.directory.join("cache/qemu/capabilities")
    }

    fn shared_answers() -> PathBuf {
        std::env::temp_dir().join("saffron-test-qemu-capabilities")
    }

    fn script(&self, action: &str) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/lab/libvirtd.sh");
        let output = Command::new("sh")
            .arg(script)
            .arg(action)
            .arg(&self.directory)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{action}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn virsh(&self, arguments: &[&str]) -> String {
        let uri = format!(
            "qemu+unix:///system?socket={}/run/libvirt-sock",
            self.directory.display()
        );
        let output = Command::new("virsh")
            .args(["-q", "-c", &uri])
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Sends a signal to the daemon itself.
    fn signal(&self, signal: &str) {
        let pid = std::fs::read_to_string(self.directory.join("run/libvirtd.pid")).unwrap();
        assert!(
            Command::new("kill")
                .args([signal, pid.trim()])
                .status()
                .unwrap()
                .success()
        );
    }

    fn host(&self) -> LibvirtHost {
        LibvirtHost::open(LibvirtConfig {
            uri: self.script("uri"),
            images: self.directory.join("images"),
            cache: Some(self.directory.clone()),
        })
    }
}

impl Drop for Libvirtd {
    fn drop(&mut self) {
        for network in self
            .virsh(&["net-list", "--name"])
            .lines()
            .filter(|n| !n.trim().is_empty())
        {
            self.virsh(&["net-destroy", network.trim()]);
        }
        self.script("purge");
        copy_files(&self.answers(), &Self::shared_answers());
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn copy_files(from: &Path, to: &Path) {
    let Ok(entries) = std::fs::read_dir(from) else {
        return;
    };
    std::fs::create_dir_all(to).unwrap();
    for entry in entries.flatten() {
        // Under another name first: other tests copy at the same time.
        let part = to.join(Uuid::new_v4().to_string());
        if std::fs::copy(entry.path(), &part).is_ok() {
            std::fs::rename(&part, to.join(entry.file_name())).unwrap();
        }
    }
}

/// A host of libvirt's test driver with a directory for images.
struct TestDriver {
    host: LibvirtHost,
    directory: PathBuf,
}

impl TestDriver {
    async fn open() -> Self {
        let directory = std::env::temp_dir().join(format!("sfh-test-{}", Uuid::new_v4()));
        std::fs::create_dir(&directory).unwrap();
        let host = LibvirtHost::open(LibvirtConfig {
            uri: "test:///default".to_owned(),
            images: directory.join("images"),
            cache: None,
        });
        connected(&host).await;
        Self { host, directory }
    }
}

impl Drop for TestDriver {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Waits until there is a connection.
async fn connected(host: &LibvirtHost) {
    let mut events = host.events();
    if host.reachable() != Reachable::Yes {
        wait(&mut events, "a connection", |e| {
            matches!(e, HostEvent::Connected).then_some(())
        })
        .await;
    }
}

/// Waits for the event in which `f` finds something.
async fn wait<T>(
    events: &mut Receiver<HostEvent>,
    what: &str,
    mut f: impl FnMut(&HostEvent) -> Option<T>,
) -> T {
    let found = async {
        loop {
            if let Some(found) = f(&events.recv().await.unwrap()) {
                return found;
            }
        }
    };
    tokio::time::timeout(LIMIT, found)
        .await
        .unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

async fn wait_for_state(events: &mut Receiver<HostEvent>, vm: Uuid, state: DomainState) {
    wait(events, &format!("{state:?}"), |event| match event {
        HostEvent::Domain { id, state: now } if *id == vm && *now == state => Some(()),
        _ => None,
    })
    .await;
}

const POOL: Uuid = Uuid::from_u128(0xd000_0000_0000_4000_8000_0000_0000_0001);
/// The domain that the test driver has.
const TEST_DOMAIN: Uuid = Uuid::from_u128(0x6695_eb01_f6a4_8304_79aa_97f2_502e_193f);

fn volume() -> VolumeRef {
    VolumeRef {
        storage_domain: POOL,
        volume: Uuid::new_v4(),
    }
}

fn volume_spec(format: VolumeFormat, virtual_bytes: u64) -> VolumeSpec {
    VolumeSpec {
        volume: volume(),
        format,
        virtual_bytes,
        sparse: true,
    }
}

fn disk(source: VolumeRef, format: VolumeFormat, interface: DiskInterface) -> DiskSpec {
    DiskSpec {
        disk: source.volume,
        source,
        format,
        interface,
        read_only: false,
        shareable: false,
        discard: false,
        bootable: true,
    }
}

fn nic(last: u8, network: NicNetwork) -> NicSpec {
    NicSpec {
        nic: Uuid::new_v4(),
        mac: MacAddress([0x56, 0x6f, 0x1a, 0x10, 0x20, last]),
        model: NicModel::Virtio,
        network,
        linked: true,
    }
}

/// A VM that finds nothing to boot from and stays at its firmware's message.
fn spec() -> DomainSpec {
    DomainSpec {
        vm: Uuid::new_v4(),
        run_epoch: 1,
        operation: Some(Uuid::new_v4()),
        title: "Web <server> & 'friends'".to_owned(),
        description: "Erste Zeile\nzweite Zeile ☃".to_owned(),
        memory_bytes: 64 << 20,
        cpu: CpuSpec {
            sockets: 1,
            cores: 1,
            threads: 1,
            mode: CpuMode::Automatic,
        },
        boot: BootSpec {
            order: vec![BootDevice::Cd, BootDevice::Disk],
            ..BootSpec::default()
        },
        disks: vec![],
        cd: None,
        nics: vec![],
        display: Some(DisplaySpec {
            listen: [127, 0, 0, 1].into(),
            video: VideoModel::Qxl,
            monitors: 1,
        }),
        sound: true,
        usb_redirections: 2,
        clock: ClockSpec::Utc,
    }
}

/// Begins a SPICE link on the connection and returns the server's first 20 bytes.
fn spice_link(connection: &mut (impl Read + Write)) -> Vec<u8> {
    let mut hello = b"REDQ".to_vec();
    for number in [2u32, 2, 18, 0] {
        hello.extend(number.to_le_bytes());
    }
    hello.extend([1, 0]); // main channel, id 0
    for number in [0u32, 0, 18] {
        hello.extend(number.to_le_bytes());
    }
    connection.write_all(&hello).unwrap();
    let mut reply = vec![0; 20];
    connection.read_exact(&mut reply).unwrap();
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn the_verdict_on_acceleration_is_proved_once_and_holds() {
    let libvirtd = Libvirtd::start();
    let host = libvirtd.host();
    connected(&host).await;
    let report = host.report().await.unwrap();
    assert!(report.spice, "QEMU here has SPICE");
    assert!(
        report.memory_bytes > 256 << 20
            && !report.hostname.is_empty()
            && !report.cpu_model.is_empty()
    );
    assert!(
        report.qemu_version.split('.').count() == 3,
        "{}",
        report.qemu_version
    );
    let proof = &report.acceleration;
    // With a watch of our own: a guest that is said to be fast is fast. The other direction is the
    // machine's to decide, so it has to be explained.
    match proof.kind {
        AccelerationKind::Kvm => assert!(proof.reason.starts_with("KVM works"), "{}", proof.reason),
        AccelerationKind::Tcg => {
            let offered = libvirtd
                .virsh(&["capabilities"])
                .contains("<domain type='kvm'/>");
            let said = if offered {
                "offers KVM, but"
            } else {
                "offers no KVM"
            };
            assert!(proof.reason.contains(said), "{}", proof.reason);
            assert!(
                proof
                    .reason
                    .ends_with("Guests run without hardware acceleration."),
                "{}",
                proof.reason
            );
        }
    }
    let kept = std::fs::read_to_string(libvirtd.directory.join("acceleration")).unwrap();
    assert!(kept.contains(&proof.reason));
    let again = libvirtd.host();
    connected(&again).await;
    let begin = Instant::now();
    assert_eq!(again.report().await.unwrap().acceleration, *proof);
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "the kept verdict must be used: {:?}",
        begin.elapsed()
    );
    // A verdict for other versions does not count.
    std::fs::write(
        libvirtd.directory.join("acceleration"),
        "1\n2\n3\ntrue\nkvm\nMade up.\n",
    )
    .unwrap();
    let other = libvirtd.host();
    connected(&other).await;
    assert_eq!(other.report().await.unwrap().acceleration.kind, proof.kind);
    assert!(
        host.domains().await.unwrap().is_empty(),
        "no probe is left over"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_goes_through_its_whole_life() {
    let libvirtd = Libvirtd::start();
    let host = libvirtd.host();
    connected(&host).await;
    let mut events = host.events();
    let pool = host.ensure_pool(POOL).await.unwrap();
    assert!(pool.available_bytes > 0 && pool.capacity_bytes >= pool.available_bytes);

    let system = volume_spec(VolumeFormat::Qcow2, 64 << 20);
    host.volume_create(system.clone()).await.unwrap();
    let cd = volume();
    host.volume_open(cd, VolumeAccess::Replace)
        .await
        .unwrap()
        .write_all(&[0; 1 << 16])
        .unwrap();
    let spec = DomainSpec {
        disks: vec![disk(
            system.volume,
            VolumeFormat::Qcow2,
            DiskInterface::Virtio,
        )],
        nics: vec![nic(1, NicNetwork::User), nic(2, NicNetwork::Nowhere)],
        cd: Some(cd),
        ..spec()
    };
    let vm = spec.vm;

    // Start: once, again, and by somebody else.
    let info = host.start(spec.clone()).await.unwrap();
    assert_eq!(info.state, DomainState::Running);
    let stamp = info.stamp.unwrap();
    assert_eq!(
        (stamp.vm, stamp.run_epoch, stamp.operation),
        (vm, 1, spec.operation)
    );
    assert_eq!(
        (info.title.as_str(), info.cd),
        ("Web <server> & 'friends'", Some(cd))
    );
    assert_eq!(info.disks, [system.volume.volume]);
    assert_eq!(info.nics, [spec.nics[0].nic, spec.nics[1].nic]);
    assert_eq!(info.memory_bytes, 64 << 20);
    let spice = info.spice.clone().unwrap();
    assert!(
        spice.address == "127.0.0.1" && spice.port.is_some(),
        "{spice:?}"
    );
    wait_for_state(&mut events, vm, DomainState::Running).await;
    assert_eq!(
        host.start(spec.clone()).await.unwrap().stamp,
        info.stamp,
        "starting again is a success"
    );
    let other = DomainSpec {
        run_epoch: 2,
        ..spec.clone()
    };
    assert!(matches!(
        host.start(other).await,
        Err(HostError::WrongState { .. })
    ));
    assert!(matches!(
        host.undefine(vm).await,
        Err(HostError::WrongState { .. })
    ));

    // Display: a descriptor that speaks SPICE, a picture, a password that expires.
    let GraphicsTarget::Descriptor(fd) = host.open_graphics(vm).await.unwrap() else {
        panic!("a local host gives a descriptor")
    };
    let mut connection = UnixStream::from(fd);
    connection.set_read_timeout(Some(LIMIT)).unwrap();
    let reply = tokio::task::spawn_blocking(move || spice_link(&mut connection))
        .await
        .unwrap();
    assert_eq!(
        (&reply[..4], &reply[16..20]),
        (&b"REDQ"[..], &[0, 0, 0, 0][..]),
        "a link reply without error"
    );
    wait(&mut events, "a display event", |event| match event {
        HostEvent::Graphics {
            id,
            phase: GraphicsPhase::Connected | GraphicsPhase::Disconnected,
            ..
        } if *id == vm => Some(()),
        _ => None,
    })
    .await;
    let picture = host.screenshot(vm).await.unwrap();
    let png = png::Decoder::new(std::io::Cursor::new(&picture))
        .read_info()
        .unwrap();
    assert!(
        png.info().width >= 640 && png.info().height >= 350,
        "{:?}",
        png.info().size()
    );
    let graphics = || libvirtd.virsh(&["dumpxml", "--security-info", &vm.to_string()]);
    assert!(
        graphics().contains("passwdValidTo='2000-01-01T00:00:00'"),
        "expired from the beginning"
    );
    let password = DisplayPassword::chosen("sesame <&'\">").unwrap();
    host.set_display_password(vm, password, Duration::from_secs(30))
        .await
        .unwrap();
    let now = graphics();
    assert!(
        now.contains("passwd='sesame &lt;&amp;&apos;&quot;&gt;'")
            && now.contains("connected='keep'"),
        "{now}"
    );
    assert!(!now.contains("passwdValidTo='2000-"));
    host.expire_display_password(vm).await.unwrap();
    let now = graphics();
    assert!(
        now.contains("passwdValidTo='2000-01-01T00:00:00'") && !now.contains("sesame"),
        "{now}"
    );
    assert!(!now.contains("passwd=''"));

    // Devices, live and in the definition.
    host.change_cd(vm, None).await.unwrap();
    assert_eq!(host.domain(vm).await.unwrap().unwrap().cd, None);
    host.change_cd(vm, Some(cd)).await.unwrap();
    host.change_cd(vm, Some(cd)).await.unwrap();
    assert_eq!(host.domain(vm).await.unwrap().unwrap().cd, Some(cd));
    let inactive = libvirtd.virsh(&["dumpxml", "--inactive", &vm.to_string()]);
    assert!(
        inactive.contains(&cd.volume.to_string()),
        "the definition has it too"
    );
    let data = volume_spec(VolumeFormat::Raw, 1 << 20);
    host.volume_create(data.clone()).await.unwrap();
    let second = disk(data.volume, VolumeFormat::Raw, DiskInterface::VirtioScsi);
    host.attach_disk(vm, second.clone()).await.unwrap();
    host.attach_disk(vm, second.clone()).await.unwrap();
    let grown = host
        .volume_resize(data.volume, VolumeFormat::Raw, 2 << 20, Some(vm))
        .await
        .unwrap();
    assert_eq!(grown.virtual_bytes, 2 << 20);
    let sata = disk(volume(), VolumeFormat::Raw, DiskInterface::Sata);
    assert!(matches!(
        host.attach_disk(vm, sata).await,
        Err(HostError::Unsupported { .. })
    ));
    let third = nic(3, NicNetwork::User);
    host.attach_nic(vm, third.clone()).await.unwrap();
    host.attach_nic(
        vm,
        NicSpec {
            linked: false,
            ..third.clone()
        },
    )
    .await
    .unwrap();
    assert!(
        libvirtd
            .virsh(&["domif-getlink", &vm.to_string(), &third.mac.to_string()])
            .contains("down")
    );
    let info = host.domain(vm).await.unwrap().unwrap();
    assert_eq!((info.disks.len(), info.nics.len()), (2, 3));

    // Figures.
    host.watch(true);
    let statistics = wait(&mut events, "statistics with a load", |event| match event {
        HostEvent::Statistics(s) if s.domains.iter().any(|d| d.cpu_percent.is_some()) => {
            Some(s.clone())
        }
        _ => None,
    })
    .await;
    let figures = statistics.domains.iter().find(|d| d.id == vm).unwrap();
    assert!(
        figures.cpu_time_ns.unwrap() > 0 && figures.memory_bytes == Some(64 << 20),
        "{figures:?}"
    );
    assert!(statistics.host.memory_total_bytes > Some(0) && statistics.host.cpu_percent.is_some());

    // Pause, resume, reset, save, restore.
    host.pause(vm).await.unwrap();
    wait_for_state(&mut events, vm, DomainState::Paused(PauseReason::Asked)).await;
    host.pause(vm).await.unwrap();
    host.resume(vm).await.unwrap();
    wait_for_state(&mut events, vm, DomainState::Running).await;
    host.resume(vm).await.unwrap();
    host.reset(vm).await.unwrap();
    wait(&mut events, "a reboot", |e| {
        matches!(e, HostEvent::Rebooted { id } if *id == vm).then_some(())
    })
    .await;
    assert!(matches!(
        host.restore(DomainSpec {
            run_epoch: 2,
            ..spec.clone()
        })
        .await,
        Err(HostError::WrongState { .. })
    ));
    host.suspend(vm).await.unwrap();
    wait_for_state(&mut events, vm, DomainState::Off(OffReason::Saved)).await;
    host.suspend(vm).await.unwrap();
    host.abort_suspend(vm).await.unwrap();
    let info = host.domain(vm).await.unwrap().unwrap();
    assert!(info.saved && info.state == DomainState::Off(OffReason::Saved));
    let restored = host
        .restore(DomainSpec {
            run_epoch: 2,
            operation: None,
            ..spec.clone()
        })
        .await
        .unwrap();
    let stamp = restored.stamp.unwrap();
    assert_eq!(
        (stamp.run_epoch, stamp.operation),
        (2, None),
        "the saved state carries the new epoch"
    );
    assert_eq!(
        (restored.state, restored.disks.len(), restored.saved),
        (DomainState::Running, 2, false)
    );

    // A saved state is dropped by a start, and by forgetting.
    host.suspend(vm).await.unwrap();
    let started = host
        .start(DomainSpec {
            run_epoch: 3,
            ..spec.clone()
        })
        .await
        .unwrap();
    assert!(!started.saved && started.stamp.unwrap().run_epoch == 3);
    assert_eq!(
        started.disks.len(),
        1,
        "the devices are those of the specification"
    );
    host.suspend(vm).await.unwrap();
    host.undefine(vm).await.unwrap();
    assert_eq!(host.domain(vm).await.unwrap(), None);

    // End: everything can be repeated.
    host.start(DomainSpec {
        run_epoch: 4,
        ..spec.clone()
    })
    .await
    .unwrap();
    host.shutdown(vm).await.unwrap();
    host.destroy(vm).await.unwrap();
    wait_for_state(&mut events, vm, DomainState::Off(OffReason::Destroyed)).await;
    for _ in 0..2 {
        host.destroy(vm).await.unwrap();
        host.undefine(vm).await.unwrap();
        host.volume_delete(system.volume).await.unwrap();
    }
    assert!(matches!(
        host.reboot(vm).await,
        Err(HostError::NotFound { .. })
    ));
    assert!(matches!(
        host.restore(spec).await,
        Err(HostError::NotFound { .. })
    ));
    assert!(host.domains().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_libvirtd_is_found_again_with_its_guests() {
    let libvirtd = Libvirtd::start();
    let host = libvirtd.host();
    connected(&host).await;
    let mut events = host.events();
    let spec = spec();
    host.start(spec.clone()).await.unwrap();

    libvirtd.script("kill");
    let reason = wait(&mut events, "the loss", |event| match event {
        HostEvent::Disconnected { reason } => Some(reason.clone()),
        _ => None,
    })
    .await;
    assert!(!reason.is_empty());
    let begin = Instant::now();
    assert!(matches!(
        host.domains().await,
        Err(HostError::Unreachable { .. })
    ));
    assert!(
        begin.elapsed() < Duration::from_secs(1),
        "nobody waits for a host that is away"
    );
    assert!(matches!(host.reachable(), Reachable::No { .. }));

    libvirtd.script("start");
    let back = Instant::now();
    wait(&mut events, "the return", |e| {
        matches!(e, HostEvent::Connected).then_some(())
    })
    .await;
    let found = host.domain(spec.vm).await.unwrap().unwrap();
    assert!(
        back.elapsed() < Duration::from_secs(10),
        "{:?}",
        back.elapsed()
    );
    assert_eq!(
        (found.state, found.stamp.unwrap().run_epoch),
        (DomainState::Running, 1)
    );
    assert_eq!(
        host.start(spec.clone()).await.unwrap().state,
        DomainState::Running,
        "it is the same run"
    );
    // Events come over the new connection.
    host.destroy(spec.vm).await.unwrap();
    wait_for_state(&mut events, spec.vm, DomainState::Off(OffReason::Destroyed)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_libvirtd_that_hangs_is_noticed_and_comes_back_by_itself() {
    let libvirtd = Libvirtd::start();
    let host = libvirtd.host();
    connected(&host).await;
    let mut events = host.events();
    libvirtd.signal("-STOP");
    let begin = Instant::now();
    let call = host.domains().await;
    assert!(
        call.as_ref().is_err_and(HostError::is_transient),
        "{call:?}"
    );
    wait(&mut events, "the loss", |e| {
        matches!(e, HostEvent::Disconnected { .. }).then_some(())
    })
    .await;
    assert!(
        begin.elapsed() <= Duration::from_secs(25),
        "{:?}",
        begin.elapsed()
    );
    libvirtd.signal("-CONT");
    let begin = Instant::now();
    wait(&mut events, "the return", |e| {
        matches!(e, HostEvent::Connected).then_some(())
    })
    .await;
    assert!(host.domains().await.unwrap().is_empty());
    assert!(
        begin.elapsed() < Duration::from_secs(15),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_is_made_or_the_reason_why_not_is_given() {
    let libvirtd = Libvirtd::start();
    let host = libvirtd.host();
    connected(&host).await;
    let network = NetworkSpec {
        name: "ovirtmgmt".to_owned(),
    };
    let report = host.ensure_network(network.clone()).await.unwrap();
    assert_eq!(
        host.ensure_network(network).await.unwrap(),
        report,
        "asking again changes nothing"
    );
    assert!(report.reason.ends_with('.'), "{}", report.reason);
    let spec = DomainSpec {
        nics: vec![nic(1, NicNetwork::Named("ovirtmgmt".to_owned()))],
        ..spec()
    };
    host.start(spec.clone()).await.unwrap();
    let kind = libvirtd.virsh(&["domiflist", &spec.vm.to_string()]);
    match report.kind {
        NetworkKind::Nat => assert!(
            kind.contains("network") && kind.contains("ovirtmgmt"),
            "{kind}"
        ),
        NetworkKind::User => assert!(kind.contains("user"), "{kind}"),
    }
    for wrong in ["", "a/b", "sixteen-letters-", "-x", "a b"] {
        let refused = host
            .ensure_network(NetworkSpec {
                name: wrong.to_owned(),
            })
            .await;
        assert!(matches!(refused, Err(HostError::Invalid { .. })), "{wrong}");
    }
    host.destroy(spec.vm).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_test_driver_serves_for_life_cycle_and_events() {
    let driver = TestDriver::open().await;
    let (host, mut events) = (&driver.host, driver.host.events());
    let domains = host.domains().await.unwrap();
    assert_eq!(domains.len(), 1);
    assert_eq!(
        (domains[0].id, domains[0].stamp),
        (TEST_DOMAIN, None),
        "a foreign domain has no stamp"
    );
    host.pause(TEST_DOMAIN).await.unwrap();
    wait_for_state(
        &mut events,
        TEST_DOMAIN,
        DomainState::Paused(PauseReason::Asked),
    )
    .await;
    host.resume(TEST_DOMAIN).await.unwrap();
    wait_for_state(&mut events, TEST_DOMAIN, DomainState::Running).await;
    assert_eq!(host.statistics().await.unwrap().domains.len(), 1);
    assert!(
        host.screenshot(TEST_DOMAIN)
            .await
            .unwrap()
            .starts_with(b"\x89PNG")
    );
    host.destroy(TEST_DOMAIN).await.unwrap();
    wait_for_state(
        &mut events,
        TEST_DOMAIN,
        DomainState::Off(OffReason::Destroyed),
    )
    .await;
    assert!(matches!(
        host.screenshot(TEST_DOMAIN).await,
        Err(HostError::WrongState { .. })
    ));
    host.undefine(TEST_DOMAIN).await.unwrap();
    wait(&mut events, "the end", |e| {
        matches!(e, HostEvent::Undefined { id } if *id == TEST_DOMAIN).then_some(())
    })
    .await;
    assert!(host.domains().await.unwrap().is_empty());
    let acceleration = host.report().await.unwrap().acceleration;
    assert!(
        acceleration.reason.contains("offers no KVM"),
        "{}",
        acceleration.reason
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_calls_waits_its_turn() {
    let driver = TestDriver::open().await;
    let calls: Vec<_> = (0..2000)
        .map(|_| {
            let host = driver.host.clone();
            tokio::spawn(async move { host.domains().await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_are_made_grown_copied_and_removed_and_every_step_can_be_repeated() {
    let driver = TestDriver::open().await;
    let host = &driver.host;
    host.ensure_pool(POOL).await.unwrap();
    host.ensure_pool(POOL).await.unwrap();
    for (format, sparse) in [
        (VolumeFormat::Raw, true),
        (VolumeFormat::Raw, false),
        (VolumeFormat::Qcow2, true),
        (VolumeFormat::Qcow2, false),
    ] {
        let spec = VolumeSpec {
            sparse,
            ..volume_spec(format, (8 << 20) + 1)
        };
        let made = host.volume_create(spec.clone()).await.unwrap();
        assert_eq!(
            (made.volume, made.virtual_bytes),
            (spec.volume, (8 << 20) + 512)
        );
        assert_eq!(
            made.actual_bytes >= 8 << 20,
            !sparse,
            "{format:?} {sparse} {made:?}"
        );
        let smaller = VolumeSpec {
            virtual_bytes: 4096,
            ..spec.clone()
        };
        assert_eq!(
            host.volume_create(smaller).await.unwrap(),
            made,
            "what is there is left alone"
        );
        let grown = host
            .volume_resize(spec.volume, format, 16 << 20, None)
            .await
            .unwrap();
        assert_eq!(grown.virtual_bytes, 16 << 20);
        assert_eq!(
            host.volume_resize(spec.volume, format, 16 << 20, None)
                .await
                .unwrap(),
            grown
        );
        assert!(matches!(
            host.volume_resize(spec.volume, format, 1 << 20, None).await,
            Err(HostError::Invalid { .. })
        ));
    }
    assert_eq!(host.volumes(POOL).await.unwrap().len(), 4);

    // A copy into another format has the same content and may be larger.
    let source = volume_spec(VolumeFormat::Raw, 1 << 20);
    host.volume_create(source.clone()).await.unwrap();
    host.volume_open(source.volume, VolumeAccess::Write)
        .await
        .unwrap()
        .write_all(b"content")
        .unwrap();
    let copy = volume_spec(VolumeFormat::Qcow2, 2 << 20);
    let made = host
        .volume_copy(source.volume, VolumeFormat::Raw, copy.clone())
        .await
        .unwrap();
    assert_eq!(made.virtual_bytes, 2 << 20);
    let back = volume_spec(VolumeFormat::Raw, 1);
    host.volume_copy(copy.volume, VolumeFormat::Qcow2, back.clone())
        .await
        .unwrap();
    host.volume_copy(copy.volume, VolumeFormat::Qcow2, back.clone())
        .await
        .unwrap();
    let mut content = Vec::new();
    host.volume_open(back.volume, VolumeAccess::Read)
        .await
        .unwrap()
        .read_to_end(&mut content)
        .unwrap();
    assert_eq!((content.len(), &content[..7]), (2 << 20, &b"content"[..]));

    for volume in host.volumes(POOL).await.unwrap() {
        host.volume_delete(volume).await.unwrap();
        host.volume_delete(volume).await.unwrap();
    }
    assert!(host.volumes(POOL).await.unwrap().is_empty());
    assert_eq!(
        host.volume_info(source.volume, VolumeFormat::Raw)
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        std::fs::read_dir(driver.directory.join("images").join(POOL.to_string()))
            .unwrap()
            .count(),
        0
    );
    for bytes in [0, u64::MAX] {
        let refused = host
            .volume_create(volume_spec(VolumeFormat::Raw, bytes))
            .await;
        assert!(
            matches!(refused, Err(HostError::Invalid { field: "size", .. })),
            "{refused:?}"
        );
    }
    host.forget_pool(POOL).await.unwrap();
    host.forget_pool(POOL).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raw_disk_with_a_qcow2_header_in_it_is_grown_as_raw() {
    let driver = TestDriver::open().await;
    let host = &driver.host;
    host.ensure_pool(POOL).await.unwrap();
    let spec = volume_spec(VolumeFormat::Raw, 1 << 20);
    host.volume_create(spec.clone()).await.unwrap();
    // What a guest could write: a qcow2 header that names a file of the host's as its backing file.
    let canary = driver.directory.join("canary");
    std::fs::write(&canary, "canary").unwrap();
    let evil = driver.directory.join("evil");
    let made = Command::new("qemu-img")
        .args(["create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b"])
        .args([&canary, &evil])
        .arg("1G")
        .status()
        .unwrap();
    assert!(made.success());
    let header = std::fs::read(&evil).unwrap();
    host.volume_open(spec.volume, VolumeAccess::Write)
        .await
        .unwrap()
        .write_all(&header)
        .unwrap();
    let before = host
        .volume_info(spec.volume, VolumeFormat::Raw)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(before.virtual_bytes, 1 << 20, "not the header's 1 GiB");
    host.volume_resize(spec.volume, VolumeFormat::Raw, 2 << 20, None)
        .await
        .unwrap();
    let copy = volume_spec(VolumeFormat::Raw, 1);
    host.volume_copy(spec.volume, VolumeFormat::Raw, copy.clone())
        .await
        .unwrap();
    let mut content = Vec::new();
    host.volume_open(copy.volume, VolumeAccess::Read)
        .await
        .unwrap()
        .read_to_end(&mut content)
        .unwrap();
    assert!(
        content.len() == 2 << 20 && content.starts_with(b"QFI\xfb"),
        "the header is content"
    );
    // The same bytes declared as qcow2 are refused before qemu-img sees them.
    let refused = host
        .volume_copy(
            spec.volume,
            VolumeFormat::Qcow2,
            volume_spec(VolumeFormat::Raw, 1),
        )
        .await;
    assert!(
        matches!(&refused, Err(HostError::Failed { what }) if what.contains("backing file")),
        "{refused:?}"
    );
    assert_eq!(std::fs::read(&canary).unwrap(), b"canary");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_pipes_and_leftovers_in_a_pool_are_not_volumes() {
    let driver = TestDriver::open().await;
    let host = &driver.host;
    host.ensure_pool(POOL).await.unwrap();
    let pool = driver.directory.join("images").join(POOL.to_string());
    let canary = driver.directory.join("canary");
    std::fs::write(&canary, "canary").unwrap();
    let (link, pipe, directory) = (volume(), volume(), volume());
    std::os::unix::fs::symlink(&canary, pool.join(link.volume.to_string())).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(pool.join(pipe.volume.to_string()))
            .status()
            .unwrap()
            .success()
    );
    std::fs::create_dir(pool.join(directory.volume.to_string())).unwrap();
    for volume in [link, pipe, directory] {
        for access in [
            VolumeAccess::Read,
            VolumeAccess::Write,
            VolumeAccess::Replace,
        ] {
            let opened = tokio::time::timeout(LIMIT, host.volume_open(volume, access))
                .await
                .unwrap();
            assert!(
                matches!(opened, Err(HostError::Failed { .. })),
                "{access:?} {opened:?}"
            );
        }
        assert!(host.volume_info(volume, VolumeFormat::Raw).await.is_err());
        let refused = host
            .volume_create(VolumeSpec {
                volume,
                ..volume_spec(VolumeFormat::Raw, 4096)
            })
            .await;
        assert!(refused.is_err(), "{refused:?}");
    }
    assert_eq!(std::fs::read(&canary).unwrap(), b"canary");
    let leftover = pool.join(format!(".{}.0123.part", Uuid::new_v4()));
    std::fs::write(&leftover, "half").unwrap();
    std::fs::write(pool.join("notes.txt"), "somebody's").unwrap();
    std::fs::write(
        pool.join(Uuid::new_v4().to_string().to_uppercase()),
        "somebody's",
    )
    .unwrap();
    let another = LibvirtHost::open(LibvirtConfig {
        uri: "test:///default".to_owned(),
        images: driver.directory.join("images"),
        cache: None,
    });
    connected(&another).await;
    another.ensure_pool(POOL).await.unwrap();
    assert!(!leftover.exists(), "what a crash has left is tidied up");
    assert!(pool.join("notes.txt").exists(), "what is not ours stays");
    let seen = another.volumes(POOL).await.unwrap();
    assert_eq!(seen.len(), 3, "only names of ours: {seen:?}");
    let missing = host.volume_open(volume(), VolumeAccess::Read).await;
    assert!(
        matches!(missing, Err(HostError::NotFound { .. })),
        "{missing:?}"
    );
    let missing = host.volumes(Uuid::new_v4()).await;
    assert!(
        matches!(missing, Err(HostError::NotFound { .. })),
        "{missing:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_a_host_that_is_not_there_fails_at_once() {
    let host = LibvirtHost::open(LibvirtConfig {
        uri: "qemu+unix:///system?socket=/nonexistent/libvirt-sock".to_owned(),
        images: PathBuf::from("/nonexistent"),
        cache: None,
    });
    let begin = Instant::now();
    for _ in 0..1000 {
        assert!(matches!(
            host.destroy(Uuid::new_v4()).await,
            Err(HostError::Unreachable { .. })
        ));
    }
    assert!(begin.elapsed() < Duration::from_secs(2));
    let Reachable::No { reason, .. } = host.reachable() else {
        panic!("it is not there")
    };
    assert!(!reason.is_empty());
}
