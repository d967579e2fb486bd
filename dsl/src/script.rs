//! The typed script: what a person asked for, with nothing resolved.
//!
//! Variables are substituted, styles and defaults are merged into the items, names of media are replaced by paths;
//! times are still as written, because only the timeline knows the clocks. Every field holds its default, or `None`
//! where the absence means something (said at the field).

use std::path::PathBuf;

use serde::Serialize;

use crate::source::{Span, Spanned};
use crate::value::{
    Anchor, Animated, Colour, Length, Point, Position, Rational, TimePoint, TimeRange, time::ratio_text,
};

/// A whole edit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Script {
    /// The picture that everything is painted on.
    pub canvas: Canvas,
    /// The main sequence; its end is the film's end.
    pub timeline: Option<Sequence>,
    /// Items placed over the timeline, bottom first.
    pub overlays: Vec<Item>,
    /// Sounds.
    pub audio: Vec<Item>,
    /// What is written; may be empty (the command line then names a file).
    pub outputs: Vec<Output>,
}

/// `canvas`: what is left out comes from the first video.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Canvas {
    /// Width and height in pixels.
    pub size: Option<Spanned<(u32, u32)>>,
    /// Frames a second.
    pub fps: Option<Spanned<FrameRate>>,
    /// What is seen where nothing is painted.
    pub background: Option<Colour>,
    /// Samples a second of the film's sound; 48,000 if absent.
    pub sample_rate: Option<Spanned<u32>>,
}

/// A frame rate as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum FrameRate {
    /// So many frames a second, exactly.
    Constant(#[serde(with = "ratio_text")] Rational),
    /// `source`: the only base's own times.
    Source,
}

/// Items one after another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sequence {
    /// Clips, gaps and transitions in order.
    pub entries: Vec<SequenceEntry>,
    /// The block.
    pub span: Span,
}

/// What stands in a sequence.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "a transition is rarer than an item and read far more often than moved"
)]
pub enum SequenceEntry {
    /// A clip.
    Item(Box<Item>),
    /// `gap 2s`: nothing for a while.
    Gap {
        /// How long.
        duration: Spanned<TimePoint>,
    },
    /// A transition between its neighbours; those that `defaults` put in are here too.
    Transition(Transition),
}

/// A transition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Transition {
    /// Which, with all its parameters.
    pub effect: Effect,
    /// How long the neighbours overlap.
    pub duration: Spanned<TimePoint>,
    /// How its progress runs.
    pub easing: crate::value::Easing,
    /// Where it was written (for one from `defaults`: there).
    pub span: Span,
}

/// Anything that is seen or heard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// Its name, for anchors.
    pub id: Option<Spanned<String>>,
    /// What it is.
    pub kind: ItemKind,
    /// When it is.
    pub timing: Timing,
    /// How it is seen. Meaningless for sounds.
    pub visual: Visual,
    /// How it is heard.
    pub sound: Sound,
    /// Picture and sound effects, in order.
    pub effects: Vec<Effect>,
    /// Where it was written: the kind's word and its positionals.
    pub span: Span,
}

/// What an item is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum ItemKind {
    /// Moving pictures, with sound if the file has some.
    Video {
        /// The file.
        source: Source,
        /// From source time to item time.
        map: TimeMap,
    },
    /// A still.
    Image {
        /// The file.
        source: Source,
    },
    /// Numbered or globbed stills as a film.
    ImageSequence {
        /// The pattern: `img-%04d.png` or `img-*.png`.
        source: Source,
        /// Stills a second.
        #[serde(with = "ratio_text")]
        fps: Rational,
        /// First number of a `%d` pattern.
        start: u32,
        /// From source time to item time.
        map: TimeMap,
    },
    /// One colour, as large as its box (the canvas by default).
    Colour(Animated<Colour>),
    /// Lettering.
    Text(Text),
    /// A drawn shape.
    Shape(Shape),
    /// A film in the film.
    Group {
        /// Its canvas size; the parent's if absent.
        size: Option<(u32, u32)>,
        /// Its sequence.
        timeline: Option<Sequence>,
        /// Its overlays.
        overlays: Vec<Item>,
        /// Its sounds.
        audio: Vec<Item>,
        /// From the group's own time to the parent's.
        map: TimeMap,
    },
    /// Items one after another, placed as one.
    Track(Sequence),
    /// No picture of its own: its effects act on all beneath it.
    Adjust,
    /// Sound alone.
    Audio {
        /// The file.
        source: Source,
        /// From source time to item time.
        map: TimeMap,
    },
}

