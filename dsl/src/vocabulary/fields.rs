//! The fields of nodes, in groups that several kinds share: each once, with its type, its default and its doc.

use super::{EffectSpec, FieldSpec, FieldType as T, Reference, Role};

const fn plain(name: &'static str, ty: T, doc: &'static str) -> FieldSpec {
    FieldSpec { name, ty, default: None, neutral: None, keyframes: false, doc }
}

const fn preset(name: &'static str, ty: T, default: &'static str, doc: &'static str) -> FieldSpec {
    FieldSpec { default: Some(default), ..plain(name, ty, doc) }
}

const fn animated(name: &'static str, ty: T, default: Option<&'static str>, doc: &'static str) -> FieldSpec {
    FieldSpec { default, keyframes: true, ..plain(name, ty, doc) }
}

const SHARE: T = T::Number { min: 0.0, max: 1.0 };
const COUNT: T = T::Integer { min: 0, max: 1_000_000 };

/// `canvas`.
pub(super) const CANVAS: &[FieldSpec] = &[
    plain("size", T::Size, "width and height; left out: the first video's, else 1920x1080"),
    plain(
        "fps",
        T::Special,
        "frames a second, or `source`: the frame times of the timeline's one video; left out: the first video's rate, else 30",
    ),
    plain("background", T::Colour, "what is seen where nothing is painted; left out: black"),
    preset("sample_rate", T::Frequency, "48000", "samples a second of the film's sound, 8000 to 192000"),
];

/// What every item has.
pub(super) const COMMON: &[FieldSpec] = &[
    plain("id", T::Id, "its name, for anchors such as `@intro.start`"),
    plain("style", T::Special, "the name of a set of fields bound by `style`"),
];

/// When an item is, on its parent's timeline.
pub(super) const TIMING: &[FieldSpec] = &[
    plain(
        "at",
        T::Special,
        "where it starts, or `a..b`: where it starts and ends; left out: the parent's start",
    ),
    plain("duration", T::Time, "how long it lasts, or the point where it ends: `end`, `@id.end`"),
];

/// From source time to item time.
pub(super) const CUT: &[FieldSpec] = &[
    plain("in", T::Time, "the first instant of the source that is used; left out: its start"),
    plain("out", T::Time, "the first instant of the source no longer used; left out: its end"),
    animated("speed", T::Number { min: 0.001, max: 1000.0 }, Some("1"), "source seconds an item second"),
    preset("reverse", T::Boolean, "false", "plays it backwards"),
    preset("loop", T::Special, "false", "`true`: as long as the item lasts; a number: so many times in all"),
    plain("freeze", T::Special, "holds the picture: `2s for 1s`, or a list of such"),
];

/// How pictures follow a change of speed.
pub(super) const PICTURES_OF_TIME: &[FieldSpec] =
    &[preset("frames", T::Word(FRAMES), "nearest", "how pictures between two frames of the source are made")];

/// How sound follows a change of speed.
pub(super) const PITCH_OF_TIME: &[FieldSpec] =
    &[preset("pitch", T::Word(PITCH), "keep", "what becomes of the sound's pitch when the speed is not 1")];

const PITCH: &[(&str, &str)] =
    &[("keep", "the same pitch at any speed"), ("follow", "higher when faster, as a tape does")];
const FRAMES: &[(&str, &str)] = &[("nearest", "the frame that is due"), ("blend", "the two nearest, mixed")];

/// How a picture lies in its box and its box on the canvas.
pub(super) const PLACEMENT: &[FieldSpec] = &[
    animated(
        "position",
        T::Position,
        Some("center"),
        "where the box goes: an anchor of the canvas, or a point",
    ),
    plain(
        "anchor",
        T::Position,
        "the box's own point that goes there; left out: as `position`, top-left for a point",
    ),
    animated("offset", T::Point(Reference::CanvasWidth), None, "moves it from there; % of the canvas"),
    animated("scale", T::Number { min: 0.0, max: 1000.0 }, Some("1"), "the box, times this"),
    animated("rotate", T::Angle, Some("0deg"), "turned clockwise about the box's center"),
    animated(
        "zoom",
        T::Number { min: 0.001, max: 1000.0 },
        Some("1"),
        "the content inside its box, times this",
    ),
    animated(
        "zoom_origin",
        T::Point(Reference::Box),
        None,
        "what `zoom` keeps in place; % of the box; left out: center",
    ),
    animated("pan", T::Point(Reference::Box), None, "moves the content inside its box; % of the box"),
    plain("flip", T::Word(FLIP), "mirrors it"),
    animated("opacity", SHARE, Some("1"), "0: not seen; 1: wholly"),
    preset("blend", T::Word(BLEND), "normal", "how it is painted on what is beneath"),
];

