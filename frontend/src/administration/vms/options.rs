//! Hardware options of a machine: one list of fields, read from the API's object
//! and written back, only what was changed.

use crate::app::app;
use crate::client::{self, vms};
use crate::components::asking::{FormDialog, ask};
use crate::json::{flag, text};
use crate::store::Id;
use crate::task;
use crate::text::{fill, t};
use crate::ui::form::{Check, Choice, TextField};
use crate::ui::page::reason;
use leptos::prelude::*;
use serde_json::{Map, Value, json};

/// What can be put into a field.
#[derive(Clone, Copy)]
enum Kind {
    /// Yes or no.
    Flag,
    /// One of these: value, words.
    One(&'static [(&'static str, &'static str)]),
    /// A whole number up to this.
    Number(u64),
    /// Text.
    Text,
}

struct Field {
    id: &'static str,
    group: &'static str,
    label: &'static str,
    path: &'static [&'static str],
    kind: Kind,
    help: &'static str,
}

const fn field(
    id: &'static str,
    group: &'static str,
    label: &'static str,
    path: &'static [&'static str],
    kind: Kind,
    help: &'static str,
) -> Field {
    Field {
        id,
        group,
        label,
        path,
        kind,
        help,
    }
}

const FIELDS: &[Field] = &[
    field(
        "option-firmware",
        "Start",
        "Firmware",
        &["bios", "type"],
        Kind::One(&[
            ("cluster_default", "As the cluster has it"),
            ("q35_sea_bios", "BIOS"),
            ("q35_ovmf", "UEFI"),
            ("q35_secure_boot", "UEFI with Secure Boot"),
            ("i440fx_sea_bios", "BIOS, old chipset"),
        ]),
        "An installed system may not start with another one.",
    ),
    field(
        "option-zone",
        "Start",
        "Time zone",
        &["time_zone", "name"],
        Kind::Text,
        "Of its clock: Etc/GMT, W. Europe Standard Time",
    ),
    field(
        "option-tpm",
        "Start",
        "A TPM",
        &["tpm_enabled"],
        Kind::Flag,
        "",
    ),
    field(
        "option-menu",
        "Start",
        "A boot menu",
        &["bios", "boot_menu", "enabled"],
        Kind::Flag,
        "",
    ),
    field(
        "option-stateless",
        "Start",
        "Forgets everything when it is shut down",
        &["stateless"],
        Kind::Flag,
        "",
    ),
    field(
        "option-paused",
        "Start",
        "Starts paused",
        &["start_paused"],
        Kind::Flag,
        "",
    ),
    field(
        "option-model",
        "Processor and memory",
        "Processor model",
        &["custom_cpu_model"],
        Kind::Text,
        "Empty: as the cluster has it",
    ),
    field(
        "option-shares",
        "Processor and memory",
        "Processor shares",
        &["cpu_shares"],
        Kind::Number(262_144),
        "Against others when time is short: 512 low, 1024 usual, 2048 high",
    ),
    field(
        "option-balloon",
        "Processor and memory",
        "Gives memory back (ballooning)",
        &["memory_policy", "ballooning"],
        Kind::Flag,
        "",
    ),
    field(
        "option-threads",
        "Disks and network",
        "I/O threads",
        &["io", "threads"],
        Kind::Number(16),
        "0 for none",
    ),
    field(
        "option-scsi",
        "Disks and network",
        "VirtIO SCSI controller",
        &["virtio_scsi", "enabled"],
        Kind::Flag,
        "",
    ),
    field(
        "option-queues",
        "Disks and network",
        "Several network queues",
        &["multi_queues_enabled"],
        Kind::Flag,
        "",
    ),
    field(
        "option-video",
        "Display, sound, devices",
        "Video",
        &["display", "video_type"],
        Kind::One(&[
            ("qxl", "QXL"),
            ("vga", "VGA"),
            ("cirrus", "Cirrus"),
            ("bochs", "Bochs"),
        ]),
        "",
    ),
    field(
        "option-monitors",
        "Display, sound, devices",
        "Screens",
        &["display", "monitors"],
        Kind::Number(4),
        "Several need QXL",
    ),
    field(
        "option-rng",
        "Display, sound, devices",
        "Random numbers from",
        &["rng_device", "source"],
        Kind::One(&[
            ("urandom", "the host's urandom"),
            ("hwrng", "the host's hardware"),
        ]),
        "",
    ),
    field(
        "option-layout",
        "Display, sound, devices",
        "Keyboard layout",
        &["display", "keyboard_layout"],
        Kind::Text,
        "For VNC: en-us, de",
    ),
    field(
        "option-paste",
        "Display, sound, devices",
        "Copy and paste",
        &["display", "copy_paste_enabled"],
        Kind::Flag,
        "",
    ),
    field(
        "option-files",
        "Display, sound, devices",
        "Files by drag and drop",
        &["display", "file_transfer_enabled"],
        Kind::Flag,
        "",
    ),
    field(
        "option-card",
        "Display, sound, devices",
        "Smart card",
        &["display", "smartcard_enabled"],
        Kind::Flag,
        "",
    ),
    field(
        "option-sound",
        "Display, sound, devices",
        "Sound",
        &["soundcard_enabled"],
        Kind::Flag,
        "",
    ),
    field(
        "option-console",
        "Display, sound, devices",
        "A VirtIO console",
        &["console", "enabled"],
        Kind::Flag,
        "",
    ),
];

