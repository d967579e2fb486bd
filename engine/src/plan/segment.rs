//! Segments: parts of a film that can be rendered alone.
//!
//! Cuts come first at the edges of clips and transitions, then every two seconds of the span's own time, never by the
//! number of cores: so an inserted clip moves its neighbours' segments without changing them.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use vfxb_dsl::value::Time;

use super::Render;
use crate::graph::{Node, Span, describe};
use crate::timeline::Composition;

/// Length of a segment inside a span, in seconds.
const SEGMENT_SECONDS: i64 = 2;

/// A part of a film.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Which frames of the film.
    pub frames: Range<u64>,
    /// How its packets come about.
    pub way: Way,
    /// Why so, for people.
    pub why: String,
}

/// How a segment's packets come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// Its frames are rendered and encoded.
    Render,
}

impl Way {
    /// `render`.
    pub fn word(self) -> &'static str {
        match self {
            Way::Render => "render",
        }
    }
}

/// The segments of everything that some file wants to see.
pub(super) fn segments(render: &Render) -> Vec<Segment> {
    let film = &render.timeline.film;
    let length = Time::seconds(SEGMENT_SECONDS).frame_ceil(film.clock.rate).max(1) as u64;
    let mut segments = Vec::new();
    for span in &render.graph.spans {
        for wanted in wanted(render, &span.frames) {
            let mut start = wanted.start;
            while start < wanted.end {
                let next = span.frames.start + ((start - span.frames.start) / length + 1) * length;
                let end = next.min(wanted.end);
                segments.push(Segment { frames: start..end, way: Way::Render, why: why(span, film) });
                start = end;
            }
        }
    }
    segments
}

/// The parts of a range of frames that some file wants, merged.
fn wanted(render: &Render, frames: &Range<u64>) -> Vec<Range<u64>> {
    let mut parts: Vec<Range<u64>> = render
        .deliveries
        .iter()
        .filter(|delivery| delivery.video.is_some())
        .map(|delivery| delivery.frames.start.max(frames.start)..delivery.frames.end.min(frames.end))
        .filter(|part| !part.is_empty())
        .collect();
    parts.sort_by_key(|part| (part.start, part.end));
    parts.dedup_by(|next, kept| {
        let touches = next.start <= kept.end;
        if touches {
            kept.end = kept.end.max(next.end);
        }
        touches
    });
    parts
}

/// What is done in a span, in the order in which it is painted.
fn why(span: &Span, film: &Composition) -> String {
    let steps: Vec<String> = span
        .nodes
        .iter()
        .filter(|node| !matches!(node, Node::Over { layer: None, .. }))
        .map(|node| describe(node, film))
        .collect();
    steps.join(", ")
}
