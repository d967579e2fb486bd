//! The routes of the shell and what stands before them, without a socket, over a store in a folder.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::config::{Config, Login, Rate, Secret};
use crate::files::Files;
use crate::jobs::Jobs;
use crate::model::JobProgress;
use crate::store::sqlite::SqliteStore;
use crate::worker::protocol::{Answer, Task};
use crate::worker::{WorkError, Workers};

/// Nobody works here.
struct Idle;

#[async_trait::async_trait]
impl Workers for Idle {
    async fn work(
        &self,
        _owner: crate::model::Owner,
        _task: Task,
        _told: &(dyn Fn(JobProgress) + Sync),
        _cancel: &tokio_util::sync::CancellationToken,
    ) -> Result<Answer, WorkError> {
        Err(WorkError::Unavailable("nobody works here".to_owned()))
    }
}

/// A service in a folder that goes away with it.
struct Service {
    router: Router,
    app: App,
    _folder: tempfile::TempDir,
}

/// What was answered.
struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Service {
    fn new(change: impl FnOnce(&mut Config)) -> Service {
        let folder = tempfile::tempdir().unwrap();
        crate::telemetry::measurements().unwrap();
        let mut config = Config::local(folder.path());
        change(&mut config);
        let store = Arc::new(SqliteStore::open(&config.database).unwrap());
        let files = Files::open(&config.upload_dir).unwrap();
        let jobs = Jobs::new(store.clone(), config.room());
        let app = App::new(config, store, files, Arc::new(Idle), jobs);
        Service { router: crate::router(app.clone()), app, _folder: folder }
    }

    fn with_login() -> Service {
        Service::new(login)
    }

    async fn send(&self, request: Request<Body>) -> Answered {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = || Value::from(String::from_utf8_lossy(&bytes).into_owned());
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
        Answered { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    async fn call(&self, method: &str, path: &str, token: Option<&str>, body: Option<Value>) -> Answered {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost:3001");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = match body {
            None => Body::empty(),
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
        };
        self.send(request.body(body).unwrap()).await
    }

    async fn register(&self, email: &str) -> String {
        let body = json!({"email": email, "password": "correct horse"});
        let answer = self.call("POST", "/api/auth/register", None, Some(body)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["token"].as_str().unwrap().to_owned()
    }
}

fn login(config: &mut Config) {
    let secret = Secret::new("kE9mQ2xv7Tz4Rb8Lw1Yc6Nf3Hs5Jd0Pg");
    config.login = Some(Login { secret, expires_in: std::time::Duration::from_secs(3600) });
}

fn get(path: &str) -> axum::http::request::Builder {
    Request::get(path).header("host", "localhost:3001")
}

fn header<'a>(answer: &'a Answered, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn health_tells_every_service() {
    let service = Service::new(|_| {});
    let answer = service.call("GET", "/api/health", None, None).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("healthy")));
    assert_eq!(answer.body["services"]["database"], "connected");
    assert_eq!(answer.body["services"]["queue"], "connected");
    assert_eq!(answer.body["services"]["ffmpeg"], "available");
    assert!(["available", "unavailable"].contains(&answer.body["services"]["gpu"].as_str().unwrap()));
    for provider in ["openai", "replicate", "elevenlabs"] {
        assert_eq!(answer.body["services"][provider], "not_configured");
    }
    let locks = crate::worker::sandbox::support();
    assert_eq!(answer.body["sandbox"], json!({"landlock": locks.landlock, "seccomp": locks.seccomp}));
    assert!(answer.body["timestamp"].as_str().unwrap().ends_with('Z'), "{}", answer.body);
}

/// A provider that is down is told of, and no reason to be unhealthy.
#[tokio::test]
async fn a_provider_that_is_down_is_not_our_illness() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let service = Service::new(|config| config.openai.base_url = Some(format!("http://{closed}/v1")));
    let answer = service.call("GET", "/api/health", None, None).await;
    assert_eq!((answer.status, &answer.body["services"]["openai"]), (200, &json!("unavailable")));
}

