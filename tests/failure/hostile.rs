//! Images that would make the host open another file, or allocate what they merely claim: uploaded
//! through the API to the real program, each is refused with a sentence and removed. A file outside
//! of every storage pool, which they name, is watched: nobody opens it.

use std::io::Read as _;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

use super::parts::until;
use super::upload::{MIB, disk_is_ready, download, finalize, new_disk, qemu_img, send, transfer};
use super::*;

/// A file that must never be opened, nor its content be seen.
struct Canary {
    file: PathBuf,
    mark: [u8; 32],
    watch: OwnedFd,
}

impl Canary {
    fn new(folder: &Path) -> Result<Self> {
        let file = folder.join("CANARY");
        let mut mark = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut mark)?;
        std::fs::write(&file, mark.repeat(MIB / mark.len()))?;
        let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        inotify::add_watch(&watch, &file, WatchFlags::ALL_EVENTS)?;
        Ok(Self { file, mark, watch })
    }

    /// Whether anybody did anything with the file since it was last asked.
    fn touched(&self) -> Result<bool> {
        let mut room = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.watch, &mut room);
        let mut touched = false;
        loop {
            match events.next() {
                Ok(_) => touched = true,
                Err(Errno::AGAIN) => return Ok(touched),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        bytes.windows(self.mark.len()).any(|it| it == self.mark)
    }

    /// It is as it was, and the watch would have told.
    fn is_unharmed(&self) -> Result<()> {
        ensure!(!self.touched()?, "the canary was opened");
        let content = std::fs::read(&self.file)?;
        ensure!(
            content == self.mark.repeat(MIB / self.mark.len()),
            "the canary was written to"
        );
        ensure!(self.touched()?, "the watch does not tell");
        Ok(())
    }
}

/// An attack: what it is, what is sent, and what the refusal says.
struct Attack {
    what: &'static str,
    image: Vec<u8>,
    says: &'static str,
}

/// A qcow2 image of 1 MiB, with some bytes of it changed.
fn changed(folder: &Path, changes: &[(usize, &[u8])]) -> Result<Vec<u8>> {
    qemu_img(folder, &["create", "-q", "-f", "qcow2", "plain", "1M"])?;
    let mut image = std::fs::read(folder.join("plain"))?;
    for (at, bytes) in changes {
        image[*at..*at + bytes.len()].copy_from_slice(bytes);
    }
    Ok(image)
}

fn made(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    let create = ["create", "-q", "-f", "qcow2"];
    qemu_img(folder, &[&create[..], arguments, &["x", "1M"]].concat())?;
    Ok(std::fs::read(folder.join("x"))?)
}

/// With an external data file: qemu-img truncates the one that it is made with, so it is made with
/// another one and the name in its header is changed.
fn data_file(folder: &Path, canary: &str) -> Result<Vec<u8>> {
    let other = canary.replace("CANARY", "CANARX");
    let option = format!("data_file={other},data_file_raw=on");
    let mut image = made(folder, &["-o", &option])?;
    let mut found = false;
    for at in 0..image.len() - other.len() {
        if image[at..].starts_with(other.as_bytes()) {
            image[at..at + canary.len()].copy_from_slice(canary.as_bytes());
            found = true;
        }
    }
    ensure!(found, "no name in the header");
    Ok(image)
}

fn snapshots(folder: &Path) -> Result<Vec<u8>> {
    made(folder, &[])?;
    for number in 0..17 {
        qemu_img(folder, &["snapshot", "-c", &format!("s{number}"), "x"])?;
    }
    Ok(std::fs::read(folder.join("x"))?)
}

/// A VMDK descriptor whose only extent is another file.
fn vmdk(canary: &str) -> Vec<u8> {
    let text = format!(
        "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n\
         createType=\"monolithicFlat\"\n\nRW 2048 FLAT \"{canary}\" 0\n\nddb.adapterType = \"ide\"\n"
    );
    let mut image = text.into_bytes();
    image.resize(64 * 1024, 0);
    image
}

