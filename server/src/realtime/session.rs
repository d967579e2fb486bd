//! One connected client: whose it is, how often it may send, and when it has to go.
//!
//! A handshake comes in; a [`Session`] goes out that lives as long as the socket. A socket goes when its login ends, as
//! every other request does then.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jiff::Timestamp;
use socketioxide::SocketIo;
use socketioxide::extract::SocketRef;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::emit;
use super::told::{CHAT_ERROR, ChatError};
use crate::app::{App, Caller};
use crate::error::{ApiError, Kind};
use crate::http::address;
use crate::http::class::Class;
use crate::http::limits::Asker;
use crate::model::Owner;
use crate::telemetry::SOCKETS;

/// Sockets that one user may have open. Where there is no login everybody is one, and connections are bounded anyway.
const MOST_SOCKETS: usize = 100;

/// What a socket is told that is one too many.
const TOO_MANY: &str = "Too many sockets";

/// What a socket has at least, so that it is there when it is sent away: clocks may differ, and a token counts a little
/// longer than it says.
const MOMENT: Duration = Duration::from_secs(1);

/// Events of one socket in a second, evenly …
const PACE: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);
/// … or so many at once.
const BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);

/// One connected client.
pub(super) struct Session {
    pub(super) app: App,
    pub(super) owner: Owner,
    /// Whom limits count.
    asker: Asker,
    pace: DefaultDirectRateLimiter,
    _open: Open,
    /// Cancelled with the session.
    _over: DropGuard,
}

impl Session {
    /// Lets a socket in.
    ///
    /// # Errors
    /// What `connect_error` says.
    pub(super) fn begin(
        app: &App,
        all: &Arc<Sessions>,
        io: &SocketIo,
        socket: &SocketRef,
        token: Option<&str>,
    ) -> Result<Arc<Session>, &'static str> {
        // Before the token is judged: one that ends between the two is refused, and none is without its end.
        let until = token.zip(app.tokens.as_ref()).and_then(|(token, tokens)| tokens.until(token));
        let caller = Caller::by_token(token, app).map_err(|error| error.kind.describe().2)?;
        let most = if app.tokens.is_some() { MOST_SOCKETS } else { usize::MAX };
        let open = Sessions::open(all, caller.owner, most).ok_or(TOO_MANY)?;
        let head = socket.req_parts();
        let address = address::client(&head.headers, &head.extensions, &app.config.proxies);
        let over = CancellationToken::new();
        if let Some(until) = until {
            tokio::spawn(end(io.clone(), socket.id, until, over.clone()));
        }
        Ok(Arc::new(Session {
            app: app.clone(),
            owner: caller.owner,
            asker: Asker::of(app, Some(caller), address),
            pace: RateLimiter::direct(Quota::per_second(PACE).allow_burst(BURST)),
            _open: open,
            _over: over.drop_guard(),
        }))
    }

    /// Counts an event of a class against the socket's pace and its owner's limits.
    pub(super) fn count(&self, class: Class) -> Result<(), ApiError> {
        if self.pace.check().is_err() {
            return Err(ApiError::new(Kind::RateLimited, "Too many events at once; send them slower."));
        }
        match self.app.limits.count(class, self.asker) {
            Some(Err(standing)) => Err(standing.refused()),
            _ => Ok(()),
        }
    }
}

/// Sends a socket away, with the reason, when its token ends; unless it has gone before. It is looked up then: whoever
/// held it would keep it.
async fn end(io: SocketIo, id: socketioxide::socket::Sid, until: Timestamp, over: CancellationToken) {
    let left = Duration::try_from(until.duration_since(Timestamp::now())).unwrap_or_default().max(MOMENT);
    tokio::select! {
        () = tokio::time::sleep(left) => {}
        () = over.cancelled() => return,
    }
    let Some(socket) = io.of("/").and_then(|all| all.get_socket(id)) else { return };
    let error = ApiError::new(Kind::Forbidden, "Your login has ended; log in again, and open a new socket.");
    emit(&socket, CHAT_ERROR, &ChatError::from(ApiError { code: Some("token_expired"), ..error }));
    if let Err(error) = socket.disconnect() {
        tracing::debug!(%error, "a socket was not sent away");
    }
}

/// How many sockets each owner has.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<Owner, usize>>);

/// Counts as an open socket while it is there.
struct Open {
    all: Arc<Sessions>,
    owner: Owner,
}

impl Sessions {
    /// One more; `None` if an owner has as many as they may.
    fn open(all: &Arc<Sessions>, owner: Owner, most: usize) -> Option<Open> {
        let mut counts = all.counts();
        let count = counts.entry(owner).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        drop(counts);
        metrics::gauge!(SOCKETS).increment(1.0);
        Some(Open { all: Arc::clone(all), owner })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Owner, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::gauge!(SOCKETS).decrement(1.0);
        let mut counts = self.all.counts();
        if let Some(count) = counts.get_mut(&self.owner) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_owner_has_so_many_sockets_and_another_their_own() {
        let all = Arc::new(Sessions::default());
        let (ada, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut open: Vec<Open> = (0..3).filter_map(|_| Sessions::open(&all, ada, 2)).collect();
        assert_eq!(open.len(), 2);
        let bobs = Sessions::open(&all, bob, 2);
        assert!(bobs.is_some());
        open.pop();
        assert!(Sessions::open(&all, ada, 2).is_some(), "one has gone");
        drop((open, bobs));
        assert!(all.counts().is_empty());
    }
}
