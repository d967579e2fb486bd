//! How often one may ask: by user where there is one, by address otherwise, each class by its own measure.
//!
//! governor counts (GCRA: a burst of the whole limit, then evenly). The keys that are remembered are bounded: where there
//! are too many, addresses are counted by wider networks.

use std::net::IpAddr;
use std::num::NonZeroU32;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use ipnet::{Ipv4Net, Ipv6Net};
use uuid::Uuid;

use crate::app::{App, Caller};
use crate::config::{Rate, Rates};
use crate::error::{ApiError, Kind};
use crate::http::address;
use crate::http::class::Class;

/// Keys of one class that are remembered.
const MOST_KEYS: usize = 50_000;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

type Limiter = RateLimiter<Key, DefaultKeyedStateStore<Key>, DefaultClock, StateInformationMiddleware>;

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// A user.
    User(Uuid),
    /// An IPv4 network: one address, or more where there are too many.
    V4(Ipv4Net),
    /// An IPv6 network: what one customer has, or more where there are too many.
    V6(Ipv6Net),
}

impl Key {
    /// Of an address. Customers have at least a /64 of IPv6, so single addresses of it mean nothing.
    pub fn address(address: IpAddr) -> Key {
        Key::network(address, 32, 64)
    }

    fn network(address: IpAddr, v4: u8, v6: u8) -> Key {
        match address {
            IpAddr::V4(address) => Key::V4(Ipv4Net::new_assert(address, v4).trunc()),
            IpAddr::V6(address) => Key::V6(Ipv6Net::new_assert(address, v6).trunc()),
        }
    }

    /// The wider network, of which there are at most 65,536 that matter.
    fn wider(self) -> Key {
        match self {
            Key::User(_) => self,
            Key::V4(net) => Key::network(net.addr().into(), 16, 32),
            Key::V6(net) => Key::network(net.addr().into(), 16, 32),
        }
    }
}

/// Where one stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Requests in a period.
    pub limit: u32,
    /// Of which so many are left at once.
    pub remaining: u32,
    /// Seconds until all are; until one is, where none is left.
    pub reset: u32,
}

impl Standing {
    /// What one is told who has nothing left.
    pub fn refused(self) -> ApiError {
        let wait = self.reset;
        ApiError::new(Kind::RateLimited, format!("Too many requests; try again in {wait} seconds."))
            .retry_after(wait)
    }
}

/// The counters of all classes.
#[derive(Debug)]
pub struct Limits {
    general: Option<Counter>,
    login: Option<Counter>,
    ai: Option<Counter>,
    upload: Option<Counter>,
    status: Option<Counter>,
}

#[derive(Debug)]
struct Counter {
    limiter: Limiter,
    rate: Rate,
}

impl Limits {
    /// With nobody counted yet.
    pub fn new(rates: &Rates) -> Limits {
        let counter = |class: Class| class.rate(rates).and_then(Counter::new);
        Limits {
            general: counter(Class::General),
            login: counter(Class::Login),
            ai: counter(Class::Ai),
            upload: counter(Class::Upload),
            status: counter(Class::Status),
        }
    }

    /// Counts one request. `None` where there is no limit.
    ///
    /// # Errors
    /// Where one stands if there is nothing left: `reset` is then how long to wait, and [`Standing::refused`] says so.
    pub fn count(&self, class: Class, key: Key) -> Option<Result<Standing, Standing>> {
        let counter = match class {
            Class::General => &self.general,
            Class::Login => &self.login,
            Class::Ai => &self.ai,
            Class::Upload => &self.upload,
            Class::Status => &self.status,
            Class::Free => &None,
        };
        counter.as_ref().map(|counter| counter.count(key))
    }

    /// Forgets whom no limit holds back any more.
    pub fn tidy(&self) {
        let all = [&self.general, &self.login, &self.ai, &self.upload, &self.status];
        all.into_iter().flatten().for_each(|counter| counter.limiter.retain_recent());
    }
}