/// How a picture fills its box.
pub(super) const FIT: &[FieldSpec] = &[plain(
    "fit",
    T::Word(FITS),
    "how the picture fills its box; left out: cover in a sequence, else contain",
)];

/// The box of what is not lettering.
pub(super) const SIDES: &[FieldSpec] = &[
    animated("width", T::Length(Reference::CanvasWidth), None, "the box's width; % of the canvas's"),
    animated("height", T::Length(Reference::CanvasHeight), None, "the box's height; % of the canvas's"),
];

/// The box of lettering.
pub(super) const TEXT_BOX: &[FieldSpec] = &[plain(
    "width",
    T::Length(Reference::CanvasWidth),
    "where its lines are broken; % of the canvas's width; it takes no keyframes",
)];

/// What is kept of a source.
pub(super) const CROP: &[FieldSpec] =
    &[plain("crop", T::Special, "what is kept of the source: `1280x720`, `1280x720 320px 180px`, `50% 50%`")];

/// A line around a box.
pub(super) const BORDER: &[FieldSpec] =
    &[plain("border", T::Special, "a line around the box: width and colour, such as `4px white`")];

/// Corners and shadow of a box; of lettering its background's corners, and its letters' shadow.
pub(super) const OUTLINE: &[FieldSpec] = &[
    animated("radius", T::Length(Reference::Box), None, "rounds the box's corners; % of its smaller side"),
    plain(
        "shadow",
        T::Special,
        "of all that is opaque in it: offset, blur and colour, such as `4px 4px 12px #0008`; turns with it",
    ),
];

const FITS: &[(&str, &str)] = &[
    ("cover", "fills the box; what sticks out is cut"),
    ("contain", "wholly inside; bars where it does not reach"),
    ("fill", "stretched to the box"),
    ("none", "at its own size"),
    ("blur", "`contain` over a blurred `cover` of itself"),
];
pub(super) const FLIP: &[(&str, &str)] = &[
    ("horizontal", "left and right change places"),
    ("vertical", "top and bottom change places"),
    ("both", "turned by half a turn"),
];
const BLEND: &[(&str, &str)] = &[
    ("normal", "covers it"),
    ("multiply", "darkens by its darkness"),
    ("screen", "lightens by its lightness"),
    ("overlay", "multiply in the dark, screen in the light"),
    ("darken", "the darker of both"),
    ("lighten", "the lighter of both"),
    ("color-dodge", "brightens what is beneath"),
    ("color-burn", "darkens what is beneath"),
    ("hard-light", "`overlay` with both exchanged"),
    ("soft-light", "a gentle `hard-light`"),
    ("difference", "how far both are apart"),
    ("exclusion", "`difference` with less contrast"),
    ("add", "the sum of both"),
    ("subtract", "what is beneath, less it"),
    ("hue", "its hue alone"),
    ("saturation", "its saturation alone"),
    ("color", "its hue and saturation"),
    ("luminosity", "its lightness alone"),
];

/// How a sound is heard.
pub(super) const SOUND: &[FieldSpec] = &[
    animated("volume", T::Gain, Some("1"), "its loudness: `-12dB`, or a factor"),
    preset("mute", T::Boolean, "false", "not heard at all"),
    animated("pan_audio", T::Number { min: -1.0, max: 1.0 }, Some("0"), "-1: left; 1: right"),
];

/// Which of a file's sounds.
pub(super) const STREAM: &[FieldSpec] = &[plain(
    "stream",
    T::Integer { min: 0, max: 999 },
    "which sound of the file, from 0; left out: its default, else the first",
)];

/// Rises and falls.
pub(super) const FADES: &[FieldSpec] = &[
    plain("fade_in", T::Time, "rises for so long; on an overlay the picture too"),
    plain("fade_out", T::Time, "falls for so long; on an overlay the picture too"),
];

/// The file of a video or sound.
pub(super) const FILE: &[FieldSpec] = &[plain("file", T::Path, "its path, or the name of a bound medium")];

