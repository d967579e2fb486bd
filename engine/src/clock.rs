//! The clock of a film: when each of its frames begins.
//!
//! A rate comes in, or the times at which the one source that a film is made of shows its pictures; instants of frames
//! and frames of instants go out, exact. It knows no layers and no media.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vfxb_dsl::value::{Rational, Time, time::ratio_text};

/// Ticks a second where no common tick is coarse enough to be written: fine enough for any eye, and a frame may last an
/// hour before a container's 32 bits run out.
const FALLBACK: i128 = 1_000_000;
/// Finest tick that is written as it is, in ticks a second.
const FINEST: i128 = 10_000_000;

/// When frames begin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    /// Frames a second; on average where they have times of their own.
    #[serde(with = "ratio_text")]
    pub rate: Rational,
    /// The frames' own times; else frame `n` begins at `n / rate`.
    pub own: Option<OwnTimes>,
}

/// Frames that begin when those of a source do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OwnTimes {
    /// Seconds a tick.
    #[serde(with = "ratio_text")]
    tick: Rational,
    /// When each frame begins, in ticks: strictly increasing from 0, at least one.
    ticks: Arc<[i64]>,
    /// When the last ends.
    end: i64,
}

impl OwnTimes {
    /// Frames that begin at `starts` (increasing, the first at 0), the last of which ends at `end`. Exact if a tick can be
    /// written that all are multiples of, else rounded once to 1/1,000,000 s. `None` if there is no frame, or no time for one.
    pub fn new(starts: &[Time], end: Time) -> Option<OwnTimes> {
        let all = || starts.iter().chain([&end]).map(|time| time.rational());
        let shared = all().try_fold(1i128, |shared, time| {
            let next = shared / gcd(shared, *time.denom());
            next.checked_mul(*time.denom()).filter(|ticks| *ticks <= FINEST)
        });
        let per_second = shared.unwrap_or(FALLBACK);
        let count = |time: Rational| {
            i64::try_from((time * Rational::from_integer(per_second)).round().to_integer()).ok()
        };
        let mut ticks: Vec<i64> = Vec::with_capacity(starts.len());
        for time in starts {
            let next = count(time.rational())?;
            ticks.push(ticks.last().map_or(0, |last: &i64| next.max(last + 1)));
        }
        let end = count(end.rational())?.max(ticks.last()? + 1);
        let common = ticks.iter().fold(i128::from(end), |common, t| gcd(common, i128::from(*t)));
        let tick = Rational::new(common, per_second);
        // A tick is written as a fraction of 32 bits.
        let (tick, common) = match i32::try_from(*tick.numer()) {
            Ok(_) => (tick, common),
            Err(_) => (Rational::new(1, per_second), 1),
        };
        let common = i64::try_from(common).ok()?;
        Some(OwnTimes { tick, ticks: ticks.iter().map(|t| t / common).collect(), end: end / common })
    }

    /// How many frames.
    pub fn count(&self) -> u64 {
        self.ticks.len() as u64
    }

    /// Seconds a tick; its numerator and denominator fit 32 bits.
    pub fn tick(&self) -> Rational {
        self.tick
    }

    /// When a frame begins, in ticks; after the last, when that ends.
    pub fn start(&self, frame: u64) -> i64 {
        usize::try_from(frame).ok().and_then(|i| self.ticks.get(i)).copied().unwrap_or(self.end)
    }

    /// The frame that begins at a tick, or the last before it.
    pub fn at(&self, tick: i64) -> u64 {
        self.ticks.partition_point(|start| *start <= tick).saturating_sub(1) as u64
    }

    /// The longest frame, in ticks.
    pub fn longest(&self) -> i64 {
        (0..self.count()).map(|n| self.start(n + 1) - self.start(n)).max().unwrap_or(1)
    }

    /// Some of the frames, as a clock that begins with the first of them.
    pub fn part(&self, frames: &Range<u64>) -> Option<OwnTimes> {
        let (first, last) = (frames.start.min(self.count()), frames.end.min(self.count()));
        let zero = self.start(first);
        let ticks: Arc<[i64]> = (first..last).map(|n| self.start(n) - zero).collect();
        (!ticks.is_empty()).then(|| OwnTimes { tick: self.tick, ticks, end: self.start(last) - zero })
    }

