//! Snapshots of a machine as a tree, oldest first, down to what it is now:
//! taking one, looking at one, going back, making a machine of one, deleting.

use crate::app::{App, app};
use crate::client::snapshots;
use crate::components::asking::{FormDialog, Question, Questions, ask};
use crate::components::events::exact;
use crate::components::status::{badge, label};
use crate::format::ago;
use crate::store::{Id, Snapshot, SnapshotKind, Vm};
use crate::text::{fill, plural, t};
use crate::ui::button::{Button, Kind};
use crate::ui::form::{Check, TextField};
use crate::ui::icon::icon;
use crate::ui::menu::{Menu, item};
use leptos::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Deeper branches are drawn no further to the side.
const DEEPEST: usize = 6;

/// A line of the tree: how far to the side, and which snapshot; none for what the machine is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Steps to the side.
    pub depth: usize,
    /// The snapshot.
    pub snapshot: Option<Arc<Snapshot>>,
}

/// Puts snapshots into the order of the tree. A chain goes straight down; where it
/// branches, the branches that lead nowhere now stand aside, the way to now comes last.
#[must_use]
pub fn tree(mut all: Vec<Arc<Snapshot>>) -> Vec<Line> {
    all.retain(|snapshot| snapshot.kind != SnapshotKind::Active);
    all.sort_by(|a, b| {
        let date = |s: &Snapshot| s.date.unwrap_or(0.0);
        date(a).total_cmp(&date(b)).then_with(|| a.id.cmp(&b.id))
    });
    let known: HashMap<Id, Arc<Snapshot>> =
        all.iter().map(|s| (s.id.clone(), Arc::clone(s))).collect();
    // What the machine writes now stands on what it looks at, else on the newest.
    let base = all
        .iter()
        .find(|snapshot| snapshot.status == "in_preview")
        .or_else(|| {
            all.iter()
                .rev()
                .find(|snapshot| snapshot.kind == SnapshotKind::Regular)
        })
        .or_else(|| all.last())
        .map(|snapshot| snapshot.id.clone());
    let told = all.iter().any(|snapshot| snapshot.parent.is_some());
    let mut parents: HashMap<Id, Id> = HashMap::new();
    let mut children: HashMap<Option<Id>, Vec<Arc<Snapshot>>> = HashMap::new();
    let mut before: Option<Id> = None;
    for snapshot in &all {
        // Without word of parents the order in time is all there is.
        let parent = if told {
            snapshot
                .parent
                .clone()
                .filter(|parent| known.contains_key(parent))
        } else {
            before.clone()
        };
        if let Some(parent) = &parent {
            parents.insert(snapshot.id.clone(), parent.clone());
        }
        children
            .entry(parent)
            .or_default()
            .push(Arc::clone(snapshot));
        before = Some(snapshot.id.clone());
    }
    let mut way: HashSet<Id> = HashSet::new();
    let mut here = base.clone();
    while let Some(id) = here {
        here = parents.get(&id).cloned();
        if !way.insert(id) {
            break;
        }
    }
    let mut lines = Vec::with_capacity(all.len() + 1);
    let mut seen = HashSet::new();
    let mut stack: Vec<(usize, Option<Arc<Snapshot>>)> = Vec::new();
    // What is above all others.
    let mut of: Option<Option<Id>> = Some(None);
    let mut depth = 0;
    loop {
        if let Some(of) = of.take() {
            let mut below: Vec<Option<Arc<Snapshot>>> = children
                .get(&of)
                .into_iter()
                .flatten()
                .cloned()
                .map(Some)
                .collect();
            if of == base {
                below.push(None);
            }
            below.sort_by_key(|one| {
                one.as_ref()
                    .is_none_or(|snapshot| way.contains(&snapshot.id))
            });
            let last = below.len().saturating_sub(1);
            // The stack gives back the last first.
            for (place, one) in below.into_iter().enumerate().rev() {
                stack.push(((depth + usize::from(place != last)).min(DEEPEST), one));
            }
        }
        let Some((aside, snapshot)) = stack.pop() else {
            return lines;
        };
        if let Some(snapshot) = &snapshot {
            if !seen.insert(snapshot.id.clone()) {
                continue;
            }
            of = Some(Some(snapshot.id.clone()));
            depth = aside;
        }
        lines.push(Line {
            depth: aside,
            snapshot,
        });
    }
}

/// Why a machine's snapshots cannot be changed in this way now.
fn vm_refusal(vm: &Vm, action: &str) -> Option<String> {
    vm.offers.refusal(action).map(str::to_owned)
}

