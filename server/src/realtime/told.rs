//! What clients are told: names and shapes of the events that go out.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::error::{ApiError, Kind};
use crate::model::{Job, JobError, Metadata};

pub(super) const STARTED: &str = "video:processing-started";
pub(super) const UPDATE: &str = "video:progress-update";
pub(super) const COMPLETED: &str = "video:processing-completed";
pub(super) const FAILED: &str = "video:processing-error";
pub(super) const TYPING: &str = "chat:ai-typing";
pub(super) const CHAT_ERROR: &str = "chat:error";
pub(super) const JOINED: &str = "chat:joined-room";
pub(super) const LEFT: &str = "chat:left-room";

/// A job waits for its turn. `video_id` is the video that the edit was asked of, here and in all that follows; null for
/// a render of a script of one's own.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Started<'a> {
    pub(super) video_id: Option<Uuid>,
    pub(super) operation: &'a str,
    pub(super) job_id: Uuid,
}

/// How far a job is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Update {
    pub(super) video_id: Option<Uuid>,
    pub(super) job_id: Uuid,
    /// 0 to 1.
    pub(super) progress: f64,
    pub(super) fps: f64,
    pub(super) eta_seconds: Option<f64>,
}

/// A job's files are there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Completed<'a> {
    pub(super) video_id: Option<Uuid>,
    pub(super) operation: &'a str,
    pub(super) job_id: Uuid,
    pub(super) result: Made,
}

/// What a job made: the first of it.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Made {
    /// The new video; null if what was made is none.
    pub(super) video_id: Option<Uuid>,
    /// Signed.
    pub(super) url: String,
    pub(super) metadata: Option<Metadata>,
}

/// Nothing will come of it. `error` is the sentence of its kind as in HTTP's answers, `message` says what happened.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failed {
    /// As it was sent, if the request itself was wrong.
    pub(super) video_id: Value,
    /// As it was sent, if the request itself was wrong.
    pub(super) operation: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) job_id: Option<Uuid>,
    #[serde(flatten)]
    pub(super) why: Why,
}

/// An error without a place of its own in a chat.
#[derive(Debug, Serialize)]
pub(super) struct ChatError {
    #[serde(flatten)]
    why: Why,
    timestamp: Timestamp,
}

/// What HTTP's answers say of a failure.
#[derive(Debug, Serialize)]
pub(super) struct Why {
    error: &'static str,
    message: String,
    code: String,
    details: Vec<String>,
    diagnostics: Vec<Value>,
}

impl From<ApiError> for Why {
    fn from(error: ApiError) -> Why {
        let (_, code, sentence) = error.kind.describe();
        if let Some(reason) = &error.internal {
            tracing::error!(reason, "an event of a socket failed");
        }
        Why {
            error: sentence,
            message: error.message,
            code: error.code.unwrap_or(code).to_owned(),
            details: error.details,
            diagnostics: error.diagnostics,
        }
    }
}

impl From<ApiError> for ChatError {
    fn from(error: ApiError) -> ChatError {
        ChatError { why: error.into(), timestamp: Timestamp::now() }
    }
}

impl Why {
    /// Of a job that failed or was cancelled.
    pub(super) fn of(job: &Job) -> Why {
        let cancelled =
            || JobError { code: "cancelled".into(), message: "It was cancelled.".into(), help: None };
        let JobError { code, message, help } = job.error.clone().unwrap_or_else(cancelled);
        Why {
            error: Kind::Processing.describe().2,
            message,
            code,
            details: help.into_iter().collect(),
            diagnostics: job.diagnostics.clone(),
        }
    }
}
