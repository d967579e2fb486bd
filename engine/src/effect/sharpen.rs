//! `sharpen`.

use super::spec::effect;
use super::{FrameContext, Kernel};

effect! {
    /// Makes edges crisper.
    ///
    /// An unsharp mask: the picture's difference from its own blur is added to it.
    sharpen: Kernel(kernel), positional 1 {
        /// Half the share of the difference that is added; 0 leaves the picture.
        intensity: share = "0.5", neutral "0";
        /// Standard deviation of the blur; left out, a thousandth of the picture's smaller side, 0.7 px at least.
        radius: length;
    }
}

fn kernel(p: &Params, context: &FrameContext) -> Option<Kernel> {
    let smaller = f64::from(context.width.min(context.height));
    let sigma = p.radius.unwrap_or((smaller / 1000.0).max(0.7));
    let amount = 2.0 * p.intensity;
    (amount > 0.0 && sigma > 0.1).then_some(Kernel::Sharpen { sigma, amount })
}

#[cfg(test)]
mod tests {
    use crate::effect::{Argument, FrameContext, Kernel, Machine};

    #[test]
    fn the_amount_is_twice_the_intensity() {
        let Machine::Kernel(kernel) = super::EFFECT.machine else { panic!("a kernel") };
        let context = FrameContext { frame: 0, time: 0.0, width: 4000, height: 2000 };
        let full = [Argument::Number(1.0), Argument::Absent];
        assert_eq!(kernel(&full, &context), Some(Kernel::Sharpen { sigma: 2.0, amount: 2.0 }));
        assert_eq!(kernel(&[Argument::Number(0.0), Argument::Absent], &context), None);
    }
}
