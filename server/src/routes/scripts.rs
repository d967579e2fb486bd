//! `/api/scripts/*` and `/api/effects`: what the command line says of scripts, over HTTP.

use axum::Json;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use utoipa::{IntoParams, IntoResponses, ToSchema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;
use vfxb_dsl::diagnostic::{Diagnostic, to_json};
use vfxb_dsl::print;
use vfxb_dsl::source::SourceMap;
use vfxb_dsl::syntax::{self, Spelling};
use vfxb_dsl::vocabulary::described;
use vfxb_engine::effect::registry::catalogue;

use crate::app::{App, Caller};
use crate::error::{ApiError, ErrorBody};
use crate::http::query::CheckedQuery;
use crate::http::script::{self, LONGEST_BODY, RenderRequest};
use crate::jobs::fetched::Held;
use crate::jobs::sources::{self, Named};
use crate::model::{ScriptSpelling, ScriptText};
use crate::worker::protocol::{Answer, Task, Work};

/// Rows of a picture at most.
const MOST_ROWS: u32 = 4320;

pub(crate) fn router() -> OpenApiRouter<App> {
    let limit = || DefaultBodyLimit::max(LONGEST_BODY);
    OpenApiRouter::new()
        .routes(routes!(check).layer(limit()))
        .routes(routes!(plan).layer(limit()))
        .routes(routes!(frame).layer(limit()))
        .routes(routes!(convert).layer(limit()))
        .routes(routes!(schema))
        .routes(routes!(effects))
}

/// What is said of a script.
#[derive(Debug, Serialize, ToSchema)]
struct Told {
    /// Whether it can be rendered.
    ok: bool,
    /// Every finding, with its place.
    #[schema(value_type = Vec<Object>)]
    diagnostics: Vec<Value>,
    /// Every item, where it starts and ends, and the film's length; `null` if the script is wrong.
    #[schema(value_type = Option<Object>)]
    timetable: Value,
}

/// What a render would do.
#[derive(Debug, Serialize, ToSchema)]
struct Planned {
    /// Whether it can be rendered.
    ok: bool,
    /// Every finding, with its place.
    #[schema(value_type = Vec<Object>)]
    diagnostics: Vec<Value>,
    /// Each segment, how it comes about and why; `null` if the script is wrong.
    #[schema(value_type = Option<Object>)]
    plan: Value,
}

/// A script in the other spelling.
#[derive(Debug, Serialize, ToSchema)]
struct Converted {
    /// Always true.
    success: bool,
    /// The text; layout and comments are lost.
    script: String,
    /// How it is written.
    format: ScriptSpelling,
}

/// Every effect and transition.
#[derive(Debug, Serialize, ToSchema)]
struct Effects {
    /// Always true.
    success: bool,
    /// Name, role, manual and parameters of each.
    #[schema(value_type = Vec<Object>)]
    effects: Vec<Value>,
}

/// When and how large.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FrameQuery {
    /// An instant of the film: `2.5s`, `1:02.5`, `50%`, `end-1s`.
    #[param(min_length = 1, max_length = 40)]
    at: String,
    /// Rows of the picture at most; the film's own if not given.
    #[param(minimum = 16, maximum = 4320)]
    rows: Option<u32>,
}

/// Which spelling.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ConvertQuery {
    /// `vfx` or `yaml`; the other one if not given.
    #[param(inline)]
    to: Option<ScriptSpelling>,
}

/// How a request with a script fails.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "a description: the fields are read by nobody")]
enum Failures {
    /// A wrong request, with every finding.
    #[response(status = 400)]
    Wrong(ErrorBody),
    /// No token.
    #[response(status = 401)]
    NoToken(ErrorBody),
    /// A token that does not count.
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// The body stopped coming.
    #[response(status = 408)]
    Slow(ErrorBody),
    /// The body is too long.
    #[response(status = 413)]
    TooLong(ErrorBody),
    /// No kind of script.
    #[response(status = 415)]
    NoScript(ErrorBody),
    /// It takes too long.
    #[response(status = 422)]
    Unprocessable(ErrorBody),
    /// Too many requests.
    #[response(status = 429)]
    TooMany(ErrorBody),
    /// The service failed.
    #[response(status = 500)]
    Internal(ErrorBody),
    /// The service is busy, or stops.
    #[response(status = 503)]
    Busy(ErrorBody),
    /// No room.
    #[response(status = 507)]
    NoRoom(ErrorBody),
}

/// Checks a script
#[utoipa::path(
    post, path = "/api/scripts/check", tag = "scripts",
    request_body(content((RenderRequest = "application/json"), (String = "text/yaml"), (String = "text/x-vfx"))),
    responses((status = 200, description = "What is said of it", body = Told), Failures)
)]
async fn check(State(app): State<App>, caller: Caller, request: Request) -> Result<Json<Told>, ApiError> {
    let script = script::read(&app, request).await?.script;
    let (work, _held) = work(&app, caller, script).await?;
    let (ok, diagnostics, timetable) = told(ask(&app, caller, Task::Check { work }).await?)?;
    Ok(Json(Told { ok, diagnostics, timetable }))
}

