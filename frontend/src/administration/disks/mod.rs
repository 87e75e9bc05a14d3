//! All disks, images and ISOs of the site, and what can be done with each.

mod actions;

use crate::administration::hosts::WordFilter;
use crate::app::app;
use crate::components::names::vm_link;
use crate::components::status::{badge, label};
use crate::format::bytes_of;
use crate::query::has_words;
use crate::store::{Disk, Id, Status, natural};
use crate::text::{fill, t};
use crate::ui::menu::Menu;
use crate::ui::order::Order;
use crate::ui::table::{Cells, Column, Sort, Table, column};
use actions::{DiskAsk, DiskDialogs, items};
use leptos::prelude::*;
use std::sync::Arc;

const DISKS: &[Column] = &[
    column("Status", "c-120", "f-status", true),
    column("Name", "", "f-name", true),
    column("Content", "c-80", "", true),
    column("Size", "c-160", "f-meta", true),
    column("Format", "c-80", "", true),
    column("Storage domain", "c-140", "f-host", true),
    column("In", "c-180", "", false),
    column("", "c-60", "sf-right f-act", false),
];

/// The list.
#[component]
pub fn Disks() -> AnyView {
    let app = app();
    let store = app.store;
    let words = RwSignal::new(String::new());
    let sort = RwSignal::new(Sort {
        column: 1,
        descending: false,
    });
    let asked = RwSignal::new(None::<DiskAsk>);
    let domain_name = move |disk: &Disk| {
        disk.storage_domain
            .as_ref()
            .map(|domain| store.storage_domains.name_of(domain))
            .unwrap_or_default()
    };
    let fresh = Memo::new(move |_| {
        let by = sort.get();
        let mut disks: Vec<Arc<Disk>> = store
            .disks
            .all()
            .into_iter()
            .filter(|disk| {
                words.with(|words| {
                    has_words(
                        words,
                        &[
                            &disk.name,
                            &disk.description,
                            &disk.content,
                            &disk.format,
                            &domain_name(disk),
                        ],
                    )
                })
            })
            .collect();
        disks.sort_by(|a, b| {
            let order = match by.column {
                0 => Status::of_disk(&a.status)
                    .tone
                    .cmp(&Status::of_disk(&b.status).tone),
                2 => a.content.cmp(&b.content),
                3 => a.size.cmp(&b.size),
                4 => a.format.cmp(&b.format),
                5 => natural(&domain_name(a), &domain_name(b)),
                _ => natural(&a.name, &b.name),
            };
            (if by.descending {
                order.reverse()
            } else {
                order
            })
            .then_with(|| natural(&a.name, &b.name))
        });
        disks
            .into_iter()
            .map(|disk| disk.id.clone())
            .collect::<Vec<_>>()
    });
    let question = Memo::new(move |_| (sort.get().column, sort.get().descending, words.get()));
    let order = Order::follow(fresh, question);
    let cells: Cells = Arc::new(move |id| {
        let Some(disk) = store.disks.get(id) else {
            return Vec::new();
        };
        let vms = store.vms.members();
        let users: Vec<Id> = vms
            .iter()
            .filter(|vm| {
                vm.disks.iter().any(|attachment| attachment.disk == disk.id)
                    || vm.cd.as_ref() == Some(&disk.id)
            })
            .map(|vm| vm.id.clone())
            .collect();
        let linked = users
            .iter()
            .take(3)
            .map(|vm| view! { {vm_link(app, vm)}" " })
            .collect_view();
        let name = fill("Actions for disk {0}", &[&disk.name]);
        let items = items(&disk, users.is_empty(), asked);
        let domain = domain_name(&disk);
        vec![
            badge(Status::of_disk(&disk.status)),
            view! { <span class="sf-strong">{disk.name.clone()}</span>" "<span class="sf-dim">{disk.description.clone()}</span> }.into_any(),
            if disk.is_iso() { label("ISO", "is-accent") } else { label(t("disk"), "") },
            bytes_of(disk.actual.min(disk.size.max(disk.actual)), disk.size).into_any(),
            if disk.format == "cow" { "qcow2".into_any() } else { "raw".into_any() },
            view! { <span class="sf-dim">{domain}</span> }.into_any(),
            linked.into_any(),
            view! { <Menu name=name items=Signal::derive(move || items.clone())/> }.into_any(),
        ]
    });
    view! {
        <div class="sf-tools"><WordFilter name=t("Filter disks") words=words/></div>
        <div class="sf-body"><Table label=t("Disks and ISOs") columns=DISKS rows=order.shown cells=cells name=move |id: Id| store.disks.peek(&id).map(|disk| disk.name.clone()).unwrap_or_default() sort=sort/></div>
        <DiskDialogs asked=asked/>
    }
    .into_any()
}
