//! Lettering: text with a look becomes a picture.
//!
//! In comes a [`TextSpec`], all of it numbers of pixels and plain data, and the [`Fonts`] it may be set in. Out comes a
//! [`TextPicture`]: the ink, cropped, and where it lies relative to the *layout box* (the lines and their padding),
//! which is what a position places. Nothing here knows of time, canvases or scripts; a caller that keeps pictures by
//! spec draws a title once, however long it stands.
//!
//! The way: `itemise` splits the text into pieces of one face each, so that who draws a letter depends on the
//! text and the fonts alone; `layout` shapes and breaks lines (cosmic-text, with a fixed locale); `glyph` rasters each
//! different glyph once (swash); `paint` puts shadow, outline and letters over the box. The same spec and font bytes
//! give the same picture bytes on every machine: no hinting, no system font unless asked for, no host transcendental.
//!
//! Text is literal. Line feeds break lines and tabs go to the next stop; other control characters are left out.

mod bitmap;
mod fonts;
mod glyph;
mod itemise;
mod layout;
mod paint;
mod spec;

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use thiserror::Error;

use crate::picture::Picture;
pub use fonts::Fonts;
pub use spec::{FontRef, Outline, RunSpec, Shadow, TextSpec};

/// Most bytes of text in one spec.
pub const MAX_TEXT_BYTES: usize = 256 * 1024;
/// Longest side of a picture, in pixels.
pub const MAX_SIDE: u32 = 16384;
/// Most pixels of a picture: one frame of 8K.
pub const MAX_PIXELS: u64 = 7680 * 4320;

/// Lettering that has become a picture.
#[derive(Debug, Clone)]
pub struct TextPicture {
    /// The ink, cropped: 8-bit RGBA, premultiplied, sRGB. One transparent pixel if nothing is inked.
    pub picture: Picture,
    /// Column and row of the picture's upper left pixel, relative to the upper left corner of the layout box. Negative
    /// where ink sticks out of the box, as shadows and outlines do.
    pub origin: (i32, i32),
    /// The layout box and what is worth a warning.
    pub measure: TextMeasure,
}

/// The size of lettering, without its picture.
#[derive(Debug, Clone, PartialEq)]
pub struct TextMeasure {
    /// Width of the layout box in whole pixels, padding included.
    pub layout_width: u32,
    /// Height of the layout box in whole pixels, padding included.
    pub layout_height: u32,
    /// How many lines there are, after wrapping.
    pub lines: usize,
    /// What could not be set as asked.
    pub warnings: Vec<TextWarning>,
}

/// Something that is drawn, but not as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextWarning {
    /// No font of this family is known; the bundled font stands in.
    MissingFamily(String),
    /// No font has these characters; `�` stands in.
    MissingGlyphs {
        /// The script that they belong to, by its Unicode name.
        script: String,
        /// The first few of them.
        sample: String,
    },
}

impl TextWarning {
    /// What is wrong, in one line.
    pub fn message(&self) -> String {
        match self {
            TextWarning::MissingFamily(family) => {
                format!("there is no font \"{family}\"; the bundled Noto Sans stands in")
            }
            TextWarning::MissingGlyphs { script, sample } => {
                format!("no font at hand has the {script} characters \"{sample}\"")
            }
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            TextWarning::MissingFamily(_) => {
                "give the path of a font file (font: \"fonts/Name.ttf\"), or allow the system's fonts with --system-fonts"
            }
            TextWarning::MissingGlyphs { .. } => {
                "give a font that has them (font: \"fonts/Name.ttf\"), or allow the system's fonts with --system-fonts"
            }
        }
    }
}

