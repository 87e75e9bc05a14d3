//! Slows guessing down: from an account's fifth failure on each attempt must wait twice as long as
//! the one before, at most a quarter of an hour, and an address may fail twenty times a minute.
//! Nothing is ever locked for good, so nobody can lock somebody else out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};

/// Failures that cost nothing.
const FREE: u32 = 5;
/// The longest delay.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Failures of one address in a minute.
const PER_ADDRESS: usize = 20;
/// The minute.
const WINDOW: Duration = Duration::from_secs(60);
/// Names and addresses remembered.
const REMEMBERED: usize = 10_000;

#[derive(Debug, Default)]
struct Account {
    failures: u32,
    last: Duration,
}

#[derive(Debug, Default)]
struct State {
    accounts: HashMap<String, Account>,
    addresses: HashMap<IpAddr, Vec<Duration>>,
}

/// The memory of failures.
#[derive(Debug, Default)]
pub(super) struct Guard {
    state: Mutex<State>,
}

/// An attempt that counts as failed until it is said to have succeeded.
#[derive(Debug)]
pub(super) struct Attempt {
    account: String,
    source: Option<IpAddr>,
    at: Duration,
}

fn delay(failures: u32) -> Duration {
    match failures.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(more) => Duration::from_secs(1 << more.min(20)).min(LONGEST),
    }
}

impl Guard {
    /// Begins an attempt, or refuses it for now. Counting before the password is looked at keeps
    /// many attempts at once from all being free.
    pub(super) fn attempt(
        &self,
        account: &str,
        source: Option<IpAddr>,
        now: Duration,
    ) -> Result<Attempt> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = state.accounts.get(account) {
            let open = account.last + delay(account.failures);
            if open > now {
                return Err(Error::Delayed {
                    retry_after: open - now,
                });
            }
        }
        if let Some(source) = source {
            let failures = state.addresses.entry(source).or_default();
            failures.retain(|at| now.saturating_sub(*at) < WINDOW);
            if failures.len() >= PER_ADDRESS {
                let first = failures.first().copied().unwrap_or(now);
                return Err(Error::Delayed {
                    retry_after: (first + WINDOW).saturating_sub(now),
                });
            }
            failures.push(now);
        }
        let account: String = account.chars().take(255).collect();
        let entry = state.accounts.entry(account.clone()).or_default();
        entry.failures = entry.failures.saturating_add(1);
        entry.last = now;
        if state.accounts.len() > REMEMBERED {
            state
                .accounts
                .retain(|_, account| now.saturating_sub(account.last) < LONGEST);
            if state.accounts.len() > REMEMBERED {
                // Still too many within a quarter of an hour: somebody makes names up. Those that
                // failed most are the ones worth remembering.
                state.accounts.retain(|_, account| account.failures > FREE);
            }
        }
        if state.addresses.len() > REMEMBERED {
            state.addresses.retain(|_, failures| {
                failures
                    .last()
                    .is_some_and(|at| now.saturating_sub(*at) < WINDOW)
            });
        }
        Ok(Attempt {
            account,
            source,
            at: now,
        })
    }

    /// The attempt was no failure after all.
    pub(super) fn succeeded(&self, attempt: &Attempt) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.accounts.remove(&attempt.account);
        if let Some(failures) = attempt
            .source
            .and_then(|source| state.addresses.get_mut(&source))
            && let Some(place) = failures.iter().rposition(|at| *at == attempt.at)
        {
            failures.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_hundred_guesses_in_a_minute_few_are_let_through() {
        let guard = Guard::default();
        let passed = (0..100)
            .filter(|guess| {
                guard
                    .attempt("admin", None, Duration::from_millis(1000 + guess * 600))
                    .is_ok()
            })
            .count();
        assert!((5..=12).contains(&passed), "{passed}");
    }

    #[test]
    fn the_right_password_is_let_in_after_the_delay_and_clears_it() {
        let guard = Guard::default();
        let mut now = Duration::from_secs(10);
        for _ in 0..5 {
            guard.attempt("admin", None, now).expect("free");
        }
        let Err(Error::Delayed { retry_after }) = guard.attempt("admin", None, now) else {
            panic!("the sixth attempt is not delayed");
        };
        now += retry_after;
        let attempt = guard
            .attempt("admin", None, now)
            .expect("the delay is over");
        guard.succeeded(&attempt);
        for _ in 0..5 {
            guard.attempt("admin", None, now).expect("free again");
        }
    }

    #[test]
    fn an_address_may_fail_twenty_times_a_minute_whatever_names_it_tries() {
        let guard = Guard::default();
        let source = Some(IpAddr::from([192, 0, 2, 1]));
        let now = Duration::from_secs(100);
        let passed = (0..50)
            .filter(|name| guard.attempt(&format!("user{name}"), source, now).is_ok())
            .count();
        assert_eq!(passed, 20);
        assert!(guard.attempt("other", source, now + WINDOW).is_ok());
        assert!(
            guard
                .attempt("other2", Some(IpAddr::from([192, 0, 2, 2])), now)
                .is_ok()
        );
    }
}
