//! The palette: everything one keystroke away. Actions of machines, pages,
//! objects by name; what is not possible now is shown and says why.

use crate::app::{App, Portal, app};
use crate::components::frame::Section;
use crate::components::vm_actions::{VmAction, ask};
use crate::query::has_words;
use crate::route::{Route, VmTab};
use crate::store::natural;
use crate::text::{fill, t};
use crate::ui::dialog::hold_focus;
use crate::ui::icon::icon;
use crate::ui::yes;
use leptos::portal::Portal as Elsewhere;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

#[derive(Clone)]
struct Found {
    group: &'static str,
    icon: &'static str,
    words: String,
    hint: String,
    refused: bool,
    act: Callback<()>,
}

/// How many of a kind are shown.
const SHOWN: usize = 6;

fn find(app: App, typed: &str, navigation: fn(App) -> Vec<Section>) -> Vec<Found> {
    let mut found = Vec::new();
    let store = app.store;
    let user = app.portal == Portal::User;
    let mut machines = store.vms.peek_all();
    machines.sort_by(|a, b| natural(&a.name, &b.name));
    let typed_lower = typed.to_lowercase();
    if !typed.trim().is_empty() {
        // "start bill": a word of the action, the rest the machine's name.
        'actions: for vm in &machines {
            let mut offers: Vec<(String, &'static str, Option<String>, Callback<()>)> = Vec::new();
            if vm.status.has_screen() {
                let route = if user {
                    Route::DesktopConsole(vm.id.clone())
                } else {
                    Route::VmConsole(vm.id.clone())
                };
                offers.push((
                    fill("Open console of {0}", &[&vm.name]),
                    "console",
                    None,
                    Callback::new(move |()| {
                        drop(window().open_with_url_and_target(&route.path(), "_blank"))
                    }),
                ));
            }
            for action in VmAction::POWER {
                let machine = std::sync::Arc::clone(vm);
                offers.push((
                    fill("{0} {1}", &[action.label(), &vm.name]),
                    action.icon(),
                    action.refusal(vm),
                    Callback::new(move |()| ask(app, &machine, action)),
                ));
            }
            for (words, icon, refusal, act) in offers {
                // The name alone would match every action of every machine.
                let names_action = typed_lower
                    .split_whitespace()
                    .any(|word| !vm.name.to_lowercase().contains(word));
                if names_action && has_words(typed, &[&words]) {
                    found.push(Found {
                        group: t("Actions"),
                        icon,
                        words,
                        hint: refusal.clone().unwrap_or_default(),
                        refused: refusal.is_some(),
                        act,
                    });
                    if found.len() >= SHOWN * 8 {
                        break 'actions;
                    }
                }
            }
        }
    }
    // What can be done comes first; the rest says why it cannot.
    found.sort_by_key(|action| action.refused);
    found.truncate(SHOWN);
    let go = |route: Route| Callback::new(move |()| app.navigation.go(&route));
    if !user && has_words(typed, &[t("New virtual machine")]) {
        found.push(Found {
            group: t("Commands"),
            icon: "plus",
            words: t("New virtual machine").to_owned(),
            hint: String::new(),
            refused: false,
            act: go(Route::Vms { create: true }),
        });
    }
    for section in navigation(app) {
        for entry in section.entries {
            if has_words(typed, &[t(entry.words)]) {
                found.push(Found {
                    group: t("Pages"),
                    icon: entry.icon,
                    words: t(entry.words).to_owned(),
                    hint: String::new(),
                    refused: false,
                    act: go(entry.route),
                });
            }
        }
    }
    if !typed.trim().is_empty() {
        for vm in machines
            .iter()
            .filter(|vm| has_words(typed, &[&vm.name, &vm.description]))
            .take(SHOWN)
        {
            let route = if user {
                Route::Desktop(vm.id.clone())
            } else {
                Route::Vm(vm.id.clone(), VmTab::Summary)
            };
            found.push(Found {
                group: t("Virtual machines"),
                icon: "vm",
                words: vm.name.clone(),
                hint: vm.status.status().word.to_owned(),
                refused: false,
                act: go(route),
            });
        }
        if !user {
            for host in store
                .hosts
                .peek_all()
                .iter()
                .filter(|host| has_words(typed, &[&host.name]))
                .take(SHOWN)
            {
                found.push(Found {
                    group: t("Elsewhere"),
                    icon: "host",
                    words: host.name.clone(),
                    hint: t("Host").to_owned(),
                    refused: false,
                    act: go(Route::Host(host.id.clone())),
                });
            }
            for domain in store
                .storage_domains
                .peek_all()
                .iter()
                .filter(|domain| has_words(typed, &[&domain.name]))
                .take(SHOWN)
            {
                found.push(Found {
                    group: t("Elsewhere"),
                    icon: "storage",
                    words: domain.name.clone(),
                    hint: t("Storage domain").to_owned(),
                    refused: false,
                    act: go(Route::Storage(crate::route::StorageTab::Domains)),
                });
            }
            for network in store
                .networks
                .peek_all()
                .iter()
                .filter(|network| has_words(typed, &[&network.name]))
                .take(SHOWN)
            {
                found.push(Found {
                    group: t("Elsewhere"),
                    icon: "network",
                    words: network.name.clone(),
                    hint: t("Logical network").to_owned(),
                    refused: false,
                    act: go(Route::Networks),
                });
            }
        }
    }
    found
}

