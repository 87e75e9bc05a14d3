//! What can be done with a disk that is not asked of its machine: attaching,
//! moving, copying, making larger, giving space back, downloading, deleting.

use crate::app::{App, app};
use crate::client::{correlation_id, disks, transfers, vms};
use crate::components::asking::{FormDialog, ask};
use crate::components::history::HistoryDialog;
use crate::format::{GIB, bytes, parse_bytes};
use crate::store::{Disk, Id, Status, Tone};
use crate::task;
use crate::text::{fill, t};
use crate::ui::form::{Check, Choice, TextField};
use crate::ui::menu::{Item, item};
use leptos::prelude::*;
use serde_json::json;
use std::sync::Arc;

/// Which dialog about a disk is open.
#[derive(Clone)]
pub enum DiskAsk {
    /// Putting it into a machine.
    Attach(Arc<Disk>),
    /// Name, description, shared.
    Edit(Arc<Disk>),
    /// Making it larger.
    Resize(Arc<Disk>),
    /// To another storage domain.
    Move(Arc<Disk>),
    /// Another one like it.
    Copy(Arc<Disk>),
    /// What was measured.
    Charts(Arc<Disk>),
    /// For good.
    Delete(Arc<Disk>),
}

/// What can be done with a disk, as lines of a menu. Only what the server knows of is there.
#[must_use]
pub fn items(disk: &Arc<Disk>, is_free: bool, asked: RwSignal<Option<DiskAsk>>) -> Vec<Item> {
    let app = app();
    let refusal = |action: &str| disk.offers.refusal(action).map(str::to_owned);
    let knows = |action: &str| disk.offers.knows(action);
    let open = |words, icon, refusal, what: fn(Arc<Disk>) -> DiskAsk| {
        let disk = Arc::clone(disk);
        item(words, icon, refusal, move || {
            asked.set(Some(what(Arc::clone(&disk))))
        })
    };
    let mut items = Vec::new();
    if !disk.is_iso() {
        let why = (!is_free && !disk.shareable)
            .then(|| {
                t("It is in a machine already; only a shared disk can be in several.").to_owned()
            })
            .or_else(|| refusal("attach"));
        items.push(open(t("Attach to a machine"), "plus", why, DiskAsk::Attach));
    }
    if knows("edit") {
        items.push(open(t("Edit"), "edit", refusal("edit"), DiskAsk::Edit));
        if !disk.is_iso() {
            items.push(open(
                t("Make it larger"),
                "max",
                refusal("edit"),
                DiskAsk::Resize,
            ));
        }
    }
    if knows("move") {
        items.push(open(t("Move"), "migrate", refusal("move"), DiskAsk::Move));
    }
    if knows("copy") {
        items.push(open(t("Copy"), "copy", refusal("copy"), DiskAsk::Copy));
    }
    if knows("sparsify") {
        let thin = Arc::clone(disk);
        items.push(item(
            t("Give empty space back"),
            "refresh",
            refusal("sparsify"),
            move || {
                let refused = fill("{0} was not changed", &[&thin.name]);
                ask(app, None, refused, disks::act(&thin.id, "sparsify", None));
            },
        ));
    }
    if knows("download") {
        let wanted = Arc::clone(disk);
        items.push(item(
            t("Download"),
            "download",
            refusal("download"),
            move || download(app, &wanted),
        ));
    }
    if !disk.is_iso() {
        items.push(open(t("Charts"), "activity", None, DiskAsk::Charts));
    }
    items.push(open(
        t("Delete"),
        "trash",
        refusal("delete"),
        DiskAsk::Delete,
    ));
    items
}

/// Begins a download: the server makes it ready, the browser takes it as a file of its own.
fn download(app: App, disk: &Arc<Disk>) {
    let (id, name, format) = (disk.id.clone(), disk.name.clone(), disk.format.clone());
    app.say(
        Tone::Busy,
        fill("{0} is being made ready", &[&name]),
        Vec::new(),
        None,
    );
    task::run(async move {
        match transfers::ready_for_download(&id, &format, &correlation_id()).await {
            Ok(url) => {
                let ending = if format == "cow" { ".qcow2" } else { ".raw" };
                let file = if name.ends_with(ending) || name.ends_with(".iso") {
                    name
                } else {
                    [name.as_str(), ending].concat()
                };
                save(&url, &file);
            }
            Err(fault) => app.say_fault(fill("{0} cannot be downloaded", &[&name]), fault),
        }
    });
}

/// A link that is pressed once: the browser's own download, with its progress and pause.
fn save(url: &str, file: &str) {
    use wasm_bindgen::JsCast;
    let Ok(link) = document().create_element("a") else {
        return;
    };
    drop(link.set_attribute("href", url));
    drop(link.set_attribute("download", file));
    if let Ok(link) = link.dyn_into::<web_sys::HtmlElement>() {
        link.click();
    }
}

