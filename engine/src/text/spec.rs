//! What lettering is to look like, resolved: pixels and plain data, the same for every frame that it stands.

use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vfxb_dsl::script::Align;
use vfxb_dsl::value::Colour;

use super::{MAX_SIDE, MAX_TEXT_BYTES, TextError};

/// Lettering. Lengths are pixels of the picture that it is drawn for.
///
/// Numbers must be finite ([`super::render`] refuses others), which is what makes `Eq` and `Hash` hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextSpec {
    /// What it says, in runs of one look each, read one after another.
    pub runs: Vec<RunSpec>,
    /// Alignment of the lines within the widest.
    pub align: Align,
    /// Line distance as a multiple of the size, 0.1 to 10.
    pub line_height: f32,
    /// Widest line; `None`: lines break at line feeds only.
    pub wrap_px: Option<f32>,
    /// The box behind the letters.
    pub background: Option<Colour>,
    /// Between the lines and the edge of the layout box, on all sides.
    pub padding_px: f32,
    /// Radius of the box's corners, at most half its smaller side.
    pub background_radius_px: f32,
    /// The share of the box's smaller side that is added to it.
    pub background_radius_share: f32,
    /// Line around the letters.
    pub outline: Option<Outline>,
    /// Shadow of the letters and their outline.
    pub shadow: Option<Shadow>,
}

/// Letters of one look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSpec {
    /// What it says.
    pub text: String,
    /// Set in which font.
    pub font: FontRef,
    /// The em.
    pub size_px: f32,
    /// 1 to 1000; the nearest that the font has is taken.
    pub weight: u16,
    /// Slanted; a font without an italic is skewed.
    pub italic: bool,
    /// Of the letters.
    pub colour: Colour,
    /// Added between letters; may be negative. Ligatures are not formed unless it is 0.
    pub letter_spacing_px: f32,
}

/// Which font.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FontRef {
    /// The bundled Noto Sans.
    Bundled,
    /// A family: bundled, or the system's where those are allowed.
    Family(String),
    /// A TrueType or OpenType file, or a collection of them.
    File(PathBuf),
}

impl FontRef {
    /// Reads what a script says: a path if it has a slash or ends as font files do, else a family. Relative paths
    /// start at `folder`.
    pub fn new(name: &str, folder: &Path) -> FontRef {
        let lower = name.to_ascii_lowercase();
        let is_file = name.contains('/')
            || (cfg!(windows) && name.contains('\\'))
            || [".ttf", ".otf", ".ttc", ".otc"].iter().any(|end| lower.ends_with(end));
        if is_file { FontRef::File(folder.join(name)) } else { FontRef::Family(name.to_owned()) }
    }
}

/// A line around letters: outside of them, with round corners. Inside letters that are not opaque it does not show.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Outline {
    /// How far it reaches beyond the letters.
    pub width_px: f32,
    /// Its colour.
    pub colour: Colour,
}

/// A shadow of what is inked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shadow {
    /// To the right; whole pixels are used.
    pub dx_px: f32,
    /// Down; whole pixels are used.
    pub dy_px: f32,
    /// Blur radius as in CSS: a Gaussian with half of it as standard deviation.
    pub blur_px: f32,
    /// Its colour.
    pub colour: Colour,
}

impl TextSpec {
    /// `text` in one look: the bundled font at this size and colour, left, not wrapped.
    pub fn plain(text: &str, size_px: f32, colour: Colour) -> TextSpec {
        let run = RunSpec {
            text: text.to_owned(),
            font: FontRef::Bundled,
            size_px,
            weight: 400,
            italic: false,
            colour,
            letter_spacing_px: 0.0,
        };
        TextSpec {
            runs: vec![run],
            align: Align::Left,
            line_height: 1.2,
            wrap_px: None,
            background: None,
            padding_px: 0.0,
            background_radius_px: 0.0,
            background_radius_share: 0.0,
            outline: None,
            shadow: None,
        }
    }

    /// Checks every number and the length of the text.
    pub(super) fn validate(&self) -> Result<(), TextError> {
        let bytes = self.runs.iter().map(|run| run.text.len()).sum();
        if bytes > MAX_TEXT_BYTES {
            return Err(TextError::TooLong { bytes });
        }
        let side = MAX_SIDE as i32;
        for run in &self.runs {
            within("size", run.size_px, 1, 4096)?;
            within("weight", f32::from(run.weight), 1, 1000)?;
            within("letter_spacing", run.letter_spacing_px, -4096, 4096)?;
            colour_within("color", run.colour)?;
        }
        within("padding", self.padding_px, 0, side)?;
        within("background_radius", self.background_radius_px, 0, side)?;
        within("background_radius", self.background_radius_share, 0, 1000)?;
        if let Some(wrap) = self.wrap_px {
            within("wrap", wrap, 0, i32::MAX)?;
        }
        if !(0.1..=10.0).contains(&self.line_height) {
            return Err(out_of_range("line_height", self.line_height, 0, 10));
        }
        if let Some(colour) = self.background {
            colour_within("background", colour)?;
        }
        if let Some(outline) = self.outline {
            within("outline", outline.width_px, 0, 256)?;
            colour_within("outline", outline.colour)?;
        }
        if let Some(shadow) = self.shadow {
            within("shadow", shadow.dx_px, -side, side)?;
            within("shadow", shadow.dy_px, -side, side)?;
            within("shadow blur", shadow.blur_px, 0, 256)?;
            colour_within("shadow", shadow.colour)?;
        }
        Ok(())
    }
}

fn out_of_range(field: &'static str, value: f32, least: i32, most: i32) -> TextError {
    TextError::OutOfRange { field, value: value.to_string(), least, most }
}

/// Not so for NaN either.
fn within(field: &'static str, value: f32, least: i32, most: i32) -> Result<(), TextError> {
    let holds = value >= least as f32 && value <= most as f32;
    if holds { Ok(()) } else { Err(out_of_range(field, value, least, most)) }
}

fn colour_within(field: &'static str, c: Colour) -> Result<(), TextError> {
    [c.r, c.g, c.b, c.a].into_iter().try_for_each(|x| within(field, x, 0, 1))
}

impl Eq for TextSpec {}

impl Hash for TextSpec {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.runs.hash(state);
        self.align.hash(state);
        bits(self.line_height).hash(state);
        self.wrap_px.map(bits).hash(state);
        self.background.map(colour_bits).hash(state);
        bits(self.padding_px).hash(state);
        [self.background_radius_px, self.background_radius_share].map(bits).hash(state);
        self.outline.map(|o| (bits(o.width_px), colour_bits(o.colour))).hash(state);
        let shadow = |s: Shadow| ([s.dx_px, s.dy_px, s.blur_px].map(bits), colour_bits(s.colour));
        self.shadow.map(shadow).hash(state);
    }
}

impl Eq for RunSpec {}

impl Hash for RunSpec {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
        self.font.hash(state);
        bits(self.size_px).hash(state);
        (self.weight, self.italic).hash(state);
        colour_bits(self.colour).hash(state);
        bits(self.letter_spacing_px).hash(state);
    }
}

/// Equal numbers have equal bits: −0 becomes 0.
fn bits(x: f32) -> u32 {
    (x + 0.0).to_bits()
}

fn colour_bits(c: Colour) -> [u32; 4] {
    [c.r, c.g, c.b, c.a].map(bits)
}
