//! From lexical values to texts and tokens, with variables put in: what every typed reader starts from.

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::{Span, Spanned};
use crate::syntax::node::{Value, ValueKind};
use crate::value::{Misread, TimeBase, TimePoint};

use super::Lowering;
use super::fields::Fields;
use super::variables::Variables;

/// A value after `${name}` was put in its place.
#[derive(Clone, Copy)]
pub(super) struct Lexeme<'s> {
    pub(super) kind: &'s ValueKind,
    /// Where the script uses it, even if a variable holds it.
    pub(super) span: Span,
    /// Whether it came from a variable, so that nothing in it has a second meaning.
    pub(super) literal: bool,
}

/// One piece of a value, and its place.
pub(super) type Token = Spanned<String>;

impl Lowering<'_> {
    /// The value, or the one that the variable it names holds; `None` if that is wrong, which is reported already.
    pub(super) fn lexeme<'s>(&'s self, value: &'s Value) -> Option<Lexeme<'s>> {
        if let ValueKind::Plain(text) | ValueKind::Quoted(text) = &value.kind
            && let Some(name) = Variables::whole(text)
        {
            let variable = self.variables.get(name)?;
            return Some(Lexeme { kind: &variable.value.kind, span: value.span, literal: true });
        }
        Some(Lexeme { kind: &value.kind, span: value.span, literal: false })
    }

    /// The text of a scalar; `None` if it is none, or if a variable in it is wrong.
    pub(super) fn text_of(&self, lexeme: Lexeme<'_>) -> Option<String> {
        match lexeme.kind {
            ValueKind::Plain(text) | ValueKind::Quoted(text) if lexeme.literal => Some(text.clone()),
            ValueKind::Plain(text) | ValueKind::Quoted(text) => self.variables.interpolate(text),
            _ => None,
        }
    }

    /// The text of one value; anything but a scalar is reported.
    pub(super) fn scalar(&self, field: &str, value: &Value) -> Option<Token> {
        let lexeme = self.lexeme(value)?;
        let (code, message, help) = match lexeme.kind {
            ValueKind::Plain(_) | ValueKind::Quoted(_) => {
                return self.text_of(lexeme).map(|text| Spanned::new(text, value.span));
            }
            ValueKind::Null => {
                (codes::BAD_VALUE, format!("`{field}` has no value"), "write one, or leave it out")
            }
            ValueKind::List(_) => (
                codes::NOT_ANIMATED,
                format!("`{field}` takes one value, not a list"),
                "write the value without brackets; keyframes are for what can change in between",
            ),
            ValueKind::Map(_) => (
                codes::BAD_VALUE,
                format!("`{field}` takes one value, not a mapping"),
                "write the value alone",
            ),
            ValueKind::Trimmed(..) => (
                codes::BAD_VALUE,
                format!("`{field}` cannot be trimmed by `[a..b]`"),
                "leave the brackets out",
            ),
        };
        self.report(Diagnostic::error(code, value.span, message).help(help));
        None
    }

    /// A value's pieces: a scalar split at white space, or the elements of a list.
    pub(super) fn tokens(&self, field: &str, value: &Value) -> Option<Vec<Token>> {
        let lexeme = self.lexeme(value)?;
        match lexeme.kind {
            ValueKind::Plain(text) | ValueKind::Quoted(text) => self.split(text, lexeme),
            ValueKind::List(rows) => self.rows(field, rows, lexeme.literal),
            _ => self.scalar(field, value).map(|token| vec![token]),
        }
    }

    /// The tokens of all elements of a list, one after another.
    fn rows(&self, field: &str, rows: &[Vec<Value>], literal: bool) -> Option<Vec<Token>> {
        let tokens = rows.iter().map(|row| self.row(field, row, literal)).collect::<Option<Vec<_>>>()?;
        Some(tokens.into_iter().flatten().collect())
    }

    /// The tokens of one element of a list. JSON, which has no words beside each other, writes it as a list in the list.
    pub(super) fn row(&self, field: &str, row: &[Value], literal: bool) -> Option<Vec<Token>> {
        if let [value] = row {
            let lexeme = self.inner(value, literal)?;
            return match lexeme.kind {
                ValueKind::Plain(text) | ValueKind::Quoted(text) => self.split(text, lexeme),
                ValueKind::List(rows) => self.rows(field, rows, lexeme.literal),
                _ => self.scalar(field, value).map(|token| vec![token]),
            };
        }
        row.iter()
            .map(|value| {
                let lexeme = self.inner(value, literal)?;
                match lexeme.kind {
                    ValueKind::Plain(_) | ValueKind::Quoted(_) => {
                        self.text_of(lexeme).map(|text| Spanned::new(text, value.span))
                    }
                    _ => self.scalar(field, value),
                }
            })
            .collect()
    }

    /// [`Self::lexeme`] of a value inside another that may come from a variable.
    fn inner<'s>(&'s self, value: &'s Value, literal: bool) -> Option<Lexeme<'s>> {
        if literal {
            return Some(Lexeme { kind: &value.kind, span: value.span, literal });
        }
        self.lexeme(value)
    }

    /// Splits a scalar at white space outside parentheses, *then* puts variables in.
    fn split(&self, text: &str, lexeme: Lexeme<'_>) -> Option<Vec<Token>> {
        let inside = self.offset_of(text, lexeme.span);
        words(text)
            .into_iter()
            .map(|(start, word)| {
                let span = match inside {
                    Some(first) => Span::new(lexeme.span.file, first + start, first + start + word.len()),
                    None => lexeme.span,
                };
                let text =
                    if lexeme.literal { Some(word.to_string()) } else { self.variables.interpolate(word) };
                text.map(|text| Spanned::new(text, span))
            })
            .collect()
    }

    /// Where in the file the text of a value begins, if it stands there as it is.
    fn offset_of(&self, text: &str, span: Span) -> Option<usize> {
        let source = self.map.text(span);
        let quote = usize::from(source.len() == text.len() + 2);
        (source.get(quote..quote + text.len()) == Some(text)).then_some(span.start as usize + quote)
    }

    /// Reads a field's value by `read`; faults are reported with the field's name.
    pub(super) fn read<T>(
        &self,
        fields: &Fields<'_>,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, Misread>,
    ) -> Option<Spanned<T>> {
        self.read_value(name, fields.get(name)?, read)
    }

    /// Reads a value by `read`; faults are reported under the name `field`.
    pub(super) fn read_value<T>(
        &self,
        field: &str,
        value: &Value,
        read: impl FnOnce(&str) -> Result<T, Misread>,
    ) -> Option<Spanned<T>> {
        let token = self.scalar(field, value)?;
        self.read_token(field, &token, read)
    }

    /// Reads a token by `read`; faults are reported under the name `field`.
    pub(super) fn read_token<T>(
        &self,
        field: &str,
        token: &Token,
        read: impl FnOnce(&str) -> Result<T, Misread>,
    ) -> Option<Spanned<T>> {
        match read(token.value.trim()) {
            Ok(value) => Some(Spanned::new(value, token.span)),
            Err(fault) => {
                self.misread(field, token.span, fault);
                None
            }
        }
    }

    /// How long a fade takes; 0 is none, so that one of a style or of `defaults` can be switched off.
    pub(super) fn fade(&self, fields: &Fields<'_>, name: &str) -> Option<Spanned<TimePoint>> {
        let none = |text: &str| {
            let time = text.parse::<TimePoint>();
            time.is_ok_and(|t| t.base == TimeBase::Start && t.offset.is_zero())
        };
        let read = |text: &str| if none(text) { Ok(None) } else { span_of_time(text).map(Some) };
        let fade = self.read(fields, name, read)?;
        fade.value.map(|time| Spanned::new(time, fade.span))
    }
}

/// Reads a length of time.
pub(super) fn span_of_time(text: &str) -> Result<TimePoint, Misread> {
    let time: TimePoint = text.parse()?;
    if time.base != TimeBase::Start {
        let help = "write how long, such as `2s`, not a point in time";
        return Err(Misread::form(format!("`{text}` is not a length of time"), help));
    }
    if time.offset.is_zero() || time.offset.is_negative() {
        let what = format!("`{text}` is beyond the limits");
        return Err(Misread::limit(what, "it must be longer than 0"));
    }
    Ok(time)
}

/// The words of a text and where each starts; white space inside parentheses does not split.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let (mut depth, mut start) = (0_usize, None);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if c.is_whitespace() && depth == 0 {
            if let Some(from) = start.take() {
                words.push((from, text.get(from..at).unwrap_or("")));
            }
        } else if start.is_none() {
            start = Some(at);
        }
    }
    if let Some(from) = start {
        words.push((from, text.get(from..).unwrap_or("")));
    }
    words
}
