//! Times as people write them: reading every spelling, and printing it back.

use std::fmt;
use std::str::FromStr;

use super::number::{self, Misread};
use super::{Duration, Edge, Rational, Time, TimeBase, TimePoint, TimeRange};

/// Longest time that may be written: 1000 hours, in seconds.
pub const LONGEST_SECONDS: i64 = 3_600_000;
/// Most frames that may be written: 1000 hours at 1000 frames a second.
const MOST_FRAMES: i64 = LONGEST_SECONDS * 1000;

const FORMS: &str = "write seconds, such as `10.5s` or `10.5`, `250ms`, frames, such as `12f`, or a clock, such as \
                     `1:02.5` or `01:02:03:12`";

impl FromStr for Duration {
    type Err = Misread;

    /// Reads `10.5`, `10.5s`, `250ms`, `12f`, `1:02.5`, `01:02:03.25`, `01:02:03:12`, `01:02:03;12`, with an
    /// optional sign.
    fn from_str(text: &str) -> Result<Self, Misread> {
        if text.contains(':') {
            return clock(text);
        }
        let (n, unit) = number::split(text)
            .map_err(|e| Misread { what: e.what.replace("a number", "a time"), ..e.for_type(FORMS) })?;
        match unit {
            "" | "s" => seconds(n, text),
            "ms" => seconds(n / Rational::from_integer(1000), text),
            "f" if !n.is_integer() => {
                Err(Misread::form(format!("`{text}` is not a whole number of frames"), "frames are whole"))
            }
            "f" => match i64::try_from(n.to_integer()) {
                Ok(frames) if frames.abs() <= MOST_FRAMES => Ok(Duration::Frames(frames)),
                _ => Err(too_long(text)),
            },
            _ => Err(Misread::unit(format!("`{unit}` is no unit of time"), FORMS)),
        }
    }
}

fn seconds(n: Rational, text: &str) -> Result<Duration, Misread> {
    let limit = Rational::from_integer(i128::from(LONGEST_SECONDS));
    if n > limit || n < -limit {
        return Err(too_long(text));
    }
    Ok(Duration::Seconds(Time::new(n)))
}

fn too_long(text: &str) -> Misread {
    Misread::limit(format!("`{text}` is beyond the limits"), "a time is at most 1000 hours")
}

fn clock(text: &str) -> Result<Duration, Misread> {
    let wrong = |why: &str| Misread::form(format!("`{text}` is not a clock time: {why}"), FORMS);
    let negative = text.starts_with('-');
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (clock, frames) = match body.split_once(';') {
        Some((clock, frames)) => (clock, Some((frames, true))),
        None if body.matches(':').count() == 3 => {
            body.rsplit_once(':').map_or((body, None), |(clock, frames)| (clock, Some((frames, false))))
        }
        None => (body, None),
    };
    let parts: Vec<&str> = clock.split(':').collect();
    let whole = |part: &str| -> Result<u32, Misread> {
        if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong("its parts are whole numbers, only the seconds may have a fraction"));
        }
        part.parse().map_err(|_| too_long(text))
    };
    let below = |n: u32, limit: u32, name: &str| {
        if n < limit { Ok(n) } else { Err(wrong(&format!("{name} go up to {}", limit - 1))) }
    };
    if let Some((frames, drop)) = frames {
        let [h, m, s] = parts.as_slice() else { return Err(wrong("a timecode has four parts")) };
        let (hours, minutes, seconds) =
            (whole(h)?, below(whole(m)?, 60, "minutes")?, below(whole(s)?, 60, "seconds")?);
        let frames = below(whole(frames)?, 1000, "frames")?;
        if hours >= 1000 {
            return Err(too_long(text));
        }
        // SMPTE ST 12-1: numbers 0 and 1 are left out in every minute that is no multiple of ten.
        if drop && seconds == 0 && minutes % 10 != 0 && frames < 2 {
            return Err(wrong("drop-frame counting leaves this number out"));
        }
        return Ok(Duration::Timecode { negative, hours, minutes, seconds, frames, drop });
    }
    let (hours, minutes, seconds_text) = match parts.as_slice() {
        [m, s] => (0, whole(m)?, *s),
        [h, m, s] => (whole(h)?, below(whole(m)?, 60, "minutes")?, *s),
        _ => return Err(wrong("it has too many parts")),
    };
    if !seconds_text.starts_with(|c: char| c.is_ascii_digit()) || seconds_text.contains(['e', 'E']) {
        return Err(wrong("its parts are numbers"));
    }
    let part = number::bare(seconds_text).map_err(|_| wrong("its parts are numbers"))?;
    if part >= Rational::from_integer(60) {
        return Err(wrong("seconds go up to 59"));
    }
    let total = Rational::from_integer(i128::from(hours) * 3600 + i128::from(minutes) * 60) + part;
    seconds(if negative { -total } else { total }, text)
}

