//! A chain of effects with this frame's numbers.

use std::sync::Arc;

use vfxb_dsl::value::Time;
use vfxb_dsl::vocabulary::{EffectSpec, FieldSpec};

use super::paint::{Paint, Place, Rect};
use super::{Fuser, rgb, rgba};
use crate::animate::Extent;
use crate::colour::Affine;
use crate::effect::step::{Alpha, Step};
use crate::effect::{Argument, Effect, FrameContext, Kernel, Machine, registry};
use crate::exec::job::{GaussianJob, Stage};
use crate::timeline::{EffectUse, Param};

/// One effect of a chain, bound and evaluated.
pub(super) enum Link {
    /// An affine map of colour, `mix` included.
    Affine(Affine),
    /// A pixel function.
    Pixel { step: Arc<dyn Step>, uniforms: Vec<f32>, mix: f64, keeps_opaque: bool },
    /// A neighbourhood operation.
    Kernel { kernel: Kernel, mix: f64 },
}

impl Link {
    /// Whether it makes opaque pixels of opaque pixels.
    pub(super) fn keeps_opaque(&self) -> bool {
        !matches!(self, Link::Pixel { keeps_opaque: false, .. })
    }

    /// Whether it looks at neighbours, and so needs a picture.
    pub(super) fn is_kernel(&self) -> bool {
        matches!(self, Link::Kernel { .. })
    }
}

/// What effects may know of a frame.
pub(super) fn context(frame: u64, time: Time, (width, height): (u32, u32)) -> FrameContext {
    FrameContext { frame, time: time.to_f64(), width, height }
}

/// An effect's parameters at a time, on a picture of a size.
pub(super) fn arguments(effect: &EffectUse, time: Time, (width, height): (u32, u32)) -> Vec<Argument> {
    let (width, height) = (f64::from(width), f64::from(height));
    effect
        .params
        .iter()
        .map(|param| match param {
            Param::Number(track) => Argument::Number(track.at(time)),
            Param::Colour(track) => Argument::Colour(track.at(time)),
            Param::Length(track) => Argument::Length(track.at(time).of(width.min(height))),
            Param::Point(track) => {
                let [x, y]: [Extent; 2] = track.at(time);
                Argument::Point([x.of(width), y.of(height)])
            }
            Param::Word(index) => Argument::Word(*index),
            Param::Boolean(value) => Argument::Boolean(*value),
            Param::Integer(value) => Argument::Integer(*value),
            Param::Text(text) => Argument::Text(text.clone()),
            Param::Absent => Argument::Absent,
        })
        .collect()
}

/// The effects that do something at a time of their item.
pub(super) fn links(effects: &[EffectUse], time: Time, context: &FrameContext) -> Vec<Link> {
    let size = (context.width, context.height);
    effects
        .iter()
        .filter(|effect| effect.active.as_ref().is_none_or(|active| active.contains(&time)))
        .filter_map(|effect| {
            let mix = effect.mix.at(time).clamp(0.0, 1.0);
            let entry = registry::effect(&effect.name)?;
            let arguments = arguments(effect, time, size);
            if mix <= 0.0 || is_neutral(&entry.spec, &arguments) {
                return None;
            }
            link(entry, &arguments, mix, context)
        })
        .collect()
}

fn link(effect: &Effect, arguments: &[Argument], mix: f64, context: &FrameContext) -> Option<Link> {
    match effect.machine {
        Machine::Affine(prepare) => {
            Some(Link::Affine(Affine::mix(&Affine::IDENTITY, &prepare(arguments, context), mix)))
        }
        Machine::Pixel { bind, prepare } => {
            let mut uniforms = Vec::new();
            prepare(arguments, context, &mut uniforms);
            Some(Link::Pixel { step: bind(arguments), uniforms, mix, keeps_opaque: effect.keeps_opaque() })
        }
        Machine::Kernel(prepare) => prepare(arguments, context).map(|kernel| Link::Kernel { kernel, mix }),
        Machine::Transition { .. } => None,
    }
}

/// Whether every parameter that has a neutral setting is at it, and there is one.
fn is_neutral(spec: &EffectSpec, arguments: &[Argument]) -> bool {
    let at_neutral = |(field, argument): (&FieldSpec, &Argument)| -> Option<bool> {
        let neutral = field.neutral?;
        Some(match argument {
            Argument::Number(value) | Argument::Length(value) => number(neutral) == Some(*value),
            _ => false,
        })
    };
    let mut settings = spec.params.iter().zip(arguments).filter_map(at_neutral).peekable();
    settings.peek().is_some() && settings.all(|neutral| neutral)
}

/// The number at the start of a setting such as `0`, `1`, `0deg`, `0px`.
fn number(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-')).unwrap_or(text.len());
    text[..end].parse().ok()
}

impl Fuser<'_> {
    /// A chain on a paint whose picture lies at `place`. Kernels need the picture to fill the pass: then `place` is at
    /// the origin.
    pub(super) fn chain(&mut self, mut paint: Paint, links: Vec<Link>, place: Place, canvas: Rect) -> Paint {
        for link in links {
            match link {
                Link::Affine(matrix) => paint.colour(&matrix),
                Link::Pixel { step, uniforms, mix, keeps_opaque } => {
                    paint.step(step, uniforms, place, mix);
                    if !keeps_opaque {
                        paint.uncover();
                    }
                }
                Link::Kernel { kernel, mix } => paint = self.kernel(paint, kernel, mix, place, canvas),
            }
        }
        paint
    }

    fn kernel(&mut self, paint: Paint, kernel: Kernel, mix: f64, place: Place, canvas: Rect) -> Paint {
        let size = (place.width, place.height);
        let opaque = paint.alpha == super::AlphaState::Opaque;
        let spec = if opaque { rgb(size) } else { rgba(size) };
        let from = self.finish(paint, &spec);
        let to = self.slot(spec);
        let (sigma, sharpen) = match kernel {
            Kernel::Blur { sigma } => (sigma, None),
            Kernel::Sharpen { sigma, amount } => (sigma, Some(amount)),
        };
        self.stages.push(Stage::Gaussian(GaussianJob { from, to, spec, sigma, sharpen }));
        let done = Paint::load(to, &spec, (0, 0), canvas, canvas);
        if mix >= 1.0 {
            return done;
        }
        let mut mixed = Paint::load(from, &spec, (0, 0), canvas, canvas);
        mixed.want(Alpha::Premultiplied);
        mixed.paint(done, crate::effect::blend::mix(), vec![mix as f32], place);
        mixed
    }
}
