//! Where the service may connect to when a stranger says where: public addresses alone.
//!
//! A url or a host name comes in; addresses that may be connected to, or a refusal, go out. Names are resolved here
//! and nowhere else, and what is connected to is what was checked: an answer that changes between the check and the
//! connection (DNS rebinding) does not help. Redirects are not followed and no proxy is asked, because both would
//! lead past the check.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Characters of a url, at most.
const LONGEST: usize = 2048;

/// Networks that are not the public Internet: IANA's special-purpose registries (RFC 6890 and what followed), and
/// multicast.
const CLOSED_V4: &[Ipv4Net] = &[
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
];

/// As [`CLOSED_V4`]. The public Internet is 2000::/3 alone; these are its exceptions.
const CLOSED_V6: &[Ipv6Net] = &[
    // Protocol assignments, Teredo, benchmarking, ORCHID.
    v6(0x2001, 0, 23),
    v6(0x2001, 0xdb8, 32),
    v6(0x3fff, 0, 20),
];

const PUBLIC_V6: Ipv6Net = v6(0x2000, 0, 3);

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix)
}

/// Decides where to connect to.
#[derive(Debug, Clone)]
pub struct Guard {
    open: Arc<[IpNet]>,
}

/// Why a url is refused, in words for whoever gave it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It cannot be read.
    #[error("it is not a url of at most {LONGEST} characters")]
    Unreadable,
    /// Another scheme.
    #[error("only http:// and https:// are taken")]
    Scheme,
    /// A name and password in it, which would end up in logs.
    #[error("it must not hold a user name or password")]
    Credentials,
    /// An address that is not public.
    #[error("it does not lead to a public address")]
    Closed,
}

impl Guard {
    /// Lets through what is public, and what lies in these networks.
    pub fn new(open: &[IpNet]) -> Guard {
        Guard { open: open.into() }
    }

    /// Whether an address may be connected to.
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = carried(address);
        if self.open.iter().any(|net| net.contains(&address)) {
            return true;
        }
        match address {
            IpAddr::V4(address) => !CLOSED_V4.iter().any(|net| net.contains(&address)),
            IpAddr::V6(address) => {
                PUBLIC_V6.contains(&address) && !CLOSED_V6.iter().any(|net| net.contains(&address))
            }
        }
    }

    /// Reads a url that a stranger gave. A host name in it is checked when it is connected to.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn url(&self, text: &str) -> Result<Url, Refused> {
        if text.len() > LONGEST {
            return Err(Refused::Unreadable);
        }
        let url = Url::parse(text).map_err(|_| Refused::Unreadable)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        let host = url.host_str().ok_or(Refused::Unreadable)?;
        // The parser has turned every spelling of an address (octal, hexadecimal, one number) into this one. The
        // client does not ask the resolver about addresses, so they are checked here.
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) if !self.permits(address) => Err(Refused::Closed),
            _ => Ok(url),
        }
    }

    /// A client that connects to what is permitted, follows no redirect and asks no proxy. Its requests must be made
    /// with urls from [`Guard::url`].
    ///
    /// # Errors
    /// If no TLS can be set up.
    pub fn client(&self, connect: Duration, whole: Duration) -> reqwest::Result<reqwest::Client> {
        reqwest::Client::builder()
            .dns_resolver(Arc::new(self.clone()))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(connect)
            .timeout(whole)
            .user_agent(concat!("vfxb/", env!("CARGO_PKG_VERSION")))
            .build()
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let permitted: Vec<SocketAddr> = found.filter(|found| guard.permits(found.ip())).collect();
            if permitted.is_empty() {
                return Err(Box::from(Refused::Closed));
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

/// The address that is really meant: what an IPv6 address carries of IPv4 (mapped, compatible, NAT64, 6to4), else
/// itself.
fn carried(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => v4(g, h),
        (0, 0, 0, 0, 0, 0) if g != 0 => v4(g, h),
        (0x2002, ..) => v4(b, c),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(address: &str) -> bool {
        Guard::new(&[]).permits(address.parse().unwrap())
    }

    #[test]
    fn public_addresses_alone_are_permitted() {
        for open in [
            "1.1.1.1",
            "93.184.216.34",
            "172.32.0.1",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert!(permits(open), "{open}");
        }
        for closed in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:0:1::",
            "2001:db8::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!permits(closed), "{closed}");
        }
    }

    #[test]
    fn networks_that_are_opened_are_permitted_in_every_spelling() {
        let guard = Guard::new(&["127.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        for open in ["127.0.0.1", "::ffff:127.0.0.1", "fd12::1"] {
            assert!(guard.permits(open.parse().unwrap()), "{open}");
        }
        assert!(!guard.permits("10.0.0.1".parse().unwrap()));
        assert!(!guard.permits("::1".parse().unwrap()));
    }

    #[test]
    fn urls_are_refused_by_what_they_say() {
        let guard = Guard::new(&[]);
        for (url, refused) in [
            ("nonsense", Refused::Unreadable),
            ("ftp://example.com/", Refused::Scheme),
            ("file:///etc/passwd", Refused::Scheme),
            ("http://user:secret@example.com/", Refused::Credentials),
            ("http://127.0.0.1/", Refused::Closed),
            ("http://0x7f.1/", Refused::Closed),
            ("http://2130706433/", Refused::Closed),
            ("http://0177.0.0.1/", Refused::Closed),
            ("http://[::1]:80/", Refused::Closed),
            ("http://[::ffff:10.0.0.1]/", Refused::Closed),
            ("https://169.254.169.254/latest/meta-data", Refused::Closed),
        ] {
            assert_eq!(guard.url(url).unwrap_err(), refused, "{url}");
        }
        assert_eq!(
            guard.url(&format!("http://example.com/{}", "a".repeat(LONGEST))),
            Err(Refused::Unreadable)
        );
        assert!(guard.url("https://example.com:8443/hook?a=b").is_ok());
    }

    /// `localhost` passes as a name, and is refused when its addresses are known.
    #[tokio::test]
    async fn names_are_refused_when_they_are_resolved() {
        let guard = Guard::new(&[]);
        let url = guard.url("http://localhost:1/").unwrap();
        let client = guard.client(Duration::from_secs(5), Duration::from_secs(5)).unwrap();
        let error = client.get(url).send().await.unwrap_err();
        let mut causes =
            std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        assert!(causes.any(|cause| cause.downcast_ref::<Refused>() == Some(&Refused::Closed)), "{error:?}");
    }
}