impl Duration {
    /// Whether it counts backwards.
    pub fn is_negative(self) -> bool {
        match self {
            Duration::Seconds(time) => time.is_negative(),
            Duration::Frames(n) => n < 0,
            Duration::Timecode { negative, .. } => negative,
        }
    }

    /// Whether it is no time at all.
    pub fn is_zero(self) -> bool {
        match self {
            Duration::Seconds(time) => time == Time::ZERO,
            Duration::Frames(n) => n == 0,
            Duration::Timecode { hours, minutes, seconds, frames, .. } => {
                [hours, minutes, seconds, frames] == [0; 4]
            }
        }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Duration::Seconds(time) => write!(f, "{}s", number::decimal(time.rational())),
            Duration::Frames(n) => write!(f, "{n}f"),
            Duration::Timecode { negative, hours, minutes, seconds, frames, drop } => {
                let (sign, mark) = (if negative { "-" } else { "" }, if drop { ';' } else { ':' });
                write!(f, "{sign}{hours:02}:{minutes:02}:{seconds:02}{mark}{frames:02}")
            }
        }
    }
}

impl FromStr for TimePoint {
    type Err = Misread;

    /// Reads a time, `-2s` and `end-1s` (from the end), `50%` (a share), `@id.start+1s` (an anchor).
    fn from_str(text: &str) -> Result<Self, Misread> {
        if text.contains("..") {
            let help = "write one time; only `at` and `range` take `a..b`, and a source as `\"a.mp4\"[a..b]`";
            return Err(Misread::form(format!("`{text}` is a range, where one time is wanted"), help));
        }
        if let Some(anchor) = text.strip_prefix('@') {
            return anchored(anchor, text);
        }
        if let Some(offset) = text.strip_prefix("end")
            && (offset.is_empty() || offset.starts_with(['+', '-']))
        {
            return Ok(TimePoint { base: TimeBase::End, offset: offset_of(offset)? });
        }
        if let Some(share) = text.strip_suffix('%') {
            let share = number::bare(share)? / Rational::from_integer(100);
            if share < Rational::from_integer(0) || share > Rational::from_integer(1) {
                return Err(Misread::limit(
                    format!("`{text}` is beyond the limits"),
                    "a share of a clock lies between 0% and 100%",
                ));
            }
            return Ok(TimePoint { base: TimeBase::Share(share), offset: Duration::ZERO });
        }
        let offset: Duration = text.parse()?;
        let base = if text.starts_with('-') { TimeBase::End } else { TimeBase::Start };
        Ok(TimePoint { base, offset })
    }
}

/// The `±t` behind a base.
fn offset_of(text: &str) -> Result<Duration, Misread> {
    if text.is_empty() { Ok(Duration::ZERO) } else { text.parse() }
}

