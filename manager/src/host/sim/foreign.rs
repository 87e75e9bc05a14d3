//! Domains in the simulated host that somebody else has made, and their adoption.

use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;

use super::{SimHost, Volume};
use crate::host::foreign::{Adoption, ForeignDomain, ForeignWork};
use crate::host::{
    DomainState, HostError, HostEvent, HostFuture, VolumeFormat, VolumeInfo, VolumeRef,
};

impl SimHost {
    /// Somebody else has a running domain, like this one of ours but for its id and its mark.
    pub fn add_foreign(&self, like: Uuid, id: Uuid, foreign: ForeignDomain) {
        {
            let mut state = self.lock();
            let Some(mut domain) = state.domains.get(&like).cloned() else {
                return;
            };
            domain.spec.vm = id;
            domain.spec.run_epoch = 0;
            domain.spec.operation = None;
            domain.spec.title = "legacy".to_owned();
            domain.spec.disks.clear();
            domain.spec.nics.clear();
            domain.state = DomainState::Running;
            domain.foreign = Some(Arc::new(foreign));
            state.domains.insert(id, domain);
        }
        self.say(HostEvent::Domain {
            id,
            state: DomainState::Running,
        });
    }
}

impl ForeignWork for SimHost {
    fn adopt(&self, adoption: Adoption) -> HostFuture<'_, ()> {
        self.call("adopt", move |_, state| {
            let domain = Self::domain_of(state, adoption.vm)?;
            domain.foreign = None;
            domain.spec.run_epoch = adoption.run_epoch;
            domain.spec.operation = Some(adoption.operation);
            Ok(())
        })
    }

    fn release(&self, _vm: Uuid) -> HostFuture<'_, ()> {
        self.call("release", |_, _| Ok(()))
    }

    fn volume_place(
        &self,
        volume: VolumeRef,
        path: PathBuf,
        format: VolumeFormat,
    ) -> HostFuture<'_, VolumeInfo> {
        self.call("volume_place", move |host, state| {
            if path.starts_with("/missing") {
                return Err(HostError::NotFound {
                    what: path.display().to_string(),
                });
            }
            if let Entry::Vacant(entry) = state.volumes.entry(volume) {
                host.make_file(volume)?;
                let place = Volume {
                    format,
                    virtual_bytes: 1 << 30,
                    backing: None,
                };
                entry.insert(place);
            }
            host.volume_there(state, volume, format)
                .ok_or_else(|| HostError::NotFound {
                    what: "volume".to_owned(),
                })
        })
    }
}
