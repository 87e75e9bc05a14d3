//! Changing the CD of a machine: of a running one at once.

use crate::app::{App, app};
use crate::client::{correlation_id, vms};
use crate::store::{Id, Tone};
use crate::task;
use crate::text::{fill, t};
use crate::ui::button::{Button, Kind};
use crate::ui::dialog::Dialog;
use crate::ui::form::Choice;
use leptos::prelude::*;

/// ISOs that can go into a drive, as options.
#[must_use]
pub fn iso_options(app: App, none: &'static str) -> Vec<(String, String)> {
    let mut options = vec![(String::new(), t(none).to_owned())];
    options.extend(
        app.store
            .disks
            .by_name()
            .iter()
            .filter(|disk| disk.is_iso() && disk.status == "ok")
            .map(|disk| (disk.id.to_string(), disk.name.clone())),
    );
    options
}

/// Puts a disk into a machine's drive, or takes it out.
pub fn change(app: App, vm: &Id, disk: Option<Id>) {
    let Some(vm) = app.store.vms.peek(vm) else {
        return;
    };
    let running = !vm.status.is_off();
    task::run(async move {
        match vms::change_cd(&vm.id, disk.as_deref(), running, &correlation_id()).await {
            Ok(()) => {
                let words = match &disk {
                    Some(disk) => fill(
                        "{0} is in the drive of {1}",
                        &[
                            &app.store
                                .disks
                                .peek(disk)
                                .map(|disk| disk.name.clone())
                                .unwrap_or_default(),
                            &vm.name,
                        ],
                    ),
                    None => fill("The drive of {0} is empty", &[&vm.name]),
                };
                app.say(Tone::Ok, words, Vec::new(), None);
            }
            Err(fault) => app.say_fault(t("The CD was not changed"), fault),
        }
    });
}

/// The dialog.
#[component]
pub fn CdDialog(
    /// Which machine.
    vm: Id,
    /// Goes away.
    #[prop(into)]
    on_close: Callback<()>,
) -> AnyView {
    let app = app();
    let now = app.store.vms.peek(&vm).and_then(|vm| vm.cd.clone());
    let value = RwSignal::new(now.as_deref().unwrap_or("").to_owned());
    let options = Signal::derive(move || iso_options(app, "Nothing (empty drive)"));
    let help = Signal::derive(move || {
        if options.with(Vec::len) > 1 {
            t("ISOs are uploaded on the Storage page.")
        } else {
            t("There is no ISO yet. Upload one on the Storage page.")
        }
        .to_owned()
    });
    let put = move |()| {
        let chosen = value.get_untracked();
        change(app, &vm, (!chosen.is_empty()).then(|| Id::from(chosen)));
        on_close.run(());
    };
    view! {
        <Dialog
            title=t("Change the CD")
            small=true
            on_close=on_close
            foot=move || view! {
                <Button label=t("Change") kind=Kind::Primary on_press=put.clone()/>
                <Button label=t("Cancel") kind=Kind::Link on_press=on_close/>
            }
        >
            <div class="sf-dialog__body"><Choice id="cd" label=t("In the drive") value=value options=options help=help/></div>
        </Dialog>
    }
    .into_any()
}
