//! JSON bodies, held to the schema that is published for their type.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use crate::error::{ApiError, Kind};
use crate::http::json::{self, Fields};
use crate::http::schema;

/// Bytes of a JSON body, unless a route has an [`axum::extract::DefaultBodyLimit`] of its own.
pub const JSON_LIMIT: usize = 1 << 20;

/// Bytes of a body that is read where it came in; what is longer would hold up others there.
const SHORT: usize = 64 << 10;

/// Long bodies that are read at once: each may take a hundred times its length in memory.
static LONG: Semaphore = Semaphore::const_new(2);

/// A JSON body that keeps to the published schema of `T`.
///
/// 415 if it is not declared to be JSON, 413 if it is longer than the route allows, 400 if it is not JSON (or nested more
/// than 127 levels deep) and 400 with every finding if it breaks the schema. Rules between fields are the handler's.
#[derive(Debug, Clone, Copy)]
pub struct Checked<T>(pub T);

impl<T, S> FromRequest<S> for Checked<T>
where
    T: ToSchema + DeserializeOwned + Send + 'static,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !declares_json(request.headers()) {
            return Err(ApiError::new(
                Kind::Unsupported,
                "Send JSON, with `Content-Type: application/json`.",
            ));
        }
        let bytes = bytes(request, state).await?;
        aside(bytes, |bytes| parse(bytes)).await.map(Checked)
    }
}

/// Has a body read: a short one at once, a long one beside the requests, in its turn.
///
/// # Errors
/// What `read` says.
pub(crate) async fn aside<T: Send + 'static>(
    bytes: Bytes,
    read: impl FnOnce(&[u8]) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    if bytes.len() <= SHORT {
        return read(&bytes);
    }
    let broken = |error: String| ApiError::internal(format!("a body was not read: {error}"));
    let turn = LONG.acquire().await.map_err(|error| broken(error.to_string()))?;
    let reading = tokio::task::spawn_blocking(move || {
        // Held until it is read, whether anybody still waits for it or not.
        let _turn = turn;
        read(&bytes)
    });
    reading.await.map_err(|error| broken(error.to_string()))?
}

/// Reads a JSON text as [`Checked`] does.
///
/// # Errors
/// 400 with every finding, 413 if more of it would have to be looked into than may be.
pub fn parse<T: ToSchema + DeserializeOwned + 'static>(bytes: &[u8]) -> Result<T, ApiError> {
    schema::read_fields(&object(bytes)?)
}

/// The fields of a JSON object, as their texts. serde_json stops at 128 levels, so no text can use up the stack.
///
/// # Errors
/// 400 with the place if it is no JSON, or is something else than an object.
pub(super) fn object(bytes: &[u8]) -> Result<Fields<'_>, ApiError> {
    json::read_through(bytes).map_err(no_json)?;
    json::fields(bytes).ok_or_else(|| ApiError::validation(vec!["The body must be an object.".to_owned()]))
}

pub(super) fn no_json(error: serde_json::Error) -> ApiError {
    ApiError::validation(vec![format!("The body is not JSON: {error}.")])
}

/// The whole body of a request, within the route's limit.
///
/// # Errors
/// 413 if it is longer, 408 if it stopped coming, 400 if it broke off.
pub async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            ApiError::new(Kind::TooLarge, "The body is larger than it may be here.")
        }
        other => broken(&other),
    })
}

/// Why a body did not come to its end.
pub fn broken(error: &(dyn std::error::Error + 'static)) -> ApiError {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<tower_http::timeout::TimeoutError>() {
            return ApiError::new(Kind::Timeout, "The body stopped coming.");
        }
        cause = error.source();
    }
    ApiError::validation(vec!["The body broke off before its end.".to_owned()])
}

