//! Stored files going out: ranges, validators, and a name that is safe in a header.
//!
//! A path that the service chose and the headers of a request come in; a response whose body is read from disk as
//! fast as the client takes it goes out. Who may have the file, and what it is called, is the caller's business.
//!
//! One range at a time: a request for several is answered with the whole file, as RFC 9110 §14.2 allows. Validators
//! are strong tags of the content; no dates are sent, so conditions on dates never match.

use std::io::SeekFrom;
use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use crate::error::{ApiError, Kind};

/// Bytes that are read at once: what one slow reader holds.
const CHUNK: usize = 64 << 10;

/// The characters of RFC 8187's `attr-char`, which need no escape in `filename*`.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A file to send.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// Where it lies.
    pub path: &'a Path,
    /// Its media type: see [`content_type`].
    pub content_type: &'a str,
    /// Changes whenever its bytes do: its hash. Without quotes.
    pub etag: &'a str,
    /// What to call it where it is saved: any text.
    pub name: &'a str,
}

/// Answers a GET or HEAD: 200, 206, 304, or as below.
///
/// # Errors
/// 404 if the file has gone, 412 if it is not the one that `If-Match` means, 500 if it cannot be read. A range
/// outside the file is answered with 416 and its length.
pub async fn serve(file: Sent<'_>, method: &Method, headers: &HeaderMap) -> Result<Response, ApiError> {
    let opened = File::open(file.path).await.map_err(|error| unreadable(&error))?;
    let size = opened.metadata().await.map_err(|error| unreadable(&error))?.len();
    let etag = format!("\"{}\"", file.etag);
    if values(headers, header::IF_MATCH)
        .is_some_and(|tags| !tags.iter().any(|tag| tag == "*" || *tag == etag))
    {
        return Err(ApiError::new(Kind::Precondition, "The file is another one by now."));
    }
    if values(headers, header::IF_NONE_MATCH).is_some_and(|tags| tags.iter().any(|tag| weakly(tag, &etag))) {
        return Ok((StatusCode::NOT_MODIFIED, described(&file, &etag)?).into_response());
    }
    let whole = headers.get(header::IF_RANGE).is_some_and(|tag| tag.as_bytes() != etag.as_bytes());
    let range = if whole { Wanted::Whole } else { wanted(headers.get(header::RANGE), size) };
    let (status, from, length) = match range {
        Wanted::Whole => (StatusCode::OK, 0, size),
        Wanted::Part { from, to } => (StatusCode::PARTIAL_CONTENT, from, to - from + 1),
        Wanted::Outside => return Ok(outside(size)),
    };
    let mut answer = described(&file, &etag)?;
    answer.insert(header::CONTENT_TYPE, value(file.content_type)?);
    answer.insert(header::CONTENT_DISPOSITION, value(&disposition(&file))?);
    answer.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Wanted::Part { from, to } = range {
        answer.insert(header::CONTENT_RANGE, value(&format!("bytes {from}-{to}/{size}"))?);
    }
    let body = if method == Method::HEAD { Body::empty() } else { part(opened, from, length).await? };
    Ok((status, answer, body).into_response())
}

/// The media type of a stored file, by its ending. Only what browsers show without running any of it has one of its
/// own; everything else is bytes.
pub fn content_type(extension: &str) -> &'static str {
    TYPES.iter().find(|(known, _)| *known == extension).map_or("application/octet-stream", |(_, kind)| kind)
}

