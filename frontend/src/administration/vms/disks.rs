//! Disks of a machine and its CD drive.

use crate::app::app;
use crate::client::{correlation_id, vms};
use crate::components::cd;
use crate::components::names::interface_words;
use crate::components::status::{badge, label};
use crate::format::{GIB, bytes, bytes_of, parse_bytes};
use crate::store::{Attachment, Disk, Id, Status, Tone, Vm};
use crate::task;
use crate::text::{fill, t};
use crate::ui::button::{Button, Kind};
use crate::ui::dialog::Dialog;
use crate::ui::form::{Check, Choice, TextField};
use crate::ui::menu::{Item, Menu, item};
use crate::ui::page::section;
use crate::ui::table::{Column, column, plain_table};
use leptos::prelude::*;
use serde_json::json;
use std::sync::Arc;

const COLUMNS: &[Column] = &[
    column("Status", "c-100", "", false),
    column("Name", "", "", false),
    column("Size", "c-160", "", false),
    column("Format", "c-100", "", false),
    column("Interface", "c-100", "", false),
    column("Storage domain", "c-140", "", false),
    column("", "c-60", "sf-right", false),
];

/// What can be asked about a disk of a machine.
#[derive(Clone)]
enum Asked {
    New,
    Existing,
    Resize(Arc<Disk>),
    Remove(Arc<Disk>),
}

/// The tab.
#[component]
pub fn Disks(
    /// Which machine.
    id: Id,
    /// Opens the dialog for the CD.
    #[prop(into)]
    on_cd: Callback<()>,
) -> AnyView {
    let app = app();
    let store = app.store;
    let vm = {
        let id = id.clone();
        Memo::new(move |_| store.vms.get(&id).map(|vm| vm.without_figures()))
    };
    let asked = RwSignal::new(None::<Asked>);
    let refusal = Signal::derive(move || {
        vm.get()
            .and_then(|vm| vm.offers.refusal("update").map(str::to_owned))
    });
    let table = {
        let id = id.clone();
        move || {
            let Some(vm) = vm.get() else {
                return ().into_any();
            };
            if vm.disks.is_empty() {
                return view! { <p class="sf-dim">{t("It has no disk.")}</p> }.into_any();
            }
            plain_table(
                t("Disks"),
                COLUMNS,
                vm.disks
                    .iter()
                    .map(|attachment| row(&vm, &id, attachment, asked))
                    .collect(),
            )
        }
    };
    let drive = {
        let id = id.clone();
        move || {
            let Some(vm) = vm.get() else {
                return ().into_any();
            };
            let words = vm
                .cd
                .as_ref()
                .map_or_else(|| t("Empty").to_owned(), |disk| store.disks.name_of(disk));
            let refusal = vm.offers.refusal("cdrom").map(str::to_owned);
            let (refusal_eject, id) = (refusal.clone(), id.clone());
            view! {
                <div class="sf-row is-wrap">
                    {crate::ui::icon::icon("disc")}
                    <span class="sf-strong">{words}</span>
                    <Button label=t("Change CD") refusal=Signal::derive(move || refusal.clone()) on_press=on_cd/>
                    {vm.cd.is_some().then(|| view! { <Button label=t("Eject") refusal=Signal::derive(move || refusal_eject.clone()) on_press=move |()| cd::change(app, &id, None)/> })}
                </div>
                <p class="sf-help">{t("Of a running machine the CD is changed at once.")}</p>
            }
            .into_any()
        }
    };
    let dialog = move || {
        asked.get().map(|what| {
            let close = Callback::new(move |()| asked.set(None));
            let id = id.clone();
            match what {
                Asked::New => view! { <NewDisk vm=id on_close=close/> }.into_any(),
                Asked::Existing => view! { <Attach vm=id on_close=close/> }.into_any(),
                Asked::Resize(disk) => {
                    view! { <Resize vm=id disk=disk on_close=close/> }.into_any()
                }
                Asked::Remove(disk) => {
                    view! { <Remove vm=id disk=disk on_close=close/> }.into_any()
                }
            }
        })
    };
    view! {
        <div class="sf-pad sf-stack is-24">
            <div></div>
            {section(t("Disks"), view! {
                <span class="sf-row is-tight">
                    <Button label=t("New disk") icon="plus" refusal=refusal on_press=move |()| asked.set(Some(Asked::New))/>
                    <Button label=t("Attach") refusal=refusal on_press=move |()| asked.set(Some(Asked::Existing))/>
                </span>
            }, table)}
            {section(t("CD drive"), (), drive)}
            {dialog}
        </div>
    }
    .into_any()
}

