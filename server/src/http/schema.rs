//! Holds JSON to the schema that is published for its type, and says every finding in a sentence.
//!
//! The schema comes from `utoipa`, the same that `/api/openapi.json` shows, and is compiled once a type. Knows nothing of
//! requests.

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{Draft, JsonType, ValidationError, Validator};
use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::error::{ApiError, Kind};
use crate::http::body;
use crate::http::json::{self, Fields, LARGEST_TREE};

/// Findings of one request at most: a body of a million wrong items needs no million sentences.
const MOST_FINDINGS: usize = 100;

/// Characters of a client's own names that are told back.
const LONGEST_NAME: usize = 100;

/// Compiled schemas, one a type.
static COMPILED: LazyLock<RwLock<HashMap<TypeId, Arc<Compiled>>>> = LazyLock::new(RwLock::default);

/// The schema of a type, ready.
pub(crate) struct Compiled {
    validator: Validator,
    /// Fields of which it says nothing at all: anything may be there.
    opaque: Vec<String>,
}

/// Reads a value as `T`, if it keeps to `T`'s published schema.
///
/// # Errors
/// 400 with every finding; 500 if the schema itself is wrong.
pub fn read<T: ToSchema + DeserializeOwned + 'static>(value: Value) -> Result<T, ApiError> {
    let schema = compiled::<T>(published::<T>)?;
    check(&schema, &value)?;
    deserialized(value)
}

/// Reads the fields of an object as `T`, as [`read`] does, without a tree of what the schema does not look into.
///
/// # Errors
/// As [`read`], and 413 if there is more to be looked into than may be.
pub(super) fn read_fields<T>(fields: &Fields<'_>) -> Result<T, ApiError>
where
    T: ToSchema + DeserializeOwned + 'static,
{
    let schema = compiled::<T>(published::<T>)?;
    let tree = tree(fields, &schema.opaque)?;
    check(&schema, &tree)?;
    let texts = fields.0.iter().map(|(name, value)| (name.as_str(), *value));
    if let Ok(read) = T::deserialize(MapDeserializer::new(texts)) {
        return Ok(read);
    }
    // Again, with whole numbers where they were looked for.
    let Value::Object(tree) = whole(tree) else { return Err(form(".")) };
    let written = |(name, value): (String, Value)| Ok((name, serde_json::value::to_raw_value(&value)?));
    let again: Result<HashMap<String, Box<RawValue>>, serde_json::Error> =
        tree.into_iter().map(written).collect();
    let again = again.map_err(|error| ApiError::internal(error.to_string()))?;
    let texts = fields.0.iter().map(|(name, value)| {
        let looked_into = again.get(name).filter(|_| !schema.opaque.contains(name));
        (name.as_str(), looked_into.map_or(*value, |value| &**value))
    });
    let read: Result<T, serde_path_to_error::Error<serde_json::Error>> =
        serde_path_to_error::deserialize(MapDeserializer::new(texts));
    read.map_err(|error| form(&error.path().to_string()))
}

/// What a schema looks into, as a tree; nothing in the place of what is opaque to it.
fn tree(fields: &Fields<'_>, opaque: &[String]) -> Result<Value, ApiError> {
    let mut tree = Map::new();
    let mut room = LARGEST_TREE;
    for (name, value) in &fields.0 {
        let known = if opaque.contains(name) {
            Value::Null
        } else {
            // A text takes what it is long.
            if !json::is_string(value) {
                room = room.checked_sub(value.get().len()).ok_or_else(|| too_large(name))?;
            }
            serde_json::from_str(value.get()).map_err(body::no_json)?
        };
        tree.insert(name.clone(), known);
    }
    Ok(Value::Object(tree))
}

fn too_large(name: &str) -> ApiError {
    let name: String = name.chars().take(LONGEST_NAME).collect();
    ApiError::new(Kind::TooLarge, format!("`{name}` is larger than it may be here."))
}

/// The schema that is published for `T`, with everything that it refers to.
fn published<T: ToSchema>() -> Result<Value, serde_json::Error> {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    let mut components = Map::new();
    for (name, schema) in parts {
        components.insert(name, serde_json::to_value(schema)?);
    }
    let mut schema = serde_json::to_value(T::schema())?;
    if let Value::Object(fields) = &mut schema {
        fields.insert("components".into(), json!({ "schemas": components }));
    }
    Ok(schema)
}

/// The validator of a type, made from `schema` when it is asked for first.
pub(crate) fn compiled<T: 'static>(
    schema: impl FnOnce() -> Result<Value, serde_json::Error>,
) -> Result<Arc<Compiled>, ApiError> {
    let id = TypeId::of::<T>();
    if let Some(compiled) = COMPILED.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
        return Ok(Arc::clone(compiled));
    }
    let name = std::any::type_name::<T>();
    let schema = schema().map_err(|error| ApiError::internal(format!("the schema of {name}: {error}")))?;
    let validator = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(&schema)
        .map_err(|error| ApiError::internal(format!("the schema of {name}: {error}")))?;
    let compiled = Arc::new(Compiled { validator, opaque: opaque(&schema) });
    COMPILED.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&compiled));
    Ok(compiled)
}

