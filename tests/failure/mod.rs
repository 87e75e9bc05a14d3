//! The real program killed at every step of what matters most, on real libvirt: started again, it
//! must be right within ten seconds, with nothing lost, doubled or left behind. Beside it: what
//! happens when libvirt or QEMU die, what is refused and how, and images that mean harm.

mod browser;
mod hostile;
mod parts;
mod refused;
mod upload;
mod work;

use std::collections::BTreeSet;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use http::Method;
use serde_json::{Value, json};
use tests::guest::target;
use tests::http::{Answer, Client};
use tests::libvirtd::Libvirtd;
use tests::site::PASSWORD;

/// `admin@internal` and [`PASSWORD`], as HTTP basic authentication has them.
const BASIC: &str = "Basic YWRtaW5AaW50ZXJuYWw6Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5";
/// How long the program may need to be right again.
const CONVERGED: Duration = Duration::from_secs(10);
/// How long a loaded machine may need for anything else.
const LIMIT: Duration = Duration::from_secs(60);
const PHASES: [&str; 3] = ["before_act", "after_act", "after_observe"];

/// The program, built once.
pub(crate) fn program() -> Result<&'static Path> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let build = || {
        let built = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args([
                "build", "--quiet", "--locked", "-p", "gateway", "--bin", "saffron",
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        match built {
            Ok(status) if status.success() => Ok(target().join("debug/saffron")),
            other => Err(format!("the program was not built: {other:?}")),
        }
    };
    match PROGRAM.get_or_init(build) {
        Ok(path) => Ok(path),
        Err(why) => bail!("{why}"),
    }
}

/// One site on disk: what survives the program.
struct Site {
    libvirtd: Libvirtd,
    state: PathBuf,
    address: SocketAddr,
    /// A folder that the program finds a small file system on, and that one's size in MiB.
    small: Option<(PathBuf, u32)>,
}

/// The program, running; killed when dropped.
struct Saffron {
    child: Child,
    client: Client,
    up: Instant,
}

impl Drop for Saffron {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Site {
    fn new() -> Result<Self> {
        let libvirtd = Libvirtd::start()?;
        let state = libvirtd.folder().join("s");
        std::fs::write(libvirtd.folder().join("password"), PASSWORD)?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        Ok(Self {
            libvirtd,
            state,
            address,
            small: None,
        })
    }

    /// The program without arguments. A small file system is mounted where nobody but the program
    /// sees it, and ends with it.
    fn command(&self) -> Result<Command> {
        let Some((folder, mib)) = &self.small else {
            return Ok(Command::new(program()?));
        };
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c"])
            .arg("mount -t tmpfs -o size=\"$0\",mode=0700 tmpfs \"$1\" && shift && exec \"$@\"")
            .arg(format!("{mib}m"))
            .arg(folder)
            .arg(program()?);
        Ok(command)
    }

