//! An edit of a video that is kept: from a request's body to a stored result and its job.
//!
//! The HTTP endpoints, Socket.IO and the assistant ask here. A worker looks at the script before anything is stored, so
//! that what is wrong is said at once, and what the result will be is known before it is there.

use jiff::Timestamp;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::apply::{Edit, Facts};
use super::film::Film;
use crate::app::App;
use crate::error::{ApiError, Kind};
use crate::jobs::{other_body, sources};
use crate::model::{Job, Made, Metadata, Owner, ScriptText, Video, VideoStatus};
use crate::store::{Idempotency, Keyed};
use crate::worker::protocol::{Answer, Task, Work};

/// An edit that was taken.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The result.
    pub video: Video,
    /// The job that makes it, unless it is made later.
    pub job: Option<Uuid>,
    /// The whole edit from the original on.
    pub script: String,
}

/// Takes an edit.
///
/// # Errors
/// 404 without the video, 400 with every finding if the edit does not fit it, 409 if it could not be made itself, and
/// what [`crate::jobs::Jobs::submit`] says.
pub async fn submit<E: Edit>(
    app: &App,
    owner: Owner,
    edit: &E,
    key: Option<&Idempotency>,
) -> Result<Taken, ApiError> {
    if let Some(key) = key
        && let Some(earlier) = app.jobs.keyed(owner, key).await?
    {
        return taken_before(app, owner, earlier).await;
    }
    let base = app.store.video(owner, edit.video()).await?.ok_or_else(|| ApiError::not_found("video"))?;
    if base.status == VideoStatus::Failed {
        let error = ApiError::new(Kind::Conflict, "This video could not be made; edit the one before it.");
        return Err(ApiError { code: Some("video_failed"), ..error });
    }
    let mut film = film(&base)?;
    let facts = facts(app, &base, &film).await?;
    edit.apply(&mut film, &facts).map_err(ApiError::validation)?;
    let script = film.script().map_err(unspeakable)?;
    let looked = look(app, owner, &script, true).await?;
    let (name, metadata) = looked.output(&base)?;
    let id = Uuid::new_v4();
    let job = edit.render().then(|| Job {
        video: Some(id),
        sources: looked.sources.clone(),
        ..Job::new(owner, E::NAME, script.clone())
    });
    let video = Video {
        id,
        owner,
        original_name: name_of(&base.original_name, E::NAME, &name),
        blob: None,
        metadata: Some(metadata),
        status: if job.is_some() { VideoStatus::Processing } else { VideoStatus::Uploaded },
        made: Some(Made {
            operation: E::NAME.to_owned(),
            of: Some(base.id),
            script: script.clone(),
            output: None,
            sources: looked.sources,
            job: job.as_ref().map(|job| job.id),
        }),
        deleted: false,
        created_at: Timestamp::now(),
    };
    let Some(job) = job else {
        return match app.store.add_unmade_video(&video, key, app.config.quota).await? {
            None => Ok(Taken { video, job: None, script: script.text }),
            Some(earlier) => taken_before(app, owner, earlier).await,
        };
    };
    let stored = app.jobs.submit(job, Some(&video), key).await?;
    if stored.video != Some(id) {
        return taken_before(app, owner, Keyed::Job(Box::new(stored))).await;
    }
    Ok(Taken { video, job: Some(stored.id), script: script.text })
}

/// Has a video made that is known and not made yet; its job, which may be there already.
///
/// # Errors
/// 409 if it is not one that is made, and what [`crate::jobs::Jobs::submit`] says.
pub async fn make(app: &App, video: &Video) -> Result<Job, ApiError> {
    let made =
        video.made.as_ref().ok_or_else(|| ApiError::new(Kind::Conflict, "This video has no script."))?;
    let job = Job {
        video: Some(video.id),
        sources: made.sources.clone(),
        ..Job::new(video.owner, &made.operation, made.script.clone())
    };
    let made = Made { job: Some(job.id), ..made.clone() };
    let video = Video { status: VideoStatus::Processing, made: Some(made), ..video.clone() };
    app.jobs.submit(job, Some(&video), None).await
}

