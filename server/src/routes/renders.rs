//! `/api/renders`: scripts in, jobs and their files out.
//!
//! A script is checked by a worker before anything is stored.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::{App, Caller};
use crate::edit::submit::look;
use crate::error::{ApiError, ErrorBody, Kind};
use crate::http::body;
use crate::http::file::{self, Sent};
use crate::http::guard::Guard;
use crate::http::idempotency::{self, IdempotencyKey};
use crate::http::list::ListQuery;
use crate::http::path::Id;
use crate::http::query::CheckedQuery;
use crate::http::script::{self, Asked, LONGEST_BODY, RenderRequest};
use crate::jobs;
use crate::jobs::view::events_path;
use crate::model::{Job, JobState, JobView, RawJson, ScriptText};
use crate::store::Keyed;
use crate::upload::{keep, whole};

/// What a job without an endpoint of its own is called.
const OPERATION: &str = "render";

/// Fields that a list can be sorted by.
const SORTABLE: &[&str] = &["createdAt", "state"];

/// Fields of a render that a list can show.
const FIELDS: &[&str] = &[
    "id",
    "state",
    "operation",
    "progress",
    "fps",
    "etaSeconds",
    "segment",
    "eventsUrl",
    "outputs",
    "diagnostics",
    "error",
    "videoId",
    "createdAt",
    "finishedAt",
];

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(submit, list).layer(DefaultBodyLimit::max(LONGEST_BODY)))
        .routes(routes!(show, delete))
        .routes(routes!(output))
}

/// A render was taken.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Submitted {
    /// Always true.
    success: bool,
    /// The render.
    job_id: Uuid,
    /// Where it can be followed, as in the render itself.
    events_url: String,
}

/// A page of renders.
#[derive(Debug, Serialize, ToSchema)]
struct Renders {
    /// Always true.
    success: bool,
    /// The renders, with the fields that were asked for.
    #[schema(value_type = Vec<Object>)]
    renders: Vec<RawJson>,
    /// Which page this is.
    page: u64,
    /// Rows of a page.
    limit: u64,
    /// Renders in all.
    total: u64,
}

/// Renders a script
///
/// The body is a script (`text/yaml`, `text/x-vfx`, or JSON), or JSON around one. A script that is wrong is answered
/// with everything that is wrong in it, and nothing is kept of it.
#[utoipa::path(
    post,
    path = "/api/renders",
    tag = "renders",
    params(IdempotencyKey),
    request_body(
        content(
            (RenderRequest = "application/json"),
            (String = "text/yaml"),
            (String = "text/x-vfx"),
        ),
        description = "A script, or JSON around one",
    ),
    responses(
        (status = 202, description = "It will be rendered", body = Submitted),
        (status = 400, description = "A wrong script or request, with every finding", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "A token that does not count", body = ErrorBody),
        (status = 408, description = "The body stopped coming", body = ErrorBody),
        (status = 413, description = "The body is too long", body = ErrorBody),
        (status = 415, description = "No kind of script", body = ErrorBody),
        (status = 422, description = "The key was used for another request, or checking takes too long", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 500, description = "The service failed", body = ErrorBody),
        (status = 503, description = "The queue is full, or the service stops", body = ErrorBody),
        (status = 507, description = "No room", body = ErrorBody),
    )
)]
async fn submit(State(app): State<App>, caller: Caller, request: Request) -> Result<Response, ApiError> {
    let kind = script::media_type(request.headers());
    let headers = request.headers().clone();
    let bytes = body::bytes(request, &app).await?;
    let key = idempotency::key(&headers, &format!("{OPERATION} {kind}"), &bytes)?;
    if let Some(key) = &key
        && let Some(Keyed::Job(earlier)) = app.jobs.keyed(caller.owner, key).await?
    {
        return Ok(submitted(&app, caller, earlier.id));
    }
    let asked = body::aside(bytes, move |bytes| Asked::read(&kind, bytes)).await?;
    if let Some(webhook) = &asked.webhook {
        check_webhook(&app, webhook)?;
    }
    let sources = checked(&app, caller, &asked.script).await?;
    let job = Job {
        sources,
        priority: asked.priority,
        webhook: asked.webhook,
        ..Job::new(caller.owner, OPERATION, asked.script)
    };
    let job = app.jobs.submit(job, None, key.as_ref()).await?;
    Ok(submitted(&app, caller, job.id))
}

