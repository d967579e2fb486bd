//! `slide`.

use super::direction::{DIRECTIONS, Direction, Edge, EdgeUniforms};
use crate::effect::FrameContext;
use crate::effect::spec::effect;
use crate::effect::uniforms::Host;

effect! {
    /// The incoming picture slides over the outgoing one.
    slide: Transition(Edge, prepare, shift), positional 1 {
        /// Where it moves.
        direction: word(DIRECTIONS) = "left";
    }
}

fn prepare(p: &Params, progress: f64, context: &FrameContext) -> EdgeUniforms<Host> {
    let direction = Direction::of_word(p.direction);
    covered(direction, reach(direction, progress, context), context)
}

fn shift(p: &Params, progress: f64, context: &FrameContext) -> [[i32; 2]; 2] {
    let direction = Direction::of_word(p.direction);
    let behind = reach(direction, progress, context) - direction.length(context);
    [[0, 0], direction.pixels(behind)]
}

/// How many whole pixels the incoming picture has come in.
pub(super) fn reach(direction: Direction, progress: f64, context: &FrameContext) -> f64 {
    libm::round(progress * direction.length(context))
}

/// An edge that lies between two pixels, `reach` pixels in: no pixel is shared.
pub(super) fn covered(direction: Direction, reach: f64, context: &FrameContext) -> EdgeUniforms<Host> {
    direction.edge(reach - 0.5, 1.0, context)
}