#[tokio::test]
async fn one_registers_logs_in_and_is_known() {
    let service = Service::with_login();
    let token = service.register(" Ada@Example.org ").await;
    let me = service.call("GET", "/api/auth/me", Some(&token), None).await;
    assert_eq!((me.status, &me.body["user"]["email"]), (200, &json!("ada@example.org")));
    let again = json!({"email": "ADA@example.org", "password": "correct horse"});
    assert_eq!(service.call("POST", "/api/auth/register", None, Some(again.clone())).await.status, 409);
    let login = service.call("POST", "/api/auth/login", None, Some(again)).await;
    assert_eq!((login.status, &login.body["user"]["id"]), (200, &me.body["user"]["id"]));
    assert!(!login.body.to_string().contains("argon2"), "{}", login.body);
    let wrong = |email: &str| json!({"email": email, "password": "correct horsf"});
    let wrong_password = service.call("POST", "/api/auth/login", None, Some(wrong("ada@example.org"))).await;
    let unknown = service.call("POST", "/api/auth/login", None, Some(wrong("bob@example.org"))).await;
    assert_eq!((wrong_password.status, wrong_password.body), (401, unknown.body), "the same words");
    let short = json!({"email": "x", "password": "short"});
    let short = service.call("POST", "/api/auth/register", None, Some(short)).await;
    assert_eq!((short.status, short.body["details"].as_array().unwrap().len()), (400, 2), "{}", short.body);
}

#[tokio::test]
async fn everybody_sees_his_own_webhook_secret_alone() {
    let service = Service::with_login();
    let mut secrets = Vec::new();
    for email in ["ada@example.org", "bob@example.org"] {
        let token = service.register(email).await;
        let me = service.call("GET", "/api/auth/me", Some(&token), None).await;
        let owner = me.body["user"]["id"].as_str().unwrap().parse().unwrap();
        let secret = me.body["user"]["webhookSecret"].as_str().unwrap().to_owned();
        assert_eq!(secret, service.app.webhook_secrets.of(owner).unwrap().reveal());
        secrets.push(secret);
    }
    assert_ne!(secrets[0], secrets[1]);
    assert_eq!(service.call("GET", "/api/auth/me", None, None).await.status, 401);
}

#[tokio::test]
async fn without_a_token_401_with_a_wrong_one_403() {
    let service = Service::with_login();
    let none = service.call("GET", "/api/projects", None, None).await;
    assert_eq!((none.status, &none.body["error"]), (401, &json!("Access token required")));
    let wrong = service.call("GET", "/api/projects", Some("a.b.c"), None).await;
    assert_eq!((wrong.status, &wrong.body["error"]), (403, &json!("Invalid token")));
    let basic = get("/api/projects").header("authorization", "Basic YTpi").body(Body::empty()).unwrap();
    assert_eq!(service.send(basic).await.status, 401);
    let url = service.app.signer.sign(uuid::Uuid::new_v4(), "/api/projects");
    assert_eq!(service.call("GET", &url, None, None).await.status, 200, "a signed url reads");
    assert_eq!(
        service.call("POST", &url, None, Some(json!({"name": "x"}))).await.status,
        401,
        "and does not write"
    );
    assert_eq!(service.call("GET", &format!("{url}x"), None, None).await.status, 403);
}

#[tokio::test]
async fn in_open_mode_there_is_no_login() {
    let service = Service::new(|_| {});
    let body = json!({"email": "ada@example.org", "password": "correct horse"});
    for path in ["/api/auth/register", "/api/auth/login"] {
        let answer = service.call("POST", path, None, Some(body.clone())).await;
        assert_eq!((answer.status, &answer.body["code"]), (409, &json!("open_mode")), "{path}");
    }
    let me = service.call("GET", "/api/auth/me", None, None).await;
    let secret = service.app.webhook_secrets.of(crate::model::OPEN_OWNER).unwrap();
    let user = json!({"id": crate::model::OPEN_OWNER, "webhookSecret": secret.reveal()});
    assert_eq!((me.status, me.body), (200, json!({"success": true, "user": user})));
    assert_eq!(service.call("GET", "/api/projects", None, None).await.status, 200);
}

