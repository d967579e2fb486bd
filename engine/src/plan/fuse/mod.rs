//! One frame as a recipe: which pictures are wanted, and the stages that make the frame of them.
//!
//! A graph and a frame's number come in, every keyframe is evaluated, and a [`Recipe`] goes out: numbers and stages that
//! both executors run, with the source pictures still to be fetched. Fusing is by delay: pixel work is collected
//! (a list that grows) and becomes a pass only where a kernel needs its neighbours or the frame is done. Nothing here decodes;
//! what is drawn (text, shapes) comes from a [`Raster`].

mod chain;
mod deliver;
mod drawn;
mod layer;
mod mapping;
mod paint;
mod place;
mod shadow;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use vfxb_dsl::value::Time;

pub use self::deliver::{Framing, delivery};
pub(crate) use self::drawn::text_spec;
use self::paint::{AlphaState, Paint, Place, Rect, over, same_pixels};
use crate::effect::{Machine, registry};
use crate::exec::job::{Slot, Stage};
use crate::graph::{Graph, Node, NodeId, Span};
use crate::media::SourceInfo;
use crate::picture::{Model, Picture, PictureSpec, PixelFormat, Sample};
use crate::shape::{ShadowSpec, ShapeSpec};
use crate::text::TextSpec;
use crate::timeline::{Composition, Crossing, Layer};

/// What one frame is made of.
#[derive(Clone)]
pub struct Recipe {
    /// Pictures from outside, by the slot that they fill.
    pub inputs: Vec<(Slot, InputRef)>,
    /// Stages, inputs before outputs.
    pub stages: Vec<Stage>,
    /// What each slot holds.
    pub slots: Vec<PictureSpec>,
    /// The slot that is the frame.
    pub output: Slot,
}

/// A picture from outside.
#[derive(Debug, Clone)]
pub enum InputRef {
    /// A decoded one.
    Source {
        /// Which source.
        source: usize,
        /// Which of its pictures.
        picture: u64,
        /// Who reads it: layers on the same source have readers of their own, so that each reads on.
        reader: Vec<usize>,
    },
    /// A drawn one.
    Drawn(Picture),
}

/// Lettering or a shape as a picture.
#[derive(Debug, Clone)]
pub struct Drawing {
    /// The ink: premultiplied RGBA.
    pub picture: Picture,
    /// Where it lies, relative to the box.
    pub origin: (i32, i32),
    /// The box.
    pub size: (u32, u32),
}

/// Draws what no file holds. The same spec gives the same memory as long as it is in use.
pub trait Raster {
    /// Lettering; `None` if it cannot be set (which `check` has reported).
    fn text(&self, spec: &TextSpec) -> Option<Drawing>;
    /// A shape.
    fn shape(&self, spec: &ShapeSpec) -> Option<Drawing>;
    /// The shadow of a shape; its box is the shape's.
    fn shadow(&self, spec: &ShadowSpec) -> Option<Drawing>;
}

/// The recipe of a frame of a film, for an output of `target`'s size, format and meaning.
pub fn recipe(
    composition: &Composition,
    graph: &Graph,
    sources: &[Arc<SourceInfo>],
    raster: &dyn Raster,
    frame: u64,
    target: &PictureSpec,
) -> Recipe {
    let mut fuser = Fuser {
        sources,
        raster,
        slots: Vec::new(),
        inputs: Vec::new(),
        stages: Vec::new(),
        known: HashMap::new(),
    };
    let scene = Scene::new(composition, graph, Vec::new(), (target.width, target.height));
    let output = fuser.composition(&scene, frame, target);
    Recipe { inputs: fuser.inputs, stages: fuser.stages, slots: fuser.slots, output }
}

/// A composition to be drawn at a size.
struct Scene<'a> {
    composition: &'a Composition,
    graph: &'a Graph,
    /// The groups that it is in, by layer.
    path: Vec<usize>,
    size: (u32, u32),
    /// Render pixels a canvas pixel.
    scale: (f64, f64),
}

