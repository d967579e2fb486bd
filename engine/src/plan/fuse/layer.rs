//! One layer on the canvas: its content, its effects at its own pixels, its geometry.
//!
//! The shortest way that gives the right pixels is taken: a picture that lies pixel on pixel is loaded where it lies; one
//! that only needs scaling is resampled in its own planes, affine colour after it, which commutes; only effects that do
//! not commute make a picture of their own before the geometry.

use vfxb_dsl::script::Fit;
use vfxb_dsl::value::{Rational, Time};

use super::chain::{self, Link};
use super::mapping::ceil;
use super::paint::{AlphaState, Paint, Place};
use super::{Fuser, InputRef, Scene, rgb, rgba};
use crate::effect::step::Alpha;
use crate::exec::job::Slot;
use crate::media::{FrameTimes, Orientation, VideoInfo};
use crate::picture::PictureSpec;
use crate::timeline::{Content, Layer, TimeMap};

/// The smaller side of what fills the bars of `fit: blur`, in standard deviations of its blur.
pub(super) const BLURRED: f64 = 20.0;

/// A picture before its geometry: in a slot, as decoded or drawn.
pub(super) struct Raw {
    pub(super) slot: Slot,
    /// Upright and square: what geometry and effects speak of.
    pub(super) size: (u32, u32),
    pub(super) orientation: Orientation,
    /// What is kept of it: x, y, width, height of `size`.
    pub(super) crop: [f64; 4],
}

impl Raw {
    pub(super) fn upright(slot: Slot, size: (u32, u32)) -> Raw {
        let crop = [0.0, 0.0, f64::from(size.0), f64::from(size.1)];
        Raw { slot, size, orientation: Orientation::UPRIGHT, crop }
    }
}

