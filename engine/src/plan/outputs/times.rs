//! Which frames and samples of the film an output takes: its `at` and `range`, or what the caller asks for instead, come
//! in; numbers on the output's clock go out, or findings about times that are none of the film's.

use std::ops::Range;

use vfxb_dsl::lower::closest;
use vfxb_dsl::script::Output;
use vfxb_dsl::source::{Span, Spanned};
use vfxb_dsl::value::{Edge, Rational, Time, TimeBase, TimePoint, TimeRange};

use super::Wanted;
use crate::clock::Clock;
use crate::codes;
use crate::media::encode::{FormatSpec, numbered};

/// Most ids that a help names.
const MOST_NAMES: usize = 20;

impl Wanted<'_> {
    /// Which frames of the film it wants.
    pub(super) fn frames(
        &mut self,
        output: &Output,
        format: &FormatSpec,
        clock: &Clock,
    ) -> Option<Range<u64>> {
        let length = self.timeline.film.length;
        let count = clock.ceil(length).max(1);
        let still = format.is_still() && numbered(&output.file.value, 0).is_none();
        if still || output.at.is_some() {
            let frame = self.still(output, clock)?;
            return Some(frame..frame + 1);
        }
        let written = output.range.as_ref().map(|r| (r.value.clone(), r.span));
        let asked = self.request.range.clone().map(|r| (r, output.span));
        let Some((TimeRange { from, to }, span)) = asked.or(written) else { return Some(0..count) };
        let start = from.map_or(Some(Time::ZERO), |from| self.film_time(&from, span, clock.rate))?;
        let end = to.map_or(Some(length), |to| self.film_time(&to, span, clock.rate))?;
        if start.is_negative() || end > length || end <= start {
            let message = format!("{start} to {end} is no part of the film, which is {length} long");
            self.error(codes::OUTPUT_SETTINGS, span, message, "name a part of the film, such as `2s..5s`");
            return None;
        }
        let frame = |time: Time| clock.ceil(time).min(count);
        Some(frame(start)..frame(end).max(frame(start) + 1))
    }

    /// The frame of a still.
    fn still(&mut self, output: &Output, clock: &Clock) -> Option<u64> {
        let length = self.timeline.film.length;
        let Some(Spanned { value: point, span }) = &output.at else { return Some(0) };
        let at = self.film_time(point, *span, clock.rate)?;
        // Where the film ends there is no frame any more; who names that instant by a word means the last.
        let ends = at == length && point.base != TimeBase::Start;
        if at.is_negative() || (at >= length && !ends) {
            let message = format!("`at` is {at}, but the film is {length} long");
            self.error(
                codes::OUTPUT_SETTINGS,
                *span,
                message,
                "name an instant of the film; `end` is its last frame",
            );
            return None;
        }
        Some(clock.at(at).min(clock.ceil(length).max(1) - 1))
    }

    /// A written time on the film's clock; `None` if it is anchored to nothing, which is reported.
    fn film_time(&mut self, point: &TimePoint, span: Span, rate: Rational) -> Option<Time> {
        let length = self.timeline.film.length;
        let base = match &point.base {
            TimeBase::Start => Time::ZERO,
            TimeBase::End => length,
            TimeBase::Share(share) => length.times(*share),
            TimeBase::Anchor { path, edge } => {
                let id = path.join(".");
                let Some((start, end)) = self.timeline.ids.get(&id) else {
                    if self.whole {
                        self.unknown_anchor(&id, span);
                    }
                    return None;
                };
                match if *edge == Edge::Start { *start } else { *end } {
                    Ok(instant) => instant,
                    Err(reason) => {
                        let (message, help) = reason.told(path, *edge);
                        self.error(codes::NO_ONE_TIME, span, message, &help);
                        return None;
                    }
                }
            }
        };
        Some(base + crate::timeline::written_offset(&point.offset, rate))
    }

    fn unknown_anchor(&mut self, id: &str, span: Span) {
        let known = &self.timeline.ids;
        let help = match closest(id, known.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `@{near}`?"),
            None if known.is_empty() => {
                "no item of the film has an `id`; give the one you mean `id:NAME`".into()
            }
            None => {
                let names: Vec<&str> = known.keys().take(MOST_NAMES).map(String::as_str).collect();
                format!("the ids of the film are {}", names.join(", "))
            }
        };
        self.error(codes::UNKNOWN_ANCHOR, span, format!("no item of the film has the id `{id}`"), &help);
    }

    /// The samples of some frames; sound alone ends with the film and not with its last frame.
    pub(super) fn samples(&self, frames: &Range<u64>, clock: &Clock, with_picture: bool) -> Range<i64> {
        let nearest = |time: Time| {
            let exact = time.at_rate(Rational::from_integer(i128::from(self.timeline.sample_rate)));
            i64::try_from(exact.round().to_integer()).unwrap_or(i64::MAX)
        };
        let sample = |frame: u64| nearest(clock.time(frame));
        let end = sample(frames.end);
        let film = nearest(self.timeline.film.length);
        sample(frames.start)..if with_picture { end } else { end.min(film) }
    }
}
