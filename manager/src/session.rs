//! Logins. A token of 256 random bits is given out once and kept only as its SHA-256; how long it
//! lives is counted on the clock that nobody can set. Guessing is slowed down by delays, never by
//! locking an account.

mod guard;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use std::sync::Arc;

use crate::Manager;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::model::{Permit, Role, Secret, Session, SessionId, SessionPurpose, User, UserId};
use crate::password::{check_choice, digest, is_outdated, random_key, random_secret};
use crate::revocation::Revoked;
use crate::seed::{INTERNAL_DOMAIN, INTERNAL_PROFILE};
use crate::store::{CredentialRow, SessionRow};

use guard::Guard;

/// Logins at once, of everybody.
const MOST: usize = 10_000;
/// Remembered successes of HTTP basic authentication.
const MOST_BASIC: usize = 1_000;

/// What a login is asked with.
#[derive(Clone, Debug)]
pub struct LoginParams {
    /// `name@profile`.
    pub user_name: String,
    /// The password.
    pub password: Secret,
    /// Where the request comes from.
    pub source: Option<IpAddr>,
    /// Through which door.
    pub purpose: SessionPurpose,
    /// How long the login lives without requests, instead of the usual.
    pub idle: Option<Duration>,
}

/// A login that succeeded.
#[derive(Clone, Debug)]
pub struct Login {
    /// What the caller shows with each request. Known to nobody else.
    pub token: Secret,
    /// The session.
    pub session: Session,
    /// The user.
    pub user: Arc<User>,
    /// Whether they have a role of administration.
    pub administrator: bool,
}

struct Live {
    row: SessionRow,
    idle: Duration,
    dirty: bool,
}

/// All logins.
#[derive(Default)]
pub(crate) struct Sessions {
    live: Mutex<HashMap<[u8; 32], Live>>,
    credentials: Mutex<HashMap<UserId, CredentialRow>>,
    basic: Mutex<HashMap<[u8; 32], Secret>>,
    guard: Guard,
    salt: [u8; 32],
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sessions")
    }
}

impl Sessions {
    pub(crate) fn new(kept: crate::store::Kept, boot: &str, idle: Duration) -> Result<Self> {
        let live = kept
            .sessions
            .into_iter()
            // A session of another boot cannot be timed any more.
            .filter(|row| row.boot == boot)
            .map(|row| {
                (
                    row.token_hash,
                    Live {
                        row,
                        idle,
                        dirty: false,
                    },
                )
            })
            .collect();
        let credentials = kept
            .credentials
            .into_iter()
            .map(|row| (row.user, row))
            .collect();
        Ok(Self {
            live: Mutex::new(live),
            credentials: Mutex::new(credentials),
            basic: Mutex::default(),
            guard: Guard::default(),
            salt: random_key()?,
        })
    }

    pub(crate) fn credential(&self, user: UserId) -> Option<CredentialRow> {
        lock(&self.credentials).get(&user).cloned()
    }

    pub(crate) fn set_credential(&self, row: CredentialRow) {
        lock(&self.credentials).insert(row.user, row);
    }

    pub(crate) fn forget_user(&self, user: UserId) -> Vec<SessionId> {
        lock(&self.credentials).remove(&user);
        self.end_where(|row| row.user == user)
    }

    /// Ends sessions in memory and says which; the caller removes their rows.
    pub(crate) fn end_where(&self, which: impl Fn(&SessionRow) -> bool) -> Vec<SessionId> {
        let mut ended = Vec::new();
        lock(&self.live).retain(|_, live| {
            let ends = which(&live.row);
            if ends {
                ended.push(live.row.id);
            }
            !ends
        });
        ended
    }

