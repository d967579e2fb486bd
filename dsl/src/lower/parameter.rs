//! Values of effect parameters and of typed variables: read by a [`FieldType`] that only the catalogue knows.

use std::path::PathBuf;

use crate::codes;
use crate::script::{ParamValue, Source};
use crate::source::Span;
use crate::syntax::node::Value;
use crate::value::number::{self, to_f64};
use crate::value::{
    Anchor, Animated, Colour, Length, Misread, Point, TimeBase, TimePoint, TimeRange, quantity,
};
use crate::vocabulary::elsewhere::{WORDS_ELSEWHERE, here};
use crate::vocabulary::{FieldSpec, FieldType};

use super::keyframes::Width;
use super::{Lowering, closest, list};

/// Reads a number of a closed range.
pub(super) fn number_in(min: f64, max: f64) -> impl Fn(&str) -> Result<f64, Misread> {
    move |text| {
        let n = to_f64(number::share(text)?);
        if (min..=max).contains(&n) {
            return Ok(n);
        }
        let limits = format!("it lies between {} and {}", number::float_text(min), number::float_text(max));
        // Who writes 80 where numbers go up to 1 or 4 has percent in mind.
        let percent = max < 10.0 && (10.0..=max * 100.0).contains(&n) && !text.ends_with('%');
        let help = if percent { format!("write `{text}%`; {limits}") } else { limits };
        Err(Misread::limit(format!("`{text}` is beyond the limits"), help))
    }
}

/// Reads a whole number of a closed range.
pub(super) fn integer_in(min: i64, max: i64) -> impl Fn(&str) -> Result<i64, Misread> {
    move |text| match number::whole(text)? {
        n if (min..=max).contains(&n) => Ok(n),
        _ => Err(Misread::limit(
            format!("`{text}` is beyond the limits"),
            format!("it lies between {min} and {max}"),
        )),
    }
}

/// Reads one of some words: its place among them.
pub(super) fn word_of(words: &[(&str, &str)]) -> impl Fn(&str) -> Result<usize, Misread> {
    move |text| {
        words.iter().position(|(word, _)| *word == text).ok_or_else(|| Misread {
            code: codes::UNKNOWN_WORD,
            what: format!("`{text}` is none of its words"),
            help: match here(WORDS_ELSEWHERE, text)
                .filter(|here| words.iter().any(|(word, _)| word == here))
                .or_else(|| closest(text, words.iter().map(|(word, _)| *word)))
            {
                Some(word) => format!("did you mean `{word}`?"),
                None => {
                    format!("write one of {}", list(&words.iter().map(|(word, _)| *word).collect::<Vec<_>>()))
                }
            },
        })
    }
}

/// Reads a length that is not below 0.
pub(super) fn distance(text: &str) -> Result<Length, Misread> {
    match text.parse::<Length>()? {
        length if length.value < 0.0 => {
            Err(Misread::limit(format!("`{text}` is beyond the limits"), "it cannot be below 0"))
        }
        length => Ok(length),
    }
}

/// Reads a frequency in hertz.
fn hertz(text: &str) -> Result<f64, Misread> {
    quantity::frequency(text).map(to_f64)
}

/// Checks that a text is a value of a type.
pub(super) fn check(ty: FieldType, text: &str) -> Result<(), Misread> {
    let spec = FieldSpec { name: "", ty, default: None, neutral: None, keyframes: false, doc: "" };
    read_parameter(&spec, text).map(drop)
}

/// Reads the one value of a parameter from text: what `default` and `neutral` of a [`FieldSpec`] hold. A path stays
/// as it is written.
///
/// # Errors
/// If the text is no value of the parameter's type.
pub fn read_parameter(spec: &FieldSpec, text: &str) -> Result<ParamValue, Misread> {
    let number = |n: f64| ParamValue::Number(Animated::Constant(n));
    Ok(match spec.ty {
        FieldType::Time => ParamValue::Time(text.parse()?),
        FieldType::Range => text.parse::<TimeRange>().map(|_| ParamValue::Text(text.into()))?,
        FieldType::Size => quantity::size(text).map(|_| ParamValue::Text(text.into()))?,
        FieldType::Length(_) => ParamValue::Length(Animated::Constant(distance(text)?)),
        FieldType::Point(_) => ParamValue::Point(Animated::Constant(text.parse()?)),
        FieldType::Position => match text.parse::<Anchor>() {
            Ok(_) => ParamValue::Text(text.into()),
            Err(fault) if !text.contains(char::is_whitespace) => return Err(fault),
            Err(_) => text.parse::<Point>().map(|_| ParamValue::Text(text.into()))?,
        },
        FieldType::Angle => number(quantity::angle(text)?),
        FieldType::Colour => ParamValue::Colour(Animated::Constant(text.parse()?)),
        FieldType::Number { min, max } => number(number_in(min, max)(text)?),
        FieldType::Integer { min, max } => ParamValue::Integer(integer_in(min, max)(text)?),
        FieldType::Gain => number(quantity::gain(text)?),
        FieldType::Rate => number(to_f64(quantity::rate(text)?)),
        FieldType::Frequency => number(hertz(text)?),
        FieldType::Bitrate => {
            ParamValue::Integer(i64::try_from(quantity::bitrate(text)?).unwrap_or(i64::MAX))
        }
        FieldType::Temperature => number(quantity::temperature(text)?),
        FieldType::Boolean => ParamValue::Boolean(quantity::boolean(text)?),
        FieldType::Ratio => number(to_f64(quantity::ratio(text)?)),
        FieldType::Word(words) => ParamValue::Word(word_of(words)(text)?),
        FieldType::Text | FieldType::Id | FieldType::Special => ParamValue::Text(text.into()),
        FieldType::Path => ParamValue::Path(Source { path: PathBuf::from(text), span: Span::default() }),
    })
}

