//! What a machine's guest agent tells: agent, system, addresses, people, file
//! systems, applications. All of it is the guest's word.

use crate::app::app;
use crate::client::vms;
use crate::components::asking::ask;
use crate::components::status::badge;
use crate::format::{bytes_of, percent, share};
use crate::store::{Agent, Id, Status, Tone, Vm};
use crate::text::{fill, plural, t};
use crate::ui::bar::bar;
use crate::ui::button::{Button, copyable};
use crate::ui::page::{fact, facts, reason, section};
use crate::ui::table::{Column, column, plain_table};
use leptos::prelude::*;

const DEVICES: &[Column] = &[
    column("Device", "c-160", "", false),
    column("Hardware address", "c-180", "", false),
    column("Addresses", "", "", false),
];
const FILE_SYSTEMS: &[Column] = &[
    column("Mounted at", "", "", false),
    column("Kind", "c-100", "", false),
    column("Used", "c-140", "", false),
    column("", "c-200", "", false),
];
const SESSIONS: &[Column] = &[
    column("User", "", "", false),
    column("From", "c-220", "", false),
];

/// Whether the agent can be talked to.
fn agent(vm: &Vm) -> Status {
    match vm.guest.agent {
        Agent::Answers => Status::new("Answers", "st-ok", Tone::Ok),
        Agent::Silent => Status::new("Does not answer", "st-warn", Tone::Warn),
        Agent::None => Status::new("No agent", "st-down", Tone::Off),
    }
}

/// The tab.
#[component]
pub fn GuestTab(
    /// Which machine.
    id: Id,
) -> AnyView {
    let app = app();
    let vm = Memo::new(move |_| app.store.vms.get(&id).map(|vm| vm.without_figures()));
    let body = move || {
        let Some(vm) = vm.get() else {
            return ().into_any();
        };
        if !vm.status.has_screen() {
            return reason(
                "sf-reason is-calm",
                "info",
                t("It is off. What its guest agent tells is shown while it runs."),
            );
        }
        let guest = &vm.guest;
        let hint = (guest.agent == Agent::None).then(|| {
            reason(
                "sf-reason is-calm",
                "info",
                t("Nothing in the guest has opened the agent's channel. Install qemu-guest-agent in it: then its addresses, users and file systems are shown here, and snapshots can wait for its disks to be tidy."),
            )
        });
        let about = facts(vec![
            (t("Agent"), badge(agent(&vm))),
            (t("System"), fact(guest.system.clone())),
            (
                t("Host name"),
                if vm.fqdn.is_empty() {
                    fact("")
                } else {
                    copyable(vm.fqdn.clone())
                },
            ),
            (t("Time zone"), fact(guest.time_zone.clone())),
        ]);
        let devices = (!guest.devices.is_empty()).then(|| {
            let rows = guest.devices.iter().map(|device| {
                let addresses = device
                    .addresses
                    .iter()
                    .map(|address| view! { {copyable(address.clone())}" " })
                    .collect_view();
                vec![
                    view! { <span class="sf-strong">{device.name.clone()}</span> }.into_any(),
                    view! { <span class="sf-mono">{device.mac.clone()}</span> }.into_any(),
                    addresses.into_any(),
                ]
            });
            section(
                t("Network"),
                (),
                plain_table(t("Network devices"), DEVICES, rows.collect()),
            )
        });
        let file_systems = (!guest.file_systems.is_empty()).then(|| {
            let rows = guest.file_systems.iter().map(|one| {
                let used = share(one.used, one.total);
                let class = if used >= 95.0 {
                    "is-bad"
                } else if used >= 85.0 {
                    "is-warn"
                } else {
                    ""
                };
                vec![
                    view! { <span class="sf-strong">{one.place.clone()}</span> }.into_any(),
                    view! { <span class="sf-dim">{one.kind.clone()}</span> }.into_any(),
                    bar(&[(used, class)], fill("{0} used", &[&percent(used)]), true),
                    [bytes_of(one.used, one.total), percent(used)]
                        .join(", ")
                        .into_any(),
                ]
            });
            section(
                t("File systems"),
                (),
                plain_table(t("File systems"), FILE_SYSTEMS, rows.collect()),
            )
        });
        let sessions = (!guest.sessions.is_empty()).then(|| {
            let rows = guest.sessions.iter().map(|one| {
                vec![
                    view! { <span class="sf-strong">{one.user.clone()}</span> }.into_any(),
                    view! { <span class="sf-dim">{one.from.clone()}</span> }.into_any(),
                ]
            });
            section(
                t("Logged in"),
                (),
                plain_table(t("Logged in"), SESSIONS, rows.collect()),
            )
        });
        let applications = (!guest.applications.is_empty()).then(|| {
            let count = plural(
                guest.applications.len(),
                "{0} application",
                "{0} applications",
            );
            let list = guest
                .applications
                .iter()
                .map(|name| view! { <li>{name.clone()}</li> })
                .collect_view();
            section(
                t("Applications"),
                view! { <span class="sf-dim">{count}</span> },
                view! { <ul class="sf-plain is-columns">{list}</ul> },
            )
        });
        let hold = |words: &'static str, action: &'static str, offer: &'static str| {
            let refusal = vm.offers.refusal(offer).map(str::to_owned);
            let (id, name) = (vm.id.clone(), vm.name.clone());
            let press = move |()| {
                let refused = fill("{0} did not do it", &[&name]);
                ask(
                    app,
                    Some(t("The guest has done it").to_owned()),
                    refused,
                    vms::action(&id, action),
                );
            };
            view! { <Button label=t(words) refusal=Signal::derive(move || refusal.clone()) on_press=press/> }
        };
        view! {
            {hint}
            <div class="sf-grid is-main">
                <div class="sf-stack is-24">{devices}{file_systems}{sessions}{applications}</div>
                <div class="sf-stack is-16">
                    {about}
                    <div class="sf-row is-wrap">{hold("Hold writes", "freezefilesystems", "freeze")}{hold("Let it write", "thawfilesystems", "thaw")}</div>
                    <p class="sf-help">{t("What is told here is the guest's own word; nothing is decided by it.")}</p>
                </div>
            </div>
        }
        .into_any()
    };
    view! { <div class="sf-pad sf-stack is-16"><div></div>{body}</div> }.into_any()
}
