//! Lettering and drawn shapes.

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::script::{Align, Shape, ShapeForm, Text, TextRun, Wrap};
use crate::source::{Span, Spanned};
use crate::syntax::node::{Node, Value};
use crate::value::{Animated, Colour, Length, LengthUnit, Misread, Point, quantity};
use crate::vocabulary::elsewhere::WEIGHTS;
use crate::vocabulary::{NodeSpec, Place};

use super::fields::Fields;
use super::keyframes::Width;
use super::parameter::{distance, integer_in, number_in};
use super::{Lowering, value_of};

const NOTHING: Length = Length { value: 0.0, unit: LengthUnit::Px };
const LETTER_SIZE: Length = Length { value: 5.0, unit: LengthUnit::Vmin };

/// Endings of font files.
const FONT_FILES: [&str; 5] = [".ttf", ".otf", ".ttc", ".woff", ".woff2"];

impl<'a> Lowering<'a> {
    /// A text with the look of its lines and letters.
    pub(super) fn text(&self, node: &'a Node, fields: &Fields<'a>, spec: &NodeSpec) -> Option<Text> {
        let whole = self.look(fields);
        let mut runs = Vec::new();
        if let Some(value) = fields.get("text") {
            let text = self.scalar("text", value);
            runs.extend(text.map(|t| TextRun { text: t.value, ..whole.clone() }));
        }
        for child in node.children.as_deref().unwrap_or_default() {
            runs.extend(self.span_run(child, &whole));
        }
        let says_nothing = fields.get("text").is_none() && node.children.as_ref().is_none_or(Vec::is_empty);
        if says_nothing {
            self.missing(node, "text", "write what it says: `text \"Hello\"`");
            return None;
        }
        let lettering = self.lettering(fields, spec);
        Some(Text { runs, span: fields.get("text").map_or(node.span, |v| v.span), ..lettering })
    }

    /// A text that says nothing: the look of its lines, and of all its letters in one run.
    pub(super) fn lettering(&self, fields: &Fields<'_>, spec: &NodeSpec) -> Text {
        let number = |name: &str| self.read(fields, name, number_in(0.1, 100.0)).map(|n| n.value);
        let length = |name: &str| self.read(fields, name, distance).map_or(NOTHING, |l| l.value);
        let moves = |name: &str| spec.field(name).is_some_and(|field| field.keyframes);
        Text {
            runs: vec![self.look(fields)],
            align: self.word::<Align>(fields, spec, "align").unwrap_or(Align::Center),
            line_height: number("line_height").unwrap_or(1.2),
            wrap: value_of(self.read(fields, "wrap", wrap)).unwrap_or(Wrap::Auto),
            background: value_of(self.read(fields, "background", str::parse)),
            padding: length("padding"),
            // In a style it is of pictures too, and may move.
            background_radius: if moves("radius") { NOTHING } else { length("radius") },
            outline: fields.get("outline").and_then(|v| self.line("outline", v)),
            shadow: fields.get("shadow").and_then(|v| self.shadow(v)),
            span: Span::default(),
        }
    }

    /// The look of letters, with nothing said yet.
    fn look(&self, fields: &Fields<'_>) -> TextRun {
        let colour = self.animated(fields, "color", Width::One, str::parse::<Colour>);
        let size = self.animated(fields, "size", Width::One, distance);
        let weight = self.read(fields, "weight", weight);
        TextRun {
            text: String::new(),
            font: fields.get("font").and_then(|v| self.font(v)),
            size: size.unwrap_or(Animated::Constant(LETTER_SIZE)),
            weight: weight.map_or(400, |w| u16::try_from(w.value).unwrap_or(400)),
            italic: value_of(self.read(fields, "italic", quantity::boolean)).unwrap_or(false),
            colour: colour.unwrap_or(Animated::Constant(Colour::WHITE)),
            letter_spacing: value_of(self.read(fields, "letter_spacing", str::parse)).unwrap_or(NOTHING),
        }
    }

    /// A `span`: what it does not say, it has from the whole text.
    fn span_run(&self, node: &'a Node, whole: &TextRun) -> Option<TextRun> {
        let Some(fields) = self.plain_fields(node, Place::Text) else {
            self.unknown_kind(node, Place::Text);
            return None;
        };
        let Some(value) = fields.get("text") else {
            self.missing(node, "text", "write what it says: `span \"Hello\"`");
            return None;
        };
        let own = self.look(&fields);
        let has = |name: &str| fields.get(name).is_some();
        Some(TextRun {
            text: self.scalar("text", value)?.value,
            font: if has("font") { own.font } else { whole.font.clone() },
            size: if has("size") { own.size } else { whole.size.clone() },
            weight: if has("weight") { own.weight } else { whole.weight },
            italic: if has("italic") { own.italic } else { whole.italic },
            colour: if has("color") { own.colour } else { whole.colour.clone() },
            letter_spacing: if has("letter_spacing") { own.letter_spacing } else { whole.letter_spacing },
        })
    }

