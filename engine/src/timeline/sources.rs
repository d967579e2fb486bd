//! What an item plays: its source, probed once, the part of it that is played, and how long that is by itself.

use std::sync::Arc;

use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_dsl::script::{self, Item, Repeat, Sound, Source};
use vfxb_dsl::source::Span;
use vfxb_dsl::value::{Animated, Rational, Time, TimeBase};

use super::build::{Builder, LONGEST_FILM, Prepared, STILL_SECONDS};
use super::lengths::{ItemClock, freeze_length, holds};
use super::map::{Ramp, Speed, TimeMap};
use super::resolve::Natural;
use crate::codes;
use crate::media::{MediaErrorKind, SourceInfo, is_run};

impl Builder<'_> {
    pub(super) fn still_node(
        &mut self,
        index: usize,
        source: &Source,
        still: Natural,
    ) -> (Natural, Prepared) {
        match &self.sources[index].video {
            Some(video) if video.still => {}
            Some(_) => {
                self.wrong_kind(source, "a film", "video", "image");
                return (still, Prepared::Broken);
            }
            None => {
                self.no_stream(source, "picture");
                return (still, Prepared::Broken);
            }
        }
        (still, Prepared::Source { source: index, map: TimeMap::plain(Time::ZERO, Time::ZERO) })
    }

    pub(super) fn source_node(
        &mut self,
        item: &Item,
        source: &Source,
        stills: Option<(Rational, u32)>,
        map: &script::TimeMap,
        in_sequence: bool,
        audio: bool,
    ) -> (Natural, Prepared) {
        let unknown = (Natural::Known(Time::seconds(STILL_SECONDS)), Prepared::Broken);
        let Some(index) = self.probe(source, stills, !audio) else { return unknown };
        let info = Arc::clone(&self.sources[index]);
        if audio && info.audio.is_empty() {
            self.no_stream(source, "sound");
            return unknown;
        }
        if !audio && info.video.is_none() {
            self.no_stream(source, "picture");
            return unknown;
        }
        if !audio && info.video.as_ref().is_some_and(|video| video.still) {
            self.wrong_kind(source, "a still", "image", "video");
            return unknown;
        }
        let stream = sound_stream(&info, &item.sound);
        if let Some(written) = item.sound.stream.as_ref().filter(|_| stream >= info.audio.len()) {
            self.findings.push(
                Diagnostic::error(
                    codes::NO_SUCH_STREAM,
                    written.span,
                    format!("`{}` has no sound stream {stream}", source.path.display()),
                )
                .help(format!("it has {}; the first is 0", count(info.audio.len(), "sound stream"))),
            );
            return unknown;
        }
        let (length, rate) = match (&info.video, info.audio.get(stream)) {
            (Some(video), _) if !audio => (video.times.duration(), video.rate),
            (_, Some(sound)) => {
                (sound.start + sound.duration, info.video.as_ref().map_or(self.counting, |v| v.rate))
            }
            _ => return unknown,
        };
        let written = map;
        let (natural, map) = self.map(map, length, rate, in_sequence);
        if !self.agrees(item, written, &map, natural) {
            return (natural, Prepared::Broken);
        }
        (natural, Prepared::Source { source: index, map })
    }

    /// Whether `in` and `out` give an item the length that it is given beside them; else that is reported.
    pub(super) fn agrees(
        &mut self,
        item: &Item,
        written: &script::TimeMap,
        map: &TimeMap,
        natural: Natural,
    ) -> bool {
        let (Some(_), Some(out), Natural::Known(plays)) = (&written.start, &written.end, natural) else {
            return true;
        };
        let Some(given) = self.written_length(item).filter(|_| map.span() > Time::ZERO) else { return true };
        let frame = Time::new(Rational::from_integer(1) / self.counting);
        if given + frame > plays && plays + frame > given {
            return true;
        }
        let (start, end) = (map.start, map.end);
        let (name, place) = match (&item.timing.duration, &item.timing.until) {
            (Some(duration), _) => ("duration", duration.span),
            (None, until) => ("at", until.as_ref().map_or(item.span, |until| until.span)),
        };
        let message = format!("`in` ({start}) and `out` ({end}) play for {plays}, but `{name}` says {given}");
        self.findings.push(
            Diagnostic::error(codes::TIMES_DISAGREE, place, message)
                .also(out.span, format!("plays for {plays}"))
                .help(format!("leave `out` or `{name}` out, or give another `speed`, `loop` or `freeze`")),
        );
        false
    }

    fn wrong_kind(&mut self, source: &Source, is: &str, right: &str, written: &str) {
        let message = format!("`{}` is {is}", source.path.display());
        self.findings.push(
            Diagnostic::error(codes::WRONG_KIND, source.span, message)
                .help(format!("write `{right}` in place of `{written}`")),
        );
    }

    fn no_stream(&mut self, source: &Source, what: &str) {
        let message = format!("`{}` has no {what}", source.path.display());
        let help = if what == "sound" { "name a file with sound" } else { "use `audio` for sound alone" };
        self.findings.push(Diagnostic::error(codes::NO_SUCH_STREAM, source.span, message).help(help));
    }

    /// A written map on a source of a length and rate, and how long it makes the item.
    pub(super) fn map(
        &mut self,
        map: &script::TimeMap,
        length: Time,
        rate: Rational,
        in_sequence: bool,
    ) -> (Natural, TimeMap) {
        let clock = ItemClock { duration: length, rate };
        let start = map.start.as_ref().map_or(Time::ZERO, |t| clock.time(&t.value));
        let mut end = map.end.as_ref().map_or(length, |t| clock.time(&t.value));
        let frame = Time::new(Rational::from_integer(1) / rate);
        if let Some(written) = map.start.as_ref().filter(|_| start.is_negative() || start >= length) {
            self.outside(written.span, format!("`in` is at {start}, but the source is only {length} long"));
        }
        if let Some(written) = &map.end {
            if end > length + frame {
                self.outside(
                    written.span,
                    format!("`out` is at {end}, but the source is only {length} long"),
                );
            } else if end <= start {
                self.outside(written.span, format!("`out` ({end}) is not after `in` ({start})"));
            }
            end = end.min(length);
        }
        let repeat = match map.repeat {
            Repeat::Times(n) => Some(n),
            Repeat::Forever => None,
        };
        let mut resolved = TimeMap {
            start,
            end,
            reverse: map.reverse,
            repeat,
            speed: Speed::Constant(map.exact_speed),
            holds: Vec::new(),
        };
        let animated = matches!(map.speed.value, Animated::Keyframes(_));
        let natural = if repeat.is_none() {
            if in_sequence { Natural::Unknown } else { Natural::ToTheEnd }
        } else if animated {
            self.ramp_length(map, &resolved, self.counting)
        } else {
            let played = resolved.duration().unwrap_or(Time::ZERO);
            resolved.holds = holds(map, played, self.counting);
            resolved.duration().map_or(Natural::Unknown, Natural::Known)
        };
        (natural, resolved)
    }

    /// How long a ramp takes to play its span, if no keyframe waits for the item's end.
    fn ramp_length(&mut self, map: &script::TimeMap, resolved: &TimeMap, rate: Rational) -> Natural {
        let Animated::Keyframes(keys) = &map.speed.value else { return Natural::Unknown };
        if keys.iter().any(|k| k.at.base != TimeBase::Start) {
            return Natural::Unknown;
        }
        let last = ItemClock { duration: Time::ZERO, rate };
        let mut ignored = Vec::new();
        let track = last.track(&map.speed.value, &mut ignored, |v| *v);
        let wanted = resolved.span().times(Rational::from_integer(i128::from(resolved.repeat.unwrap_or(1))));
        let mut length = wanted;
        for _ in 0..64 {
            let ramp = Ramp::integrate(&track, length, rate);
            if ramp.at(length) >= wanted {
                let frames = (0..ramp.passed.len()).find(|i| {
                    Time::ratio(i128::from(ramp.passed[*i]), vfxb_dsl::value::time::FLICKS) >= wanted
                });
                let steps = Rational::from_integer(frames.unwrap_or(0) as i128);
                return Natural::Known(Time::new(steps / ramp.steps) + freeze_length(map, rate));
            }
            length = length.times(Rational::from_integer(2));
            if length > Time::seconds(LONGEST_FILM) {
                break;
            }
        }
        Natural::Unknown
    }

    fn outside(&mut self, span: Span, message: String) {
        self.findings.push(
            Diagnostic::error(codes::OUTSIDE_SOURCE, span, message)
                .help("`in` and `out` are times of the source, counted from its first frame"),
        );
    }

    /// The index of a source, probed once; what is wrong with it is reported at each place that names it, where it is
    /// wanted for its picture or for its sound alone.
    pub(super) fn probe(
        &mut self,
        source: &Source,
        stills: Option<(Rational, u32)>,
        picture: bool,
    ) -> Option<usize> {
        let key = (source.path.clone(), stills);
        let (media, sources) = (self.media, &mut self.sources);
        let known = self.probed.entry(key).or_insert_with(|| {
            let info = match stills {
                Some((fps, start)) => media.probe_sequence(&source.path, fps, start)?,
                None => media.probe(&source.path)?,
            };
            sources.push(info);
            Ok(sources.len() - 1)
        });
        match known {
            Ok(index) => Some(*index),
            Err(error) => {
                if self.told.insert(source.span) {
                    let missing = error.kind == MediaErrorKind::NotFound;
                    let run = picture && stills.is_none() && missing && is_run(&source.path);
                    if run {
                        self.wrong_kind(source, "a run of stills", "image", "video");
                    } else {
                        let mut finding = Diagnostic::error(codes::MEDIA, source.span, error.message.clone());
                        finding.help.clone_from(&error.help);
                        self.findings.push(finding);
                    }
                }
                None
            }
        }
    }
}

/// Which sound stream of a file an item plays: the one that is asked for, else the file's own choice.
pub(super) fn sound_stream(info: &SourceInfo, sound: &Sound) -> usize {
    sound.stream.as_ref().map_or_else(|| info.default_sound(), |stream| stream.value as usize)
}

/// `3 sound streams`, `1 sound stream`, `no sound streams`.
fn count(n: usize, what: &str) -> String {
    match n {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}