/// The snapshots.
#[component]
pub fn Snapshots(
    /// Whose.
    id: Id,
) -> AnyView {
    let app = app();
    let store = app.store;
    let vm = {
        let id = id.clone();
        Memo::new(move |_| store.vms.get(&id).map(|vm| vm.without_figures()))
    };
    let own = {
        let id = id.clone();
        Memo::new(move |_| {
            let mut all = store.snapshots.all();
            all.retain(|snapshot| snapshot.vm.as_ref() == Some(&id));
            all
        })
    };
    let taking = RwSignal::new(false);
    let naming = RwSignal::new(None::<Arc<Snapshot>>);
    let asked = RwSignal::new(None::<Question>);
    let previewed = Memo::new(move |_| {
        own.with(|own| {
            own.iter()
                .find(|snapshot| snapshot.status == "in_preview")
                .cloned()
        })
    });
    let refusal = Signal::derive(move || vm.get().and_then(|vm| vm_refusal(&vm, "snapshot_add")));
    let banner = {
        let id = id.clone();
        move || {
            let snapshot = previewed.get()?;
            let vm = vm.get()?;
            let (commit, undo) = (
                vm_refusal(&vm, "commit_snapshot"),
                vm_refusal(&vm, "undo_snapshot"),
            );
            let words = fill(
                "{0} shows itself as it was at “{1}”.",
                &[&vm.name, &snapshot.description],
            );
            let (id_commit, id_undo) = (id.clone(), id.clone());
            let (name_commit, name_undo) = (vm.name.clone(), vm.name.clone());
            let commit_it = move |()| {
                let (id, name) = (id_commit.clone(), name_commit.clone());
                asked.set(Some(Question {
                    title: fill("Keep {0} as it is shown?", &[&name]),
                    impact: vec![
                        t("What it was before the preview is given up, with everything written since that snapshot was taken.").to_owned(),
                        t("Snapshots taken after it are given up too, unless another branch needs them.").to_owned(),
                        t("This cannot be undone.").to_owned(),
                    ],
                    button: t("Keep this state"),
                    danger: true,
                    typed: None,
                    tick: None,
                    go: Callback::new(move |()| {
                        let refused = fill("The preview of {0} was not kept", &[&name]);
                        ask(app, None, refused, snapshots::end_preview(&id, "commitsnapshot"));
                    }),
                }));
            };
            let undo_it = move |()| {
                let refused = fill("The preview of {0} was not ended", &[&name_undo]);
                ask(
                    app,
                    None,
                    refused,
                    snapshots::end_preview(&id_undo, "undosnapshot"),
                );
            };
            Some(view! {
                <div class="sf-banner is-busy" role="status">
                    {icon("eye")}
                    <span><b>{words}</b>" "{t("Start it and look around. Nothing is lost until you keep this state.")}</span>
                    <span class="sf-banner__acts">
                        <Button label=t("Back to before") icon="undo" refusal=Signal::derive(move || undo.clone()) on_press=undo_it/>
                        <Button label=t("Keep this state") kind=Kind::Primary refusal=Signal::derive(move || commit.clone()) on_press=commit_it/>
                    </span>
                </div>
            })
        }
    };
    let list = {
        let id = id.clone();
        move || {
            let vm = vm.get()?;
            let lines = tree(own.get());
            let nothing = lines.len() < 2;
            let rows = lines
                .into_iter()
                .map(|line| row(app, &vm, &id, line, asked, naming))
                .collect_view();
            Some(view! {
                {nothing.then(|| view! { <p class="sf-dim">{t("No snapshot yet. One keeps the machine's disks as they are at that moment, its memory too if you want; you can come back to it, or make another machine of it.")}</p> })}
                <ol class="sf-snaps" aria-label=t("Snapshots, oldest first")>
                    {rows}
                </ol>
            })
        }
    };
    let id_take = id.clone();
    view! {
        {banner}
        <div class="sf-pad sf-stack is-16">
            <div></div>
            <div class="sf-row is-between is-wrap">
                <span class="sf-dim">{move || own.with(|own| { let count = own.iter().filter(|s| s.kind == SnapshotKind::Regular).count(); if count == 0 { String::new() } else { plural(count, "{0} snapshot", "{0} snapshots") } })}</span>
                <Button label=t("Take snapshot") icon="snapshot" kind=Kind::Primary refusal=refusal on_press=move |()| taking.set(true)/>
            </div>
            {list}
        </div>
        {move || taking.get().then(|| view! { <TakeSnapshot id=id_take.clone() on_close=move |()| taking.set(false)/> })}
        {move || naming.get().map(|snapshot| view! { <MakeVm snapshot=snapshot on_close=move |()| naming.set(None)/> })}
        <Questions asked=asked/>
    }
    .into_any()
}