fn row(vm: &Vm, id: &Id, attachment: &Attachment, asked: RwSignal<Option<Asked>>) -> Vec<AnyView> {
    let app = app();
    let disk = app.store.disks.get(&attachment.disk);
    let (name, size, format, domain, status) = match &disk {
        Some(disk) => (
            disk.name.clone(),
            bytes_of(disk.actual, disk.size),
            if disk.format == "cow" { "qcow2" } else { "raw" },
            disk.storage_domain
                .as_ref()
                .map(|domain| app.store.storage_domains.name_of(domain))
                .unwrap_or_default(),
            Status::of_disk(&disk.status),
        ),
        None => (
            attachment.disk.to_string(),
            String::new(),
            "",
            String::new(),
            Status::of_disk(""),
        ),
    };
    let refusal = vm.offers.refusal("update").map(str::to_owned);
    let items = match disk {
        Some(disk) => items(id.clone(), attachment.clone(), disk, refusal, asked),
        None => Vec::new(),
    };
    let menu_name = fill("Actions for disk {0}", &[&name]);
    vec![
        badge(status),
        view! { <span class="sf-strong">{name}</span>" "{attachment.bootable.then(|| label(t("boots"), "is-accent"))}{(!attachment.active).then(|| label(t("unplugged"), ""))} }.into_any(),
        size.into_any(),
        format.into_any(),
        interface_words(&attachment.interface).into_any(),
        view! { <span class="sf-dim">{domain}</span> }.into_any(),
        view! { <Menu name=menu_name items=Signal::derive(move || items.clone())/> }.into_any(),
    ]
}

fn items(
    vm: Id,
    attachment: Attachment,
    disk: Arc<Disk>,
    refusal: Option<String>,
    asked: RwSignal<Option<Asked>>,
) -> Vec<Item> {
    let app = app();
    let (resize, remove) = (Arc::clone(&disk), Arc::clone(&disk));
    let toggle = {
        let name = disk.name.clone();
        let (bootable, disk_id) = (attachment.bootable, attachment.disk.clone());
        move || {
            let (vm, id, name) = (vm.clone(), disk_id.clone(), name.clone());
            task::run(async move {
                if let Err(fault) = vms::update_attachment(
                    &vm,
                    &id,
                    &json!({ "bootable": (!bootable).to_string() }),
                )
                .await
                {
                    app.say_fault(fill("{0} was not changed", &[&name]), fault);
                }
            });
        }
    };
    vec![
        item(
            if attachment.bootable {
                t("Do not boot from it")
            } else {
                t("Boot from it")
            },
            "play",
            refusal.clone(),
            toggle,
        ),
        item(t("Make it larger"), "max", refusal.clone(), move || {
            asked.set(Some(Asked::Resize(Arc::clone(&resize))))
        }),
        item(t("Take it out"), "trash", refusal, move || {
            asked.set(Some(Asked::Remove(Arc::clone(&remove))))
        }),
    ]
}

