//! A node's values sorted to its fields: by position, by name, from its style, its medium and the defaults.

use std::collections::BTreeMap;

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::node::{Node, Value, ValueKind};
use crate::vocabulary::elsewhere::{FIELDS_ELSEWHERE, here};
use crate::vocabulary::{FieldSpec, FieldType, GEOMETRY, NodeSpec, Place};

use super::variables::is_name;
use super::{Lowering, closest, frame_rate, list, not_yet, parameter};

/// What a node says, field by field.
#[derive(Default, Clone)]
pub(super) struct Fields<'a> {
    values: BTreeMap<&'static str, &'a Value>,
    /// Fields that the node itself gives, as against those of its style and of the defaults.
    own: Vec<&'static str>,
    /// The range of `source[a..b]`.
    pub(super) trim: Option<&'a Value>,
    /// Its style's effects, then its own.
    pub(super) effects: Vec<&'a Node>,
}

impl<'a> Fields<'a> {
    /// The value of a field, wherever it comes from.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.values.get(name).copied()
    }

    /// The value of a field if the node itself gives it.
    pub(super) fn own(&self, name: &str) -> Option<&'a Value> {
        if self.own.contains(&name) { self.get(name) } else { None }
    }

    /// Takes over what `other` says and this does not, as far as `spec` has it.
    fn inherit(&mut self, other: &Fields<'a>, spec: &NodeSpec) {
        for (name, value) in &other.values {
            // A medium's file is what its name stands for, not a field of the item.
            if *name != "file" && spec.field(name).is_some() {
                self.values.entry(name).or_insert(value);
            }
        }
    }
}

/// What a node's values are sorted by.
#[derive(Default)]
pub(super) struct Scheme<'s> {
    /// What has these fields, in the user's words, such as `video`.
    pub(super) owner: &'s str,
    pub(super) positional: &'s [&'static str],
    pub(super) specs: Vec<&'static FieldSpec>,
    pub(super) later: &'s [&'static str],
    /// Fields that it does not have, each with what to do instead.
    pub(super) instead: &'s [(&'static str, &'static str)],
}

impl<'a> Lowering<'a> {
    /// The fields of a node that takes neither effects nor a block of its own.
    pub(super) fn plain_fields(&self, node: &'a Node, place: Place) -> Option<Fields<'a>> {
        let spec = place.kind(&node.kind.value)?;
        if spec.children.is_none() {
            self.no_block(node);
        }
        self.fields_with_block(node, place)
    }

    /// The fields of a node whose block the caller reads.
    pub(super) fn fields_with_block(&self, node: &'a Node, place: Place) -> Option<Fields<'a>> {
        let spec = place.kind(&node.kind.value)?;
        if !spec.effects {
            self.no_effects(node);
        }
        if let Some(name) = node.name.as_ref().filter(|_| !spec.binds) {
            let message = format!("`{}` binds no name", spec.name);
            self.report(
                Diagnostic::error(codes::TOO_MANY_VALUES, name.span, message)
                    .help("leave `=` and the name out"),
            );
        }
        Some(self.fields_of(node, spec))
    }

    /// The fields of an item, with its style, its medium and the defaults behind them.
    pub(super) fn fields_of(&self, node: &'a Node, spec: &'static NodeSpec) -> Fields<'a> {
        let scheme = Scheme {
            owner: spec.name,
            positional: spec.positional,
            specs: spec.all_fields().collect(),
            later: spec.later,
            instead: spec.instead,
        };
        let mut fields = self.sort(node, &scheme);
        fields.effects = node.effects.iter().collect();
        if let Some(style) = fields.own("style").and_then(|v| self.style(v)) {
            let of_style = self.silent(style);
            fields.inherit(&of_style, spec);
            if spec.effects {
                let own = std::mem::take(&mut fields.effects);
                // As of its fields, an item takes what its kind has.
                let has = |effect: &&Node| !is_geometry(effect) || spec.field(&effect.kind.value).is_some();
                let of_style = style.effects.iter().filter(has);
                let of_style = of_style.filter(|effect| !overridden(effect, &own, &fields));
                // Geometry acts before all others: written first, it stays first.
                let first = own.iter().take_while(|effect| is_geometry(effect)).count();
                let (geometry, others) = own.split_at(first);
                fields.effects =
                    geometry.iter().copied().chain(of_style).chain(others.iter().copied()).collect();
            }
        }
        if !spec.binds
            && spec.field("in").is_some()
            && let Some(medium) = fields.own("file").and_then(|v| self.medium_of(v))
        {
            fields.inherit(&self.silent(medium), spec);
        }
        if spec.field("style").is_some() {
            if spec.name == "text"
                && let Some(look) = &self.bindings.default_text
            {
                fields.inherit(look, spec);
            }
            if let Some(defaults) = &self.bindings.defaults {
                fields.inherit(defaults, spec);
            }
        }
        fields
    }

    /// The named fields of a binding, whose faults are reported where it is bound.
    fn silent(&self, node: &'a Node) -> Fields<'a> {
        let mut fields = Fields::default();
        let known = Place::Top.kind(&node.kind.value);
        for field in &node.fields {
            if let Some(spec) = known.and_then(|k| k.field(&field.name.value)) {
                fields.values.entry(spec.name).or_insert(&field.value);
            }
        }
        fields
    }

    fn style(&self, value: &Value) -> Option<&'a Node> {
        let name = self.scalar("style", value)?;
        let found = self.bindings.style(&name.value);
        if found.is_none() {
            let message = format!("unknown style `{}`", name.value);
            let help = match closest(&name.value, self.bindings.style_names()) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("bind it at the top: `style {} = …`", name.value),
            };
            self.report(Diagnostic::error(codes::UNKNOWN_STYLE, value.span, message).help(help));
        }
        found
    }

