//! The timeline: what is seen and heard when, in exact numbers.
//!
//! A typed script and probed media come in; layers on one output clock go out: start and end snapped once to the frame
//! grid, time maps from item to source, geometry with its units resolved, sounds on a sample clock. It knows times,
//! ids and transitions; it knows no effect's inside, no codec, no executor.

mod build;
mod clips;
pub mod geometry;
mod groups;
mod layers;
mod lengths;
mod map;
mod own_times;
mod placement;
mod resolve;
mod sound;
mod sources;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vfxb_dsl::script::{Align, Blend, Fit, ShapeForm};
use vfxb_dsl::source::Span;
use vfxb_dsl::value::{Colour, Easing, Time};

use crate::animate::{Extent, Track};
use crate::clock::Clock;
use crate::media::SourceInfo;

pub use build::{Settings, build};
pub(crate) use lengths::offset as written_offset;
pub use map::{Lost, NoInstant, Ramp, Speed, TimeMap};
pub use sound::{Fade, FadeShape, SoundClip, SoundContent, SoundMix};

/// A film, resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// The pictures.
    pub film: Composition,
    /// The sound.
    pub sound: SoundMix,
    /// Samples a second of the sound.
    pub sample_rate: u32,
    /// Every file that is used, in the order of [`Content`]'s indices.
    pub sources: Vec<Arc<SourceInfo>>,
    /// Every item with its start and end, for people.
    pub table: Vec<Row>,
    /// Start and end of everything that has an id, on the film's clock, or why there is no one instant; what is in a group
    /// by `group.child`.
    pub ids: BTreeMap<String, (Lost<Time>, Lost<Time>)>,
}

impl Timeline {
    /// The film's length: its frames.
    pub fn duration(&self) -> Time {
        self.film.frame_time(self.film.frames)
    }
}

/// One line of the timetable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The item's kind.
    pub kind: String,
    /// Its id, file, text or colour.
    pub name: String,
    /// How deep in groups and tracks.
    pub depth: usize,
    /// Exact start on the clock of its composition.
    pub start: Time,
    /// Exact end on that clock.
    pub end: Time,
}

/// Layers on one canvas and one clock: the film, or a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Composition {
    /// Canvas columns.
    pub width: u32,
    /// Canvas rows.
    pub height: u32,
    /// When its frames begin.
    pub clock: Clock,
    /// What is seen where nothing is painted.
    pub background: Colour,
    /// How many frames.
    pub frames: u64,
    /// Its exact length, before it was snapped to frames.
    pub length: Time,
    /// What is painted, bottom first.
    pub layers: Vec<Layer>,
    /// Where one layer goes over into another.
    pub crossings: Vec<Crossing>,
}

impl Composition {
    /// When a frame begins.
    pub fn frame_time(&self, frame: u64) -> Time {
        self.clock.time(frame)
    }

    /// How long it is at the middle of a frame since an earlier one began.
    pub fn centre_since(&self, start: u64, frame: u64) -> Time {
        self.clock.centre(frame) - self.clock.time(start)
    }

    /// How long it is at the beginning of a frame since an earlier one began; 0 for one before that.
    pub fn time_since(&self, start: u64, frame: u64) -> Time {
        self.clock.time(frame.max(start)) - self.clock.time(start)
    }
}

/// One picture among others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// Where it was written.
    #[serde(skip)]
    pub span: Span,
    /// When it is seen, in frames of its composition.
    pub frames: Range<u64>,
    /// What it shows.
    pub content: Content,
    /// Its effects in order, at the content's own pixels.
    pub effects: Vec<EffectUse>,
    /// Where it is painted.
    pub placement: Placement,
    /// What is done to its box before it is turned.
    pub frame: Frame,
    /// Opacity: the product of these.
    pub opacity: Vec<Track<f64>>,
    /// How it is painted.
    pub blend: Blend,
}

/// What a layer shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Content {
    /// Pictures of a source.
    Video {
        /// Which of [`Timeline::sources`].
        source: usize,
        /// Which instant of it.
        map: TimeMap,
        /// Whether the two nearest source pictures are mixed.
        blend_frames: bool,
    },
    /// The one picture of a source.
    Still {
        /// Which of [`Timeline::sources`].
        source: usize,
    },
    /// One colour.
    Colour(Track<Colour>),
    /// Lettering.
    Text(TextContent),
    /// A drawn shape.
    Shape(ShapeContent),
    /// A film in the film.
    Group {
        /// Its pictures.
        composition: Box<Composition>,
        /// Which instant of it.
        map: TimeMap,
        /// Whether its two nearest pictures are mixed.
        blend_frames: bool,
    },
    /// Nothing of its own: the effects act on all beneath.
    Adjust,
}