/// What an earlier request with the same key gave.
async fn taken_before(app: &App, owner: Owner, earlier: Keyed) -> Result<Taken, ApiError> {
    let (id, job) = match earlier {
        Keyed::Job(job) => (job.video, Some(job.id)),
        // As it was answered then, whether it has been made since or not.
        Keyed::Video(id) => (Some(id), None),
        Keyed::OtherBody => return Err(other_body()),
    };
    let video = match id {
        Some(id) => app.store.video(owner, id).await?,
        None => None,
    };
    let video = video.ok_or_else(|| ApiError::not_found("video: it was deleted"))?;
    let script = video.made.as_ref().map(|made| made.script.text.clone()).unwrap_or_default();
    Ok(Taken { video, job, script })
}

/// The film that a video is.
fn film(video: &Video) -> Result<Film, ApiError> {
    match &video.made {
        None => Ok(Film::of_upload(video.id)),
        Some(made) => Film::read(&made.script, made.output.as_deref()).map_err(unspeakable),
    }
}

fn unspeakable(findings: Vec<vfxb_dsl::diagnostic::Diagnostic>) -> ApiError {
    let said: Vec<String> = findings.into_iter().map(|finding| finding.message).collect();
    ApiError::internal(format!("a script that was kept cannot be edited: {}", said.join("; ")))
}

/// What an edit of a video refers to.
async fn facts(app: &App, video: &Video, film: &Film) -> Result<Facts, ApiError> {
    let metadata = video.metadata.clone().unwrap_or_default();
    let Metadata { width, height, duration, fps, .. } = metadata;
    let mut facts = Facts { width, height, duration, fps, canvas: None };
    if film.is_scaled() {
        let script = film.script().map_err(unspeakable)?;
        let told = look(app, video.owner, &script, true).await?.told;
        let side = |name: &str| told.get(name).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
        facts.canvas = side("width").zip(side("height"));
    }
    Ok(facts)
}

/// What a worker says of a script that can be rendered.
pub(crate) struct Looked {
    /// What `vfxb check --json` prints.
    pub(crate) told: Value,
    /// Warnings and notes.
    pub(crate) diagnostics: Vec<Value>,
    /// The videos and assets that it names.
    pub(crate) sources: Vec<Uuid>,
}

/// Has a worker look at a script; `deleted` where it may name what its owner deleted.
///
/// # Errors
/// 400 with the findings if it is wrong, and what happens to workers.
pub(crate) async fn look(
    app: &App,
    owner: Owner,
    script: &ScriptText,
    deleted: bool,
) -> Result<Looked, ApiError> {
    let named = sources::named(app, owner, script, deleted).await?;
    let sources = sources::ids_of(&named.files);
    let task = Task::Check { work: Work { script: script.clone(), files: named.files } };
    // A client that hangs up does not leave a worker behind.
    let cancel = CancellationToken::new();
    let _hung_up = cancel.clone().drop_guard();
    match app.workers.work(owner, task, &|_| {}, &cancel).await? {
        Answer::Told { ok: true, diagnostics, told } => Ok(Looked { told, diagnostics, sources }),
        Answer::Told { diagnostics, .. } => {
            Err(ApiError::script("The script is wrong; the diagnostics say where.", diagnostics))
        }
        _ => Err(ApiError::internal("a worker answered a check with something else")),
    }
}

