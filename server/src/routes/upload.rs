//! `POST /api/video/upload` and `POST /api/upload`: files in forms.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::answers::Usual;
use super::assets::AssetView;
use super::videos::VideoView;
use crate::app::{App, Caller};
use crate::error::{ApiError, ErrorBody};
use crate::files::Received;
use crate::model::{AssetKind, Metadata};
use crate::upload::form::{Fields, Form, Part};
use crate::upload::judge::{Judged, Wanted, judge};
use crate::upload::keep::{Kept, keep};
use crate::upload::name;

/// Videos in one form.
const SEVERAL: usize = 5;

/// The fields of the form for videos.
const VIDEOS: Fields = Fields { one: "video", several: Some("videos") };

/// The field of the form for assets.
const FILE: Fields = Fields { one: "file", several: None };

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(video)).routes(routes!(asset))
}

/// A form with videos.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description: the form is read as it comes")]
struct VideoForm {
    /// A video: mp4, avi, mov, wmv, flv, webm or mkv.
    #[schema(value_type = Option<String>, format = Binary)]
    video: Option<Vec<u8>>,
    /// Up to five of them.
    #[schema(value_type = Option<Vec<String>>, max_items = 5)]
    videos: Option<Vec<Vec<u8>>>,
}

/// A form with an asset.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description: the form is read as it comes")]
struct AssetForm {
    /// Whatever scripts can name.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// A video was kept.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UploadedVideo {
    /// Always true.
    success: bool,
    /// The video; scripts name it `video:ID`.
    video_id: Uuid,
    /// How it is called here.
    filename: String,
    /// How you call it.
    original_name: String,
    /// Bytes.
    size: u64,
    /// Seconds.
    duration: f64,
    /// What is in it.
    metadata: Metadata,
    /// Where it is, with a signature that counts for a while.
    url: String,
}

/// A file of several that was not kept.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Refused {
    /// Always false.
    success: bool,
    /// How you call it.
    original_name: String,
    /// Why.
    error: RefusedWhy,
}

/// Why a file was not kept.
#[derive(Debug, Serialize, ToSchema)]
struct RefusedWhy {
    /// The kind's sentence.
    error: String,
    /// What happened and what to do.
    message: String,
    /// Stable, for programs.
    code: String,
}

/// What became of a file of several.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum EachVideo {
    /// It was kept.
    Uploaded(UploadedVideo),
    /// It was not.
    Refused(Refused),
}

/// Several files came, and at least one was kept.
#[derive(Debug, Serialize, ToSchema)]
struct UploadedVideos {
    /// Always true.
    success: bool,
    /// Each file, in the order in which they came.
    videos: Vec<EachVideo>,
}

/// The video, or each of several.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Uploaded {
    /// Of the field `video`.
    One(Box<UploadedVideo>),
    /// Of the field `videos`.
    Several(UploadedVideos),
}

/// An asset was kept.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UploadedAsset {
    /// Always true.
    success: bool,
    /// The asset; scripts name it `asset:ID`.
    asset_id: Uuid,
    /// What it is, by its content.
    kind: AssetKind,
    /// How it is called here.
    filename: String,
    /// How you call it.
    original_name: String,
    /// Bytes.
    size: u64,
    /// What is in it, if it is media.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata>,
    /// Where it is, with a signature that counts for a while.
    url: String,
}

/// Why a file is not kept.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "a description: the fields are read by nobody")]
enum Refusals {
    /// No form, no file in it, or it broke off.
    #[response(status = 400)]
    Wrong(ErrorBody),
    /// The form stopped coming.
    #[response(status = 408)]
    Slow(ErrorBody),
    /// The file is larger than it may be.
    #[response(status = 413)]
    TooLarge(ErrorBody),
    /// The file is not what it must be, or the request is no form.
    #[response(status = 415)]
    Unsupported(ErrorBody),
    /// Looking into the file takes too long.
    #[response(status = 422)]
    TakesTooLong(ErrorBody),
    /// No room on the disk, or in your quota.
    #[response(status = 507)]
    NoRoom(ErrorBody),
}

/// Uploads a video, or up to five
///
/// What a file is, its content says, not its name. Of several, those that cannot be kept are answered with an error
/// each; if none can, the answer is that of the first.
#[utoipa::path(
    post,
    path = "/api/video/upload",
    tag = "videos",
    request_body(content = VideoForm, content_type = "multipart/form-data"),
    responses((status = 200, description = "They are kept", body = Uploaded), Refusals, Usual)
)]
async fn video(State(app): State<App>, caller: Caller, request: Request) -> Result<Response, ApiError> {
    let mut form = Form::read(request, &app, SEVERAL as u64).await?;
    let looked_at = match videos(&app, caller, &mut form).await {
        Ok(looked_at) => looked_at,
        Err(error) => {
            form.linger().await;
            return Err(error);
        }
    };
    let mut took = Vec::with_capacity(looked_at.len());
    for Looked { field, name, judged } in looked_at {
        let became = match judged {
            Ok((received, judged)) => keep(&app, caller.owner, Uuid::new_v4(), received, judged, &name).await,
            Err(error) => Err(error),
        };
        let became = became.and_then(|kept| uploaded(&app, kept));
        if field == VIDEOS.one {
            return Ok(Json(Uploaded::One(Box::new(became?))).into_response());
        }
        took.push((name, became));
    }
    several(took)
}

