//! `wipe`.

use super::direction::{DIRECTIONS, Direction, Edge, EdgeUniforms};
use super::still;
use crate::effect::FrameContext;
use crate::effect::spec::effect;
use crate::effect::uniforms::Host;

effect! {
    /// An edge runs over the picture and uncovers the incoming one.
    wipe: Transition(Edge, prepare, still), positional 2 {
        /// Where the edge runs.
        direction: word(DIRECTIONS) = "right";
        /// How soft the edge is, as a share of its whole way; at least one pixel.
        softness: share = "0";
    }
}

fn prepare(p: &Params, progress: f64, context: &FrameContext) -> EdgeUniforms<Host> {
    let direction = Direction::of_word(p.direction);
    let length = direction.length(context);
    let soft = (p.softness * length).max(1.0);
    // The soft part lies before the edge: it starts outside and ends outside.
    direction.edge(progress * (length + soft) - soft, soft, context)
}
