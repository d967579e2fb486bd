//! `var`, `media`, `style` and `defaults`: read before everything else.

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::codes;
use crate::diagnostic::{Diagnostic, Severity};
use crate::script::Fit;
use crate::source::{Span, Spanned};
use crate::syntax::node::{Node, Value, ValueKind};
use crate::vocabulary::{FieldType, Place, VARIABLE_TYPES};

use super::effects::Senses;
use super::fields::Fields;
use super::variables::{Variable, is_name};
use super::{Lowering, closest, list, parameter};

/// A named node, and whether anything has asked for it.
pub(super) struct Bound<'a> {
    pub(super) node: &'a Node,
    pub(super) name: &'a Spanned<String>,
    used: Cell<bool>,
}

/// What names stand for.
#[derive(Default)]
pub(super) struct Bindings<'a> {
    media: BTreeMap<&'a str, Bound<'a>>,
    styles: BTreeMap<&'a str, Bound<'a>>,
    /// `defaults`, its fields alone.
    pub(super) defaults: Option<Fields<'a>>,
    /// `text` of `defaults`.
    pub(super) default_text: Option<Fields<'a>>,
    /// `transition` of `defaults`.
    pub(super) default_transition: Option<&'a Node>,
}

/// The name in `var name`, a variable without a value, which has to be given from outside.
fn valueless(node: &Node) -> Option<Spanned<String>> {
    match (&node.name, node.positional.as_slice()) {
        (None, [Value { kind: ValueKind::Plain(word), span }]) => Some(Spanned::new(word.clone(), *span)),
        _ => None,
    }
}

/// The names of all variables that nodes bind, with or without a value.
pub(super) fn variables(nodes: &[Node]) -> Vec<String> {
    let bound = nodes.iter().filter(|node| node.kind.value == "var");
    bound.filter_map(|node| Some(node.name.clone().or_else(|| valueless(node))?.value)).collect()
}

impl<'a> Bindings<'a> {
    /// The medium of that name, which counts as used from now on.
    pub(super) fn medium(&self, name: &str) -> Option<&'a Node> {
        self.media.get(name).map(|b| {
            b.used.set(true);
            b.node
        })
    }

    pub(super) fn media_names(&self) -> impl Iterator<Item = &'a str> {
        self.media.keys().copied()
    }

    /// The style of that name, which counts as used from now on.
    pub(super) fn style(&self, name: &str) -> Option<&'a Node> {
        self.styles.get(name).map(|b| {
            b.used.set(true);
            b.node
        })
    }

    pub(super) fn style_names(&self) -> impl Iterator<Item = &'a str> {
        self.styles.keys().copied()
    }
}

impl<'a> Lowering<'a> {
    /// Reads every binding of the top level.
    pub(super) fn bind(&mut self, nodes: &'a [Node], sets: &[(String, String)]) {
        for node in nodes.iter().filter(|n| n.kind.value == "var") {
            self.bind_variable(node, sets);
        }
        for (name, _) in sets.iter().filter(|(name, _)| !self.variables.known.contains_key(name)) {
            let known = self.variables.known.keys().map(String::as_str);
            let help = match closest(name, known.clone()) {
                Some(word) => format!("did you mean `{word}`?"),
                None if self.variables.known.is_empty() => {
                    format!(
                        "the script binds no variables: write `var {name} = …` into it, or leave `{name}` out"
                    )
                }
                None => format!("the script binds {}", list(&known.collect::<Vec<_>>())),
            };
            self.report(Diagnostic {
                severity: Severity::Error,
                code: codes::UNKNOWN_VARIABLE,
                message: format!("a value is set for `{name}`, which the script does not bind"),
                primary: None,
                secondary: Vec::new(),
                help: Some(help),
            });
        }
        self.scan_variables(nodes.iter().filter(|n| n.kind.value != "var").collect::<Vec<_>>());
        let media = self.bind_nodes(nodes, "media");
        let styles = self.bind_nodes(nodes, "style");
        self.bindings.media = media;
        self.bindings.styles = styles;
        for node in nodes.iter().filter(|n| n.kind.value == "style") {
            if let Some(fields) = self.plain_fields(node, Place::Top) {
                self.check_style(&fields);
            }
        }
        for node in nodes.iter().filter(|n| n.kind.value == "media") {
            let Some(fields) = self.plain_fields(node, Place::Top) else { continue };
            if fields.get("file").is_none() {
                self.missing(node, "file", "write it after the name: `media NAME = \"path\"`");
            }
            self.time_map(&fields);
            self.sound(&fields);
            self.stills(&fields);
        }
        if let Some(node) = nodes.iter().find(|n| n.kind.value == "defaults") {
            self.bind_defaults(node);
        }
    }

