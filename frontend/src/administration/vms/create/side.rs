//! What is left after it and what will happen, beside the form.

use crate::app::App;
use crate::format::{bytes, share};
use crate::making::{NewVm, Source};
use crate::store::{InstanceType, Template};
use crate::text::{fill, t};
use crate::ui::bar::bar;
use leptos::prelude::*;

fn left(name: &'static str, used: u64, adds: u64, whole: u64, words: fn(u64) -> String) -> AnyView {
    let rest = whole.saturating_sub(used).saturating_sub(adds);
    let line = fill(
        "{0} of {1} used, this adds {2}",
        &[&words(used), &words(whole), &words(adds)],
    );
    let over = used.saturating_add(adds) > whole;
    view! {
        <div class="sf-meter">
            <div class="sf-meter__top"><span>{name}</span><span class="sf-strong">{if over { t("more than there is").to_owned() } else { words(rest) }}</span></div>
            {bar(&[(share(used, whole), "is-2"), (share(adds, whole), if over { "is-warn" } else { "" })], line.clone(), false)}
            <span class="sf-help">{line}</span>
        </div>
    }
    .into_any()
}

/// The pane beside the form.
pub fn side(app: App, plan: Memo<NewVm>) -> AnyView {
    let plan = plan.get();
    let (hosts, vms) = (app.store.hosts.all(), app.store.vms.all());
    let on: Vec<_> = vms.iter().filter(|vm| vm.status.has_screen()).collect();
    let memory: u64 = hosts.iter().map(|host| host.memory_total).sum();
    let promised: u64 = on.iter().map(|vm| vm.memory).sum();
    let threads: u64 = hosts.iter().map(|host| host.cpus()).sum();
    let vcpus: u64 = on.iter().map(|vm| vm.vcpus()).sum();
    let domain = plan
        .domain
        .as_ref()
        .and_then(|domain| app.store.storage_domains.get(domain));
    let template = plan
        .template
        .as_ref()
        .filter(|_| plan.source == Source::Template)
        .and_then(|template| app.store.templates.get(template));
    let size = plan
        .instance_type
        .as_ref()
        .and_then(|size| app.store.instance_types.get(size));
    let of = |own: u64, pick: fn(&Template) -> u64, named: fn(&InstanceType) -> u64| match own {
        0 => size
            .as_deref()
            .map(named)
            .or_else(|| template.as_deref().map(pick))
            .unwrap_or(0),
        own => own,
    };
    let (vcpus_added, memory_added) = (
        of(plan.vcpus, |one| one.vcpus, |one| one.vcpus),
        of(plan.memory, |one| one.memory, |one| one.memory),
    );
    let adds = match plan.source {
        Source::Image => 0,
        // A thin one begins with nothing of its own.
        Source::Template if !plan.clone => 0,
        Source::Template => template
            .iter()
            .flat_map(|template| &template.disks)
            .filter_map(|disk| app.store.disks.peek(disk))
            .map(|disk| disk.actual)
            .sum(),
        _ => plan.disk,
    };
    let storage = domain
        .map(|domain| left(t("Storage"), domain.used, adds, domain.total(), bytes))
        .unwrap_or_else(|| ().into_any());
    let mut will = vec![match plan.source {
        Source::Installer => t(
            "An empty disk is made and the ISO put into the drive. The installer starts, because the disk has nothing to boot yet.",
        ),
        Source::Image => t("The disk is attached and booted from."),
        Source::Nothing => {
            t("An empty disk is made. Until an ISO is in the drive there is nothing to boot.")
        }
        Source::Template if plan.clone => {
            t("The template's disks are copied. It needs nothing of the template afterwards.")
        }
        Source::Template => t(
            "Its disks stand on the template's and hold only what differs: ready in seconds. The template cannot be deleted meanwhile.",
        ),
    }];
    if plan.first_boot.on {
        will.push(t("At its first start it is told its name, users and keys."));
    }
    will.push(if plan.start {
        t("It is started as soon as it is complete.")
    } else {
        t("It stays off until somebody starts it.")
    });
    will.push(t("You can leave at once: it goes on as a task."));
    view! {
        <h3 class="sf-strong">{t("Left after this")}</h3>
        <div class="sf-quota">
            {left(t("Processor"), vcpus, vcpus_added, threads, |count| fill("{0} vCPU", &[&count.to_string()]))}
            {left(t("Memory"), promised, memory_added, memory, bytes)}
            {storage}
        </div>
        <hr class="pf-v6-c-divider sf-gap"/>
        <div class="sf-stack is-8">
            <h3 class="sf-strong">{t("What will happen")}</h3>
            {will.into_iter().map(|line| view! { <p class="sf-help">{line}</p> }).collect_view()}
        </div>
    }
    .into_any()
}