/// A media file as a script names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Source {
    /// The path, relative ones already put behind the script's folder.
    pub path: PathBuf,
    /// Where it was written.
    pub span: Span,
}

/// `at` and `duration`, on the parent's timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Timing {
    /// Where it starts; the parent's start if absent. Never present on an item of a sequence.
    pub at: Option<Spanned<TimePoint>>,
    /// How long it lasts; a base other than `Start` is the *point* where it ends.
    pub duration: Option<Spanned<TimePoint>>,
    /// The second half of `at:a..b`.
    pub until: Option<Spanned<TimePoint>>,
}

/// From source time to item time, applied in this order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimeMap {
    /// First source instant; the source's start if absent.
    pub start: Option<Spanned<TimePoint>>,
    /// First source instant no longer shown; the source's end if absent.
    pub end: Option<Spanned<TimePoint>>,
    /// Backwards.
    pub reverse: bool,
    /// How many times the span is played.
    pub repeat: Repeat,
    /// Source seconds an item second.
    pub speed: Spanned<Animated<f64>>,
    /// The exact speed where it is constant.
    #[serde(with = "ratio_text")]
    pub exact_speed: Rational,
    /// Instants held, on the item's clock after speed: (when, for how long).
    pub freeze: Vec<(Spanned<TimePoint>, Spanned<TimePoint>)>,
    /// Whether the sound's pitch is kept or follows the speed.
    pub pitch: Pitch,
    /// How pictures between two source frames are made.
    pub frames: FrameBlend,
}

/// `loop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Repeat {
    /// So many times in all.
    Times(u32),
    /// As long as the item lasts.
    Forever,
}

/// `pitch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Pitch {
    /// The same pitch at any speed.
    Keep,
    /// As a tape does.
    Follow,
}

/// `frames`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum FrameBlend {
    /// The frame that is due.
    Nearest,
    /// The two nearest, mixed.
    Blend,
}

/// `fit`: how a picture fills its box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Fills it; what sticks out is cut.
    Cover,
    /// Wholly inside; bars where it does not reach.
    Contain,
    /// Stretched.
    Fill,
    /// At its own size.
    None,
    /// `contain` over a blurred `cover` of itself.
    Blur,
}

/// How an item is seen. Lengths are canvas pixels unless they say otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Visual {
    /// How the picture fills its box; `None`: cover in a sequence, contain over a natural box elsewhere.
    pub fit: Option<Fit>,
    /// Where the box goes; `None`: center.
    pub position: Option<Position>,
    /// The box's own point that goes there; `None`: as `position` says.
    pub anchor: Option<Anchored>,
    /// Moved by this much after all.
    pub offset: Option<Animated<Point>>,
    /// The box's width; % of the canvas's width.
    pub width: Option<Animated<Length>>,
    /// The box's height; % of the canvas's height.
    pub height: Option<Animated<Length>>,
    /// The box times this, about its anchor point.
    pub scale: Animated<f64>,
    /// Clockwise, in degrees, about the box's center.
    pub rotate: Animated<f64>,
    /// The content inside its box, times this.
    pub zoom: Animated<f64>,
    /// What `zoom` keeps in place; % of the box. `None`: the center.
    pub zoom_origin: Option<Animated<Point>>,
    /// The content moved inside its box; % of the box.
    pub pan: Option<Animated<Point>>,
    /// What is kept of the source, in source pixels.
    pub crop: Option<Crop>,
    /// Mirrored.
    pub flip: Flip,
    /// 0 to 1.
    pub opacity: Animated<f64>,
    /// How it is painted on what is beneath.
    pub blend: Blend,
    /// Rounded corners; % of the box's smaller side.
    pub radius: Option<Animated<Length>>,
    /// Shadow of what is opaque: offset, blur radius, colour. Lettering has its own.
    pub shadow: Option<(Point, Length, Colour)>,
    /// `fade_in` of an overlay's picture is `Sound::fade_in`, which acts on both.
    pub border: Option<(Length, Colour)>,
}

