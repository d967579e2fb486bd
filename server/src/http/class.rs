//! What kind of request a route takes: which limit counts it, and how long it may take. One table.

use std::time::Duration;

use axum::http::Method;

use crate::config::{Rate, Rates};

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Everything that has no kind of its own.
    General,
    /// The assistant.
    Ai,
    /// A new upload.
    Upload,
    /// Reading a job's state, events and files.
    Status,
    /// Registering and logging in: counted by address, whoever asks.
    Login,
    /// Not counted.
    Free,
}

/// A route, as it is declared, or all that begin so if it ends in `*`; `ANY` method, or one of them (`GET` is `HEAD` too).
/// The first that fits counts.
const CLASSES: &[(&str, &str, Class)] = &[
    ("GET", "/api/health", Class::Free),
    ("GET", "/metrics", Class::Free),
    ("GET", "/docs*", Class::Free),
    ("POST", "/api/auth/*", Class::Login),
    ("ANY", "/api/ai/*", Class::Ai),
    ("POST", "/api/video/upload", Class::Upload),
    ("POST", "/api/upload", Class::Upload),
    // A resumable upload counts once, when it is created; its pieces do not.
    ("POST", "/api/tus", Class::Upload),
    ("PATCH", "/api/tus*", Class::Free),
    ("OPTIONS", "/api/tus*", Class::Free),
    ("ANY", "/api/tus*", Class::Status),
    ("GET", "/api/renders*", Class::Status),
    ("GET", "/api/video/{id}*", Class::Status),
    ("GET", "/api/assets/{id}*", Class::Status),
    // Its sessions are counted where they are opened.
    ("ANY", "/socket.io*", Class::Free),
];

impl Class {
    /// Of a request, by its method and its declared route.
    pub fn of(method: &Method, route: &str) -> Class {
        let method = if method == Method::HEAD { "GET" } else { method.as_str() };
        let fits = |declared: &str| match declared.strip_suffix('*') {
            Some(start) => route.starts_with(start),
            None => route == declared,
        };
        let found = CLASSES.iter().find(|(m, declared, _)| (*m == "ANY" || *m == method) && fits(declared));
        found.map_or(Class::General, |(_, _, class)| *class)
    }

    /// How often such may come.
    pub fn rate(self, rates: &Rates) -> Option<Rate> {
        match self {
            Class::General | Class::Login => rates.general,
            Class::Ai => rates.ai,
            Class::Upload => rates.upload,
            Class::Status => rates.status,
            Class::Free => None,
        }
    }

    /// How long a handler may take, given the time of a quick worker. What takes in or gives out files ends by its
    /// connection's own limits.
    pub fn patience(self, quick: Duration) -> Option<Duration> {
        /// A request may wait for others' workers before its own, and for a database.
        const ROOM: Duration = Duration::from_secs(30);
        match self {
            Class::Upload | Class::Status | Class::Free => None,
            Class::Ai => Some(quick.saturating_mul(5) + ROOM),
            Class::General | Class::Login => Some(quick.saturating_mul(2) + ROOM),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_have_their_class() {
        let class = |method: Method, route: &str| Class::of(&method, route);
        assert_eq!(class(Method::GET, "/api/health"), Class::Free);
        assert_eq!(class(Method::HEAD, "/api/health"), Class::Free);
        assert_eq!(class(Method::GET, "/api/projects"), Class::General);
        assert_eq!(class(Method::POST, "/api/auth/login"), Class::Login);
        assert_eq!(class(Method::GET, "/api/auth/me"), Class::General);
        assert_eq!(class(Method::POST, "/api/ai/chat"), Class::Ai);
        assert_eq!(class(Method::POST, "/api/video/upload"), Class::Upload);
        assert_eq!(class(Method::POST, "/api/video/trim"), Class::General);
        assert_eq!(class(Method::GET, "/api/video/{id}/file"), Class::Status);
        assert_eq!(class(Method::GET, "/api/video"), Class::General);
        assert_eq!(class(Method::DELETE, "/api/video/{id}"), Class::General);
        assert_eq!(class(Method::POST, "/api/renders"), Class::General);
        assert_eq!(class(Method::GET, "/api/renders/{id}/events"), Class::Status);
        assert_eq!(class(Method::POST, "/api/tus"), Class::Upload);
        assert_eq!(class(Method::PATCH, "/api/tus/{id}"), Class::Free);
        assert_eq!(class(Method::HEAD, "/api/tus/{id}"), Class::Status);
    }
}
