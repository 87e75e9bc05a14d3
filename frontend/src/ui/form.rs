//! Fields: a label, an input, a line of help, the reason when it is wrong.

use leptos::prelude::*;

/// A line of text.
#[component]
pub fn TextField(
    /// Its label.
    label: &'static str,
    /// What is in it.
    value: RwSignal<String>,
    /// What to write, in a line.
    #[prop(optional, into)]
    help: Signal<String>,
    /// Why what is in it will not do.
    #[prop(optional, into)]
    wrong: Signal<Option<String>>,
    /// `password`, `email` …
    #[prop(optional)]
    kind: &'static str,
    /// What the browser may fill in.
    #[prop(optional)]
    autocomplete: &'static str,
    /// The label is for screen readers only.
    #[prop(optional)]
    quiet: bool,
    /// Gets the focus when a dialog opens.
    #[prop(optional)]
    first: bool,
    /// Tells it from others in the page.
    id: &'static str,
) -> AnyView {
    let help_id = [id, "-help"].concat();
    view! {
        <div class="sf-field">
            <label for=id class:sf-sr=quiet>{label}</label>
            <input
                class="sf-input"
                id=id
                name=id
                type=if kind.is_empty() { "text" } else { kind }
                autocomplete=if autocomplete.is_empty() { "off" } else { autocomplete }
                autofocus=first
                aria-describedby=help_id.clone()
                aria-invalid=move || wrong.get().map(|_| "true")
                prop:value=value
                on:input:target=move |event| value.set(event.target().value())
            />
            <p class="sf-help" id=help_id class:sf-c-bad=move || wrong.get().is_some()>{move || wrong.get().unwrap_or_else(|| help.get())}</p>
        </div>
    }
    .into_any()
}

/// One of several.
#[component]
pub fn Choice(
    /// Its label.
    label: &'static str,
    /// What is chosen.
    value: RwSignal<String>,
    /// What can be chosen: `(value, words)`.
    #[prop(into)]
    options: Signal<Vec<(String, String)>>,
    /// What to choose, in a line.
    #[prop(optional, into)]
    help: Signal<String>,
    /// Tells it from others in the page.
    id: &'static str,
    /// The label is for screen readers only.
    #[prop(optional)]
    quiet: bool,
) -> AnyView {
    let help_id = [id, "-help"].concat();
    view! {
        <div class="sf-field">
            <label for=id class:sf-sr=quiet>{label}</label>
            <select class="sf-input" id=id name=id aria-describedby=help_id.clone() prop:value=value on:change:target=move |event| value.set(event.target().value())>
                {move || {
                    let chosen = value.get();
                    options.get().into_iter().map(|(key, words)| { let is = key == chosen; view! { <option value=key selected=is>{words}</option> } }).collect_view()
                }}
            </select>
            <p class="sf-help" id=help_id>{help}</p>
        </div>
    }
    .into_any()
}

/// Yes or no.
#[component]
pub fn Check(
    /// Its label.
    #[prop(into)]
    label: Signal<String>,
    /// Whether it is ticked.
    value: RwSignal<bool>,
) -> AnyView {
    view! {
        <label class="sf-row is-tight">
            <input class="sf-check" type="checkbox" prop:checked=value on:change:target=move |event| value.set(event.target().checked())/>
            <span>{label}</span>
        </label>
    }
    .into_any()
}

/// A few words side by side, one of them pressed.
#[component]
pub fn Segments(
    /// What is chosen here.
    label: &'static str,
    /// Their words.
    words: Vec<&'static str>,
    /// Which is pressed.
    value: RwSignal<usize>,
) -> AnyView {
    view! {
        <div class="sf-seg" role="group" aria-label=label>
            {words
                .into_iter()
                .enumerate()
                .map(|(place, word)| view! { <button type="button" aria-pressed=move || super::yes(value.get() == place) on:click=move |_| value.set(place)>{word}</button> })
                .collect_view()}
        </div>
    }
    .into_any()
}
