//! What clients are told of a file, from what the engine knows of it.

use vfxb_dsl::value::number::to_f64;
use vfxb_engine::media::{FrameTimes, SourceInfo};

use crate::model::Metadata;

/// What a file holds.
pub(super) struct Found {
    /// In numbers.
    pub(super) metadata: Metadata,
    /// Whether there is a picture that moves.
    pub(super) moving: bool,
    /// Whether there is a still picture.
    pub(super) still: bool,
}

/// Of a probed file.
pub(super) fn of(source: &SourceInfo) -> Found {
    let (video, audio) = (source.video.as_ref(), source.audio.first());
    let moving = video.filter(|video| !video.still);
    let still = video.is_some_and(|video| video.still);
    let (width, height) = video.map_or((0, 0), |video| video.square_size());
    let codec = video.map(|video| &video.codec).or(audio.map(|audio| &audio.codec));
    let metadata = Metadata {
        width,
        height,
        fps: moving.map_or(0.0, |video| to_f64(video.rate)),
        duration: if still { 0.0 } else { source.duration().to_f64() },
        codec: codec.cloned().unwrap_or_default(),
        format: source.container.clone(),
        frames: video.map_or(0, |video| video.times.count()),
        audio_codec: audio.map(|audio| audio.codec.clone()),
        sample_rate: audio.map(|audio| audio.rate),
        channels: audio.map(|audio| audio.channels),
        variable: moving.is_some_and(|video| matches!(video.times, FrameTimes::Variable { .. })),
    };
    Found { metadata, moving: moving.is_some(), still }
}
