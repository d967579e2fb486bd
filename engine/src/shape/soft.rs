//! Soft planes: coverage blurred by a Gaussian, and the shadows of shapes made of it.
//!
//! In comes a plane of coverage or a [`ShadowSpec`]; out comes a plane that is larger by the reach of the blur, or a
//! [`ShapePicture`]. A shape's colours do not matter, only their alpha.

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};
use vfxb_dsl::script::ShapeForm;
use vfxb_dsl::value::Colour;

use super::{Area, ShapeError, ShapePicture, ShapeSpec, area_of, painted, pixel, validate};

/// Below this standard deviation nothing is blurred.
const SHARP: f64 = 0.01;
/// Where a Gaussian is cut off, in standard deviations; what is left is normalised.
const SUPPORT: f64 = 3.0;
/// Largest blur radius, in pixels.
pub const MAX_BLUR: f32 = 1024.0;

/// The shadow of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ShadowSpec {
    /// What throws it, by its alpha.
    pub shape: ShapeSpec,
    /// Blur radius as in CSS: a Gaussian with half of it as standard deviation. At most [`MAX_BLUR`].
    pub blur_px: f32,
    /// Its colour.
    pub colour: Colour,
}

impl Eq for ShadowSpec {}

impl Hash for ShadowSpec {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.shape.hash(state);
        let Colour { r, g, b, a } = self.colour;
        [self.blur_px, r, g, b, a].map(|x| (x + 0.0).to_bits()).hash(state);
    }
}

/// Draws the shadow of a shape, as if it lay under the shape's box without any offset.
///
/// # Errors
/// If a number is negative, not finite or too large, or the picture would be too large.
pub fn shadow(spec: &ShadowSpec) -> Result<ShapePicture, ShapeError> {
    validate(&spec.shape)?;
    let c = spec.colour;
    if !(0.0..=MAX_BLUR).contains(&spec.blur_px) {
        return Err(ShapeError::OutOfRange("shadow blur"));
    }
    if ![c.r, c.g, c.b, c.a].into_iter().all(|x| x.is_finite() && x >= 0.0) {
        return Err(ShapeError::OutOfRange("shadow color"));
    }
    let sigma = f64::from(spec.blur_px) / 2.0;
    let (across, down, shape) = Middle::cut_out(&spec.shape, reach(sigma));
    let drawn = area_of(&shape);
    let soft = Plane::draw(drawn, |x, y| pixel(&shape, centre(x, y))[3]).blurred(sigma);
    let area = area_of(&spec.shape).grown(reach(sigma));
    painted(area, |x, y| {
        let alpha = c.a * soft.get(across.index(x), down.index(y));
        [c.r * alpha, c.g * alpha, c.b * alpha, alpha]
    })
}

fn centre(x: i64, y: i64) -> (f32, f32) {
    (x as f32 + 0.5, y as f32 + 0.5)
}

/// Columns (or rows) in the middle of a rectangle that are all alike, so that one of them is enough.
#[derive(Debug, Clone, Copy)]
struct Middle {
    /// The one that is kept.
    at: i64,
    /// How many more there are.
    left_out: i64,
}

impl Middle {
    /// What is alike of a shape along both axes once it is blurred by a kernel of this reach, and the shape without it.
    fn cut_out(shape: &ShapeSpec, reach: i64) -> (Middle, Middle, ShapeSpec) {
        let none = Middle { at: 0, left_out: 0 };
        if shape.form != ShapeForm::Rect {
            return (none, none, *shape);
        }
        let radius = shape.radius_px.min(shape.width_px / 2.0).min(shape.height_px / 2.0);
        let stroke = shape.stroke.map_or(0.0, |(width, _)| width);
        let at = radius.max(stroke).min(f32::from(u16::MAX)).ceil() as i64 + 1 + reach;
        let middle = |length: f32| {
            let left_out = (f64::from(length) - (2 * at + 1) as f64).floor().clamp(0.0, 1e9) as i64;
            Middle { at, left_out }
        };
        let (across, down) = (middle(shape.width_px), middle(shape.height_px));
        let shorter = ShapeSpec {
            width_px: shape.width_px - across.left_out as f32,
            height_px: shape.height_px - down.left_out as f32,
            radius_px: radius,
            ..*shape
        };
        (across, down, shorter)
    }

    /// The column of the shortened shape that a column of the whole is like.
    fn index(self, i: i64) -> i64 {
        if i <= self.at { i } else { (i - self.left_out).max(self.at) }
    }
}

/// How many pixels a Gaussian of this standard deviation reaches.
pub(crate) fn reach(sigma: f64) -> i64 {
    if sigma < SHARP { 0 } else { (SUPPORT * sigma).ceil() as i64 }
}

/// A plane of floats; 0 beyond.
pub(crate) struct Plane {
    area: Area,
    values: Vec<f32>,
}

impl Plane {
    /// A function of whole pixels, on an area.
    pub(crate) fn draw(area: Area, value: impl Fn(i64, i64) -> f32) -> Plane {
        let rows = area.top..area.bottom;
        let values = rows.flat_map(|y| (area.left..area.right).map(move |x| (x, y)));
        Plane { area, values: values.map(|(x, y)| value(x, y)).collect() }
    }

    pub(crate) fn get(&self, x: i64, y: i64) -> f32 {
        self.area.place(x, y).and_then(|place| self.values.get(place)).copied().unwrap_or(0.0)
    }