/// Numbered stills.
pub(super) const STILLS: &[FieldSpec] = &[
    plain("fps", T::Rate, "stills a second of a sequence such as `img-%04d.png`; left out: 25"),
    preset("start", COUNT, "0", "the first number of a sequence, or the next one that is there"),
];

/// What a colour item is.
pub(super) const COLOUR: &[FieldSpec] = &[animated("color", T::Colour, None, "its colour")];

/// What a text says.
pub(super) const SAYS: &[FieldSpec] =
    &[plain("text", T::Text, "what it says; only `${…}` has a second meaning")];

/// How letters look.
pub(super) const LETTERS: &[FieldSpec] = &[
    plain("font", T::Text, "family name, or path of a font file; left out: the bundled font"),
    animated(
        "size",
        T::Length(Reference::CanvasHeight),
        Some("5vmin"),
        "letter size; % of the canvas's height",
    ),
    preset("weight", T::Integer { min: 1, max: 1000 }, "400", "400: regular; 700: bold"),
    preset("italic", T::Boolean, "false", "slanted"),
    animated("color", T::Colour, Some("white"), "the letters' colour"),
    preset("letter_spacing", T::Length(Reference::CanvasWidth), "0", "added between letters"),
];

/// How lines and the box behind them look.
pub(super) const LINES: &[FieldSpec] = &[
    preset("align", T::Word(ALIGN), "center", "alignment of the lines"),
    preset("line_height", T::Number { min: 0.1, max: 100.0 }, "1.2", "distance of lines, times the size"),
    preset(
        "wrap",
        T::Special,
        "true",
        "`true`: within the canvas or `width`; `false`: only at line feeds; or a length",
    ),
    plain("background", T::Colour, "the box behind it"),
    preset("padding", T::Length(Reference::CanvasWidth), "0", "between lettering and the box's edge"),
    preset("radius", T::Length(Reference::Box), "0", "rounds the corners of the box behind it"),
    plain("outline", T::Special, "a line around the letters: width and colour, such as `2px black`"),
    plain("shadow", T::Special, "of the letters: offset, blur and colour, such as `2px 2px 4px black`"),
];

const ALIGN: &[(&str, &str)] = &[
    ("start", "where the script's direction starts a line"),
    ("left", "to the left"),
    ("center", "centered"),
    ("right", "to the right"),
    ("end", "where the script's direction ends a line"),
    ("justify", "both edges straight"),
];

/// What a shape is.
pub(super) const SHAPE: &[FieldSpec] = &[
    plain("form", T::Word(FORM), "which shape"),
    animated("fill", T::Colour, None, "its inside; left out: white, unless it has a stroke"),
    plain("stroke", T::Special, "its line: width and colour, such as `4px white`"),
];

const FORM: &[(&str, &str)] = &[
    ("rect", "a rectangle; `radius` rounds it"),
    ("circle", "an ellipse that fills its box"),
    ("line", "from the box's top left to its bottom right"),
];

/// A group's own canvas.
pub(super) const GROUP: &[FieldSpec] = &[plain("size", T::Size, "its canvas; left out: the parent's")];

/// `opacity` alone, for `adjust`.
pub(super) const OPACITY: &[FieldSpec] =
    &[animated("opacity", SHARE, Some("1"), "how much of its effects is seen")];

/// `gap`.
pub(super) const GAP: &[FieldSpec] = &[plain("duration", T::Time, "how long nothing is seen")];

/// `at` alone, for `track`.
pub(super) const AT: &[FieldSpec] = &[plain("at", T::Time, "where it starts; left out: the parent's start")];

/// What a transition has besides its own parameters.
pub const TRANSITION_FIELDS: &[FieldSpec] = &[
    plain("name", T::Special, "which transition; `none` leaves out the one that `defaults` would put here"),
    preset("duration", T::Time, "1s", "how long its neighbours overlap"),
    preset("ease", T::Special, "linear", "how its progress runs: an easing"),
];

/// What every effect has besides its own parameters.
pub const EFFECT_FIELDS: &[FieldSpec] = &[
    animated("mix", SHARE, Some("1"), "how much of it is mixed in"),
    plain("at", T::Time, "from when it acts, on the item's clock, or `a..b`: from when until when"),
    plain("duration", T::Time, "for how long it acts, or the point where it ends: `end-1s`"),
];

