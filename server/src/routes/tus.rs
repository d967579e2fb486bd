//! `/api/tus`: resumable uploads by the tus protocol 1.0.0 with its extensions creation, creation-with-upload,
//! termination, checksum and expiration.
//!
//! Beyond the protocol: when an upload is whole, answers say what it became in `Upload-Result` (`video:ID` or
//! `asset:ID`, as scripts name it), and a GET tells the same as JSON. `Upload-Metadata` may hold `filename` and `kind`.

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;
use uuid::Uuid;

use super::answers::Usual;
use crate::app::{App, Caller};
use crate::error::{ApiError, ErrorBody, Kind};
use crate::http::path::Id;
use crate::model::Upload;
use crate::upload::keep::Kept;
use crate::upload::resumable::{self, Append, Standing, checksum, metadata};

/// The protocol's version.
const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");

/// Its extensions that are here.
const EXTENSIONS: HeaderValue =
    HeaderValue::from_static("creation,creation-with-upload,termination,checksum,expiration");

/// The type of a part.
const PART: &str = "application/offset+octet-stream";

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const UPLOAD_RESULT: HeaderName = HeaderName::from_static("upload-result");
const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(options, create).layer(from_fn(protocol)))
        .routes(routes!(options_of_one, head, part, terminate, overridden, status).layer(from_fn(protocol)))
}

/// The version of the protocol that is spoken here.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description: the header is compared as it comes")]
enum Version {
    #[schema(rename = "1.0.0")]
    One,
}

/// The methods that a POST may stand for.
#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
#[expect(dead_code, reason = "a description: the header is compared as it comes")]
enum Override {
    Patch,
    Delete,
}

/// Bytes of the file; none to begin without.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "a description: the body is read as it comes")]
struct PartBytes(Vec<u8>);

/// How a resumable upload stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UploadStatus {
    /// Always true.
    success: bool,
    /// The upload.
    upload_id: Uuid,
    /// Bytes in all.
    length: u64,
    /// Bytes that are here.
    offset: u64,
    /// Whether it is whole and kept.
    complete: bool,
    /// When it goes away unless it goes on.
    expires_at: Timestamp,
    /// The video that it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    video_id: Option<Uuid>,
    /// The asset that it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    asset_id: Option<Uuid>,
}

/// Why a part, or what it completes, is not taken.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "a description: the fields are read by nobody")]
enum Refusals {
    /// Headers that are missing or wrong, or a body that broke off.
    #[response(status = 400)]
    Wrong(ErrorBody),
    /// The body stopped coming.
    #[response(status = 408)]
    Slow(ErrorBody),
    /// Another version of the protocol, or none.
    #[response(status = 412)]
    Version(ErrorBody),
    /// More bytes than are allowed, or than were announced.
    #[response(status = 413)]
    TooLarge(ErrorBody),
    /// The whole file is not what it must be, or the part has another type than `application/offset+octet-stream`.
    #[response(status = 415)]
    Unsupported(ErrorBody),
    /// Looking into the whole file takes too long.
    #[response(status = 422)]
    TakesTooLong(ErrorBody),
    /// Another request is sending a part.
    #[response(status = 423)]
    Locked(ErrorBody),
    /// The checksum does not hold.
    #[response(status = 460)]
    Checksum(ErrorBody),
    /// No room on the disk, or in your quota.
    #[response(status = 507)]
    NoRoom(ErrorBody),
}

/// Why there is no such upload.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "a description: the fields are read by nobody")]
enum Missing {
    /// There is no such upload.
    #[response(status = 404)]
    NotFound(ErrorBody),
    /// It was not gone on with in time.
    #[response(status = 410)]
    Expired(ErrorBody),
}

