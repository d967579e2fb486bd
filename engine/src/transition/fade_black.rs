//! `fade_black`.

use super::dip::{Dip, Uniforms, uniforms};
use super::still;
use crate::effect::FrameContext;
use crate::effect::spec::effect;
use crate::effect::uniforms::Host;

effect! {
    /// The outgoing picture fades to black, from which the incoming one appears.
    fade_black: Transition(Dip, prepare, still), positional 0 {}
}

fn prepare(_: &Params, progress: f64, _: &FrameContext) -> Uniforms<Host> {
    uniforms(progress, 0.0)
}
