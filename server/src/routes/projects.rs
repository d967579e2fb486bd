//! `/api/projects`: what a front end keeps. Timeline and settings are its own business.

use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use vfxb_dsl::syntax::LONGEST_TEXT;

use super::answers::Deleted;
use crate::app::{App, Caller};
use crate::error::{ApiError, ErrorBody, Kind};
use crate::http::body::Checked;
use crate::http::list::{ListQuery, Place};
use crate::http::path::Id;
use crate::http::query::CheckedQuery;
use crate::model::{Project, RawJson};
use crate::store;

/// A script may be as long as the language allows, and escapes make JSON longer.
const BODY: usize = 2 * LONGEST_TEXT;

/// Bytes of a timeline: some ten thousand clips.
const TIMELINE: usize = 2_000_000;

/// Bytes of settings.
const SETTINGS: usize = 64_000;

/// What projects can be sorted by.
const SORTABLE: [&str; 3] = ["name", "createdAt", "updatedAt"];

/// What a list can be asked to show of them.
const FIELDS: [&str; 8] =
    ["id", "name", "description", "timeline", "settings", "script", "createdAt", "updatedAt"];

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
        .layer(DefaultBodyLimit::max(BODY))
}

/// A new project.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewProject {
    /// Spaces around it are taken away.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    name: String,
    /// Free.
    #[serde(default)]
    #[schema(max_length = 500)]
    description: String,
    /// The front end's own; anything, of 2,000,000 bytes at most.
    #[serde(default = "nothing")]
    #[schema(value_type = Value)]
    timeline: RawJson,
    /// The front end's own; anything, of 64,000 bytes at most.
    #[serde(default = "nothing")]
    #[schema(value_type = Value)]
    settings: RawJson,
    /// A script, in any spelling; it may be wrong.
    #[serde(default)]
    #[schema(max_length = 8388608)]
    script: Option<String>,
}

fn nothing() -> RawJson {
    Value::Object(Map::new()).into()
}

/// Holds what is the front end's own to its size: text alone may be as long as the language allows.
fn bounded(timeline: Option<&RawJson>, settings: Option<&RawJson>) -> Result<(), ApiError> {
    for (name, value, most) in [("timeline", timeline, TIMELINE), ("settings", settings, SETTINGS)] {
        if value.is_some_and(|value| value.text().len() > most) {
            let message = format!("`{name}` is larger than the {most} bytes that it may have.");
            return Err(ApiError::new(Kind::TooLarge, message));
        }
    }
    Ok(())
}

/// What of a project changes: what is not given stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProjectChange {
    /// Spaces around it are taken away.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100, pattern = r"\S", nullable = false)]
    name: Option<String>,
    /// Free.
    #[serde(default)]
    #[schema(max_length = 500, nullable = false)]
    description: Option<String>,
    /// The front end's own; anything, of 2,000,000 bytes at most.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Value)]
    timeline: Option<RawJson>,
    /// The front end's own; anything, of 64,000 bytes at most.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Value)]
    settings: Option<RawJson>,
    /// A script; `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 8388608)]
    script: Option<Option<String>>,
}

/// A field that is there, whatever it holds: `null` is a value too.
fn given<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

/// A project.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProjectView {
    /// Its id.
    id: Uuid,
    /// 1 to 100 characters.
    name: String,
    /// At most 500 characters.
    description: String,
    /// The front end's own.
    #[schema(value_type = Value)]
    timeline: RawJson,
    /// The front end's own.
    #[schema(value_type = Value)]
    settings: RawJson,
    /// A script, if it has one.
    script: Option<String>,
    /// When it was made.
    created_at: Timestamp,
    /// When it was changed last.
    updated_at: Timestamp,
}

impl From<Project> for ProjectView {
    fn from(project: Project) -> ProjectView {
        let Project { id, name, description, timeline, settings, script, created_at, updated_at, .. } =
            project;
        ProjectView { id, name, description, timeline, settings, script, created_at, updated_at }
    }
}

/// One project.
#[derive(Debug, Serialize, ToSchema)]
struct OneProject {
    /// True.
    success: bool,
    /// It.
    project: ProjectView,
}

