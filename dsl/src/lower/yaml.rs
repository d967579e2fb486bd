//! From YAML's mappings to nodes, by the vocabulary.
//!
//! Which key of a mapping is its kind is a question of words: exactly one key must be a kind in its place, and all
//! other keys fields of that kind. After this the two spellings are one.

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::{Span, Spanned};
use crate::syntax::Spelling;
use crate::syntax::node::{Field, Node, RawMap, Value, ValueKind};
use crate::vocabulary::{Catalogue, EFFECT_FIELDS, EffectSpec, LATER, NodeSpec, Place};

use super::findings::Findings;
use super::{closest, list, not_yet, unknown_kind};

/// The nodes of a script's top-level mapping.
pub fn nodes(map: &RawMap, catalogue: &Catalogue) -> (Vec<Node>, Vec<Diagnostic>) {
    let mut reader = Reader { catalogue, findings: Findings::default() };
    let mut nodes = Vec::new();
    for entry in map.entries.iter().filter(|e| e.name.value != "$schema") {
        reader.top(entry, &mut nodes);
    }
    (nodes, reader.findings.finish())
}

struct Reader<'c> {
    catalogue: &'c Catalogue,
    findings: Findings,
}

/// The top-level kind of a key, be it the kind's word or its plural.
fn top_kind(key: &str) -> Option<&'static NodeSpec> {
    Place::Top.kinds().find(|n| n.plural == Some(key) || (n.name == key && !(n.binds && n.plural.is_some())))
}

