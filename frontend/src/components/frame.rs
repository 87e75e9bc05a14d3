//! The frame around every page: bar, navigation, banner of a lost stream,
//! task bar, palette, keys that work everywhere.

use crate::app::{App, Portal, app};
use crate::components::account::{Account, ThemeButton};
use crate::components::gate::Gate;
use crate::components::palette::Palette;
use crate::components::status::mark;
use crate::components::tasks::TaskBar;
use crate::live::LiveState;
use crate::route::Route;
use crate::store::{Status, Tone};
use crate::text::{fill, t};
use crate::ui::button::Button;
use crate::ui::icon::icon;
use crate::ui::page::waiting;
use crate::ui::yes;
use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

/// A line of the navigation.
pub struct Entry {
    /// Its word.
    pub words: &'static str,
    /// Its icon.
    pub icon: &'static str,
    /// Where it leads.
    pub route: Route,
    /// A count beside it.
    pub count: Option<Signal<usize>>,
    /// The count asks for attention.
    pub warns: bool,
}

/// A part of the navigation.
pub struct Section {
    /// Its title; the first has none.
    pub title: &'static str,
    /// Its lines.
    pub entries: Vec<Entry>,
}

/// A portal: its navigation and its pages, for those who are logged in.
#[component]
pub fn Frame(
    /// The portal's navigation.
    navigation: fn(App) -> Vec<Section>,
    /// The portal's pages.
    page: fn(App, Route) -> AnyView,
) -> AnyView {
    view! { <Gate inside=move || view! { <PageFrame navigation=navigation page=page/> }.into_any()/> }
        .into_any()
}

#[component]
fn PageFrame(navigation: fn(App) -> Vec<Section>, page: fn(App, Route) -> AnyView) -> AnyView {
    let app = app();
    let is_user = app.portal == Portal::User;
    let nav_open = RwSignal::new(false);
    let main = NodeRef::<leptos::html::Main>::new();
    Effect::new(move |before: Option<String>| {
        let here = app.navigation.route.with(Route::path);
        // After going to another page, reading begins at its start.
        if before.is_some_and(|before| before != here) {
            nav_open.set(false);
            if let Some(main) = main.get_untracked() {
                let options = web_sys::FocusOptions::new();
                options.set_prevent_scroll(true);
                drop(main.focus_with_options(&options));
            }
        }
        here
    });
    keys(app);
    let ready = Memo::new(move |_| app.live.get() != LiveState::Connecting);
    // A dialog is part of its page's address, so it must not make the page anew.
    let route = Memo::new(move |_| match app.navigation.route.get() {
        Route::Vms { .. } => Route::Vms { create: false },
        Route::Vm(id, _) => Route::Vm(id, Default::default()),
        Route::Template(id, _) => Route::Template(id, Default::default()),
        Route::Pool(id, _) => Route::Pool(id, Default::default()),
        route => route,
    });
    view! {
        <div class="pf-v6-c-page sf-app" class:is-user=is_user class:is-nav-open=nav_open inert={move || app.veils.get() != 0}>
            <header class="pf-v6-c-masthead sf-mast">
                <a class="sf-skip" href="#main">{t("Skip to content")}</a>
                <span class="sf-only-narrow">
                    <button type="button" class="pf-v6-c-button pf-m-plain" aria-label=t("Navigation") aria-expanded=move || yes(nav_open.get()) on:click=move |_| nav_open.update(|open| *open = !*open)>{icon("menu")}</button>
                </span>
                <a class="sf-brand" href=if is_user { Route::Desktops.path() } else { Route::Overview.path() }>{icon("mark")}"Saffron"</a>
                {is_user.then(|| user_navigation(app, navigation(app)))}
                <button type="button" class="sf-find" on:click=move |_| app.palette.set(true)>
                    {icon("search")}
                    <span class="sf-grow sf-ell">{t("Search or run a command")}</span>
                    <kbd class="sf-kbd">"Ctrl K"</kbd>
                </button>
                <div class="sf-mast__end">
                    <LiveChip/>
                    <ThemeButton/>
                    <Account/>
                </div>
            </header>
            {(!is_user).then(|| side_navigation(app, navigation(app)))}
            {is_user.then(|| view! { <div class="pf-v6-c-page__sidebar sf-side sf-only-narrow">{side_list(app, navigation(app))}</div> })}
            <div class="pf-v6-c-page__main-container sf-main">
                <LostBanner/>
                <main class="pf-v6-c-page__main" class:is-fixed=move || is_fixed(&app.navigation.route.get()) id="main" tabindex="-1" node_ref=main>
                    {move || if ready.get() { page(app, route.get()) } else { waiting() }}
                </main>
            </div>
            <TaskBar/>
        </div>
        {move || app.palette.get().then(|| view! { <Palette navigation=navigation/> })}
    }
    .into_any()
}