/// The fields of which an object's schema says nothing.
fn opaque(schema: &Value) -> Vec<String> {
    /// Words that tell readers something, and nothing of values.
    const SAID: [&str; 6] = ["default", "deprecated", "description", "example", "examples", "title"];
    let fields = schema.get("properties").and_then(Value::as_object);
    let silent = |schema: &Value| match schema {
        Value::Object(words) => words.keys().all(|word| SAID.contains(&word.as_str())),
        other => *other == Value::Bool(true),
    };
    fields.into_iter().flatten().filter(|(_, schema)| silent(schema)).map(|(name, _)| name.clone()).collect()
}

/// Every finding, as an error.
pub(crate) fn check(schema: &Compiled, value: &Value) -> Result<(), ApiError> {
    let mut findings = Vec::new();
    for error in schema.validator.iter_errors(value) {
        tell(&error, &mut findings);
        if findings.len() >= MOST_FINDINGS {
            break;
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(ApiError::validation(findings)) }
}

/// The typed value. Numbers such as `5.0` are whole in JSON Schema and not to serde: they are tried as whole ones too.
pub(crate) fn deserialized<T: DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    if let Ok(read) = T::deserialize(&value) {
        return Ok(read);
    }
    serde_path_to_error::deserialize(whole(value)).map_err(|error| form(&error.path().to_string()))
}

fn form(path: &str) -> ApiError {
    let subject = if path == "." { "The request".to_owned() } else { format!("`{path}`") };
    ApiError::validation(vec![format!("{subject} is out of range or of another form than it must be.")])
}

fn whole(value: Value) -> Value {
    /// Up to here every whole number is exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(n) if number.is_f64() && n.fract() == 0.0 && n.abs() <= EXACT => Value::from(n as i64),
            _ => Value::Number(number),
        },
        Value::Array(items) => Value::Array(items.into_iter().map(whole).collect()),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, whole(value))).collect(),
        other => other,
    }
}

/// Adds what one error means, in sentences.
fn tell(error: &ValidationError<'_>, findings: &mut Vec<String>) {
    use ValidationErrorKind as Is;
    let at = error.instance_path();
    let must = |what: String| format!("{} must {what}.", subject(at));
    let sentence = match error.kind() {
        Is::AdditionalProperties { unexpected } | Is::UnevaluatedProperties { unexpected } => {
            let room = MOST_FINDINGS.saturating_sub(findings.len());
            let unknown = |name: &String| format!("{} is not known here.", field(at, name));
            findings.extend(unexpected.iter().take(room).map(unknown));
            return;
        }
        Is::OneOfNotValid { context } | Is::AnyOf { context } => match closest(context) {
            Some(errors) => return errors.iter().for_each(|error| tell(error, findings)),
            None => must("be of one of the forms that are allowed here".into()),
        },
        Is::Required { property } => {
            format!("{} is missing.", field(at, property.as_str().unwrap_or_default()))
        }
        Is::Type { kind } => must(format!("be {}", types(kind))),
        Is::Enum { options } => must(format!("be one of {}", listed(options))),
        Is::Constant { expected_value } => must(format!("be {}", plain(expected_value))),
        Is::Minimum { limit } => must(format!("be at least {limit}")),
        Is::Maximum { limit } => must(format!("be at most {limit}")),
        Is::ExclusiveMinimum { limit } => must(format!("be more than {limit}")),
        Is::ExclusiveMaximum { limit } => must(format!("be less than {limit}")),
        Is::MultipleOf { multiple_of } => must(format!("be a multiple of {multiple_of}")),
        Is::MinLength { limit: 1 } => must("not be empty".into()),
        Is::MinLength { limit } => must(format!("have at least {limit} characters")),
        Is::MaxLength { limit } => must(format!("have at most {limit} characters")),
        Is::MinItems { limit } => must(format!("have at least {limit} items")),
        Is::MaxItems { limit } => must(format!("have at most {limit} items")),
        Is::MinProperties { limit } => must(format!("have at least {limit} fields")),
        Is::MaxProperties { limit } => must(format!("have at most {limit} fields")),
        Is::UniqueItems => must("not hold an item twice".into()),
        Is::Format { format } => must(format!("be {}", format_name(format))),
        Is::Pattern { .. } => format!("{} is not of the form that it must have.", subject(at)),
        _ => format!("{} is not valid.", subject(at)),
    };
    findings.push(sentence);
}

