//! Nodes to YAML text.
//!
//! What `.vfx` gives by position gets its field's name, `source[a..b]` becomes `in` and `out`, and bindings are
//! gathered under `vars`, `media` and `styles`.

use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::node::{Field, Node, Value, ValueKind};
use crate::vocabulary::{Catalogue, NodeSpec, Place};

use super::vfx::is_unseen;
use super::{first_kinds, inexpressible};

/// Flow mappings longer than this are written in lines.
const WIDTH: usize = 100;

/// Prints nodes.
pub(super) fn print(nodes: &[Node], catalogue: &Catalogue) -> Result<String, Vec<Diagnostic>> {
    let mut builder = Builder { catalogue, findings: Vec::new() };
    let mut entries = Vec::new();
    for kind in first_kinds(nodes) {
        let of_kind: Vec<_> = nodes.iter().filter(|n| n.kind.value == kind).collect();
        builder.top(kind, &of_kind, &mut entries);
    }
    if !builder.findings.is_empty() {
        return Err(builder.findings);
    }
    let mut out = String::new();
    for (key, value) in &entries {
        entry(&mut out, key, value, 0);
    }
    Ok(out)
}

/// What is written.
enum Data {
    /// Nothing.
    Null,
    /// A scalar, or a flow list or mapping, as it stands on a line.
    Text(String),
    /// Keys, already quoted if they need it.
    Map(Vec<(String, Data)>),
    List(Vec<Data>),
}

fn entry(out: &mut String, key: &str, value: &Data, indent: usize) {
    out.push_str(key);
    out.push(':');
    match value {
        Data::Null => out.push('\n'),
        Data::Text(text) => out.push_str(&format!(" {text}\n")),
        Data::Map(entries) if entries.is_empty() => out.push_str(" {}\n"),
        Data::List(items) if items.is_empty() => out.push_str(" []\n"),
        Data::Map(entries) => {
            out.push('\n');
            for (key, value) in entries {
                out.push_str(&" ".repeat(indent + 2));
                entry(out, key, value, indent + 2);
            }
        }
        Data::List(items) => {
            out.push('\n');
            for item in items {
                out.push_str(&" ".repeat(indent + 2));
                list_item(out, item, indent + 4);
            }
        }
    }
}

fn list_item(out: &mut String, item: &Data, indent: usize) {
    match item {
        Data::Null => out.push_str("-\n"),
        Data::Text(text) => out.push_str(&format!("- {text}\n")),
        Data::Map(entries) if entries.is_empty() => out.push_str("- {}\n"),
        Data::Map(entries) => {
            out.push_str("- ");
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push_str(&" ".repeat(indent));
                }
                entry(out, key, value, indent);
            }
        }
        // No list of nodes holds a list.
        Data::List(_) => out.push_str("- []\n"),
    }
}

struct Builder<'c> {
    catalogue: &'c Catalogue,
    findings: Vec<Diagnostic>,
}

type Entries = Vec<(String, Data)>;