fn class(depth: usize, here: bool) -> String {
    let mut class = ["sf-snap is-d", &depth.min(DEEPEST).to_string()].concat();
    if here {
        class.push_str(" is-here");
    }
    class
}

fn now_row(vm: &Vm, depth: usize) -> AnyView {
    view! {
        <li class=class(depth, true)>
            <span class="sf-snap__dot" aria-hidden="true"></span>
            <div class="sf-snap__what"><span class="sf-strong">{t("Now")}</span>" "{badge(vm.status.status())}</div>
            <span></span>
        </li>
    }
    .into_any()
}

fn row(
    app: App,
    vm: &Vm,
    id: &Id,
    line: Line,
    asked: RwSignal<Option<Question>>,
    naming: RwSignal<Option<Arc<Snapshot>>>,
) -> AnyView {
    let Some(snapshot) = line.snapshot else {
        return now_row(vm, line.depth);
    };
    let mut marks = Vec::new();
    if snapshot.memory {
        marks.push(label(t("with memory"), "is-accent"));
    }
    match snapshot.kind {
        SnapshotKind::Preview => marks.push(label(t("before the preview"), "")),
        SnapshotKind::Stateless => marks.push(label(t("for the return"), "")),
        SnapshotKind::Active | SnapshotKind::Regular => {}
    }
    let here = snapshot.status == "in_preview";
    let state = (snapshot.status != "ok").then(|| badge(snapshot.status()));
    let when = snapshot
        .date
        .map(|date| (exact(date), ago(date, app.clock.get_untracked().max(date))));
    let disks = snapshot
        .disks
        .map(|count| plural(count, "{0} disk", "{0} disks"));
    let regular = snapshot.kind == SnapshotKind::Regular;
    let items = items(app, vm, id, &snapshot, asked, naming);
    let menu = fill("Actions for snapshot {0}", &[&snapshot.description]);
    let preview = regular.then(|| {
        let refusal = snapshot
            .offers
            .refusal("preview")
            .map(str::to_owned)
            .or_else(|| vm_refusal(vm, "preview_snapshot"));
        let (id, name, kept) = (id.clone(), vm.name.clone(), Arc::clone(&snapshot));
        let press = move |()| ask_preview(app, &id, &name, &kept, asked);
        view! { <Button label=t("Look at it") icon="eye" name=fill("Look at snapshot {0}", &[&snapshot.description]) refusal=Signal::derive(move || refusal.clone()) on_press=press/> }
    });
    let details = when.map(|(exact, ago)| {
        let words = match disks {
            Some(disks) => [ago.as_str(), ", ", &disks].concat(),
            None => ago,
        };
        view! { <span class="sf-dim" title=exact.clone()>{exact.clone()}<span class="sf-hide-s">" ("{words}")"</span></span> }
    });
    view! {
        <li class=class(line.depth, here)>
            <span class="sf-snap__dot" aria-hidden="true"></span>
            <div class="sf-snap__what">
                <span class="sf-strong">{snapshot.description.clone()}</span>
                {marks}
                {state}
                {details}
            </div>
            <span class="sf-row is-tight">
                <span class="sf-hide-s">{preview}</span>
                {regular.then(|| view! { <Menu name=menu items=Signal::derive(move || items.clone())/> })}
            </span>
        </li>
    }
    .into_any()
}

fn ask_preview(
    app: App,
    id: &Id,
    name: &str,
    snapshot: &Arc<Snapshot>,
    asked: RwSignal<Option<Question>>,
) {
    let memory = RwSignal::new(snapshot.memory);
    let (id, kept, vm) = (id.clone(), Arc::clone(snapshot), name.to_owned());
    asked.set(Some(Question {
        title: fill("Look at “{0}”?", &[&snapshot.description]),
        impact: vec![
            fill(
                "{0} gets its disks as they were then; what they are now is put aside.",
                &[name],
            ),
            t("Start it, look around, then keep this state or go back to before.").to_owned(),
            t("Nothing is lost until you decide.").to_owned(),
        ],
        button: t("Look at it"),
        danger: false,
        typed: None,
        tick: snapshot
            .memory
            .then_some((t("Go on where it was: with its memory"), memory)),
        go: Callback::new(move |()| {
            let refused = fill("{0} does not show that snapshot", &[&vm]);
            let answer = snapshots::preview(&id, &kept.id, memory.get_untracked());
            ask(app, None, refused, answer);
        }),
    }));
}

