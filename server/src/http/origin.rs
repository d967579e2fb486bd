//! Which pages and names may reach the service.
//!
//! In open mode every request that gets through may do everything, so no web page may send one: a page's `Origin` must be
//! configured or our own (CSRF), and the `Host` must be a name of this machine or configured (DNS rebinding). With a login
//! the token protects, and browsers keep what CORS says.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::config::Config;
use crate::error::{ApiError, Kind};

/// Refuses what a foreign page or a foreign name brings, in open mode.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    match check(&app.config, request.headers(), request.uri()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Whether a request's `Host` and `Origin` may reach the service.
///
/// # Errors
/// 403, in open mode alone.
pub fn check(config: &Config, headers: &HeaderMap, uri: &Uri) -> Result<(), ApiError> {
    if config.login.is_some() {
        return Ok(());
    }
    let host = authority(headers, uri);
    if !host.as_deref().is_some_and(|host| host_allowed(config, host)) {
        return Err(ApiError::new(
            Kind::Refused,
            "This service is not reached under that name; add it to ALLOWED_HOSTS if it should be.",
        ));
    }
    if origin_allowed(config, headers, uri) { Ok(()) } else { Err(foreign()) }
}

/// What a foreign page is told.
pub(crate) fn foreign() -> ApiError {
    ApiError::new(Kind::Refused, "Pages of that origin may not call; add it to CORS_ORIGIN if they should.")
}

/// Whether the page that a request comes from, if any, is ours or configured. For sockets in either mode.
pub fn origin_allowed(config: &Config, headers: &HeaderMap, uri: &Uri) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let configured = config.cors_origins.iter().any(|allowed| allowed == origin);
    let ours = || {
        let host = authority(headers, uri);
        let named = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        named.is_some() && named == host.as_deref()
    };
    origins.next().is_none() && (configured || ours())
}

/// Host and port that the request was sent to, in lower case; none if it says so twice.
fn authority(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let header = match (hosts.next(), hosts.next()) {
        (Some(host), None) => Some(host.to_str().ok()?),
        (None, _) => None,
        (Some(_), Some(_)) => return None,
    };
    let target = uri.authority().map(|authority| authority.as_str());
    Some(target.or(header)?.to_ascii_lowercase())
}

fn host_allowed(config: &Config, authority: &str) -> bool {
    let name = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => authority.split(':').next().unwrap_or_default(),
    };
    let loopback = name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    loopback || config.hosts.iter().any(|host| host == name || host == authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(host: Option<&str>, origin: Option<&str>) -> bool {
        let mut config = Config::local("/nowhere");
        config.hosts = vec!["films.example".to_owned()];
        let mut headers = HeaderMap::new();
        host.map(|host| headers.insert(header::HOST, host.parse().unwrap()));
        origin.map(|origin| headers.insert(header::ORIGIN, origin.parse().unwrap()));
        check(&config, &headers, &Uri::from_static("/api/health")).is_ok()
    }

    #[test]
    fn only_names_of_this_machine_and_configured_ones() {
        for host in [
            "localhost",
            "localhost:3001",
            "127.0.0.1:3001",
            "127.1.2.3",
            "[::1]:3001",
            "LOCALHOST:1",
            "films.example",
            "films.example:80",
        ] {
            assert!(told(Some(host), None), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example:3001",
            "127.0.0.1.evil.example",
            "192.168.1.2",
            "0.0.0.0:3001",
            "",
            "[::2]",
        ] {
            assert!(!told(Some(host), None), "{host}");
        }
        assert!(!told(None, None), "no Host at all");
    }

    #[test]
    fn only_our_own_pages_and_configured_ones() {
        let host = Some("127.0.0.1:3001");
        for origin in ["http://localhost:3000", "http://127.0.0.1:3001"] {
            assert!(told(host, Some(origin)), "{origin}");
        }
        for origin in [
            "https://evil.example",
            "null",
            "http://localhost:3001",
            "http://localhost",
            "http://localhost:3000.evil.example",
            "file://",
        ] {
            assert!(!told(host, Some(origin)), "{origin}");
        }
    }
}