/// Speaks the version that is here, and no other. What is no part of the protocol needs none.
async fn protocol(request: Request, next: Next) -> Response {
    let free = matches!(*request.method(), Method::OPTIONS | Method::GET);
    let spoken = request.headers().get(TUS_RESUMABLE).is_some_and(|version| version == VERSION);
    let mut response = if free || spoken {
        next.run(request).await
    } else {
        let error = ApiError::new(Kind::Precondition, "Send `Tus-Resumable: 1.0.0`.");
        let mut response = error.into_response();
        response.headers_mut().insert(TUS_VERSION, VERSION);
        response
    };
    response.headers_mut().insert(TUS_RESUMABLE, VERSION);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What resumable uploads can do here
#[utoipa::path(
    options,
    path = "/api/tus",
    tag = "tus",
    security(()),
    responses(
        (status = 204, description = "In headers: versions, extensions, limits", headers(
            ("Tus-Version" = String), ("Tus-Extension" = String), ("Tus-Max-Size" = u64),
            ("Tus-Checksum-Algorithm" = String)
        )),
        (status = 429, description = "Too many requests", body = ErrorBody),
    )
)]
async fn options(State(app): State<App>) -> Response {
    abilities(&app)
}

/// What resumable uploads can do here
#[utoipa::path(
    options,
    path = "/api/tus/{id}",
    tag = "tus",
    security(()),
    params(("id" = String, Path, description = "Any")),
    responses(
        (status = 204, description = "In headers: versions, extensions, limits"),
        (status = 429, description = "Too many requests", body = ErrorBody),
    )
)]
async fn options_of_one(State(app): State<App>) -> Response {
    abilities(&app)
}

fn abilities(app: &App) -> Response {
    let headers = [
        (TUS_VERSION, VERSION),
        (TUS_EXTENSION, EXTENSIONS),
        (TUS_MAX_SIZE, HeaderValue::from(app.config.max_file_size)),
        (TUS_CHECKSUM_ALGORITHM, HeaderValue::from_static(checksum::ALGORITHMS)),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Begins a resumable upload
///
/// `Upload-Metadata` may hold `filename` (shown) and `kind`: `video`, `asset`, or an asset's kind (`audio`, `image`,
/// `lut`, `font`, `subtitle`, `shader`); without it the content says whether it becomes a video or an asset. A body of
/// type `application/offset+octet-stream` is its first part.
#[utoipa::path(
    post,
    path = "/api/tus",
    tag = "tus",
    params(
        ("Tus-Resumable" = inline(Version), Header, description = "The protocol's version"),
        ("Upload-Length" = u64, Header, description = "Bytes in all"),
        ("Upload-Metadata" = Option<String>, Header, description = "Keys, with values in Base64"),
        ("Upload-Checksum" = Option<String>, Header, pattern = r"^(sha1|sha256) [A-Za-z0-9+/]+={0,2}$", description = "Of the body: `sha1` or `sha256`, and the sum in Base64"),
    ),
    request_body(content = inline(PartBytes), content_type = "application/offset+octet-stream"),
    responses(
        (status = 201, description = "It has begun", headers(
            ("Location" = String), ("Upload-Offset" = u64), ("Upload-Expires" = String), ("Upload-Result" = String)
        )),
        Refusals,
        Usual
    )
)]
async fn create(State(app): State<App>, caller: Caller, request: Request) -> Result<Response, ApiError> {
    let headers = request.headers();
    if headers.contains_key("upload-defer-length") {
        return Err(wrong("Upload-Length must be given at once."));
    }
    let length = number(headers, &UPLOAD_LENGTH)?.ok_or_else(|| wrong("Upload-Length is missing."))?;
    let described = metadata::read(headers.get(UPLOAD_METADATA).map_or(b"", HeaderValue::as_bytes))?;
    let sends = is_part(headers);
    let first = sends.then(|| append_of(headers, 0)).transpose()?;
    let upload = resumable::create(&app, caller.owner, length, described).await?;
    let id = upload.id;
    let standing = match first {
        Some(first) => {
            let first = first.with(request.into_body());
            resumable::append(&app, caller.owner, id, first).await?
        }
        None => Standing { upload, became: None },
    };
    let mut headers = told(&standing)?;
    headers.insert(header::LOCATION, value(&format!("/api/tus/{id}"))?);
    Ok((StatusCode::CREATED, headers).into_response())
}

