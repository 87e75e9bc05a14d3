//! What the machine is told at its first start: a form, and what it means beside it.

use crate::client;
use crate::making::first_boot::FirstBoot;
use crate::task;
use crate::text::t;
use crate::ui::form::{Check, TextField};
use leptos::prelude::*;

/// A field of the answers as a signal that writes back.
fn part(all: RwSignal<FirstBoot>, get: fn(&mut FirstBoot) -> &mut String) -> RwSignal<String> {
    let value = RwSignal::new(get(&mut all.get_untracked()).clone());
    Effect::new(move |before: Option<()>| {
        let text = value.get();
        if before.is_some() {
            all.update(|all| *get(all) = text);
        }
    });
    value
}

/// Several lines of text.
#[component]
pub fn Lines(
    /// Tells it from others in the page.
    id: &'static str,
    /// Its label.
    label: &'static str,
    /// What is in it.
    value: RwSignal<String>,
    /// How many lines are seen.
    rows: &'static str,
    /// What to write.
    #[prop(optional)]
    help: &'static str,
) -> AnyView {
    let help_id = [id, "-help"].concat();
    view! {
        <div class="sf-field">
            <label for=id>{label}</label>
            <textarea class="sf-input sf-mono" id=id name=id rows=rows spellcheck="false" aria-describedby=help_id.clone() prop:value=value on:input:target=move |event| value.set(event.target().value())></textarea>
            <p class="sf-help" id=help_id>{help}</p>
        </div>
    }
    .into_any()
}

/// What the guest will really read, as the server would write it.
fn preview(all: RwSignal<FirstBoot>, windows: Signal<bool>) -> AnyView {
    let told = RwSignal::new(Vec::<(String, String)>::new());
    let refused = RwSignal::new(None::<String>);
    let asked = StoredValue::new(0_u32);
    Effect::new(move |_| {
        let body = all.with(|all| all.body(false));
        let os = if windows.get() {
            "windows_2022"
        } else {
            "other_linux"
        };
        let turn = asked.get_value().wrapping_add(1);
        asked.set_value(turn);
        task::run(async move {
            // Not for every letter.
            task::pause(300).await;
            if asked.try_get_value() != Some(turn) {
                return;
            }
            let answer = client::first_boot::preview(os, body).await;
            if asked.try_get_value() != Some(turn) {
                return;
            }
            match answer {
                Ok(files) => {
                    let _ = told.try_set(files);
                    let _ = refused.try_set(None);
                }
                Err(fault) => drop(refused.try_set(Some(fault.text()))),
            }
        });
    });
    view! {
        <div class="sf-stack is-8">
            <h3 class="sf-label">{t("What the machine will read")}</h3>
            {move || refused.get().map(|why| view! { <p class="sf-help sf-c-bad" role="status">{why}</p> })}
            {move || told.get().into_iter().map(|(name, content)| {
                let label = name.clone();
                view! { <p class="sf-help">{name}</p><pre class="sf-code is-box" tabindex="0" role="region" aria-label=label>{content}</pre> }
            }).collect_view()}
        </div>
    }
    .into_any()
}

/// The pane.
pub fn pane(all: RwSignal<FirstBoot>, windows: Signal<bool>) -> AnyView {
    let on = RwSignal::new(all.get_untracked().on);
    Effect::new(move |before: Option<()>| {
        let on = on.get();
        if before.is_some() {
            all.update(|all| all.on = on);
        }
    });
    let fields = move || {
        on.get().then(|| {
            let host = part(all, |all| &mut all.host_name);
            let user = part(all, |all| &mut all.user);
            let password = part(all, |all| &mut all.password);
            let keys = part(all, |all| &mut all.keys);
            let zone = part(all, |all| &mut all.time_zone);
            let dns = part(all, |all| &mut all.dns);
            let device = part(all, |all| &mut all.device);
            let address = part(all, |all| &mut all.address);
            let gateway = part(all, |all| &mut all.gateway);
            let script = part(all, |all| &mut all.script);
            view! {
                <div class="sf-fields is-2">
                    <TextField id="first-host" label=t("Host name") value=host/>
                    <TextField id="first-zone" label=t("Time zone") value=zone help=t("Europe/Berlin")/>
                    <TextField id="first-user" label=t("User") value=user/>
                    <TextField id="first-password" label=t("Password") kind="password" autocomplete="new-password" value=password/>
                </div>
                {move || (!windows.get()).then(|| view! { <Lines id="first-keys" label=t("Public keys") value=keys rows="3" help=t("One a line, as in ~/.ssh/authorized_keys")/> })}
                <div class="sf-fields is-2">
                    <TextField id="first-device" label=t("Network device") value=device help=t("Empty: addresses by DHCP")/>
                    <TextField id="first-address" label=t("Address") value=address help=t("10.0.0.5/24")/>
                    <TextField id="first-gateway" label=t("Gateway") value=gateway/>
                    <TextField id="first-dns" label=t("Name servers") value=dns/>
                </div>
                <Lines id="first-script" label=if windows.get_untracked() { t("Answer file") } else { t("Further cloud-config (YAML)") } value=script rows="6"/>
                {preview(all, windows)}
                {move || all.with(FirstBoot::objection).map(|why| view! { <p class="sf-help sf-c-bad" role="status">{t(why)}</p> })}
            }
        })
    };
    view! {
        <div class="sf-fields">
            <Check label=t("Tell it its name, users and network at its first start") value=on/>
            <p class="sf-help">{move || if windows.get() { t("For Windows templates that were sealed with sysprep.") } else { t("For images with cloud-init, as distributions offer them. It is read once, at the first start.") }}</p>
            {fields}
        </div>
    }
    .into_any()
}
