//! Renders over HTTP, without a socket, with workers that obey.

use axum::body::{Body, to_bytes};
use futures_util::StreamExt;
use serde_json::json;
use tower::ServiceExt;

use super::*;
use crate::jobs::fake::{PATIENCE, Service};
use crate::model::OPEN_OWNER;
use crate::model::ScriptSpelling;

/// An answer.
struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answered {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

async fn send(
    service: &Service,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answered {
    let response = open(service, method, path, headers, body).await;
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap().to_vec();
    Answered { status: parts.status.as_u16(), headers: parts.headers, body }
}

async fn open(
    service: &Service,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response {
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost:3001");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    crate::router(service.app.clone()).oneshot(request).await.unwrap()
}

async fn get(service: &Service, path: &str) -> Answered {
    send(service, Method::GET, path, &[], "").await
}

async fn post(service: &Service, kind: &str, body: &str) -> Answered {
    send(service, Method::POST, "/api/renders", &[("content-type", kind)], body).await
}

async fn posted(service: &Service, body: &Value) -> Uuid {
    let answer = post(service, "application/json", &body.to_string()).await;
    assert_eq!(answer.status, 202, "{}", answer.json());
    answer.json()["jobId"].as_str().unwrap().parse().unwrap()
}

async fn stored(service: &Service) -> u64 {
    service.app.store.jobs(OPEN_OWNER, &Default::default()).await.unwrap().total
}

#[tokio::test]
async fn scripts_come_in_every_form() {
    let service = Service::new();
    for (kind, body, text, spelling) in [
        ("text/yaml", "film: 1", "film: 1", ScriptSpelling::Yaml),
        ("text/x-vfx; charset=utf-8", "film", "film", ScriptSpelling::Vfx),
        ("application/json", " {\"timeline\": []}", " {\"timeline\": []}", ScriptSpelling::Yaml),
        ("application/json", "{\"script\": \"film {\\n}\"}", "film {\n}", ScriptSpelling::Vfx),
        ("application/json", "{\"script\": \"film: 1\"}", "film: 1", ScriptSpelling::Yaml),
        (
            "application/json",
            "{\"script\": \"film: 1\", \"format\": \"vfx\"}",
            "film: 1",
            ScriptSpelling::Vfx,
        ),
        ("application/json", "{\"script\": {}}", "{\"script\": {}}", ScriptSpelling::Yaml),
    ] {
        let answer = post(&service, kind, body).await;
        assert_eq!(answer.status, 202, "{body}");
        let id = answer.json()["jobId"].as_str().unwrap().parse().unwrap();
        assert_eq!(answer.headers["location"], format!("/api/renders/{id}"));
        let script = service.row(id).await.script;
        assert_eq!((script.text.as_str(), script.spelling), (text, spelling));
    }
}

#[tokio::test]
async fn what_goes_with_a_script_is_kept() {
    let service = Service::new();
    let webhook = "https://example.com/hook";
    let id = posted(
        &service,
        &json!({"script": "film", "vars": {"a": "b"}, "priority": -100, "webhook": webhook}),
    )
    .await;
    let job = service.row(id).await;
    assert_eq!(
        (job.priority, job.webhook.as_deref(), job.script.vars["a"].as_str()),
        (-100, Some(webhook), "b")
    );
}

#[tokio::test]
async fn what_is_wrong_is_told_and_not_kept() {
    let service = Service::new();
    let wrong = post(&service, "text/x-vfx", "wrong").await;
    assert_eq!((wrong.status, wrong.json()["code"].as_str()), (400, Some("script_invalid")));
    assert_eq!(wrong.json()["diagnostics"][0]["line"], 1);
    assert_eq!(wrong.json()["details"], json!(["a wrong word"]));
    let many = json!({"script": "", "priority": 101, "webhok": "x", "format": "xml"}).to_string();
    for (kind, body, status) in [
        ("text/x-vfx", "silent", 400),
        ("text/x-vfx", " \n", 400),
        ("application/json", "[]", 400),
        ("application/json", "{", 400),
        ("application/json", many.as_str(), 400),
        ("application/json", "{\"script\": \"film\", \"webhook\": \"http://169.254.169.254/\"}", 400),
        ("application/json", "{\"script\": \"film\", \"webhook\": \"ftp://example.com/\"}", 400),
        ("text/html", "film", 415),
        ("", "film", 415),
    ] {
        assert_eq!(post(&service, kind, body).await.status, status, "{body}");
    }
    assert_eq!(
        post(&service, "application/json", &many).await.json()["details"].as_array().unwrap().len(),
        4
    );
    let long = "f".repeat(LONGEST_BODY + 1);
    assert_eq!(post(&service, "text/x-vfx", &long).await.status, 413);
    assert_eq!(stored(&service).await, 0);
}

#[tokio::test]
async fn a_key_gives_the_same_render_again() {
    let service = Service::new();
    let send = |key: &'static str, body: &'static str| {
        let service = &service;
        async move {
            let headers = [("content-type", "text/x-vfx"), ("idempotency-key", key)];
            send(service, Method::POST, "/api/renders", &headers, body).await
        }
    };
    let (a, b, c) = tokio::join!(send("one", "film"), send("one", "film"), send("one", "film"));
    assert_eq!([a.status, b.status, c.status], [202; 3]);
    assert_eq!((&a.body, &b.body), (&b.body, &c.body));
    assert_eq!(send("one", "film").await.body, a.body);
    assert_eq!(send("one", "film 2").await.status, 422);
    assert_ne!(send("two", "film").await.body, a.body);
    assert_eq!(stored(&service).await, 2);
    let long = "k".repeat(256);
    for key in ["", long.as_str()] {
        let headers = [("content-type", "text/x-vfx"), ("idempotency-key", key)];
        assert_eq!(
            super::tests::send(&service, Method::POST, "/api/renders", &headers, "film").await.status,
            400
        );
    }
}

#[tokio::test]
async fn lists_are_pages_of_chosen_fields() {
    let service = Service::new();
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(posted(&service, &json!({"script": format!("film {n}")})).await.to_string());
    }
    let answer = get(&service, "/api/renders?limit=2&page=2&sort=createdAt&fields=id,state").await.json();
    let expected = json!({"success": true, "renders": [{"id": ids[2], "state": "queued"}], "page": 2, "limit": 2, "total": 3});
    assert_eq!(answer, expected);
    let newest = get(&service, "/api/renders").await.json();
    assert_eq!(newest["renders"][0]["id"], ids[2]);
    for query in ["sort=owner", "fields=script", "limit=0", "limit=101", "page=0"] {
        assert_eq!(get(&service, &format!("/api/renders?{query}")).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn files_are_there_when_a_render_is_done() {
    let service = Service::new();
    let done = posted(&service, &json!({"script": "film"})).await;
    let file = |id: Uuid| format!("/api/renders/{id}/outputs/out.mp4");
    let early = get(&service, &file(done)).await;
    assert_eq!((early.status, early.json()["code"].as_str()), (409, Some("not_ready")));
    let _running = service.start();
    service.end(done).await;

    let view = get(&service, &format!("/api/renders/{done}")).await.json();
    assert_eq!((view["state"].as_str(), view["outputs"][0]["size"].as_u64()), (Some("completed"), Some(4)));
    assert_eq!(view["outputs"][0]["url"], file(done));
    let whole = get(&service, &file(done)).await;
    assert_eq!((whole.status, whole.body.as_slice()), (200, &b"film"[..]));
    assert_eq!(whole.headers["content-type"], "video/mp4");
    let etag = whole.headers["etag"].to_str().unwrap();
    let part = send(&service, Method::GET, &file(done), &[("range", "bytes=1-2")], "").await;
    assert_eq!((part.status, part.body.as_slice()), (206, &b"il"[..]));
    let same = send(&service, Method::GET, &file(done), &[("if-none-match", etag)], "").await;
    assert_eq!((same.status, same.body.len()), (304, 0));
    let head = send(&service, Method::HEAD, &file(done), &[], "").await;
    assert_eq!(
        (head.status, head.body.len(), &head.headers["content-length"]),
        (200, 0, &HeaderValue::from(4))
    );

    for (path, status) in [
        (format!("/api/renders/{done}/outputs/other.mp4"), 404),
        (format!("/api/renders/{done}/outputs/..%2F..%2Fvfxb.db"), 404),
        (format!("/api/renders/{done}/outputs/%FF"), 404),
        (format!("/api/renders/{}/outputs/out.mp4", Uuid::new_v4()), 404),
        ("/api/renders/none/outputs/out.mp4".to_owned(), 404),
    ] {
        assert_eq!(get(&service, &path).await.status, status, "{path}");
    }
    let video = view["outputs"][0]["videoId"].as_str().unwrap().parse().unwrap();
    service.app.store.delete_media(OPEN_OWNER, video).await.unwrap().unwrap();
    assert_eq!(get(&service, &file(done)).await.status, 410);

    let failed = posted(&service, &json!({"script": "late"})).await;
    service.end(failed).await;
    assert_eq!(get(&service, &file(failed)).await.status, 422);
}

#[tokio::test]
async fn cancelling_is_answered_by_state_and_removing_takes_all_but_videos() {
    let service = Service::new();
    let delete = async |id: Uuid, query: &str| {
        let path = format!("/api/renders/{id}{query}");
        let answer = send(&service, Method::DELETE, &path, &[], "").await;
        (answer.status, answer.json()["state"].as_str().map(str::to_owned))
    };
    let is = |status: u16, state: &str| (status, Some(state.to_owned()));
    let id = posted(&service, &json!({"script": "film"})).await;
    for query in ["", "", "?remove=false"] {
        assert_eq!(delete(id, query).await, is(200, "cancelled"));
    }
    assert_eq!(get(&service, &format!("/api/renders/{id}/outputs/out.mp4")).await.status, 410);
    assert_eq!(delete(id, "?remove=perhaps").await.0, 400);
    assert_eq!(delete(id, "?remove=true").await, is(200, "cancelled"));
    assert_eq!((delete(id, "").await.0, delete(id, "?remove=true").await.0), (404, 404));
    let waiting = posted(&service, &json!({"script": "film"})).await;
    assert_eq!(delete(waiting, "?remove=true").await, is(200, "cancelled"));
    assert_eq!(delete(waiting, "").await.0, 404);

    let _running = service.start();
    let film = posted(&service, &json!({"script": "film"})).await;
    let still = posted(&service, &json!({"script": "still"})).await;
    let video = service.end(film).await.outputs[0].video.unwrap();
    service.end(still).await;
    assert_eq!(service.files().len(), 2);
    for id in [film, still] {
        // Who cancels too late loses nothing.
        assert_eq!(delete(id, "").await.0, 409);
        assert_eq!(get(&service, &format!("/api/renders/{id}")).await.status, 200);
        assert_eq!(delete(id, "?remove=true").await, is(200, "completed"));
        assert_eq!(get(&service, &format!("/api/renders/{id}")).await.status, 404);
        assert_eq!(get(&service, &format!("/api/renders/{id}/events")).await.status, 404);
    }
    assert_eq!(get(&service, "/api/renders").await.json()["total"], 0);
    let kept = get(&service, &format!("/api/video/{video}")).await.json();
    assert_eq!((&kept["video"]["status"], &kept["video"]["jobId"]), (&json!("ready"), &Value::Null));
    assert_eq!(get(&service, &format!("/api/video/{video}/file")).await.body, b"film");
    assert_eq!(service.files().len(), 1, "the still went with its render");
    assert_eq!(delete(Uuid::new_v4(), "").await.0, 404);
}

#[tokio::test]
async fn events_go_on_where_a_client_left() {
    let service = Service::new();
    let id = posted(&service, &json!({"script": "film"})).await;
    let path = format!("/api/renders/{id}/events");
    let stream = open(&service, Method::GET, &path, &[], "").await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let _running = service.start();
    let collected = async {
        let mut text = String::new();
        let mut stream = stream.into_body().into_data_stream();
        while let Some(bytes) = stream.next().await {
            text.push_str(std::str::from_utf8(&bytes.unwrap()).unwrap());
        }
        text
    };
    let text = tokio::time::timeout(PATIENCE, collected).await.unwrap();
    let events: Vec<(u64, Value)> = text.split_terminator("\n\n").map(event).collect();
    let states: Vec<_> = events.iter().map(|(_, view)| view["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["queued", "running", "running", "completed"], "and then the stream ends");
    assert_eq!(events[2].1["progress"], 0.5);
    let last = events[3].0;

    let told = send(&service, Method::GET, &path, &[("last-event-id", &last.to_string())], "").await;
    assert_eq!(told.status, 204, "the client has seen the end");
    let earlier = send(&service, Method::GET, &path, &[("last-event-id", &(last - 1).to_string())], "").await;
    assert_eq!(event(std::str::from_utf8(&earlier.body).unwrap().trim_end()).1["state"], "completed");
    let nobody = format!("/api/renders/{}/events", Uuid::new_v4());
    assert_eq!(get(&service, &nobody).await.status, 404);
}

fn event(text: &str) -> (u64, Value) {
    let field = |name| text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    (field("id: ").parse().unwrap(), serde_json::from_str(field("data: ")).unwrap())
}

/// A listener that does not keep up misses what lies between, and gets the end.
#[tokio::test]
async fn a_slow_reader_gets_the_end() {
    let service = Service::with(|config| config.jobs.waiting = 2000);
    let id = posted(&service, &json!({"script": "film"})).await;
    let stream = open(&service, Method::GET, &format!("/api/renders/{id}/events"), &[], "").await;
    // More changes than wait for anybody, none of them read.
    for n in 0..1200 {
        service.submit(&format!("film {n}")).await;
    }
    service.app.jobs.cancel(OPEN_OWNER, id).await.unwrap();
    let collected = to_bytes(stream.into_body(), 1 << 20);
    let text = tokio::time::timeout(PATIENCE, collected).await.unwrap().unwrap();
    let text = std::str::from_utf8(&text).unwrap();
    assert!(text.trim_end().split("\n\n").last().unwrap().contains("\"cancelled\""), "{text}");
}
