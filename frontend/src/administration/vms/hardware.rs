//! Hardware of a machine: what it is made of, and changing it.

use crate::app::app;
use crate::components::names::{boot_words, firmware_words, os_words};
use crate::format::bytes;
use crate::store::Id;
use crate::text::{fill, t};
use crate::ui::button::Button;
use crate::ui::page::{fact, facts, reason, section};
use leptos::prelude::*;

/// The tab.
#[component]
pub fn Hardware(
    /// Which machine.
    id: Id,
    /// Opens the dialog.
    #[prop(into)]
    on_edit: Callback<()>,
) -> AnyView {
    let app = app();
    let vm = Memo::new(move |_| app.store.vms.get(&id).map(|vm| vm.without_figures()));
    let refusal = Signal::derive(move || {
        vm.get()
            .and_then(|vm| vm.offers.refusal("update").map(str::to_owned))
    });
    let body = move || {
        let Some(vm) = vm.get() else {
            return ().into_any();
        };
        let boot = vm
            .boot
            .iter()
            .map(|device| boot_words(device))
            .collect::<Vec<_>>()
            .join(", ");
        let processor = facts(vec![
            (
                t("Processors"),
                fact(fill("{0} vCPU", &[&vm.vcpus().to_string()])),
            ),
            (t("Sockets"), fact(vm.sockets.to_string())),
            (
                t("Cores"),
                fact(fill("{0} per socket", &[&vm.cores.to_string()])),
            ),
            (
                t("Threads"),
                fact(fill("{0} per core", &[&vm.threads.to_string()])),
            ),
        ]);
        let memory = facts(vec![
            (t("Memory"), fact(bytes(vm.memory))),
            (t("Guaranteed"), fact(bytes(vm.memory_guaranteed))),
            (t("At most"), fact(bytes(vm.memory_maximum))),
        ]);
        let start = facts(vec![
            (t("System"), fact(os_words(&vm.os))),
            (t("Firmware"), fact(firmware_words(&vm.bios))),
            (t("Boots from"), fact(boot)),
            (
                t("Deletion"),
                fact(if vm.delete_protected {
                    t("protected")
                } else {
                    t("possible")
                }),
            ),
        ]);
        view! {
            {vm.next_run.then(|| reason("sf-reason is-calm", "info", t("Some of this takes effect at the next start only.")))}
            <div class="sf-grid is-3">
                {section(t("Processor"), (), processor)}
                {section(t("Memory"), (), memory)}
                {section(t("Start"), (), start)}
            </div>
        }
        .into_any()
    };
    view! {
        <div class="sf-pad sf-stack is-16">
            <div></div>
            <div class="sf-row"><Button label=t("Edit") icon="edit" refusal=refusal on_press=on_edit/></div>
            {body}
        </div>
    }
    .into_any()
}
