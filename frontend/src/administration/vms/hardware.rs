//! Hardware of a machine: what it is made of now, what it will be made of at the
//! next start, and which of it changes without one.

use super::options::Options;
use crate::app::app;
use crate::client::vms;
use crate::components::names::{boot_words, firmware_words, interface_words, os_words};
use crate::components::status::label;
use crate::components::vm_actions::{ActionButton, VmAction};
use crate::format::bytes;
use crate::json::{flag, list, text, whole};
use crate::store::{Id, Vm};
use crate::task;
use crate::text::{fill, plural, t};
use crate::ui::button::{Button, Kind};
use crate::ui::icon::icon;
use leptos::prelude::*;
use serde_json::Value;

/// How a fact is read of the API's object.
type Read = fn(&Value) -> String;
/// A line of the table: group, name, its value, what is good to know.
type Row = (&'static str, &'static str, Read, &'static str);

fn yes_no(value: &Value, path: &[&str]) -> String {
    t(if flag(value, path).unwrap_or(false) {
        "yes"
    } else {
        "no"
    })
    .to_owned()
}

fn amount(value: &Value, path: &[&str]) -> String {
    whole(value, path).map(bytes).unwrap_or_default()
}

const LIVE: &str = "changes live";

const ROWS: &[Row] = &[
    (
        "Processor and memory",
        "Processors",
        |vm| {
            let part = |name| whole(vm, &["cpu", "topology", name]).unwrap_or(1).max(1);
            let (sockets, cores, threads) = (part("sockets"), part("cores"), part("threads"));
            let mut words = fill("{0} vCPU", &[&(sockets * cores * threads).to_string()]);
            for (count, one, many) in [
                (sockets, "{0} socket", "{0} sockets"),
                (cores, "{0} core each", "{0} cores each"),
                (threads, "{0} thread each", "{0} threads each"),
            ] {
                if count > 1 || one.contains("socket") {
                    words.push_str(", ");
                    words.push_str(&plural(count as usize, one, many));
                }
            }
            words
        },
        LIVE,
    ),
    (
        "Processor and memory",
        "Processor model",
        |vm| {
            let own = text(vm, &["custom_cpu_model"]);
            if own.is_empty() {
                t("as the cluster has it").to_owned()
            } else {
                own
            }
        },
        "",
    ),
    (
        "Processor and memory",
        "Memory",
        |vm| amount(vm, &["memory"]),
        LIVE,
    ),
    (
        "Processor and memory",
        "Guaranteed memory",
        |vm| amount(vm, &["memory_policy", "guaranteed"]),
        "",
    ),
    (
        "Processor and memory",
        "Memory at most",
        |vm| amount(vm, &["memory_policy", "max"]),
        "so much can be plugged in while it runs",
    ),
    (
        "Processor and memory",
        "Ballooning",
        |vm| yes_no(vm, &["memory_policy", "ballooning"]),
        "",
    ),
    (
        "Start",
        "System",
        |vm| os_words(&text(vm, &["os", "type"])),
        "tells the host which devices suit it",
    ),
    (
        "Start",
        "Firmware",
        |vm| firmware_words(&text(vm, &["bios", "type"])).to_owned(),
        "",
    ),
    ("Start", "TPM", |vm| yes_no(vm, &["tpm_enabled"]), ""),
    (
        "Start",
        "Boots from",
        |vm| {
            let devices = list(vm, &["os", "boot", "devices"]);
            let words: Vec<&str> = devices
                .iter()
                .filter_map(Value::as_str)
                .map(boot_words)
                .collect();
            words.join(", ")
        },
        "",
    ),
    (
        "Start",
        "Boot menu",
        |vm| yes_no(vm, &["bios", "boot_menu", "enabled"]),
        "",
    ),
    (
        "Start",
        "Time zone",
        |vm| text(vm, &["time_zone", "name"]),
        "",
    ),
    (
        "Display, sound, devices",
        "Display",
        |vm| {
            let video = text(vm, &["display", "video_type"]);
            let monitors = whole(vm, &["display", "monitors"]).unwrap_or(1);
            [
                text(vm, &["display", "type"]).to_uppercase(),
                video,
                plural(monitors as usize, "{0} screen", "{0} screens"),
            ]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(", ")
        },
        "",
    ),
    (
        "Display, sound, devices",
        "Copy and paste",
        |vm| yes_no(vm, &["display", "copy_paste_enabled"]),
        "needs an agent in the guest",
    ),
    (
        "Display, sound, devices",
        "Smart card",
        |vm| yes_no(vm, &["display", "smartcard_enabled"]),
        "",
    ),
    (
        "Display, sound, devices",
        "Sound",
        |vm| yes_no(vm, &["soundcard_enabled"]),
        "",
    ),
    (
        "Display, sound, devices",
        "Random numbers",
        |vm| text(vm, &["rng_device", "source"]),
        "",
    ),
    (
        "Display, sound, devices",
        "I/O threads",
        |vm| whole(vm, &["io", "threads"]).unwrap_or(0).to_string(),
        "",
    ),
    (
        "Display, sound, devices",
        "VirtIO SCSI",
        |vm| yes_no(vm, &["virtio_scsi", "enabled"]),
        "",
    ),
    (
        "Display, sound, devices",
        "Network queues",
        |vm| {
            t(if flag(vm, &["multi_queues_enabled"]).unwrap_or(false) {
                "several"
            } else {
                "one"
            })
            .to_owned()
        },
        "",
    ),
];

/// What is plugged in, which changes while it runs: name, value.
fn plugged(vm: &Vm) -> Vec<(&'static str, String, String)> {
    let app = app();
    let mut rows = Vec::new();
    for attachment in &vm.disks {
        let Some(disk) = app.store.disks.get(&attachment.disk) else {
            continue;
        };
        let domain = disk
            .storage_domain
            .as_ref()
            .map(|domain| app.store.storage_domains.name_of(domain))
            .unwrap_or_default();
        rows.push((
            "Disks and network",
            disk.name.clone(),
            fill(
                "{0}, {1}, on {2}",
                &[
                    &bytes(disk.size),
                    &interface_words(&attachment.interface),
                    &domain,
                ],
            ),
        ));
    }
    for nic in &vm.nics {
        let network = nic.profile.as_ref().map_or_else(
            || t("no network").to_owned(),
            |profile| app.store.vnic_profiles.name_of(profile),
        );
        rows.push((
            "Disks and network",
            nic.name.clone(),
            [network, interface_words(&nic.interface), nic.mac.clone()].join(", "),
        ));
    }
    rows
}

/// The tab.
#[component]
pub fn Hardware(
    /// Which machine.
    id: Id,
    /// Opens the dialog for what is changed most.
    #[prop(into)]
    on_edit: Callback<()>,
) -> AnyView {
    let app = app();
    let vm = {
        let id = id.clone();
        Memo::new(move |_| app.store.vms.get(&id).map(|vm| vm.without_figures()))
    };
    let refusal = Signal::derive(move || {
        vm.get()
            .and_then(|vm| vm.offers.refusal("update").map(str::to_owned))
    });
    let options = RwSignal::new(false);
    let only_changes = RwSignal::new(0_usize);
    // What it is now, and what it will be at the next start if that is something else.
    let now = RwSignal::new(Value::Null);
    let next = RwSignal::new(None::<Value>);
    let asked = id.clone();
    Effect::new(move |_| {
        let Some(waits) = vm.with(|vm| vm.as_ref().map(|vm| vm.next_run)) else {
            return;
        };
        let id = asked.clone();
        task::run(async move {
            if let Ok(answer) = vms::get(&id, false).await {
                let _ = now.try_set(answer);
            }
            let after = if waits {
                vms::get(&id, true).await.ok()
            } else {
                None
            };
            let _ = next.try_set(after);
        });
    });
    let changes = Memo::new(move |_| {
        now.with(|now| {
            next.with(|next| {
                next.as_ref().map_or(0, |next| {
                    ROWS.iter()
                        .filter(|(_, _, read, _)| read(now) != read(next))
                        .count()
                })
            })
        })
    });
    let id_stop = id.clone();
    let banner = move || {
        vm.with(|vm| vm.as_ref().is_some_and(|vm| vm.next_run)).then(|| {
            let count = changes.get();
            let words = if count > 0 {
                plural(count, "{0} change waits for the next start.", "{0} changes wait for the next start.")
            } else {
                t("A change waits for the next start.").to_owned()
            };
            view! {
                <div class="sf-banner" role="status">
                    {icon("clock")}
                    <span><b>{words}</b>" "{t("What runs stays as it is until then. A reboot inside the guest is not enough: shut it down and start it.")}</span>
                    <span class="sf-banner__acts"><ActionButton id=id_stop.clone() action=VmAction::Shutdown/></span>
                </div>
            }
        })
    };
    let body = move || {
        let Some(vm) = vm.get() else {
            return ().into_any();
        };
        let only = only_changes.get() == 1 && changes.get() > 0;
        let running = !vm.status.is_off();
        let mut group = "";
        let mut lines: Vec<AnyView> = Vec::new();
        let heading = |lines: &mut Vec<AnyView>, words: &'static str| {
            lines.push(view! { <tr class="pf-v6-c-table__tr is-group"><th class="pf-v6-c-table__th" colspan="4" scope="colgroup">{t(words)}</th></tr> }.into_any());
        };
        now.with(|now| {
            next.with(|next| {
                for (of, name, read, note) in ROWS {
                    let here = read(now);
                    let after = next.as_ref().map(read).filter(|after| *after != here);
                    if only && after.is_none() {
                        continue;
                    }
                    if *of != group {
                        group = of;
                        heading(&mut lines, group);
                    }
                    let changed = after.is_some();
                    let note = if *note == LIVE {
                        running.then(|| label(t(LIVE), "")).into_any()
                    } else {
                        t(note).into_any()
                    };
                    lines.push(view! {
                        <tr class="pf-v6-c-table__tr" class:is-next=changed>
                            <th class="pf-v6-c-table__td" scope="row">{t(name)}</th>
                            <td class="pf-v6-c-table__td" class:sf-was=changed>{if here.is_empty() { "–".to_owned() } else { here }}</td>
                            <td class="pf-v6-c-table__td">{match after { Some(after) => view! { <b class="sf-next">{after}</b> }.into_any(), None => view! { <span class="sf-dim">{t("same")}</span> }.into_any() }}</td>
                            <td class="pf-v6-c-table__td"><span class="sf-dim">{note}</span></td>
                        </tr>
                    }.into_any());
                }
            });
        });
        if !only {
            for (of, name, value) in plugged(&vm) {
                if of != group {
                    group = of;
                    heading(&mut lines, group);
                }
                lines.push(view! {
                    <tr class="pf-v6-c-table__tr">
                        <th class="pf-v6-c-table__td" scope="row">{name}</th>
                        <td class="pf-v6-c-table__td">{value}</td>
                        <td class="pf-v6-c-table__td"><span class="sf-dim">{t("same")}</span></td>
                        <td class="pf-v6-c-table__td">{running.then(|| label(t(LIVE), ""))}</td>
                    </tr>
                }.into_any());
            }
        }
        view! {
            <table class="pf-v6-c-table pf-m-compact sf-table is-stack sf-diff" aria-label=t("Hardware")>
                <colgroup><col class="c-180"/><col/><col class="c-220"/><col class="c-280"/></colgroup>
                <thead class="pf-v6-c-table__thead"><tr class="pf-v6-c-table__tr">
                    <th class="pf-v6-c-table__th" scope="col">{t("Device")}</th>
                    <th class="pf-v6-c-table__th" scope="col">{t("Now")}</th>
                    <th class="pf-v6-c-table__th" scope="col">{t("At next start")}</th>
                    <th class="pf-v6-c-table__th" scope="col">{t("Good to know")}</th>
                </tr></thead>
                <tbody class="pf-v6-c-table__tbody">{lines}</tbody>
            </table>
        }
        .into_any()
    };
    let id_options = id.clone();
    view! {
        {banner}
        <div class="sf-tools">
            {move || (changes.get() > 0).then(|| view! { <crate::ui::form::Segments label=t("What is shown") words=vec![t("Everything"), t("Only changes")] value=only_changes/> })}
            <span class="sf-grow"></span>
            <Button label=t("Edit") icon="edit" kind=Kind::Primary refusal=refusal on_press=on_edit/>
            <Button label=t("Options") icon="settings" refusal=refusal on_press=move |()| options.set(true)/>
        </div>
        {body}
        {move || options.get().then(|| view! { <Options id=id_options.clone() on_close=move |()| options.set(false)/> })}
    }
    .into_any()
}
