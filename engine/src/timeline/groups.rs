//! A film in the film: resolved on its own clock, before its parent's times are known where something in it says how long
//! it is, and after them where only its parent does.

use std::collections::HashMap;

use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_dsl::script::{Item, ItemKind, Repeat, TimeMap};
use vfxb_dsl::value::{Animated, Colour, Rational, Time, TimeBase, TimePoint};

use super::Composition;
use super::build::{Builder, Canvas, Composed, Named, Parts, Prepared, STILL_SECONDS};
use super::layers::Placed;
use super::lengths::{ItemClock, finish, freeze_length, offset};
use super::map::{NoInstant, Ramp};
use super::resolve::Natural;
use crate::codes;

/// A group's own part of an item.
struct Group<'a> {
    size: Option<(u32, u32)>,
    parts: Parts<'a>,
    map: &'a TimeMap,
}

impl<'a> Group<'a> {
    fn of(item: &'a Item) -> Option<Group<'a>> {
        let ItemKind::Group { size, timeline, overlays, audio, map } = &item.kind else { return None };
        let parts = Parts { timeline: timeline.as_ref(), overlays, audio };
        Some(Group { size: *size, parts, map })
    }

    fn canvas(&self, parent: Canvas) -> Canvas {
        Canvas {
            size: self.size.unwrap_or(parent.size),
            background: Colour::TRANSPARENT,
            asked: None,
            ..parent
        }
    }
}

impl Builder<'_> {
    /// Phase one of a group: what it shows, how long that is, and the times of its ids where they are known by now.
    pub(super) fn group_node(
        &mut self,
        item: &Item,
        in_sequence: bool,
        canvas: Canvas,
        depth: usize,
    ) -> (Natural, Prepared, Option<Named>) {
        let unknown =
            if in_sequence { Natural::Known(Time::seconds(STILL_SECONDS)) } else { Natural::ToTheEnd };
        let broken = (unknown, Prepared::Broken, Some(HashMap::new()));
        let Some(group) = Group::of(item) else { return broken };
        let given = self.written_length(item).and_then(|length| self.inner_length(group.map, length));
        let (findings, row) = (self.findings.len(), self.rows.len());
        match self.composition(group.parts, group.canvas(canvas), depth + 1, given) {
            Composed::Whole(composition, sound, named) => {
                let (natural, map) = self.map(group.map, composition.length, self.counting, in_sequence);
                let rows = self.rows.split_off(row);
                let length = self.length_by_now(item, natural);
                let named = self.seen_from_outside(group.map, &map, length, named);
                if !self.agrees(item, group.map, &map, natural) {
                    return (natural, Prepared::Broken, Some(named));
                }
                (natural, Prepared::Group { composition, sound, map, rows }, Some(named))
            }
            Composed::Lengthless if !in_sequence || item.timing.duration.is_some() => {
                // It is resolved once more when its parent has said how long it is; what is found, is found again then.
                self.findings.truncate(findings);
                self.rows.truncate(row);
                (Natural::ToTheEnd, Prepared::Waiting, None)
            }
            Composed::Lengthless => {
                self.lengthless(item);
                broken
            }
            Composed::Broken => {
                self.rows.truncate(row);
                broken
            }
        }
    }

    /// Phase two of a group that waited for its parent's times: its content gets the length that the group has. With it
    /// come the times of its ids.
    pub(super) fn waited(
        &mut self,
        placed: &Placed<'_>,
        parent: &Composition,
        depth: usize,
    ) -> (Prepared, Named) {
        let broken = (Prepared::Broken, HashMap::new());
        let Some(group) = Group::of(placed.item) else { return broken };
        let size = (parent.width, parent.height);
        let canvas = group.canvas(Canvas {
            size,
            rate: parent.clock.rate,
            background: Colour::TRANSPARENT,
            asked: None,
        });
        let given = self.inner_length(group.map, placed.clock.duration);
        let row = self.rows.len();
        match self.composition(group.parts, canvas, depth + 1, given) {
            Composed::Whole(composition, sound, named) => {
                let (_, map) = self.map(group.map, composition.length, self.counting, placed.in_sequence);
                let rows = self.rows.split_off(row);
                let named = self.seen_from_outside(group.map, &map, Some(placed.clock.duration), named);
                (Prepared::Group { composition, sound, map, rows }, named)
            }
            Composed::Lengthless => {
                self.lengthless(placed.item);
                broken
            }
            Composed::Broken => broken,
        }
    }