#[tokio::test]
async fn what_is_a_front_ends_own_has_its_size() {
    let service = Service::with_login();
    let ada = service.register("ada@example.org").await;
    let sized = |bytes: usize| Value::String("x".repeat(bytes - 2));
    let most = json!({"name": "full", "timeline": sized(2_000_000), "settings": sized(64_000)});
    let made = service.call("POST", "/api/projects", Some(&ada), Some(most.clone())).await;
    assert_eq!((made.status, &made.body["project"]["timeline"]), (201, &most["timeline"]));
    let path = format!("/api/projects/{}", made.body["project"]["id"].as_str().unwrap());
    for (field, bytes) in [("timeline", 2_000_001), ("settings", 64_001)] {
        let more = json!({"name": "more", field: sized(bytes)});
        for (method, path) in [("POST", "/api/projects"), ("PUT", path.as_str())] {
            let answer = service.call(method, path, Some(&ada), Some(more.clone())).await;
            assert_eq!(
                (answer.status, &answer.body["code"]),
                (413, &json!("file_too_large")),
                "{method} {field}"
            );
            assert!(answer.body["message"].as_str().unwrap().starts_with(&format!("`{field}` is larger")));
        }
    }
    let script = json!({"name": "long", "script": "x".repeat(8 << 20)});
    assert_eq!(service.call("POST", "/api/projects", Some(&ada), Some(script)).await.status, 201);
    let listed = service.call("GET", "/api/projects?fields=settings,name&sort=name", Some(&ada), None).await;
    assert_eq!(listed.body["projects"][0], json!({"name": "full", "settings": most["settings"]}));
    assert_eq!(listed.body["projects"][1], json!({"name": "long", "settings": {}}));
}

#[tokio::test]
async fn projects_are_kept_merged_listed_and_another_users_are_not_there() {
    let service = Service::with_login();
    let (ada, bob) = (service.register("ada@example.org").await, service.register("bob@example.org").await);
    let html = "<script>alert(1)</script>";
    let new =
        json!({"name": "  Film  ", "description": html, "timeline": {"clips": [1.0, null]}, "script": "x"});
    let made = service.call("POST", "/api/projects", Some(&ada), Some(new)).await;
    assert_eq!((made.status, &made.body["project"]["name"]), (201, &json!("Film")));
    assert_eq!(made.body["project"]["description"], html, "HTML is data");
    let path = format!("/api/projects/{}", made.body["project"]["id"].as_str().unwrap());
    let change = json!({"settings": {"a": 1}, "script": null});
    let changed = service.call("PUT", &path, Some(&ada), Some(change)).await;
    let project = &changed.body["project"];
    assert_eq!((changed.status, &project["name"], &project["script"]), (200, &json!("Film"), &Value::Null));
    assert_eq!(project["timeline"], json!({"clips": [1.0, null]}));
    assert_eq!(project["settings"], json!({"a": 1}));
    for method in ["GET", "DELETE", "PUT"] {
        let body = (method == "PUT").then(|| json!({"name": "mine"}));
        assert_eq!(service.call(method, &path, Some(&bob), body).await.status, 404, "{method}");
    }
    let second = json!({"name": "Another"});
    assert_eq!(service.call("POST", "/api/projects", Some(&ada), Some(second)).await.status, 201);
    let query = "/api/projects?sort=-createdAt&sort=name&fields=name&limit=1&page=2";
    let listed =
        service.call("GET", "/api/projects?sort=name&fields=name&limit=1&page=2", Some(&ada), None).await;
    assert_eq!(
        (listed.status, &listed.body["projects"], &listed.body["total"]),
        (200, &json!([{"name": "Film"}]), &json!(2))
    );
    assert_eq!(service.call("GET", query, Some(&ada), None).await.status, 200);
    let wrong = service.call("GET", "/api/projects?sort=size&limit=1000", Some(&ada), None).await;
    assert_eq!(wrong.status, 400);
    for wrong in [
        json!({}),
        json!({"name": "   "}),
        json!({"name": "x".repeat(101)}),
        json!({"name": "x", "owner": 1}),
    ] {
        assert_eq!(
            service.call("POST", "/api/projects", Some(&ada), Some(wrong.clone())).await.status,
            400,
            "{wrong}"
        );
    }
    assert_eq!(service.call("DELETE", &path, Some(&ada), None).await.status, 200);
    assert_eq!(service.call("GET", &path, Some(&ada), None).await.status, 404);
    assert_eq!(service.call("GET", "/api/projects/..%2f", Some(&ada), None).await.status, 404);
}

