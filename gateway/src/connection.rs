//! What one TCP connection is while it is served: counted, watched for idleness, and plain or TLS.
//!
//! The count lives inside the stream, so that a connection that became a WebSocket goes on being
//! counted until its last user drops it.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How many connections there may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From one address.
    pub per_address: usize,
    /// In all.
    pub total: usize,
}

/// Who is connected.
#[derive(Debug)]
pub struct Connections {
    limits: Limits,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Connections {
    /// Nobody yet.
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            counts: Mutex::default(),
        })
    }

    /// Counts one more from `address`, or refuses it. An IPv6 address counts with its /64: that is
    /// what one subscriber gets.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = group(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.total >= self.limits.total {
            return None;
        }
        let mine = counts.by_address.entry(address).or_default();
        if *mine >= self.limits.per_address {
            return None;
        }
        *mine += 1;
        counts.total += 1;
        Some(Place {
            connections: Arc::clone(self),
            address,
        })
    }

    /// How many there are now.
    pub fn count(&self) -> usize {
        self.counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .total
    }
}

/// The addresses that are one party for limits.
pub(crate) fn group(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            if v6.is_loopback() {
                IpAddr::V6(v6)
            } else {
                IpAddr::from([a, b, c, d, 0, 0, 0, 0])
            }
        }
    }
}

/// One counted connection; dropping it frees the place.
#[derive(Debug)]
pub struct Place {
    connections: Arc<Connections>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self
            .connections
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        counts.total = counts.total.saturating_sub(1);
        if let Some(mine) = counts.by_address.get_mut(&self.address) {
            *mine -= 1;
            if *mine == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}

/// Whether a connection is of use to anybody: when something last happened on it, how many requests
/// are in progress, and since when a request's head has been on its way.
#[derive(Clone, Debug)]
pub struct Activity(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    start: Instant,
    last_ms: AtomicU64,
    /// 0 when no head is on its way.
    head_since_ms: AtomicU64,
    requests: AtomicUsize,
    head_begins: Notify,
}

/// Fewer bytes than this are a ping or its answer, or somebody who trickles; none of them is use.
const OF_USE: usize = 64;

impl Activity {
    fn new() -> Self {
        Self(Arc::new(Inner {
            start: Instant::now(),
            last_ms: AtomicU64::new(0),
            head_since_ms: AtomicU64::new(0),
            requests: AtomicUsize::new(0),
            head_begins: Notify::new(),
        }))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn note(&self) {
        self.0.last_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    fn moved(&self, bytes: usize) {
        if bytes >= OF_USE {
            self.note();
        }
    }

    /// Bytes came. When no request is in progress, they begin the next one's head.
    fn received(&self, bytes: usize) {
        self.moved(bytes);
        let inner = &self.0;
        if inner.requests.load(Ordering::Relaxed) == 0
            && inner.head_since_ms.load(Ordering::Relaxed) == 0
        {
            let now = self.now_ms().max(1);
            inner.head_since_ms.store(now, Ordering::Relaxed);
            inner.head_begins.notify_one();
        }
    }

    /// A request's head is complete; the request is in progress until what is returned is dropped.
    pub fn request(&self) -> InProgress {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        self.0.head_since_ms.store(0, Ordering::Relaxed);
        self.note();
        InProgress(self.clone())
    }

    /// Ends when nothing has happened for `limit`.
    pub async fn idle_for(&self, limit: Duration) {
        loop {
            let last = Duration::from_millis(self.0.last_ms.load(Ordering::Relaxed));
            let mut due = self.0.start + last + limit;
            if self.0.requests.load(Ordering::Relaxed) > 0 {
                due = due.max(Instant::now() + limit);
            } else if due <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(due).await;
        }
    }

    /// Ends when a head has been on its way for `limit`. Only for HTTP/1, where what comes between
    /// requests is a request.
    pub async fn head_late(&self, limit: Duration) {
        loop {
            let since = self.0.head_since_ms.load(Ordering::Relaxed);
            if since == 0 {
                self.0.head_begins.notified().await;
                continue;
            }
            let due = self.0.start + Duration::from_millis(since) + limit;
            if due <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(due).await;
        }
    }
}

/// A request in progress.
#[derive(Debug)]
pub struct InProgress(Activity);

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.note();
        self.0.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A counted, watched connection.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    activity: Activity,
    _place: Place,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
}

impl Connection {
    /// A connection that stays plain.
    pub fn plain(stream: TcpStream, place: Place) -> Self {
        Self::new(Stream::Plain(stream), place)
    }

    /// A connection after its TLS handshake.
    pub fn tls(stream: tokio_rustls::server::TlsStream<TcpStream>, place: Place) -> Self {
        Self::new(Stream::Tls(Box::new(stream)), place)
    }

    fn new(stream: Stream, place: Place) -> Self {
        Self {
            stream,
            activity: Activity::new(),
            _place: place,
        }
    }

    /// To watch it for idleness while somebody else owns it.
    pub fn activity(&self) -> Activity {
        self.activity.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
        };
        let read = buffer.filled().len().saturating_sub(before);
        if read > 0 {
            self.activity.received(read);
        }
        result
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        };
        if let Poll::Ready(Ok(written)) = result {
            self.activity.moved(written);
        }
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write_vectored(cx, parts),
        };
        if let Poll::Ready(Ok(written)) = result {
            self.activity.moved(written);
        }
        result
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_every_place() {
        let connections = Connections::new(Limits {
            per_address: 2,
            total: 3,
        });
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let first = connections.enter(one);
        let second = connections.enter(one);
        assert!(first.is_some() && second.is_some());
        assert!(connections.enter(one).is_none(), "a third from one address");
        let other = connections.enter("192.0.2.2".parse().unwrap());
        assert!(other.is_some());
        assert!(
            connections.enter("192.0.2.3".parse().unwrap()).is_none(),
            "a fourth in all"
        );
        drop(first);
        assert!(connections.enter(one).is_some(), "a place is free again");
        drop((second, other));
        assert_eq!(connections.count(), 0);
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together() {
        let a = group("2001:db8::1".parse().unwrap());
        let b = group("2001:db8::ffff:1".parse().unwrap());
        assert_eq!(a, b);
        assert_eq!(
            group("::ffff:192.0.2.1".parse().unwrap()),
            "192.0.2.1".parse::<IpAddr>().unwrap()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_may_take_ten_seconds_and_an_idle_connection_more() {
        let activity = Activity::new();
        let ten = Duration::from_secs(10);
        let late = tokio::time::timeout(ten * 100, activity.head_late(ten)).await;
        assert!(late.is_err(), "nothing has come, so nothing is late");
        activity.received(1);
        let began = Instant::now();
        activity.head_late(ten).await;
        assert_eq!(began.elapsed(), ten);
        let request = activity.request();
        let idle = tokio::time::timeout(ten * 100, activity.idle_for(ten)).await;
        assert!(idle.is_err(), "a request in progress is no idleness");
        drop(request);
        let began = Instant::now();
        activity.received(1);
        activity.idle_for(ten).await;
        assert!(began.elapsed() <= ten * 2, "a trickle is");
    }
}
