//! Whose address a request comes from.
//!
//! The peer's, unless the peer is a proxy that the configuration trusts: then the last address in `X-Forwarded-For` that no
//! trusted proxy has. What anybody else writes there is ignored.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};
use ipnet::IpNet;

/// The client's address; loopback where there is no socket.
pub fn client(headers: &HeaderMap, extensions: &Extensions, proxies: &[IpNet]) -> IpAddr {
    let mut address = peer(extensions);
    if !trusted(address, proxies) {
        return address;
    }
    let texts: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).collect();
    for hop in texts.iter().rev().flat_map(|text| text.rsplit(',')) {
        let Some(hop) = parse(hop.trim()) else { break };
        address = hop;
        if !trusted(address, proxies) {
            break;
        }
    }
    address
}

/// Who is at the other end of the connection; loopback where there is no socket.
pub fn peer(extensions: &Extensions) -> IpAddr {
    let info = extensions.get::<ConnectInfo<SocketAddr>>();
    info.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(address)| address.ip().to_canonical())
}

fn trusted(address: IpAddr, proxies: &[IpNet]) -> bool {
    proxies.iter().any(|network| network.contains(&address))
}

fn parse(text: &str) -> Option<IpAddr> {
    let plain = text.parse::<IpAddr>().ok();
    plain.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip())).map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(peer: &str, forwarded: &[&str], proxies: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        forwarded.iter().for_each(|text| {
            assert!(headers.append("x-forwarded-for", text.parse().unwrap()) || headers.len() == 1)
        });
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 5)));
        let proxies: Vec<IpNet> = proxies.iter().map(|network| network.parse().unwrap()).collect();
        client(&headers, &extensions, &proxies).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed_and_only_the_hop_before_them() {
        let proxies = ["10.0.0.0/8", "::1/128"];
        assert_eq!(address("203.0.113.9", &["1.1.1.1"], &proxies), "203.0.113.9", "a client that forges");
        assert_eq!(address("127.0.0.1", &["1.1.1.1"], &[]), "127.0.0.1", "nobody is trusted");
        assert_eq!(address("10.0.0.1", &["203.0.113.9"], &proxies), "203.0.113.9");
        assert_eq!(
            address("10.0.0.1", &["1.1.1.1, 203.0.113.9"], &proxies),
            "203.0.113.9",
            "forged before the proxy"
        );
        assert_eq!(address("10.0.0.1", &["1.1.1.1", "203.0.113.9, 10.0.0.7"], &proxies), "203.0.113.9");
        assert_eq!(address("::1", &["[2001:db8::5]:443"], &proxies), "2001:db8::5");
        assert_eq!(address("10.0.0.1", &["rubbish"], &proxies), "10.0.0.1");
        assert_eq!(address("::ffff:10.0.0.1", &["::ffff:203.0.113.9"], &proxies), "203.0.113.9");
        assert_eq!(address("10.0.0.1", &[], &proxies), "10.0.0.1");
    }
}