impl Reader<'_> {
    fn report(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    fn top(&mut self, entry: &Field, nodes: &mut Vec<Node>) {
        let key = &entry.name;
        let Some(spec) = top_kind(&key.value) else {
            let plural = Place::Top.kind(&key.value).and_then(|n| n.plural);
            let finding = match plural {
                Some(plural) => {
                    let message = format!("YAML binds by `{plural}`, not by `{}`", key.value);
                    Diagnostic::error(codes::UNKNOWN_KIND, key.span, message)
                        .help(format!("write `{plural}: {{NAME: …}}`"))
                }
                None => unknown_kind(&key.value, key.span, Place::Top, self.catalogue, Spelling::Yaml),
            };
            return self.report(finding);
        };
        let kind = Spanned::new(spec.name.to_string(), key.span);
        if spec.binds {
            return self.bindings(spec, &entry.value, nodes);
        }
        if spec.name == "output" {
            return self.outputs(&kind, &entry.value, nodes);
        }
        let mut node = Node::bare(kind, key.span.to(entry.value.span));
        self.kind_value(&mut node, spec, &entry.value);
        nodes.push(node);
    }

    fn outputs(&mut self, kind: &Spanned<String>, value: &Value, nodes: &mut Vec<Node>) {
        let Some(spec) = Place::Top.kind("output") else { return };
        let mut one = |this: &mut Self, value: &Value| {
            let mut node = Node::bare(Spanned::new(kind.value.clone(), value.span), value.span);
            this.kind_value(&mut node, spec, value);
            nodes.push(node);
        };
        match &value.kind {
            ValueKind::List(rows) => {
                for row in rows {
                    match row.as_slice() {
                        [value] => one(self, value),
                        _ => self.wrong_element(row, value.span, "an output"),
                    }
                }
            }
            _ => one(self, value),
        }
    }

    /// `vars`, `media` and `styles`.
    fn bindings(&mut self, spec: &'static NodeSpec, value: &Value, nodes: &mut Vec<Node>) {
        let ValueKind::Map(map) = &value.kind else {
            let key = spec.plural.unwrap_or(spec.name);
            if value.kind != ValueKind::Null {
                let message = format!("`{key}` is a mapping of names");
                let help = format!("write `{key}: {{NAME: …}}`");
                self.report(Diagnostic::error(codes::BAD_VALUE, value.span, message).help(help));
            }
            return;
        };
        for entry in &map.entries {
            let kind = Spanned::new(spec.name.to_string(), entry.name.span);
            let mut node = Node::bare(kind, entry.name.span.to(entry.value.span));
            node.name = Some(entry.name.clone());
            match (&entry.value.kind, spec.name) {
                (ValueKind::Map(fields), "var") => self.typed_variable(&mut node, fields),
                (ValueKind::Map(fields), _) => {
                    for field in &fields.entries {
                        self.key(&mut node, spec, field);
                    }
                }
                (ValueKind::Null, _) => {}
                (_, "style") => {
                    let message = format!("style `{}` is a mapping of fields", entry.name.value);
                    self.report(Diagnostic::error(codes::BAD_VALUE, entry.value.span, message));
                }
                _ => node.positional.push(entry.value.clone()),
            }
            nodes.push(node);
        }
    }

    /// `name: {type: length, default: 6vmin}`.
    fn typed_variable(&mut self, node: &mut Node, map: &RawMap) {
        for field in &map.entries {
            match (field.name.value.as_str(), &field.value.kind) {
                ("type", ValueKind::Plain(word) | ValueKind::Quoted(word)) => {
                    node.declared_type = Some(Spanned::new(word.clone(), field.value.span));
                }
                ("default", ValueKind::Null) => {}
                ("default", _) => node.positional.push(field.value.clone()),
                (other, _) => {
                    let message = format!("a variable has no `{other}`");
                    let finding = Diagnostic::error(codes::UNKNOWN_FIELD, field.name.span, message);
                    self.report(finding.help("write a value, or `{type: …, default: …}`"));
                }
            }
        }
    }

    /// What stands behind the key that is the kind: its first positional, a mapping of fields, or its children.
    fn kind_value(&mut self, node: &mut Node, spec: &'static NodeSpec, value: &Value) {
        match (&value.kind, spec.children) {
            (ValueKind::Null, _) => {}
            (ValueKind::Map(map), _) => {
                for field in &map.entries {
                    self.key(node, spec, field);
                }
            }
            (ValueKind::List(_), Some(place)) => node.children = Some(self.children(value, place)),
            _ => node.positional.push(value.clone()),
        }
    }

    /// A key that is not the kind: effects, a block, or a field.
    fn key(&mut self, node: &mut Node, spec: &'static NodeSpec, field: &Field) {
        let name = field.name.value.as_str();
        if name == "effects" {
            return self.effects(node, &field.value);
        }
        if let Some(place) = spec.children.filter(|place| is_block(*place, name)) {
            let child = match place.kind(name) {
                Some(inner) => {
                    let mut child = Node::bare(field.name.clone(), field.name.span.to(field.value.span));
                    self.kind_value(&mut child, inner, &field.value);
                    vec![child]
                }
                // `items` of a track.
                None => self.children(&field.value, place),
            };
            return node.children.get_or_insert_default().extend(child);
        }
        node.fields.push(field.clone());
    }

    /// A list of nodes.
    fn children(&mut self, value: &Value, place: Place) -> Vec<Node> {
        let ValueKind::List(rows) = &value.kind else {
            let message = format!("here stands a list, as in {}", place.name());
            self.report(
                Diagnostic::error(codes::NO_BLOCK_HERE, value.span, message)
                    .help("begin each item with `- `"),
            );
            return Vec::new();
        };
        let mut nodes = Vec::new();
        for row in rows {
            match row.as_slice() {
                [Value { kind: ValueKind::Map(map), .. }] => nodes.extend(self.node(map, place)),
                [_, ..] if place == Place::Text && row.iter().all(is_scalar) => nodes.extend(text_span(row)),
                [Value { kind: ValueKind::Plain(word), span }] if place.kind(word).is_some() => {
                    nodes.push(Node::bare(Spanned::new(word.clone(), *span), *span));
                }
                _ => self.wrong_element(row, value.span, "an item"),
            }
        }
        nodes
    }

    fn wrong_element(&mut self, row: &[Value], list: Span, what: &str) {
        let span = match (row.first(), row.last()) {
            (Some(a), Some(b)) => a.span.to(b.span),
            _ => list,
        };
        self.report(
            Diagnostic::error(codes::KIND_COUNT, span, format!("{what} of this list is a mapping"))
                .help("write `KIND: value`, with its fields below"),
        );
    }

    /// A mapping in a list of nodes.
    fn node(&mut self, map: &RawMap, place: Place) -> Option<Node> {
        let spec_of = |name: &str| place.kind(name);
        let candidates: Vec<_> =
            map.entries.iter().filter_map(|e| spec_of(&e.name.value).map(|spec| (e, spec))).collect();
        let viable: Vec<_> = candidates
            .iter()
            .filter(|(entry, spec)| {
                candidates.iter().all(|(other, _)| {
                    other.name.value == entry.name.value || has_key(spec, &other.name.value)
                })
            })
            .collect();
        let (entry, spec) = match (viable.as_slice(), candidates.as_slice()) {
            ([one], _) => **one,
            (_, []) => {
                self.no_kind(map, place);
                return None;
            }
            (_, [first, rest @ ..]) => {
                let names: Vec<_> = candidates.iter().map(|(e, _)| e.name.value.as_str()).collect();
                let message = format!("this item has {} kinds: {}", names.len(), list(&names));
                let finding = Diagnostic::error(codes::KIND_COUNT, first.0.name.span, message)
                    .help("begin each item with a `- ` of its own");
                let finding = rest.iter().fold(finding, |f, (e, _)| f.also(e.name.span, "and this"));
                self.report(finding);
                return None;
            }
        };
        let mut node = Node::bare(entry.name.clone(), map.span);
        self.kind_value(&mut node, spec, &entry.value);
        for field in map.entries.iter().filter(|e| e.name.value != entry.name.value) {
            self.key(&mut node, spec, field);
        }
        Some(node)
    }

    fn no_kind(&mut self, map: &RawMap, place: Place) {
        if self.findings.is_full() {
            return self.report(Diagnostic::error(codes::KIND_COUNT, map.span, "this item has no kind"));
        }
        if let Some(later) = map
            .entries
            .iter()
            .find(|e| LATER.iter().any(|w| w.name == e.name.value && w.places.contains(&place)))
        {
            return self.report(not_yet(&later.name.value, later.name.span));
        }
        let kinds: Vec<_> = place.kinds().map(|n| n.name).collect();
        let keys: Vec<_> = map.entries.iter().map(|e| e.name.value.as_str()).collect();
        // A word that stands elsewhere, or a slip, says more than "none of these".
        let misplaced = map.entries.iter().find(|e| {
            let word = e.name.value.as_str();
            crate::vocabulary::NODES.iter().any(|n| n.name == word) || LATER.iter().any(|w| w.name == word)
        });
        let slip = map.entries.iter().find(|e| closest(&e.name.value, kinds.iter().copied()).is_some());
        // The first key is the kind in every script that a person writes.
        if let Some(entry) = misplaced.or(slip).or(map.entries.first().filter(|_| map.entries.len() == 1)) {
            let finding =
                unknown_kind(&entry.name.value, entry.name.span, place, self.catalogue, Spelling::Yaml);
            return self.report(finding);
        }
        let message = if keys.is_empty() {
            "this item is empty".to_string()
        } else {
            format!("none of {} is a kind in {}", list(&keys), place.name())
        };
        self.report(
            Diagnostic::error(codes::KIND_COUNT, map.span, message)
                .help(format!("one key says what the item is: {}", list(&kinds))),
        );
    }

    fn effects(&mut self, node: &mut Node, value: &Value) {
        match &value.kind {
            ValueKind::Null => {}
            ValueKind::List(rows) => {
                for row in rows {
                    match row.as_slice() {
                        [one] => node.effects.extend(self.effect(one)),
                        [] => {}
                        [first, ..] => {
                            let span = row.last().map_or(first.span, |last| first.span.to(last.span));
                            let message = "this is more than an effect's name";
                            self.report(
                                Diagnostic::error(codes::UNKNOWN_EFFECT, span, message)
                                    .help("write `vintage: 0.8`, with a colon behind the name"),
                            );
                        }
                    }
                }
            }
            _ => node.effects.extend(self.effect(value)),
        }
    }

    /// A word, or a mapping with one key that is an effect.
    fn effect(&mut self, value: &Value) -> Option<Node> {
        let map = match &value.kind {
            ValueKind::Plain(word) | ValueKind::Quoted(word) => {
                return Some(Node::bare(Spanned::new(word.clone(), value.span), value.span));
            }
            ValueKind::Map(map) => map,
            _ => {
                let message = "an effect is a word or a mapping";
                let finding = Diagnostic::error(codes::UNKNOWN_EFFECT, value.span, message);
                self.report(finding.help("write `- sepia` or `- vintage: 0.8`"));
                return None;
            }
        };
        let entry = self.effect_key(map)?;
        let mut node = Node::bare(entry.name.clone(), map.span);
        match &entry.value.kind {
            ValueKind::Null => {}
            ValueKind::Map(fields) => node.fields.extend(fields.entries.iter().cloned()),
            _ => node.positional.push(entry.value.clone()),
        }
        node.fields.extend(map.entries.iter().filter(|e| e.name.value != entry.name.value).cloned());
        Some(node)
    }

    /// The key of a mapping that is its effect's name.
    fn effect_key<'m>(&mut self, map: &'m RawMap) -> Option<&'m Field> {
        let takes = |spec: &EffectSpec, name: &str| {
            spec.param(name).is_some() || EFFECT_FIELDS.iter().any(|f| f.name == name)
        };
        let candidates: Vec<_> = map
            .entries
            .iter()
            .filter_map(|e| self.catalogue.find(&e.name.value).map(|spec| (e, spec)))
            .collect();
        let viable: Vec<_> = candidates
            .iter()
            .filter(|(entry, spec)| {
                candidates.iter().all(|(o, _)| o.name.value == entry.name.value || takes(spec, &o.name.value))
            })
            .collect();
        match (viable.as_slice(), candidates.as_slice()) {
            ([(entry, _)], _) => Some(entry),
            // Lowering says that it is unknown, with a suggestion.
            (_, []) => {
                let found =
                    map.entries.iter().find(|e| !EFFECT_FIELDS.iter().any(|f| f.name == e.name.value));
                if found.is_none() {
                    let finding = Diagnostic::error(codes::KIND_COUNT, map.span, "this effect has no name");
                    self.report(finding.help("write `- sepia` or `- vintage: 0.8`"));
                }
                found
            }
            (_, some) => {
                let names: Vec<_> = some.iter().map(|(e, _)| e.name.value.as_str()).collect();
                let message = format!("this mapping has {} effects: {}", names.len(), list(&names));
                let finding = Diagnostic::error(codes::KIND_COUNT, map.span, message);
                self.report(finding.help("begin each effect with a `- ` of its own"));
                None
            }
        }
    }
}