impl<'a> Scene<'a> {
    fn new(composition: &'a Composition, graph: &'a Graph, path: Vec<usize>, size: (u32, u32)) -> Self {
        let scale = (
            f64::from(size.0) / f64::from(composition.width),
            f64::from(size.1) / f64::from(composition.height),
        );
        Scene { composition, graph, path, size, scale }
    }

    fn rect(&self) -> Rect {
        [0, 0, self.size.0 as i32, self.size.1 as i32]
    }

    fn place(&self) -> Place {
        Place::canvas(self.size.0, self.size.1)
    }

    /// The layer's own time at a frame of the composition.
    fn item_time(&self, layer: &Layer, frame: u64) -> Time {
        self.composition.time_since(layer.frames.start, frame)
    }
}

struct Fuser<'a> {
    sources: &'a [Arc<SourceInfo>],
    raster: &'a dyn Raster,
    slots: Vec<PictureSpec>,
    inputs: Vec<(Slot, InputRef)>,
    stages: Vec<Stage>,
    /// Source pictures that are in a slot already.
    known: HashMap<(usize, u64), Slot>,
}

impl Fuser<'_> {
    fn slot(&mut self, spec: PictureSpec) -> Slot {
        self.slots.push(spec);
        self.slots.len() - 1
    }

    /// The whole composition at a frame, in a slot of `target`'s format.
    fn composition(&mut self, scene: &Scene<'_>, frame: u64, target: &PictureSpec) -> Slot {
        let painted =
            scene.graph.span(frame).and_then(|span| self.node(scene, span, span.root, frame, target));
        let mut paint = painted.unwrap_or_else(|| Paint::fill([0.0; 4]));
        if !target.format.alpha {
            // What has no alpha is seen on black.
            paint.want(crate::effect::step::Alpha::Premultiplied);
        }
        self.finish(paint, target)
    }

    /// A paint as a picture: handed on, mapped in its own planes, or as a pass.
    fn finish(&mut self, paint: Paint, target: &PictureSpec) -> Slot {
        if let Some((slot, matrix)) = paint.only(&self.slots)
            && same_pixels(&self.slots[slot], target)
        {
            if paint.untouched() {
                return slot;
            }
            if let Some(to) = self.map_codes(slot, &matrix, target) {
                return to;
            }
        }
        let to = self.slot(*target);
        let pass = paint.pass(&self.slots, to, target);
        self.stages.push(Stage::Pass(pass));
        to
    }

    /// An affine map from a picture's codes to RGB as a map between codes, for Y′CbCr pictures with whole codes.
    fn map_codes(
        &mut self,
        slot: Slot,
        to_rgb: &crate::colour::Affine,
        target: &PictureSpec,
    ) -> Option<Slot> {
        let whole = !matches!(target.format.sample, Sample::F32(_));
        if target.format.model != Model::Yuv || !whole || target.format.alpha {
            return None;
        }
        let back = crate::colour::rgb_to_codes(&paint::meaning(target), target.format.sample.depth());
        let to = self.slot(*target);
        self.stages.push(Stage::Affine { from: slot, to, matrix: to_rgb.then(&back), spec: *target });
        Some(to)
    }

    /// What a node leaves on the canvas; `None` if nothing.
    fn node(
        &mut self,
        scene: &Scene<'_>,
        span: &Span,
        node: NodeId,
        frame: u64,
        target: &PictureSpec,
    ) -> Option<Paint> {
        match &span.nodes[node] {
            Node::Background => Some(background(scene)),
            Node::Layer { layer, fit, blurred } => self.layer(scene, *layer, *fit, *blurred, frame),
            Node::Transition { from, to, crossing } => {
                let crossing = &scene.composition.crossings[*crossing];
                self.transition(scene, span, (*from, *to), crossing, frame, target)
            }
            Node::Over { base, top, layer } => self.over(scene, span, (*base, *top), *layer, frame, target),
            Node::Adjust { base, layer } => {
                let below = self.node(scene, span, *base, frame, target)?;
                Some(self.adjust(scene, below, *layer, frame))
            }
        }
    }

    fn over(
        &mut self,
        scene: &Scene<'_>,
        span: &Span,
        (base, top): (NodeId, NodeId),
        layer: Option<usize>,
        frame: u64,
        target: &PictureSpec,
    ) -> Option<Paint> {
        let below = self.node(scene, span, base, frame, target);
        let layer = layer.map(|index| &scene.composition.layers[index]);
        let opacity = layer.map_or(1.0, |layer| opacity(scene, layer, frame));
        if opacity <= 0.0 {
            return below;
        }
        let Some(above) = self.node(scene, span, top, frame, target) else { return below };
        let blend = layer.map_or(vfxb_dsl::script::Blend::Normal, |layer| layer.blend);
        let normal = blend == vfxb_dsl::script::Blend::Normal;
        if normal && opacity >= 1.0 && above.alpha == AlphaState::Opaque {
            return Some(above);
        }
        let Some(below) = below else {
            return if opacity >= 1.0 { Some(above) } else { Some(faded(above, opacity, scene.place())) };
        };
        let mut below = self.settled(below, target);
        below.paint(above, crate::effect::blend::blend(blend), vec![opacity as f32], scene.place());
        Some(below)
    }

    /// A base that only affine colour has touched is mapped in its own planes first, so that painting on it changes
    /// nothing beside what is painted.
    fn settled(&mut self, below: Paint, target: &PictureSpec) -> Paint {
        let Some((slot, matrix)) = below.only(&self.slots) else { return below };
        if below.untouched() || !same_pixels(&self.slots[slot], target) {
            return below;
        }
        let Some(to) = self.map_codes(slot, &matrix, target) else { return below };
        let whole = [0, 0, target.width as i32, target.height as i32];
        Paint::load(to, target, (0, 0), whole, whole)
    }

    fn transition(
        &mut self,
        scene: &Scene<'_>,
        span: &Span,
        (from, to): (Option<NodeId>, Option<NodeId>),
        crossing: &Crossing,
        frame: u64,
        target: &PictureSpec,
    ) -> Option<Paint> {
        let Range { start, end } = crossing.frames;
        let local = frame.saturating_sub(start);
        let time = scene.composition.time_since(start, frame);
        let passed = scene.composition.centre_since(start, frame).rational()
            / scene.composition.time_since(start, end).rational();
        let progress = crossing.easing.apply(Time::new(passed).to_f64()).clamp(0.0, 1.0);
        let effect = registry::effect(&crossing.effect.name)?;
        let Machine::Transition { bind, prepare, shift } = effect.machine else { return None };
        let context = chain::context(local, time, scene.size);
        let arguments = chain::arguments(&crossing.effect, time, scene.size);
        let shifts = shift(&arguments, progress, &context);
        let mut uniforms = Vec::new();
        prepare(&arguments, progress, &context, &mut uniforms);
        let [mut below, above] = [(from, shifts[0]), (to, shifts[1])].map(|(node, by)| {
            let side = node.and_then(|node| self.side(scene, span, node, frame, target));
            side.and_then(|side| self.moved(scene, side, by)).unwrap_or_else(|| Paint::fill([0.0; 4]))
        });
        let opaque = below.alpha == AlphaState::Opaque && above.alpha == AlphaState::Opaque;
        below.paint(above, bind(&arguments), uniforms, scene.place());
        below.alpha =
            if opaque && effect.keeps_opaque() { AlphaState::Opaque } else { AlphaState::Premultiplied };
        Some(below)
    }

    /// One side of a transition, with its own opacity.
    fn side(
        &mut self,
        scene: &Scene<'_>,
        span: &Span,
        node: NodeId,
        frame: u64,
        target: &PictureSpec,
    ) -> Option<Paint> {
        let opacity = match &span.nodes[node] {
            Node::Layer { layer, .. } => opacity(scene, &scene.composition.layers[*layer], frame),
            _ => 1.0,
        };
        let paint = self.node(scene, span, node, frame, target)?;
        Some(if opacity < 1.0 { faded(paint, opacity, scene.place()) } else { paint })
    }

    fn moved(&mut self, scene: &Scene<'_>, paint: Paint, [dx, dy]: [i32; 2]) -> Option<Paint> {
        if (dx, dy) == (0, 0) || paint.movable() {
            return paint.moved((dx, dy), scene.rect());
        }
        let spec = rgba(scene.size);
        let slot = self.finish(paint, &spec);
        Paint::load(slot, &spec, (0, 0), scene.rect(), scene.rect()).moved((dx, dy), scene.rect())
    }

    fn adjust(&mut self, scene: &Scene<'_>, below: Paint, layer: usize, frame: u64) -> Paint {
        let layer = &scene.composition.layers[layer];
        let opacity = opacity(scene, layer, frame);
        let time = scene.item_time(layer, frame);
        let local = frame.saturating_sub(layer.frames.start);
        let links = chain::links(&layer.effects, time, &chain::context(local, time, scene.size));
        if opacity <= 0.0 || links.is_empty() {
            return below;
        }
        let opaque = below.alpha == AlphaState::Opaque;
        let mut before = below;
        before.want(crate::effect::step::Alpha::Premultiplied);
        let needs_slot = opacity < 1.0 && links.iter().any(chain::Link::is_kernel);
        if needs_slot {
            before = self.stored(before, scene.size);
        }
        let kept = (opacity < 1.0).then(|| before.clone());
        let uncovers = !links.iter().all(chain::Link::keeps_opaque);
        let mut done = self.chain(before, links, scene.place(), scene.rect());
        if uncovers {
            done = on_background(scene, done);
        }
        if let Some(kept) = kept {
            let opaque = opaque && done.alpha == AlphaState::Opaque;
            done.want(crate::effect::step::Alpha::Premultiplied);
            let mut mixed = kept;
            mixed.alpha = AlphaState::Premultiplied;
            done.alpha = AlphaState::Premultiplied;
            mixed.paint(done, crate::effect::blend::mix(), vec![opacity as f32], scene.place());
            mixed.alpha = if opaque { AlphaState::Opaque } else { AlphaState::Premultiplied };
            return mixed;
        }
        done
    }

    /// A paint of the canvas as a float picture, loaded again.
    fn stored(&mut self, paint: Paint, size: (u32, u32)) -> Paint {
        let spec = if paint.alpha == AlphaState::Opaque { rgb(size) } else { rgba(size) };
        let slot = self.finish(paint, &spec);
        let whole = [0, 0, size.0 as i32, size.1 as i32];
        Paint::load(slot, &spec, (0, 0), whole, whole)
    }
}

