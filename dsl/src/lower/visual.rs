//! How an item is seen and heard.

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::script::{Anchored, Blend, Crop, Fit, Flip, Sound, Visual};
use crate::source::Spanned;
use crate::syntax::node::{Node, Value, ValueKind};
use crate::value::{Anchor, Animated, Colour, Length, Misread, Point, Position, number, quantity};
use crate::vocabulary::{FieldType, NodeSpec};

use super::effects::{Geometry, crop_size, flip_of};
use super::fields::{Fields, Scheme};
use super::keyframes::Width;
use super::parameter::{distance, integer_in, number_in, word_of};
use super::{Lowering, value_of};

/// The words of a field, for those that a Rust type of the script names.
pub(super) fn words(spec: &NodeSpec, field: &str) -> &'static [(&'static str, &'static str)] {
    match spec.field(field).map(|f| f.ty) {
        Some(FieldType::Word(words)) => words,
        _ => &[],
    }
}

impl<'a> Lowering<'a> {
    /// A word field whose words are the names of a type's variants.
    pub(super) fn word<T: serde::de::DeserializeOwned>(
        &self,
        fields: &Fields<'_>,
        spec: &NodeSpec,
        name: &str,
    ) -> Option<T> {
        let words = words(spec, name);
        let index = self.read(fields, name, word_of(words))?.value;
        let word = words.get(index).map_or("", |(word, _)| *word);
        serde_json::from_value(serde_json::Value::from(word)).ok()
    }

    /// Every visual field of an item; what its kind does not have keeps its default.
    pub(super) fn visual(&self, fields: &Fields<'a>, spec: &NodeSpec, geometry: Geometry) -> Visual {
        let number = |name: &str, min: f64, max: f64| {
            self.animated(fields, name, Width::One, number_in(min, max)).unwrap_or(Animated::Constant(1.0))
        };
        let length = |name: &str| match spec.field(name).is_some_and(|field| field.keyframes) {
            true => self.animated(fields, name, Width::One, distance),
            false => self.read(fields, name, distance).map(|length| Animated::Constant(length.value)),
        };
        let point = |name: &str| self.animated(fields, name, Width::Two, str::parse::<Point>);
        // `radius` and `shadow` of a text are its background's and its letters'.
        let lettering = spec.name == "text";
        let radius = if lettering { None } else { length("radius") };
        let shadow = fields.get("shadow").filter(|_| !lettering).and_then(|v| self.shadow(v));
        Visual {
            fit: self.word::<Fit>(fields, spec, "fit"),
            position: fields.get("position").and_then(|v| self.position(v)),
            anchor: self.read(fields, "anchor", anchored).map(|a| a.value),
            offset: point("offset"),
            width: length("width"),
            height: length("height"),
            scale: number("scale", 0.0, 1000.0),
            rotate: self.rotate(fields, geometry.rotate),
            zoom: number("zoom", 0.001, 1000.0),
            zoom_origin: point("zoom_origin"),
            pan: point("pan"),
            crop: self.crop(fields, geometry.crop),
            flip: self.flip(fields, spec, geometry.flip),
            opacity: number("opacity", 0.0, 1.0),
            blend: self.word::<Blend>(fields, spec, "blend").unwrap_or(Blend::Normal),
            radius,
            shadow,
            border: fields.get("border").and_then(|v| self.line("border", v)),
        }
    }

    /// Reports a geometry that is both a field and among the effects.
    fn twice(&self, fields: &Fields<'_>, name: &str, among_effects: bool) {
        if let Some(value) = fields.own(name).filter(|_| among_effects) {
            let message = format!("`{name}` is a field and stands among the effects too");
            self.report(Diagnostic::error(codes::GEOMETRY_TWICE, value.span, message).help("leave one out"));
        }
    }

    fn rotate(&self, fields: &Fields<'_>, effect: Option<Animated<f64>>) -> Animated<f64> {
        self.twice(fields, "rotate", effect.is_some());
        effect
            .or_else(|| self.animated(fields, "rotate", Width::One, quantity::angle))
            .unwrap_or(Animated::Constant(0.0))
    }

