//! Storage: domains and how full they are, disks and ISOs, uploads.

use crate::app::{App, app};
use crate::client;
use crate::components::status::badge;
use crate::format::{bytes, bytes_of, percent, share};
use crate::route::{Route, StorageTab};
use crate::store::{Id, Status, StorageDomain, Tone, natural};
use crate::text::{fill, plural, t};
use crate::ui::bar::bar;
use crate::ui::button::{Button, IconButton, Kind};
use crate::ui::each::{each, member};
use crate::ui::icon::{icon, icon_with};
use crate::ui::order::Order;
use crate::ui::page::Head;
use crate::ui::table::{Cells, Column, Sort, Table, column};
use crate::upload::kept::{self, Kept};
use crate::upload::{Upload, UploadState, pace};
use leptos::prelude::*;
use std::sync::Arc;

const DOMAINS: &[Column] = &[
    column("Status", "c-140", "f-status", true),
    column("Name", "c-180", "f-name", true),
    column("Type", "c-140", "f-host", true),
    column("Used", "c-140", "", true),
    column("", "", "f-meta", false),
    column("Promised", "c-100", "sf-right", true),
    column("Used for", "c-180", "", false),
];

/// The page.
#[component]
pub fn Storage(
    /// Domains or disks.
    tab: StorageTab,
) -> AnyView {
    let app = app();
    let store = app.store;
    let picker = NodeRef::<leptos::html::Input>::new();
    let choose = move |()| {
        if let Some(picker) = picker.get_untracked() {
            picker.click();
        }
    };
    let views = move || {
        let link = |words: &'static str, to: StorageTab, count: Signal<usize>| {
            view! { <a class="sf-view" href=Route::Storage(to).path() aria-current=(tab == to).then_some("page")>{words}" "<span class="sf-n">{move || count.get()}</span></a> }
        };
        view! {
            <nav class="sf-views" aria-label=t("Views")>
                {link(t("Domains"), StorageTab::Domains, Signal::derive(move || store.storage_domains.len()))}
                {link(t("Disks and ISOs"), StorageTab::Disks, Signal::derive(move || store.disks.len()))}
            </nav>
        }
    };
    view! {
        <Head title=t("Storage") beside=views end=move || view! { <Button label=t("Upload") icon="upload" kind=Kind::Primary on_press=choose/> }/>
        <input
            type="file"
            hidden=true
            multiple=true
            aria-label=t("Files to upload")
            node_ref=picker
            on:change:target=move |event| {
                if let Some(files) = event.target().files() {
                    begin(app, &files);
                }
                event.target().set_value("");
            }
        />
        {match tab {
            StorageTab::Domains => view! { <Domains on_choose=choose/> }.into_any(),
            StorageTab::Disks => view! { <super::disks::Disks/> }.into_any(),
        }}
    }
    .into_any()
}

/// Uploads go where most room is.
fn target(app: App) -> Option<Arc<StorageDomain>> {
    app.store
        .storage_domains
        .all()
        .into_iter()
        .filter(|domain| {
            Status::of_storage_domain(&domain.status).tone == Tone::Ok && domain.kind != "export"
        })
        .max_by_key(|domain| domain.available)
}

fn begin(app: App, files: &web_sys::FileList) {
    let Some(domain) = target(app) else {
        app.say(
            Tone::Bad,
            t("Nothing was uploaded"),
            vec![t("No storage domain is active.").to_owned()],
            None,
        );
        return;
    };
    for place in 0..files.length() {
        if let Some(file) = files.get(place) {
            app.uploads.begin(app, file, domain.id.clone());
        }
    }
}

#[component]
fn Domains(#[prop(into)] on_choose: Callback<()>) -> AnyView {
    let app = app();
    let store = app.store;
    let sort = RwSignal::new(Sort {
        column: 1,
        descending: false,
    });
    let fresh = Memo::new(move |_| {
        let by = sort.get();
        let mut domains = store.storage_domains.all();
        domains.sort_by(|a, b| {
            let order = match by.column {
                0 => Status::of_storage_domain(&a.status)
                    .tone
                    .cmp(&Status::of_storage_domain(&b.status).tone),
                2 => a.storage_type.cmp(&b.storage_type),
                3 => share(a.used, a.total()).total_cmp(&share(b.used, b.total())),
                5 => share(a.committed, a.total()).total_cmp(&share(b.committed, b.total())),
                _ => natural(&a.name, &b.name),
            };
            (if by.descending {
                order.reverse()
            } else {
                order
            })
            .then_with(|| natural(&a.name, &b.name))
        });
        domains
            .into_iter()
            .map(|domain| domain.id.clone())
            .collect::<Vec<_>>()
    });
    let question = Memo::new(move |_| (sort.get().column, sort.get().descending));
    let order = Order::follow(fresh, question);
    let cells: Cells = Arc::new(move |id| {
        store
            .storage_domains
            .get(id)
            .map(|domain| domain_cells(app, &domain))
            .unwrap_or_default()
    });
    view! {
        <div class="sf-body">
            <Table
                label=t("Storage domains")
                columns=DOMAINS
                rows=order.shown
                cells=cells
                name=move |id: Id| store.storage_domains.peek(&id).map(|domain| domain.name.clone()).unwrap_or_default()
                sort=sort
                after=move || view! { <UploadArea on_choose=on_choose/> }
            />
        </div>
    }
    .into_any()
}

