//! Faster and slower: the played samples at another pace, the pitch following or kept.
//!
//! Positions come from the same map as the picture's: constant speeds exactly, ramps from the same table. A pitch that
//! follows is band-limited interpolation; one that is kept is waveform-similarity overlap-add (Verhelst and Roelands,
//! ICASSP 1993): short windows at the wanted pace, each shifted to where it continues the one before best.

use vfxb_dsl::value::time::FLICKS;

use super::played::Played;
use super::{CHANNELS, Samples, read_planes, silence};
use crate::media::MediaError;
use crate::timeline::{Speed, TimeMap};

/// Samples on each side of an interpolated one, at speeds up to 1.
const REACH: f64 = 16.0;
/// Above this speed the interpolation's band limit no longer follows.
const WIDEST: f64 = 8.0;

/// `speed`, `freeze` and `pitch` on what is played.
pub(super) struct Paced {
    played: Played,
    pace: Pace,
    plain: bool,
    keep: Option<Stretch>,
}

impl Paced {
    pub(super) fn new(played: Played, map: &TimeMap, keep_pitch: bool, rate: u32) -> Paced {
        let pace = Pace::new(map, rate);
        let plain = map.holds.is_empty() && pace.speed_is(1.0);
        let keep = (keep_pitch && !pace.speed_is(1.0)).then(|| Stretch::new(rate));
        Paced { played, pace, plain, keep }
    }

    fn follow(&mut self, from: i64, planes: &mut [&mut [f32]]) -> Result<(), MediaError> {
        let count = planes.first().map_or(0, |plane| plane.len());
        let positions: Vec<Option<f64>> = (0..count).map(|n| self.pace.position(from + n as i64)).collect();
        let heard = positions.iter().flatten();
        let Some(first) = heard.clone().copied().reduce(f64::min) else {
            planes.iter_mut().for_each(|p| p.fill(0.0));
            return Ok(());
        };
        let last = heard.copied().fold(first, f64::max);
        let widen = self.pace.steepest(from, count).clamp(1.0, WIDEST);
        let reach = (REACH * widen).ceil();
        let start = first.floor() as i64 - reach as i64;
        let length = (last - first) as usize + 2 * reach as usize + 3;
        let input = read_planes(&mut self.played, start, length)?;
        for (plane, input) in planes.iter_mut().zip(&input) {
            for (sample, position) in plane.iter_mut().zip(&positions) {
                *sample = position.map_or(0.0, |p| interpolate(input, p - start as f64, widen));
            }
        }
        Ok(())
    }
}

impl Samples for Paced {
    fn read(&mut self, from: i64, planes: &mut [&mut [f32]]) -> Result<(), MediaError> {
        if self.plain {
            return self.played.read(from, planes);
        }
        match &mut self.keep {
            Some(stretch) => stretch.read(&mut self.played, &self.pace, from, planes),
            None => self.follow(from, planes),
        }
    }
}

/// A Hann-windowed sinc at a position of `input`, its band `1 / widen` of the full one.
fn interpolate(input: &[f32], position: f64, widen: f64) -> f32 {
    let reach = REACH * widen;
    let first = (position - reach).ceil().max(0.0) as usize;
    let last = ((position + reach).floor().max(0.0) as usize).min(input.len().saturating_sub(1));
    let (mut sum, mut weights) = (0.0, 0.0);
    for (i, sample) in input.iter().enumerate().take(last + 1).skip(first) {
        let distance = i as f64 - position;
        let x = std::f64::consts::PI * distance / widen;
        let sinc = if x.abs() < 1e-9 { 1.0 } else { libm::sin(x) / x };
        let window = 0.5 + 0.5 * libm::cos(std::f64::consts::PI * distance / reach);
        sum += f64::from(*sample) * sinc * window;
        weights += sinc * window;
    }
    if weights.abs() > 1e-9 { (sum / weights) as f32 } else { 0.0 }
}

/// Which played sample sounds at which sample of the clip.
struct Pace {
    speed: PaceSpeed,
    /// Holds in samples of the clip: from, to.
    holds: Vec<(f64, f64)>,
}

enum PaceSpeed {
    Constant(f64),
    /// Played samples passed after each step, and steps a sample.
    Ramp(Vec<f64>, f64),
}

impl Pace {
    fn new(map: &TimeMap, rate: u32) -> Pace {
        let rate = f64::from(rate);
        let speed = match &map.speed {
            Speed::Constant(speed) => PaceSpeed::Constant(*speed.numer() as f64 / *speed.denom() as f64),
            Speed::Ramp(ramp) => {
                let steps = *ramp.steps.numer() as f64 / *ramp.steps.denom() as f64;
                let passed = ramp.passed.iter().map(|p| *p as f64 * rate / FLICKS as f64).collect();
                PaceSpeed::Ramp(passed, steps / rate)
            }
        };
        let holds = map
            .holds
            .iter()
            .map(|(at, length)| (at.to_f64() * rate, (*at + *length).to_f64() * rate))
            .collect();
        Pace { speed, holds }
    }

