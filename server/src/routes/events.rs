//! `GET /api/renders/{id}/events`: a render as it goes, as server-sent events.
//!
//! Every event is the whole job; its id is the job's revision. A client that comes back with `Last-Event-ID` gets the
//! job as it is now if it has changed since. A slow client misses what lies between, never the end: the queue's events
//! do not wait for it, and it reads the job again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::{App, Caller};
use crate::error::{ApiError, ErrorBody};
use crate::http::path::Id;
use crate::jobs;
use crate::model::{Job, Owner};

/// Between two comments that keep a quiet connection open: proxies close one after half a minute or a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(events))
}

/// An event of a render, as clients of server-sent events see it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description: events are written by the library")]
struct RenderEvent {
    /// The render's revision.
    id: String,
    /// The whole render, as JSON.
    data: String,
}

/// A render as it goes
///
/// Server-sent events, each with the whole render as its data and its revision as its id; the stream ends with the
/// render. A client that has seen the end already is told with 204 not to come back.
#[utoipa::path(
    get,
    path = "/api/renders/{id}/events",
    tag = "renders",
    params(
        ("id" = Uuid, Path, description = "The render"),
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen; what is no id of ours is none"),
    ),
    responses(
        (status = 200, description = "Events", content_type = "text/event-stream", body = RenderEvent),
        (status = 204, description = "The render has ended, and the client knows"),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "A token or signature that does not count", body = ErrorBody),
        (status = 404, description = "There is no such render", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 500, description = "The service failed", body = ErrorBody),
    )
)]
async fn events(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    // Listening begins before the row is read: no change falls between the two.
    let changes = app.jobs.events();
    let job = app.jobs.get(caller.owner, id).await?;
    let seen = headers.get("last-event-id").and_then(|seen| seen.to_str().ok()?.trim().parse::<u64>().ok());
    let news = seen.is_none_or(|seen| job.revision > seen);
    if !news && job.state.ended() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let revision = job.revision;
    let first = news.then(|| Arc::new(job));
    let following = Following { app, owner: caller.owner, id, changes, revision, first, over: false };
    let events = stream::unfold(following, |mut following| async move {
        let job = following.next().await?;
        let event = following.event(&job);
        Some((Ok::<_, Infallible>(event), following))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    // nginx would collect them otherwise.
    let unbuffered = (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response.headers_mut().insert(unbuffered.0, unbuffered.1);
    Ok(response)
}

/// One client that follows one job.
struct Following {
    app: App,
    owner: Owner,
    id: Uuid,
    changes: broadcast::Receiver<Arc<Job>>,
    /// Of the last event.
    revision: u64,
    /// What is told before any change.
    first: Option<Arc<Job>>,
    /// The end was told.
    over: bool,
}

impl Following {
    /// The next event; `None` after the end.
    async fn next(&mut self) -> Option<Arc<Job>> {
        if self.over {
            return None;
        }
        let job = match self.first.take() {
            Some(first) => first,
            None => self.change().await?,
        };
        self.revision = job.revision;
        self.over = job.state.ended();
        Some(job)
    }

    async fn change(&mut self) -> Option<Arc<Job>> {
        loop {
            let change = tokio::select! {
                () = self.app.stop.cancelled() => return None,
                change = self.changes.recv() => change,
            };
            match change {
                Ok(job) if job.id != self.id || job.revision < self.revision => {}
                Ok(job) => return Some(job),
                Err(RecvError::Closed) => return None,
                Err(RecvError::Lagged(_)) => {
                    self.changes = self.changes.resubscribe();
                    let job = self.app.store.job(self.owner, self.id).await.ok()??;
                    if job.revision > self.revision {
                        return Some(Arc::new(job));
                    }
                }
            }
        }
    }

    fn event(&self, job: &Job) -> Event {
        let view = jobs::view(job, &|path| self.app.signer.sign(self.owner, path));
        let event = Event::default().id(job.revision.to_string());
        // A view has nothing in it that JSON could not hold.
        event.json_data(view).unwrap_or_default()
    }
}
