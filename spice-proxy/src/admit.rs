//! Who may open a channel, and where it leads: asked for each channel, decided elsewhere.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use spice::link::admission::Hello;
use tokio::sync::oneshot;

use crate::close::Refusal;
use crate::pump::Counters;
use crate::target::Target;

/// What [`Admit::admit`] returns.
pub type Admitting<'a> = Pin<Box<dyn Future<Output = Result<Admission, Refusal>> + Send + 'a>>;

/// Becomes ready when a channel must be closed.
pub type Revoked = Pin<Box<dyn Future<Output = Refusal> + Send>>;

/// Decides about channels.
pub trait Admit: Send + Sync {
    /// Consumes the ticket or channel key in `hello` and says where the channel leads. Each key is
    /// good once: asked again with the same key, it refuses.
    fn admit<'a>(&'a self, hello: &'a Hello) -> Admitting<'a>;
}

/// The SPICE password of the target. Not shown by `Debug`.
#[derive(Clone)]
pub struct Ticket {
    password: String,
    from_person: bool,
}

impl Ticket {
    /// A password that this side knows: when the SPICE server refuses it, nobody can be asked for
    /// another, and the channel ends with [`End::Unreachable`](crate::End::Unreachable).
    pub fn new(password: impl Into<String>) -> Self {
        Self {
            password: password.into(),
            from_person: false,
        }
    }

    /// A password that the person at the console gave: refused, it ends the channel with
    /// [`End::PasswordRefused`](crate::End::PasswordRefused), and can be asked for again.
    pub fn from_person(password: impl Into<String>) -> Self {
        Self {
            password: password.into(),
            from_person: true,
        }
    }

    /// The password, for the link stage only.
    pub(crate) fn reveal(&self) -> &str {
        &self.password
    }

    /// Whether somebody can be asked for another.
    pub(crate) fn is_from_person(&self) -> bool {
        self.from_person
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(…)")
    }
}

/// A channel that may be opened.
pub struct Admission {
    /// The SPICE server's end.
    pub target: Target,
    /// What the SPICE server wants to hear. A target that the host has authenticated already takes
    /// any.
    pub ticket: Ticket,
    /// Keys for further channels; only the main channel has some.
    pub keys: Vec<[u8; 32]>,
    /// Ends when the channel must, although both peers would go on. Dropped when the channel has
    /// ended: whatever must live as long as the channel can be inside.
    pub revoked: Revoked,
    /// Told when the SPICE server has let the channel in: a password for one connection can be made
    /// useless then.
    pub linked: Option<oneshot::Sender<()>>,
    /// Bytes moved, counted while they move.
    pub counters: Arc<Counters>,
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("target", &self.target)
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}
