//! Values over time: keyframes put on an item's clock.
//!
//! The script's relative times are resolved already; what is left is exact times, values and easings, evaluated in f64
//! with `libm` alone.

use serde::{Deserialize, Serialize};
use vfxb_dsl::value::{Colour, Easing, Time};

/// A value for every instant of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Track<T> {
    /// The same throughout.
    Constant(T),
    /// Keyframes at strictly increasing times; at least one. The first and the last value are held outside.
    Keys(Vec<Key<T>>),
}

/// One keyframe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Key<T> {
    /// When, on the item's clock.
    pub at: Time,
    /// The value there.
    pub value: T,
    /// How it is approached.
    pub easing: Easing,
}

/// What keyframes can be put between.
pub trait Interpolate: Clone {
    /// `self` at 0, `other` at 1; beyond by the same rule (easings overshoot).
    fn between(&self, other: &Self, share: f64) -> Self;
}

impl Interpolate for f64 {
    fn between(&self, other: &Self, share: f64) -> Self {
        self + (other - self) * share
    }
}

impl<T: Interpolate, const N: usize> Interpolate for [T; N] {
    fn between(&self, other: &Self, share: f64) -> Self {
        std::array::from_fn(|i| self[i].between(&other[i], share))
    }
}

impl Interpolate for Colour {
    /// In premultiplied, gamma-encoded sRGB, as CSS does.
    fn between(&self, other: &Self, share: f64) -> Self {
        let mix = |a: f32, b: f32| f64::from(a).between(&f64::from(b), share);
        let alpha = mix(self.a, other.a);
        let channel = |a: f32, b: f32| {
            let value = mix(a * self.a, b * other.a);
            if alpha > 0.0 { (value / alpha) as f32 } else { 0.0 }
        };
        Colour {
            r: channel(self.r, other.r),
            g: channel(self.g, other.g),
            b: channel(self.b, other.b),
            a: alpha as f32,
        }
    }
}

/// A distance that depends on a reference known only frame by frame: `pixels + share × reference`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Extent {
    /// Pixels of the canvas.
    pub pixels: f64,
    /// Share of the reference.
    pub share: f64,
}

impl Extent {
    /// Pixels, given the reference.
    pub fn of(self, reference: f64) -> f64 {
        self.pixels + self.share * reference
    }
}

impl Interpolate for Extent {
    fn between(&self, other: &Self, share: f64) -> Self {
        Extent {
            pixels: self.pixels.between(&other.pixels, share),
            share: self.share.between(&other.share, share),
        }
    }
}

impl<T: Interpolate> Track<T> {
    /// The value at `time`.
    pub fn at(&self, time: Time) -> T {
        let keys = match self {
            Track::Constant(value) => return value.clone(),
            Track::Keys(keys) => keys,
        };
        let next = keys.partition_point(|key| key.at <= time);
        match (next.checked_sub(1).and_then(|i| keys.get(i)), keys.get(next)) {
            (Some(before), Some(after)) => {
                let share = (time - before.at).to_f64() / (after.at - before.at).to_f64();
                before.value.between(&after.value, after.easing.apply(share))
            }
            (Some(only), None) | (None, Some(only)) => only.value.clone(),
            (None, None) => unreachable!("a track of keyframes has at least one"),
        }
    }
}

impl<T> Track<T> {
    /// The value if it never changes.
    pub fn constant(&self) -> Option<&T> {
        match self {
            Track::Constant(value) => Some(value),
            Track::Keys(_) => None,
        }
    }

    /// The same times with other values.
    pub fn map<U>(&self, mut f: impl FnMut(&T) -> U) -> Track<U> {
        match self {
            Track::Constant(value) => Track::Constant(f(value)),
            Track::Keys(keys) => Track::Keys(
                keys.iter().map(|k| Key { at: k.at, value: f(&k.value), easing: k.easing }).collect(),
            ),
        }
    }

    /// Whether it stays between the values that are written.
    pub fn stays_within(&self) -> bool {
        match self {
            Track::Constant(_) => true,
            Track::Keys(keys) => !keys.iter().any(|key| key.easing.overshoots()),
        }
    }

    /// Every value that is written.
    pub fn values(&self) -> Vec<&T> {
        match self {
            Track::Constant(value) => vec![value],
            Track::Keys(keys) => keys.iter().map(|k| &k.value).collect(),
        }
    }
}

impl<T: PartialEq> Track<T> {
    /// Whether it is `value` throughout.
    pub fn is(&self, value: &T) -> bool {
        self.values().iter().all(|v| *v == value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(points: &[(i64, f64)]) -> Track<f64> {
        let key =
            |(at, value): &(i64, f64)| Key { at: Time::seconds(*at), value: *value, easing: Easing::Linear };
        Track::Keys(points.iter().map(key).collect())
    }

    #[test]
    fn values_are_held_outside_and_linear_between() {
        let track = keys(&[(1, 10.0), (3, 20.0)]);
        for (t, want) in [(0, 10.0), (1, 10.0), (2, 15.0), (3, 20.0), (9, 20.0)] {
            assert_eq!(track.at(Time::seconds(t)), want);
        }
    }

    #[test]
    fn colours_fade_to_transparent_without_a_dark_seam() {
        let half = Colour::WHITE.between(&Colour::TRANSPARENT, 0.5);
        assert_eq!((half.r, half.a), (1.0, 0.5));
    }
}
