//! Uploads from the request to the row, with the real store and a folder.

use std::convert::Infallible;
use std::sync::atomic::Ordering;

use axum::body::{Body, Bytes};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::model::{
    JobError, JobState, Made, Metadata, OPEN_OWNER, ScriptSpelling, ScriptText, Video, VideoStatus,
};
use crate::store::Ended;

use super::fake::{DAMAGED, DEADLY, FILM, SOUND, Service, form, form_body, request};

const VIDEO: &str = "/api/video/upload";
const ASSET: &str = "/api/upload";

async fn videos(service: &Service) -> Vec<Value> {
    service.get("/api/video").await.2["videos"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_video_is_kept_and_comes_back() {
    let service = Service::with(|_| {});
    let (status, _, said) = service.post(VIDEO, &[("video", "holiday.mov", FILM)]).await;
    assert_eq!(status, 200, "{said}");
    let id = said["videoId"].as_str().unwrap();
    assert_eq!(said["filename"], format!("{id}.mp4"));
    assert_eq!((&said["originalName"], &said["size"]), (&json!("holiday.mov"), &json!(FILM.len())));
    assert_eq!((&said["duration"], &said["metadata"]["width"]), (&json!(2.0), &json!(64)));
    let (status, _, shown) = service.get(&format!("/api/video/{id}")).await;
    assert_eq!((status, &shown["video"]["status"]), (200, &json!("ready")));
    let url = shown["video"]["url"].as_str().unwrap();
    let (status, headers, file) = service.get(url).await;
    assert_eq!((status, file), (200, String::from_utf8_lossy(FILM).into_owned().into()));
    assert_eq!(headers["content-type"], "video/mp4");
    let part = request("GET", url, &[("range", "bytes=4-7")]).body(Body::empty()).unwrap();
    assert_eq!(service.send(part).await.2, "ftyp");

    let gone = request("DELETE", &format!("/api/video/{id}"), &[]).body(Body::empty()).unwrap();
    assert_eq!(service.send(gone).await.0, 200);
    assert_eq!(service.get(url).await.0, 404);
    assert_eq!(service.files(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn what_is_no_video_is_refused_and_nothing_of_it_stays() {
    let service = Service::with(|_| {});
    for (name, content) in [
        ("empty.mp4", &b""[..]),
        ("zip.mp4", b"PK\x03\x04\x14\0\0\0 film"),
        ("page.mp4", b"<html>film</html>"),
        ("words.mp4", b"a film, in words"),
        ("list.mp4", b"#EXTM3U\nfilm.mp4"),
        ("sound.mp4", SOUND),
        ("damaged.mp4", DAMAGED),
        ("deadly.mp4", DEADLY),
    ] {
        let (status, _, said) = service.post(VIDEO, &[("video", name, content)]).await;
        assert_eq!((status, &said["error"]), (415, &json!("Unsupported media type")), "{name}: {said}");
        assert!(said["message"].as_str().unwrap().starts_with("Only videos are taken here: "), "{said}");
    }
    // Only what may be media is looked into.
    assert_eq!(service.workers.probes.load(Ordering::SeqCst), 3);
    assert!(service.files().is_empty() && videos(&service).await.is_empty());
}

#[tokio::test]
async fn too_large_is_refused_with_and_without_a_length_and_nothing_stays() {
    let service = Service::with(|config| config.max_file_size = 100_000);
    let large = [FILM, &[b'.'; 100_000]].concat();
    let (status, _, said) = service.post(VIDEO, &[("video", "a.mp4", &large)]).await;
    assert_eq!((status, &said["error"]), (413, &json!("File too large")));
    assert!(service.files().is_empty());

    // One that says how long it is, longer than any form may be: nothing of it is read.
    let announced = request(
        "POST",
        ASSET,
        &[
            ("content-type", "multipart/form-data; boundary=x"),
            ("content-length", "9999999"),
            ("expect", "100-continue"),
        ],
    );
    let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    assert_eq!(service.send(announced.body(never).unwrap()).await.0, 413);

    // One that says nothing and never ends.
    let head = form_body(&[("file", "a.mp4", FILM)]);
    let head = Bytes::from(head[..head.len() - "\r\n--x--\r\n".len()].to_vec());
    let endless = stream::iter([head]).chain(stream::repeat_with(|| Bytes::from_static(&[b'.'; 1000])));
    let (status, ..) =
        service.send(form(ASSET, Body::from_stream(endless.map(Ok::<_, Infallible>).take(5000)))).await;
    assert_eq!(status, 413);
    assert!(service.files().is_empty() && videos(&service).await.is_empty());
}

#[tokio::test]
async fn a_form_that_breaks_off_leaves_nothing() {
    let service = Service::with(|_| {});
    let whole = form_body(&[("videos", "a.mp4", FILM), ("videos", "b.mp4", FILM)]);
    for end in [10, 80, 150, whole.len() - 9, whole.len() - 4] {
        let cut = stream::iter([Ok(Bytes::copy_from_slice(&whole[..end])), Err("connection reset")]);
        let (status, ..) = service.send(form(VIDEO, Body::from_stream(cut))).await;
        assert_eq!(status, 400, "{end}");
        let (status, ..) = service.send(form(VIDEO, whole[..end].to_vec())).await;
        assert_eq!(status, 400, "{end}");
    }
    assert!(service.files().is_empty() && videos(&service).await.is_empty());
}

#[tokio::test]
async fn of_several_each_has_its_own_end() {
    let service = Service::with(|config| config.max_file_size = 50_000);
    let large = vec![b'.'; 60_000];
    let (status, _, said) = service
        .post(
            VIDEO,
            &[
                ("videos", "a.mp4", FILM),
                ("videos", "b.mp4", &large),
                ("videos", "c.zip", b"PK\x03\x04"),
                ("videos", "d.mp4", FILM),
            ],
        )
        .await;
    assert_eq!((status, &said["success"]), (200, &json!(true)), "{said}");
    let each = said["videos"].as_array().unwrap();
    let ends: Vec<_> =
        each.iter().map(|one| (one["originalName"].clone(), one["error"]["code"].clone())).collect();
    let expected = json!([
        ["a.mp4", null],
        ["b.mp4", "file_too_large"],
        ["c.zip", "unsupported_media_type"],
        ["d.mp4", null]
    ]);
    assert_eq!(json!(ends), expected);
    assert_eq!(videos(&service).await.len(), 2);
    // Equal content lies there once.
    assert_eq!(service.files().len(), 1);

    let six: Vec<_> = (0..6).map(|_| ("videos", "a.mp4", FILM)).collect();
    let (_, _, said) = service.post(VIDEO, &six).await;
    assert_eq!(said["videos"][4]["success"], true);
    assert_eq!(said["videos"][5]["error"]["code"], "validation_failed");

    let (status, _, said) = service.post(VIDEO, &[("videos", "c.zip", b"PK\x03\x04")]).await;
    assert_eq!((status, &said["code"]), (415, &json!("unsupported_media_type")));
}

#[tokio::test]
async fn forms_that_are_wrong_are_told_what_is_wrong() {
    let service = Service::with(|_| {});
    let details = |said: &Value| said["details"][0].as_str().unwrap_or_default().to_owned();
    let (status, _, said) = service.post(VIDEO, &[]).await;
    assert_eq!(
        (status, details(&said)),
        (400, "`video` is missing: send one file in it, or several in `videos`.".to_owned())
    );
    let (status, _, said) = service.post(ASSET, &[("video", "a.mp4", FILM)]).await;
    assert_eq!(
        (status, details(&said)),
        (400, "Unexpected field `video`: send the file in `file`.".to_owned())
    );
    let (status, ..) = service.post(VIDEO, &[("video", "a.mp4", FILM), ("video", "b.mp4", FILM)]).await;
    assert_eq!(status, 400);
    let (status, ..) = service.post(ASSET, &[("file", "a.mp4", FILM), ("file", "b.mp4", FILM)]).await;
    assert_eq!(status, 400);
    let json =
        request("POST", VIDEO, &[("content-type", "application/json")]).body(Body::from("{}")).unwrap();
    assert_eq!(service.send(json).await.0, 415);
    let unbounded =
        request("POST", VIDEO, &[("content-type", "multipart/form-data")]).body(Body::empty()).unwrap();
    assert_eq!(service.send(unbounded).await.0, 400);
    // A heading without an end is not gathered.
    let endless = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b'.'; 4096]))).take(10_000);
    let heading = stream::iter([Ok(Bytes::from_static(b"--x\r\nContent-Disposition: "))]).chain(endless);
    let (status, _, said) = service.send(form(VIDEO, Body::from_stream(heading))).await;
    assert_eq!(
        (status, details(&said)),
        (400, "A field of the form is too long, or its heading is.".to_owned())
    );
    assert!(service.files().is_empty());
}

#[tokio::test]
async fn names_never_become_paths() {
    let service = Service::with(|_| {});
    let long = format!("{}.mp4", "n".repeat(4096));
    for (name, shown) in [
        ("../../../evil.mp4", "evil.mp4"),
        ("-i.mp4", "-i.mp4"),
        ("\u{202e}4pm.exe", "4pm.exe"),
        (&long, &long[4096 - 251..]),
        ("<b>x</b>.mp4", "b>.mp4"),
    ] {
        let (status, _, said) = service.post(VIDEO, &[("video", name, FILM)]).await;
        assert_eq!((status, said["originalName"].as_str()), (200, Some(shown)), "{said}");
        assert_eq!(said["filename"], format!("{}.mp4", said["videoId"].as_str().unwrap()));
    }
    let [file] = service.files().try_into().unwrap();
    assert_eq!(file.parent(), Some(service.folder.path().join("uploads/videos").as_path()));
    let stem = file.file_stem().unwrap().to_str().unwrap();
    assert!(stem.len() == 32 && stem.bytes().all(|b| b.is_ascii_hexdigit()), "{stem}");
}

#[tokio::test]
async fn the_same_file_at_once_is_two_videos_and_one_copy() {
    let service = Service::with(|_| {});
    let upload = || service.post(VIDEO, &[("video", "a.mp4", FILM)]);
    let (a, b, c, d) = tokio::join!(upload(), upload(), upload(), upload());
    let mut ids: Vec<_> = [a, b, c, d].into_iter().map(|said| said.2["videoId"].to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), videos(&service).await.len(), service.files().len()), (4, 4, 1));
}

