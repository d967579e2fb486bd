//! Lowering, from text: what a script means, and what is said about one that is wrong.

mod answers;
mod faults;
mod meaning;

use crate::diagnostic::Diagnostic;
use crate::script::Script;
use crate::source::SourceMap;
use crate::syntax::Spelling;
use crate::vocabulary::{Catalogue, EffectSpec, FieldSpec, FieldType, Reference, Role};

const fn param(name: &'static str, ty: FieldType, default: Option<&'static str>) -> FieldSpec {
    FieldSpec { name, ty, default, neutral: None, keyframes: true, doc: "" }
}

const fn effect(
    name: &'static str,
    role: Role,
    params: &'static [FieldSpec],
    positional: usize,
) -> EffectSpec {
    EffectSpec { name, role, doc: "For tests.", params, positional }
}

const SHARE: FieldType = FieldType::Number { min: 0.0, max: 1.0 };
const DIRECTIONS: FieldType = FieldType::Word(&[("left", ""), ("right", ""), ("up", ""), ("down", "")]);

/// A few effects of every sort.
const EFFECTS: &[EffectSpec] = &[
    effect("vintage", Role::Picture, &[param("intensity", SHARE, Some("1"))], 1),
    effect("sepia", Role::Picture, &[param("intensity", SHARE, Some("1"))], 1),
    effect(
        "blur",
        Role::Picture,
        &[
            param("intensity", SHARE, Some("0.2")),
            param("radius", FieldType::Length(Reference::Source), None),
        ],
        1,
    ),
    effect(
        "dip",
        Role::Picture,
        &[param("color", FieldType::Colour, Some("black")), param("amount", SHARE, Some("0.5"))],
        2,
    ),
    effect(
        "lut",
        Role::Picture,
        &[FieldSpec { keyframes: false, ..param("file", FieldType::Path, None) }],
        1,
    ),
    effect(
        "duck",
        Role::Sound,
        &[param("under", FieldType::Id, None), param("by", FieldType::Gain, Some("-12dB"))],
        0,
    ),
    effect("crossfade", Role::Transition, &[], 0),
    effect(
        "wipe",
        Role::Transition,
        &[FieldSpec { keyframes: false, ..param("direction", DIRECTIONS, Some("left")) }],
        1,
    ),
];

pub(crate) fn catalogue() -> Catalogue {
    Catalogue::new(EFFECTS.to_vec())
}

/// Compiles a text that stands in `/edit`.
pub(crate) fn compile_with(
    spelling: Spelling,
    text: &str,
    sets: &[(&str, &str)],
) -> (SourceMap, Option<Script>, Vec<Diagnostic>) {
    let mut map = SourceMap::new();
    let file = map.add("script", "/edit", text);
    let sets: Vec<_> = sets.iter().map(|(n, v)| ((*n).to_string(), (*v).to_string())).collect();
    let (script, findings) = super::compile(&map, file, spelling, &catalogue(), &sets);
    (map, script, findings)
}

/// The script of a text in which nothing is wrong.
fn script(spelling: Spelling, text: &str) -> Script {
    let (map, script, findings) = compile_with(spelling, text, &[]);
    assert!(findings.is_empty(), "{:#?}", shown(&map, &findings));
    script.expect("a script without findings")
}

fn vfx(text: &str) -> Script {
    script(Spelling::Vfx, text)
}

/// `line:column code message`, and what is underlined.
fn shown(map: &SourceMap, findings: &[Diagnostic]) -> Vec<String> {
    let place = |d: &Diagnostic| {
        let Some(label) = &d.primary else { return "-".to_string() };
        let at = map.line_column(label.span.file, label.span.start);
        format!("{}:{} `{}`", at.line, at.column, map.text(label.span))
    };
    findings.iter().map(|d| format!("{} {} {}", place(d), d.code.0, d.message)).collect()
}

/// The findings of a text, one line each.
fn findings(spelling: Spelling, text: &str) -> Vec<String> {
    let (map, _, findings) = compile_with(spelling, text, &[]);
    shown(&map, &findings)
}
