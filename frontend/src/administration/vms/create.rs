//! Making a machine: three decisions, everything else chosen with its reason
//! and open to change; the same as YAML and as API calls; then a task that can
//! be left at once.

use super::plan::{NewVm, SIZES, Source};
use crate::app::{App, app};
use crate::client::{Fault, correlation_id, vms};
use crate::components::cd::iso_options;
use crate::format::{GIB, bytes, parse_bytes, share};
use crate::store::{Disk, Id, Tone, VmStatus};
use crate::task;
use crate::text::{fill, t};
use crate::ui::bar::bar;
use crate::ui::button::{Button, Kind};
use crate::ui::dialog::Dialog;
use crate::ui::form::{Check, Choice, TextField};
use crate::ui::yes;
use crate::work::{Work, WorkState};
use leptos::ev;
use leptos::prelude::*;
use std::sync::Arc;

/// The disk a new machine gets, in bytes.
const DISK: u64 = 20 * GIB;

/// Makes it, step by step, as one task.
pub fn make(app: App, plan: NewVm, made: RwSignal<Option<Id>>) {
    let work = app
        .works
        .begin(app.fresh_key(), fill("Creating {0}", &[plan.name.trim()]));
    task::run(async move {
        let correlation = correlation_id();
        match run(app, &plan, work, &correlation, made).await {
            Ok(()) => {
                work.state.set(WorkState::Done);
                app.say(
                    Tone::Ok,
                    if plan.start {
                        fill("{0} is ready and starting", &[plan.name.trim()])
                    } else {
                        fill("{0} is ready", &[plan.name.trim()])
                    },
                    Vec::new(),
                    None,
                );
            }
            Err(fault) => {
                app.say_fault(
                    fill("{0} is not complete", &[plan.name.trim()]),
                    fault.clone(),
                );
                work.state.set(WorkState::Failed(fault));
            }
        }
    });
}

async fn run(
    app: App,
    plan: &NewVm,
    work: Work,
    correlation: &str,
    made: RwSignal<Option<Id>>,
) -> Result<(), Fault> {
    let steps = plan.steps();
    let mut vm = Id::from("");
    let mut disks = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        work.state.set(WorkState::Step(
            place + 1,
            steps.len(),
            t(step.words).to_owned(),
        ));
        match step.path {
            "/vms" => {
                vm = vms::add(&step.body, correlation).await?;
                let _ = made.try_set(Some(vm.clone()));
            }
            "/vms/{vm}/nics" => vms::add_nic(&vm, &step.body, correlation).await?,
            "/vms/{vm}/diskattachments" => {
                disks.push(vms::attach(&vm, &step.body, correlation).await?);
            }
            "/vms/{vm}/start" => {
                settled(app, &vm, &disks).await?;
                vms::act(&vm, "start").await?;
            }
            _ => vms::change_cd(&vm, plan.iso.as_deref(), false, correlation).await?,
        }
    }
    Ok(())
}

/// Waits until its disks are made: the stream says when. It may not even have told of them yet.
async fn settled(app: App, vm: &Id, expected: &[Id]) -> Result<(), Fault> {
    let (vm, expected) = (vm.clone(), expected.to_vec());
    app.store
        .until(move |store| {
            let machine = store.vms.peek(&vm)?;
            let told = |id: &Id| machine.disks.iter().any(|disk| disk.disk == *id);
            if !expected.iter().all(told)
                || !expected.iter().all(|id| store.disks.peek(id).is_some())
            {
                return None;
            }
            let disks: Vec<Option<Arc<Disk>>> = machine
                .disks
                .iter()
                .map(|attachment| store.disks.peek(&attachment.disk))
                .collect();
            if disks.iter().flatten().any(|disk| disk.status == "illegal") {
                return Some(Err(Fault::of(t("Its disk could not be made."))));
            }
            let ready = machine.status != VmStatus::Preparing
                && disks
                    .iter()
                    .all(|disk| disk.as_ref().is_none_or(|disk| disk.status == "ok"));
            ready.then_some(Ok(()))
        })
        .await
}

fn tile(
    group: &'static str,
    letter: &'static str,
    title: String,
    small: String,
    chosen: Signal<bool>,
    choose: impl Fn() + 'static,
) -> AnyView {
    view! {
        <label class="sf-tile">
            <input type="radio" name=group prop:checked=chosen on:change=move |_| choose()/>
            <span class="sf-os" aria-hidden="true">{letter}</span>
            <span class="sf-grow"><b>{title}</b><small>{small}</small></span>
        </label>
    }
    .into_any()
}

