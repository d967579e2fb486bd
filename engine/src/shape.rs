//! Drawn shapes: a rectangle, an ellipse or a line becomes a picture, and so does its shadow.
//!
//! In comes a [`ShapeSpec`], all of it pixels and plain data; out comes a [`ShapePicture`] with coverage from the
//! distance to the edge, exact on straight edges. Nothing here knows of time, canvases or scripts.

mod soft;

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use vfxb_dsl::script::ShapeForm;
use vfxb_dsl::value::Colour;

use crate::colour::ColourSpec;
use crate::picture::{Picture, PictureBuffer, PictureSpec, PixelFormat};

pub use soft::{MAX_BLUR, ShadowSpec, shadow};
pub(crate) use soft::{Plane, reach};

/// Longest side of a picture, in pixels.
pub const MAX_SIDE: u32 = 16384;
/// Most pixels of a picture: one frame of 8K.
pub const MAX_PIXELS: u64 = 7680 * 4320;

/// A shape in its box. Numbers must be finite ([`render`] refuses others), which is what makes `Eq` and `Hash` hold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ShapeSpec {
    /// Which: a rectangle or an ellipse fills the box, a line goes from its upper left to its lower right corner.
    pub form: ShapeForm,
    /// Width of the box.
    pub width_px: f32,
    /// Height of the box.
    pub height_px: f32,
    /// Radius of a rectangle's corners, at most half its smaller side.
    pub radius_px: f32,
    /// Its inside; on a line without a stroke, the colour of a line one pixel wide.
    pub fill: Option<Colour>,
    /// Its line: width and colour. Within the box's edge; on a line, half on either side, with round ends.
    pub stroke: Option<(f32, Colour)>,
}

impl ShapeSpec {
    /// A white rectangle. Its size is freed from the noise of sums, so that what is the same is drawn once.
    pub(crate) fn filled(width: f64, height: f64, radius: f64) -> ShapeSpec {
        let settled = |length: f64| ((length * 1024.0).round() / 1024.0) as f32;
        ShapeSpec {
            form: ShapeForm::Rect,
            width_px: settled(width),
            height_px: settled(height),
            radius_px: settled(radius),
            fill: Some(Colour::WHITE),
            stroke: None,
        }
    }
}

impl Eq for ShapeSpec {}

impl Hash for ShapeSpec {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let bits = |x: f32| (x + 0.0).to_bits();
        let colour = |c: Colour| [c.r, c.g, c.b, c.a].map(bits);
        (self.form as u8).hash(state);
        [self.width_px, self.height_px, self.radius_px].map(bits).hash(state);
        self.fill.map(colour).hash(state);
        self.stroke.map(|(width, c)| (bits(width), colour(c))).hash(state);
    }
}

/// A shape that has become a picture.
#[derive(Debug, Clone)]
pub struct ShapePicture {
    /// 8-bit RGBA, premultiplied, sRGB.
    pub picture: Picture,
    /// Column and row of the picture's upper left pixel, relative to the box's: negative where a line's stroke sticks
    /// out.
    pub origin: (i32, i32),
}

/// Why a shape cannot be drawn.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ShapeError {
    /// A picture beyond [`MAX_SIDE`] or [`MAX_PIXELS`].
    #[error(
        "the shape would be {width}x{height} pixels large; the limit is {MAX_SIDE} a side and {MAX_PIXELS} in all"
    )]
    TooLarge {
        /// Its width.
        width: i64,
        /// Its height.
        height: i64,
    },
    /// A number that is not finite, or negative.
    #[error("{0} must be a finite number, and not negative")]
    OutOfRange(&'static str),
}

impl ShapeError {
    /// How to mend it.
    pub fn help(&self) -> &'static str {
        match self {
            ShapeError::TooLarge { .. } => "make the shape smaller",
            ShapeError::OutOfRange(_) => "give a length of 0 or more",
        }
    }
}

/// Draws a shape.
///
/// # Errors
/// If a number is negative or not finite, or the picture would be too large.
pub fn render(spec: &ShapeSpec) -> Result<ShapePicture, ShapeError> {
    validate(spec)?;
    painted(area_of(spec), |x, y| pixel(spec, (x as f32 + 0.5, y as f32 + 0.5)))
}

/// The whole pixels that a shape may touch, relative to its box.
fn area_of(spec: &ShapeSpec) -> Area {
    let reach = if spec.form == ShapeForm::Line { pixels(line_stroke(spec).0 / 2.0) } else { 0 };
    let (width, height) = (pixels(spec.width_px), pixels(spec.height_px));
    let (right, bottom) = ((width + reach).max(1 - reach), (height + reach).max(1 - reach));
    Area::new(-reach, -reach, right, bottom)
}

