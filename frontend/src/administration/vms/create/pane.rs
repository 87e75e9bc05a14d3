//! The form's fields: what it boots from, how big, what it is called, and what was chosen for it.

use super::form::{Form, Sized, free_images};
use crate::app::App;
use crate::components::cd::iso_options;
use crate::format::{GIB, bytes, parse_bytes};
use crate::making::{SIZES, Source};
use crate::store::{Template, natural};
use crate::text::{fill, plural, t};
use crate::ui::form::{Check, Choice, TextField};
use crate::ui::yes;
use leptos::prelude::*;
use std::collections::HashSet;
use std::sync::Arc;

/// A choice that is a tile.
pub fn tile(
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

/// Templates that a machine can be made of now, by name, newest version first.
#[must_use]
pub fn usable(app: App) -> Vec<Arc<Template>> {
    let mut all = app.store.templates.all();
    all.retain(|template| {
        !template.is_blank() && template.name != "Blank" && template.status == "ok"
    });
    all.sort_by(|a, b| natural(&a.name, &b.name).then(b.version.cmp(&a.version)));
    all
}

/// Which template, which version of it, disks of its own or not.
fn template_fields(app: App, form: Form) -> AnyView {
    let family = move || {
        app.store
            .templates
            .get(&form.template.get())
            .map(|template| template.family().to_string())
            .unwrap_or_default()
    };
    let chosen = RwSignal::new(untrack(family));
    // Another template: its newest version.
    Effect::new(move |before: Option<String>| {
        let now = chosen.get();
        if before.is_some_and(|before| before != now) {
            let newest = untrack(|| usable(app))
                .into_iter()
                .find(|one| **one.family() == *now);
            form.template
                .set(newest.map(|one| one.id.to_string()).unwrap_or_default());
        }
        now
    });
    let families = Signal::derive(move || {
        let mut options = vec![(String::new(), t("Choose a template").to_owned())];
        let mut seen = HashSet::new();
        for template in usable(app) {
            if seen.insert(template.family().clone()) {
                options.push((template.family().to_string(), template.name.clone()));
            }
        }
        options
    });
    let versions = Signal::derive(move || {
        let family = chosen.get();
        usable(app)
            .into_iter()
            .filter(|template| **template.family() == *family)
            .map(|template| (template.id.to_string(), template.version_words()))
            .collect::<Vec<_>>()
    });
    let about = Signal::derive(move || {
        app.store
            .templates
            .get(&form.template.get())
            .map(|template| {
                let disks = plural(template.disks.len(), "{0} disk", "{0} disks");
                let words = [
                    disks.as_str(),
                    ", ",
                    &crate::components::names::os_words(&template.os),
                ]
                .concat();
                if template.description.is_empty() {
                    words
                } else {
                    [words.as_str(), ": ", &template.description].concat()
                }
            })
            .unwrap_or_default()
    });
    let copied = RwSignal::new(
        if form.clone.get_untracked() {
            "clone"
        } else {
            "thin"
        }
        .to_owned(),
    );
    Effect::new(move |_| form.clone.set(copied.get() == "clone"));
    let ways = Signal::derive(|| {
        vec![
            (
                "thin".to_owned(),
                t("On the template's disks (thin): at once").to_owned(),
            ),
            (
                "clone".to_owned(),
                t("A copy of its own (clone)").to_owned(),
            ),
        ]
    });
    view! {
        <div class="sf-fields is-2">
            <Choice id="create-template" label=t("Template") value=chosen options=families help=about/>
            <Choice id="create-version" label=t("Version") value=form.template options=versions/>
        </div>
        <div class="sf-fields is-2">
            <Choice id="create-clone" label=t("Its disks") value=copied options=ways/>
            <Check label=t("Follow the newest version at each start") value=form.latest/>
        </div>
    }
    .into_any()
}

/// The form.
pub fn pane(app: App, form: Form, wrong_name: Signal<Option<String>>) -> AnyView {
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
    let sizes = move || {
        let own = (form.source.get() == Source::Template).then(|| {
            let small = app
                .store
                .templates
                .get(&form.template.get())
                .map(|one| {
                    fill(
                        "{0} vCPU, {1}",
                        &[&one.vcpus.to_string(), &bytes(one.memory)],
                    )
                })
                .unwrap_or_default();
            let is = Signal::derive(move || form.size.get() == Sized::Template);
            tile(
                "size",
                "=",
                t("As the template").to_owned(),
                small,
                is,
                move || form.size.set(Sized::Template),
            )
        });
        let letters = SIZES
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
                    Signal::derive(move || form.size.get() == Sized::Letter(place)),
                    move || form.size.set(Sized::Letter(place)),
                )
            })
            .collect_view();
        view! { {own}{letters} }
    };
    let named = RwSignal::new(match form.size.get_untracked() {
        Sized::Type(id) => id.to_string(),
        _ => String::new(),
    });
    Effect::new(move |before: Option<String>| {
        let now = named.get();
        if before.is_some_and(|before| before != now) && !now.is_empty() {
            form.size.set(Sized::Type(now.as_str().into()));
        }
        now
    });
    Effect::new(move |_| {
        if !matches!(form.size.get(), Sized::Type(_)) {
            named.set(String::new());
        }
    });
    let types = Signal::derive(move || {
        let mut options = vec![(String::new(), t("A size by name").to_owned())];
        options.extend(store.instance_types.by_name().iter().map(|one| {
            let words = fill(
                "{0}: {1} vCPU, {2}",
                &[&one.name, &one.vcpus.to_string(), &bytes(one.memory)],
            );
            (one.id.to_string(), words)
        }));
        options
    });
    // A source that is no template has no size of its own.
    Effect::new(move |_| {
        let from_template = form.source.get() == Source::Template;
        if !from_template && form.size.get_untracked() == Sized::Template {
            form.size.set(Sized::Letter(0));
        }
    });
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
    let systems = crate::components::systems::systems(form.os.get_untracked());
    let firmwares = Signal::derive(move || {
        vec![
            (String::new(), t("As the system suits").to_owned()),
            ("q35_sea_bios".to_owned(), "BIOS".to_owned()),
            ("q35_ovmf".to_owned(), "UEFI".to_owned()),
            (
                "q35_secure_boot".to_owned(),
                t("UEFI with Secure Boot").to_owned(),
            ),
        ]
    });
    // The template says what system it is until somebody chooses another.
    Effect::new(move |before: Option<String>| {
        let now = form.os.get();
        if before.is_some_and(|before| before != now) {
            form.os_chosen.set(true);
        }
        now
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
        match form.source.get() {
            Source::Image => return t("the one you chose").to_owned(),
            Source::Template if form.clone.get() => {
                return t("copies of the template's").to_owned();
            }
            Source::Template => return t("on the template's").to_owned(),
            Source::Installer | Source::Nothing => {}
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
                <div class="sf-tiles is-2">
                    {move || (!usable(app).is_empty()).then(|| tile("source", "T", t("A template").to_owned(), t("a machine that is set up already").to_owned(), chosen(Source::Template), move || { form.source.set(Source::Template); form.size.set(Sized::Template); }))}
                    {tile("source", "CD", t("An installer").to_owned(), t("an ISO, onto an empty disk").to_owned(), chosen(Source::Installer), move || form.source.set(Source::Installer))}
                    {tile("source", "HD", t("A disk you have").to_owned(), t("an image that was uploaded").to_owned(), chosen(Source::Image), move || form.source.set(Source::Image))}
                    {tile("source", "–", t("Nothing yet").to_owned(), t("an empty disk").to_owned(), chosen(Source::Nothing), move || form.source.set(Source::Nothing))}
                </div>
                {move || match form.source.get() {
                    Source::Template => template_fields(app, form),
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
                <div class="sf-tiles" class:is-2=move || form.source.get() == Source::Template>{sizes}</div>
                {move || (types.with(Vec::len) > 1).then(|| view! { <Choice id="create-type" label=t("Instance type") quiet=true value=named options=types/> })}
                {move || match form.size.get() {
                    Sized::Letter(_) | Sized::Template | Sized::Type(_) => view! { <p class="sf-help"><button type="button" class="sf-link" on:click=move |_| {
                        let size = match form.size.get_untracked() {
                            Sized::Letter(place) => SIZES[place.min(2)],
                            _ => SIZES[1],
                        };
                        form.vcpus.set(size.vcpus.to_string());
                        form.memory.set(bytes(size.memory));
                        form.size.set(Sized::Own);
                    }>{t("Another size")}</button></p> }.into_any(),
                    Sized::Own => view! {
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
            <Default name=t("System") value=Signal::derive(move || if form.source.get() == Source::Template && !form.os_chosen.get() { t("as the template has it").to_owned() } else { crate::components::names::os_words(&form.os.get()) }) why=t("tells the host which devices suit it") edit=Arc::new(move || view! {
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
