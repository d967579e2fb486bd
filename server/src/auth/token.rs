//! JSON Web Tokens, as RFC 8725 asks: one algorithm, pinned; issuer, expiry and start checked; no key looked up by what a
//! token says.

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::config::Login;
use crate::model::Owner;

/// Who makes our tokens, in their `iss`.
const ISSUER: &str = "vfxb";

/// Seconds that clocks may differ: a clock that is set back must not lock everybody out.
const LEEWAY: u64 = 30;

/// Makes tokens, and knows them again.
#[derive(Clone)]
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    lasts: i64,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("lasts", &self.lasts).finish_non_exhaustive()
    }
}

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: Uuid,
    iat: u64,
    nbf: u64,
    exp: u64,
}

impl Tokens {
    /// Of a login.
    pub fn new(login: &Login) -> Tokens {
        let secret = login.secret.reveal().as_bytes();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["iss", "sub", "exp", "nbf"]);
        Tokens {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
            lasts: i64::try_from(login.expires_in.as_secs()).unwrap_or(i64::MAX / 4),
        }
    }

    /// A token for a user, from now on. `None` only if it cannot be encoded.
    pub fn issue(&self, user: Uuid) -> Option<String> {
        let now = Timestamp::now().as_second();
        let seconds = |n: i64| u64::try_from(n).unwrap_or_default();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: user,
            iat: seconds(now),
            nbf: seconds(now),
            exp: seconds(now.saturating_add(self.lasts)),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding).ok()
    }

    /// Whose token this is, if it counts.
    pub fn owner(&self, token: &str) -> Option<Owner> {
        self.claims(token).map(|claims| claims.sub)
    }

    /// When a token ends that counts still.
    pub fn until(&self, token: &str) -> Option<Timestamp> {
        let exp = self.claims(token)?.exp;
        Some(
            i64::try_from(exp)
                .ok()
                .and_then(|exp| Timestamp::from_second(exp).ok())
                .unwrap_or(Timestamp::MAX),
        )
    }

    fn claims(&self, token: &str) -> Option<Claims> {
        let read = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation);
        read.ok().map(|token| token.claims)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use hmac::{Hmac, KeyInit, Mac};
    use serde_json::{Value, json};
    use sha2::{Sha256, Sha512};

    use super::*;
    use crate::config::Secret;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn tokens() -> Tokens {
        let secret = Secret::new(String::from_utf8(SECRET.to_vec()).unwrap());
        Tokens::new(&Login { secret, expires_in: Duration::from_secs(3600) })
    }

    fn encode(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    /// A token by hand, signed with HMAC-SHA256 whatever its header says.
    fn token(header: &Value, claims: &Value, key: &[u8]) -> String {
        let signed = format!("{}.{}", encode(header), encode(claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    fn claims() -> Value {
        let now = Timestamp::now().as_second();
        json!({"iss": "vfxb", "sub": Uuid::from_u128(7), "iat": now, "nbf": now, "exp": now + 3600})
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = claims();
        claims[name] = value;
        claims
    }

    fn without(name: &str) -> Value {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        claims
    }

    #[test]
    fn our_own_token_counts() {
        let tokens = tokens();
        let user = Uuid::new_v4();
        assert_eq!(tokens.owner(&tokens.issue(user).unwrap()), Some(user));
        let by_hand = token(&json!({"alg": "HS256", "typ": "JWT"}), &claims(), SECRET);
        assert_eq!(tokens.owner(&by_hand), Some(Uuid::from_u128(7)));
        let until =
            |exp: u64| tokens.until(&token(&json!({"alg": "HS256"}), &with("exp", json!(exp)), SECRET));
        assert_eq!(until(4_000_000_000), Some(Timestamp::from_second(4_000_000_000).unwrap()));
        assert_eq!(until(u64::MAX), Some(Timestamp::MAX), "beyond what a clock shows");
        assert_eq!(until(1), None);
    }

    #[test]
    fn another_algorithm_does_not_count() {
        let tokens = tokens();
        for alg in ["none", "None", "NONE", "nOnE"] {
            let unsigned = format!("{}.{}.", encode(&json!({"alg": alg})), encode(&claims()));
            assert_eq!(tokens.owner(&unsigned), None, "{alg} without a signature");
            assert_eq!(tokens.owner(&token(&json!({"alg": alg}), &claims(), SECRET)), None, "{alg} with one");
        }
        for alg in ["RS256", "PS256", "ES256", "EdDSA", "HS384"] {
            assert_eq!(tokens.owner(&token(&json!({"alg": alg}), &claims(), SECRET)), None, "{alg}");
        }
        let signed = format!("{}.{}", encode(&json!({"alg": "HS512"})), encode(&claims()));
        let mut mac = Hmac::<Sha512>::new_from_slice(SECRET).unwrap();
        mac.update(signed.as_bytes());
        let signed = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
        assert_eq!(tokens.owner(&signed), None, "a right HS512 is still not the pinned one");
    }

    #[test]
    fn claims_are_checked() {
        let now = Timestamp::now().as_second();
        let wrong = [
            ("a string exp", with("exp", json!((now + 3600).to_string()))),
            ("expired", with("exp", json!(now - 60))),
            ("no exp", without("exp")),
            ("a negative exp", with("exp", json!(-1))),
            ("a future nbf", with("nbf", json!(now + 600))),
            ("no nbf", without("nbf")),
            ("another issuer", with("iss", json!("elsewhere"))),
            ("no issuer", without("iss")),
            ("no subject", without("sub")),
            ("a subject that is no id", with("sub", json!("../../admin"))),
        ];
        for (what, claims) in wrong {
            assert_eq!(tokens().owner(&token(&json!({"alg": "HS256"}), &claims, SECRET)), None, "{what}");
        }
    }

    #[test]
    fn the_key_is_ours_whatever_the_header_names() {
        let kids = ["../../../../dev/null", "/proc/sys/kernel/ostype", "' UNION SELECT '", "http://evil/key"];
        for kid in kids {
            for key in [&b""[..], b"\0", b"Linux\n", b"guessed"] {
                let header = json!({"alg": "HS256", "kid": kid, "jku": kid, "jwk": {"kty": "oct", "k": ""}});
                assert_eq!(tokens().owner(&token(&header, &claims(), key)), None, "{kid}");
            }
        }
        for rubbish in ["", ".", "..", "a.b.c", "é.é.é", &"a".repeat(100_000)] {
            assert_eq!(tokens().owner(rubbish), None);
        }
        let good = token(&json!({"alg": "HS256"}), &claims(), SECRET);
        let other = encode(&with("sub", json!(Uuid::from_u128(8))));
        let parts: Vec<&str> = good.split('.').collect();
        assert_eq!(tokens().owner(&format!("{}.{other}.{}", parts[0], parts[2])), None, "a changed body");
    }
}
