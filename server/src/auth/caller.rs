//! [`Caller`] from a request: a bearer token; for reading, a signed url; in open mode, nothing.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};

use crate::app::{App, Caller};
use crate::error::{ApiError, Kind};
use crate::http::signed::Signer;
use crate::model::OPEN_OWNER;

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        Caller::of(parts, app)
    }
}

impl Caller {
    /// Who sent a request.
    ///
    /// # Errors
    /// 401 without a token, 403 with one (or a signature) that does not count.
    pub fn of(parts: &Parts, app: &App) -> Result<Caller, ApiError> {
        if let Some(token) = bearer(&parts.headers) {
            return Caller::by_token(Some(token), app);
        }
        let query = parts.uri.query().unwrap_or_default();
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        if app.tokens.is_some() && reads && Signer::claimed(query) {
            let owner = app.signer.owner(parts.uri.path(), query);
            return owner.map(|owner| Caller { owner }).ok_or_else(|| {
                ApiError::new(Kind::Forbidden, "This url does not count any more; ask for a new one.")
            });
        }
        Caller::by_token(None, app)
    }

    /// Who holds a token: what a request's header or a socket's handshake gives.
    ///
    /// # Errors
    /// As [`Caller::of`].
    pub fn by_token(token: Option<&str>, app: &App) -> Result<Caller, ApiError> {
        let Some(tokens) = &app.tokens else { return Ok(Caller { owner: OPEN_OWNER }) };
        let token = token.filter(|token| !token.is_empty());
        let token =
            token.ok_or_else(|| ApiError::new(Kind::NoToken, "Log in, and send the token that you get."))?;
        let owner = tokens.owner(token);
        owner
            .map(|owner| Caller { owner })
            .ok_or_else(|| ApiError::new(Kind::Forbidden, "This token does not count; log in again."))
    }
}

/// What follows `Bearer` in the Authorization header; empty if it is of another form, which then does not count.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?;
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
