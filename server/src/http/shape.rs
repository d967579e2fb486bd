//! Failures that no handler made, in the known shape: paths that are not there, methods, what extractors of libraries say,
//! handlers that panic or take too long.

use std::any::Any;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::error::{ApiError, ErrorBody, Internal, Kind};
use crate::http::class::Class;

/// Bytes of a library's sentence that are passed on.
const SENTENCE: usize = 1000;

/// Where nothing is.
pub(crate) async fn no_such_path(request: Request) -> ApiError {
    let path: String = request.uri().path().chars().take(200).collect();
    ApiError::new(Kind::NotFound, format!("There is nothing at {path}."))
}

/// Where something is, for other methods.
pub(crate) async fn no_such_method(method: Method) -> ApiError {
    ApiError::new(Kind::Method, format!("{method} is not possible here."))
}

/// What a client is told of a panic; the log has the rest.
#[expect(clippy::needless_pass_by_value, reason = "the layer gives it so")]
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text =
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    ApiError::internal(format!("a handler panicked: {}", text.unwrap_or("without a word"))).into_response()
}

/// Ends a handler that takes too long.
pub(crate) async fn in_time(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    match Class::of(request.method(), route).patience(app.config.jobs.quick_time) {
        None => next.run(request).await,
        Some(patience) => within(patience, next.run(request)).await,
    }
}

async fn within(patience: Duration, answer: impl Future<Output = Response>) -> Response {
    tokio::time::timeout(patience, answer).await.unwrap_or_else(|_| {
        ApiError::new(Kind::Busy, "This took too long; try again later.").retry_after(30).into_response()
    })
}

/// Gives a failure that came as plain text (or as nothing) the known body, and in development adds what is internal.
pub(crate) async fn known(State(app): State<App>, request: Request, next: Next) -> Response {
    let head = request.method() == Method::HEAD;
    let response = next.run(request).await;
    let failed = response.status().is_client_error() || response.status().is_server_error();
    if !failed || head {
        return response;
    }
    let internal = response.extensions().get::<Internal>().filter(|_| app.config.development).cloned();
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    if kind.is_empty() || kind.starts_with(b"text/plain") {
        return in_shape(response).await;
    }
    match internal {
        Some(internal) => revealed(response, internal).await,
        None => response,
    }
}

/// Every kind that a library's status may mean.
const KINDS: [Kind; 10] = [
    Kind::Forbidden,
    Kind::NotFound,
    Kind::Method,
    Kind::Timeout,
    Kind::Conflict,
    Kind::Precondition,
    Kind::TooLarge,
    Kind::Unsupported,
    Kind::Range,
    Kind::Unprocessable,
];

async fn in_shape(response: Response) -> Response {
    let status = response.status();
    let kind = KINDS.into_iter().find(|kind| kind.status() == status);
    let kind = kind.unwrap_or(if status.is_server_error() { Kind::Internal } else { Kind::Validation });
    let (mut parts, body) = response.into_parts();
    let said = to_bytes(body, SENTENCE).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said).into_owned();
    let error = match kind {
        Kind::Internal => ApiError::internal(said),
        Kind::Validation => ApiError::validation(vec![said]),
        _ if said.is_empty() => ApiError::new(kind, kind.describe().2),
        _ => ApiError::new(kind, said),
    };
    let shaped = error.into_response();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(shaped.headers().clone());
    parts.extensions.extend(shaped.extensions().clone());
    Response::from_parts(parts, shaped.into_body())
}

async fn revealed(response: Response, Internal(internal): Internal) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let told = serde_json::from_slice::<ErrorBody>(&bytes).ok().and_then(|mut body| {
        body.message = internal;
        serde_json::to_vec(&body).ok()
    });
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(told.unwrap_or_else(|| bytes.into())))
}
