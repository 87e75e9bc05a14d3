//! Making a machine: three decisions, everything else chosen with its reason
//! and open to change; the same as YAML and as API calls; then a task that can
//! be left at once.

mod form;
mod pane;
mod side;

use crate::app::{App, app};
use crate::components::cd::iso_options;
use crate::components::first_boot;
use crate::format::{GIB, bytes};
use crate::making::first_boot::FirstBoot;
use crate::making::run::make;
use crate::making::{NewVm, Source};
use crate::store::{Id, Tone};
use crate::text::t;
use crate::ui::button::{Button, Kind};
use crate::ui::dialog::Dialog;
use crate::ui::yes;
use form::{Form, Sized, first_id, free_images};
use leptos::ev;
use leptos::prelude::*;
use pane::usable;
use side::side;

/// The disk a new machine gets, in bytes.
const DISK: u64 = 20 * GIB;

/// The dialog.
#[component]
pub fn CreateDialog(
    /// Is told the machine's id when it is there.
    made: RwSignal<Option<Id>>,
    /// The template that is chosen at first.
    #[prop(optional, into)]
    from: Option<Id>,
    /// Goes away.
    #[prop(into)]
    on_close: Callback<()>,
) -> AnyView {
    let app = app();
    let store = app.store;
    // What is chosen first is chosen once: the form does not change under the person.
    let (templates, isos, images, domains, cluster, profile) = untrack(|| {
        (
            usable(app),
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
    let source = if from.is_some() || !templates.is_empty() {
        Source::Template
    } else if isos.len() > 1 {
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
        template: RwSignal::new(
            from.as_deref()
                .map(str::to_owned)
                .or_else(|| templates.first().map(|one| one.id.to_string()))
                .unwrap_or_default(),
        ),
        latest: RwSignal::new(false),
        clone: RwSignal::new(false),
        first_boot: RwSignal::new(FirstBoot::default()),
        os_chosen: RwSignal::new(false),
        size: RwSignal::new(if source == Source::Template {
            Sized::Template
        } else {
            Sized::Letter(0)
        }),
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
                {[t("Form"), t("First boot"), "YAML", "API"].into_iter().enumerate().map(|(place, words)| view! {
                    <button type="button" role="tab" id=["create-tab-", &place.to_string()].concat() aria-selected=move || yes(tab.get() == place) aria-controls="create-pane" on:click=move |_| tab.set(place)>{words}</button>
                }).collect_view()}
            </div>
        }
    };
    let wrong_name = Signal::derive(move || {
        let shown = tried.get() || !form.name.with(String::is_empty);
        shown
            .then(|| {
                plan.with(|plan| crate::components::names::objection_to_name(&plan.name, taken))
            })
            .flatten()
            .map(|why| t(why).to_owned())
    });
    let pane = move || match tab.get() {
        0 => pane::pane(app, form, wrong_name),
        1 => first_boot::pane(
            form.first_boot,
            Signal::derive(move || plan.with(|plan| plan.os.starts_with("windows"))),
        ),
        2 => {
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
    if let Some(template) = store.templates.peek(id) {
        return [template.name.as_str(), " ", &template.version_words()].concat();
    }
    if let Some(size) = store.instance_types.peek(id) {
        return size.name.clone();
    }
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
