//! Socket.IO, for front ends that are told of their edits as they go, and that chat.
//!
//! Sockets come in with a token; what they send (`process`, `chat`) is held to the same schemas as HTTP's bodies and
//! goes the same ways; what becomes of jobs goes out to the rooms of their owners (`relay`). When a token ends, so does
//! its socket (`session`). The protocol itself is socketioxide's. Rooms of owners and rooms of chat have names that never
//! meet.
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
mod session;
mod told;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use serde::Serialize;
use serde_json::Value;
use socketioxide::SocketIo;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use uuid::Uuid;

use self::session::{Session, Sessions};
use crate::app::App;
use crate::model::Owner;

/// Where clients look for it.
const PATH: &str = "/socket.io/";

/// Bytes of one message or of one polling body: a chat may bring a script along.
const PAYLOAD: u32 = 1 << 20;

/// Messages that may wait for one slow socket.
const BUFFER: usize = 128;

/// Where sockets are; they are told of jobs from now on, and closed when the service stops. To be called inside the
/// runtime.
pub fn router(app: &App) -> Router<App> {
    let (service, io) =
        SocketIo::builder().req_path(PATH).max_payload(PAYLOAD.into()).max_buffer_size(BUFFER).build_svc();
    let (opened, all) = (app.clone(), Arc::new(Sessions::default()));
    let open = move |io: SocketIo, socket: SocketRef, TryData(auth): TryData<Value>| async move {
        open(&opened, &all, &io, &socket, auth.ok().as_ref())
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

/// Lets a socket in, or says why not: `connect_error` has the sentence.
fn open(
    app: &App,
    all: &Arc<Sessions>,
    io: &SocketIo,
    socket: &SocketRef,
    auth: Option<&Value>,
) -> Result<(), &'static str> {
    let token = auth.and_then(|auth| auth.get("token")).and_then(Value::as_str);
    let session = Session::begin(app, all, io, socket, token)?;
    socket.join(jobs_room(session.owner));
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
