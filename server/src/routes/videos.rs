//! `/api/video`: what there is, its files, pictures of it.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::answers::{Deleted, Usual};
use crate::app::{App, Caller};
use crate::edit::submit;
use crate::error::{ApiError, ErrorBody, Kind};
use crate::http::file::{self, Sent};
use crate::http::list::{ListQuery, Place};
use crate::http::path::Id;
use crate::http::query::CheckedQuery;
use crate::model::{Blob, Metadata, Owner, RawJson, Video, VideoStatus};
use crate::upload::keep;

/// What videos can be sorted by.
const SORTABLE: &[&str] = &["originalName", "createdAt"];

/// What a list can be asked to show of them.
const FIELDS: &[&str] = &[
    "id",
    "filename",
    "originalName",
    "size",
    "duration",
    "metadata",
    "status",
    "createdAt",
    "url",
    "thumbnailUrl",
    "operation",
    "of",
    "script",
    "jobId",
];

/// Seconds after which a video that is being made may be asked for again.
const AGAIN: u64 = 2;

/// Where a thumbnail is taken if nobody says: past the black that many films begin with.
const USUAL_INSTANT: f64 = 0.1;

/// How long a browser keeps a thumbnail.
const THUMBNAIL_KEPT: &str = "private, max-age=3600";

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, delete))
        .routes(routes!(content))
        .routes(routes!(thumbnail))
}

/// A video.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VideoView {
    /// Its id; scripts name it `video:ID`.
    pub(crate) id: Uuid,
    /// How it is called here.
    pub(crate) filename: String,
    /// How you call it.
    pub(crate) original_name: String,
    /// Bytes; `null` as long as it is not made.
    pub(crate) size: Option<u64>,
    /// Seconds.
    pub(crate) duration: f64,
    /// What is in it, or will be.
    pub(crate) metadata: Option<Metadata>,
    /// What it is waiting for.
    pub(crate) status: VideoStatus,
    /// When it came.
    pub(crate) created_at: Timestamp,
    /// Where it is, with a signature that counts for a while.
    pub(crate) url: String,
    /// A picture of it; takes `at` and `rows` besides.
    pub(crate) thumbnail_url: String,
    /// The edit that made it, if it was not uploaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operation: Option<String>,
    /// The video that was edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) of: Option<Uuid>,
    /// The whole edit from the original on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) script: Option<String>,
    /// The render that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) job_id: Option<Uuid>,
}

impl VideoView {
    pub(crate) fn of(app: &App, video: Video) -> VideoView {
        let Video { id, owner, original_name, blob, metadata, status, made, created_at, .. } = video;
        let sign = |what: &str| app.signer.sign(owner, &format!("/api/video/{id}/{what}"));
        let (operation, of, script, job_id) = match made {
            Some(made) => (Some(made.operation), made.of, Some(made.script.text), made.job),
            None => (None, None, None, None),
        };
        VideoView {
            id,
            filename: filename(id, blob.as_ref(), &original_name),
            size: blob.map(|blob| blob.size),
            original_name,
            duration: metadata.as_ref().map_or(0.0, |metadata| metadata.duration),
            metadata,
            status,
            created_at,
            url: sign("file"),
            thumbnail_url: sign("thumbnail"),
            operation,
            of,
            script,
            job_id,
        }
    }
}

/// How a file is called here: by its row, not by what it shares with others.
pub(crate) fn filename(id: Uuid, blob: Option<&Blob>, called: &str) -> String {
    let named = called.rsplit_once('.').map_or("mp4", |(_, ending)| ending);
    format!("{id}.{}", blob.map_or(named, |blob| blob.extension.as_str()))
}

/// One video.
#[derive(Debug, Serialize, ToSchema)]
struct OneVideo {
    /// Always true.
    success: bool,
    /// It.
    video: VideoView,
}

/// A page of videos.
#[derive(Debug, Serialize, ToSchema)]
struct Videos {
    /// Always true.
    success: bool,
    /// The videos, with the fields that were asked for.
    #[schema(value_type = Vec<Object>)]
    videos: Vec<RawJson>,
    /// Which page this is.
    page: u64,
    /// Rows of a page.
    limit: u64,
    /// Videos in all.
    total: u64,
}

