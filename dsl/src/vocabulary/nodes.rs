//! The kinds of nodes: where each may stand, what it takes by position, its fields and what its block holds.

use super::FieldSpec;
use super::fields as f;

/// Where a node may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At the top of a script.
    Top,
    /// In `timeline`, or in a `track` of `overlays`: items one after another.
    Sequence,
    /// In `overlays`.
    Overlays,
    /// In `audio`.
    Audio,
    /// In a `track` of `audio`: sounds one after another.
    AudioSequence,
    /// In a `group`.
    Group,
    /// In a `text`.
    Text,
    /// In `defaults`.
    Defaults,
}

impl Place {
    /// The place in the user's words, to stand behind "in".
    pub fn name(self) -> &'static str {
        match self {
            Place::Top => "the top level",
            Place::Sequence => "a timeline or track",
            Place::Overlays => "overlays",
            Place::Audio => "audio",
            Place::AudioSequence => "a track of audio",
            Place::Group => "a group",
            Place::Text => "a text",
            Place::Defaults => "defaults",
        }
    }

    /// The kinds that may stand here.
    pub fn kinds(self) -> impl Iterator<Item = &'static NodeSpec> {
        NODES.iter().filter(move |n| n.places.contains(&self))
    }

    /// The kind of that name that may stand here.
    pub fn kind(self, name: &str) -> Option<&'static NodeSpec> {
        self.kinds().find(|n| n.name == name)
    }
}

/// One kind of node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NodeSpec {
    /// Its word.
    pub name: &'static str,
    /// The key under which YAML lists or binds several, where that differs.
    pub plural: Option<&'static str>,
    /// Where it may stand.
    pub places: &'static [Place],
    /// The fields that may be given by position, in this order.
    pub positional: &'static [&'static str],
    /// Its fields, in groups.
    pub fields: &'static [&'static [FieldSpec]],
    /// Fields that the language has but this version does not do yet.
    pub later: &'static [&'static str],
    /// Fields that one would look for here and that it does not have, each with what to do instead.
    pub instead: &'static [(&'static str, &'static str)],
    /// What its block holds.
    pub children: Option<Place>,
    /// Whether it takes effects.
    pub effects: bool,
    /// Whether it binds a name: `var NAME = value`.
    pub binds: bool,
    /// One line of doc.
    pub doc: &'static str,
}

impl NodeSpec {
    /// All its fields.
    pub fn all_fields(&self) -> impl Iterator<Item = &'static FieldSpec> {
        self.fields.iter().flat_map(|group| group.iter())
    }

    /// Its field of that name.
    pub fn field(&self, name: &str) -> Option<&'static FieldSpec> {
        self.all_fields().find(|f| f.name == name)
    }
}

const EMPTY: NodeSpec = NodeSpec {
    name: "",
    plural: None,
    places: &[],
    positional: &[],
    fields: &[],
    later: &[],
    instead: &[],
    children: None,
    effects: false,
    binds: false,
    doc: "",
};

pub(super) const PICTURES: &[Place] = &[Place::Sequence, Place::Overlays];
/// Fields of pictures that come later.
const PICTURE_LATER: &[&str] = &["when", "mask"];
const TEXT_LATER: &[&str] = &["when", "mask", "animate_in", "animate_out"];
const WHEN: &[&str] = &["when"];

