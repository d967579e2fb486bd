//! Answers that many endpoints share: what is said of them in the document, once.

use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::error::ErrorBody;

/// What every endpoint may answer that needs to know who asks.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "a description: the fields are read by nobody")]
pub(crate) enum Usual {
    /// No token.
    #[response(status = 401)]
    NoToken(ErrorBody),
    /// A token that does not count.
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// Too many requests.
    #[response(status = 429)]
    TooMany(ErrorBody),
    /// The service failed.
    #[response(status = 500)]
    Internal(ErrorBody),
    /// It takes too long, or the service stops.
    #[response(status = 503)]
    Busy(ErrorBody),
}

/// It is gone.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Deleted {
    /// Always true.
    pub(crate) success: bool,
}