/// A file is being made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Making {
    /// Always true.
    success: bool,
    /// The render that makes it.
    job_id: Uuid,
    /// The video.
    video_id: Uuid,
}

/// Your videos
///
/// Uploaded ones and results; newest first unless sorted. A result's `script` is there if `fields` names it.
#[utoipa::path(
    get,
    path = "/api/video",
    tag = "videos",
    params(ListQuery),
    responses(
        (status = 200, description = "A page of them", body = Videos),
        (status = 400, description = "A wrong query, with every finding", body = ErrorBody),
        (status = 413, description = "The page is too large: ask for fewer rows, or fewer fields", body = ErrorBody),
        Usual
    )
)]
async fn list(
    State(app): State<App>,
    caller: Caller,
    CheckedQuery(query): CheckedQuery<ListQuery>,
) -> Result<Json<Videos>, ApiError> {
    let listed = app.store.videos(caller.owner, &query.page(SORTABLE, FIELDS)?).await?;
    let Place { page, limit, total } = query.place(&listed);
    let scripted = query.fields.iter().any(|field| field == "script");
    let rows = listed.rows.into_iter().map(|video| {
        let whole = VideoView::of(&app, video);
        // What was not asked for was not read.
        query.row(&VideoView { script: whole.script.filter(|_| scripted), ..whole })
    });
    Ok(Json(Videos { success: true, videos: rows.collect::<Result<_, _>>()?, page, limit, total }))
}

/// A video
#[utoipa::path(
    get,
    path = "/api/video/{id}",
    tag = "videos",
    params(("id" = Uuid, Path, description = "The video")),
    responses(
        (status = 200, description = "It", body = OneVideo),
        (status = 404, description = "There is no such video", body = ErrorBody),
        Usual
    )
)]
async fn show(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Json<OneVideo>, ApiError> {
    let video = found(&app, caller.owner, id).await?;
    Ok(Json(OneVideo { success: true, video: VideoView::of(&app, video) }))
}

/// Deletes a video
///
/// If it is being made, its render is cancelled. What results need of it stays, hidden, until they go.
#[utoipa::path(
    delete,
    path = "/api/video/{id}",
    tag = "videos",
    params(("id" = Uuid, Path, description = "The video")),
    responses(
        (status = 200, description = "It is gone", body = Deleted),
        (status = 404, description = "There is no such video", body = ErrorBody),
        Usual
    )
)]
async fn delete(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Json<Deleted>, ApiError> {
    let video = found(&app, caller.owner, id).await?;
    if video.status == VideoStatus::Processing
        && let Some(job) = video.made.and_then(|made| made.job)
    {
        stop(&app, caller.owner, job).await?;
    }
    let gone = app.store.delete_media(caller.owner, id).await?;
    keep::remove(&app, &gone.ok_or_else(|| ApiError::not_found("video"))?).await;
    Ok(Json(Deleted { success: true }))
}

/// A video's file
///
/// With ranges and a validator. A result that is not made yet is begun (202); while it is being made it is not there
/// (409); that of a failed render never will be (422).
#[utoipa::path(
    get,
    path = "/api/video/{id}/file",
    tag = "videos",
    params(("id" = Uuid, Path, description = "The video")),
    responses(
        (status = 200, description = "The file", content_type = "*/*"),
        (status = 202, description = "It is being made from now on", body = Making),
        (status = 206, description = "A part of the file", content_type = "*/*"),
        (status = 304, description = "It has not changed"),
        (status = 404, description = "There is no such video", body = ErrorBody),
        (status = 409, description = "It is being made", body = ErrorBody),
        (status = 412, description = "It is another file by now", body = ErrorBody),
        (status = 416, description = "The range lies outside the file", body = ErrorBody),
        (status = 422, description = "It could not be made", body = ErrorBody),
        (status = 507, description = "No room", body = ErrorBody),
        Usual
    )
)]
async fn content(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let video = found(&app, caller.owner, id).await?;
    if let Some(blob) = &video.blob {
        let path = app.files.path(blob);
        let content_type = file::content_type(&blob.extension);
        let sent = Sent { path: &path, content_type, etag: &blob.hash, name: &video.original_name };
        return file::serve(sent, &method, &headers).await;
    }
    match video.status {
        // Asking for the head alone begins nothing.
        VideoStatus::Uploaded if method == Method::GET => {
            Ok(making(id, submit::make(&app, &video).await?.id))
        }
        VideoStatus::Failed => Err(failed(&app, &video).await?),
        VideoStatus::Uploaded | VideoStatus::Processing | VideoStatus::Ready => {
            let error = ApiError::new(Kind::Conflict, "The video is not made yet; follow its render.");
            Err(ApiError { code: Some("not_ready"), ..error })
        }
    }
}