impl Fuser<'_> {
    /// What a layer leaves on the canvas at a frame; `None` if nothing.
    pub(super) fn layer(
        &mut self,
        scene: &Scene<'_>,
        index: usize,
        fit: Option<Fit>,
        blurred: bool,
        frame: u64,
    ) -> Option<Paint> {
        let layer = &scene.composition.layers[index];
        let time = scene.item_time(layer, frame);
        match &layer.content {
            Content::Text(text) => self.text(scene, layer, text, time, frame),
            Content::Colour(colour) => self.colour(scene, layer, colour.at(time), time, frame),
            Content::Shape(shape) => self.shape(scene, layer, shape, time, frame),
            Content::Adjust => None,
            Content::Video { .. } | Content::Still { .. } | Content::Group { .. } => {
                let mut raw = self.raw(scene, index, frame)?;
                if let Some(crop) = layer.placement.crop {
                    raw.crop = crop;
                }
                let natural = self.natural(scene, layer, &raw);
                let geometry = layer.placement.geometry(time, natural, canvas(scene), scene.scale, fit);
                let size = (ceil(raw.crop[2]), ceil(raw.crop[3]));
                let local = frame.saturating_sub(layer.frames.start);
                let mut links = chain::links(&layer.effects, time, &chain::context(local, time, size));
                if blurred {
                    let sigma = f64::from(size.0.min(size.1)) / BLURRED;
                    links.push(Link::Kernel { kernel: crate::effect::Kernel::Blur { sigma }, mix: 1.0 });
                }
                // Of a picture and the blurred one in its bars, the lower throws the shadow of both.
                let casts = fit.is_none() || blurred;
                self.framed(scene, layer, time, raw, links, &geometry, casts)
            }
        }
    }

    /// The content's size in canvas pixels: groups are drawn at the render's scale.
    fn natural(&self, scene: &Scene<'_>, layer: &Layer, raw: &Raw) -> (f64, f64) {
        match layer.content {
            Content::Group { .. } => (raw.crop[2] / scene.scale.0, raw.crop[3] / scene.scale.1),
            _ => (raw.crop[2], raw.crop[3]),
        }
    }

    fn raw(&mut self, scene: &Scene<'_>, index: usize, frame: u64) -> Option<Raw> {
        let layer = &scene.composition.layers[index];
        let centre = scene.composition.centre_since(layer.frames.start, frame);
        match &layer.content {
            Content::Still { source } => self.source(scene, index, *source, 0),
            Content::Video { source, map, blend_frames } => {
                let video = self.sources.get(*source)?.video.clone()?;
                if *blend_frames {
                    return self.blended(scene, index, *source, &video, map, centre);
                }
                let picture = map.picture(&video.times, centre)?;
                self.source(scene, index, *source, picture)
            }
            Content::Group { composition, map, blend_frames } => {
                let graph = scene.graph.groups.get(&index)?;
                let times = FrameTimes::Constant { rate: composition.clock.rate, count: composition.frames };
                let scaled = |n: u32, by: f64| ((f64::from(n) * by).round() as u32).max(1);
                let size =
                    (scaled(composition.width, scene.scale.0), scaled(composition.height, scene.scale.1));
                let path = scene.path.iter().copied().chain([index]).collect();
                let inner = Scene::new(composition, graph, path, size);
                let spec = if composition.background.a >= 1.0 { rgb(size) } else { rgba(size) };
                if *blend_frames {
                    let (first, second, share) = around(&times, composition.clock.rate, map, centre)?;
                    let below = self.composition(&inner, first, &spec);
                    if first == second || share <= 0.0 {
                        return Some(Raw::upright(below, size));
                    }
                    let above = self.composition(&inner, second, &spec);
                    return Some(Raw::upright(self.mixed((below, above), share), size));
                }
                let slot = self.composition(&inner, map.picture(&times, centre)?, &spec);
                Some(Raw::upright(slot, size))
            }
            _ => None,
        }
    }

    /// A picture of a source, in a slot of its own unless it is in one already.
    fn source(&mut self, scene: &Scene<'_>, layer: usize, source: usize, picture: u64) -> Option<Raw> {
        let video = self.sources.get(source)?.video.clone()?;
        let slot = match self.known.get(&(source, picture)) {
            Some(slot) => *slot,
            None => {
                let slot = self.slot(video_spec(&video));
                let reader = scene.path.iter().copied().chain([layer]).collect();
                self.inputs.push((slot, InputRef::Source { source, picture, reader }));
                self.known.insert((source, picture), slot);
                slot
            }
        };
        Some(Raw { orientation: video.orientation, ..Raw::upright(slot, video.square_size()) })
    }

    /// The two source pictures around an instant, mixed by their distance.
    fn blended(
        &mut self,
        scene: &Scene<'_>,
        layer: usize,
        source: usize,
        video: &VideoInfo,
        map: &TimeMap,
        centre: Time,
    ) -> Option<Raw> {
        let (first, second, share) = around(&video.times, video.rate, map, centre)?;
        let raw = self.source(scene, layer, source, first)?;
        if first == second || share <= 0.0 {
            return Some(raw);
        }
        let other = self.source(scene, layer, source, second)?;
        Some(Raw { slot: self.mixed((raw.slot, other.slot), share), ..raw })
    }

    /// Two pictures of one format, as a third: so much of the second.
    fn mixed(&mut self, (first, second): (Slot, Slot), share: f64) -> Slot {
        let spec = self.slots[first];
        let size = (spec.width, spec.height);
        let whole = [0, 0, size.0 as i32, size.1 as i32];
        let mut mixed = Paint::load(first, &spec, (0, 0), whole, whole);
        mixed.want(Alpha::Premultiplied);
        let above = Paint::load(second, &spec, (0, 0), whole, whole);
        let opaque = mixed.alpha == AlphaState::Opaque;
        mixed.paint(above, crate::effect::blend::mix(), vec![share as f32], Place::canvas(size.0, size.1));
        self.finish(mixed, &if opaque { rgb(size) } else { rgba(size) })
    }
}

/// The two pictures around an instant of an item, and how much of the second is seen.
fn around(times: &FrameTimes, rate: Rational, map: &TimeMap, centre: Time) -> Option<(u64, u64, f64)> {
    let position = map.source_time(centre)?.at_rate(rate) - Rational::new(1, 2);
    let below = position.floor();
    let share = position - below;
    let share = *share.numer() as f64 / *share.denom() as f64;
    let at = |n: Rational| map.within(times, times.index_before(Time::new((n + Rational::new(1, 2)) / rate)));
    Some((at(below), at(below + Rational::from_integer(1)), share))
}

/// How a source's pictures reach the engine.
pub(crate) fn video_spec(video: &VideoInfo) -> PictureSpec {
    PictureSpec {
        width: video.width,
        height: video.height,
        format: video.format,
        colour: video.colour,
        premultiplied: false,
    }
}

pub(super) fn canvas(scene: &Scene<'_>) -> (u32, u32) {
    (scene.composition.width, scene.composition.height)
}
