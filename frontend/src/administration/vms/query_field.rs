//! The query field of the list: chips, free words, completion at the caret.
//! What it means is in `query`; who is found is the list's affair.

use crate::app::{App, app};
use crate::query::{self, Term, Wanted};
use crate::text::{fill, t};
use crate::ui::each::{each, member};
use crate::ui::icon::icon;
use crate::ui::yes;
use leptos::prelude::*;

/// Fields that chips can name; those the page knows itself and those only the server does.
pub const FIELDS: &[&str] = &[
    "name",
    "status",
    "host",
    "cluster",
    "memory",
    "description",
    "comment",
    "tag",
    "template",
    "os",
    "fqdn",
    "ip",
    "id",
    "datacenter",
    "storage.name",
    "created_by_user_id",
];

const STATUSES: &[&str] = &[
    "up",
    "down",
    "paused",
    "suspended",
    "powering_up",
    "powering_down",
    "image_locked",
    "migrating",
    "unknown",
    "not_responding",
];

/// What could follow what was typed.
fn completions(app: App, typed: &str) -> Vec<(String, String)> {
    let begun = |begun: &str, words: &str| words.to_lowercase().contains(&begun.to_lowercase());
    match query::wanted(typed) {
        Wanted::Field(start) => {
            if start.is_empty() {
                return FIELDS
                    .iter()
                    .take(7)
                    .map(|field| (fill("{0} = ", &[field]), t("field").to_owned()))
                    .collect();
            }
            FIELDS
                .iter()
                .filter(|field| begun(&start, field))
                .take(6)
                .map(|field| (fill("{0} = ", &[field]), t("field").to_owned()))
                .collect()
        }
        Wanted::Value {
            field,
            before,
            begun: start,
        } => {
            let store = app.store;
            let mut values: Vec<(String, String)> = match field.as_str() {
                "status" => STATUSES
                    .iter()
                    .map(|status| ((*status).to_owned(), String::new()))
                    .collect(),
                "host" => store
                    .hosts
                    .peek_all()
                    .iter()
                    .map(|host| (host.name.clone(), t("host").to_owned()))
                    .collect(),
                "cluster" => store
                    .clusters
                    .peek_all()
                    .iter()
                    .map(|cluster| (cluster.name.clone(), t("cluster").to_owned()))
                    .collect(),
                "datacenter" => store
                    .data_centers
                    .peek_all()
                    .iter()
                    .map(|center| (center.name.clone(), t("data center").to_owned()))
                    .collect(),
                "template" => store
                    .templates
                    .peek_all()
                    .iter()
                    .map(|template| (template.name.clone(), t("template").to_owned()))
                    .collect(),
                "storage.name" => store
                    .storage_domains
                    .peek_all()
                    .iter()
                    .map(|domain| (domain.name.clone(), t("storage domain").to_owned()))
                    .collect(),
                "name" => store
                    .vms
                    .peek_all()
                    .iter()
                    .map(|vm| (vm.name.clone(), vm.status.status().word.to_owned()))
                    .collect(),
                _ => Vec::new(),
            };
            values.retain(|(value, _)| begun(&start, value));
            values.sort();
            values.truncate(8);
            values
                .into_iter()
                .map(|(value, hint)| ([before.as_str(), &value].concat(), hint))
                .collect()
        }
    }
}

