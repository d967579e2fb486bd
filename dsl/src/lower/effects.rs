//! Effects and transitions, checked against the catalogue.

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::script::{Crop, Effect, Flip, ParamValue, Timing, Transition};
use crate::source::Spanned;
use crate::syntax::Spelling;
use crate::syntax::node::{Node, Value, ValueKind};
use crate::value::{
    Animated, Easing, Length, LengthUnit, Misread, Size, Time, TimeBase, TimePoint, quantity,
};
use crate::vocabulary::elsewhere::{EFFECTS_ELSEWHERE, FIELDS_ELSEWHERE, TRANSITIONS_ELSEWHERE, here};
use crate::vocabulary::{
    EFFECT_FIELDS, EffectSpec, FieldSpec, FieldType, GEOMETRY, NodeSpec, Role, TRANSITION_FIELDS,
    later_effect,
};

use super::fields::{Fields, Scheme};
use super::keyframes::{Width, easing_word};
use super::parameter::{self, distance, item_point, item_range, number_in, word_of};
use super::reading::span_of_time;
use super::{Lowering, closest, not_yet};

/// What an item can take effects on.
#[derive(Clone, Copy)]
pub(super) struct Senses {
    pub(super) picture: bool,
    pub(super) sound: bool,
}

/// `crop`, `flip` and `rotate` as found among the effects.
#[derive(Default)]
pub(super) struct Geometry {
    pub(super) crop: Option<Crop>,
    pub(super) flip: Option<Flip>,
    pub(super) rotate: Option<Animated<f64>>,
}

impl<'a> Lowering<'a> {
    /// The effects of an item, and the geometry that was written among them.
    pub(super) fn effects(
        &self,
        nodes: &[&'a Node],
        owner: &NodeSpec,
        senses: Senses,
    ) -> (Vec<Effect>, Geometry) {
        let mut geometry = Geometry::default();
        let mut seen: Vec<&Node> = Vec::new();
        let mut effects = Vec::new();
        for node in nodes.iter().copied() {
            let name = node.kind.value.as_str();
            if let Some(spec) = GEOMETRY.iter().find(|g| g.name == name && self.catalogue.get(name).is_none())
            {
                self.geometry(node, spec, owner, senses, &mut geometry, &mut seen);
                if !effects.is_empty() && name != "rotate" && owner.field(name).is_some() {
                    let message = format!("`{name}` acts before every other effect, wherever it stands");
                    self.report(
                        Diagnostic::note(codes::GEOMETRY_FIRST, node.kind.span, message)
                            .help("write it first, so that it reads as it acts"),
                    );
                }
                continue;
            }
            effects.extend(self.effect(node, owner, senses));
        }
        (effects, geometry)
    }

    fn effect(&self, node: &'a Node, owner: &NodeSpec, senses: Senses) -> Option<Effect> {
        let name = node.kind.value.as_str();
        let Some(spec) = self.catalogue.get(name) else {
            self.unknown_effect(node, owner);
            return None;
        };
        self.check_role(node, spec.role, owner.name, senses);
        self.no_block(node);
        let positional = self.positional(node, spec);
        let scheme = Scheme {
            owner: spec.name,
            positional: &positional,
            specs: spec.params.iter().chain(EFFECT_FIELDS).collect(),
            ..Scheme::default()
        };
        let fields = self.sort(node, &scheme);
        let mix = self.animated(&fields, "mix", Width::One, number_in(0.0, 1.0));
        let timing = self.effect_timing(&fields, spec);
        Some(Effect {
            name: node.kind.clone(),
            params: self.parameters(node, spec, &fields),
            mix: mix.unwrap_or(Animated::Constant(1.0)),
            at: timing.at,
            duration: timing.duration,
            until: timing.until,
            span: node.span,
        })
    }

    /// When an effect acts, on its item's clock.
    fn effect_timing(&self, fields: &Fields<'_>, spec: &EffectSpec) -> Timing {
        // A parameter of the effect's own named `at` or `duration` keeps its name.
        let common = |name: &str| spec.param(name).is_none();
        let duration = if common("duration") { self.read(fields, "duration", effect_length) } else { None };
        let at = fields.get("at").filter(|_| common("at")).and_then(|value| self.scalar("at", value));
        let Some(at) = at else { return Timing { duration, ..Timing::default() } };
        let second = fields.get("duration").filter(|_| common("duration"));
        self.placed_at(&at, duration, second, item_point, item_range)
    }

    /// One value for each parameter, defaults filled in.
    fn parameters(&self, node: &Node, spec: &EffectSpec, fields: &Fields<'_>) -> Vec<ParamValue> {
        let value = |param: &'static FieldSpec| {
            if let Some(value) = fields.get(param.name) {
                return self.parameter(param, value).unwrap_or(ParamValue::Absent);
            }
            parameter::default_value(param).unwrap_or_else(|fault| {
                self.misread(param.name, node.kind.span, fault);
                ParamValue::Absent
            })
        };
        spec.params.iter().map(value).collect()
    }