/// The dialog that is open.
#[component]
pub fn DiskDialogs(
    /// Which one.
    asked: RwSignal<Option<DiskAsk>>,
) -> AnyView {
    let close = Callback::new(move |()| asked.set(None));
    view! {
        {move || asked.get().map(|what| match what {
            DiskAsk::Attach(disk) => view! { <Attach disk=disk on_close=close/> }.into_any(),
            DiskAsk::Edit(disk) => view! { <Edit disk=disk on_close=close/> }.into_any(),
            DiskAsk::Resize(disk) => view! { <Resize disk=disk on_close=close/> }.into_any(),
            DiskAsk::Move(disk) => view! { <Place disk=disk copy=false on_close=close/> }.into_any(),
            DiskAsk::Copy(disk) => view! { <Place disk=disk copy=true on_close=close/> }.into_any(),
            DiskAsk::Charts(disk) => view! { <HistoryDialog kind="disks" id=disk.id.clone() name=disk.name.clone() on_close=close/> }.into_any(),
            DiskAsk::Delete(disk) => view! { <Delete disk=disk on_close=close/> }.into_any(),
        })}
    }
    .into_any()
}

#[component]
fn Attach(disk: Arc<Disk>, on_close: Callback<()>) -> AnyView {
    let app = app();
    let vm = RwSignal::new(String::new());
    let interface = RwSignal::new("virtio".to_owned());
    let boots = RwSignal::new(false);
    let machines = Signal::derive(move || {
        let mut options = vec![(String::new(), t("Choose a machine").to_owned())];
        options.extend(
            app.store
                .vms
                .by_name()
                .iter()
                .filter(|vm| !vm.external)
                .map(|vm| {
                    let words = [vm.name.as_str(), ", ", vm.status.status().word].concat();
                    (vm.id.to_string(), words)
                }),
        );
        options
    });
    let interfaces = Signal::derive(|| {
        ["virtio", "virtio_scsi", "sata", "ide"]
            .map(|key| {
                (
                    key.to_owned(),
                    crate::components::names::interface_words(key),
                )
            })
            .to_vec()
    });
    let refusal = Signal::derive(move || {
        if vm.with(String::is_empty) {
            return Some(t("Choose a machine.").to_owned());
        }
        vm.with(|vm| app.store.vms.get(vm))
            .and_then(|vm| vm.offers.refusal("update").map(str::to_owned))
    });
    let title = fill("Attach {0}", &[&disk.name]);
    let go = move |()| {
        let body = json!({
            "bootable": boots.get_untracked().to_string(), "interface": interface.get_untracked(),
            "active": "true", "disk": { "id": *disk.id },
        });
        let (vm, name) = (vm.get_untracked(), disk.name.clone());
        task::run(async move {
            if let Err(fault) = vms::attach(&vm, &body, &correlation_id()).await {
                app.say_fault(fill("{0} was not attached", &[&name]), fault);
            }
        });
    };
    view! {
        <FormDialog title=title button=t("Attach") refusal=refusal on_go=go on_close=on_close>
            <Choice id="attach-vm" label=t("Machine") value=vm options=machines/>
            <Choice id="attach-interface" label=t("Interface") value=interface options=interfaces/>
            <Check label=t("The machine boots from it") value=boots/>
            <p class="sf-help">{t("A running machine sees it at once.")}</p>
        </FormDialog>
    }
    .into_any()
}

#[component]
fn Edit(disk: Arc<Disk>, on_close: Callback<()>) -> AnyView {
    let app = app();
    let name = RwSignal::new(disk.name.clone());
    let description = RwSignal::new(disk.description.clone());
    let shared = RwSignal::new(disk.shareable);
    let before = (disk.name.clone(), disk.description.clone(), disk.shareable);
    let refusal = Signal::derive(move || {
        if name.with(|name| name.trim().is_empty()) {
            return Some(t("It needs a name.").to_owned());
        }
        (before == (name.get(), description.get(), shared.get()))
            .then(|| t("Nothing was changed.").to_owned())
    });
    let raw = disk.format != "cow" && !disk.is_iso();
    let title = fill("Edit {0}", &[&disk.name]);
    let go = move |()| {
        let mut body = json!({ "alias": name.get_untracked().trim(), "description": description.get_untracked() });
        if shared.get_untracked() != disk.shareable {
            body["shareable"] = json!(shared.get_untracked().to_string());
        }
        let refused = fill("{0} was not changed", &[&disk.name]);
        ask(app, None, refused, disks::update(&disk.id, body));
    };
    view! {
        <FormDialog title=title button=t("Save") refusal=refusal on_go=go on_close=on_close>
            <TextField id="disk-edit-name" label=t("Name") value=name first=true/>
            <TextField id="disk-edit-description" label=t("Description") value=description/>
            {raw.then(|| view! { <Check label=t("Several machines may have it at once (shared)") value=shared/> })}
        </FormDialog>
    }
    .into_any()
}