/// A line of what was chosen, with its reason and a way to change it.
#[component]
fn Default(
    name: &'static str,
    #[prop(into)] value: Signal<String>,
    #[prop(into)] why: Signal<String>,
    edit: ChildrenFn,
) -> AnyView {
    let open = RwSignal::new(false);
    view! {
        <div class="sf-default">
            <span>{name}</span>
            <span>{value}<small>{why}</small></span>
            <button type="button" class="sf-link" aria-expanded=move || yes(open.get()) aria-label=fill("Change {0}", &[&name.to_lowercase()]) on:click=move |_| open.update(|open| *open = !*open)>
                {move || if open.get() { t("Done") } else { t("Change") }}
            </button>
            {move || open.get().then(|| view! { <div class="sf-default__edit">{edit()}</div> })}
        </div>
    }
    .into_any()
}

/// What the form holds; texts as typed.
#[derive(Clone, Copy)]
struct Form {
    name: RwSignal<String>,
    description: RwSignal<String>,
    source: RwSignal<Source>,
    iso: RwSignal<String>,
    image: RwSignal<String>,
    size: RwSignal<Option<usize>>,
    vcpus: RwSignal<String>,
    memory: RwSignal<String>,
    cluster: RwSignal<String>,
    os: RwSignal<String>,
    firmware: RwSignal<String>,
    disk: RwSignal<String>,
    domain: RwSignal<String>,
    profile: RwSignal<String>,
    start: RwSignal<bool>,
}

fn some(id: String) -> Option<Id> {
    (!id.is_empty()).then(|| Id::from(id))
}

impl Form {
    fn plan(self, app: App) -> NewVm {
        let size = self.size.get().and_then(|place| SIZES.get(place));
        NewVm {
            name: self.name.get().trim().to_owned(),
            description: self.description.get(),
            source: self.source.get(),
            iso: some(self.iso.get()),
            image: some(self.image.get()),
            vcpus: size.map_or_else(
                || self.vcpus.get().trim().parse().unwrap_or(0),
                |size| size.vcpus,
            ),
            memory: size.map_or_else(
                || parse_bytes(&self.memory.get(), GIB).unwrap_or(0),
                |size| size.memory,
            ),
            cluster: some(self.cluster.get()),
            template: app
                .store
                .templates
                .members()
                .iter()
                .find(|template| template.name == "Blank")
                .map(|template| template.id.clone()),
            os: self.os.get(),
            firmware: self.firmware.get(),
            disk: parse_bytes(&self.disk.get(), GIB).unwrap_or(0),
            domain: some(self.domain.get()),
            profile: some(self.profile.get()),
            start: self.start.get(),
        }
    }
}

fn first_id<T: crate::store::Entity>(all: &[Arc<T>], prefer: impl Fn(&T) -> bool) -> String {
    all.iter()
        .find(|one| prefer(one))
        .or_else(|| all.first())
        .map(|one| one.id().to_string())
        .unwrap_or_default()
}

/// Images that could be somebody's first disk: ready, and in no machine.
fn free_images(app: App) -> Vec<Arc<Disk>> {
    let vms = app.store.vms.all();
    let used = |disk: &Disk| {
        vms.iter()
            .any(|vm| vm.disks.iter().any(|attachment| attachment.disk == disk.id))
    };
    app.store
        .disks
        .by_name()
        .into_iter()
        .filter(|disk| !disk.is_iso() && disk.status == "ok" && !used(disk))
        .collect()
}