#[tokio::test]
async fn a_page_of_projects_that_is_too_large_says_how_to_ask() {
    let service = Service::new(|config| config.rates.general = None);
    for n in 0..3 {
        let body = json!({"name": format!("film {n}"), "script": "x".repeat(6 << 20)});
        assert_eq!(service.call("POST", "/api/projects", None, Some(body)).await.status, 201);
    }
    let whole = service.call("GET", "/api/projects", None, None).await;
    assert_eq!((whole.status, &whole.body["code"]), (413, &json!("page_too_large")));
    let message = whole.body["message"].as_str().unwrap();
    assert!(message.contains("`limit`") && message.contains("`fields`"), "{message}");
    let two = service.call("GET", "/api/projects?limit=2&fields=name,script", None, None).await;
    assert_eq!((two.status, two.body["projects"][1]["script"].as_str().unwrap().len()), (200, 6 << 20));
    let names = service.call("GET", "/api/projects?fields=name", None, None).await;
    assert_eq!(names.body["projects"], json!([{"name": "film 2"}, {"name": "film 1"}, {"name": "film 0"}]));
}

#[tokio::test]
async fn in_open_mode_no_foreign_page_and_no_foreign_name_gets_through() {
    let service = Service::new(|_| {});
    let refused = |request: axum::http::request::Builder| service.send(request.body(Body::empty()).unwrap());
    let evil = refused(get("/api/projects").header("origin", "https://evil.example")).await;
    assert_eq!((evil.status, &evil.body["code"]), (403, &json!("forbidden")));
    assert_eq!(header(&evil, "access-control-allow-origin"), "");
    let rebound = refused(Request::get("/api/projects").header("host", "evil.example:3001")).await;
    assert_eq!(rebound.status, 403);
    let post = Request::post("/api/projects").header("host", "localhost:3001").header("origin", "null");
    assert_eq!(refused(post).await.status, 403);
    let front = refused(get("/api/projects").header("origin", "http://localhost:3000")).await;
    assert_eq!((front.status, header(&front, "access-control-allow-origin")), (200, "http://localhost:3000"));
}

#[tokio::test]
async fn cors_allows_what_is_configured_and_no_more() {
    let service = Service::with_login();
    let preflight = |origin: &str| {
        let request =
            Request::options("/api/projects").header("host", "localhost:3001").header("origin", origin);
        let request = request.header("access-control-request-method", "PUT");
        service.send(
            request.header("access-control-request-headers", "authorization").body(Body::empty()).unwrap(),
        )
    };
    let ours = preflight("http://localhost:3000").await;
    assert_eq!(ours.status, 200);
    assert_eq!(header(&ours, "access-control-allow-origin"), "http://localhost:3000");
    assert_eq!(header(&ours, "access-control-allow-credentials"), "true");
    assert_eq!(header(&ours, "access-control-allow-methods"), "GET,POST,PUT,PATCH,DELETE,OPTIONS,HEAD");
    let headers = header(&ours, "access-control-allow-headers").to_owned();
    for name in
        ["authorization", "idempotency-key", "range", "last-event-id", "tus-resumable", "upload-offset"]
    {
        assert!(headers.split(',').any(|allowed| allowed == name), "{name} in {headers}");
    }
    assert!(!headers.contains("cookie"), "{headers}");
    assert_eq!(header(&preflight("https://evil.example").await, "access-control-allow-origin"), "");
    let asked =
        Request::options("/api/projects").header("host", "localhost:3001").body(Body::empty()).unwrap();
    assert_eq!(service.send(asked).await.status, 405, "an OPTIONS that is no preflight gets to its route");
}