    /// Reads all that a style says, whether or not an item uses it: a finding that comes twice is shown once.
    fn check_style(&self, fields: &Fields<'a>) {
        let Some(spec) = Place::Top.kind("style") else { return };
        self.timing(fields, spec, false);
        self.time_map(fields);
        let (_, geometry) = self.effects(&fields.effects, spec, Senses { picture: true, sound: true });
        self.visual(fields, spec, geometry);
        self.sound(fields);
        self.lettering(fields, spec);
        self.drawing(fields, spec);
    }

    fn bind_defaults(&mut self, node: &'a Node) {
        let fields = self.fields_with_block(node, Place::Top);
        for child in node.children.as_deref().unwrap_or_default() {
            match child.kind.value.as_str() {
                "text" => {
                    let look = self.plain_fields(child, Place::Defaults);
                    if let (Some(look), Some(spec)) = (&look, Place::Defaults.kind("text")) {
                        self.lettering(look, spec);
                    }
                    self.bindings.default_text = look;
                }
                "transition" => {
                    if let Some(first) = fields.as_ref().and_then(|f| f.get("transition")) {
                        let message = "`transition` is given twice";
                        let finding = Diagnostic::error(codes::FIELD_TWICE, child.kind.span, message);
                        self.report(finding.also(first.span, "first given here"));
                    }
                    self.bindings.default_transition = Some(child);
                }
                _ => self.unknown_kind(child, Place::Defaults),
            }
        }
        if let (Some(fields), Some(spec)) = (&fields, Place::Top.kind("defaults")) {
            self.word::<Fit>(fields, spec, "fit");
            self.sound(fields);
        }
        self.bindings.defaults = fields;
    }

    fn bind_nodes(&self, nodes: &'a [Node], kind: &str) -> BTreeMap<&'a str, Bound<'a>> {
        let mut bound: BTreeMap<&'a str, Bound<'a>> = BTreeMap::new();
        for node in nodes.iter().filter(|n| n.kind.value == kind) {
            let Some(name) = self.bound_name(node) else { continue };
            if let Some(first) = bound.get(name.value.as_str()) {
                self.bound_twice(name, first.name.span);
                continue;
            }
            bound.insert(&name.value, Bound { node, name, used: Cell::new(false) });
        }
        bound
    }