impl Looked {
    /// The file that the script writes, and what it will be.
    fn output(&self, base: &Video) -> Result<(String, Metadata), ApiError> {
        let missing = || ApiError::internal("a worker told nothing of a script's output");
        let output = self.told.get("outputs").and_then(|outputs| outputs.get(0)).ok_or_else(missing)?;
        let text = |name: &str| output.get(name).and_then(Value::as_str);
        let number = |name: &str| output.get(name).and_then(Value::as_u64).unwrap_or(0);
        let name = text("file").ok_or_else(missing)?.to_owned();
        let side = |name: &str| u32::try_from(number(name)).unwrap_or(0);
        let format = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_owned();
        let sound = base.metadata.clone().unwrap_or_default();
        let metadata = Metadata {
            width: side("width"),
            height: side("height"),
            fps: text("fps").and_then(rate).unwrap_or(0.0),
            duration: output.get("duration").and_then(Value::as_f64).unwrap_or(0.0),
            codec: text("codec").or_else(|| text("audioCodec")).unwrap_or_default().to_owned(),
            format,
            frames: number("frames"),
            audio_codec: text("audioCodec").map(str::to_owned),
            sample_rate: sound.sample_rate,
            channels: sound.channels,
            variable: false,
        };
        Ok((name, metadata))
    }
}

/// `30`, `30000/1001`.
fn rate(text: &str) -> Option<f64> {
    let (n, d) = text.split_once('/').unwrap_or((text, "1"));
    Some(n.parse::<f64>().ok()? / d.parse::<f64>().ok()?)
}

/// `holiday.mov` trimmed into `result.mp4` is `holiday-trim.mp4`.
fn name_of(base: &str, operation: &str, file: &str) -> String {
    let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem);
    let ending = file.rsplit_once('.').map_or("mp4", |(_, ending)| ending);
    let stem: String = stem.chars().take(200).collect();
    format!("{stem}-{operation}.{ending}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::edit::operation::Trim;
    use crate::jobs::fake::Service;
    use crate::model::OPEN_OWNER;
    use crate::store::Page;
    use crate::store::contract::rows;

    #[test]
    fn results_are_called_after_what_they_are_made_of() {
        assert_eq!(name_of("holiday.mov", "trim", "result.mp4"), "holiday-trim.mp4");
        assert_eq!(name_of("no ending", "export", "result.gif"), "no ending-export.gif");
        assert_eq!(rate("30000/1001").map(|r| (r * 1000.0).round()), Some(29970.0));
        assert_eq!(rate("25"), Some(25.0));
    }

    #[tokio::test]
    async fn a_key_gives_a_video_that_is_made_later_again() {
        let service = Service::new();
        let store = &service.app.store;
        let base = rows::video(OPEN_OWNER, "film");
        store.add_video(&base, u64::MAX).await.unwrap();
        let asked = json!({"videoId": base.id, "startTime": 1, "endTime": 2, "render": false});
        let trim: Trim = serde_json::from_value(asked).unwrap();
        let submitted = async |key: &str, body: &str| {
            let key = Idempotency { key: key.to_owned(), body: body.to_owned() };
            submit(&service.app, OPEN_OWNER, &trim, Some(&key)).await
        };
        let (first, second) = tokio::join!(submitted("one", "a"), submitted("one", "a"));
        let (first, second) = (first.unwrap(), second.unwrap());
        let told = |taken: &Taken| (taken.video.id, taken.job, taken.script.clone());
        assert_eq!(told(&first), told(&second));
        assert_eq!((first.job, store.videos(OPEN_OWNER, &Page::default()).await.unwrap().total), (None, 2));
        make(&service.app, &first.video).await.unwrap();
        assert_eq!(told(&submitted("one", "a").await.unwrap()), told(&first), "made or not");
        assert_eq!(submitted("one", "b").await.unwrap_err().kind, Kind::Unprocessable);
        assert_ne!(submitted("two", "a").await.unwrap().video.id, first.video.id);
        store.delete_media(OPEN_OWNER, first.video.id).await.unwrap().unwrap();
        assert_eq!(submitted("one", "a").await.unwrap_err().kind, Kind::NotFound, "a job needs it yet");
    }
}
