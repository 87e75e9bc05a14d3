//! Leave to open a console: a ticket opens one main channel within half a minute, its keys open one
//! more channel each while that channel lives. All are kept as SHA-256 only, and in memory only;
//! so is the password that goes with them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use spice_proxy::Ticket;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long until a ticket's first use.
pub(super) const LIFE: Duration = Duration::from_secs(30);
/// A ticket that is this old is not even known as too old any more.
const FORGOTTEN: Duration = Duration::from_secs(300);
/// Tickets that may wait for their use.
const TICKETS_MAX: usize = 256;
/// Consoles that may be open.
const CONSOLES_MAX: usize = 64;
/// Channels of a console beside the main one.
const KEYS: usize = 16;

type Key = [u8; 32];
type Hash = [u8; 32];

/// Why a key opens nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refused {
    /// Nobody was given it, or it was used.
    Unknown,
    /// It was not used in time.
    Late,
    /// Too many consoles are open.
    Many,
}

/// What was given out and is still good.
#[derive(Clone, Debug, Default)]
pub(super) struct Tickets(Arc<Mutex<Given>>);

#[derive(Debug, Default)]
struct Given {
    waiting: HashMap<Hash, Waiting>,
    keys: HashMap<Hash, Arc<Console>>,
    consoles: usize,
}

#[derive(Debug)]
struct Waiting {
    password: Ticket,
    since: Instant,
}

/// What a console's channels share.
#[derive(Debug)]
pub(super) struct Console {
    /// What the SPICE server wants to hear.
    pub password: Ticket,
    ended: watch::Sender<bool>,
}

impl Console {
    /// Ends when the main channel has.
    pub async fn ended(&self) {
        // The sender is here, so that waiting cannot fail.
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }
}

/// A console's main channel. Dropped, it ends the console.
#[derive(Debug)]
pub(super) struct Main {
    tickets: Tickets,
    hashes: Vec<Hash>,
    /// What it shares with the others.
    pub console: Arc<Console>,
    /// Keys for the others.
    pub keys: Vec<Key>,
}

impl Drop for Main {
    fn drop(&mut self) {
        let mut given = self.tickets.lock();
        for hash in &self.hashes {
            given.keys.remove(hash);
        }
        given.consoles = given.consoles.saturating_sub(1);
        drop(given);
        self.console.ended.send_replace(true);
    }
}

impl Tickets {
    fn lock(&self) -> MutexGuard<'_, Given> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new ticket for a console with this password; `None` when too many wait.
    pub fn issue(&self, password: Ticket) -> Result<Option<Key>, getrandom::Error> {
        let key = random()?;
        let mut given = self.lock();
        given
            .waiting
            .retain(|_, waiting| waiting.since.elapsed() < FORGOTTEN);
        if given.waiting.len() >= TICKETS_MAX {
            return Ok(None);
        }
        let since = Instant::now();
        given
            .waiting
            .insert(hash(&key), Waiting { password, since });
        Ok(Some(key))
    }

    /// Opens a console with a ticket, which is used up whatever comes of it.
    pub fn open(&self, ticket: &Key) -> Result<Main, Refused> {
        let mut keys = Vec::with_capacity(KEYS);
        for _ in 0..KEYS {
            keys.push(random().map_err(|_| Refused::Many)?);
        }
        let mut given = self.lock();
        let waiting = given
            .waiting
            .remove(&hash(ticket))
            .ok_or(Refused::Unknown)?;
        if waiting.since.elapsed() > LIFE {
            return Err(Refused::Late);
        }
        if given.consoles >= CONSOLES_MAX {
            return Err(Refused::Many);
        }
        given.consoles += 1;
        let console = Arc::new(Console {
            password: waiting.password,
            ended: watch::Sender::new(false),
        });
        let hashes: Vec<Hash> = keys.iter().map(hash).collect();
        for hash in &hashes {
            given.keys.insert(*hash, Arc::clone(&console));
        }
        Ok(Main {
            tickets: self.clone(),
            hashes,
            console,
            keys,
        })
    }

    /// The console that a channel key belongs to. The key is used up.
    pub fn join(&self, key: &Key) -> Result<Arc<Console>, Refused> {
        self.lock().keys.remove(&hash(key)).ok_or(Refused::Unknown)
    }
}

fn random() -> Result<Key, getrandom::Error> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)?;
    Ok(key)
}

fn hash(key: &Key) -> Hash {
    Sha256::digest(key).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(tickets: &Tickets) -> Key {
        let ticket = tickets.issue(Ticket::from_person("correct horse"));
        ticket.unwrap().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_ticket_is_good_once_and_for_thirty_seconds() {
        let tickets = Tickets::default();
        let (first, second) = (ticket(&tickets), ticket(&tickets));
        tokio::time::advance(Duration::from_secs(29)).await;
        let main = tickets.open(&first).unwrap();
        assert_eq!(tickets.open(&first).unwrap_err(), Refused::Unknown);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(tickets.open(&second).unwrap_err(), Refused::Late);
        assert_eq!(tickets.open(&second).unwrap_err(), Refused::Unknown);
        drop(main);
    }

    #[tokio::test]
    async fn a_key_is_good_once_and_dies_with_the_main_channel() {
        let tickets = Tickets::default();
        let main = tickets.open(&ticket(&tickets)).unwrap();
        let [first, second, ..] = *main.keys else {
            panic!("{} keys", main.keys.len());
        };
        let console = tickets.join(&first).unwrap();
        assert_eq!(tickets.join(&first).unwrap_err(), Refused::Unknown);
        assert!(tickets.open(&second).is_err(), "a key is no ticket");
        drop(main);
        console.ended().await;
        assert_eq!(tickets.join(&second).unwrap_err(), Refused::Unknown);
        assert!(tickets.lock().keys.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_can_fill_the_memory_with_tickets_or_consoles() {
        let tickets = Tickets::default();
        let mut open = Vec::new();
        for _ in 0..CONSOLES_MAX {
            open.push(tickets.open(&ticket(&tickets)).unwrap());
        }
        let more = ticket(&tickets);
        assert_eq!(tickets.open(&more).unwrap_err(), Refused::Many);
        open.pop();
        assert!(tickets.open(&ticket(&tickets)).is_ok());
        for _ in 0..TICKETS_MAX {
            ticket(&tickets);
        }
        assert!(tickets.issue(Ticket::new("")).unwrap().is_none());
        tokio::time::advance(FORGOTTEN).await;
        assert!(tickets.issue(Ticket::new("")).unwrap().is_some());
    }

    #[test]
    fn neither_password_nor_key_is_shown_or_kept_as_it_is() {
        let tickets = Tickets::default();
        let key = ticket(&tickets);
        assert!(!format!("{tickets:?}").contains("horse"));
        assert!(!tickets.lock().waiting.contains_key(&key));
    }
}