/// The default of a parameter, [`ParamValue::Absent`] if it has none.
///
/// # Errors
/// If the text of the default is no value of the parameter's type: a fault of the registry.
pub fn default_value(spec: &FieldSpec) -> Result<ParamValue, Misread> {
    spec.default.map_or(Ok(ParamValue::Absent), |text| read_parameter(spec, text))
}

impl Lowering<'_> {
    /// Reads a parameter's value, or its keyframes where it takes them.
    pub(super) fn parameter(&self, spec: &FieldSpec, value: &Value) -> Option<ParamValue> {
        let name = spec.name;
        if spec.keyframes {
            let number = |read: &dyn Fn(&str) -> Result<f64, Misread>| {
                self.animated_value(name, value, Width::One, read).map(ParamValue::Number)
            };
            match spec.ty {
                FieldType::Number { min, max } => return number(&number_in(min, max)),
                FieldType::Angle => return number(&quantity::angle),
                FieldType::Gain => return number(&quantity::gain),
                FieldType::Temperature => return number(&quantity::temperature),
                FieldType::Frequency => return number(&hertz),
                FieldType::Colour => {
                    let read = str::parse::<Colour>;
                    return self.animated_value(name, value, Width::One, &read).map(ParamValue::Colour);
                }
                FieldType::Length(_) => {
                    return self.animated_value(name, value, Width::One, &distance).map(ParamValue::Length);
                }
                FieldType::Point(_) => {
                    let read = str::parse::<Point>;
                    return self.animated_value(name, value, Width::Two, &read).map(ParamValue::Point);
                }
                _ => {}
            }
        }
        match spec.ty {
            FieldType::Path => self.path(name, value).map(ParamValue::Path),
            FieldType::Time => self.read_value(name, value, item_point).map(|v| ParamValue::Time(v.value)),
            // Kept as it is: white space at its ends may be meant.
            FieldType::Text => self.scalar(name, value).map(|t| ParamValue::Text(t.value)),
            _ => self.read_value(name, value, |text| read_parameter(spec, text)).map(|v| v.value),
        }
    }
}

/// What stands for an anchor where an item's clock counts.
const ITEM_CLOCK: &str = "this counts on the item's own clock: write a time, such as `2s` or `end-1s`";

/// Reads a time on an item's own clock, which knows no anchors.
pub(super) fn item_point(text: &str) -> Result<TimePoint, Misread> {
    point_on(text, ITEM_CLOCK)
}

/// Reads a range on an item's own clock.
pub(super) fn item_range(text: &str) -> Result<TimeRange, Misread> {
    range_on(text, ITEM_CLOCK)
}

/// Reads a time that is on another clock than the timeline's; `help` says on which.
pub(super) fn point_on(text: &str, help: &str) -> Result<TimePoint, Misread> {
    let time: TimePoint = text.parse()?;
    no_anchor(&time, text, help)?;
    Ok(time)
}

/// Reads a range that is on another clock than the timeline's; `help` says on which.
pub(super) fn range_on(text: &str, help: &str) -> Result<TimeRange, Misread> {
    let range: TimeRange = text.parse()?;
    range.from.iter().chain(&range.to).try_for_each(|point| no_anchor(point, text, help))?;
    Ok(range)
}

/// Refuses a time on the timeline's clock, where `help` says which clock counts.
fn no_anchor(time: &TimePoint, text: &str, help: &str) -> Result<(), Misread> {
    match time.base {
        TimeBase::Anchor { .. } => Err(Misread::form(format!("`{text}` is on the timeline's clock"), help)),
        _ => Ok(()),
    }
}

/// Reads a time point: for callers that need the type named.
pub(super) fn time_point(text: &str) -> Result<TimePoint, Misread> {
    text.parse()
}