/// Why lettering cannot be drawn.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TextError {
    /// A font file cannot be read.
    #[error("the font {} cannot be read: {reason}", path.display())]
    FontUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A font file is not a font, or is broken.
    #[error("{} is not a font that can be used: {reason}", path.display())]
    FontDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A font broke while its glyphs were shaped or drawn.
    #[error("the text cannot be set: a font that it uses is broken ({reason})")]
    FontBroken {
        /// What gave way.
        reason: String,
    },
    /// More text than [`MAX_TEXT_BYTES`].
    #[error("the text has {bytes} bytes; the limit is {MAX_TEXT_BYTES}")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// A picture beyond [`MAX_SIDE`] or [`MAX_PIXELS`].
    #[error(
        "the text would be {width}x{height} pixels large; the limit is {MAX_SIDE} a side and {MAX_PIXELS} in all"
    )]
    TooLarge {
        /// Its width.
        width: u64,
        /// Its height.
        height: u64,
    },
    /// Letters so large, or so heaped on each other, that painting them would take too long.
    #[error("the letters of the text overlap so much that they cannot be painted in reasonable time")]
    TooMuchInk,
    /// A paragraph that changes its font or look thousands of times.
    #[error("a paragraph of the text changes its font or look too often")]
    TooMixed,
    /// A number that makes no sense: not finite, negative, or beyond its limit.
    #[error("{field} is {value}, and must lie within {least} and {most}")]
    OutOfRange {
        /// Which.
        field: &'static str,
        /// What it is.
        value: String,
        /// Least allowed.
        least: i32,
        /// Most allowed.
        most: i32,
    },
}

impl TextError {
    /// How to mend it.
    pub fn help(&self) -> &'static str {
        match self {
            TextError::FontUnreadable { .. } => {
                "check the path, which is relative to the script, and its permissions"
            }
            TextError::FontDamaged { .. } | TextError::FontBroken { .. } => {
                "use a TrueType or OpenType file (.ttf, .otf, .ttc); install the font anew if it is damaged"
            }
            TextError::TooLong { .. } | TextError::TooMixed => "split the text into several items",
            TextError::TooLarge { .. } => "make the text shorter or smaller, or let it wrap",
            TextError::TooMuchInk => "make the text shorter, or its letter_spacing and line_height larger",
            TextError::OutOfRange { .. } => "give a value within the limits",
        }
    }
}

/// Draws lettering.
///
/// # Errors
/// If a font file is missing or broken, a number is out of range, or the text is longer or larger than the limits.
pub fn render(spec: &TextSpec, fonts: &Fonts) -> Result<TextPicture, TextError> {
    guarded(|| {
        let (layout, faces, measure) = set(spec, fonts)?;
        let (picture, origin) = paint::paint(spec, &layout, &faces, &measure)?;
        Ok(TextPicture { picture, origin, measure })
    })
}

/// The layout box of lettering, as [`render`] would have it, without drawing.
///
/// # Errors
/// As [`render`], but for a picture that is too large.
pub fn measure(spec: &TextSpec, fonts: &Fonts) -> Result<TextMeasure, TextError> {
    guarded(|| Ok(set(spec, fonts)?.2))
}

/// A hash of every font face that the text uses, in the order of use: what a cache key needs beside the spec.
///
/// # Errors
/// If a font file is missing or broken, or the text is too long.
pub fn font_key(spec: &TextSpec, fonts: &Fonts) -> Result<[u8; 32], TextError> {
    guarded(|| {
        spec.validate()?;
        let items = itemise::itemise(spec, fonts)?;
        let mut hasher = blake3::Hasher::new();
        for face in &items.faces {
            hasher.update(&face.face.digest);
            hasher.update(&face.face.index.to_le_bytes());
            hasher.update(&face.weight.to_le_bytes());
        }
        Ok(*hasher.finalize().as_bytes())
    })
}

type Set = (layout::Layout, Vec<fonts::FaceUse>, TextMeasure);

/// Itemises and lays out.
fn set(spec: &TextSpec, fonts: &Fonts) -> Result<Set, TextError> {
    spec.validate()?;
    let items = itemise::itemise(spec, fonts)?;
    let layout = layout::lay_out(spec, &items);
    let side = |content: f32| (content + 2.0 * spec.padding_px).ceil().max(0.0) as u32;
    let measure = TextMeasure {
        layout_width: side(layout.width),
        layout_height: side(layout.height),
        lines: layout.lines,
        warnings: items.warnings,
    };
    Ok((layout, items.faces, measure))
}

/// Fonts are untrusted bytes that three libraries walk through, and some of their checks are assertions: what gives way
/// there is the font's error, not the program's end.
fn guarded<T>(work: impl FnOnce() -> Result<T, TextError>) -> Result<T, TextError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let reason = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no reason given");
        Err(TextError::FontBroken { reason: reason.to_owned() })
    })
}
