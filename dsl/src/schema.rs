//! The JSON Schema (2020-12) of the YAML and JSON spelling, made from the vocabulary and the catalogue.
//!
//! Editors complete and check by it while a person types. It takes every right script; what only lowering can see
//! (ids, circles, two transitions in a row) it does not know.

use serde_json::{Map, Value, json};

use crate::value::Easing;
use crate::vocabulary::{
    Catalogue, EFFECT_FIELDS, EFFECTS_DOC, EffectSpec, FieldSpec, FieldType, GEOMETRY, NodeSpec, Place, Role,
    VARIABLE_TYPES,
};

/// The schema, as one JSON document.
pub fn schema(catalogue: &Catalogue) -> Value {
    let mut properties = Map::new();
    properties.insert("$schema".into(), json!({"type": "string"}));
    for spec in Place::Top.kinds() {
        properties.insert(spec.plural.unwrap_or(spec.name).into(), top(spec));
        // One output may stand by itself.
        if spec.name == "output" {
            properties.insert(spec.name.into(), top(spec));
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "vfxb script",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "$defs": definitions(catalogue),
    })
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

/// The name of a place's list.
fn place_name(place: Place) -> &'static str {
    match place {
        Place::Top => "top",
        Place::Sequence => "sequence",
        Place::Overlays => "overlays",
        Place::Audio => "audio",
        Place::AudioSequence => "audioSequence",
        Place::Group => "group",
        Place::Text => "spans",
        Place::Defaults => "defaults",
    }
}

fn definitions(catalogue: &Catalogue) -> Value {
    let mut all = Map::new();
    all.insert("scalar".into(), json!({"type": ["string", "number", "boolean"]}));
    all.insert("variable".into(), json!({"type": "string", "pattern": "\\$\\{[^}]+\\}"}));
    all.insert("keyframe".into(), keyframe());
    all.insert("effect".into(), effect(catalogue));
    for place in [Place::Sequence, Place::Overlays, Place::Audio, Place::AudioSequence, Place::Text] {
        let kinds = place.kinds().map(|spec| item(spec, place, catalogue));
        let text = (place == Place::Text).then(|| reference("scalar"));
        let kinds: Vec<_> = kinds.chain(text).collect();
        all.insert(place_name(place).into(), json!({"type": "array", "items": {"anyOf": kinds}}));
    }
    Value::Object(all)
}

/// What stands behind a top-level key.
fn top(spec: &'static NodeSpec) -> Value {
    let list = spec.children.filter(|p| *p != Place::Defaults).map(|place| reference(place_name(place)));
    let one = mapping(spec, &[], &[]);
    let mut schema = match (spec.name, list) {
        (_, Some(list)) => list,
        ("var", _) => named(json!({"anyOf": [reference("scalar"), {"type": "array"}, typed_variable()]})),
        ("media", _) => named(json!({"anyOf": [reference("scalar"), one]})),
        ("style", _) => named(one),
        ("output", _) => {
            let one = json!({"anyOf": [{"type": "string"}, one]});
            json!({"anyOf": [one, {"type": "array", "items": one}]})
        }
        ("defaults", _) => {
            let blocks = Place::Defaults.kinds().map(|inner| {
                let fields = mapping(inner, &[], &[]);
                (inner.name, json!({"anyOf": [reference("scalar"), fields]}))
            });
            mapping(spec, &blocks.collect::<Vec<_>>(), &[])
        }
        _ => json!({"anyOf": [reference("scalar"), one]}),
    };
    describe(&mut schema, spec.doc);
    schema
}

/// A mapping of names to `value`.
fn named(value: Value) -> Value {
    json!({"type": "object", "additionalProperties": value})
}

fn typed_variable() -> Value {
    let types: Vec<_> = VARIABLE_TYPES.iter().map(|(name, _)| *name).collect();
    json!({
        "type": "object",
        "properties": {"type": {"enum": types}, "default": {}},
        "additionalProperties": false,
    })
}

fn describe(schema: &mut Value, doc: &str) {
    if let Value::Object(map) = schema {
        map.insert("description".into(), json!(doc));
    }
}

