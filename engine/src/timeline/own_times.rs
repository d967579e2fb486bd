//! `fps: source`: the clock of a film that keeps the times of the one source that it is made of.
//!
//! A resolved timeline of one clip comes in, or what stands in its way is said; when the clip's pictures change goes out,
//! through its trim, direction, repeats, speed and holds, cut at the film's end.

use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_dsl::script::{FrameBlend, ItemKind, Repeat, Sequence, SequenceEntry};
use vfxb_dsl::source::Span;
use vfxb_dsl::value::{Animated, Rational, Time};

use super::build::{Builder, Parts, Prepared};
use super::map::{Speed, TimeMap};
use super::resolve::{Resolver, Times};
use crate::clock::{Clock, OwnTimes};
use crate::codes;
use crate::media::{FrameTimes, VideoInfo};

/// Most frames of a film with times of its own.
const MOST_FRAMES: usize = 10_000_000;

impl Builder<'_> {
    /// The clock of a film whose rate is that of its source; `None` if it has none, which is reported at `asked`.
    pub(super) fn source_clock(
        &mut self,
        asked: Span,
        parts: Parts<'_>,
        resolver: &Resolver<'_>,
        prepared: &[Prepared],
        times: &[Times],
        length: Time,
    ) -> Option<Clock> {
        match self.base_clock(parts, resolver, prepared, times, length) {
            Ok(clock) => Some(clock),
            Err(reason) => {
                let rate = self.counting;
                self.findings.push(
                    Diagnostic::error(codes::NO_SOURCE_TIMES, asked, format!("there are no frame times to keep: {reason}"))
                        .help(format!(
                            "`source` takes the times of the one video that the timeline shows; give a rate, such as `fps:{rate}`"
                        )),
                );
                None
            }
        }
    }

    fn base_clock(
        &self,
        parts: Parts<'_>,
        resolver: &Resolver<'_>,
        prepared: &[Prepared],
        times: &[Times],
        length: Time,
    ) -> Result<Clock, String> {
        let sequence =
            parts.timeline.ok_or("the film has no `timeline` that a source could be the base of")?;
        let clips = resolver.base().into_iter().filter_map(|node| match prepared.get(node)? {
            Prepared::Source { source, map } => {
                let video = self.sources.get(*source)?.video.as_ref().filter(|video| !video.still)?;
                Some((node, video, map))
            }
            _ => None,
        });
        let clips: Vec<(usize, &VideoInfo, &TimeMap)> = clips.collect();
        let Some((_, first, _)) = clips.first() else {
            return Err("nothing in the `timeline` is a video".into());
        };
        if let Some(rate) = shared_rate(&clips) {
            return Ok(Clock::constant(rate));
        }
        let ([(node, video, map)], FrameTimes::Variable { .. }) = (clips.as_slice(), &first.times) else {
            return Err(format!("the `timeline` has {} videos, each with times of its own", clips.len()));
        };
        only_clip(sequence)?;
        let (start, _) = times.get(*node).copied().flatten().unwrap_or((Time::ZERO, length));
        let starts = changes(&video.times, map, length - start)?;
        let own = OwnTimes::new(&starts, length).ok_or("it is too long to list them")?;
        Ok(Clock { rate: video.rate, own: Some(own) })
    }
}

/// The rate of all clips, if they are constant and agree.
fn shared_rate(clips: &[(usize, &VideoInfo, &TimeMap)]) -> Option<Rational> {
    let mut rates = clips.iter().map(|(_, video, _)| match video.times {
        FrameTimes::Constant { rate, .. } => Some(rate),
        FrameTimes::Variable { .. } => None,
    });
    let first = rates.next()??;
    rates.all(|rate| rate == Some(first)).then_some(first)
}

/// Whether a sequence is one clip whose own pictures are shown, and nothing besides.
fn only_clip(sequence: &Sequence) -> Result<(), String> {
    for entry in &sequence.entries {
        match entry {
            SequenceEntry::Gap { .. } => return Err("there is a gap beside the video".into()),
            SequenceEntry::Transition(_) => return Err("there is a transition beside the video".into()),
            SequenceEntry::Item(item) => match &item.kind {
                ItemKind::Video { map, .. } if map.frames == FrameBlend::Blend => {
                    return Err("`frames:blend` makes pictures between the source's own".into());
                }
                ItemKind::Video { map, .. } if matches!(map.speed.value, Animated::Keyframes(_)) => {
                    return Err("a `speed` that changes leaves no exact times".into());
                }
                ItemKind::Video { map, .. } if map.repeat == Repeat::Forever && !map.freeze.is_empty() => {
                    return Err("`freeze` in an endless `loop` leaves no exact times".into());
                }
                ItemKind::Video { .. } => {}
                _ => return Err("the video is not all that the `timeline` shows".into()),
            },
        }
    }
    Ok(())
}

/// When the picture changes that an item shows, on the item's clock, from 0 on and before `length`.
fn changes(times: &FrameTimes, map: &TimeMap, length: Time) -> Result<Vec<Time>, String> {
    let (FrameTimes::Variable { tick, ticks, .. }, Speed::Constant(speed)) = (times, &map.speed) else {
        return Err("its times are those of a rate".into());
    };
    let span = map.span();
    let pictures = ticks.iter().map(|t| Time::new(Rational::from_integer(i128::from(*t)) * tick));
    let mut within: Vec<Time> = pictures
        .filter(|pts| *pts > map.start && *pts < map.end)
        .map(|pts| if map.reverse { map.end - pts } else { pts - map.start })
        .collect();
    if map.reverse {
        within.reverse();
    }
    // The first picture of a playing is seen from its start, even if that lies within it.
    within.insert(0, Time::ZERO);
    let slower = Rational::from_integer(1) / speed;
    let mut changes: Vec<Time> = Vec::new();
    for playing in 0..map.repeat.unwrap_or(u32::MAX) {
        let start = span.times(Rational::from_integer(i128::from(playing)));
        if span <= Time::ZERO || map.held(start.times(slower)) >= length {
            break;
        }
        changes
            .extend(within.iter().map(|at| map.held((start + *at).times(slower))).filter(|at| *at < length));
        if changes.len() > MOST_FRAMES {
            return Err("it is too long to list them".into());
        }
    }
    // What lasts longer than its source shows nothing from there on.
    changes.extend(map.ends().filter(|ends| *ends < length));
    Ok(changes)
}
