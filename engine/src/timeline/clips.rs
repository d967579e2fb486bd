//! How an item sounds, and what happens where two items of a sequence meet.

use std::ops::Range;

use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_dsl::script::{ItemKind, Pitch};
use vfxb_dsl::source::Span;
use vfxb_dsl::value::Time;

use super::build::{Builder, Prepared};
use super::layers::Placed;
use super::lengths::ItemClock;
use super::map::TimeMap;
use super::resolve::{Chain, Resolver, Side, Times};
use super::sound::{CUT_FADE_MS, Fade, FadeShape, SoundClip, SoundContent, SoundMix, sample_of};
use super::sources::sound_stream;
use super::{Composition, Crossing};
use crate::clock::Clock;
use crate::codes;

impl Builder<'_> {
    /// The sound of an item, if it has some that is heard.
    pub(super) fn clip(
        &mut self,
        placed: &Placed<'_>,
        prepared: &Prepared,
        mix: &SoundMix,
        clock: &Clock,
        alone: bool,
    ) -> Option<SoundClip> {
        let sound = &placed.item.sound;
        let (content, map) = match prepared {
            Prepared::Source { source, map } => {
                let stream = sound_stream(&self.sources[*source], sound);
                self.sources[*source].audio.get(stream)?;
                (SoundContent::Stream { source: *source, stream }, map.clone())
            }
            Prepared::Group { sound, map, .. } if !sound.clips.is_empty() => {
                (SoundContent::Mix(Box::new(sound.clone())), map.clone())
            }
            _ => return None,
        };
        if sound.mute || map.span() <= Time::ZERO {
            return None;
        }
        let (start, wanted) = self.sound_edges((placed.start, placed.end), alone, clock);
        let end = wanted.min(mix.length);
        if alone && start >= mix.length {
            let film = Time::ratio(i128::from(mix.length), i128::from(self.sample_rate));
            self.findings.push(
                Diagnostic::warning(codes::NEVER_SEEN, placed.item.span, "this is never heard")
                    .label(format!("from {} to {}; the film ends at {film}", placed.start, placed.end)),
            );
        } else if alone && wanted > mix.length {
            self.findings.push(
                Diagnostic::note(codes::SOUND_CUT, placed.item.span, "this sound is cut at the film's end")
                    .label(format!("it would end at {}", placed.end)),
            );
        }
        if end <= start {
            return None;
        }
        let fades = self.fades(placed, &map, end - start, end < wanted);
        let keep_pitch = match &placed.item.kind {
            ItemKind::Video { map, .. } | ItemKind::Audio { map, .. } | ItemKind::Group { map, .. } => {
                map.pitch == Pitch::Keep
            }
            _ => true,
        };
        let canvas = (1, 1);
        let effects = if alone {
            placed.item.effects.iter().map(|e| self.effect(e, &placed.clock, canvas)).collect()
        } else {
            Vec::new()
        };
        Some(SoundClip {
            content,
            samples: start..end,
            map,
            keep_pitch,
            gain: placed.clock.track(&sound.volume, &mut self.findings, |v| *v),
            pan: placed.clock.track(&sound.pan, &mut self.findings, |v| *v),
            fades,
            effects,
        })
    }

    /// The fades that are written, anchored at the clip's own (perhaps cut) end, and short ones where a cut would click.
    fn fades(&self, placed: &Placed<'_>, map: &TimeMap, length: i64, cut: bool) -> Vec<Fade> {
        let samples = |t: &vfxb_dsl::source::Spanned<vfxb_dsl::value::TimePoint>| {
            sample_of(placed.clock.time(&t.value), self.sample_rate).clamp(0, length)
        };
        let click = (i64::from(self.sample_rate) * CUT_FADE_MS / 1000).min(length / 2);
        let natural = map.duration().is_some_and(|d| d <= placed.clock.duration);
        let begins_inside = map.start > Time::ZERO || map.reverse;
        let rise = match &placed.item.sound.fade_in {
            Some(fade) => samples(fade),
            None if begins_inside => click,
            None => 0,
        };
        let fall = match &placed.item.sound.fade_out {
            Some(fade) => samples(fade),
            None if cut || !natural || map.reverse || Self::ends_inside(placed) => click,
            None => 0,
        };
        let fade = |samples: Range<i64>, rising| Fade { samples, rising, shape: FadeShape::Linear };
        let mut fades = Vec::new();
        if rise > 0 {
            fades.push(fade(0..rise, true));
        }
        if fall > 0 {
            fades.push(fade(length - fall..length, false));
        }
        fades
    }

    fn ends_inside(placed: &Placed<'_>) -> bool {
        match &placed.item.kind {
            ItemKind::Video { map, .. } | ItemKind::Audio { map, .. } | ItemKind::Group { map, .. } => {
                map.end.is_some()
            }
            _ => false,
        }
    }

    /// The transitions of one sequence.
    #[expect(clippy::too_many_arguments, reason = "two tables of indices and what they point into")]
    pub(super) fn crossings(
        &mut self,
        resolver: &Resolver<'_>,
        chain: &Chain<'_>,
        times: &[Times],
        layer_of: &[Option<usize>],
        clip_of: &[Option<usize>],
        composition: &mut Composition,
        mix: &mut SoundMix,
    ) {
        for (position, slot) in chain.slots.iter().enumerate() {
            let Some((start, end)) = times[slot.node] else { continue };
            let (incoming, outgoing) = resolver.crossed(slot);
            let alone = resolver.nodes[slot.node].audio;
            if incoming + outgoing > end - start {
                continue;
            }
            if let Some(side) = slot.before {
                let previous = position.checked_sub(1).filter(|_| side.shared).map(|p| chain.slots[p].node);
                let from = previous.and_then(|n| layer_of[n]);
                self.crossing(side, (start, start + incoming), from, layer_of[slot.node], composition);
                let clips = (previous.and_then(|n| clip_of[n]), clip_of[slot.node]);
                let edges = self.sound_edges((start, start + incoming), alone, &composition.clock);
                cross_sounds(edges, clips, self.sample_rate, mix);
            }
            if let Some(side) = slot.after.filter(|side| !side.shared) {
                self.crossing(side, (end - outgoing, end), layer_of[slot.node], None, composition);
                let edges = self.sound_edges((end - outgoing, end), alone, &composition.clock);
                cross_sounds(edges, (clip_of[slot.node], None), self.sample_rate, mix);
            }
        }
    }

    /// Reports transitions that are longer than the item between them.
    pub(super) fn check_transitions(&mut self, resolver: &Resolver<'_>, times: &[Times]) {
        for slot in resolver.chains.iter().flat_map(|chain| &chain.slots) {
            let Some((start, end)) = times[slot.node] else { continue };
            let (incoming, outgoing) = resolver.crossed(slot);
            let crossed = incoming + outgoing;
            if crossed > Time::ZERO && crossed > end - start {
                self.too_long(resolver.nodes[slot.node].item.span, slot, incoming, outgoing, end - start);
            }
        }
    }

    fn too_long(
        &mut self,
        span: Span,
        slot: &super::resolve::Slot<'_>,
        incoming: Time,
        outgoing: Time,
        has: Time,
    ) {
        let message = format!(
            "the transitions here take {}, but the item between them lasts only {has}",
            incoming + outgoing
        );
        let mut finding = Diagnostic::error(codes::TRANSITION_TOO_LONG, span, message)
            .help("shorten the transitions or lengthen the item; a number without a unit counts seconds");
        for (side, length) in [(slot.before, incoming), (slot.after, outgoing)] {
            if let Some(side) = side {
                finding = finding.also(side.transition.span, format!("{length}"));
            }
        }
        self.findings.push(finding);
    }

    fn crossing(
        &mut self,
        side: Side<'_>,
        (start, end): (Time, Time),
        from: Option<usize>,
        to: Option<usize>,
        composition: &mut Composition,
    ) {
        let bound = |time: Time| composition.clock.ceil(time).min(composition.frames);
        let frames = bound(start)..bound(end);
        if frames.is_empty() || (from.is_none() && to.is_none()) {
            return;
        }
        let clock = ItemClock { duration: end - start, rate: self.counting };
        let effect = self.effect(&side.transition.effect, &clock, (composition.width, composition.height));
        composition.crossings.push(Crossing { frames, from, to, effect, easing: side.transition.easing });
    }

    /// The samples between two instants: sound alone lies where it is written, sound with a picture where the picture's
    /// frames do.
    pub(super) fn sound_edges(&self, (start, end): (Time, Time), alone: bool, clock: &Clock) -> (i64, i64) {
        let edge = |time: Time| {
            if alone {
                sample_of(time, self.sample_rate)
            } else {
                sample_of(clock.time(clock.ceil(time)), self.sample_rate)
            }
        };
        (edge(start), edge(end))
    }
}

/// Sound crosses with equal power; the short fades of the cut go.
fn cross_sounds(
    (start, end): (i64, i64),
    clips: (Option<usize>, Option<usize>),
    sample_rate: u32,
    mix: &mut SoundMix,
) {
    let click = i64::from(sample_rate) * CUT_FADE_MS / 1000;
    for (clip, rising) in [(clips.0, false), (clips.1, true)] {
        let Some(clip) = clip.and_then(|i| mix.clips.get_mut(i)) else { continue };
        clip.fades.retain(|f| f.rising != rising || f.samples.end - f.samples.start > click);
        let samples = start - clip.samples.start..end - clip.samples.start;
        clip.fades.push(Fade { samples, rising, shape: FadeShape::EqualPower });
    }
}
