//! Bodies that hold a script: `text/yaml`, `text/x-vfx`, JSON, or JSON around one.
//!
//! Of a JSON body it is told by its `script`: if that is a text, the body is a [`RenderRequest`] around a script, else it
//! is the script itself (no script has a text there).

use std::collections::BTreeMap;

use axum::extract::Request;
use axum::http::{HeaderMap, header};
use serde::Deserialize;
use utoipa::ToSchema;
use vfxb_dsl::syntax::{LONGEST_TEXT, Spelling};

use crate::error::{ApiError, Kind};
use crate::http::{body, json, schema};
use crate::model::{ScriptSpelling, ScriptText};

/// Bytes of a request: the longest script as JSON may have to write it, and what stands around it.
pub(crate) const LONGEST_BODY: usize = LONGEST_TEXT + (1 << 20);

/// A script, and how it is to be rendered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RenderRequest {
    /// The script's text.
    #[schema(min_length = 1)]
    pub(crate) script: String,
    /// How it is written; guessed from its first line if not given.
    #[serde(default)]
    pub(crate) format: Option<ScriptFormat>,
    /// Values of the script's variables, by name.
    #[serde(default)]
    pub(crate) vars: BTreeMap<String, String>,
    /// Among your own renders, higher ones go first.
    #[serde(default)]
    #[schema(minimum = -100, maximum = 100)]
    pub(crate) priority: i32,
    /// Told of the end by a signed POST.
    #[serde(default)]
    #[schema(max_length = 2048, pattern = "^https?://.", example = "https://example.com/rendered")]
    pub(crate) webhook: Option<String>,
}

/// How a script is written.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ScriptFormat {
    /// The terse spelling.
    Vfx,
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

/// What a request asks for.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The script.
    pub(crate) script: ScriptText,
    /// Among the owner's own renders.
    pub(crate) priority: i32,
    /// Told of the end.
    pub(crate) webhook: Option<String>,
}

impl Asked {
    /// Reads a body of a media type.
    ///
    /// # Errors
    /// 415 if it is no kind of script, 400 with every finding if it is none.
    pub(crate) fn read(kind: &str, bytes: &[u8]) -> Result<Asked, ApiError> {
        match kind {
            "text/yaml" | "text/x-yaml" | "application/yaml" | "application/x-yaml" => {
                Asked::bare(bytes, ScriptSpelling::Yaml)
            }
            "text/x-vfx" | "text/vfx" | "application/x-vfx" => Asked::bare(bytes, ScriptSpelling::Vfx),
            "application/json" => Asked::json(bytes),
            _ => Err(ApiError::new(
                Kind::Unsupported,
                "Send a script as text/yaml, text/x-vfx or application/json, or JSON around one.",
            )),
        }
    }

    fn bare(bytes: &[u8], spelling: ScriptSpelling) -> Result<Asked, ApiError> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| ApiError::validation(vec![format!("The script is not UTF-8: {error}.")]))?;
        if text.trim().is_empty() {
            return Err(ApiError::validation(vec!["The body must hold a script.".to_owned()]));
        }
        let script = ScriptText { text: text.to_owned(), spelling, vars: BTreeMap::new() };
        Ok(Asked { script, priority: 0, webhook: None })
    }

    fn json(bytes: &[u8]) -> Result<Asked, ApiError> {
        let fields = body::object(bytes)?;
        if fields.0.iter().any(|(name, value)| name == "script" && json::is_string(value)) {
            return schema::read_fields(&fields).map(Asked::enveloped);
        }
        // The text as it came: findings name its lines.
        Asked::bare(bytes, ScriptSpelling::Yaml)
    }

    fn enveloped(request: RenderRequest) -> Asked {
        let spelling = match request.format {
            Some(ScriptFormat::Vfx) => ScriptSpelling::Vfx,
            Some(ScriptFormat::Yaml | ScriptFormat::Json) => ScriptSpelling::Yaml,
            None => match Spelling::guess(&request.script) {
                Spelling::Vfx => ScriptSpelling::Vfx,
                Spelling::Yaml => ScriptSpelling::Yaml,
            },
        };
        let script = ScriptText { text: request.script, spelling, vars: request.vars };
        Asked { script, priority: request.priority, webhook: request.webhook }
    }
}

/// Reads the script of a request.
///
/// # Errors
/// As [`Asked::read`], and 413 or 408 if the body does not come.
pub(crate) async fn read<S: Send + Sync>(state: &S, request: Request) -> Result<Asked, ApiError> {
    let kind = media_type(request.headers());
    body::aside(body::bytes(request, state).await?, move |bytes| Asked::read(&kind, bytes)).await
}

/// The declared type of a body, without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let declared =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
