//! `video:process`: every HTTP edit, asked for over a socket. `video:progress`: what one client of an owner tells the
//! others.
//!
//! The payload comes in; what goes on is the same body that the endpoint takes, held to the same schema. What becomes
//! of it is told by the job's events, so that every socket of the owner hears it once.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use socketioxide::extract::SocketRef;
use utoipa::ToSchema;
use uuid::Uuid;

use super::told::{FAILED, Failed, UPDATE};
use super::{Session, emit, jobs_room};
use crate::app::App;
use crate::edit::Edit;
use crate::edit::operation::{AddText, ApplyFilter, Crop, Export, Trim};
use crate::edit::submit::submit;
use crate::error::{ApiError, Kind};
use crate::http::class::Class;
use crate::http::schema;
use crate::model::Owner;

/// Longest text of a wrong request that is sent back with its error.
const ECHO: usize = 100;

/// What the old service took, and what no client may name: files are named by `videoId`.
const PATHS: [&str; 2] = ["inputPath", "outputPath"];

/// The payload, without what its parameters must be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "a schema: its fields are read where the parameters are")]
struct Process {
    /// The video that is edited.
    video_id: Uuid,
    /// The endpoint's name.
    operation: String,
    /// The endpoint's body, without the video.
    #[serde(default)]
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
}

/// What clients tell of their own work.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Progress {
    /// The video.
    video_id: Uuid,
    /// The job, if it is one.
    #[serde(default)]
    job_id: Option<Uuid>,
    /// How far it is.
    #[schema(minimum = 0, maximum = 1)]
    progress: f64,
    /// Frames a second.
    #[serde(default)]
    #[schema(minimum = 0)]
    fps: f64,
    /// Seconds to go.
    #[serde(default)]
    #[schema(minimum = 0)]
    eta_seconds: Option<f64>,
}

/// Every edit is an operation: one word each here.
macro_rules! operations {
    ($($edit:ident),+) => {
        /// An edit that keeps to its schema.
        #[derive(Debug)]
        enum Asked {
            $($edit($edit)),+
        }

        impl Asked {
            /// Names of all of them.
            const NAMES: &[&str] = &[$(<$edit as Edit>::NAME),+];

            /// Reads the body of an endpoint; `None` if there is no such.
            fn body(operation: &str, body: Value) -> Option<Result<Asked, ApiError>> {
                match operation {
                    $(<$edit as Edit>::NAME => Some(schema::read::<$edit>(body).map(Asked::$edit)),)+
                    _ => None,
                }
            }

            fn render(&self) -> bool {
                match self {
                    $(Asked::$edit(edit) => edit.render()),+
                }
            }

            async fn submit(&self, app: &App, owner: Owner) -> Result<(), ApiError> {
                match self {
                    $(Asked::$edit(edit) => submit(app, owner, edit, None).await.map(drop)),+
                }
            }
        }
    };
}

operations!(Trim, Crop, ApplyFilter, AddText, Export);

impl Asked {
    /// Reads a payload.
    ///
    /// # Errors
    /// 400 with every finding, of the payload and of the parameters.
    fn read(mut payload: Value) -> Result<Asked, ApiError> {
        let mut findings = Vec::new();
        take_paths(&mut payload, &mut findings);
        let text = |name: &str| payload.get(name).and_then(Value::as_str).map(str::to_owned);
        let (video, operation) = (text("videoId"), text("operation"));
        let parameters = payload.get("parameters").cloned().unwrap_or_else(|| Value::Object(Map::new()));
        findings.extend(schema::read::<Process>(payload).err().map_or(Ok(Vec::new()), found)?);
        let mut asked = None;
        if let (Some(operation), Value::Object(mut body)) = (operation, parameters) {
            // A video that is missing or wrong has been found already.
            let video = video.filter(|id| Uuid::try_parse(id).is_ok()).unwrap_or(Uuid::nil().to_string());
            if body
                .insert("videoId".to_owned(), Value::String(video.clone()))
                .is_some_and(|own| own != *video)
            {
                findings.push("`parameters.videoId` must be left out, or be `videoId`.".to_owned());
            }
            match Asked::body(&operation, Value::Object(body)) {
                Some(Ok(body)) => asked = Some(body),
                Some(Err(error)) => findings.extend(found(error)?),
                None => findings.push(format!("`operation` must be one of {}.", Asked::NAMES.join(", "))),
            }
        }
        if asked.as_ref().is_some_and(|asked| !asked.render()) {
            findings.push(
                "`render` must be true: of an edit that is made later nothing can be told here.".to_owned(),
            );
        }
        match asked {
            Some(asked) if findings.is_empty() => Ok(asked),
            _ => Err(ApiError::validation(findings)),
        }
    }
}

/// The findings that an error has; what is no finding stays an error.
fn found(error: ApiError) -> Result<Vec<String>, ApiError> {
    if error.kind == Kind::Validation { Ok(error.details) } else { Err(error) }
}

/// Takes out every field that would name a file, however deep, with a finding each.
fn take_paths(value: &mut Value, findings: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for name in PATHS {
                if fields.remove(name).is_some() {
                    findings.push(format!("`{name}` is refused: files are named by `videoId`."));
                }
            }
            fields.values_mut().for_each(|value| take_paths(value, findings));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| take_paths(value, findings)),
        _ => {}
    }
}

