//! Where a layer's pixels come from in one frame: boxes, fits, zooms and turns as one affine map.

use vfxb_dsl::script::Fit;
use vfxb_dsl::value::Time;

use super::{BoxSize, Placement};
use crate::animate::Extent;

/// How a content lies on the canvas in one frame, in canvas pixels times the render's scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geometry {
    /// The box that the content is clipped to, before it is turned: x0, y0, x1, y1.
    pub clip: [f64; 4],
    /// The content (after `crop`) before it is turned: left, top, width, height.
    pub content: [f64; 4],
    /// Clockwise about `pivot`, in degrees.
    pub rotate: f64,
    /// The box's centre.
    pub pivot: (f64, f64),
    /// Mirrored (left–right, top–bottom).
    pub flip: (bool, bool),
}

impl Placement {
    /// The geometry at an instant of the item, for a content of `natural` canvas pixels (after `crop`), on a `canvas`,
    /// rendered `scale` times as large along each axis. `fit` overrides the placement's own.
    pub fn geometry(
        &self,
        time: Time,
        natural: (f64, f64),
        canvas: (u32, u32),
        scale: (f64, f64),
        fit: Option<Fit>,
    ) -> Geometry {
        let canvas = (f64::from(canvas.0), f64::from(canvas.1));
        let (box_width, box_height) = self.box_size(time, natural, canvas);
        let fitted = fitted(fit.unwrap_or(self.fit), natural, (box_width, box_height));
        let zoom = self.zoom.at(time).max(0.0);
        let of = |point: [Extent; 2], w: f64, h: f64| (point[0].of(w), point[1].of(h));
        let origin = of(self.zoom_origin.at(time), box_width, box_height);
        let pan = of(self.pan.at(time), box_width, box_height);
        let place = |side: f64, content: f64, origin: f64, pan: f64| {
            let left = (side - content) / 2.0;
            origin + (left - origin) * zoom + pan
        };
        let left = place(box_width, fitted.0, origin.0, pan.0);
        let top = place(box_height, fitted.1, origin.1, pan.1);

        let item_scale = self.scale.at(time).max(0.0);
        let anchor = of(self.anchor, box_width, box_height);
        let position = of(self.position.at(time), canvas.0, canvas.1);
        let offset = of(self.offset.at(time), canvas.0, canvas.1);
        let box_x = position.0 + offset.0 - anchor.0 * item_scale;
        let box_y = position.1 + offset.1 - anchor.1 * item_scale;
        let x = |v: f64| (box_x + v * item_scale) * scale.0;
        let y = |v: f64| (box_y + v * item_scale) * scale.1;
        Geometry {
            clip: [x(0.0), y(0.0), x(box_width), y(box_height)].map(settle),
            pivot: (settle(x(box_width / 2.0)), settle(y(box_height / 2.0))),
            content: [
                settle(x(left)),
                settle(y(top)),
                settle(fitted.0 * zoom * item_scale * scale.0),
                settle(fitted.1 * zoom * item_scale * scale.1),
            ],
            rotate: self.rotate.at(time),
            flip: self.flip,
        }
    }

    fn box_size(&self, time: Time, natural: (f64, f64), canvas: (f64, f64)) -> (f64, f64) {
        let aspect = natural.0.max(1e-9) / natural.1.max(1e-9);
        match &self.frame {
            BoxSize::Canvas => canvas,
            BoxSize::Natural => {
                let shrink = (canvas.0 / natural.0).min(canvas.1 / natural.1).min(1.0);
                if self.fit == Fit::None { natural } else { (natural.0 * shrink, natural.1 * shrink) }
            }
            BoxSize::Width(width) => {
                let width = width.at(time).of(canvas.0).max(0.0);
                (width, width / aspect)
            }
            BoxSize::Height(height) => {
                let height = height.at(time).of(canvas.1).max(0.0);
                (height * aspect, height)
            }
            BoxSize::Both(width, height) => {
                (width.at(time).of(canvas.0).max(0.0), height.at(time).of(canvas.1).max(0.0))
            }
        }
    }
}

/// The content's size in its box.
fn fitted(fit: Fit, natural: (f64, f64), frame: (f64, f64)) -> (f64, f64) {
    let (x, y) = (frame.0 / natural.0.max(1e-9), frame.1 / natural.1.max(1e-9));
    let scale = match fit {
        Fit::Cover => x.max(y),
        Fit::Contain | Fit::Blur => x.min(y),
        Fit::None => 1.0,
        Fit::Fill => return frame,
    };
    (natural.0 * scale, natural.1 * scale)
}

/// Rounds away what is only float noise, so that a box that is meant to lie on a pixel does.
fn settle(value: f64) -> f64 {
    let grid = (value * 1024.0).round() / 1024.0;
    if (value - grid).abs() < 1e-7 { grid } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::animate::Track;

    fn placement(fit: Fit, frame: BoxSize) -> Placement {
        let half = [Extent { pixels: 0.0, share: 0.5 }; 2];
        Placement {
            crop: None,
            flip: (false, false),
            fit,
            frame,
            position: Track::Constant(half),
            anchor: half,
            offset: Track::Constant([Extent::default(); 2]),
            scale: Track::Constant(1.0),
            rotate: Track::Constant(0.0),
            zoom: Track::Constant(1.0),
            zoom_origin: Track::Constant(half),
            pan: Track::Constant([Extent::default(); 2]),
        }
    }

    fn content(fit: Fit, frame: BoxSize, natural: (f64, f64)) -> [f64; 4] {
        placement(fit, frame).geometry(Time::ZERO, natural, (1920, 1080), (1.0, 1.0), None).content
    }

    #[test]
    fn every_fit_of_a_square_on_a_wide_canvas() {
        let square = (100.0, 100.0);
        assert_eq!(content(Fit::Cover, BoxSize::Canvas, square), [0.0, -420.0, 1920.0, 1920.0]);
        assert_eq!(content(Fit::Contain, BoxSize::Canvas, square), [420.0, 0.0, 1080.0, 1080.0]);
        assert_eq!(content(Fit::Fill, BoxSize::Canvas, square), [0.0, 0.0, 1920.0, 1080.0]);
        assert_eq!(content(Fit::None, BoxSize::Canvas, square), [910.0, 490.0, 100.0, 100.0]);
    }

    #[test]
    fn an_overlay_keeps_its_size_unless_it_is_larger_than_the_canvas() {
        assert_eq!(content(Fit::Contain, BoxSize::Natural, (100.0, 50.0)), [910.0, 515.0, 100.0, 50.0]);
        assert_eq!(content(Fit::Contain, BoxSize::Natural, (3840.0, 1080.0)), [0.0, 270.0, 1920.0, 540.0]);
    }

    #[test]
    fn zoom_keeps_its_origin_and_scale_its_anchor() {
        let mut p = placement(Fit::Cover, BoxSize::Canvas);
        p.zoom = Track::Constant(2.0);
        p.zoom_origin = Track::Constant([Extent::default(); 2]);
        let g = p.geometry(Time::ZERO, (1920.0, 1080.0), (1920, 1080), (0.5, 0.5), None);
        assert_eq!(g.content, [0.0, 0.0, 1920.0, 1080.0]);
        assert_eq!(g.clip, [0.0, 0.0, 960.0, 540.0]);
        p.scale = Track::Constant(0.5);
        let g = p.geometry(Time::ZERO, (1920.0, 1080.0), (1920, 1080), (1.0, 1.0), None);
        assert_eq!(g.clip, [480.0, 270.0, 1440.0, 810.0]);
    }
}