impl Builder<'_> {
    fn top(&mut self, kind: &str, nodes: &[&Node], entries: &mut Entries) {
        let Some(spec) = Place::Top.kind(kind) else {
            if let Some(node) = nodes.first() {
                let message = format!("`{kind}` is not known, so that its YAML is not known");
                self.findings.push(inexpressible(node.kind.span, &message, "mend the script first"));
            }
            return;
        };
        let key = spec.plural.unwrap_or(kind).to_string();
        if spec.binds {
            let bound = nodes.iter().map(|n| self.binding(n, spec)).collect();
            entries.push((key, Data::Map(bound)));
        } else if kind == "output" {
            let outputs = nodes.iter().map(|n| Data::Map(self.named(n, spec))).collect();
            entries.push((key, Data::List(outputs)));
        } else {
            for node in nodes {
                let data = self.block(node, spec);
                entries.push((key.clone(), data));
            }
        }
    }

    /// A node that is the value of its own key: its list, its one value, or its fields.
    fn block(&mut self, node: &Node, spec: &'static NodeSpec) -> Data {
        let listed = spec.children.filter(|p| !matches!(p, Place::Group | Place::Defaults));
        if let (Some(place), Some(children)) = (listed, &node.children) {
            return Data::List(self.list(children, place));
        }
        match (node.positional.as_slice(), node.fields.is_empty(), &node.children) {
            ([Value { kind: ValueKind::Plain(_) | ValueKind::Quoted(_), .. }], true, None) => {
                node.positional.first().map_or(Data::Null, |v| Data::Text(self.value(v, false)))
            }
            _ => Data::Map(self.named(node, spec)),
        }
    }

    fn list(&mut self, nodes: &[Node], place: Place) -> Vec<Data> {
        nodes.iter().map(|n| self.item(n, place)).collect()
    }

    fn binding(&mut self, node: &Node, spec: &'static NodeSpec) -> (String, Data) {
        // `var name` without a value has its name where a value stands.
        if let (None, [Value { kind: ValueKind::Plain(name), .. }]) = (&node.name, node.positional.as_slice())
        {
            return (scalar(name, true), Data::Null);
        }
        let name = node.name.as_ref().map_or("", |n| n.value.as_str());
        let key = scalar(name, true);
        let data = match (spec.name, node.positional.as_slice(), node.fields.is_empty()) {
            ("var", values, _) => {
                let value = values.first().map(|v| Data::Text(self.value(v, false)));
                match &node.declared_type {
                    Some(declared) => {
                        let mut typed =
                            vec![("type".to_string(), Data::Text(scalar(&declared.value, false)))];
                        typed.extend(value.map(|v| ("default".to_string(), v)));
                        Data::Map(typed)
                    }
                    None => value.unwrap_or(Data::Null),
                }
            }
            (_, [value], true) => Data::Text(self.value(value, false)),
            _ => Data::Map(self.named(node, spec)),
        };
        (key, data)
    }

    /// All that a node says, as named fields, effects and blocks.
    fn named(&mut self, node: &Node, spec: &'static NodeSpec) -> Entries {
        let mut entries = Vec::new();
        for (index, value) in node.positional.iter().enumerate() {
            match spec.positional.get(index) {
                Some(name) => self.field(name, value, &mut entries),
                None => self.too_many(value.span),
            }
        }
        self.rest(node, spec, None, &mut entries);
        entries
    }

    /// Fields, effects and the blocks of a group.
    fn rest(&mut self, node: &Node, spec: &'static NodeSpec, but: Option<&str>, entries: &mut Entries) {
        for field in node.fields.iter().filter(|f| Some(f.name.value.as_str()) != but) {
            self.field(&field.name.value, &field.value, entries);
        }
        if !node.effects.is_empty() {
            let effects = node.effects.iter().map(|e| self.effect(e)).collect();
            entries.push(("effects".to_string(), Data::List(effects)));
        }
        if let (Some(place @ (Place::Group | Place::Defaults)), Some(children)) =
            (spec.children, &node.children)
        {
            for child in children {
                match place.kind(&child.kind.value) {
                    Some(inner) => entries.push((inner.name.to_string(), self.block(child, inner))),
                    None => self.unknown(child),
                }
            }
        }
    }

    fn unknown(&mut self, node: &Node) {
        let message = format!("`{}` cannot stand here, so that its YAML is not known", node.kind.value);
        self.findings.push(inexpressible(node.kind.span, &message, "mend the script first"));
    }

    fn too_many(&mut self, span: Span) {
        let message = "this value by position belongs to no field, so that its YAML is not known";
        self.findings.push(inexpressible(span, message, "give it a name"));
    }

    /// One key and value; a trimmed source is three.
    fn field(&mut self, name: &str, value: &Value, entries: &mut Entries) {
        let key = scalar(name, true);
        match &value.kind {
            ValueKind::Trimmed(source, range) => {
                entries.push((key, Data::Text(self.value(source, false))));
                self.trim(range, entries);
            }
            ValueKind::Null => entries.push((key, Data::Null)),
            _ => entries.push((key, Data::Text(self.value(value, false)))),
        }
    }

    fn trim(&mut self, range: &Value, entries: &mut Entries) {
        let ends = match &range.kind {
            ValueKind::Plain(text) | ValueKind::Quoted(text) => text.split_once(".."),
            _ => None,
        };
        let Some((from, to)) = ends else {
            let message = "a variable that holds a whole range has no YAML spelling";
            return self.findings.push(inexpressible(range.span, message, "write `in` and `out` instead"));
        };
        for (name, end) in [("in", from), ("out", to)] {
            if !end.is_empty() {
                entries.push((name.to_string(), Data::Text(scalar(end, false))));
            }
        }
    }

    /// One node of a list.
    fn item(&mut self, node: &Node, place: Place) -> Data {
        let Some(spec) = place.kind(&node.kind.value) else {
            self.unknown(node);
            return Data::Null;
        };
        if place == Place::Text
            && node.fields.is_empty()
            && let [value @ Value { kind: ValueKind::Plain(_) | ValueKind::Quoted(_), .. }] =
                node.positional.as_slice()
        {
            return Data::Text(list_text(&self.value(value, false), value));
        }
        let key = spec.name.to_string();
        // `color color:#fff` has the one value that stands behind its kind as a field.
        let same = spec.positional.first().filter(|name| **name == spec.name);
        let as_field = node.fields.iter().find(|f| Some(&f.name.value.as_str()) == same).map(|f| &f.value);
        let first = node.positional.first().or(as_field);
        let mut entries = Vec::new();
        let listed = spec.children.filter(|p| *p != Place::Group).zip(node.children.as_ref());
        match (listed, first) {
            (Some((inside, children)), first) => {
                let mut items: Vec<_> =
                    first.iter().map(|v| Data::Text(list_text(&self.value(v, false), v))).collect();
                items.extend(self.list(children, inside));
                entries.push((key, Data::List(items)));
            }
            (None, Some(value)) => self.field(&key, value, &mut entries),
            (None, None) => entries.push((key, Data::Null)),
        }
        let own = if spec.name == "transition" { self.own_positional(node) } else { Vec::new() };
        let positional: Vec<_> = spec.positional.iter().chain(&own).collect();
        for (index, value) in node.positional.iter().enumerate().skip(1) {
            match positional.get(index) {
                Some(name) => self.field(name, value, &mut entries),
                None => self.too_many(value.span),
            }
        }
        let but = if node.positional.is_empty() { same.copied() } else { None };
        self.rest(node, spec, but, &mut entries);
        Data::Map(entries)
    }

    /// What a transition takes by position behind its name and duration.
    fn own_positional(&self, node: &Node) -> Vec<&'static str> {
        let effect =
            node.positional.first().and_then(Value::as_text).and_then(|name| self.catalogue.get(name));
        effect.map_or_else(Vec::new, |effect| effect.by_position().collect())
    }

    /// A word, one key with its value, or one key with its fields.
    fn effect(&mut self, node: &Node) -> Data {
        let name = node.kind.value.as_str();
        let key = scalar(name, true);
        let spec = self.catalogue.find(name);
        let mut entries = Vec::new();
        for (index, value) in node.positional.iter().enumerate() {
            match (index, spec.and_then(|s| s.params.get(index))) {
                (0, _) => self.field(&key, value, &mut entries),
                (_, Some(param)) => self.field(param.name, value, &mut entries),
                (_, None) => self.too_many(value.span),
            }
        }
        for field in &node.fields {
            self.field(&field.name.value, &field.value, &mut entries);
        }
        match (node.positional.is_empty(), entries.is_empty()) {
            (true, true) => Data::Text(scalar(name, false)),
            (true, false) => {
                let flow: Vec<_> = node.fields.iter().map(|f| self.flow_field(f)).collect();
                let flow = format!("{{{}}}", flow.join(", "));
                let fields = if flow.len() > WIDTH { Data::Map(entries) } else { Data::Text(flow) };
                Data::Map(vec![(key, fields)])
            }
            _ => Data::Map(entries),
        }
    }

    fn flow_field(&mut self, field: &Field) -> String {
        format!("{}: {}", scalar(&field.name.value, true), self.value(&field.value, true))
    }

    fn value(&mut self, value: &Value, flow: bool) -> String {
        match &value.kind {
            ValueKind::Plain(text) => scalar(text, flow),
            ValueKind::Quoted(text) => quoted(text),
            ValueKind::List(rows) => {
                let rows: Vec<_> = rows.iter().map(|row| self.row(row)).collect();
                format!("[{}]", rows.join(", "))
            }
            ValueKind::Map(map) => {
                let entries: Vec<_> = map.entries.iter().map(|f| self.flow_field(f)).collect();
                format!("{{{}}}", entries.join(", "))
            }
            ValueKind::Trimmed(source, _) => {
                let message = "`source[a..b]` has no YAML spelling in this place";
                self.findings.push(inexpressible(value.span, message, "write `in` and `out` instead"));
                self.value(source, flow)
            }
            ValueKind::Null => String::new(),
        }
    }

    /// One element of a list: its words in a row, in quotes all together if they need it.
    fn row(&mut self, row: &[Value]) -> String {
        if let [one] = row {
            return self.value(one, true);
        }
        let mut words = Vec::new();
        for (index, value) in row.iter().enumerate() {
            match &value.kind {
                ValueKind::Plain(text) => words.push(text.clone()),
                // Behind the first word, quotes keep a point of two words together.
                ValueKind::Quoted(text)
                    if index > 0 && !text.contains(['"', '\\']) && !text.contains(is_unseen) =>
                {
                    words.push(format!("\"{text}\""));
                }
                ValueKind::Quoted(text) if !text.contains(char::is_whitespace) => words.push(text.clone()),
                _ => {
                    let message = "this element of a list has no YAML spelling";
                    self.findings.push(inexpressible(value.span, message, "leave the quotes out"));
                }
            }
        }
        let plain = words.join(" ");
        if is_plain(&plain, true) {
            return plain;
        }
        quoted(&plain.replace('"', ""))
    }
}

