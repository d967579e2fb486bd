//! `Upload-Checksum`: what a part's bytes must come to, as tus 1.0's extension has it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::ApiError;

/// The algorithms, as `Tus-Checksum-Algorithm` names them.
pub(crate) const ALGORITHMS: &str = "sha1,sha256";

/// A sum that is being made, and what it must come to.
#[derive(Clone)]
pub(crate) struct Checksum {
    hasher: Hasher,
    expected: Vec<u8>,
}

#[derive(Clone)]
enum Hasher {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Checksum {
    /// Reads the header.
    ///
    /// # Errors
    /// 400 if the algorithm is not known or the sum is none of it.
    pub(crate) fn read(header: &str) -> Result<Checksum, ApiError> {
        let (algorithm, sum) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        let (hasher, length) = match algorithm {
            "sha1" => (Hasher::Sha1(Sha1::new()), 20),
            "sha256" => (Hasher::Sha256(Sha256::new()), 32),
            _ => {
                let finding = format!("Upload-Checksum must be made with one of {ALGORITHMS}.");
                return Err(ApiError::validation(vec![finding]));
            }
        };
        let expected = STANDARD.decode(sum.trim()).ok().filter(|sum| sum.len() == length);
        let expected = expected.ok_or_else(|| {
            ApiError::validation(vec![format!("Upload-Checksum must have {length} bytes in Base64.")])
        })?;
        Ok(Checksum { hasher, expected })
    }

    /// Takes further bytes in.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match &mut self.hasher {
            Hasher::Sha1(hasher) => hasher.update(bytes),
            Hasher::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// Whether the bytes came to what they must.
    pub(crate) fn holds(self) -> bool {
        let sum = match self.hasher {
            Hasher::Sha1(hasher) => hasher.finalize().to_vec(),
            Hasher::Sha256(hasher) => hasher.finalize().to_vec(),
        };
        sum.ct_eq(&self.expected).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(header: &str, bytes: &[u8]) -> bool {
        let mut sum = Checksum::read(header).unwrap();
        bytes.chunks(3).for_each(|chunk| sum.update(chunk));
        sum.holds()
    }

    #[test]
    fn sums_hold_for_their_bytes_alone() {
        // The example of the tus specification.
        assert!(holds("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", b"hello world"));
        assert!(!holds("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", b"hello worlds"));
        assert!(holds("sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=", b"hello world"));
        for wrong in ["", "sha1", "sha1 !", "sha1 AAAA", "md5 XrY7u+Ae7tCTyyK7j1rNww=="] {
            assert!(Checksum::read(wrong).is_err(), "{wrong}");
        }
    }
}