/// Says what a render would do
#[utoipa::path(
    post, path = "/api/scripts/plan", tag = "scripts",
    request_body(content((RenderRequest = "application/json"), (String = "text/yaml"), (String = "text/x-vfx"))),
    responses((status = 200, description = "Its segments", body = Planned), Failures)
)]
async fn plan(State(app): State<App>, caller: Caller, request: Request) -> Result<Json<Planned>, ApiError> {
    let script = script::read(&app, request).await?.script;
    let (work, _held) = work(&app, caller, script).await?;
    let (ok, diagnostics, plan) = told(ask(&app, caller, Task::Plan { work }).await?)?;
    Ok(Json(Planned { ok, diagnostics, plan }))
}

/// Renders one instant of a film as a picture
#[utoipa::path(
    post, path = "/api/scripts/frame", tag = "scripts",
    params(FrameQuery),
    request_body(content((RenderRequest = "application/json"), (String = "text/yaml"), (String = "text/x-vfx"))),
    responses((status = 200, description = "The picture", content_type = "image/png"), Failures)
)]
async fn frame(
    State(app): State<App>,
    caller: Caller,
    CheckedQuery(query): CheckedQuery<FrameQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let script = script::read(&app, request).await?.script;
    let (work, _held) = work(&app, caller, script).await?;
    let picture = Temporary(app.files.temporary("png"));
    let rows = query.rows.unwrap_or(0).min(MOST_ROWS);
    ask(&app, caller, Task::Frame { work, at: query.at, file: picture.0.clone(), rows }).await?;
    let bytes = tokio::fs::read(&picture.0).await.map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "image/png")], bytes).into_response())
}

/// Writes a script in the other spelling
#[utoipa::path(
    post, path = "/api/scripts/convert", tag = "scripts",
    params(ConvertQuery),
    request_body(content((RenderRequest = "application/json"), (String = "text/yaml"), (String = "text/x-vfx"))),
    responses((status = 200, description = "The other text", body = Converted), Failures)
)]
async fn convert(
    State(app): State<App>,
    _: Caller,
    CheckedQuery(query): CheckedQuery<ConvertQuery>,
    request: Request,
) -> Result<Json<Converted>, ApiError> {
    let script = script::read(&app, request).await?.script;
    let to = query.to.unwrap_or(match script.spelling {
        ScriptSpelling::Vfx => ScriptSpelling::Yaml,
        ScriptSpelling::Yaml => ScriptSpelling::Vfx,
    });
    // A script may be long: it is read beside the requests, not between them.
    let converted = tokio::task::spawn_blocking(move || other_spelling(&script, to)).await;
    let text = converted.map_err(|error| ApiError::internal(error.to_string()))??;
    Ok(Json(Converted { success: true, script: text, format: to }))
}

/// The JSON Schema of YAML and JSON scripts
#[utoipa::path(
    get, path = "/api/scripts/schema", tag = "scripts", security(()),
    responses(
        (status = 200, description = "A JSON Schema", body = Object),
        (status = 429, description = "Too many requests", body = ErrorBody),
    )
)]
async fn schema() -> Json<Value> {
    Json(vfxb_dsl::schema::schema(&catalogue()))
}

/// Every effect and transition
#[utoipa::path(
    get, path = "/api/effects", tag = "scripts", security(()),
    responses(
        (status = 200, description = "All of them", body = Effects),
        (status = 429, description = "Too many requests", body = ErrorBody),
    )
)]
async fn effects() -> Json<Effects> {
    Json(Effects { success: true, effects: catalogue().iter().map(described).collect() })
}

/// What a worker is asked about; its files stay as long as they are held.
async fn work(app: &App, caller: Caller, script: ScriptText) -> Result<(Work, Held), ApiError> {
    let Named { files, held } = sources::named(app, caller.owner, &script, false).await?;
    Ok((Work { script, files }, held))
}

async fn ask(app: &App, caller: Caller, task: Task) -> Result<Answer, ApiError> {
    // A client that hangs up does not leave a worker behind.
    let cancel = CancellationToken::new();
    let _hung_up = cancel.clone().drop_guard();
    Ok(app.workers.work(caller.owner, task, &|_| {}, &cancel).await?)
}

fn told(answer: Answer) -> Result<(bool, Vec<Value>, Value), ApiError> {
    match answer {
        Answer::Told { ok, diagnostics, told } => Ok((ok, diagnostics, told)),
        _ => Err(ApiError::internal("a worker answered something else than it was asked")),
    }
}

fn other_spelling(script: &ScriptText, to: ScriptSpelling) -> Result<String, ApiError> {
    let spelling = |spelling| match spelling {
        ScriptSpelling::Vfx => Spelling::Vfx,
        ScriptSpelling::Yaml => Spelling::Yaml,
    };
    let mut map = SourceMap::new();
    let file = map.add("script", "", script.text.as_str());
    let (document, findings) = syntax::parse(&map, file, spelling(script.spelling));
    let wrong = |findings: &[Diagnostic]| {
        let diagnostics = findings.iter().map(|finding| to_json(finding, &map)).collect();
        ApiError::script("The script is wrong; the diagnostics say where.", diagnostics)
    };
    let sound = document.filter(|_| !findings.iter().any(Diagnostic::is_error));
    let document = sound.ok_or_else(|| wrong(&findings))?;
    print::convert(&document, spelling(to), &catalogue()).map_err(|findings| wrong(&findings))
}

/// A file that goes away with the request.
struct Temporary(std::path::PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It may never have been written.
        let _ = std::fs::remove_file(&self.0);
    }
}
