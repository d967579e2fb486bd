//! `.vfx` text to nodes.
//!
//! A text comes in; the nodes that could be kept and every syntactic mistake go out. `grammar/vfx.pest` matches any
//! text whatsoever and marks what is wrong; this module walks what it matched, so there is one pass, no retry and
//! no recovery to guess. Knows no word's meaning.

mod fault;
mod string;

use std::iter::Peekable;

use pest::Parser;
use pest::iterators::{Pair, Pairs};

use self::grammar::{Rule, VfxGrammar};
use super::findings::Findings;
use super::node::{Field, Node, Value, ValueKind};
use super::scan;
use crate::codes;
use crate::source::{Span, Spanned};

mod grammar {
    #[derive(pest_derive::Parser)]
    #[grammar = "../../grammar/vfx.pest"]
    pub(super) struct VfxGrammar;
}

/// The top-level nodes of a text; `None` if a limit is passed and nothing was read.
pub(super) fn parse<'a>(text: &'a str, findings: &mut Findings<'a>) -> Option<Vec<Node>> {
    if !scan::scan(text, findings) {
        return None;
    }
    let script = match VfxGrammar::parse(Rule::script, text) {
        Ok(mut pairs) => pairs.next()?,
        Err(error) => {
            let at = match error.location {
                pest::error::InputLocation::Pos(at) | pest::error::InputLocation::Span((at, _)) => at,
            };
            let span = findings.span(at, at);
            findings.error(codes::UNEXPECTED_TEXT, span, "the text cannot be read here", "simplify it");
            return None;
        }
    };
    let mut builder = Builder { text, findings };
    Some(builder.nodes(script.into_inner()))
}

/// What a node or an effect gathers.
#[derive(Default)]
struct Parts {
    positional: Vec<Value>,
    fields: Vec<Field>,
    /// End of the value or field before, for parts that touch.
    end: usize,
    /// Whether a stray `(` awaits its `)`.
    bracket: bool,
}

struct Builder<'a, 'f> {
    text: &'a str,
    findings: &'f mut Findings<'a>,
}

