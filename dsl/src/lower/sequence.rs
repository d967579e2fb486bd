//! Sequences and placed items.

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::script::{Effect, Item, Sequence, SequenceEntry, Transition};
use crate::source::Spanned;
use crate::syntax::node::Node;
use crate::value::{Animated, Easing, Time, TimePoint};
use crate::vocabulary::{Place, Role};

use super::Lowering;
use super::parameter::default_value;
use super::reading::span_of_time;

impl<'a> Lowering<'a> {
    /// The items of `overlays` or `audio`.
    pub(super) fn placed(&self, node: &'a Node, place: Place) -> Vec<Item> {
        self.block_only(node);
        node.children.iter().flatten().filter_map(|child| self.item(child, place)).collect()
    }

    /// The sequence of a `timeline`.
    pub(super) fn main_sequence(&self, node: &'a Node) -> Sequence {
        self.block_only(node);
        self.sequence(node, Place::Sequence)
    }

    /// Reports everything but a block on a node that has nothing else.
    fn block_only(&self, node: &'a Node) {
        let scheme = super::fields::Scheme { owner: &node.kind.value, ..Default::default() };
        self.sort(node, &scheme);
        self.no_effects(node);
        if node.children.is_none() && node.positional.is_empty() {
            let message = format!("`{}` has nothing in it", node.kind.value);
            let help = format!("write `{} {{ … }}`, in YAML a list", node.kind.value);
            self.report(Diagnostic::error(codes::NO_BLOCK_HERE, node.kind.span, message).help(help));
        }
    }

    /// The entries of a block, with the transitions of `defaults` at its cuts.
    pub(super) fn sequence(&self, node: &'a Node, place: Place) -> Sequence {
        let mut entries: Vec<SequenceEntry> = Vec::new();
        let mut transition_before: Option<&Node> = None;
        let default = if place == Place::Sequence { self.default_transition() } else { None };
        for child in node.children.iter().flatten() {
            if child.kind.value == "transition" {
                if let Some(first) = transition_before {
                    self.report(
                        Diagnostic::error(
                            codes::TRANSITION_PLACE,
                            child.kind.span,
                            "two transitions stand in a row",
                        )
                        .also(first.kind.span, "the first is here")
                        .help("leave one out, or put an item between them"),
                    );
                }
                transition_before = Some(child);
                if place == Place::AudioSequence {
                    self.no_ease(child);
                }
                entries.extend(self.transition(child).map(SequenceEntry::Transition));
                continue;
            }
            let entry = match child.kind.value.as_str() {
                "gap" => self.gap(child, place),
                _ => self.item(child, place).map(|item| SequenceEntry::Item(Box::new(item))),
            };
            if let (Some(default), Some(SequenceEntry::Item(_)), Some(SequenceEntry::Item(_)), None) =
                (&default, entries.last(), &entry, transition_before)
            {
                entries.push(SequenceEntry::Transition(default.clone()));
            }
            transition_before = None;
            entries.extend(entry);
        }
        Sequence { entries, span: node.span }
    }

    /// Reports an easing between sounds.
    fn no_ease(&self, node: &Node) {
        if let Some(ease) = node.field("ease") {
            let message = "`ease` means nothing between sounds: they cross with equal power";
            let finding = Diagnostic::error(codes::NOT_APPLICABLE, ease.span, message);
            self.report(finding.help("leave it out"));
        }
    }

    fn gap(&self, node: &'a Node, place: Place) -> Option<SequenceEntry> {
        let fields = self.plain_fields(node, place)?;
        if fields.get("duration").is_none() {
            self.missing(node, "duration", "write `gap 2s`");
        }
        let duration = self.read(&fields, "duration", span_of_time)?;
        Some(SequenceEntry::Gap { duration })
    }

    /// The transition that `defaults` puts at every cut.
    fn default_transition(&self) -> Option<Transition> {
        if let Some(node) = self.bindings.default_transition {
            return self.transition(node);
        }
        let value = self.bindings.defaults.as_ref()?.get("transition")?;
        let name = self.scalar("transition", value).filter(|n| n.value != "none")?;
        let spec = self.catalogue.get(&name.value).filter(|s| s.role == Role::Transition);
        let Some(spec) = spec else {
            self.unknown_transition(&name);
            return None;
        };
        let span = name.span;
        let params =
            spec.params.iter().map(|p| default_value(p).unwrap_or(crate::script::ParamValue::Absent));
        Some(Transition {
            effect: Effect {
                name,
                params: params.collect(),
                mix: Animated::Constant(1.0),
                at: None,
                duration: None,
                until: None,
                span,
            },
            duration: Spanned::new(TimePoint::seconds(Time::seconds(1)), span),
            easing: Easing::Linear,
            span,
        })
    }
}
