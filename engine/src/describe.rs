//! Timetables and plans as JSON: what the command line prints with `--json` and the service answers. Times are seconds,
//! rates are fractions, what is not there is `null`.

use serde_json::{Value, json};

use crate::plan::{Delivery, Plan, Render, Segment};
use crate::timeline::{Row, Timeline};

/// The film's size, clock and length, its items, and the files that are made of it.
pub fn timetable(timeline: &Timeline, renders: &[Render]) -> Value {
    let film = &timeline.film;
    json!({
        "width": film.width,
        "height": film.height,
        "fps": film.clock.rate.to_string(),
        "frames": film.frames,
        "duration": timeline.duration().to_f64(),
        "items": timeline.table.iter().map(item).collect::<Vec<_>>(),
        "outputs": renders.iter().flat_map(outputs).collect::<Vec<_>>(),
    })
}

/// What a render would do, segment by segment.
pub fn plan(plan: &Plan) -> Value {
    let renders: Vec<Value> = plan
        .renders
        .iter()
        .map(|render| {
            json!({
                "width": render.target.width,
                "height": render.target.height,
                "fps": render.timeline.film.clock.rate.to_string(),
                "sources": render.timeline.sources.iter().map(|s| s.path.to_string_lossy()).collect::<Vec<_>>(),
                "segments": render.segments.iter().map(segment).collect::<Vec<_>>(),
                "outputs": outputs(render),
            })
        })
        .collect();
    json!({"backend": plan.backend, "renders": renders})
}

fn item(row: &Row) -> Value {
    json!({
        "kind": row.kind,
        "name": row.name,
        "depth": row.depth,
        "start": row.start.to_f64(),
        "end": row.end.to_f64(),
    })
}

fn segment(segment: &Segment) -> Value {
    json!({
        "start": segment.frames.start,
        "end": segment.frames.end,
        "way": segment.way.word(),
        "why": segment.why,
    })
}

fn outputs(render: &Render) -> Vec<Value> {
    render.deliveries.iter().map(|delivery| output(render, delivery)).collect()
}

fn output(render: &Render, delivery: &Delivery) -> Value {
    let video = delivery.video.as_ref();
    json!({
        "file": delivery.file.to_string_lossy(),
        "firstFrame": delivery.frames.start,
        "frames": video.map_or(0, |_| delivery.frames.end - delivery.frames.start),
        "duration": delivery.duration(&render.timeline.film.clock).to_f64(),
        "width": video.map(|v| v.width),
        "height": video.map(|v| v.height),
        "fps": video.map(|v| v.rate.to_string()),
        "codec": video.and_then(|v| v.codec.spec().names.first()),
        "audioCodec": delivery.audio.as_ref().and_then(|a| a.codec.spec().names.first()),
    })
}