fn declares_json(headers: &HeaderMap) -> bool {
    let declared =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::extract::DefaultBodyLimit;
    use axum::routing::post;
    use serde::Deserialize;
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;
    use crate::http::json::LARGEST_TREE;

    #[derive(Deserialize, ToSchema)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Cut {
        video_id: uuid::Uuid,
        #[schema(minimum = 0)]
        start_time: f64,
        #[schema(minimum = 1, maximum = 7680)]
        width: u32,
        #[serde(default)]
        place: Option<Place>,
        #[serde(default)]
        #[schema(max_items = 2)]
        words: Vec<Word>,
    }

    #[derive(Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    struct Place {
        #[schema(maximum = 10)]
        x: f64,
    }

    #[derive(Deserialize, ToSchema)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        Low,
        High,
    }

    async fn taken(Checked(cut): Checked<Cut>) -> String {
        let words: Vec<&str> =
            cut.words.iter().map(|w| if matches!(w, Word::Low) { "low" } else { "high" }).collect();
        format!("{} {} {} {:?} {words:?}", cut.video_id, cut.start_time, cut.width, cut.place.map(|p| p.x))
    }

    async fn send(declared: Option<&str>, body: impl Into<Body>) -> (u16, Value) {
        let router = Router::new().route("/", post(taken)).layer(DefaultBodyLimit::max(JSON_LIMIT));
        let mut request = Request::post("/");
        if let Some(declared) = declared {
            request = request.header("content-type", declared);
        }
        let response = router.oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into()))
    }

    const ID: &str = "6f2c1c52-6df0-4b9f-8a3e-0d9b1c6a7e11";

    #[tokio::test]
    async fn what_keeps_to_the_schema_is_read_and_5_0_is_whole() {
        let body = json!({"videoId": ID, "startTime": 1, "width": 5.0, "place": null, "words": ["high"]});
        let (status, answer) = send(Some("application/json; charset=utf-8"), body.to_string()).await;
        assert_eq!((status, answer), (200, json!(format!("{ID} 1 5 None [\"high\"]"))));
    }

    #[tokio::test]
    async fn every_finding_is_told_at_once() {
        let body = json!({"videoId": "x", "startTime": -1, "place": {"x": 11, "z": 1}, "words": ["low", "loud"], "extra": 1});
        let (status, answer) = send(Some("application/json"), body.to_string()).await;
        assert_eq!(status, 400);
        assert_eq!(answer["error"], "Validation failed");
        let mut details: Vec<&str> =
            answer["details"].as_array().unwrap().iter().map(|d| d.as_str().unwrap()).collect();
        details.sort_unstable();
        let expected = [
            "`extra` is not known here.",
            "`place.x` must be at most 10.",
            "`place.z` is not known here.",
            "`startTime` must be at least 0.",
            "`videoId` must be a UUID.",
            "`width` is missing.",
            "`words[1]` must be one of low, high.",
        ];
        assert_eq!(details, expected);
    }

    #[tokio::test]
    async fn what_is_no_json_or_not_this_has_its_own_status() {
        let good = json!({"videoId": ID, "startTime": 1, "width": 5}).to_string();
        assert_eq!(send(Some("text/plain"), good.clone()).await.0, 415);
        assert_eq!(send(None, good).await.0, 415);
        assert_eq!(send(Some("application/json"), "{\"a\":").await.0, 400);
        assert_eq!(send(Some("application/json"), "").await.0, 400);
        assert_eq!(send(Some("application/json"), vec![b' '; 10 << 20]).await.0, 413);
        let (status, answer) = send(Some("application/json"), "[]").await;
        assert_eq!((status, &answer["details"]), (400, &json!(["The body must be an object."])));
        let big = json!({"videoId": ID, "startTime": 1, "width": 1e300}).to_string();
        assert_eq!(send(Some("application/json"), big).await.0, 400);
    }

    #[derive(Debug, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    struct Kept {
        count: u32,
        #[schema(value_type = Value)]
        free: crate::model::RawJson,
        #[serde(default)]
        words: Vec<String>,
    }

    /// What is opaque comes through as it was written, whatever else is read; the rest is held to its schema.
    #[test]
    fn what_no_schema_looks_into_stays_its_text() {
        let free = r#"{"z" : 1.0, "a":[1e2, 5.0], "z":null}"#;
        for count in ["7", "7.0"] {
            let body = format!(r#"{{"free": 1, "count": {count}, "free": {free}, "words": ["x"]}}"#);
            let kept: Kept = parse(body.as_bytes()).unwrap();
            assert_eq!((kept.count, kept.free.text(), &kept.words[..]), (7, free, &["x".to_owned()][..]));
        }
        let refused = |body: &str| parse::<Kept>(body.as_bytes()).map(drop).unwrap_err();
        assert_eq!(refused(r#"{"count": 1}"#).details, ["`free` is missing."]);
        assert_eq!(refused(r#"{"count": "x", "free": 1, "z": 1}"#).details.len(), 2);
        let deep = format!("{{\"count\": 1, \"free\": {}", "[".repeat(200));
        assert!(refused(&deep).details[0].contains("recursion limit"), "{:?}", refused(&deep));
        let long = format!(r#"{{"count": 1, "free": [{}0]}}"#, "0,".repeat(LARGEST_TREE));
        assert_eq!(parse::<Kept>(long.as_bytes()).unwrap().free.text().len(), 2 * LARGEST_TREE + 3);
        let wide = format!(r#"{{"count": 1, "free": 1, "words": ["{}"]}}"#, "x".repeat(LARGEST_TREE));
        let error = refused(&wide);
        assert_eq!(
            (error.kind, error.message.as_str()),
            (Kind::TooLarge, "`words` is larger than it may be here.")
        );
        let list = format!("[{}0]", "0,".repeat(LARGEST_TREE));
        assert_eq!(refused(&list).details, ["The body must be an object."]);
    }

    #[tokio::test]
    async fn a_bomb_of_nesting_or_of_findings_is_bounded() {
        let deep = "[".repeat(500_000);
        let (status, answer) = send(Some("application/json"), deep).await;
        assert_eq!(status, 400);
        assert!(answer["message"].as_str().unwrap().contains("recursion limit"), "{answer}");
        let wide: serde_json::Map<String, Value> = (0..50_000).map(|n| (format!("f{n}"), json!(1))).collect();
        let (status, answer) = send(Some("application/json"), Value::Object(wide).to_string()).await;
        assert_eq!(status, 400);
        let details = answer["details"].as_array().unwrap().len();
        assert!((100..105).contains(&details), "{details}");
    }
}
