//! How often one may ask: by user where there is one, by address otherwise, each class by its own measure.
//!
//! A window begins with a key's first request and has a fixed length; so many requests pass in it, and with its end all are
//! there again. Whoever shows a token is counted as that user, and the address besides at ten times the measure, so
//! that registering anew gets round nothing. The keys that are remembered are bounded: where there are too many, addresses
//! are counted by wider networks.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ipnet::{Ipv4Net, Ipv6Net};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use uuid::Uuid;

use crate::app::{App, Caller};
use crate::config::{Rate, Rates};
use crate::error::{ApiError, Kind};
use crate::http::address;
use crate::http::class::Class;

/// Keys of one class that are remembered one by one.
const MOST_KEYS: u64 = 50_000;

/// Beyond those: every network of IPv4 that they are counted by then, and as many users and networks of IPv6.
const MOST_MORE: u64 = 2 * 65_536;

/// What the users of one address may ask together, in the measure of one.
const CROWD: u32 = 10;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

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

/// Who asks, to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// Whoever shows no token.
    Address(Key),
    /// A user, and the address that they ask from.
    User(Uuid, Key),
}

impl Asker {
    /// A caller who was let in, or nobody known, at an address.
    pub fn of(app: &App, caller: Option<Caller>, address: IpAddr) -> Asker {
        match caller {
            Some(caller) if app.tokens.is_some() => Asker::User(caller.owner, Key::address(address)),
            _ => Asker::Address(Key::address(address)),
        }
    }
}

/// Where one stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Requests in a window.
    pub limit: u32,
    /// Of which so many are left in this one.
    pub remaining: u32,
    /// Seconds until its end, at least one: then all are there again.
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
    general: Option<Counters>,
    login: Option<Counters>,
    ai: Option<Counters>,
    upload: Option<Counters>,
    status: Option<Counters>,
}

impl Limits {
    /// With nobody counted yet.
    pub fn new(rates: &Rates) -> Limits {
        let counters = |class: Class| class.rate(rates).map(Counters::new);
        Limits {
            general: counters(Class::General),
            login: counters(Class::Login),
            ai: counters(Class::Ai),
            upload: counters(Class::Upload),
            status: counters(Class::Status),
        }
    }

    /// Counts one request. `None` where there is no limit.
    ///
    /// # Errors
    /// Where one stands if there is nothing left: `reset` is then how long to wait, and [`Standing::refused`] says so.
    pub fn count(&self, class: Class, asker: Asker) -> Option<Result<Standing, Standing>> {
        self.count_at(class, asker, Instant::now())
    }

    fn count_at(&self, class: Class, asker: Asker, now: Instant) -> Option<Result<Standing, Standing>> {
        let counters = match class {
            Class::General => &self.general,
            Class::Login => &self.login,
            Class::Ai => &self.ai,
            Class::Upload => &self.upload,
            Class::Status => &self.status,
            Class::Free => &None,
        };
        counters.as_ref().map(|counters| counters.count(asker, now))
    }

    /// Forgets whose window is over.
    pub fn tidy(&self) {
        let all = [&self.general, &self.login, &self.ai, &self.upload, &self.status];
        for counters in all.into_iter().flatten() {
            counters.one.windows.run_pending_tasks();
            counters.crowd.windows.run_pending_tasks();
        }
    }
}

/// The counters of a class: for users and addresses by themselves, and for the users of an address together.
#[derive(Debug)]
struct Counters {
    one: Counter,
    crowd: Counter,
}

impl Counters {
    fn new(rate: Rate) -> Counters {
        let crowd = Rate { requests: rate.requests.saturating_mul(CROWD), ..rate };
        Counters { one: Counter::new(rate), crowd: Counter::new(crowd) }
    }

    /// What a user is refused does not count against their neighbours.
    fn count(&self, asker: Asker, now: Instant) -> Result<Standing, Standing> {
        match asker {
            Asker::Address(key) => self.one.count(key, now),
            Asker::User(user, address) => {
                let standing = self.one.count(Key::User(user), now)?;
                self.crowd.count(address, now).map(|_| standing)
            }
        }
    }
}

#[derive(Debug)]
struct Counter {
    windows: Cache<Key, Window>,
    rate: Rate,
}

/// What came in one window of one key.
#[derive(Debug, Clone, Copy)]
struct Window {
    began: Instant,
    count: u32,
}

impl Window {
    /// With one request more: in this window, or in the first of the next.
    fn with_one(self, per: Duration, now: Instant) -> Window {
        if now.saturating_duration_since(self.began) < per {
            Window { count: self.count.saturating_add(1), ..self }
        } else {
            Window { began: now, count: 1 }
        }
    }
}

impl Counter {
    fn new(rate: Rate) -> Counter {
        // What was written longest ago goes first: a new key is always remembered, or it would never be held back.
        let windows = Cache::builder()
            .max_capacity(MOST_KEYS + MOST_MORE)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(rate.per);
        Counter { windows: windows.build(), rate }
    }