/// A box's own anchor point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Anchored {
    /// One of the nine.
    Anchor(Anchor),
    /// A point in the box; % of the box.
    Point(Point),
}

/// `crop`, as a field or as the effect of that name: a rectangle of the source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Crop {
    /// Width; % of the source's.
    pub width: Length,
    /// Height.
    pub height: Length,
    /// Left edge; `None`: centered.
    pub x: Option<Length>,
    /// Upper edge; `None`: centered.
    pub y: Option<Length>,
    /// Where it was written.
    pub span: Span,
}

/// `flip`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
pub struct Flip {
    /// Left and right change places.
    pub horizontal: bool,
    /// Top and bottom change places.
    pub vertical: bool,
}

/// How a picture is painted on what is beneath (W3C Compositing and Blending Level 1, and `add`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the standard's")]
pub enum Blend {
    Normal,
    Multiply,
    Screen,
    Overlay,
    Darken,
    Lighten,
    ColorDodge,
    ColorBurn,
    HardLight,
    SoftLight,
    Difference,
    Exclusion,
    Add,
    Subtract,
    Hue,
    Saturation,
    Color,
    Luminosity,
}

/// How an item is heard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sound {
    /// Linear amplitude.
    pub volume: Animated<f64>,
    /// Not heard at all.
    pub mute: bool,
    /// −1 left to 1 right.
    pub pan: Animated<f64>,
    /// Rises for so long; on an overlay the picture too.
    pub fade_in: Option<Spanned<TimePoint>>,
    /// Falls for so long; on an overlay the picture too.
    pub fade_out: Option<Spanned<TimePoint>>,
    /// Where the item itself asks for a fade, and not its style or `defaults`.
    #[serde(skip)]
    pub own_fade: Option<Span>,
    /// Which sound stream of the file, from 0; left out: the one that the file names as its default, else the first.
    pub stream: Option<Spanned<u32>>,
}

/// Lettering.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Text {
    /// What it says: runs of one look each. Drawn literally.
    pub runs: Vec<TextRun>,
    /// Alignment of its lines.
    pub align: Align,
    /// Line distance as a multiple of the size.
    pub line_height: f64,
    /// Widest line; `None`: the canvas less a margin of 5 % on each side. `wrap: false` is `Some` of no limit.
    pub wrap: Wrap,
    /// The box behind it.
    pub background: Option<Colour>,
    /// Between lettering and box edge.
    pub padding: Length,
    /// Rounded corners of the box.
    pub background_radius: Length,
    /// Line around the letters.
    pub outline: Option<(Length, Colour)>,
    /// Shadow of the letters: offset, blur radius, colour.
    pub shadow: Option<(Point, Length, Colour)>,
    /// Where the text was written.
    pub span: Span,
}

/// One look.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TextRun {
    /// What it says.
    pub text: String,
    /// Family name or path of a font file; `None`: the bundled font.
    pub font: Option<Spanned<String>>,
    /// Letter size (em); % of the canvas's height.
    pub size: Animated<Length>,
    /// 1 to 1000.
    pub weight: u16,
    /// Slanted.
    pub italic: bool,
    /// Of the letters.
    pub colour: Animated<Colour>,
    /// Added between letters.
    pub letter_spacing: Length,
}

/// Alignment of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Align {
    /// Where the script's direction starts a line.
    Start,
    /// To the left.
    Left,
    /// Centered.
    Center,
    /// To the right.
    Right,
    /// Where the script's direction ends a line.
    End,
    /// Both edges straight.
    Justify,
}

