//! One edit onto a film. Where the film is one item that nothing else was done to, the edit is a field or an effect of
//! that item; else all there is becomes a group, and the edit acts on that.

use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use uuid::Uuid;
use vfxb_dsl::syntax::node::{Node, Value};
use vfxb_dsl::vocabulary::{FieldType, Role};
use vfxb_engine::effect::registry;

use super::film::Film;
use super::operation::{AddText, ApplyFilter, Crop, Export, ExportQuality, SOURCE_SIZE, Trim};

/// What the picture is that an edit refers to: the result of the edits before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts {
    /// Columns; 0 without a picture.
    pub width: u32,
    /// Rows; 0 without a picture.
    pub height: u32,
    /// Seconds.
    pub duration: f64,
    /// Frames a second; 0 without a picture that moves.
    pub fps: f64,
    /// The film's canvas, where its output has another size and its script does not say it.
    pub canvas: Option<(u32, u32)>,
}

/// A body of an editing endpoint.
pub trait Edit: ToSchema + DeserializeOwned + Send {
    /// The endpoint's name.
    const NAME: &'static str;
    /// The video that is edited.
    fn video(&self) -> Uuid;
    /// Whether the result is rendered at once.
    fn render(&self) -> bool;
    /// Puts it onto a film.
    ///
    /// # Errors
    /// Every finding, a sentence each, where it does not fit the picture that it refers to.
    fn apply(&self, film: &mut Film, facts: &Facts) -> Result<(), Vec<String>>;
}

/// What an item may have for an edit to be written onto it: anything else has a meaning of its own in the order of
/// operations.
const TRIMMABLE: [&str; 5] = ["in", "out", "crop", "size", "id"];
const CROPPABLE: [&str; 4] = ["in", "out", "size", "id"];

impl Edit for Trim {
    const NAME: &'static str = "trim";

    fn video(&self) -> Uuid {
        self.video_id
    }

    fn render(&self) -> bool {
        self.render
    }

    fn apply(&self, film: &mut Film, facts: &Facts) -> Result<(), Vec<String>> {
        let (start, end) = (Micros::new(self.start_time), Micros::new(self.end_time));
        let whole = Micros::new(facts.duration);
        // Clients round the duration that they were told: half a frame, or a twentieth of a second, beyond is the end.
        let slack = if facts.fps > 0.0 { (0.5 / facts.fps).max(0.05) } else { 0.05 };
        let mut findings = Vec::new();
        if self.end_time <= self.start_time {
            findings.push(format!(
                "`endTime` ({}) must be after `startTime` ({})",
                self.end_time, self.start_time
            ));
        }
        if start >= whole {
            findings.push(format!(
                "`startTime` ({}) must be before the video's end ({})",
                self.start_time, facts.duration
            ));
        }
        if self.end_time > facts.duration + slack {
            findings.push(format!(
                "`endTime` ({}) must not be after the video's end ({})",
                self.end_time, facts.duration
            ));
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        let to_the_end = end >= whole;
        let fits =
            |item: &Node| has_only(item, &TRIMMABLE) && is_steady(item) && trimmed_from(item).is_some();
        film.edit(facts.canvas_of(film), fits, |item| {
            let before = trimmed_from(item).map_or(0, |from| from.0);
            if start.0 + before > 0 {
                item.set("in", Value::plain(Micros(before + start.0).text()));
            }
            if !to_the_end {
                item.set("out", Value::plain(Micros(before + end.0).text()));
            }
        });
        Ok(())
    }
}

impl Edit for Crop {
    const NAME: &'static str = "crop";

    fn video(&self) -> Uuid {
        self.video_id
    }

    fn render(&self) -> bool {
        self.render
    }

    fn apply(&self, film: &mut Film, facts: &Facts) -> Result<(), Vec<String>> {
        let mut findings = Vec::new();
        let mut inside = |side: &str, from: u32, length: u32, whole: u32| {
            if u64::from(from) + u64::from(length) > u64::from(whole) {
                findings.push(format!(
                    "{side} must lie inside the picture: {from} + {length} is more than {whole}"
                ));
            }
        };
        inside("`x` and `width`", self.x, self.width, facts.width);
        inside("`y` and `height`", self.y, self.height, facts.height);
        if !findings.is_empty() {
            return Err(findings);
        }
        let crop = format!("{}x{} {}px {}px", self.width, self.height, self.x, self.y);
        let fits = |item: &Node| has_only(item, &CROPPABLE) && item.effects.is_empty();
        edit_at_size(film, facts, fits, |item| item.set("crop", Value::literal(&crop)));
        film.set_canvas((self.width, self.height));
        Ok(())
    }
}

impl Edit for ApplyFilter {
    const NAME: &'static str = "apply-filter";

