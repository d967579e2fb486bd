//! CORS as configured: which origins, and which methods and headers are told to browsers.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::cors::CorsLayer;

use crate::config::Config;

/// Headers that pages may send.
const ALLOWED: [&str; 15] = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-none-match",
    "if-range",
    "last-event-id",
    "range",
    "tus-resumable",
    "upload-checksum",
    "upload-length",
    "upload-metadata",
    "upload-offset",
    "x-http-method-override",
    "x-request-id",
];

/// Headers that pages may read.
const EXPOSED: [&str; 25] = [
    "accept-ranges",
    "content-disposition",
    "content-length",
    "content-range",
    "content-type",
    "etag",
    "idempotency-key",
    "last-event-id",
    "last-modified",
    "location",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "retry-after",
    "tus-checksum-algorithm",
    "tus-extension",
    "tus-max-size",
    "tus-resumable",
    "tus-version",
    "upload-expires",
    "upload-length",
    "upload-metadata",
    "upload-offset",
    "upload-result",
    "x-request-id",
];

/// Stands for OPTIONS on its way past the layer.
const SET_ASIDE: &str = "NOT-A-PREFLIGHT";

/// The layer.
pub(crate) fn layer(config: &Config) -> CorsLayer {
    let origins = config.cors_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let methods = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::HEAD,
    ];
    CorsLayer::new()
        .allow_origin(origins.collect::<Vec<_>>())
        .allow_methods(methods)
        .allow_headers(ALLOWED.map(HeaderName::from_static))
        .expose_headers(EXPOSED.map(HeaderName::from_static))
        .allow_credentials(true)
        .max_age(std::time::Duration::from_secs(600))
}

/// The layer takes every OPTIONS for a preflight and answers it; tus asks by OPTIONS too. Before the layer, an OPTIONS that
/// is no preflight gets another name …
pub(crate) async fn set_aside(mut request: Request, next: Next) -> Response {
    let preflight = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() == Method::OPTIONS
        && !preflight
        && let Ok(other) = Method::from_bytes(SET_ASIDE.as_bytes())
    {
        *request.method_mut() = other;
    }
    next.run(request).await
}

/// … and behind it its own again.
pub(crate) async fn give_back(mut request: Request, next: Next) -> Response {
    if request.method().as_str() == SET_ASIDE {
        *request.method_mut() = Method::OPTIONS;
    }
    next.run(request).await
}
