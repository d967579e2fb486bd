//! JSON texts, looked at without making trees of them.
//!
//! A text comes in; that it is JSON, and where its fields stand in it, goes out. A tree takes dozens of times the memory of
//! its text, so it is made of what a schema looks into alone, and of that no more than [`LARGEST_TREE`].

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Bytes of a text of which a tree is made: in memory it is some hundred megabytes at the worst.
pub(super) const LARGEST_TREE: usize = 1 << 20;

/// Fields of an object that are told of. No schema has a hundredth of them: an object with more is wrong by these.
const MOST_FIELDS: usize = 50_000;

/// Holds a text to what a tree of it would be held to: nested 127 levels deep at most, numbers that can be read, texts
/// that are Unicode.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn read_through(bytes: &[u8]) -> Result<(), serde_json::Error> {
    serde_json::from_slice::<Seen>(bytes).map(drop)
}

/// The fields of an object, in their order, each once: of several with one name the last counts. `None` for a text that is
/// none.
pub(super) fn fields(bytes: &[u8]) -> Option<Fields<'_>> {
    serde_json::from_slice(bytes).ok()
}

/// Whether a text is a JSON string.
pub(super) fn is_string(value: &RawValue) -> bool {
    value.get().starts_with('"')
}

/// Something that was read and forgotten.
struct Seen;

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Seen, D::Error> {
        // Not `deserialize_ignored_any`, which counts no levels.
        deserializer.deserialize_any(Seen)
    }
}

impl<'de> Visitor<'de> for Seen {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Seen, E> {
        Ok(Seen)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Seen, E> {
        Ok(Seen)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Seen, E> {
        Ok(Seen)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Seen, E> {
        Ok(Seen)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Seen, E> {
        Ok(Seen)
    }

    fn visit_unit<E: Error>(self) -> Result<Seen, E> {
        Ok(Seen)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Seen, A::Error> {
        while items.next_element::<Seen>()?.is_some() {}
        Ok(Seen)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Seen, A::Error> {
        while fields.next_entry::<Seen, Seen>()?.is_some() {}
        Ok(Seen)
    }
}

/// The fields of an object.
pub(super) struct Fields<'de>(pub(super) Vec<(String, &'de RawValue)>);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields<'de>, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Fields<'de>, A::Error> {
                let mut places: HashMap<String, usize> = HashMap::new();
                let mut fields: Vec<(String, &'de RawValue)> = Vec::new();
                while let Some((name, value)) = entries.next_entry::<String, &'de RawValue>()? {
                    if let Some(earlier) = places.get(&name).and_then(|place| fields.get_mut(*place)) {
                        earlier.1 = value;
                    } else if fields.len() < MOST_FIELDS {
                        places.insert(name.clone(), fields.len());
                        fields.push((name, value));
                    }
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_text_is_refused_where_a_tree_of_it_would_be() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let texts = [
            "",
            "nul",
            "{\"a\":1,}",
            "1e999",
            "[1] 2",
            "\"\\ud800\"",
            "{\"a\" 1}",
            "\"\u{1}\"",
            "-",
            "[-0.5e-3]",
            "{\"ü\": \"\\u00fc\\ud83d\\ude00\"}",
            " null ",
        ];
        let texts = texts.map(str::to_owned).into_iter().chain([nested(127), nested(128), nested(1_000_000)]);
        for text in texts {
            let tree = serde_json::from_str::<Value>(&text).map(drop).map_err(|error| error.to_string());
            let seen = read_through(text.as_bytes()).map_err(|error| error.to_string());
            assert_eq!(seen, tree, "{}", &text[..text.len().min(40)]);
        }
    }

    #[test]
    fn of_a_name_that_comes_twice_the_last_counts() {
        let told = |text: &str| {
            let found = fields(text.as_bytes())?;
            Some(found.0.iter().map(|(name, value)| format!("{name}={}", value.get())).collect::<Vec<_>>())
        };
        assert_eq!(told(r#"{"a": [1], "\u0062": "x", "a": {} }"#).unwrap(), ["a={}", "b=\"x\""]);
        assert_eq!(told("[1]"), None);
        let many = (0..=MOST_FIELDS).map(|n| format!("\"{n}\":1")).collect::<Vec<_>>().join(",");
        assert_eq!(told(&format!("{{{many}}}")).unwrap().len(), MOST_FIELDS);
    }
}