/// Lists scroll inside themselves.
fn is_fixed(route: &Route) -> bool {
    matches!(
        route,
        Route::Vms { .. }
            | Route::Hosts
            | Route::Templates
            | Route::InstanceTypes
            | Route::Pools
            | Route::Storage(_)
            | Route::Networks
            | Route::Clusters
            | Route::Activity
            | Route::MyActivity
            | Route::Access(_)
            | Route::Unknown
    )
}

fn current(app: App, route: &Route) -> Memo<bool> {
    let route = route.clone();
    Memo::new(move |_| app.navigation.route.get().same_section(&route))
}

fn side_navigation(app: App, sections: Vec<Section>) -> AnyView {
    view! { <div class="pf-v6-c-page__sidebar sf-side">{side_list(app, sections)}</div> }.into_any()
}

fn side_list(app: App, sections: Vec<Section>) -> AnyView {
    let version = move || {
        app.session()
            .map(|session| session.version)
            .unwrap_or_default()
    };
    let sections = sections
        .into_iter()
        .map(|section| {
            let entries = section
                .entries
                .into_iter()
                .map(|entry| {
                    let is = current(app, &entry.route);
                    let warns = entry.warns;
                    let count = entry.count.map(|count| {
                        view! {
                            <span class="sf-n">
                                {move || { let number = count.get(); (number > 0 || !warns).then(|| if warns { view! { <span class="sf-count is-warn">{number}</span> }.into_any() } else { crate::format::count(number as u64).into_any() }) }}
                            </span>
                        }
                    });
                    view! {
                        <li class="pf-v6-c-nav__item">
                            <a class="pf-v6-c-nav__link" class:pf-m-current=is href=entry.route.path() aria-current=move || is.get().then_some("page") title=t(entry.words)>
                                {icon(entry.icon)}
                                <span>{t(entry.words)}</span>
                                {count}
                            </a>
                        </li>
                    }
                })
                .collect_view();
            let titled = !section.title.is_empty();
            view! {
                <section class="pf-v6-c-nav__section" aria-label=if titled { t(section.title) } else { t("Start") }>
                    {titled.then(|| view! { <h2 class="pf-v6-c-nav__section-title">{t(section.title)}</h2> })}
                    <ul class="pf-v6-c-nav__list" role="list">{entries}</ul>
                </section>
            }
        })
        .collect_view();
    view! {
        <nav class="pf-v6-c-nav" aria-label=t("Main")>
            {sections}
            <p class="sf-side__foot">{move || fill("Saffron {0}", &[&version()])}</p>
        </nav>
    }
    .into_any()
}

fn user_navigation(app: App, sections: Vec<Section>) -> AnyView {
    let links = sections
        .into_iter()
        .flat_map(|section| section.entries)
        .map(|entry| {
            let is = current(app, &entry.route);
            view! { <a href=entry.route.path() aria-current=move || is.get().then_some("page")>{t(entry.words)}</a> }
        })
        .collect_view();
    view! { <nav class="sf-unav" aria-label=t("Portal")>{links}</nav> }.into_any()
}

