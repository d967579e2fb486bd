//! What the editing endpoints ask for: their bodies, which are also Socket.IO's `parameters` and the assistant's
//! actions. The one definition of names, types and ranges: the published schema and the validation are made from it.
//! The names that it takes come from where they are known: effects from the engine, formats and sizes from the language.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{AnyOfBuilder, Object, ObjectBuilder, Schema, Type};
use uuid::Uuid;
use vfxb_dsl::lower::{FILMS, SOUNDS};
use vfxb_dsl::value::quantity::SIZES;

use super::apply::filters;

/// A part of a film.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trim {
    /// The video that is edited.
    pub video_id: Uuid,
    /// Whether the result is rendered at once, or only when its file is asked for.
    #[serde(default = "at_once")]
    #[schema(default = true)]
    pub render: bool,
    /// Seconds.
    #[schema(minimum = 0)]
    pub start_time: f64,
    /// Seconds; after the start.
    #[schema(exclusive_minimum = 0)]
    pub end_time: f64,
}

/// A part of the picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Crop {
    /// The video that is edited.
    pub video_id: Uuid,
    /// Whether the result is rendered at once, or only when its file is asked for.
    #[serde(default = "at_once")]
    #[schema(default = true)]
    pub render: bool,
    /// Columns that are left.
    #[schema(minimum = 1, maximum = 7680)]
    pub width: u32,
    /// Rows that are left.
    #[schema(minimum = 1, maximum = 4320)]
    pub height: u32,
    /// Columns cut off on the left.
    #[schema(minimum = 0)]
    #[serde(default)]
    pub x: u32,
    /// Rows cut off at the top.
    #[schema(minimum = 0)]
    #[serde(default)]
    pub y: u32,
}

/// An effect of the registry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplyFilter {
    /// The video that is edited.
    pub video_id: Uuid,
    /// Whether the result is rendered at once, or only when its file is asked for.
    #[serde(default = "at_once")]
    #[schema(default = true)]
    pub render: bool,
    /// The effect's name.
    #[schema(schema_with = filter_type)]
    pub filter_type: String,
    /// From nothing to all of it.
    #[schema(minimum = 0, maximum = 1)]
    #[serde(default = "whole")]
    #[schema(default = 1.0)]
    pub intensity: f64,
    /// The effect's own parameters, by name.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    #[schema(value_type = Object)]
    pub parameters: serde_json::Map<String, serde_json::Value>,
}

fn at_once() -> bool {
    true
}

fn whole() -> f64 {
    1.0
}

/// Words over the picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddText {
    /// The video that is edited.
    pub video_id: Uuid,
    /// Whether the result is rendered at once, or only when its file is asked for.
    #[serde(default = "at_once")]
    #[schema(default = true)]
    pub render: bool,
    /// Drawn literally.
    #[schema(min_length = 1, max_length = 100_000)]
    pub text: String,
    /// Where its top left corner is; in the middle if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<TextPosition>,
    /// How it looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<TextStyle>,
    /// When it is there; all the time if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<TextDuration>,
}

/// Pixels of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextPosition {
    /// From the left.
    #[schema(minimum = -16384, maximum = 16384)]
    pub x: f64,
    /// From the top.
    #[schema(minimum = -16384, maximum = 16384)]
    pub y: f64,
}

/// How words look.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TextStyle {
    /// Pixels.
    #[schema(minimum = 1, maximum = 4320)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub font_size: Option<f64>,
    /// A CSS colour.
    #[schema(max_length = 100)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// A family, or `asset:ID`.
    #[schema(max_length = 200)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub font_family: Option<String>,
}

/// Seconds of the film.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextDuration {
    /// From.
    #[schema(minimum = 0)]
    pub start: f64,
    /// To; after the start.
    #[schema(exclusive_minimum = 0)]
    pub end: f64,
}

/// A file of another kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Export {
    /// The video that is edited.
    pub video_id: Uuid,
    /// Whether the result is rendered at once, or only when its file is asked for.
    #[serde(default = "at_once")]
    #[schema(default = true)]
    pub render: bool,
    /// The file's ending: a moving format of the language's `output`.
    #[schema(schema_with = export_format)]
    pub format: String,
    /// How good.
    #[serde(default)]
    pub quality: ExportQuality,
    /// How large: a size of the language, or `source`.
    #[serde(default = "source_size")]
    #[schema(schema_with = export_resolution)]
    pub resolution: String,
}

/// As the video is.
pub(super) const SOURCE_SIZE: &str = "source";

fn source_size() -> String {
    SOURCE_SIZE.to_owned()
}

/// One word of these.
fn one_of(meaning: &str, words: impl IntoIterator<Item = &'static str>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(meaning)).enum_values(Some(words))
}

fn filter_type() -> Object {
    one_of("The effect's name.", filters()).build()
}

fn export_format() -> Object {
    one_of("The file's ending.", FILMS.into_iter().chain(SOUNDS)).build()
}

fn export_resolution() -> Schema {
    let named = one_of("A size that has a name.", [SOURCE_SIZE].into_iter().chain(SIZES));
    let written = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("Rows, or columns and rows."))
        .pattern(Some("^[1-9][0-9]{0,4}(p|x[1-9][0-9]{0,4})$"))
        .examples(["360p", "640x360"]);
    let either = AnyOfBuilder::new()
        .description(Some("How large: a size of the language, or as the video is."))
        .default(Some(SOURCE_SIZE.into()))
        .item(named)
        .item(written);
    either.build().into()
}

/// How good an exported file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportQuality {
    /// Small.
    Low,
    /// For most uses.
    #[default]
    Medium,
    /// For showing.
    High,
    /// As it is.
    Lossless,
}
