//! How what the service rests on is: libav, a graphics processor, the store, the providers.
//!
//! Settings come in; a [`Condition`] each goes out. What cannot change while the process runs is looked at once, a provider
//! at most once a minute, the store once a second: whoever asks often costs nothing. Knows nothing of requests.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use moka::future::Cache;
use serde::Serialize;
use tokio::sync::OnceCell;
use utoipa::ToSchema;

use crate::config::Provider;
use crate::http::guard::Guard;
use crate::store::Store;

/// How long the answer of a provider counts.
const COUNTS: Duration = Duration::from_secs(60);

/// How long the answer of the store counts.
const STORE_COUNTS: Duration = Duration::from_secs(1);

/// How long a provider may take to be reached, and to answer.
const CONNECT: Duration = Duration::from_secs(2);
const WHOLE: Duration = Duration::from_secs(3);

/// Where a provider may be that the operator has named: anywhere. The guard is for what strangers name.
const ANYWHERE: [IpNet; 2] = [
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0)),
];

/// How a service of ours, or one that we use, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It works.
    Available,
    /// It does not.
    Unavailable,
    /// It answers.
    Connected,
    /// It does not answer.
    Disconnected,
    /// Nobody told us to use it.
    NotConfigured,
}

impl Condition {
    fn available(yes: bool) -> Condition {
        if yes { Condition::Available } else { Condition::Unavailable }
    }
}

/// How a provider is asked whether it is there: for its list of models, with the key.
#[derive(Debug)]
pub struct Known {
    name: &'static str,
    /// Where it usually is.
    base: &'static str,
    /// The header of the key, and what stands before it.
    header: (&'static str, &'static str),
}

/// Chat.
pub static OPENAI: Known =
    Known { name: "openai", base: "https://api.openai.com/v1", header: ("authorization", "Bearer ") };
/// Pictures.
pub static REPLICATE: Known =
    Known { name: "replicate", base: "https://api.replicate.com/v1", header: ("authorization", "Bearer ") };
/// Voices.
pub static ELEVENLABS: Known =
    Known { name: "elevenlabs", base: "https://api.elevenlabs.io/v1", header: ("xi-api-key", "") };

/// What providers and the store answered lately; cheap to clone.
#[derive(Debug, Clone)]
pub struct Probes {
    providers: Cache<&'static str, Condition>,
    store: Cache<(), bool>,
}

impl Default for Probes {
    fn default() -> Self {
        Probes {
            providers: Cache::builder().time_to_live(COUNTS).build(),
            store: Cache::builder().time_to_live(STORE_COUNTS).build(),
        }
    }
}

impl Probes {
    /// How a provider is, as it was up to a minute ago. One that has neither a key nor a place is not configured.
    pub async fn provider(&self, known: &'static Known, provider: &Provider) -> Condition {
        if provider.key.is_none() && provider.base_url.is_none() {
            return Condition::NotConfigured;
        }
        let (answers, provider) = (self.providers.clone(), provider.clone());
        // Beside the request: one that hangs up must not make the next one ask again.
        let asking = tokio::spawn(async move { answers.get_with(known.name, ask(known, provider)).await });
        asking.await.unwrap_or(Condition::Unavailable)
    }

    /// Whether the store answers and writes, as it did up to a second ago: however many ask, it has to prove that once.
    pub async fn store(&self, store: &Arc<dyn Store>) -> bool {
        let (answers, store) = (self.store.clone(), Arc::clone(store));
        let asking =
            tokio::spawn(async move { answers.get_with((), async { store.alive().await.is_ok() }).await });
        asking.await.unwrap_or(false)
    }
}

async fn ask(known: &Known, provider: Provider) -> Condition {
    let answer = models(known, &provider).await;
    if let Err(reason) = &answer {
        tracing::debug!(provider = known.name, reason, "a provider is not there");
    }
    Condition::available(answer.is_ok())
}

async fn models(known: &Known, provider: &Provider) -> Result<(), String> {
    let guard = Guard::new(if provider.base_url.is_some() { &ANYWHERE } else { &[] });
    let base = provider.base_url.as_deref().unwrap_or(known.base).trim_end_matches('/');
    let url = guard.url(&format!("{base}/models")).map_err(|refused| refused.to_string())?;
    let client = guard.client(CONNECT, WHOLE).map_err(|error| error.to_string())?;
    let mut request = client.get(url);
    if let Some(key) = &provider.key {
        let (name, before) = known.header;
        request = request.header(name, format!("{before}{}", key.reveal()));
    }
    // An error of the client names the url, which has no secret in it.
    let response = request.send().await.map_err(|error| error.to_string())?;
    if response.status().is_success() { Ok(()) } else { Err(format!("it answers {}", response.status())) }
}

/// Whether libav is there and can encode.
pub fn libav() -> Condition {
    static FOUND: LazyLock<bool> = LazyLock::new(|| !vfxb_engine::media::encode::available().is_empty());
    Condition::available(*FOUND)
}

/// Whether the machine has a graphics processor that could compute.
pub async fn gpu() -> Condition {
    static FOUND: OnceCell<bool> = OnceCell::const_new();
    let look =
        || async { tokio::task::spawn_blocking(vfxb_engine::exec::gpu::hardware).await.unwrap_or(false) };
    Condition::available(*FOUND.get_or_init(look).await)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::get;

    use super::*;
    use crate::config::Secret;

    /// A provider on this machine that knows one key; how often it was asked.
    async fn provider(header: &'static str, key: &'static str) -> (String, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let models = move |headers: HeaderMap| {
            counted.fetch_add(1, Ordering::SeqCst);
            let known = headers.get(header).is_some_and(|given| given == key);
            std::future::ready(if known { StatusCode::OK } else { StatusCode::UNAUTHORIZED })
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v1/", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/models", get(models));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (base, asked)
    }

    fn told(key: &str, base: &str) -> Provider {
        Provider { key: Some(Secret::new(key)), base_url: Some(base.to_owned()), model: None }
    }

    #[tokio::test]
    async fn providers_are_asked_with_their_key_and_once() {
        let probes = Probes::default();
        let (base, asked) = provider("xi-api-key", "abc").await;
        for _ in 0..3 {
            assert_eq!(probes.provider(&ELEVENLABS, &told("abc", &base)).await, Condition::Available);
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        let (base, asked) = provider("authorization", "Bearer abc").await;
        assert_eq!(probes.provider(&OPENAI, &told("abc", &base)).await, Condition::Available);
        assert_eq!(probes.provider(&REPLICATE, &told("wrong", &base)).await, Condition::Unavailable);
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_provider_that_is_down_is_unavailable_and_one_that_nobody_named_is_not_configured() {
        let probes = Probes::default();
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let provider = told("abc", &format!("http://{closed}"));
        assert_eq!(probes.provider(&OPENAI, &provider).await, Condition::Unavailable);
        assert_eq!(probes.provider(&OPENAI, &Provider::default()).await, Condition::NotConfigured);
    }
}
