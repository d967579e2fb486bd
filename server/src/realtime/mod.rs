//! Socket.IO, for front ends that are told of their edits as they go, and that chat.
//!
//! Sockets come in with a token; what they send (`process`, `chat`) is held to the same schemas as HTTP's bodies and
//! goes the same ways; what becomes of jobs goes out to the rooms of their owners (`relay`). The protocol itself is
//! socketioxide's. Rooms of owners and rooms of chat have names that never meet.
//!
//! | comes in | goes out |
//! |---|---|
//! | `video:process` | `video:processing-started`, `video:progress-update`, `video:processing-completed`, `video:processing-error` |
//! | `video:progress` | `video:progress-update`, to the sender's own room |
//! | `chat:message` | `chat:ai-typing`, `chat:error` |
//! | `chat:join-room`, `chat:leave-room` | `chat:joined-room`, `chat:left-room`, `chat:error` |

mod chat;
mod frames;
mod guard;
mod process;
mod relay;
mod told;

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde::Serialize;
use serde_json::Value;
use socketioxide::SocketIo;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use uuid::Uuid;

use crate::app::{App, Caller};
use crate::error::{ApiError, Kind};
use crate::http::address;
use crate::http::class::Class;
use crate::http::limits::Asker;
use crate::model::Owner;
use crate::telemetry::SOCKETS;

/// Where clients look for it.
const PATH: &str = "/socket.io/";

/// Bytes of one message or of one polling body: a chat may bring a script along.
const PAYLOAD: u32 = 1 << 20;

/// Messages that may wait for one slow socket.
const BUFFER: usize = 128;

/// Events of one socket in a second, evenly …
const PACE: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);
/// … or so many at once.
const BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);

/// Where sockets are; they are told of jobs from now on, and closed when the service stops. To be called inside the
/// runtime.
pub fn router(app: &App) -> Router<App> {
    let (service, io) =
        SocketIo::builder().req_path(PATH).max_payload(PAYLOAD.into()).max_buffer_size(BUFFER).build_svc();
    let opened = app.clone();
    let open = move |socket: SocketRef, TryData(auth): TryData<Value>| async move {
        open(&opened, &socket, auth.ok().as_ref())
    };
    // Before the client hears that it is connected it must be in its room, and its events must be heard: so all of it is
    // done on the way in, and nothing is left for the handler.
    io.ns("/", (async || ()).with(open));
    tokio::spawn(relay::run(app.clone(), io));
    Router::new().route_service(PATH, service).layer(from_fn_with_state(app.clone(), guard::guard))
}

/// The room of everybody who is told of an owner's jobs.
fn jobs_room(owner: Owner) -> String {
    format!("{JOBS}{owner}")
}

/// What rooms of owners begin with.
const JOBS: &str = "jobs:";

/// The room of a project's chat.
fn chat_room(project: Uuid) -> String {
    format!("chat:{project}")
}

/// One connected client.
struct Session {
    app: App,
    owner: Owner,
    /// Whom limits count.
    asker: Asker,
    pace: DefaultDirectRateLimiter,
    _counted: Counted,
}

impl Session {
    /// Counts an event of a class against the socket's pace and its owner's limits.
    fn count(&self, class: Class) -> Result<(), ApiError> {
        if self.pace.check().is_err() {
            return Err(ApiError::new(Kind::RateLimited, "Too many events at once; send them slower."));
        }
        match self.app.limits.count(class, self.asker) {
            Some(Err(standing)) => Err(standing.refused()),
            _ => Ok(()),
        }
    }
}

/// Counts as an open socket while it is there.
struct Counted;

impl Counted {
    fn new() -> Counted {
        metrics::gauge!(SOCKETS).increment(1.0);
        Counted
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!(SOCKETS).decrement(1.0);
    }
}

/// Lets a socket in, or says why not: `connect_error` has the sentence.
fn open(app: &App, socket: &SocketRef, auth: Option<&Value>) -> Result<(), &'static str> {
    let token = auth.and_then(|auth| auth.get("token")).and_then(Value::as_str);
    let caller = Caller::by_token(token, app).map_err(|error| error.kind.describe().2)?;
    let head = socket.req_parts();
    let address = address::client(&head.headers, &head.extensions, &app.config.proxies);
    let session = Arc::new(Session {
        app: app.clone(),
        owner: caller.owner,
        asker: Asker::of(app, Some(caller), address),
        pace: RateLimiter::direct(Quota::per_second(PACE).allow_burst(BURST)),
        _counted: Counted::new(),
    });
    socket.join(jobs_room(caller.owner));
    on(socket, &session, "video:process", process::process);
    on(socket, &session, "video:progress", process::progress);
    on(socket, &session, "chat:message", chat::message);
    on(socket, &session, "chat:join-room", chat::join);
    on(socket, &session, "chat:leave-room", chat::leave);
    Ok(())
}

/// Answers an event; a payload that is missing or no JSON is null.
fn on<F, Fut>(socket: &SocketRef, session: &Arc<Session>, event: &'static str, answer: F)
where
    F: FnOnce(Arc<Session>, SocketRef, Value) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let session = Arc::clone(session);
    socket.on(event, move |socket: SocketRef, TryData(payload): TryData<Value>| {
        answer(session, socket, payload.unwrap_or_default())
    });
}

/// Sends to one socket. One that does not read loses it: it is closed at its next ping.
fn emit<T: Serialize>(socket: &SocketRef, event: &'static str, payload: &T) {
    if let Err(error) = socket.emit(event, payload) {
        tracing::debug!(event, %error, "a socket was not told");
    }
}
