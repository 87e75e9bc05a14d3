//! What lies over the last picture while there is no live one: why, since when, and the way out;
//! the question for a server's password; and the hint of a guest that takes movements only.

use console_worker::Phase;
use leptos::html;
use leptos::prelude::*;
use web_sys::SubmitEvent;

use super::guest::{Machine, Prompt};
use super::session::{Session, State};
use crate::client;
use crate::task;
use crate::ui::chart::clock_time;
use crate::ui::yes;

/// The cover, while there is something to say.
#[component]
pub fn Cover(
    /// The console.
    session: Session,
    /// The guest's name.
    name: Signal<String>,
) -> impl IntoView {
    let asking = Memo::new(move |_| {
        let prompt = session.guest.prompt();
        prompt.is_some_and(|prompt| prompt.asked.with(Option::is_some))
    });
    move || {
        let state = session.state.get();
        if state.phase == Phase::Connected {
            return None;
        }
        Some(match session.guest.prompt() {
            Some(prompt) if asking.get() && state.phase != Phase::Closed => {
                view! { <Password session=session prompt=prompt name=name/> }.into_any()
            }
            _ => held(session, &state, name),
        })
    }
}

/// Why there is no live picture.
fn held(session: Session, state: &State, name: Signal<String>) -> AnyView {
    let machine = session.guest.machine();
    let can_start = move || {
        machine.is_some_and(|machine| {
            let vm = machine.id.with_value(|id| machine.app.store.vms.get(id));
            vm.is_some_and(|vm| vm.offers.allows("start") && vm.status.is_off())
        })
    };
    let off = can_start();
    let closed = state.phase == Phase::Closed;
    let age = (session.size.get_untracked() != (0, 0))
        .then(|| format!("The picture is of {}.", clock_time(state.since, true)));
    view! {
        <div class="sf-held">
            <div role="status">
                <p class="sf-held__title">{headline(state, &name.get(), off)}</p>
                <p>{state.reason.clone()}</p>
            </div>
            {age.map(|age| view! { <p class="sf-held__age">{age}</p> })}
            <div class="sf-row">
                {machine.filter(|_| off).map(start_button)}
                {(!closed && !off && state.phase != Phase::Connecting)
                    .then(|| second("Connect now", move || session.reconnect()))}
                {closed.then(|| second("Open again", || drop(window().location().reload())))}
            </div>
        </div>
    }
    .into_any()
}

fn second(word: &'static str, act: impl Fn() + 'static) -> AnyView {
    view! {
        <button class="pf-v6-c-button pf-m-secondary" type="button" on:click=move |_| act()>
            <span class="pf-v6-c-button__text">{word}</span>
        </button>
    }
    .into_any()
}

fn start_button(machine: Machine) -> AnyView {
    let failed = RwSignal::new(None::<String>);
    let start = move |_| {
        let id = machine.id.get_value();
        failed.set(None);
        task::run(async move {
            if let Err(fault) = client::vms::act(&id, "start").await {
                failed.try_set(Some(fault.text()));
            }
        });
    };
    view! {
        <button class="pf-v6-c-button pf-m-primary" type="button" on:click=start>
            <span class="pf-v6-c-button__text">"Start"</span>
        </button>
        {move || failed.get().map(|text| view! { <p role="alert">{text}</p> })}
    }
    .into_any()
}

fn headline(state: &State, name: &str, off: bool) -> String {
    let name = if name.is_empty() { "the machine" } else { name };
    if off {
        return format!("{name} is off");
    }
    match state.phase {
        Phase::Connecting if state.reason.is_empty() => format!("Connecting to {name}"),
        Phase::Connecting => format!("{name} cannot be reached yet"),
        Phase::Reconnecting => format!("The connection to {name} is being made again"),
        Phase::Waiting => format!("Waiting for {name}"),
        Phase::Connected | Phase::Closed => "This console is closed".to_owned(),
    }
}

/// Asks for the server's password. It goes to the gateway with the request for a ticket, and is
/// kept nowhere but in this page's memory.
#[component]
fn Password(session: Session, prompt: Prompt, name: Signal<String>) -> impl IntoView {
    let field = NodeRef::<html::Input>::new();
    let shown = RwSignal::new(false);
    let wrong = move || prompt.asked.get().filter(|sentence| !sentence.is_empty());
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            let _ = field.focus();
        }
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let password = field.get_untracked().map(|field| field.value());
        prompt.answer(password.unwrap_or_default());
        session.fetch_ticket();
        super::view::focus_picture();
    };
    view! {
        <form class="sf-held sf-held--form" on:submit=submit autocomplete="off">
            <p class="sf-held__title">"Password of "<span class="sf-held__name">{move || name.get()}</span></p>
            <p id="password-help">"The SPICE server wants one. It is kept until this page is closed, to connect again."</p>
            <div class="sf-field">
                <div class="sf-row is-between">
                    <label for="password">"Password"</label>
                    <button
                        type="button"
                        class="sf-link"
                        aria-pressed=move || yes(shown.get())
                        on:click=move |_| shown.update(|shown| *shown = !*shown)
                    >
                        {move || if shown.get() { "Hide" } else { "Show" }}
                    </button>
                </div>
                <input
                    class="sf-input"
                    id="password"
                    type=move || if shown.get() { "text" } else { "password" }
                    maxlength="60"
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    aria-describedby="password-help password-wrong"
                    aria-invalid=move || yes(wrong().is_some())
                    node_ref=field
                />
            </div>
            <p class="sf-held__wrong" id="password-wrong" role="alert">{wrong}</p>
            <button class="pf-v6-c-button pf-m-primary" type="submit">
                <span class="pf-v6-c-button__text">"Connect"</span>
            </button>
        </form>
    }
    .into_any()
}

/// In server mode the guest takes movements only, so the browser's pointer must be locked.
#[component]
pub fn MouseHint(
    /// The console.
    session: Session,
) -> impl IntoView {
    move || {
        let live = session.state.with(|state| state.phase == Phase::Connected);
        (live && !session.client_mouse.get()).then(|| {
            view! {
                <div class="sf-toast" role="status">
                    <span>"This guest takes mouse movements: click to give it the pointer, "</span>
                    <kbd class="sf-kbd">"Esc"</kbd>
                    <span>" gives it back."</span>
                </div>
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(phase: Phase, reason: &str) -> State {
        State {
            phase,
            code: 0,
            reason: reason.to_owned(),
            since: 0.0,
        }
    }

    #[test]
    fn the_headline_says_what_is_going_on() {
        let say = |phase, reason, off| headline(&state(phase, reason), "mira", off);
        assert_eq!(say(Phase::Connecting, "", false), "Connecting to mira");
        assert_eq!(
            say(Phase::Connecting, "Nobody answers.", false),
            "mira cannot be reached yet"
        );
        assert_eq!(say(Phase::Waiting, "", true), "mira is off");
        assert_eq!(say(Phase::Closed, "", false), "This console is closed");
    }
}
