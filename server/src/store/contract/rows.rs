//! Rows to test with: whole, each value another.

use jiff::Timestamp;
use uuid::Uuid;

use crate::model::{
    Asset, AssetKind, Blob, Folder, Job, JobProgress, JobState, Made, Metadata, Owner, Project,
    ScriptSpelling, ScriptText, Video, VideoStatus,
};
use crate::store::{Finished, FinishedOutput, Room};

/// Room for everything.
pub(crate) const AMPLE: Room = Room { waiting: 1000, waiting_of_one: 1000, quota: u64::MAX };

/// Seconds after an arbitrary instant, which is no whole second.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::new(1_763_856_000 + seconds, 123_456_789).expect("a timestamp")
}

pub(crate) fn blob(folder: Folder, extension: &str, content: &str) -> Blob {
    Blob {
        id: Uuid::new_v4(),
        folder,
        extension: extension.to_owned(),
        hash: blake3::hash(content.as_bytes()).to_hex().to_string(),
        size: content.len() as u64,
    }
}

pub(crate) fn metadata() -> Metadata {
    Metadata {
        width: 1920,
        height: 1080,
        fps: 30_000.0 / 1001.0,
        duration: 12.345_678_9,
        codec: "h264".to_owned(),
        format: "mov,mp4,m4a,3gp,3g2,mj2".to_owned(),
        frames: 370,
        audio_codec: Some("aac".to_owned()),
        sample_rate: Some(48_000),
        channels: Some(6),
        variable: true,
    }
}

pub(crate) fn video(owner: Owner, content: &str) -> Video {
    Video {
        id: Uuid::new_v4(),
        owner,
        original_name: format!("{content}.mp4"),
        blob: Some(blob(Folder::Videos, "mp4", content)),
        metadata: Some(metadata()),
        status: VideoStatus::Ready,
        made: None,
        deleted: false,
        created_at: at(0),
    }
}

/// A result of videos, not made yet.
pub(crate) fn result(owner: Owner, sources: &[Uuid]) -> Video {
    Video {
        blob: None,
        status: VideoStatus::Uploaded,
        made: Some(Made {
            operation: "trim".to_owned(),
            of: sources.first().copied(),
            script: script(),
            output: None,
            sources: sources.to_vec(),
            job: None,
        }),
        ..video(owner, "result")
    }
}

pub(crate) fn asset(owner: Owner, kind: AssetKind, content: &str) -> Asset {
    Asset {
        id: Uuid::new_v4(),
        owner,
        kind,
        original_name: "\u{202e} what/../ever\u{0}.cube".to_owned(),
        blob: blob(Folder::Images, "cube", content),
        metadata: None,
        deleted: false,
        created_at: at(1),
    }
}

pub(crate) fn project(owner: Owner, name: &str, seconds: i64) -> Project {
    Project {
        id: Uuid::new_v4(),
        owner,
        name: name.to_owned(),
        description: "'; DROP TABLE projects; --".to_owned(),
        timeline: serde_json::json!({"z": [1, 2.5, null], "a": {"b": "ü"}}).into(),
        settings: serde_json::Value::Null.into(),
        script: Some("clip a".to_owned()),
        created_at: at(seconds),
        updated_at: at(seconds + 1),
    }
}

pub(crate) fn script() -> ScriptText {
    ScriptText {
        text: "clip \"video:1\"\noutput \"o.mp4\"".to_owned(),
        spelling: ScriptSpelling::Yaml,
        vars: [("who".to_owned(), "you".to_owned())].into(),
    }
}

/// What [`script`] counts in the quota: its text and `{"who":"you"}`.
pub(crate) fn script_bytes() -> u64 {
    script().text.len() as u64 + 13
}

pub(crate) fn job(owner: Owner) -> Job {
    Job {
        id: Uuid::new_v4(),
        owner,
        operation: "render".to_owned(),
        script: script(),
        sources: Vec::new(),
        video: None,
        priority: 0,
        webhook: Some("https://example.org/hook".to_owned()),
        state: JobState::Queued,
        progress: JobProgress::default(),
        outputs: Vec::new(),
        diagnostics: Vec::new(),
        error: None,
        attempts: 0,
        crashes: 0,
        revision: 0,
        created_at: at(2),
        started_at: None,
        finished_at: None,
        not_before: None,
    }
}

/// A job that makes a video.
pub(crate) fn job_for(video: &Video) -> Job {
    let sources = video.made.as_ref().map(|made| made.sources.clone()).unwrap_or_default();
    Job { operation: "trim".to_owned(), video: Some(video.id), sources, ..job(video.owner) }
}

pub(crate) fn output(name: &str, blob: Blob) -> FinishedOutput {
    FinishedOutput { name: name.to_owned(), blob, metadata: metadata() }
}

pub(crate) fn finished(outputs: Vec<FinishedOutput>) -> Finished {
    Finished { outputs, diagnostics: vec![serde_json::json!({"code": "V0001"})] }
}
