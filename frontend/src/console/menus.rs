//! What the bar opens: keys that a browser would keep for itself, power, the disc in the drive.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::guest::Machine;
use super::presets::Quality;
use super::scancode::{ALT, ALT_GRAPH, CONTROL, DELETE, META, SHIFT, function_key, scancode};
use super::session::{Menu, Session};
use crate::client;
use crate::task;

/// How long a chord that can end the guest's work must be held down, in milliseconds.
const HOLD_MS: i32 = 800;

/// Keys to send.
#[component]
pub fn Keys(
    /// The console.
    session: Session,
) -> impl IntoView {
    let modifier = move |word, key| modifier(session, word, key);
    let chord = move |word: &'static str, hint: &'static str, keys: Vec<u16>| {
        view! {
            <button
                class="sf-opt"
                type="button"
                role="menuitem"
                on:click=move |_| {
                    session.chord(&keys);
                    session.menu.set(None);
                    super::view::focus_picture();
                }
            >
                <span>{word}</span>
                <kbd class="sf-kbd">{hint}</kbd>
            </button>
        }
    };
    let key = |code: &str| scancode(code).unwrap_or_default();
    let consoles = (1..=12)
        .map(|number| {
            view! {
                <button
                    type="button"
                    aria-label=format!("Text console {number}, Ctrl Alt F{number}")
                    on:click=move |_| {
                        session.chord(&[CONTROL, ALT, function_key(number)]);
                        super::view::focus_picture();
                    }
                >
                    {format!("F{number}")}
                </button>
            }
        })
        .collect_view();
    view! {
        <div class="sf-pop pf-v6-c-menu" id="keys">
            <p class="sf-pop__title">"Hold down"</p>
            <div class="sf-mods is-5" role="group" aria-label="Hold down">
                {modifier("Ctrl", CONTROL)}
                {modifier("Alt", ALT)}
                {modifier("Shift", SHIFT)}
                {modifier("Win", META)}
                {modifier("AltGr", ALT_GRAPH)}
            </div>
            <hr/>
            <div role="menu" aria-label="Send keys">
                <Held session=session/>
                {chord("Switch window", "Alt Tab", vec![ALT, key("Tab")])}
                {chord("Close tab in guest", "Ctrl W", vec![CONTROL, key("KeyW")])}
                {chord("Close window in guest", "Alt F4", vec![ALT, function_key(4)])}
                {chord("Logo key", "Win", vec![META])}
                {chord("Print screen", "Print", vec![key("PrintScreen")])}
                {chord("Escape", "Esc", vec![key("Escape")])}
            </div>
            <hr/>
            <p class="sf-pop__title">"Text console (Ctrl Alt …)"</p>
            <div class="sf-mods is-6" role="group" aria-label="Text console">{consoles}</div>
            <p class="sf-pop__foot">
                {move || {
                    let locks = session.locks.get();
                    let word = |on: bool| if on { "on" } else { "off" };
                    format!("In the guest: Caps Lock {}, Num Lock {}", word(locks.caps), word(locks.num))
                }}
            </p>
        </div>
    }
    .into_any()
}

/// Ctrl-Alt-Del: many guests end everybody's work on it, so it wants a moment's hold. From the
/// keyboard a second press within the time is the confirmation.
#[component]
fn Held(session: Session) -> impl IntoView {
    // Counts presses, so that a timer of an earlier press does not act for a later one.
    let press = RwSignal::new(0_u32);
    let down = RwSignal::new(false);
    let send = move || {
        down.try_set(false);
        session.chord(&[CONTROL, ALT, DELETE]);
        session.menu.try_set(None);
        super::view::focus_picture();
    };
    let begin = move || {
        press.update(|press| *press += 1);
        down.set(true);
        let mine = press.get_untracked();
        task::run(async move {
            task::pause(HOLD_MS).await;
            if down.try_get_untracked() == Some(true) && press.try_get_untracked() == Some(mine) {
                send();
            }
        });
    };
    let keyboard = move |event: web_sys::KeyboardEvent| {
        if matches!(event.key().as_str(), "Enter" | " ") {
            event.prevent_default();
            if !event.repeat() {
                begin();
            }
        }
    };
    view! {
        <button
            class="sf-opt"
            type="button"
            role="menuitem"
            class:is-on=down
            on:pointerdown=move |_| begin()
            on:pointerup=move |_| down.set(false)
            on:pointerleave=move |_| down.set(false)
            on:keydown=keyboard
            on:keyup=move |_| down.set(false)
            on:blur=move |_| down.set(false)
        >
            <span>"Ctrl Alt Del"</span>
            <span class="sf-hint">"hold 1 s"</span>
        </button>
    }
}