#[component]
fn NewDisk(vm: Id, on_close: Callback<()>) -> AnyView {
    let app = app();
    let store = app.store;
    let Some(machine) = store.vms.peek(&vm) else {
        return ().into_any();
    };
    let name = RwSignal::new(
        [
            machine.name.as_str(),
            "_Disk",
            &(machine.disks.len() + 1).to_string(),
        ]
        .concat(),
    );
    let size = RwSignal::new("20 GiB".to_owned());
    let best = untrack(|| store.storage_domains.by_name())
        .iter()
        .filter(|domain| domain.kind != "iso")
        .max_by_key(|domain| domain.available)
        .map(|domain| domain.id.to_string())
        .unwrap_or_default();
    let domain = RwSignal::new(best);
    let thin = RwSignal::new(true);
    let boots = RwSignal::new(machine.disks.iter().all(|disk| !disk.bootable));
    let domains = Signal::derive(move || {
        store
            .storage_domains
            .by_name()
            .iter()
            .map(|domain| {
                (
                    domain.id.to_string(),
                    fill("{0}, {1} free", &[&domain.name, &bytes(domain.available)]),
                )
            })
            .collect::<Vec<_>>()
    });
    let wrong = Signal::derive(move || {
        size.with(|size| parse_bytes(size, GIB))
            .is_none_or(|size| size == 0)
            .then(|| t("With its unit: 512 MiB, 40 GiB").to_owned())
    });
    let refusal = Signal::derive(move || {
        wrong.get().or_else(|| {
            name.with(|name| name.trim().is_empty())
                .then(|| t("It needs a name.").to_owned())
        })
    });
    let add = move |()| {
        let vm = vm.clone();
        let body = json!({
            "bootable": boots.get_untracked().to_string(), "interface": "virtio", "active": "true",
            "disk": {
                "name": name.get_untracked().trim(),
                "format": if thin.get_untracked() { "cow" } else { "raw" },
                "sparse": thin.get_untracked().to_string(),
                "provisioned_size": parse_bytes(&size.get_untracked(), GIB).unwrap_or(0),
                "storage_domains": { "storage_domain": [{ "id": domain.get_untracked() }] },
            },
        });
        task::run(async move {
            if let Err(fault) = vms::attach(&vm, &body, &correlation_id()).await {
                app.say_fault(t("The disk was not made"), fault);
            }
        });
        on_close.run(());
    };
    view! {
        <Dialog title=t("New disk") small=true on_close=on_close foot=move || view! {
            <Button label=t("Add") kind=Kind::Primary refusal=refusal on_press=add.clone()/>
            <Button label=t("Cancel") kind=Kind::Link on_press=on_close/>
        }>
            <div class="sf-dialog__body sf-fields">
                <TextField id="disk-name" label=t("Name") value=name/>
                <div class="sf-fields is-2">
                    <TextField id="disk-size" label=t("Size") value=size wrong=wrong first=true/>
                    <Choice id="disk-domain" label=t("Storage domain") value=domain options=domains/>
                </div>
                <Check label=t("Takes space only as it fills") value=thin/>
                <Check label=t("The machine boots from it") value=boots/>
            </div>
        </Dialog>
    }
    .into_any()
}

#[component]
fn Attach(vm: Id, on_close: Callback<()>) -> AnyView {
    let app = app();
    let store = app.store;
    let disk = RwSignal::new(String::new());
    let boots = RwSignal::new(false);
    let options = Signal::derive(move || {
        let vms = store.vms.all();
        let mut options = vec![(String::new(), t("Choose a disk").to_owned())];
        options.extend(
            store
                .disks
                .by_name()
                .iter()
                .filter(|disk| {
                    !disk.is_iso()
                        && disk.status == "ok"
                        && !vms
                            .iter()
                            .any(|vm| vm.disks.iter().any(|attachment| attachment.disk == disk.id))
                })
                .map(|disk| {
                    (
                        disk.id.to_string(),
                        [disk.name.as_str(), ", ", &bytes(disk.size)].concat(),
                    )
                }),
        );
        options
    });
    let help = Signal::derive(move || {
        if options.with(Vec::len) > 1 { t("Only disks that are in no machine.") } else { t("Every disk is in a machine already. Upload one on the Storage page, or make a new one.") }.to_owned()
    });
    let refusal = Signal::derive(move || {
        disk.with(String::is_empty)
            .then(|| t("Choose a disk.").to_owned())
    });
    let attach = move |()| {
        let vm = vm.clone();
        let body = json!({ "bootable": boots.get_untracked().to_string(), "interface": "virtio", "active": "true", "disk": { "id": disk.get_untracked() } });
        task::run(async move {
            if let Err(fault) = vms::attach(&vm, &body, &correlation_id()).await {
                app.say_fault(t("The disk was not attached"), fault);
            }
        });
        on_close.run(());
    };
    view! {
        <Dialog title=t("Attach a disk") small=true on_close=on_close foot=move || view! {
            <Button label=t("Attach") kind=Kind::Primary refusal=refusal on_press=attach.clone()/>
            <Button label=t("Cancel") kind=Kind::Link on_press=on_close/>
        }>
            <div class="sf-dialog__body sf-fields">
                <Choice id="attach-disk" label=t("Disk") value=disk options=options help=help/>
                <Check label=t("The machine boots from it") value=boots/>
            </div>
        </Dialog>
    }
    .into_any()
}

