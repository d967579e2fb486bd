//! Variables: `${name}` stands for one value, or inside text. It is put in when a value is read, after all splitting,
//! so that it never becomes syntax.

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::node::{Node, Value, ValueKind};
use crate::vocabulary::LATER_VARIABLES;

use super::{Lowering, closest, not_yet};

/// A bound variable. What its value holds is literal: no `${…}` in it means anything any more.
pub(super) struct Variable {
    pub(super) value: Value,
    /// Where it was bound.
    pub(super) span: Span,
    pub(super) used: Cell<bool>,
}

/// All bound variables by name; one whose value was wrong is there without it.
#[derive(Default)]
pub(super) struct Variables {
    pub(super) known: BTreeMap<String, Option<Variable>>,
}

/// A piece of a text.
#[derive(Debug, PartialEq)]
enum Piece<'t> {
    Literal(&'t str),
    Variable(&'t str),
    /// A `${` that goes wrong.
    Broken,
}

/// Splits a text into what is literal and what are variables; `$${` is a literal `${`.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            pieces.push(Piece::Literal(before));
            pieces.push(Piece::Literal("${"));
            rest = after.get(2..).unwrap_or("");
            continue;
        }
        pieces.push(Piece::Literal(before));
        let inside = after.get(2..).unwrap_or("");
        match inside.split_once('}') {
            // The grammar takes dots and blanks inside the braces: `${row.title}`, `${ name }`.
            Some((name, behind)) if name.trim_matches([' ', '\t']).split('.').all(is_name) => {
                pieces.push(Piece::Variable(name.trim_matches([' ', '\t'])));
                rest = behind;
            }
            _ => {
                pieces.push(Piece::Broken);
                rest = inside;
            }
        }
    }
    pieces.push(Piece::Literal(rest));
    pieces.retain(|p| *p != Piece::Literal(""));
    pieces
}

/// Whether a text can be a variable's name.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

impl Variables {
    /// The variable that `text` wholly is.
    pub(super) fn whole(text: &str) -> Option<&str> {
        match pieces(text).as_slice() {
            [Piece::Variable(name)] => Some(name),
            _ => None,
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Variable> {
        self.known.get(name)?.as_ref()
    }

    /// `text` with all variables put in; `None` if one of them has no text, which is reported elsewhere.
    pub(super) fn interpolate(&self, text: &str) -> Option<String> {
        let mut out = String::with_capacity(text.len());
        for piece in pieces(text) {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Variable(name) => match &self.get(name)?.value.kind {
                    ValueKind::Plain(text) | ValueKind::Quoted(text) => out.push_str(text),
                    _ => return None,
                },
                Piece::Broken => return None,
            }
        }
        Some(out)
    }

    /// `value` with every variable in it put in, and with nothing in it that has a second meaning any more.
    pub(super) fn settle(&self, value: &Value) -> Option<Value> {
        let kind = match &value.kind {
            ValueKind::Plain(text) | ValueKind::Quoted(text) => {
                if let Some(name) = Variables::whole(text) {
                    return Some(Value { kind: self.get(name)?.value.kind.clone(), span: value.span });
                }
                let settled = self.interpolate(text)?;
                match &value.kind {
                    ValueKind::Plain(_) => ValueKind::Plain(settled),
                    _ => ValueKind::Quoted(settled),
                }
            }
            ValueKind::List(rows) => {
                let row = |row: &Vec<Value>| row.iter().map(|v| self.settle(v)).collect::<Option<Vec<_>>>();
                ValueKind::List(rows.iter().map(row).collect::<Option<Vec<_>>>()?)
            }
            other => other.clone(),
        };
        Some(Value { kind, span: value.span })
    }
}

impl Lowering<'_> {
    /// Reports every `${…}` in these nodes that is no variable, and marks the others as used.
    pub(super) fn scan_variables<'n>(&self, nodes: impl IntoIterator<Item = &'n Node>) {
        for node in nodes {
            let values = node.positional.iter().chain(node.fields.iter().map(|f| &f.value));
            values.for_each(|v| self.scan_value(v));
            self.scan_variables(node.effects.iter().collect::<Vec<_>>());
            self.scan_variables(node.children.iter().flatten().collect::<Vec<_>>());
        }
    }

    pub(super) fn scan_value(&self, value: &Value) {
        match &value.kind {
            ValueKind::Plain(text) | ValueKind::Quoted(text) => self.scan_text(text, value.span),
            ValueKind::List(rows) => rows.iter().flatten().for_each(|v| self.scan_value(v)),
            ValueKind::Trimmed(source, range) => {
                self.scan_value(source);
                self.scan_value(range);
            }
            ValueKind::Map(map) => map.entries.iter().for_each(|e| self.scan_value(&e.value)),
            ValueKind::Null => {}
        }
    }

    fn scan_text(&self, text: &str, span: Span) {
        let whole = Variables::whole(text).is_some();
        for piece in pieces(text) {
            match piece {
                Piece::Literal(_) => {}
                Piece::Broken => self.report(
                    Diagnostic::error(codes::MALFORMED_VARIABLE, span, "`${` without a name and `}`")
                        .help("write `${name}`, or `$${` for a literal `${`"),
                ),
                Piece::Variable(name) => match self.variables.known.get(name) {
                    Some(None) => {}
                    Some(Some(variable)) => {
                        variable.used.set(true);
                        let scalar =
                            matches!(variable.value.kind, ValueKind::Plain(_) | ValueKind::Quoted(_));
                        if !whole && !scalar {
                            self.report(
                                Diagnostic::error(
                                    codes::BAD_VALUE,
                                    span,
                                    format!("`${{{name}}}` holds a list, which cannot stand inside a text"),
                                )
                                .also(variable.span, "bound here"),
                            );
                        }
                    }
                    None => self.unknown_variable(name, span),
                },
            }
        }
    }

    fn unknown_variable(&self, name: &str, span: Span) {
        if self.findings.is_full() {
            return self.report(Diagnostic::error(codes::UNKNOWN_VARIABLE, span, "unknown variable"));
        }
        if LATER_VARIABLES.contains(&name.split('.').next().unwrap_or(name)) {
            return self.report(not_yet(&format!("${{{name}}}"), span));
        }
        let finding = Diagnostic::error(codes::UNKNOWN_VARIABLE, span, format!("unknown variable `{name}`"));
        self.report(match closest(name, self.variables.known.keys().map(String::as_str)) {
            Some(word) => finding.help(format!("did you mean `${{{word}}}`?")),
            None => finding.help(format!("bind it at the top: `var {name} = …`")),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_a_text() {
        assert_eq!(
            pieces("Hello ${name}!"),
            [Piece::Literal("Hello "), Piece::Variable("name"), Piece::Literal("!")]
        );
        assert_eq!(pieces("$${name}"), [Piece::Literal("${"), Piece::Literal("name}")]);
        assert_eq!(pieces("$$${a}"), [Piece::Literal("$"), Piece::Literal("${"), Piece::Literal("a}")]);
        assert_eq!(pieces("${a b}"), [Piece::Broken, Piece::Literal("a b}")]);
        assert_eq!(pieces("5 $ {a}"), [Piece::Literal("5 $ {a}")]);
        assert_eq!(Variables::whole("${a}"), Some("a"));
        assert_eq!(Variables::whole("${a}s"), None);
    }
}