fn items(
    app: App,
    vm: &Vm,
    id: &Id,
    snapshot: &Arc<Snapshot>,
    asked: RwSignal<Option<Question>>,
    naming: RwSignal<Option<Arc<Snapshot>>>,
) -> Vec<crate::ui::menu::Item> {
    let refusal = |action: &str| snapshot.offers.refusal(action).map(str::to_owned);
    let (look, look_id, look_name) = (Arc::clone(snapshot), id.clone(), vm.name.clone());
    let (back, back_id, back_name) = (Arc::clone(snapshot), id.clone(), vm.name.clone());
    let (gone, gone_id) = (Arc::clone(snapshot), id.clone());
    let clone = Arc::clone(snapshot);
    let (can_clone, clone_refusal) = (snapshot.offers.knows("clone"), refusal("clone"));
    let mut all = vec![
        item(
            t("Look at it"),
            "eye",
            refusal("preview").or_else(|| vm_refusal(vm, "preview_snapshot")),
            move || ask_preview(app, &look_id, &look_name, &look, asked),
        ),
        item(t("Go back to it"), "undo", refusal("restore"), move || {
            let memory = RwSignal::new(back.memory);
            let (id, snapshot, name) = (back_id.clone(), Arc::clone(&back), back_name.clone());
            asked.set(Some(Question {
                title: fill("Go back to “{0}”?", &[&back.description]),
                impact: vec![
                    fill(
                        "Everything that {0} wrote since then is lost.",
                        &[&back_name],
                    ),
                    t("Snapshots taken after it are lost, unless another branch needs them.")
                        .to_owned(),
                    t("This cannot be undone. “Look at it” lets you decide later.").to_owned(),
                ],
                button: t("Go back"),
                danger: true,
                typed: Some(back_name.clone()),
                tick: back.memory.then_some((t("With its memory"), memory)),
                go: Callback::new(move |()| {
                    let refused = fill("{0} did not go back", &[&name]);
                    let answer = snapshots::restore(&id, &snapshot.id, memory.get_untracked());
                    ask(app, None, refused, answer);
                }),
            }));
        }),
        item(t("Delete"), "trash", refusal("delete"), move || {
            let (id, snapshot) = (gone_id.clone(), Arc::clone(&gone));
            asked.set(Some(Question {
                title: fill("Delete snapshot “{0}”?", &[&gone.description]),
                impact: vec![
                    t("The machine stays as it is now; only the way back to this moment is gone.").to_owned(),
                    t("Its data are merged into what stands on it. This works while the machine runs and can take some time.").to_owned(),
                ],
                button: t("Delete"),
                danger: true,
                typed: None,
                tick: None,
                go: Callback::new(move |()| {
                    let refused = fill("Snapshot {0} was not deleted", &[&snapshot.description]);
                    ask(app, None, refused, snapshots::remove(&id, &snapshot.id));
                }),
            }));
        }),
    ];
    // Not every server makes machines of snapshots.
    if can_clone {
        let last = all.len().saturating_sub(1);
        all.insert(
            last,
            item(t("Make a machine of it"), "vm", clone_refusal, move || {
                naming.set(Some(Arc::clone(&clone)))
            }),
        );
    }
    all
}

/// Takes a snapshot: what to call it, and whether the memory belongs to it.
#[component]
pub fn TakeSnapshot(
    /// Of which machine.
    id: Id,
    /// Goes away.
    #[prop(into)]
    on_close: Callback<()>,
) -> AnyView {
    let app = app();
    let Some(vm) = app.store.vms.peek(&id) else {
        return ().into_any();
    };
    let running = vm.status.has_screen();
    let description = RwSignal::new(String::new());
    let memory = RwSignal::new(running);
    let refusal = Signal::derive(move || {
        description
            .with(|text| text.trim().is_empty())
            .then(|| t("Say what is special about this moment.").to_owned())
    });
    let name = vm.name.clone();
    let take = move |()| {
        let refused = fill("No snapshot was taken of {0}", &[&name]);
        let words = description.get_untracked();
        let answer = snapshots::add(&id, words.trim(), running && memory.get_untracked());
        ask(app, None, refused, answer);
    };
    let effect = move || {
        if !running {
            t("It is off, so there is no memory to keep: its disks are kept as they are.")
        } else if memory.get() {
            t(
                "It stands still while its memory is written. Going back wakes it exactly where it was.",
            )
        } else {
            t(
                "It goes on running. Going back finds its disks as after a power cut, tidier if its guest agent can hold writes for a moment.",
            )
        }
    };
    view! {
        <FormDialog title=fill("Snapshot of {0}", &[&vm.name]) button=t("Take snapshot") refusal=refusal on_go=take on_close=on_close>
            <TextField id="snapshot-description" label=t("What is this moment?") value=description help=t("As you will look for it: before the update, clean install …") first=true/>
            {running.then(|| view! { <Check label=t("Keep its memory too") value=memory/> })}
            <p class="sf-help">{effect}</p>
        </FormDialog>
    }
    .into_any()
}