    pub(crate) fn is_live(&self, id: SessionId) -> bool {
        lock(&self.live).values().any(|live| live.row.id == id)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn to_session(row: &SessionRow) -> Session {
    Session {
        id: row.id,
        user: row.user,
        purpose: row.purpose,
        must_change_password: row.must_change,
        start_time: row.start_time,
        source: row.source,
    }
}

fn ended() -> Error {
    Error::Unauthenticated {
        message: "The session has ended. Log in again.".to_owned(),
    }
}

/// `admin` of `admin@internal`, with its domain's full name.
pub(crate) fn full_name(login: &str) -> Option<String> {
    let (principal, profile) = login.rsplit_once('@')?;
    let fits = !principal.is_empty() && (profile == INTERNAL_PROFILE || profile == INTERNAL_DOMAIN);
    fits.then(|| format!("{principal}@{INTERNAL_DOMAIN}"))
}

impl Manager {
    /// Logs somebody in. Wrong names and wrong passwords are told apart neither by answer nor by
    /// time.
    pub async fn login(&self, params: LoginParams) -> Result<Login> {
        let core = &self.core;
        let now = core.clock.monotonic();
        let account = full_name(&params.user_name).unwrap_or_else(|| params.user_name.clone());
        let attempt = core.sessions.guard.attempt(&account, params.source, now)?;
        let user = self.inventory().user_by_name(&account).cloned();
        let credential = user
            .as_ref()
            .and_then(|user| core.sessions.credential(user.id));
        let fits = core
            .passwords
            .verify(
                params.password.clone(),
                credential.as_ref().map(|row| row.hash.clone()),
            )
            .await?;
        let refused = |reason: &str| (reason.to_owned(), params.user_name.clone());
        let outcome = match (user, credential) {
            (Some(user), Some(credential)) if fits => {
                if !user.enabled {
                    Err(refused("the account is disabled"))
                } else if credential.expires.is_some_and(|end| end < core.clock.now()) {
                    Err(refused("the password has expired"))
                } else if !self.may_login(user.id) {
                    Err(refused("the user has no role that allows to log in"))
                } else {
                    Ok((user, credential))
                }
            }
            _ => Err(refused("the user name or password is incorrect")),
        };
        match outcome {
            Ok((user, credential)) => {
                core.sessions.guard.succeeded(&attempt);
                if is_outdated(&credential.hash) {
                    let hash = core.passwords.hash(params.password.clone()).await?;
                    self.keep_credential(CredentialRow {
                        hash,
                        ..credential.clone()
                    })
                    .await?;
                }
                self.session_begin(&user, credential.must_change, &params)
                    .await
            }
            Err((reason, name)) => {
                let source = params.source;
                core.writer
                    .apply(move |draft| {
                        let from = source
                            .map(|address| format!(" from {address}"))
                            .unwrap_or_default();
                        let name: String = name.chars().take(255).collect();
                        let event = EventDraft::new(
                            code::LOGIN_FAILED,
                            format!("User {name} failed to log in{from}: {reason}."),
                        );
                        draft.event(event.caused(None, "", source, draft));
                        Ok(())
                    })
                    .await?;
                Err(Error::Unauthenticated {
                    message: format!(
                        "Cannot authenticate user '{}': The user name or password is incorrect.",
                        params.user_name
                    ),
                })
            }
        }
    }

    /// The same for HTTP basic authentication, which sends the password with every request: a
    /// password that was right a while ago in the same session is not hashed again.
    pub async fn login_basic(
        &self,
        user_name: &str,
        password: &Secret,
        source: Option<IpAddr>,
    ) -> Result<Session> {
        let sessions = &self.core.sessions;
        let mut remembered = sessions.salt.to_vec();
        remembered.extend_from_slice(user_name.as_bytes());
        remembered.push(0);
        remembered.extend_from_slice(password.expose().as_bytes());
        let key = digest(&remembered);
        let token = lock(&sessions.basic).get(&key).cloned();
        if let Some(token) = token {
            match self.authenticate(token.expose()) {
                Ok(session) => return Ok(session),
                Err(_) => drop(lock(&sessions.basic).remove(&key)),
            }
        }
        let login = self
            .login(LoginParams {
                user_name: user_name.to_owned(),
                password: password.clone(),
                source,
                purpose: SessionPurpose::Basic,
                idle: None,
            })
            .await?;
        let mut basic = lock(&sessions.basic);
        if basic.len() >= MOST_BASIC {
            basic.clear();
        }
        basic.insert(key, login.token);
        Ok(login.session)
    }

    /// Whose token this is. Counts as a request of that session.
    pub fn authenticate(&self, token: &str) -> Result<Session> {
        let core = &self.core;
        let now = core.clock.monotonic();
        let key = digest(token.as_bytes());
        let mut live = lock(&core.sessions.live);
        let Some(session) = live.get_mut(&key) else {
            return Err(ended());
        };
        let timeouts = &core.timeouts;
        let fresh = now.saturating_sub(session.row.used) < session.idle
            && now.saturating_sub(session.row.started) < timeouts.session_absolute;
        let enabled = self
            .inventory()
            .users
            .get(&session.row.user)
            .is_some_and(|user| user.enabled);
        if !fresh || !enabled {
            let id = session.row.id;
            live.remove(&key);
            core.revocations.send(Revoked::Session(id));
            return Err(ended());
        }
        session.row.used = now;
        session.dirty = true;
        Ok(to_session(&session.row))
    }

    /// Ends the caller's session, and with it everything that is open in it.
    pub async fn logout(&self, caller: &Caller) -> Result<()> {
        let Some(session) = caller.session else {
            return Ok(());
        };
        self.end_sessions(
            caller.clone(),
            move |row| row.id == session,
            Some(code::LOGOUT),
        )
        .await
    }

    /// Ends the session of a token; no error where there is none.
    pub async fn session_end(&self, token: &str) -> Result<()> {
        let key = digest(token.as_bytes());
        let found = lock(&self.core.sessions.live)
            .get(&key)
            .map(|live| live.row.user);
        let Some(user) = found else { return Ok(()) };
        let caller = Caller {
            user,
            ..Caller::system()
        };
        self.end_sessions(caller, move |row| row.token_hash == key, Some(code::LOGOUT))
            .await
    }

    /// Changes the caller's own password. Every session of theirs ends, and a new one begins.
    pub async fn password_change(
        &self,
        caller: &Caller,
        old: Secret,
        new: Secret,
    ) -> Result<Login> {
        let core = &self.core;
        let user = self
            .inventory()
            .users
            .get(&caller.user)
            .cloned()
            .ok_or_else(|| Error::not_found("user"))?;
        let attempt =
            core.sessions
                .guard
                .attempt(&user.user_name, caller.source, core.clock.monotonic())?;
        let credential = core.sessions.credential(user.id);
        let hash = credential.as_ref().map(|row| row.hash.clone());
        if !core.passwords.verify(old.clone(), hash).await? {
            return Err(Error::invalid("old", "The old password is incorrect."));
        }
        core.sessions.guard.succeeded(&attempt);
        check_choice(&new)?;
        if old == new {
            return Err(Error::invalid(
                "new",
                "The new password must differ from the old one.",
            ));
        }
        let hash = core.passwords.hash(new.clone()).await?;
        let row = CredentialRow {
            user: user.id,
            hash,
            must_change: false,
            expires: None,
        };
        let kept = row.clone();
        let cause = caller.clone();
        let name = user.user_name.clone();
        core.writer
            .apply(move |draft| {
                draft.credential(kept);
                let event = EventDraft::new(
                    code::PASSWORD_CHANGED,
                    format!("User {name} changed their password."),
                );
                draft.event(event.by(&cause, draft));
                Ok(())
            })
            .await?;
        core.sessions.set_credential(row);
        let id = user.id;
        let purpose = caller
            .session
            .and_then(|session| {
                lock(&core.sessions.live)
                    .values()
                    .find(|live| live.row.id == session)
                    .map(|live| live.row.purpose)
            })
            .unwrap_or(SessionPurpose::Portal);
        self.end_sessions(caller.clone(), move |row| row.user == id, None)
            .await?;
        let params = LoginParams {
            user_name: user.user_name.clone(),
            password: new,
            source: caller.source,
            purpose,
            idle: None,
        };
        self.session_begin(&user, false, &params).await
    }

    /// Ends sessions for good. In memory at once, so that nothing is answered any more, then on
    /// the disk.
    pub(crate) async fn end_sessions(
        &self,
        caller: Caller,
        which: impl Fn(&SessionRow) -> bool,
        event: Option<u32>,
    ) -> Result<()> {
        let ended = self.core.sessions.end_where(which);
        if ended.is_empty() {
            return Ok(());
        }
        for id in &ended {
            self.core.revocations.send(Revoked::Session(*id));
        }
        self.core
            .writer
            .apply(move |draft| {
                for id in ended {
                    draft.session_remove(id);
                }
                if let Some(code) = event {
                    let name = draft
                        .users
                        .get(&caller.user)
                        .map_or_else(|| "unknown".to_owned(), |user| user.user_name.clone());
                    let event = EventDraft::new(code, format!("User {name} logged out."));
                    draft.event(event.by(&caller, draft));
                }
                Ok(())
            })
            .await
    }

    /// Takes away what has run out, and writes down when the rest was used last.
    pub(crate) async fn sessions_sweep(&self) -> Result<()> {
        let core = &self.core;
        let now = core.clock.monotonic();
        let absolute = core.timeouts.session_absolute;
        let mut over = Vec::new();
        let mut used = Vec::new();
        lock(&core.sessions.live).retain(|_, live| {
            let keep = now.saturating_sub(live.row.used) < live.idle
                && now.saturating_sub(live.row.started) < absolute;
            if !keep {
                over.push(live.row.id);
            } else if std::mem::take(&mut live.dirty) {
                used.push(live.row.clone());
            }
            keep
        });
        for id in &over {
            core.revocations.send(Revoked::Session(*id));
        }
        if over.is_empty() && used.is_empty() {
            return Ok(());
        }
        core.writer
            .apply(move |draft| {
                over.into_iter().for_each(|id| draft.session_remove(id));
                used.into_iter().for_each(|row| draft.session(row));
                Ok(())
            })
            .await
    }

    async fn session_begin(
        &self,
        user: &Arc<User>,
        must_change: bool,
        params: &LoginParams,
    ) -> Result<Login> {
        let core = &self.core;
        if lock(&core.sessions.live).len() >= MOST {
            return Err(Error::unavailable("Too many users are logged in."));
        }
        let token = random_secret()?;
        let now = core.clock.monotonic();
        let row = SessionRow {
            id: SessionId::random(),
            token_hash: digest(token.expose().as_bytes()),
            user: user.id,
            purpose: params.purpose,
            must_change,
            boot: core.clock.boot(),
            started: now,
            used: now,
            start_time: core.clock.now(),
            source: params.source,
        };
        let kept = row.clone();
        let name = user.user_name.clone();
        core.writer
            .apply(move |draft| {
                let from = kept
                    .source
                    .map(|address| format!(" from {address}"))
                    .unwrap_or_default();
                let event = EventDraft::new(code::LOGIN, format!("User {name} logged in{from}."));
                draft.event(event.caused(Some(kept.user), "", kept.source, draft));
                draft.session(kept);
                Ok(())
            })
            .await?;
        let session = to_session(&row);
        let idle = params.idle.map_or(core.timeouts.session_idle, |idle| {
            idle.min(core.timeouts.session_absolute)
        });
        lock(&core.sessions.live).insert(
            row.token_hash,
            Live {
                row,
                idle,
                dirty: false,
            },
        );
        let caller = Caller {
            user: user.id,
            session: Some(session.id),
            ..Caller::system()
        };
        let administrator = self.access().administrator(&caller);
        Ok(Login {
            token,
            session,
            user: Arc::clone(user),
            administrator,
        })
    }

    pub(crate) async fn keep_credential(&self, row: CredentialRow) -> Result<()> {
        let kept = row.clone();
        self.core
            .writer
            .apply(move |draft| {
                draft.credential(kept);
                Ok(())
            })
            .await?;
        self.core.sessions.set_credential(row);
        Ok(())
    }

    fn may_login(&self, user: UserId) -> bool {
        let inventory = self.inventory();
        crate::access::permissions_of(&inventory, user)
            .filter_map(|permission| inventory.roles.get(&permission.role))
            .any(|role| role.id == Role::SUPER_USER || role.permits.contains(&Permit::LOGIN))
    }
}
