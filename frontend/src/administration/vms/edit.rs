//! Changing a machine: only what was changed is sent. A running machine takes
//! most of it at its next start.

use crate::app::app;
use crate::client::vms;
use crate::components::names::objection_to_name;
use crate::format::{GIB, MIB, bytes, parse_bytes};
use crate::store::{Id, Tone, Vm};
use crate::task;
use crate::text::{fill, t};
use crate::ui::button::{Button, Kind};
use crate::ui::dialog::Dialog;
use crate::ui::form::{Check, Choice, TextField};
use crate::ui::page::reason;
use leptos::prelude::*;
use serde_json::{Map, Value, json};

/// What can be changed here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    name: String,
    description: String,
    comment: String,
    memory: u64,
    vcpus: u64,
    os: String,
    boot: String,
    protected: bool,
}

impl Edited {
    fn of(vm: &Vm) -> Edited {
        Edited {
            name: vm.name.clone(),
            description: vm.description.clone(),
            comment: vm.comment.clone(),
            memory: vm.memory,
            vcpus: vm.vcpus(),
            os: vm.os.clone(),
            boot: vm.boot.join(","),
            protected: vm.delete_protected,
        }
    }
}

/// The document of a change: what differs, and nothing else.
#[must_use]
pub fn difference(before: &Edited, after: &Edited, maximum: u64) -> Value {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| {
        body.insert(key.to_owned(), value);
    };
    if before.name != after.name {
        put("name", json!(after.name));
    }
    if before.description != after.description {
        put("description", json!(after.description));
    }
    if before.comment != after.comment {
        put("comment", json!(after.comment));
    }
    if before.memory != after.memory {
        put("memory", json!(after.memory));
        put(
            "memory_policy",
            json!({ "guaranteed": after.memory, "max": maximum.max(after.memory) }),
        );
    }
    if before.vcpus != after.vcpus {
        put(
            "cpu",
            json!({ "topology": { "sockets": after.vcpus, "cores": 1, "threads": 1 } }),
        );
    }
    let mut os = Map::new();
    if before.os != after.os {
        os.insert("type".into(), json!(after.os));
    }
    if before.boot != after.boot {
        let devices: Vec<&str> = after
            .boot
            .split(',')
            .filter(|device| !device.is_empty())
            .collect();
        os.insert("boot".into(), json!({ "devices": { "device": devices } }));
    }
    if !os.is_empty() {
        put("os", Value::Object(os));
    }
    if before.protected != after.protected {
        put("delete_protected", json!(after.protected.to_string()));
    }
    Value::Object(body)
}

