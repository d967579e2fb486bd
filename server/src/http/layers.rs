//! What stands before every route, in order, outermost first.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Response, header};
use axum::middleware::{from_fn, from_fn_with_state};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::{CompressionLayer, Predicate};
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::app::App;
use crate::http::body::JSON_LIMIT;
use crate::http::{cors, headers, limits, origin, shape, trace};

/// How long a body may say nothing.
const BODY_SILENCE: Duration = Duration::from_secs(60);

/// Puts everything before the routes.
pub(crate) fn before(routes: Router<App>, app: &App) -> Router<App> {
    let state = || app.clone();
    routes.fallback(shape::no_such_path).method_not_allowed_fallback(shape::no_such_method).layer(
        ServiceBuilder::new()
            .layer(from_fn_with_state(state(), trace::follow))
            .layer(from_fn(headers::add))
            .layer(from_fn(cors::set_aside))
            .layer(cors::layer(&app.config))
            .layer(from_fn(cors::give_back))
            .layer(CompressionLayer::new().gzip(true).compress_when(Text))
            .layer(from_fn_with_state(state(), shape::known))
            .layer(CatchPanicLayer::custom(shape::panicked))
            .layer(from_fn_with_state(state(), origin::guard))
            .layer(from_fn_with_state(state(), limits::limit))
            .layer(from_fn_with_state(state(), shape::in_time))
            .layer(RequestBodyTimeoutLayer::new(BODY_SILENCE))
            .layer(DefaultBodyLimit::max(JSON_LIMIT)),
    )
}

/// Our own texts are compressed; files, which have ranges and tags, and events, which must not wait, are not.
#[derive(Debug, Clone, Copy)]
struct Text;

impl Predicate for Text {
    fn should_compress<B>(&self, response: &Response<B>) -> bool
    where
        B: axum::body::HttpBody,
    {
        const SMALL: u64 = 860;
        const TEXTS: [&str; 6] = [
            "application/json",
            "text/html",
            "text/css",
            "text/javascript",
            "application/javascript",
            "text/plain",
        ];
        let headers = response.headers();
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let file = [header::ACCEPT_RANGES, header::CONTENT_RANGE, header::CONTENT_DISPOSITION];
        TEXTS.iter().any(|text| kind.starts_with(text))
            && !file.iter().any(|name| headers.contains_key(name))
            && response.body().size_hint().exact().is_none_or(|size| size >= SMALL)
    }
}