/// Every kind of node.
pub const NODES: &[NodeSpec] = &[
    NodeSpec {
        name: "canvas",
        places: &[Place::Top],
        positional: &["size"],
        fields: &[f::CANVAS],
        later: &["color"],
        doc: "the picture that everything is painted on",
        ..EMPTY
    },
    NodeSpec {
        name: "var",
        plural: Some("vars"),
        places: &[Place::Top],
        binds: true,
        doc: "a variable: `var NAME = value`, `var NAME: type = value`; used as `${NAME}`",
        ..EMPTY
    },
    NodeSpec {
        name: "media",
        plural: Some("media"),
        places: &[Place::Top],
        positional: &["file"],
        fields: &[f::FILE, f::CUT, f::PICTURES_OF_TIME, f::PITCH_OF_TIME, f::SOUND, f::STREAM, f::STILLS],
        binds: true,
        doc: "a name for a file, with fields that every use of it starts from",
        ..EMPTY
    },
    NodeSpec {
        name: "style",
        plural: Some("styles"),
        places: &[Place::Top],
        fields: &[
            f::TIMING,
            f::CUT,
            f::PICTURES_OF_TIME,
            f::PITCH_OF_TIME,
            f::PLACEMENT,
            f::FIT,
            f::SIDES,
            f::CROP,
            f::BORDER,
            f::OUTLINE,
            f::SOUND,
            f::STREAM,
            f::FADES,
            f::LETTERS,
            f::LINES,
            f::SHAPE,
        ],
        later: &["when", "mask", "animate_in", "animate_out"],
        effects: true,
        binds: true,
        doc: "a named set of fields and effects; an item takes those that its kind has, the effects before its own",
        ..EMPTY
    },
    NodeSpec {
        name: "defaults",
        places: &[Place::Top],
        fields: &[f::DEFAULTS],
        children: Some(Place::Defaults),
        doc: "what holds for every item that does not say otherwise",
        ..EMPTY
    },
    NodeSpec {
        name: "timeline",
        places: &[Place::Top, Place::Group],
        children: Some(Place::Sequence),
        doc: "items one after another; its end is the film's end",
        ..EMPTY
    },
    NodeSpec {
        name: "overlays",
        places: &[Place::Top, Place::Group],
        children: Some(Place::Overlays),
        doc: "items placed over the timeline by `at`; later ones paint on top",
        ..EMPTY
    },
    NodeSpec {
        name: "audio",
        places: &[Place::Top, Place::Group],
        children: Some(Place::Audio),
        doc: "sounds placed by `at`",
        ..EMPTY
    },
    NodeSpec {
        name: "output",
        plural: Some("outputs"),
        places: &[Place::Top],
        positional: &["file"],
        fields: &[f::OUTPUT],
        later: &["when", "encoder", "ladder"],
        doc: "a file that is written",
        ..EMPTY
    },
    NodeSpec {
        name: "video",
        places: PICTURES,
        positional: &["file"],
        fields: &[
            f::FILE,
            f::COMMON,
            f::TIMING,
            f::CUT,
            f::PICTURES_OF_TIME,
            f::PITCH_OF_TIME,
            f::PLACEMENT,
            f::FIT,
            f::SIDES,
            f::CROP,
            f::BORDER,
            f::OUTLINE,
            f::SOUND,
            f::STREAM,
            f::FADES,
        ],
        later: PICTURE_LATER,
        effects: true,
        doc: "moving pictures, with sound if the file has some",
        ..EMPTY
    },
    NodeSpec {
        name: "image",
        places: PICTURES,
        positional: &["file"],
        fields: &[
            f::FILE,
            f::COMMON,
            f::TIMING,
            f::CUT,
            f::PICTURES_OF_TIME,
            f::STILLS,
            f::PLACEMENT,
            f::FIT,
            f::SIDES,
            f::CROP,
            f::BORDER,
            f::OUTLINE,
            f::FADES,
        ],
        later: PICTURE_LATER,
        effects: true,
        doc: "a still, or numbered stills as a film: `img-%04d.png`, `img-*.png`",
        ..EMPTY
    },
    NodeSpec {
        name: "color",
        places: PICTURES,
        positional: &["color"],
        fields: &[f::COLOUR, f::COMMON, f::TIMING, f::PLACEMENT, f::SIDES, f::BORDER, f::OUTLINE, f::FADES],
        later: PICTURE_LATER,
        instead: &[
            ("crop", "one colour is the same everywhere: write `width` and `height`"),
            ("fit", "one colour fills its box: write `width` and `height`"),
        ],
        effects: true,
        doc: "one colour, as large as its box",
        ..EMPTY
    },
    NodeSpec {
        name: "text",
        places: PICTURES,
        positional: &["text"],
        fields: &[f::SAYS, f::COMMON, f::TIMING, f::PLACEMENT, f::TEXT_BOX, f::LETTERS, f::LINES, f::FADES],
        later: TEXT_LATER,
        instead: &[
            ("crop", "a text has no source to crop: write `width` or `wrap`, or put it into a `group`"),
            ("fit", "a text is as large as its letters: write `size`"),
            ("height", "a text is as high as its lines: write `size`, `line_height` or `padding`"),
            ("border", "write `outline` for the letters, or put a `shape` with a `stroke` beneath"),
        ],
        children: Some(Place::Text),
        effects: true,
        doc: "lettering; its block holds spans of different looks",
        ..EMPTY
    },
    NodeSpec {
        name: "span",
        places: &[Place::Text],
        positional: &["text"],
        fields: &[f::SAYS, f::LETTERS],
        doc: "a part of a text with a look of its own",
        ..EMPTY
    },
    NodeSpec {
        name: "shape",
        places: PICTURES,
        positional: &["form"],
        fields: &[f::SHAPE, f::COMMON, f::TIMING, f::PLACEMENT, f::SIDES, f::OUTLINE, f::FADES],
        later: PICTURE_LATER,
        instead: &[
            ("border", "write `stroke`"),
            ("crop", "a shape has no source to crop: write `width` and `height`"),
            ("fit", "a shape fills its box: write `width` and `height`"),
            ("color", "write `fill`, and `stroke` for its line"),
            ("background", "write `fill`"),
        ],
        effects: true,
        doc: "a rectangle, an ellipse or a line",
        ..EMPTY
    },
    NodeSpec {
        name: "group",
        places: PICTURES,
        fields: &[
            f::GROUP,
            f::COMMON,
            f::TIMING,
            f::CUT,
            f::PICTURES_OF_TIME,
            f::PITCH_OF_TIME,
            f::PLACEMENT,
            f::FIT,
            f::SIDES,
            f::CROP,
            f::BORDER,
            f::OUTLINE,
            f::SOUND,
            f::FADES,
        ],
        later: PICTURE_LATER,
        instead: &[("stream", "write it on the items of the group")],
        children: Some(Place::Group),
        effects: true,
        doc: "a film in the film: its own clock and ids",
        ..EMPTY
    },
    NodeSpec {
        name: "adjust",
        places: &[Place::Overlays],
        fields: &[f::COMMON, f::TIMING, f::OPACITY],
        later: &["when", "mask"],
        instead: &[
            ("crop", "it has no picture of its own: crop the items beneath, or put them into a `group`"),
            ("flip", "it has no picture of its own: put the items beneath into a `group` and flip that"),
            ("rotate", "it has no picture of its own: put the items beneath into a `group` and turn that"),
        ],
        effects: true,
        doc: "no picture of its own: its effects act on all beneath it",
        ..EMPTY
    },
    NodeSpec {
        name: "track",
        places: &[Place::Overlays],
        fields: &[f::COMMON, f::AT],
        later: WHEN,
        children: Some(Place::Sequence),
        doc: "items one after another, placed as one",
        ..EMPTY
    },
    NodeSpec {
        name: "track",
        places: &[Place::Audio],
        fields: &[f::COMMON, f::AT],
        later: WHEN,
        children: Some(Place::AudioSequence),
        doc: "sounds one after another, placed as one",
        ..EMPTY
    },
    NodeSpec {
        name: "audio",
        places: &[Place::Audio, Place::AudioSequence],
        positional: &["file"],
        fields: &[f::FILE, f::COMMON, f::TIMING, f::CUT, f::PITCH_OF_TIME, f::SOUND, f::STREAM, f::FADES],
        later: WHEN,
        instead: &[("frames", "a sound has no pictures; `pitch` is for sound")],
        effects: true,
        doc: "a sound, or the sound of a video",
        ..EMPTY
    },
    NodeSpec {
        name: "gap",
        places: &[Place::Sequence, Place::AudioSequence],
        positional: &["duration"],
        fields: &[f::GAP],
        later: WHEN,
        doc: "nothing for a while",
        ..EMPTY
    },
    NodeSpec {
        name: "transition",
        places: &[Place::Sequence, Place::AudioSequence, Place::Defaults],
        positional: &["name", "duration"],
        fields: &[f::TRANSITION_FIELDS],
        later: WHEN,
        doc: "how one item gives way to the next, which it overlaps",
        ..EMPTY
    },
    NodeSpec {
        name: "text",
        places: &[Place::Defaults],
        fields: &[f::LETTERS, f::LINES],
        doc: "the look of every text that does not say otherwise",
        ..EMPTY
    },
];
