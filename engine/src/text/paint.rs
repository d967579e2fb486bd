//! Paints lettering: the box, the shadow over it, then outline and letters, into one cropped picture.
//!
//! Outline and letters are disjoint: each covers what the other leaves of a pixel, so that no seam shows between them
//! and letters without colour are hollow.

use vfxb_dsl::value::Colour;

use super::fonts::FaceUse;
use super::glyph::{Ink, Rasteriser, Stamp};
use super::layout::Layout;
use super::spec::TextSpec;
use super::{MAX_PIXELS, MAX_SIDE, TextError, TextMeasure};
use crate::colour::ColourSpec;
use crate::picture::{Picture, PictureBuffer, PictureSpec, PixelFormat};
use crate::shape::{Area, Plane, reach, rounded_cover};

/// Draws a layout: the picture, and its upper left corner relative to the layout box.
///
/// # Errors
/// If the picture would be too large.
pub(super) fn paint(
    spec: &TextSpec,
    layout: &Layout,
    faces: &[FaceUse],
    measure: &TextMeasure,
) -> Result<(Picture, (i32, i32)), TextError> {
    let stamps = stamp(spec, layout, faces)?;
    let ink = stamps.iter().fold(Area::EMPTY, |area, s| area.union(s.area()));
    let shadow = spec.shadow.filter(|shadow| shadow.colour.a > 0.0 && !ink.is_empty());
    let shadow = shadow.map(|shadow| Cast::new(shadow, ink));
    let mut area = ink.union(shadow.as_ref().map_or(Area::EMPTY, |cast| cast.area));
    if spec.background.is_some_and(|colour| colour.a > 0.0) {
        area = area.union(Area::new(0, 0, i64::from(measure.layout_width), i64::from(measure.layout_height)));
    }
    let (width, height) = (area.width(), area.height());
    if width > i64::from(MAX_SIDE) || height > i64::from(MAX_SIDE) || (width * height) as u64 > MAX_PIXELS {
        return Err(TextError::TooLarge { width: width as u64, height: height as u64 });
    }
    if area.is_empty() {
        return Ok((PictureBuffer::new(picture_spec(1, 1)).freeze(), (0, 0)));
    }
    let letters = Letters::draw(spec, &stamps, ink);
    let cast = shadow.map(|cast| (cast.blur(&letters), cast));
    let mut buffer = PictureBuffer::new(picture_spec(width as u32, height as u32));
    let strides: Vec<usize> = (0..4).map(|plane| buffer.stride(plane)).collect();
    let mut planes = buffer.planes_mut();
    for y in area.top..area.bottom {
        for x in area.left..area.right {
            let mut pixel = background(spec, measure, x, y);
            if let Some((cover, cast)) = &cast {
                pixel = over(pixel, premultiplied(cast.colour, cover.get(x, y)));
            }
            pixel = over(pixel, letters.get(x, y));
            let (column, row) = ((x - area.left) as usize, (y - area.top) as usize);
            for ((plane, stride), value) in planes.iter_mut().zip(&strides).zip(pixel) {
                if let Some(sample) = plane.get_mut(row * stride + column) {
                    *sample = quantised(value);
                }
            }
        }
    }
    drop(planes);
    Ok((buffer.freeze(), (area.left as i32, area.top as i32)))
}

fn picture_spec(width: u32, height: u32) -> PictureSpec {
    PictureSpec { width, height, format: PixelFormat::RGBA_U8, colour: ColourSpec::SRGB, premultiplied: true }
}

fn quantised(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}

fn premultiplied(c: Colour, cover: f32) -> [f32; 4] {
    let alpha = c.a * cover;
    [c.r * alpha, c.g * alpha, c.b * alpha, alpha]
}

/// Premultiplied over premultiplied (Porter–Duff 1984).
fn over(below: [f32; 4], above: [f32; 4]) -> [f32; 4] {
    let rest = 1.0 - above[3];
    std::array::from_fn(|i| above[i] + below[i] * rest)
}

fn background(spec: &TextSpec, measure: &TextMeasure, x: i64, y: i64) -> [f32; 4] {
    let Some(colour) = spec.background else { return [0.0; 4] };
    let size = (measure.layout_width as f32, measure.layout_height as f32);
    let radius = spec.background_radius_px + spec.background_radius_share * size.0.min(size.1);
    premultiplied(colour, rounded_cover((x as f32 + 0.5, y as f32 + 0.5), (0.0, 0.0), size, radius))
}

/// A rastered glyph in its place.
struct Stamped {
    run: usize,
    at: (i32, i32),
    stamp: Option<std::rc::Rc<Stamp>>,
    halo: Option<std::rc::Rc<Stamp>>,
}

impl Stamped {
    fn area(&self) -> Area {
        let of = |stamp: &Stamp| {
            let (left, top) =
                (i64::from(self.at.0) + i64::from(stamp.left), i64::from(self.at.1) + i64::from(stamp.top));
            Area::new(left, top, left + stamp.width as i64, top + stamp.height() as i64)
        };
        let part = |stamp: &Option<std::rc::Rc<Stamp>>| stamp.as_deref().map_or(Area::EMPTY, of);
        part(&self.stamp).union(part(&self.halo))
    }
}

