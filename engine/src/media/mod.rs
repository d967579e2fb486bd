//! Files in, files out: the only place that names ffmpeg-next, and one of two that hold `unsafe`.
//!
//! What the rest of the engine knows of a file is a [`SourceInfo`], which is plain data behind the [`Media`] trait:
//! the timeline is built and tested without a codec. Everything above sees planar pictures with known colour
//! ([`crate::picture::Picture`]) and planar float sound.

mod decode;
mod demux;
pub mod encode;
mod error;
mod format;
mod frame;
mod guard;
mod mixdown;
mod probe;
mod sound;
mod sound_index;
mod stamp;
mod stream_info;
mod survey;
mod times;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vfxb_dsl::value::{Rational, Time, time::ratio_text};

use crate::colour::ColourSpec;
use crate::picture::PixelFormat;

pub use decode::{DecodeOptions, MISSING_AT_END, VideoReader};
pub use guard::Limits;
pub use mixdown::Channels;
pub use probe::LibavMedia;
pub(crate) use probe::is_run;
pub use sound::AudioReader;
pub use stamp::{FileStamp, check_source};

/// Where the timeline learns about files.
pub trait Media: Send + Sync {
    /// Everything the engine wants to know of a file, from its headers and packets; nothing is decoded beyond what
    /// the format's probing needs.
    ///
    /// # Errors
    /// If the file is missing, not allowed, not media, or beyond a limit.
    fn probe(&self, path: &Path) -> Result<Arc<SourceInfo>, MediaError>;

    /// A numbered (`img-%04d.png`) or globbed (`img-*.png`) run of stills, as a source of constant rate.
    ///
    /// # Errors
    /// As [`Media::probe`], and if no file matches.
    fn probe_sequence(
        &self,
        pattern: &Path,
        fps: Rational,
        start: u32,
    ) -> Result<Arc<SourceInfo>, MediaError>;
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceInfo {
    /// The file; for an image sequence its pattern.
    pub path: PathBuf,
    /// The files of an image sequence, in order; empty for anything else.
    pub stills: Vec<PathBuf>,
    /// What its files were like when they were probed, in the order of [`SourceInfo::files`].
    pub stamps: Vec<FileStamp>,
    /// The container's short name, as libav has it (`mov,mp4,m4a,…`).
    pub container: String,
    /// The first moving picture or still, if any.
    pub video: Option<VideoInfo>,
    /// Sound streams, in the file's order.
    pub audio: Vec<AudioInfo>,
}

impl SourceInfo {
    /// The files that are read: the one, or those of an image sequence.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let one = self.stills.is_empty().then_some(self.path.as_path());
        one.into_iter().chain(self.stills.iter().map(PathBuf::as_path))
    }

    /// The sound stream that is played if none is asked for: the first that the file marks as its default, else the
    /// first.
    pub fn default_sound(&self) -> usize {
        self.audio.iter().position(|sound| sound.default).unwrap_or(0)
    }

    /// How long it is: the picture if there is one, else the sound that is played.
    pub fn duration(&self) -> Time {
        match (&self.video, self.audio.get(self.default_sound())) {
            (Some(video), _) => video.times.duration(),
            (None, Some(audio)) => audio.duration,
            (None, None) => Time::ZERO,
        }
    }
}

/// Rotation clockwise that makes the coded picture upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rotation {
    /// It is upright.
    None,
    /// By a quarter turn.
    Quarter,
    /// Upside down.
    Half,
    /// By three quarters.
    ThreeQuarters,
}

/// How a coded picture becomes an upright one: first mirrored, then rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Orientation {
    /// Left and right change places, before the rotation.
    pub mirrored: bool,
    /// Clockwise.
    pub rotation: Rotation,
}

impl Orientation {
    /// Nothing to do.
    pub const UPRIGHT: Orientation = Orientation { mirrored: false, rotation: Rotation::None };

    /// Whether width and height change places.
    pub fn swaps_sides(self) -> bool {
        matches!(self.rotation, Rotation::Quarter | Rotation::ThreeQuarters)
    }
}

/// A video stream or a still.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VideoInfo {
    /// The stream's index in its file.
    pub stream: usize,
    /// Codec by libav's name.
    pub codec: String,
    /// Columns of a decoded picture, after the stream's own cropping.
    pub width: u32,
    /// Rows of a decoded picture.
    pub height: u32,
    /// Width of a sample over its height.
    #[serde(with = "ratio_text")]
    pub sample_aspect: Rational,
    /// How it becomes upright.
    pub orientation: Orientation,
    /// Layout of decoded pictures as the engine gets them: planar, by [`crate::picture`]'s rules.
    pub format: PixelFormat,
    /// What the codes mean; where the file is silent, by the rule of [`ColourSpec`]'s defaults.
    pub colour: ColourSpec,
    /// Whether pictures are interlaced.
    pub interlaced: bool,
    /// One still.
    pub still: bool,
    /// The rate to make a film at: exact where constant, else the average snapped to the nearest standard rate.
    #[serde(with = "ratio_text")]
    pub rate: Rational,
    /// When each picture is shown.
    pub times: FrameTimes,
}

