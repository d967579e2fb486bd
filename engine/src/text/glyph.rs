//! Glyphs as coverage: each different one is rastered once a picture, unhinted, at one of four places in its column.
//!
//! A halo (what an outline fills) is the exact distance to the glyph's contour, cut at the outline's width: round
//! corners, no self-intersections, and only arithmetic that is the same everywhere.

use std::collections::HashMap;
use std::rc::Rc;

use swash::NormalizedCoord;
use swash::scale::outline::Outline;
use swash::scale::{ScaleContext, Scaler};
use swash::zeno::{Command, Mask, Origin, PathData, Point, Transform, Vector};

use super::bitmap::bitmap;
use super::fonts::FaceUse;
use super::layout::Placed;
use super::{MAX_PIXELS, TextError};

/// Tangent of 14°, the usual slant of an italic that is made from an upright face.
const SLANT: f32 = 0.249_328;
/// Places in a column at which glyphs are rastered.
const SUBPIXELS: f32 = 4.0;
/// A straight part of a contour.
type Line = ((f32, f32), (f32, f32));

/// How far a flattened curve may be off, in pixels.
const FLATNESS: f32 = 0.02;

/// A rastered glyph, relative to its origin on the baseline; y is down.
#[derive(Debug, Clone)]
pub(super) struct Stamp {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) width: usize,
    pub(super) ink: Ink,
}

/// What a stamp leaves.
#[derive(Debug, Clone)]
pub(super) enum Ink {
    /// Coverage, to be filled with the run's colour.
    Mask(Vec<u8>),
    /// Colours of its own: R, G, B, A, premultiplied.
    Colour(Vec<[u8; 4]>),
}

impl Stamp {
    pub(super) fn height(&self) -> usize {
        let len = match &self.ink {
            Ink::Mask(mask) => mask.len(),
            Ink::Colour(pixels) => pixels.len(),
        };
        len.checked_div(self.width).unwrap_or(0)
    }

    /// How much of a pixel is covered; `None` outside.
    fn cover(&self, x: usize, y: usize) -> Option<u8> {
        let place = y.checked_mul(self.width)?.checked_add(x)?;
        match &self.ink {
            _ if x >= self.width => None,
            Ink::Mask(mask) => mask.get(place).copied(),
            Ink::Colour(pixels) => pixels.get(place).map(|p| p[3]),
        }
    }
}

/// A glyph and its halo; either may be absent (a space has none).
#[derive(Debug, Clone, Default)]
pub(super) struct Rastered {
    pub(super) stamp: Option<Rc<Stamp>>,
    pub(super) halo: Option<Rc<Stamp>>,
}

impl Rastered {
    /// How many pixels both have.
    pub(super) fn pixels(&self) -> u64 {
        let of = |stamp: &Option<Rc<Stamp>>| stamp.as_ref().map_or(0, |s| (s.width * s.height()) as u64);
        of(&self.stamp) + of(&self.halo)
    }
}

/// Rasters glyphs and remembers them.
pub(super) struct Rasteriser<'a> {
    faces: &'a [FaceUse],
    halo_px: Option<f32>,
    context: ScaleContext,
    known: HashMap<(usize, u16, u32, u8), Rastered>,
    /// Pixels that may yet be rastered: a font may have thousands of glyphs as large as the picture.
    left: u64,
}

impl<'a> Rasteriser<'a> {
    /// For these faces, with halos of this width.
    pub(super) fn new(faces: &'a [FaceUse], halo_px: Option<f32>) -> Self {
        Rasteriser {
            faces,
            halo_px,
            context: ScaleContext::new(),
            known: HashMap::new(),
            left: 4 * MAX_PIXELS,
        }
    }

