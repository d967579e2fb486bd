//! What webhooks are signed with: a secret for each owner, made of one that the service keeps.
//!
//! The configuration comes in; an owner's secret goes out, to its owner and to whoever signs. Nobody can find another
//! owner's from his own, so that who can check his webhooks cannot forge another's.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::config::{Config, Secret};
use crate::model::Owner;

/// What the service's secret is used for here.
const PURPOSE: &[u8] = b"webhook";

/// The secrets of all owners; cheap to clone.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// The service's, once it was needed.
    root: Arc<Mutex<Option<Secret>>>,
    /// Where it is kept if it is not given.
    kept: PathBuf,
}

impl Secrets {
    /// By the configuration: the secret that it gives, or one that is made on first use and kept beside the database for
    /// the service's eyes alone.
    pub fn new(config: &Config) -> Secrets {
        let mut name = config.database.clone().into_os_string();
        name.push("-webhook-secret");
        Secrets { root: Arc::new(Mutex::new(config.webhook_secret.clone())), kept: PathBuf::from(name) }
    }

    /// An owner's, as text: HMAC-SHA256(service's secret, `webhook` and the owner's id in its usual form), in
    /// hexadecimal.
    ///
    /// # Errors
    /// If the service's secret can be neither read nor made.
    pub fn of(&self, owner: Owner) -> io::Result<Secret> {
        let root = self.root()?;
        let mut mac = keyed(&root).ok_or_else(|| io::Error::other("no key can be made of the secret"))?;
        mac.update(PURPOSE);
        mac.update(owner.to_string().as_bytes());
        Ok(Secret::new(hexadecimal(&mac.finalize().into_bytes())))
    }

    fn root(&self) -> io::Result<Secret> {
        let mut root = self.root.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(root) = &*root {
            return Ok(root.clone());
        }
        let read = read_or_make(&self.kept)?;
        *root = Some(read.clone());
        Ok(read)
    }
}

fn read_or_make(path: &PathBuf) -> io::Result<Secret> {
    match std::fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => return Ok(Secret::new(text.trim())),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // Two random UUIDs: 244 bits of the system's randomness.
    let made = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    // Whole or not at all: an empty secret must never be what a crash leaves. The file is born readable by us alone.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(std::path::Path::new(".")))?;
    file.write_all(made.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(Secret::new(made))
}

/// What is sent in a signature: HMAC-SHA256 over timestamp, dot and body, in hexadecimal.
pub(super) fn signature(secret: &Secret, timestamp: &str, body: &str) -> Option<String> {
    let mut mac = keyed(secret)?;
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    Some(hexadecimal(&mac.finalize().into_bytes()))
}

fn keyed(secret: &Secret) -> Option<Hmac<Sha256>> {
    Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).ok()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn the_signature_is_hmac_sha256() {
        let signed = signature(&Secret::new("Jefe"), "what do ya want for nothing?", "");
        let mut mac = keyed(&Secret::new("Jefe")).unwrap();
        mac.update(b"what do ya want for nothing?");
        let known = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hexadecimal(&mac.finalize().into_bytes()), known);
        assert_ne!(signed.unwrap(), known, "the dot is part of it");
    }

    /// As `openssl dgst -sha256 -hmac` gives it.
    #[test]
    fn every_owner_has_his_own_secret() {
        let config = Config { webhook_secret: Some(Secret::new("given")), ..Config::local("/nowhere") };
        let secrets = Secrets::new(&config);
        let of = |owner: u128| secrets.of(Uuid::from_u128(owner)).unwrap().reveal().to_owned();
        assert_eq!(of(0), "e7befdb52bdefc16872a45f649a98639ceadefef560969d00b47b7156d9d0811");
        assert_eq!(of(7), "6f63fb08cd34e62828f28759c69c9f9efd425885b489bdcfe5f44554cd257f94");
    }

    #[test]
    fn the_services_secret_is_made_once_for_its_eyes_alone() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::local(folder.path());
        let secrets = Secrets::new(&config);
        let made = secrets.of(Uuid::nil()).unwrap();
        assert_eq!(made.reveal().len(), 64);
        let kept = std::fs::read_to_string(&secrets.kept).unwrap();
        assert!(kept.len() >= 32);
        assert_ne!(made.reveal(), kept);
        assert_eq!(Secrets::new(&config).of(Uuid::nil()).unwrap(), made, "after a restart");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&secrets.kept).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{mode:o}");
        }
    }
}
