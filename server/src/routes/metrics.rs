//! `GET /metrics`: measurements as Prometheus reads them, for this machine or with a token of their own.

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::caller::bearer;
use crate::error::{ApiError, ErrorBody, Kind};
use crate::http::address;
use crate::telemetry;

/// Prometheus' text format.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// With any of these the request came through a proxy: that the proxy is on this machine says nothing of its sender.
const PROXIED: [HeaderName; 3] = [
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("forwarded"),
];

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(measurements))
}

/// Measurements, in Prometheus' text format.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "service",
    security((), ("bearer" = [])),
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 403, body = ErrorBody, description = "Not from this machine, and without METRICS_TOKEN"),
    )
)]
async fn measurements(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    if !allowed(&app, &request) {
        return Err(ApiError::new(
            Kind::Refused,
            "Measurements are read on this machine, or with METRICS_TOKEN.",
        ));
    }
    let handle = telemetry::measurements().map_err(ApiError::internal)?;
    if let Ok((waiting, running)) = app.store.queue_depth().await {
        metrics::gauge!(telemetry::JOBS_WAITING).set(waiting as f64);
        metrics::gauge!(telemetry::JOBS_RUNNING).set(running as f64);
    }
    telemetry::count_lost_lines();
    Ok(([(CONTENT_TYPE, FORMAT)], handle.render()).into_response())
}

fn allowed(app: &App, request: &Request) -> bool {
    if let (Some(token), Some(given)) = (&app.config.metrics_token, bearer(request.headers())) {
        return token.reveal().as_bytes().ct_eq(given.as_bytes()).into();
    }
    let proxied = PROXIED.iter().any(|name| request.headers().contains_key(name));
    address::peer(request.extensions()).is_loopback() && !proxied
}
