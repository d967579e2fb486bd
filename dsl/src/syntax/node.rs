//! The tree that both spellings give.
//!
//! `.vfx` gives [`Node`]s; YAML gives [`RawMap`]s, because which key of a mapping is its kind is a question of words,
//! which only lowering knows. Scalars are *lexical*: what a value means is decided by the field that it stands in.

use serde::Serialize;

use crate::source::{Span, Spanned};

/// A whole text, as its spelling gives it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Document {
    /// `.vfx`: the top-level nodes in order.
    Nodes(Vec<Node>),
    /// YAML or JSON: the top-level mapping.
    Map(RawMap),
}

/// `kind positional… name:value… | effect… { children }`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Node {
    /// The first word.
    pub kind: Spanned<String>,
    /// The bound name of `media NAME = …`, `var NAME: type = …`, `style NAME = …`.
    pub name: Option<Spanned<String>>,
    /// The type written after the name of a `var`.
    pub declared_type: Option<Spanned<String>>,
    /// Values without a name, in order.
    pub positional: Vec<Value>,
    /// `name:value` pairs, in order, duplicates included.
    pub fields: Vec<Field>,
    /// `| effect …`, in order, wherever they stood.
    pub effects: Vec<Node>,
    /// The block, if there is one.
    pub children: Option<Vec<Node>>,
    /// All of it.
    pub span: Span,
}

impl Node {
    /// A node that no text holds, of a kind and with nothing else yet: for programs that write scripts.
    pub fn new(kind: &str) -> Node {
        Node::bare(Spanned::new(kind.to_owned(), Span::default()), Span::default())
    }

    /// With one positional value more.
    #[must_use]
    pub fn with(mut self, value: Value) -> Node {
        self.positional.push(value);
        self
    }

    /// With a field; one of that name is replaced.
    #[must_use]
    pub fn with_field(mut self, name: &str, value: Value) -> Node {
        self.set(name, value);
        self
    }

    /// With a block.
    #[must_use]
    pub fn with_children(mut self, children: Vec<Node>) -> Node {
        self.children = Some(children);
        self
    }

    /// The value of a field; of the last, if it is given more than once.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.iter().rfind(|field| field.name.value == name).map(|field| &field.value)
    }

    /// Gives a field a value, in the place of the one that it had.
    pub fn set(&mut self, name: &str, value: Value) {
        let field = Field { name: Spanned::new(name.to_owned(), Span::default()), value };
        match self.fields.iter_mut().rfind(|field| field.name.value == name) {
            Some(old) => *old = field,
            None => self.fields.push(field),
        }
    }

    /// Takes a field away.
    pub fn unset(&mut self, name: &str) {
        self.fields.retain(|field| field.name.value != name);
    }

    /// A node with a kind and nothing else yet.
    pub(crate) fn bare(kind: Spanned<String>, span: Span) -> Node {
        Node {
            kind,
            name: None,
            declared_type: None,
            positional: Vec::new(),
            fields: Vec::new(),
            effects: Vec::new(),
            children: None,
            span,
        }
    }
}

/// One `name:value`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Field {
    /// The name.
    pub name: Spanned<String>,
    /// The value.
    pub value: Value,
}

/// A lexical value and its place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Value {
    /// What was written.
    pub kind: ValueKind,
    /// Where.
    pub span: Span,
}

impl Value {
    /// A bare scalar that no text holds: a word, a number with its unit, a time.
    pub fn plain(text: impl Into<String>) -> Value {
        Value { kind: ValueKind::Plain(text.into()), span: Span::default() }
    }

    /// A quoted string that means just these characters: a `${` in it is literal too.
    pub fn literal(text: &str) -> Value {
        Value { kind: ValueKind::Quoted(text.replace("${", "$${")), span: Span::default() }
    }

    /// The text of a bare or quoted scalar, as it stands.
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            ValueKind::Plain(text) | ValueKind::Quoted(text) => Some(text),
            _ => None,
        }
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum ValueKind {
    /// A bare scalar: word, number with unit, clock, `WxH`, `#hex`, anchor, call, `${var}`, range, easing … exactly
    /// as it stands in the source. The field's type reads it.
    Plain(String),
    /// A quoted string, escapes resolved except `${…}` and `$${`, which substitution reads.
    Quoted(String),
    /// `[…]`: elements are separated by commas; each may be several plain or quoted values in a row, as in
    /// `[0s 1, end 1.2 ease-in-out]`. A YAML list, in brackets or as `- ` lines, gives the same: a plain entry is
    /// split into its words; a mapping, a list in the list and a quoted entry are one value each. An entry that is
    /// one quoted value (`"0s 1"`) where several are wanted is split by [`super::words`]. The text of an entry as it
    /// was written reaches from its first value's start to its last one's end.
    List(Vec<Vec<Value>>),
    /// `SOURCE[a..b]` of `.vfx`.
    Trimmed(Box<Value>, Box<Value>),
    /// A YAML mapping that stands where a value stands.
    Map(RawMap),
    /// A YAML scalar with nothing in it.
    Null,
}

/// A YAML mapping: keys in order, duplicates already reported and dropped.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RawMap {
    /// Key and value.
    pub entries: Vec<Field>,
    /// All of it.
    pub span: Span,
}