/// Power, and the disc in the drive.
#[component]
pub fn Power(
    /// The console.
    session: Session,
    /// The machine.
    machine: Machine,
) -> impl IntoView {
    let answer = RwSignal::new(None::<String>);
    let app = machine.app;
    let id = machine.id.get_value();
    let vm = {
        let id = id.clone();
        Signal::derive(move || app.store.vms.get(&id))
    };
    let action = |word: &'static str, hint: &'static str, name: &'static str| {
        let id = id.clone();
        let refusal = move || {
            vm.with(|vm| {
                vm.as_ref()
                    .and_then(|vm| vm.offers.refusal(name).map(str::to_owned))
            })
        };
        let act = move |_| {
            if refusal().is_some() {
                return;
            }
            let id = id.clone();
            answer.set(None);
            task::run(async move {
                match client::vms::act(&id, name).await {
                    Ok(()) => drop(session.menu.try_set(None)),
                    Err(fault) => drop(answer.try_set(Some(fault.text()))),
                }
            });
        };
        view! {
            <button
                class="sf-opt"
                type="button"
                role="menuitem"
                aria-disabled=move || refusal().is_some().to_string()
                title=move || refusal().unwrap_or_default()
                on:click=act
            >
                <span>{word}</span>
                <span class="sf-hint">{move || refusal().unwrap_or_else(|| hint.to_owned())}</span>
            </button>
        }
    };
    let discs = {
        let id = id.clone();
        move || {
            let (drive, running) = vm.with(|vm| match vm {
                Some(vm) => (vm.cd.clone(), !vm.status.is_off()),
                None => (None, false),
            });
            let put = {
                let id = id.clone();
                move |disc: Option<crate::store::Id>| {
                    let id = id.clone();
                    answer.set(None);
                    task::run(async move {
                        let correlation = client::correlation_id();
                        let done =
                            client::vms::change_cd(&id, disc.as_deref(), running, &correlation)
                                .await;
                        if let Err(fault) = done {
                            answer.try_set(Some(fault.text()));
                        }
                    });
                }
            };
            let mut rows = Vec::new();
            for disc in app.store.disks.by_name() {
                if !disc.is_iso() || disc.status != "ok" {
                    continue;
                }
                let inside = drive.as_ref() == Some(&disc.id);
                let put = put.clone();
                let which = disc.id.clone();
                rows.push(
                    view! {
                        <button
                            class="sf-opt"
                            class:is-on=inside
                            type="button"
                            role="menuitemradio"
                            aria-checked=inside.to_string()
                            on:click=move |_| put(Some(which.clone()))
                        >
                            <span class="sf-cut">{disc.name.clone()}</span>
                            <span class="sf-hint">{if inside { "in the drive" } else { "put in" }}</span>
                        </button>
                    }
                    .into_any(),
                );
            }
            if drive.is_some() {
                rows.push(
                    view! {
                        <button class="sf-opt" type="button" role="menuitem" on:click=move |_| put(None)>
                            <span>"Eject"</span>
                        </button>
                    }
                    .into_any(),
                );
            } else if rows.is_empty() {
                rows.push(
                    view! { <p class="sf-pop__title">"No ISO has been uploaded yet."</p> }
                        .into_any(),
                );
            }
            rows
        }
    };
    view! {
        <div class="sf-pop pf-v6-c-menu" id="power">
            <div role="menu" aria-label="Power">
                {action("Start", "", "start")}
                {action("Shut down", "asks the guest", "shutdown")}
                {action("Reboot", "asks the guest", "reboot")}
                {action("Reset", "at once", "reset")}
                {action("Stop", "pulls the plug", "stop")}
            </div>
            <hr/>
            <p class="sf-pop__title">"Disc in the drive"</p>
            <div role="menu" aria-label="Disc in the drive" class="sf-pop__scroll">{discs}</div>
            {move || {
                answer.get().map(|text| view! { <p class="sf-pop__foot" role="alert">{text}</p> })
            }}
        </div>
    }
    .into_any()
}