fn is_scalar(value: &Value) -> bool {
    matches!(value.kind, ValueKind::Plain(_) | ValueKind::Quoted(_))
}

/// A text in a list of spans. Its words were split as those of every list.
fn text_span(row: &[Value]) -> Option<Node> {
    let (first, last) = (row.first()?, row.last()?);
    let span = first.span.to(last.span);
    let kind = match row {
        [one] => one.kind.clone(),
        _ => {
            let words = row.iter().filter_map(|v| match &v.kind {
                ValueKind::Plain(text) => Some(text.clone()),
                ValueKind::Quoted(text) => Some(format!("\"{text}\"")),
                _ => None,
            });
            ValueKind::Plain(words.collect::<Vec<_>>().join(" "))
        }
    };
    let mut node = Node::bare(Spanned::new("span".into(), span), span);
    node.positional.push(Value { kind, span });
    Some(node)
}

/// Whether `name` is a block of a node whose children stand in `place`.
fn is_block(place: Place, name: &str) -> bool {
    match place {
        Place::Group | Place::Defaults => place.kind(name).is_some(),
        Place::Sequence | Place::AudioSequence => name == "items",
        _ => false,
    }
}

/// Whether a key may stand in a mapping of this kind.
fn has_key(spec: &NodeSpec, name: &str) -> bool {
    name == "effects"
        || spec.field(name).is_some()
        || spec.later.contains(&name)
        || spec.children.is_some_and(|place| is_block(place, name))
}
