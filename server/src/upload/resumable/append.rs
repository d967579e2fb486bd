//! A part of an upload on its way to disk.

use axum::body::{Body, BodyDataStream, Bytes};
use futures_util::StreamExt;
use uuid::Uuid;

use super::checksum::Checksum;
use super::lock::Lock;
use super::part::Part;
use super::{Standing, complete, expiry, find, path};
use crate::app::App;
use crate::error::{ApiError, Kind};
use crate::http::body;
use crate::model::{Owner, Upload};

/// Bytes after which what has come is made safe and counts: what a crash may cost.
const STEP: u64 = 16 << 20;

/// A part that a client sends.
pub(crate) struct Append {
    /// Where the client believes that it goes.
    pub(crate) offset: u64,
    /// The bytes.
    pub(crate) body: Body,
    /// What they must come to.
    pub(crate) checksum: Option<Checksum>,
    /// How many the client says that there are.
    pub(crate) announced: Option<u64>,
}

/// How a part ended.
enum End {
    /// Everything came.
    Whole,
    /// It broke off.
    Cut(ApiError),
    /// More came than the upload has.
    TooMuch,
}

/// Takes a part in, whether or not its connection lives on; and keeps the file when it is whole.
///
/// # Errors
/// 404 and 410 as [`super::standing`], 409 at another offset, 413 if it is too long, 423 if another part is coming, 460
/// if its checksum does not hold, 400 or 408 if it breaks off (what came counts, unless there is a checksum), 507 if
/// there is no room, and what becomes of a whole file.
pub(crate) async fn append(app: &App, owner: Owner, id: Uuid, part: Append) -> Result<Standing, ApiError> {
    find(app, owner, id).await?;
    let lock = app.uploads.take(id).await?;
    let app = app.clone();
    // The connection's end drops whoever answers it; what has come must count even so.
    crate::upload::whole(async move {
        let upload = find(&app, owner, id).await?;
        let upload = write(&app, upload, part, &lock).await?;
        if upload.offset < upload.length {
            return Ok(Standing { upload, became: None });
        }
        complete(app, owner, id, lock).await
    })
    .await
}

async fn write(app: &App, mut upload: Upload, part: Append, lock: &Lock) -> Result<Upload, ApiError> {
    let Append { offset, body, mut checksum, announced } = part;
    if offset != upload.offset {
        let message = format!("The upload goes on at {}, not at {offset}.", upload.offset);
        return Err(ApiError { code: Some("offset_mismatch"), ..ApiError::new(Kind::Conflict, message) });
    }
    let room = upload.length - upload.offset;
    if announced.is_some_and(|announced| announced > room) {
        return Err(too_much(&upload));
    }
    if upload.became.is_some() || room == 0 {
        return Ok(upload);
    }
    let summed = checksum.is_some();
    let mut file = Part::open(path(app, upload.id), upload.offset).await?;
    let mut body = body.into_data_stream();
    let end = loop {
        let chunk = match next(app, &mut body, lock).await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break End::Whole,
            Err(error) => break End::Cut(error),
        };
        if chunk.len() as u64 > upload.length - file.end() {
            break End::TooMuch;
        }
        if let Some(checksum) = &mut checksum {
            checksum.update(&chunk);
        }
        file = file.add(&chunk).await?;
        if !summed && file.end() - upload.offset >= STEP {
            file = safe(app, &mut upload, file).await?;
        }
    };
    match end {
        End::TooMuch => Err(too_much(&upload)),
        End::Whole if checksum.is_some_and(|checksum| !checksum.holds()) => {
            Err(ApiError::new(Kind::Checksum, "The part is not what its checksum says; send it again."))
        }
        End::Whole => safe(app, &mut upload, file).await.map(|_| upload),
        // Whether what came is right, only the rest would have shown.
        End::Cut(error) if summed => Err(error),
        End::Cut(error) => {
            safe(app, &mut upload, file).await?;
            Err(error)
        }
    }
}

/// The next bytes; an error if the body breaks off, somebody else goes on with the upload, or the service ends.
async fn next(app: &App, body: &mut BodyDataStream, lock: &Lock) -> Result<Option<Bytes>, ApiError> {
    let chunk = tokio::select! {
        biased;
        () = lock.stopped() => {
            return Err(ApiError::new(Kind::Conflict, "Another request goes on with this upload."));
        }
        () = app.stop.cancelled() => {
            let message = "The service is stopping; go on with the upload soon.";
            return Err(ApiError::new(Kind::Busy, message).retry_after(5));
        }
        chunk = body.next() => chunk,
    };
    lock.heard();
    chunk.transpose().map_err(|error| body::broken(&error))
}

/// Makes what has come count: first the bytes are on disk, then the row says so.
async fn safe(app: &App, upload: &mut Upload, file: Part) -> Result<Part, ApiError> {
    let file = file.sync().await?;
    upload.offset = file.end();
    upload.expires_at = expiry(app, upload.created_at);
    app.store.set_upload(upload.id, upload.offset, upload.expires_at).await?;
    Ok(file)
}

fn too_much(upload: &Upload) -> ApiError {
    let message = format!("The upload has {} bytes, of which {} are here.", upload.length, upload.offset);
    ApiError::new(Kind::TooLarge, message)
}
