//! Exact times, and times as they are written.

use std::fmt;
use std::ops::{Add, Neg, Sub};

use num_rational::Ratio;
use num_rational::Ratio as NumRatio;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An exact number.
pub type Rational = Ratio<i128>;

/// The grid that a sum falls back to when its exact denominator outgrows 128 bits: 1/705,600,000 s divides every
/// common frame and sample rate.
pub const FLICKS: i128 = 705_600_000;

/// Denominators up to here are kept exact in sums; two of them still multiply without overflow.
const LARGEST_DENOMINATOR: i128 = 1 << 40;

/// An instant or a span of time in seconds, exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(Rational);

impl Time {
    /// 0 s.
    pub const ZERO: Time = Time(NumRatio::new_raw(0, 1));

    /// `seconds`, rounded to 1/705,600,000 s if its denominator is beyond any clock's.
    pub fn new(seconds: Rational) -> Time {
        if *seconds.denom() <= LARGEST_DENOMINATOR {
            return Time(seconds);
        }
        let scaled = Ratio::new(*seconds.numer(), 1).numer().checked_mul(FLICKS).map_or_else(
            || (*seconds.numer() / *seconds.denom()).saturating_mul(FLICKS),
            |n| div_round(n, *seconds.denom()),
        );
        Time(Ratio::new(scaled, FLICKS))
    }

    /// `n / d` seconds. `d` must not be 0.
    pub fn ratio(n: i128, d: i128) -> Time {
        Time::new(Ratio::new(n, d))
    }

    /// Whole seconds.
    pub fn seconds(n: i64) -> Time {
        Time(Ratio::from_integer(i128::from(n)))
    }

    /// The exact number of seconds.
    pub fn rational(self) -> Rational {
        self.0
    }

    /// Seconds as a float: for display and for host mathematics that rounds anyway.
    pub fn to_f64(self) -> f64 {
        *self.0.numer() as f64 / *self.0.denom() as f64
    }

    /// This time, `factor` times.
    #[must_use]
    pub fn times(self, factor: Rational) -> Time {
        match mul(self.0, factor) {
            Some(r) => Time::new(r),
            None => Time(Ratio::new(0, 1)),
        }
    }

    /// How many ticks of `rate` per second this is: exact.
    pub fn at_rate(self, rate: Rational) -> Rational {
        mul(self.0, rate).unwrap_or_else(|| Ratio::from_integer(0))
    }

    /// The smallest whole `k` with `k / rate >= self`: the first frame that exists from here on.
    pub fn frame_ceil(self, rate: Rational) -> i64 {
        clamp_i64(self.at_rate(rate).ceil().to_integer())
    }

    /// Whether it is below 0.
    pub fn is_negative(self) -> bool {
        *self.0.numer() < 0
    }
}

fn div_round(n: i128, d: i128) -> i128 {
    (n + d / 2).div_euclid(d)
}

fn clamp_i64(n: i128) -> i64 {
    n.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

fn mul(a: Rational, b: Rational) -> Option<Rational> {
    // Reduced operands: divide crosswise first, so that the products stay as small as they can be.
    let (an, ad, bn, bd) = (*a.numer(), *a.denom(), *b.numer(), *b.denom());
    let (x, y) = (Ratio::new(an, bd), Ratio::new(bn, ad));
    Some(Ratio::new(x.numer().checked_mul(*y.numer())?, x.denom().checked_mul(*y.denom())?))
}

impl Add for Time {
    type Output = Time;
    fn add(self, other: Time) -> Time {
        Time::new(self.0 + other.0)
    }
}

impl Sub for Time {
    type Output = Time;
    fn sub(self, other: Time) -> Time {
        Time::new(self.0 - other.0)
    }
}

impl Neg for Time {
    type Output = Time;
    fn neg(self) -> Time {
        Time(-self.0)
    }
}

impl fmt::Display for Time {
    /// Seconds with as many digits as are exact, at most nine.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.9}", self.to_f64());
        write!(f, "{}s", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Time, D::Error> {
        let text = String::deserialize(d)?;
        text.parse::<Rational>().map(Time).map_err(serde::de::Error::custom)
    }
}

/// A length of time as written: seconds, or frames of a rate that is known only later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Duration {
    /// `10.5`, `250ms`, `1:02.5`, `01:02:03.25`.
    Seconds(Time),
    /// `12f`: frames of the source's rate in `in` and `out`, of the canvas's elsewhere.
    Frames(i64),
    /// `01:02:03:12`; with `drop` (`01:02:03;12`) the drop-frame count of 29.97 and 59.94.
    Timecode {
        /// Sign of the whole.
        negative: bool,
        /// Hours.
        hours: u32,
        /// Minutes, below 60.
        minutes: u32,
        /// Seconds, below 60.
        seconds: u32,
        /// Frames, below the nominal rate.
        frames: u32,
        /// Drop-frame.
        drop: bool,
    },
}

impl Duration {
    /// No time at all.
    pub const ZERO: Duration = Duration::Seconds(Time::ZERO);
}

/// The start or the end of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Edge {
    /// Where it starts.
    Start,
    /// Where it ends.
    End,
}

/// What a written time is counted from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeBase {
    /// The clock's start.
    Start,
    /// The clock's end: `end`, `end-1s`, and `-2s`.
    End,
    /// A share of the clock's length: `50%`.
    Share(#[serde(with = "ratio_text")] Rational),
    /// `@id.start`, `@group.child.end`.
    Anchor {
        /// Ids from the outermost group inwards.
        path: Vec<String>,
        /// Which edge.
        edge: Edge,
    },
}

/// A time as written: a base and an offset from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimePoint {
    /// What it is counted from.
    pub base: TimeBase,
    /// How far after the base.
    pub offset: Duration,
}

impl TimePoint {
    /// An absolute number of seconds.
    pub fn seconds(time: Time) -> Self {
        TimePoint { base: TimeBase::Start, offset: Duration::Seconds(time) }
    }

    /// The clock's end.
    pub fn end() -> Self {
        TimePoint { base: TimeBase::End, offset: Duration::ZERO }
    }
}

/// Serialises an exact number as `n/d`.
pub mod ratio_text {
    use super::Rational;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes `n/d`, or `n` if whole.
    ///
    /// # Errors
    /// Only the serialiser's own.
    pub fn serialize<S: Serializer>(r: &Rational, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(r)
    }

    /// Reads `n/d` or `n`.
    ///
    /// # Errors
    /// If the text is not of that form.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Rational, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}
