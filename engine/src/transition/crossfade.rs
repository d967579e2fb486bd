//! `crossfade`.

use super::still;
use crate::effect::FrameContext;
use crate::effect::blend::{Mix, MixUniforms};
use crate::effect::spec::effect;
use crate::effect::uniforms::Host;

effect! {
    /// One picture dissolves into the other.
    crossfade: Transition(Mix, prepare, still), positional 0 {}
}

fn prepare(_: &Params, progress: f64, _: &FrameContext) -> MixUniforms<Host> {
    MixUniforms { share: progress as f32 }
}