/// Rasters every glyph of a layout.
fn stamp(spec: &TextSpec, layout: &Layout, faces: &[FaceUse]) -> Result<Vec<Stamped>, TextError> {
    let limit = MAX_SIDE as f32;
    if layout.width > limit || layout.height > limit {
        return Err(TextError::TooLarge {
            width: layout.width.ceil() as u64,
            height: layout.height.ceil() as u64,
        });
    }
    let outline = spec.outline.filter(|outline| outline.width_px > 0.0 && outline.colour.a > 0.0);
    let mut rasteriser = Rasteriser::new(faces, outline.map(|outline| outline.width_px));
    let mut stamps = Vec::new();
    // Each glyph of ordinary text covers its own part of the picture; those that all lie on one spot take as long as
    // if they did not.
    let mut left = 16 * MAX_PIXELS;
    for placed in &layout.glyphs {
        let mut placed = *placed;
        placed.x += spec.padding_px;
        placed.y += spec.padding_px;
        let (rastered, at) = rasteriser.raster(&placed)?;
        left = left.checked_sub(rastered.pixels()).ok_or(TextError::TooMuchInk)?;
        if rastered.stamp.is_some() || rastered.halo.is_some() {
            stamps.push(Stamped { run: placed.run, at, stamp: rastered.stamp, halo: rastered.halo });
        }
    }
    Ok(stamps)
}

/// Letters and outline, premultiplied, over nothing.
struct Letters {
    area: Area,
    pixels: Vec<[u8; 4]>,
    /// How much of each pixel glyphs cover, whatever their colour's alpha.
    cover: Vec<u8>,
    halo: Vec<u8>,
    halo_colour: Colour,
}

impl Letters {
    fn draw(spec: &TextSpec, stamps: &[Stamped], area: Area) -> Letters {
        let count = (area.width() * area.height()) as usize;
        let halos = if spec.outline.is_some() { count } else { 0 };
        let mut letters = Letters {
            area,
            pixels: vec![[0; 4]; count],
            cover: vec![0; count],
            halo: vec![0; halos],
            halo_colour: spec.outline.map_or(Colour::TRANSPARENT, |outline| outline.colour),
        };
        for stamped in stamps {
            let colour = spec.runs.get(stamped.run).map_or(Colour::TRANSPARENT, |run| run.colour);
            if let Some(stamp) = &stamped.stamp {
                letters.ink(stamp, stamped.at, colour);
            }
            if let Some(halo) = &stamped.halo {
                letters.halo(halo, stamped.at);
            }
        }
        letters
    }

    /// Index of each of a stamp's pixels here.
    fn places(&self, stamp: &Stamp, at: (i32, i32)) -> impl Iterator<Item = usize> + use<> {
        let left = i64::from(at.0) + i64::from(stamp.left) - self.area.left;
        let top = i64::from(at.1) + i64::from(stamp.top) - self.area.top;
        let (columns, width) = (stamp.width, self.area.width());
        let rows = stamp.height() as i64;
        (top..top + rows).flat_map(move |y| {
            let start = (y * width + left) as usize;
            start..start + columns
        })
    }

    fn ink(&mut self, stamp: &Stamp, at: (i32, i32), colour: Colour) {
        let places = self.places(stamp, at);
        match &stamp.ink {
            Ink::Mask(mask) => {
                for (place, &cover) in places.zip(mask) {
                    if cover > 0 {
                        self.put(place, cover, premultiplied(colour, f32::from(cover) / 255.0));
                    }
                }
            }
            Ink::Colour(pixels) => {
                for (place, pixel) in places.zip(pixels) {
                    if pixel[3] > 0 {
                        self.put(place, pixel[3], pixel.map(|x| f32::from(x) / 255.0 * colour.a));
                    }
                }
            }
        }
    }

    fn put(&mut self, place: usize, cover: u8, above: [f32; 4]) {
        if let Some(pixel) = self.pixels.get_mut(place) {
            *pixel = over(pixel.map(|x| f32::from(x) / 255.0), above).map(quantised);
        }
        if let Some(known) = self.cover.get_mut(place) {
            let rest = u32::from(255 - *known) * u32::from(255 - cover);
            *known = 255 - ((rest + 127) / 255) as u8;
        }
    }

    fn halo(&mut self, halo: &Stamp, at: (i32, i32)) {
        let places = self.places(halo, at);
        let Ink::Mask(mask) = &halo.ink else { return };
        for (place, &cover) in places.zip(mask) {
            if let Some(known) = self.halo.get_mut(place) {
                *known = (*known).max(cover);
            }
        }
    }

    fn get(&self, x: i64, y: i64) -> [f32; 4] {
        let Some(place) = self.area.place(x, y) else { return [0.0; 4] };
        let pixel = self.pixels.get(place).map_or([0.0; 4], |p| p.map(|x| f32::from(x) / 255.0));
        let cover = self.cover.get(place).copied().unwrap_or(0);
        let around = self.halo.get(place).map_or(0, |halo| halo.saturating_sub(cover));
        let ring = premultiplied(self.halo_colour, f32::from(around) / 255.0);
        std::array::from_fn(|i| pixel[i] + ring[i])
    }
}

/// Where a shadow of some ink lies.
struct Cast {
    colour: Colour,
    area: Area,
    moved: (i64, i64),
    sigma: f64,
}

impl Cast {
    fn new(shadow: super::Shadow, ink: Area) -> Cast {
        let sigma = f64::from(shadow.blur_px) / 2.0;
        let moved = (shadow.dx_px.round() as i64, shadow.dy_px.round() as i64);
        let area = ink.moved(moved.0, moved.1).grown(reach(sigma));
        Cast { colour: shadow.colour, area, moved, sigma }
    }

    /// The letters' alpha, blurred and moved.
    fn blur(&self, letters: &Letters) -> Plane {
        let alpha = Plane::draw(letters.area, |x, y| letters.get(x, y)[3]);
        alpha.blurred(self.sigma).moved(self.moved.0, self.moved.1)
    }
}