    fn check_role(&self, node: &Node, role: Role, owner: &str, senses: Senses) {
        let name = &node.kind.value;
        let (message, help) = match role {
            Role::Picture if !senses.picture => {
                (format!("`{name}` is an effect on pictures; `{owner}` has none"), "leave it out".to_string())
            }
            Role::Sound if !senses.sound => (
                format!("`{name}` is an effect on sound; `{owner}` has none"),
                "put it on a sound".to_string(),
            ),
            Role::Transition => (
                format!("`{name}` is a transition, not an effect"),
                format!("write `transition {name}` between two items"),
            ),
            _ => return,
        };
        self.report(Diagnostic::error(codes::WRONG_ROLE, node.kind.span, message).help(help));
    }

    /// What may be given by position. A first value that is a length and no value of the first parameter goes to the
    /// parameter that is a length: `blur 5px`.
    fn positional(&self, node: &Node, spec: &EffectSpec) -> Vec<&'static str> {
        let mut names: Vec<_> = spec.by_position().collect();
        let is_length = |param: &FieldSpec| matches!(param.ty, FieldType::Length(_));
        if let (Some(value), Some(first)) = (node.positional.first(), spec.params.first())
            && let Some(length) = spec.params.iter().find(|p| is_length(p))
            && !is_length(first)
            && self.holds_length(value)
        {
            names = vec![length.name];
        }
        names
    }

    /// Whether a value, or one of its keyframes, is a length with a unit that only lengths have.
    fn holds_length(&self, value: &Value) -> bool {
        let is_length = |text: &str| text.parse::<Length>().is_ok() && text.ends_with(['x', 'n']);
        match self.lexeme(value).map(|lexeme| (lexeme.kind, lexeme)) {
            Some((ValueKind::List(rows), _)) => rows.iter().flatten().any(|v| self.holds_length(v)),
            Some((ValueKind::Plain(_) | ValueKind::Quoted(_), lexeme)) => {
                let text = self.text_of(lexeme);
                text.is_some_and(|text| text.split_whitespace().any(is_length))
            }
            _ => false,
        }
    }

    fn unknown_effect(&self, node: &Node, owner: &NodeSpec) {
        let name = node.kind.value.as_str();
        if self.findings.is_full() {
            return self.report(Diagnostic::error(codes::UNKNOWN_EFFECT, node.kind.span, "unknown effect"));
        }
        if later_effect(name).is_some() {
            return self.report(not_yet(name, node.kind.span));
        }
        let finding =
            Diagnostic::error(codes::UNKNOWN_EFFECT, node.kind.span, format!("unknown effect `{name}`"))
                .label("no effect has this name");
        // YAML: `- vintage 0.8` is one word to the eye and one text to YAML.
        if let Some((word, rest)) = name.split_once(char::is_whitespace)
            && self.catalogue.get(word).is_some()
        {
            return self.report(finding.help(format!("write `{word}: {}`", rest.trim())));
        }
        if let Some(field) = owner.field(name).or_else(|| owner.field(here(FIELDS_ELSEWHERE, name)?)) {
            let value = node.positional.first().map_or("…", |v| self.map.text(v.span));
            let mark = if self.spelling == Spelling::Vfx { ":" } else { ": " };
            let help = match field.name == name {
                true => format!("`{name}` is a field: write `{name}{mark}{value}`"),
                false => format!("write the field `{}{mark}{value}`", field.name),
            };
            return self.report(finding.help(help));
        }
        if let Some(word) = here(EFFECTS_ELSEWHERE, name) {
            return self.report(finding.help(format!("write `{word}`")));
        }
        let known = self.catalogue.names(&[Role::Picture, Role::Sound]);
        self.report(match closest(name, known.iter().copied().chain(GEOMETRY.iter().map(|g| g.name))) {
            Some(word) => finding.help(format!("did you mean `{word}`?")),
            None => finding.help("`vfxb effects` lists them all"),
        });
    }

    fn geometry(
        &self,
        node: &'a Node,
        spec: &'static EffectSpec,
        owner: &NodeSpec,
        senses: Senses,
        geometry: &mut Geometry,
        seen: &mut Vec<&'a Node>,
    ) {
        let name = spec.name;
        self.check_role(node, spec.role, owner.name, senses);
        self.no_block(node);
        if senses.picture && owner.field(name).is_none() {
            let message = format!("`{}` has no `{name}`", owner.name);
            let help = here(owner.instead, name).unwrap_or("leave it out");
            return self.report(Diagnostic::error(codes::UNKNOWN_FIELD, node.kind.span, message).help(help));
        }
        if let Some(first) = seen.iter().find(|n| n.kind.value == name) {
            return self.report(
                Diagnostic::error(codes::GEOMETRY_TWICE, node.kind.span, format!("there are two `{name}`"))
                    .also(first.kind.span, "the first is here")
                    .help("put both together into one"),
            );
        }
        seen.push(node);
        let positional: Vec<_> = spec.by_position().collect();
        let scheme = Scheme {
            owner: name,
            positional: &positional,
            specs: spec.params.iter().collect(),
            ..Scheme::default()
        };
        let fields = self.sort(node, &scheme);
        match name {
            "crop" => geometry.crop = self.crop_of(&fields, node),
            "flip" => {
                let FieldType::Word(words) = spec.params.first().map_or(FieldType::Text, |p| p.ty) else {
                    return;
                };
                let direction = self.read(&fields, "direction", word_of(words));
                geometry.flip = Some(flip_of(direction.map_or(0, |d| d.value)));
            }
            _ => {
                if fields.get("angle").is_none() {
                    self.missing(node, "angle", "write `rotate 90deg`");
                }
                geometry.rotate = self.animated(&fields, "angle", Width::One, quantity::angle);
            }
        }
    }

    /// A crop from its named fields.
    pub(super) fn crop_of(&self, fields: &Fields<'_>, node: &Node) -> Option<Crop> {
        let size = self.read(fields, "size", quantity::size);
        let side = |name: &str| self.read(fields, name, distance).map(|l| l.value);
        let (width, height) = (side("width"), side("height"));
        let given = |name: &str| fields.get(name).is_some();
        if given("size") && (given("width") || given("height")) {
            let message = "`crop` has a `size` and a `width` or `height`";
            self.report(
                Diagnostic::error(codes::TIME_CONFLICT, node.kind.span, message).help("leave one out"),
            );
        }
        let (x, y) = (side("x"), side("y"));
        let (width, height) = match (size, width, height) {
            (Some(size), ..) => crop_size(size.value),
            (None, None, None) if !given("size") && !given("width") && !given("height") => {
                self.missing(node, "size", "write `crop 1280x720 x:320px y:180px`");
                return None;
            }
            (None, width, height) => (width.unwrap_or(WHOLE), height.unwrap_or(WHOLE)),
        };
        Some(Crop { width, height, x, y, span: node.span })
    }

    pub(super) fn unknown_transition(&self, name: &Spanned<String>) {
        if later_effect(&name.value).is_some() {
            return self.report(not_yet(&name.value, name.span));
        }
        let finding = Diagnostic::error(
            codes::UNKNOWN_TRANSITION,
            name.span,
            format!("unknown transition `{}`", name.value),
        )
        .label("no transition has this name");
        let known = self.catalogue.names(&[Role::Transition]);
        let near = here(TRANSITIONS_ELSEWHERE, &name.value);
        self.report(match near.or_else(|| closest(&name.value, known.iter().copied().chain(["none"]))) {
            Some(word) => finding.help(format!("did you mean `{word}`?")),
            None => finding.help("`vfxb effects` lists them all"),
        });
    }

    /// A transition; `None` for `transition none`, and for one that is wrong.
    pub(super) fn transition(&self, node: &'a Node) -> Option<Transition> {
        self.no_block(node);
        self.no_effects(node);
        let named = node.fields.iter().find(|f| f.name.value == "name").map(|f| &f.value);
        let Some(value) = node.positional.first().or(named) else {
            self.missing(node, "name", "write `transition crossfade 1s`");
            return None;
        };
        let name = self.scalar("name", value)?;
        let spec = self.catalogue.get(&name.value).filter(|s| s.role == Role::Transition);
        if spec.is_none() && name.value != "none" {
            match self.catalogue.get(&name.value) {
                Some(_) => {
                    let message = format!("`{}` is an effect, not a transition", name.value);
                    let finding = Diagnostic::error(codes::WRONG_ROLE, name.span, message);
                    self.report(finding.help("effects stand behind a `|` or in a list of `effects`"));
                }
                None => self.unknown_transition(&name),
            }
            return None;
        }
        let params = spec.map_or(&[][..], |s| s.params);
        let own = spec.into_iter().flat_map(EffectSpec::by_position);
        let positional: Vec<_> = ["name", "duration"].into_iter().chain(own).collect();
        let scheme = Scheme {
            owner: spec.map_or("transition", |s| s.name),
            positional: &positional,
            specs: TRANSITION_FIELDS.iter().chain(params).collect(),
            later: &["when"],
            ..Scheme::default()
        };
        let fields = self.sort(node, &scheme);
        let duration = self.read(&fields, "duration", span_of_time);
        let easing = self.read(&fields, "ease", easing_word);
        let spec = spec?;
        let effect = Effect {
            name,
            params: self.parameters(node, spec, &fields),
            mix: Animated::Constant(1.0),
            at: None,
            duration: None,
            until: None,
            span: node.span,
        };
        let one_second = || Spanned::new(TimePoint::seconds(Time::seconds(1)), node.span);
        Some(Transition {
            effect,
            duration: duration.unwrap_or_else(one_second),
            easing: easing.map_or(Easing::Linear, |e| e.value),
            span: node.span,
        })
    }
}

/// For how long an effect acts: longer than 0, or the point of its item's clock where it ends.
fn effect_length(text: &str) -> Result<TimePoint, Misread> {
    let time = item_point(text)?;
    if time.base == TimeBase::Start { span_of_time(text) } else { Ok(time) }
}

const WHOLE: Length = Length { value: 100.0, unit: LengthUnit::Percent };

/// The sides of a crop of that size, in source pixels.
pub(super) fn crop_size(size: Size) -> (Length, Length) {
    let (width, height) = size.on_canvas();
    let pixels = |n: u32| Length { value: f64::from(n), unit: LengthUnit::Px };
    (pixels(width), pixels(height))
}

/// `horizontal`, `vertical`, `both`, by index.
pub(super) fn flip_of(index: usize) -> Flip {
    Flip { horizontal: index != 1, vertical: index != 0 }
}
