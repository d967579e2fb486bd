//! What is heard when: clips on a sample clock.
//!
//! Edges are rounded once to a sample from the snapped picture edge, so that sound starts with its picture's first
//! frame, whatever the frame rate.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use vfxb_dsl::value::{Rational, Time};

use super::{EffectUse, TimeMap};
use crate::animate::Track;

/// Sounds that are summed on one clock.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SoundMix {
    /// The clips.
    pub clips: Vec<SoundClip>,
    /// How many samples it lasts.
    pub length: i64,
}

/// One sound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SoundClip {
    /// What sounds.
    pub content: SoundContent,
    /// When, in samples of the mix.
    pub samples: Range<i64>,
    /// Which instant of the content sounds at an instant of the clip (0 at its first sample).
    pub map: TimeMap,
    /// Whether the pitch is kept when the speed is not 1.
    pub keep_pitch: bool,
    /// Linear amplitude on the clip's clock.
    pub gain: Track<f64>,
    /// −1 left to 1 right on the clip's clock.
    pub pan: Track<f64>,
    /// Fades; their product acts.
    pub fades: Vec<Fade>,
    /// Sound effects, in order.
    pub effects: Vec<EffectUse>,
}

/// What sounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SoundContent {
    /// A stream of a source.
    Stream {
        /// Which of the timeline's sources.
        source: usize,
        /// Which of its sound streams, from 0.
        stream: usize,
    },
    /// The sound of a group.
    Mix(Box<SoundMix>),
}

/// A rise from silence, or a fall to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fade {
    /// When, in samples from the clip's first. Outside, the nearer end's value holds.
    pub samples: Range<i64>,
    /// From silence, or to it.
    pub rising: bool,
    /// Its curve.
    pub shape: FadeShape,
}

/// The curve of a fade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FadeShape {
    /// Straight.
    Linear,
    /// A quarter sine: two that cross keep the power of uncorrelated sounds.
    EqualPower,
}

/// The sample nearest to a time.
pub(super) fn sample_of(time: Time, sample_rate: u32) -> i64 {
    let exact = time.at_rate(Rational::from_integer(i128::from(sample_rate)));
    i64::try_from(exact.round().to_integer()).unwrap_or(i64::MAX)
}

/// How long a cut's fade is, so that it does not click.
pub(super) const CUT_FADE_MS: i64 = 5;