    /// The glyph with its stamp, and the pixel that the stamp's origin falls on.
    ///
    /// # Errors
    /// If the glyphs of one picture are too large to be kept.
    pub(super) fn raster(&mut self, placed: &Placed) -> Result<(Rastered, (i32, i32)), TextError> {
        let quarters = (placed.x * SUBPIXELS).round();
        let column = (quarters / SUBPIXELS).floor();
        let bin = quarters - column * SUBPIXELS;
        let at = (column as i32, placed.y.round() as i32);
        let key = (placed.face, placed.glyph, placed.size.to_bits(), bin as u8);
        if let Some(known) = self.known.get(&key) {
            return Ok((known.clone(), at));
        }
        let made = self.make(placed, bin / SUBPIXELS).unwrap_or_default();
        self.left = self.left.checked_sub(made.pixels()).ok_or(TextError::TooMuchInk)?;
        self.known.insert(key, made.clone());
        Ok((made, at))
    }

    fn make(&mut self, placed: &Placed, x: f32) -> Option<Rastered> {
        let face = self.faces.get(placed.face)?;
        if let Some(stamp) = bitmap(&face.face, placed.glyph, placed.size) {
            let halo = self.halo_px.and_then(|width| halo(&rim(&stamp), width + 0.5, &stamp)).map(Rc::new);
            return Some(Rastered { stamp: Some(Rc::new(stamp)), halo });
        }
        let coords = face.coords();
        let font = face.face.font();
        let mut scaler =
            self.context.builder(font).size(placed.size).hint(false).normalized_coords(&coords).build();
        let offset = Vector::new(x, 0.0);
        let (stamp, outline) = match layered(&mut scaler, placed.glyph, offset, &font) {
            Some((stamp, outline)) => (stamp, outline),
            None => {
                let mut outline = scaler.scale_outline(placed.glyph)?;
                if face.skewed {
                    outline.transform(&Transform::new(1.0, 0.0, SLANT, 1.0, 0.0, 0.0));
                }
                (filled(&outline, offset)?, outline)
            }
        };
        let halo =
            self.halo_px.and_then(|width| halo(&edges(&outline, offset, &stamp), width, &stamp)).map(Rc::new);
        Some(Rastered { stamp: Some(Rc::new(stamp)), halo })
    }
}

impl FaceUse {
    /// Where in the face's design space the instance lies.
    pub(super) fn coords(&self) -> Vec<NormalizedCoord> {
        let weight = (swash::tag_from_bytes(b"wght"), f32::from(self.weight));
        self.face.font().variations().normalized_coords([weight]).collect()
    }

    /// The instance's metrics, in font units until scaled.
    pub(super) fn metrics(&self) -> swash::Metrics {
        self.face.font().metrics(&self.coords())
    }
}

/// The outline filled.
fn filled(outline: &Outline, offset: Vector) -> Option<Stamp> {
    bounded(outline)?;
    let (mask, left, top, width) = coverage(outline.path(), offset);
    Some(Stamp { left, top, width, ink: Ink::Mask(mask) })
}

/// `None` for an outline without area or beyond any picture: contours are the font's own numbers, and memory is
/// asked for by their extent.
fn bounded(outline: &Outline) -> Option<()> {
    let bounds = outline.bounds();
    let area = f64::from(bounds.width() + 2.0) * f64::from(bounds.height() + 2.0);
    let reach = [bounds.min.x, bounds.min.y, bounds.max.x, bounds.max.y]
        .into_iter()
        .fold(0.0, |a: f32, b| a.max(b.abs()));
    (!outline.is_empty() && area <= MAX_PIXELS as f64 && reach < 1e6).then_some(())
}

/// Coverage of a path whose y is up: the mask, and its upper left corner with y down.
fn coverage(path: impl PathData, offset: Vector) -> (Vec<u8>, i32, i32, usize) {
    // Without the look at its size, a mask whose y is up is placed as if it had no height (zeno 0.3.3).
    let (mask, placement) = Mask::new(path)
        .origin(Origin::BottomLeft)
        .offset(offset)
        .render_offset(offset)
        .inspect(|_, _, _| {})
        .render();
    (mask, placement.left, -placement.top, placement.width as usize)
}

