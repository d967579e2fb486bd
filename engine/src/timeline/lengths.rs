//! Units resolved: written lengths to [`Extent`]s, written keyframes to [`Track`]s.

use crate::codes;
use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_dsl::script::TimeMap;
use vfxb_dsl::source::Spanned;
use vfxb_dsl::value::{Animated, Duration, Length, LengthUnit, Point, Rational, Time, TimeBase, TimePoint};

use super::map::{Ramp, Speed};
use crate::animate::{Extent, Key, Track};

/// The clock that keyframes of an item are put on.
#[derive(Debug, Clone, Copy)]
pub(super) struct ItemClock {
    /// How long the item lasts.
    pub(super) duration: Time,
    /// Frames a second.
    pub(super) rate: Rational,
}

impl ItemClock {
    /// A written time on this clock. Anchors have no meaning here: lowering refuses them where an item's clock counts.
    pub(super) fn time(&self, point: &TimePoint) -> Time {
        let base = match &point.base {
            TimeBase::Start | TimeBase::Anchor { .. } => Time::ZERO,
            TimeBase::End => self.duration,
            TimeBase::Share(share) => self.duration.times(*share),
        };
        base + offset(&point.offset, self.rate)
    }

    /// Keyframes with their times resolved; those that do not increase are reported.
    pub(super) fn track<T: Clone, U>(
        &self,
        value: &Animated<T>,
        findings: &mut Vec<Diagnostic>,
        mut convert: impl FnMut(&T) -> U,
    ) -> Track<U> {
        let keys = match value {
            Animated::Constant(value) => return Track::Constant(convert(value)),
            Animated::Keyframes(keys) => keys,
        };
        let mut track: Vec<Key<U>> = Vec::with_capacity(keys.len());
        for (i, key) in keys.iter().enumerate() {
            let at = self.time(&key.at);
            if let Some(before) = track.last().filter(|before| at <= before.at) {
                let message = format!("keyframes must go forward in time: {at} comes after {}", before.at);
                let earlier = keys.get(i.wrapping_sub(1)).map_or(key.span, |k| k.span);
                findings.push(
                    Diagnostic::error(codes::KEYFRAMES_NOT_INCREASING, key.span, message)
                        .label(format!("{at} of this item's {}", self.duration))
                        .also(earlier, format!("{}", before.at))
                        .help("`end` and negative times count from the item's end; give later times or a longer item"),
                );
                continue;
            }
            track.push(Key { at, value: convert(&key.value), easing: key.easing });
        }
        Track::Keys(track)
    }
}

/// Puts into a map what needs the item's length: a ramp's integral, and what is held.
pub(super) fn finish(
    map: &mut super::TimeMap,
    written: &TimeMap,
    clock: &ItemClock,
    findings: &mut Vec<Diagnostic>,
) {
    if let Animated::Keyframes(_) = &written.speed.value {
        let track = clock.track(&written.speed.value, findings, |v| *v);
        map.speed = Speed::Ramp(Ramp::integrate(&track, clock.duration, clock.rate));
    }
    if map.holds.is_empty() {
        let held = freeze_length(written, clock.rate);
        map.holds = holds(written, clock.duration - held, clock.rate);
    }
}

/// What `freeze` holds, for how long, in order; `played` is how long the item lasts without.
pub(super) fn holds(map: &TimeMap, played: Time, rate: Rational) -> Vec<(Time, Time)> {
    let clock = ItemClock { duration: played, rate };
    let hold = |(at, length): &(Spanned<TimePoint>, Spanned<TimePoint>)| {
        (clock.time(&at.value), offset(&length.value.offset, rate))
    };
    let mut holds: Vec<(Time, Time)> = map.freeze.iter().map(hold).collect();
    holds.sort();
    holds
}

/// How long `freeze` holds in all.
pub(super) fn freeze_length(map: &TimeMap, rate: Rational) -> Time {
    map.freeze.iter().fold(Time::ZERO, |sum, (_, length)| sum + offset(&length.value.offset, rate))
}

/// A written offset at a frame rate.
pub(crate) fn offset(duration: &Duration, rate: Rational) -> Time {
    match *duration {
        Duration::Seconds(time) => time,
        Duration::Frames(frames) => Time::new(Rational::from_integer(i128::from(frames)) / rate),
        Duration::Timecode { negative, hours, minutes, seconds, frames, drop } => {
            let count = timecode_frames([hours, minutes, seconds, frames], rate, drop);
            Time::new(Rational::from_integer(if negative { -count } else { count }) / rate)
        }
    }
}

/// Frames counted by a time code (SMPTE ST 12-1): at 29.97 and 59.94 drop-frame skips 2 or 4 numbers a minute, but for
/// every tenth.
fn timecode_frames([hours, minutes, seconds, frames]: [u32; 4], rate: Rational, drop: bool) -> i128 {
    let nominal = rate.ceil().to_integer();
    let total_minutes = i128::from(hours) * 60 + i128::from(minutes);
    let all = (total_minutes * 60 + i128::from(seconds)) * nominal + i128::from(frames);
    if drop { all - nominal / 15 * (total_minutes - total_minutes / 10) } else { all }
}

/// A written length, `%` of the reference left open.
pub(super) fn extent(length: &Length, canvas: (u32, u32)) -> Extent {
    match length.unit {
        LengthUnit::Percent => Extent { pixels: 0.0, share: length.value / 100.0 },
        _ => Extent { pixels: length.pixels(0.0, canvas), share: 0.0 },
    }
}

/// A written point, `%` left open.
pub(super) fn extents(point: &Point, canvas: (u32, u32)) -> [Extent; 2] {
    [extent(&point.x, canvas), extent(&point.y, canvas)]
}

/// A written length whose `%` refers to `reference`, in pixels.
pub(super) fn pixels(length: &Length, reference: f64, canvas: (u32, u32)) -> f64 {
    length.pixels(reference, canvas)
}