fn domain_cells(app: App, domain: &StorageDomain) -> Vec<AnyView> {
    let used = share(domain.used, domain.total());
    let disks = app.store.disks.all();
    let own: Vec<_> = disks
        .iter()
        .filter(|disk| disk.storage_domain.as_ref() == Some(&domain.id))
        .collect();
    let isos = own.iter().filter(|disk| disk.is_iso()).count();
    let words = [
        plural(own.len() - isos, "{0} disk", "{0} disks"),
        plural(isos, "{0} ISO", "{0} ISOs"),
    ]
    .join(", ");
    let class = if used >= 95.0 {
        "is-bad"
    } else if used >= 85.0 {
        "is-warn"
    } else {
        ""
    };
    vec![
        badge(Status::of_storage_domain(&domain.status)),
        view! { <span class="sf-strong" title=domain.path.clone()>{domain.name.clone()}</span> }.into_any(),
        view! { <span class="sf-dim">{if domain.storage_type == "localfs" { t("local").to_owned() } else { domain.storage_type.to_uppercase() }}</span> }.into_any(),
        view! { <span class="sf-row">{bar(&[(used, class)], fill("{0} used", &[&percent(used)]), true)}</span> }.into_any(),
        [bytes_of(domain.used, domain.total()), percent(used)].join(", ").into_any(),
        percent(share(domain.committed, domain.total())).into_any(),
        view! { <span class="sf-dim">{words}</span> }.into_any(),
    ]
}

/// Uploads and where to drop files.
#[component]
fn UploadArea(on_choose: Callback<()>) -> AnyView {
    let app = app();
    let over = RwSignal::new(false);
    let left = RwSignal::new(kept::all());
    let free = move || {
        target(app)
            .map(|domain| fill("{0} free in {1}", &[&bytes(domain.available), &domain.name]))
            .unwrap_or_default()
    };
    view! {
        <div class="sf-pad sf-stack is-8">
            <div></div>
            <div class="sf-sec__head"><h2>{t("Uploads")}</h2><span class="sf-dim sf-hide-s">{t("close the tab, and with the same file it goes on where it stopped")}</span></div>
            {each(move || app.uploads.all().into_iter().map(|upload| member(upload.key.to_string(), move || view! { <UploadLine upload=upload on_again=on_choose/> }.into_any())).collect())}
            {move || stopped(app, left, on_choose)}
            <div
                class="sf-drop"
                class:is-over=over
                on:dragover=move |event| { event.prevent_default(); over.set(true); }
                on:dragleave=move |_| over.set(false)
                on:drop=move |event| {
                    event.prevent_default();
                    over.set(false);
                    if let Some(files) = event.data_transfer().and_then(|data| data.files()) {
                        begin(app, &files);
                    }
                }
            >
                {icon("upload")}
                <span class="sf-grow">{t("Drop an ISO, a qcow2, raw or VMware disk, or a machine as OVA here, or")}" "<button type="button" class="sf-link" on:click=move |_| on_choose.run(())>{t("choose files")}</button></span>
                <span class="sf-dim sf-hide-s">{free}</span>
            </div>
        </div>
    }
    .into_any()
}

/// Uploads that an earlier page began and nobody goes on with.
fn stopped(app: App, left: RwSignal<Vec<Kept>>, on_choose: Callback<()>) -> AnyView {
    let running = app.uploads.all();
    left.get()
        .into_iter()
        .filter(|one| !running.iter().any(|upload| upload.name.with_value(|name| *name == one.name)))
        .map(|one| {
            let away = fill("Put away {0}", &[&one.name]);
            let (transfer, disk) = (one.transfer.clone(), one.disk.clone());
            let give_up = move |()| {
                let (transfer, disk) = (transfer.clone(), disk.clone());
                kept::forget(&transfer);
                left.set(kept::all());
                crate::task::run(async move {
                    drop(client::transfers::end(&transfer, "cancel").await);
                    drop(client::disks::remove(&disk).await);
                });
            };
            view! {
                <div class="sf-upload" role="group" aria-label=one.name.clone()>
                    {icon("disc")}
                    <span class="sf-row"><b class="sf-strong sf-ell">{one.name.clone()}</b><span class="sf-dim">{fill("stopped at {0}", &[&bytes_of(one.place, one.size)])}</span></span>
                    <span class="sf-row is-tight"><Button label=t("Choose file again") on_press=on_choose/><IconButton name=away icon="trash" on_press=give_up/></span>
                    <span class="sf-sub">{t("With the same file it goes on where it stopped.")}</span>
                </div>
            }
        })
        .collect_view()
        .into_any()
}