/// The dialog.
#[component]
pub fn CreateDialog(
    /// Is told the machine's id when it is there.
    made: RwSignal<Option<Id>>,
    /// Goes away.
    #[prop(into)]
    on_close: Callback<()>,
) -> AnyView {
    let app = app();
    let store = app.store;
    // What is chosen first is chosen once: the form does not change under the person.
    let (isos, images, domains, cluster, profile) = untrack(|| {
        (
            iso_options(app, "Choose an ISO"),
            free_images(app),
            store.storage_domains.by_name(),
            first_id(&store.clusters.by_name(), |cluster| {
                cluster.name == "Default"
            }),
            first_id(&store.vnic_profiles.by_name(), |profile| {
                profile.name == "ovirtmgmt"
            }),
        )
    });
    // Offer first what can be done at once.
    let source = if isos.len() > 1 {
        Source::Installer
    } else if images.is_empty() {
        Source::Nothing
    } else {
        Source::Image
    };
    let form = Form {
        name: RwSignal::new(String::new()),
        description: RwSignal::new(String::new()),
        source: RwSignal::new(source),
        iso: RwSignal::new(
            isos.get(1)
                .filter(|_| isos.len() == 2)
                .map(|(id, _)| id.clone())
                .unwrap_or_default(),
        ),
        image: RwSignal::new(
            images
                .first()
                .filter(|_| images.len() == 1)
                .map(|disk| disk.id.to_string())
                .unwrap_or_default(),
        ),
        size: RwSignal::new(Some(0)),
        vcpus: RwSignal::new("1".to_owned()),
        memory: RwSignal::new("2 GiB".to_owned()),
        cluster: RwSignal::new(cluster),
        os: RwSignal::new("other_linux".to_owned()),
        firmware: RwSignal::new(String::new()),
        disk: RwSignal::new(bytes(DISK)),
        domain: RwSignal::new(
            domains
                .iter()
                .filter(|domain| domain.kind != "iso" && domain.kind != "image")
                .max_by_key(|domain| domain.available)
                .map(|domain| domain.id.to_string())
                .unwrap_or_default(),
        ),
        profile: RwSignal::new(profile),
        start: RwSignal::new(true),
    };
    let plan = Memo::new(move |_| form.plan(app));
    let tab = RwSignal::new(0_usize);
    let tried = RwSignal::new(false);
    let taken = move |name: &str| store.vms.members().iter().any(|vm| vm.name == name);
    let objection = Memo::new(move |_| plan.with(|plan| plan.objection(taken)));
    let refusal = Signal::derive(move || objection.get().map(|why| t(why).to_owned()));
    let create = Callback::new(move |()| {
        tried.set(true);
        if objection.get_untracked().is_some() {
            return;
        }
        make(app, plan.get_untracked(), made);
        on_close.run(());
    });
    let enter = window_event_listener(ev::keydown, move |event| {
        if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
            create.run(());
        }
    });
    on_cleanup(move || enter.remove());
    let tabs = move || {
        view! {
            <div class="sf-seg" role="tablist" aria-label=t("Show this as")>
                {[t("Form"), "YAML", "API"].into_iter().enumerate().map(|(place, words)| view! {
                    <button type="button" role="tab" id=["create-tab-", &place.to_string()].concat() aria-selected=move || yes(tab.get() == place) aria-controls="create-pane" on:click=move |_| tab.set(place)>{words}</button>
                }).collect_view()}
            </div>
        }
    };
    let wrong_name = Signal::derive(move || {
        let shown = tried.get() || !form.name.with(String::is_empty);
        shown
            .then(|| plan.with(|plan| super::plan::objection_to_name(&plan.name, taken)))
            .flatten()
            .map(|why| t(why).to_owned())
    });
    let pane = move || match tab.get() {
        0 => form_pane(app, form, wrong_name),
        1 => {
            let yaml = plan.with(|plan| plan.yaml(|id| name_of(app, id)));
            view! { <pre class="sf-code" tabindex="0" role="region" aria-label="YAML">{yaml}</pre> }
                .into_any()
        }
        _ => {
            let curl = plan.with(NewVm::curl);
            let copied = curl.clone();
            view! {
                <div class="sf-row is-between">
                    <span class="sf-dim">{t("What this dialog sends, for a shell")}</span>
                    <Button label=t("Copy") icon="copy" on_press=move |()| { drop(window().navigator().clipboard().write_text(&copied)); app.say(Tone::Ok, t("Copied"), Vec::new(), None); }/>
                </div>
                <pre class="sf-code" tabindex="0" role="region" aria-label=t("API calls")>{curl}</pre>
            }
            .into_any()
        }
    };
    let pane = StoredValue::new(pane);
    view! {
        <Dialog
            title=t("New virtual machine")
            head=tabs
            on_close=move |()| on_close.run(())
            foot=move || view! {
                <Button label=t("Create") kind=Kind::Primary refusal=refusal on_press=create/>
                <Button label=t("Cancel") kind=Kind::Link on_press=move |()| on_close.run(())/>
                <span class="sf-grow"></span>
                {move || refusal.get().map(|why| view! { <span class="sf-dim" role="status">{why}</span> })}
                <span class="sf-dim sf-hide-s"><kbd class="sf-kbd">"Ctrl Enter"</kbd>" "{t("create")}</span>
            }
        >
            <div class="sf-dialog__cols">
                <div class="sf-dialog__main" tabindex="0" role="region" aria-label=t("Settings")>
                    <div id="create-pane" role="tabpanel" aria-labelledby=move || ["create-tab-", &tab.get().to_string()].concat()>{move || pane.with_value(|pane| pane())}</div>
                </div>
                <aside class="sf-dialog__side" aria-label=t("What is left and what will happen")>{move || side(app, plan)}</aside>
            </div>
        </Dialog>
    }
    .into_any()
}

