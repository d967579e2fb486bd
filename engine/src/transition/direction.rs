//! What wipes, slides and pushes share: four directions, and a straight edge beyond which the incoming picture shows.

use crate::effect::FrameContext;
use crate::effect::bind::PixelCombine;
use crate::effect::blend::weighted;
use crate::effect::lane::{Lane, Position, Rgba};
use crate::effect::step::Alpha;
use crate::effect::uniforms::{Host, uniforms};

/// The words for a direction of motion.
pub(super) const DIRECTIONS: &[(&str, &str)] = &[
    ("left", "From right to left."),
    ("right", "From left to right."),
    ("up", "From bottom to top."),
    ("down", "From top to bottom."),
];

/// One of [`DIRECTIONS`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Direction {
    horizontal: bool,
    /// To the right, or down.
    forward: bool,
}

impl Direction {
    /// By the word's index.
    pub(super) fn of_word(index: usize) -> Self {
        Direction { horizontal: index < 2, forward: index % 2 == 1 }
    }

    /// How long the picture is in this direction, in pixels.
    pub(super) fn length(self, context: &FrameContext) -> f64 {
        f64::from(if self.horizontal { context.width } else { context.height })
    }

    /// So many pixels this way, as right and down.
    pub(super) fn pixels(self, count: f64) -> [i32; 2] {
        let count = count as i32 * if self.forward { 1 } else { -1 };
        if self.horizontal { [count, 0] } else { [0, count] }
    }

    /// An edge that has come `reach` pixels this way, `soft` pixels wide before it: the incoming picture's share is 1
    /// at the pixel whose centre lies there or behind, 0 from `soft` pixels before.
    pub(super) fn edge(self, reach: f64, soft: f64, context: &FrameContext) -> EdgeUniforms<Host> {
        // A pixel's way from where the edge starts: its centre's, from either end.
        let (factor, start) = if self.forward { (1.0, 0.5) } else { (-1.0, self.length(context) - 0.5) };
        let slope = (-factor / soft) as f32;
        EdgeUniforms {
            x: if self.horizontal { slope } else { 0.0 },
            y: if self.horizontal { 0.0 } else { slope },
            offset: ((reach + soft - start) / soft) as f32,
        }
    }
}

uniforms! {
    pub(super) struct EdgeUniforms {
        /// The incoming picture's share is `x × column + y × row + offset`, clamped.
        x: number,
        y: number,
        offset: number,
    }
}

/// The outgoing picture before a straight edge, the incoming one behind it.
pub(super) struct Edge;

impl PixelCombine for Edge {
    type Uniforms<L: Lane> = EdgeUniforms<L>;
    const ALPHA: Alpha = Alpha::Premultiplied;
    const KEEPS_BELOW: bool = false;

    fn key() -> String {
        "edge".into()
    }

    #[inline(always)]
    fn pixel<L: Lane>(u: &EdgeUniforms<L>, at: Position<L>, below: Rgba<L>, above: Rgba<L>) -> Rgba<L> {
        let share = (at.x * u.x + at.y * u.y + u.offset).clamp(0.0, 1.0);
        weighted(below, above, share)
    }
}