/// `defaults`.
pub(super) const DEFAULTS: &[FieldSpec] = &[
    plain("fit", T::Word(FITS), "`fit` of every item that has none"),
    plain("fade_in", T::Time, "`fade_in` of every item that has none"),
    plain("fade_out", T::Time, "`fade_out` of every item that has none"),
    plain("transition", T::Special, "a transition's name, put at every cut; as a child with all its fields"),
];

/// `output`.
pub(super) const OUTPUT: &[FieldSpec] = &[
    plain("file", T::Text, "its path, relative to the script; the ending picks the format"),
    preset("quality", T::Word(QUALITY), "medium", "how good, and how large"),
    plain("size", T::Size, "its size; left out: the canvas's"),
    plain("resolution", T::Size, "the same as `size`"),
    preset("fit", T::Word(FITS), "contain", "how the canvas fills it"),
    plain(
        "fps",
        T::Special,
        "frames a second, or `source`: the frame times of the timeline's one video; left out: the canvas's",
    ),
    plain("codec", T::Text, "the video codec, such as `h264`; left out: the format's usual one"),
    plain("preset", T::Text, "the encoder's speed preset"),
    plain(
        "crf",
        T::Number { min: 0.0, max: 63.0 },
        "constant quality, in the encoder's scale; instead of `quality`",
    ),
    plain("bitrate", T::Bitrate, "bits a second; instead of `quality`"),
    plain("audio_codec", T::Text, "the sound codec, such as `aac`"),
    plain("audio_bitrate", T::Bitrate, "bits a second of the sound"),
    plain("at", T::Time, "the instant of a still"),
    plain("range", T::Range, "only this part of the film"),
    preset("loop", T::Integer { min: 0, max: 65_535 }, "0", "how often an animation repeats; 0: for ever"),
];

const QUALITY: &[(&str, &str)] = &[
    ("low", "small files"),
    ("medium", "good for most"),
    ("high", "hard to tell from the original"),
    ("lossless", "every sample kept"),
];

/// One line on `effects`, which every item has.
pub const EFFECTS_DOC: &str = "picture and sound effects, in order";

/// `crop`, `flip` and `rotate` written among the effects: they set the field of that name.
pub const GEOMETRY: &[EffectSpec] = &[
    EffectSpec {
        name: "crop",
        role: Role::Picture,
        doc: "Keeps a rectangle of the source.\n\nThe same as the field `crop`: it acts before every other effect.",
        params: &[
            plain("size", T::Size, "width and height in source pixels"),
            plain("x", T::Length(Reference::Source), "left edge; left out: centered"),
            plain("y", T::Length(Reference::Source), "upper edge; left out: centered"),
            plain("width", T::Length(Reference::Source), "instead of `size`: width; % of the source's"),
            plain("height", T::Length(Reference::Source), "instead of `size`: height; % of the source's"),
        ],
        positional: 3,
    },
    EffectSpec {
        name: "flip",
        role: Role::Picture,
        doc: "Mirrors the picture.\n\nThe same as the field `flip`.",
        params: &[preset("direction", T::Word(FLIP), "horizontal", "which sides change places")],
        positional: 1,
    },
    EffectSpec {
        name: "rotate",
        role: Role::Picture,
        doc: "Turns the picture clockwise.\n\nThe same as the field `rotate`: it acts on the finished box.",
        params: &[animated("angle", T::Angle, None, "how far")],
        positional: 1,
    },
];

/// The types that a variable may declare.
pub const VARIABLE_TYPES: &[(&str, T)] = &[
    ("time", T::Time),
    ("range", T::Range),
    ("size", T::Size),
    ("length", T::Length(Reference::Box)),
    ("point", T::Point(Reference::Box)),
    ("position", T::Position),
    ("angle", T::Angle),
    ("color", T::Colour),
    ("number", T::Number { min: -1e15, max: 1e15 }),
    ("share", SHARE),
    ("integer", T::Integer { min: i64::MIN, max: i64::MAX }),
    ("gain", T::Gain),
    ("rate", T::Rate),
    ("frequency", T::Frequency),
    ("bitrate", T::Bitrate),
    ("temperature", T::Temperature),
    ("boolean", T::Boolean),
    ("ratio", T::Ratio),
    ("text", T::Text),
    ("path", T::Path),
    ("id", T::Id),
];