#[tokio::test]
async fn a_full_quota_is_507_and_leaves_nothing() {
    let service = Service::with(|config| config.quota = FILM.len() as u64);
    assert_eq!(service.post(VIDEO, &[("video", "a.mp4", FILM)]).await.0, 200);
    let (status, _, said) = service.post(ASSET, &[("file", "a.wav", SOUND)]).await;
    assert_eq!((status, &said["code"]), (507, &json!("no_room")));
    assert_eq!(service.files().len(), 1);
}

#[tokio::test]
async fn assets_are_known_by_their_content() {
    let service = Service::with(|_| {});
    for (name, content, kind, ending) in [
        ("a.txt", FILM, "video", "mp4"),
        ("a.mp3", SOUND, "audio", "wav"),
        ("b.cube", b"LUT_3D_SIZE 2\n0 0 0\n", "lut", "cube"),
        ("c.ttf", b"\0\x01\0\0\0\x0c\0\x80", "font", "ttf"),
        ("d.srt", b"1\n00:00:01,000 --> 00:00:02,000\nhi\n", "subtitle", "srt"),
        ("e.wgsl", b"fn main() -> vec4<f32> { return vec4<f32>(); }", "shader", "wgsl"),
    ] {
        let (status, _, said) = service.post(ASSET, &[("file", name, content)]).await;
        assert_eq!((status, &said["kind"]), (200, &json!(kind)), "{said}");
        assert_eq!(said["filename"], format!("{}.{ending}", said["assetId"].as_str().unwrap()));
        let (_, headers, file) = service.get(said["url"].as_str().unwrap()).await;
        assert_eq!(file, String::from_utf8_lossy(content).into_owned());
        if said["metadata"].is_null() {
            assert_eq!(headers["content-type"], "application/octet-stream");
            assert!(headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
        }
    }
    let listed = service.get("/api/assets?kind=font&fields=kind,originalName").await.2;
    assert_eq!(
        (&listed["assets"], &listed["total"]),
        (&json!([{"kind": "font", "originalName": "c.ttf"}]), &json!(1))
    );
    assert_eq!(service.get("/api/assets").await.2["total"], 6);
    assert_eq!(service.get("/api/assets?kind=nothing").await.0, 400);
    assert!(videos(&service).await.is_empty());
    // An asset is no video and a video no asset.
    let id = service.get("/api/assets?kind=video").await.2["assets"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(service.get(&format!("/api/video/{id}")).await.0, 404);
    let delete = |path: String| request("DELETE", &path, &[]).body(Body::empty()).unwrap();
    assert_eq!(service.send(delete(format!("/api/video/{id}"))).await.0, 404);
    assert_eq!(service.send(delete(format!("/api/assets/{id}"))).await.0, 200);
    assert_eq!(service.get(&format!("/api/assets/{id}")).await.0, 404);
}

#[tokio::test]
async fn thumbnails_are_made_once() {
    let service = Service::with(|_| {});
    let id = service.post(VIDEO, &[("video", "a.mp4", FILM)]).await.2["videoId"].as_str().unwrap().to_owned();
    let frames = || service.workers.frames.load(Ordering::SeqCst);
    let ask = async |query: &str| service.get(&format!("/api/video/{id}/thumbnail{query}")).await;
    let (status, headers, said) = ask("").await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "image/jpeg"));
    assert!(
        said.as_str().unwrap().starts_with(&format!("0.200s 180 timeline {{\n  video \"video:{id}\"")),
        "{said}"
    );
    assert_eq!(ask("?at=0.2").await.2, said);
    assert_eq!(frames(), 1);
    // Past the end is the last picture.
    assert!(ask("?at=1e9&rows=16").await.2.as_str().unwrap().starts_with("1.960s 16 "));
    let (a, b) = tokio::join!(ask("?at=1"), ask("?at=1"));
    assert_eq!((a.0, b.0, frames()), (200, 200, 3));
    for wrong in ["?at=-1", "?at=x", "?rows=1", "?rows=99999"] {
        assert_eq!(ask(wrong).await.0, 400, "{wrong}");
    }
    assert_eq!(service.files().len(), 1);
}