/// A field's value as text; flags are `true` or `false`.
fn read(vm: &Value, field: &Field) -> String {
    match field.kind {
        Kind::Flag => flag(vm, field.path).unwrap_or(false).to_string(),
        _ => text(vm, field.path),
    }
}

/// Puts a value below a path, making objects on the way.
fn put(body: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [last] => drop(body.insert((*last).to_owned(), value)),
        [first, rest @ ..] => {
            let below = body.entry((*first).to_owned()).or_insert_with(|| json!({}));
            if let Value::Object(below) = below {
                put(below, rest, value);
            }
        }
    }
}

/// The document of what differs: the place of each changed field and its new value.
fn difference(before: &[String], after: &[String]) -> Value {
    let mut body = Map::new();
    for ((field, old), new) in FIELDS.iter().zip(before).zip(after) {
        if old == new {
            continue;
        }
        let value = match field.kind {
            Kind::Number(_) => new
                .trim()
                .parse::<u64>()
                .map_or(Value::Null, |number| json!(number)),
            _ => json!(new.trim()),
        };
        put(&mut body, field.path, value);
    }
    Value::Object(body)
}

/// Why a value will not do.
fn objection(field: &Field, value: &str) -> Option<String> {
    match field.kind {
        Kind::Number(most) if !value.trim().is_empty() => value
            .trim()
            .parse::<u64>()
            .ok()
            .is_none_or(|number| number > most)
            .then(|| fill("{0}: at most {1}.", &[t(field.label), &most.to_string()])),
        _ => None,
    }
}