/// A glyph of coloured layers (COLR version 0), painted with the first palette.
fn layered(
    scaler: &mut Scaler<'_>,
    glyph: u16,
    offset: Vector,
    font: &swash::FontRef<'_>,
) -> Option<(Stamp, Outline)> {
    let outline = scaler.scale_color_outline(glyph)?;
    bounded(&outline)?;
    let palette = font.color_palettes().next();
    let (whole, left, top, width) = coverage(outline.path(), offset);
    let mut pixels = vec![[0u8; 4]; whole.len()];
    for index in 0..outline.len() {
        let layer = outline.get(index)?;
        let colour = match (layer.color_index(), &palette) {
            (Some(index), Some(palette)) => palette.get(index),
            _ => [0, 0, 0, 255],
        };
        let (mask, x, y, columns) = coverage(layer.path(), offset);
        let (dx, dy) = (x - left, y - top);
        for (row, line) in mask.chunks_exact(columns.max(1)).enumerate() {
            for (column, &cover) in line.iter().enumerate() {
                let (x, y) = (column as i32 + dx, row as i32 + dy);
                if x < 0 || y < 0 || x as usize >= width {
                    continue;
                }
                if let Some(pixel) = pixels.get_mut(y as usize * width + x as usize) {
                    *pixel = over(*pixel, colour, cover);
                }
            }
        }
    }
    Some((Stamp { left, top, width, ink: Ink::Colour(pixels) }, outline))
}

/// A straight colour at a coverage over a premultiplied pixel (Porter–Duff 1984).
fn over(below: [u8; 4], colour: [u8; 4], cover: u8) -> [u8; 4] {
    let alpha = u32::from(colour[3]) * u32::from(cover);
    std::array::from_fn(|i| {
        let own = if i == 3 { 255 } else { u32::from(colour[i]) };
        let sum = own * alpha + u32::from(below[i]) * (255 * 255 - alpha);
        ((sum + 255 * 255 / 2) / (255 * 255)) as u8
    })
}

/// How much of each pixel lies within `width` of the lines, whose origin is the stamp's upper left corner, or under
/// the stamp.
fn halo(lines: &[Line], width: f32, stamp: &Stamp) -> Option<Stamp> {
    let reach = width.ceil() as i32 + 1;
    let (columns, rows) = (stamp.width + 2 * reach as usize, stamp.height() + 2 * reach as usize);
    if columns as u64 * rows as u64 > MAX_PIXELS {
        return None;
    }
    let (left, top) = (stamp.left - reach, stamp.top - reach);
    let far = (width + 1.0) * (width + 1.0);
    let mut nearest = vec![far; columns * rows];
    let inward = |p: (f32, f32)| (p.0 + reach as f32, p.1 + reach as f32);
    for &(a, b) in lines {
        measure(&mut nearest, columns, inward(a), inward(b), width + 1.0);
    }
    let mut mask: Vec<u8> =
        nearest.iter().map(|d2| ((width + 0.5 - d2.sqrt()).clamp(0.0, 1.0) * 255.0 + 0.5) as u8).collect();
    for y in 0..stamp.height() {
        for x in 0..stamp.width {
            let inside = stamp.cover(x, y);
            if let (Some(to), Some(inside)) =
                (mask.get_mut((y + reach as usize) * columns + x + reach as usize), inside)
            {
                *to = (*to).max(inside);
            }
        }
    }
    Some(Stamp { left, top, width: columns, ink: Ink::Mask(mask) })
}