#[tokio::test]
async fn a_result_is_made_when_its_file_is_asked_for() {
    let service = Service::with(|_| {});
    let id = uuid::Uuid::new_v4();
    let text = "timeline { color \"red\" duration:1s }\noutput \"result.mp4\"".to_owned();
    let script = ScriptText { text, spelling: ScriptSpelling::Vfx, vars: Default::default() };
    let made =
        Made { operation: "trim".to_owned(), of: None, script, output: None, sources: vec![], job: None };
    let video = Video {
        id,
        owner: OPEN_OWNER,
        original_name: "holiday-trim.webm".to_owned(),
        blob: None,
        metadata: Some(Metadata { duration: 1.0, fps: 25.0, ..Metadata::default() }),
        status: VideoStatus::Uploaded,
        made: Some(made),
        deleted: false,
        created_at: jiff::Timestamp::now(),
    };
    service.app.store.add_unmade_video(&video, None, u64::MAX).await.unwrap();
    let path = format!("/api/video/{id}");
    let shown = service.get(&path).await.2["video"].clone();
    assert_eq!((&shown["status"], &shown["size"]), (&json!("uploaded"), &Value::Null));
    assert_eq!(shown["filename"], format!("{id}.webm"));
    // It shows what it will be.
    let picture = service.get(&format!("{path}/thumbnail?at=0.5")).await.2;
    assert!(picture.as_str().unwrap().starts_with("0.500s 180 timeline { color"), "{picture}");

    let file = format!("{path}/file");
    let head = request("HEAD", &file, &[]).body(Body::empty()).unwrap();
    assert_eq!(service.send(head).await.0, 409);
    let (status, headers, said) = service.get(&file).await;
    assert_eq!((status, &headers["retry-after"], &said["videoId"]), (202, &"2".parse().unwrap(), &json!(id)));
    let job: uuid::Uuid = said["jobId"].as_str().unwrap().parse().unwrap();
    let (status, _, said) = service.get(&file).await;
    assert_eq!((status, &said["code"]), (409, &json!("not_ready")));
    assert_eq!(service.get(&path).await.2["video"]["jobId"], json!(job));

    let why = JobError { code: "V0701".to_owned(), message: "The film broke.".to_owned(), help: None };
    let end = Ended {
        state: JobState::Failed,
        error: Some(why),
        diagnostics: vec![],
        crashed: false,
        not_before: None,
    };
    service.app.store.claim(jiff::Timestamp::now()).await.unwrap().unwrap();
    service.app.store.end(job, &end, jiff::Timestamp::now()).await.unwrap().unwrap();
    for asked in [&file, &format!("{path}/thumbnail")] {
        let (status, _, said) = service.get(asked).await;
        assert_eq!(
            (status, &said["code"], &said["message"]),
            (422, &json!("render_failed"), &json!("The film broke."))
        );
    }
}

