//! Starting a machine in another way, this once: other boot order, an ISO in the
//! drive, paused, first-boot answers again, or on another host.

use crate::app::app;
use crate::client::vms;
use crate::components::asking::{FormDialog, ask};
use crate::components::cd::iso_options;
use crate::store::Id;
use crate::text::{fill, t};
use crate::ui::form::{Check, Choice};
use leptos::prelude::*;
use serde_json::{Map, Value, json};

/// What is special about the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Once {
    boot: String,
    iso: String,
    host: String,
    paused: bool,
    first_boot: bool,
    windows: bool,
    volatile: bool,
}

impl Once {
    /// The document of the start.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut body = Map::new();
        let mut vm = Map::new();
        let devices: Vec<&str> = self.boot.split(',').filter(|one| !one.is_empty()).collect();
        if !devices.is_empty() {
            vm.insert(
                "os".into(),
                json!({ "boot": { "devices": { "device": devices } } }),
            );
        }
        if !self.iso.is_empty() {
            vm.insert(
                "cdroms".into(),
                json!({ "cdrom": [{ "file": { "id": self.iso } }] }),
            );
        }
        if !self.host.is_empty() {
            vm.insert(
                "placement_policy".into(),
                json!({ "hosts": { "host": [{ "id": self.host }] } }),
            );
        }
        if !vm.is_empty() {
            body.insert("vm".into(), Value::Object(vm));
        }
        if self.paused {
            body.insert("pause".into(), json!("true"));
        }
        if self.volatile {
            body.insert("volatile".into(), json!("true"));
        }
        if self.first_boot {
            let key = if self.windows {
                "use_sysprep"
            } else {
                "use_cloud_init"
            };
            body.insert(key.into(), json!("true"));
        }
        Value::Object(body)
    }
}

/// The dialog.
#[component]
pub fn RunOnce(
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
    let boot = RwSignal::new(String::new());
    let iso = RwSignal::new(String::new());
    let host = RwSignal::new(String::new());
    let paused = RwSignal::new(false);
    let first_boot = RwSignal::new(false);
    let volatile = RwSignal::new(false);
    let isos = Signal::derive(move || iso_options(app, "As it is"));
    let boots = Signal::derive(|| {
        [
            ("", "As it is set"),
            ("cdrom,hd", "CD, then disk"),
            ("network,hd", "network, then disk"),
            ("hd", "disk"),
        ]
        .iter()
        .map(|(key, words)| ((*key).to_owned(), t(words).to_owned()))
        .collect::<Vec<_>>()
    });
    let hosts = Signal::derive(move || {
        let mut options = vec![(String::new(), t("Any that has room").to_owned())];
        options.extend(
            app.store
                .hosts
                .by_name()
                .iter()
                .filter(|host| host.status == "up")
                .map(|host| (host.id.to_string(), host.name.clone())),
        );
        options
    });
    let several = Signal::derive(move || hosts.with(|hosts| hosts.len() > 2));
    let windows = vm.os.starts_with("windows");
    let name = vm.name.clone();
    let go = move |()| {
        let once = Once {
            boot: boot.get_untracked(),
            iso: iso.get_untracked(),
            host: host.get_untracked(),
            paused: paused.get_untracked(),
            first_boot: first_boot.get_untracked(),
            windows,
            volatile: volatile.get_untracked(),
        };
        let refused = fill("{0} was not started", &[&name]);
        ask(app, None, refused, vms::start_once(&id, once.document()));
    };
    view! {
        <FormDialog title=fill("Run {0} once", &[&vm.name]) button=t("Start") on_go=go on_close=on_close>
            <p class="sf-help">{t("For this start only; its settings stay as they are.")}</p>
            <div class="sf-fields is-2">
                <Choice id="once-boot" label=t("Boots from") value=boot options=boots/>
                <Choice id="once-iso" label=t("In the CD drive") value=iso options=isos/>
            </div>
            {move || several.get().then(|| view! { <Choice id="once-host" label=t("Host") value=host options=hosts/> })}
            <Check label=t("Stop before the first instruction (paused)") value=paused/>
            <Check label=if windows { t("Give it its sysprep answers again") } else { t("Give it its first-boot answers (cloud-init) again") } value=first_boot/>
            <Check label=t("Keep these settings when it reboots, until it is shut down") value=volatile/>
        </FormDialog>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_special_is_said() {
        assert_eq!(Once::default().document(), json!({}));
        let once = Once {
            boot: "cdrom,hd".into(),
            iso: "i".into(),
            paused: true,
            first_boot: true,
            ..Once::default()
        };
        assert_eq!(
            once.document(),
            json!({
                "vm": {"os": {"boot": {"devices": {"device": ["cdrom", "hd"]}}}, "cdroms": {"cdrom": [{"file": {"id": "i"}}]}},
                "pause": "true", "use_cloud_init": "true",
            })
        );
    }
}