#[tokio::test]
async fn what_is_not_there_has_the_known_shape() {
    let service = Service::new(|_| {});
    let shape = |body: &Value| {
        let mut keys: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
        keys.sort_unstable();
        keys
    };
    let known = ["code", "details", "diagnostics", "error", "message", "status"];
    let missing = service.call("GET", "/api/nothing?signature=x", None, None).await;
    assert_eq!((missing.status, shape(&missing.body)), (404, known.map(str::to_owned).to_vec()));
    let method = service.call("PATCH", "/api/projects", None, None).await;
    assert_eq!((method.status, &method.body["error"]), (405, &json!("Method not allowed")));
    assert_eq!(shape(&method.body), known);
    assert!(header(&method, "allow").contains("POST"), "{:?}", method.headers);
    let typed =
        Request::post("/api/projects").header("host", "localhost").body(Body::from("name=x")).unwrap();
    assert_eq!(service.send(typed).await.status, 415);
}

#[tokio::test]
async fn every_answer_has_its_headers_and_an_id() {
    let service = Service::new(|_| {});
    let answer = service.call("GET", "/api/health", None, None).await;
    assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
    assert!(header(&answer, "content-security-policy").contains("frame-ancestors 'none'"));
    assert_eq!(header(&answer, "cache-control"), "no-store");
    assert_eq!(header(&answer, "x-request-id").len(), 36);
    let given = get("/api/health").header("x-request-id", "abc-1").body(Body::empty()).unwrap();
    assert_eq!(header(&service.send(given).await, "x-request-id"), "abc-1");
    let forged = get("/api/health").header("x-request-id", "a b\"}").body(Body::empty()).unwrap();
    assert_eq!(header(&service.send(forged).await, "x-request-id").len(), 36);
}

#[tokio::test]
async fn limits_hold_and_no_forged_address_gets_round_them() {
    let service = Service::new(|config| {
        config.rates.general = Some(Rate { requests: 3, per: std::time::Duration::from_secs(900) });
    });
    let mut statuses = Vec::new();
    for n in 0..5 {
        let request = get("/api/projects").header("x-forwarded-for", format!("203.0.113.{n}"));
        statuses.push(service.send(request.body(Body::empty()).unwrap()).await);
    }
    assert_eq!(statuses.iter().map(|a| a.status).collect::<Vec<_>>(), [200, 200, 200, 429, 429]);
    let told: Vec<&str> = statuses.iter().map(|answer| header(answer, "ratelimit-remaining")).collect();
    assert_eq!(told, ["2", "1", "0", "0", "0"]);
    assert_eq!(header(&statuses[0], "ratelimit-limit"), "3");
    assert!(header(&statuses[3], "retry-after").parse::<u64>().unwrap() >= 290);
    assert_eq!(statuses[3].body["error"], "Too many requests");
    assert_eq!(service.call("GET", "/api/health", None, None).await.status, 200, "health is not limited");
}

#[tokio::test]
async fn users_of_one_address_are_limited_together_too() {
    let service = Service::new(|config| {
        login(config);
        config.rates.general = Some(Rate { requests: 2, per: std::time::Duration::from_secs(900) });
    });
    let tokens = service.app.tokens.clone().unwrap();
    let mut statuses = Vec::new();
    for _ in 0..11 {
        let new = tokens.issue(uuid::Uuid::new_v4()).unwrap();
        for _ in 0..2 {
            statuses.push(service.call("GET", "/api/projects", Some(&new), None).await.status);
        }
    }
    assert_eq!(statuses, [[200; 20].as_slice(), &[429; 2]].concat());
}

