//! One look over a `.vfx` text before it is parsed.
//!
//! A text comes in; what must not reach the grammar goes out as findings: characters that nobody sees, comments
//! without end, brackets nested deeper than any film needs, more parts than fit into memory. Knows strings,
//! comments and brackets exactly as `grammar/vfx.pest` does, and nothing else of the language.

use super::findings::Findings;
use crate::codes;

/// How deep blocks, lists, calls and mappings nest. A film in a film in a film is at 6.
pub const MOST_NESTING: usize = 64;
/// How many nodes and values one text holds: some 50,000 clips with ten words each.
pub const MOST_PARTS: usize = 500_000;

/// What stands at a byte of the text.
#[derive(Clone, Copy, PartialEq)]
enum Region {
    Code,
    String,
    Variable,
}

/// Reports what it finds; `false` if the text must not be parsed.
pub(super) fn scan<'a>(text: &'a str, findings: &mut Findings<'a>) -> bool {
    let mut scanner = Scanner { text, findings, depth: 0, parts: 0, after_blank: true, region: Region::Code };
    scanner.run()
}

struct Scanner<'a, 'f> {
    text: &'a str,
    findings: &'f mut Findings<'a>,
    depth: usize,
    parts: usize,
    after_blank: bool,
    region: Region,
}

impl Scanner<'_, '_> {
    fn run(&mut self) -> bool {
        let bytes = self.text.as_bytes();
        let mut chars = self.text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let next = bytes.get(at + 1).copied();
            match self.region {
                Region::String => match c {
                    '"' | '\n' => self.region = Region::Code,
                    '\\' if next.is_some_and(|b| b != b'\n') => drop(chars.next()),
                    _ if c.is_control() && c != '\t' && !ends_line(c, next) => self.hidden(at, c, true),
                    _ => {}
                },
                Region::Variable => {
                    if matches!(c, '}' | '\n' | '"' | '{') {
                        self.region = if c == '"' { Region::String } else { Region::Code };
                    }
                }
                Region::Code => {
                    if c == '/' && matches!(next, Some(b'/' | b'*')) {
                        let end = self.comment_end(at, next == Some(b'*'));
                        while chars.next_if(|(i, _)| *i < end).is_some() {}
                        self.after_blank = true;
                    } else if !self.code(at, c, next) {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// One character outside strings and comments; `false` if a limit is passed.
    fn code(&mut self, at: usize, c: char, next: Option<u8>) -> bool {
        match c {
            '"' => self.region = Region::String,
            '$' if next == Some(b'{') => self.region = Region::Variable,
            '{' | '[' | '(' => self.depth += 1,
            '}' | ']' | ')' => self.depth = self.depth.saturating_sub(1),
            _ if is_hidden(c) && !ends_line(c, next) => self.hidden(at, c, false),
            _ => {}
        }
        let blank = c.is_whitespace();
        if !blank && (self.after_blank || matches!(c, '"' | '{' | '[' | '(' | ',' | '|' | ':' | '=' | '$')) {
            self.parts += 1;
        }
        self.after_blank = blank;
        self.within_limits(at, c)
    }

    fn within_limits(&mut self, at: usize, c: char) -> bool {
        let span = self.findings.span(at, at + c.len_utf8());
        if self.depth > MOST_NESTING {
            self.findings.error(
                codes::TOO_DEEP,
                span,
                format!("brackets are nested more than {MOST_NESTING} deep here"),
                "close the brackets before, or move inner groups out",
            );
            return false;
        }
        if self.parts > MOST_PARTS {
            self.findings.error(
                codes::TOO_MANY_PARTS,
                span,
                format!("the script has more than {MOST_PARTS} nodes and values"),
                "split the film into several scripts",
            );
            return false;
        }
        true
    }

    /// Where the comment that begins at `at` ends. Reports one without end.
    fn comment_end(&mut self, at: usize, block: bool) -> usize {
        let rest = self.text.get(at..).unwrap_or("");
        if !block {
            return at + rest.find('\n').unwrap_or(rest.len());
        }
        match rest.get(2..).and_then(|inner| inner.find("*/")) {
            Some(length) => at + 2 + length + 2,
            None => {
                let span = self.findings.span(at, at + 2);
                self.findings.error(
                    codes::UNCLOSED_COMMENT,
                    span,
                    "this comment is never closed",
                    "end it with `*/`",
                );
                self.text.len()
            }
        }
    }

    fn hidden(&mut self, at: usize, c: char, in_string: bool) {
        let help = if in_string {
            format!("write it as `\\u{{{:x}}}`", u32::from(c))
        } else if c.is_whitespace() {
            "use an ordinary space".to_owned()
        } else {
            "delete it".to_owned()
        };
        let name = hidden_name(c);
        self.findings.error(
            codes::CONTROL_CHARACTER,
            self.findings.span(at, at + c.len_utf8()),
            format!("{name} (U+{:04X}) stands here", u32::from(c)),
            help,
        );
    }
}

/// `\r` before `\n` is half of a line's end.
fn ends_line(c: char, next: Option<u8>) -> bool {
    c == '\r' && next == Some(b'\n')
}

/// Whether `c` is one of the characters that the grammar takes as `blank`, without being a space or tab.
fn is_hidden(c: char) -> bool {
    !matches!(c, ' ' | '\t' | '\n')
        && matches!(c,
            '\0'..='\u{1f}' | '\u{7f}'..='\u{a0}' | '\u{2000}'..='\u{200b}' | '\u{2028}'..='\u{202f}'
            | '\u{205f}'..='\u{2069}' | '\u{3000}' | '\u{feff}')
}

fn hidden_name(c: char) -> &'static str {
    match c {
        '\0' => "a NUL character",
        '\r' => "a carriage return without a line feed",
        '\u{a0}' | '\u{202f}' => "a no-break space",
        '\u{feff}' => "a byte order mark",
        _ if c.is_control() => "a control character",
        _ if c.is_whitespace() => "an unusual space",
        _ => "an invisible character",
    }
}
