//! What a request is told when it fails: one type, its status and its sentence in one table.
//!
//! Handlers return [`ApiError`]; here it becomes the body that the front ends know. What is internal goes to the log
//! and, in development alone, into `message`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::StoreError;
use crate::worker::WorkError;
use crate::worker::protocol::{Fault, Refusal};

/// Kinds of failure, each with its status, its stable code and its sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request breaks its schema, or a rule between its fields.
    Validation,
    /// The script is wrong: `diagnostics` says where.
    Script,
    /// No token.
    NoToken,
    /// A token or a signature that does not count.
    Forbidden,
    /// A page or a name that may not reach us, or a place that is for others.
    Refused,
    /// There is no such thing, or it is somebody else's.
    NotFound,
    /// The path is there, the method is not.
    Method,
    /// It is there already, or in another state.
    Conflict,
    /// It was there and has gone.
    Gone,
    /// Somebody else is at it.
    Locked,
    /// More bytes than are allowed.
    TooLarge,
    /// Not what it claims to be, or not a type that is taken.
    Unsupported,
    /// The range lies outside the file.
    Range,
    /// The file of a failed job, or an idempotency key that was used for something else.
    Unprocessable,
    /// Too many requests.
    RateLimited,
    /// It took too long to come in.
    Timeout,
    /// A precondition of the protocol does not hold (tus version).
    Precondition,
    /// A checksum does not match (tus, 460).
    Checksum,
    /// An AI service is not configured or down.
    NotConfigured,
    /// The queue is full, or the service drains.
    Busy,
    /// No room on disk, or in the owner's quota.
    NoRoom,
    /// A worker could not do what it must.
    Processing,
    /// A mistake of ours.
    Internal,
}

impl Kind {
    /// Status, code and sentence.
    pub fn describe(self) -> (u16, &'static str, &'static str) {
        match self {
            Kind::Validation => (400, "validation_failed", "Validation failed"),
            Kind::Script => (400, "script_invalid", "Validation failed"),
            Kind::NoToken => (401, "token_required", "Access token required"),
            Kind::Forbidden => (403, "token_invalid", "Invalid token"),
            Kind::Refused => (403, "forbidden", "Forbidden"),
            Kind::NotFound => (404, "not_found", "Not found"),
            Kind::Method => (405, "method_not_allowed", "Method not allowed"),
            Kind::Conflict => (409, "conflict", "Conflict"),
            Kind::Gone => (410, "gone", "Gone"),
            Kind::TooLarge => (413, "file_too_large", "File too large"),
            Kind::Unsupported => (415, "unsupported_media_type", "Unsupported media type"),
            Kind::Range => (416, "range_not_satisfiable", "Range not satisfiable"),
            Kind::Unprocessable => (422, "unprocessable", "Unprocessable"),
            Kind::Locked => (423, "locked", "Locked"),
            Kind::RateLimited => (429, "rate_limited", "Too many requests"),
            Kind::Timeout => (408, "timeout", "Request timeout"),
            Kind::Precondition => (412, "precondition_failed", "Precondition failed"),
            Kind::Checksum => (460, "checksum_mismatch", "Checksum mismatch"),
            Kind::NotConfigured => (503, "not_configured", "AI service unavailable"),
            Kind::Busy => (503, "busy", "Service unavailable"),
            Kind::NoRoom => (507, "no_room", "Insufficient storage"),
            Kind::Processing => (500, "processing_failed", "Video processing failed"),
            Kind::Internal => (500, "internal", "Something went wrong!"),
        }
    }

    /// Its status.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.describe().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// A failed request.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// Which kind.
    pub kind: Kind,
    /// What happened and what to do, for the person in front of the screen.
    pub message: String,
    /// Every finding, a sentence each.
    pub details: Vec<String>,
    /// Findings of a script, as `--json` prints them.
    pub diagnostics: Vec<serde_json::Value>,
    /// A code of its own in place of the kind's.
    pub code: Option<&'static str>,
    /// Seconds after which another try may work.
    pub retry_after: Option<u32>,
    /// For the log, and for the client in development.
    pub internal: Option<Box<str>>,
}

impl ApiError {
    /// Of a kind, with a message.
    pub fn new(kind: Kind, message: impl Into<String>) -> ApiError {
        ApiError {
            kind,
            message: message.into(),
            details: Vec::new(),
            diagnostics: Vec::new(),
            code: None,
            retry_after: None,
            internal: None,
        }
    }

    /// A request that breaks its rules, with every finding.
    pub fn validation(details: Vec<String>) -> ApiError {
        let message = details.join("; ");
        ApiError { details, ..ApiError::new(Kind::Validation, message) }
    }

    /// A script that is wrong, with every finding (objects as `--json` prints them).
    pub fn script(message: impl Into<String>, diagnostics: Vec<serde_json::Value>) -> ApiError {
        let errors = diagnostics.iter().filter(|finding| finding["severity"] == "error");
        let details = errors.filter_map(|finding| finding["message"].as_str().map(str::to_owned)).collect();
        ApiError { details, diagnostics, ..ApiError::new(Kind::Script, message) }
    }