impl Builder<'_, '_> {
    /// The place of a pair, without the white space that an unclosed bracket took in behind it.
    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let start = pair.as_span().start();
        self.findings.span(start, start + pair.as_str().trim_end().len())
    }

    fn spanned(&self, pair: &Pair<'_, Rule>) -> Spanned<String> {
        Spanned::new(pair.as_str().to_owned(), self.span(pair))
    }

    /// Nodes one after another: a whole script or the inside of a block.
    fn nodes(&mut self, pairs: Pairs<'_, Rule>) -> Vec<Node> {
        let mut nodes: Vec<Node> = Vec::new();
        let mut before: Option<(Rule, usize)> = None;
        for pair in pairs {
            let (rule, range) = (pair.as_rule(), pair.as_span());
            let same_line =
                before.filter(|(_, end)| !self.text.get(*end..range.start()).unwrap_or("").contains('\n'));
            match rule {
                Rule::node => {
                    if same_line.is_some_and(|(rule, _)| rule == Rule::node) {
                        fault::node_on_same_line(self.findings, self.span(&pair), pair.as_str());
                    }
                    let node = self.node(pair);
                    nodes.push(node);
                }
                Rule::block => {
                    if same_line.is_none_or(|(rule, _)| rule != Rule::lost) {
                        fault::block_without_node(self.findings, range.start(), !nodes.is_empty());
                    }
                    let children = self.block(pair);
                    match nodes.last_mut() {
                        Some(node) if node.children.is_none() => node.children = Some(children),
                        _ => {}
                    }
                }
                Rule::lost => self.lost(pair),
                Rule::stray => fault::stray(self.findings, self.span(&pair)),
                _ => {}
            }
            before = Some((rule, range.end()));
        }
        nodes
    }

    fn block(&mut self, pair: Pair<'_, Rule>) -> Vec<Node> {
        let open = pair.as_span().start();
        let unclosed = pair.clone().into_inner().last().is_some_and(|last| last.as_rule() == Rule::unclosed);
        if unclosed {
            fault::unclosed_block(self.findings, open);
        }
        self.nodes(pair.into_inner())
    }

    fn node(&mut self, pair: Pair<'_, Rule>) -> Node {
        let span = self.span(&pair);
        let mut inner = pair.into_inner().peekable();
        let kind = inner.next().map_or_else(|| Spanned::new(String::new(), span), |name| self.spanned(&name));
        let mut node = Node::bare(kind, span);
        let mut parts = Parts::default();
        let mut after_block = false;
        while let Some(pair) = inner.next() {
            match pair.as_rule() {
                Rule::binding => self.binding(pair, &mut node, inner.peek()),
                Rule::effect => {
                    let effect = self.effect(pair);
                    node.effects.extend(effect);
                }
                Rule::block if after_block => {
                    fault::second_block(self.findings, pair.as_span().start());
                    let more = self.block(pair);
                    node.children.get_or_insert_default().extend(more);
                }
                Rule::block => {
                    node.children = Some(self.block(pair));
                    after_block = true;
                }
                _ => {
                    if after_block {
                        fault::field_after_block(self.findings, self.span(&pair), pair.as_str());
                    }
                    self.part(pair, &mut inner, &mut parts);
                }
            }
        }
        node.positional = parts.positional;
        node.fields = parts.fields;
        node
    }

    /// `NAME =` or `NAME: type =`.
    fn binding(&mut self, pair: Pair<'_, Rule>, node: &mut Node, next: Option<&Pair<'_, Rule>>) {
        let span = self.span(&pair);
        if let (Some(colon), Some(space)) = (pair.as_str().find(':'), pair.as_str().find(char::is_whitespace))
            && space < colon
        {
            let at = span.start as usize;
            fault::space_before_colon(self.findings, at + space, at + colon);
        }
        if next.is_none_or(|next| next.as_rule() == Rule::block) {
            fault::missing_value(self.findings, span, "`=`");
        }
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => node.name = Some(self.spanned(&part)),
                _ => node.declared_type = Some(self.spanned(&part)),
            }
        }
    }

    fn effect(&mut self, pair: Pair<'_, Rule>) -> Option<Node> {
        let span = self.span(&pair);
        let mut inner = pair.into_inner().peekable();
        let kind = match inner.next_if(|first| first.as_rule() == Rule::name) {
            Some(name) => Some(self.spanned(&name)),
            None => {
                fault::missing_effect(self.findings, span.start as usize);
                None
            }
        };
        let mut parts = Parts::default();
        while let Some(pair) = inner.next() {
            self.part(pair, &mut inner, &mut parts);
        }
        Some(Node {
            kind: kind?,
            name: None,
            declared_type: None,
            positional: parts.positional,
            fields: parts.fields,
            effects: Vec::new(),
            children: None,
            span,
        })
    }

    /// One field, value or piece of junk; `rest` gives the trim of a value.
    fn part(&mut self, pair: Pair<'_, Rule>, rest: &mut Peekable<Pairs<'_, Rule>>, parts: &mut Parts) {
        let (rule, start) = (pair.as_rule(), pair.as_span().start());
        if rule == Rule::junk {
            let closes = std::mem::replace(&mut parts.bracket, pair.as_str() == "(");
            if closes && pair.as_str() == ")" {
                return;
            }
            return fault::junk(self.findings, start, pair.as_str());
        }
        if start == parts.end {
            fault::touching(self.findings, self.span(&pair));
        }
        match rule {
            Rule::field | Rule::spaced_field => {
                parts.end = pair.as_span().end();
                let field = self.field(pair, rule == Rule::spaced_field);
                parts.fields.extend(field);
            }
            _ => {
                let value = self.value(pair, rest);
                parts.end = value.span.end as usize;
                parts.positional.push(value);
            }
        }
    }

    fn field(&mut self, pair: Pair<'_, Rule>, spaced: bool) -> Option<Field> {
        let whole = pair.as_span();
        let mut inner = pair.into_inner().peekable();
        let name = inner.next()?;
        let after_name = name.as_span().end();
        let name = self.spanned(&name);
        let after = self.text.get(after_name..whole.end()).unwrap_or("");
        let colon = after_name + after.find(':').unwrap_or(0);
        if spaced {
            fault::space_before_colon(self.findings, after_name, colon);
        }
        let Some(value) = inner.next() else {
            let span = self.findings.span(whole.start(), colon + 1);
            fault::missing_value(self.findings, span, &format!("`{}:`", name.value));
            return None;
        };
        let value = self.value(value, &mut inner);
        Some(Field { name, value })
    }

    fn value(&mut self, pair: Pair<'_, Rule>, rest: &mut Peekable<Pairs<'_, Rule>>) -> Value {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::list => ValueKind::List(self.list(pair)),
            Rule::string => {
                ValueKind::Quoted(string::read(self.findings, span.start as usize, pair.as_str()))
            }
            Rule::malformed => {
                let text = pair.as_str().trim_end();
                fault::malformed(self.findings, span, text);
                ValueKind::Plain(text.to_owned())
            }
            _ => ValueKind::Plain(pair.as_str().to_owned()),
        };
        let value = Value { kind, span };
        match rest.next_if(|next| next.as_rule() == Rule::trim) {
            Some(trim) => self.trimmed(value, trim),
            None => value,
        }
    }

    /// `source[a..b]`.
    fn trimmed(&mut self, source: Value, trim: Pair<'_, Rule>) -> Value {
        let span = self.span(&trim);
        let mut inner = trim.into_inner().peekable();
        let mut ranges = Vec::new();
        let (mut clean, mut closed) = (true, true);
        while let Some(pair) = inner.next() {
            match pair.as_rule() {
                Rule::unclosed => {
                    fault::unclosed_bracket(self.findings, span.start as usize, "range");
                    closed = false;
                }
                Rule::trim_junk => clean = false,
                _ => {
                    let value = self.value(pair, &mut inner);
                    ranges.push(value);
                }
            }
        }
        let whole = source.span.to(span);
        match (ranges.pop(), ranges.is_empty()) {
            (Some(range), true) if clean && is_range(&range) => {
                Value { kind: ValueKind::Trimmed(Box::new(source), Box::new(range)), span: whole }
            }
            _ => {
                if closed {
                    fault::malformed_trim(self.findings, span);
                }
                source
            }
        }
    }

    fn list(&mut self, pair: Pair<'_, Rule>) -> Vec<Vec<Value>> {
        let open = pair.as_span().start();
        let mut inner = pair.into_inner().peekable();
        let mut elements = Vec::new();
        let mut element = Vec::new();
        while let Some(pair) = inner.next() {
            match pair.as_rule() {
                Rule::comma => {
                    if element.is_empty() {
                        fault::missing_element(self.findings, self.span(&pair));
                    } else {
                        elements.push(std::mem::take(&mut element));
                    }
                }
                Rule::unclosed => fault::unclosed_bracket(self.findings, open, "list"),
                Rule::list_junk => fault::junk(self.findings, pair.as_span().start(), pair.as_str()),
                Rule::list_field => fault::field_in_list(self.findings, self.span(&pair), pair.as_str()),
                _ => {
                    let value = self.value(pair, &mut inner);
                    element.push(value);
                }
            }
        }
        if !element.is_empty() {
            elements.push(element);
        }
        elements
    }

    /// A line on which no node begins.
    fn lost(&mut self, pair: Pair<'_, Rule>) {
        let span = self.span(&pair);
        let Some(first) = pair.into_inner().next() else { return };
        fault::lost(
            self.findings,
            span,
            first.as_str(),
            matches!(first.as_rule(), Rule::effect | Rule::field | Rule::spaced_field),
        );
    }
}

/// Whether a value may stand in the brackets of `source[a..b]`: a range, or a variable that holds one.
fn is_range(value: &Value) -> bool {
    matches!(&value.kind, ValueKind::Plain(text) if text.contains("..") || text.starts_with("${"))
}

#[cfg(test)]
mod tests;
