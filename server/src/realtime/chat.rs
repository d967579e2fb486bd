//! `chat:*`: wishes in plain words, and the rooms of projects in which they are seen.

use std::convert::Infallible;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use socketioxide::extract::SocketRef;
use uuid::Uuid;

use super::told::{CHAT_ERROR, ChatError, JOINED, LEFT, TYPING};
use super::{Session, chat_room, emit};
use crate::app::Caller;
use crate::error::{ApiError, Kind};
use crate::http::class::Class;
use crate::http::schema;
use crate::routes::ai::{self, Chat};

/// Rooms that one socket may be in.
const ROOMS: usize = 100;

/// Answers a wish: to the room of its project if the socket is in it, else to the socket.
pub(super) async fn message(session: Arc<Session>, socket: SocketRef, payload: Value) {
    let read = session.count(Class::Ai).and_then(|()| schema::read::<Chat>(payload));
    let chat = match read {
        Ok(chat) => chat,
        Err(error) => return emit(&socket, CHAT_ERROR, &ChatError::from(error)),
    };
    let room = chat.context.as_ref().and_then(|context| context.project_id).map(chat_room);
    let room = room.filter(|room| socket.rooms().iter().any(|joined| joined == room));
    tell(&socket, room.as_ref(), TYPING, &true).await;
    let answer: Result<Infallible, ApiError> =
        ai::answer(&session.app, Caller { owner: session.owner }, chat).await;
    tell(&socket, room.as_ref(), TYPING, &false).await;
    let Err(error) = answer;
    emit(&socket, CHAT_ERROR, &ChatError::from(error));
}

/// To a room of which the socket is, or to the socket alone.
async fn tell<T: Serialize>(socket: &SocketRef, room: Option<&String>, event: &'static str, payload: &T) {
    match room {
        // Whoever in the room does not read misses it.
        Some(room) => drop(socket.within(room.clone()).emit(event, payload).await),
        None => emit(socket, event, payload),
    }
}

/// Goes into the room of a project of one's own.
pub(super) async fn join(session: Arc<Session>, socket: SocketRef, payload: Value) {
    match entered(&session, &socket, &payload).await {
        Ok(project) => {
            socket.join(chat_room(project));
            emit(&socket, JOINED, &project);
        }
        Err(error) => emit(&socket, CHAT_ERROR, &ChatError::from(error)),
    }
}

/// Goes out of a room.
pub(super) async fn leave(session: Arc<Session>, socket: SocketRef, payload: Value) {
    let left = async {
        session.count(Class::Free)?;
        let id = room(&payload)?;
        if socket.rooms().iter().any(|room| *room == chat_room(id)) {
            Ok(id)
        } else {
            project(&session, id).await
        }
    };
    match left.await {
        Ok(project) => {
            socket.leave(chat_room(project));
            emit(&socket, LEFT, &project);
        }
        Err(error) => emit(&socket, CHAT_ERROR, &ChatError::from(error)),
    }
}

async fn entered(session: &Session, socket: &SocketRef, payload: &Value) -> Result<Uuid, ApiError> {
    session.count(Class::Free)?;
    let id = room(payload)?;
    if socket.rooms().len() > ROOMS {
        return Err(ApiError::new(Kind::Conflict, format!("A socket may be in {ROOMS} rooms; leave one.")));
    }
    project(session, id).await
}

/// A room has its project's id.
fn room(payload: &Value) -> Result<Uuid, ApiError> {
    let id = payload.as_str().and_then(|id| Uuid::try_parse(id).ok());
    id.ok_or_else(|| ApiError::validation(vec!["The room must be the id of a project.".to_owned()]))
}

/// Of one's own.
async fn project(session: &Session, id: Uuid) -> Result<Uuid, ApiError> {
    let found = session.app.store.project(session.owner, id).await?;
    found.map(|project| project.id).ok_or_else(|| ApiError::not_found("project"))
}
