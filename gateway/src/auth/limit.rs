//! How often one address may fail to log in: 20 times a minute. The delay per account is the
//! manager's; this one stops a single peer from trying many accounts, and from keeping the
//! password hasher busy.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::connection::group;

/// Failures that an address may have in a [`WINDOW`].
const FAILURES_MAX: u32 = 20;
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered at a time; the oldest windows go first.
const ADDRESSES_MAX: usize = 10_000;

/// Who failed lately.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    windows: Mutex<HashMap<IpAddr, Window>>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    failures: u32,
}

impl Failures {
    /// How long the address must wait before its next try; `None` when it may try now.
    pub(crate) fn wait(&self, address: IpAddr) -> Option<Duration> {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.get(&group(address))?;
        let left = WINDOW.saturating_sub(window.began.elapsed());
        (window.failures >= FAILURES_MAX && !left.is_zero()).then_some(left)
    }

    /// Counts a failure.
    pub(crate) fn note(&self, address: IpAddr) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= ADDRESSES_MAX {
            windows.retain(|_, window| window.began.elapsed() < WINDOW);
        }
        if windows.len() >= ADDRESSES_MAX {
            // A flood from everywhere: forgetting all is kinder than refusing everybody new.
            windows.clear();
        }
        let window = windows.entry(group(address)).or_insert(Window {
            began: Instant::now(),
            failures: 0,
        });
        if window.began.elapsed() >= WINDOW {
            window.began = Instant::now();
            window.failures = 0;
        }
        window.failures = window.failures.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn twenty_failures_a_minute_are_borne_and_then_a_minute_passes() {
        let failures = Failures::default();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        for _ in 0..20 {
            assert_eq!(failures.wait(address), None);
            failures.note(address);
        }
        assert!(failures.wait(address).is_some());
        assert_eq!(
            failures.wait("192.0.2.2".parse().unwrap()),
            None,
            "another address may"
        );
        tokio::time::advance(WINDOW).await;
        assert_eq!(failures.wait(address), None);
        failures.note(address);
        assert_eq!(failures.wait(address), None, "a new window begins at one");
    }
}