    fn count(&self, key: Key, now: Instant) -> Result<Standing, Standing> {
        let Rate { requests: limit, per } = self.rate;
        let key = if self.windows.entry_count() < MOST_KEYS { key } else { key.wider() };
        let counted = self.windows.entry(key).and_upsert_with(|entry| {
            let earlier = entry.map(|entry| entry.into_value());
            earlier.map_or(Window { began: now, count: 1 }, |window| window.with_one(per, now))
        });
        let Window { began, count } = counted.into_value();
        let left = per.saturating_sub(now.saturating_duration_since(began));
        let reset = left.as_secs_f64().ceil().max(1.0) as u32;
        let standing = Standing { limit, remaining: limit.saturating_sub(count), reset };
        if count <= limit { Ok(standing) } else { Err(standing) }
    }
}

/// Counts a request before it is answered, and says where its sender stands.
pub(crate) async fn limit(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| request.uri().path(), MatchedPath::as_str);
    let class = Class::of(request.method(), route);
    let (parts, body) = request.into_parts();
    let address = address::client(&parts.headers, &parts.extensions, &app.config.proxies);
    let caller = (class != Class::Login).then(|| Caller::of(&parts, &app).ok()).flatten();
    match app.limits.count(class, Asker::of(&app, caller, address)) {
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
    use super::*;

    const PER: Duration = Duration::from_secs(900);

    fn limits(requests: u32) -> Limits {
        let rate = Some(Rate { requests, per: PER });
        Limits::new(&Rates { general: rate, ai: None, upload: rate, status: rate })
    }

    fn at(address: &str) -> Asker {
        Asker::Address(Key::address(address.parse().unwrap()))
    }

    fn user(id: u128) -> Asker {
        Asker::User(Uuid::from_u128(id), Key::address("203.0.113.1".parse().unwrap()))
    }

    fn told(counted: Option<Result<Standing, Standing>>) -> (bool, u32, u32, u32) {
        let passes = counted.unwrap();
        let (Ok(standing) | Err(standing)) = passes;
        (passes.is_ok(), standing.limit, standing.remaining, standing.reset)
    }

    #[test]
    fn each_key_and_each_class_is_counted_by_itself() {
        let (limits, now) = (limits(3), Instant::now());
        let one = at("203.0.113.1");
        assert_eq!(told(limits.count_at(Class::General, one, now)), (true, 3, 2, 900));
        assert_eq!(told(limits.count_at(Class::General, one, now)), (true, 3, 1, 900));
        assert_eq!(told(limits.count_at(Class::General, one, now)), (true, 3, 0, 900));
        let refused = limits.count_at(Class::General, one, now).unwrap().unwrap_err().refused();
        assert_eq!((refused.kind, refused.retry_after), (Kind::RateLimited, Some(900)));
        assert_eq!(told(limits.count_at(Class::Upload, one, now)), (true, 3, 2, 900), "another class");
        assert_eq!(told(limits.count_at(Class::General, user(1), now)), (true, 3, 2, 900), "a user there");
        assert_eq!(told(limits.count_at(Class::General, at("203.0.113.2"), now)), (true, 3, 2, 900));
        assert!(limits.count_at(Class::Ai, one, now).is_none(), "no limit");
        assert!(limits.count_at(Class::Free, one, now).is_none());
    }

    /// In no window more than the limit, whenever the requests come; all of them again with its end.
    #[test]
    fn a_window_has_its_end() {
        let (limits, began) = (limits(100), Instant::now());
        let one = at("203.0.113.1");
        let mut passed = 0;
        for second in 0..900 {
            let now = began + Duration::from_secs(second);
            let (passes, _, _, reset) = told(limits.count_at(Class::General, one, now));
            passed += u32::from(passes);
            assert_eq!(u64::from(reset), 900 - second);
        }
        assert_eq!(passed, 100);
        let last = began + PER - Duration::from_millis(1);
        assert_eq!(told(limits.count_at(Class::General, one, last)), (false, 100, 0, 1));
        assert_eq!(told(limits.count_at(Class::General, one, began + PER)), (true, 100, 99, 900));
    }

    #[test]
    fn who_registers_again_and_again_is_still_at_an_address() {
        let (limits, now) = (limits(3), Instant::now());
        let passed = (0..20_u128)
            .flat_map(|id| [id; 4])
            .filter(|id| limits.count_at(Class::General, user(*id), now).unwrap().is_ok());
        assert_eq!(passed.count(), 30);
        assert_eq!(told(limits.count_at(Class::General, user(99), now)), (false, 30, 0, 900));
        let elsewhere = Asker::User(Uuid::from_u128(99), Key::address("203.0.113.2".parse().unwrap()));
        assert_eq!(told(limits.count_at(Class::General, elsewhere, now)), (true, 3, 1, 900));
        let neighbour = at("203.0.113.1");
        assert_eq!(
            told(limits.count_at(Class::General, neighbour, now)),
            (true, 3, 2, 900),
            "without a token"
        );
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
        let windows = &limits.general.as_ref().unwrap().one.windows;
        let count = |n: u32| {
            let address = IpAddr::from((n + (1 << 24)).to_be_bytes());
            limits.count(Class::General, Asker::Address(Key::address(address)))
        };
        let many = u32::try_from(MOST_KEYS).unwrap();
        for n in 0..many {
            let _ = count(n);
        }
        // The number of keys is known when the cache has looked after itself.
        windows.run_pending_tasks();
        for n in many..many + 10_000 {
            let _ = count(n);
        }
        windows.run_pending_tasks();
        assert_eq!(windows.entry_count(), MOST_KEYS + 1, "the rest is one network of 65,536 addresses");
        assert!(count(many).unwrap().is_err(), "which is held back as one");
    }
}
