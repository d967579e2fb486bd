//! A true-peak limiter: what is below full scale passes bit by bit; what is above is turned down smoothly before it
//! comes, also where the peak lies between two samples (ITU-R BS.1770-5, annex 2).

use std::collections::VecDeque;

use super::CHANNELS;

/// Seconds looked ahead.
const AHEAD: f64 = 0.005;
/// Seconds until the gain has come back most of the way.
const RELEASE: f64 = 0.08;
/// Largest amplitude that comes out.
const CEILING: f32 = 1.0;
/// Points between two samples at which peaks are looked for, the sample itself included.
const PHASES: usize = 4;
/// Samples on each side that a point between is interpolated from.
const TAPS: usize = 6;

/// Takes samples in and gives them back `delay` later, limited.
pub(super) struct Limiter {
    filters: Vec<[f32; 2 * TAPS]>,
    ahead: usize,
    release: f32,
    /// Samples not given back yet, and those before that filters still look at.
    waiting: VecDeque<[f32; CHANNELS]>,
    /// Gains that samples ask for, rising towards the back: the running minimum of the window.
    lowest: VecDeque<(u64, f32)>,
    /// The smoothed minimum's window and its sum.
    window: VecDeque<f32>,
    sum: f64,
    held: f32,
    taken: u64,
}

impl Limiter {
    pub(super) fn new(rate: u32) -> Limiter {
        let ahead = ((f64::from(rate) * AHEAD) as usize).max(1);
        Limiter {
            filters: filters(),
            ahead,
            release: (1.0 - libm::exp(-1.0 / (f64::from(rate) * RELEASE))) as f32,
            waiting: VecDeque::from(vec![[0.0; CHANNELS]; 2 * TAPS + ahead]),
            lowest: VecDeque::new(),
            window: VecDeque::from(vec![1.0; ahead]),
            sum: ahead as f64,
            held: 1.0,
            taken: 0,
        }
    }

    /// Samples between one going in and the same coming out.
    pub(super) fn delay(&self) -> usize {
        TAPS + self.ahead - 1
    }

    /// One sample in, the one of [`Limiter::delay`] before out.
    pub(super) fn push(&mut self, sample: [f32; CHANNELS]) -> [f32; CHANNELS] {
        self.waiting.push_back(sample);
        let wanted = CEILING / self.peak().max(CEILING);
        let gain = self.smooth(wanted);
        self.waiting.pop_front();
        let out = self.waiting.get(TAPS).copied().unwrap_or_default();
        if gain >= 1.0 { out } else { out.map(|s| s * gain) }
    }

    /// The true peak around the sample that has `TAPS` samples after it.
    fn peak(&self) -> f32 {
        let end = self.waiting.len();
        let mut peak = 0.0f32;
        for channel in 0..CHANNELS {
            let mut around = [0.0f32; 2 * TAPS];
            for (value, frame) in around.iter_mut().zip(self.waiting.range(end - 2 * TAPS..)) {
                *value = frame[channel];
            }
            peak = peak.max(around[TAPS - 1].abs());
            let loud = around.iter().any(|v| v.abs() > 0.5);
            for filter in self.filters.iter().filter(|_| loud) {
                let between: f32 = filter.iter().zip(&around).map(|(w, v)| w * v).sum();
                peak = peak.max(between.abs());
            }
        }
        peak
    }

    /// The gain for the sample that now comes out: the lowest that any sample within reach asks for, approached in a
    /// straight line and left slowly.
    fn smooth(&mut self, wanted: f32) -> f32 {
        while self.lowest.back().is_some_and(|(_, gain)| *gain >= wanted) {
            self.lowest.pop_back();
        }
        self.lowest.push_back((self.taken, wanted));
        while self.lowest.front().is_some_and(|(at, _)| at + (self.ahead as u64) < self.taken) {
            self.lowest.pop_front();
        }
        self.taken += 1;
        let lowest = self.lowest.front().map_or(1.0, |(_, gain)| *gain);
        self.held = lowest.min(self.held + (1.0 - self.held) * self.release);
        if self.held > 1.0 - 1e-6 {
            self.held = lowest;
        }
        self.window.push_back(self.held);
        self.sum += f64::from(self.held);
        if let Some(old) = self.window.pop_front() {
            self.sum -= f64::from(old);
        }
        if self.window.iter().all(|gain| *gain >= 1.0) {
            self.sum = self.ahead as f64;
            return 1.0;
        }
        (self.sum / self.ahead as f64) as f32
    }
}

/// Windowed-sinc filters for the points between two samples.
fn filters() -> Vec<[f32; 2 * TAPS]> {
    (1..PHASES)
        .map(|phase| {
            let at = phase as f64 / PHASES as f64;
            let weights: [f64; 2 * TAPS] = std::array::from_fn(|i| {
                let x = i as f64 - (TAPS as f64 - 1.0) - at;
                let sinc = libm::sin(std::f64::consts::PI * x) / (std::f64::consts::PI * x);
                sinc * (0.5 + 0.5 * libm::cos(std::f64::consts::PI * x / TAPS as f64))
            });
            let sum: f64 = weights.iter().sum();
            weights.map(|w| (w / sum) as f32)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(input: &[f32]) -> Vec<f32> {
        let mut limiter = Limiter::new(48_000);
        let delay = limiter.delay();
        let padded = input.iter().copied().chain(std::iter::repeat_n(0.0, delay));
        padded.map(|s| limiter.push([s, s])[0]).skip(delay).collect()
    }

    #[test]
    fn what_is_below_full_scale_passes_unchanged() {
        // It dies away: where a wave is cut off, its true peak is above its samples.
        let wave = |n: f64| 0.9 * libm::sin(n * 0.1) * libm::cos(n * std::f64::consts::FRAC_PI_2 / 9600.0);
        let quiet: Vec<f32> = (0..9600).map(|n| wave(f64::from(n)) as f32).collect();
        let out = run(&quiet);
        let off = out.iter().zip(&quiet).position(|(a, b)| a != b);
        assert_eq!(off.map(|n| (n, out[n], quiet[n])), None);
    }

    #[test]
    fn nothing_leaves_above_full_scale() {
        let tone = |n: i32| 3.0 * libm::sin(f64::from(n) * 0.37) as f32;
        let loud: Vec<f32> =
            (0..48_000).map(|n| if (20_000..20_400).contains(&n) { tone(n) } else { 0.2 }).collect();
        let out = run(&loud);
        let peak = out.iter().fold(0.0f32, |m, s| m.max(s.abs()));
        assert!((0.8..=1.0).contains(&peak), "{peak}");
        assert!(out[..19_000] == loud[..19_000]);
        assert!((out[47_000] - 0.2).abs() < 1e-3);
    }

    #[test]
    fn a_peak_between_samples_is_seen() {
        // A quarter-rate tone sampled 45° off its peaks: samples at 0.9, the wave at 1.27.
        // It swells and dies away, for an edge would be a peak of its own.
        let tone = |n: i32| libm::sin(std::f64::consts::FRAC_PI_2 * (f64::from(n) + 0.5));
        let swell = |n: i32| libm::sin(std::f64::consts::PI * f64::from(n) / 9600.0);
        let between: Vec<f32> = (0..9600).map(|n| (1.2728 * swell(n) * tone(n)) as f32).collect();
        let mut meter = ebur128::EbuR128::new(1, 48_000, ebur128::Mode::TRUE_PEAK).unwrap();
        meter.add_frames_f32(&run(&between)).unwrap();
        let peak = meter.true_peak(0).unwrap();
        assert!((0.97..1.01).contains(&peak), "{peak}");
    }
}