#[tokio::test]
async fn registration_can_be_closed() {
    let service = Service::new(|config| {
        login(config);
        config.registration = false;
    });
    let body = json!({"email": "ada@example.org", "password": "correct horse"});
    let refused = service.call("POST", "/api/auth/register", None, Some(body.clone())).await;
    assert_eq!((refused.status, &refused.body["code"]), (403, &json!("registration_closed")));
    assert_eq!(
        service.call("POST", "/api/auth/login", None, Some(body)).await.status,
        401,
        "logging in is not"
    );
}

#[tokio::test]
async fn events_can_be_followed_without_a_header() {
    use crate::model::{Job, ScriptSpelling, ScriptText};
    let service = Service::with_login();
    let owner = uuid::Uuid::new_v4();
    let token = service.app.tokens.clone().unwrap().issue(owner).unwrap();
    let text = "output \"x.mp4\"".to_owned();
    let script = ScriptText { text, spelling: ScriptSpelling::Vfx, vars: Default::default() };
    let job = service.app.jobs.submit(Job::new(owner, "render", script), None, None).await.unwrap();
    service.app.jobs.cancel(owner, job.id).await.unwrap();
    let path = format!("/api/renders/{}", job.id);
    let seen = service.call("GET", &path, Some(&token), None).await;
    let url = seen.body["eventsUrl"].as_str().unwrap();
    let query = url.strip_prefix(&format!("{path}/events?")).unwrap();
    let events = service.call("GET", url, None, None).await;
    let told = events.body.as_str().unwrap();
    assert!(events.status == 200 && told.contains("\"state\":\"cancelled\""), "{told}");
    assert_eq!(service.call("GET", &format!("{path}/events"), None, None).await.status, 401);
    assert_eq!(service.call("GET", &format!("{path}?{query}"), None, None).await.status, 403, "another path");
    let listed = service.call("GET", "/api/renders?fields=eventsUrl", Some(&token), None).await;
    assert_eq!(listed.body["renders"], json!([{"eventsUrl": url}]));
}

#[tokio::test]
async fn what_is_refused_as_foreign_is_not_counted() {
    let service = Service::new(|config| {
        config.rates.general = Some(Rate { requests: 1, per: std::time::Duration::from_secs(900) });
    });
    for _ in 0..3 {
        let foreign = get("/api/projects").header("sec-fetch-site", "cross-site");
        assert_eq!(service.send(foreign.body(Body::empty()).unwrap()).await.status, 403);
    }
    assert_eq!(service.call("GET", "/api/projects", None, None).await.status, 200);
}

#[tokio::test]
async fn users_are_limited_each_by_themselves() {
    let service = Service::new(|config| {
        login(config);
        config.rates.general = Some(Rate { requests: 2, per: std::time::Duration::from_secs(900) });
    });
    let tokens = service.app.tokens.clone().unwrap();
    let (one, two) =
        (tokens.issue(uuid::Uuid::new_v4()).unwrap(), tokens.issue(uuid::Uuid::new_v4()).unwrap());
    for expected in [200, 200, 429] {
        assert_eq!(service.call("GET", "/api/projects", Some(&one), None).await.status, expected);
    }
    assert_eq!(service.call("GET", "/api/projects", Some(&two), None).await.status, 200);
    let body = json!({"email": "ada@example.org", "password": "correct horse"});
    for expected in [401, 401, 429] {
        let answer = service.call("POST", "/api/auth/login", Some(&two), Some(body.clone())).await;
        assert_eq!(answer.status, expected, "logins are counted by address, whatever token comes with them");
    }
}

