//! Uploads: looks at a file's beginning, makes a disk for it, sends it in
//! pieces, asks the server to check it. Lives as long as the page; what was sent
//! outlives it (`kept`).
//!
//! ```text
//! Reading → Preparing → Sending ⇄ Paused → Checking → Done
//!     └────────┴───────────┴─────────────────┴──▶ Failed (what was begun is removed)
//! ```

mod inspect;
pub mod kept;

use crate::app::App;
use crate::client::{Fault, correlation_id, disks, imports, transfers};
use crate::format::bytes;
use crate::store::{Id, Severity, VmStatus};
use crate::task;
use crate::text::{fill, t};
use inspect::{Image, inspect};
use kept::Kept;
use leptos::prelude::*;
use serde_json::json;
use std::cell::RefCell;
use std::collections::HashMap;
use wasm_bindgen_futures::JsFuture;

/// Bytes sent at once.
const PIECE: u64 = 4 << 20;
/// How much of a file is looked at: up to an ISO's volume descriptor.
const HEAD: u64 = 33 * 1024;
/// How often a piece is tried.
const TRIES: u32 = 6;

/// How an upload stands.
#[derive(Clone, Debug, PartialEq)]
pub enum UploadState {
    /// Looking at the file.
    Reading,
    /// The server makes room.
    Preparing,
    /// On its way.
    Sending,
    /// On its way again soon: the line was cut.
    Retrying,
    /// The person paused it.
    Paused,
    /// All is sent; the server looks at it.
    Checking,
    /// It can be used.
    Done,
    /// It cannot, because.
    Failed(Fault),
}

impl UploadState {
    /// Whether anything is still going to happen.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, UploadState::Done | UploadState::Failed(_))
    }
}

/// One upload.
#[derive(Clone, Copy, PartialEq)]
pub struct Upload {
    /// Tells it from the others.
    pub key: u32,
    /// The file's name.
    pub name: StoredValue<String>,
    /// In bytes.
    pub size: u64,
    /// Where it goes.
    pub domain: StoredValue<Id>,
    /// Bytes sent.
    pub sent: RwSignal<u64>,
    /// Bytes per second of late.
    pub speed: RwSignal<u64>,
    /// How it stands.
    pub state: RwSignal<UploadState>,
    wanted: RwSignal<Wanted>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Going,
    Paused,
    Cancelled,
}

thread_local! {
    static ABORTS: RefCell<HashMap<u32, web_sys::AbortController>> = RefCell::new(HashMap::new());
}

impl Upload {
    /// Stops sending until told otherwise.
    pub fn pause(self) {
        self.wanted.set(Wanted::Paused);
        abort(self.key);
    }

    /// Goes on.
    pub fn resume(self) {
        self.wanted.set(Wanted::Going);
    }

    /// Stops for good.
    pub fn cancel(self) {
        self.wanted.set(Wanted::Cancelled);
        abort(self.key);
    }

    /// How much is sent, in percent.
    #[must_use]
    pub fn percent(self) -> f64 {
        crate::format::share(self.sent.get(), self.size)
    }
}

fn abort(key: u32) {
    ABORTS.with(|cell| {
        if let Some(controller) = cell.borrow().get(&key) {
            controller.abort();
        }
    });
}

/// All uploads of this page.
#[derive(Clone, Copy)]
pub struct Uploads(RwSignal<Vec<Upload>>);

impl Default for Uploads {
    fn default() -> Self {
        Uploads(RwSignal::new(Vec::new()))
    }
}

impl Uploads {
    /// All that are not put away.
    #[must_use]
    pub fn all(self) -> Vec<Upload> {
        self.0.get()
    }

    /// Puts one away.
    pub fn dismiss(self, key: u32) {
        self.0
            .update(|uploads| uploads.retain(|upload| upload.key != key));
    }

    /// Begins to upload a file into a storage domain.
    pub fn begin(self, app: App, file: web_sys::File, domain: Id) {
        let owner = Owner::new_root(None);
        // INVARIANT: an upload's signals must outlive the page that began it, so they belong to no page.
        let upload = owner.with(|| Upload {
            key: app.fresh_key(),
            name: StoredValue::new(file.name()),
            size: file.size() as u64,
            domain: StoredValue::new(domain),
            sent: RwSignal::new(0),
            speed: RwSignal::new(0),
            state: RwSignal::new(UploadState::Reading),
            wanted: RwSignal::new(Wanted::Going),
        });
        std::mem::forget(owner);
        self.0.update(|uploads| uploads.push(upload));
        task::run(async move {
            let correlation = correlation_id();
            let mut begun = Begun::default();
            let outcome = send(app, upload, &file, &correlation, &mut begun).await;
            ABORTS.with(|cell| cell.borrow_mut().remove(&upload.key));
            match outcome {
                Ok(()) => upload.state.set(UploadState::Done),
                Err(fault) => {
                    undo(&begun).await;
                    if upload.wanted.get_untracked() == Wanted::Cancelled {
                        app.uploads.dismiss(upload.key);
                    } else {
                        upload
                            .state
                            .set(UploadState::Failed(explained(app, fault, &correlation)));
                    }
                }
            }
        });
    }
}

