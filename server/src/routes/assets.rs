//! `/api/assets`: what scripts name besides videos.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::answers::{Deleted, Usual};
use super::videos::filename;
use crate::app::{App, Caller};
use crate::error::{ApiError, ErrorBody};
use crate::http::file::{self, Sent};
use crate::http::list::{ListQuery, Place};
use crate::http::path::Id;
use crate::http::query::CheckedQuery;
use crate::model::{Asset, AssetKind, Metadata, Owner, RawJson};
use crate::upload::keep;

/// What assets can be sorted by.
const SORTABLE: &[&str] = &["originalName", "createdAt"];

/// What a list can be asked to show of them.
const FIELDS: &[&str] = &["id", "kind", "filename", "originalName", "size", "metadata", "createdAt", "url"];

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, delete)).routes(routes!(content))
}

/// An asset.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AssetView {
    /// Its id; scripts name it `asset:ID`.
    pub(crate) id: Uuid,
    /// What it is.
    pub(crate) kind: AssetKind,
    /// How it is called here.
    pub(crate) filename: String,
    /// How you call it.
    pub(crate) original_name: String,
    /// Bytes.
    pub(crate) size: u64,
    /// What is in it, if it is media.
    pub(crate) metadata: Option<Metadata>,
    /// When it came.
    pub(crate) created_at: Timestamp,
    /// Where it is, with a signature that counts for a while.
    pub(crate) url: String,
}

impl AssetView {
    pub(crate) fn of(app: &App, asset: Asset) -> AssetView {
        let Asset { id, owner, kind, original_name, blob, metadata, created_at, .. } = asset;
        AssetView {
            id,
            kind,
            filename: filename(id, Some(&blob), &original_name),
            original_name,
            size: blob.size,
            metadata,
            created_at,
            url: app.signer.sign(owner, &format!("/api/assets/{id}/file")),
        }
    }
}

/// One asset.
#[derive(Debug, Serialize, ToSchema)]
struct OneAsset {
    /// Always true.
    success: bool,
    /// It.
    asset: AssetView,
}

/// A page of assets.
#[derive(Debug, Serialize, ToSchema)]
struct Assets {
    /// Always true.
    success: bool,
    /// The assets, with the fields that were asked for.
    #[schema(value_type = Vec<Object>)]
    assets: Vec<RawJson>,
    /// Which page this is.
    page: u64,
    /// Rows of a page.
    limit: u64,
    /// Assets in all.
    total: u64,
}

/// Which assets.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Of this kind alone.
    #[param(inline)]
    kind: Option<AssetKind>,
}

/// Your assets
///
/// Newest first unless sorted.
#[utoipa::path(
    get,
    path = "/api/assets",
    tag = "assets",
    params(Which, ListQuery),
    responses(
        (status = 200, description = "A page of them", body = Assets),
        (status = 400, description = "A wrong query, with every finding", body = ErrorBody),
        Usual
    )
)]
async fn list(
    State(app): State<App>,
    caller: Caller,
    CheckedQuery(which): CheckedQuery<Which>,
    CheckedQuery(query): CheckedQuery<ListQuery>,
) -> Result<Json<Assets>, ApiError> {
    let listed = app.store.assets(caller.owner, which.kind, &query.page(SORTABLE, FIELDS)?).await?;
    let Place { page, limit, total } = query.place(&listed);
    let rows = listed.rows.into_iter().map(|asset| query.row(&AssetView::of(&app, asset)));
    Ok(Json(Assets { success: true, assets: rows.collect::<Result<_, _>>()?, page, limit, total }))
}

/// An asset
#[utoipa::path(
    get,
    path = "/api/assets/{id}",
    tag = "assets",
    params(("id" = Uuid, Path, description = "The asset")),
    responses(
        (status = 200, description = "It", body = OneAsset),
        (status = 404, description = "There is no such asset", body = ErrorBody),
        Usual
    )
)]
async fn show(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Json<OneAsset>, ApiError> {
    let asset = found(&app, caller.owner, id).await?;
    Ok(Json(OneAsset { success: true, asset: AssetView::of(&app, asset) }))
}

/// Deletes an asset
///
/// What results need of it stays, hidden, until they go.
#[utoipa::path(
    delete,
    path = "/api/assets/{id}",
    tag = "assets",
    params(("id" = Uuid, Path, description = "The asset")),
    responses(
        (status = 200, description = "It is gone", body = Deleted),
        (status = 404, description = "There is no such asset", body = ErrorBody),
        Usual
    )
)]
async fn delete(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Json<Deleted>, ApiError> {
    found(&app, caller.owner, id).await?;
    let gone = app.store.delete_media(caller.owner, id).await?;
    keep::remove(&app, &gone.ok_or_else(|| ApiError::not_found("asset"))?).await;
    Ok(Json(Deleted { success: true }))
}

/// An asset's file
///
/// With ranges and a validator.
#[utoipa::path(
    get,
    path = "/api/assets/{id}/file",
    tag = "assets",
    params(("id" = Uuid, Path, description = "The asset")),
    responses(
        (status = 200, description = "The file", content_type = "*/*"),
        (status = 206, description = "A part of it", content_type = "*/*"),
        (status = 304, description = "It has not changed"),
        (status = 404, description = "There is no such asset", body = ErrorBody),
        (status = 412, description = "It is another file by now", body = ErrorBody),
        (status = 416, description = "The range lies outside the file", body = ErrorBody),
        Usual
    )
)]
async fn content(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let asset = found(&app, caller.owner, id).await?;
    let path = app.files.path(&asset.blob);
    let content_type = file::content_type(&asset.blob.extension);
    let sent = Sent { path: &path, content_type, etag: &asset.blob.hash, name: &asset.original_name };
    file::serve(sent, &method, &headers).await
}

async fn found(app: &App, owner: Owner, id: Uuid) -> Result<Asset, ApiError> {
    app.store.asset(owner, id).await?.ok_or_else(|| ApiError::not_found("asset"))
}