#[component]
fn Resize(disk: Arc<Disk>, on_close: Callback<()>) -> AnyView {
    let app = app();
    let old = disk.size;
    let size = RwSignal::new(bytes(old));
    let wrong = Signal::derive(move || {
        size.with(|size| parse_bytes(size, GIB))
            .is_none_or(|size| size <= old)
            .then(|| fill("More than {0}; a disk cannot shrink.", &[&bytes(old)]))
    });
    let title = fill("Make {0} larger", &[&disk.name]);
    let go = move |()| {
        let body =
            json!({ "provisioned_size": parse_bytes(&size.get_untracked(), GIB).unwrap_or(0) });
        let refused = fill("{0} was not changed", &[&disk.name]);
        ask(app, None, refused, disks::update(&disk.id, body));
    };
    view! {
        <FormDialog title=title button=t("Make it larger") refusal=wrong on_go=go on_close=on_close>
            <TextField id="disk-larger" label=t("New size") value=size wrong=wrong first=true help=t("A running machine sees it at once; its file system is made larger inside.")/>
        </FormDialog>
    }
    .into_any()
}

/// Moving or copying: where to.
#[component]
fn Place(disk: Arc<Disk>, copy: bool, on_close: Callback<()>) -> AnyView {
    let app = app();
    let own = disk.storage_domain.clone();
    let need = disk.actual;
    let options = {
        let own = own.clone();
        Signal::derive(move || {
            app.store
                .storage_domains
                .by_name()
                .iter()
                .filter(|domain| {
                    (copy || Some(&domain.id) != own.as_ref())
                        && Status::of_storage_domain(&domain.status).tone == Tone::Ok
                })
                .map(|domain| {
                    let words = fill("{0}, {1} free", &[&domain.name, &bytes(domain.available)]);
                    (domain.id.to_string(), words)
                })
                .collect::<Vec<_>>()
        })
    };
    let first = untrack(|| options.with(|options| options.first().map(|(id, _)| id.clone())));
    let target = RwSignal::new(first.unwrap_or_default());
    let name = RwSignal::new([disk.name.as_str(), "-copy"].concat());
    let refusal = Signal::derive(move || {
        let Some(domain) = target.with(|target| app.store.storage_domains.get(target)) else {
            return Some(t("There is no other storage domain it could go to.").to_owned());
        };
        (domain.available < need).then(|| {
            fill(
                "{0} has {1} free, it needs {2}.",
                &[&domain.name, &bytes(domain.available), &bytes(need)],
            )
        })
    });
    let title = fill(if copy { "Copy {0}" } else { "Move {0}" }, &[&disk.name]);
    let go = move |()| {
        let mut body = json!({ "storage_domain": { "id": target.get_untracked() } });
        if copy {
            body["disk"] = json!({ "alias": name.get_untracked().trim() });
        }
        let action = if copy { "copy" } else { "move" };
        let refused = fill(
            if copy {
                "{0} was not copied"
            } else {
                "{0} was not moved"
            },
            &[&disk.name],
        );
        ask(app, None, refused, disks::act(&disk.id, action, Some(body)));
    };
    view! {
        <FormDialog title=title button=if copy { t("Copy") } else { t("Move") } refusal=refusal on_go=go on_close=on_close>
            {copy.then(|| view! { <TextField id="copy-name" label=t("Name of the copy") value=name first=true/> })}
            <Choice id="place-domain" label=t("Storage domain") value=target options=options/>
            <p class="sf-help">{fill("{0} of data are copied; it goes on as a task.", &[&bytes(need)])}</p>
            {move || refusal.get().map(|why| view! { <p class="sf-help sf-c-bad" role="status">{why}</p> })}
        </FormDialog>
    }
    .into_any()
}

#[component]
fn Delete(disk: Arc<Disk>, on_close: Callback<()>) -> AnyView {
    let app = app();
    let title = fill("Delete {0}?", &[&disk.name]);
    let words = fill(
        "This cannot be undone: {0} of data are gone with it.",
        &[&bytes(disk.actual)],
    );
    let go = move |()| {
        let (id, name): (Id, String) = (disk.id.clone(), disk.name.clone());
        task::run(async move {
            match disks::remove(&id).await {
                Ok(()) => app.say(
                    Tone::Ok,
                    fill("{0} is being deleted", &[&name]),
                    Vec::new(),
                    None,
                ),
                Err(fault) => app.say_fault(fill("{0} was not deleted", &[&name]), fault),
            }
        });
    };
    view! {
        <FormDialog title=title button=t("Delete") danger=true on_go=go on_close=on_close>
            <p>{words.clone()}</p>
        </FormDialog>
    }
    .into_any()
}