impl Counter {
    fn new(rate: Rate) -> Option<Counter> {
        let burst = NonZeroU32::new(rate.requests)?;
        let quota = Quota::with_period(rate.per / rate.requests)?.allow_burst(burst);
        Some(Counter { limiter: RateLimiter::keyed(quota).with_middleware(), rate })
    }

    fn count(&self, key: Key) -> Result<Standing, Standing> {
        let key = if self.limiter.len() < MOST_KEYS { key } else { key.wider() };
        let limit = self.rate.requests;
        match self.limiter.check_key(&key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let used = limit.saturating_sub(remaining);
                let reset = (self.rate.per / limit).saturating_mul(used).as_secs_f64().ceil() as u32;
                Ok(Standing { limit, remaining, reset })
            }
            Err(until) => {
                let wait =
                    until.wait_time_from(DefaultClock::default().now()).as_secs_f64().ceil().max(1.0) as u32;
                Err(Standing { limit, remaining: 0, reset: wait })
            }
        }
    }
}

/// Counts a request before it is answered, and says where its sender stands.
pub(crate) async fn limit(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| request.uri().path(), MatchedPath::as_str);
    let class = Class::of(request.method(), route);
    let (parts, body) = request.into_parts();
    let address = || Key::address(address::client(&parts.headers, &parts.extensions, &app.config.proxies));
    let key = match Caller::of(&parts, &app) {
        Ok(caller) if app.tokens.is_some() && class != Class::Login => Key::User(caller.owner),
        _ => address(),
    };
    match app.limits.count(class, key) {
        None => next.run(Request::from_parts(parts, body)).await,
        Some(Ok(standing)) => {
            let mut response = next.run(Request::from_parts(parts, body)).await;
            tell(response.headers_mut(), standing);
            response
        }
        Some(Err(standing)) => {
            let mut response = standing.refused().into_response();
            tell(response.headers_mut(), standing);
            response
        }
    }
}

fn tell(headers: &mut HeaderMap, standing: Standing) {
    headers.insert(LIMIT, HeaderValue::from(standing.limit));
    headers.insert(REMAINING, HeaderValue::from(standing.remaining));
    headers.insert(RESET, HeaderValue::from(standing.reset));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limits(requests: u32) -> Limits {
        let rate = Some(Rate { requests, per: Duration::from_secs(900) });
        Limits::new(&Rates { general: rate, ai: None, upload: rate, status: rate })
    }

    #[test]
    fn each_key_and_each_class_is_counted_by_itself() {
        let limits = limits(3);
        let one = Key::address("203.0.113.1".parse().unwrap());
        let standing = |at: Option<Result<Standing, _>>| {
            at.unwrap().ok().map(|s: Standing| (s.limit, s.remaining, s.reset))
        };
        assert_eq!(standing(limits.count(Class::General, one)), Some((3, 2, 300)));
        assert_eq!(standing(limits.count(Class::General, one)), Some((3, 1, 600)));
        assert_eq!(standing(limits.count(Class::General, one)), Some((3, 0, 900)));
        let refused = limits.count(Class::General, one).unwrap().unwrap_err();
        assert_eq!((refused.refused().kind, refused.remaining), (Kind::RateLimited, 0));
        assert!((299..=300).contains(&refused.refused().retry_after.unwrap()), "{refused:?}");
        assert_eq!(standing(limits.count(Class::Upload, one)), Some((3, 2, 300)), "another class");
        assert_eq!(standing(limits.count(Class::General, Key::User(Uuid::from_u128(1)))), Some((3, 2, 300)));
        assert!(limits.count(Class::Ai, one).is_none(), "no limit");
        assert!(limits.count(Class::Free, one).is_none());
    }

    #[test]
    fn a_customer_of_ipv6_is_one() {
        let key = |text: &str| Key::address(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_ne!(key("203.0.113.1"), key("203.0.113.2"));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let limits = limits(1000);
        for n in 0..60_000_u32 {
            let _ = limits.count(Class::General, Key::address(IpAddr::from((n + (1 << 24)).to_be_bytes())));
        }
        let known = limits.general.as_ref().unwrap().limiter.len();
        assert_eq!(known, MOST_KEYS + 1, "the rest is one network of 65,536 addresses");
    }
}