    /// Moved by whole pixels.
    pub(crate) fn moved(self, x: i64, y: i64) -> Plane {
        Plane { area: self.area.moved(x, y), ..self }
    }

    /// Blurred, rows first, then columns, and larger by the reach of that on all sides.
    pub(crate) fn blurred(&self, sigma: f64) -> Plane {
        let kernel = gaussian(sigma);
        let reach = kernel.len() - 1;
        let taps = || {
            let mirrored = kernel.iter().skip(1).rev().chain(&kernel);
            mirrored.copied().enumerate()
        };
        let area = self.area.grown(reach as i64);
        let (own, columns) = (self.area.width() as usize, area.width() as usize);
        let mut rows = vec![0.0f32; columns * self.area.height() as usize];
        let mut line = vec![0.0f32; columns + 2 * reach];
        let lines = self.values.chunks_exact(own.max(1));
        for (values, out) in lines.zip(rows.chunks_exact_mut(columns.max(1))) {
            for (cell, value) in line.iter_mut().skip(2 * reach).zip(values) {
                *cell = *value;
            }
            for (from, weight) in taps() {
                for (cell, &value) in out.iter_mut().zip(line.iter().skip(from)) {
                    *cell += weight * value;
                }
            }
        }
        let mut values = vec![0.0f32; columns * area.height() as usize];
        for (y, out) in values.chunks_exact_mut(columns.max(1)).enumerate() {
            for (tap, weight) in taps() {
                let row = y.checked_sub(tap).and_then(|from| rows.chunks_exact(columns.max(1)).nth(from));
                for (cell, &value) in out.iter_mut().zip(row.unwrap_or_default()) {
                    *cell += weight * value;
                }
            }
        }
        Plane { area, values }
    }
}

/// Weights at 0, 1, 2 … of a Gaussian; they sum to 1 with their mirror image.
fn gaussian(sigma: f64) -> Vec<f32> {
    if sigma < SHARP {
        return vec![1.0];
    }
    let weight = |i: i64| libm::exp(-((i * i) as f64) / (2.0 * sigma * sigma));
    let sum: f64 = weight(0) + 2.0 * (1..=reach(sigma)).map(weight).sum::<f64>();
    (0..=reach(sigma)).map(|i| (weight(i) / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::tests::rect;

    const HALF_BLUE: Colour = Colour { r: 0.0, g: 0.0, b: 1.0, a: 0.5 };

    fn alpha(drawn: &ShapePicture, x: i64, y: i64) -> i32 {
        let (x, y) = (x - i64::from(drawn.origin.0), y - i64::from(drawn.origin.1));
        i32::from(drawn.picture.row(3, y as u32)[x as usize])
    }

    #[test]
    fn a_straight_edge_is_the_gaussians_integral() {
        let shape = ShapeSpec { radius_px: 30.0, ..rect(400.0, 300.0) };
        let drawn = shadow(&ShadowSpec { shape, blur_px: 40.0, colour: HALF_BLUE }).unwrap();
        assert_eq!(drawn.origin, (-60, -60));
        assert_eq!((drawn.picture.spec().width, drawn.picture.spec().height), (520, 420));
        for x in -59..60 {
            let passed = 0.5 * (1.0 + libm::erf((x as f64 + 0.5) / (20.0 * std::f64::consts::SQRT_2)));
            let want = (passed * 0.5 * 255.0).round() as i32;
            assert!((alpha(&drawn, x, 150) - want).abs() <= 1, "{x}: {} for {want}", alpha(&drawn, x, 150));
        }
        // Half of 255 lies between two codes.
        let pixel: Vec<u8> = (0..4).map(|plane| drawn.picture.row(plane, 210)[260]).collect();
        assert!(pixel == [0, 0, 128, 128] || pixel == [0, 0, 127, 127], "{pixel:?}");
    }

    #[test]
    fn what_is_left_out_in_the_middle_is_put_back() {
        // The same by blurring all of it.
        let shapes = [
            ShapeSpec { radius_px: 9.0, ..rect(140.5, 97.25) },
            ShapeSpec { fill: None, stroke: Some((7.5, HALF_BLUE)), ..rect(120.0, 20.0) },
            ShapeSpec { radius_px: 400.0, ..rect(150.0, 60.0) },
            ShapeSpec { form: ShapeForm::Circle, ..rect(90.0, 50.0) },
        ];
        for shape in shapes {
            for blur in [0.0, 1.0, 16.0] {
                let drawn = shadow(&ShadowSpec { shape, blur_px: blur, colour: HALF_BLUE }).unwrap();
                let area = area_of(&shape);
                let whole =
                    Plane::draw(area, |x, y| pixel(&shape, centre(x, y))[3]).blurred(f64::from(blur) / 2.0);
                let all = area.grown(reach(f64::from(blur) / 2.0));
                for (x, y) in (all.top..all.bottom).flat_map(|y| (all.left..all.right).map(move |x| (x, y))) {
                    let want = (whole.get(x, y) * 0.5 * 255.0).round() as i32;
                    assert!((alpha(&drawn, x, y) - want).abs() <= 1, "{shape:?} {blur} at {x}, {y}");
                }
            }
        }
    }

    #[test]
    fn senseless_shadows_are_refused() {
        let shape = rect(5.0, 5.0);
        for blur_px in [f32::NAN, -1.0, 2000.0] {
            let refused = shadow(&ShadowSpec { shape, blur_px, colour: HALF_BLUE });
            assert_eq!(refused.unwrap_err(), ShapeError::OutOfRange("shadow blur"));
        }
    }
}