/// Lettering with its lengths in canvas pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextContent {
    /// Runs of one look each.
    pub runs: Vec<TextRun>,
    /// Alignment of lines.
    pub align: Align,
    /// Line distance as a multiple of the size.
    pub line_height: f64,
    /// Widest line; `None`: only line feeds break lines.
    pub wrap: Option<f64>,
    /// The box behind it.
    pub background: Option<Colour>,
    /// Between lettering and box edge.
    pub padding: f64,
    /// Rounded corners of the box; the share is of its smaller side.
    pub background_radius: Extent,
    /// Line around the letters.
    pub outline: Option<(f64, Colour)>,
    /// Shadow of the letters.
    pub shadow: Option<Shadow>,
}

/// Letters of one look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextRun {
    /// What it says, literally.
    pub text: String,
    /// Family name or font file; `None`: the bundled font.
    pub font: Option<String>,
    /// Where the font was written.
    #[serde(skip)]
    pub font_span: Option<Span>,
    /// Letter size in canvas pixels.
    pub size: Track<f64>,
    /// 1 to 1000.
    pub weight: u16,
    /// Slanted.
    pub italic: bool,
    /// Of the letters.
    pub colour: Track<Colour>,
    /// Added between letters, in canvas pixels.
    pub letter_spacing: f64,
}

/// A shape with its lengths in canvas pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShapeContent {
    /// Which.
    pub form: ShapeForm,
    /// Its inside.
    pub fill: Option<Track<Colour>>,
    /// Its line.
    pub stroke: Option<(f64, Colour)>,
    /// Corner radius; the share is of the box's smaller side.
    pub radius: Track<Extent>,
}

/// An effect with its keyframes on the item's clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectUse {
    /// Its name in the registry.
    pub name: String,
    /// One for each parameter of its spec.
    pub params: Vec<Param>,
    /// How much of it is mixed in, 0 to 1.
    pub mix: Track<f64>,
    /// When it acts, on the item's clock; always if absent.
    pub active: Option<Range<Time>>,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Param {
    /// Number of whatever unit.
    Number(Track<f64>),
    /// Colour.
    Colour(Track<Colour>),
    /// Length; the share is of the picture's smaller side.
    Length(Track<Extent>),
    /// Point of the picture.
    Point(Track<[Extent; 2]>),
    /// Index of a word.
    Word(usize),
    /// Boolean.
    Boolean(bool),
    /// Whole number.
    Integer(i64),
    /// Text.
    Text(String),
    /// Left out.
    Absent,
}

/// Where a layer is painted. Lengths are canvas pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    /// What is kept of the content: x, y, width, height in upright, square source pixels.
    pub crop: Option<[f64; 4]>,
    /// Mirrored (left–right, top–bottom).
    pub flip: (bool, bool),
    /// How the content fills its box.
    pub fit: Fit,
    /// The box.
    pub frame: BoxSize,
    /// Where on the canvas the box's anchor goes.
    pub position: Track<[Extent; 2]>,
    /// The box's own point that goes there; share of the box.
    pub anchor: [Extent; 2],
    /// Moved by this much after all.
    pub offset: Track<[Extent; 2]>,
    /// The box times this, about the anchor.
    pub scale: Track<f64>,
    /// Degrees clockwise about the box's center.
    pub rotate: Track<f64>,
    /// The content in its box times this.
    pub zoom: Track<f64>,
    /// What zoom keeps in place; share of the box.
    pub zoom_origin: Track<[Extent; 2]>,
    /// The content moved in its box; share of the box.
    pub pan: Track<[Extent; 2]>,
}

/// A shadow. Lengths are canvas pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shadow {
    /// To the right.
    pub dx: f64,
    /// Down.
    pub dy: f64,
    /// Blur radius as in CSS: a Gaussian with half of it as standard deviation.
    pub blur: f64,
    /// Its colour.
    pub colour: Colour,
}

/// Rounded corners of a layer's box, a line along its inside, and what it all throws on what is beneath.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Corner radius; the share is of the box's smaller side.
    pub radius: Track<Extent>,
    /// Width in canvas pixels, and colour.
    pub border: Option<(f64, Colour)>,
    /// Thrown by whatever is opaque; turned with it, and seen through it where it is not.
    pub shadow: Option<Shadow>,
}

impl Frame {
    /// Whether the box itself is left as it is: no corners, no line.
    pub fn is_plain(&self) -> bool {
        self.border.is_none() && self.radius.is(&Extent::default())
    }
}

/// How large a layer's box is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum BoxSize {
    /// The canvas.
    Canvas,
    /// The content's size, shrunk to fit the canvas if larger.
    Natural,
    /// So wide (share of the canvas's width), the height by the content's aspect.
    Width(Track<Extent>),
    /// So high (share of the canvas's height), the width by the content's aspect.
    Height(Track<Extent>),
    /// Both.
    Both(Track<Extent>, Track<Extent>),
}

/// A transition between two layers of a sequence, or one layer and nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Crossing {
    /// When, in frames of the composition.
    pub frames: Range<u64>,
    /// The outgoing layer.
    pub from: Option<usize>,
    /// The incoming layer.
    pub to: Option<usize>,
    /// Which transition; its parameters are on the clock of the crossing.
    pub effect: EffectUse,
    /// How its progress runs.
    pub easing: Easing,
}