/// A page of projects.
#[derive(Debug, Serialize, ToSchema)]
struct ProjectList {
    /// True.
    success: bool,
    /// They, with the fields that were asked for.
    #[schema(value_type = Vec<Object>)]
    projects: Vec<RawJson>,
    /// Which page.
    page: u64,
    /// Rows of a page.
    limit: u64,
    /// Rows in all.
    total: u64,
}

/// Lists projects.
#[utoipa::path(
    get,
    path = "/api/projects",
    tag = "projects",
    params(ListQuery),
    responses(
        (status = 200, body = ProjectList),
        (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody),
        (status = 413, body = ErrorBody, description = "The page is too large: ask for fewer rows, or fewer fields"),
        (status = 429, body = ErrorBody),
    )
)]
async fn list(
    State(app): State<App>,
    caller: Caller,
    CheckedQuery(query): CheckedQuery<ListQuery>,
) -> Result<Json<ProjectList>, ApiError> {
    let listed = app.store.projects(caller.owner, &query.page(&SORTABLE, &FIELDS)?).await?;
    let Place { page, limit, total } = query.place(&listed);
    let rows = listed.rows.into_iter().map(|row| query.row(&ProjectView::from(row)));
    Ok(Json(ProjectList { success: true, projects: rows.collect::<Result<_, _>>()?, page, limit, total }))
}

/// Makes a project.
#[utoipa::path(
    post,
    path = "/api/projects",
    tag = "projects",
    request_body = NewProject,
    responses(
        (status = 201, body = OneProject),
        (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody),
        (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 429, body = ErrorBody),
        (status = 507, body = ErrorBody),
    )
)]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Checked(new): Checked<NewProject>,
) -> Result<(StatusCode, Json<OneProject>), ApiError> {
    bounded(Some(&new.timeline), Some(&new.settings))?;
    let now = Timestamp::now();
    let project = Project {
        id: Uuid::new_v4(),
        owner: caller.owner,
        name: new.name.trim().to_owned(),
        description: new.description,
        timeline: new.timeline,
        settings: new.settings,
        script: new.script,
        created_at: now,
        updated_at: now,
    };
    app.store.add_project(&project, app.config.quota).await?;
    Ok((StatusCode::CREATED, Json(OneProject { success: true, project: project.into() })))
}

/// One project.
#[utoipa::path(
    get,
    path = "/api/projects/{id}",
    tag = "projects",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = OneProject),
        (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 429, body = ErrorBody),
    )
)]
async fn show(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Json<OneProject>, ApiError> {
    let project = found(app.store.project(caller.owner, id).await?)?;
    Ok(Json(OneProject { success: true, project: project.into() }))
}

/// Changes a project: what is not given stays.
#[utoipa::path(
    put,
    path = "/api/projects/{id}",
    tag = "projects",
    params(("id" = Uuid, Path)),
    request_body = ProjectChange,
    responses(
        (status = 200, body = OneProject),
        (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 429, body = ErrorBody),
        (status = 507, body = ErrorBody),
    )
)]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Checked(change): Checked<ProjectChange>,
) -> Result<Json<OneProject>, ApiError> {
    bounded(change.timeline.as_ref(), change.settings.as_ref())?;
    let change = store::ProjectChange {
        name: change.name.map(|name| name.trim().to_owned()),
        description: change.description,
        timeline: change.timeline,
        settings: change.settings,
        script: change.script,
    };
    let (quota, now) = (app.config.quota, Timestamp::now());
    let project = found(app.store.change_project(caller.owner, id, &change, quota, now).await?)?;
    Ok(Json(OneProject { success: true, project: project.into() }))
}

/// Deletes a project.
#[utoipa::path(
    delete,
    path = "/api/projects/{id}",
    tag = "projects",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = Deleted),
        (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 429, body = ErrorBody),
    )
)]
async fn delete(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Json<Deleted>, ApiError> {
    found(app.store.delete_project(caller.owner, id).await?.then_some(()))?;
    Ok(Json(Deleted { success: true }))
}

fn found<T>(row: Option<T>) -> Result<T, ApiError> {
    row.ok_or_else(|| ApiError::not_found("project"))
}