/// The dialog.
#[component]
pub fn Options(
    /// Which machine.
    id: Id,
    /// Goes away.
    #[prop(into)]
    on_close: Callback<()>,
) -> AnyView {
    let app = app();
    let Some(vm) = app.store.vms.peek(&id) else {
        return ().into_any();
    };
    let running = !vm.status.is_off();
    let before = RwSignal::new(None::<Vec<String>>);
    let values: Vec<RwSignal<String>> = FIELDS
        .iter()
        .map(|_| RwSignal::new(String::new()))
        .collect();
    let flags: Vec<RwSignal<bool>> = FIELDS.iter().map(|_| RwSignal::new(false)).collect();
    let values = StoredValue::new(values);
    let flags = StoredValue::new(flags);
    let wanted = id.clone();
    task::run(async move {
        // What will be at the next start is what is edited.
        match vms::get(&wanted, true).await {
            Ok(answer) => {
                let read: Vec<String> = FIELDS.iter().map(|field| read(&answer, field)).collect();
                let _ = values.try_with_value(|values| {
                    for (signal, value) in values.iter().zip(&read) {
                        let _ = signal.try_set(value.clone());
                    }
                });
                let _ = flags.try_with_value(|flags| {
                    for (signal, value) in flags.iter().zip(&read) {
                        let _ = signal.try_set(value == "true");
                    }
                });
                let _ = before.try_set(Some(read));
            }
            Err(fault) => app.say_fault(t("Its options cannot be shown"), fault),
        }
    });
    let now = move || {
        FIELDS
            .iter()
            .enumerate()
            .map(|(place, field)| match field.kind {
                Kind::Flag => flags.with_value(|flags| flags[place].get().to_string()),
                _ => values.with_value(|values| values[place].get()),
            })
            .collect::<Vec<_>>()
    };
    let refusal = Signal::derive(move || {
        let Some(before) = before.get() else {
            return Some(t("Its options are being asked for.").to_owned());
        };
        let now = now();
        FIELDS
            .iter()
            .zip(&now)
            .find_map(|(field, value)| objection(field, value))
            .or_else(|| (before == now).then(|| t("Nothing was changed.").to_owned()))
    });
    let name = vm.name.clone();
    let go = move |()| {
        let body = difference(&before.get_untracked().unwrap_or_default(), &untrack(now));
        let answer = client::request("PUT", api::path::vm(&id), Some(body));
        ask(
            app,
            Some(fill("{0} was changed", &[&name])),
            fill("{0} was not changed", &[&name]),
            answer,
        );
    };
    let fields = move || {
        before.with(Option::is_some).then(|| {
            let mut groups: Vec<(&'static str, Vec<AnyView>, Vec<AnyView>)> = Vec::new();
            for (place, field) in FIELDS.iter().enumerate() {
                if groups.last().is_none_or(|(group, ..)| *group != field.group) {
                    groups.push((field.group, Vec::new(), Vec::new()));
                }
                let Some((_, boxes, ticks)) = groups.last_mut() else {
                    continue;
                };
                let value = values.with_value(|values| values[place]);
                match field.kind {
                    Kind::Flag => {
                        let value = flags.with_value(|flags| flags[place]);
                        ticks.push(view! { <Check label=t(field.label) value=value/> }.into_any());
                    }
                    Kind::One(all) => {
                        let own = value.get_untracked();
                        let mut options: Vec<(String, String)> = all.iter().map(|(key, words)| ((*key).to_owned(), t(words).to_owned())).collect();
                        if !all.iter().any(|(key, _)| *key == own) {
                            let words = if own.is_empty() { t("As the system suits").to_owned() } else { own.clone() };
                            options.insert(0, (own, words));
                        }
                        boxes.push(view! { <Choice id=field.id label=t(field.label) value=value options=options help=t(field.help)/> }.into_any());
                    }
                    Kind::Number(_) | Kind::Text => {
                        let wrong = Signal::derive(move || value.with(|value| objection(field, value)));
                        boxes.push(view! { <TextField id=field.id label=t(field.label) value=value help=t(field.help) wrong=wrong/> }.into_any());
                    }
                }
            }
            groups
                .into_iter()
                .map(|(group, boxes, ticks)| view! {
                    <fieldset class="sf-fieldset">
                        <legend class="sf-label">{t(group)}</legend>
                        <div class="sf-fields is-2">{boxes}</div>
                        <div class="sf-fields is-2 is-dense">{ticks}</div>
                    </fieldset>
                })
                .collect_view()
        })
    };
    view! {
        <FormDialog title=fill("Options of {0}", &[&vm.name]) button=t("Save") refusal=refusal on_go=go on_close=on_close>
            {running.then(|| reason("sf-reason is-calm", "info", t("It is running: these wait for its next start.")))}
            {fields}
        </FormDialog>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changed_fields_are_written_each_at_its_place() {
        let vm = json!({"bios": {"type": "q35_sea_bios"}, "tpm_enabled": "false", "io": {"threads": "1"}});
        let before: Vec<String> = FIELDS.iter().map(|field| read(&vm, field)).collect();
        let mut after = before.clone();
        for (place, field) in FIELDS.iter().enumerate() {
            match field.id {
                "option-firmware" => after[place] = "q35_secure_boot".into(),
                "option-menu" | "option-tpm" => after[place] = "true".into(),
                "option-threads" => after[place] = "2".into(),
                _ => {}
            }
        }
        assert_eq!(
            difference(&before, &after),
            json!({"bios": {"type": "q35_secure_boot", "boot_menu": {"enabled": "true"}},
                "tpm_enabled": "true", "io": {"threads": 2}})
        );
        assert_eq!(difference(&before, &before), json!({}));
    }

    #[test]
    fn a_number_too_large_is_refused() {
        let threads = FIELDS
            .iter()
            .find(|field| field.id == "option-threads")
            .unwrap();
        assert!(objection(threads, "17").is_some());
        assert!(objection(threads, "x").is_some());
        assert_eq!(objection(threads, "16"), None);
    }
}