/// Your renders
///
/// Newest first unless sorted.
#[utoipa::path(
    get,
    path = "/api/renders",
    tag = "renders",
    params(ListQuery),
    responses(
        (status = 200, description = "A page of them", body = Renders),
        (status = 400, description = "A wrong query, with every finding", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "A token that does not count", body = ErrorBody),
        (status = 413, description = "The page is too large: ask for fewer rows, or fewer fields", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 500, description = "The service failed", body = ErrorBody),
    )
)]
async fn list(
    State(app): State<App>,
    caller: Caller,
    CheckedQuery(query): CheckedQuery<ListQuery>,
) -> Result<Json<Renders>, ApiError> {
    let listed = app.store.jobs(caller.owner, &query.page(SORTABLE, FIELDS)?).await?;
    let place = query.place(&listed);
    let rows = listed.rows.iter().map(|job| query.row(&seen(&app, job)));
    let renders = rows.collect::<Result<_, _>>()?;
    Ok(Json(Renders { success: true, renders, page: place.page, limit: place.limit, total: place.total }))
}

/// A render
#[utoipa::path(
    get,
    path = "/api/renders/{id}",
    tag = "renders",
    params(("id" = Uuid, Path, description = "The render")),
    responses(
        (status = 200, description = "How it is", body = JobView),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "A token that does not count", body = ErrorBody),
        (status = 404, description = "There is no such render", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 500, description = "The service failed", body = ErrorBody),
    )
)]
async fn show(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Json<JobView>, ApiError> {
    Ok(Json(seen(&app, &app.jobs.get(caller.owner, id).await?)))
}

/// What becomes of a render.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DeleteQuery {
    /// Also removes it, with those of its files that are no videos; its videos stay.
    remove: Option<bool>,
}

/// Cancels a render
///
/// Its worker ends and its files go. Cancelling again changes nothing; what has completed or failed stays as it is, unless
/// it is to be removed: then it goes in any state, and the answer shows it as it was last.
#[utoipa::path(
    delete,
    path = "/api/renders/{id}",
    tag = "renders",
    params(("id" = Uuid, Path, description = "The render"), DeleteQuery),
    responses(
        (status = 200, description = "It is cancelled, or removed", body = JobView),
        (status = 400, description = "A wrong query, with every finding", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "A token that does not count", body = ErrorBody),
        (status = 404, description = "There is no such render", body = ErrorBody),
        (status = 409, description = "It has completed or failed", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 500, description = "The service failed", body = ErrorBody),
    )
)]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    CheckedQuery(query): CheckedQuery<DeleteQuery>,
) -> Result<Json<JobView>, ApiError> {
    if query.remove != Some(true) {
        return Ok(Json(seen(&app, &app.jobs.cancel(caller.owner, id).await?)));
    }
    let job = match app.jobs.cancel(caller.owner, id).await {
        // It has ended by itself.
        Err(error) if error.kind == Kind::Conflict => app.jobs.get(caller.owner, id).await?,
        cancelled => cancelled?,
    };
    let service = app.clone();
    let removed = whole(async move {
        let gone = service.store.delete_job(caller.owner, id).await?;
        keep::remove(&service, &gone.ok_or_else(|| ApiError::not_found("render"))?).await;
        Ok(())
    });
    removed.await?;
    Ok(Json(seen(&app, &job)))
}

