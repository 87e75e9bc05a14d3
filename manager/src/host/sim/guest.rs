//! The simulated host's guest agents: a guest has one when a test says what it tells.

use uuid::Uuid;

use super::SimHost;
use crate::host::guest::{GuestReport, GuestWork};
use crate::host::{HostError, HostEvent, HostFuture};

fn silent() -> HostError {
    HostError::Failed {
        what: "The guest agent does not answer.".to_owned(),
    }
}

impl SimHost {
    /// A guest's agent begins to answer, or ends.
    pub fn set_guest(&self, vm: Uuid, report: Option<GuestReport>) {
        let connected = report.is_some();
        match report {
            Some(report) => self.lock().guests.insert(vm, (report, false)),
            None => self.lock().guests.remove(&vm),
        };
        self.say(HostEvent::Agent { id: vm, connected });
    }

    /// Whether a guest was frozen.
    #[must_use]
    pub fn frozen(&self, vm: Uuid) -> bool {
        self.lock().guests.get(&vm).is_some_and(|it| it.1)
    }
}

impl GuestWork for SimHost {
    fn guest_report(&self, vm: Uuid) -> HostFuture<'_, GuestReport> {
        self.call("guest_report", move |_, state| {
            Self::running_of(state, vm)?;
            let guest = state.guests.get(&vm).ok_or_else(silent)?;
            Ok(guest.0.clone())
        })
    }

    fn guest_freeze(&self, vm: Uuid) -> HostFuture<'_, ()> {
        self.call("guest_freeze", move |_, state| {
            Self::running_of(state, vm)?;
            state.guests.get_mut(&vm).ok_or_else(silent)?.1 = true;
            Ok(())
        })
    }

    fn guest_thaw(&self, vm: Uuid) -> HostFuture<'_, ()> {
        self.call("guest_thaw", move |_, state| {
            Self::running_of(state, vm)?;
            state.guests.get_mut(&vm).ok_or_else(silent)?.1 = false;
            Ok(())
        })
    }

    fn guest_frozen(&self, vm: Uuid) -> HostFuture<'_, bool> {
        self.call("guest_frozen", move |_, state| {
            Self::running_of(state, vm)?;
            Ok(state.guests.get(&vm).ok_or_else(silent)?.1)
        })
    }
}
