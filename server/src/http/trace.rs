//! One span, one log line and one measurement a request, under an id that the client knows too.
//!
//! No header, no body and no query that opens something is logged.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Uri};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use uuid::Uuid;

use crate::app::App;
use crate::error::Internal;
use crate::http::address;
use crate::http::signed;
use crate::telemetry::REQUEST_SECONDS;

/// Comes in, goes out, and stands in the log.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Query keys whose values are never logged, besides those of a signed url: `sid` is a socket's session.
const HIDDEN: [&str; 4] = ["token", "access_token", "key", "sid"];

/// Follows a request.
pub(crate) async fn follow(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request.headers().get(&REQUEST_ID).filter(|id| is_plain(id)).cloned();
    let id = id.or_else(|| HeaderValue::from_str(&Uuid::new_v4().to_string()).ok());
    let id = id.unwrap_or(HeaderValue::from_static("none"));
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let method = request.method().clone();
    // A path that no route has is a stranger's word: it would make a measurement of its own.
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = matched.unwrap_or_else(|| "unmatched".to_owned());
    let address = address::client(request.headers(), request.extensions(), &app.config.proxies);
    let span = tracing::info_span!(
        "request",
        id = id.to_str().unwrap_or_default(),
        method = method.as_str(),
        path = plain(request.uri()),
        %address,
    );
    let mut response = next.run(request).instrument(span.clone()).await;
    response.headers_mut().insert(REQUEST_ID, id);
    let status = response.status();
    let seconds = began.elapsed().as_secs_f64();
    let labels =
        [("method", known(&method)), ("route", route.clone()), ("status_code", status.as_u16().to_string())];
    metrics::histogram!(REQUEST_SECONDS, &labels).record(seconds);
    span.in_scope(|| {
        if let Some(Internal(reason)) = response.extensions().get::<Internal>() {
            tracing::error!(reason, "a request failed");
        }
        let milliseconds = seconds * 1000.0;
        tracing::info!(route, status = status.as_u16(), milliseconds, "answered");
    });
    response
}

/// Methods are strangers' words too.
fn known(method: &axum::http::Method) -> String {
    match method.as_str() {
        name @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => name.to_owned(),
        _ => "other".to_owned(),
    }
}

fn is_plain(id: &HeaderValue) -> bool {
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=64).contains(&id.len()) && id.as_bytes().iter().all(legal)
}

/// Path and query, without what opens something.
fn plain(uri: &Uri) -> String {
    let Some(query) = uri.query() else { return uri.path().to_owned() };
    let shown = query.split('&').map(|pair| {
        let key = pair.split('=').next().unwrap_or_default();
        let hidden = signed::KEYS.contains(&key) || HIDDEN.contains(&key);
        if hidden { format!("{key}=********") } else { pair.to_owned() }
    });
    format!("{}?{}", uri.path(), shown.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_something_is_not_shown() {
        let shown = |text: &'static str| plain(&Uri::from_static(text));
        assert_eq!(shown("/api/video?limit=1"), "/api/video?limit=1");
        assert_eq!(
            shown("/f?expires=5&owner=7&signature=abc&at=2&token=x"),
            "/f?expires=********&owner=********&signature=********&at=2&token=********"
        );
    }
}