    fn flip(&self, fields: &Fields<'_>, spec: &NodeSpec, effect: Option<Flip>) -> Flip {
        self.twice(fields, "flip", effect.is_some());
        effect
            .or_else(|| self.read(fields, "flip", word_of(words(spec, "flip"))).map(|f| flip_of(f.value)))
            .unwrap_or_default()
    }

    fn crop(&self, fields: &Fields<'a>, effect: Option<Crop>) -> Option<Crop> {
        self.twice(fields, "crop", effect.is_some());
        effect.or_else(|| self.crop_value(fields.get("crop")?))
    }

    /// `1280x720`, `1280x720 320px 180px`, `50% 50%`, or a mapping of those.
    fn crop_value(&self, value: &'a Value) -> Option<Crop> {
        if let ValueKind::Map(map) = &value.kind {
            let node = Node {
                kind: Spanned::new("crop".into(), value.span),
                name: None,
                declared_type: None,
                positional: Vec::new(),
                fields: map.entries.clone(),
                effects: Vec::new(),
                children: None,
                span: value.span,
            };
            return self.crop_mapping(&node);
        }
        let tokens = self.tokens("crop", value)?;
        let lengths = |from: usize| -> Option<Vec<Length>> {
            let rest = tokens.get(from..)?;
            rest.iter().map(|t| self.read_token("crop", t, distance).map(|l| l.value)).collect()
        };
        let is_size = tokens.first().is_some_and(|t| quantity::size(&t.value).is_ok());
        let (width, height, rest) = match (tokens.as_slice(), is_size) {
            ([size, _, _] | [size], true) => {
                let (width, height) = crop_size(self.read_token("crop", size, quantity::size)?.value);
                (width, height, lengths(1)?)
            }
            ([_, _, _, _] | [_, _], false) => match lengths(0)?.as_slice() {
                [width, height, rest @ ..] => (*width, *height, rest.to_vec()),
                _ => return None,
            },
            _ => {
                let what = "this is not a rectangle".to_string();
                let help = "write `1280x720`, with its left and upper edge behind it if need be: \
                            `\"1280x720 320px 180px\"`";
                self.misread("crop", value.span, Misread::form(what, help));
                return None;
            }
        };
        Some(Crop { width, height, x: rest.first().copied(), y: rest.get(1).copied(), span: value.span })
    }

    /// A crop from a mapping, which lives no longer than this call.
    fn crop_mapping(&self, node: &Node) -> Option<Crop> {
        let spec = crate::vocabulary::GEOMETRY.iter().find(|g| g.name == "crop")?;
        let scheme = Scheme { owner: "crop", specs: spec.params.iter().collect(), ..Scheme::default() };
        let fields = self.sort(node, &scheme);
        self.crop_of(&fields, node)
    }

    /// An anchor, a point, or keyframes of points.
    fn position(&self, value: &Value) -> Option<Position> {
        let lexeme = self.lexeme(value)?;
        if let ValueKind::Plain(_) | ValueKind::Quoted(_) = lexeme.kind {
            let text = self.text_of(lexeme)?;
            if let Some(anchor) = words_of_anchor(&text) {
                self.misread("position", value.span, split_anchor(&text, anchor));
                return None;
            }
            if let Ok(anchor) = text.trim().parse::<Anchor>() {
                return Some(Position::Anchor(anchor));
            }
            if !text.trim().contains(char::is_whitespace) {
                return self.read_value("position", value, anchor_word).map(|a| Position::Anchor(a.value));
            }
        }
        self.animated_value("position", value, Width::Two, &str::parse::<Point>).map(Position::Point)
    }

    /// A width and a colour: `4px white`.
    pub(super) fn line(&self, field: &str, value: &Value) -> Option<(Length, Colour)> {
        let tokens = self.tokens(field, value)?;
        let [width, colour] = tokens.as_slice() else {
            let help = "write a width and a colour, such as `\"4px white\"`";
            self.misread(field, value.span, Misread::form("this is not a width and a colour", help));
            return None;
        };
        let width = self.read_token(field, width, distance);
        let colour = self.read_token(field, colour, str::parse::<Colour>);
        Some((width?.value, colour?.value))
    }

