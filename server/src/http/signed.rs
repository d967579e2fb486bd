//! Urls that work without a header, for a while: a page's `<video>` and `EventSource` cannot send one.
//!
//! A path and an owner come in; `path?expires=…&owner=…&signature=…` goes out. The signature is an HMAC-SHA256 over the
//! path, the owner and the expiry, so a url opens one path for reading and nothing else. In open mode there is nothing to
//! protect and the path stays as it is.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use uuid::Uuid;

use crate::config::Config;
use crate::model::Owner;

/// The query keys of a signed url: none of them belongs in a log.
pub const KEYS: [&str; 3] = ["expires", "owner", "signature"];

/// Expiries are whole minutes, so that a url stays the same for a minute and browsers can cache what it gives.
const STEP: i64 = 60;

/// Keys are made from the login's secret for one purpose each; this names ours.
const PURPOSE: &[u8] = b"vfxb signed url 1";

/// Makes signed urls, and knows them again.
#[derive(Clone)]
pub struct Signer {
    /// None in open mode.
    key: Option<Hmac<Sha256>>,
    lasts: Duration,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("lasts", &self.lasts).finish_non_exhaustive()
    }
}

impl Signer {
    /// The service's own.
    pub fn new(config: &Config) -> Signer {
        let keyed = |secret: &[u8]| Hmac::<Sha256>::new_from_slice(secret).ok();
        let key = config.login.as_ref().and_then(|login| {
            let mut purpose = keyed(login.secret.reveal().as_bytes())?;
            purpose.update(PURPOSE);
            keyed(&purpose.finalize().into_bytes())
        });
        Signer { key, lasts: config.url_expires_in }
    }

    /// The url under which an owner's path can be read until it expires. The path is as it stands in a request line:
    /// percent-encoded, without a query.
    pub fn sign(&self, owner: Owner, path: &str) -> String {
        self.sign_at(owner, path, Timestamp::now())
    }

    fn sign_at(&self, owner: Owner, path: &str, now: Timestamp) -> String {
        let Some(key) = &self.key else { return path.to_owned() };
        let lasts = i64::try_from(self.lasts.as_secs()).unwrap_or(i64::MAX / 4);
        let expires =
            now.as_second().saturating_add(lasts).div_euclid(STEP).saturating_add(1).saturating_mul(STEP);
        let signature = URL_SAFE_NO_PAD.encode(mac(key, owner, path, expires).finalize().into_bytes());
        format!("{path}?expires={expires}&owner={owner}&signature={signature}")
    }

    /// Whose url this is, if it is one of ours for this path and has not expired. Compares in constant time.
    pub fn owner(&self, path: &str, query: &str) -> Option<Owner> {
        self.owner_at(path, query, Timestamp::now())
    }

    fn owner_at(&self, path: &str, query: &str, now: Timestamp) -> Option<Owner> {
        let key = self.key.as_ref()?;
        let find = |name: &str| {
            form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, v)| v)
        };
        let expires: i64 = find("expires")?.parse().ok()?;
        let owner: Uuid = find("owner")?.parse().ok()?;
        let signature = URL_SAFE_NO_PAD.decode(find("signature")?.as_bytes()).ok()?;
        mac(key, owner, path, expires).verify_slice(&signature).ok()?;
        (now.as_second() < expires).then_some(owner)
    }

    /// Whether a query claims to be signed.
    pub fn claimed(query: &str) -> bool {
        form_urlencoded::parse(query.as_bytes()).any(|(key, _)| key == "signature")
    }
}

fn mac(key: &Hmac<Sha256>, owner: Owner, path: &str, expires: i64) -> Hmac<Sha256> {
    let mut mac = key.clone();
    // The path comes last: nothing in it can be taken for the other two.
    mac.update(format!("{expires}\n{owner}\n{path}").as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Login, Secret};

    fn signer(secret: &str) -> Signer {
        let mut config = Config::local("/nowhere");
        config.login = Some(Login { secret: Secret::new(secret), expires_in: Duration::from_secs(60) });
        Signer::new(&config)
    }

    #[test]
    fn a_url_opens_its_path_until_it_expires() {
        let (owner, other) = (Uuid::from_u128(7), Uuid::from_u128(8));
        let path = "/api/video/1/file";
        let now = Timestamp::from_second(1_000_000).unwrap();
        let signer = signer("0123456789abcdef0123456789abcdef");
        let url = signer.sign_at(owner, path, now);
        let query = url.strip_prefix("/api/video/1/file?").unwrap();
        let at = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).unwrap();
        assert_eq!(signer.owner_at(path, query, at(3599)), Some(owner));
        assert_eq!(signer.owner_at(path, query, at(3600 + 61)), None, "expired");
        assert_eq!(signer.owner_at("/api/video/2/file", query, now), None, "another path");
        assert_eq!(signer.owner_at(path, &query.replace(&owner.to_string(), &other.to_string()), now), None);
        assert_eq!(
            signer.owner_at(path, &query.replace("expires=1", "expires=2"), now),
            None,
            "a later expiry"
        );
        let stranger = self::signer("another secret of thirty-two byte");
        assert_eq!(stranger.owner_at(path, query, now), None, "another key");
        assert_eq!(signer.owner_at(path, "", now), None);
    }

    #[test]
    fn in_open_mode_a_path_is_its_url() {
        let signer = Signer::new(&Config::local("/nowhere"));
        assert_eq!(signer.sign(Uuid::nil(), "/api/video/1/file"), "/api/video/1/file");
        assert_eq!(signer.owner("/api/video/1/file", "expires=9999999999&owner=&signature="), None);
    }
}
