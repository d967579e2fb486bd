//! Transitions, each written once, by the same pattern as [`crate::effect`].
//!
//! A transition gets both pictures of a place, the outgoing one below, and how far it has come. At progress 0 it is
//! exactly the outgoing picture and at 1 exactly the incoming one.

pub(crate) mod crossfade;
mod dip;
mod direction;
pub(crate) mod fade_black;
pub(crate) mod fade_white;
pub(crate) mod push;
pub(crate) mod slide;
pub(crate) mod wipe;

use crate::effect::FrameContext;

/// The `shift` of a transition that moves nothing.
fn still<P>(_: &P, _: f64, _: &FrameContext) -> [[i32; 2]; 2] {
    [[0, 0], [0, 0]]
}