#[derive(Default)]
struct Begun {
    disk: Option<Id>,
    transfer: Option<String>,
}

/// Takes back what was begun, as far as it goes; the server cleans up what is left.
async fn undo(begun: &Begun) {
    if let Some(transfer) = &begun.transfer {
        kept::forget(transfer);
        drop(transfers::end(transfer, "cancel").await);
    }
    if let Some(disk) = &begun.disk {
        drop(disks::remove(disk).await);
    }
}

/// The server writes into its log why it refused an image.
fn explained(app: App, fault: Fault, correlation: &str) -> Fault {
    let said = app.store.events(1, |event| {
        event.correlation == correlation && event.severity >= Severity::Warning
    });
    match said.first() {
        Some(event) if !fault.sentences.contains(&event.description) => Fault {
            sentences: vec![event.description.clone()],
            correlation: Some(correlation.to_owned()),
            ..fault
        },
        _ => Fault {
            correlation: Some(correlation.to_owned()),
            ..fault
        },
    }
}

async fn send(
    app: App,
    upload: Upload,
    file: &web_sys::File,
    correlation: &str,
    begun: &mut Begun,
) -> Result<(), Fault> {
    let name = upload.name.get_value();
    let modified = file.last_modified().max(0.0) as u64;
    if let Some(kept) = kept::of_file(&name, upload.size, modified)
        && let Some(url) = taken_up(&kept).await?
    {
        begun.disk = Some(Id::from(kept.disk.as_str()));
        begun.transfer = Some(kept.transfer.clone());
        upload.sent.set(kept.place);
        pieces(upload, file, &url, &kept).await?;
        let disk = Id::from(kept.disk.as_str());
        return finish(app, upload, &kept.transfer, &disk).await;
    }
    let head = read_head(file)
        .await
        .ok_or_else(|| Fault::of(t("The browser could not read the file. Choose it again.")))?;
    let image = inspect(&name, upload.size, &head).map_err(|why| Fault::of(t(why)))?;

    upload.state.set(UploadState::Preparing);
    let (content, format, provisioned) = match image {
        Image::Iso => ("iso", "raw", upload.size.div_ceil(512) * 512),
        Image::Raw => ("data", "raw", upload.size),
        Image::Qcow2(virtual_size) => ("data", "cow", virtual_size),
        Image::Vmdk(virtual_size) => ("data", "cow", virtual_size),
        Image::Ova => ("data", "raw", upload.size.div_ceil(512) * 512),
    };
    let body = json!({
        "name": name,
        "content_type": content,
        "format": format,
        "sparse": matches!(image, Image::Qcow2(_) | Image::Vmdk(_)).to_string(),
        "provisioned_size": provisioned,
        "initial_size": upload.size,
        "storage_domains": { "storage_domain": [{ "id": *upload.domain.get_value() }] },
    });
    let disk = disks::add(&body, correlation).await?;
    begun.disk = Some(disk.clone());
    let ready = app.store.until(|store| {
        store
            .disks
            .peek(&disk)
            .and_then(|disk| match disk.status.as_str() {
                "ok" => Some(true),
                "illegal" => Some(false),
                _ => None,
            })
    });
    if !ready.await {
        return Err(Fault::of(t("The server could not make room for it.")));
    }
    let mut transfer =
        transfers::begin(&disk, format, matches!(image, Image::Vmdk(_)), correlation).await?;
    begun.transfer = Some(transfer.id.clone());
    for _ in 0..120 {
        if transfer.phase == "transferring" && transfer.url.is_some() {
            break;
        }
        still_wanted(upload)?;
        task::pause(250).await;
        transfer = transfers::get(&transfer.id)
            .await?
            .ok_or_else(|| Fault::of(t("The server ended the upload before it began.")))?;
    }
    let url = transfer
        .url
        .clone()
        .ok_or_else(|| Fault::of(t("The server did not say where to send the file.")))?;
    let kept = Kept {
        transfer: transfer.id.clone(),
        disk: disk.to_string(),
        name,
        size: upload.size,
        modified,
        place: 0,
    };
    kept::keep(&kept);
    pieces(upload, file, &url, &kept).await?;
    finish(app, upload, &transfer.id, &disk).await
}

/// Where a kept upload goes on; nothing when the server has given it up.
async fn taken_up(kept: &Kept) -> Result<Option<String>, Fault> {
    for turn in 0..120 {
        let Some(transfer) = transfers::get(&kept.transfer).await? else {
            break;
        };
        match (transfer.phase.as_str(), transfer.url) {
            ("transferring", Some(url)) => return Ok(Some(url)),
            ("paused_system" | "paused_user", _) if turn == 0 => {
                transfers::end(&kept.transfer, "resume").await?;
            }
            ("transferring" | "resuming" | "initializing" | "paused_system" | "paused_user", _) => {
            }
            _ => break,
        }
        task::pause(250).await;
    }
    kept::forget(&kept.transfer);
    Ok(None)
}

