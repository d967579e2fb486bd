//! From an item's clock to its source's.

use serde::{Deserialize, Serialize};
use vfxb_dsl::value::{Edge, Rational, Time, time::FLICKS, time::ratio_text};

use crate::animate::Track;
use crate::media::FrameTimes;

/// Which instant of a source an instant of an item shows. Undone in the reverse of the script's order (in/out, reverse,
/// loop, speed, freeze).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimeMap {
    /// First source instant.
    pub start: Time,
    /// First source instant no longer shown.
    pub end: Time,
    /// Backwards.
    pub reverse: bool,
    /// How many times the span is played; `None` for ever.
    pub repeat: Option<u32>,
    /// Source seconds an item second.
    pub speed: Speed,
    /// Instants held: from when on the item's clock (each after the holds before it), and for how long; increasing.
    pub holds: Vec<(Time, Time)>,
}

/// `speed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Speed {
    /// Exact.
    Constant(#[serde(with = "ratio_text")] Rational),
    /// A ramp, as its integral.
    Ramp(Ramp),
}

/// The integral of a keyframed speed, at equal steps: one table for picture and sound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ramp {
    /// Steps a second: the composition's frame rate, twice (frames and their centres).
    #[serde(with = "ratio_text")]
    pub steps: Rational,
    /// Source time passed after so many steps, in 1/705,600,000 s.
    pub passed: Vec<i64>,
}

impl Ramp {
    /// Integrates `speed` over `duration` by Simpson's rule on each half frame, in f64, rounding each running sum once.
    pub fn integrate(speed: &Track<f64>, duration: Time, rate: Rational) -> Ramp {
        let steps = rate * Rational::from_integer(2);
        let count = duration.frame_ceil(steps).clamp(1, 1 << 26);
        let at = |quarters: i64| speed.at(Time::new(Rational::new(i128::from(quarters), 2) / steps));
        let width = *steps.denom() as f64 / *steps.numer() as f64;
        let mut sum = 0.0;
        let mut passed = Vec::with_capacity(count as usize + 1);
        passed.push(0);
        for step in 0..count {
            let (a, b, c) = (at(2 * step), at(2 * step + 1), at(2 * step + 2));
            sum += (a + 4.0 * b + c) * width / 6.0;
            passed.push(libm::round(sum * FLICKS as f64) as i64);
        }
        Ramp { steps, passed }
    }

    /// When so much source time has passed; `None` if that never comes. What [`Ramp::at`] undoes.
    fn when(&self, wanted: Time) -> Option<Time> {
        if wanted <= Time::ZERO {
            return Some(Time::ZERO);
        }
        let passed = |i: usize| Time::ratio(i128::from(self.passed.get(i).copied().unwrap_or(0)), FLICKS);
        let step = (1..self.passed.len()).find(|i| passed(*i) >= wanted)?;
        let (before, after) = (passed(step - 1), passed(step));
        let rest = (wanted - before).rational() / (after - before).rational();
        Some(Time::new((Rational::from_integer(step as i128 - 1) + rest) / self.steps))
    }

    /// Source time passed at `time`: linear between steps, the last step's slope continued.
    pub fn at(&self, time: Time) -> Time {
        let position = time.at_rate(self.steps);
        let last = self.passed.len().saturating_sub(2);
        let index = usize::try_from(position.floor().to_integer()).unwrap_or(0).min(last);
        let value = |i: usize| i128::from(self.passed.get(i).copied().unwrap_or(0));
        let rest = position - Rational::from_integer(index as i128);
        let slope = Rational::from_integer(value(index + 1) - value(index));
        Time::new((Rational::from_integer(value(index)) + slope * rest) / Rational::from_integer(FLICKS))
    }
}

/// An instant, or why there is none.
pub type Lost<T> = Result<T, NoInstant>;

/// Why an instant of a source has no one instant of the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoInstant {
    /// It is played more than once.
    Repeated,
    /// It is not between `in` and `out`.
    Outside,
    /// A speed that changes waits for the item's length.
    Unknown,
}