#[component]
fn UploadLine(upload: Upload, on_again: Callback<()>) -> AnyView {
    let app = app();
    let name = upload.name.get_value();
    let key = upload.key;
    let put_away = move |()| app.uploads.dismiss(key);
    let amount = move || match upload.state.get() {
        UploadState::Done => bytes(upload.size),
        UploadState::Failed(_) => fill("stopped at {0}", &[&bytes(upload.sent.get())]),
        _ => [
            bytes_of(upload.sent.get(), upload.size),
            percent(upload.percent()),
        ]
        .join(", "),
    };
    let (pause_name, resume_name, cancel_name, away_name) = (
        fill("Pause upload of {0}", &[&name]),
        fill("Go on with upload of {0}", &[&name]),
        fill("Cancel upload of {0}", &[&name]),
        fill("Put away {0}", &[&name]),
    );
    let controls = move || {
        let cancel = view! { <IconButton name=cancel_name.clone() icon="close" on_press=move |()| upload.cancel()/> };
        match upload.state.get() {
            UploadState::Sending => view! { <span class="sf-dim sf-nowrap sf-hide-s">{move || pace(upload.sent.get(), upload.size, upload.speed.get())}</span><IconButton name=pause_name.clone() icon="pause" on_press=move |()| upload.pause()/>{cancel} }.into_any(),
            UploadState::Paused => view! { {badge(Status::new("Paused", "st-paused", Tone::Off))}<IconButton name=resume_name.clone() icon="play" on_press=move |()| upload.resume()/>{cancel} }.into_any(),
            UploadState::Retrying => view! { {badge(Status::new("Trying again", "st-warn", Tone::Warn))}{cancel} }.into_any(),
            UploadState::Reading | UploadState::Preparing => view! { {badge(Status::new("Preparing", "st-starting", Tone::Busy))}{cancel} }.into_any(),
            UploadState::Checking => badge(Status::new("Checking", "st-starting", Tone::Busy)),
            UploadState::Done => view! { {badge(Status::new("Ready", "st-ok", Tone::Ok))}<IconButton name=away_name.clone() icon="close" on_press=put_away/> }.into_any(),
            UploadState::Failed(_) => view! { <Button label=t("Choose file again") on_press=on_again/><IconButton name=away_name.clone() icon="trash" on_press=put_away/> }.into_any(),
        }
    };
    let below = move || {
        match upload.state.get() {
        UploadState::Failed(fault) => fill("{0} Nothing was added to the domain.", &[&fault.text()]),
        UploadState::Checking => t("All is sent. The server reads the image and makes sure that it is what it says and refers to nothing outside.").to_owned(),
        UploadState::Done => t("It can be put into a drive, or attached to a machine.").to_owned(),
        UploadState::Retrying => t("The line was cut; it goes on where it stopped.").to_owned(),
        _ => fill("into {0}", &[&upload.domain.with_value(|domain| app.store.storage_domains.name_of(domain))]),
    }
    };
    let progress = move || {
        let state = upload.state.get();
        let class = match state {
            UploadState::Done | UploadState::Checking => "is-ok",
            UploadState::Failed(_) => "is-bad",
            _ => "is-busy",
        };
        (!matches!(state, UploadState::Failed(_))).then(|| {
            bar(
                &[(upload.percent(), class)],
                fill("{0} uploaded", &[&percent(upload.percent())]),
                false,
            )
        })
    };
    view! {
        <div class="sf-upload" role="group" aria-label=name.clone()>
            {move || if matches!(upload.state.get(), UploadState::Failed(_)) { icon_with("st-error", "sf-i sf-c-bad") } else { icon("disc") }}
            <span class="sf-row"><b class="sf-strong sf-ell">{name.clone()}</b><span class="sf-dim">{amount}</span></span>
            <span class="sf-row is-tight">{controls}</span>
            {progress}
            <span class="sf-sub" role="status">{below}</span>
        </div>
    }
    .into_any()
}
