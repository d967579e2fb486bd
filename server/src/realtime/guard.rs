//! What stands before the sockets: which pages may open them, how often, and what a frame may be.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::frames;
use crate::app::App;
use crate::http::class::Class;
use crate::http::limits::{Asker, Key};
use crate::http::{address, origin};

/// Refuses sockets that foreign pages open, with a login too: browsers let any page open one, and send no preflight.
/// New sessions are counted by address; what belongs to one is not, for polling asks as often as there is news.
pub(super) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    if !origin::origin_allowed(&app.config, request.headers(), request.uri()) {
        return origin::foreign().into_response();
    }
    let query = request.uri().query().unwrap_or_default();
    if !form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "sid") {
        let address = address::client(request.headers(), request.extensions(), &app.config.proxies);
        if let Some(Err(standing)) = app.limits.count(Class::Status, Asker::Address(Key::address(address))) {
            return standing.refused().into_response();
        }
    }
    frames::bounded(request, next).await
}