fn name_of(app: App, id: &Id) -> String {
    let store = app.store;
    store
        .disks
        .peek(id)
        .map(|disk| disk.name.clone())
        .or_else(|| store.clusters.peek(id).map(|cluster| cluster.name.clone()))
        .or_else(|| {
            store
                .storage_domains
                .peek(id)
                .map(|domain| domain.name.clone())
        })
        .or_else(|| {
            store
                .vnic_profiles
                .peek(id)
                .map(|profile| profile.name.clone())
        })
        .unwrap_or_else(|| id.to_string())
}

fn form_pane(app: App, form: Form, wrong_name: Signal<Option<String>>) -> AnyView {
    let store = app.store;
    let chosen = move |source: Source| Signal::derive(move || form.source.get() == source);
    let isos = Signal::derive(move || iso_options(app, "Choose an ISO"));
    let images = Signal::derive(move || {
        let mut options = vec![(String::new(), t("Choose a disk").to_owned())];
        options.extend(free_images(app).iter().map(|disk| {
            (
                disk.id.to_string(),
                [disk.name.as_str(), ", ", &bytes(disk.size)].concat(),
            )
        }));
        options
    });
    let iso_help = Signal::derive(move || {
        if isos.with(Vec::len) > 1 {
            String::new()
        } else {
            t("No ISO is here yet: upload one on the Storage page, or begin with an empty disk.")
                .to_owned()
        }
    });
    let image_help = Signal::derive(move || {
        if images.with(Vec::len) > 1 {
            t("It is attached as it is, not copied.")
        } else {
            t("No free disk image is here yet: upload one on the Storage page.")
        }
        .to_owned()
    });
    let sizes = SIZES
        .into_iter()
        .enumerate()
        .map(|(place, size)| {
            let small = fill(
                "{0} vCPU, {1}",
                &[&size.vcpus.to_string(), &bytes(size.memory)],
            );
            tile(
                "size",
                size.letter,
                t(size.word).to_owned(),
                small,
                Signal::derive(move || form.size.get() == Some(place)),
                move || form.size.set(Some(place)),
            )
        })
        .collect_view();
    let clusters = Signal::derive(move || {
        store
            .clusters
            .by_name()
            .iter()
            .map(|cluster| (cluster.id.to_string(), cluster.name.clone()))
            .collect::<Vec<_>>()
    });
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
    let profiles = Signal::derive(move || {
        let mut options = vec![(String::new(), t("No network").to_owned())];
        options.extend(
            store
                .vnic_profiles
                .by_name()
                .iter()
                .map(|profile| (profile.id.to_string(), profile.name.clone())),
        );
        options
    });
    let systems = Signal::derive(move || {
        [
            "other_linux",
            "debian_12",
            "rhel_9x64",
            "ubuntu_22_04",
            "windows_11",
            "windows_10x64",
            "windows_2022",
            "other",
        ]
        .iter()
        .map(|os| ((*os).to_owned(), crate::components::names::os_words(os)))
        .collect::<Vec<_>>()
    });
    let firmwares = Signal::derive(move || {
        vec![
            (String::new(), t("As the cluster has it").to_owned()),
            ("q35_sea_bios".to_owned(), "BIOS".to_owned()),
            ("q35_ovmf".to_owned(), "UEFI".to_owned()),
        ]
    });
    let where_words = Signal::derive(move || {
        fill(
            "cluster {0}",
            &[&store.clusters.name_of(&form.cluster.get())],
        )
    });
    let where_why = Signal::derive(move || {
        let hosts = store.hosts.all();
        let free: u64 = hosts
            .iter()
            .map(|host| host.memory_total.saturating_sub(host.memory_used))
            .max()
            .unwrap_or(0);
        if hosts.iter().any(|host| host.is_accelerated()) {
            fill("its best host has {0} of memory free", &[&bytes(free)])
        } else {
            fill(
                "its best host has {0} of memory free, but no hardware acceleration: slow",
                &[&bytes(free)],
            )
        }
    });
    let disk_words = Signal::derive(move || {
        if form.source.get() == Source::Image {
            return t("the one you chose").to_owned();
        }
        match parse_bytes(&form.disk.get(), GIB) {
            Some(0) => t("none").to_owned(),
            Some(size) => fill(
                "{0}, takes space as it fills, on {1}",
                &[
                    &bytes(size),
                    &store.storage_domains.name_of(&form.domain.get()),
                ],
            ),
            None => t("a size that makes no sense").to_owned(),
        }
    });
    let network_words = Signal::derive(move || {
        let profile = form.profile.get();
        if profile.is_empty() {
            t("none").to_owned()
        } else {
            store.vnic_profiles.name_of(&profile)
        }
    });
    view! {
        <div class="sf-decide">
            <b aria-hidden="true">"1"</b>
            <fieldset>
                <legend>{t("What should it boot from?")}</legend>
                <div class="sf-tiles">
                    {tile("source", "CD", t("An installer").to_owned(), t("an ISO, onto an empty disk").to_owned(), chosen(Source::Installer), move || form.source.set(Source::Installer))}
                    {tile("source", "HD", t("A disk you have").to_owned(), t("an image that was uploaded").to_owned(), chosen(Source::Image), move || form.source.set(Source::Image))}
                    {tile("source", "–", t("Nothing yet").to_owned(), t("an empty disk").to_owned(), chosen(Source::Nothing), move || form.source.set(Source::Nothing))}
                </div>
                {move || match form.source.get() {
                    Source::Installer => view! { <Choice id="create-iso" label=t("ISO") quiet=true value=form.iso options=isos help=iso_help/> }.into_any(),
                    Source::Image => view! { <Choice id="create-image" label=t("Disk") quiet=true value=form.image options=images help=image_help/> }.into_any(),
                    Source::Nothing => view! { <p class="sf-help">{t("An ISO can be put into its drive at any time.")}</p> }.into_any(),
                }}
            </fieldset>
        </div>
        <div class="sf-decide">
            <b aria-hidden="true">"2"</b>
            <fieldset>
                <legend>{t("How big?")}</legend>
                <div class="sf-tiles">{sizes}</div>
                {move || match form.size.get() {
                    Some(place) => {
                        let size = SIZES[place.min(2)];
                        view! { <p class="sf-help"><button type="button" class="sf-link" on:click=move |_| {
                            form.vcpus.set(size.vcpus.to_string());
                            form.memory.set(bytes(size.memory));
                            form.size.set(None);
                        }>{t("Another size")}</button></p> }.into_any()
                    }
                    None => view! {
                        <div class="sf-fields is-2">
                            <TextField id="create-vcpus" label=t("Processors") value=form.vcpus/>
                            <TextField id="create-memory" label=t("Memory") value=form.memory help=t("With its unit: 512 MiB, 6 GiB")/>
                        </div>
                    }.into_any(),
                }}
            </fieldset>
        </div>
        <div class="sf-decide">
            <b aria-hidden="true">"3"</b>
            <div>
                <h3>{t("What is it called?")}</h3>
                <div class="sf-row is-top">
                    <div class="sf-grow"><TextField id="create-name" label=t("Name") quiet=true value=form.name wrong=wrong_name first=true help=t("As you will look for it; letters, digits, . _ -")/></div>
                    <Check label=t("Start when ready") value=form.start/>
                </div>
            </div>
        </div>
        <section class="sf-chosen">
            <div class="sf-sec__head"><h3>{t("Chosen for you")}</h3></div>
            <Default name=t("Where") value=where_words why=where_why edit=Arc::new(move || view! { <Choice id="create-cluster" label=t("Cluster") value=form.cluster options=clusters/> }.into_any())/>
            <Default name=t("Disk") value=disk_words why=t("the storage domain with the most room") edit=Arc::new(move || view! {
                <div class="sf-fields is-2">
                    <TextField id="create-disk" label=t("Size") value=form.disk help=t("With its unit: 40 GiB; 0 for none")/>
                    <Choice id="create-domain" label=t("Storage domain") value=form.domain options=domains/>
                </div>
            }.into_any())/>
            <Default name=t("Network") value=network_words why=t("the one every machine can have") edit=Arc::new(move || view! { <Choice id="create-profile" label=t("vNIC profile") value=form.profile options=profiles/> }.into_any())/>
            <Default name=t("System") value=Signal::derive(move || crate::components::names::os_words(&form.os.get())) why=t("tells the host which devices suit it") edit=Arc::new(move || view! {
                <div class="sf-fields is-2">
                    <Choice id="create-os" label=t("Operating system") value=form.os options=systems/>
                    <Choice id="create-firmware" label=t("Firmware") value=form.firmware options=firmwares/>
                </div>
            }.into_any())/>
            <Default name=t("What for") value=Signal::derive(move || { let text = form.description.get(); if text.is_empty() { "–".to_owned() } else { text } }) why=t("a line for whoever finds it later") edit=Arc::new(move || view! { <TextField id="create-description" label=t("Description") value=form.description/> }.into_any())/>
        </section>
    }
    .into_any()
}