/// The dialog.
#[component]
pub fn EditDialog(
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
    let before = Edited::of(&vm);
    let (name, description, comment) = (
        RwSignal::new(before.name.clone()),
        RwSignal::new(before.description.clone()),
        RwSignal::new(before.comment.clone()),
    );
    let memory = RwSignal::new(bytes(before.memory));
    // A size that is no round number would change by being shown.
    let memory_shown = memory.get_untracked();
    let vcpus = RwSignal::new(before.vcpus.to_string());
    let os = RwSignal::new(before.os.clone());
    let boot = RwSignal::new(before.boot.clone());
    let protected = RwSignal::new(before.protected);
    let running = !vm.status.is_off();
    let own = vm.name.clone();
    let wrong_name = Signal::derive(move || {
        name.with(|name| {
            objection_to_name(name, |name| {
                name != own && app.store.vms.peek_all().iter().any(|vm| vm.name == name)
            })
        })
        .map(|why| t(why).to_owned())
    });
    let wrong_memory = Signal::derive(move || {
        memory
            .with(|memory| parse_bytes(memory, GIB))
            .is_none_or(|memory| memory < 32 * MIB)
            .then(|| t("At least 32 MiB, with its unit: 512 MiB, 6 GiB").to_owned())
    });
    let wrong_vcpus = Signal::derive(move || {
        vcpus
            .with(|vcpus| vcpus.trim().parse::<u64>())
            .ok()
            .is_none_or(|vcpus| vcpus == 0 || vcpus > 512)
            .then(|| t("Between 1 and 512").to_owned())
    });
    let old_memory = before.memory;
    let now = {
        let memory_shown = memory_shown.clone();
        move || Edited {
            name: name.get().trim().to_owned(),
            description: description.get(),
            comment: comment.get(),
            memory: memory.with(|memory| {
                if *memory == memory_shown {
                    old_memory
                } else {
                    parse_bytes(memory, GIB).unwrap_or(0)
                }
            }),
            vcpus: vcpus.with(|vcpus| vcpus.trim().parse().unwrap_or(0)),
            os: os.get(),
            boot: boot.get(),
            protected: protected.get(),
        }
    };
    let maximum = vm.memory_maximum;
    let body = Memo::new(move |_| difference(&before, &now(), maximum));
    let refusal = Signal::derive(move || {
        wrong_name
            .get()
            .or_else(|| wrong_memory.get())
            .or_else(|| wrong_vcpus.get())
            .or_else(|| {
                body.with(|body| body.as_object().is_some_and(Map::is_empty))
                    .then(|| t("Nothing was changed.").to_owned())
            })
    });
    let save = move |()| {
        let (vm, body) = (std::sync::Arc::clone(&vm), body.get_untracked());
        task::run(async move {
            match vms::update(&vm.id, &body).await {
                Ok(()) => app.say(
                    Tone::Ok,
                    fill("{0} was changed", &[&vm.name]),
                    Vec::new(),
                    None,
                ),
                Err(fault) => app.say_fault(fill("{0} was not changed", &[&vm.name]), fault),
            }
        });
        on_close.run(());
    };
    let systems = crate::components::systems::systems(os.get_untracked());
    let current_boot = boot.get_untracked();
    let boots = Signal::derive(move || {
        let mut list = vec![
            ("hd".to_owned(), t("disk").to_owned()),
            ("hd,cdrom".to_owned(), t("disk, then CD").to_owned()),
            ("cdrom,hd".to_owned(), t("CD, then disk").to_owned()),
            ("cdrom".to_owned(), t("CD").to_owned()),
            ("hd,network".to_owned(), t("disk, then network").to_owned()),
            ("network,hd".to_owned(), t("network, then disk").to_owned()),
        ];
        if !list.iter().any(|(key, _)| *key == current_boot) {
            list.insert(0, (current_boot.clone(), current_boot.replace(',', ", ")));
        }
        list
    });
    view! {
        <Dialog
            title=fill("Edit {0}", &[&name.get_untracked()])
            small=true
            on_close=on_close
            foot=move || view! {
                <Button label=t("Save") kind=Kind::Primary refusal=refusal on_press=save.clone()/>
                <Button label=t("Cancel") kind=Kind::Link on_press=on_close/>
            }
        >
            <div class="sf-dialog__body sf-fields">
                {running.then(|| reason("sf-reason is-calm", "info", t("It is running: hardware changes wait for its next start.")))}
                <TextField id="edit-name" label=t("Name") value=name wrong=wrong_name first=true/>
                <TextField id="edit-description" label=t("Description") value=description/>
                <TextField id="edit-comment" label=t("Comment") value=comment/>
                <div class="sf-fields is-2">
                    <TextField id="edit-vcpus" label=t("Processors") value=vcpus wrong=wrong_vcpus/>
                    <TextField id="edit-memory" label=t("Memory") value=memory wrong=wrong_memory/>
                    <Choice id="edit-os" label=t("Operating system") value=os options=systems/>
                    <Choice id="edit-boot" label=t("Boots from") value=boot options=boots/>
                </div>
                <Check label=t("Protect it from being deleted") value=protected/>
            </div>
        </Dialog>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Edited {
        Edited {
            name: "a".into(),
            description: String::new(),
            comment: String::new(),
            memory: GIB,
            vcpus: 1,
            os: "other".into(),
            boot: "hd".into(),
            protected: false,
        }
    }

    #[test]
    fn only_what_was_changed_is_sent() {
        assert_eq!(difference(&some(), &some(), GIB), json!({}));
        let after = Edited {
            memory: 2 * GIB,
            boot: "cdrom,hd".into(),
            ..some()
        };
        assert_eq!(
            difference(&some(), &after, GIB),
            json!({
                "memory": 2 * GIB,
                "memory_policy": {"guaranteed": 2 * GIB, "max": 2 * GIB},
                "os": {"boot": {"devices": {"device": ["cdrom", "hd"]}}},
            })
        );
    }

    #[test]
    fn a_protection_is_sent_as_the_api_writes_booleans() {
        assert_eq!(
            difference(
                &some(),
                &Edited {
                    protected: true,
                    ..some()
                },
                GIB
            ),
            json!({"delete_protected": "true"})
        );
    }
}
