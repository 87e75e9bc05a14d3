//! What can be done with a machine: one list of actions for buttons, menus, the
//! selection bar and the palette. The reason why not comes from the stream.

use crate::app::{App, app};
use crate::client::vms;
use crate::store::{Id, Tone, Vm};
use crate::task;
use crate::text::{fill, t};
use crate::ui::button::{Button, Kind};
use crate::ui::dialog::Dialog;
use crate::ui::form::{Check, TextField};
use crate::ui::menu::{Item, item};
use leptos::prelude::*;

/// An action on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VmAction {
    /// Starts it, or wakes it.
    Start,
    /// Asks its system to end.
    Shutdown,
    /// Cuts its power.
    Stop,
    /// Asks its system to begin anew.
    Reboot,
    /// Presses its reset button.
    Reset,
    /// Saves its memory and stops it.
    Suspend,
    /// Deletes it.
    Delete,
}

impl VmAction {
    /// Those that are one request.
    pub const POWER: [VmAction; 6] = [
        VmAction::Start,
        VmAction::Shutdown,
        VmAction::Reboot,
        VmAction::Suspend,
        VmAction::Stop,
        VmAction::Reset,
    ];

    /// The API's name; also the offer's key.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            VmAction::Start => "start",
            VmAction::Shutdown => "shutdown",
            VmAction::Stop => "stop",
            VmAction::Reboot => "reboot",
            VmAction::Reset => "reset",
            VmAction::Suspend => "suspend",
            VmAction::Delete => "delete",
        }
    }

    /// Its word.
    #[must_use]
    pub fn label(self) -> &'static str {
        t(match self {
            VmAction::Start => "Start",
            VmAction::Shutdown => "Shut down",
            VmAction::Stop => "Power off",
            VmAction::Reboot => "Reboot",
            VmAction::Reset => "Reset",
            VmAction::Suspend => "Suspend",
            VmAction::Delete => "Delete",
        })
    }

    /// Its icon.
    #[must_use]
    pub fn icon(self) -> &'static str {
        match self {
            VmAction::Start => "play",
            VmAction::Shutdown => "power",
            VmAction::Stop => "stop",
            VmAction::Reboot => "reboot",
            VmAction::Reset => "refresh",
            VmAction::Suspend => "pause",
            VmAction::Delete => "trash",
        }
    }

    /// What is said when it was refused.
    #[must_use]
    pub fn refused(self, name: &str) -> String {
        fill(
            match self {
                VmAction::Start => "{0} was not started",
                VmAction::Shutdown => "{0} was not shut down",
                VmAction::Stop => "{0} was not powered off",
                VmAction::Reboot => "{0} was not rebooted",
                VmAction::Reset => "{0} was not reset",
                VmAction::Suspend => "{0} was not suspended",
                VmAction::Delete => "{0} was not deleted",
            },
            &[name],
        )
    }

    /// Why it is not possible now.
    #[must_use]
    pub fn refusal(self, vm: &Vm) -> Option<String> {
        vm.offers.refusal(self.key()).map(|why| {
            if why.is_empty() {
                t("Not possible in its present state.").to_owned()
            } else {
                why.to_owned()
            }
        })
    }
}

/// Asks for it; the stream tells what comes of it, a message if it was refused.
pub fn ask(app: App, vm: &Vm, action: VmAction) {
    let (id, name) = (vm.id.clone(), vm.name.clone());
    task::run(async move {
        if let Err(fault) = vms::act(&id, action.key()).await {
            app.say_fault(action.refused(&name), fault);
        }
    });
}

/// A button for an action; "asked" until the server has answered.
#[component]
pub fn ActionButton(
    /// Which machine.
    id: Id,
    /// Which action.
    action: VmAction,
    /// How much it asks for attention.
    #[prop(optional)]
    kind: Kind,
) -> AnyView {
    let app = app();
    let asked = RwSignal::new(false);
    let vm = {
        let id = id.clone();
        Memo::new(move |_| app.store.vms.get(&id))
    };
    let refusal = Signal::derive(move || {
        if asked.get() {
            Some(t("Asked; waiting for the server.").to_owned())
        } else {
            vm.get().and_then(|vm| action.refusal(&vm))
        }
    });
    let press = move |()| {
        let Some(vm) = vm.get_untracked() else { return };
        asked.set(true);
        task::run(async move {
            let outcome = vms::act(&vm.id, action.key()).await;
            let _: Option<bool> = asked.try_set(false);
            if let Err(fault) = outcome {
                app.say_fault(action.refused(&vm.name), fault);
            }
        });
    };
    view! { <Button label=action.label() icon=action.icon() kind=kind refusal=refusal on_press=press/> }.into_any()
}