    fn video(&self) -> Uuid {
        self.video_id
    }

    fn render(&self) -> bool {
        self.render
    }

    fn apply(&self, film: &mut Film, facts: &Facts) -> Result<(), Vec<String>> {
        let Some(effect) = registry::effect(&self.filter_type).filter(|e| e.spec.role == Role::Picture)
        else {
            return Err(vec![format!("`filterType` must be one of {}", filters().join(", "))]);
        };
        let mut findings = no_picture(facts);
        let mut node = Node::new(effect.spec.name);
        for (name, value) in &self.parameters {
            match parameter(value) {
                Some(value) => node.set(name, value),
                None => {
                    findings.push(format!("`parameters.{name}` must be a number, a text, or true or false"))
                }
            }
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        // The first parameter of the looks is their intensity; of any other effect it is how much is mixed in.
        let strength = effect.spec.params.first().filter(|p| {
            p.name == "intensity"
                && matches!(p.ty, FieldType::Number { min, max } if min == 0.0 && max == 1.0)
        });
        let strength = strength.map_or("mix", |p| p.name);
        if node.field(strength).is_none() && (self.intensity < 1.0 || strength == "intensity") {
            node.set(strength, Value::plain(number(self.intensity)));
        }
        edit_at_size(film, facts, |item| has_only(item, &TRIMMABLE), |item| item.effects.push(node));
        Ok(())
    }
}

impl Edit for AddText {
    const NAME: &'static str = "add-text";

    fn video(&self) -> Uuid {
        self.video_id
    }

    fn render(&self) -> bool {
        self.render
    }

    fn apply(&self, film: &mut Film, facts: &Facts) -> Result<(), Vec<String>> {
        let mut findings = no_picture(facts);
        if let Some(span) = self.duration {
            if span.end <= span.start {
                findings.push(format!(
                    "`duration.end` ({}) must be after `duration.start` ({})",
                    span.end, span.start
                ));
            }
            if span.start >= facts.duration {
                let whole = facts.duration;
                findings.push(format!(
                    "`duration.start` ({}) must be before the video's end ({whole})",
                    span.start
                ));
            }
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        let mut node = Node::new("text").with(Value::literal(&self.text));
        if let Some(span) = self.duration {
            let end = span.end.min(facts.duration);
            node.set(
                "at",
                Value::plain(format!("{}..{}", Micros::new(span.start).text(), Micros::new(end).text())),
            );
        }
        if let Some(at) = self.position {
            node.set("position", Value::literal(&format!("{}px {}px", number(at.x), number(at.y))));
        }
        let style = self.style.clone().unwrap_or_default();
        if let Some(size) = style.font_size {
            node.set("size", Value::plain(format!("{}px", number(size))));
        }
        if let Some(colour) = &style.color {
            node.set("color", Value::literal(colour));
        }
        if let Some(family) = &style.font_family {
            node.set("font", Value::literal(family));
        }
        if film.is_scaled() {
            edit_at_size(film, facts, |_| false, |_| {});
        }
        if film.canvas_size().is_none() {
            film.set_canvas((facts.width, facts.height));
        }
        film.overlay(node);
        Ok(())
    }
}

impl Edit for Export {
    const NAME: &'static str = "export";

    fn video(&self) -> Uuid {
        self.video_id
    }

    fn render(&self) -> bool {
        self.render
    }