fn left(name: &'static str, used: u64, adds: u64, whole: u64, words: fn(u64) -> String) -> AnyView {
    let rest = whole.saturating_sub(used).saturating_sub(adds);
    let line = fill(
        "{0} of {1} used, this adds {2}",
        &[&words(used), &words(whole), &words(adds)],
    );
    let over = used.saturating_add(adds) > whole;
    view! {
        <div class="sf-meter">
            <div class="sf-meter__top"><span>{name}</span><span class="sf-strong">{if over { t("more than there is").to_owned() } else { words(rest) }}</span></div>
            {bar(&[(share(used, whole), "is-2"), (share(adds, whole), if over { "is-warn" } else { "" })], line.clone(), false)}
            <span class="sf-help">{line}</span>
        </div>
    }
    .into_any()
}

fn side(app: App, plan: Memo<NewVm>) -> AnyView {
    let plan = plan.get();
    let (hosts, vms) = (app.store.hosts.all(), app.store.vms.all());
    let on: Vec<_> = vms.iter().filter(|vm| vm.status.has_screen()).collect();
    let memory: u64 = hosts.iter().map(|host| host.memory_total).sum();
    let promised: u64 = on.iter().map(|vm| vm.memory).sum();
    let threads: u64 = hosts.iter().map(|host| host.cpus()).sum();
    let vcpus: u64 = on.iter().map(|vm| vm.vcpus()).sum();
    let domain = plan
        .domain
        .as_ref()
        .and_then(|domain| app.store.storage_domains.get(domain));
    let adds = if plan.source == Source::Image {
        0
    } else {
        plan.disk
    };
    let storage = domain
        .map(|domain| left(t("Storage"), domain.used, adds, domain.total(), bytes))
        .unwrap_or_else(|| ().into_any());
    let mut will = vec![match plan.source {
        Source::Installer => t(
            "An empty disk is made and the ISO put into the drive. The installer starts, because the disk has nothing to boot yet.",
        ),
        Source::Image => t("The disk is attached and booted from."),
        Source::Nothing => {
            t("An empty disk is made. Until an ISO is in the drive there is nothing to boot.")
        }
    }];
    will.push(if plan.start {
        t("It is started as soon as it is complete.")
    } else {
        t("It stays off until somebody starts it.")
    });
    will.push(t("You can leave at once: it goes on as a task."));
    view! {
        <h3 class="sf-strong">{t("Left after this")}</h3>
        <div class="sf-quota">
            {left(t("Processor"), vcpus, plan.vcpus, threads, |count| fill("{0} vCPU", &[&count.to_string()]))}
            {left(t("Memory"), promised, plan.memory, memory, bytes)}
            {storage}
        </div>
        <hr class="pf-v6-c-divider sf-gap"/>
        <div class="sf-stack is-8">
            <h3 class="sf-strong">{t("What will happen")}</h3>
            {will.into_iter().map(|line| view! { <p class="sf-help">{line}</p> }).collect_view()}
        </div>
    }
    .into_any()
}
