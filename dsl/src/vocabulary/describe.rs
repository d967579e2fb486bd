//! Effects as data for programs: what `vfxb effects --json` and the service tell.

use serde_json::{Value, json};

use super::{EffectSpec, FieldType, Reference, Role};

/// How values of a type are written, in a few words; nothing where the doc says it.
pub fn type_text(ty: &FieldType) -> String {
    let of = |reference: &Reference| match reference {
        Reference::CanvasWidth => "of the canvas's width",
        Reference::CanvasHeight => "of the canvas's height",
        Reference::Box => "of the item's box",
        Reference::Source => "of the picture",
    };
    match ty {
        FieldType::Time => "time".into(),
        FieldType::Range => "range of time".into(),
        FieldType::Size => "size".into(),
        FieldType::Length(reference) => format!("length, % {}", of(reference)),
        FieldType::Point(reference) => format!("point, % {}", of(reference)),
        FieldType::Position => "one of nine anchors, or a point".into(),
        FieldType::Angle => "angle".into(),
        FieldType::Colour => "colour".into(),
        FieldType::Number { min, max } => format!("number{}", limits(*min, *max)),
        FieldType::Integer { min, max } => format!("whole number{}", limits(*min as f64, *max as f64)),
        FieldType::Gain => "gain".into(),
        FieldType::Rate => "frame rate".into(),
        FieldType::Frequency => "frequency".into(),
        FieldType::Bitrate => "bitrate".into(),
        FieldType::Temperature => "colour temperature".into(),
        FieldType::Boolean => "true or false".into(),
        FieldType::Ratio => "ratio".into(),
        FieldType::Word(_) => "one word of these".into(),
        FieldType::Text => "text".into(),
        FieldType::Path => "file".into(),
        FieldType::Id => "id of an item".into(),
        FieldType::Special => String::new(),
    }
}

/// ` from 0 to 4`; nothing where a limit is only there to keep nonsense out.
fn limits(min: f64, max: f64) -> String {
    const UNREACHED: f64 = 1e6;
    match (min > -UNREACHED, max < UNREACHED) {
        (true, true) => format!(" from {min} to {max}"),
        (true, false) => format!(" from {min}"),
        (false, true) => format!(" up to {max}"),
        (false, false) => String::new(),
    }
}

/// An effect with its parameters, as JSON.
pub fn described(effect: &EffectSpec) -> Value {
    let role = match effect.role {
        Role::Picture => "picture",
        Role::Sound => "sound",
        Role::Transition => "transition",
    };
    let parameters: Vec<Value> = effect
        .params
        .iter()
        .enumerate()
        .map(|(at, param)| {
            let (min, max) = match param.ty {
                FieldType::Number { min, max } => (Some(min), Some(max)),
                FieldType::Integer { min, max } => (Some(min as f64), Some(max as f64)),
                _ => (None, None),
            };
            let words = match param.ty {
                FieldType::Word(words) => Some(words.iter().map(|(word, _)| *word).collect::<Vec<_>>()),
                _ => None,
            };
            json!({
                "name": param.name,
                "type": type_text(&param.ty),
                "min": min,
                "max": max,
                "words": words,
                "default": param.default,
                "neutral": param.neutral,
                "keyframes": param.keyframes,
                "positional": at < effect.positional,
                "doc": param.doc,
            })
        })
        .collect();
    json!({"name": effect.name, "role": role, "doc": effect.doc, "parameters": parameters})
}