#[component]
fn Resize(vm: Id, disk: Arc<Disk>, on_close: Callback<()>) -> AnyView {
    let app = app();
    let size = RwSignal::new(bytes(disk.size));
    let old = disk.size;
    let wrong = Signal::derive(move || {
        size.with(|size| parse_bytes(size, GIB))
            .is_none_or(|size| size <= old)
            .then(|| fill("More than {0}; a disk cannot shrink.", &[&bytes(old)]))
    });
    let title = fill("Make {0} larger", &[&disk.name]);
    let grow = move |()| {
        let (vm, disk) = (vm.clone(), Arc::clone(&disk));
        let body = json!({ "disk": { "provisioned_size": parse_bytes(&size.get_untracked(), GIB).unwrap_or(0) } });
        task::run(async move {
            match vms::update_attachment(&vm, &disk.id, &body).await {
                Ok(()) => app.say(
                    Tone::Ok,
                    fill("{0} is being made larger", &[&disk.name]),
                    Vec::new(),
                    None,
                ),
                Err(fault) => app.say_fault(fill("{0} was not changed", &[&disk.name]), fault),
            }
        });
        on_close.run(());
    };
    view! {
        <Dialog title=title small=true on_close=on_close foot=move || view! {
            <Button label=t("Make it larger") kind=Kind::Primary refusal=wrong on_press=grow.clone()/>
            <Button label=t("Cancel") kind=Kind::Link on_press=on_close/>
        }>
            <div class="sf-dialog__body"><TextField id="disk-new-size" label=t("New size") value=size wrong=wrong first=true/></div>
        </Dialog>
    }
    .into_any()
}

#[component]
fn Remove(vm: Id, disk: Arc<Disk>, on_close: Callback<()>) -> AnyView {
    let app = app();
    let delete = RwSignal::new(false);
    let title = fill("Take {0} out", &[&disk.name]);
    let go = move |()| {
        let (vm, disk) = (vm.clone(), Arc::clone(&disk));
        let delete = delete.get_untracked();
        task::run(async move {
            if let Err(fault) = vms::detach(&vm, &disk.id, delete).await {
                app.say_fault(fill("{0} was not taken out", &[&disk.name]), fault);
            }
        });
        on_close.run(());
    };
    view! {
        <Dialog title=title small=true on_close=on_close foot=move || view! {
            <Button label=Signal::derive(move || if delete.get() { t("Take out and delete") } else { t("Take out") }.to_owned()) kind=Kind::Danger on_press=go.clone()/>
            <Button label=t("Cancel") kind=Kind::Link on_press=on_close/>
        }>
            <div class="sf-dialog__body sf-stack is-12">
                <p>{t("The machine will not see it any more. The disk itself stays, with everything on it, unless you tick this:")}</p>
                <Check label=t("Delete it for good") value=delete/>
            </div>
        </Dialog>
    }
    .into_any()
}
