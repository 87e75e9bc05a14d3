//! Logins and sessions, as the manager keeps them, with what only the front door knows: from which
//! address somebody tries.

use std::net::IpAddr;

use manager::model::{Secret, Session, SessionPurpose};
use manager::{ErrorKind, LoginParams, Manager};

use super::Caller;
use super::basic::Credentials;
use super::limit::Failures;
use crate::error::Problem;

/// Where people come in.
#[derive(Debug)]
pub(crate) struct Door {
    manager: Manager,
    failures: Failures,
}

/// A login that went well.
pub(crate) struct LoggedIn {
    /// What the client shows from now on.
    pub(crate) token: String,
    /// What it stands for.
    pub(crate) session: Session,
}

/// A login that did not.
#[derive(Debug)]
pub(crate) enum LoginRefused {
    /// Wrong name, password or state of the account, in one sentence for all of them.
    Denied(String),
    /// Too many failures; seconds to wait.
    Delayed(u64),
    /// The server's fault.
    Failed(String),
}

impl LoginRefused {
    /// As our own addresses say it.
    pub(crate) fn problem(&self) -> Problem {
        match self {
            Self::Denied(sentence) => {
                Problem::new(http::StatusCode::UNAUTHORIZED, sentence.clone())
            }
            Self::Delayed(seconds) => Problem::too_many(
                format!("Too many failed logins. Try again in {seconds} s."),
                *seconds,
            ),
            Self::Failed(sentence) => {
                Problem::new(http::StatusCode::SERVICE_UNAVAILABLE, sentence.clone())
            }
        }
    }
}

impl Door {
    pub(crate) fn new(manager: Manager) -> Self {
        Self {
            manager,
            failures: Failures::default(),
        }
    }

    /// Logs somebody in who says who they are.
    pub(crate) async fn login(
        &self,
        user_name: &str,
        password: &str,
        purpose: SessionPurpose,
        source: IpAddr,
    ) -> Result<LoggedIn, LoginRefused> {
        self.may_try(source)?;
        let params = LoginParams {
            user_name: user_name.to_owned(),
            password: Secret::new(password),
            source: Some(source.to_canonical()),
            purpose,
            idle: None,
        };
        match self.manager.login(params).await {
            Ok(login) => Ok(LoggedIn {
                token: login.token.expose().to_owned(),
                session: login.session,
            }),
            Err(error) => Err(self.refused(source, &error)),
        }
    }

    /// A session for credentials that come with every request.
    pub(crate) async fn basic(
        &self,
        credentials: &Credentials,
        source: IpAddr,
    ) -> Result<Session, LoginRefused> {
        self.may_try(source)?;
        let password = Secret::new(credentials.password.as_str());
        self.manager
            .login_basic(&credentials.user, &password, Some(source.to_canonical()))
            .await
            .map_err(|error| self.refused(source, &error))
    }

    /// A session for a client that shows its credentials once.
    pub(crate) async fn basic_session(
        &self,
        credentials: &Credentials,
        source: IpAddr,
    ) -> Result<LoggedIn, LoginRefused> {
        let Credentials { user, password } = credentials;
        self.login(user, password, SessionPurpose::Basic, source)
            .await
    }

    /// The session of a token, if it is alive; that it was used keeps it so.
    pub(crate) fn session(&self, token: &str) -> Option<Session> {
        self.manager.authenticate(token).ok()
    }

    /// Ends a token's session; a dead one is no error.
    pub(crate) async fn logout(&self, token: &str) {
        if let Err(error) = self.manager.session_end(token).await {
            tracing::debug!(%error, "Could not end a session");
        }
    }

    /// Changes the caller's password, which gives their session a new token.
    pub(crate) async fn change_password(
        &self,
        caller: &Caller,
        old: &str,
        new: &str,
    ) -> Result<LoggedIn, Problem> {
        let source = caller.source.unwrap_or(IpAddr::from([0, 0, 0, 0]));
        self.may_try(source).map_err(|refused| refused.problem())?;
        let changed = self
            .manager
            .password_change(caller, Secret::new(old), Secret::new(new))
            .await;
        match changed {
            Ok(login) => Ok(LoggedIn {
                token: login.token.expose().to_owned(),
                session: login.session,
            }),
            Err(error) => Err(match error.kind() {
                ErrorKind::Unauthenticated | ErrorKind::Delayed => {
                    self.refused(source, &error).problem()
                }
                _ => Problem::from(error),
            }),
        }
    }

    fn may_try(&self, source: IpAddr) -> Result<(), LoginRefused> {
        match self.failures.wait(source) {
            Some(left) => Err(LoginRefused::Delayed(left.as_secs().max(1))),
            None => Ok(()),
        }
    }

    fn refused(&self, source: IpAddr, error: &manager::Error) -> LoginRefused {
        match error {
            manager::Error::Delayed { retry_after } => {
                LoginRefused::Delayed(retry_after.as_secs().max(1))
            }
            error => match error.kind() {
                ErrorKind::Unauthenticated | ErrorKind::Denied | ErrorKind::Invalid => {
                    self.failures.note(source);
                    LoginRefused::Denied(error.to_string())
                }
                _ => LoginRefused::Failed(error.to_string()),
            },
        }
    }
}