    /// Warns of a factor that looks like percent: `80` is 38 dB louder, and nobody means that.
    fn check_volume(&self, fields: &Fields<'_>) {
        const LOUD: f64 = 10.0;
        let Some(value) = fields.get("volume").filter(|v| v.as_text().is_some()) else { return };
        let text = self.lexeme(value).and_then(|lexeme| self.text_of(lexeme));
        let Some(text) = text.map(|text| text.trim().to_owned()) else { return };
        let gain = quantity::gain(&text).ok().filter(|gain| *gain >= LOUD && number::bare(&text).is_ok());
        if let Some(gain) = gain {
            let louder = (20.0 * libm::log10(gain)).round();
            let message = format!("`volume`: `{text}` is a factor, {louder} dB louder");
            self.report(
                Diagnostic::warning(codes::LIKELY_SHARE, value.span, message)
                    .help(format!("write `{text}%` if a share is meant, or `{louder}dB`")),
            );
        }
    }

    /// Every field of an item's sound; what its kind does not have keeps its default.
    pub(super) fn sound(&self, fields: &Fields<'_>) -> Sound {
        let volume = self.animated(fields, "volume", Width::One, quantity::gain);
        self.check_volume(fields);
        let pan = self.animated(fields, "pan_audio", Width::One, number_in(-1.0, 1.0));
        let stream = self.read(fields, "stream", integer_in(0, 999));
        let fades = ["fade_in", "fade_out"].map(|name| (fields.own(name), self.fade(fields, name)));
        let own_fade = fades.iter().find_map(|(own, fade)| own.and(fade.as_ref())).map(|fade| fade.span);
        let [(_, fade_in), (_, fade_out)] = fades;
        Sound {
            volume: volume.unwrap_or(Animated::Constant(1.0)),
            mute: value_of(self.read(fields, "mute", quantity::boolean)).unwrap_or(false),
            pan: pan.unwrap_or(Animated::Constant(0.0)),
            fade_in,
            fade_out,
            own_fade,
            stream: stream.map(|s| s.map(|n| u32::try_from(n).unwrap_or(0))),
        }
    }
}

/// The anchor that two words with a space between mean elsewhere: `bottom right`, `center center`.
fn words_of_anchor(text: &str) -> Option<Anchor> {
    let words: Vec<_> = text.split_whitespace().map(|w| if w == "middle" { "center" } else { w }).collect();
    let [first, second] = words.as_slice() else { return None };
    let together = match (*first, *second) {
        ("center", other) | (other, "center") => other.to_string(),
        ("left" | "right", vertical) => format!("{vertical}-{first}"),
        _ => format!("{first}-{second}"),
    };
    together.parse().ok()
}

fn split_anchor(text: &str, anchor: Anchor) -> Misread {
    Misread::form(format!("`{text}` is not an anchor"), format!("write `{anchor}`"))
}

/// One of the nine anchors, or a point.
fn anchored(text: &str) -> Result<Anchored, Misread> {
    if let Some(anchor) = words_of_anchor(text) {
        return Err(split_anchor(text, anchor));
    }
    if text.contains(char::is_whitespace) {
        return text.parse().map(Anchored::Point);
    }
    anchor_word(text).map(Anchored::Anchor)
}

/// An anchor, with a suggestion if it is a slip.
fn anchor_word(text: &str) -> Result<Anchor, Misread> {
    text.parse::<Anchor>().map_err(|fault| {
        let names = crate::value::geometry::ANCHORS.iter().map(|(name, _)| *name);
        match super::closest(text, names) {
            Some(word) => Misread { help: format!("did you mean `{word}`?"), ..fault },
            None => Misread { help: format!("{}, or a point such as `\"100px 50%\"`", fault.help), ..fault },
        }
    })
}
