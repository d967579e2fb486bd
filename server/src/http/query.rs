//! Query strings, held to the parameters that are published for their type.
//!
//! Of a key that comes several times the last counts; `sort`, `fields`, `page` and `limit` collect. Keys that no parameter
//! has are ignored, as the old backend did (pages add such to get round caches).

use std::collections::BTreeMap;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterIn};

use crate::error::ApiError;
use crate::http::schema;

/// Keys whose values collect when they come several times.
const COLLECT: [&str; 4] = ["sort", "fields", "page", "limit"];

/// A query that keeps to the published parameters of `T`: 400 with every finding otherwise.
///
/// Parameters whose schema is a list take several keys and, in one key, values with commas between them.
#[derive(Debug, Clone, Copy)]
pub struct CheckedQuery<T>(pub T);

impl<T, S> FromRequestParts<S> for CheckedQuery<T>
where
    T: IntoParams + DeserializeOwned + 'static,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        read(parts.uri.query().unwrap_or_default()).map(CheckedQuery)
    }
}

/// Reads a query string as [`CheckedQuery`] does.
///
/// # Errors
/// 400 with every finding.
pub fn read<T: IntoParams + DeserializeOwned + 'static>(query: &str) -> Result<T, ApiError> {
    let parameters = T::into_params(|| Some(ParameterIn::Query));
    let schema = object_schema(&parameters).map_err(|error| {
        ApiError::internal(format!("the parameters of {}: {error}", std::any::type_name::<T>()))
    })?;
    let value = typed(query, schema.get("properties").and_then(Value::as_object))?;
    let validator = schema::compiled::<CheckedQuery<T>>(|| Ok(schema))?;
    schema::check(&validator, &value)?;
    schema::deserialized(value)
}

/// The parameters as the schema of one object.
fn object_schema(parameters: &[Parameter]) -> Result<Value, serde_json::Error> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for parameter in parameters {
        properties.insert(parameter.name.clone(), serde_json::to_value(&parameter.schema)?);
        if parameter.required == Required::True {
            required.push(parameter.name.clone());
        }
    }
    Ok(json!({"type": "object", "properties": properties, "required": required}))
}

/// The query as an object, each value read as its parameter's type; what cannot be read stays text, for the schema to
/// find.
fn typed(query: &str, properties: Option<&Map<String, Value>>) -> Result<Value, ApiError> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        texts.entry(key.into_owned()).or_default().push(value.into_owned());
    }
    let mut object = Map::new();
    let mut findings = Vec::new();
    for (name, schema) in properties.into_iter().flatten() {
        let Some(values) = texts.get(name) else { continue };
        if has_type(schema, "array") {
            let item = schema.get("items").unwrap_or(&Value::Null);
            let items = values.iter().flat_map(|value| value.split(',')).filter(|value| !value.is_empty());
            object.insert(name.clone(), items.map(|text| scalar(text, item)).collect());
        } else if values.len() > 1 && COLLECT.contains(&name.as_str()) {
            findings.push(format!("`{name}` must be given once."));
        } else if let Some(last) = values.last() {
            object.insert(name.clone(), scalar(last, schema));
        }
    }
    if findings.is_empty() { Ok(Value::Object(object)) } else { Err(ApiError::validation(findings)) }
}

fn scalar(text: &str, schema: &Value) -> Value {
    let number = has_type(schema, "integer") || has_type(schema, "number");
    let read = match text {
        "true" | "false" if has_type(schema, "boolean") => Some(Value::Bool(text == "true")),
        _ if number => serde_json::from_str::<serde_json::Number>(text).ok().map(Value::Number),
        _ => None,
    };
    read.unwrap_or_else(|| Value::from(text))
}

fn has_type(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(one)) => one == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize, IntoParams)]
    #[serde(rename_all = "camelCase")]
    struct Wanted {
        #[serde(default)]
        #[param(required = false, inline)]
        sort: Vec<String>,
        #[param(minimum = 1, maximum = 100)]
        limit: Option<u64>,
        at: Option<f64>,
        #[serde(default)]
        #[param(required = false)]
        render_now: bool,
        name: Option<String>,
    }

    fn details(query: &str) -> Vec<String> {
        read::<Wanted>(query).unwrap_err().details
    }

    #[test]
    fn the_last_counts_and_lists_collect() {
        let read: Wanted = read("sort=a,-b&sort=c&limit=5&at=1.5&at=2&renderNow=true&name=1&_=77").unwrap();
        let sort = ["a", "-b", "c"].map(str::to_owned).to_vec();
        let expected =
            Wanted { sort, limit: Some(5), at: Some(2.0), render_now: true, name: Some("1".to_owned()) };
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_not_given_has_its_default() {
        let read: Wanted = read("").unwrap();
        assert_eq!(read, Wanted { sort: vec![], limit: None, at: None, render_now: false, name: None });
    }

    #[test]
    fn every_finding_is_told() {
        let mut found = details("limit=101&at=soon&renderNow=2");
        found.sort_unstable();
        let expected =
            ["`at` must be a number.", "`limit` must be at most 100.", "`renderNow` must be true or false."];
        assert_eq!(found, expected);
        assert_eq!(details("limit=1&limit=2"), ["`limit` must be given once."]);
        assert_eq!(details("limit=-1"), ["`limit` must be at least 1."]);
    }
}
