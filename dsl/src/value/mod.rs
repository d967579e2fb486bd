//! Values as they are written, typed: exact, with their units, not yet put on any clock.
//!
//! A value is read by the type of the field that it stands in, prints back to what a person would write, and loses
//! nothing on the way.

pub mod clock;
pub mod easing;
pub mod geometry;
pub mod number;
pub mod quantity;
pub mod time;

use serde::{Deserialize, Serialize};

use crate::source::Span;
pub use easing::Easing;
pub use number::Misread;
pub use quantity::Size;
pub use time::{Duration, Edge, Rational, Time, TimeBase, TimePoint};

/// A half-open range of times, `a..b`; an absent end is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeRange {
    /// First instant; the clock's start if absent.
    pub from: Option<TimePoint>,
    /// First instant no longer in it; the clock's end if absent.
    pub to: Option<TimePoint>,
}

/// The unit of a [`Length`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LengthUnit {
    /// Canvas pixels (source pixels in `crop`).
    Px,
    /// Hundredths of the field's reference.
    Percent,
    /// Hundredths of the canvas's smaller side.
    Vmin,
    /// Hundredths of the canvas's larger side.
    Vmax,
}

/// A distance in a picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Length {
    /// How many of the unit.
    pub value: f64,
    /// The unit.
    pub unit: LengthUnit,
}

impl Length {
    /// Pixels, where `reference` is what `%` refers to, and `canvas` the canvas in pixels.
    pub fn pixels(self, reference: f64, canvas: (u32, u32)) -> f64 {
        let (w, h) = (f64::from(canvas.0), f64::from(canvas.1));
        match self.unit {
            LengthUnit::Px => self.value,
            LengthUnit::Percent => self.value / 100.0 * reference,
            LengthUnit::Vmin => self.value / 100.0 * w.min(h),
            LengthUnit::Vmax => self.value / 100.0 * w.max(h),
        }
    }
}

/// x to the right, y down.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// To the right.
    pub x: Length,
    /// Down.
    pub y: Length,
}

/// One of the nine anchors: `top-left` is (0, 0), `center` (0.5, 0.5), `bottom-right` (1, 1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Anchor {
    /// Share of the width.
    pub x: f64,
    /// Share of the height.
    pub y: f64,
}

/// Where a box goes: one of the nine anchors, or a point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Position {
    /// An anchor of the parent; the box's same anchor goes there.
    Anchor(Anchor),
    /// A point of the parent; the box's `anchor` point (default top-left) goes there.
    Point(Animated<Point>),
}

/// A colour as CSS has it: gamma-encoded sRGB, 0–1, straight alpha.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Colour {
    /// Red, 0–1.
    pub r: f32,
    /// Green, 0–1.
    pub g: f32,
    /// Blue, 0–1.
    pub b: f32,
    /// Alpha, 0–1, not multiplied into the others.
    pub a: f32,
}

impl Colour {
    /// Opaque black.
    pub const BLACK: Colour = Colour { r: 0.0, g: 0.0, b: 0.0, a: 1.0 };
    /// Opaque white.
    pub const WHITE: Colour = Colour { r: 1.0, g: 1.0, b: 1.0, a: 1.0 };
    /// Nothing at all.
    pub const TRANSPARENT: Colour = Colour { r: 0.0, g: 0.0, b: 0.0, a: 0.0 };
}

/// A value that may change over the item's time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Animated<T> {
    /// The same throughout.
    Constant(T),
    /// Keyframes in the order written; they are resolved on the item's clock later.
    Keyframes(Vec<Keyframe<T>>),
}

impl<T> Animated<T> {
    /// The value if it never changes.
    pub fn constant(&self) -> Option<&T> {
        match self {
            Animated::Constant(v) => Some(v),
            Animated::Keyframes(_) => None,
        }
    }

    /// The same keyframes with other values.
    pub fn map<U>(&self, mut f: impl FnMut(&T) -> U) -> Animated<U> {
        match self {
            Animated::Constant(v) => Animated::Constant(f(v)),
            Animated::Keyframes(keys) => Animated::Keyframes(
                keys.iter()
                    .map(|k| Keyframe {
                        at: k.at.clone(),
                        value: f(&k.value),
                        easing: k.easing,
                        span: k.span,
                    })
                    .collect(),
            ),
        }
    }
}

/// One keyframe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Keyframe<T> {
    /// When, on the item's own clock.
    pub at: TimePoint,
    /// The value there.
    pub value: T,
    /// How the value is approached from the keyframe before.
    pub easing: Easing,
    /// Where it was written.
    pub span: Span,
}
