//! A source's span as it is played: cut out, backwards, again and again. Its sample 0 is the first that is heard.

use vfxb_dsl::value::Rational;

use super::Samples;
use crate::media::MediaError;
use crate::timeline::TimeMap;

/// `in`, `out`, `reverse` and `loop` on a stream of samples.
pub(super) struct Played {
    source: Box<dyn Samples>,
    start: i64,
    end: i64,
    /// Exact samples of one playing: loops do not drift.
    length: Rational,
    reverse: bool,
    repeat: Option<u32>,
}

impl Played {
    pub(super) fn new(source: Box<dyn Samples>, map: &TimeMap, rate: u32) -> Played {
        let rate = Rational::from_integer(i128::from(rate));
        let sample = |exact: Rational| i64::try_from(exact.round().to_integer()).unwrap_or(i64::MAX);
        Played {
            source,
            start: sample(map.start.at_rate(rate)),
            end: sample(map.end.at_rate(rate)),
            length: map.span().at_rate(rate),
            reverse: map.reverse,
            repeat: map.repeat,
        }
    }

    /// The first sample of a playing.
    fn playing(&self, number: i64) -> i64 {
        let exact = self.length * Rational::from_integer(i128::from(number));
        i64::try_from(exact.round().to_integer()).unwrap_or(i64::MAX)
    }

    /// Samples of the part of a playing that starts `within` it.
    fn part(&mut self, within: i64, planes: &mut [&mut [f32]]) -> Result<(), MediaError> {
        let count = planes.first().map_or(0, |plane| plane.len()) as i64;
        if !self.reverse {
            return self.source.read(self.start + within, planes);
        }
        self.source.read(self.end - within - count, planes)?;
        for plane in planes {
            plane.reverse();
        }
        Ok(())
    }
}

impl Samples for Played {
    fn read(&mut self, from: i64, planes: &mut [&mut [f32]]) -> Result<(), MediaError> {
        let count = planes.first().map_or(0, |plane| plane.len());
        let mut done = 0;
        while done < count {
            let position = from + done as i64;
            let number = number_of(position, self.length);
            let number = if self.playing(number + 1) <= position { number + 1 } else { number };
            let (start, next) = (self.playing(number), self.playing(number + 1));
            let heard =
                position >= 0 && next > start && self.repeat.is_none_or(|times| number < i64::from(times));
            let until = if position < 0 { 0 } else { next.max(position + 1) };
            let part = usize::try_from(until - position).unwrap_or(1).min(count - done);
            let mut parts: Vec<&mut [f32]> = planes.iter_mut().map(|p| &mut p[done..done + part]).collect();
            if heard {
                self.part(position - start, &mut parts)?;
            } else {
                parts.iter_mut().for_each(|p| p.fill(0.0));
            }
            done += part;
        }
        Ok(())
    }
}

/// Which playing a sample is in, but for the rounding of its edges.
fn number_of(position: i64, length: Rational) -> i64 {
    if length <= Rational::from_integer(0) {
        return 0;
    }
    let number = (Rational::from_integer(i128::from(position)) / length).floor().to_integer();
    i64::try_from(number).unwrap_or(0).max(0)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::audio::read_planes;
    use vfxb_dsl::value::Time;

    /// Sample n is n on the left and −n on the right, from 0 on.
    pub(in crate::audio) struct Count(pub i64);

    impl Samples for Count {
        fn read(&mut self, from: i64, planes: &mut [&mut [f32]]) -> Result<(), MediaError> {
            for (i, sign) in [1.0, -1.0].into_iter().enumerate() {
                for (n, sample) in planes[i].iter_mut().enumerate() {
                    let at = from + n as i64;
                    *sample = if (0..self.0).contains(&at) { at as f32 * sign } else { 0.0 };
                }
            }
            Ok(())
        }
    }

    fn map(start: i128, end: i128) -> TimeMap {
        TimeMap::plain(Time::ratio(start, 1000), Time::ratio(end, 1000))
    }

    fn left(map: &TimeMap, from: i64, length: usize) -> Vec<f32> {
        let mut played = Played::new(Box::new(Count(1000)), map, 1000);
        let [left, right] = read_planes(&mut played, from, length).unwrap();
        assert!(left.iter().zip(&right).all(|(l, r)| *l == -*r));
        left
    }

    #[test]
    fn a_span_is_silent_outside() {
        assert_eq!(left(&map(10, 13), -2, 7), [0.0, 0.0, 10.0, 11.0, 12.0, 0.0, 0.0]);
    }

    #[test]
    fn loops_and_reverse_meet_without_a_gap() {
        let looped = TimeMap { repeat: None, ..map(10, 13) };
        assert_eq!(left(&looped, 1, 6), [11.0, 12.0, 10.0, 11.0, 12.0, 10.0]);
        let back = TimeMap { reverse: true, repeat: Some(2), ..map(10, 13) };
        assert_eq!(left(&back, 0, 8), [12.0, 11.0, 10.0, 12.0, 11.0, 10.0, 0.0, 0.0]);
    }

    #[test]
    fn a_loop_of_a_broken_length_does_not_drift() {
        let third = TimeMap { repeat: None, ..TimeMap::plain(Time::ZERO, Time::ratio(1, 300)) };
        let samples = left(&third, 0, 1000);
        assert_eq!(samples.iter().filter(|s| **s == 0.0).count(), 300);
    }
}