/// How far a resumable upload is
///
/// One that is whole and not kept yet is kept now.
#[utoipa::path(
    head,
    path = "/api/tus/{id}",
    tag = "tus",
    params(
        ("id" = Uuid, Path, description = "The upload"),
        ("Tus-Resumable" = inline(Version), Header, description = "The protocol's version"),
    ),
    responses(
        (status = 200, description = "In headers", headers(
            ("Upload-Offset" = u64), ("Upload-Length" = u64), ("Upload-Metadata" = String),
            ("Upload-Expires" = String), ("Upload-Result" = String)
        )),
        Missing,
        Refusals,
        Usual
    )
)]
async fn head(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Response, ApiError> {
    let standing = resumable::standing(&app, caller.owner, id).await?;
    let mut headers = told(&standing)?;
    headers.insert(UPLOAD_LENGTH, HeaderValue::from(standing.upload.length));
    if !standing.upload.metadata.is_empty() {
        headers.insert(UPLOAD_METADATA, value(&metadata::write(&standing.upload.metadata))?);
    }
    Ok((StatusCode::OK, headers).into_response())
}

/// How a resumable upload stands, for pages
#[utoipa::path(
    get,
    path = "/api/tus/{id}",
    tag = "tus",
    params(("id" = Uuid, Path, description = "The upload")),
    responses(
        (status = 200, description = "It", body = UploadStatus),
        Missing,
        Refusals,
        Usual
    )
)]
async fn status(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Json<UploadStatus>, ApiError> {
    let Standing { upload, became } = resumable::standing(&app, caller.owner, id).await?;
    let Upload { id, length, offset, expires_at, .. } = upload;
    let complete = upload.became.is_some();
    let (video_id, asset_id) = match became {
        Some(Kept::Video(video)) => (Some(video.id), None),
        Some(Kept::Asset(asset)) => (None, Some(asset.id)),
        None => (None, None),
    };
    Ok(Json(UploadStatus {
        success: true,
        upload_id: id,
        length,
        offset,
        complete,
        expires_at,
        video_id,
        asset_id,
    }))
}

/// Sends a part of a resumable upload
///
/// The last one is answered when the file has been looked into and kept; `Upload-Result` says as what.
#[utoipa::path(
    patch,
    path = "/api/tus/{id}",
    tag = "tus",
    params(
        ("id" = Uuid, Path, description = "The upload"),
        ("Tus-Resumable" = inline(Version), Header, description = "The protocol's version"),
        ("Upload-Offset" = u64, Header, description = "Where the part goes"),
        ("Upload-Checksum" = Option<String>, Header, pattern = r"^(sha1|sha256) [A-Za-z0-9+/]+={0,2}$", description = "`sha1` or `sha256`, and the part's sum in Base64"),
    ),
    request_body(content = inline(PartBytes), content_type = "application/offset+octet-stream"),
    responses(
        (status = 204, description = "It is here", headers(
            ("Upload-Offset" = u64), ("Upload-Expires" = String), ("Upload-Result" = String)
        )),
        (status = 409, description = "The upload goes on elsewhere", body = ErrorBody),
        Missing,
        Refusals,
        Usual
    )
)]
async fn part(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    request: Request,
) -> Result<Response, ApiError> {
    let headers = request.headers();
    if !is_part(headers) {
        return Err(ApiError::new(Kind::Unsupported, format!("Send a part as `{PART}`.")));
    }
    let offset = number(headers, &UPLOAD_OFFSET)?.ok_or_else(|| wrong("Upload-Offset is missing."))?;
    let part = append_of(headers, offset)?.with(request.into_body());
    let standing = resumable::append(&app, caller.owner, id, part).await?;
    Ok((StatusCode::NO_CONTENT, told(&standing)?).into_response())
}