    fn time(&self, ticks: i64) -> Time {
        Time::new(Rational::from_integer(i128::from(ticks)) * self.tick)
    }
}

impl Clock {
    /// Frame `n` at `n / rate`.
    pub fn constant(rate: Rational) -> Clock {
        Clock { rate, own: None }
    }

    /// When a frame begins.
    pub fn time(&self, frame: u64) -> Time {
        match &self.own {
            Some(own) => own.time(own.start(frame)),
            None => Time::new(Rational::from_integer(i128::from(frame)) / self.rate),
        }
    }

    /// The middle of a frame.
    pub fn centre(&self, frame: u64) -> Time {
        match &self.own {
            Some(_) => (self.time(frame) + self.time(frame + 1)).times(Rational::new(1, 2)),
            None => Time::new(Rational::new(i128::from(frame) * 2 + 1, 2) / self.rate),
        }
    }

    /// The first frame that begins at `time` or after it; how many there are if none does.
    pub fn ceil(&self, time: Time) -> u64 {
        match &self.own {
            Some(own) => own.ticks.partition_point(|start| own.time(*start) < time) as u64,
            None => time.frame_ceil(self.rate).max(0) as u64,
        }
    }

    /// The frame that is shown at `time`.
    pub fn at(&self, time: Time) -> u64 {
        match &self.own {
            Some(own) => own.ticks.partition_point(|start| own.time(*start) <= time).saturating_sub(1) as u64,
            None => u64::try_from(time.at_rate(self.rate).floor().to_integer()).unwrap_or(0),
        }
    }
}

/// Greatest common divisor; that of 0 and a number is the number.
fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(n: i128, d: i128) -> Time {
        Time::ratio(n, d)
    }

    #[test]
    fn own_times_are_exact_multiples_of_one_tick() {
        let own = OwnTimes::new(&[t(0, 1), t(1, 10), t(1, 4), t(2, 1)], t(7, 3)).unwrap();
        assert_eq!((own.tick(), own.count(), own.longest()), (Rational::new(1, 60), 4, 105));
        let clock = Clock { rate: Rational::from_integer(2), own: Some(own) };
        let starts: Vec<Time> = (0..6).map(|n| clock.time(n)).collect();
        assert_eq!(starts, [t(0, 1), t(1, 10), t(1, 4), t(2, 1), t(7, 3), t(7, 3)]);
        assert_eq!(clock.centre(2), t(9, 8));
        let ceils: Vec<u64> =
            [t(0, 1), t(1, 100), t(1, 4), t(2, 1), t(201, 100)].map(|x| clock.ceil(x)).into();
        assert_eq!(ceils, [0, 1, 2, 3, 4]);
        let shown: Vec<u64> = [t(0, 1), t(1, 100), t(1, 4), t(3, 2), t(9, 1)].map(|x| clock.at(x)).into();
        assert_eq!(shown, [0, 0, 2, 2, 3]);
        let part = clock.own.and_then(|own| own.part(&(1..3))).unwrap();
        assert_eq!((part.start(0), part.start(1), part.start(2), part.count()), (0, 9, 114, 2));
    }

    #[test]
    fn times_without_a_common_tick_are_rounded_once_and_still_increase() {
        let own = OwnTimes::new(&[t(0, 1), t(1, 99_999_989), t(1, 3)], t(1, 2)).unwrap();
        assert_eq!(
            (own.tick(), own.start(1), own.start(2), own.start(3)),
            (Rational::new(1, 1_000_000), 1, 333_333, 500_000)
        );
        assert_eq!(OwnTimes::new(&[], t(1, 1)), None);
    }

    #[test]
    fn a_constant_rate_counts() {
        let clock = Clock::constant(Rational::new(30_000, 1001));
        assert_eq!((clock.time(30), clock.centre(0)), (t(1001, 1000), t(1001, 60_000)));
        assert_eq!((clock.ceil(t(1, 1)), clock.at(t(1, 1)), clock.at(t(-1, 1))), (30, 29, 0));
    }
}