/// A scalar that stands as an element of a list: white space in it may be meant, and words would split.
fn list_text(text: &str, value: &Value) -> String {
    match &value.kind {
        ValueKind::Plain(plain) if plain.contains(char::is_whitespace) => quoted(plain),
        _ => text.to_string(),
    }
}

/// A scalar, in quotes if it needs them; `flow`: inside `[…]` or `{…}`.
fn scalar(text: &str, flow: bool) -> String {
    if is_plain(text, flow) { text.to_string() } else { quoted(text) }
}

/// Whether a text reads as itself without quotes, to YAML and to people: nothing in it looks like a comment, a
/// mapping, a list or an indicator.
fn is_plain(text: &str, flow: bool) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let second = text.chars().nth(1);
    let opens = match first {
        '-' | '?' | ':' => second.is_none_or(char::is_whitespace) || text.starts_with("---"),
        _ => "[]{}#&*!|>'\"%@`,=~".contains(first) || text.starts_with("..."),
    };
    let spaces = text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace);
    let inside = text.contains(": ") || text.ends_with(':') || text.contains(" #") || text.contains("  ");
    let of_flow = flow && text.contains([',', '[', ']', '{', '}', ':']);
    !(opens || spaces || inside || of_flow || text.contains(is_unseen))
}

/// A text in double quotes, on one line.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_unseen(c) => out.push_str(&format!("\\U{:08x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
