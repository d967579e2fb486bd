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
