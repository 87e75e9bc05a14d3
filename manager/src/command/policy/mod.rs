//! What administrators set besides the things themselves (`model/policy.rs`): one file a kind.
//! Whoever uses a setting asks `rules::affinity`, `rules::quota` and the like.

mod affinity;
mod bookmark;
mod mac_pool;
mod personal;
mod profile;
mod qos;
mod quota;
mod scheduling;

pub(crate) use affinity::forget as forget_affinity;
pub use affinity::{AffinityGroupParams, AffinityLabelParams, AffinityRuleParams};
pub use bookmark::BookmarkParams;
pub use mac_pool::MacPoolParams;
pub(crate) use mac_pool::{pool_of_cluster, to_number};
pub use profile::ProfileParams;
pub use qos::QosParams;
pub use quota::{QuotaClusterLimitParams, QuotaParams, QuotaStorageLimitParams};
pub use scheduling::{SchedulingPolicyParams, UnitChange};

use crate::Manager;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::EventDraft;
use crate::model::DataCenterId;
use crate::writer::Draft;

impl Manager {
    /// Runs one change for a caller.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        caller: &Caller,
        work: impl FnOnce(&mut Draft, &Caller) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| work(draft, &caller))
            .await
    }
}

/// Refuses a name that another of the same kind has.
fn name_free<'a>(mut others: impl Iterator<Item = &'a str>, name: &str, kind: &str) -> Result<()> {
    if others.any(|other| other == name) {
        return Err(Error::conflict(format!(
            "Cannot save {kind}. The name {name} is already in use. Please choose a unique name and try again."
        )));
    }
    Ok(())
}

/// Writes to the log what was done.
fn log(
    draft: &mut Draft,
    caller: &Caller,
    code: u32,
    text: String,
    data_center: Option<DataCenterId>,
) {
    let mut event = EventDraft::new(code, text);
    if let Some(id) = data_center {
        event = event.data_center(id);
    }
    draft.event(event.by(caller, draft));
}