fn anchored(anchor: &str, text: &str) -> Result<TimePoint, Misread> {
    let wrong = |why: &str| {
        let help = "write `@id.start` or `@id.end`, with `+` or `-` and a time behind it if need be: `@intro.end+1s`";
        Misread::form(format!("`{text}` {why}"), help)
    };
    let mut path = Vec::new();
    let mut rest = anchor;
    loop {
        let end = rest.find(|c: char| !is_id_character(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        // An id may hold `-`, so that `end-1s` arrives here as one word with what follows.
        let edge = ["start", "end"].into_iter().find(|edge| {
            !path.is_empty()
                && word.strip_prefix(edge).is_some_and(|r| r.is_empty() || r.starts_with('-'))
                && !after.starts_with('.') | word.get(edge.len()..).is_some_and(|r| r.starts_with('-'))
        });
        if let Some(name) = edge {
            let edge = if name == "start" { Edge::Start } else { Edge::End };
            let offset = rest.get(name.len()..).unwrap_or("");
            if !(offset.is_empty() || offset.starts_with(['+', '-'])) {
                return Err(wrong("is not an anchor"));
            }
            return Ok(TimePoint { base: TimeBase::Anchor { path, edge }, offset: offset_of(offset)? });
        }
        if word.is_empty() {
            return Err(wrong("is not an anchor"));
        }
        path.push(word.to_string());
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None => return Err(wrong("says neither `.start` nor `.end`")),
        }
    }
}

/// Whether a character may stand in an id.
pub(crate) fn is_id_character(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

impl fmt::Display for TimePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.base {
            TimeBase::Start => return write!(f, "{}", self.offset),
            TimeBase::End => write!(f, "end")?,
            TimeBase::Share(share) => write!(f, "{}%", number::decimal(share * Rational::from_integer(100)))?,
            TimeBase::Anchor { path, edge } => {
                let edge = if *edge == Edge::Start { "start" } else { "end" };
                write!(f, "@{}.{edge}", path.join("."))?;
            }
        }
        match (self.offset.is_zero(), self.offset.is_negative()) {
            (true, _) => Ok(()),
            (false, true) => write!(f, "{}", self.offset),
            (false, false) => write!(f, "+{}", self.offset),
        }
    }
}

impl FromStr for TimeRange {
    type Err = Misread;

    /// Reads `5s..15s`, `..20s`, `3s..`.
    fn from_str(text: &str) -> Result<Self, Misread> {
        let Some((from, to)) = text.split_once("..") else {
            let help = "write where it starts and ends, such as `5s..15s`, `..20s` or `3s..`";
            return Err(Misread::form(format!("`{text}` is not a range"), help));
        };
        let end = |part: &str| if part.is_empty() { Ok(None) } else { part.parse().map(Some) };
        let range = TimeRange { from: end(from)?, to: end(to)? };
        if let (Some(a), Some(b)) = (&range.from, &range.to)
            && a.is_not_before(b)
        {
            return Err(Misread::limit(
                format!("`{text}` is an empty range"),
                format!("`{b}` must come after `{a}`"),
            ));
        }
        Ok(range)
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(from) = &self.from {
            write!(f, "{from}")?;
        }
        f.write_str("..")?;
        if let Some(to) = &self.to {
            write!(f, "{to}")?;
        }
        Ok(())
    }
}