/// A file of a render
///
/// With ranges and a validator. Until the render has ended it is not there (409); that of a failed render never will be
/// (422); that of a cancelled one, or of a video that was deleted, has gone (410).
#[utoipa::path(
    get,
    path = "/api/renders/{id}/outputs/{name}",
    tag = "renders",
    params(
        ("id" = Uuid, Path, description = "The render"),
        ("name" = String, Path, description = "The name in the script's `output`"),
    ),
    responses(
        (status = 200, description = "The file", content_type = "*/*"),
        (status = 206, description = "A part of it", content_type = "*/*"),
        (status = 304, description = "It has not changed"),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "A token or signature that does not count", body = ErrorBody),
        (status = 404, description = "There is no such render, or no such file of it", body = ErrorBody),
        (status = 409, description = "It is not ready", body = ErrorBody),
        (status = 410, description = "It has gone", body = ErrorBody),
        (status = 412, description = "It is another file by now", body = ErrorBody),
        (status = 416, description = "The range lies outside the file", body = ErrorBody),
        (status = 422, description = "The render failed", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 500, description = "The service failed", body = ErrorBody),
    )
)]
async fn output(
    State(app): State<App>,
    caller: Caller,
    path: Result<Path<(Uuid, String)>, PathRejection>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Path((id, name)) = path.map_err(|_| ApiError::not_found("file"))?;
    let job = app.jobs.get(caller.owner, id).await?;
    match job.state {
        JobState::Queued | JobState::Running => {
            let error = ApiError::new(Kind::Conflict, "The render is not done yet; follow its events.");
            return Err(ApiError { code: Some("not_ready"), ..error });
        }
        JobState::Failed => {
            let message = job.error.map_or_else(|| "The render failed.".to_owned(), |error| error.message);
            return Err(ApiError {
                code: Some("render_failed"),
                ..ApiError::new(Kind::Unprocessable, message)
            });
        }
        JobState::Cancelled => return Err(ApiError::new(Kind::Gone, "The render was cancelled.")),
        JobState::Completed => {}
    }
    let output = job.outputs.iter().find(|output| output.name == name);
    let output = output.ok_or_else(|| ApiError::not_found("file of this render"))?;
    let gone = || ApiError::new(Kind::Gone, "The file was deleted.");
    if let Some(video) = output.video
        && app.store.video(caller.owner, video).await?.is_none()
    {
        return Err(gone());
    }
    let blob = app.store.blob(output.blob).await?.ok_or_else(gone)?;
    let path = app.files.path(&blob);
    let content_type = file::content_type(&blob.extension);
    let sent = Sent { path: &path, content_type, etag: &blob.hash, name: &output.name };
    file::serve(sent, &method, &headers).await
}

fn seen(app: &App, job: &Job) -> JobView {
    jobs::view(job, &|path| app.signer.sign(job.owner, path))
}

fn submitted(app: &App, caller: Caller, id: Uuid) -> Response {
    let events_url = app.signer.sign(caller.owner, &events_path(id));
    let submitted = Submitted { success: true, job_id: id, events_url };
    let mut response = (StatusCode::ACCEPTED, Json(submitted)).into_response();
    if let Ok(place) = HeaderValue::try_from(format!("/api/renders/{id}")) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

/// Has a worker look at a script; the videos and assets that it names.
async fn checked(app: &App, caller: Caller, script: &ScriptText) -> Result<Vec<Uuid>, ApiError> {
    let looked = look(app, caller.owner, script, false).await?;
    match looked.told.get("outputs").and_then(Value::as_array) {
        Some(outputs) if outputs.is_empty() => {
            Err(ApiError::script("The script writes nothing; give it an output.", looked.diagnostics))
        }
        _ => Ok(looked.sources),
    }
}

fn check_webhook(app: &App, webhook: &str) -> Result<(), ApiError> {
    match Guard::new(&app.config.private_networks).url(webhook) {
        Ok(_) => Ok(()),
        Err(refused) => Err(ApiError::validation(vec![format!("`webhook` is refused: {refused}.")])),
    }
}

#[cfg(test)]
mod tests;
