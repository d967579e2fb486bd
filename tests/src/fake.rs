//! Media that are not there: what is planned from them needs no file and no codec.

use std::path::Path;
use std::sync::Arc;

use vfxb_dsl::value::{Rational, Time};
use vfxb_engine::colour::ColourSpec;
use vfxb_engine::media::{
    AudioInfo, FrameTimes, Media, MediaError, MediaErrorKind, Orientation, SourceInfo, VideoInfo,
};
use vfxb_engine::picture::PixelFormat;

/// Files that are not there: ten seconds of 1920×1080 at 25 pictures a second with stereo sound; one such picture where
/// the name is a still's.
#[derive(Debug)]
pub struct Fake;

impl Media for Fake {
    fn probe(&self, path: &Path) -> Result<Arc<SourceInfo>, MediaError> {
        if path.to_string_lossy().contains("missing") {
            let message = format!("{}: no such file", path.display());
            return Err(MediaError { kind: MediaErrorKind::NotFound, message, help: None });
        }
        let still = path.extension().is_some_and(|ending| ending == "png" || ending == "jpg");
        let video = VideoInfo {
            stream: 0,
            codec: "h264".into(),
            width: 1920,
            height: 1080,
            sample_aspect: Rational::from_integer(1),
            orientation: Orientation::UPRIGHT,
            format: PixelFormat::YUV420P,
            colour: ColourSpec::BT709,
            interlaced: false,
            still,
            rate: Rational::from_integer(25),
            times: FrameTimes::Constant {
                rate: Rational::from_integer(25),
                count: if still { 1 } else { 250 },
            },
        };
        let audio = AudioInfo {
            stream: 1,
            codec: "aac".into(),
            rate: 48_000,
            channels: 2,
            layout: "stereo".into(),
            default: true,
            start: Time::ZERO,
            duration: Time::seconds(10),
        };
        Ok(Arc::new(SourceInfo {
            path: path.to_owned(),
            stills: Vec::new(),
            stamps: Vec::new(),
            container: "mov".into(),
            video: Some(video),
            audio: if still { Vec::new() } else { vec![audio] },
        }))
    }

    fn probe_sequence(&self, pattern: &Path, _: Rational, _: u32) -> Result<Arc<SourceInfo>, MediaError> {
        self.probe(pattern)
    }
}
