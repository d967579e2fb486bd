//! `fade_white`.

use super::dip::{Dip, Uniforms, uniforms};
use super::still;
use crate::effect::FrameContext;
use crate::effect::spec::effect;
use crate::effect::uniforms::Host;

effect! {
    /// The outgoing picture fades to white, from which the incoming one appears.
    fade_white: Transition(Dip, prepare, still), positional 0 {}
}

fn prepare(_: &Params, progress: f64, _: &FrameContext) -> Uniforms<Host> {
    uniforms(progress, 1.0)
}
