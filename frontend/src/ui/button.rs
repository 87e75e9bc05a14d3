//! Buttons. A disabled one stays reachable and says why, when it is hovered,
//! read out or pressed.

use super::icon::icon;
use crate::app::app;
use crate::store::Tone;
use crate::text::{fill, t};
use leptos::prelude::*;

/// How much a button asks for attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// The one thing most people came for.
    Primary,
    /// Anything else.
    #[default]
    Secondary,
    /// Quiet.
    Link,
    /// Destroys something.
    Danger,
}

impl Kind {
    /// Its classes.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Kind::Primary => "pf-v6-c-button pf-m-primary",
            Kind::Secondary => "pf-v6-c-button pf-m-secondary",
            Kind::Link => "pf-v6-c-button pf-m-link",
            Kind::Danger => "pf-v6-c-button pf-m-danger",
        }
    }
}

fn parts(name: &'static str, label: Signal<String>) -> AnyView {
    let picture = (!name.is_empty())
        .then(|| view! { <span class="pf-v6-c-button__icon pf-m-start">{icon(name)}</span> });
    view! { {picture}<span class="pf-v6-c-button__text">{label}</span> }.into_any()
}

/// Presses, or says why not.
fn press(refusal: Signal<Option<String>>, on_press: Callback<()>) {
    match refusal.get_untracked() {
        Some(why) => app().say(
            Tone::Warn,
            t("Not possible now"),
            if why.is_empty() {
                Vec::new()
            } else {
                vec![why]
            },
            None,
        ),
        None => on_press.run(()),
    }
}

/// A button with a word on it.
#[component]
pub fn Button(
    /// The word.
    #[prop(into)]
    label: Signal<String>,
    /// An icon before it.
    #[prop(optional)]
    icon: &'static str,
    /// How much it asks for attention.
    #[prop(optional)]
    kind: Kind,
    /// Further classes.
    #[prop(optional)]
    class: &'static str,
    /// Why it cannot be pressed now.
    #[prop(optional, into)]
    refusal: Signal<Option<String>>,
    /// A more telling name than the word.
    #[prop(optional, into)]
    name: Option<String>,
    /// What it does.
    #[prop(into)]
    on_press: Callback<()>,
) -> AnyView {
    let app = app();
    view! {
        <button
            type="button"
            class=[kind.class(), " ", class].concat()
            aria-label=name
            aria-disabled=move || refusal.get().map(|_| "true")
            title=move || refusal.get()
            on:click=move |_| { let _ = app; press(refusal, on_press) }
        >
            {parts(icon, label)}
        </button>
    }
    .into_any()
}

/// A button that is only an icon; its name is read out and shown on hover.
#[component]
pub fn IconButton(
    /// Its name.
    #[prop(into)]
    name: Signal<String>,
    /// The icon.
    #[prop(into)]
    icon: Signal<&'static str>,
    /// Why it cannot be pressed now.
    #[prop(optional, into)]
    refusal: Signal<Option<String>>,
    /// What it does.
    #[prop(into)]
    on_press: Callback<()>,
) -> AnyView {
    view! {
        <button
            type="button"
            class="pf-v6-c-button pf-m-plain"
            aria-label=name
            aria-disabled=move || refusal.get().map(|_| "true")
            title=move || refusal.get().unwrap_or_else(|| name.get())
            on:click=move |_| press(refusal, on_press)
        >
            {move || super::icon::icon(icon.get())}
        </button>
    }
    .into_any()
}

/// A link that looks like a button.
#[component]
pub fn LinkButton(
    /// The word.
    #[prop(into)]
    label: Signal<String>,
    /// Where it leads.
    #[prop(into)]
    href: Signal<String>,
    /// An icon before it.
    #[prop(optional)]
    icon: &'static str,
    /// How much it asks for attention.
    #[prop(optional)]
    kind: Kind,
    /// Opens in a tab of its own.
    #[prop(optional)]
    new_tab: bool,
) -> AnyView {
    view! {
        <a class=kind.class() href=href target=new_tab.then_some("_blank")>
            {parts(icon, label)}
            {new_tab.then(|| view! { <span class="sf-sr">" (" {t("opens in a new tab")} ")"</span> })}
        </a>
    }
    .into_any()
}

/// A long id: its beginning is shown, a click copies all of it.
#[must_use]
pub fn copyable_id(id: &str) -> AnyView {
    let shown = match id.get(..13) {
        Some(start) if id.len() > 16 => [start, "…"].concat(),
        _ => id.to_owned(),
    };
    copy_button(id.to_owned(), shown)
}

/// An identifier, address or command: a click copies it.
#[must_use]
pub fn copyable(text: impl Into<String>) -> AnyView {
    let text: String = text.into();
    copy_button(text.clone(), text)
}

fn copy_button(text: String, shown: String) -> AnyView {
    if text.is_empty() {
        return view! { <span class="sf-dim3">"–"</span> }.into_any();
    }
    let app = app();
    let title = fill("Copy {0}", &[&text]);
    view! {
        <button
            type="button"
            class="sf-copy"
            title=title
            on:click=move |event| {
                event.stop_propagation();
                drop(window().navigator().clipboard().write_text(&text));
                app.say(Tone::Ok, t("Copied"), vec![text.clone()], None);
            }
        >
            {shown}
            {icon("copy")}
        </button>
    }
    .into_any()
}
