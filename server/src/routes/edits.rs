//! `/api/video/{trim,crop,apply-filter,add-text,export}`: an edit in, a script and a job out.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::{App, Caller};
use crate::edit::Edit;
use crate::edit::operation::{AddText, ApplyFilter, Crop, Export, Trim};
use crate::edit::submit::submit;
use crate::error::{ApiError, ErrorBody};
use crate::http::body::Checked;
use crate::http::idempotency::{self, IdempotencyKey};
use crate::jobs::view::events_path;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(trim))
        .routes(routes!(crop))
        .routes(routes!(apply_filter))
        .routes(routes!(add_text))
        .routes(routes!(export))
}

/// An edit was taken.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Edited {
    /// Always true.
    success: bool,
    /// The render that makes the result; absent if it is made when its file is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<Uuid>,
    /// Where that render can be followed, as in the render itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    events_url: Option<String>,
    /// The result.
    video_id: Uuid,
    /// The whole edit from the original on, as `.vfx`.
    script: String,
    /// Where the result's file is, once it is there.
    url: String,
}

/// What every editing endpoint answers if it takes nothing.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "a description: the fields are read by nobody")]
enum Refusals {
    /// A wrong request, with every finding.
    #[response(status = 400)]
    Wrong(ErrorBody),
    /// No token.
    #[response(status = 401)]
    NoToken(ErrorBody),
    /// A token that does not count.
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// There is no such video.
    #[response(status = 404)]
    NoVideo(ErrorBody),
    /// The body stopped coming.
    #[response(status = 408)]
    Slow(ErrorBody),
    /// The video could not be made itself.
    #[response(status = 409)]
    Failed(ErrorBody),
    /// The body is too long.
    #[response(status = 413)]
    TooLong(ErrorBody),
    /// The body is not JSON.
    #[response(status = 415)]
    NotJson(ErrorBody),
    /// The idempotency key was used for another request, or looking at the edit takes too long.
    #[response(status = 422)]
    Unprocessable(ErrorBody),
    /// Too many requests.
    #[response(status = 429)]
    TooMany(ErrorBody),
    /// The service failed.
    #[response(status = 500)]
    Internal(ErrorBody),
    /// The queue is full, or the service stops.
    #[response(status = 503)]
    Busy(ErrorBody),
    /// No room.
    #[response(status = 507)]
    NoRoom(ErrorBody),
}

type Answer = Result<(StatusCode, Json<Edited>), ApiError>;

async fn edited<E: Edit + Serialize>(app: &App, caller: Caller, headers: &HeaderMap, body: E) -> Answer {
    let asked = serde_json::to_vec(&body).map_err(|error| ApiError::internal(error.to_string()))?;
    let key = idempotency::key(headers, E::NAME, &asked)?;
    let taken = submit(app, caller.owner, &body, key.as_ref()).await?;
    let url = app.signer.sign(caller.owner, &format!("/api/video/{}/file", taken.video.id));
    let events_url = taken.job.map(|job| app.signer.sign(caller.owner, &events_path(job)));
    let (job_id, video_id) = (taken.job, taken.video.id);
    let edited = Edited { success: true, job_id, events_url, video_id, script: taken.script, url };
    Ok((StatusCode::ACCEPTED, Json(edited)))
}

/// Keeps a part of a video
#[utoipa::path(
    post, path = "/api/video/trim", tag = "edits", request_body = Trim,
    params(IdempotencyKey),
    responses((status = 202, description = "It will be made", body = Edited), Refusals)
)]
async fn trim(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Checked(body): Checked<Trim>,
) -> Answer {
    edited(&app, caller, &headers, body).await
}

/// Keeps a rectangle of the picture
#[utoipa::path(
    post, path = "/api/video/crop", tag = "edits", request_body = Crop,
    params(IdempotencyKey),
    responses((status = 202, description = "It will be made", body = Edited), Refusals)
)]
async fn crop(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Checked(body): Checked<Crop>,
) -> Answer {
    edited(&app, caller, &headers, body).await
}

/// Gives the picture an effect
#[utoipa::path(
    post, path = "/api/video/apply-filter", tag = "edits", request_body = ApplyFilter,
    params(IdempotencyKey),
    responses((status = 202, description = "It will be made", body = Edited), Refusals)
)]
async fn apply_filter(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Checked(body): Checked<ApplyFilter>,
) -> Answer {
    edited(&app, caller, &headers, body).await
}

/// Writes words over the picture
#[utoipa::path(
    post, path = "/api/video/add-text", tag = "edits", request_body = AddText,
    params(IdempotencyKey),
    responses((status = 202, description = "It will be made", body = Edited), Refusals)
)]
async fn add_text(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Checked(body): Checked<AddText>,
) -> Answer {
    edited(&app, caller, &headers, body).await
}

/// Makes a file of another kind, quality or size
#[utoipa::path(
    post, path = "/api/video/export", tag = "edits", request_body = Export,
    params(IdempotencyKey),
    responses((status = 202, description = "It will be made", body = Edited), Refusals)
)]
async fn export(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Checked(body): Checked<Export>,
) -> Answer {
    edited(&app, caller, &headers, body).await
}
