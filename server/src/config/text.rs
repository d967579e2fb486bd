//! How settings are written: times, sizes, rates, lists. Texts come in; values go out, or how to write it.

use std::time::Duration;

use crate::config::Rate;

/// Units of time, in seconds.
const TIMES: [(&str, u64); 5] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800)];

/// Units of size, in bytes.
const SIZES: [(&str, u64); 9] = [
    ("", 1),
    ("B", 1),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// `15m`, `24h`, `7d`, or seconds alone; more than nothing and at most ten years.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    const TEN_YEARS: u64 = 3650 * 86_400;
    let (number, unit) = split(text);
    let unit = if unit.is_empty() { "s" } else { unit };
    let seconds = TIMES.iter().find(|(name, _)| *name == unit).map(|(_, seconds)| *seconds);
    let read = number.parse::<u64>().ok().zip(seconds).and_then(|(n, seconds)| n.checked_mul(seconds));
    match read {
        Some(seconds @ 1..=TEN_YEARS) => Ok(Duration::from_secs(seconds)),
        _ => Err("write a time such as 30s, 15m, 24h or 7d".into()),
    }
}

/// `500000000`, `500MB`, `4GiB`; more than nothing.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let bytes = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, bytes)| *bytes);
    let read =
        number.replace('_', "").parse::<u64>().ok().zip(bytes).and_then(|(n, bytes)| n.checked_mul(bytes));
    // SQLite's whole numbers have a sign.
    read.filter(|size| *size > 0 && i64::try_from(*size).is_ok())
        .ok_or_else(|| "write a number of bytes, or a size such as 500MB or 4GiB".into())
}

/// `100/15m`, or `off`.
pub(super) fn rate(text: &str) -> Result<Option<Rate>, String> {
    // YAML 1.1 reads a plain `off` as false.
    if ["off", "false"].iter().any(|off| text.eq_ignore_ascii_case(off)) {
        return Ok(None);
    }
    let read = text.split_once('/').and_then(|(requests, per)| {
        let requests = requests.trim().parse::<u32>().ok().filter(|n| *n > 0)?;
        let per = per.trim();
        let counted = per.is_empty() || per.starts_with(|c: char| c.is_ascii_digit());
        let per = if counted { time(per) } else { time(&format!("1{per}")) };
        Some(Rate { requests, per: per.ok()? })
    });
    read.map(Some).ok_or_else(|| "write a number of requests and a time such as 100/15m, or off".into())
}

/// What stands between commas or spaces.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\n', '\t']).filter(|item| !item.is_empty())
}

/// Reads every item of a list.
pub(super) fn each<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    list(text).map(read).collect()
}

/// A whole number within limits.
pub(super) fn number<N>(text: &str, min: N, max: N) -> Result<N, String>
where
    N: std::str::FromStr + PartialOrd + std::fmt::Display + Copy,
{
    let read = text.parse::<N>().ok().filter(|n| *n >= min && *n <= max);
    read.ok_or_else(|| format!("write a whole number from {min} to {max}"))
}

/// An origin as browsers send it: scheme, host and port, without a path.
pub(super) fn origin(text: &str) -> Result<String, String> {
    if text == "*" {
        return Err("name each origin: browsers refuse * together with credentials".into());
    }
    let how = || "write an origin such as https://example.org or http://localhost:3000".to_owned();
    let lower = text.trim_end_matches('/').to_ascii_lowercase();
    let uri: axum::http::Uri = lower.parse().map_err(|_| how())?;
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(how)?;
    match (uri.scheme_str(), uri.path(), uri.query()) {
        (Some(scheme @ ("http" | "https")), "/", None) => {
            let port = authority.port_u16().filter(|port| *port != if scheme == "https" { 443 } else { 80 });
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            Ok(format!("{scheme}://{}{port}", authority.host()))
        }
        _ => Err(how()),
    }
}

/// Where a provider is.
pub(super) fn url(text: &str) -> Result<String, String> {
    let how =
        || "write a url such as https://api.example.org/v1, without a user or a password in it".to_owned();
    let uri: axum::http::Uri = text.parse().map_err(|_| how())?;
    let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    if plain && known { Ok(text.trim_end_matches('/').to_owned()) } else { Err(how()) }
}

/// A host's name or address, without a port.
pub(super) fn host(text: &str) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']' | '*');
    if lower.chars().all(legal) && !lower.contains("//") {
        Ok(lower)
    } else {
        Err("write a host's name such as example.org".into())
    }
}

/// A network.
pub(super) fn network(text: &str) -> Result<ipnet::IpNet, String> {
    let address = || text.parse::<std::net::IpAddr>().map(ipnet::IpNet::from);
    text.parse().or_else(|_| address()).map_err(|_| "write networks such as 10.0.0.0/8 or 192.168.1.7".into())
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sizes_and_rates_are_read() {
        let seconds = |text| time(text).ok().map(|time| time.as_secs());
        assert_eq!(
            [seconds("7d"), seconds("15m"), seconds("90"), seconds("24h")].map(Option::unwrap),
            [604_800, 900, 90, 86_400]
        );
        for wrong in ["", "0", "-1", "1.5h", "7 days", "99999999999d", "m"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
        assert_eq!(size("500000000"), Ok(500_000_000));
        assert_eq!(size("500_000_000"), Ok(500_000_000));
        assert_eq!(size("500mb"), Ok(500_000_000));
        assert_eq!(size("4GiB"), Ok(4 << 30));
        for wrong in ["", "0", "MB", "1.5GB", "9999999999TB", "5 parsecs"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        assert_eq!(rate("100/15m"), Ok(Some(Rate { requests: 100, per: Duration::from_secs(900) })));
        assert_eq!(rate("5/m"), Ok(Some(Rate { requests: 5, per: Duration::from_secs(60) })));
        assert_eq!(rate("off"), Ok(None));
        for wrong in ["", "100", "0/15m", "100/0s", "100/", "/m"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn origins_are_as_browsers_send_them() {
        assert_eq!(origin("https://Example.org:443/").unwrap(), "https://example.org");
        assert_eq!(origin("http://localhost:3000").unwrap(), "http://localhost:3000");
        assert_eq!(origin("http://[::1]:3000").unwrap(), "http://[::1]:3000");
        for wrong in
            ["*", "null", "example.org", "https://example.org/app", "ftp://example.org", "https://a@b"]
        {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }
}
