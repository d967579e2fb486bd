//! Nodes to `.vfx` text.

use std::collections::VecDeque;

use crate::diagnostic::Diagnostic;
use crate::source::SourceMap;
use crate::syntax::node::{Document, Field, Node, RawMap, Value, ValueKind};
use crate::syntax::{self, Spelling};

use super::comments::{Comment, comments};
use super::{WIDTH, inexpressible};

/// Prints nodes; `source` is the text that they came from, for its comments and blank lines.
pub(super) fn print(nodes: &[Node], source: Option<&str>) -> Result<String, Vec<Diagnostic>> {
    let mut printer = Printer {
        out: String::new(),
        source,
        comments: source.map(comments).unwrap_or_default().into(),
        behind: 0,
        findings: Vec::new(),
    };
    printer.nodes(nodes, 0);
    printer.comments_before(usize::MAX, 0);
    if printer.findings.is_empty() { Ok(printer.out) } else { Err(printer.findings) }
}

struct Printer<'s> {
    out: String,
    source: Option<&'s str>,
    comments: VecDeque<Comment<'s>>,
    /// Where in the source that ends which was printed last.
    behind: usize,
    findings: Vec<Diagnostic>,
}

impl<'s> Printer<'s> {
    /// Takes the next comment if it is one that is wanted.
    fn next_comment(&mut self, wanted: impl FnOnce(&Comment<'s>) -> bool) -> Option<Comment<'s>> {
        if self.comments.front().is_some_and(wanted) { self.comments.pop_front() } else { None }
    }

    fn nodes(&mut self, nodes: &[Node], depth: usize) {
        for (index, node) in nodes.iter().enumerate() {
            let start = node.span.start as usize;
            self.comments_before(start, depth);
            if self.source.is_some() {
                self.blank_line(start);
            } else if depth == 0 && index > 0 {
                let before = nodes.get(index - 1);
                let alike = before.is_some_and(|b| b.kind.value == node.kind.value && b.children.is_none());
                if !alike {
                    self.out.push('\n');
                }
            }
            self.node(node, depth);
            self.behind = self.behind.max(node.span.end as usize);
            self.comment_beside();
        }
    }

    /// Keeps one blank line where the source has some between what was printed last and `start`.
    fn blank_line(&mut self, start: usize) {
        let between = self.source.and_then(|s| s.get(self.behind..start)).unwrap_or("");
        let begins_block = self.out.ends_with("{\n");
        if !self.out.is_empty() && !begins_block && between.matches('\n').count() > 1 {
            self.out.push('\n');
        }
    }

    /// Prints what comments stand before a place of the source, each on a line of its own.
    fn comments_before(&mut self, start: usize, depth: usize) {
        while let Some(comment) = self.next_comment(|c| c.start < start) {
            self.blank_line(comment.start);
            self.indent(depth);
            self.out.push_str(comment.text);
            self.out.push('\n');
            self.behind = self.behind.max(comment.end);
        }
    }

    /// Puts a comment that stands on the last line of the node before it at the end of that line.
    fn comment_beside(&mut self) {
        let behind = self.behind;
        let source = self.source;
        let beside = |c: &Comment<'_>| {
            !c.text.contains('\n')
                && source.and_then(|s| s.get(behind..c.start)).is_some_and(|between| !between.contains('\n'))
        };
        if let Some(comment) = self.next_comment(beside) {
            if self.out.ends_with('\n') {
                self.out.pop();
            }
            self.out.push_str(&format!(" {}\n", comment.text));
            self.behind = comment.end;
        }
    }

    fn indent(&mut self, depth: usize) {
        self.out.extend(std::iter::repeat_n("  ", depth));
    }

    fn node(&mut self, node: &Node, depth: usize) {
        self.indent(depth);
        let mut head = self.name(&node.kind.value, node);
        if let Some(name) = &node.name {
            head.push_str(&format!(" {}", self.name(&name.value, node)));
            if let Some(declared) = &node.declared_type {
                head.push_str(&format!(": {}", self.name(&declared.value, node)));
            }
            // A variable without a value, to be given from outside.
            if !node.positional.is_empty() || node.kind.value != "var" {
                head.push_str(" =");
            }
        }
        for value in &node.positional {
            head.push(' ');
            head.push_str(&self.value(value));
        }
        let mut parts = Vec::new();
        let mut effects = Vec::new();
        for field in &node.fields {
            match &field.value.kind {
                ValueKind::Null => {}
                // A rectangle that only a mapping says is the same as the effect of that name.
                ValueKind::Map(map) if field.name.value == "crop" => effects.push(self.crop(map)),
                _ => parts.push(self.field(field)),
            }
        }
        effects.extend(node.effects.iter().map(|e| self.effect(e)));
        parts.append(&mut effects);
        let one_line = parts.iter().fold(head.clone(), |line, part| format!("{line} {part}"));
        let brace = usize::from(node.children.is_some()) * 2;
        // `style x =` cannot stand at the end of a line.
        let binds = node.name.is_some() && node.positional.is_empty();
        if one_line.chars().count() + depth * 2 + brace <= WIDTH || parts.len() < 2 {
            self.out.push_str(&one_line);
        } else {
            self.broken(head, &parts, depth, binds);
        }
        match &node.children {
            Some(children) => self.block(node, children, depth),
            None => self.out.push('\n'),
        }
    }

    /// A node over several lines, each as full as it may be.
    fn broken(&mut self, head: String, parts: &[String], depth: usize, binds: bool) {
        let mut line = head;
        let mut first = binds;
        for part in parts {
            let full = line.chars().count() + part.chars().count() + 1 + (depth + 2) * 2 > WIDTH;
            if full && !first {
                self.out.push_str(&line);
                self.out.push('\n');
                self.indent(depth + 2);
                line = part.clone();
            } else {
                line = format!("{line} {part}");
            }
            first = false;
        }
        self.out.push_str(&line);
    }

    fn block(&mut self, node: &Node, children: &[Node], depth: usize) {
        let end = node.span.end as usize;
        let inside = self.comments.front().is_some_and(|c| c.start < end);
        if children.is_empty() && !inside {
            self.out.push_str(" {}\n");
            return;
        }
        self.out.push_str(" {\n");
        if let Some(first) = children.first() {
            self.behind = self.behind.max(first.span.start as usize);
        }
        self.nodes(children, depth + 1);
        self.comments_before(end, depth + 1);
        self.indent(depth);
        self.out.push_str("}\n");
    }

    fn effect(&mut self, effect: &Node) -> String {
        let mut text = format!("| {}", self.name(&effect.kind.value, effect));
        for value in &effect.positional {
            text.push_str(&format!(" {}", self.value(value)));
        }
        for field in effect.fields.iter().filter(|f| f.value.kind != ValueKind::Null) {
            text.push_str(&format!(" {}", self.field(field)));
        }
        text
    }

    fn crop(&mut self, map: &RawMap) -> String {
        let fields: Vec<_> = map.entries.iter().map(|f| self.field(f)).collect();
        format!("| crop {}", fields.join(" "))
    }

    fn field(&mut self, field: &Field) -> String {
        if !is_name(&field.name.value) {
            let message = format!("`{}` cannot be a field's name in `.vfx`", field.name.value);
            self.findings.push(inexpressible(field.name.span, &message, "give it a plain word"));
        }
        format!("{}:{}", field.name.value, self.value(&field.value))
    }

    /// A kind's or bound name, if it can stand in `.vfx`.
    fn name(&mut self, name: &str, node: &Node) -> String {
        if !is_name(name) {
            let message = format!("`{name}` cannot be a name in `.vfx`");
            self.findings.push(inexpressible(node.kind.span, &message, "give it a plain word"));
        }
        name.to_string()
    }

    fn value(&mut self, value: &Value) -> String {
        match &value.kind {
            ValueKind::Plain(text) if is_plain(text) => text.clone(),
            ValueKind::Plain(text) | ValueKind::Quoted(text) => quoted(text),
            ValueKind::List(rows) => {
                let rows: Vec<_> = rows.iter().map(|row| self.row(row)).collect();
                format!("[{}]", rows.join(", "))
            }
            ValueKind::Trimmed(source, range) => format!("{}[{}]", self.value(source), self.value(range)),
            ValueKind::Map(_) => {
                let help = "write it as one value or as fields";
                self.findings.push(inexpressible(value.span, "`.vfx` has no mappings", help));
                String::new()
            }
            ValueKind::Null => "\"\"".to_string(),
        }
    }

    /// One element of a list. YAML's `0s 1` is one plain text, and `{t: 0s, value: 1}` a mapping.
    fn row(&mut self, row: &[Value]) -> String {
        if let [Value { kind: ValueKind::Plain(text), .. }] = row
            && !is_plain(text)
        {
            let words: Vec<_> = text.split_whitespace().collect();
            if words.len() > 1 && words.iter().all(|w| is_plain(w)) {
                return words.join(" ");
            }
        }
        if let [Value { kind: ValueKind::Map(map), .. }] = row
            && map.entries.iter().all(|e| matches!(e.name.value.as_str(), "t" | "value" | "ease"))
        {
            let parts = ["t", "value", "ease"]
                .iter()
                .filter_map(|key| map.entries.iter().find(|e| e.name.value == *key));
            let parts: Vec<_> = parts.map(|e| self.value(&e.value)).collect();
            return parts.join(" ");
        }
        let values: Vec<_> = row.iter().map(|v| self.value(v)).collect();
        values.join(" ")
    }
}

/// Whether a text can be the name of a node or field.
fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

/// Whether a text stands for itself without quotes. The grammar is asked, so that there is one rule.
fn is_plain(text: &str) -> bool {
    if text.contains(['\n', '"', '|']) {
        return false;
    }
    let mut map = SourceMap::new();
    let file = map.add("", "", format!("n f:{text}"));
    let (doc, findings) = syntax::parse(&map, file, Spelling::Vfx);
    let Some(Document::Nodes(nodes)) = doc else { return false };
    match nodes.as_slice() {
        [Node { fields, positional, children: None, .. }] if findings.is_empty() && positional.is_empty() => {
            matches!(fields.as_slice(), [Field { value: Value { kind: ValueKind::Plain(read), .. }, .. }] if read == text)
        }
        _ => false,
    }
}

/// A text in quotes, with everything escaped that needs it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_unseen(c) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Characters that a reader would not see, or that would turn the line around.
pub(super) fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || c != ' ' && c.is_whitespace()
}
