//! Whose screen a console shows, what it is called, and who gives tickets for it: a machine of the
//! portal, which the manager knows, or a bare SPICE server (`saffron view`), of which nothing else
//! is known and whose password the person may have to type.

use leptos::prelude::*;

use crate::app::App;
use crate::client::view::Server;
use crate::client::{self, Fault};
use crate::store::{Id, Sample};

/// How many samples of its processors tell that a machine is busy; they come every few seconds.
const LOAD_SAMPLES: usize = 3;

/// What a console is of. Copies are the same one.
#[derive(Clone, Copy)]
pub enum Guest {
    /// A machine of the portal.
    Machine(Machine),
    /// A SPICE server.
    Server(Prompt),
}

impl Guest {
    /// What the person calls it; empty while that is not known.
    pub fn name(self) -> String {
        match self {
            Self::Machine(machine) => machine.name.get(),
            Self::Server(prompt) => prompt.server.with_value(|server| server.target.clone()),
        }
    }

    /// What tells its settings in this browser from those of others.
    pub fn key(self) -> String {
        match self {
            Self::Machine(machine) => machine.id.with_value(|id| id.to_string()),
            Self::Server(prompt) => prompt.server.with_value(|server| server.target.clone()),
        }
    }

    /// The machine, when the manager knows it.
    pub fn machine(self) -> Option<Machine> {
        match self {
            Self::Machine(machine) => Some(machine),
            Self::Server(_) => None,
        }
    }

    /// The question for a password, when there can be one.
    pub fn prompt(self) -> Option<Prompt> {
        match self {
            Self::Machine(_) => None,
            Self::Server(prompt) => prompt
                .server
                .with_value(|server| server.asks)
                .then_some(prompt),
        }
    }

    /// A one-time ticket.
    pub async fn ticket(self) -> Result<String, Fault> {
        match self {
            Self::Machine(machine) => {
                let id = machine.id.try_get_value();
                client::vms::console_ticket(&id.unwrap_or_default()).await
            }
            Self::Server(prompt) => {
                let password = prompt.password.try_get_value();
                client::view::console_ticket(&password.unwrap_or_default()).await
            }
        }
    }
}

/// A machine of the portal.
#[derive(Clone, Copy)]
pub struct Machine {
    /// What is known of it and all others.
    pub app: App,
    /// Its id.
    pub id: StoredValue<Id>,
    /// Its name, once the store has it.
    name: Signal<String>,
}

impl Machine {
    /// The machine with this id.
    pub fn new(app: App, id: Id) -> Self {
        let of = id.clone();
        let name = Memo::new(move |_| {
            let vm = app.store.vms.get(&of);
            vm.map(|vm| vm.name.clone()).unwrap_or_default()
        });
        Self {
            app,
            id: StoredValue::new(id),
            name: name.into(),
        }
    }

    /// How busy its processors and its host's are, 0 to 1, where the manager measures it.
    pub fn load(self) -> (Option<f64>, Option<f64>) {
        // Of the last few samples: one busy second is nothing.
        let share = |samples: &[Sample]| {
            let last = &samples[samples.len().saturating_sub(LOAD_SAMPLES)..];
            let sum: f64 = last.iter().map(|sample| f64::from(sample.cpu)).sum();
            (last.len() == LOAD_SAMPLES).then(|| sum / last.len() as f64 / 100.0)
        };
        let Some(vm) = self.id.with_value(|id| self.app.store.vms.peek(id)) else {
            return (None, None);
        };
        let host = vm
            .host
            .as_ref()
            .and_then(|host| self.app.store.hosts.peek(host));
        let host = host.and_then(|host| share(&host.samples));
        (share(&vm.samples), host)
    }
}

/// The password of a SPICE server: asked for when the server wants one, and kept in this page's
/// memory only, for connecting again.
#[derive(Clone, Copy)]
pub struct Prompt {
    /// The server.
    pub server: StoredValue<Server>,
    /// What is asked just now: nothing, or a password, with what was wrong with the last one.
    pub asked: RwSignal<Option<String>>,
    password: StoredValue<String>,
}

impl Prompt {
    /// Without a password: many servers want none.
    pub fn new(server: Server) -> Self {
        Self {
            server: StoredValue::new(server),
            asked: RwSignal::new(None),
            password: StoredValue::new(String::new()),
        }
    }

    /// The server refused the password; the sentence says how. It is no news to a person who was
    /// not asked yet.
    pub fn refused(self, sentence: String) {
        let typed = self
            .password
            .try_with_value(|password| !password.is_empty());
        let sentence = if typed == Some(true) {
            sentence
        } else {
            String::new()
        };
        self.asked.try_set(Some(sentence));
    }

    /// The person typed this.
    pub fn answer(self, password: String) {
        self.password.try_update_value(|kept| *kept = password);
        self.asked.try_set(None);
    }

    /// Whether the person is being asked.
    pub fn is_open(self) -> bool {
        self.asked.try_with_untracked(Option::is_some) == Some(true)
    }
}