/// A file that is whole and not kept yet.
struct Looked {
    field: String,
    name: String,
    judged: Result<(Received, Judged), ApiError>,
}

/// Reads a form to its end and looks into each of its files: nothing is kept of a form that breaks off.
async fn videos(app: &App, caller: Caller, form: &mut Form) -> Result<Vec<Looked>, ApiError> {
    let mut looked_at: Vec<Looked> = Vec::new();
    while let Some(part) = form.next(app, VIDEOS).await? {
        let Part { field, name, received } = part;
        if looked_at.iter().any(|before| field == VIDEOS.one || before.field == VIDEOS.one) {
            let finding = "Send one file in `video`, or several in `videos`.".to_owned();
            return Err(ApiError::validation(vec![finding]));
        }
        let judged = match received {
            Ok(_) if looked_at.len() >= SEVERAL => {
                Err(ApiError::validation(vec![format!("Only {SEVERAL} files are taken at once.")]))
            }
            Ok(received) => judge(app, caller.owner, received.path(), Wanted::Video)
                .await
                .map(|judged| (received, judged)),
            Err(error) => Err(error),
        };
        if field == VIDEOS.one
            && let Err(error) = judged
        {
            return Err(error);
        }
        looked_at.push(Looked { field, name, judged });
    }
    Ok(looked_at)
}

/// Uploads a file that scripts can name
///
/// A video, sound, a picture, a colour table (.cube), a font, subtitles or a shader (WGSL): by its content.
#[utoipa::path(
    post,
    path = "/api/upload",
    tag = "assets",
    request_body(content = AssetForm, content_type = "multipart/form-data"),
    responses((status = 200, description = "It is kept", body = UploadedAsset), Refusals, Usual)
)]
async fn asset(
    State(app): State<App>,
    caller: Caller,
    request: Request,
) -> Result<Json<UploadedAsset>, ApiError> {
    let mut form = Form::read(request, &app, 1).await?;
    let ended = one_asset(&app, caller, &mut form).await;
    if ended.is_err() {
        form.linger().await;
    }
    ended.map(Json)
}

async fn one_asset(app: &App, caller: Caller, form: &mut Form) -> Result<UploadedAsset, ApiError> {
    let missing = || ApiError::validation(vec!["`file` is missing: send the file in it.".to_owned()]);
    let part = form.next(app, FILE).await?.ok_or_else(missing)?;
    let received = part.received?;
    // The form must come to its end before anything is kept of it.
    if form.next(app, FILE).await?.is_some() {
        return Err(ApiError::validation(vec!["Send one file in `file`.".to_owned()]));
    }
    let judged = judge(app, caller.owner, received.path(), Wanted::Asset(None)).await?;
    match keep(app, caller.owner, Uuid::new_v4(), received, judged, &part.name).await? {
        Kept::Asset(asset) => {
            let AssetView { id, kind, filename, original_name, size, metadata, url, .. } =
                AssetView::of(app, *asset);
            Ok(UploadedAsset {
                success: true,
                asset_id: id,
                kind,
                filename,
                original_name,
                size,
                metadata,
                url,
            })
        }
        Kept::Video(_) => Err(ApiError::internal("an asset became a video")),
    }
}

fn uploaded(app: &App, kept: Kept) -> Result<UploadedVideo, ApiError> {
    let Kept::Video(video) = kept else { return Err(ApiError::internal("a video became an asset")) };
    let VideoView { id, filename, original_name, size, duration, metadata, url, .. } =
        VideoView::of(app, *video);
    Ok(UploadedVideo {
        success: true,
        video_id: id,
        filename,
        original_name,
        size: size.unwrap_or_default(),
        duration,
        metadata: metadata.unwrap_or_default(),
        url,
    })
}

fn several(took: Vec<(String, Result<UploadedVideo, ApiError>)>) -> Result<Response, ApiError> {
    if took.iter().all(|(_, became)| became.is_err()) {
        let missing = "`video` is missing: send one file in it, or several in `videos`.".to_owned();
        let first = took.into_iter().find_map(|(_, became)| became.err());
        return Err(first.unwrap_or_else(|| ApiError::validation(vec![missing])));
    }
    let videos = took.into_iter().map(|(called, became)| match became {
        Ok(video) => EachVideo::Uploaded(video),
        Err(error) => EachVideo::Refused(refused(&called, error)),
    });
    Ok(Json(Uploaded::Several(UploadedVideos { success: true, videos: videos.collect() })).into_response())
}

fn refused(called: &str, error: ApiError) -> Refused {
    let (_, code, sentence) = error.kind.describe();
    Refused {
        success: false,
        original_name: name::shown(called, "bin"),
        error: RefusedWhy {
            error: sentence.to_owned(),
            message: error.message,
            code: error.code.unwrap_or(code).to_owned(),
        },
    }
}