fn attacks(folder: &Path, canary: &str) -> Result<Vec<Attack>> {
    let attack = |what, image, says| Attack { what, image, says };
    let json = format!(
        "json:{{\"driver\":\"raw\",\"file\":{{\"driver\":\"file\",\"filename\":\"{canary}\"}}}}"
    );
    let external = data_file(folder, canary)?;
    let mut hidden = external.clone();
    hidden[79] &= !4;
    let largest = u32::MAX.to_be_bytes();
    Ok(vec![
        attack(
            "a backing file",
            made(folder, &["-F", "raw", "-b", canary])?,
            "another file (a backing file)",
        ),
        attack(
            "a backing file of version 2",
            made(folder, &["-o", "compat=0.10", "-F", "raw", "-b", canary])?,
            "another file (a backing file)",
        ),
        attack(
            "a backing file in JSON",
            made(folder, &["-u", "-F", "raw", "-b", &json])?,
            "another file (a backing file)",
        ),
        attack(
            "an external data file",
            external,
            "another file (an external data file)",
        ),
        attack(
            "an external data file without its feature bit",
            hidden,
            "another file (an external data file)",
        ),
        attack(
            "encryption by AES",
            changed(folder, &[(32, &[0, 0, 0, 1])])?,
            "encrypted",
        ),
        attack(
            "encryption by LUKS",
            changed(folder, &[(32, &[0, 0, 0, 2])])?,
            "encrypted",
        ),
        attack(
            "17 internal snapshots",
            snapshots(folder)?,
            "17 internal snapshots",
        ),
        attack(
            "clusters of 256 bytes",
            changed(folder, &[(20, &[0, 0, 0, 8])])?,
            "cluster size of 2^8",
        ),
        attack(
            "clusters of 4 MiB",
            changed(folder, &[(20, &[0, 0, 0, 22])])?,
            "cluster size of 2^22",
        ),
        attack(
            "an L1 table of 32 GiB",
            changed(folder, &[(36, &largest)])?,
            "the L1 table",
        ),
        attack(
            "a table of reference counts of 256 TiB",
            changed(folder, &[(56, &largest)])?,
            "the table of reference counts",
        ),
        attack(
            "4 billion snapshots",
            changed(folder, &[(60, &largest)])?,
            "internal snapshots",
        ),
        attack(
            "an exbibyte",
            changed(folder, &[(24, &(1u64 << 60).to_be_bytes())])?,
            "virtual size",
        ),
        attack(
            "more than its disk holds",
            changed(folder, &[(24, &(32u64 << 20).to_be_bytes())])?,
            "large",
        ),
        attack(
            "an unknown feature",
            changed(folder, &[(72, &(1u64 << 40).to_be_bytes())])?,
            "unknown incompatible features",
        ),
        attack("a VMDK descriptor", vmdk(canary), "not a qcow2 image"),
        attack("nothing", Vec::new(), "empty"),
    ])
}

/// Sends an attack to a new disk, and sees it refused and removed.
async fn is_refused(
    site: &Site,
    program: &Saffron,
    attack: &Attack,
    disk_format: &str,
    declared: &str,
    content: &str,
) -> Result<()> {
    let name = format!("{} as {declared} in {disk_format}", attack.what);
    // A CD is as large as what is sent; a disk is smaller than some of them claim to be.
    let size = match content {
        "iso" => attack.image.len().next_multiple_of(512),
        _ => MIB,
    };
    let disk = new_disk(program, "attack", size, disk_format, content).await?;
    let path = transfer(program, &disk, "upload", declared).await?;
    send(site, program, &path, &attack.image)
        .await
        .context(name.clone())?;
    let phase = finalize(program, &path).await.context(name.clone())?;
    ensure!(phase == "finished_failure", "{name}: {phase}");
    until(program, "disks", LIMIT, |disks| disks["disk"].is_null())
        .await
        .context(name.clone())?;
    ensure!(site.volumes()?.is_empty(), "{name}: {:?}", site.volumes()?);
    let newest = program.get("events?max=10").await?;
    let said = newest["event"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|event| event["code"] == "1034")
        .with_context(|| format!("{name}: no event"))?;
    let text = said["description"].as_str().unwrap_or_default();
    ensure!(
        text.contains("The image was refused") && text.contains(attack.says),
        "{name}: {text}"
    );
    ensure!(said["severity"] == "error", "{name}: {said}");
    Ok(())
}

