//! `Idempotency-Key`: the same request again is the same answer again.

use axum::http::HeaderMap;
use utoipa::IntoParams;

use crate::error::ApiError;
use crate::store::Idempotency;

/// Characters of a key.
const LONGEST_KEY: usize = 255;

/// What the document says of the header.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "a description: the header is read as it comes")]
pub(crate) struct IdempotencyKey {
    /// The same key and body give the same answer again; the same key with another body is refused.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255, pattern = r"^[\x20-\x7e]+$")]
    key: Option<String>,
}

/// The key of a request, with a digest of what it stands for: an operation and what is asked of it.
///
/// # Errors
/// 400 if the key is empty, too long, or not ASCII.
pub(crate) fn key(
    headers: &HeaderMap,
    operation: &str,
    asked: &[u8],
) -> Result<Option<Idempotency>, ApiError> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    match key.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= LONGEST_KEY => {
            let mut hasher = blake3::Hasher::new();
            hasher.update(operation.as_bytes()).update(&[0]).update(asked);
            Ok(Some(Idempotency { key: key.to_owned(), body: hasher.finalize().to_hex().to_string() }))
        }
        _ => Err(ApiError::validation(vec![format!(
            "`Idempotency-Key` must have 1 to {LONGEST_KEY} characters of ASCII."
        )])),
    }
}
