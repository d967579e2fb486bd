//! The tus protocol from the request to the row, with the real store and a folder.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

use super::Locks;
use crate::model::Folder;
use crate::upload::fake::{DEADLY, FILM, SOUND, Service, request};

const PART: &str = "application/offset+octet-stream";

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

impl Service {
    async fn tus(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> (u16, HeaderMap, Value) {
        let headers = [&[("tus-resumable", "1.0.0")], headers].concat();
        let said = self.send(request(method, path, &headers).body(body.into()).unwrap()).await;
        assert_eq!(text(&said.1, "tus-resumable"), "1.0.0");
        said
    }

    /// Begins an upload; its place.
    async fn begin(&self, length: usize, described: &str) -> String {
        let headers = [("upload-length", &*length.to_string()), ("upload-metadata", described)];
        let (status, headers, said) = self.tus("POST", "/api/tus", &headers, Body::empty()).await;
        assert_eq!(status, 201, "{said}");
        text(&headers, "location").to_owned()
    }

    async fn patch(&self, path: &str, offset: usize, body: impl Into<Body>) -> (u16, HeaderMap, Value) {
        self.tus("PATCH", path, &[("content-type", PART), ("upload-offset", &offset.to_string())], body).await
    }

    /// How far an upload is, as HEAD tells it.
    async fn offset(&self, path: &str) -> usize {
        let (status, headers, _) = self.tus("HEAD", path, &[], Body::empty()).await;
        assert_eq!(status, 200);
        text(&headers, "upload-offset").parse().unwrap()
    }

    fn partial(&self) -> usize {
        let entries = std::fs::read_dir(self.app.files.folder(Folder::Temp)).unwrap();
        entries.filter(|entry| entry.as_ref().unwrap().path().is_file()).count()
    }
}

fn named(name: &str) -> String {
    format!("filename {}", STANDARD.encode(name))
}

#[tokio::test]
async fn abilities_are_told_to_everybody() {
    let service = Service::with(|config| config.max_file_size = 1234);
    for path in ["/api/tus", "/api/tus/x"] {
        let (status, headers, _) =
            service.send(request("OPTIONS", path, &[]).body(Body::empty()).unwrap()).await;
        assert_eq!(
            (status, text(&headers, "tus-version"), text(&headers, "tus-max-size")),
            (204, "1.0.0", "1234")
        );
        assert_eq!(
            text(&headers, "tus-extension"),
            "creation,creation-with-upload,termination,checksum,expiration"
        );
        assert_eq!(text(&headers, "tus-checksum-algorithm"), "sha1,sha256");
    }
}

#[tokio::test]
async fn parts_become_a_video() {
    let service = Service::with(|_| {});
    let path = service.begin(FILM.len(), &named("../holiday.mp4")).await;
    assert_eq!(service.offset(&path).await, 0);
    let (status, headers, _) = service.patch(&path, 0, &FILM[..10]).await;
    assert_eq!((status, text(&headers, "upload-offset"), text(&headers, "upload-result")), (204, "10", ""));
    let (_, headers, _) = service.tus("HEAD", &path, &[], Body::empty()).await;
    assert_eq!(text(&headers, "upload-length"), FILM.len().to_string());
    assert_eq!(text(&headers, "upload-metadata"), named("../holiday.mp4"));
    assert_eq!(text(&headers, "cache-control"), "no-store");
    let expires = text(&headers, "upload-expires");
    let expires =
        jiff::fmt::strtime::parse("%a, %d %b %Y %H:%M:%S GMT", expires).unwrap().to_datetime().unwrap();
    let expires = expires.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let hours = (expires - Timestamp::now()).total(jiff::Unit::Hour).unwrap();
    assert!((23.9..24.1).contains(&hours), "{hours}");

    let (status, _, shown) = service.get(&path).await;
    assert_eq!((status, &shown["offset"], &shown["complete"]), (200, &json!(10), &json!(false)));
    let (status, headers, _) = service.patch(&path, 10, &FILM[10..]).await;
    assert_eq!(status, 204);
    let id = text(&headers, "upload-result").strip_prefix("video:").unwrap().to_owned();
    let (_, headers, _) = service.tus("HEAD", &path, &[], Body::empty()).await;
    assert_eq!(text(&headers, "upload-result"), format!("video:{id}"));
    let (_, _, shown) = service.get(&path).await;
    assert_eq!((&shown["videoId"], &shown["complete"]), (&json!(id), &json!(true)));
    let (_, _, video) = service.get(&format!("/api/video/{id}")).await;
    assert_eq!(
        (&video["video"]["originalName"], &video["video"]["size"]),
        (&json!("holiday.mp4"), &json!(FILM.len()))
    );
    assert_eq!(
        service.get(&format!("/api/video/{id}/file")).await.2,
        String::from_utf8_lossy(FILM).into_owned()
    );
    assert_eq!(service.partial(), 0);
    // Ending the upload does not end the video.
    assert_eq!(service.tus("DELETE", &path, &[], Body::empty()).await.0, 204);
    assert_eq!(service.tus("HEAD", &path, &[], Body::empty()).await.0, 404);
    assert_eq!(service.get(&format!("/api/video/{id}")).await.0, 200);
}

#[tokio::test]
async fn a_first_part_may_come_at_once() {
    let service = Service::with(|_| {});
    let length = SOUND.len().to_string();
    let kind = format!("kind {},{}", STANDARD.encode("audio"), named("a.wav"));
    let headers = [("upload-length", &*length), ("content-type", PART), ("upload-metadata", &kind)];
    let (status, headers, said) = service.tus("POST", "/api/tus", &headers, SOUND).await;
    assert_eq!((status, text(&headers, "upload-offset")), (201, &*length), "{said}");
    let id = text(&headers, "upload-result").strip_prefix("asset:").unwrap();
    assert_eq!(service.get(&format!("/api/assets/{id}")).await.2["asset"]["kind"], "audio");
    assert_eq!(service.get(text(&headers, "location")).await.2["assetId"], id);
}

#[tokio::test]
async fn what_breaks_the_protocol_is_refused() {
    let service = Service::with(|config| config.max_file_size = 1000);
    let begin =
        async |headers: &[(&str, &str)]| service.tus("POST", "/api/tus", headers, Body::empty()).await.0;
    assert_eq!(begin(&[]).await, 400);
    assert_eq!(begin(&[("upload-defer-length", "1")]).await, 400);
    assert_eq!(begin(&[("upload-length", "-1")]).await, 400);
    assert_eq!(begin(&[("upload-length", "99999999999999999999")]).await, 400);
    assert_eq!(begin(&[("upload-length", "1001")]).await, 413);
    assert_eq!(begin(&[("upload-length", "10"), ("upload-metadata", "kind !")]).await, 400);
    assert_eq!(begin(&[("upload-length", "10"), ("upload-metadata", "kind Zm9v")]).await, 400);
    assert_eq!(begin(&[("upload-length", "0")]).await, 415);
    let version = request("POST", "/api/tus", &[("upload-length", "10"), ("tus-resumable", "0.2.2")]);
    let (status, headers, _) = service.send(version.body(Body::empty()).unwrap()).await;
    assert_eq!((status, text(&headers, "tus-version")), (412, "1.0.0"));

    let path = service.begin(FILM.len(), "").await;
    let (status, _, said) = service.patch(&path, 5, &FILM[5..]).await;
    assert_eq!((status, &said["code"]), (409, &json!("offset_mismatch")));
    assert_eq!(service.tus("PATCH", &path, &[("upload-offset", "0")], FILM).await.0, 415);
    assert_eq!(service.tus("PATCH", &path, &[("content-type", PART)], FILM).await.0, 400);
    let long = [FILM, b"and more"].concat();
    assert_eq!(service.patch(&path, 0, long.clone()).await.0, 413);
    let unannounced = stream::iter(
        long.chunks(16).map(Bytes::copy_from_slice).map(Ok::<_, Infallible>).collect::<Vec<_>>(),
    );
    assert_eq!(service.patch(&path, 0, Body::from_stream(unannounced)).await.0, 413);
    assert_eq!(service.offset(&path).await, 0);
    assert_eq!(service.patch(&format!("/api/tus/{}", Uuid::nil()), 0, FILM).await.0, 404);
    assert_eq!(service.patch("/api/tus/x", 0, FILM).await.0, 404);
    assert_eq!(service.tus("POST", &path, &[], FILM).await.0, 405);
    let meant = [("x-http-method-override", "PATCH"), ("content-type", PART), ("upload-offset", "0")];
    assert_eq!(service.tus("POST", &path, &meant, FILM).await.0, 204);
}

#[tokio::test]
async fn a_whole_file_that_is_not_what_it_must_be_goes() {
    let service = Service::with(|_| {});
    for (content, described) in [
        (&b"PK\x03\x04 film"[..], String::new()),
        (SOUND, format!("kind {}", STANDARD.encode("video"))),
        (FILM, format!("kind {}", STANDARD.encode("lut"))),
        (DEADLY, String::new()),
    ] {
        let path = service.begin(content.len(), &described).await;
        let (status, _, said) = service.patch(&path, 0, content).await;
        assert_eq!(status, 415, "{said}");
        assert_eq!(service.tus("HEAD", &path, &[], Body::empty()).await.0, 404);
    }
    assert!(service.files().is_empty());
}

#[tokio::test]
async fn checksums_hold_or_nothing_counts() {
    let service = Service::with(|_| {});
    let path = service.begin(FILM.len(), "").await;
    let sum = |bytes: &[u8]| format!("sha256 {}", STANDARD.encode(Sha256::digest(bytes)));
    let patch = async |offset: usize, sum: &str, body: Body| {
        let headers =
            [("content-type", PART), ("upload-offset", &*offset.to_string()), ("upload-checksum", sum)];
        service.tus("PATCH", &path, &headers, body).await.0
    };
    assert_eq!(patch(0, &sum(b"else"), FILM[..10].into()).await, 460);
    assert_eq!(service.offset(&path).await, 0);
    assert_eq!(patch(0, "md5 aaaa", FILM[..10].into()).await, 400);
    let cut = stream::iter([Ok(Bytes::copy_from_slice(&FILM[..5])), Err("reset")]);
    assert_eq!(patch(0, &sum(&FILM[..10]), Body::from_stream(cut)).await, 400);
    assert_eq!(service.offset(&path).await, 0);
    assert_eq!(patch(0, &sum(&FILM[..10]), FILM[..10].into()).await, 204);
    assert_eq!(patch(10, &sum(&FILM[10..]), FILM[10..].into()).await, 204);
}

#[tokio::test]
async fn what_came_before_a_cut_counts_and_lives_through_a_restart() {
    let service = Service::with(|_| {});
    let path = service.begin(FILM.len(), "").await;
    let cut = stream::iter([Ok(Bytes::copy_from_slice(&FILM[..20])), Err("connection reset")]);
    assert_eq!(service.patch(&path, 0, Body::from_stream(cut)).await.0, 400);
    assert_eq!(service.offset(&path).await, 20);
    // Bytes that no row tells of: a crash left them.
    let id = Uuid::parse_str(path.rsplit('/').next().unwrap()).unwrap();
    let file = super::path(&service.app, id);
    std::fs::write(&file, [&FILM[..20], b"never told"].concat()).unwrap();
    let service = service.again().await;
    let keep = service.app.store.upload_ids().await.unwrap().into_iter().collect();
    service.app.files.sweep(std::collections::HashSet::new(), keep).await.unwrap();
    assert_eq!(service.offset(&path).await, 20);
    let (status, headers, _) = service.patch(&path, 20, &FILM[20..]).await;
    assert_eq!(status, 204);
    let video = text(&headers, "upload-result").strip_prefix("video:").unwrap().to_owned();
    assert_eq!(
        service.get(&format!("/api/video/{video}/file")).await.2,
        String::from_utf8_lossy(FILM).into_owned()
    );
}

#[tokio::test]
async fn a_file_that_is_whole_and_not_kept_is_kept_when_it_is_asked_for() {
    let service = Service::with(|_| {});
    let path = service.begin(FILM.len(), "").await;
    let id = Uuid::parse_str(path.rsplit('/').next().unwrap()).unwrap();
    // A crash between the last byte and the judgement.
    std::fs::write(super::path(&service.app, id), FILM).unwrap();
    service
        .app
        .store
        .set_upload(id, FILM.len() as u64, super::expiry(&service.app, Timestamp::now()))
        .await
        .unwrap();
    let service = service.again().await;
    let (status, headers, _) = service.tus("HEAD", &path, &[], Body::empty()).await;
    assert_eq!((status, text(&headers, "upload-result")), (200, &*format!("video:{id}")));
    assert_eq!(service.get("/api/video").await.2["total"], 1);
}

#[tokio::test]
async fn a_file_that_was_kept_before_a_crash_is_not_kept_twice() {
    let service = Service::with(|_| {});
    let path = service.begin(FILM.len(), "").await;
    assert_eq!(service.patch(&path, 0, FILM).await.0, 204);
    // A crash after its row was stored: the upload does not know of it.
    let id = Uuid::parse_str(path.rsplit('/').next().unwrap()).unwrap();
    let owner = crate::model::OPEN_OWNER;
    let upload = service.app.store.upload(owner, id).await.unwrap().unwrap();
    service.app.store.delete_upload(owner, id).await.unwrap();
    service
        .app
        .store
        .add_upload(&crate::model::Upload { became: None, ..upload }, 1, u64::MAX)
        .await
        .unwrap();
    let (status, headers, _) = service.tus("HEAD", &path, &[], Body::empty()).await;
    assert_eq!((status, text(&headers, "upload-result")), (200, &*format!("video:{id}")));
    assert_eq!(service.get("/api/video").await.2["total"], 1);
}

#[tokio::test]
async fn what_has_expired_is_gone() {
    let service = Service::with(|config| config.temp_expires_in = Duration::ZERO);
    let path = service.begin(FILM.len(), "").await;
    assert_eq!(service.tus("HEAD", &path, &[], Body::empty()).await.0, 410);
    assert_eq!(service.patch(&path, 0, FILM).await.0, 410);
    super::expire(&service.app).await.unwrap();
    assert_eq!(service.tus("HEAD", &path, &[], Body::empty()).await.0, 404);
    assert_eq!(service.partial(), 0);
}

#[tokio::test]
async fn what_is_open_counts_in_the_quota() {
    let service = Service::with(|config| config.quota = 100);
    let begin = async |length: &str| {
        let (status, headers, said) =
            service.tus("POST", "/api/tus", &[("upload-length", length)], Body::empty()).await;
        (status, text(&headers, "location").to_owned(), said)
    };
    let (_, first, _) = begin("60").await;
    let (status, _, said) = begin("60").await;
    assert_eq!((status, &said["code"]), (507, &json!("no_room")));
    assert_eq!(begin("40").await.0, 201);
    assert_eq!(service.tus("DELETE", &first, &[], Body::empty()).await.0, 204);
    assert_eq!(begin("60").await.0, 201, "what was ended does not count");
}

#[tokio::test]
async fn only_so_many_are_open_at_once() {
    let service = Service::with(|_| {});
    let mut places = Vec::new();
    for _ in 0..super::OPEN {
        places.push(service.begin(FILM.len(), "").await);
    }
    let one_more = async || service.tus("POST", "/api/tus", &[("upload-length", "10")], Body::empty()).await;
    let (status, headers, said) = one_more().await;
    assert_eq!(
        (status, &said["code"], text(&headers, "retry-after")),
        (429, &json!("too_many_uploads"), "60")
    );
    assert!(said["message"].as_str().unwrap().contains("20 uploads"), "{said}");
    assert_eq!(service.patch(&places[0], 0, FILM).await.0, 204);
    assert_eq!(one_more().await.0, 201, "one that is whole is not open");
}

#[tokio::test]
async fn no_upload_goes_on_for_ever() {
    let service = Service::with(|config| config.temp_expires_in = Duration::from_secs(24 * 3600));
    let hours = |app, began: i64| {
        let began = Timestamp::now() - jiff::SignedDuration::from_hours(began);
        (super::expiry(app, began) - Timestamp::now()).total(jiff::Unit::Hour).unwrap().round()
    };
    for (began, expected) in [(0, 24.0), (100, 24.0), (7 * 24 - 1, 1.0), (7 * 24 + 5, -5.0)] {
        assert_eq!(hours(&service.app, began), expected, "{began}");
    }
    let patient = Service::with(|config| config.temp_expires_in = Duration::from_secs(30 * 24 * 3600));
    assert_eq!(hours(&patient.app, 0), 30.0 * 24.0);
    assert_eq!(hours(&patient.app, 24), 29.0 * 24.0);
}

/// A body that comes as it is told to.
fn told() -> (mpsc::UnboundedSender<Bytes>, Body) {
    let (tell, mut told) = mpsc::unbounded_channel::<Bytes>();
    let chunks = stream::poll_fn(move |cx| told.poll_recv(cx)).map(Ok::<_, Infallible>);
    (tell, Body::from_stream(chunks))
}

#[tokio::test]
async fn one_part_at_a_time() {
    let service = Service::with(|_| {});
    let path = service.begin(FILM.len(), "").await;
    let (tell, body) = told();
    tell.send(Bytes::copy_from_slice(&FILM[..10])).unwrap();
    let first = service.patch(&path, 0, body);
    let second = async {
        // The first has the lock as soon as it has a file.
        while service.partial() == 0 {
            tokio::task::yield_now().await;
        }
        let (status, _, said) = service.patch(&path, 0, FILM).await;
        assert_eq!((status, &said["code"]), (423, &json!("locked")));
        tell.send(Bytes::copy_from_slice(&FILM[10..])).unwrap();
        drop(tell);
    };
    let ((status, headers, _), ()) = tokio::join!(first, second);
    assert_eq!((status, text(&headers, "upload-offset")), (204, &*FILM.len().to_string()));
}

#[tokio::test]
async fn who_comes_back_does_not_wait_for_his_dead_connection() {
    let mut service = Service::with(|_| {});
    service.app.uploads = Locks::with_silence(Duration::ZERO);
    let path = service.begin(FILM.len(), "").await;
    let (tell, body) = told();
    tell.send(Bytes::copy_from_slice(&FILM[..10])).unwrap();
    let dead = service.patch(&path, 0, body);
    let back = async {
        while service.partial() == 0 {
            tokio::task::yield_now().await;
        }
        let offset = service.offset(&path).await;
        assert!([0, 10].contains(&offset), "{offset}");
        service.patch(&path, offset, &FILM[offset..]).await.0
    };
    let ((status, ..), back) = tokio::join!(dead, back);
    assert_eq!((status, back), (409, 204));
}

#[tokio::test]
async fn ending_an_upload_stops_what_is_coming() {
    let service = Service::with(|_| {});
    let path = service.begin(FILM.len(), "").await;
    let (_tell, body) = told();
    let coming = service.patch(&path, 0, body);
    let end = async {
        while service.partial() == 0 {
            tokio::task::yield_now().await;
        }
        service.tus("DELETE", &path, &[], Body::empty()).await.0
    };
    let ((status, ..), end) = tokio::join!(coming, end);
    assert_eq!((status, end, service.partial()), (409, 204, 0));
}

#[tokio::test]
async fn what_came_before_the_service_ends_counts() {
    let service = Service::with(|_| {});
    let path = service.begin(FILM.len(), "").await;
    let taken = Arc::new(Notify::new());
    let told = taken.clone();
    let rest = stream::poll_fn(move |_| {
        told.notify_one();
        Poll::Pending
    });
    let first = stream::iter([Ok::<_, Infallible>(Bytes::copy_from_slice(&FILM[..10]))]);
    let coming = service.patch(&path, 0, Body::from_stream(first.chain(rest)));
    let end = async {
        taken.notified().await;
        service.app.stop.cancel();
    };
    let ((status, headers, _), ()) = tokio::join!(coming, end);
    assert_eq!((status, text(&headers, "retry-after")), (503, "5"));
    assert_eq!(service.offset(&path).await, 10);
}