/// A picture of a function of whole pixels.
fn painted(area: Area, pixel: impl Fn(i64, i64) -> [f32; 4]) -> Result<ShapePicture, ShapeError> {
    let (width, height) = (area.width(), area.height());
    if width > i64::from(MAX_SIDE) || height > i64::from(MAX_SIDE) || (width * height) as u64 > MAX_PIXELS {
        return Err(ShapeError::TooLarge { width, height });
    }
    let mut buffer = PictureBuffer::new(PictureSpec {
        width: width as u32,
        height: height as u32,
        format: PixelFormat::RGBA_U8,
        colour: ColourSpec::SRGB,
        premultiplied: true,
    });
    let strides: Vec<usize> = (0..4).map(|plane| buffer.stride(plane)).collect();
    let mut planes = buffer.planes_mut();
    for y in 0..height {
        for x in 0..width {
            let pixel = pixel(x + area.left, y + area.top);
            for ((plane, stride), value) in planes.iter_mut().zip(&strides).zip(pixel) {
                if let Some(sample) = plane.get_mut(y as usize * stride + x as usize) {
                    *sample = (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
                }
            }
        }
    }
    drop(planes);
    Ok(ShapePicture { picture: buffer.freeze(), origin: (area.left as i32, area.top as i32) })
}

/// Whole pixels that hold a length; enough to be refused where it is beyond any picture.
fn pixels(length: f32) -> i64 {
    length.ceil().min(1e9) as i64
}

fn validate(spec: &ShapeSpec) -> Result<(), ShapeError> {
    let fine = |x: f32| x.is_finite() && x >= 0.0;
    let colours = [spec.fill, spec.stroke.map(|(_, colour)| colour)];
    let checks = [
        ("width", fine(spec.width_px)),
        ("height", fine(spec.height_px)),
        ("radius", fine(spec.radius_px)),
        ("stroke", spec.stroke.is_none_or(|(width, _)| fine(width))),
        ("color", colours.into_iter().flatten().all(|c| [c.r, c.g, c.b, c.a].into_iter().all(fine))),
    ];
    checks.into_iter().find(|(_, fine)| !fine).map_or(Ok(()), |(name, _)| Err(ShapeError::OutOfRange(name)))
}

/// The colour at a point, premultiplied: inside and stroke are disjoint.
fn pixel(spec: &ShapeSpec, at: (f32, f32)) -> [f32; 4] {
    if spec.form == ShapeForm::Line {
        let (width, colour) = line_stroke(spec);
        return weighted(Some(colour), line_cover(at, (spec.width_px, spec.height_px), width));
    }
    let stroke = spec.stroke.map_or(0.0, |(width, _)| width);
    let (whole, inside) = (cover(spec, at, 0.0), cover(spec, at, stroke));
    let fill = weighted(spec.fill, inside);
    let line = weighted(spec.stroke.map(|(_, colour)| colour), whole - inside);
    std::array::from_fn(|i| fill[i] + line[i])
}

fn line_stroke(spec: &ShapeSpec) -> (f32, Colour) {
    spec.stroke.unwrap_or((1.0, spec.fill.unwrap_or(Colour::TRANSPARENT)))
}

fn weighted(colour: Option<Colour>, cover: f32) -> [f32; 4] {
    let c = colour.unwrap_or(Colour::TRANSPARENT);
    let alpha = c.a * cover.max(0.0);
    [c.r * alpha, c.g * alpha, c.b * alpha, alpha]
}

/// Coverage of the shape drawn in by `inset` on every side.
fn cover(spec: &ShapeSpec, at: (f32, f32), inset: f32) -> f32 {
    let (right, bottom) = (spec.width_px - inset, spec.height_px - inset);
    if right <= inset || bottom <= inset {
        return 0.0;
    }
    match spec.form {
        ShapeForm::Circle => ellipse_cover(at, (inset, inset), (right, bottom)),
        _ => {
            let radius = spec.radius_px.min(spec.width_px / 2.0).min(spec.height_px / 2.0);
            rounded_cover(at, (inset, inset), (right, bottom), (radius - inset).max(0.0))
        }
    }
}

/// How much of the pixel centered at `at` a rectangle from `min` to `max` with rounded corners covers, 0 to 1.
pub(crate) fn rounded_cover(at: (f32, f32), min: (f32, f32), max: (f32, f32), radius: f32) -> f32 {
    let half = ((max.0 - min.0) / 2.0, (max.1 - min.1) / 2.0);
    let radius = radius.min(half.0).min(half.1);
    let from_center = ((at.0 - min.0 - half.0).abs(), (at.1 - min.1 - half.1).abs());
    let corner = (from_center.0 - half.0 + radius, from_center.1 - half.1 + radius);
    if radius > 0.0 && corner.0 > 0.0 && corner.1 > 0.0 {
        return (radius + 0.5 - (corner.0 * corner.0 + corner.1 * corner.1).sqrt()).clamp(0.0, 1.0);
    }
    let overlap = |at: f32, min: f32, max: f32| ((at + 0.5).min(max) - (at - 0.5).max(min)).clamp(0.0, 1.0);
    overlap(at.0, min.0, max.0) * overlap(at.1, min.1, max.1)
}

/// The same for the ellipse that fills the rectangle. The distance to it is that of its implicit function over the
/// gradient: exact for a circle up to second order, and on the axes.
fn ellipse_cover(at: (f32, f32), min: (f32, f32), max: (f32, f32)) -> f32 {
    let half = ((max.0 - min.0) / 2.0, (max.1 - min.1) / 2.0);
    let (x, y) = (at.0 - min.0 - half.0, at.1 - min.1 - half.1);
    let (u, v) = (x / half.0, y / half.1);
    let length = (u * u + v * v).sqrt();
    let gradient = ((u / half.0) * (u / half.0) + (v / half.1) * (v / half.1)).sqrt();
    if gradient == 0.0 {
        return 1.0;
    }
    (0.5 - (length - 1.0) * length / gradient).clamp(0.0, 1.0)
}

/// The same for a line of `width` from the origin to `to`.
fn line_cover(at: (f32, f32), to: (f32, f32), width: f32) -> f32 {
    let length2 = to.0 * to.0 + to.1 * to.1;
    let along = if length2 > 0.0 { ((at.0 * to.0 + at.1 * to.1) / length2).clamp(0.0, 1.0) } else { 0.0 };
    let (x, y) = (at.0 - along * to.0, at.1 - along * to.1);
    let distance = (x * x + y * y).sqrt();
    let half = width / 2.0;
    // The pixel and the line as intervals across the line: a line thinner than a pixel covers less of it.
    ((distance + 0.5).min(half) - (distance - 0.5).max(-half)).clamp(0.0, 1.0)
}

/// Whole pixels, half-open, y down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) left: i64,
    pub(crate) top: i64,
    pub(crate) right: i64,
    pub(crate) bottom: i64,
}