/// Of several forms, the findings of the one that was meant: not of one whose very type is another.
fn closest<'a, 'e>(context: &'a [Vec<ValidationError<'e>>]) -> Option<&'a [ValidationError<'e>]> {
    let meant = |errors: &&Vec<ValidationError<'_>>| {
        let other = |error: &ValidationError<'_>| {
            matches!(error.kind(), ValidationErrorKind::Type { .. } | ValidationErrorKind::Constant { .. })
        };
        !errors.is_empty() && !errors.iter().any(other)
    };
    let mut forms = context.iter().filter(meant);
    match (forms.next(), forms.next()) {
        (Some(one), None) => Some(one),
        (None, _) => {
            let not_null = |errors: &&Vec<ValidationError<'_>>| {
                !errors.iter().any(|e| {
                    matches!(e.kind(), ValidationErrorKind::Type { kind: TypeKind::Single(JsonType::Null) })
                })
            };
            let mut rest = context.iter().filter(not_null);
            rest.next().filter(|_| rest.next().is_none()).map(Vec::as_slice)
        }
        // Of words and a pattern beside them, the words say more.
        (Some(one), Some(other)) => {
            let words = |errors: &&Vec<ValidationError<'_>>| matches!(errors.as_slice(), [error] if matches!(error.kind(), ValidationErrorKind::Enum { .. }));
            let mut all = [one, other].into_iter().chain(forms).filter(words);
            all.next().filter(|_| all.next().is_none()).map(Vec::as_slice)
        }
    }
}

fn subject(at: &Location) -> String {
    let path = dotted(at);
    if path.is_empty() { "The body".to_owned() } else { format!("`{path}`") }
}

fn field(at: &Location, name: &str) -> String {
    let name: String = name.chars().take(LONGEST_NAME).collect();
    let path = dotted(at);
    if path.is_empty() { format!("`{name}`") } else { format!("`{path}.{name}`") }
}

/// `clips[2].start`, as a front end's developer writes it.
fn dotted(at: &Location) -> String {
    let mut path = String::new();
    for segment in at.segments() {
        match segment {
            LocationSegment::Index(index) => {
                let _ = write!(path, "[{index}]");
            }
            LocationSegment::Property(name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.extend(name.chars().take(LONGEST_NAME));
            }
        }
    }
    path
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => type_name(*one).to_owned(),
        TypeKind::Multiple(several) => {
            let names: Vec<&str> = several.iter().filter(|t| *t != JsonType::Null).map(type_name).collect();
            names.join(" or ")
        }
    }
}

fn type_name(name: JsonType) -> &'static str {
    match name {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "text",
    }
}

fn format_name(format: &str) -> &str {
    match format {
        "uuid" => "a UUID",
        "date-time" => "a time such as 2026-01-31T12:00:00Z",
        "uri" => "a url",
        "email" => "an email address",
        other => other,
    }
}

fn listed(options: &Value) -> String {
    let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
    options.iter().filter(|option| !option.is_null()).map(plain).collect::<Vec<_>>().join(", ")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
