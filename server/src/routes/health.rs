//! `GET /api/health`: whether the service can do its work.

use std::sync::LazyLock;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::config::Provider;

/// When the process began to serve.
static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

pub(crate) fn router() -> OpenApiRouter<App> {
    LazyLock::force(&STARTED);
    OpenApiRouter::new().routes(routes!(health))
}

/// How a service of ours, or one that we use, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Condition {
    /// It works.
    Available,
    /// It does not.
    Unavailable,
    /// It answers.
    Connected,
    /// It does not answer.
    Disconnected,
    /// Nobody told us to use it.
    NotConfigured,
}

/// Every service.
#[derive(Debug, Serialize, ToSchema)]
struct Services {
    /// Decoding and encoding.
    ffmpeg: Condition,
    /// Where everything is kept.
    database: Condition,
    /// Jobs.
    queue: Condition,
    /// Chat.
    openai: Condition,
    /// Pictures.
    replicate: Condition,
    /// Voices.
    elevenlabs: Condition,
}

/// All is well.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `healthy`.
    status: &'static str,
    /// Now.
    timestamp: Timestamp,
    /// Seconds since the service began.
    uptime: f64,
    /// Of vfxb.
    version: &'static str,
    /// One by one.
    services: Services,
}

/// Something that rendering needs is down.
#[derive(Debug, Serialize, ToSchema)]
struct Unhealthy {
    /// `unhealthy`.
    status: &'static str,
    /// What is down.
    error: &'static str,
    /// Now.
    timestamp: Timestamp,
}

/// How the service is.
#[utoipa::path(
    get,
    path = "/api/health",
    tag = "service",
    security(()),
    responses((status = 200, body = Health), (status = 503, body = Unhealthy))
)]
async fn health(State(app): State<App>) -> Response {
    let timestamp = Timestamp::now();
    if app.store.alive().await.is_err() {
        let body = Unhealthy { status: "unhealthy", error: "The database does not answer.", timestamp };
        return (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response();
    }
    let provider = |provider: &Provider| match provider.key {
        None => Condition::NotConfigured,
        Some(_) => Condition::Unavailable,
    };
    let queue = match app.store.queue_depth().await {
        Ok(_) => Condition::Connected,
        Err(_) => Condition::Disconnected,
    };
    let services = Services {
        ffmpeg: Condition::Available,
        database: Condition::Connected,
        queue,
        openai: provider(&app.config.openai),
        replicate: provider(&app.config.replicate),
        elevenlabs: provider(&app.config.elevenlabs),
    };
    let uptime = STARTED.elapsed().as_secs_f64();
    Json(Health { status: "healthy", timestamp, uptime, version: env!("CARGO_PKG_VERSION"), services })
        .into_response()
}