    fn apply(&self, film: &mut Film, facts: &Facts) -> Result<(), Vec<String>> {
        let sound = vfxb_dsl::lower::SOUNDS.contains(&self.format.as_str());
        let findings = if sound { Vec::new() } else { no_picture(facts) };
        if !findings.is_empty() {
            return Err(findings);
        }
        let Some(output) = film.output() else { return Ok(()) };
        let size = output.field("size").or_else(|| output.field("resolution")).cloned();
        let mut node = Node::new("output").with(Value::literal(&format!("result.{}", self.format)));
        if !sound {
            if self.quality != ExportQuality::Medium {
                node.set("quality", Value::plain(quality(self.quality)));
            }
            match (self.resolution.as_str(), size) {
                (SOURCE_SIZE, None) => {}
                (SOURCE_SIZE, Some(size)) => node.set("resolution", size),
                (wanted, _) => node.set("resolution", Value::plain(wanted)),
            }
        }
        *output = node;
        Ok(())
    }
}

fn quality(quality: ExportQuality) -> &'static str {
    match quality {
        ExportQuality::Low => "low",
        ExportQuality::Medium => "medium",
        ExportQuality::High => "high",
        ExportQuality::Lossless => "lossless",
    }
}

/// The names of the effects that `filterType` takes.
pub fn filters() -> Vec<&'static str> {
    let pictures = registry::effects().iter().filter(|e| e.spec.role == Role::Picture);
    pictures.map(|e| e.spec.name).collect()
}

fn no_picture(facts: &Facts) -> Vec<String> {
    if facts.width == 0 { vec!["`videoId` names a sound: it has no picture".to_owned()] } else { Vec::new() }
}

impl Facts {
    /// The canvas of a film whose script may not say it.
    fn canvas_of(&self, film: &Film) -> Option<(u32, u32)> {
        let shown = (self.width > 0).then_some((self.width, self.height));
        if film.is_scaled() { self.canvas } else { shown }
    }
}

/// Writes an edit of the picture onto the only item, if that fills the canvas as it is and `fits`; else onto a group of
/// all there is, on a canvas of the size that the edit refers to.
fn edit_at_size(
    film: &mut Film,
    facts: &Facts,
    fits: impl FnOnce(&Node) -> bool,
    edit: impl FnOnce(&mut Node),
) {
    let (scaled, own_canvas) = (film.is_scaled(), film.canvas_size().is_none());
    let fills = |item: &Node| own_canvas || item.field("crop").is_some() || item.field("size").is_some();
    film.edit(facts.canvas_of(film), |item| !scaled && fills(item) && fits(item), edit);
    if scaled {
        film.set_canvas((facts.width, facts.height));
        if let Some(output) = film.output() {
            output.unset("size");
            output.unset("resolution");
        }
    }
}

/// Whether an item has these fields at most.
fn has_only(item: &Node, names: &[&str]) -> bool {
    item.fields.iter().all(|field| names.contains(&field.name.value.as_str()))
}

/// Whether nothing on an item depends on its own clock.
fn is_steady(item: &Node) -> bool {
    let steady = |node: &Node| {
        node.fields.iter().map(|f| &f.value).chain(&node.positional).all(|value| value.as_text().is_some())
            && node.field("at").is_none()
            && node.field("duration").is_none()
    };
    item.effects.iter().all(steady)
}

/// From where an item plays its source, if both ends are written in plain seconds or not at all.
fn trimmed_from(item: &Node) -> Option<Micros> {
    let read = |name| item.field(name).map(|value| value.as_text().and_then(Micros::read));
    read("out").unwrap_or(Some(Micros(0)))?;
    read("in").unwrap_or(Some(Micros(0)))
}

/// A parameter of an effect, as the language writes it.
fn parameter(value: &serde_json::Value) -> Option<Value> {
    match value {
        serde_json::Value::String(text) => Some(Value::literal(text)),
        serde_json::Value::Number(n) => Some(Value::plain(n.as_f64().map_or_else(|| n.to_string(), number))),
        serde_json::Value::Bool(yes) => Some(Value::plain(yes.to_string())),
        _ => None,
    }
}

/// A number without an exponent, which the language has not.
fn number(n: f64) -> String {
    format!("{n}")
}

/// A time in millionths of a second: what a client's float means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Micros(u64);

impl Micros {
    fn new(seconds: f64) -> Micros {
        Micros((seconds.max(0.0) * 1e6).round() as u64)
    }

    /// `10`, `10.5`, `10.5s`, to six places.
    fn read(text: &str) -> Option<Micros> {
        let text = text.strip_suffix('s').unwrap_or(text);
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > 9 || part.len() > 6 || !digits(whole) || !digits(part) {
            return None;
        }
        let part: u64 = format!("{part:0<6}").parse().ok()?;
        Some(Micros(whole.parse::<u64>().ok()? * 1_000_000 + part))
    }

    fn text(self) -> String {
        let (whole, part) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if part == 0 {
            return format!("{whole}s");
        }
        format!("{whole}.{}s", format!("{part:06}").trim_end_matches('0'))
    }
}
