//! Connections: how many there may be, and what one may take before it has asked for anything.
//!
//! A listener and the routes come in; whoever connects is served until the stop, and then given [`GRACE`]. Where there are
//! as many connections as open files allow, the next one waits until one has gone: nothing else runs out of files. Who
//! sends no whole request within [`HEAD_TIME`] is closed.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

use crate::app::App;
use crate::config::Config;

/// How long a client may take to send a request's head, and may ask for nothing.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// How long requests may go on after a stop: shorter than service managers and container engines wait.
const GRACE: Duration = Duration::from_secs(8);

/// Waits after the system had no socket for a connection.
const NO_SOCKET: Duration = Duration::from_millis(100);

/// Between two lines of the log that say the same.
const SAID: Duration = Duration::from_secs(60);

/// Open files besides those of connections: libraries, the database, logs, what listens.
const OURS: u64 = 64;

/// Open files of a worker: what is said to and fro, and what it looks into.
const A_WORKER: u64 = 4;

/// Open files of a connection: its socket, and a file that is sent or taken in.
const A_CONNECTION: u64 = 2;

/// Lets this process open as many files as the system lets it, and tells how many connections there is room for then.
/// Service managers start with few for the sake of programs that cannot count further; each worker lowers its own.
pub(crate) fn room(config: &Config) -> usize {
    let files = open_files();
    let workers = u64::try_from(config.jobs.running.saturating_add(config.jobs.quick)).unwrap_or(u64::MAX);
    let ours = OURS.saturating_add(workers.saturating_mul(A_WORKER));
    let room = files.saturating_sub(ours) / A_CONNECTION;
    let room = usize::try_from(room).unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS);
    tracing::info!(files, connections = room, "open files and connections at most");
    room
}

#[cfg(unix)]
fn open_files() -> u64 {
    rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|error| {
        tracing::warn!(%error, "the limit of open files cannot be raised");
        rlimit::Resource::NOFILE.get_soft().unwrap_or(256)
    })
}

#[cfg(not(unix))]
fn open_files() -> u64 {
    // Sockets and files are no scarce numbers there.
    1 << 16
}

/// Takes connections until the stop, as many at once as there is `room` for; then gives them [`GRACE`].
pub(crate) async fn accept(app: &App, listener: TcpListener, room: usize) {
    let router = crate::router(app.clone());
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(room));
    let (mut full, mut failed) = (Said::default(), Said::default());
    loop {
        if places.available_permits() == 0 && full.again() {
            tracing::warn!(room, "as many connections as open files allow; the next one waits for a place");
        }
        let accepted = tokio::select! {
            () = app.stop.cancelled() => break,
            accepted = next(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let serving = serve_one(router.clone(), stream, peer, connections.watcher(), HEAD_TIME);
                tokio::spawn(serving);
            }
            Err(error) => {
                // Out of sockets, or a client that has gone already: neither ends the service.
                if failed.again() {
                    tracing::warn!(%error, "a connection could not be taken");
                }
                tokio::time::sleep(NO_SOCKET).await;
            }
        }
    }
    drop(listener);
    tracing::info!("stopping");
    if tokio::time::timeout(GRACE, connections.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}

/// The next connection, once there is a place for it.
async fn next(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<(Placed, SocketAddr)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    // Small answers must not wait for others.
    let _ = stream.set_nodelay(true);
    Ok((Placed { stream, _place: place }, peer))
}

/// Whether something is to be said again.
#[derive(Default)]
struct Said(Option<Instant>);

impl Said {
    fn again(&mut self) -> bool {
        let again = self.0.is_none_or(|last| last.elapsed() >= SAID);
        if again {
            self.0 = Some(Instant::now());
        }
        again
    }
}

async fn serve_one(router: Router, stream: Placed, peer: SocketAddr, watcher: Watcher, head_time: Duration) {
    let asked = Arc::new(AtomicBool::new(false));
    let asking = Arc::clone(&asked);
    let service = hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        asking.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(ConnectInfo(peer));
        let router = router.clone();
        async move {
            let Ok(response) = router.oneshot(request.map(Body::new)).await;
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_time);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HEAD_TIME)
        .max_concurrent_streams(128)
        .max_header_list_size(64 << 10);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::select! {
        ended = watcher.watch(connection.into_owned()) => if let Err(error) = ended {
            tracing::debug!(%error, %peer, "a connection broke");
        },
        () = silent(&asked, head_time) => tracing::debug!(%peer, "a connection asked for nothing"),
    }
}

/// Comes back once it is sure that nothing was asked for in time. hyper's own clock runs only once it knows which HTTP is
/// spoken.
async fn silent(asked: &AtomicBool, head_time: Duration) {
    tokio::time::sleep(head_time).await;
    if asked.load(Ordering::Relaxed) {
        pending().await
    }
}

/// A stream that has a place as long as it is open, whatever becomes of it: a web socket outlives the request that opened
/// it.
struct Placed {
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
}

impl AsyncRead for Placed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Placed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::State;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Notify;

    use super::*;

    /// How long a client may say nothing here.
    const SHORT: Duration = Duration::from_millis(200);

    /// No test waits longer.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// Serves whoever comes, in two places.
    async fn service() -> (SocketAddr, Arc<Semaphore>, Arc<Notify>) {
        let (go, places) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(2)));
        let slow = async |State(go): State<Arc<Notify>>| {
            go.notified().await;
            "slow"
        };
        let router: Router =
            Router::new().route("/", get(async || "quick")).route("/slow", get(slow)).with_state(go.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, taking) = (listener.local_addr().unwrap(), places.clone());
        tokio::spawn(async move {
            let connections = GracefulShutdown::new();
            while let Ok((stream, peer)) = next(&listener, &taking).await {
                tokio::spawn(serve_one(router.clone(), stream, peer, connections.watcher(), SHORT));
            }
        });
        (address, places, go)
    }

    /// Sends something, and what comes until the service closes.
    async fn heard(address: SocketAddr, sent: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut heard = String::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut heard)).await;
        read.expect("it was closed").unwrap();
        heard
    }

    #[tokio::test]
    async fn who_asks_for_nothing_is_closed_and_who_waits_for_an_answer_is_not() {
        let (address, places, go) = service().await;
        let waiting =
            tokio::spawn(async move { heard(address, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await });
        // One after the other, for the second place; `P` may become either HTTP.
        for silent in ["", "P", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nHost:", "\r\n"] {
            let heard = heard(address, silent).await;
            assert!(heard.is_empty() || heard.starts_with("HTTP/1.1 408"), "{silent:?}: {heard}");
        }
        let asked = heard(address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(asked.starts_with("HTTP/1.1 200") && asked.ends_with("quick"), "{asked}");
        go.notify_one();
        let answer = waiting.await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("slow"), "{answer}");
        let free = tokio::time::timeout(PATIENCE, places.acquire()).await;
        assert!(
            free.is_ok(),
            "both places are free again; the service waits for a connection with the other"
        );
    }
}
