//! `/api/ai/*`: requests are held to their shapes; who would answer them is not configured.

use std::convert::Infallible;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoResponses, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::{App, Caller};
use crate::error::{ApiError, ErrorBody, Kind};
use crate::http::body::Checked;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(chat))
        .routes(routes!(upscale))
        .routes(routes!(style_transfer))
        .routes(routes!(voice_generation))
        .routes(routes!(voices))
}

/// A wish in plain words.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Chat {
    /// What is wished.
    #[schema(min_length = 1, max_length = 1000)]
    pub(crate) message: String,
    /// What it is about.
    #[serde(default)]
    pub(crate) context: Option<ChatContext>,
}

/// What a wish is about.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ChatContext {
    /// The video that is meant.
    #[serde(default)]
    pub(crate) video_id: Option<Uuid>,
    /// Where its player stands, in seconds.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub(crate) current_time: Option<f64>,
    /// The project that it belongs to.
    #[serde(default)]
    pub(crate) project_id: Option<Uuid>,
    /// The script so far.
    #[serde(default)]
    #[schema(max_length = 1_000_000)]
    pub(crate) script: Option<String>,
}

/// A larger picture.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Upscale {
    /// The video.
    video_id: Uuid,
    /// So many times as wide and as high.
    #[serde(default = "twice")]
    #[schema(minimum = 2, maximum = 4, default = 2)]
    scale_factor: u32,
}

fn twice() -> u32 {
    2
}

/// A picture in another manner.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StyleTransfer {
    /// The video.
    video_id: Uuid,
    /// The manner.
    #[schema(min_length = 1, max_length = 100)]
    style_type: String,
    /// From nothing to all of it.
    #[serde(default = "whole")]
    #[schema(minimum = 0, maximum = 1, default = 1.0)]
    intensity: f64,
}

/// Words that are spoken.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct VoiceGeneration {
    /// What is said.
    #[schema(min_length = 1, max_length = 5000)]
    text: String,
    /// By whom.
    #[schema(min_length = 1, max_length = 100)]
    voice: String,
    /// How fast.
    #[serde(default = "whole")]
    #[schema(minimum = 0.5, maximum = 2, default = 1.0)]
    speed: f64,
}

fn whole() -> f64 {
    1.0
}

/// What these endpoints answer.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "a description: the fields are read by nobody")]
enum Answers {
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
    /// The body is too long.
    #[response(status = 413)]
    TooLong(ErrorBody),
    /// The body is not JSON.
    #[response(status = 415)]
    NotJson(ErrorBody),
    /// Too many requests.
    #[response(status = 429)]
    TooMany(ErrorBody),
    /// The service failed.
    #[response(status = 500)]
    Internal(ErrorBody),
    /// Nothing is configured that could answer.
    #[response(status = 503)]
    NotConfigured(ErrorBody),
}

/// Nothing here can answer yet; `service` is what would.
pub(crate) fn not_configured(service: &str) -> ApiError {
    ApiError::new(Kind::NotConfigured, format!("{service} is not configured on this service."))
}

async fn known(app: &App, caller: Caller, video: Option<Uuid>) -> Result<(), ApiError> {
    let Some(id) = video else { return Ok(()) };
    app.store.video(caller.owner, id).await?.map(|_| ()).ok_or_else(|| ApiError::not_found("video"))
}

/// Asks for an edit in plain words
#[utoipa::path(post, path = "/api/ai/chat", tag = "ai", request_body = Chat, responses(Answers))]
async fn chat(
    State(app): State<App>,
    caller: Caller,
    Checked(body): Checked<Chat>,
) -> Result<StatusCode, ApiError> {
    match answer(&app, caller, body).await? {}
}

/// What a wish is answered, over HTTP and over a socket.
pub(crate) async fn answer(app: &App, caller: Caller, chat: Chat) -> Result<Infallible, ApiError> {
    known(app, caller, chat.context.and_then(|context| context.video_id)).await?;
    Err(not_configured("The assistant"))
}

/// Makes the picture larger
#[utoipa::path(post, path = "/api/ai/upscale", tag = "ai", request_body = Upscale, responses(Answers))]
async fn upscale(
    State(app): State<App>,
    caller: Caller,
    Checked(body): Checked<Upscale>,
) -> Result<StatusCode, ApiError> {
    known(&app, caller, Some(body.video_id)).await?;
    Err(not_configured("Upscaling"))
}

/// Gives the picture another manner
#[utoipa::path(
    post, path = "/api/ai/style-transfer", tag = "ai", request_body = StyleTransfer, responses(Answers)
)]
async fn style_transfer(
    State(app): State<App>,
    caller: Caller,
    Checked(body): Checked<StyleTransfer>,
) -> Result<StatusCode, ApiError> {
    known(&app, caller, Some(body.video_id)).await?;
    Err(not_configured("Style transfer"))
}

/// Speaks words
#[utoipa::path(
    post, path = "/api/ai/voice-generation", tag = "ai", request_body = VoiceGeneration, responses(Answers)
)]
async fn voice_generation(
    _: Caller,
    Checked(_body): Checked<VoiceGeneration>,
) -> Result<StatusCode, ApiError> {
    Err(not_configured("Speech"))
}

/// The voices that speak
#[utoipa::path(get, path = "/api/ai/voices", tag = "ai", responses(Answers))]
async fn voices(_: Caller) -> Result<StatusCode, ApiError> {
    Err(not_configured("Speech"))
}