/// The layer's opacity at a frame.
fn opacity(scene: &Scene<'_>, layer: &Layer, frame: u64) -> f64 {
    let time = scene.item_time(layer, frame);
    layer.opacity.iter().map(|track| track.at(time)).product::<f64>().clamp(0.0, 1.0)
}

/// The canvas with nothing on it.
fn background(scene: &Scene<'_>) -> Paint {
    let c = scene.composition.background;
    Paint::fill([c.r * c.a, c.g * c.a, c.b * c.a, c.a])
}

/// All that is on the canvas, made translucent: what shines through is the canvas itself.
fn on_background(scene: &Scene<'_>, paint: Paint) -> Paint {
    if scene.composition.background.a <= 0.0 {
        return paint;
    }
    over(background(scene), paint, scene.place())
}

/// A paint at an opacity, on nothing.
fn faded(paint: Paint, opacity: f64, place: Place) -> Paint {
    let mut below = Paint::fill([0.0; 4]);
    let blend = crate::effect::blend::blend(vfxb_dsl::script::Blend::Normal);
    below.paint(paint, blend, vec![opacity as f32], place);
    below.alpha = AlphaState::Premultiplied;
    below
}

/// Float RGBA of a size, premultiplied.
fn rgba((width, height): (u32, u32)) -> PictureSpec {
    let colour = crate::colour::ColourSpec::SRGB;
    PictureSpec { width, height, format: PixelFormat::RGBA_F32, colour, premultiplied: true }
}

/// Float RGB of a size.
fn rgb(size: (u32, u32)) -> PictureSpec {
    PictureSpec { format: PixelFormat::RGB_F32, premultiplied: false, ..rgba(size) }
}
