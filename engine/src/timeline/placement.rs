//! Where an item is painted: its box, fit, crop, corners and border, with their units resolved.

use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_dsl::script::{Anchored, Crop, Fit, Visual};
use vfxb_dsl::value::{Anchor, Animated, Colour, Length, Point, Position};

use super::build::Builder;
use super::layers::Placed;
use super::lengths::{ItemClock, extent, extents, pixels};
use super::{BoxSize, Content, Frame, Placement, Shadow};
use crate::animate::{Extent, Track};
use crate::codes;

impl Builder<'_> {
    pub(super) fn placement(
        &mut self,
        placed: &Placed<'_>,
        content: &Content,
        natural: Option<(u32, u32)>,
        canvas: (u32, u32),
    ) -> Placement {
        let visual = &placed.item.visual;
        let clock = placed.clock;
        let crop = match (&visual.crop, natural) {
            (Some(crop), Some(size)) => self.crop(crop, size),
            _ => None,
        };
        let point = |p: &Point| extents(p, canvas);
        let none = Track::Constant([Extent::default(); 2]);
        let (position, anchor) = self.position(visual, &clock, canvas);
        let (fit, frame) = self.frame(placed, content, canvas);
        let mut track = |value: &Option<Animated<Point>>| match value {
            Some(value) => clock.track(value, &mut self.findings, point),
            None => none.clone(),
        };
        let (offset, pan) = (track(&visual.offset), track(&visual.pan));
        let zoom_origin = match &visual.zoom_origin {
            Some(value) => clock.track(value, &mut self.findings, point),
            None => Track::Constant(shares([0.5, 0.5])),
        };
        Placement {
            crop,
            flip: (visual.flip.horizontal, visual.flip.vertical),
            fit,
            frame,
            position,
            anchor,
            offset,
            scale: clock.track(&visual.scale, &mut self.findings, |v| *v),
            rotate: clock.track(&visual.rotate, &mut self.findings, |v| *v),
            zoom: clock.track(&visual.zoom, &mut self.findings, |v| *v),
            zoom_origin,
            pan,
        }
    }

    /// Shapes round their own corners, lettering has none and throws its own shadow.
    pub(super) fn decoration(&mut self, placed: &Placed<'_>, content: &Content, canvas: (u32, u32)) -> Frame {
        let visual = &placed.item.visual;
        let has_box = !matches!(content, Content::Shape(_) | Content::Text(_) | Content::Adjust);
        let radius = match visual.radius.as_ref().filter(|_| has_box) {
            Some(radius) => placed.clock.track(radius, &mut self.findings, |r| extent(r, canvas)),
            None => Track::Constant(Extent::default()),
        };
        let width = |length: &Length| pixels(length, f64::from(canvas.1), canvas);
        let border = visual.border.as_ref().filter(|_| has_box).map(|(line, colour)| (width(line), *colour));
        let casts = !matches!(content, Content::Text(_) | Content::Adjust);
        let shadow = visual.shadow.as_ref().filter(|_| casts).map(|written| shadow(written, canvas));
        Frame { radius, border, shadow }
    }

    fn frame(&mut self, placed: &Placed<'_>, content: &Content, canvas: (u32, u32)) -> (Fit, BoxSize) {
        let visual = &placed.item.visual;
        if matches!(content, Content::Text(_)) {
            return (Fit::None, BoxSize::Natural);
        }
        let drawn = matches!(content, Content::Colour(_) | Content::Shape(_));
        // What is drawn has no shape of its own to keep.
        let fit = match (placed.in_sequence, drawn) {
            (_, true) => Fit::Fill,
            (true, false) => visual.fit.unwrap_or(Fit::Cover),
            (false, false) => visual.fit.unwrap_or(Fit::Contain),
        };
        let mut track =
            |length: &Animated<Length>| placed.clock.track(length, &mut self.findings, |l| extent(l, canvas));
        let frame = match (&visual.width, &visual.height) {
            (Some(width), Some(height)) => BoxSize::Both(track(width), track(height)),
            (Some(width), None) => BoxSize::Width(track(width)),
            (None, Some(height)) => BoxSize::Height(track(height)),
            (None, None) if placed.in_sequence || drawn || visual.fit.is_some() => BoxSize::Canvas,
            (None, None) => BoxSize::Natural,
        };
        (fit, frame)
    }

    fn position(
        &mut self,
        visual: &Visual,
        clock: &ItemClock,
        canvas: (u32, u32),
    ) -> (Track<[Extent; 2]>, [Extent; 2]) {
        let centre = Position::Anchor(Anchor { x: 0.5, y: 0.5 });
        let (position, own) = match visual.position.as_ref().unwrap_or(&centre) {
            Position::Anchor(anchor) => {
                let at = shares([anchor.x, anchor.y]);
                (Track::Constant(at), at)
            }
            Position::Point(point) => {
                (clock.track(point, &mut self.findings, |p| extents(p, canvas)), shares([0.0, 0.0]))
            }
        };
        let anchor = match &visual.anchor {
            None => own,
            Some(Anchored::Anchor(anchor)) => shares([anchor.x, anchor.y]),
            Some(Anchored::Point(point)) => extents(point, canvas),
        };
        (position, anchor)
    }

    fn crop(&mut self, crop: &Crop, size: (u32, u32)) -> Option<[f64; 4]> {
        let (source_width, source_height) = (f64::from(size.0), f64::from(size.1));
        let px = |length: &Length, reference: f64| length.pixels(reference, size);
        let (width, height) = (px(&crop.width, source_width), px(&crop.height, source_height));
        let x = crop.x.as_ref().map_or((source_width - width) / 2.0, |x| px(x, source_width));
        let y = crop.y.as_ref().map_or((source_height - height) / 2.0, |y| px(y, source_height));
        let inside = x >= 0.0 && y >= 0.0 && width >= 1.0 && height >= 1.0;
        let slack = 1e-6;
        if !inside || x + width > source_width + slack || y + height > source_height + slack {
            self.findings.push(
                Diagnostic::error(
                    codes::CROP_OUTSIDE,
                    crop.span,
                    format!(
                        "the crop {width}x{height} at {x}, {y} is not inside its source, which is {}x{}",
                        size.0, size.1
                    ),
                )
                .help(format!("keep x + width within {} and y + height within {}", size.0, size.1)),
            );
            return None;
        }
        Some([x, y, width, height])
    }
}

/// A written shadow in canvas pixels.
pub(super) fn shadow((offset, blur, colour): &(Point, Length, Colour), canvas: (u32, u32)) -> Shadow {
    let (width, height) = (f64::from(canvas.0), f64::from(canvas.1));
    Shadow {
        dx: pixels(&offset.x, width, canvas),
        dy: pixels(&offset.y, height, canvas),
        blur: pixels(blur, height, canvas),
        colour: *colour,
    }
}

fn shares([x, y]: [f64; 2]) -> [Extent; 2] {
    [Extent { pixels: 0.0, share: x }, Extent { pixels: 0.0, share: y }]
}