    /// The medium that a `file` names, if it names one.
    pub(super) fn medium_of(&self, value: &Value) -> Option<&'a Node> {
        let text = self.lexeme(value).and_then(|lexeme| self.text_of(lexeme))?;
        self.bindings.medium(&text)
    }

    /// Sorts a node's values to the fields of a scheme and reports what does not fit.
    pub(super) fn sort<'n>(&self, node: &'n Node, scheme: &Scheme<'_>) -> Fields<'n> {
        let mut fields = Fields::default();
        for (index, value) in node.positional.iter().enumerate() {
            let Some(name) = scheme.positional.get(index) else {
                self.too_many(node, value, scheme);
                break;
            };
            let value = match &value.kind {
                ValueKind::Trimmed(source, range) => self.trimmed(&mut fields, scheme, source, range),
                _ => value,
            };
            fields.values.insert(name, value);
            fields.own.push(name);
        }
        for field in &node.fields {
            let name = field.name.value.as_str();
            let Some(spec) = scheme.specs.iter().find(|s| s.name == name) else {
                self.unknown_field(name, field.name.span, scheme);
                continue;
            };
            if let Some(first) = fields.values.get(spec.name) {
                self.report(
                    Diagnostic::error(
                        codes::FIELD_TWICE,
                        field.name.span,
                        format!("`{name}` is given twice"),
                    )
                    .also(first.span, "first given here"),
                );
                continue;
            }
            fields.values.insert(spec.name, &field.value);
            fields.own.push(spec.name);
        }
        fields
    }

    fn trimmed<'n>(
        &self,
        fields: &mut Fields<'n>,
        scheme: &Scheme<'_>,
        source: &'n Value,
        range: &'n Value,
    ) -> &'n Value {
        if scheme.specs.iter().any(|s| s.name == "in") {
            fields.trim = Some(range);
        } else {
            let message = format!("`{}` cannot be trimmed by `[a..b]`", scheme.owner);
            self.report(Diagnostic::error(codes::NOT_APPLICABLE, range.span, message));
        }
        source
    }

    fn too_many(&self, node: &Node, value: &Value, scheme: &Scheme<'_>) {
        let message = match scheme.positional {
            [] => format!("`{}` takes no value by position", scheme.owner),
            [one] => format!("`{}` takes one value by position, its `{one}`", scheme.owner),
            some => format!("`{}` takes {} values by position: {}", scheme.owner, some.len(), list(some)),
        };
        let end = node.positional.last().map_or(value.span, |v| v.span);
        let help = self.name_for(node, value, scheme);
        self.report(Diagnostic::error(codes::TOO_MANY_VALUES, value.span.to(end), message).help(help));
    }

    /// How a value that is one too many by position may be meant.
    fn name_for(&self, node: &Node, value: &Value, scheme: &Scheme<'_>) -> String {
        let written = self.map.text(value.span);
        if let (ValueKind::List(_), true) = (&value.kind, scheme.specs.iter().any(|s| s.name == "in")) {
            let source = node.positional.first().map_or("\"a.mp4\"", |v| self.map.text(v.span));
            return format!("a range touches the source that it trims: write `{source}{written}`");
        }
        let given = |name: &str| {
            let by_position = scheme.positional.iter().take(node.positional.len());
            by_position.copied().any(|n| n == name) || node.fields.iter().any(|f| f.name.value == name)
        };
        let left: Vec<_> = scheme.specs.iter().filter(|spec| !given(spec.name)).collect();
        let text = self.lexeme(value).and_then(|lexeme| self.text_of(lexeme));
        let fits = left.iter().find(|spec| text.as_ref().is_some_and(|text| reads(spec, text)));
        let names: Vec<_> = left.iter().map(|spec| spec.name).collect();
        match fits {
            Some(spec) => format!("give it a name: `{}:{written}`", spec.name),
            None if names.is_empty() => "leave it out".to_string(),
            None => format!("give it the name of a field: {}", list(&names)),
        }
    }

    fn unknown_field(&self, name: &str, span: Span, scheme: &Scheme<'_>) {
        if self.findings.is_full() {
            return self.report(Diagnostic::error(codes::UNKNOWN_FIELD, span, "unknown field"));
        }
        if scheme.later.contains(&name) {
            return self.report(not_yet(name, span));
        }
        let names: Vec<_> = scheme.specs.iter().map(|s| s.name).collect();
        let finding = Diagnostic::error(
            codes::UNKNOWN_FIELD,
            span,
            format!("`{}` has no field `{name}`", scheme.owner),
        );
        if let Some(instead) = here(scheme.instead, name) {
            return self.report(finding.help(instead));
        }
        let near = closest(name, names.iter().copied().chain(scheme.later.iter().copied()));
        let near = near.or_else(|| here(FIELDS_ELSEWHERE, name).filter(|word| names.contains(word)));
        self.report(match near {
            Some(word) => finding.help(format!("did you mean `{word}`?")),
            None if names.is_empty() => finding.help("it has no fields"),
            None => finding.help(format!("its fields are {}", list(&names))),
        });
    }

    /// Reports that something has to be said.
    pub(super) fn missing(&self, node: &Node, field: &str, help: &str) {
        let message = format!("`{}` needs its `{field}`", node.kind.value);
        self.report(Diagnostic::error(codes::MISSING_FIELD, node.kind.span, message).help(help));
    }

    pub(super) fn no_effects(&self, node: &Node) {
        if let (Some(first), Some(last)) = (node.effects.first(), node.effects.last()) {
            let message = format!("`{}` takes no effects", node.kind.value);
            self.report(Diagnostic::error(codes::NO_EFFECTS_HERE, first.span.to(last.span), message));
        }
    }

    pub(super) fn no_block(&self, node: &Node) {
        if let Some(children) = &node.children {
            let span = children.first().map_or(node.kind.span, |c| c.kind.span);
            let message = format!("`{}` has no block", node.kind.value);
            self.report(Diagnostic::error(codes::NO_BLOCK_HERE, span, message));
        }
    }

    /// The id of an item, if it has a right one.
    pub(super) fn id(&self, fields: &Fields<'_>) -> Option<crate::source::Spanned<String>> {
        let id = self.scalar("id", fields.own("id")?)?;
        if !is_name(&id.value) {
            self.report(
                Diagnostic::error(codes::BAD_ID, id.span, format!("`{}` cannot be an id", id.value))
                    .help("an id begins with a letter and goes on with letters, digits, `_` and `-`"),
            );
            return None;
        }
        Some(id)
    }
}

/// Whether an effect of a style gives way to what its item says itself: crop, flip and rotate are there once.
fn overridden(effect: &Node, own: &[&Node], fields: &Fields<'_>) -> bool {
    let name = effect.kind.value.as_str();
    is_geometry(effect) && (fields.own(name).is_some() || own.iter().any(|o| o.kind.value == name))
}

fn is_geometry(effect: &Node) -> bool {
    GEOMETRY.iter().any(|g| g.name == effect.kind.value)
}

/// Whether a text is so plainly a value of a field that the field may be suggested for it.
fn reads(spec: &FieldSpec, text: &str) -> bool {
    match spec.ty {
        FieldType::Special => spec.name == "fps" && frame_rate(text).is_ok(),
        FieldType::Text | FieldType::Path | FieldType::Id => false,
        ty => parameter::check(ty, text).is_ok(),
    }
}