    fn speed_is(&self, speed: f64) -> bool {
        matches!(self.speed, PaceSpeed::Constant(own) if own == speed)
    }

    /// `None` while the picture is held: a held picture is silent.
    fn position(&self, sample: i64) -> Option<f64> {
        let mut time = sample as f64;
        for (from, to) in &self.holds {
            if time >= *from {
                if time < *to {
                    return None;
                }
                time -= to - from;
            }
        }
        Some(self.passed(time))
    }

    fn passed(&self, time: f64) -> f64 {
        match &self.speed {
            PaceSpeed::Constant(speed) => time * speed,
            PaceSpeed::Ramp(passed, steps) => {
                let at = time * steps;
                let index = (at.max(0.0) as usize).min(passed.len().saturating_sub(2));
                let value = |i: usize| passed.get(i).copied().unwrap_or(0.0);
                value(index) + (value(index + 1) - value(index)) * (at - index as f64)
            }
        }
    }

    /// The highest speed in a run of samples.
    fn steepest(&self, from: i64, count: usize) -> f64 {
        match &self.speed {
            PaceSpeed::Constant(speed) => *speed,
            PaceSpeed::Ramp(..) => {
                let edge = |n: usize| self.passed((from + n as i64) as f64);
                let step = 64;
                (0..count.div_ceil(step))
                    .map(|i| (edge((i + 1) * step) - edge(i * step)) / step as f64)
                    .fold(0.0, f64::max)
            }
        }
    }
}

/// Overlap-add at another pace without another pitch.
struct Stretch {
    /// Samples from one window to the next; a window is two of these.
    hop: usize,
    window: Vec<f32>,
    /// How far a window may be shifted.
    slack: i64,
    /// The window that is next, if reading goes on.
    next: Option<i64>,
    /// Where the window before began, in played samples.
    before: i64,
    /// The second half of the window before, weighted.
    tail: [Vec<f32>; CHANNELS],
    /// Finished samples and the first one's position.
    ready: [Vec<f32>; CHANNELS],
    ready_from: i64,
}

impl Stretch {
    fn new(rate: u32) -> Stretch {
        let hop = (rate as usize / 80).max(16);
        let length = 2 * hop;
        let window = (0..length)
            .map(|n| {
                let x = std::f64::consts::PI * 2.0 * (n as f64 + 0.5) / length as f64;
                (0.5 - 0.5 * libm::cos(x)) as f32
            })
            .collect();
        Stretch {
            hop,
            window,
            slack: (hop / 2) as i64,
            next: None,
            before: 0,
            tail: silence(hop),
            ready: silence(0),
            ready_from: 0,
        }
    }

    fn read(
        &mut self,
        played: &mut Played,
        pace: &Pace,
        from: i64,
        planes: &mut [&mut [f32]],
    ) -> Result<(), MediaError> {
        let count = planes.first().map_or(0, |plane| plane.len());
        let goes_on = self.next.is_some() && (self.ready_from..=self.ready_end()).contains(&from);
        if !goes_on {
            self.begin(from);
        }
        while self.ready_end() < from + count as i64 {
            self.step(played, pace)?;
        }
        let start = usize::try_from(from - self.ready_from).unwrap_or(0);
        for (plane, ready) in planes.iter_mut().zip(&mut self.ready) {
            plane.copy_from_slice(&ready[start..start + count]);
            ready.drain(..start + count);
        }
        self.ready_from = from + count as i64;
        Ok(())
    }

    fn ready_end(&self) -> i64 {
        self.ready_from + self.ready[0].len() as i64
    }

    /// Starts anew one window early, so that `from` lies where two windows overlap.
    fn begin(&mut self, from: i64) {
        let hop = self.hop as i64;
        let first = from.div_euclid(hop) - 1;
        self.next = Some(first);
        self.ready = silence(0);
        self.ready_from = first * hop;
        self.tail = silence(self.hop);
        self.before = i64::MIN;
    }