#[component]
fn MakeVm(snapshot: Arc<Snapshot>, #[prop(into)] on_close: Callback<()>) -> AnyView {
    let app = app();
    let name = RwSignal::new(String::new());
    let wrong = Signal::derive(move || {
        name.with(|name| {
            crate::components::names::objection_to_name(name, |name| {
                app.store.vms.peek_all().iter().any(|vm| vm.name == name)
            })
        })
        .map(|why| t(why).to_owned())
    });
    let shown = Signal::derive(move || {
        (!name.with(String::is_empty))
            .then(|| wrong.get())
            .flatten()
    });
    let title = fill("Make a machine of “{0}”", &[&snapshot.description]);
    let go = move |()| {
        let name = name.get_untracked();
        let done = fill("{0} is being made", &[name.trim()]);
        let refused = fill("{0} was not made", &[name.trim()]);
        ask(
            app,
            Some(done),
            refused,
            snapshots::make_vm(&snapshot.id, name.trim()),
        );
    };
    view! {
        <FormDialog title=title button=t("Make it") refusal=wrong on_go=go on_close=on_close>
            <TextField id="clone-name" label=t("Name") value=name wrong=shown first=true/>
            <p class="sf-help">{t("A copy with disks of its own, as they were at that moment. It gets other network addresses and can run beside the first.")}</p>
        </FormDialog>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Entity, Told};
    use api::live::Extra;
    use serde_json::json;

    fn snapshot(id: &str, kind: &str, at: u64, parent: Option<&str>) -> Arc<Snapshot> {
        let mut extra = Extra::default();
        if let Some(parent) = parent {
            extra.other.insert("parent".into(), json!(parent));
        }
        let data =
            json!({"description": id, "snapshot_type": kind, "date": at, "snapshot_status": "ok"});
        Arc::new(Snapshot::read(
            &Told {
                id,
                data: &data,
                offers: &Default::default(),
                extra: &extra,
                at: 0.0,
            },
            None,
        ))
    }

    fn drawn(all: Vec<Arc<Snapshot>>) -> Vec<(usize, String)> {
        tree(all)
            .into_iter()
            .map(|line| {
                let name = |snapshot: Arc<Snapshot>| snapshot.id.to_string();
                (line.depth, line.snapshot.map_or_else(|| "now".into(), name))
            })
            .collect()
    }

    #[test]
    fn a_chain_goes_straight_down_to_now() {
        let all = vec![
            snapshot("b", "regular", 20, Some("a")),
            snapshot("a", "regular", 10, None),
        ];
        assert_eq!(
            drawn(all),
            [(0, "a".into()), (0, "b".into()), (0, "now".into())]
        );
        assert_eq!(drawn(Vec::new()), [(0, "now".into())]);
    }

    #[test]
    fn branches_that_lead_nowhere_now_stand_aside() {
        let all = vec![
            snapshot("a", "regular", 10, None),
            snapshot("b", "regular", 20, Some("a")),
            snapshot("c", "regular", 30, Some("b")),
            snapshot("d", "regular", 40, Some("a")),
        ];
        assert_eq!(
            drawn(all),
            [
                (0, "a".into()),
                (1, "b".into()),
                (1, "c".into()),
                (0, "d".into()),
                (0, "now".into())
            ]
        );
    }

    #[test]
    fn while_an_old_one_is_looked_at_now_stands_on_it() {
        let mut looked = (*snapshot("a", "regular", 10, None)).clone();
        looked.status = "in_preview".into();
        let all = vec![
            Arc::new(looked),
            snapshot("b", "regular", 20, Some("a")),
            snapshot("before", "preview", 30, Some("b")),
        ];
        assert_eq!(
            drawn(all),
            [
                (0, "a".into()),
                (1, "b".into()),
                (1, "before".into()),
                (0, "now".into())
            ]
        );
    }

    #[test]
    fn without_word_of_parents_time_is_the_order_and_a_ring_ends() {
        let all = vec![
            snapshot("b", "regular", 20, None),
            snapshot("a", "regular", 10, None),
        ];
        assert_eq!(
            drawn(all),
            [(0, "a".into()), (0, "b".into()), (0, "now".into())]
        );
        let ring = vec![
            snapshot("a", "regular", 10, Some("b")),
            snapshot("b", "regular", 20, Some("a")),
        ];
        assert!(drawn(ring).len() <= 3);
    }
}