#[component]
fn LiveChip() -> AnyView {
    let app = app();
    view! {
        {move || match app.live.get() {
            LiveState::Live => view! { <span class="sf-live sf-hide-s" title=t("What you see is how it is; changes arrive by themselves.")><i></i>{t("Live")}</span> }.into_any(),
            LiveState::Connecting => view! { <span class="sf-live sf-hide-s">{t("Connecting")}</span> }.into_any(),
            LiveState::Lost { .. } => view! { <span class="sf-live">{mark(Status::new("Not live", "st-warn", Tone::Warn))}{t("Not live")}</span> }.into_any(),
        }}
    }
    .into_any()
}

#[component]
fn LostBanner() -> AnyView {
    let app = app();
    view! {
        <div role="status">
            {move || match app.live.get() {
                LiveState::Lost { since, next } => {
                    let now = app.clock.get();
                    let age = crate::format::span(((now - since) / 1000.0).max(0.0) as u64);
                    let left = ((next - now) / 1000.0).max(0.0) as u64;
                    let words = fill("Showing {0} state, {1} old.", &[&crate::ui::chart::clock_time(since, false), &age]);
                    let next = if left == 0 { t("The stream of changes broke; trying again now.").to_owned() } else { fill("The stream of changes broke; trying again in {0} s. Actions still work.", &[&left.to_string()]) };
                    Some(view! {
                        <div class="sf-banner is-warn">
                            {mark(Status::new("Not live", "st-warn", Tone::Warn))}
                            <span><b>{words}</b>" "{next}</span>
                            <span class="sf-banner__acts"><Button label=t("Try now") on_press=move |()| app.reconnect()/></span>
                        </div>
                    })
                }
                LiveState::Live | LiveState::Connecting => None,
            }}
        </div>
    }
    .into_any()
}

/// Whether what is typed goes into a field.
fn types_text(event: &web_sys::KeyboardEvent) -> bool {
    event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        .is_some_and(|element| {
            matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
        })
}

/// Keys that work on every page: Ctrl-K, `/`, and g followed by a letter.
fn keys(app: App) {
    let went = StoredValue::new(0.0_f64);
    let listener = window_event_listener(ev::keydown, move |event| {
        let key = event.key();
        if (event.ctrl_key() || event.meta_key()) && key.eq_ignore_ascii_case("k") {
            event.prevent_default();
            app.palette.update(|open| *open = !*open);
            return;
        }
        if event.default_prevented()
            || event.ctrl_key()
            || event.meta_key()
            || event.alt_key()
            || types_text(&event)
            || app.veils.get_untracked() > 0
        {
            return;
        }
        let now = crate::task::now();
        if key == "/" {
            if let Ok(Some(field)) = document().query_selector("[data-query]") {
                event.prevent_default();
                if let Ok(field) = field.dyn_into::<web_sys::HtmlElement>() {
                    drop(field.focus());
                }
            }
        } else if key == "g" {
            went.set_value(now);
        } else if key == "?" {
            app.palette.set(true);
        } else if now - went.get_value() < 1_000.0 {
            went.set_value(0.0);
            let route = match (app.portal, key.as_str()) {
                (Portal::Administration, "o") => Route::Overview,
                (Portal::Administration, "v") => Route::Vms { create: false },
                (Portal::Administration, "h") => Route::Hosts,
                (Portal::Administration, "t") => Route::Templates,
                (Portal::Administration, "p") => Route::Pools,
                (Portal::Administration, "s") => Route::Storage(crate::route::StorageTab::Domains),
                (Portal::Administration, "n") => Route::Networks,
                (Portal::Administration, "a") => Route::Activity,
                (Portal::User, "v") => Route::Desktops,
                (Portal::User, "a") => Route::MyActivity,
                _ => return,
            };
            event.prevent_default();
            app.navigation.go(&route);
        }
    });
    on_cleanup(move || listener.remove());
}