    /// Starts the program, to die at `crash` if it comes there; answers when the host is up.
    async fn start(&self, crash: Option<&str>) -> Result<Saffron> {
        let log = File::create(self.libvirtd.folder().join("program.log"))?;
        let mut command = self.command()?;
        command
            .args(["serve", "--state"])
            .arg(&self.state)
            .args(["--listen", &self.address.to_string()])
            .args([
                "--libvirt-uri",
                self.libvirtd.uri(),
                "--admin-password-file",
            ])
            .arg(self.libvirtd.folder().join("password"))
            .stdout(log.try_clone()?)
            .stderr(log);
        if let Some(crash) = crash {
            command.env("SAFFRON_CRASH", crash);
        }
        let child = command.spawn()?;
        let began = Instant::now();
        let client = loop {
            let ca = std::fs::read_to_string(self.state.join("ca.pem")).unwrap_or_default();
            if let Ok(client) = Client::new(self.address, &ca)
                && let Ok(answer) = client.send(Method::GET, "/saffron/health", &[], "").await
                && answer.status == 200
            {
                break client.with("authorization", BASIC);
            }
            ensure!(began.elapsed() < LIMIT, "the program does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let program = Saffron {
            child,
            client,
            up: Instant::now(),
        };
        loop {
            let hosts = program.get("hosts").await?;
            if hosts["host"][0]["status"] == "up" {
                return Ok(program);
            }
            ensure!(began.elapsed() < LIMIT, "the host does not come up");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ids of the domains that libvirt runs.
    fn running(&self) -> Result<BTreeSet<String>> {
        lines(&self.libvirtd.virsh(&["list", "--uuid"])?)
    }

    /// Ids of all domains that libvirt knows.
    fn domains(&self) -> Result<BTreeSet<String>> {
        lines(&self.libvirtd.virsh(&["list", "--all", "--uuid"])?)
    }

    /// Names of all files of all storage domains.
    fn volumes(&self) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for domain in std::fs::read_dir(self.state.join("images"))? {
            let domain = domain?.path();
            if domain.ends_with("ova") {
                continue;
            }
            for file in std::fs::read_dir(domain)? {
                names.insert(file?.file_name().to_string_lossy().into_owned());
            }
        }
        Ok(names)
    }
}

fn lines(text: &str) -> Result<BTreeSet<String>> {
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

impl Saffron {
    async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Answer> {
        let headers = [
            ("content-type", "application/json"),
            ("accept", "application/json"),
        ];
        let path = format!("/ovirt-engine/api/{path}");
        self.client
            .send(method, &path, &headers, body.to_string())
            .await
    }

    async fn get(&self, path: &str) -> Result<Value> {
        let answer = self.send(Method::GET, path, &Value::Null).await?;
        ensure!(
            answer.status == 200,
            "GET {path}: {} {}",
            answer.status,
            answer.text()
        );
        Ok(answer.json())
    }

    /// Sends what must be accepted, and gives the answer.
    async fn done(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let answer = self.send(method, path, body).await?;
        ensure!(
            answer.status < 300,
            "{path}: {} {}",
            answer.status,
            answer.text()
        );
        // A removal is answered without a word.
        Ok(if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json()
        })
    }

    /// A VM without a disk, down.
    async fn make_vm(&self, name: &str) -> Result<String> {
        let memory = "134217728";
        let body = json!({
            "name": name, "cluster": {"name": "Default"}, "template": {"name": "Blank"},
            "memory": memory, "memory_policy": {"guaranteed": memory, "max": memory},
        });
        let vm = self.done(Method::POST, "vms", &body).await?;
        Ok(vm["id"].as_str().context("no id")?.to_owned())
    }

    async fn add_disk(&self, vm: &str) -> Result<Answer> {
        let body = json!({
            "interface": "virtio", "bootable": "true", "active": "true",
            "disk": {"name": format!("disk-of-{vm}"), "format": "cow", "provisioned_size": "67108864",
                     "storage_domains": {"storage_domain": [{"name": "data"}]}},
        });
        self.send(Method::POST, &format!("vms/{vm}/diskattachments"), &body)
            .await
    }

    async fn vm_is(&self, vm: &str, status: &str) -> Result<()> {
        let began = Instant::now();
        loop {
            let is = self.get(&format!("vms/{vm}")).await?["status"].clone();
            if is == status {
                return Ok(());
            }
            ensure!(began.elapsed() < LIMIT, "the VM is {is}, not {status}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn disks_are_ready(&self) -> Result<()> {
        let began = Instant::now();
        while !self.disks().await?.iter().all(|(_, status)| status == "ok") {
            ensure!(began.elapsed() < LIMIT, "a disk stays locked");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    async fn disks(&self) -> Result<Vec<(String, String)>> {
        let disks = self.get("disks").await?;
        let word = |disk: &Value, name: &str| disk[name].as_str().unwrap_or_default().to_owned();
        Ok(disks["disk"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|disk| (word(disk, "id"), word(disk, "status")))
            .collect())
    }

    /// What is wrong between what the API says, what libvirt runs and what lies on the disk.
    async fn wrong(&self, site: &Site) -> Result<Option<String>> {
        let vms = self.get("vms").await?;
        let mut up = BTreeSet::new();
        let mut known = BTreeSet::new();
        for vm in vms["vm"].as_array().into_iter().flatten() {
            let id = vm["id"].as_str().unwrap_or_default().to_owned();
            known.insert(id.clone());
            match vm["status"].as_str().unwrap_or_default() {
                "up" => drop(up.insert(id)),
                "down" => {}
                other => return Ok(Some(format!("a VM is {other}"))),
            }
        }
        let (running, domains, volumes) = (site.running()?, site.domains()?, site.volumes()?);
        let disks = self.disks().await?;
        if let Some((id, status)) = disks.iter().find(|(_, status)| status != "ok") {
            return Ok(Some(format!("disk {id} is {status}")));
        }
        let disks: BTreeSet<_> = disks.into_iter().map(|(id, _)| id).collect();
        Ok(if up != running {
            Some(format!("up are {up:?}, libvirt runs {running:?}"))
        } else if !domains.is_subset(&known) {
            Some(format!("libvirt knows {domains:?}, the API {known:?}"))
        } else if disks != volumes {
            Some(format!("disks are {disks:?}, files {volumes:?}"))
        } else {
            None
        })
    }

    async fn is_right_in_time(&self, site: &Site, what: &str) -> Result<()> {
        loop {
            let Some(wrong) = self.wrong(site).await? else {
                return Ok(());
            };
            ensure!(self.up.elapsed() < CONVERGED, "{what}: {wrong}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// What is asked for, and the step at which the program dies.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    Create,
    Start,
    Stop,
    DeleteDomain,
    DeleteVolume,
}

impl Deed {
    const ALL: [Self; 5] = [
        Self::Create,
        Self::Start,
        Self::Stop,
        Self::DeleteDomain,
        Self::DeleteVolume,
    ];

    fn step(self) -> &'static str {
        match self {
            Self::Create => "volume_create",
            Self::Start => "domain_start",
            Self::Stop => "domain_destroy",
            Self::DeleteDomain => "domain_undefine",
            Self::DeleteVolume => "volume_delete",
        }
    }

    /// Everything up to the deed.
    async fn prepare(self, program: &Saffron, name: &str) -> Result<String> {
        let vm = program.make_vm(name).await?;
        if self == Self::Create {
            return Ok(vm);
        }
        ensure!(program.add_disk(&vm).await?.status < 300, "no disk");
        program.disks_are_ready().await?;
        program.vm_is(&vm, "down").await?;
        if matches!(self, Self::Stop | Self::DeleteDomain) {
            program
                .done(Method::POST, &format!("vms/{vm}/start"), &json!({}))
                .await?;
            program.vm_is(&vm, "up").await?;
        }
        if self == Self::DeleteDomain {
            program
                .done(Method::POST, &format!("vms/{vm}/stop"), &json!({}))
                .await?;
            program.vm_is(&vm, "down").await?;
        }
        Ok(vm)
    }

    /// Asks for it; whether the program said yes before it died.
    async fn ask(self, program: &Saffron, vm: &str) -> bool {
        let none = json!({});
        let answer = match self {
            Self::Create => program.add_disk(vm).await,
            Self::Start => {
                program
                    .send(Method::POST, &format!("vms/{vm}/start"), &none)
                    .await
            }
            Self::Stop => {
                program
                    .send(Method::POST, &format!("vms/{vm}/stop"), &none)
                    .await
            }
            Self::DeleteDomain | Self::DeleteVolume => {
                program
                    .send(Method::DELETE, &format!("vms/{vm}"), &none)
                    .await
            }
        };
        answer.is_ok_and(|answer| answer.status < 300)
    }

    /// Whether what was promised is so.
    async fn kept(self, program: &Saffron, vm: &str) -> Result<bool> {
        let answer = program
            .send(Method::GET, &format!("vms/{vm}"), &Value::Null)
            .await?;
        let status = (answer.status == 200).then(|| answer.json()["status"].clone());
        Ok(match self {
            Self::Create => program.disks().await?.len() == 1,
            Self::Start => status == Some(json!("up")),
            Self::Stop => status == Some(json!("down")),
            Self::DeleteDomain | Self::DeleteVolume => answer.status == 404,
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_step_the_program_is_right_again_within_ten_seconds() -> Result<()> {
    let site = Site::new()?;
    for deed in Deed::ALL {
        for phase in PHASES {
            let what = format!("{deed:?}, killed at {}:{phase}", deed.step());
            let mut program = site
                .start(Some(&format!("{}:{phase}", deed.step())))
                .await?;
            let vm = deed
                .prepare(&program, "victim")
                .await
                .context(what.clone())?;
            let promised = deed.ask(&program, &vm).await;
            let began = Instant::now();
            while program.child.try_wait()?.is_none() {
                ensure!(began.elapsed() < LIMIT, "{what}: it did not die");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            drop(program);

            let program = site.start(None).await.context(what.clone())?;
            program.is_right_in_time(&site, &what).await?;
            if promised {
                ensure!(
                    deed.kept(&program, &vm).await?,
                    "{what}: a promise was not kept"
                );
            }
            clean(&program, &vm).await.context(what.clone())?;
            program
                .is_right_in_time(&site, &format!("{what}, cleaned up"))
                .await?;
            ensure!(site.domains()?.is_empty(), "{what}: a domain is left");
            ensure!(site.volumes()?.is_empty(), "{what}: a file is left");
        }
    }
    Ok(())
}

/// Removes the VM and its disk, whatever they do.
async fn clean(program: &Saffron, vm: &str) -> Result<()> {
    let none = json!({});
    let answer = program
        .send(Method::GET, &format!("vms/{vm}"), &none)
        .await?;
    if answer.status == 200 {
        if answer.json()["status"] == "up" {
            program
                .done(Method::POST, &format!("vms/{vm}/stop"), &none)
                .await?;
            program.vm_is(vm, "down").await?;
        }
        program
            .done(Method::DELETE, &format!("vms/{vm}"), &none)
            .await?;
    }
    let began = Instant::now();
    loop {
        let gone = program
            .send(Method::GET, &format!("vms/{vm}"), &none)
            .await?
            .status
            == 404;
        if gone && program.disks().await?.is_empty() {
            return Ok(());
        }
        ensure!(began.elapsed() < LIMIT, "the VM is not removed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_does_not_notice_that_the_program_was_killed() -> Result<()> {
    let site = Site::new()?;
    let program = site.start(None).await?;
    let vm = Deed::Stop.prepare(&program, "survivor").await?;
    let run = site.libvirtd.virsh(&["domid", &vm])?;
    drop(program);
    assert_eq!(
        site.running()?,
        BTreeSet::from([vm.clone()]),
        "it runs without the program"
    );

    let program = site.start(None).await?;
    program.is_right_in_time(&site, "after kill -9").await?;
    program.vm_is(&vm, "up").await?;
    assert_eq!(
        site.libvirtd.virsh(&["domid", &vm])?,
        run,
        "it is the same run"
    );
    let picture = program
        .client
        .send(
            Method::GET,
            &format!("/saffron/vms/{vm}/screenshot"),
            &[],
            "",
        )
        .await?;
    assert!(
        picture.body.starts_with(b"\x89PNG"),
        "its screen can be seen"
    );
    clean(&program, &vm).await
}