/// Keys that a touch screen lacks; shown on narrow windows only.
#[component]
pub fn KeyBar(
    /// The console.
    session: Session,
) -> impl IntoView {
    let press = move |word: &'static str, name: &'static str, code: &'static str| {
        view! {
            <button
                type="button"
                aria-label=name
                on:click=move |_| {
                    if let Some(key) = scancode(code) {
                        session.chord(&[key]);
                    }
                }
            >
                {word}
            </button>
        }
    };
    let hold = move |word, key| modifier(session, word, key);
    view! {
        <div class="sf-keybar" role="toolbar" aria-label="Keys">
            {press("Esc", "Esc", "Escape")}
            {press("Tab", "Tab", "Tab")}
            {hold("Ctrl", CONTROL)}
            {hold("Alt", ALT)}
            {hold("Win", META)}
            {press("↑", "Up", "ArrowUp")}
            {press("↓", "Down", "ArrowDown")}
            {press("←", "Left", "ArrowLeft")}
            {press("→", "Right", "ArrowRight")}
            {press("⏎", "Enter", "Enter")}
        </div>
    }
    .into_any()
}

/// The menu that is open, if any. What is chosen in it, or its first line, has the focus; arrow keys walk through it.
#[component]
pub fn Open(
    /// The console.
    session: Session,
) -> impl IntoView {
    let root = NodeRef::<leptos::html::Div>::new();
    Effect::new(move |_| {
        if session.menu.get().is_some() {
            // The menu's own elements come in this same turn, after this effect.
            request_animation_frame(move || {
                let lines = lines(root);
                let chosen = |line: &&web_sys::HtmlElement| {
                    line.get_attribute("aria-checked").as_deref() == Some("true")
                };
                if let Some(line) = lines.iter().find(chosen).or(lines.first()) {
                    let _ = line.focus();
                }
            });
        }
    });
    let walk = move |event: web_sys::KeyboardEvent| {
        let lines = lines(root);
        let active = document().active_element();
        let here = lines.iter().position(|line| {
            active
                .as_ref()
                .is_some_and(|active| line.is_same_node(Some(active)))
        });
        if let Some(to) = step(&event.key(), here, lines.len())
            && let Some(line) = lines.get(to)
        {
            event.prevent_default();
            let _ = line.focus();
        }
    };
    view! {
        <div node_ref=root on:keydown=walk>
            {move || match (session.menu.get(), session.guest.machine()) {
                (Some(Menu::Keys), _) => Some(view! { <Keys session=session/> }.into_any()),
                (Some(Menu::Quality), _) => Some(view! { <Quality session=session/> }.into_any()),
                (Some(Menu::Power), Some(machine)) => {
                    Some(view! { <Power session=session machine=machine/> }.into_any())
                }
                (Some(Menu::Power), None) | (None, _) => None,
            }}
        </div>
    }
    .into_any()
}

/// The buttons of the open menu.
fn lines(root: NodeRef<leptos::html::Div>) -> Vec<web_sys::HtmlElement> {
    let Some(Some(root)) = root.try_get_untracked() else {
        return Vec::new();
    };
    let Ok(found) = root.query_selector_all("button") else {
        return Vec::new();
    };
    (0..found.length())
        .filter_map(|index| found.item(index)?.dyn_into().ok())
        .collect()
}

/// Where a key leads in a menu of so many lines; nothing when it leads nowhere.
fn step(key: &str, here: Option<usize>, count: usize) -> Option<usize> {
    let last = count.checked_sub(1)?;
    match (key, here) {
        ("Home", _) | ("ArrowDown", None) => Some(0),
        ("End", _) | ("ArrowUp", None | Some(0)) => Some(last),
        ("ArrowDown", Some(here)) => Some(if here >= last { 0 } else { here + 1 }),
        ("ArrowUp", Some(here)) => Some(here - 1),
        _ => None,
    }
}

/// A key that stays down until it is chosen again.
fn modifier(session: Session, word: &'static str, key: u16) -> AnyView {
    view! {
        <button
            type="button"
            aria-pressed=move || session.held.with(|held| held.contains(&key)).to_string()
            on:click=move |_| session.hold(key)
        >
            {word}
        </button>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn arrow_keys_walk_through_a_menu_and_around() {
        assert_eq!(step("ArrowDown", None, 3), Some(0));
        assert_eq!(step("ArrowDown", Some(1), 3), Some(2));
        assert_eq!(step("ArrowDown", Some(2), 3), Some(0));
        assert_eq!(step("ArrowUp", Some(0), 3), Some(2));
        assert_eq!(step("ArrowUp", Some(2), 3), Some(1));
        assert_eq!(step("End", Some(0), 3), Some(2));
        assert_eq!(step("Enter", Some(0), 3), None);
        assert_eq!(step("ArrowDown", None, 0), None);
    }
}