    /// There is no such thing (of this owner): `what` is "video", "project", ….
    pub fn not_found(what: &str) -> ApiError {
        ApiError::new(Kind::NotFound, format!("There is no such {what}."))
    }

    /// A mistake of ours; `reason` goes to the log.
    pub fn internal(reason: impl Into<String>) -> ApiError {
        let mut error = ApiError::new(Kind::Internal, "The service failed; the log has the reason.");
        error.internal = Some(reason.into().into_boxed_str());
        error
    }

    /// With seconds after which another try may work.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> ApiError {
        self.retry_after = Some(seconds);
        self
    }
}

/// The body of a failed request: a superset of the two shapes that the front ends know.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// `fail` below 500, `error` from there on.
    pub status: String,
    /// The kind's sentence.
    pub error: String,
    /// What happened and what to do.
    pub message: String,
    /// Stable, for programs.
    pub code: String,
    /// Every finding, a sentence each.
    pub details: Vec<String>,
    /// Findings of a script, with places.
    #[schema(value_type = Vec<Object>)]
    pub diagnostics: Vec<serde_json::Value>,
}

/// What the shell needs to log a failure and, in development, to tell it: put into the response's extensions.
#[derive(Debug, Clone)]
pub struct Internal(pub String);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (_, code, sentence) = self.kind.describe();
        let status = self.kind.status();
        let body = ErrorBody {
            status: if status.is_server_error() { "error" } else { "fail" }.to_owned(),
            error: sentence.to_owned(),
            message: self.message,
            code: self.code.unwrap_or(code).to_owned(),
            details: self.details,
            diagnostics: self.diagnostics,
        };
        let mut response = (status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(internal) = self.internal {
            response.extensions_mut().insert(Internal(internal.into_string()));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        match error {
            StoreError::Taken => ApiError::new(Kind::Conflict, "It is there already."),
            StoreError::Quota { limit } => ApiError::new(
                Kind::NoRoom,
                format!(
                    "What you keep would take more than the {limit} bytes that you have; delete some of it."
                ),
            ),
            StoreError::Page { limit } => {
                let message = format!(
                    "These rows hold more than the {limit} bytes that one answer may have; ask for fewer with `limit`, \
                     or in `fields` for what you need of them."
                );
                ApiError { code: Some("page_too_large"), ..ApiError::new(Kind::TooLarge, message) }
            }
            StoreError::Open { limit } => {
                let message = format!(
                    "You have {limit} uploads that are not whole yet; send the rest of one, or delete it."
                );
                let error = ApiError::new(Kind::RateLimited, message).retry_after(60);
                ApiError { code: Some("too_many_uploads"), ..error }
            }
            StoreError::Full => ApiError::new(Kind::NoRoom, "The service has no room left on its disk."),
            failed @ (StoreError::InUse(_) | StoreError::Failed(_)) => ApiError::internal(failed.to_string()),
        }
    }
}

/// What a request is told whose quick work (a check, a plan, a frame) has no answer.
impl From<WorkError> for ApiError {
    fn from(error: WorkError) -> ApiError {
        match error {
            WorkError::Refused(refusal) => refused(*refusal),
            WorkError::Crashed(reason) => {
                let mut error = ApiError::new(Kind::Processing, "Looking into it made the renderer crash.");
                error.internal = Some(reason.into_boxed_str());
                error
            }
            WorkError::TimedOut(seconds) => {
                let message = format!("It takes longer than the {seconds} seconds that it may.");
                ApiError { code: Some("timeout"), ..ApiError::new(Kind::Unprocessable, message) }
            }
            WorkError::Cancelled => {
                ApiError::new(Kind::Busy, "The service is stopping; try again soon.").retry_after(10)
            }
            WorkError::Crowded => ApiError::new(
                Kind::Busy,
                "You have asked for much at once, and it is still being looked into; try again soon.",
            )
            .retry_after(5),
            WorkError::Unavailable(reason) => {
                let mut error =
                    ApiError::new(Kind::Busy, "No renderer is free; try again soon.").retry_after(5);
                error.internal = Some(reason.into_boxed_str());
                error
            }
        }
    }
}

fn refused(refusal: Refusal) -> ApiError {
    let Refusal { error, diagnostics, fault } = refusal;
    match fault {
        Fault::Script | Fault::Media => ApiError::script(error.message, diagnostics),
        Fault::Size => ApiError::new(Kind::NoRoom, "What it makes is larger than a file may be."),
        Fault::Room => ApiError::new(Kind::NoRoom, "The service has no room left on its disk."),
        Fault::Machine => {
            let mut answer = ApiError::new(Kind::Processing, "The service could not do it; try again.");
            answer.internal = Some(error.message.into_boxed_str());
            answer
        }
    }
}
