//! My desktops: a card each. "Connect" opens the console, starting the machine
//! first if it is off: the card waits in place and opens when the screen is there.

use super::create::{CreateDesktop, templates};
use super::pools::PoolCards;
use crate::app::{App, app};
use crate::client::vms;
use crate::components::names::os_words;
use crate::components::status::badge;
use crate::components::thumb::Thumb;
use crate::components::vm_actions::{VmAction, power_items};
use crate::format::{bytes, short_user};
use crate::query::has_words;
use crate::route::Route;
use crate::store::{Id, Vm, VmStatus, natural};
use crate::task;
use crate::text::{fill, t};
use crate::ui::bar::bar;
use crate::ui::button::{Button, Kind};
use crate::ui::each::{each, member};
use crate::ui::menu::{Menu, item};
use crate::ui::page::{Empty, Head, reason};
use leptos::prelude::*;

/// More than this and a search field is worth its place.
const MANY: usize = 7;

/// The page.
#[component]
pub fn Desktops() -> AnyView {
    let app = app();
    let store = app.store;
    let words = RwSignal::new(String::new());
    let ids = Memo::new(move |_| {
        let mut vms = store.vms.members();
        vms.retain(|vm| words.with(|words| has_words(words, &[&vm.name, &vm.description])));
        vms.sort_by(|a, b| natural(&a.name, &b.name));
        vms.into_iter().map(|vm| vm.id.clone()).collect::<Vec<_>>()
    });
    let creating = RwSignal::new(false);
    let may_create = Memo::new(move |_| !templates(app).is_empty());
    view! {
        <Head
            title=t("My desktops")
            end=move || view! { {(store.vms.len() > MANY).then(|| view! {
                <input class="sf-input" type="search" data-query="" placeholder=t("Filter by name") aria-label=t("Filter my desktops") prop:value=words on:input:target=move |event| words.set(event.target().value())/>
            })}
                {may_create.get().then(|| view! { <Button label=t("New desktop") icon="plus" kind=Kind::Primary on_press=move |()| creating.set(true)/> })}
            }
        />
        {move || creating.get().then(|| view! { <CreateDesktop on_close=move |()| creating.set(false)/> })}
        {move || if store.vms.len() == 0 && store.pools.len() == 0 {
            view! { <Empty title=t("No desktop yet") words=t("Here are the machines that you may use. When somebody gives you one, it appears here by itself; ask whoever runs this site.")/> }.into_any()
        } else {
            view! {
                <div class="sf-pad">
                    <div class="sf-desks"><PoolCards/>{each(move || ids.get().into_iter().map(|id| member(&*id.clone(), move || view! { <Card id=id.clone()/> }.into_any())).collect())}</div>
                </div>
            }.into_any()
        }}
    }
    .into_any()
}

/// How far "Connect" has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connecting {
    /// Nobody asked.
    No,
    /// Waiting for the machine to run.
    Waiting,
}

/// Opens the console, starting the machine first if it is off.
pub fn connect(app: App, vm: &Vm, connecting: RwSignal<Connecting>) {
    let path = Route::DesktopConsole(vm.id.clone()).path();
    if vm.status.has_screen() {
        drop(window().open_with_url_and_target(&path, "_blank"));
        return;
    }
    connecting.set(Connecting::Waiting);
    let (id, name) = (vm.id.clone(), vm.name.clone());
    task::run(async move {
        if let Err(fault) = vms::act(&id, "start").await {
            app.say_fault(VmAction::Start.refused(&name), fault);
            let _ = connecting.try_set(Connecting::No);
            return;
        }
        // It must first be seen to begin; "down" right after the answer is only old news.
        let mut begun = false;
        let wanted = id.clone();
        let runs = app
            .store
            .until(move |store| {
                if connecting.try_get_untracked() != Some(Connecting::Waiting) {
                    return Some(false);
                }
                let vm = store.vms.peek(&wanted)?;
                begun |= !vm.status.is_off();
                match vm.status {
                    VmStatus::Up | VmStatus::Starting => Some(true),
                    status if begun && status.is_off() => Some(false),
                    _ => None,
                }
            })
            .await;
        let still = connecting.try_set(Connecting::No).is_none();
        if runs && still {
            // In this tab: a browser lets a page open another only right after a click.
            app.navigation.go(&Route::DesktopConsole(id));
        }
    });
}