    /// The times of a group's ids on its parent's clock, from the group's own start; a ramp has some once the group's
    /// length is known.
    fn seen_from_outside(
        &self,
        written: &TimeMap,
        map: &super::TimeMap,
        length: Option<Time>,
        named: Named,
    ) -> Named {
        if named.is_empty() {
            return named;
        }
        let ramped = match (&written.speed.value, length) {
            (Animated::Constant(_), _) => Some(map.clone()),
            (Animated::Keyframes(_), Some(length)) => {
                let clock = ItemClock { duration: length, rate: self.counting };
                let mut ramped = map.clone();
                // Whatever is wrong with the keyframes is said where they are put on the item.
                finish(&mut ramped, written, &clock, &mut Vec::new());
                Some(ramped)
            }
            (Animated::Keyframes(_), None) => None,
        };
        let seen = |times| match &ramped {
            Some(map) => map.seen(times),
            None => (Err(NoInstant::Unknown), Err(NoInstant::Unknown)),
        };
        named.into_iter().map(|(path, times)| (path, seen(times))).collect()
    }

    /// How long an item lasts, if that is known before any other time is.
    fn length_by_now(&self, item: &Item, natural: Natural) -> Option<Time> {
        let natural = match natural {
            Natural::Known(length) if item.timing.duration.is_none() && item.timing.until.is_none() => {
                Some(length)
            }
            _ => None,
        };
        self.written_length(item).or(natural)
    }

    fn lengthless(&mut self, item: &Item) {
        self.findings.push(
            Diagnostic::error(codes::EMPTY_FILM, item.span, "nothing here says how long this group is")
                .help("give it a `duration`, or an item of its own that has one, such as `duration:5s`"),
        );
    }

    /// How long an item is by what is written at it alone, without asking for any other time.
    pub(super) fn written_length(&self, item: &Item) -> Option<Time> {
        let fixed =
            |point: &TimePoint| (point.base == TimeBase::Start).then(|| offset(&point.offset, self.counting));
        let timing = &item.timing;
        let lasting = timing.duration.as_ref().and_then(|d| fixed(&d.value));
        let start = timing.at.as_ref().map_or(Some(Time::ZERO), |at| fixed(&at.value));
        let until = timing.until.as_ref().and_then(|end| fixed(&end.value));
        lasting.or_else(|| Some(until? - start?)).filter(|length| *length > Time::ZERO)
    }

    /// How much of itself a group shows in a time: what its content lasts if nothing in it says so. `None` if `loop` or
    /// an `in` or `out` that counts from its end makes that depend on itself.
    fn inner_length(&self, map: &TimeMap, length: Time) -> Option<Time> {
        let rate = self.counting;
        let fixed = |point: &TimePoint| (point.base == TimeBase::Start).then(|| offset(&point.offset, rate));
        if let Some(end) = &map.end {
            return fixed(&end.value).filter(|end| *end > Time::ZERO);
        }
        let Repeat::Times(times) = map.repeat else { return None };
        let start = map.start.as_ref().map_or(Some(Time::ZERO), |start| fixed(&start.value))?;
        let played = length - freeze_length(map, rate);
        let passed = match &map.speed.value {
            Animated::Constant(_) => played.times(map.exact_speed),
            Animated::Keyframes(_) => {
                // Whatever is wrong with the keyframes is said where they are put on the item.
                let clock = ItemClock { duration: length, rate };
                let track = clock.track(&map.speed.value, &mut Vec::new(), |v| *v);
                Ramp::integrate(&track, length, rate).at(played)
            }
        };
        let once = passed.times(Rational::new(1, i128::from(times.max(1))));
        Some(start + once).filter(|length| *length > Time::ZERO)
    }
}
