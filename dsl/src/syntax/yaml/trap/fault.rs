//! The reader's errors, one after another: what each is in the person's words, and what to paint over.

use std::ops::Range;

use granit_parser::ErrorKind;

use super::super::super::findings::Findings;
use super::super::super::scan::MOST_NESTING;
use super::super::super::shown;
use super::cut::{comment_ate_value, lacks_space, space_after_colon};
use super::{Case, Painted, line_at};
use crate::codes;
use crate::diagnostic::Diagnostic;

impl Case<'_> {
    fn char(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    /// The length of a value that begins at the error: at least the character there.
    fn length_of(&self, value: &str) -> usize {
        value.len().max(self.char().map_or(0, char::len_utf8))
    }

    /// The plain value that begins at byte `at`, up to its line's end, a comment, or what ends it in brackets.
    fn value_from(&self, at: usize) -> &str {
        let rest = self.text.get(at..).and_then(|rest| rest.lines().next()).unwrap_or("");
        let end = rest.find(" #").unwrap_or(rest.len());
        let rest = rest.get(..end).unwrap_or(rest);
        let end = self.open.and_then(|_| rest.find([',', ']', '}'])).unwrap_or(rest.len());
        rest.get(..end).unwrap_or(rest).trim_end()
    }

    /// A value that begins with a character that means something to YAML.
    pub(super) fn reserved(&self, findings: &mut Findings) -> Option<Painted> {
        let c = self.char()?;
        let expected = match c {
            '@' | '%' | '`' => matches!(self.kind, ErrorKind::UnexpectedCharacter { .. }),
            '*' | '&' => matches!(self.kind, ErrorKind::UnknownAnchor | ErrorKind::MissingAnchorOrAliasName),
            '|' | '>' => {
                matches!(self.kind, ErrorKind::InvalidBlockScalarHeader | ErrorKind::ZeroBlockScalarIndent)
            }
            _ => false,
        };
        if !expected {
            return None;
        }
        let value = self.value_from(self.at);
        let span = findings.span(self.at, self.at + self.length_of(value));
        let (code, message) = match c {
            '*' => (codes::LEADING_STAR, "`*` begins an alias in YAML, and nothing has this name".to_owned()),
            _ => (codes::RESERVED_CHARACTER, format!("YAML keeps a leading `{c}` for itself")),
        };
        findings.error(code, span, message, format!("quote it: `\"{}\"`", shown(value)));
        Some(Painted::letter(self.at..self.at + 1))
    }

    /// `${…}` and `#` in brackets, and text that begins with a bracket.
    pub(super) fn in_brackets(&self, findings: &mut Findings) -> Option<Painted> {
        let dollar = self.at.checked_sub(1).filter(|at| self.text.get(*at..self.at) == Some("$"));
        if let (Some('{'), Some(dollar)) = (self.char(), dollar) {
            let length = self.value_from(self.at).len();
            let rest = self.text.get(self.at..).and_then(|rest| rest.lines().next()).unwrap_or("");
            let end = self.at + rest.find('}').map_or(length.max(1), |end| end + 1);
            let variable = self.text.get(dollar..end).unwrap_or("");
            findings.error(
                codes::LEADING_BRACKET,
                findings.span(dollar, end),
                "in brackets the `{` of a variable opens a mapping",
                format!("quote the value: `\"{}\"`", shown(variable)),
            );
            return Some(Painted::letter(self.at..end));
        }
        if let Some(open) = self.open
            && let Some(hash) = self.comment_from(open)
        {
            let word = self.text.get(hash..).unwrap_or("");
            let end = word.find([' ', '\n', '\r', ',', '}', ']']).unwrap_or(word.len());
            comment_ate_value(findings, hash, word.get(..end).unwrap_or(""), None);
            return Some(Painted::letter(hash..hash + 1));
        }
        self.leading_bracket(findings)
    }

    /// The first `#` between an open bracket and the error, or there, that made a comment of what follows.
    fn comment_from(&self, open: usize) -> Option<usize> {
        let end = self.at + usize::from(self.char() == Some('#'));
        let inside = self.copy.get(open..end)?;
        inside.match_indices('#').map(|(at, _)| open + at).find(|at| {
            let spaced = self.text.get(..*at).is_some_and(|head| head.ends_with([' ', '\t', '[', '{', ',']));
            let next = self.text.get(at + 1..).and_then(|rest| rest.chars().next());
            spaced && next.is_some_and(char::is_alphanumeric)
        })
    }

    /// `text: [live] from Paris`.
    fn leading_bracket(&self, findings: &mut Findings) -> Option<Painted> {
        let line = line_at(self.copy, self.at);
        let start = value_start(self.copy, line.clone())?;
        let open = self.text.get(start..)?.chars().next().filter(|c| matches!(c, '[' | '{'))?;
        let close = if open == '[' { ']' } else { '}' };
        let end = start + self.text.get(start..self.at)?.rfind(close)?;
        if self.text.get(end + 1..self.at)?.contains(',') {
            return None;
        }
        let value = self.text.get(start..line.end)?.trim_end();
        findings.error(
            codes::LEADING_BRACKET,
            findings.span(start, start + value.len()),
            format!("a leading `{open}` opens a {} in YAML", if open == '[' { "list" } else { "mapping" }),
            format!("quote the value: `\"{}\"`", shown(value)),
        );
        let marks = value.match_indices(['[', ']', '{', '}', ',', ':', '#', '"', '\'']);
        Some(Painted::letters(marks.map(|(at, _)| start + at..start + at + 1).collect()))
    }

    /// What is wrong in or behind quotes.
    pub(super) fn quoted(&self, findings: &mut Findings) -> Option<Painted> {
        if matches!(
            self.kind,
            ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar
        ) {
            let end = self.at + self.length_of(self.value_from(self.at));
            return Some(self.behind_quote(end, findings));
        }
        if matches!(
            self.kind,
            ErrorKind::UnclosedQuotedScalar
                | ErrorKind::DocumentIndicatorInQuotedScalar
                | ErrorKind::InvalidQuotedScalarIndent
        ) {
            let line = line_at(self.copy, self.at);
            let value = self.text.get(self.at..line.end).unwrap_or("").trim_end();
            findings.push(
                Diagnostic::error(
                    codes::YAML_SYNTAX,
                    findings.span(self.at, self.at + value.len()),
                    "this quote is never closed",
                )
                .label("opened here")
                .help(format!("close it with `{}` where the text ends", self.char().unwrap_or('"'))),
            );
            return Some(Painted::letter(self.at..self.at + self.length_of(value)));
        }
        let in_escape = matches!(
            self.kind,
            ErrorKind::UnknownQuotedScalarEscape
                | ErrorKind::InvalidQuotedScalarHexEscape
                | ErrorKind::InvalidUnicodeEscape
                | ErrorKind::InvalidLowSurrogate
                | ErrorKind::InvalidLowSurrogateHexEscape
                | ErrorKind::MissingLowSurrogate
                | ErrorKind::UnpairedLowSurrogate
        );
        let escape = bad_escape(self.copy, self.at).filter(|_| in_escape)?;
        let length = 1 + self.text.get(escape + 1..)?.chars().next().map_or(0, char::len_utf8);
        findings.error(
            codes::YAML_SYNTAX,
            findings.span(escape, escape + length),
            format!("`{}` is no escape", shown(self.text.get(escape..escape + length).unwrap_or(""))),
            "double the backslash, or use single quotes, in which it means itself",
        );
        Some(Painted::letter(escape..escape + 1))
    }

    /// Text from the error to byte `end` that follows a closing quote.
    fn behind_quote(&self, end: usize, findings: &mut Findings) -> Painted {
        findings.error(
            codes::YAML_SYNTAX,
            findings.span(self.at, end),
            "text follows the closing quote",
            "put the whole value into quotes; a quote inside is written `\\\"`",
        );
        Painted::blank(self.at..end)
    }

    /// Mistakes that show in the shape of a line.
    pub(super) fn line(&self, findings: &mut Findings) -> Option<Painted> {
        let line = line_at(self.copy, self.at);
        if matches!(
            self.kind,
            ErrorKind::TabNotAllowed
                | ErrorKind::TabInBlockIndentation
                | ErrorKind::TabInIndentation
                | ErrorKind::TabAtBlockScalarStart
                | ErrorKind::TabInPlainScalar
        ) {
            let source = self.copy.get(line.clone()).unwrap_or("");
            let tab = line.start + source.find('\t')?;
            let tabs = self.text.get(tab..)?.bytes().take_while(|b| *b == b'\t').count();
            findings.error(
                codes::TAB_INDENTATION,
                findings.span(tab, tab + tabs),
                "YAML is never indented with tabs",
                "replace the tabs at the beginnings of lines by spaces",
            );
            return Some(Painted { ranges: Vec::new(), by: ' ', tabs: true });
        }
        if let Some(bad) = self.lines_up_from(2).find(|range| lacks_space(self.entry(range.clone()))) {
            let entry = self.entry(bad.clone());
            let start = entry.as_ptr() as usize - self.copy.as_ptr() as usize;
            let span = findings.span(start, start + entry.len());
            space_after_colon(findings, span, entry);
            return Some(Painted::blank(bad));
        }
        if *self.kind == ErrorKind::MappingValueNotAllowed {
            return self.colon_in_value(line, findings);
        }
        let expects_colon = matches!(
            self.kind,
            ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey | ErrorKind::ExpectedBlockMappingKey
        );
        let bad = self
            .lines_up_from(2)
            .find(|range| is_bare(self.entry(range.clone())))
            .filter(|_| expects_colon)?;
        let entry = self.entry(bad.clone());
        let start = entry.as_ptr() as usize - self.copy.as_ptr() as usize;
        findings.error(
            codes::YAML_SYNTAX,
            findings.span(start, start + entry.len()),
            format!("`{}` has no colon", shown(entry)),
            "a line of a mapping is `name: value`",
        );
        Some(Painted::blank(self.with_children(bad)))
    }

    /// `text: Hello: world`, or a line that is indented as if it went on with the value above.
    fn colon_in_value(&self, line: Range<usize>, findings: &mut Findings) -> Option<Painted> {
        let start = value_start(self.copy, line.clone()).filter(|start| *start < self.at);
        if let Some(start) = start {
            if self.copy.get(start..)?.starts_with(['"', '\'']) {
                return Some(self.behind_quote(line.end, findings));
            }
            let value = self.text.get(start..line.end)?.trim_end();
            findings.push(
                Diagnostic::error(
                    codes::YAML_SYNTAX,
                    findings.span(self.at, self.at + 1),
                    "a colon and a space stand inside a plain value",
                )
                .help(format!("quote the value: `\"{}\"`", shown(value))),
            );
            return Some(Painted::letter(self.at..self.at + 1));
        }
        let source = self.copy.get(line.clone())?;
        let indent = source.len() - source.trim_start().len();
        let entry = self.entry(line.clone()).len();
        findings.error(
            codes::YAML_SYNTAX,
            findings.span(line.start + indent, line.start + indent + entry),
            "this line is indented as a part of the value above it",
            "let the lines of one mapping begin in the same column",
        );
        Some(Painted::blank(self.with_children(line)))
    }

    /// A bracket without its end.
    pub(super) fn unclosed(&self, findings: &mut Findings) -> Option<Painted> {
        let open = self.open.filter(|_| *self.kind != ErrorKind::RecursionLimitExceeded)?;
        let bracket = self.text.get(open..open + 1)?;
        let close = if bracket == "[" { "]" } else { "}" };
        findings.push(
            Diagnostic::error(
                codes::UNCLOSED_BRACKET,
                findings.span(open, open + 1),
                format!("this `{bracket}` is not closed where it should be"),
            )
            .label("opened here")
            .also(findings.span(self.at, self.at), format!("a `,` or `{close}` is missing before this"))
            .help(format!("close it with `{close}`; text that begins with `{bracket}` is quoted")),
        );
        Some(Painted { ranges: Vec::new(), by: ' ', tabs: false })
    }

    /// An error that none of the others is.
    pub(super) fn anything(&self, findings: &mut Findings) -> Painted {
        let line = line_at(self.copy, self.at);
        let length = self.char().filter(|c| *c != '\n').map_or(0, char::len_utf8);
        let span = findings.span(self.at, self.at + length);
        let aligned = "the lines of one mapping or list begin in the same column";
        let (message, help) = match self.kind {
            ErrorKind::RecursionLimitExceeded => {
                findings.error(
                    codes::TOO_DEEP,
                    span,
                    format!("lists and mappings are nested more than {MOST_NESTING} deep here"),
                    "close the brackets before, or move inner groups out",
                );
                return Painted::blank(0..0);
            }
            ErrorKind::InvalidIndentation
            | ErrorKind::InvalidFlowScalarIndent
            | ErrorKind::InvalidBlockScalarIndent
            | ErrorKind::ExpectedBlockMappingKey => {
                ("this line is indented otherwise than its neighbours".to_owned(), aligned)
            }
            ErrorKind::MisplacedFlowCollectionEnd => {
                ("this bracket closes nothing".to_owned(), "delete it, or quote the value that it belongs to")
            }
            ErrorKind::ExpectedDocumentStart => ("more follows after the script's end".to_owned(), aligned),
            other => {
                (format!("this is not valid YAML: {other}"), "quote the value, or look at the line before")
            }
        };
        findings.error(codes::YAML_SYNTAX, span, message, help);
        Painted::blank(self.with_children(line))
    }

    /// The line of the error and up to `count - 1` lines before it that are not empty.
    fn lines_up_from(&self, count: usize) -> impl Iterator<Item = Range<usize>> {
        let mut next = Some(line_at(self.copy, self.at));
        std::iter::from_fn(move || {
            let line = next.take()?;
            next = line.start.checked_sub(1).map(|end| line_at(self.copy, end));
            Some(line)
        })
        .filter(|line| self.copy.get(line.clone()).is_some_and(|line| !line.trim().is_empty()))
        .take(count)
    }

    /// A line's text without indentation and `- `.
    fn entry(&self, line: Range<usize>) -> &str {
        let mut entry = self.copy.get(line).unwrap_or("").trim();
        while let Some(inner) = entry.strip_prefix("- ") {
            entry = inner.trim_start();
        }
        entry
    }

    /// A line and those below it that are indented deeper.
    fn with_children(&self, line: Range<usize>) -> Range<usize> {
        let depth = |line: &str| line.len() - line.trim_start_matches(' ').len();
        let own = depth(self.text.get(line.clone()).unwrap_or(""));
        let mut end = line.end;
        for below in self.text.get(line.end..).unwrap_or("").split_inclusive('\n').skip(1) {
            if !below.trim().is_empty() && depth(below) <= own {
                break;
            }
            end = end.max(line.end) + below.len();
        }
        line.start..end.min(self.text.len())
    }
}

