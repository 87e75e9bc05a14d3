//! What the tests of hosts share: a libvirtd of their own, the test driver, small specifications.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use manager::host::libvirt::{LibvirtConfig, LibvirtHost};
use manager::host::{
    BootDevice, BootSpec, ClockSpec, CpuMode, CpuSpec, DiskInterface, DiskSpec, DisplaySpec,
    DomainSpec, DomainState, HostEvent, Hypervisor, MacAddress, MachineSpec, NicModel, NicNetwork,
    NicSpec, Reachable, VolumeFormat, VolumeRef, VolumeSpec,
};
use tokio::sync::broadcast::Receiver;
use uuid::Uuid;

/// Long enough for a busy machine; a test that waits so long has failed.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A libvirtd of the test's own, with its directory. Ended and removed when dropped.
pub struct Libvirtd {
    pub directory: PathBuf,
}

impl Libvirtd {
    pub fn start() -> Self {
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

    pub fn answers(&self) -> PathBuf {
        self.directory.join("cache/qemu/capabilities")
    }

    pub fn shared_answers() -> PathBuf {
        std::env::temp_dir().join("saffron-test-qemu-capabilities")
    }

    pub fn script(&self, action: &str) -> String {
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

    pub fn virsh(&self, arguments: &[&str]) -> String {
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
    pub fn signal(&self, signal: &str) {
        let pid = std::fs::read_to_string(self.directory.join("run/libvirtd.pid")).unwrap();
        assert!(
            Command::new("kill")
                .args([signal, pid.trim()])
                .status()
                .unwrap()
                .success()
        );
    }

    pub fn host(&self) -> LibvirtHost {
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

pub fn copy_files(from: &Path, to: &Path) {
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
pub struct TestDriver {
    pub host: LibvirtHost,
    pub directory: PathBuf,
}

impl TestDriver {
    pub async fn open() -> Self {
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
pub async fn connected(host: &LibvirtHost) {
    let mut events = host.events();
    if host.reachable() != Reachable::Yes {
        wait(&mut events, "a connection", |e| {
            matches!(e, HostEvent::Connected).then_some(())
        })
        .await;
    }
}

/// Waits for the event in which `f` finds something.
pub async fn wait<T>(
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

pub async fn wait_for_state(events: &mut Receiver<HostEvent>, vm: Uuid, state: DomainState) {
    wait(events, &format!("{state:?}"), |event| match event {
        HostEvent::Domain { id, state: now } if *id == vm && *now == state => Some(()),
        _ => None,
    })
    .await;
}

pub const POOL: Uuid = Uuid::from_u128(0xd000_0000_0000_4000_8000_0000_0000_0001);
/// The domain that the test driver has.
pub const TEST_DOMAIN: Uuid = Uuid::from_u128(0x6695_eb01_f6a4_8304_79aa_97f2_502e_193f);

pub fn volume() -> VolumeRef {
    VolumeRef {
        storage_domain: POOL,
        volume: Uuid::new_v4(),
    }
}

pub fn volume_spec(format: VolumeFormat, virtual_bytes: u64) -> VolumeSpec {
    VolumeSpec {
        volume: volume(),
        format,
        virtual_bytes,
        sparse: true,
        backing: None,
    }
}

pub fn disk(source: VolumeRef, format: VolumeFormat, interface: DiskInterface) -> DiskSpec {
    DiskSpec {
        disk: source.volume,
        source,
        format,
        backing: Vec::new(),
        interface,
        read_only: false,
        shareable: false,
        discard: false,
        bootable: true,
        propagate_errors: false,
        limits: Default::default(),
    }
}

pub fn nic(last: u8, network: NicNetwork) -> NicSpec {
    NicSpec {
        nic: Uuid::new_v4(),
        mac: MacAddress([0x56, 0x6f, 0x1a, 0x10, 0x20, last]),
        model: NicModel::Virtio,
        network,
        linked: true,
    }
}

/// A VM that finds nothing to boot from and stays at its firmware's message.
pub fn spec() -> DomainSpec {
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
        display: Some(DisplaySpec::spice([127, 0, 0, 1].into())),
        sound: true,
        usb_redirections: 2,
        clock: ClockSpec::Utc,
        machine: MachineSpec::default(),
    }
}

/// Begins a SPICE link on the connection and returns the server's first 20 bytes.
pub fn spice_link(connection: &mut (impl Read + Write)) -> Vec<u8> {
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
