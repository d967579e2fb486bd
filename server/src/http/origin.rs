//! Which pages and names may reach the service.
//!
//! In open mode every request that gets through may do everything, so no web page may send one: a page's `Origin` must be
//! configured or our own (CSRF), and the `Host` must be a name of this machine or configured (DNS rebinding). What pages
//! ask for without an `Origin` (pictures, frames, forms that only read) has `Sec-Fetch-Site` in every browser of today: it
//! must come from such a page too, or it would use up the limits of who works here. With a login the token protects, and
//! browsers keep what CORS says.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::config::Config;
use crate::error::{ApiError, Kind};

/// Refuses what a foreign page or a foreign name brings, in open mode.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    match check(&app.config, request.method(), request.headers(), request.uri()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Pages that links elsewhere may open.
const DOCUMENTS: &str = "/docs";

/// Whether what a request says of its `Host` and of the page that sent it may reach the service.
///
/// # Errors
/// 403, in open mode alone.
pub fn check(config: &Config, method: &Method, headers: &HeaderMap, uri: &Uri) -> Result<(), ApiError> {
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
    let page = origin_allowed(config, headers, uri)
        && (site_allowed(config, headers, uri) || opens_document(method, headers, uri));
    if page { Ok(()) } else { Err(foreign()) }
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
    origins.next().is_none() && known(config, headers, uri, origin)
}

/// Whether an origin is configured or the one that the request was sent to.
fn known(config: &Config, headers: &HeaderMap, uri: &Uri, origin: &str) -> bool {
    let configured = config.cors_origins.iter().any(|allowed| allowed == origin);
    let ours = || {
        let host = authority(headers, uri);
        let named = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        named.is_some() && named == host.as_deref()
    };
    configured || ours()
}

/// Whether a request without `Origin` is from no other site, or from a page there that is configured: its `Referer` says
/// so, which no page can forge.
fn site_allowed(config: &Config, headers: &HeaderMap, uri: &Uri) -> bool {
    let own = |site: &header::HeaderValue| site == "same-origin" || site == "none";
    if headers.contains_key(header::ORIGIN) || headers.get_all("sec-fetch-site").iter().all(own) {
        return true;
    }
    let page = headers.get(header::REFERER).and_then(|page| page.to_str().ok()?.parse::<Uri>().ok());
    let origin = page.and_then(|page| Some(format!("{}://{}", page.scheme_str()?, page.authority()?)));
    origin.is_some_and(|origin| known(config, headers, uri, &origin))
}

/// Whether somebody follows a link to one of our pages, which then is all that their tab shows.
fn opens_document(method: &Method, headers: &HeaderMap, uri: &Uri) -> bool {
    let says = |name: &str, word: &str| headers.get(name).is_some_and(|value| value == word);
    let path = uri.path().strip_prefix(DOCUMENTS);
    matches!(*method, Method::GET | Method::HEAD)
        && says("sec-fetch-mode", "navigate")
        && says("sec-fetch-dest", "document")
        && path.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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
        check(&config, &Method::GET, &headers, &Uri::from_static("/api/health")).is_ok()
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

    /// A request of a browser without `Origin`: how it says that it came about.
    fn fetched(path: &'static str, method: Method, said: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "127.0.0.1:3001".parse().unwrap());
        for (name, value) in said {
            headers.append(*name, value.parse().unwrap());
        }
        check(&Config::local("/nowhere"), &method, &headers, &Uri::from_static(path)).is_ok()
    }

    #[test]
    fn what_a_foreign_page_shows_is_refused_though_it_has_no_origin() {
        let get = |said: &[(&'static str, &str)]| fetched("/api/video/1/file", Method::GET, said);
        for own in ["same-origin", "none"] {
            assert!(get(&[("sec-fetch-site", own)]), "{own}");
        }
        for foreign in ["cross-site", "same-site", "", "x"] {
            let site = ("sec-fetch-site", foreign);
            assert!(!get(&[site]), "{foreign}");
            assert!(!get(&[site, ("referer", "https://evil.example/page")]), "{foreign}");
            assert!(!get(&[site, ("referer", "http://localhost:3000.evil.example/")]), "{foreign}");
            assert!(!get(&[site, ("referer", "/")]), "{foreign}");
            assert!(
                !get(&[site, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]),
                "{foreign}"
            );
            assert!(
                get(&[site, ("referer", "http://localhost:3000/")]),
                "a configured page's <video>: {foreign}"
            );
            assert!(get(&[site, ("referer", "http://127.0.0.1:3001/docs/")]), "{foreign}");
        }
        assert!(!get(&[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")]));
        assert!(get(&[]), "no browser");
    }

    #[test]
    fn links_elsewhere_open_the_documentation_and_nothing_else() {
        let link = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        assert!(fetched("/docs", Method::GET, &link) && fetched("/docs/", Method::HEAD, &link));
        assert!(!fetched("/docs", Method::POST, &link));
        assert!(
            !fetched("/docsify", Method::GET, &link) && !fetched("/api/openapi.json", Method::GET, &link)
        );
        let framed = [link[0], link[1], ("sec-fetch-dest", "iframe")];
        assert!(!fetched("/docs", Method::GET, &framed));
        let picture = [link[0], ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
        assert!(!fetched("/docs/favicon-16x16.png", Method::GET, &picture));
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