/// Where the value of a `key: value` or `- value` line begins.
fn value_start(text: &str, line: Range<usize>) -> Option<usize> {
    let source = text.get(line.clone())?;
    let indent = source.len() - source.trim_start_matches([' ', '-']).len();
    let body = source.get(indent..)?;
    let after = match body.find(": ") {
        Some(colon) if !body.starts_with(['[', '{', '"', '\'']) => indent + colon + 2,
        _ if indent > 0 && source.get(..indent)?.contains('-') => indent,
        _ => return None,
    };
    let spaces = source.get(after..)?.len() - source.get(after..)?.trim_start().len();
    Some(line.start + after + spaces)
}

/// Whether a line holds words and no colon.
fn is_bare(entry: &str) -> bool {
    entry.starts_with(char::is_alphabetic) && !entry.contains(':')
}

/// The first escape in the double-quoted scalar at byte `at` that YAML does not know.
fn bad_escape(text: &str, at: usize) -> Option<usize> {
    let mut chars = text.get(at + 1..)?.char_indices();
    while let Some((offset, c)) = chars.next() {
        if c == '"' {
            return None;
        }
        if c != '\\' {
            continue;
        }
        let (_, escape) = chars.next()?;
        let digits = match escape {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ if "0abt\tnvfre \"/\\N_LP\n\r".contains(escape) => continue,
            _ => return Some(at + 1 + offset),
        };
        let number = text.get(at + 1 + offset + 2..at + 1 + offset + 2 + digits);
        let scalar = number.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        if scalar.is_none() {
            return Some(at + 1 + offset);
        }
    }
    None
}