    fn step(&mut self, played: &mut Played, pace: &Pace) -> Result<(), MediaError> {
        let number = self.next.unwrap_or(0);
        self.next = Some(number + 1);
        let hop = self.hop;
        let middle = (number + 1) * hop as i64;
        let Some(position) = pace.position(middle) else {
            self.push(&silence(2 * hop));
            self.before = i64::MIN;
            return Ok(());
        };
        let nominal = position.round() as i64 - hop as i64;
        let start = if self.before == i64::MIN { nominal } else { self.best(played, nominal)? };
        self.before = start;
        let mut samples = read_planes(played, start, 2 * hop)?;
        for plane in &mut samples {
            for (sample, weight) in plane.iter_mut().zip(&self.window) {
                *sample *= weight;
            }
        }
        self.push(&samples);
        Ok(())
    }

    /// Adds a weighted window: its first half completes the tail, its second half is the new one.
    fn push(&mut self, samples: &[Vec<f32>; CHANNELS]) {
        for ((ready, tail), new) in self.ready.iter_mut().zip(&mut self.tail).zip(samples) {
            ready.extend(tail.iter().zip(new).map(|(a, b)| a + b));
            tail.copy_from_slice(&new[self.hop..]);
        }
    }

    /// The start near `nominal` whose samples resemble most what would have come after the window before.
    fn best(&mut self, played: &mut Played, nominal: i64) -> Result<i64, MediaError> {
        let (hop, slack) = (self.hop, self.slack);
        let wanted = mono(&read_planes(played, self.before + hop as i64, hop)?);
        let around = mono(&read_planes(played, nominal - slack, hop + 2 * slack as usize)?);
        let score = |shift: usize| {
            let (mut product, mut energy) = (0.0f32, 1e-9f32);
            for (a, b) in wanted.iter().zip(&around[shift..]).step_by(2) {
                product += a * b;
                energy += b * b;
            }
            product / energy.sqrt()
        };
        let middle = slack as usize;
        let mut best = (score(middle), middle);
        for shift in 0..=2 * middle {
            let score = score(shift);
            if score > best.0 {
                best = (score, shift);
            }
        }
        Ok(nominal - slack + best.1 as i64)
    }
}

fn mono(planes: &[Vec<f32>; CHANNELS]) -> Vec<f32> {
    planes[0].iter().zip(&planes[1]).map(|(l, r)| l + r).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vfxb_dsl::value::{Rational, Time};

    const RATE: u32 = 48_000;

    /// 440 Hz.
    struct Tone;

    impl Samples for Tone {
        fn read(&mut self, from: i64, planes: &mut [&mut [f32]]) -> Result<(), MediaError> {
            for plane in planes {
                for (n, sample) in plane.iter_mut().enumerate() {
                    let t = (from + n as i64) as f64 / f64::from(RATE);
                    *sample = libm::sin(std::f64::consts::TAU * 440.0 * t) as f32;
                }
            }
            Ok(())
        }
    }

    fn paced(speed: Rational, keep: bool, holds: Vec<(Time, Time)>) -> Vec<f32> {
        let map =
            TimeMap { speed: Speed::Constant(speed), holds, ..TimeMap::plain(Time::ZERO, Time::seconds(60)) };
        let mut paced = Paced::new(Played::new(Box::new(Tone), &map, RATE), &map, keep, RATE);
        let [left, _] = read_planes(&mut paced, 24_000, 48_000).unwrap();
        left
    }

    fn crossings(samples: &[f32]) -> usize {
        samples.windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0).count()
    }

    #[test]
    fn pitch_follows_or_is_kept() {
        let double = Rational::from_integer(2);
        assert!((crossings(&paced(double, false, Vec::new())) as i64 - 880).abs() <= 1);
        let kept = paced(double, true, Vec::new());
        assert!((crossings(&kept) as i64 - 440).abs() <= 4);
        let level = (kept.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / kept.len() as f64).sqrt();
        assert!((level - 0.5f64.sqrt()).abs() < 0.02, "{level}");
        assert!((crossings(&paced(Rational::new(1, 2), true, Vec::new())) as i64 - 440).abs() <= 4);
    }

    #[test]
    fn interpolation_is_clean() {
        let samples = paced(Rational::new(3, 2), false, Vec::new());
        for (n, sample) in samples.iter().enumerate() {
            let want = libm::sin(std::f64::consts::TAU * 440.0 * (24_000 + n) as f64 * 1.5 / f64::from(RATE));
            assert!((f64::from(*sample) - want).abs() < 1e-3, "{n}: {sample} {want}");
        }
    }

    #[test]
    fn a_hold_is_silent_and_then_goes_on_exactly() {
        let hold = (Time::seconds(1), Time::ratio(1, 4));
        let samples = paced(Rational::from_integer(1), true, vec![hold]);
        assert!(samples[24_000..36_000].iter().all(|s| *s == 0.0));
        let after = libm::sin(std::f64::consts::TAU * 440.0 * 1.01) as f32;
        assert!((samples[36_000 + 480] - after).abs() < 1e-6);
    }
}
