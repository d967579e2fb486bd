//! `blur`.

use super::spec::effect;
use super::{FrameContext, Kernel};

effect! {
    /// Softens the picture.
    ///
    /// A Gaussian. Its width is given as an intensity, or exactly by `radius`, which then counts alone. A length in the
    /// first place is the radius: `blur 5px`.
    blur: Kernel(kernel), positional 1 {
        /// Standard deviation as a share of a twentieth of the picture's smaller side; 0 leaves the picture.
        intensity: share = "0.2", neutral "0";
        /// Standard deviation as a length, as CSS `blur()` has it; left out, `intensity` counts.
        radius: length;
    }
}

fn kernel(p: &Params, context: &FrameContext) -> Option<Kernel> {
    let smaller = f64::from(context.width.min(context.height));
    let sigma = p.radius.unwrap_or(p.intensity * smaller / 20.0);
    // Below a tenth of a pixel the neighbours' weight is under 10⁻²¹.
    (sigma > 0.1).then_some(Kernel::Blur { sigma })
}

#[cfg(test)]
mod tests {
    use crate::effect::{Argument, FrameContext, Kernel, Machine};

    #[test]
    fn the_width_is_a_share_of_the_picture_or_a_length() {
        let Machine::Kernel(kernel) = super::EFFECT.machine else { panic!("a kernel") };
        let context = FrameContext { frame: 0, time: 0.0, width: 1920, height: 1080 };
        let half = [Argument::Number(0.5), Argument::Absent];
        assert_eq!(kernel(&half, &context), Some(Kernel::Blur { sigma: 27.0 }));
        let length = [Argument::Number(0.5), Argument::Length(8.0)];
        assert_eq!(kernel(&length, &context), Some(Kernel::Blur { sigma: 8.0 }));
        assert_eq!(kernel(&[Argument::Number(0.0), Argument::Absent], &context), None);
    }
}
