//! Asking the server and asking the person: a request whose refusal is told, a
//! small dialog with fields, a question with what it would change.

use crate::app::App;
use crate::client::Answer;
use crate::store::Tone;
use crate::task;
use crate::text::{fill, t};
use crate::ui::button::{Button, Kind};
use crate::ui::dialog::Dialog;
use crate::ui::form::{Check, TextField};
use leptos::prelude::*;

/// Waits for the answer; says what was done, if that is worth saying, or why it was not.
pub fn ask(app: App, done: Option<String>, refused: String, answer: Answer) {
    task::run(async move {
        match answer.await {
            Ok(_) => {
                if let Some(done) = done {
                    app.say(Tone::Ok, done, Vec::new(), None);
                }
            }
            Err(fault) => app.say_fault(refused, fault),
        }
    });
}

/// A small dialog with fields and one button that does it and closes.
#[component]
pub fn FormDialog(
    /// What it is about.
    #[prop(into)]
    title: Signal<String>,
    /// The button's word.
    #[prop(into)]
    button: Signal<String>,
    /// Why the button cannot be pressed yet.
    #[prop(optional, into)]
    refusal: Signal<Option<String>>,
    /// It destroys something.
    #[prop(optional)]
    danger: bool,
    /// What the button does.
    #[prop(into)]
    on_go: Callback<()>,
    /// Goes away.
    #[prop(into)]
    on_close: Callback<()>,
    /// Its fields.
    children: ChildrenFn,
) -> AnyView {
    let kind = if danger { Kind::Danger } else { Kind::Primary };
    let go = Callback::new(move |()| {
        if refusal.get_untracked().is_none() {
            on_go.run(());
            on_close.run(());
        }
    });
    view! {
        <Dialog
            title=title
            small=true
            on_close=on_close
            foot=move || view! {
                <Button label=button kind=kind refusal=refusal on_press=go/>
                <Button label=t("Cancel") kind=Kind::Link on_press=on_close/>
            }
        >
            <form class="sf-dialog__body sf-fields" on:submit=move |event| { event.prevent_default(); go.run(()); }>
                {children()}
                // Enter in a field sends the form only if it has a button of its own.
                <button type="submit" hidden=true tabindex="-1"></button>
            </form>
        </Dialog>
    }
    .into_any()
}

/// A question before something that is not taken back easily.
#[derive(Clone)]
pub struct Question {
    /// What would be done.
    pub title: String,
    /// What it would change, a sentence each.
    pub impact: Vec<String>,
    /// The button's word.
    pub button: &'static str,
    /// It destroys something.
    pub danger: bool,
    /// What must be typed first: the name of what would be gone.
    pub typed: Option<String>,
    /// A choice beside it.
    pub tick: Option<(&'static str, RwSignal<bool>)>,
    /// Does it.
    pub go: Callback<()>,
}

/// The dialog of a question; nothing while there is none.
#[component]
pub fn Questions(
    /// The question.
    asked: RwSignal<Option<Question>>,
) -> AnyView {
    view! { {move || asked.get().map(|question| view! { <Confirm question=question on_close=move |()| asked.set(None)/> })} }
        .into_any()
}

#[component]
fn Confirm(question: Question, #[prop(into)] on_close: Callback<()>) -> AnyView {
    let typed = RwSignal::new(String::new());
    let wanted = question.typed.clone();
    let refusal = Signal::derive(move || {
        wanted
            .as_ref()
            .filter(|wanted| typed.with(|typed| typed.trim() != **wanted))
            .map(|_| t("What you typed is not it yet.").to_owned())
    });
    let Question {
        title,
        impact,
        button,
        danger,
        typed: wanted,
        tick,
        go,
    } = question;
    view! {
        <FormDialog title=title button=button refusal=refusal danger=danger on_go=go on_close=on_close>
            <ul class="sf-impacts">{impact.iter().map(|line| view! { <li>{line.clone()}</li> }).collect_view()}</ul>
            {tick.map(|(label, value)| view! { <Check label=label value=value/> })}
            {wanted.clone().map(|wanted| view! {
                <div>
                    <p class="sf-label">{fill("Type {0} to confirm", &[&wanted])}</p>
                    <TextField id="confirm" label=t("Confirmation") quiet=true value=typed first=true/>
                </div>
            })}
        </FormDialog>
    }
    .into_any()
}
