//! One clip: its samples at its own pace, with gain, pan and fades.

use vfxb_dsl::value::{Rational, Time};

use super::CHANNELS;
use super::speed::Paced;
use crate::animate::Track;
use crate::media::MediaError;
use crate::timeline::{Fade, FadeShape, SoundClip};

/// Samples from one evaluation of a keyframed gain to the next; it is linear between.
const GAIN_STEP: i64 = 64;

/// A clip that can be added to a mix.
pub(super) struct Clip {
    samples: Paced,
    /// Samples of the mix in which it sounds.
    pub(super) start: i64,
    pub(super) end: i64,
    gain: Track<f64>,
    pan: Track<f64>,
    fades: Vec<Fade>,
    rate: u32,
}

impl Clip {
    pub(super) fn new(clip: &SoundClip, samples: Paced, rate: u32) -> Clip {
        Clip {
            samples,
            start: clip.samples.start,
            end: clip.samples.end,
            gain: clip.gain.clone(),
            pan: clip.pan.clone(),
            fades: clip.fades.clone(),
            rate,
        }
    }

    /// Adds what sounds in samples `from…` of the mix to the planes.
    pub(super) fn add(&mut self, from: i64, planes: &mut [&mut [f32]]) -> Result<(), MediaError> {
        let count = planes.first().map_or(0, |plane| plane.len()) as i64;
        let (first, last) = (from.max(self.start), (from + count).min(self.end));
        if first >= last {
            return Ok(());
        }
        let mut own = super::read_planes(&mut self.samples, first - self.start, (last - first) as usize)?;
        let gains = self.gains(first - self.start, (last - first) as usize);
        for ((plane, own), gains) in planes.iter_mut().zip(&mut own).zip(&gains) {
            let at = (first - from) as usize;
            for ((sum, sample), gain) in plane[at..].iter_mut().zip(own.iter()).zip(gains) {
                *sum += sample * gain;
            }
        }
        Ok(())
    }

    /// The gain of each channel for each sample from `from` of the clip.
    fn gains(&self, from: i64, count: usize) -> [Vec<f32>; CHANNELS] {
        let mut gains = super::silence(count);
        let edge = |track: &Track<f64>, block: i64| track.at(self.time(block * GAIN_STEP));
        let mut block = i64::MIN;
        let (mut gain, mut pan) = ([0.0; 2], [0.0; 2]);
        let [left, right] = &mut gains;
        for (n, (left, right)) in left.iter_mut().zip(right).enumerate() {
            let at = from + n as i64;
            if at.div_euclid(GAIN_STEP) != block {
                block = at.div_euclid(GAIN_STEP);
                gain = [edge(&self.gain, block), edge(&self.gain, block + 1)];
                pan = [edge(&self.pan, block), edge(&self.pan, block + 1)];
            }
            let share = at.rem_euclid(GAIN_STEP) as f64 / GAIN_STEP as f64;
            let pan = (pan[0] + (pan[1] - pan[0]) * share).clamp(-1.0, 1.0);
            let fades: f64 = self.fades.iter().map(|fade| level(fade, at)).product();
            let all = (gain[0] + (gain[1] - gain[0]) * share) * fades;
            // A balance: the side that is turned towards keeps its level.
            *left = (all * (1.0 - pan).min(1.0)) as f32;
            *right = (all * (1.0 + pan).min(1.0)) as f32;
        }
        gains
    }

    fn time(&self, sample: i64) -> Time {
        Time::new(Rational::new(i128::from(sample), i128::from(self.rate)))
    }
}

/// A fade's level at a sample of the clip.
fn level(fade: &Fade, sample: i64) -> f64 {
    let length = (fade.samples.end - fade.samples.start).max(1) as f64;
    let progress = ((sample - fade.samples.start) as f64 + 0.5) / length;
    let risen = if fade.rising { progress } else { 1.0 - progress }.clamp(0.0, 1.0);
    match fade.shape {
        FadeShape::Linear => risen,
        FadeShape::EqualPower => libm::sin(risen * std::f64::consts::FRAC_PI_2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossing_fades_keep_the_power() {
        let fade = |rising| Fade { samples: 0..100, rising, shape: FadeShape::EqualPower };
        for n in 0..100 {
            let power = level(&fade(true), n).powi(2) + level(&fade(false), n).powi(2);
            assert!((power - 1.0).abs() < 1e-12);
        }
        assert_eq!((level(&fade(true), -5), level(&fade(true), 200)), (0.0, 1.0));
    }
}
