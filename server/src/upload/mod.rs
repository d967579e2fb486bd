//! Files from clients: received, judged by what is in them, kept.
//!
//! ```text
//! multipart form (form) ─┐
//!                        ├─▶ a whole temporary file ─▶ judge ─▶ keep: its place on disk, then its row
//! tus (resumable) ───────┘
//! ```
//!
//! A client's name for a file is shown and nothing else (`name`); what a file is, its bytes say (`judge`, with
//! `magic`, `plain` and `container`), and only a worker looks deeper into it than its first bytes.

pub(crate) mod container;
pub(crate) mod form;
pub(crate) mod judge;
pub(crate) mod keep;
pub(crate) mod magic;
pub(crate) mod measured;
pub(crate) mod name;
pub(crate) mod plain;
pub mod resumable;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;

/// Runs work to its end even if whoever asked for it goes away: half of it done would leave files without rows.
pub(crate) async fn whole<T: Send + 'static>(
    work: impl Future<Output = Result<T, crate::error::ApiError>> + Send + 'static,
) -> Result<T, crate::error::ApiError> {
    let ended = tokio::spawn(work).await;
    ended.unwrap_or_else(|error| Err(crate::error::ApiError::internal(error.to_string())))
}