impl TimePoint {
    /// Whether this is certainly at or after `other`, whatever the clock's length and rate.
    pub fn is_not_before(&self, other: &TimePoint) -> bool {
        if let (TimeBase::Share(a), TimeBase::Share(b)) = (&self.base, &other.base) {
            return a >= b;
        }
        self.base == other.base
            && match (self.offset, other.offset) {
                (Duration::Seconds(a), Duration::Seconds(b)) => a >= b,
                (Duration::Frames(a), Duration::Frames(b)) => a >= b,
                (a @ Duration::Timecode { .. }, b @ Duration::Timecode { .. }) => a == b,
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    fn point(text: &str) -> TimePoint {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn every_spelling_of_a_time() {
        for (text, n, d) in [
            ("10.5", 21, 2),
            ("10.5s", 21, 2),
            ("250ms", 1, 4),
            ("1:02.5", 125, 2),
            ("1:10", 70, 1),
            ("01:02:03.25", 14_893, 4),
            ("90:00", 5400, 1),
            ("0.001", 1, 1000),
        ] {
            assert_eq!(point(text), TimePoint::seconds(Time::ratio(n, d)), "{text}");
        }
        assert_eq!(point("12f").offset, Duration::Frames(12));
        let timecode =
            |drop| Duration::Timecode { negative: false, hours: 1, minutes: 2, seconds: 3, frames: 12, drop };
        assert_eq!(point("01:02:03:12").offset, timecode(false));
        assert_eq!(point("01:02:03;12").offset, timecode(true));
    }

    #[test]
    fn relative_and_anchored() {
        assert_eq!(point("end"), TimePoint::end());
        assert_eq!(point("-2s"), point("end-2s"));
        assert_eq!(point("50%").base, TimeBase::Share(Rational::new(1, 2)));
        let anchor = point("@group.my-child.start-1:00");
        let path = vec!["group".to_string(), "my-child".to_string()];
        assert_eq!(anchor.base, TimeBase::Anchor { path, edge: Edge::Start });
        assert_eq!(anchor.offset, Duration::Seconds(Time::seconds(-60)));
        let odd = point("@end.start.end");
        assert_eq!(odd.base, TimeBase::Anchor { path: vec!["end".into(), "start".into()], edge: Edge::End });
        assert_eq!(point("@a.end-1.5s").offset, Duration::Seconds(Time::ratio(-3, 2)));
        for text in
            ["@", "@a", "@.start", "@a.", "@a.middle", "@a.start 1s", "@a.start+", "@a..start", "@a.endless"]
        {
            assert!(text.parse::<TimePoint>().is_err(), "{text}");
        }
    }

    #[test]
    fn faults_name_what_is_wrong() {
        for (text, code) in [
            ("soon", codes::BAD_VALUE),
            ("nan", codes::BAD_VALUE),
            ("1:60", codes::BAD_VALUE),
            ("1:60:00", codes::BAD_VALUE),
            ("1:2:3:4:5", codes::BAD_VALUE),
            ("01:02:00;01", codes::BAD_VALUE),
            ("1:-5", codes::BAD_VALUE),
            ("1.5f", codes::BAD_VALUE),
            ("5m", codes::BAD_UNIT),
            ("1e308", codes::OUT_OF_RANGE),
            ("3600001", codes::OUT_OF_RANGE),
            ("9999999999:00", codes::OUT_OF_RANGE),
            ("120%", codes::OUT_OF_RANGE),
            ("-5%", codes::OUT_OF_RANGE),
        ] {
            assert_eq!(text.parse::<TimePoint>().unwrap_err().code, code, "{text}");
        }
    }

    #[test]
    fn ranges() {
        let range: TimeRange = "10.5s..60s".parse().unwrap();
        assert_eq!(range, TimeRange { from: Some(point("10.5")), to: Some(point("60")) });
        assert_eq!("..20s".parse::<TimeRange>().unwrap().from, None);
        assert_eq!("@a.start..@b.end-1s".parse::<TimeRange>().unwrap().to, Some(point("@b.end-1s")));
        for text in ["5s..5s", "60%..50%", "end..end", "10f..3f"] {
            assert_eq!(text.parse::<TimeRange>().unwrap_err().code, codes::OUT_OF_RANGE, "{text}");
        }
        assert!("5s".parse::<TimeRange>().is_err());
    }

    #[test]
    fn prints_what_a_person_would_write() {
        for text in [
            "10.5s",
            "12f",
            "01:02:03:12",
            "01:02:03;12",
            "end",
            "end-1s",
            "end+1s",
            "50%",
            "12.5%",
            "@a.start",
            "@a.b.end-0.25s",
        ] {
            assert_eq!(point(text).to_string(), text);
        }
        for text in ["5s..15s", "..20s", "3s..", "@a.start..end-1s"] {
            assert_eq!(text.parse::<TimeRange>().unwrap().to_string(), text);
        }
        assert_eq!(point("250ms").to_string(), "0.25s");
        assert_eq!(point("1:02.5").to_string(), "62.5s");
    }
}