/// A line about a machine: system, processors, memory.
#[must_use]
pub fn spec(vm: &Vm) -> String {
    fill(
        "{0}, {1} vCPU, {2}",
        &[
            &os_words(&vm.os),
            &vm.vcpus().to_string(),
            &bytes(vm.memory),
        ],
    )
}

#[component]
fn Card(id: Id) -> AnyView {
    let app = app();
    let store = app.store;
    let vm = {
        let id = id.clone();
        Memo::new(move |_| store.vms.get(&id).map(|vm| vm.without_figures()))
    };
    let connecting = RwSignal::new(Connecting::No);
    let name = Signal::derive(move || vm.get().map(|vm| vm.name.clone()).unwrap_or_default());
    let waits = Signal::derive(move || connecting.get() == Connecting::Waiting);
    let words = move || {
        vm.get().map_or("", |vm| match vm.status {
            VmStatus::Starting => t("its system boots"),
            VmStatus::Resuming => t("it wakes up"),
            _ => t("the server was asked"),
        })
    };
    let over = move || {
        view! {
            <div class="sf-thumb__mid" role="status">
                <b>{t("Connecting")}</b>
                {move || bar(&[(if vm.get().is_some_and(|vm| vm.status.is_off()) { 30.0 } else { 70.0 }, "")], t("Connecting").to_owned(), true)}
                <span>{words}</span>
            </div>
        }
    };
    let refusal = Signal::derive(move || {
        let vm = vm.get()?;
        if vm.status.has_screen() {
            vm.offers
                .refusal("console")
                .or_else(|| vm.offers.refusal("ticket"))
                .map(str::to_owned)
        } else {
            VmAction::Start.refusal(&vm)
        }
    });
    let label = Signal::derive(move || {
        t(match vm.get().map(|vm| vm.status) {
            Some(VmStatus::Suspended) => "Wake and connect",
            _ => "Connect",
        })
        .to_owned()
    });
    let page = Route::Desktop(id.clone());
    let more = Signal::derive(move || {
        let Some(vm) = vm.get() else {
            return Vec::new();
        };
        let mut items = power_items(app, &std::sync::Arc::new(vm.clone()), &[]);
        let page = Route::Desktop(vm.id.clone());
        items.push(item(t("Details"), "info", None, move || {
            app.navigation.go(&page)
        }));
        items
    });
    let press = move |()| {
        if let Some(vm) = vm.get_untracked() {
            connect(app, &vm, connecting);
        }
    };
    let others = move || {
        let vm = vm.get()?;
        let me = app
            .session()
            .map(|session| session.name)
            .unwrap_or_default();
        let names: Vec<&str> = vm
            .consoles
            .iter()
            .map(|name| short_user(name))
            .filter(|name| *name != short_user(&me))
            .collect();
        if names.is_empty() {
            (!vm.description.is_empty()).then(|| vm.description.clone())
        } else {
            Some(fill("{0} is connected now", &[&names.join(", ")]))
        }
    };
    let cannot = move || {
        let vm = vm.get()?;
        let why = VmAction::Start
            .refusal(&vm)
            .filter(|_| vm.status.is_off())?;
        Some(reason(
            "sf-reason is-warn",
            "st-warn",
            view! { <b>{t("Cannot start.")}</b>" "{why} },
        ))
    };
    view! {
        <article class="sf-desk" aria-label=name>
            <Thumb id=id.clone() console=Route::DesktopConsole(id) covered=waits over=over/>
            <div class="sf-desk__body">
                <div class="sf-row is-between">
                    <h2 class="sf-ell"><a class="sf-obj" href=page.path()>{name}</a></h2>
                    {move || vm.get().map(|vm| badge(vm.status.status()))}
                </div>
                <p class="sf-dim">{move || vm.get().map(|vm| spec(&vm))}</p>
                {move || others().map(|words| view! { <p class="sf-dim">{words}</p> })}
                {cannot}
            </div>
            <div class="sf-desk__acts">
                {move || if waits.get() {
                    view! { <Button label=t("Cancel") class="is-wide" on_press=move |()| { connecting.set(Connecting::No); app.store.flush(); }/> }.into_any()
                } else {
                    view! { <Button label=label icon="console" kind=Kind::Primary name=fill("Connect to {0}", &[&name.get()]) refusal=refusal on_press=press/> }.into_any()
                }}
                <Menu name=Signal::derive(move || fill("More actions for {0}", &[&name.get()])) items=more/>
            </div>
        </article>
    }
    .into_any()
}