/// Which picture of a video.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ThumbnailQuery {
    /// Seconds; a tenth of the film if not given, the last picture if there are fewer.
    #[param(minimum = 0)]
    at: Option<f64>,
    /// Rows of the picture at most; 180 if not given.
    #[param(minimum = 16, maximum = 2160)]
    rows: Option<u32>,
}

/// A picture of a video
///
/// Of a result that is not made yet, too.
#[utoipa::path(
    get,
    path = "/api/video/{id}/thumbnail",
    tag = "videos",
    params(("id" = Uuid, Path, description = "The video"), ThumbnailQuery),
    responses(
        (status = 200, description = "The picture", content_type = "image/jpeg"),
        (status = 400, description = "A wrong query, or a video that cannot be shown", body = ErrorBody),
        (status = 404, description = "There is no such video", body = ErrorBody),
        (status = 409, description = "There is nothing to show yet", body = ErrorBody),
        (status = 413, description = "What its script names on other hosts is too large", body = ErrorBody),
        (status = 422, description = "It could not be made, or showing it takes too long", body = ErrorBody),
        (status = 507, description = "No room", body = ErrorBody),
        Usual
    )
)]
async fn thumbnail(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    CheckedQuery(query): CheckedQuery<ThumbnailQuery>,
) -> Result<Response, ApiError> {
    let video = found(&app, caller.owner, id).await?;
    if video.status == VideoStatus::Failed {
        return Err(failed(&app, &video).await?);
    }
    let duration = video.metadata.as_ref().map_or(0.0, |metadata| metadata.duration);
    let at = query.at.unwrap_or(duration * USUAL_INSTANT);
    let picture = app.thumbnails.get(&app, &video, at, query.rows.unwrap_or(180)).await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg")),
        (header::CACHE_CONTROL, HeaderValue::from_static(THUMBNAIL_KEPT)),
    ];
    Ok((headers, picture).into_response())
}

/// Cancels the render that makes a video, unless it has just ended.
async fn stop(app: &App, owner: Owner, job: Uuid) -> Result<(), ApiError> {
    match app.jobs.cancel(owner, job).await {
        Err(error) if !matches!(error.kind, Kind::Conflict | Kind::NotFound) => Err(error),
        _ => Ok(()),
    }
}

async fn found(app: &App, owner: Owner, id: Uuid) -> Result<Video, ApiError> {
    app.store.video(owner, id).await?.ok_or_else(|| ApiError::not_found("video"))
}

fn making(video_id: Uuid, job_id: Uuid) -> Response {
    let retry = [(header::RETRY_AFTER, HeaderValue::from(AGAIN))];
    (StatusCode::ACCEPTED, retry, Json(Making { success: true, job_id, video_id })).into_response()
}

/// Why a video could not be made.
async fn failed(app: &App, video: &Video) -> Result<ApiError, ApiError> {
    let job = match video.made.as_ref().and_then(|made| made.job) {
        Some(job) => app.store.job(video.owner, job).await?,
        None => None,
    };
    let message = job.and_then(|job| job.error).map(|error| error.message);
    let message = message.unwrap_or_else(|| "The video could not be made.".to_owned());
    Ok(ApiError { code: Some("render_failed"), ..ApiError::new(Kind::Unprocessable, message) })
}
