//! The words of the language as data: each node kind and each field once.
//!
//! From these tables lowering validates, `vfxb effects` and the reference print, and the JSON Schema and completion
//! are made. Effects and transitions are described by the same [`FieldSpec`]s, but their list is the engine's
//! registry, which reaches this crate as a [`Catalogue`].

mod describe;
pub mod elsewhere;
mod fields;
mod later;
mod nodes;

pub use describe::{described, type_text};
pub use fields::{EFFECT_FIELDS, EFFECTS_DOC, GEOMETRY, TRANSITION_FIELDS, VARIABLE_TYPES};
pub use later::{LATER, LATER_EFFECTS, LATER_VARIABLES, LaterWord, later_effect};
pub use nodes::{NODES, NodeSpec, Place};

/// What the percent of a length refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// The canvas's width.
    CanvasWidth,
    /// The canvas's height.
    CanvasHeight,
    /// The item's own box.
    Box,
    /// The source picture.
    Source,
}

/// The type of a field: how what stands in it is read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldType {
    /// An instant or length of time.
    Time,
    /// `a..b`.
    Range,
    /// `WxH` or a preset.
    Size,
    /// A distance.
    Length(Reference),
    /// Two lengths.
    Point(Reference),
    /// One of the nine anchors, or a point.
    Position,
    /// `90deg`, `0.25turn`; read as degrees.
    Angle,
    /// A CSS colour.
    Colour,
    /// A number in a closed range; `80%` is 0.8.
    Number {
        /// Smallest allowed.
        min: f64,
        /// Largest allowed.
        max: f64,
    },
    /// A whole number in a closed range.
    Integer {
        /// Smallest allowed.
        min: i64,
        /// Largest allowed.
        max: i64,
    },
    /// `-12dB`, `0.5`, `50%`; read as linear amplitude.
    Gain,
    /// `30`, `29.97`, `30000/1001`, `ntsc`; exact.
    Rate,
    /// `48000`, `80Hz`, `48kHz`.
    Frequency,
    /// `4M`, `192k`: bits a second.
    Bitrate,
    /// `5600K`.
    Temperature,
    /// `true` or `false`.
    Boolean,
    /// `16:9`.
    Ratio,
    /// One of these words, each with one line of doc.
    Word(&'static [(&'static str, &'static str)]),
    /// Drawn or kept literally.
    Text,
    /// The path of a file, or the name of a bound medium.
    Path,
    /// The id of an item.
    Id,
    /// What lowering reads by a rule of its own (`loop`, `freeze`, `background` of text); the doc says how.
    Special,
}

/// One field of a node or one parameter of an effect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FieldSpec {
    /// Its name.
    pub name: &'static str,
    /// How its value is read.
    pub ty: FieldType,
    /// The default as a person would write it; `None` where absence means something else, which the doc says.
    pub default: Option<&'static str>,
    /// The value at which an effect changes nothing, where it has one.
    pub neutral: Option<&'static str>,
    /// Whether keyframes may stand here.
    pub keyframes: bool,
    /// One line of doc.
    pub doc: &'static str,
}

/// What an effect acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Pictures.
    Picture,
    /// Sound.
    Sound,
    /// Two pictures, one into the other.
    Transition,
}

/// One effect or transition, as the language sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EffectSpec {
    /// Its name, unique over all roles.
    pub name: &'static str,
    /// What it acts on.
    pub role: Role,
    /// The manual: first line a summary.
    pub doc: &'static str,
    /// Its parameters. The first `positional` of them may be given by position, in this order.
    pub params: &'static [FieldSpec],
    /// How many may be given by position.
    pub positional: usize,
}

/// Every effect and transition there is.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    effects: Vec<EffectSpec>,
}

impl Catalogue {
    /// A catalogue of these.
    pub fn new(effects: Vec<EffectSpec>) -> Self {
        Catalogue { effects }
    }

    /// All, in the order of the registry.
    pub fn iter(&self) -> impl Iterator<Item = &EffectSpec> {
        self.effects.iter()
    }

    /// All that people may write behind a `|` or as a transition: these, and [`GEOMETRY`].
    pub fn listed(&self) -> impl Iterator<Item = &EffectSpec> {
        self.iter().chain(GEOMETRY.iter().filter(|g| self.get(g.name).is_none()))
    }

    /// The effect or transition of that name.
    pub fn get(&self, name: &str) -> Option<&EffectSpec> {
        self.effects.iter().find(|e| e.name == name)
    }

    /// The one of that name among all that are listed.
    pub fn find(&self, name: &str) -> Option<&EffectSpec> {
        self.get(name).or_else(|| GEOMETRY.iter().find(|g| g.name == name))
    }

    /// The names of all with one of these roles.
    pub fn names(&self, roles: &[Role]) -> Vec<&'static str> {
        self.effects.iter().filter(|e| roles.contains(&e.role)).map(|e| e.name).collect()
    }
}

impl EffectSpec {
    /// The names of the parameters that may be given by position, in their order.
    pub fn by_position(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.params.iter().take(self.positional).map(|p| p.name)
    }

    /// The parameter of that name.
    pub fn param(&self, name: &str) -> Option<&'static FieldSpec> {
        self.params.iter().find(|p| p.name == name)
    }
}