    /// The right name of a binding; anything else is reported.
    fn bound_name<'n>(&self, node: &'n Node) -> Option<&'n Spanned<String>> {
        let kind = &node.kind.value;
        let Some(name) = &node.name else {
            self.missing(node, "name", &format!("write `{kind} NAME = …`"));
            return None;
        };
        if !is_name(&name.value) {
            self.report(
                Diagnostic::error(codes::BAD_ID, name.span, format!("`{}` cannot be a name", name.value))
                    .help("a name begins with a letter and goes on with letters, digits, `_` and `-`"),
            );
            return None;
        }
        Some(name)
    }

    fn bound_twice(&self, name: &Spanned<String>, first: Span) {
        let message = format!("`{}` is bound twice", name.value);
        self.report(
            Diagnostic::error(codes::BOUND_TWICE, name.span, message).also(first, "first bound here"),
        );
    }

    fn bind_variable(&mut self, node: &Node, sets: &[(String, String)]) {
        let declared =
            valueless(node).map(|name| Node { name: Some(name), positional: Vec::new(), ..node.clone() });
        let node = declared.as_ref().unwrap_or(node);
        let Some(name) = self.bound_name(node) else { return };
        if let Some(first) = self.variables.known.get(&name.value) {
            let first = first.as_ref().map_or(name.span, |v| v.span);
            return self.bound_twice(name, first);
        }
        self.no_effects(node);
        if let Some(field) = node.fields.first() {
            let message = "a variable has one value and no fields";
            self.report(Diagnostic::error(codes::UNKNOWN_FIELD, field.name.span, message));
        }
        if let Some(second) = node.positional.get(1) {
            let message = "a variable has one value";
            let finding = Diagnostic::error(codes::TOO_MANY_VALUES, second.span, message);
            self.report(finding.help("quote it if it is a text with spaces"));
        }
        let given = sets.iter().rev().find(|(n, _)| *n == name.value);
        let value = match (given, node.positional.first()) {
            // A value from outside is literal, and blamed on the place where the variable is bound.
            (Some((_, text)), _) => {
                node.positional.iter().for_each(|v| self.scan_value(v));
                Some(Value { kind: ValueKind::Quoted(text.clone()), span: name.span })
            }
            (None, Some(value)) => {
                self.scan_value(value);
                self.variables.settle(value)
            }
            (None, None) => {
                let message = format!("variable `{}` has no value", name.value);
                let help = format!("give it a default, `var {0} = …`, or set it: `--set {0}=…`", name.value);
                self.report(Diagnostic::error(codes::NO_VALUE, name.span, message).help(help));
                None
            }
        };
        // What is wrong is said here, and not again wherever the variable is used.
        let right =
            |value: &Value| node.declared_type.as_ref().is_none_or(|ty| self.check_type(name, ty, value));
        let variable = value.filter(right);
        let variable = variable.map(|value| Variable { value, span: name.span, used: Cell::new(false) });
        self.variables.known.insert(name.value.clone(), variable);
    }

    /// Whether a variable's value is of its declared type, as far as that is known.
    fn check_type(&self, name: &Spanned<String>, declared: &Spanned<String>, value: &Value) -> bool {
        let Some((_, ty)) = VARIABLE_TYPES.iter().find(|(word, _)| *word == declared.value) else {
            let words: Vec<_> = VARIABLE_TYPES.iter().map(|(word, _)| *word).collect();
            let help = match closest(&declared.value, words.iter().copied()) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("types are {}", list(&words)),
            };
            let message = format!("unknown type `{}`", declared.value);
            self.report(Diagnostic::error(codes::UNKNOWN_TYPE, declared.span, message).help(help));
            return true;
        };
        // Keyframes are checked where they are used: only the field there knows whether it takes them.
        if let ValueKind::Plain(text) | ValueKind::Quoted(text) = &value.kind
            && *ty != FieldType::Text
            && let Err(fault) = parameter::check(*ty, text)
        {
            self.misread(&name.value, value.span, fault);
            return false;
        }
        true
    }

    /// Warns of everything that is bound and never used.
    pub(super) fn report_unused(&self) {
        let warn = |code, span, what: &str, name: &str| {
            self.report(
                Diagnostic::warning(code, span, format!("{what} `{name}` is never used"))
                    .help("leave it out, or use it"),
            );
        };
        for (name, variable) in &self.variables.known {
            if let Some(v) = variable.as_ref().filter(|v| !v.used.get()) {
                warn(codes::UNUSED_VARIABLE, v.span, "variable", name);
            }
        }
        for (name, bound) in self.bindings.media.iter().filter(|(_, b)| !b.used.get()) {
            warn(codes::UNUSED_MEDIUM, bound.name.span, "medium", name);
        }
        for (name, bound) in self.bindings.styles.iter().filter(|(_, b)| !b.used.get()) {
            warn(codes::UNUSED_STYLE, bound.name.span, "style", name);
        }
    }
}
