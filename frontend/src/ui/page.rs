//! The parts every page is made of: head, crumbs, tabs, the states it owes
//! (waiting, empty, not there), facts.

use super::icon::{icon_with, small_icon};
use crate::route::Route;
use crate::text::t;
use leptos::prelude::*;

/// The head of a page: its title and what is beside it.
#[component]
pub fn Head(
    /// What the page is about.
    #[prop(into)]
    title: Signal<String>,
    /// Beside the title.
    #[prop(optional, into)]
    beside: ViewFn,
    /// At the end: actions.
    #[prop(optional, into)]
    end: ViewFn,
) -> AnyView {
    Effect::new(move |_| document().set_title(&[title.get().as_str(), " · Saffron"].concat()));
    view! {
        <div class="sf-head">
            <h1>{title}</h1>
            {move || beside.run()}
            <div class="sf-head__end">{move || end.run()}</div>
        </div>
    }
    .into_any()
}

/// The way back.
#[must_use]
pub fn crumb(label: &'static str, route: &Route, here: Signal<String>) -> AnyView {
    view! {
        <nav class="sf-crumb" aria-label=t("Breadcrumb")>
            <a href=route.path()>{label}</a>
            {small_icon("right")}
            <span aria-current="page">{here}</span>
        </nav>
    }
    .into_any()
}

/// Tabs that are addresses.
#[component]
pub fn Tabs(
    /// What they divide.
    label: &'static str,
    /// Words, address, a count.
    tabs: Vec<(&'static str, Route, Option<Signal<usize>>)>,
    /// Where the page is.
    route: Memo<Route>,
) -> AnyView {
    view! {
        <nav class="pf-v6-c-tabs sf-tabs" aria-label=label>
            <ul class="pf-v6-c-tabs__list" role="list">
                {tabs
                    .into_iter()
                    .map(|(words, to, count)| {
                        let path = to.path();
                        let current = Memo::new(move |_| route.get() == to);
                        view! {
                            <li class="pf-v6-c-tabs__item" class:pf-m-current=current>
                                <a class="pf-v6-c-tabs__link" href=path aria-current=move || current.get().then_some("page")>
                                    <span class="pf-v6-c-tabs__item-text">{words}</span>
                                    {count.map(|count| view! { <span class="sf-count">{move || count.get()}</span> })}
                                </a>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
        </nav>
    }
    .into_any()
}

/// What a list says when there is nothing in it.
#[component]
pub fn Empty(
    /// What is missing.
    title: &'static str,
    /// What it would be, and why one would want it.
    words: &'static str,
    /// The one button.
    #[prop(optional, into)]
    act: ViewFn,
    /// The same by a command.
    #[prop(optional)]
    command: &'static str,
) -> AnyView {
    view! {
        <div class="sf-state">
            <h2>{title}</h2>
            <p>{words}</p>
            <div class="sf-row is-wrap">{act.run()}</div>
            {(!command.is_empty()).then(|| view! {
                <p class="sf-label">{t("The same from a shell")}</p>
                <div class="sf-cli"><code>{command}</code></div>
            })}
        </div>
    }
    .into_any()
}

/// A page for something that is not (or no longer) there.
#[must_use]
pub fn missing(what: &'static str, back: &Route, back_words: &'static str) -> AnyView {
    view! {
        <div class="sf-state">
            <div class="sf-status is-off">{icon_with("st-unknown", "sf-i")}{t("Not found")}</div>
            <h1>{what}</h1>
            <p>{t("It was deleted, or you are not allowed to see it.")}</p>
            <p><a class="sf-link" href=back.path()>{back_words}</a></p>
        </div>
    }
    .into_any()
}

/// Grey lines while the first answer is on its way.
#[must_use]
pub fn waiting() -> AnyView {
    view! {
        <div class="sf-state" role="status">
            <span class="sf-sr">{t("Loading")}</span>
            <span class="sf-skel"></span>
            <span class="sf-skel"></span>
            <span class="sf-skel"></span>
        </div>
    }
    .into_any()
}

/// A list of facts.
#[must_use]
pub fn facts(rows: Vec<(&'static str, AnyView)>) -> AnyView {
    let rows = rows
        .into_iter()
        .map(|(name, value)| view! { <dt>{name}</dt><dd>{value}</dd> })
        .collect_view();
    view! { <dl class="sf-dl">{rows}</dl> }.into_any()
}

/// A fact that is text; a dash when there is none.
#[must_use]
pub fn fact(text: impl Into<String>) -> AnyView {
    let text: String = text.into();
    if text.is_empty() {
        view! { <span class="sf-dim3">"–"</span> }.into_any()
    } else {
        text.into_any()
    }
}

/// A section with its heading.
#[must_use]
pub fn section(
    title: &'static str,
    beside: impl IntoView + 'static,
    body: impl IntoView + 'static,
) -> AnyView {
    view! {
        <section class="sf-sec">
            <div class="sf-sec__head"><h2>{title}</h2>{beside.into_any()}</div>
            {body.into_any()}
        </section>
    }
    .into_any()
}

/// A reason: why, since when, what to do.
#[must_use]
pub fn reason(class: &'static str, icon: &'static str, body: impl IntoView + 'static) -> AnyView {
    view! { <div class=class>{icon_with(icon, "sf-i")}<p>{body.into_any()}</p></div> }.into_any()
}
