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
use crate::probes::{self, Condition};
use crate::worker::sandbox;

/// When the process began to serve.
static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

pub(crate) fn router() -> OpenApiRouter<App> {
    LazyLock::force(&STARTED);
    OpenApiRouter::new().routes(routes!(health))
}

/// Every service.
#[derive(Debug, Serialize, ToSchema)]
struct Services {
    /// Decoding and encoding.
    ffmpeg: Condition,
    /// A graphics processor in this machine. The service's renders do without: they are locked in, away from drivers.
    gpu: Condition,
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

/// Which locks the system has for the processes that look into files.
#[derive(Debug, Serialize, ToSchema)]
struct Sandbox {
    /// Files and sockets.
    landlock: bool,
    /// System calls.
    seccomp: bool,
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
    /// How well strangers' files are locked in.
    sandbox: Sandbox,
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
    let ffmpeg = probes::libav();
    if !app.probes.store(&app.store).await {
        return unhealthy("The database does not answer.");
    }
    if ffmpeg != Condition::Available {
        return unhealthy("libav has no encoder.");
    }
    let queue = match app.store.queue_depth().await {
        Ok(_) => Condition::Connected,
        Err(_) => Condition::Disconnected,
    };
    let (gpu, openai, replicate, elevenlabs) = tokio::join!(
        probes::gpu(),
        app.probes.provider(&probes::OPENAI, &app.config.openai),
        app.probes.provider(&probes::REPLICATE, &app.config.replicate),
        app.probes.provider(&probes::ELEVENLABS, &app.config.elevenlabs),
    );
    let database = Condition::Connected;
    let services = Services { ffmpeg, gpu, database, queue, openai, replicate, elevenlabs };
    static LOCKS: LazyLock<sandbox::Support> = LazyLock::new(sandbox::support);
    Json(Health {
        status: "healthy",
        timestamp: Timestamp::now(),
        uptime: STARTED.elapsed().as_secs_f64(),
        version: env!("CARGO_PKG_VERSION"),
        services,
        sandbox: Sandbox { landlock: LOCKS.landlock, seccomp: LOCKS.seccomp },
    })
    .into_response()
}

fn unhealthy(error: &'static str) -> Response {
    let body = Unhealthy { status: "unhealthy", error, timestamp: Timestamp::now() };
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}