impl NoInstant {
    /// What is wrong with an anchor to something in a group, and what to do.
    pub(crate) fn told(self, path: &[String], edge: Edge) -> (String, String) {
        let (group, inner) = (path.first().map_or("", String::as_str), path.join("."));
        let edge = if edge == Edge::Start { "start" } else { "end" };
        let (why, help) = match self {
            NoInstant::Repeated => {
                ("it is played more than once", format!("anchor to `@{group}.{edge}`, or leave `loop` out"))
            }
            NoInstant::Outside => (
                "it lies outside of what is played of the group",
                format!("anchor to `@{group}.{edge}`, or give `{group}` another `in` or `out`"),
            ),
            NoInstant::Unknown => (
                "the speed around it waits for the group's length",
                format!("give `{group}` a length in seconds, such as `duration:5s`"),
            ),
        };
        (format!("there is no one time for `@{inner}.{edge}`: {why}"), help)
    }
}

impl TimeMap {
    /// The map that shows a span as it is.
    pub fn plain(start: Time, end: Time) -> TimeMap {
        TimeMap {
            start,
            end,
            reverse: false,
            repeat: Some(1),
            speed: Speed::Constant(Rational::from_integer(1)),
            holds: Vec::new(),
        }
    }

    /// The length of one playing of the span.
    pub fn span(&self) -> Time {
        self.end - self.start
    }

    /// How long the item is, holds included; `None` if it loops for ever or its speed is a ramp (whose length the
    /// script gives).
    pub fn duration(&self) -> Option<Time> {
        let held = self.holds.iter().fold(Time::ZERO, |sum, (_, length)| sum + *length);
        let Speed::Constant(speed) = self.speed else { return None };
        let played = self.span().times(Rational::from_integer(i128::from(self.repeat?)));
        Some(played.times(Rational::from_integer(1) / speed) + held)
    }

    /// When everything has been played, on the item's clock; `None` if that never comes.
    pub fn ends(&self) -> Option<Time> {
        let Speed::Ramp(ramp) = &self.speed else { return self.duration() };
        let played = ramp.when(self.span().times(Rational::from_integer(i128::from(self.repeat?))))?;
        Some(self.holds.iter().filter(|(at, _)| *at < played).fold(played, |end, (_, held)| end + *held))
    }

    /// When an instant of the played span is shown, held pictures before it included.
    pub(super) fn held(&self, played: Time) -> Time {
        self.holds.iter().rev().fold(played, |time, (at, length)| {
            if time >= *at && time > Time::ZERO { time + *length } else { time }
        })
    }

    /// When what a source shows from `start` to `end` is seen on the item's clock.
    ///
    /// # Errors
    /// Where there is no one answer.
    pub(super) fn seen(&self, (start, end): (Lost<Time>, Lost<Time>)) -> (Lost<Time>, Lost<Time>) {
        let at = |instant: Lost<Time>| instant.and_then(|instant| self.item_time(instant));
        // Backwards, what ends last is seen first.
        if self.reverse { (at(end), at(start)) } else { (at(start), at(end)) }
    }

    /// The instant of the item that shows an instant of the source: what [`TimeMap::source_time`] undoes.
    fn item_time(&self, source: Time) -> Lost<Time> {
        if self.repeat != Some(1) {
            return Err(NoInstant::Repeated);
        }
        if source < self.start || source > self.end {
            return Err(NoInstant::Outside);
        }
        let passed = if self.reverse { self.end - source } else { source - self.start };
        let played = match &self.speed {
            Speed::Constant(speed) => passed.times(Rational::from_integer(1) / speed),
            Speed::Ramp(ramp) => ramp.when(passed).ok_or(NoInstant::Outside)?,
        };
        Ok(self.held(played))
    }

    /// The picture of a source that an instant of the item shows: never one that lies outside the span. `None` if the
    /// span is empty.
    pub fn picture(&self, times: &FrameTimes, item: Time) -> Option<u64> {
        Some(self.within(times, times.index_before(self.source_time(item)?)))
    }

    /// The picture of the span that is nearest to one of the source.
    pub fn within(&self, times: &FrameTimes, picture: u64) -> u64 {
        let first = times.index_at(self.start);
        picture.clamp(first, times.index_before(self.end).max(first))
    }

