//! Colour glyphs that a font keeps as pictures (CBDT and sbix tables): one is decoded and scaled to the em.
//!
//! The tables are read by skrifa and the pictures by the png crate under a limit; what they say of their size is the
//! font's word, and memory is asked for only after it has been checked.

use std::io::Cursor;

use cosmic_text::skrifa;
use skrifa::MetadataProvider;
use skrifa::bitmap::{BitmapData, BitmapGlyph, Origin};

use super::fonts::Face;
use super::glyph::{Ink, Stamp};
use crate::colour::ColourSpec;
use crate::exec::job::{Axis, Filter, ResampleJob};
use crate::exec::tile::SimdLevel;
use crate::kernel::resample::resample;
use crate::picture::{Picture, PictureBuffer, PictureSpec, PixelFormat};

/// Longest side of a stored picture; fonts in the field have at most 512.
const MAX_STORED: u32 = 2048;
/// Longest side of a scaled one.
const MAX_SCALED: f32 = 8192.0;

/// The picture of a glyph at a size, if the face has one. Its origin is on whole pixels.
pub(super) fn bitmap(face: &Face, glyph: u16, size: f32) -> Option<Stamp> {
    let font = skrifa::FontRef::from_index((*face.data).as_ref(), face.index).ok()?;
    let strikes = font.bitmap_strikes();
    let stored = strikes.glyph_for_size(skrifa::instance::Size::new(size), skrifa::GlyphId::from(glyph))?;
    let picture = decode(&stored)?;
    let spec = *picture.spec();
    let scale = size / stored.ppem_y;
    let (width, height) = ((spec.width as f32 * scale).round(), (spec.height as f32 * scale).round());
    if !scale.is_finite() || !(1.0..=MAX_SCALED).contains(&width) || !(1.0..=MAX_SCALED).contains(&height) {
        return None;
    }
    let (unscaled, upright) = (skrifa::instance::Size::unscaled(), skrifa::instance::LocationRef::default());
    let em = size / f32::from(font.metrics(unscaled, upright).units_per_em.max(1));
    let left = stored.bearing_x * em + stored.inner_bearing_x * scale;
    let lower = stored.bearing_y * em + stored.inner_bearing_y * scale;
    let top = match stored.placement_origin {
        Origin::TopLeft => -lower,
        Origin::BottomLeft => -lower - height,
    };
    let pixels = scaled(&picture, width as u32, height as u32);
    let ink = Ink::Colour(pixels);
    Some(Stamp { left: left.round() as i32, top: top.round() as i32, width: width as usize, ink })
}

/// The stored picture as premultiplied RGBA floats.
fn decode(stored: &BitmapGlyph<'_>) -> Option<Picture> {
    match stored.data {
        BitmapData::Png(data) => decode_png(data),
        BitmapData::Bgra(data) => {
            let pixels = data.chunks_exact(4).map(|p| match p {
                &[b, g, r, a] => [r, g, b, a].map(|x| f32::from(x) / 255.0),
                _ => [0.0; 4],
            });
            picture(stored.width, stored.height, pixels)
        }
        BitmapData::Mask(_) => None,
    }
}

fn decode_png(data: &[u8]) -> Option<Picture> {
    let bytes = 4 * MAX_STORED as usize * MAX_STORED as usize;
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(data), png::Limits { bytes });
    decoder.set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::ALPHA);
    let mut reader = decoder.read_info().ok()?;
    let (width, height) = (reader.info().width, reader.info().height);
    if width > MAX_STORED || height > MAX_STORED {
        return None;
    }
    let mut samples = vec![0; reader.output_buffer_size()?];
    let info = reader.next_frame(&mut samples).ok()?;
    let channels = info.color_type.samples();
    let pixels = samples.chunks_exact(channels).map(|p| {
        let [r, g, b, a] = match *p {
            [r, g, b, a] => [r, g, b, a],
            [r, g, b] => [r, g, b, 255],
            [y, a] => [y, y, y, a],
            _ => [0; 4],
        }
        .map(|x| f32::from(x) / 255.0);
        [r * a, g * a, b * a, a]
    });
    picture(width, height, pixels)
}

fn picture(width: u32, height: u32, pixels: impl Iterator<Item = [f32; 4]>) -> Option<Picture> {
    if width == 0 || height == 0 || width > MAX_STORED || height > MAX_STORED {
        return None;
    }
    let mut buffer = PictureBuffer::new(spec(width, height));
    let strides: Vec<usize> = (0..4).map(|plane| buffer.stride(plane) / 4).collect();
    let mut planes: Vec<&mut [f32]> = buffer.planes_mut().into_iter().map(bytemuck::cast_slice_mut).collect();
    let places = (0..height as usize).flat_map(|y| (0..width as usize).map(move |x| (x, y)));
    for ((x, y), pixel) in places.zip(pixels) {
        for ((plane, stride), value) in planes.iter_mut().zip(&strides).zip(pixel) {
            if let Some(sample) = plane.get_mut(y * stride + x) {
                *sample = value;
            }
        }
    }
    drop(planes);
    Some(buffer.freeze())
}

fn spec(width: u32, height: u32) -> PictureSpec {
    PictureSpec {
        width,
        height,
        format: PixelFormat::RGBA_F32,
        colour: ColourSpec::SRGB,
        premultiplied: true,
    }
}

/// Scaled with a triangle, which does not ring at the hard edges that emoji have.
fn scaled(picture: &Picture, width: u32, height: u32) -> Vec<[u8; 4]> {
    let from = *picture.spec();
    let axis = |from: u32, to: u32| Axis { step: f64::from(from) / f64::from(to), origin: 0.0 };
    let job = ResampleJob {
        from: 0,
        to: 1,
        spec: spec(width, height),
        transpose: false,
        x: axis(from.width, width),
        y: axis(from.height, height),
        window: [0.0, 0.0, f64::from(from.width), f64::from(from.height)],
        coverage: false,
        filter: Filter::Bilinear,
    };
    let out = resample(&job, picture, SimdLevel::detect(), PictureBuffer::new(job.spec)).freeze();
    let mut pixels = Vec::with_capacity(width as usize * height as usize);
    for y in 0..height {
        let rows: [&[f32]; 4] = std::array::from_fn(|plane| out.row_f32(plane, y));
        pixels.extend((0..width as usize).map(|x| {
            rows.map(|row| (row.get(x).copied().unwrap_or(0.0).clamp(0.0, 1.0) * 255.0 + 0.5) as u8)
        }));
    }
    pixels
}
