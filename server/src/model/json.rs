//! JSON that is a client's own: kept and given back as its text, never made a tree of.
//!
//! A tree takes some forty times the memory of `[0,0,…]`, and nothing here looks into it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// A JSON text, exactly as it came.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawJson(Box<RawValue>);

impl RawJson {
    /// The text.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// A value as its text.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn of(value: &impl Serialize) -> Result<RawJson, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(RawJson)
    }
}

/// Equal texts are equal.
impl PartialEq for RawJson {
    fn eq(&self, other: &RawJson) -> bool {
        self.text() == other.text()
    }
}

impl From<Value> for RawJson {
    fn from(value: Value) -> RawJson {
        // A tree has names that are texts and numbers that are finite: it can always be written.
        RawJson::of(&value).unwrap_or_else(|_| RawJson(RawValue::NULL.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_text_stays_as_it_came() {
        let text = r#"{ "b":1.0,"a":[ 1e2,"\u00fc" ], "b":2 }"#;
        let raw: RawJson = serde_json::from_str(text).unwrap();
        assert_eq!((raw.text(), serde_json::to_string(&raw).unwrap().as_str()), (text, text));
        assert_eq!(RawJson::from(json!({"a": [null, 1.0]})).text(), r#"{"a":[null,1.0]}"#);
    }
}
