//! Passwords: kept as Argon2id hashes, checked in the same time whether there is a user or not.

use std::sync::{Arc, LazyLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::error::ApiError;

/// OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashing takes a core and 19 MiB each: a flood of logins waits here, with bounded memory.
static TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Arc::new(Semaphore::new(cores))
});

/// What is compared with where there is no user.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash_now("nobody has this password").ok());

/// The hash of a password, in PHC form.
///
/// # Errors
/// 500 if there is no randomness or no memory.
pub async fn hash(password: String) -> Result<String, ApiError> {
    in_turn(move || hash_now(&password)).await?
}

/// Whether a password is the one of a hash. Without a hash it takes as long, and it is not.
///
/// # Errors
/// 500 if the hash cannot be read.
pub async fn verify(password: String, hash: Option<String>) -> Result<bool, ApiError> {
    in_turn(move || {
        let known = hash.is_some();
        let hash =
            hash.or_else(|| NOBODY.clone()).ok_or_else(|| ApiError::internal("no password can be hashed"))?;
        let hash =
            PasswordHash::new(&hash).map_err(|error| ApiError::internal(format!("a kept hash: {error}")))?;
        Ok(argon().verify_password(password.as_bytes(), &hash).is_ok() && known)
    })
    .await?
}

async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    let failed = |reason: String| ApiError::internal(format!("hashing a password: {reason}"));
    let turn = TURNS.clone().acquire_owned().await.map_err(|error| failed(error.to_string()))?;
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(turn);
        done
    });
    done.await.map_err(|error| failed(error.to_string()))
}

fn hash_now(password: &str) -> Result<String, ApiError> {
    let hash = argon().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string())
        .map_err(|error| ApiError::internal(format!("hashing a password: {error}")))
}

fn argon() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_salted() {
        let one = hash("correct horse".into()).await.unwrap();
        let two = hash("correct horse".into()).await.unwrap();
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, two);
        assert!(verify("correct horse".into(), Some(one.clone())).await.unwrap());
        assert!(!verify("correct horsf".into(), Some(one)).await.unwrap());
        assert!(!verify("nobody has this password".into(), None).await.unwrap());
    }
}