/// Endings and their types.
const TYPES: &[(&str, &str)] = &[
    ("mp4", "video/mp4"),
    ("m4v", "video/mp4"),
    ("mov", "video/quicktime"),
    ("mkv", "video/x-matroska"),
    ("webm", "video/webm"),
    ("avi", "video/x-msvideo"),
    ("wmv", "video/x-ms-wmv"),
    ("flv", "video/x-flv"),
    ("ts", "video/mp2t"),
    ("m4s", "video/iso.segment"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("mp3", "audio/mpeg"),
    ("wav", "audio/wav"),
    ("m4a", "audio/mp4"),
    ("aac", "audio/aac"),
    ("flac", "audio/flac"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("png", "image/png"),
    ("apng", "image/apng"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("bmp", "image/bmp"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("avif", "image/avif"),
];

/// What a `Range` header asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Everything: there is no range, or none that is understood.
    Whole,
    /// These bytes, both included.
    Part { from: u64, to: u64 },
    /// Nothing that is there.
    Outside,
}

fn wanted(range: Option<&HeaderValue>, size: u64) -> Wanted {
    let one = || {
        let text = range?.to_str().ok()?.strip_prefix("bytes=")?.trim();
        let (from, to) = text.split_once('-')?;
        Some((from.trim(), to.trim()))
    };
    let number =
        |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    match one() {
        Some(("", last)) => match number(last) {
            Some(0) => Wanted::Outside,
            Some(_) if size == 0 => Wanted::Outside,
            Some(count) => Wanted::Part { from: size.saturating_sub(count), to: size - 1 },
            None => Wanted::Whole,
        },
        Some((from, to)) => match (number(from), if to.is_empty() { Some(u64::MAX) } else { number(to) }) {
            (Some(from), Some(to)) if from > to => Wanted::Whole,
            (Some(from), Some(_)) if from >= size => Wanted::Outside,
            (Some(from), Some(to)) => Wanted::Part { from, to: to.min(size - 1) },
            _ => Wanted::Whole,
        },
        None => Wanted::Whole,
    }
}

fn outside(size: u64) -> Response {
    let mut response = ApiError::new(Kind::Range, format!("The file has {size} bytes.")).into_response();
    if let Ok(range) = HeaderValue::try_from(format!("bytes */{size}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    response
}

/// The headers that 200, 206 and 304 share.
fn described(file: &Sent<'_>, etag: &str) -> Result<HeaderMap, ApiError> {
    let mut headers = HeaderMap::new();
    headers.insert(header::ETAG, value(etag)?);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // Whoever keeps it asks again each time: a file may be deleted, and a right to it may end.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    tracing::trace!(path = ?file.path, "a file goes out");
    Ok(headers)
}

async fn part(mut file: File, from: u64, length: u64) -> Result<Body, ApiError> {
    file.seek(SeekFrom::Start(from)).await.map_err(|error| unreadable(&error))?;
    Ok(Body::from_stream(ReaderStream::with_capacity(file.take(length), CHUNK)))
}

/// Shown in place if a browser can, saved otherwise; the name twice, as RFC 6266 §5 has it: for old clients in plain
/// ASCII, for the others as it is.
fn disposition(file: &Sent<'_>) -> String {
    let shown =
        file.content_type.split('/').next().is_some_and(|kind| matches!(kind, "video" | "audio" | "image"));
    let plain: String = file.name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let exact = utf8_percent_encode(file.name, NAME);
    format!("{}; filename=\"{plain}\"; filename*=UTF-8''{exact}", if shown { "inline" } else { "attachment" })
}

fn plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ')
}

/// The tags of a list header; `None` if it is not there.
fn values(headers: &HeaderMap, name: HeaderName) -> Option<Vec<String>> {
    let mut found = headers.get_all(name).iter().peekable();
    found.peek()?;
    let texts = found.filter_map(|value| value.to_str().ok());
    Some(texts.flat_map(|text| text.split(',')).map(|tag| tag.trim().to_owned()).collect())
}

fn weakly(tag: &str, etag: &str) -> bool {
    tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
}

fn value(text: &str) -> Result<HeaderValue, ApiError> {
    HeaderValue::try_from(text).map_err(|_| ApiError::internal(format!("no header can hold {text:?}")))
}

fn unreadable(error: &std::io::Error) -> ApiError {
    match error.kind() {
        std::io::ErrorKind::NotFound => ApiError::not_found("file"),
        _ => ApiError::internal(format!("a stored file cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: &[u8] = b"0123456789";

    async fn ask(method: Method, headers: &[(HeaderName, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.mp4");
        std::fs::write(&path, BYTES).unwrap();
        let headers =
            headers.iter().map(|(name, text)| (name.clone(), HeaderValue::from_str(text).unwrap())).collect();
        let file = Sent { path: &path, content_type: "video/mp4", etag: "abc", name: "a \"b\"\r\n/ü.mp4" };
        let response = serve(file, &method, &headers).await.into_response();
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, axum::body::to_bytes(body, 1 << 20).await.unwrap().to_vec())
    }

    #[tokio::test]
    async fn a_whole_file_says_what_it_is() {
        let (status, headers, body) = ask(Method::GET, &[]).await;
        assert_eq!((status, body.as_slice()), (StatusCode::OK, BYTES));
        assert_eq!(headers[header::CONTENT_LENGTH], "10");
        assert_eq!(headers[header::ETAG], "\"abc\"");
        assert_eq!(headers[header::CONTENT_TYPE], "video/mp4");
        assert_eq!(
            headers[header::CONTENT_DISPOSITION],
            "inline; filename=\"a _b____ü.mp4\"; filename*=UTF-8''a%20%22b%22%0D%0A%2F%C3%BC.mp4"
                .replace('ü', "_")
        );
    }

    #[tokio::test]
    async fn ranges_are_cut_as_asked() {
        for (range, expected, content_range) in [
            ("bytes=0-3", &b"0123"[..], "bytes 0-3/10"),
            ("bytes=7-", b"789", "bytes 7-9/10"),
            ("bytes=-2", b"89", "bytes 8-9/10"),
            ("bytes=-200", BYTES, "bytes 0-9/10"),
            ("bytes=5-500", b"56789", "bytes 5-9/10"),
        ] {
            let (status, headers, body) = ask(Method::GET, &[(header::RANGE, range)]).await;
            assert_eq!((status, body.as_slice()), (StatusCode::PARTIAL_CONTENT, expected), "{range}");
            assert_eq!(headers[header::CONTENT_RANGE], content_range);
            assert_eq!(headers[header::CONTENT_LENGTH], expected.len().to_string());
        }
    }

    #[tokio::test]
    async fn ranges_outside_are_refused_and_nonsense_is_ignored() {
        for range in ["bytes=10-", "bytes=-0", "bytes=99999999999999999-"] {
            let (status, headers, _) = ask(Method::GET, &[(header::RANGE, range)]).await;
            assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
            assert_eq!(headers[header::CONTENT_RANGE], "bytes */10");
        }
        for range in ["bytes=5-2", "lines=1-2", "bytes=a-b", "bytes=0-1,3-4", "bytes=", "bytes=+1-2"] {
            let (status, _, body) = ask(Method::GET, &[(header::RANGE, range)]).await;
            assert_eq!((status, body.as_slice()), (StatusCode::OK, BYTES), "{range}");
        }
    }

    #[tokio::test]
    async fn conditions_hold_by_the_tag() {
        for (name, tag, expected) in [
            (header::IF_NONE_MATCH, "\"abc\"", 304),
            (header::IF_NONE_MATCH, "\"x\", W/\"abc\"", 304),
            (header::IF_NONE_MATCH, "\"x\"", 206),
            (header::IF_RANGE, "\"abc\"", 206),
            (header::IF_RANGE, "\"x\"", 200),
            (header::IF_RANGE, "W/\"abc\"", 200),
            (header::IF_MATCH, "\"abc\"", 206),
            (header::IF_MATCH, "\"x\"", 412),
        ] {
            let (status, _, _) = ask(Method::GET, &[(name.clone(), tag), (header::RANGE, "bytes=1-2")]).await;
            assert_eq!(status.as_u16(), expected, "{name}: {tag}");
        }
    }

    #[tokio::test]
    async fn head_tells_the_length_alone() {
        let (status, headers, body) = ask(Method::HEAD, &[]).await;
        assert_eq!((status, body.len()), (StatusCode::OK, 0));
        assert_eq!(headers[header::CONTENT_LENGTH], "10");
    }

    #[tokio::test]
    async fn a_file_that_has_gone_is_not_found() {
        let file =
            Sent { path: Path::new("/nowhere/at/all"), content_type: "video/mp4", etag: "a", name: "a" };
        let error = serve(file, &Method::GET, &HeaderMap::new()).await.unwrap_err();
        assert_eq!(error.kind, Kind::NotFound);
    }
}
