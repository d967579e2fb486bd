//! `push`.

use super::direction::{DIRECTIONS, Direction, Edge, EdgeUniforms};
use super::slide::{covered, reach};
use crate::effect::FrameContext;
use crate::effect::spec::effect;
use crate::effect::uniforms::Host;

effect! {
    /// The incoming picture pushes the outgoing one out.
    push: Transition(Edge, prepare, shift), positional 1 {
        /// Where both move.
        direction: word(DIRECTIONS) = "left";
    }
}

fn prepare(p: &Params, progress: f64, context: &FrameContext) -> EdgeUniforms<Host> {
    let direction = Direction::of_word(p.direction);
    covered(direction, reach(direction, progress, context), context)
}

fn shift(p: &Params, progress: f64, context: &FrameContext) -> [[i32; 2]; 2] {
    let direction = Direction::of_word(p.direction);
    let reach = reach(direction, progress, context);
    [direction.pixels(reach), direction.pixels(reach - direction.length(context))]
}