/// Power actions as lines of a menu.
#[must_use]
pub fn power_items(app: App, vm: &std::sync::Arc<Vm>, leave_out: &[VmAction]) -> Vec<Item> {
    VmAction::POWER
        .into_iter()
        .filter(|action| !leave_out.contains(action))
        .map(|action| {
            let vm = std::sync::Arc::clone(vm);
            item(
                action.label(),
                action.icon(),
                action.refusal(&vm),
                move || ask(app, &vm, action),
            )
        })
        .collect()
}

/// Asks whether to delete machines: their names, what goes with them, and the name typed once more.
#[component]
pub fn DeleteDialog(
    /// Which machines.
    ids: Vec<Id>,
    /// Goes away; `true` when they are being deleted.
    #[prop(into)]
    on_close: Callback<bool>,
) -> AnyView {
    let app = app();
    let machines: Vec<_> = ids.iter().filter_map(|id| app.store.vms.peek(id)).collect();
    let names: Vec<String> = machines.iter().map(|vm| vm.name.clone()).collect();
    let disks: usize = machines.iter().map(|vm| vm.disks.len()).sum();
    let expected = if names.len() == 1 {
        names[0].clone()
    } else {
        names.len().to_string()
    };
    let typed = RwSignal::new(String::new());
    let keep = RwSignal::new(false);
    let title = if names.len() == 1 {
        fill("Delete {0}?", &[&names[0]])
    } else {
        fill("Delete {0} virtual machines?", &[&expected])
    };
    let words = if names.len() == 1 {
        fill("Type its name, {0}, to confirm", &[&expected])
    } else {
        fill("Type how many, {0}, to confirm", &[&expected])
    };
    let refusal = {
        let expected = expected.clone();
        Signal::derive(move || {
            (typed.with(|typed| typed.trim() != expected))
                .then(|| t("What you typed is not it yet.").to_owned())
        })
    };
    let go = Callback::new(move |()| {
        for vm in &machines {
            let vm = std::sync::Arc::clone(vm);
            let keep = keep.get_untracked();
            task::run(async move {
                match vms::remove(&vm.id, keep).await {
                    Ok(()) => app.say(
                        Tone::Ok,
                        fill("{0} is being deleted", &[&vm.name]),
                        Vec::new(),
                        None,
                    ),
                    Err(fault) => app.say_fault(VmAction::Delete.refused(&vm.name), fault),
                }
            });
        }
        on_close.run(true);
    });
    let list = names.join(", ");
    view! {
        <Dialog
            title=title
            small=true
            on_close=move |()| on_close.run(false)
            foot=move || view! {
                <Button label=t("Delete") kind=Kind::Danger refusal=refusal on_press=go/>
                <Button label=t("Cancel") kind=Kind::Link on_press=move |()| on_close.run(false)/>
            }
        >
            <div class="sf-dialog__body sf-stack is-12">
                <p>{fill("This cannot be undone: {0}.", &[&list])}</p>
                {(disks > 0).then(|| view! { <p class="sf-dim">{crate::text::plural(disks, "{0} disk goes with it unless you keep it.", "{0} disks go with it unless you keep them.")}</p> })}
                {(disks > 0).then(|| view! { <Check label=t("Keep the disks") value=keep/> })}
                <form on:submit=move |event| {
                    event.prevent_default();
                    if refusal.get_untracked().is_none() { go.run(()); }
                }>
                    <div class="sf-label" id="confirm-words">{words.clone()}</div>
                    <TextField id="confirm" label=t("Confirmation") value=typed first=true/>
                </form>
            </div>
        </Dialog>
    }
    .into_any()
}