fn canary_rests(canary: &Canary, what: &str) -> Result<()> {
    ensure!(!canary.touched()?, "{what}: the canary was opened");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_means_harm_is_refused_with_a_sentence_and_removed() -> Result<()> {
    let site = Site::new()?;
    let folder = site.libvirtd.folder().join("corpus");
    std::fs::create_dir(&folder)?;
    let canary = Canary::new(&folder)?;
    let path = canary.file.to_str().context("an odd path")?;
    let attacks = attacks(&folder, path)?;
    // Making the corpus opened it.
    canary.touched()?;
    let program = site.start(None).await?;
    for attack in &attacks {
        // As the disk's content, and as something to be converted to it.
        is_refused(&site, &program, attack, "cow", "cow", "data").await?;
        is_refused(&site, &program, attack, "raw", "cow", "data").await?;
        canary_rests(&canary, attack.what)?;
        if !attack.image.is_empty() {
            let cd = Attack {
                says: "neither ISO 9660 nor UDF",
                image: attack.image.clone(),
                ..*attack
            };
            is_refused(&site, &program, &cd, "raw", "raw", "iso").await?;
            canary_rests(&canary, attack.what)?;
        }
    }
    // A format that is not one of ours cannot even be declared.
    let disk = new_disk(&program, "plain", MIB, "cow", "data").await?;
    for format in ["vmdk", "json:{}", "qcow2\n", ""] {
        let body = json!({"disk": {"id": disk}, "direction": "upload", "format": format});
        let answer = program.send(Method::POST, "imagetransfers", &body).await?;
        assert_eq!(answer.status, 400, "{format}: {}", answer.text());
    }
    canary.is_unharmed()
}

/// A raw disk whose content looks like another format is a raw disk, whatever is done with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raw_disk_stays_raw_whatever_header_it_carries() -> Result<()> {
    let site = Site::new()?;
    let folder = site.libvirtd.folder().join("corpus");
    std::fs::create_dir(&folder)?;
    let canary = Canary::new(&folder)?;
    let path = canary.file.to_str().context("an odd path")?;
    let images = [
        ("qcow2", made(&folder, &["-F", "raw", "-b", path])?),
        ("data-file", data_file(&folder, path)?),
        ("vmdk", vmdk(path)),
    ];
    canary.touched()?;
    let program = site.start(None).await?;
    for (name, image) in images {
        for format in ["raw", "cow"] {
            let what = format!("{name} in a {format} disk");
            let disk = new_disk(&program, name, MIB, format, "data").await?;
            let transfer = transfer(&program, &disk, "upload", "raw").await?;
            send(&site, &program, &transfer, &image).await?;
            let phase = finalize(&program, &transfer).await?;
            ensure!(phase == "finished_success", "{what}: {phase}");
            disk_is_ready(&program, &disk).await?;
            let is_the_same = |shown: &[u8]| {
                shown.len() >= image.len()
                    && shown[..image.len()] == image[..]
                    && shown[image.len()..].iter().all(|byte| *byte == 0)
                    && !canary.is_in(shown)
            };

            // A machine runs with it.
            let vm = program.make_vm(name).await?;
            let body = json!({"interface": "virtio", "bootable": "true", "active": "true",
                              "disk": {"id": disk}});
            let attachments = format!("vms/{vm}/diskattachments");
            program.done(Method::POST, &attachments, &body).await?;
            program
                .done(Method::POST, &format!("vms/{vm}/start"), &json!({}))
                .await
                .context(what.clone())?;
            program.vm_is(&vm, "up").await.context(what.clone())?;
            program
                .done(Method::POST, &format!("vms/{vm}/stop"), &json!({}))
                .await?;
            program.vm_is(&vm, "down").await?;

            // It grows, it is copied to the other format, and both are read.
            let body = json!({"provisioned_size": (2 * MIB).to_string()});
            program
                .done(Method::PUT, &format!("disks/{disk}"), &body)
                .await
                .context(what.clone())?;
            disk_is_ready(&program, &disk).await?;
            let other = if format == "raw" { "cow" } else { "raw" };
            let body = json!({"disk": {"alias": "copy", "format": other}});
            program
                .done(Method::POST, &format!("disks/{disk}/copy"), &body)
                .await
                .context(what.clone())?;
            let copy = until(&program, "disks?search=name%3Dcopy", LIMIT, |found| {
                found["disk"][0]["status"] == "ok"
            })
            .await?;
            let copy = copy["disk"][0]["id"]
                .as_str()
                .context("no copy")?
                .to_owned();
            disk_is_ready(&program, &disk).await?;
            for id in [&disk, &copy] {
                let shown = download(&site, &program, id).await.context(what.clone())?;
                ensure!(is_the_same(&shown), "{what}: {} bytes differ", shown.len());
            }
            for file in site.volumes()? {
                for domain in std::fs::read_dir(site.state.join("images"))? {
                    let bytes = std::fs::read(domain?.path().join(&file))?;
                    ensure!(!canary.is_in(&bytes), "{what}: the canary is in {file}");
                }
            }
            let none = json!({});
            program
                .done(Method::DELETE, &format!("disks/{copy}"), &none)
                .await?;
            clean(&program, &vm).await.context(what.clone())?;
            canary_rests(&canary, &what)?;
        }
    }
    canary.is_unharmed()
}