impl Area {
    pub(crate) const EMPTY: Area = Area { left: 0, top: 0, right: 0, bottom: 0 };

    pub(crate) fn new(left: i64, top: i64, right: i64, bottom: i64) -> Area {
        Area { left, top, right, bottom }
    }

    pub(crate) fn width(self) -> i64 {
        (self.right - self.left).max(0)
    }

    pub(crate) fn height(self) -> i64 {
        (self.bottom - self.top).max(0)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.width() == 0 || self.height() == 0
    }

    pub(crate) fn union(self, other: Area) -> Area {
        match (self.is_empty(), other.is_empty()) {
            (true, _) => other,
            (_, true) => self,
            _ => Area {
                left: self.left.min(other.left),
                top: self.top.min(other.top),
                right: self.right.max(other.right),
                bottom: self.bottom.max(other.bottom),
            },
        }
    }

    pub(crate) fn moved(self, x: i64, y: i64) -> Area {
        Area { left: self.left + x, top: self.top + y, right: self.right + x, bottom: self.bottom + y }
    }

    pub(crate) fn grown(self, by: i64) -> Area {
        Area { left: self.left - by, top: self.top - by, right: self.right + by, bottom: self.bottom + by }
    }

    /// A pixel's index, row by row; `None` outside.
    pub(crate) fn place(self, x: i64, y: i64) -> Option<usize> {
        let inside = x >= self.left && x < self.right && y >= self.top && y < self.bottom;
        inside.then(|| ((y - self.top) * self.width() + x - self.left) as usize)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const RED: Colour = Colour { r: 1.0, g: 0.0, b: 0.0, a: 1.0 };

    pub(super) fn rect(width: f32, height: f32) -> ShapeSpec {
        let form = ShapeForm::Rect;
        ShapeSpec { form, width_px: width, height_px: height, radius_px: 0.0, fill: Some(RED), stroke: None }
    }

    fn at(drawn: &ShapePicture, x: u32, y: u32) -> [u8; 4] {
        std::array::from_fn(|plane| drawn.picture.row(plane, y)[x as usize])
    }

    /// Covered area in pixels.
    fn area(spec: &ShapeSpec) -> f64 {
        let drawn = render(spec).unwrap();
        let rows = 0..drawn.picture.spec().height;
        rows.flat_map(|y| drawn.picture.row(3, y).to_vec()).map(|alpha| f64::from(alpha) / 255.0).sum()
    }

    #[test]
    fn edges_between_pixels_are_covered_in_part() {
        let drawn = render(&rect(4.5, 3.25)).unwrap();
        assert_eq!((drawn.picture.spec().width, drawn.picture.spec().height), (5, 4));
        assert_eq!(at(&drawn, 3, 2), [255, 0, 0, 255]);
        assert_eq!([at(&drawn, 4, 0)[3], at(&drawn, 0, 3)[3], at(&drawn, 4, 3)[3]], [128, 64, 32]);
    }

    #[test]
    fn areas_are_those_of_geometry() {
        let pi = std::f64::consts::PI;
        let circle = ShapeSpec { form: ShapeForm::Circle, ..rect(100.0, 100.0) };
        assert!((area(&circle) - pi * 2500.0).abs() < 8.0, "{}", area(&circle));
        let ellipse = ShapeSpec { form: ShapeForm::Circle, ..rect(120.0, 40.0) };
        assert!((area(&ellipse) - pi * 60.0 * 20.0).abs() < 12.0, "{}", area(&ellipse));
        let rounded = ShapeSpec { radius_px: 20.0, ..rect(100.0, 60.0) };
        assert!((area(&rounded) - (6000.0 - (4.0 - pi) * 400.0)).abs() < 4.0, "{}", area(&rounded));
        // A radius beyond half the smaller side is half of it.
        let pill = ShapeSpec { radius_px: 500.0, ..rect(100.0, 60.0) };
        assert!((area(&pill) - (40.0 * 60.0 + pi * 900.0)).abs() < 6.0, "{}", area(&pill));
        let line = ShapeSpec { form: ShapeForm::Line, stroke: Some((6.0, RED)), ..rect(80.0, 60.0) };
        assert!((area(&line) - (600.0 + pi * 9.0)).abs() < 2.0, "{}", area(&line));
        let hair = ShapeSpec { form: ShapeForm::Line, stroke: Some((0.25, RED)), ..rect(80.0, 0.0) };
        assert!((area(&hair) - 20.0).abs() < 1.0, "{}", area(&hair));
    }

    #[test]
    fn strokes_lie_inside_and_leave_no_seam() {
        let stroke = Some((5.0, Colour { r: 0.0, g: 0.0, b: 1.0, a: 0.5 }));
        let drawn = render(&ShapeSpec { stroke, radius_px: 12.0, ..rect(40.0, 40.0) }).unwrap();
        assert_eq!(drawn.origin, (0, 0));
        assert_eq!([at(&drawn, 0, 0), at(&drawn, 2, 20)], [[0; 4], [0, 0, 128, 128]]);
        assert_eq!([at(&drawn, 5, 20), at(&drawn, 20, 20)], [[255, 0, 0, 255]; 2]);
        let opaque = Some((5.0, Colour::WHITE));
        let drawn = render(&ShapeSpec { stroke: opaque, radius_px: 12.0, ..rect(40.0, 40.0) }).unwrap();
        assert!((4..36).all(|i| at(&drawn, i, i)[3] == 255));
        let line = ShapeSpec { form: ShapeForm::Line, stroke: Some((9.0, RED)), ..rect(50.0, 20.0) };
        assert_eq!(render(&line).unwrap().origin, (-5, -5));
    }

    #[test]
    fn senseless_sizes_are_refused() {
        assert_eq!(render(&rect(f32::NAN, 5.0)).unwrap_err(), ShapeError::OutOfRange("width"));
        assert_eq!(render(&rect(5.0, -1.0)).unwrap_err(), ShapeError::OutOfRange("height"));
        let line = ShapeSpec { form: ShapeForm::Line, ..rect(f32::MAX, 1.0) };
        assert!(matches!(render(&line), Err(ShapeError::TooLarge { .. })));
        for (width, height) in [(20_000.0, 1.0), (16_000.0, 16_000.0), (f32::MAX, f32::MAX)] {
            assert!(matches!(render(&rect(width, height)), Err(ShapeError::TooLarge { .. })));
        }
        assert_eq!(render(&rect(0.0, 0.0)).unwrap().picture.spec().width, 1);
    }
}