/// All is sent: the server looks at it, and takes a machine's archive apart.
async fn finish(app: App, upload: Upload, transfer: &str, disk: &Id) -> Result<(), Fault> {
    upload.state.set(UploadState::Checking);
    transfers::end(transfer, "finalize").await?;
    loop {
        match transfers::get(transfer).await? {
            None => break,
            Some(transfer) => match transfer.phase.as_str() {
                "finished_success" => break,
                "finished_failure" | "cancelled" | "finished_cleanup" => {
                    // The reason comes as an event on the stream; give it a moment.
                    task::pause(700).await;
                    return Err(Fault::of(t("The server refused the file.")));
                }
                _ => task::pause(400).await,
            },
        }
    }
    kept::forget(transfer);
    if !upload
        .name
        .with_value(|name| name.to_lowercase().ends_with(".ova"))
    {
        return Ok(());
    }
    let cluster = app.store.clusters.peek_all();
    let cluster = cluster
        .iter()
        .find(|cluster| cluster.name == "Default")
        .or_else(|| cluster.first())
        .map(|cluster| cluster.id.clone())
        .ok_or_else(|| Fault::of(t("There is no cluster it could run in.")))?;
    let vm = imports::of_archive(disk, &cluster, &upload.domain.get_value()).await?;
    let mut seen = false;
    let outcome = app
        .store
        .until(move |store| match store.vms.peek(&vm) {
            Some(machine) => {
                seen = true;
                (machine.status != VmStatus::Preparing).then_some(Ok(()))
            }
            // Seen and gone: what failed is taken back.
            None => seen.then(|| {
                Err(Fault::of(t(
                    "The archive could not be taken apart; the activity says why.",
                )))
            }),
        })
        .await;
    drop(disks::remove(disk).await);
    outcome
}

fn still_wanted(upload: Upload) -> Result<(), Fault> {
    if upload.wanted.get_untracked() == Wanted::Cancelled {
        Err(Fault::of(t("Cancelled.")))
    } else {
        Ok(())
    }
}

async fn pieces(upload: Upload, file: &web_sys::File, url: &str, kept: &Kept) -> Result<(), Fault> {
    let mut place = kept.place;
    let mut tries = 0;
    let (mut since, mut since_place) = (task::now(), place);
    upload.state.set(UploadState::Sending);
    while place < upload.size {
        still_wanted(upload)?;
        if upload.wanted.get_untracked() == Wanted::Paused {
            upload.state.set(UploadState::Paused);
            while upload.wanted.get_untracked() == Wanted::Paused {
                task::pause(150).await;
            }
            still_wanted(upload)?;
            upload.state.set(UploadState::Sending);
            (since, since_place) = (task::now(), place);
        }
        let past = (place + PIECE).min(upload.size);
        let blob = file
            .slice_with_f64_and_f64(place as f64, past as f64)
            .map_err(|_| Fault::of(t("The browser could not read the file. Choose it again.")))?;
        let controller = web_sys::AbortController::new().map_err(|_| Fault::unsendable())?;
        let signal = controller.signal();
        ABORTS.with(|cell| cell.borrow_mut().insert(upload.key, controller));
        match transfers::put(url, &blob, place, past, upload.size, &signal).await {
            Ok(()) => {
                if tries > 0 {
                    upload.state.set(UploadState::Sending);
                }
                tries = 0;
                place = past;
                upload.sent.set(place);
                kept::keep(&Kept {
                    place,
                    ..kept.clone()
                });
                let seconds = (task::now() - since) / 1000.0;
                if seconds > 0.3 {
                    upload
                        .speed
                        .set(((place - since_place) as f64 / seconds) as u64);
                }
                if seconds > 8.0 {
                    (since, since_place) = (task::now(), place);
                }
            }
            // Paused or cancelled: the loop's head decides.
            Err(_) if upload.wanted.get_untracked() != Wanted::Going => {}
            Err(fault) if (fault.status == 0 || fault.status >= 500) && tries < TRIES => {
                tries += 1;
                upload.state.set(UploadState::Retrying);
                task::pause(500 << tries.min(5)).await;
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

async fn read_head(file: &web_sys::File) -> Option<Vec<u8>> {
    let blob = file.slice_with_f64_and_f64(0.0, HEAD as f64).ok()?;
    let buffer = JsFuture::from(blob.array_buffer()).await.ok()?;
    Some(js_sys::Uint8Array::new(&buffer).to_vec())
}

/// `118 MiB/s, 0:33 left`
#[must_use]
pub fn pace(sent: u64, size: u64, speed: u64) -> String {
    if speed == 0 {
        return String::new();
    }
    fill(
        "{0}/s, {1} left",
        &[
            &bytes(speed),
            &crate::format::countdown(size.saturating_sub(sent).div_ceil(speed)),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_says_how_long_it_takes() {
        assert_eq!(pace(1 << 30, 2 << 30, 32 << 20), "32 MiB/s, 0:32 left");
        assert_eq!(pace(0, 1, 0), "");
    }
}
