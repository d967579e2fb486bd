//! Multipart forms, file by file, in memory that does not depend on their length.
//!
//! A request comes in; each file of the fields that are known goes out as a temporary file, or as the reason why not.
//! Which fields there are, and what becomes of the files, is the caller's business.

use std::time::Duration;

use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt;

use super::measured::{Gauge, Measured};
use crate::app::App;
use crate::error::{ApiError, Kind};
use crate::files::{ReceiveError, Received};
use crate::http::body;

/// Bytes of a form besides its files.
const AROUND: u64 = 1 << 20;

/// How long what follows a refused file is still read and thrown away: a client that is cut off while it sends does
/// not see its answer (RFC 9112 §9.6).
const LINGER: Duration = Duration::from_secs(2);

/// A form that is coming in.
pub(crate) struct Form {
    parts: Multipart,
    gauge: Gauge,
    /// Bytes of one file.
    limit: u64,
}

/// The fields of a form that hold files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    /// Holds the only file.
    pub(crate) one: &'static str,
    /// Holds several, each of which may fail by itself.
    pub(crate) several: Option<&'static str>,
}

/// A file of a form.
pub(crate) struct Part {
    /// The field that it came in.
    pub(crate) field: String,
    /// How the client calls it.
    pub(crate) name: String,
    /// The whole file, or why there is none.
    pub(crate) received: Result<Received, ApiError>,
}

impl Form {
    /// Begins to read a request that may hold so many files.
    ///
    /// # Errors
    /// 415 if it is no form, 400 if it is a broken one, 413 if it says that it is too long.
    pub(crate) async fn read(request: Request, app: &App, files: u64) -> Result<Form, ApiError> {
        if !is_form(request.headers()) {
            return Err(ApiError::new(Kind::Unsupported, "Send a form, as `multipart/form-data`."));
        }
        let limit = app.config.max_file_size;
        let most = limit.saturating_mul(files).saturating_add(AROUND);
        let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let announced = announced.and_then(|length| length.parse::<u64>().ok());
        let patient = request.headers().contains_key(header::EXPECT);
        let gauge = Gauge::default();
        let (parts, body) = request.into_parts();
        let mut body = Measured::new(body.into_data_stream(), gauge.clone());
        if announced.is_some_and(|length| length > most) {
            // Who waits to be told to go on is told not to; who does not is heard out for a while.
            if !patient {
                gauge.discard();
                let _ = tokio::time::timeout(LINGER, body.next()).await;
            }
            return Err(too_large(limit));
        }
        let mut request = Request::from_parts(parts, Body::from_stream(body));
        DefaultBodyLimit::max(usize::try_from(most).unwrap_or(usize::MAX)).apply(&mut request);
        let parts = Multipart::from_request(request, app).await;
        let parts = parts.map_err(|rejection| ApiError::validation(vec![format!("{rejection}.")]))?;
        Ok(Form { parts, gauge, limit })
    }

    /// The next file; `None` at the end. Fields that are no files are passed over.
    ///
    /// # Errors
    /// 400 if a file comes in another field, or the form breaks off; 408 if it stopped coming, 413 if it is too long.
    pub(crate) async fn next(&mut self, app: &App, fields: Fields) -> Result<Option<Part>, ApiError> {
        let Form { parts, gauge, limit } = self;
        loop {
            gauge.narrow();
            let next = parts.next_field().await.map_err(|error| broken(&error, gauge, *limit))?;
            let Some(field) = next else { return Ok(None) };
            let name = field.name().unwrap_or_default().to_owned();
            if name == fields.one || fields.several == Some(name.as_str()) {
                let go_on = name != fields.one;
                return receive(app, name, field, gauge, go_on).await.map(Some);
            }
            if field.file_name().is_some() {
                let name: String = name.chars().take(100).collect();
                let or = fields.several.map(|several| format!(" or `{several}`")).unwrap_or_default();
                let finding = format!("Unexpected field `{name}`: send the file in `{}`{or}.", fields.one);
                return Err(ApiError::validation(vec![finding]));
            }
        }
    }

    /// Reads on for a while after a failure, so that the client sees the answer.
    pub(crate) async fn linger(mut self) {
        self.gauge.discard();
        let _ = tokio::time::timeout(LINGER, self.parts.next_field()).await;
    }
}

async fn receive(
    app: &App,
    name: String,
    mut field: Field<'_>,
    gauge: &Gauge,
    go_on: bool,
) -> Result<Part, ApiError> {
    gauge.widen();
    let limit = app.config.max_file_size;
    let called = field.file_name().unwrap_or_default().to_owned();
    let mut cut = None;
    let chunks = (&mut field).map(|chunk| {
        chunk.map_err(|error| {
            cut = Some(broken(&error, gauge, limit));
            error.body_text()
        })
    });
    let received = app.files.receive(chunks, limit).await;
    if let Some(why) = cut {
        return Err(why);
    }
    if received.is_err() && go_on {
        while let Some(chunk) = field.next().await {
            chunk.map_err(|error| broken(&error, gauge, limit))?;
        }
    }
    Ok(Part { field: name, name: called, received: received.map_err(ApiError::from) })
}

/// Why a form cannot be read on.
fn broken(error: &MultipartError, gauge: &Gauge, limit: u64) -> ApiError {
    if gauge.overrun() {
        return ApiError::validation(vec!["A field of the form is too long, or its heading is.".to_owned()]);
    }
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(limit),
        StatusCode::BAD_REQUEST => {
            ApiError::validation(vec![format!("The form is broken: {}.", error.body_text())])
        }
        _ => body::broken(error),
    }
}

fn too_large(limit: u64) -> ApiError {
    ReceiveError::TooLarge { limit }.into()
}

fn is_form(headers: &HeaderMap) -> bool {
    let declared =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    declared.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("multipart/form-data")
}
