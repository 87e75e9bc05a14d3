//! Chains of the simulated host's running guests: who writes where, and what stands on what.

use uuid::Uuid;

use super::{SimHost, State, Volume};
use crate::host::{
    Backing, HostError, MergeProgress, MergeSpec, TakeSpec, VolumeFormat, VolumeRef,
};

impl SimHost {
    pub(super) fn take(
        &self,
        state: &mut State,
        vm: Uuid,
        spec: &TakeSpec,
    ) -> Result<(), HostError> {
        Self::running_of(state, vm)?;
        for overlay in &spec.disks {
            if !state.volumes.contains_key(&overlay.volume) {
                return Err(HostError::NotFound {
                    what: format!("volume {}", overlay.volume.volume),
                });
            }
        }
        if let Some(memory) = spec.memory {
            self.make_file(memory)?;
            state.volumes.insert(
                memory,
                Volume {
                    format: VolumeFormat::Raw,
                    virtual_bytes: 0,
                    backing: None,
                },
            );
        }
        let domain = Self::running_of(state, vm)?;
        for overlay in &spec.disks {
            let disk = domain
                .spec
                .disks
                .iter_mut()
                .find(|disk| disk.disk == overlay.disk)
                .ok_or_else(|| HostError::NotFound {
                    what: format!("disk {}", overlay.disk),
                })?;
            if disk.source == overlay.volume {
                continue;
            }
            let below = Backing {
                volume: disk.source,
                format: disk.format,
            };
            disk.backing.insert(0, below);
            disk.source = overlay.volume;
            disk.format = VolumeFormat::Qcow2;
        }
        Ok(())
    }

    /// One image has become part of another: what stood on it stands on that one.
    pub(super) fn merged(state: &mut State, top: VolumeRef, base: VolumeRef) {
        let size = state.volumes.get(&top).map_or(0, |it| it.virtual_bytes);
        for volume in state.volumes.values_mut() {
            if volume.backing == Some(top) {
                volume.backing = Some(base);
            }
        }
        if let Some(base) = state.volumes.get_mut(&base) {
            base.virtual_bytes = base.virtual_bytes.max(size);
        }
    }

    pub(super) fn merge_running(
        state: &mut State,
        vm: Uuid,
        spec: MergeSpec,
    ) -> Result<MergeProgress, HostError> {
        let begun = state.merging.contains(&spec.disk);
        let domain = Self::running_of(state, vm)?;
        let disk = domain
            .spec
            .disks
            .iter_mut()
            .find(|disk| disk.disk == spec.disk)
            .ok_or_else(|| HostError::NotFound {
                what: format!("disk {}", spec.disk),
            })?;
        let mut chain = vec![Backing {
            volume: disk.source,
            format: disk.format,
        }];
        chain.extend(disk.backing.iter().copied());
        let Some(at) = chain.iter().position(|it| it.volume == spec.top) else {
            return Ok(MergeProgress::Done);
        };
        if chain.get(at + 1).map(|it| it.volume) != Some(spec.base) {
            return Err(HostError::Failed {
                what: format!("disk {} does not stand on what is to be merged", spec.disk),
            });
        }
        if !begun {
            state.merging.insert(spec.disk);
            return Ok(MergeProgress::Begun);
        }
        chain.remove(at);
        disk.source = chain[0].volume;
        disk.format = chain[0].format;
        disk.backing = chain.split_off(1);
        state.merging.remove(&spec.disk);
        Self::merged(state, spec.top, spec.base);
        Ok(MergeProgress::Working { done: 1, total: 1 })
    }
}
