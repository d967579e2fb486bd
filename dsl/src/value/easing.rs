//! Easing: how a value goes from one keyframe to the next.
//!
//! The names are CSS's and Penner's. Everything is computed with the `libm` crate, so that no platform's own
//! mathematics shows in a picture.

use serde::{Deserialize, Serialize};

/// The curve families that Penner's names combine with a [`Direction`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// 1 − cos.
    Sine,
    /// t².
    Quad,
    /// t³.
    Cubic,
    /// t⁴.
    Quart,
    /// t⁵.
    Quint,
    /// 2^10(t − 1).
    Expo,
    /// 1 − √(1 − t²).
    Circ,
    /// Draws back first.
    Back,
    /// A damped spring.
    Elastic,
    /// A bouncing ball.
    Bounce,
}

/// Where a family's curve is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Slow at the start.
    In,
    /// Slow at the end.
    Out,
    /// Slow at both.
    InOut,
}

/// How a value is approached from the keyframe before.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub enum Easing {
    /// In a straight line.
    #[default]
    Linear,
    /// The value before is held until this keyframe.
    Hold,
    /// `cubic-bezier(x1, y1, x2, y2)`; `ease`, `ease-in`, `ease-out` and `ease-in-out` are CSS's four.
    CubicBezier([f64; 4]),
    /// `steps(n)`: n equal jumps, the last at the end (CSS `jump-end`).
    Steps(u32),
    /// `cubic-in` … `bounce-out`.
    Penner(Family, Direction),
}