/// The field.
#[component]
pub fn QueryField(
    /// The chips.
    terms: RwSignal<Vec<Term>>,
    /// The free words.
    words: RwSignal<String>,
    /// Why the server would not answer.
    #[prop(into)]
    wrong: Signal<Option<String>>,
) -> AnyView {
    let app = app();
    let open = RwSignal::new(false);
    let at = RwSignal::new(None::<usize>);
    let input = NodeRef::<leptos::html::Input>::new();
    let typed = words;
    let offers = Memo::new(move |_| {
        if open.get() {
            typed.with(|typed| completions(app, typed))
        } else {
            Vec::new()
        }
    });
    let shows = Memo::new(move |_| open.get() && offers.with(|offers| !offers.is_empty()));
    let commit = move |text: &str| match query::term(text, FIELDS) {
        Some(term) => {
            terms.update(|terms| {
                terms.retain(|known| *known != term);
                terms.push(term);
            });
            typed.set(String::new());
            open.set(false);
        }
        None => typed.set(text.to_owned()),
    };
    let choose = move |place: usize| {
        if let Some((text, _)) = offers.get_untracked().get(place).cloned() {
            commit(&text);
            at.set(None);
            if let Some(input) = input.get_untracked() {
                drop(input.focus());
            }
        }
    };
    let option_id = |place: usize| ["query-", &place.to_string()].concat();
    view! {
        <div class="sf-query" class:is-open=shows>
            <div class="pf-v6-c-text-input-group">
                <div class="pf-v6-c-text-input-group__main pf-m-icon">
                    <span class="pf-v6-c-text-input-group__icon">{icon("search")}</span>
                    {each(move || terms.get().into_iter().map(|term| member(term.search(), move || chip(&term, terms))).collect())}
                    <span class="pf-v6-c-text-input-group__text">
                        <input
                            class="pf-v6-c-text-input-group__text-input"
                            type="text"
                            data-query=""
                            placeholder=t("Filter, or just type words")
                            aria-label=t("Filter virtual machines")
                            role="combobox"
                            aria-expanded=move || yes(shows.get())
                            aria-controls="query-list"
                            aria-activedescendant=move || at.get().filter(|_| shows.get()).map(option_id)
                            autocomplete="off"
                            node_ref=input
                            prop:value=typed
                            on:focus=move |_| open.set(true)
                            on:blur=move |_| open.set(false)
                            on:input:target=move |event| { typed.set(event.target().value()); at.set(None); open.set(true); }
                            on:keydown=move |event| {
                                let count = offers.with_untracked(Vec::len);
                                match event.key().as_str() {
                                    "ArrowDown" if count > 0 => { event.prevent_default(); open.set(true); at.update(|at| *at = Some(at.map_or(0, |at| (at + 1) % count))); }
                                    "ArrowUp" if count > 0 => { event.prevent_default(); at.update(|at| *at = Some(at.map_or(count - 1, |at| (at + count - 1) % count))); }
                                    "Tab" if at.get_untracked().is_some() && count > 0 => { event.prevent_default(); choose(at.get_untracked().unwrap_or(0)); }
                                    "Enter" => {
                                        event.prevent_default();
                                        match at.get_untracked() {
                                            Some(place) if open.get_untracked() => choose(place),
                                            _ => { let text = typed.get_untracked(); commit(&text); open.set(false); }
                                        }
                                    }
                                    "Escape" => {
                                        event.prevent_default();
                                        if open.get_untracked() { open.set(false); } else { typed.set(String::new()); }
                                    }
                                    "Backspace" if typed.with_untracked(String::is_empty) => terms.update(|terms| { terms.pop(); }),
                                    _ => {}
                                }
                            }
                        />
                    </span>
                </div>
            </div>
            <div class="pf-v6-c-menu sf-pop" hidden=move || !shows.get()>
                <div role="listbox" id="query-list" aria-label=t("Completions")>
                    {move || offers.get().into_iter().enumerate().map(|(place, (text, hint))| view! {
                        <div
                            class="sf-opt"
                            role="option"
                            id=option_id(place)
                            aria-selected=move || yes(at.get() == Some(place))
                            on:pointerdown=move |event| { event.prevent_default(); choose(place); }
                        >
                            {icon("filter")}
                            <span>{text}</span>
                            <span class="sf-hint">{hint}</span>
                        </div>
                    }).collect_view()}
                </div>
                <p class="sf-pop__foot">
                    <span><kbd class="sf-kbd">"Tab"</kbd>" "{t("complete")}</span>
                    <span><kbd class="sf-kbd">"Enter"</kbd>" "{t("filter")}</span>
                    <span><kbd class="sf-kbd">"!="</kbd>" "{t("not")}</span>
                    <span><kbd class="sf-kbd">"*"</kbd>" "{t("anything")}</span>
                </p>
            </div>
            {move || wrong.get().map(|why| view! { <p class="sf-query__wrong" role="alert">{why}</p> })}
        </div>
    }
    .into_any()
}

fn chip(term: &Term, terms: RwSignal<Vec<Term>>) -> AnyView {
    let gone = term.clone();
    view! {
        <span class="sf-chip">
            <em>{[&term.field, "\u{a0}", term.relation.sign(), "\u{a0}"].concat()}</em>
            {term.value.clone()}
            <button
                type="button"
                aria-label=fill("Remove filter {0}", &[&term.search()])
                on:click=move |_| terms.update(|terms| terms.retain(|known| *known != gone))
            >
                {icon("close")}
            </button>
        </span>
    }
    .into_any()
}