/// The palette.
#[component]
pub fn Palette(
    /// The portal's pages.
    navigation: fn(App) -> Vec<Section>,
) -> AnyView {
    view! { <Elsewhere><PaletteBox navigation=navigation/></Elsewhere> }.into_any()
}

#[component]
fn PaletteBox(navigation: fn(App) -> Vec<Section>) -> AnyView {
    let app = app();
    let typed = RwSignal::new(String::new());
    let at = RwSignal::new(0_usize);
    let inside = NodeRef::<leptos::html::Div>::new();
    hold_focus(inside, Callback::new(move |()| app.palette.set(false)));
    let found = Signal::derive(move || typed.with(|typed| find(app, typed, navigation)));
    let run = move |place: usize| {
        if let Some(found) = found
            .get_untracked()
            .get(place)
            .filter(|found| !found.refused)
        {
            let act = found.act;
            app.palette.set(false);
            act.run(());
        }
    };
    let option_id = |place: usize| ["palette-", &place.to_string()].concat();
    let results = move || {
        let found = found.get();
        if found.is_empty() {
            return view! { <p class="sf-pop__title">{t("Nothing has that name.")}</p> }.into_any();
        }
        let mut groups: Vec<(&'static str, Vec<(usize, Found)>)> = Vec::new();
        for (place, one) in found.into_iter().enumerate() {
            match groups.last_mut() {
                Some((group, list)) if *group == one.group => list.push((place, one)),
                _ => groups.push((one.group, vec![(place, one)])),
            }
        }
        groups
            .into_iter()
            .map(|(group, list)| {
                view! {
                    <div role="group" aria-label=group>
                        <p class="sf-pop__title" role="presentation">{group}</p>
                        {list.into_iter().map(|(place, one)| view! {
                            <div
                                class="sf-opt"
                                role="option"
                                id=option_id(place)
                                aria-selected=move || yes(at.get() == place)
                                aria-disabled=one.refused.then_some("true")
                                on:pointermove=move |_| at.set(place)
                                on:click=move |_| run(place)
                            >
                                {icon(one.icon)}
                                <span class="sf-ell">{one.words.clone()}</span>
                                <span class="sf-hint sf-ell">{one.hint.clone()}</span>
                            </div>
                        }).collect_view()}
                    </div>
                }
            })
            .collect_view()
            .into_any()
    };
    Effect::new(move |_| {
        let place = at.get();
        if let Some(element) = document().get_element_by_id(&option_id(place)) {
            let options = web_sys::ScrollIntoViewOptions::new();
            options.set_block(web_sys::ScrollLogicalPosition::Nearest);
            element.scroll_into_view_with_scroll_into_view_options(&options);
        }
    });
    view! {
        <div
            class="sf-veil"
            on:pointerdown=move |event| {
                let outside = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()).is_some_and(|element| element.class_name() == "sf-veil");
                if outside { app.palette.set(false); }
            }
        >
            <div class="sf-pal" role="dialog" aria-modal="true" aria-label=t("Search or run a command") tabindex="-1" node_ref=inside>
                <div class="sf-pal__in">
                    {icon("search")}
                    <input
                        type="text"
                        autofocus=true
                        autocomplete="off"
                        placeholder=t("A name, or an action and a name")
                        aria-label=t("Search or run a command")
                        role="combobox"
                        aria-expanded="true"
                        aria-controls="palette-list"
                        aria-activedescendant=move || option_id(at.get())
                        prop:value=typed
                        on:input:target=move |event| { typed.set(event.target().value()); at.set(0); }
                        on:keydown=move |event| {
                            let count = found.with_untracked(Vec::len);
                            match event.key().as_str() {
                                "ArrowDown" => { event.prevent_default(); at.update(|at| *at = if *at + 1 < count { *at + 1 } else { 0 }); }
                                "ArrowUp" => { event.prevent_default(); at.update(|at| *at = if *at > 0 { *at - 1 } else { count.saturating_sub(1) }); }
                                "Enter" => { event.prevent_default(); run(at.get_untracked()); }
                                _ => {}
                            }
                        }
                    />
                    <kbd class="sf-kbd">"Esc"</kbd>
                </div>
                <div class="sf-pal__list" role="listbox" id="palette-list" aria-label=t("Results")>{results}</div>
                <p class="sf-pop__foot">
                    <span><kbd class="sf-kbd">"↑"</kbd>" "<kbd class="sf-kbd">"↓"</kbd>" "{t("choose")}</span>
                    <span><kbd class="sf-kbd">"Enter"</kbd>" "{t("do it")}</span>
                    <span><kbd class="sf-kbd">"/"</kbd>" "{t("filter a list")}</span>
                    <span><kbd class="sf-kbd">"g"</kbd>" "<kbd class="sf-kbd">"v"</kbd>" "{t("machines")}</span>
                    <span><kbd class="sf-kbd">"j"</kbd>" "<kbd class="sf-kbd">"k"</kbd>" "<kbd class="sf-kbd">"x"</kbd>" "{t("in a list")}</span>
                </p>
            </div>
        </div>
    }
    .into_any()
}