#[tokio::test]
async fn the_document_is_complete_and_the_page_needs_nobody_else() {
    let service = Service::new(|_| {});
    let document = service.call("GET", "/api/openapi.json", None, None).await;
    assert_eq!((document.status, &document.body["openapi"]), (200, &json!("3.1.0")));
    let schemas = document.body["components"]["schemas"].as_object().unwrap();
    assert_eq!(schemas["NewProject"]["additionalProperties"], false, "unknown fields are findings");
    assert_eq!(
        schemas["NewProject"]["properties"]["script"]["maxLength"],
        json!(vfxb_dsl::syntax::LONGEST_TEXT)
    );
    let text = document.body.to_string();
    for at in text.match_indices("#/components/schemas/").map(|(at, found)| at + found.len()) {
        let name = text[at..].split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name} is referred to and not there");
    }
    assert_eq!(service.call("GET", "/docs", None, None).await.status, 308);
    let page = service.call("GET", "/docs/", None, None).await;
    assert!(page.body.as_str().unwrap().contains("swagger-initializer.js"), "{}", page.body);
    assert!(!page.body.as_str().unwrap().contains("https://"), "{}", page.body);
    assert!(header(&page, "content-security-policy").contains("script-src 'self'"));
    let script = service.call("GET", "/docs/swagger-initializer.js", None, None).await;
    assert!(script.body.as_str().unwrap().contains("/api/openapi.json"), "{}", script.body);
    assert!(script.body.as_str().unwrap().contains("\"validatorUrl\": \"none\""), "{}", script.body);
    assert_eq!(service.call("GET", "/docs/swagger-ui-bundle.js", None, None).await.status, 200);
    assert_eq!(service.call("GET", "/docs/..%2f..%2fetc%2fpasswd", None, None).await.status, 404);
}

#[tokio::test]
async fn measurements_are_for_this_machine_or_with_a_token() {
    let service = Service::new(|config| config.metrics_token = Some(Secret::new("0123456789abcdef")));
    service.call("GET", "/api/projects?page=1", None, None).await;
    let told = service.call("GET", "/metrics", None, None).await;
    let text = told.body.as_str().unwrap();
    let line =
        "http_request_duration_seconds_count{method=\"GET\",route=\"/api/projects\",status_code=\"200\"}";
    assert!(text.contains(line), "{text}");
    let proxied = |token: &str| {
        let request = get("/metrics").header("x-forwarded-for", "203.0.113.1");
        service.send(request.header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap())
    };
    assert_eq!(proxied("0123456789abcdeg").await.status, 403);
    assert_eq!(proxied("0123456789abcdef").await.status, 200);
    let proxied = get("/metrics").header("x-forwarded-for", "203.0.113.1").body(Body::empty()).unwrap();
    assert_eq!(service.send(proxied).await.status, 403);
}

#[tokio::test]
async fn a_handler_that_panics_or_fails_tells_nothing_unless_developing() {
    async fn panics() -> String {
        panic!("the secret reason")
    }
    async fn answers(development: bool) -> (Answered, Answered) {
        let folder = Service::new(|config| config.development = development);
        let routes = Router::new().route("/panics", axum::routing::get(panics)).route(
            "/fails",
            axum::routing::get(|| async { crate::error::ApiError::internal("the secret reason") }),
        );
        let router = crate::http::layers::before(routes, &folder.app).with_state(folder.app.clone());
        let service = Service { router, ..folder };
        (service.call("GET", "/panics", None, None).await, service.call("GET", "/fails", None, None).await)
    }
    let (panicked, failed) = answers(false).await;
    for answer in [panicked, failed] {
        assert_eq!((answer.status, &answer.body["error"]), (500, &json!("Something went wrong!")));
        assert!(!answer.body.to_string().contains("secret"), "{}", answer.body);
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    }
    let (panicked, failed) = answers(true).await;
    assert!(panicked.body["message"].as_str().unwrap().contains("the secret reason"), "{}", panicked.body);
    assert_eq!(failed.body["message"], "the secret reason");
}

#[test]
fn every_operation_says_what_it_answers() {
    let document = serde_json::to_value(table().into_openapi()).unwrap();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            let all: Vec<u16> = responses.keys().filter_map(|status| status.parse().ok()).collect();
            assert!(
                !all.is_empty() && all.iter().all(|s| StatusCode::from_u16(*s).is_ok()),
                "{method} {path}"
            );
            let limited = path.starts_with("/api/") && path != "/api/health";
            assert!(!limited || all.contains(&429), "{method} {path} may be limited and does not say 429");
        }
    }
}
