//! Values that may change over time: one value, or a list of keyframes in either spelling.

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::{Span, Spanned};
use crate::syntax::node::{RawMap, Value, ValueKind};
use crate::value::{Animated, Easing, Keyframe, Misread};

use super::fields::Fields;
use super::parameter::item_point;
use super::reading::Token;
use super::{Lowering, closest};

/// How many tokens one value of a type is.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Width {
    /// Everything but points.
    One,
    /// Points.
    Two,
}

impl Lowering<'_> {
    /// A field's value or keyframes.
    pub(super) fn animated<T>(
        &self,
        fields: &Fields<'_>,
        name: &str,
        width: Width,
        read: impl Fn(&str) -> Result<T, Misread>,
    ) -> Option<Animated<T>> {
        self.animated_value(name, fields.get(name)?, width, &read)
    }

    /// One value or keyframes, reported under the name `field`.
    pub(super) fn animated_value<T>(
        &self,
        field: &str,
        value: &Value,
        width: Width,
        read: &dyn Fn(&str) -> Result<T, Misread>,
    ) -> Option<Animated<T>> {
        let lexeme = self.lexeme(value)?;
        let ValueKind::List(rows) = lexeme.kind else {
            return self.read_value(field, value, read).map(|v| Animated::Constant(v.value));
        };
        if rows.is_empty() {
            self.bad_keyframe(field, value.span, "has no keyframes");
            return None;
        }
        let keys: Vec<_> = rows.iter().map(|row| self.keyframe(field, row, &lexeme, width, read)).collect();
        let keys = keys.into_iter().collect::<Option<Vec<_>>>()?;
        for pair in keys.windows(2) {
            if let [a, b] = pair
                && a.at.is_not_before(&b.at)
            {
                let message = format!("`{field}`: keyframe at `{}` does not come after `{}`", b.at, a.at);
                self.report(
                    Diagnostic::error(codes::KEYFRAME_ORDER, b.span, message)
                        .also(a.span, "the keyframe before")
                        .help("the times of keyframes increase"),
                );
            }
        }
        Some(Animated::Keyframes(keys))
    }

    fn bad_keyframe(&self, field: &str, span: Span, what: &str) {
        self.report(
            Diagnostic::error(codes::BAD_KEYFRAME, span, format!("`{field}` {what}")).help(
                "a keyframe is a time, a value and perhaps an easing: `[0s 0, 400ms 1 ease-out, end 0]`",
            ),
        );
    }

    fn keyframe<T>(
        &self,
        field: &str,
        row: &[Value],
        list: &super::reading::Lexeme<'_>,
        width: Width,
        read: &dyn Fn(&str) -> Result<T, Misread>,
    ) -> Option<Keyframe<T>> {
        if let [Value { kind: ValueKind::Map(map), .. }] = row {
            return self.keyframe_mapping(field, map, read);
        }
        let span = match (row.first(), row.last(), list.literal) {
            (Some(a), Some(b), false) => a.span.to(b.span),
            _ => list.span,
        };
        let tokens = self.row(field, row, list.literal)?;
        let Some((at, rest)) = tokens.split_first() else {
            self.bad_keyframe(field, span, "has an empty keyframe");
            return None;
        };
        let place = |token: &Token| if list.literal { list.span } else { token.span };
        // A point is two words, or one quoted text with a space in it.
        let quoted = rest.first().is_some_and(|t| t.value.trim().contains(char::is_whitespace));
        let words = if width == Width::Two && !quoted { 2 } else { 1 };
        let (value, easing) = match (rest.get(..words), rest.get(words..)) {
            (Some(value), Some([])) => (value, None),
            (Some(value), Some([easing])) => (value, Some(easing)),
            _ => {
                let what = if rest.is_empty() {
                    "has a keyframe without a value"
                } else {
                    "has a keyframe with too many values"
                };
                self.bad_keyframe(field, span, what);
                return None;
            }
        };
        let text = value.iter().map(|t| t.value.as_str()).collect::<Vec<_>>().join(" ");
        let value_span = value.iter().map(place).reduce(Span::to).unwrap_or(span);
        let at = self.read_token(field, &Spanned::new(at.value.clone(), place(at)), item_point);
        let value = self.read_token(field, &Spanned::new(text, value_span), read);
        let easing = match easing {
            None => Some(Easing::Linear),
            Some(t) => {
                self.read_token(field, &Spanned::new(t.value.clone(), place(t)), easing_word).map(|e| e.value)
            }
        };
        Some(Keyframe { at: at?.value, value: value?.value, easing: easing?, span })
    }

    /// `{t: 0s, value: 1, ease: ease-in}`.
    fn keyframe_mapping<T>(
        &self,
        field: &str,
        map: &RawMap,
        read: &dyn Fn(&str) -> Result<T, Misread>,
    ) -> Option<Keyframe<T>> {
        let (mut at, mut value, mut easing) = (None, None, Some(Easing::Linear));
        for entry in &map.entries {
            match entry.name.value.as_str() {
                "t" => at = self.read_value(field, &entry.value, item_point),
                "value" => value = self.read_value(field, &entry.value, read),
                "ease" => easing = self.read_value(field, &entry.value, easing_word).map(|e| e.value),
                other => self.bad_keyframe(
                    field,
                    entry.name.span,
                    &format!("has a keyframe with an unknown key `{other}`"),
                ),
            }
        }
        for key in ["t", "value"] {
            if !map.entries.iter().any(|e| e.name.value == key) {
                self.bad_keyframe(field, map.span, &format!("has a keyframe without `{key}`"));
            }
        }
        Some(Keyframe { at: at?.value, value: value?.value, easing: easing?, span: map.span })
    }
}

/// Reads an easing, with a suggestion if it is a slip.
pub(super) fn easing_word(text: &str) -> Result<Easing, Misread> {
    text.parse::<Easing>().map_err(|fault| {
        let names = Easing::names();
        match closest(text, names.iter().map(String::as_str)) {
            Some(word) => Misread { help: format!("did you mean `{word}`?"), ..fault },
            None => fault,
        }
    })
}
