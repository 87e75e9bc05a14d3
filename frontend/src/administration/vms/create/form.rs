//! The form of a new machine: what it holds, and the plan it stands for.

use crate::app::App;
use crate::format::{GIB, parse_bytes};
use crate::making::first_boot::FirstBoot;
use crate::making::{NewVm, SIZES, Source};
use crate::store::{Disk, Id};
use leptos::prelude::*;
use std::sync::Arc;

/// How large it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sized {
    /// One of the letters.
    Letter(usize),
    /// As the template has it.
    Template,
    /// A size by name.
    Type(Id),
    /// Figures of one's own.
    Own,
}

/// What the form holds; texts as typed.
#[derive(Clone, Copy)]
pub struct Form {
    pub(super) name: RwSignal<String>,
    pub(super) description: RwSignal<String>,
    pub(super) source: RwSignal<Source>,
    pub(super) iso: RwSignal<String>,
    pub(super) image: RwSignal<String>,
    pub(super) size: RwSignal<Sized>,
    pub(super) vcpus: RwSignal<String>,
    pub(super) memory: RwSignal<String>,
    pub(super) template: RwSignal<String>,
    pub(super) latest: RwSignal<bool>,
    pub(super) clone: RwSignal<bool>,
    pub(super) first_boot: RwSignal<FirstBoot>,
    pub(super) os_chosen: RwSignal<bool>,
    pub(super) cluster: RwSignal<String>,
    pub(super) os: RwSignal<String>,
    pub(super) firmware: RwSignal<String>,
    pub(super) disk: RwSignal<String>,
    pub(super) domain: RwSignal<String>,
    pub(super) profile: RwSignal<String>,
    pub(super) start: RwSignal<bool>,
}

fn some(id: String) -> Option<Id> {
    (!id.is_empty()).then(|| Id::from(id))
}

impl Form {
    /// The machine that the form describes.
    pub fn plan(self, app: App) -> NewVm {
        let source = self.source.get();
        let from_template = source == Source::Template;
        let chosen = self.size.get();
        let size = match &chosen {
            Sized::Letter(place) => SIZES.get(*place),
            _ => None,
        };
        let own = |text: RwSignal<String>, read: fn(&str) -> u64| match (&chosen, size) {
            (Sized::Own, _) => text.with(|text| read(text)),
            _ => 0,
        };
        let template = if from_template {
            some(self.template.get())
        } else {
            app.store
                .templates
                .members()
                .iter()
                .find(|template| template.is_blank() || template.name == "Blank")
                .map(|template| template.id.clone())
        };
        let brings_nics = from_template
            && template
                .as_ref()
                .and_then(|template| app.store.templates.get(template))
                .is_some_and(|template| template.nics > 0);
        NewVm {
            name: self.name.get().trim().to_owned(),
            description: self.description.get(),
            source,
            iso: some(self.iso.get()),
            image: some(self.image.get()),
            vcpus: size.map_or_else(
                || own(self.vcpus, |text| text.trim().parse().unwrap_or(0)),
                |size| size.vcpus,
            ),
            memory: size.map_or_else(
                || own(self.memory, |text| parse_bytes(text, GIB).unwrap_or(0)),
                |size| size.memory,
            ),
            instance_type: match &chosen {
                Sized::Type(id) => Some(id.clone()),
                _ => None,
            },
            cluster: some(self.cluster.get()),
            template,
            latest: from_template && self.latest.get(),
            clone: from_template && self.clone.get(),
            os: if from_template && !self.os_chosen.get() {
                String::new()
            } else {
                self.os.get()
            },
            firmware: self.firmware.get(),
            disk: parse_bytes(&self.disk.get(), GIB).unwrap_or(0),
            domain: some(self.domain.get()),
            profile: some(self.profile.get()).filter(|_| !brings_nics),
            start: self.start.get(),
            first_boot: self.first_boot.get(),
        }
    }
}

/// The first that is preferred, or the first of all.
pub fn first_id<T: crate::store::Entity>(all: &[Arc<T>], prefer: impl Fn(&T) -> bool) -> String {
    all.iter()
        .find(|one| prefer(one))
        .or_else(|| all.first())
        .map(|one| one.id().to_string())
        .unwrap_or_default()
}

/// Images that could be somebody's first disk: ready, and in no machine.
pub fn free_images(app: App) -> Vec<Arc<Disk>> {
    let vms = app.store.vms.all();
    let used = |disk: &Disk| {
        vms.iter()
            .any(|vm| vm.disks.iter().any(|attachment| attachment.disk == disk.id))
    };
    app.store
        .disks
        .by_name()
        .into_iter()
        .filter(|disk| !disk.is_iso() && disk.status == "ok" && !used(disk))
        .collect()
}
