//! Sound: clips mixed on one sample clock.
//!
//! A [`crate::timeline::SoundMix`] and its sources come in, planar float samples go out, block by block and in order:
//!
//! ```text
//! Samples (a source's stream, a group's mix) ─▶ played (span, reverse, loop) ─▶ speed ─▶ gain, pan, fades ─▶ sum ─▶ limiter
//! ```
//!
//! It knows nothing of pictures, files or encoders. Everything is computed in f32 by fixed rules from exact positions, so
//! that a sample is where the picture's frame is.

mod clip;
mod limiter;
mod mixer;
mod played;
mod speed;

use crate::media::MediaError;

pub use mixer::Mixer;

/// Channels of a film's sound: left and right.
pub const CHANNELS: usize = 2;

/// Something that can be asked for any samples at the mix's rate.
pub trait Samples: Send {
    /// Fills the planes with samples `from`, `from + 1`, …: silence where there are none. All planes are of one length.
    ///
    /// # Errors
    /// If the source cannot be read.
    fn read(&mut self, from: i64, planes: &mut [&mut [f32]]) -> Result<(), MediaError>;
}

/// Planes of `length` zeros.
fn silence(length: usize) -> [Vec<f32>; CHANNELS] {
    std::array::from_fn(|_| vec![0.0; length])
}

/// Reads into owned planes.
fn read_planes(
    source: &mut dyn Samples,
    from: i64,
    length: usize,
) -> Result<[Vec<f32>; CHANNELS], MediaError> {
    let mut planes = silence(length);
    let [left, right] = &mut planes;
    source.read(from, &mut [left, right])?;
    Ok(planes)
}