/// A mapping of a node's fields, and what else it may hold.
fn mapping(spec: &'static NodeSpec, more: &[(&str, Value)], required: &[&str]) -> Value {
    let mut properties: Map<String, Value> =
        spec.all_fields().map(|f| (f.name.to_string(), field(f))).collect();
    if spec.effects {
        properties.insert("effects".into(), effects());
    }
    for (name, value) in more {
        properties.insert((*name).to_string(), value.clone());
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn effects() -> Value {
    json!({"description": EFFECTS_DOC, "type": "array", "items": reference("effect")})
}

/// One kind of item in a list: a mapping with the kind's key.
fn item(spec: &'static NodeSpec, place: Place, catalogue: &Catalogue) -> Value {
    let blocks: Vec<_> = match spec.children {
        Some(Place::Group) => Place::Group
            .kinds()
            .filter_map(|inner| inner.children.map(|place| (inner.name, reference(place_name(place)))))
            .collect(),
        Some(place) if matches!(spec.name, "track") => vec![("items", reference(place_name(place)))],
        _ => Vec::new(),
    };
    let mut values = vec![json!({"type": "null"}), mapping(spec, &blocks, &[])];
    if let Some(list) = spec.children.filter(|p| *p != Place::Group) {
        values.push(reference(place_name(list)));
    }
    if let Some(first) = spec.positional.first().and_then(|name| spec.field(name)) {
        values.push(field(first));
    }
    let mut key = json!({"anyOf": values});
    describe(&mut key, spec.doc);
    let mut more = blocks;
    if spec.name == "transition" {
        key = transition_name(catalogue);
        for effect in catalogue.iter().filter(|e| e.role == Role::Transition) {
            more.extend(effect.params.iter().map(|p| (p.name, field(p))));
        }
    }
    more.push((spec.name, key));
    let mut schema = mapping(spec, &more, &[spec.name]);
    if let (Value::Object(map), false) = (&mut schema, place == Place::Text) {
        map.insert("title".into(), json!(spec.name));
    }
    schema
}

fn transition_name(catalogue: &Catalogue) -> Value {
    let mut names = catalogue.names(&[Role::Transition]);
    names.push("none");
    json!({"anyOf": [{"enum": names}, reference("variable"), {"type": "object"}]})
}

/// One effect: a word, or a mapping with the effect's key.
fn effect(catalogue: &Catalogue) -> Value {
    let known: Vec<_> = catalogue.listed().filter(|e| e.role != Role::Transition).collect();
    let words: Vec<_> = known.iter().map(|e| e.name).collect();
    let mut forms = vec![json!({"enum": words})];
    forms.extend(known.iter().map(|spec| effect_mapping(spec)));
    json!({"anyOf": forms})
}

fn effect_mapping(spec: &EffectSpec) -> Value {
    let fields = || spec.params.iter().chain(EFFECT_FIELDS).map(|p| (p.name.to_string(), field(p)));
    let inside = json!({"type": "object", "properties": fields().collect::<Map<_, _>>(), "additionalProperties": false});
    let mut values = vec![json!({"type": "null"}), inside];
    if let Some(first) = spec.params.first().filter(|_| spec.positional > 0) {
        values.push(field(first));
    }
    let mut beside: Map<String, Value> = fields().collect();
    let summary = spec.doc.lines().next().unwrap_or("");
    beside.insert(spec.name.into(), json!({"description": summary, "anyOf": values}));
    json!({"type": "object", "properties": beside, "required": [spec.name], "additionalProperties": false})
}

fn keyframe() -> Value {
    json!({
        "anyOf": [
            {"type": "string"},
            {"type": "number"},
            {
                "type": "object",
                "properties": {
                    "t": reference("scalar"),
                    "value": reference("scalar"),
                    "ease": {"type": "string", "examples": Easing::names()},
                },
                "required": ["t", "value"],
                "additionalProperties": false,
            },
        ]
    })
}

/// One field. A variable may stand for any value.
fn field(spec: &FieldSpec) -> Value {
    let mut forms = match spec.ty {
        FieldType::Word(words) => {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            vec![json!({"enum": words}), reference("variable")]
        }
        FieldType::Boolean => vec![json!({"type": "boolean"}), reference("variable")],
        // A share may be written with a percent sign.
        FieldType::Number { min, max } => {
            vec![json!({"type": "number", "minimum": min, "maximum": max}), json!({"type": "string"})]
        }
        FieldType::Integer { min, max } => {
            vec![json!({"type": "integer", "minimum": min, "maximum": max}), reference("variable")]
        }
        FieldType::Special => special(spec.name),
        _ => vec![reference("scalar")],
    };
    if spec.keyframes {
        forms.push(json!({"type": "array", "items": reference("keyframe"), "minItems": 1}));
    }
    let mut schema = match <[Value; 1]>::try_from(forms) {
        Ok([one]) => one,
        Err(forms) => json!({"anyOf": forms}),
    };
    describe(&mut schema, spec.doc);
    if let (Value::Object(map), Some(default)) = (&mut schema, spec.default) {
        map.insert("default".into(), json!(default));
    }
    schema
}

/// Fields that lowering reads by rules of their own.
fn special(name: &str) -> Vec<Value> {
    match name {
        "freeze" | "border" | "outline" | "stroke" | "shadow" => {
            vec![reference("scalar"), json!({"type": "array"})]
        }
        "crop" => {
            let crop = GEOMETRY.iter().find(|g| g.name == "crop");
            let fields: Map<String, Value> =
                crop.iter().flat_map(|g| g.params).map(|p| (p.name.to_string(), field(p))).collect();
            vec![
                reference("scalar"),
                json!({"type": "object", "properties": fields, "additionalProperties": false}),
            ]
        }
        _ => vec![reference("scalar")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::tests::catalogue;

    #[test]
    fn every_reference_leads_somewhere() {
        let schema = schema(&catalogue());
        let text = schema.to_string();
        let defs = schema["$defs"].as_object().unwrap();
        let mut count = 0;
        for rest in text.split("#/$defs/").skip(1) {
            let name = rest.split('"').next().unwrap();
            assert!(defs.contains_key(name), "{name}");
            count += 1;
        }
        assert!(count > 100, "{count}");
    }

    #[test]
    fn it_has_every_word() {
        let schema = schema(&catalogue());
        for key in [
            "canvas", "vars", "media", "styles", "timeline", "overlays", "audio", "output", "outputs",
            "defaults",
        ] {
            assert!(schema["properties"][key].is_object(), "{key}");
        }
        let effects = &schema["$defs"]["effect"]["anyOf"];
        assert!(effects[0]["enum"].as_array().unwrap().contains(&json!("vintage")));
        let text = schema.to_string();
        for word in ["crossfade", "fade_in", "zoom_origin", "soft-light", "ease-in-out", "intensity"] {
            assert!(text.contains(word), "{word}");
        }
        assert!(!text.contains("captions"));
    }
}