    /// The source instant at an instant of the item, by the frame rule's convention that a span is open at its start
    /// and closed at its end: `L` of a loop shows the end of the first playing. After everything was played it is the
    /// last instant: a frame that begins before that and ends after it shows the last picture. `None` if the span is
    /// empty.
    pub fn source_time(&self, item: Time) -> Option<Time> {
        let mut time = item;
        for (at, length) in &self.holds {
            if time > *at {
                time = if time > *at + *length { time - *length } else { *at };
            }
        }
        let passed = match &self.speed {
            Speed::Constant(speed) => time.times(*speed),
            Speed::Ramp(ramp) => ramp.at(time),
        };
        let span = self.span();
        if span <= Time::ZERO {
            return None;
        }
        let played = (passed.rational() / span.rational()).ceil().to_integer() - 1;
        let last = self.repeat.map_or(i128::MAX, |times| i128::from(times) - 1);
        let played = played.min(last).max(0);
        let within = (passed - span.times(Rational::from_integer(played))).min(span);
        Some(self.start + if self.reverse { span - within } else { within })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::animate::Key;
    use vfxb_dsl::value::Easing;

    fn t(n: i128, d: i128) -> Time {
        Time::ratio(n, d)
    }

    #[test]
    fn order_is_span_reverse_loop_speed_freeze() {
        let map = TimeMap {
            start: t(2, 1),
            end: t(4, 1),
            reverse: true,
            repeat: Some(2),
            speed: Speed::Constant(Rational::from_integer(2)),
            holds: vec![(t(1, 2), t(1, 1))],
        };
        assert_eq!(map.duration(), Some(t(3, 1)));
        assert_eq!(map.source_time(t(1, 4)), Some(t(7, 2)));
        assert_eq!(map.source_time(t(1, 1)), Some(t(3, 1)), "held");
        assert_eq!(map.source_time(t(7, 4)), Some(t(5, 2)));
        assert_eq!(map.source_time(t(9, 4)), Some(t(7, 2)), "second playing");
        assert_eq!(map.source_time(t(4, 1)), Some(t(2, 1)), "all played");
    }

    #[test]
    fn no_picture_outside_of_the_span_is_shown() {
        let times = FrameTimes::Constant { rate: Rational::from_integer(25), count: 60 };
        // 4½ frames: the last one's middle is the span's edge.
        let span = TimeMap::plain(t(2, 5), t(29, 50));
        let back = TimeMap { reverse: true, ..span.clone() };
        let shown = |map: &TimeMap| -> Vec<u64> {
            (0..6).filter_map(|n| map.picture(&times, t(2 * n + 1, 50))).collect()
        };
        assert_eq!(shown(&span), [10, 11, 12, 13, 14, 14]);
        assert_eq!(shown(&back), [13, 12, 11, 10, 10, 10]);
        assert_eq!(TimeMap::plain(t(1, 1), t(1, 1)).picture(&times, t(1, 1)), None);
    }

    #[test]
    fn a_ramp_ends_when_its_span_has_passed() {
        let key = |at, value| Key { at, value, easing: Easing::Linear };
        let speed = Track::Keys(vec![key(t(0, 1), 1.0), key(t(2, 1), 3.0)]);
        let ramp = Ramp::integrate(&speed, t(4, 1), Rational::from_integer(25));
        let map = TimeMap { speed: Speed::Ramp(ramp), ..TimeMap::plain(t(0, 1), t(4, 1)) };
        assert!((map.ends().unwrap().to_f64() - 2.0).abs() < 1e-6);
        let held = TimeMap { holds: vec![(t(1, 1), t(1, 2)), (t(3, 1), t(1, 1))], ..map };
        assert!((held.ends().unwrap().to_f64() - 2.5).abs() < 1e-6);
    }

    #[test]
    fn a_linear_ramp_integrates_to_the_parabola() {
        let key = |at, value| Key { at, value, easing: Easing::Linear };
        let speed = Track::Keys(vec![key(t(0, 1), 1.0), key(t(4, 1), 3.0)]);
        let ramp = Ramp::integrate(&speed, t(4, 1), Rational::from_integer(25));
        for (item, source) in [(0, 0.0), (1, 1.25), (2, 3.0), (4, 8.0)] {
            assert!((ramp.at(t(item, 1)).to_f64() - source).abs() < 1e-8);
        }
    }
}