#[tokio::test]
async fn deleting_a_result_cancels_its_render() {
    let service = Service::with(|_| {});
    let job = crate::model::Job::new(
        OPEN_OWNER,
        "trim",
        ScriptText { text: "x".to_owned(), spelling: ScriptSpelling::Vfx, vars: Default::default() },
    );
    let made = Made {
        operation: "trim".to_owned(),
        of: None,
        script: job.script.clone(),
        output: None,
        sources: vec![],
        job: Some(job.id),
    };
    let video = Video {
        id: uuid::Uuid::new_v4(),
        owner: OPEN_OWNER,
        original_name: "a.mp4".to_owned(),
        blob: None,
        metadata: None,
        status: VideoStatus::Processing,
        made: Some(made),
        deleted: false,
        created_at: jiff::Timestamp::now(),
    };
    let job = crate::model::Job { video: Some(video.id), ..job };
    let job = service.app.jobs.submit(job, Some(&video), None).await.unwrap();
    let gone = request("DELETE", &format!("/api/video/{}", video.id), &[]).body(Body::empty()).unwrap();
    assert_eq!(service.send(gone).await.0, 200);
    assert_eq!(service.app.jobs.get(OPEN_OWNER, job.id).await.unwrap().state, JobState::Cancelled);
    assert_eq!(service.get(&format!("/api/video/{}", video.id)).await.0, 404);
}
