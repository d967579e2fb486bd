//! `GET /api/openapi.json` and `/docs`: the document that the routes make, and a page to try it, without outside resources.

use std::sync::{Arc, LazyLock};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::Config;

use crate::app::App;
use crate::error::ApiError;

/// The page's own scripts and styles, and nothing from elsewhere; it colours by styles in its elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Made once: it does not change while the service runs.
static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(|| super::table().into_openapi());

/// Where there is no login, nothing asks for a token.
static OPEN_DOCUMENT: LazyLock<OpenApi> = LazyLock::new(|| {
    let mut document = DOCUMENT.clone();
    document.security = None;
    document
});

static PAGE: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::from("/api/openapi.json");
    // The badge of the validator would be asked of another server.
    Arc::new(config.validator_url("none").try_it_out_enabled(true).persist_authorization(false))
});

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(document))
        .route("/docs", get(|| async { Redirect::permanent("/docs/") }))
        .route("/docs/", get(|| async { page("index.html") }))
        .route("/docs/{*file}", get(|Path(file): Path<String>| async move { page(&file) }))
}

/// This document.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    tag = "service",
    security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object), (status = 429, body = crate::error::ErrorBody))
)]
async fn document(State(app): State<App>) -> Json<&'static OpenApi> {
    Json(if app.tokens.is_some() { &DOCUMENT } else { &OPEN_DOCUMENT })
}

fn page(file: &str) -> Response {
    match utoipa_swagger_ui::serve(file, PAGE.clone()) {
        Ok(Some(file)) => {
            let headers = [(CONTENT_TYPE, file.content_type), (CONTENT_SECURITY_POLICY, POLICY.to_owned())];
            (headers, file.bytes.into_owned()).into_response()
        }
        Ok(None) => ApiError::not_found("page").into_response(),
        Err(error) => ApiError::internal(format!("the page of the documentation: {error}")).into_response(),
    }
}