    /// A family's name, or a font file put behind the script's folder.
    fn font(&self, value: &Value) -> Option<Spanned<String>> {
        let token = self.scalar("font", value)?;
        let lower = token.value.to_lowercase();
        if !self.is_named(&token.value) && !FONT_FILES.iter().any(|ending| lower.ends_with(ending)) {
            return Some(token);
        }
        let path = self.input("font", &token)?;
        Some(Spanned::new(path.to_string_lossy().into_owned(), token.span))
    }

    /// `2px 2px 4px black`: offset, blur, colour; the blur may be left out.
    pub(super) fn shadow(&self, value: &Value) -> Option<(Point, Length, Colour)> {
        let tokens = self.tokens("shadow", value)?;
        let (x, y, blur, colour) = match tokens.as_slice() {
            [x, y, colour] => (x, y, None, colour),
            [x, y, blur, colour] => (x, y, Some(blur), colour),
            _ => {
                let help = "write its offset, blur and colour, such as `\"2px 2px 4px black\"`";
                self.misread("shadow", value.span, Misread::form("this is not a shadow", help));
                return None;
            }
        };
        let x = self.read_token("shadow", x, str::parse::<Length>);
        let y = self.read_token("shadow", y, str::parse::<Length>);
        let blur = blur.map_or(Some(NOTHING), |b| self.read_token("shadow", b, distance).map(|l| l.value));
        let colour = self.read_token("shadow", colour, str::parse::<Colour>);
        Some((Point { x: x?.value, y: y?.value }, blur?, colour?.value))
    }

    /// A shape's inside and line; its form is checked.
    pub(super) fn drawing(
        &self,
        fields: &Fields<'_>,
        spec: &NodeSpec,
    ) -> (Option<Animated<Colour>>, Option<(Length, Colour)>) {
        self.word::<ShapeForm>(fields, spec, "form");
        let stroke = fields.get("stroke").and_then(|v| self.line("stroke", v));
        (self.animated(fields, "fill", Width::One, str::parse::<Colour>), stroke)
    }

    /// A shape's form, inside and line.
    pub(super) fn shape(&self, node: &'a Node, fields: &Fields<'a>, spec: &NodeSpec) -> Option<Shape> {
        if fields.get("form").is_none() {
            self.missing(node, "form", "write `shape rect`, `shape circle` or `shape line`");
            return None;
        }
        let form = self.word::<ShapeForm>(fields, spec, "form")?;
        if let Some(radius) = fields.own("radius").filter(|_| form != ShapeForm::Rect) {
            let message = format!("`radius` means nothing for `{}`", form.word());
            let finding = Diagnostic::error(codes::NOT_APPLICABLE, radius.span, message);
            self.report(finding.help("it rounds the corners of `rect`: leave it out"));
        }
        let (fill, stroke) = self.drawing(fields, spec);
        let unsaid = fields.get("fill").is_none() && fields.get("stroke").is_none();
        if form == ShapeForm::Line && unsaid {
            let message = "`line` needs its `stroke`";
            let finding = Diagnostic::error(codes::MISSING_FIELD, node.kind.span, message);
            self.report(finding.help("write a width and a colour: `stroke:\"4px white\"`"));
            return None;
        }
        Some(Shape { form, fill: fill.or(unsaid.then_some(Animated::Constant(Colour::WHITE))), stroke })
    }
}

/// 1 to 1000. A word is answered with its number.
fn weight(text: &str) -> Result<i64, Misread> {
    integer_in(1, 1000)(text).map_err(|fault| {
        match WEIGHTS.iter().find(|(name, _)| *name == text.to_lowercase().replace('-', "")) {
            Some((_, number)) => Misread { help: format!("write `{number}`"), ..fault },
            None => fault,
        }
    })
}

/// `true`, `false`, or a width.
fn wrap(text: &str) -> Result<Wrap, Misread> {
    match text {
        "true" => Ok(Wrap::Auto),
        "false" => Ok(Wrap::None),
        _ => distance(text)
            .map(Wrap::At)
            .map_err(|fault| Misread { help: format!("{}; or `true` or `false`", fault.help), ..fault }),
    }
}
