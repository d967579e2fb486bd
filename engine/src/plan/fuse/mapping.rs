//! Geometry as numbers: from pixels of the canvas to samples of a picture as it is stored, and what of both is seen.

use super::layer::Raw;
use super::paint::{Rect, intersect};
use crate::media::Rotation;
use crate::timeline::geometry::Geometry;

/// From canvas pixels to the samples of a picture as it is stored.
pub(super) struct SourceMap {
    /// Step and origin of the stored axis that the canvas's x runs along.
    pub(super) x: (f64, f64),
    /// The same for y.
    pub(super) y: (f64, f64),
    /// The stored samples that may be seen.
    pub(super) window: [f64; 4],
}

impl SourceMap {
    pub(super) fn new(raw: &Raw, geometry: &Geometry, (width, height): (u32, u32)) -> SourceMap {
        let [left, top, content_width, content_height] = geometry.content;
        let axis = |start: f64, length: f64, crop: f64, kept: f64, flip: bool| {
            let step = kept / length.max(1e-9);
            if flip { (-step, crop + kept + start * step) } else { (step, crop - start * step) }
        };
        let [crop_x, crop_y, kept_x, kept_y] = raw.crop;
        // Positions in the upright, square picture …
        let u = axis(left, content_width, crop_x, kept_x, geometry.flip.0);
        let v = axis(top, content_height, crop_y, kept_y, geometry.flip.1);
        // … then in the stored one: each stored axis runs along one of the upright ones, perhaps backwards.
        let (upright_width, upright_height) = (f64::from(raw.size.0), f64::from(raw.size.1));
        let (width, height) = (f64::from(width), f64::from(height));
        let along = |(step, origin): (f64, f64), upright: f64, stored: f64, backwards: bool| {
            let scale = stored / upright;
            if backwards { (-step * scale, stored - origin * scale) } else { (step * scale, origin * scale) }
        };
        let mirrored = raw.orientation.mirrored;
        let (x, y) = match raw.orientation.rotation {
            Rotation::None => {
                (along(u, upright_width, width, mirrored), along(v, upright_height, height, false))
            }
            Rotation::Half => {
                (along(u, upright_width, width, !mirrored), along(v, upright_height, height, true))
            }
            // The canvas's x runs along stored rows, its y along stored columns.
            Rotation::Quarter => {
                (along(u, upright_width, height, true), along(v, upright_height, width, mirrored))
            }
            Rotation::ThreeQuarters => {
                (along(u, upright_width, height, false), along(v, upright_height, width, !mirrored))
            }
        };
        let window = window(geometry, x, y, raw.orientation.swaps_sides(), (width, height));
        SourceMap { x, y, window }
    }
}

/// The stored samples under the part of the content that its box leaves.
pub(super) fn window(
    geometry: &Geometry,
    x: (f64, f64),
    y: (f64, f64),
    transpose: bool,
    stored: (f64, f64),
) -> [f64; 4] {
    let [x0, y0, x1, y1] = edges(geometry);
    let span = |(step, origin): (f64, f64), from: f64, to: f64, limit: f64| {
        let (a, b) = (origin + from * step, origin + to * step);
        (tidy(a.min(b)).max(0.0), tidy(a.max(b)).min(limit))
    };
    let (across, down) = if transpose {
        (span(y, y0, y1, stored.0), span(x, x0, x1, stored.1))
    } else {
        (span(x, x0, x1, stored.0), span(y, y0, y1, stored.1))
    };
    [across.0, down.0, across.1, down.1]
}

/// The content within its box: x0, y0, x1, y1.
pub(super) fn edges(geometry: &Geometry) -> [f64; 4] {
    let [left, top, width, height] = geometry.content;
    let [x0, y0, x1, y1] = geometry.clip;
    [left.max(x0), top.max(y0), (left + width).min(x1), (top + height).min(y1)]
}

/// The whole pixels of the canvas that a geometry without rotation touches.
pub(super) fn visible(geometry: &Geometry, canvas: Rect) -> Option<Rect> {
    let [x0, y0, x1, y1] = edges(geometry);
    let bound = |v: f64| v.clamp(-1e6, 1e6);
    let outer = [
        bound(x0).floor() as i32,
        bound(y0).floor() as i32,
        bound(x1).ceil() as i32,
        bound(y1).ceil() as i32,
    ];
    intersect(outer, canvas)
}

/// The part of `edges` that is on the canvas once it is turned, with a margin for the filter: what is far larger than the
/// canvas is not made whole.
pub(super) fn seen_turned(geometry: &Geometry, edges: [f64; 4], canvas: Rect) -> [f64; 4] {
    let back = Geometry { rotate: -geometry.rotate, ..*geometry };
    let (_, [x0, y0, x1, y1]) = turn(&back, canvas.map(f64::from));
    let margin = 4.0;
    [
        edges[0].max(f64::from(x0) - margin),
        edges[1].max(f64::from(y0) - margin),
        edges[2].min(f64::from(x1) + margin),
        edges[3].min(f64::from(y1) + margin),
    ]
}

/// The inverse of a turn, from the canvas into the picture of `edges`, and the turned
/// picture's bounds.
pub(super) fn turn(geometry: &Geometry, edges: [f64; 4]) -> ([f64; 6], Rect) {
    let radians = geometry.rotate.to_radians();
    let quarter = geometry.rotate / 90.0;
    let (sin, cos) = if is_whole(quarter) {
        let turns = (quarter.round() as i64).rem_euclid(4) as usize;
        ([0.0, 1.0, 0.0, -1.0][turns], [1.0, 0.0, -1.0, 0.0][turns])
    } else {
        (libm::sin(radians), libm::cos(radians))
    };
    let (mx, my) = geometry.pivot;
    let forward = |x: f64, y: f64| {
        let (dx, dy) = (x - mx, y - my);
        (mx + dx * cos - dy * sin, my + dx * sin + dy * cos)
    };
    let [x0, y0, x1, y1] = edges;
    let corners = [forward(x0, y0), forward(x1, y0), forward(x0, y1), forward(x1, y1)];
    let low = corners.iter().fold((f64::MAX, f64::MAX), |m, c| (m.0.min(c.0), m.1.min(c.1)));
    let high = corners.iter().fold((f64::MIN, f64::MIN), |m, c| (m.0.max(c.0), m.1.max(c.1)));
    let outer = |v: f64, by: f64| (v + by).clamp(-1e6, 1e6) as i32;
    let bounds = [
        outer(low.0.floor(), -1.0),
        outer(low.1.floor(), -1.0),
        outer(high.0.ceil(), 1.0),
        outer(high.1.ceil(), 1.0),
    ];
    let inverse = [cos, sin, mx - mx * cos - my * sin - x0, -sin, cos, my + mx * sin - my * cos - y0];
    (inverse, bounds)
}

pub(super) fn ceil(v: f64) -> u32 {
    tidy(v).ceil().clamp(1.0, 16384.0) as u32
}

/// Rounds away float noise beside a whole number.
pub(super) fn tidy(v: f64) -> f64 {
    if is_whole(v) { v.round() } else { v }
}

pub(super) fn is_whole(v: f64) -> bool {
    (v - v.round()).abs() < 1e-6
}

pub(super) fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}