impl VideoInfo {
    /// Width and height upright and with square samples: how large it is meant to be seen. The wider axis grows.
    pub fn square_size(&self) -> (u32, u32) {
        let scale = |n: u32, by: Rational| {
            u32::try_from((Rational::from_integer(i128::from(n)) * by).round().to_integer())
                .unwrap_or(u32::MAX)
                .max(1)
        };
        let one = Rational::from_integer(1);
        let (w, h) = if self.sample_aspect >= one {
            (scale(self.width, self.sample_aspect), self.height)
        } else {
            (self.width, scale(self.height, one / self.sample_aspect))
        };
        if self.orientation.swaps_sides() { (h, w) } else { (w, h) }
    }
}

/// When each picture of a stream is shown, in presentation order, 0 being the first picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FrameTimes {
    /// Picture `k` at `k / rate`.
    Constant {
        /// Pictures a second.
        #[serde(with = "ratio_text")]
        rate: Rational,
        /// How many.
        count: u64,
    },
    /// Picture `k` at `ticks[k] × tick`, strictly increasing from 0, the last shown until `end`.
    Variable {
        /// Seconds a tick.
        #[serde(with = "ratio_text")]
        tick: Rational,
        /// Presentation times.
        ticks: Arc<[i64]>,
        /// End of the last picture, in ticks.
        end: i64,
    },
}

impl FrameTimes {
    /// How many pictures.
    pub fn count(&self) -> u64 {
        match self {
            FrameTimes::Constant { count, .. } => *count,
            FrameTimes::Variable { ticks, .. } => ticks.len() as u64,
        }
    }

    /// From the first picture's start to the last one's end.
    pub fn duration(&self) -> Time {
        match self {
            FrameTimes::Constant { rate, count } => {
                Time::new(Rational::from_integer(i128::from(*count)) / rate)
            }
            FrameTimes::Variable { tick, end, .. } => {
                Time::new(Rational::from_integer(i128::from(*end)) * tick)
            }
        }
    }

    /// The picture that is shown at `time`: the last that has started; the first or the last of all outside.
    pub fn index_at(&self, time: Time) -> u64 {
        match self {
            FrameTimes::Constant { rate, count } => {
                let index = time.at_rate(*rate).floor().to_integer();
                index.clamp(0, i128::from(count.saturating_sub(1))) as u64
            }
            FrameTimes::Variable { tick, ticks, .. } => {
                let bound = (time.rational() / tick).floor().to_integer();
                let started = ticks.partition_point(|t| i128::from(*t) <= bound);
                started.saturating_sub(1) as u64
            }
        }
    }

    /// The last picture that starts *strictly before* `time`; the first if none does.
    pub fn index_before(&self, time: Time) -> u64 {
        match self {
            FrameTimes::Constant { rate, count } => {
                let before = time.at_rate(*rate).ceil().to_integer() - 1;
                before.clamp(0, i128::from(count.saturating_sub(1))) as u64
            }
            FrameTimes::Variable { tick, ticks, .. } => {
                let bound = (time.rational() / tick).ceil().to_integer();
                let before = ticks.partition_point(|t| i128::from(*t) < bound);
                before.saturating_sub(1) as u64
            }
        }
    }
}

/// A sound stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AudioInfo {
    /// The stream's index in its file.
    pub stream: usize,
    /// Codec by libav's name.
    pub codec: String,
    /// Samples a second.
    pub rate: u32,
    /// Channels.
    pub channels: u16,
    /// libav's name of the layout (`stereo`, `5.1(side)`), guessed from the count where the file is silent.
    pub layout: String,
    /// Whether the file marks it as the one to play.
    pub default: bool,
    /// When the first sample sounds on the source's clock, whose 0 is the first *picture* if there is one, else the
    /// first sample. Priming that the file declares is already left out.
    pub start: Time,
    /// How long it sounds.
    pub duration: Time,
}

/// Why a file could not be read or written. Every message says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MediaError {
    /// Its kind.
    pub kind: MediaErrorKind,
    /// What happened, in the user's words, with the file's name.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

/// Kinds of [`MediaError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaErrorKind {
    /// There is no such file.
    NotFound,
    /// It may not be read or written: permissions, a device, a directory, a protocol that is not allowed.
    NotAllowed,
    /// It is not media, or nothing in it can be decoded here.
    Unsupported,
    /// Its data is broken.
    Damaged,
    /// It is not what it was when it was first read, or gone.
    Changed,
    /// It is larger than a limit.
    Limit,
    /// An encoder or muxer is missing or refuses the settings.
    Encoder,
    /// The disk, or the owner's share of it, is full.
    Full,
    /// The disk failed.
    Io,
    /// The render was cancelled.
    Cancelled,
}