/// What of a wrong request is sent back, so that its sender knows it again.
fn echo(payload: &Value, name: &str) -> Value {
    let text = payload.get(name).and_then(Value::as_str).filter(|text| text.len() <= ECHO);
    text.map_or(Value::Null, Value::from)
}

/// Takes an edit. The queue tells of it from then on; what was wrong with the request its sender alone is told.
pub(super) async fn process(session: Arc<Session>, socket: SocketRef, payload: Value) {
    let (video_id, operation) = (echo(&payload, "videoId"), echo(&payload, "operation"));
    let taken = async {
        session.count(Class::General)?;
        Asked::read(payload)?.submit(&session.app, session.owner).await
    };
    if let Err(error) = taken.await {
        emit(&socket, FAILED, &Failed { video_id, operation, job_id: None, why: error.into() });
    }
}

/// Passes on what a client tells of its own work, to the sockets of its owner alone.
pub(super) async fn progress(session: Arc<Session>, socket: SocketRef, payload: Value) {
    let video_id = echo(&payload, "videoId");
    let told = session.count(Class::Free).and_then(|()| schema::read::<Progress>(payload));
    match told {
        // Who does not read misses it: the next one says more.
        Ok(progress) => drop(socket.within(jobs_room(session.owner)).emit(UPDATE, &progress).await),
        Err(error) => {
            let why = error.into();
            emit(&socket, FAILED, &Failed { video_id, operation: "progress".into(), job_id: None, why });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const VIDEO: &str = "6f2c1c52-6df0-4b9f-8a3e-0d9b1c6a7e11";

    fn findings(payload: Value) -> Vec<String> {
        let mut findings = Asked::read(payload).expect_err("it is wrong").details;
        findings.sort_unstable();
        findings
    }

    #[test]
    fn every_edit_is_an_operation() {
        assert_eq!(Asked::NAMES, ["trim", "crop", "apply-filter", "add-text", "export"]);
        for (operation, parameters) in [
            ("trim", json!({"startTime": 1, "endTime": 2.5})),
            ("crop", json!({"width": 64, "height": 48, "videoId": VIDEO})),
            ("apply-filter", json!({"filterType": "sepia", "parameters": {"amount": 1}})),
            ("add-text", json!({"text": "a", "position": {"x": 1, "y": 2}})),
            ("export", json!({"format": "webm", "render": true})),
        ] {
            let payload = json!({"videoId": VIDEO, "operation": operation, "parameters": parameters});
            let asked = Asked::read(payload).expect("it is right");
            assert!(asked.render(), "{asked:?}");
        }
        let payload =
            json!({"videoId": VIDEO, "operation": "trim", "parameters": {"startTime": 1, "endTime": 2}});
        let Ok(Asked::Trim(trim)) = Asked::read(payload) else { panic!("it is a trim") };
        assert_eq!((trim.video_id.to_string().as_str(), trim.start_time, trim.end_time), (VIDEO, 1.0, 2.0));
    }

    #[test]
    fn all_findings_of_payload_and_parameters_are_told_at_once() {
        let payload = json!({
            "operation": "crop", "inputPath": "/etc/passwd", "now": true,
            "parameters": {"width": 0, "height": "a", "outputPath": "x", "z": 1, "render": false},
        });
        assert_eq!(
            findings(payload),
            [
                "`height` must be a whole number.",
                "`inputPath` is refused: files are named by `videoId`.",
                "`now` is not known here.",
                "`outputPath` is refused: files are named by `videoId`.",
                "`videoId` is missing.",
                "`width` must be at least 1.",
                "`z` is not known here.",
            ]
        );
        let payload = json!({"videoId": "../a", "operation": "delete", "parameters": {}});
        assert_eq!(
            findings(payload),
            [
                "`operation` must be one of trim, crop, apply-filter, add-text, export.",
                "`videoId` must be a UUID.",
            ]
        );
        let deep = json!({"filterType": "blur", "parameters": {"list": [{"inputPath": 1}]}});
        let payload = json!({"videoId": VIDEO, "operation": "apply-filter", "parameters": deep});
        assert_eq!(findings(payload), ["`inputPath` is refused: files are named by `videoId`."]);
        let other = json!({"filterType": "blur", "render": false, "videoId": Uuid::nil()});
        let payload = json!({"videoId": VIDEO, "operation": "apply-filter", "parameters": other});
        assert_eq!(
            findings(payload),
            [
                "`parameters.videoId` must be left out, or be `videoId`.",
                "`render` must be true: of an edit that is made later nothing can be told here.",
            ]
        );
    }

    #[test]
    fn what_is_no_object_is_a_finding() {
        for payload in [Value::Null, json!([]), json!("trim"), json!(5)] {
            assert_eq!(findings(payload), ["The body must be an object."]);
        }
        let payload = json!({"videoId": VIDEO, "operation": 5, "parameters": []});
        assert_eq!(findings(payload), ["`operation` must be text.", "`parameters` must be an object."]);
    }

    #[test]
    fn progress_is_held_to_its_schema() {
        let read = |payload: Value| schema::read::<Progress>(payload);
        let told = read(json!({"videoId": VIDEO, "progress": 0.5})).expect("it is right");
        let relayed =
            json!({"videoId": VIDEO, "jobId": null, "progress": 0.5, "fps": 0.0, "etaSeconds": null});
        assert_eq!(json!(told), relayed);
        let wrong = read(json!({"videoId": VIDEO, "progress": 50, "html": "<b>"})).expect_err("it is wrong");
        assert_eq!(wrong.details.len(), 2, "{:?}", wrong.details);
    }
}