/// Ends a resumable upload
///
/// What it became stays.
#[utoipa::path(
    delete,
    path = "/api/tus/{id}",
    tag = "tus",
    params(
        ("id" = Uuid, Path, description = "The upload"),
        ("Tus-Resumable" = inline(Version), Header, description = "The protocol's version"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 412, description = "Another version of the protocol, or none", body = ErrorBody),
        (status = 423, description = "A part that is coming does not stop", body = ErrorBody),
        Missing,
        Usual
    )
)]
async fn terminate(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<StatusCode, ApiError> {
    resumable::end(&app, caller.owner, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// PATCH and DELETE, for clients that cannot send them
#[utoipa::path(
    post,
    path = "/api/tus/{id}",
    tag = "tus",
    params(
        ("id" = Uuid, Path, description = "The upload"),
        ("Tus-Resumable" = inline(Version), Header, description = "The protocol's version"),
        ("X-HTTP-Method-Override" = inline(Override), Header, description = "Which is meant"),
    ),
    request_body(content = inline(PartBytes), content_type = "application/offset+octet-stream"),
    responses(
        (status = 204, description = "As the other method's"),
        (status = 405, description = "Neither of the two", body = ErrorBody),
        (status = 409, description = "The upload goes on elsewhere", body = ErrorBody),
        Missing,
        Refusals,
        Usual
    )
)]
async fn overridden(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    request: Request,
) -> Result<Response, ApiError> {
    let meant = request.headers().get(METHOD_OVERRIDE).map(HeaderValue::as_bytes);
    match meant {
        Some(b"PATCH") => part(State(app), caller, Id(id), request).await,
        Some(b"DELETE") => terminate(State(app), caller, Id(id)).await.map(IntoResponse::into_response),
        _ => Err(ApiError::new(Kind::Method, "POST needs `X-HTTP-Method-Override: PATCH` or `DELETE` here.")),
    }
}

/// What every answer about an upload says.
fn told(standing: &Standing) -> Result<HeaderMap, ApiError> {
    let mut headers = HeaderMap::new();
    headers.insert(UPLOAD_OFFSET, HeaderValue::from(standing.upload.offset));
    // RFC 9110 §5.6.7.
    let expires = standing.upload.expires_at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    headers.insert(UPLOAD_EXPIRES, value(&expires)?);
    if let Some(became) = &standing.became {
        headers.insert(UPLOAD_RESULT, value(&became.reference())?);
    }
    Ok(headers)
}

/// What a request's head says of the part that follows.
fn append_of(headers: &HeaderMap, offset: u64) -> Result<Append, ApiError> {
    let sum = headers.get(UPLOAD_CHECKSUM).map(|sum| sum.to_str().unwrap_or_default());
    let checksum = sum.map(checksum::Checksum::read).transpose()?;
    let announced = number(headers, &header::CONTENT_LENGTH)?;
    Ok(Append { offset, body: Body::empty(), checksum, announced })
}

impl Append {
    fn with(self, body: Body) -> Append {
        Append { body, ..self }
    }
}

fn is_part(headers: &HeaderMap) -> bool {
    let declared =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    declared.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(PART)
}

/// A header that is a number of bytes.
fn number(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>, ApiError> {
    /// What a database can hold.
    const MOST: u64 = i64::MAX.unsigned_abs();
    let Some(text) = headers.get(name) else { return Ok(None) };
    let digits = text.to_str().ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let number = digits.and_then(|text| text.parse().ok()).filter(|number| *number <= MOST);
    number.map(Some).ok_or_else(|| wrong(&format!("{name} must be a whole number of bytes.")))
}

fn wrong(finding: &str) -> ApiError {
    ApiError::validation(vec![finding.to_owned()])
}

fn value(text: &str) -> Result<HeaderValue, ApiError> {
    HeaderValue::try_from(text).map_err(|_| ApiError::internal(format!("no header can hold {text:?}")))
}
