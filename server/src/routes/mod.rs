//! Every endpoint: one file a group, one line here.
//!
//! A file has `pub(crate) fn router() -> OpenApiRouter<App>`, whose handlers carry their documentation with every status
//! that they can answer. The document that `/api/openapi.json` shows is put together from them.

pub(crate) mod ai;
mod answers;
mod assets;
mod auth;
mod docs;
mod edits;
mod events;
mod health;
mod metrics;
mod projects;
mod renders;
mod scripts;
#[cfg(test)]
mod tests;
mod tus;
mod upload;
mod videos;

use utoipa::Modify;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// Every group of endpoints.
const GROUPS: &[fn() -> OpenApiRouter<App>] = &[
    ai::router,
    assets::router,
    auth::router,
    docs::router,
    edits::router,
    events::router,
    health::router,
    metrics::router,
    projects::router,
    renders::router,
    scripts::router,
    tus::router,
    upload::router,
    videos::router,
];

/// What the document says besides the endpoints. Every endpoint needs a token unless it says `security(())`.
#[derive(OpenApi)]
#[openapi(
    info(title = "vfxb", description = "The vfxb engine over HTTP."),
    modifiers(&Bearer),
    security(("bearer" = []))
)]
struct Head;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

/// All endpoints and their document, without what stands before them.
pub(crate) fn table() -> OpenApiRouter<App> {
    GROUPS.iter().fold(OpenApiRouter::with_openapi(Head::openapi()), |all, group| all.merge(group()))
}