/// Where lines are broken.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Wrap {
    /// At the canvas's width less 5 % on each side, or at the item's `width`.
    Auto,
    /// Only at line feeds.
    None,
    /// At this width.
    At(Length),
}

/// A drawn shape.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shape {
    /// Which.
    pub form: ShapeForm,
    /// Its inside.
    pub fill: Option<Animated<Colour>>,
    /// Its line: width and colour.
    pub stroke: Option<(Length, Colour)>,
}

/// Which shape, in its box (`width`, `height`; the canvas by default).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShapeForm {
    /// A rectangle; `radius` rounds it.
    Rect,
    /// An ellipse that fills the box.
    Circle,
    /// From the box's top left to its bottom right.
    Line,
}

impl ShapeForm {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            ShapeForm::Rect => "rect",
            ShapeForm::Circle => "circle",
            ShapeForm::Line => "line",
        }
    }
}

/// An effect as used: every parameter of its spec, in the spec's order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effect {
    /// Its name, which the catalogue knows.
    pub name: Spanned<String>,
    /// One value for each parameter of the spec, defaults filled in, in the spec's order.
    pub params: Vec<ParamValue>,
    /// How much of it is mixed in, 0 to 1.
    pub mix: Animated<f64>,
    /// From when it acts, on the item's clock.
    pub at: Option<Spanned<TimePoint>>,
    /// For how long it acts; a base other than `Start` is the *point* where it ends.
    pub duration: Option<Spanned<TimePoint>>,
    /// The second half of `at:a..b`.
    pub until: Option<Spanned<TimePoint>>,
    /// All of it.
    pub span: Span,
}

/// The value of one parameter of an effect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum ParamValue {
    /// Number, share, gain (linear), frequency (Hz), temperature (K), angle (degrees).
    Number(Animated<f64>),
    /// Colour.
    Colour(Animated<Colour>),
    /// Length.
    Length(Animated<Length>),
    /// Point.
    Point(Animated<Point>),
    /// One of the words of its type, by index.
    Word(usize),
    /// Boolean.
    Boolean(bool),
    /// Whole number.
    Integer(i64),
    /// Text, id.
    Text(String),
    /// A file.
    Path(Source),
    /// A time on the item's clock.
    Time(TimePoint),
    /// Left out, where the spec has no default.
    Absent,
}

/// One file that is written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Output {
    /// The file, relative to the main script's folder.
    pub file: Spanned<PathBuf>,
    /// How good.
    pub quality: Quality,
    /// How large; the canvas if absent.
    pub size: Option<OutputSize>,
    /// How the canvas fills the output's picture.
    pub fit: Fit,
    /// Frames a second; the canvas's if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fps: Option<Spanned<FrameRate>>,
    /// Codec by name; the format's usual one if absent.
    pub codec: Option<Spanned<String>>,
    /// The encoder's speed preset.
    pub preset: Option<Spanned<String>>,
    /// Constant quality; overrides `quality`.
    pub crf: Option<Spanned<f64>>,
    /// Bits a second; overrides `quality` and `crf`.
    pub bitrate: Option<Spanned<u64>>,
    /// Sound codec by name.
    pub audio_codec: Option<Spanned<String>>,
    /// Bits a second of the sound.
    pub audio_bitrate: Option<Spanned<u64>>,
    /// The still's time, for a picture format.
    pub at: Option<Spanned<TimePoint>>,
    /// Only this part of the film.
    pub range: Option<Spanned<TimeRange>>,
    /// How often an animation repeats; 0 is for ever.
    pub repeat: u32,
    /// Where it was written.
    pub span: Span,
}

/// How large an output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum OutputSize {
    /// Width and height.
    Exact(u32, u32),
    /// The shorter side; the longer by the canvas's aspect, even.
    ShorterSide(u32),
}

/// `quality`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// Small files.
    Low,
    /// Good for most.
    Medium,
    /// Hard to tell from the original.
    High,
    /// Every sample kept.
    Lossless,
}