/// Lowers each pixel to its squared distance from a line, where that is within `reach`.
fn measure(nearest: &mut [f32], columns: usize, a: (f32, f32), b: (f32, f32), reach: f32) {
    let rows = nearest.len().checked_div(columns).unwrap_or(0);
    let range = |a: f32, b: f32, end: usize| {
        let from = (a.min(b) - reach).floor().max(0.0) as usize;
        let to = (a.max(b) + reach).ceil().max(0.0) as usize;
        from.min(end)..to.min(end)
    };
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length2 = dx * dx + dy * dy;
    let (xs, ys) = (range(a.0, b.0, columns), range(a.1, b.1, rows));
    for y in ys {
        let Some(row) = nearest.get_mut(y * columns..(y + 1) * columns) else { continue };
        for x in xs.clone() {
            let (px, py) = (x as f32 + 0.5 - a.0, y as f32 + 0.5 - a.1);
            let along = if length2 > 0.0 { ((px * dx + py * dy) / length2).clamp(0.0, 1.0) } else { 0.0 };
            let (ex, ey) = (px - along * dx, py - along * dy);
            if let Some(cell) = row.get_mut(x) {
                *cell = cell.min(ex * ex + ey * ey);
            }
        }
    }
}

/// The middles of a picture's outermost opaque pixels, as lines without length.
fn rim(stamp: &Stamp) -> Vec<Line> {
    let solid = |x: usize, y: usize| stamp.cover(x, y).is_some_and(|cover| cover >= 128);
    let is_rim = |x: usize, y: usize| {
        let around = [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)];
        solid(x, y) && around.into_iter().any(|(x, y)| y >= stamp.height() || !solid(x, y))
    };
    let all = (0..stamp.height()).flat_map(|y| (0..stamp.width).map(move |x| (x, y)));
    let middle = |(x, y): (usize, usize)| (x as f32 + 0.5, y as f32 + 0.5);
    all.filter(|&(x, y)| is_rim(x, y)).map(|at| (middle(at), middle(at))).collect()
}

/// The contour as lines, y down, from the stamp's upper left corner.
fn edges(outline: &Outline, offset: Vector, stamp: &Stamp) -> Vec<Line> {
    let (mut edges, mut start, mut at) = (Vec::new(), Point::ZERO, Point::ZERO);
    let place = |p: Point| (p.x + offset.x - stamp.left as f32, -p.y - stamp.top as f32);
    let mut line = |from: &mut Point, to: Point| {
        if *from != to {
            edges.push((place(*from), place(to)));
        }
        *from = to;
    };
    for command in outline.path().commands() {
        match command {
            Command::MoveTo(p) => (start, at) = (p, p),
            Command::LineTo(p) => line(&mut at, p),
            Command::QuadTo(c, p) => {
                let from = at;
                curve(bend(from, c, p), |t| mix(mix(from, c, t), mix(c, p, t), t), |p| line(&mut at, p));
            }
            Command::CurveTo(c, d, p) => {
                let from = at;
                let at_t = |t| {
                    let (ab, bc, cd) = (mix(from, c, t), mix(c, d, t), mix(d, p, t));
                    mix(mix(ab, bc, t), mix(bc, cd, t), t)
                };
                // A cubic bends at most thrice as much as the sharper of its halves.
                curve(3.0 * bend(from, c, d).max(bend(c, d, p)), at_t, |p| line(&mut at, p));
            }
            Command::Close => line(&mut at, start),
        }
    }
    edges
}

fn mix(a: Point, b: Point, t: f32) -> Point {
    Point::new(a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t)
}

/// Length of a quadratic's second difference.
fn bend(a: Point, b: Point, c: Point) -> f32 {
    let (x, y) = (a.x - 2.0 * b.x + c.x, a.y - 2.0 * b.y + c.y);
    (x * x + y * y).sqrt()
}

/// Lines along a curve. A quadratic cut into n is off by bend / 4n².
fn curve(bend: f32, at: impl Fn(f32) -> Point, mut line: impl FnMut(Point)) {
    let steps = (bend / (4.0 * FLATNESS)).sqrt().ceil().clamp(1.0, 64.0) as u32;
    for step in 1..=steps {
        line(at(step as f32 / steps as f32));
    }
}
